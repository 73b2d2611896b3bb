//! The three protocols of model endpoints, without streaming.

mod chat;
mod messages;
mod ollama;

use serde_json::Value;

use super::report::Ended;
use super::transcript::{Call, Said};
use crate::config::ProviderKind;

/// A request, ready to be sent.
pub(crate) struct Request {
    pub(crate) kind: ProviderKind,
    pub(crate) path: &'static str,
    pub(crate) body: Value,
}

/// What the model said.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    /// An id is empty where the endpoint gives none.
    pub(crate) calls: Vec<Call>,
    /// Why it stopped; counts only when there are no calls.
    pub(crate) ended: Ended,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
}

/// Says the whole conversation in the endpoint's words.
pub(crate) fn request(kind: ProviderKind, model: &str, system: &str, said: &[Said]) -> Request {
    let (path, body) = match kind {
        ProviderKind::Openai => ("/v1/chat/completions", chat::request(model, system, said)),
        ProviderKind::Anthropic => ("/v1/messages", messages::request(model, system, said)),
        ProviderKind::Ollama => ("/api/chat", ollama::request(model, system, said)),
    };
    Request { kind, path, body }
}

/// The headers that carry the run's token.
pub(crate) fn headers(kind: ProviderKind, token: &str) -> Vec<(&'static str, String)> {
    match kind {
        ProviderKind::Openai | ProviderKind::Ollama => {
            vec![("authorization", format!("Bearer {token}"))]
        }
        ProviderKind::Anthropic => {
            vec![
                ("x-api-key", token.to_owned()),
                ("anthropic-version", "2023-06-01".to_owned()),
            ]
        }
    }
}

/// Understands the endpoint's answer; the error is for a person.
pub(crate) fn answer(kind: ProviderKind, body: &Value) -> Result<Answer, String> {
    let answer = match kind {
        ProviderKind::Openai => chat::answer(body),
        ProviderKind::Anthropic => messages::answer(body),
        ProviderKind::Ollama => ollama::answer(body),
    };
    answer.ok_or_else(|| {
        let text = body.to_string();
        let shown = crate::event::bounded(&text, 300);
        format!("the model endpoint's answer is not what kind {kind} says: `{shown}`; check the provider's kind and base URL")
    })
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::transcript::Outcome;
    use super::*;

    fn said() -> Vec<Said> {
        let call = |id: &str| Call {
            id: id.into(),
            name: "shell".into(),
            arguments: json!({"command": "ls"}),
        };
        let result = |id: &str, failed| Outcome {
            id: id.into(),
            name: "shell".into(),
            text: "a.rs".into(),
            failed,
        };
        vec![
            Said::User {
                text: "look".into(),
            },
            Said::Assistant {
                text: "I look.".into(),
                calls: vec![call("c1"), call("c2")],
            },
            Said::Tools {
                results: vec![result("c1", false), result("c2", true)],
            },
        ]
    }

    #[test]
    fn chat_puts_arguments_in_a_string_and_results_in_messages_of_their_own() {
        let body = request(ProviderKind::Openai, "m", "be good", &said()).body;
        let wanted = json!([
            {"role": "system", "content": "be good"},
            {"role": "user", "content": "look"},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "shell", "arguments": "{\"command\":\"ls\"}"}},
                {"id": "c2", "type": "function", "function": {"name": "shell", "arguments": "{\"command\":\"ls\"}"}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "a.rs"},
            {"role": "tool", "tool_call_id": "c2", "content": "error: a.rs"},
        ]);
        assert_eq!(body["messages"], wanted);
    }

    #[test]
    fn messages_puts_all_results_in_one_user_message() {
        let body = request(ProviderKind::Anthropic, "m", "be good", &said()).body;
        let wanted = json!([
            {"role": "user", "content": [{"type": "text", "text": "look"}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "shell", "input": {"command": "ls"}},
                {"type": "tool_use", "id": "c2", "name": "shell", "input": {"command": "ls"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "a.rs", "is_error": false},
                {"type": "tool_result", "tool_use_id": "c2", "content": "a.rs", "is_error": true},
            ]},
        ]);
        assert_eq!(
            (&body["system"], &body["messages"]),
            (&json!("be good"), &wanted)
        );
    }

    #[test]
    fn ollama_has_arguments_as_objects_and_results_by_name() {
        let body = request(ProviderKind::Ollama, "m", "be good", &said()).body;
        assert_eq!(
            body["messages"][2]["tool_calls"][0],
            json!({"function": {"name": "shell", "arguments": {"command": "ls"}}})
        );
        assert_eq!(
            body["messages"][3],
            json!({"role": "tool", "tool_name": "shell", "content": "a.rs"})
        );
        assert_eq!(body["stream"], json!(false));
    }

    #[test]
    fn nonsense_is_an_error_that_shows_it() {
        for kind in [
            ProviderKind::Openai,
            ProviderKind::Anthropic,
            ProviderKind::Ollama,
        ] {
            for body in [
                json!({}),
                json!([]),
                json!({"choices": [], "content": 5, "message": "hi"}),
                json!(null),
            ] {
                let error = answer(kind, &body).unwrap_err();
                assert!(
                    error.contains(&body.to_string()) && error.contains(kind.word()),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn a_usage_beyond_all_numbers_is_the_largest_one() {
        let body = json!({"content": [], "usage": {"input_tokens": u64::MAX,
            "cache_read_input_tokens": u64::MAX, "cache_creation_input_tokens": 1}});
        let answer = answer(ProviderKind::Anthropic, &body).unwrap();
        assert_eq!(answer.input_tokens, u64::MAX);
    }

    #[test]
    fn arguments_cut_off_in_the_middle_reach_the_tool_as_they_are() {
        let body = json!({"choices": [{"finish_reason": "length", "message": {"content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "shell", "arguments": "{\"comm"}},
        ]}}]});
        let answer = answer(ProviderKind::Openai, &body).unwrap();
        assert_eq!(answer.calls[0].arguments, json!("{\"comm"));
        assert_eq!(answer.ended, Ended::MaxTokens);
    }
}
