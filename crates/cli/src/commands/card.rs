//! `freehold card`

use std::fs::File;
use std::path::Path;

use freehold_model::{CardId, Lane};
use freehold_wire::api::{Card, CardEvent, EditCard, MoveCard, NewCard, Page};

use super::{once, text_of, text_or_stdin, undo};
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, card};
use crate::words::{CardAdd, CardEdit, CardWords};

pub(super) async fn run(
    words: CardWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        CardWords::Add(words) => add(words, client, printer).await,
        CardWords::List {
            project,
            archived,
            list,
        } => {
            let archived = archived.then(|| true.to_string());
            let route = Route::to("cards")
                .query("project", project)
                .filter("archived", archived.as_ref());
            let page = client.list(&route, list.after).await?;
            match archived {
                Some(_) => printer.show(&page, card::archived),
                None => printer.show(&page, card::cards),
            }
        }
        CardWords::Show { card } => {
            let card: Card = client.get(&Route::of("cards", &card)?).await?;
            printer.show(&card, card::card)
        }
        CardWords::Edit(words) => edit(words, client, printer).await,
        CardWords::Move { card, lane, before } => {
            move_to(&card, lane, before, client, printer).await
        }
        CardWords::Archive { card } => {
            let card = put_away(&card, "archive", client).await?;
            let undo = format!("freehold card restore {}", card.id);
            printer.show_undo(&card, card::put_away, Some(undo))
        }
        CardWords::Restore { card } => {
            let card = put_away(&card, "restore", client).await?;
            let undo = format!("freehold card archive {}", card.id);
            printer.show_undo(&card, card::card, Some(undo))
        }
        CardWords::History { card, list } => {
            let route = Route::of("cards", &card)?.then("history");
            let page: Page<CardEvent> = client.list(&route, list.after).await?;
            printer.show(&page, card::history)
        }
    }
}

async fn add(words: CardAdd, client: &Client, printer: Printer) -> Result<(), Failure> {
    let new = NewCard {
        project: words.project,
        title: words.title,
        body: text_or_stdin(words.body.unwrap_or_default())?,
        depends: words.depends,
    };
    let key = once(words.idempotency_key);
    let card: Card = client.post_once(&Route::to("cards"), &new, &key).await?;
    printer.show(&card, card::card)
}

async fn edit(words: CardEdit, client: &Client, printer: Printer) -> Result<(), Failure> {
    let route = Route::of("cards", &words.card)?;
    let depends = match (words.no_depends, words.depends) {
        (true, _) => Some(Vec::new()),
        (false, depends) => Some(depends).filter(|depends| !depends.is_empty()),
    };
    let body = match (words.body, words.body_file) {
        (Some(text), _) => Some(text_or_stdin(text)?),
        (None, Some(file)) => Some(text_in(&file)?),
        (None, None) => None,
    };
    let edit = EditCard {
        title: words.title,
        body,
        depends,
    };
    // What it says now, to say how that comes back.
    let before: Card = client.get(&route).await?;
    let after: Card = client.patch(&route, &edit, words.if_version).await?;
    let undo = undo::card_edit(&before, &after);
    let was = Some(before.body).filter(|body| *body != after.body && !undo::fits(body));
    printer.show_undo(
        &after,
        |after, printer| card::edited(after, was.as_deref(), printer),
        undo,
    )
}

async fn move_to(
    name: &str,
    lane: Lane,
    before: Option<CardId>,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let route = Route::of("cards", name)?;
    let from = client.get::<Card>(&route).await?.lane;
    let wish = MoveCard {
        lane: lane.name().to_owned(),
        // A person who names the lane means it, wherever the card stands.
        from: None,
        before,
    };
    let card: Card = client.post(&route.then("move"), &wish).await?;
    let undo = undo::card_move(&card, from);
    printer.show_undo(&card, card::card, undo)
}

async fn put_away(name: &str, word: &'static str, client: &Client) -> Result<Card, Failure> {
    let route = Route::of("cards", name)?.then(word);
    client.post(&route, &serde_json::json!({})).await
}

fn text_in(file: &Path) -> Result<String, Failure> {
    let name = file.display().to_string();
    let opened = File::open(file).map_err(|error| {
        Failure::usage(
            format!("{name} cannot be read: {error}"),
            "name a file that can",
        )
    })?;
    text_of(opened, &name)
}
