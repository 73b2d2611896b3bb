//! Calls that were answered: one that is delivered twice is done once, and answered twice. Pure.
//!
//! The protocol forbids to use the id of a request again
//! ([2025-11-25, "Requests"](https://modelcontextprotocol.io/specification/2025-11-25/basic#requests)): the
//! same id with the same words is the same call. A client that uses ids again all the same asks something
//! else, and is served.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::protocol::Ask;

/// Answers that are kept: whoever repeats a call does so soon.
const KEPT_MAX: usize = 64;
/// And their length together, with what was asked. A longer one is not kept, and its call done again.
const KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is known of a call.
#[derive(Debug, PartialEq)]
pub(super) enum Known {
    /// Nothing: it is to be done.
    No,
    /// It is under way.
    Runs,
    /// It was done, and this is its answer.
    Answer(Value),
}

#[derive(Debug)]
struct Call {
    id: Value,
    params: Map<String, Value>,
    /// The answer, and its length with that of what was asked; `None` while it is under way.
    answer: Option<(Value, usize)>,
}

/// The last calls and their answers.
#[derive(Debug, Default)]
pub(super) struct Answered(VecDeque<Call>);

impl Answered {
    /// What is known of `ask`, which is under way from now on where it is not.
    pub(super) fn begin(&mut self, ask: &Ask) -> Known {
        let known = self.0.iter().find(|call| call.id == ask.id);
        match known {
            Some(call) if call.params == ask.params => {
                return match &call.answer {
                    Some((answer, _)) => Known::Answer(answer.clone()),
                    None => Known::Runs,
                };
            }
            _ => self.forget(&ask.id),
        }
        self.0.push_back(Call {
            id: ask.id.clone(),
            params: ask.params.clone(),
            answer: None,
        });
        Known::No
    }

    /// Keeps the answer of a call for as long as there is room.
    pub(super) fn done(&mut self, ask: &Ask, answer: &Value) {
        let call = self.0.iter_mut().find(|call| call.id == ask.id);
        if let Some(call) = call.filter(|call| call.params == ask.params) {
            let asked =
                serde_json::to_vec(&call.params).map_or(KEPT_BYTES_MAX, |bytes| bytes.len());
            call.answer = Some((answer.clone(), asked + answer.to_string().len()));
        }
        let bytes = |call: &Call| call.answer.as_ref().map_or(0, |(_, bytes)| *bytes);
        while self.0.len() > KEPT_MAX || self.0.iter().map(bytes).sum::<usize>() > KEPT_BYTES_MAX {
            // Those under way are few: the server bounds them.
            let Some(oldest) = self.0.iter().position(|call| call.answer.is_some()) else {
                return;
            };
            self.0.remove(oldest);
        }
    }

    /// Its call was given up.
    pub(super) fn forget(&mut self, id: &Value) {
        self.0.retain(|call| &call.id != id);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::protocol::{Asked, ask};
    use super::*;

    fn call(id: u64, command: &str) -> Ask {
        let line = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "shell", "arguments": {"command": command}}});
        match ask(line.to_string().as_bytes()) {
            Ok(Asked::Call(ask)) => ask,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_call_is_done_once_and_another_under_its_id_is_another() {
        let mut answered = Answered::default();
        assert_eq!(answered.begin(&call(1, "ls")), Known::No);
        assert_eq!(answered.begin(&call(1, "ls")), Known::Runs);
        answered.done(&call(1, "ls"), &json!("a"));
        assert_eq!(answered.begin(&call(1, "ls")), Known::Answer(json!("a")));
        assert_eq!(answered.begin(&call(2, "ls")), Known::No);
        assert_eq!(answered.begin(&call(1, "pwd")), Known::No);
        // What was asked before it under that id is not its answer.
        answered.done(&call(1, "ls"), &json!("late"));
        assert_eq!(answered.begin(&call(1, "pwd")), Known::Runs);
        answered.forget(&json!(1));
        assert_eq!(answered.begin(&call(1, "pwd")), Known::No);
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_length() {
        let mut answered = Answered::default();
        for n in 0..200 {
            answered.begin(&call(n, "ls"));
            answered.done(&call(n, "ls"), &json!(n));
        }
        assert_eq!(answered.0.len(), KEPT_MAX);
        assert_eq!(answered.begin(&call(199, "ls")), Known::Answer(json!(199)));
        let long = json!("x".repeat(KEPT_BYTES_MAX));
        answered.begin(&call(300, "cat"));
        answered.done(&call(300, "cat"), &long);
        assert_eq!(answered.begin(&call(300, "cat")), Known::No);
        // What was asked counts as well: files are written with answers of a word.
        let half = "x".repeat(KEPT_BYTES_MAX / 2);
        for n in 400..404 {
            answered.begin(&call(n, &half));
            answered.done(&call(n, &half), &json!("ok"));
        }
        assert!(answered.0.len() <= 2, "{}", answered.0.len());
        assert_eq!(answered.begin(&call(400, &half)), Known::No);
    }
}
