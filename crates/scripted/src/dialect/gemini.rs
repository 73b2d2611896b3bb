//! Gemini: `POST /v1beta/models/M:generateContent` and `:streamGenerateContent?alt=sse`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Dialect, Out, Reply, Wording, data, paced, pieces, walk};
use crate::MODEL;
use crate::ask::{Ask, Entry, Form, Offered, items, string, text_of};
use crate::play::Play;
use crate::tools::Call;

pub(crate) struct Gemini;

impl Dialect for Gemini {
    /// Whether it streams stands in the path, not in the body: the caller sets it.
    fn read(&self, body: &Value) -> Ask {
        let tools = items(body, "tools")
            .flat_map(|group| items(group, "functionDeclarations"))
            .filter_map(|tool| {
                let schema = tool
                    .get("parametersJsonSchema")
                    .or_else(|| tool.get("parameters"))
                    .cloned()
                    .unwrap_or_default();
                Some(Offered {
                    name: string(tool, "name")?,
                    form: Form::Function,
                    schema,
                })
            });
        let system: Vec<_> = body
            .get("systemInstruction")
            .into_iter()
            .flat_map(|it| items(it, "parts"))
            .map(text_of)
            .collect();
        let mut entries = vec![Entry::Input(system.join("\n"))];
        for content in items(body, "contents") {
            let ours = string(content, "role").is_some_and(|role| role == "model");
            entries.extend(items(content, "parts").map(|part| read_part(part, ours)));
        }
        Ask {
            stream: false,
            stream_usage: true,
            tools: tools.collect(),
            entries,
        }
    }

    fn whole(&self, reply: &Reply<'_>) -> Value {
        let parts = reply.answer.plays.iter().filter_map(|play| match play {
            Play::Text(text) => Some(json!({ "text": text })),
            Play::Call { id, call } => Some(function_call(id, call)),
            _ => None,
        });
        last(reply, parts.collect())
    }

    fn stream(&self, reply: &Reply<'_>) -> Vec<Out> {
        let mut out = Vec::new();
        if walk(reply.answer, &mut Words { pace: reply.pace }, &mut out) {
            out.push(data(&last(reply, json!([{ "text": "" }]))));
        }
        out
    }

    fn error(&self, status: u16, message: &str) -> Value {
        json!({ "error": { "code": status, "message": message, "status": if status == 429 { "RESOURCE_EXHAUSTED" } else { "INTERNAL" } } })
    }
}

fn read_part(part: &Value, ours: bool) -> Entry {
    if let Some(call) = part.get("functionCall") {
        return Entry::Called {
            id: string(call, "id"),
            name: string(call, "name").unwrap_or_default(),
        };
    }
    if let Some(result) = part.get("functionResponse") {
        return Entry::Result {
            id: string(result, "id"),
            name: string(result, "name"),
            text: text_of(result),
        };
    }
    if ours {
        Entry::Said { id: None }
    } else {
        Entry::Input(text_of(part))
    }
}

fn function_call(id: &str, call: &Call) -> Value {
    json!({ "functionCall": { "id": id, "name": call.name, "args": call.arguments_object() } })
}

fn chunk(parts: Value) -> Value {
    let content = json!({ "role": "model", "parts": parts });
    json!({ "candidates": [{ "index": 0, "content": content }], "modelVersion": MODEL })
}

fn last(reply: &Reply<'_>, parts: Value) -> Value {
    let (input, output) = (reply.input_tokens, reply.output_tokens());
    let mut last = chunk(parts);
    last["responseId"] = reply.id("resp").into();
    last["candidates"][0]["finishReason"] = "STOP".into();
    last["usageMetadata"] = json!({ "promptTokenCount": input, "candidatesTokenCount": output, "totalTokenCount": input + output });
    last
}

struct Words {
    pace: Duration,
}

impl Wording for Words {
    fn text(&mut self, _at: usize, text: &str) -> Vec<Out> {
        paced(self.pace, pieces(text), |piece| {
            data(&chunk(json!([{ "text": piece }])))
        })
    }

    fn call(&mut self, _at: usize, id: &str, call: &Call) -> Vec<Out> {
        vec![data(&chunk(json!([function_call(id, call)])))]
    }

    fn error(&mut self, status: u16, message: &str, body: Option<&Value>) -> Vec<Out> {
        vec![data(
            &body
                .cloned()
                .unwrap_or_else(|| Gemini.error(status, message)),
        )]
    }
}
