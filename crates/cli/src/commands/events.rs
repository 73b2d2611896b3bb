//! `freehold run events`

use std::collections::VecDeque;
use std::ops::ControlFlow;

use freehold_wire::api::{Event, PAGE_MAX, Page, Run};

use crate::client::events::Follow;
use crate::client::{Client, PATIENCE, Route};
use crate::failure::Failure;
use crate::print::{self, Printer};
use crate::words::EventsWords;

pub(super) async fn run(
    words: EventsWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let route = Route::of("runs", &words.run)?;
    let mut after = words.after;
    if let Some(count) = words.tail {
        let seen: Run = client.get(&route).await?;
        for event in last(&route, &words, seen.last_seq, count, client).await? {
            if print(&event, printer)?.is_break() {
                return Ok(());
            }
        }
        after = seen.last_seq;
    }
    match (words.follow, words.tail) {
        (true, _) => follow(&words, after, client, printer).await,
        (false, None) => all(&route, &words, client, printer).await,
        (false, Some(_)) => Ok(()),
    }
}

/// With what chooses among the events.
fn chosen(route: &Route, words: &EventsWords) -> Route {
    let kinds = (!words.kinds.is_empty()).then(|| words.kinds.join(","));
    route
        .clone()
        .then("events")
        .filter("kind", kinds.as_ref())
        .filter("step", words.step.as_ref())
}

/// The last `count` of them up to `last_seq`, oldest first.
async fn last(
    route: &Route,
    words: &EventsWords,
    last_seq: u64,
    count: u64,
    client: &Client,
) -> Result<VecDeque<Event>, Failure> {
    let mut events = VecDeque::new();
    let mut before = last_seq.saturating_add(1);
    while before > 1 {
        let missing = count.saturating_sub(events.len() as u64);
        let route = chosen(route, words)
            .query("before", before)
            .query("limit", missing.min(PAGE_MAX.into()));
        let page: Page<Event> = client.get(&route).await?;
        // A page ends early when it is large: only an empty one is the last.
        let first = page.items.first().map(|event| event.seq);
        let Some(first) = first.filter(|first| *first < before) else {
            break;
        };
        before = first;
        for event in page.items.into_iter().rev() {
            events.push_front(event);
        }
        if events.len() as u64 >= count {
            break;
        }
    }
    Ok(events)
}

/// Goes on until the run has ended. What is not wanted is left out here: the stream holds all.
async fn follow(
    words: &EventsWords,
    after: u64,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let mut follow = Follow::new(client.clone(), words.run.clone(), after, PATIENCE);
    while let Some(event) = follow.next().await? {
        if wanted(&event, words) && print(&event, printer)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn wanted(event: &Event, words: &EventsWords) -> bool {
    let step = event
        .payload
        .get("step")
        .and_then(serde_json::Value::as_str);
    let of_kind = words.kinds.is_empty() || words.kinds.contains(&event.kind);
    of_kind && (words.step.is_none() || words.step.as_deref() == step)
}

/// All there are now.
async fn all(
    route: &Route,
    words: &EventsWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let mut after = words.after.to_string();
    loop {
        let route = chosen(route, words)
            .query("after", &after)
            .query("limit", PAGE_MAX);
        let page: Page<Event> = client.get(&route).await?;
        for event in &page.items {
            if print(event, printer)?.is_break() {
                return Ok(());
            }
        }
        match page.next {
            Some(next) if next != after => after = next,
            _ => return Ok(()),
        }
    }
}

/// An event as a line; nothing where it is no news to a person.
fn print(event: &Event, printer: Printer) -> Result<ControlFlow<()>, Failure> {
    let mut line = match printer.json {
        true => serde_json::to_vec(event).map_err(std::io::Error::other)?,
        false if print::event::is_protocol(event) => return Ok(ControlFlow::Continue(())),
        false => print::event::event(event, printer).into_bytes(),
    };
    line.push(b'\n');
    printer.stream(&line)
}
