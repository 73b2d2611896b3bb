//! What needs a person, in words.

use freehold_wire::api::{InboxItem, Page, Waits};

use super::table::table;
use super::things::{more, time};
use super::{Printer, safe};

/// What needs a person; what to do about the first of it.
pub(crate) fn inbox(page: &Page<InboxItem>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|item| {
            let why = item.run.reason.map_or("-", |reason| reason.code());
            vec![
                word(item.kind).to_owned(),
                time(item.since),
                item.run.id.to_string(),
                why.to_owned(),
                item.project_name.clone(),
                item.run.card_title.clone(),
            ]
        })
        .collect();
    let head = ["NEEDS", "SINCE", "RUN", "REASON", "PROJECT", "CARD"];
    let text = more(page, table(printer, &head, &rows, "Nothing needs you."));
    match page.items.first() {
        Some(first) => format!("{text}\nnext: {}", safe::line(&next(first))),
        None => text,
    }
}

const fn word(kind: Waits) -> &'static str {
    match kind {
        Waits::Review => "review",
        Waits::Failed => "failed",
        Waits::Stuck => "stuck",
    }
}

fn next(item: &InboxItem) -> String {
    let run = item.run.id;
    match (item.kind, item.run.reason) {
        (Waits::Review, _) => format!("`freehold run review {run}`"),
        (Waits::Stuck, Some(reason)) => reason.next().to_owned(),
        (Waits::Failed | Waits::Stuck, _) => format!("`freehold run show {run}`"),
    }
}
