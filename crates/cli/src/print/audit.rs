//! The audit log in words.

use freehold_wire::api::{AuditEntry, AuditHead, AuditKept, Page};

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
        (
            "begins",
            head.begins.as_ref().map(|b| format!("at entry {}", b.n)),
        ),
        ("kept", Some(kept(head.kept))),
    ])
}

fn kept(kept: AuditKept) -> String {
    let time = |days: Option<i64>| {
        days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"))
    };
    let (all, reading) = (time(kept.security), time(kept.reading));
    format!("{all}; who looked at what: {reading}")
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
    let without = match verified.gone {
        0 => String::new(),
        gone => format!(" ({gone} without their words, which were let go)"),
    };
    let begins = match &verified.cut {
        _ if verified.begins <= 1 => None,
        Some(cut) => Some(format!(
            "at entry {}; what was before was let go on {} under a signed cut, and was older than {}",
            verified.begins,
            cut.at.format("%Y-%m-%d"),
            cut.before.format("%Y-%m-%d")
        )),
        None => Some(format!(
            "at entry {}; what was before is not here, and nothing says that it was let go",
            verified.begins
        )),
    };
    let body = pairs(&[
        ("organization", Some(safe::line(&verified.tenant))),
        (
            "entries",
            Some(format!(
                "{}{without}, the last is number {}",
                verified.entries, verified.last
            )),
        ),
        ("begins", begins),
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
