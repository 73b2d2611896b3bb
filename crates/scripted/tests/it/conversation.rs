//! The place in the script is in the request: conversations do not disturb one another.

use freehold_scripted::{Handle, Listen, Script, ScriptedModel, Step};
use serde_json::{Value, json};

use crate::support::{answer, model, request, soon};

fn three_turns() -> Vec<Vec<Step>> {
    let call = |command: &str| Step::call("shell", json!({ "command": command }));
    vec![
        vec![Step::text("first"), call("1"), call("2")],
        vec![call("3")],
        vec![Step::text("last")],
    ]
}

/// Plays a conversation of Responses as Codex keeps it: a call's result may stand before the next call of its answer.
async fn responses(model: &Handle, words: &str) -> Vec<String> {
    let mut body = request("/v1/responses", words);
    let mut said = Vec::new();
    for _ in 0..3 {
        let response = answer(model, "/v1/responses", &body).await;
        let input = body["input"].as_array_mut().unwrap();
        for item in response["output"].as_array().unwrap() {
            input.push(item.clone());
            if item["type"] == "function_call" {
                said.push(item["arguments"].to_string());
                input.push(json!({ "type": "function_call_output", "call_id": item["call_id"], "output": "ok" }));
            } else {
                said.push(item["content"][0]["text"].to_string());
            }
        }
    }
    said
}

async fn chat(model: &Handle, words: &str) -> Vec<String> {
    let mut body = request("/v1/chat/completions", words);
    let mut said = Vec::new();
    for _ in 0..3 {
        let message =
            answer(model, "/v1/chat/completions", &body).await["choices"][0]["message"].take();
        if let Some(text) = message["content"].as_str() {
            said.push(format!("{text:?}"));
        }
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(message.clone());
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            said.push(call["function"]["arguments"].to_string());
            messages.push(json!({ "role": "tool", "tool_call_id": call["id"], "content": "ok" }));
        }
    }
    said
}

#[tokio::test]
async fn conversations_at_once_each_hear_the_whole_script() {
    let model = model(three_turns()).await;
    let played = soon(async {
        tokio::join!(
            chat(&model, "same"),
            chat(&model, "same"),
            responses(&model, "same")
        )
    })
    .await;
    let expected = [
        r#""first""#,
        r#""{\"command\":\"1\"}""#,
        r#""{\"command\":\"2\"}""#,
        r#""{\"command\":\"3\"}""#,
        r#""last""#,
    ];
    assert_eq!(played.0, expected);
    assert_eq!(played.1, expected);
    assert_eq!(played.2, expected);
    assert_eq!(model.requests().len(), 9);
}

#[tokio::test]
async fn a_script_from_text_plays_by_card() {
    let script = Script::from_toml(
        r#"
        name = "cards"
        [[turns]]
        when = { conversation = "card one" }
        steps = [{ text = "one" }]
        [[turns]]
        when = { contains = "are you real" }
        steps = [{ text = "no, a script" }]
        [[turns]]
        steps = [{ text = "any" }]
        "#,
    )
    .unwrap();
    assert_eq!(
        Script::from_json(&serde_json::to_string(&script).unwrap()).unwrap(),
        script
    );
    let model = ScriptedModel::start(script, Listen::Loopback(0))
        .await
        .unwrap();
    let text = async |words: &str| {
        let whole: Value = answer(&model, "/v1/messages", &request("/v1/messages", words)).await;
        whole["content"][0]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(text("card one").await, "one");
    assert_eq!(text("card two").await, "any");
    assert_eq!(text("are you real?").await, "no, a script");
}

#[tokio::test]
async fn requests_are_recorded_as_they_came() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("model.sock");
    let model = ScriptedModel::start(Script::new("t", []), Listen::Unix(path.clone()))
        .await
        .unwrap();
    crate::support::client();
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .unix_socket(path.clone())
        .build()
        .unwrap();
    let request = client
        .post("http://model/v1/messages?beta=true")
        .header("x-api-key", "k")
        .body("not json");
    assert_eq!(soon(request.send()).await.unwrap().status(), 400);
    let requests = model.requests();
    assert_eq!(
        (requests[0].path.as_str(), &requests[0].body),
        ("/v1/messages?beta=true", &json!("not json"))
    );
    assert_eq!(
        (requests[0].method.as_str(), requests[0].header("x-api-key")),
        ("POST", Some("k"))
    );
    drop(client);
    soon(model.shutdown()).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_script_that_is_none_is_refused() {
    assert!(Script::from_toml("name = 1").is_err());
    assert!(Script::from_toml("name = \"a\"\nturns = []\nturn = []").is_err());
    assert!(Script::from_json(r#"{"name":"a","turns":[{"steps":[{"dance":1}]}]}"#).is_err());
}
