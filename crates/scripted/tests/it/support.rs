//! Asking a scripted model as a client would.

use std::time::Duration;

use freehold_scripted::{Handle, Listen, Script, ScriptedModel, Step};
use serde_json::{Value, json};

/// Everything that a test waits for happens within this, or never.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("within the deadline")
}

pub(crate) async fn model(turns: Vec<Vec<Step>>) -> Handle {
    ScriptedModel::start(Script::new("test", turns), Listen::Loopback(0))
        .await
        .unwrap()
}

pub(crate) fn client() -> reqwest::Client {
    // An error means that another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap()
}

pub(crate) async fn ask(model: &Handle, path: &str, body: &Value) -> reqwest::Response {
    soon(
        client()
            .post(format!("{}{path}", model.url()))
            .json(body)
            .send(),
    )
    .await
    .unwrap()
}

pub(crate) async fn answer(model: &Handle, path: &str, body: &Value) -> Value {
    soon(ask(model, path, body).await.json()).await.unwrap()
}

/// The data of a stream's events, the name of each inside as `event`; `[DONE]` as a string.
pub(crate) async fn events(model: &Handle, path: &str, body: &Value) -> Vec<Value> {
    let reply = ask(model, path, body).await;
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let text = soon(reply.text()).await.unwrap();
    assert!(text.ends_with("\n\n"), "{text:?}");
    text.trim_end().split("\n\n").map(event).collect()
}

fn event(text: &str) -> Value {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ").unwrap();
    let Ok(mut value) = serde_json::from_str::<Value>(data) else {
        return data.into();
    };
    if let Some(name) = field("event: ") {
        assert_eq!(value["type"], name, "a named event repeats its name");
        value["event"] = name.into();
    }
    value
}

pub(crate) fn names(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect()
}

/// A request without a stream: these words, and a shell tool, in each protocol's form.
pub(crate) fn request(path: &str, words: &str) -> Value {
    let schema = json!({ "type": "object", "properties": { "command": { "type": "string" } }, "required": ["command"] });
    let messages = json!([{ "role": "user", "content": words }]);
    let function =
        json!({ "type": "function", "function": { "name": "shell", "parameters": schema } });
    match path {
        "/v1/messages" => {
            json!({ "messages": messages, "tools": [{ "name": "shell", "input_schema": schema }] })
        }
        "/v1/responses" => {
            json!({ "input": messages, "tools": [{ "type": "function", "name": "shell", "parameters": schema }] })
        }
        "/v1/chat/completions" => json!({ "messages": messages, "tools": [function] }),
        "/api/chat" => json!({ "messages": messages, "tools": [function], "stream": false }),
        _ => json!({
            "contents": [{ "role": "user", "parts": [{ "text": words }] }],
            "tools": [{ "functionDeclarations": [{ "name": "shell", "parametersJsonSchema": schema }] }],
        }),
    }
}
