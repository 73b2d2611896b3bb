//! `freehold card`

use freehold_wire::api::{Card, MoveCard, NewCard};

use super::text_or_stdin;
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, things};
use crate::words::CardWords;

pub(super) async fn run(
    words: CardWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        CardWords::Add(words) => {
            let new = NewCard {
                project: words.project,
                title: words.title,
                body: text_or_stdin(words.body.unwrap_or_default())?,
                depends: words.depends,
            };
            let card: Card = client.post(&Route::to("cards"), &new).await?;
            printer.show(&card, things::card)
        }
        CardWords::List { project, list } => {
            let route = Route::to("cards").query("project", project);
            let page = client.list(&route, list.after).await?;
            printer.show(&page, things::cards)
        }
        CardWords::Show { card } => {
            let card: Card = client.get(&Route::of("cards", &card)?).await?;
            printer.show(&card, things::card)
        }
        CardWords::Move { card, lane } => {
            let lane = lane.name().to_owned();
            let route = Route::of("cards", &card)?.then("move");
            let card: Card = client.post(&route, &MoveCard { lane }).await?;
            printer.show(&card, things::card)
        }
    }
}
