//! Cards in words.

use freehold_wire::api::{Card, CardEvent, Page};

use super::table::{pairs, table};
use super::things::{more, time};
use super::{Paint, Printer, safe};

/// A card.
pub(crate) fn card(card: &Card, printer: Printer) -> String {
    let ids = |ids: &[freehold_model::CardId]| {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    };
    let head = printer.paint(Paint::Bold, &safe::line(&card.title));
    let run = card.run.map(|run| match (card.run_state, card.run_reason) {
        (Some(state), Some(reason)) => format!("{run} ({state}: {})", reason.meaning()),
        (Some(state), None) => format!("{run} ({state})"),
        (None, _) => run.to_string(),
    });
    let landed = if card.landed { "yes" } else { "no" };
    let body = pairs(&[
        ("id", Some(card.id.to_string())),
        ("project", Some(card.project.to_string())),
        ("lane", Some(card.lane.to_string())),
        ("depends", ids(&card.depends)),
        ("waits for", ids(&card.unmet)),
        ("run", run),
        ("landed", Some(landed.to_owned())),
        ("version", Some(card.version.to_string())),
        ("created", Some(time(card.created_at))),
        ("updated", Some(time(card.updated_at))),
        ("archived", card.archived_at.map(time)),
    ]);
    let details = match card.body.is_empty() {
        true => String::new(),
        false => format!("\n{}\n\n", safe::text(&card.body).trim_end()),
    };
    let next = match (card.archived_at, card.run) {
        (Some(_), _) => format!("`freehold card restore {}`", card.id),
        (None, Some(run)) => format!("`freehold run show {run}`"),
        (None, None) => format!("`freehold run start {}`", card.id),
    };
    format!("{head}\n{body}{details}next: {next}")
}

/// A card that was edited, with what its body said before.
pub(crate) fn edited(after: &Card, was: Option<&str>, printer: Printer) -> String {
    let text = card(after, printer);
    let Some(was) = was else { return text };
    let was = safe::text(was);
    let lines = was.lines().map(|line| format!("\n  | {line}"));
    format!("{text}\nThe body was:{}", lines.collect::<String>())
}

/// A card that left the board.
pub(crate) fn put_away(card: &Card, _: Printer) -> String {
    format!("`{}` is archived.", safe::line(&card.title))
}

/// Cards of a board.
pub(crate) fn cards(page: &Page<Card>, printer: Printer) -> String {
    let empty = "No cards yet. Add one: freehold card add --project P --title TEXT";
    list(page, empty, printer)
}

/// Cards that were put away.
pub(crate) fn archived(page: &Page<Card>, printer: Printer) -> String {
    list(page, "No card is archived.", printer)
}

fn list(page: &Page<Card>, empty: &str, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|c| {
            let run = match (c.landed, c.run_state) {
                (true, _) => "landed".to_owned(),
                (false, Some(state)) => state.to_string(),
                (false, None) => "-".to_owned(),
            };
            vec![c.id.to_string(), c.lane.to_string(), run, c.title.clone()]
        })
        .collect();
    let head = ["CARD", "LANE", "RUN", "TITLE"];
    more(page, table(printer, &head, &rows, empty))
}

/// What happened to a card.
pub(crate) fn history(page: &Page<CardEvent>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|event| {
            let by = event.by.clone().unwrap_or_else(|| "-".to_owned());
            vec![time(event.at), by, event.kind.clone(), what(event)]
        })
        .collect();
    let head = ["WHEN", "WHO", "WHAT", "DETAILS"];
    more(page, table(printer, &head, &rows, "Nothing is recorded."))
}

fn what(event: &CardEvent) -> String {
    let lanes = match (event.from, event.to) {
        (Some(from), Some(to)) => Some(format!("{from} to {to}")),
        (None, Some(to)) => Some(to.to_string()),
        (_, None) => None,
    };
    let parts = [
        lanes,
        event.run.map(|run| run.to_string()),
        event.state.map(|state| state.to_string()),
        event.reason.map(|reason| format!("({})", reason.meaning())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" ")
}
