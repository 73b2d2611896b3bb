//! The card as the agent is told it: a file, a prompt, a commit message.

use freehold_agents::Turn;
use freehold_wire::order::{Execute, Order, Prompt};
use serde_json::json;

use super::Desk;
use super::moved::Moved;

/// Longest first line of a commit message; the card's whole title follows below it when it is cut.
const SUBJECT: usize = 120;

/// The file behind `FREEHOLD_CARD`.
pub(super) fn file(desk: &Desk<'_>, moved: Option<&Moved>) -> Vec<u8> {
    let Desk {
        order, task, offer, ..
    } = desk;
    let card = json!({
        "run": order.run,
        "card": task.card.id,
        "project": order.project.name,
        "title": task.card.title,
        "body": task.card.body,
        "attempt": offer.attempt,
        "reply": task.reply,
        "target": moved,
    });
    card.to_string().into_bytes()
}

/// What the agent is told, and what it is told beside it where the conversation goes on. A reply
/// that started a run of its own is part of the task: that run's workspace holds nothing yet.
pub(super) fn turn(task: &Execute, moved: Option<&Moved>) -> Turn {
    let card = &task.card;
    let mut prompt = card.title.clone();
    if !card.body.trim().is_empty() {
        prompt.push_str("\n\n");
        prompt.push_str(&card.body);
    }
    let mut reply = task.reply.clone();
    if task.turn == 0
        && let Some(reply) = reply.take()
    {
        prompt.push_str("\n\nAn earlier run of this task has ended. A person now says:\n\n");
        prompt.push_str(&reply);
    }
    if let Some(moved) = moved {
        let said = reply.as_mut().unwrap_or(&mut prompt);
        said.push_str(&moved.words());
    }
    Turn {
        prompt,
        reply,
        history: None,
        instructions: None,
    }
}

/// A commit's message: the card's title, and which run and card it is of.
pub(crate) fn message(order: &Order, card: &Prompt, more: &[(&str, &str)]) -> String {
    let title: String = card.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut message = if title.chars().count() > SUBJECT {
        let subject: String = title.chars().take(SUBJECT - 1).collect();
        format!("{subject}…\n\n{title}\n")
    } else {
        format!("{title}\n")
    };
    message.push('\n');
    for (name, value) in more {
        let value: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
        message.push_str(&format!("{name}: {value}\n"));
    }
    message.push_str(&format!(
        "Freehold-Run: {}\nFreehold-Card: {}\n",
        order.run, card.id
    ));
    message
}
