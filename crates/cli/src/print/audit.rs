//! The audit log in words.

use freehold_wire::api::{AuditEntry, AuditHead, Page};

use super::table::{pairs, table};
use super::things::{more, time};
use super::{Paint, Printer, safe};
use crate::commands::Verified;

/// Entries.
pub(crate) fn entries(page: &Page<AuditEntry>, printer: Printer) -> String {
    let rows: Vec<_> = page
        .items
        .iter()
        .map(|entry| {
            let who = entry.actor_name.as_deref().unwrap_or(&entry.actor);
            vec![
                entry.n.map_or_else(|| "-".to_owned(), |n| n.to_string()),
                time(entry.at),
                safe::line(who),
                safe::line(&entry.action),
                safe::line(&entry.resource),
                safe::line(&entry.outcome),
            ]
        })
        .collect();
    let head = ["N", "AT", "WHO", "ACTION", "WHAT", "OUTCOME"];
    more(
        page,
        table(printer, &head, &rows, "Nothing is recorded that fits."),
    )
}

/// How far the log has come.
pub(crate) fn head(head: &AuditHead, _: Printer) -> String {
    pairs(&[
        ("organization", Some(head.tenant.to_string())),
        ("entries", Some(head.n.to_string())),
        ("hash", Some(safe::line(&head.hash))),
        ("key", Some(safe::line(&head.key))),
    ])
}

/// What holds.
pub(crate) fn verified(verified: &Verified, printer: Printer) -> String {
    let head = printer.paint(Paint::Green, "It holds.");
    let signed = match verified.last - verified.signed_to.min(verified.last) {
        0 => "all of them".to_owned(),
        rest => format!(
            "up to entry {}, and not the {rest} behind it",
            verified.signed_to
        ),
    };
    let body = pairs(&[
        ("organization", Some(safe::line(&verified.tenant))),
        (
            "entries",
            Some(format!(
                "{}, the last is number {}",
                verified.entries, verified.last
            )),
        ),
        ("signed", Some(signed)),
        ("hash", Some(verified.hash.clone())),
        ("key", Some(safe::line(&verified.key))),
    ]);
    let next = match verified.pinned {
        true => String::new(),
        false => "next: the file named the key itself. Compare it with `freehold audit head`, or give it: `--key`\n".to_owned(),
    };
    format!("{head}\n{body}{next}")
}
