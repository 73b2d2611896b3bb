//! OpenAI Chat Completions.

use serde_json::{Value, json};

use super::{Answer, number};
use crate::builtin::report::Ended;
use crate::builtin::transcript::{Call, Said};
use crate::tools;

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
    json!({"model": model, "messages": messages, "tools": tools, "stream": false})
}

fn message(said: &Said) -> Vec<Value> {
    match said {
        Said::User { text } => vec![json!({"role": "user", "content": text})],
        Said::Assistant { text, calls } if calls.is_empty() => vec![json!({"role": "assistant", "content": text})],
        Said::Assistant { text, calls } => {
            let calls: Vec<Value> = calls.iter().map(call).collect();
            let content = if text.is_empty() { Value::Null } else { json!(text) };
            vec![json!({"role": "assistant", "content": content, "tool_calls": calls})]
        }
        Said::Tools { results } => results
            .iter()
            .map(|result| {
                let mark = if result.failed { "error: " } else { "" };
                json!({"role": "tool", "tool_call_id": result.id, "content": format!("{mark}{}", result.text)})
            })
            .collect(),
    }
}

fn call(call: &Call) -> Value {
    let arguments = match &call.arguments {
        Value::String(broken) => broken.clone(),
        arguments => arguments.to_string(),
    };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

pub(super) fn answer(body: &Value) -> Option<Answer> {
    let choice = body.get("choices")?.get(0)?;
    let message = choice
        .get("message")
        .filter(|message| message.is_object())?;
    let refusal = message.get("refusal").and_then(Value::as_str);
    let calls = message
        .get("tool_calls")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    Some(Answer {
        text: message
            .get("content")
            .and_then(Value::as_str)
            .or(refusal)
            .unwrap_or_default()
            .to_owned(),
        calls: calls.iter().map(understood).collect::<Option<_>>()?,
        ended: match choice.get("finish_reason").and_then(Value::as_str) {
            _ if refusal.is_some() => Ended::Refused,
            Some("length") => Ended::MaxTokens,
            Some("content_filter") => Ended::Refused,
            _ => Ended::Done,
        },
        input_tokens: number(body, "/usage/prompt_tokens"),
        output_tokens: number(body, "/usage/completion_tokens"),
    })
}

/// Arguments that are no JSON stay a string; the tool then tells the model so.
fn understood(call: &Value) -> Option<Call> {
    let text = call
        .pointer("/function/arguments")
        .and_then(Value::as_str)
        .unwrap_or("{}");
    Some(Call {
        id: call
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        name: call.pointer("/function/name")?.as_str()?.to_owned(),
        arguments: serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    })
}
