//! Ollama's own chat.

use serde_json::{Value, json};

use super::{Answer, number};
use crate::builtin::report::Ended;
use crate::builtin::transcript::{Call, Said};
use crate::tools;

/// Ollama's default window is far too small for an agent, and it cuts the beginning off in silence.
const WINDOW_TOKENS: u64 = 32_768;

pub(super) fn request(model: &str, system: &str, said: &[Said]) -> Value {
    let mut messages = vec![json!({"role": "system", "content": system})];
    messages.extend(said.iter().flat_map(message));
    let tools: Vec<Value> = tools::definitions()
        .into_iter()
        .map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.parameters,
            }})
        })
        .collect();
    json!({
        "model": model, "messages": messages, "tools": tools, "stream": false,
        "options": {"num_ctx": WINDOW_TOKENS},
    })
}

fn message(said: &Said) -> Vec<Value> {
    match said {
        Said::User { text } => vec![json!({"role": "user", "content": text})],
        Said::Assistant { text, calls } => {
            let calls: Vec<Value> = calls
                .iter()
                .map(|call| json!({"function": {"name": call.name, "arguments": call.arguments}}))
                .collect();
            vec![json!({"role": "assistant", "content": text, "tool_calls": calls})]
        }
        Said::Tools { results } => results
            .iter()
            .map(|result| {
                let mark = if result.failed { "error: " } else { "" };
                json!({"role": "tool", "tool_name": result.name, "content": format!("{mark}{}", result.text)})
            })
            .collect(),
    }
}

pub(super) fn answer(body: &Value) -> Option<Answer> {
    let message = body.get("message").filter(|message| message.is_object())?;
    let calls = message
        .get("tool_calls")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    Some(Answer {
        text: message
            .get("content")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        calls: calls.iter().map(understood).collect::<Option<_>>()?,
        ended: match body.get("done_reason").and_then(Value::as_str) {
            Some("length") => Ended::MaxTokens,
            _ => Ended::Done,
        },
        input_tokens: number(body, "/prompt_eval_count"),
        output_tokens: number(body, "/eval_count"),
    })
}

fn understood(call: &Value) -> Option<Call> {
    Some(Call {
        id: call
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        name: call.pointer("/function/name")?.as_str()?.to_owned(),
        arguments: call
            .pointer("/function/arguments")
            .cloned()
            .unwrap_or_else(|| json!({})),
    })
}
