//! OpenAI Chat Completions: `POST /v1/chat/completions`. Ollama, vLLM and most gateways speak it too.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Dialect, Out, Reply, Wording, data, paced, pieces, walk};
use crate::MODEL;
use crate::ask::{Ask, Entry, Form, Offered, items, string, text_of};
use crate::tools::Call;

pub(crate) struct Chat;

impl Dialect for Chat {
    fn read(&self, body: &Value) -> Ask {
        let tools = items(body, "tools").filter_map(|tool| {
            let function = tool.get("function")?;
            let schema = function.get("parameters").cloned().unwrap_or_default();
            Some(Offered {
                name: string(function, "name")?,
                form: Form::Function,
                schema,
            })
        });
        let stream_usage = body
            .pointer("/stream_options/include_usage")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        Ask {
            stream,
            stream_usage,
            tools: tools.collect(),
            entries: read_messages(body),
        }
    }

    fn whole(&self, reply: &Reply<'_>) -> Value {
        let calls: Vec<_> = reply
            .answer
            .calls()
            .map(|(id, call)| function(id, call))
            .collect();
        let text = reply.answer.text();
        let content = if text.is_empty() {
            Value::Null
        } else {
            text.into()
        };
        let mut message = json!({ "role": "assistant", "content": content });
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        let choice = json!({ "index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(reply) });
        json!({
            "id": reply.id("chatcmpl"), "object": "chat.completion", "created": 0, "model": MODEL,
            "choices": [choice], "usage": usage(reply),
        })
    }

    fn stream(&self, reply: &Reply<'_>) -> Vec<Out> {
        let mut words = Words {
            id: reply.id("chatcmpl"),
            calls: 0,
            pace: reply.pace,
        };
        let mut out = vec![words.delta(&json!({ "role": "assistant", "content": "" }))];
        if walk(reply.answer, &mut words, &mut out) {
            out.push(words.chunk(
                &json!([{ "index": 0, "delta": {}, "finish_reason": finish_reason(reply) }]),
                None,
            ));
            if reply.stream_usage {
                out.push(words.chunk(&json!([]), Some(usage(reply))));
            }
            out.push(Out::Bytes("data: [DONE]\n\n".into()));
        }
        out
    }

    fn error(&self, status: u16, message: &str) -> Value {
        openai_error(status, message)
    }
}

/// The messages of a chat, OpenAI's and Ollama's alike.
pub(super) fn read_messages(body: &Value) -> Vec<Entry> {
    let mut entries = Vec::new();
    for message in items(body, "messages") {
        let text = message.get("content").map(text_of).unwrap_or_default();
        match message.get("role").and_then(Value::as_str) {
            Some("assistant") => {
                let calls = items(message, "tool_calls").map(|call| {
                    let name = call
                        .pointer("/function/name")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned();
                    Entry::Called {
                        id: string(call, "id"),
                        name,
                    }
                });
                entries.push(Entry::Said { id: None });
                entries.extend(calls);
            }
            Some("tool") => {
                let name = string(message, "tool_name");
                entries.push(Entry::Result {
                    id: string(message, "tool_call_id"),
                    name,
                    text,
                });
            }
            _ => entries.push(Entry::Input(text)),
        }
    }
    entries
}

/// OpenAI's error object.
pub(super) fn openai_error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        400..500 => "invalid_request_error",
        _ => "server_error",
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": null } })
}

fn function(id: &str, call: &Call) -> Value {
    let arguments = call.arguments_object().to_string();
    json!({ "id": id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
}

fn finish_reason(reply: &Reply<'_>) -> &'static str {
    if reply.answer.calls().next().is_some() {
        "tool_calls"
    } else {
        "stop"
    }
}

fn usage(reply: &Reply<'_>) -> Value {
    let (input, output) = (reply.input_tokens, reply.output_tokens());
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

struct Words {
    id: String,
    calls: usize,
    pace: Duration,
}

impl Words {
    fn chunk(&self, choices: &Value, usage: Option<Value>) -> Out {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        data(&chunk)
    }

    fn delta(&self, delta: &Value) -> Out {
        self.chunk(
            &json!([{ "index": 0, "delta": delta, "finish_reason": null }]),
            None,
        )
    }
}

impl Wording for Words {
    fn text(&mut self, at: usize, text: &str) -> Vec<Out> {
        // A whole answer joins its texts by a newline; a stream has no other place for it.
        let gap = if at > 0 { Some("\n") } else { None };
        paced(self.pace, gap.into_iter().chain(pieces(text)), |piece| {
            self.delta(&json!({ "content": piece }))
        })
    }

    fn call(&mut self, _at: usize, id: &str, call: &Call) -> Vec<Out> {
        let index = self.calls;
        self.calls += 1;
        let mut head = function(id, call);
        head["index"] = index.into();
        let arguments = head["function"]["arguments"].take();
        head["function"]["arguments"] = "".into();
        let body = json!({ "index": index, "function": { "arguments": arguments } });
        vec![
            self.delta(&json!({ "tool_calls": [head] })),
            self.delta(&json!({ "tool_calls": [body] })),
        ]
    }

    fn error(&mut self, status: u16, message: &str, body: Option<&Value>) -> Vec<Out> {
        vec![data(
            &body
                .cloned()
                .unwrap_or_else(|| openai_error(status, message)),
        )]
    }
}
