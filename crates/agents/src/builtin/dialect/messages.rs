//! Anthropic Messages.

use serde_json::{Value, json};

use super::{Answer, number};
use crate::builtin::report::Ended;
use crate::builtin::transcript::{Call, Said};
use crate::tools;

/// Required by the protocol; enough to write a long file.
const OUTPUT_TOKENS_MAX: u64 = 16_384;

pub(super) fn request(model: &str, system: &str, said: &[Said]) -> Value {
    let messages: Vec<Value> = said.iter().map(message).collect();
    let tools: Vec<Value> = tools::definitions()
        .into_iter()
        .map(|tool| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters}))
        .collect();
    json!({"model": model, "max_tokens": OUTPUT_TOKENS_MAX, "system": system, "messages": messages, "tools": tools})
}

fn message(said: &Said) -> Value {
    match said {
        Said::User { text } => json!({"role": "user", "content": [{"type": "text", "text": text}]}),
        Said::Assistant { text, calls } => {
            let mut content = Vec::new();
            // An empty text is refused; an assistant's turn without anything is, too.
            if !text.is_empty() || calls.is_empty() {
                let text = if text.is_empty() { "(nothing)" } else { text };
                content.push(json!({"type": "text", "text": text}));
            }
            content.extend(calls.iter().map(call));
            json!({"role": "assistant", "content": content})
        }
        Said::Tools { results } => {
            let content: Vec<Value> = results
                .iter()
                .map(|result| {
                    json!({
                        "type": "tool_result", "tool_use_id": result.id, "content": result.text,
                        "is_error": result.failed,
                    })
                })
                .collect();
            json!({"role": "user", "content": content})
        }
    }
}

fn call(call: &Call) -> Value {
    let input = if call.arguments.is_object() {
        call.arguments.clone()
    } else {
        json!({})
    };
    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
}

pub(super) fn answer(body: &Value) -> Option<Answer> {
    let blocks = body.get("content")?.as_array()?;
    let is = |block: &&Value, kind: &str| block.get("type").and_then(Value::as_str) == Some(kind);
    let texts = blocks.iter().filter(|block| is(block, "text"));
    let calls = blocks.iter().filter(|block| is(block, "tool_use"));
    // An endpoint may say any numbers.
    let cached = number(body, "/usage/cache_read_input_tokens")
        .saturating_add(number(body, "/usage/cache_creation_input_tokens"));
    Some(Answer {
        text: texts
            .filter_map(|block| block.get("text")?.as_str())
            .collect(),
        calls: calls.map(understood).collect::<Option<_>>()?,
        ended: match body.get("stop_reason").and_then(Value::as_str) {
            Some("max_tokens" | "model_context_window_exceeded") => Ended::MaxTokens,
            Some("refusal") => Ended::Refused,
            _ => Ended::Done,
        },
        input_tokens: number(body, "/usage/input_tokens").saturating_add(cached),
        output_tokens: number(body, "/usage/output_tokens"),
    })
}

fn understood(block: &Value) -> Option<Call> {
    Some(Call {
        id: block.get("id")?.as_str()?.to_owned(),
        name: block.get("name")?.as_str()?.to_owned(),
        arguments: block.get("input").cloned().unwrap_or_else(|| json!({})),
    })
}
