//! JSON-RPC 2.0, a message a line.

use serde::Deserialize;
use serde_json::{Value, json};

/// The method is not known; the one error that we answer with.
const METHOD_NOT_FOUND: i64 = -32601;

/// ACP's own: the agent wants a log-in, or the model endpoint refused the key that it has.
const AUTH_REQUIRED: i64 = -32000;

/// What a line can be.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    Response {
        id: Value,
        result: Result<Value, RpcError>,
    },
}

#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct RpcError {
    #[serde(default)]
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    data: Value,
}

impl RpcError {
    /// The message, with its data where that says more.
    pub(crate) fn words(&self) -> String {
        let more = match &self.data {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            data => {
                let said = data.get("message").or_else(|| data.get("details"));
                said.and_then(Value::as_str).map(str::to_owned)
            }
        };
        let mut words = self.message.clone();
        if let Some(more) = more.filter(|more| *more != words) {
            words.push_str(": ");
            words.push_str(&more);
        }
        if self.code == AUTH_REQUIRED {
            words.push_str("; it lacks a log-in, or the model endpoint refuses the key: check the agent's provider");
        }
        words
    }
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<RpcError>,
}

/// A `null` that is there differs from nothing: `"result":null` is an answer.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Reads one line.
pub(crate) fn parse(line: &[u8]) -> Result<Message, String> {
    let raw: Raw = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match raw {
        Raw {
            id: Some(id),
            method: Some(method),
            params,
            ..
        } => Ok(Message::Request { id, method, params }),
        Raw {
            method: Some(method),
            params,
            ..
        } => Ok(Message::Notification { method, params }),
        Raw {
            id: Some(id),
            error: Some(error),
            ..
        } => Ok(Message::Response {
            id,
            result: Err(error),
        }),
        Raw {
            id: Some(id),
            result: Some(result),
            ..
        } => Ok(Message::Response {
            id,
            result: Ok(result),
        }),
        _ => Err("it has neither a method nor a result".into()),
    }
}

pub(super) fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(super) fn notification(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

pub(super) fn result(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

pub(crate) fn method_not_found(id: &Value, method: &str) -> Value {
    let message = format!("method not found: {method}");
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": METHOD_NOT_FOUND, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_requests_notifications_and_answers_apart() {
        let kinds = [
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"a","params":{}}"#,
                "request",
            ),
            (r#"{"jsonrpc":"2.0","id":"x","method":"a"}"#, "request"),
            (
                r#"{"method":"_auth/status_update","params":{}}"#,
                "notification",
            ),
            (r#"{"id":1,"result":null}"#, "result"),
            (
                r#"{"id":1,"error":{"code":-32000,"message":"no"}}"#,
                "error",
            ),
            (r#"{"id":1,"result":{},"error":null}"#, "result"),
            (r#"{"id":1}"#, "bad"),
            ("[1]", "bad"),
            ("Welcome!", "bad"),
        ];
        for (line, wanted) in kinds {
            let kind = match parse(line.as_bytes()) {
                Ok(Message::Request { .. }) => "request",
                Ok(Message::Notification { .. }) => "notification",
                Ok(Message::Response { result: Ok(_), .. }) => "result",
                Ok(Message::Response { result: Err(_), .. }) => "error",
                Err(_) => "bad",
            };
            assert_eq!(kind, wanted, "{line}");
        }
    }
}
