//! `freehold run`

use freehold_model::run::State;
use freehold_model::world::random;
use freehold_wire::api::{Event, PAGE_MAX, Page, Run, StartRun};
use freehold_wire::base64url;

use super::{raw, review, watch};
use crate::client::events::Follow;
use crate::client::{Client, PATIENCE, Route};
use crate::failure::Failure;
use crate::print::{self, Printer};
use crate::words::{EventsWords, RunWords, StartWords};
use crate::world::SystemEntropy;

pub(super) async fn run(words: RunWords, client: &Client, printer: Printer) -> Result<(), Failure> {
    match words {
        RunWords::Start(words) => start(words, client, printer).await,
        RunWords::List {
            project,
            card,
            list,
        } => {
            let route = Route::to("runs")
                .filter("project", project.as_ref())
                .filter("card", card.as_ref());
            let page = client.list(&route, list.after).await?;
            printer.show(&page, print::run::runs)
        }
        RunWords::Show { run } => {
            let run: Run = client.get(&Route::of("runs", &run)?).await?;
            printer.show(&run, print::run::run)
        }
        RunWords::Cancel { run } => {
            let route = Route::of("runs", &run)?.then("cancel");
            let run: Run = client.post(&route, &serde_json::json!({})).await?;
            printer.show(&run, print::run::run)
        }
        RunWords::Events(words) => events(words, client, printer).await,
        RunWords::Logs { run, follow } => raw::logs(&run, follow, client, printer).await,
        RunWords::Diff { run } => raw::diff(&run, client, printer).await,
        RunWords::Approve { run, commit } => review::approve(&run, commit, client, printer).await,
        RunWords::Reject { run, reason } => review::reject(&run, reason, client, printer).await,
        RunWords::Reply { run, text } => review::reply(&run, text, client, printer).await,
    }
}

async fn start(words: StartWords, client: &Client, printer: Printer) -> Result<(), Failure> {
    let key = words
        .idempotency_key
        .unwrap_or_else(|| base64url::encode(&random::<16>(&SystemEntropy)));
    let route = Route::of("cards", &words.card)?.then("runs");
    let wish = StartRun { agent: words.agent };
    let run: Run = client.post_once(&route, &wish, &key).await?;
    if !words.wait {
        return printer.show(&run, print::run::run);
    }
    let run = watch::ended(run, client, printer).await?;
    printer.show(&run, print::run::run)?;
    match run.state {
        State::Succeeded | State::Waiting => Ok(()),
        _ => Err(Failure::run(&run)),
    }
}

async fn events(words: EventsWords, client: &Client, printer: Printer) -> Result<(), Failure> {
    if words.follow {
        let mut follow = Follow::new(client.clone(), words.run, words.after, PATIENCE);
        while let Some(event) = follow.next().await? {
            if printer.stream(&line(&event, printer)?)?.is_break() {
                break;
            }
        }
        return Ok(());
    }
    let route = Route::of("runs", &words.run)?.then("events");
    let mut after = words.after.to_string();
    loop {
        let route = route
            .clone()
            .query("after", &after)
            .query("limit", PAGE_MAX);
        let page: Page<Event> = client.get(&route).await?;
        for event in &page.items {
            if printer.stream(&line(event, printer)?)?.is_break() {
                return Ok(());
            }
        }
        match page.next {
            Some(next) if !page.items.is_empty() && next != after => after = next,
            _ => return Ok(()),
        }
    }
}

/// An event as a line; nothing where it is no news to a person.
fn line(event: &Event, printer: Printer) -> Result<Vec<u8>, Failure> {
    let mut line = match printer.json {
        true => serde_json::to_vec(event).map_err(std::io::Error::other)?,
        false if print::event::is_protocol(event) => return Ok(Vec::new()),
        false => print::event::event(event, printer).into_bytes(),
    };
    line.push(b'\n');
    Ok(line)
}
