//! OpenAI Responses: `POST /v1/responses`, as Codex speaks it (conversation in `input`, nothing stored).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Dialect, Out, Reply, Wording, event, paced, pieces, walk};
use crate::MODEL;
use crate::ask::{Ask, Entry, Form, Offered, id_at, items, string, text_of};
use crate::play::Play;
use crate::tools::Call;

pub(crate) struct Responses;

impl Dialect for Responses {
    fn read(&self, body: &Value) -> Ask {
        let mut entries = vec![Entry::Input(
            body.get("instructions").map(text_of).unwrap_or_default(),
        )];
        match body.get("input") {
            Some(Value::Array(input)) => entries.extend(input.iter().filter_map(read_item)),
            Some(input) => entries.push(Entry::Input(text_of(input))),
            None => {}
        }
        let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        Ask {
            stream,
            stream_usage: true,
            tools: items(body, "tools").filter_map(read_tool).collect(),
            entries,
        }
    }

    fn whole(&self, reply: &Reply<'_>) -> Value {
        response(reply, "completed", output(reply))
    }

    fn stream(&self, reply: &Reply<'_>) -> Vec<Out> {
        let mut words = Words {
            place: reply.answer.place,
            index: 0,
            sequence: 0,
            pace: reply.pace,
        };
        let begun = json!({ "response": response(reply, "in_progress", json!([])) });
        let mut out = vec![
            words.event("response.created", begun.clone()),
            words.event("response.in_progress", begun),
        ];
        if walk(reply.answer, &mut words, &mut out) {
            out.push(words.event(
                "response.completed",
                json!({ "response": self.whole(reply) }),
            ));
        }
        out
    }

    fn error(&self, status: u16, message: &str) -> Value {
        super::chat::openai_error(status, message)
    }
}

fn read_tool(tool: &Value) -> Option<Offered> {
    let form = match tool.get("type").and_then(Value::as_str)? {
        "function" => Form::Function,
        "custom" => Form::Custom,
        "local_shell" => {
            return Some(Offered {
                name: "local_shell".into(),
                form: Form::LocalShell,
                schema: Value::Null,
            });
        }
        // Tools that the provider runs itself (`web_search`), and groups of tools for sub-agents (`namespace`).
        _ => return None,
    };
    Some(Offered {
        name: string(tool, "name")?,
        form,
        schema: tool.get("parameters").cloned().unwrap_or_default(),
    })
}

fn read_item(item: &Value) -> Option<Entry> {
    let kind = item
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or("message");
    Some(match kind {
        "message" if string(item, "role").is_some_and(|role| role == "assistant") => Entry::Said {
            id: string(item, "id"),
        },
        "message" => Entry::Input(text_of(item)),
        "function_call" | "custom_tool_call" => Entry::Called {
            id: string(item, "call_id"),
            name: string(item, "name").unwrap_or_default(),
        },
        "local_shell_call" => Entry::Called {
            id: string(item, "call_id"),
            name: "local_shell".into(),
        },
        kind if kind.ends_with("_output") => Entry::Result {
            id: string(item, "call_id"),
            name: None,
            text: text_of(item),
        },
        _ => return None,
    })
}

/// The response object; `usage` is known only of a completed one.
fn response(reply: &Reply<'_>, status: &str, output: Value) -> Value {
    let (tokens_in, tokens_out) = (reply.input_tokens, reply.output_tokens());
    let usage = json!({
        "input_tokens": tokens_in, "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": tokens_out, "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": tokens_in + tokens_out,
    });
    json!({
        "id": reply.id("resp"), "object": "response", "created_at": 0, "status": status, "model": MODEL,
        "output": output, "error": null, "incomplete_details": null, "parallel_tool_calls": true, "tools": [],
        "tool_choice": "auto", "metadata": {}, "usage": if status == "completed" { usage } else { Value::Null },
    })
}

fn output(reply: &Reply<'_>) -> Value {
    let item = |(at, play): (usize, &Play)| match play {
        Play::Text(text) => Some(message(&id_at("msg", reply.answer.place, at), text)),
        Play::Call { id, call } => Some(call_item(id, call)),
        _ => None,
    };
    reply
        .answer
        .plays
        .iter()
        .enumerate()
        .filter_map(item)
        .collect()
}

fn message(id: &str, text: &str) -> Value {
    let content = json!([{ "type": "output_text", "text": text, "annotations": [] }]);
    json!({ "type": "message", "id": id, "status": "completed", "role": "assistant", "content": content })
}

fn call_item(id: &str, call: &Call) -> Value {
    let mut item = json!({ "id": format!("item_{id}"), "call_id": id, "status": "completed" });
    match call.form {
        Form::LocalShell => {
            item["type"] = "local_shell_call".into();
            item["action"] = json!({ "type": "exec", "command": call.arguments, "env": {} });
        }
        Form::Custom => {
            item["type"] = "custom_tool_call".into();
            item["name"] = call.name.as_str().into();
            item["input"] = call.arguments_text().into();
        }
        Form::Function => {
            item["type"] = "function_call".into();
            item["name"] = call.name.as_str().into();
            item["arguments"] = call.arguments_object().to_string().into();
        }
    }
    item
}

struct Words {
    place: usize,
    index: usize,
    sequence: usize,
    pace: Duration,
}

impl Words {
    fn event(&mut self, name: &str, mut data: Value) -> Out {
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        event(name, data)
    }

    /// An output item, from `added` to `done`, around the events that fill it.
    fn item(
        &mut self,
        begun: &Value,
        done: &Value,
        fill: impl FnOnce(&mut Self, usize) -> Vec<Out>,
    ) -> Vec<Out> {
        let index = self.index;
        self.index += 1;
        let mut out = vec![self.event(
            "response.output_item.added",
            json!({ "output_index": index, "item": begun }),
        )];
        out.extend(fill(self, index));
        out.push(self.event(
            "response.output_item.done",
            json!({ "output_index": index, "item": done }),
        ));
        out
    }
}

impl Wording for Words {
    fn text(&mut self, at: usize, text: &str) -> Vec<Out> {
        let id = id_at("msg", self.place, at);
        let done = message(&id, text);
        let mut begun = done.clone();
        begun["status"] = "in_progress".into();
        begun["content"] = json!([]);
        self.item(&begun, &done, |words, index| {
            let at = json!({ "item_id": id, "output_index": index, "content_index": 0 });
            let with = |key: &str, value: Value| {
                let mut data = at.clone();
                data[key] = value;
                data
            };
            let empty = json!({ "type": "output_text", "text": "", "annotations": [] });
            let mut out = vec![words.event("response.content_part.added", with("part", empty))];
            let pace = words.pace;
            out.extend(paced(pace, pieces(text), |piece| {
                words.event("response.output_text.delta", with("delta", piece.into()))
            }));
            out.push(words.event("response.output_text.done", with("text", text.into())));
            out.push(words.event(
                "response.content_part.done",
                with("part", done["content"][0].clone()),
            ));
            out
        })
    }

    fn call(&mut self, _at: usize, id: &str, call: &Call) -> Vec<Out> {
        let done = call_item(id, call);
        let mut begun = done.clone();
        begun["status"] = "in_progress".into();
        let (kind, field) = match call.form {
            Form::Function => ("function_call_arguments", "arguments"),
            Form::Custom => ("custom_tool_call_input", "input"),
            Form::LocalShell => return self.item(&begun, &done, |_, _| Vec::new()),
        };
        begun[field] = "".into();
        self.item(&begun, &done, |words, index| {
            let at = json!({ "item_id": done["id"], "output_index": index });
            let mut delta = at.clone();
            delta["delta"] = done[field].clone();
            let mut whole = at;
            whole[field] = done[field].clone();
            vec![
                words.event(&format!("response.{kind}.delta"), delta),
                words.event(&format!("response.{kind}.done"), whole),
            ]
        })
    }

    fn error(&mut self, _status: u16, message: &str, body: Option<&Value>) -> Vec<Out> {
        let error = body
            .cloned()
            .unwrap_or_else(|| json!({ "code": "server_error", "message": message }));
        let response = json!({ "id": id_at("resp", self.place, 0), "object": "response", "status": "failed", "error": error });
        vec![self.event("response.failed", json!({ "response": response }))]
    }
}
