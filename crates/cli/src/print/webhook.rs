//! Webhooks, in words.

use freehold_wire::api::{Page, Webhook, WebhookDelivery, WebhookDeliveryShown, WebhookMade};

use super::table::{pairs, table};
use super::things::{more, time};
use super::{Paint, Printer, safe};

/// The secret alone on its line, so that it can be put into a file.
pub(crate) fn made(made: &WebhookMade, _: Printer) -> String {
    safe::line(&made.secret)
}

fn state(webhook: &Webhook) -> String {
    match (&webhook.paused, webhook.failing_since) {
        (Some(why), _) => format!("paused ({})", safe::line(why)),
        (None, Some(since)) => format!("failing since {}", time(since)),
        (None, None) => "well".to_owned(),
    }
}

/// A webhook.
pub(crate) fn webhook(webhook: &Webhook, printer: Printer) -> String {
    let events: Vec<&str> = webhook.events.iter().map(|event| event.word()).collect();
    let id = printer.paint(Paint::Bold, &webhook.id.to_string());
    let body = pairs(&[
        ("address", Some(safe::line(&webhook.address))),
        ("events", Some(events.join(" "))),
        ("state", Some(state(webhook))),
        ("waiting", Some(webhook.waiting.to_string())),
        ("last sequence", Some(webhook.last_sequence.to_string())),
        ("old secret until", webhook.old_secret_until.map(time)),
        ("added", Some(time(webhook.created_at))),
    ]);
    format!("{id}\n{}", body.trim_end())
}

/// Webhooks.
pub(crate) fn webhooks(page: &Page<Webhook>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|webhook| {
            vec![
                webhook.id.to_string(),
                state(webhook),
                webhook.waiting.to_string(),
                webhook.events.len().to_string(),
                safe::line(&webhook.address),
            ]
        })
        .collect();
    let empty = "No webhooks. Add one: freehold webhook add https://example.org/hook";
    let head = ["WEBHOOK", "STATE", "WAITING", "EVENTS", "ADDRESS"];
    more(page, table(printer, &head, &rows, empty))
}

const DELIVERY: [&str; 6] = ["DELIVERY", "EVENT", "SEQUENCE", "STATE", "TRIES", "AT"];

fn delivery_row(delivery: &WebhookDelivery) -> Vec<String> {
    let state = match delivery.next_try_at {
        Some(next) => format!("{}, next {}", safe::line(&delivery.state), time(next)),
        None => safe::line(&delivery.state),
    };
    vec![
        delivery.id.to_string(),
        delivery.event.word().to_owned(),
        delivery.sequence.to_string(),
        state,
        delivery.tries.to_string(),
        time(delivery.at),
    ]
}

/// A delivery.
pub(crate) fn delivery(delivery: &WebhookDelivery, printer: Printer) -> String {
    table(printer, &DELIVERY, &[delivery_row(delivery)], "")
}

/// Deliveries.
pub(crate) fn deliveries(page: &Page<WebhookDelivery>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page.items.iter().map(delivery_row).collect();
    let empty = "It was told nothing yet. Try it: freehold webhook test WEBHOOK";
    more(page, table(printer, &DELIVERY, &rows, empty))
}

/// A delivery with what is sent and what came of each try.
pub(crate) fn shown(shown: &WebhookDeliveryShown, printer: Printer) -> String {
    let mut text = delivery(&shown.about, printer);
    text.push_str("\n\n");
    text.push_str(&safe::line(&shown.body.to_string()));
    text.push_str("\n\n");
    let rows: Vec<Vec<String>> = shown
        .attempts
        .iter()
        .map(|attempt| {
            let status = attempt.status.map(|status| status.to_string());
            vec![
                attempt.n.to_string(),
                time(attempt.at),
                safe::line(&attempt.outcome),
                status.unwrap_or_else(|| "-".to_owned()),
                format!("{} ms", attempt.took_ms),
                safe::line(attempt.answer.as_deref().unwrap_or("-")),
            ]
        })
        .collect();
    let head = ["TRY", "AT", "OUTCOME", "STATUS", "TOOK", "ANSWER"];
    text.push_str(&table(printer, &head, &rows, "Not tried yet."));
    text
}
