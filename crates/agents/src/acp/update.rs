//! From `session/update` to events.

use std::collections::HashMap;

use serde_json::Value;

use crate::event::{AgentEvent, PlanEntry, TEXT_BYTES_MAX, TITLE_BYTES_MAX, Usage, bounded};

/// Tool calls whose title and kind are remembered between updates. Older agents' longest turns
/// have a few hundred; beyond, an update shows its id for a title.
const CALLS_MAX: usize = 4096;
/// Paths of one tool call that are reported.
const PATHS_MAX: usize = 32;
/// Entries of a plan that are reported.
const PLAN_MAX: usize = 100;

/// Where `codex-acp` tells that its model could not be used: the turn's answer is `end_turn` all the same,
/// and what the endpoint said is the last message.
const CODEX_STATUS: &str = "/_meta/codex/threadStatus/type";

/// What has to be remembered between updates.
#[derive(Default)]
pub(crate) struct Updates {
    calls: HashMap<String, Call>,
    pub(crate) usage: Usage,
    last_message: String,
    broken: bool,
}

#[derive(Clone, PartialEq)]
struct Call {
    title: String,
    kind: String,
    status: String,
    paths: Vec<String>,
}

impl Updates {
    /// The event for one update; `None` for the many kinds that tell a person nothing.
    pub(crate) fn event(&mut self, update: &Value) -> Option<AgentEvent> {
        match text(update, "sessionUpdate")? {
            "agent_message_chunk" => {
                let text = chunk(update)?;
                bounded(&text, TITLE_BYTES_MAX)
                    .trim()
                    .clone_into(&mut self.last_message);
                Some(AgentEvent::Message { text })
            }
            "agent_thought_chunk" => Some(AgentEvent::Thought {
                text: chunk(update)?,
            }),
            "tool_call" | "tool_call_update" => self.call(update),
            "plan" => plan(update),
            "usage_update" => {
                self.usage.context_tokens = number(update, "used");
                self.usage.context_tokens_max = number(update, "size");
                Some(AgentEvent::Usage(self.usage))
            }
            "session_info_update" => {
                if let Some(status) = update.pointer(CODEX_STATUS).and_then(Value::as_str) {
                    self.broken = status == "systemError";
                }
                None
            }
            _ => None,
        }
    }

    /// What the agent said of it, if its turn broke off though its answer calls it ended.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.then_some(self.last_message.as_str())
    }

    /// Takes in the usage at the end of a turn, if there is one.
    pub(crate) fn total(&mut self, answer: &Value) -> Option<Usage> {
        if let Some(usage) = answer.get("usage").filter(|usage| usage.is_object()) {
            // An agent may say any numbers.
            self.usage.input_tokens = number(usage, "inputTokens")
                .saturating_add(number(usage, "cachedReadTokens"))
                .saturating_add(number(usage, "cachedWriteTokens"));
            self.usage.output_tokens = number(usage, "outputTokens");
        }
        (self.usage != Usage::default()).then_some(self.usage)
    }

    /// An update carries only what changed; the event carries all.
    fn call(&mut self, update: &Value) -> Option<AgentEvent> {
        let id = bounded(text(update, "toolCallId")?, TITLE_BYTES_MAX).to_owned();
        let known = self.calls.get(&id);
        let mut call = known.cloned().unwrap_or_else(|| Call {
            title: id.clone(),
            kind: "other".into(),
            status: "pending".into(),
            paths: Vec::new(),
        });
        for (field, kept) in [
            ("title", &mut call.title),
            ("kind", &mut call.kind),
            ("status", &mut call.status),
        ] {
            if let Some(new) = text(update, field) {
                *kept = bounded(new, TITLE_BYTES_MAX).to_owned();
            }
        }
        if let Some(locations) = update.get("locations").and_then(Value::as_array) {
            let paths = locations
                .iter()
                .filter_map(|location| text(location, "path"));
            call.paths = paths
                .take(PATHS_MAX)
                .map(|path| bounded(path, TITLE_BYTES_MAX).to_owned())
                .collect();
        }
        // Told twice, it is recorded once.
        if known == Some(&call) {
            return None;
        }
        if self.calls.len() < CALLS_MAX || self.calls.contains_key(&id) {
            self.calls.insert(id.clone(), call.clone());
        }
        let Call {
            title,
            kind,
            status,
            paths,
        } = call;
        Some(AgentEvent::ToolCall {
            id,
            title,
            kind,
            status,
            paths,
        })
    }
}

fn plan(update: &Value) -> Option<AgentEvent> {
    let entries = update.get("entries")?.as_array()?.iter().take(PLAN_MAX);
    let entries = entries.filter_map(|entry| {
        Some(PlanEntry {
            content: bounded(text(entry, "content")?, TITLE_BYTES_MAX).to_owned(),
            status: bounded(text(entry, "status").unwrap_or("pending"), 64).to_owned(),
        })
    });
    Some(AgentEvent::Plan {
        entries: entries.collect(),
    })
}

fn chunk(update: &Value) -> Option<String> {
    let content = update.get("content")?;
    text(content, "text").map(|text| bounded(text, TEXT_BYTES_MAX).to_owned())
}

fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str()
}

fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_that_is_told_twice_is_recorded_once() {
        let mut updates = Updates::default();
        let begun = json!({"sessionUpdate": "tool_call", "toolCallId": "c1", "title": "ls", "status": "in_progress"});
        let done =
            json!({"sessionUpdate": "tool_call_update", "toolCallId": "c1", "status": "completed"});
        for update in [begun, done] {
            assert!(updates.event(&update).is_some());
            assert!(updates.event(&update).is_none());
        }
    }

    #[test]
    fn a_usage_beyond_all_numbers_is_the_largest_one() {
        let mut updates = Updates::default();
        let usage = updates.total(&json!({"usage": {"inputTokens": u64::MAX, "cachedReadTokens": 1, "cachedWriteTokens": u64::MAX}}));
        assert_eq!(usage.map(|usage| usage.input_tokens), Some(u64::MAX));
    }

    #[test]
    fn an_update_of_a_call_keeps_what_it_does_not_say() {
        let mut updates = Updates::default();
        updates.event(&json!({
            "sessionUpdate": "tool_call", "toolCallId": "c1", "title": "Edit a.rs", "kind": "edit",
            "status": "pending", "locations": [{"path": "/workspace/a.rs"}],
        }));
        let event = updates.event(&json!({"sessionUpdate": "tool_call_update", "toolCallId": "c1", "status": "completed"}));
        let wanted = AgentEvent::ToolCall {
            id: "c1".into(),
            title: "Edit a.rs".into(),
            kind: "edit".into(),
            status: "completed".into(),
            paths: vec!["/workspace/a.rs".into()],
        };
        assert_eq!(event, Some(wanted));
    }

    #[test]
    fn a_turn_of_codex_that_broke_off_is_known_by_its_status() {
        let status = |status: &str| json!({"sessionUpdate": "session_info_update", "_meta": {"codex": {"threadStatus": {"type": status}}}});
        let mut updates = Updates::default();
        updates.event(&status("active"));
        updates.event(&json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "down\n"}}));
        assert_eq!(updates.broken(), None);
        updates.event(&status("systemError"));
        updates.event(&json!({"sessionUpdate": "session_info_update", "title": "x"}));
        assert_eq!(updates.broken(), Some("down"));
    }

    #[test]
    fn unknown_updates_and_wrong_shapes_are_passed_over() {
        let mut updates = Updates::default();
        for update in [
            json!({"sessionUpdate": "from_the_future", "content": {"text": "x"}}),
            json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "image", "data": ""}}),
            json!({"sessionUpdate": "agent_message_chunk"}),
            json!({"sessionUpdate": "tool_call", "title": 5}),
            json!({"sessionUpdate": 1}),
            json!("text"),
        ] {
            assert_eq!(updates.event(&update), None, "{update}");
        }
    }

    #[test]
    fn texts_are_bounded_at_a_character() {
        let long = "ü".repeat(TEXT_BYTES_MAX);
        let update = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": long}});
        let Some(AgentEvent::Message { text }) = Updates::default().event(&update) else {
            panic!("no message")
        };
        assert_eq!(text.len(), TEXT_BYTES_MAX);
    }
}
