//! Anthropic Messages, version 2023-06-01: `POST /v1/messages`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Dialect, Out, Reply, Wording, event, paced, pieces, walk};
use crate::MODEL;
use crate::ask::{Ask, Entry, Form, Offered, items, string, text_of};
use crate::play::Play;
use crate::tools::Call;

pub(crate) struct Anthropic;

impl Dialect for Anthropic {
    fn read(&self, body: &Value) -> Ask {
        let tools = items(body, "tools").filter_map(|tool| {
            let schema = tool.get("input_schema").cloned().unwrap_or_default();
            Some(Offered {
                name: string(tool, "name")?,
                form: Form::Function,
                schema,
            })
        });
        let mut entries = vec![Entry::Input(
            body.get("system").map(text_of).unwrap_or_default(),
        )];
        for message in items(body, "messages") {
            read_message(message, &mut entries);
        }
        let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        Ask {
            stream,
            stream_usage: true,
            tools: tools.collect(),
            entries,
        }
    }

    fn whole(&self, reply: &Reply<'_>) -> Value {
        let content = reply.answer.plays.iter().filter_map(|play| match play {
            Play::Text(text) => Some(json!({ "type": "text", "text": text })),
            Play::Call { id, call } => {
                Some(json!({ "type": "tool_use", "id": id, "name": call.name, "input": call.arguments_object() }))
            }
            _ => None,
        });
        let mut message = message(reply);
        message["content"] = content.collect();
        message["stop_reason"] = stop_reason(reply).into();
        message["usage"] =
            json!({ "input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens() });
        message
    }

    fn stream(&self, reply: &Reply<'_>) -> Vec<Out> {
        let mut out = vec![
            event("message_start", json!({ "message": message(reply) })),
            event("ping", json!({})),
        ];
        let mut words = Words {
            index: 0,
            pace: reply.pace,
        };
        if walk(reply.answer, &mut words, &mut out) {
            let delta = json!({ "stop_reason": stop_reason(reply), "stop_sequence": null });
            let usage = json!({ "output_tokens": reply.output_tokens() });
            out.push(event(
                "message_delta",
                json!({ "delta": delta, "usage": usage }),
            ));
            out.push(event("message_stop", json!({})));
        }
        out
    }

    fn error(&self, status: u16, message: &str) -> Value {
        json!({ "type": "error", "error": { "type": error_type(status), "message": message } })
    }
}

fn read_message(message: &Value, entries: &mut Vec<Entry>) {
    let content = message.get("content").unwrap_or(&Value::Null);
    let ours = string(message, "role").is_some_and(|role| role == "assistant");
    let Some(blocks) = content.as_array() else {
        entries.push(if ours {
            Entry::Said { id: None }
        } else {
            Entry::Input(text_of(content))
        });
        return;
    };
    for block in blocks {
        entries.push(match block.get("type").and_then(Value::as_str) {
            Some("tool_use") => Entry::Called {
                id: string(block, "id"),
                name: string(block, "name").unwrap_or_default(),
            },
            Some("tool_result") => Entry::Result {
                id: string(block, "tool_use_id"),
                name: None,
                text: text_of(block),
            },
            _ if ours => Entry::Said { id: None },
            _ => Entry::Input(text_of(block)),
        });
    }
}

/// The message as it stands before anything is said.
fn message(reply: &Reply<'_>) -> Value {
    json!({
        "id": reply.id("msg"), "type": "message", "role": "assistant", "model": MODEL, "content": [],
        "stop_reason": null, "stop_sequence": null,
        "usage": { "input_tokens": reply.input_tokens, "output_tokens": 1 },
    })
}

fn stop_reason(reply: &Reply<'_>) -> &'static str {
    if reply.answer.calls().next().is_some() {
        "tool_use"
    } else {
        "end_turn"
    }
}

fn error_type(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

struct Words {
    index: usize,
    pace: Duration,
}

impl Words {
    fn block(&mut self, start: &Value, deltas: Vec<Out>) -> Vec<Out> {
        let index = self.index;
        self.index += 1;
        let mut out = vec![event(
            "content_block_start",
            json!({ "index": index, "content_block": start }),
        )];
        out.extend(deltas);
        out.push(event("content_block_stop", json!({ "index": index })));
        out
    }
}

impl Wording for Words {
    fn text(&mut self, _at: usize, text: &str) -> Vec<Out> {
        let index = self.index;
        let delta = |piece| {
            event(
                "content_block_delta",
                json!({ "index": index, "delta": { "type": "text_delta", "text": piece } }),
            )
        };
        let deltas = paced(self.pace, pieces(text), delta);
        self.block(&json!({ "type": "text", "text": "" }), deltas)
    }

    fn call(&mut self, _at: usize, id: &str, call: &Call) -> Vec<Out> {
        let json = call.arguments_object().to_string();
        let delta = json!({ "index": self.index, "delta": { "type": "input_json_delta", "partial_json": json } });
        let start = json!({ "type": "tool_use", "id": id, "name": call.name, "input": {} });
        self.block(&start, vec![event("content_block_delta", delta)])
    }

    fn error(&mut self, status: u16, message: &str, body: Option<&Value>) -> Vec<Out> {
        vec![event(
            "error",
            body.cloned()
                .unwrap_or_else(|| Anthropic.error(status, message)),
        )]
    }
}
