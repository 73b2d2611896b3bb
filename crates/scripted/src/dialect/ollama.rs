//! Ollama: `POST /api/chat`, newline-delimited JSON, streaming unless told otherwise.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Chat, Dialect, Out, Reply, Wording, paced, pieces, walk};
use crate::MODEL;
use crate::ask::Ask;
use crate::tools::Call;

pub(crate) struct Ollama;

impl Dialect for Ollama {
    fn stream_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn read(&self, body: &Value) -> Ask {
        let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(true);
        Ask {
            stream,
            ..Chat.read(body)
        }
    }

    fn whole(&self, reply: &Reply<'_>) -> Value {
        let calls: Vec<_> = reply
            .answer
            .calls()
            .map(|(_, call)| function(call))
            .collect();
        let mut message = json!({ "role": "assistant", "content": reply.answer.text() });
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        last(reply, &message)
    }

    fn stream(&self, reply: &Reply<'_>) -> Vec<Out> {
        let mut out = Vec::new();
        if walk(reply.answer, &mut Words { pace: reply.pace }, &mut out) {
            out.push(line(&last(
                reply,
                &json!({ "role": "assistant", "content": "" }),
            )));
        }
        out
    }

    fn error(&self, _status: u16, message: &str) -> Value {
        json!({ "error": message })
    }
}

/// The object that ends an answer and counts it.
fn last(reply: &Reply<'_>, message: &Value) -> Value {
    let mut last = object(message);
    let ending = json!({
        "done": true, "done_reason": "stop", "total_duration": 1, "load_duration": 1,
        "prompt_eval_count": reply.input_tokens, "prompt_eval_duration": 1,
        "eval_count": reply.output_tokens(), "eval_duration": 1,
    });
    if let (Some(last), Value::Object(ending)) = (last.as_object_mut(), ending) {
        last.extend(ending);
    }
    last
}

fn object(message: &Value) -> Value {
    json!({ "model": MODEL, "created_at": "1970-01-01T00:00:00Z", "message": message, "done": false })
}

fn line(value: &Value) -> Out {
    Out::Bytes(format!("{value}\n"))
}

fn function(call: &Call) -> Value {
    json!({ "function": { "name": call.name, "arguments": call.arguments_object() } })
}

struct Words {
    pace: Duration,
}

impl Wording for Words {
    fn text(&mut self, at: usize, text: &str) -> Vec<Out> {
        let gap = if at > 0 { Some("\n") } else { None };
        let word = |piece: &str| line(&object(&json!({ "role": "assistant", "content": piece })));
        paced(self.pace, gap.into_iter().chain(pieces(text)), word)
    }

    fn call(&mut self, _at: usize, _id: &str, call: &Call) -> Vec<Out> {
        vec![line(&object(
            &json!({ "role": "assistant", "content": "", "tool_calls": [function(call)] }),
        ))]
    }

    fn error(&mut self, status: u16, message: &str, body: Option<&Value>) -> Vec<Out> {
        vec![line(
            &body
                .cloned()
                .unwrap_or_else(|| Ollama.error(status, message)),
        )]
    }
}
