//! Each protocol, streamed and whole, down to the order of its events.

use freehold_scripted::{HEADER, MODEL, Step};
use serde_json::{Value, json};

use crate::support::{answer, ask, client, events, model, names, request, soon};

fn text_and_call() -> Vec<Vec<Step>> {
    vec![vec![
        Step::text("This is a script."),
        Step::call("shell", json!({ "command": "ls -l" })),
    ]]
}

fn streamed(path: &str) -> Value {
    let mut body = request(path, "go");
    body["stream"] = true.into();
    body
}

#[tokio::test]
async fn anthropic_messages() {
    let model = model(text_and_call()).await;
    let events = events(&model, "/v1/messages", &streamed("/v1/messages")).await;
    let mut expected = vec!["message_start", "ping", "content_block_start"];
    expected.extend(["content_block_delta"; 4]);
    expected.extend([
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
    ]);
    expected.extend(["message_delta", "message_stop"]);
    assert_eq!(names(&events), expected);
    assert_eq!(events[0]["message"]["model"], MODEL);
    let words: String = events
        .iter()
        .filter_map(|event| event["delta"]["text"].as_str())
        .collect();
    assert_eq!(words, "This is a script.");
    assert_eq!(events[8]["content_block"]["type"], "tool_use");
    assert_eq!(events[9]["delta"]["partial_json"], r#"{"command":"ls -l"}"#);
    assert_eq!(
        (&events[8]["index"], &events[9]["index"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(events[11]["delta"]["stop_reason"], "tool_use");

    let whole = answer(&model, "/v1/messages", &request("/v1/messages", "go")).await;
    assert_eq!(
        whole["content"][0],
        json!({ "type": "text", "text": "This is a script." })
    );
    assert_eq!(whole["content"][1]["input"], json!({ "command": "ls -l" }));
    assert_eq!(
        whole["usage"]["output_tokens"],
        events[11]["usage"]["output_tokens"]
    );
    let count = answer(
        &model,
        "/v1/messages/count_tokens",
        &request("/v1/messages", "go"),
    )
    .await;
    assert_eq!(count["input_tokens"], whole["usage"]["input_tokens"]);
}

#[tokio::test]
async fn openai_chat_completions() {
    let model = model(text_and_call()).await;
    let path = "/v1/chat/completions";
    let mut body = streamed(path);
    body["stream_options"] = json!({ "include_usage": true });
    let chunks = events(&model, path, &body).await;
    assert_eq!(chunks.last(), Some(&json!("[DONE]")));
    let usage = &chunks[chunks.len() - 2];
    assert_eq!(
        (&usage["choices"], usage["usage"]["total_tokens"].is_u64()),
        (&json!([]), true)
    );
    let deltas: Vec<_> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"])
        .collect();
    assert_eq!(deltas[0], &json!({ "role": "assistant", "content": "" }));
    let words: String = deltas
        .iter()
        .filter_map(|delta| delta["content"].as_str())
        .collect();
    assert_eq!(words, "This is a script.");
    let calls: Vec<_> = deltas
        .iter()
        .filter_map(|delta| delta.get("tool_calls"))
        .collect();
    assert_eq!(
        calls[0][0]["function"],
        json!({ "name": "shell", "arguments": "" })
    );
    assert_eq!(
        calls[1][0]["function"],
        json!({ "arguments": r#"{"command":"ls -l"}"# })
    );
    assert_eq!(
        chunks[chunks.len() - 3]["choices"][0]["finish_reason"],
        "tool_calls"
    );

    let without = events(&model, path, &streamed(path)).await;
    assert!(without.iter().all(|chunk| chunk.get("usage").is_none()));
    let whole = answer(&model, path, &request(path, "go")).await;
    assert_eq!(
        whole["choices"][0]["message"]["tool_calls"][0]["id"],
        calls[0][0]["id"]
    );
    assert_eq!(
        (&whole["model"], &whole["choices"][0]["finish_reason"]),
        (&json!(MODEL), &json!("tool_calls"))
    );
}

#[tokio::test]
async fn openai_responses() {
    let model = model(text_and_call()).await;
    let events = events(&model, "/v1/responses", &streamed("/v1/responses")).await;
    let mut expected = vec![
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ];
    expected.extend(["response.output_text.delta"; 4]);
    expected.extend([
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]);
    expected.extend([
        "response.output_item.added",
        "response.function_call_arguments.delta",
    ]);
    expected.extend([
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]);
    assert_eq!(names(&events), expected);
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["sequence_number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let call = &events[14]["item"];
    assert_eq!(
        (&call["type"], &call["name"]),
        (&json!("function_call"), &json!("shell"))
    );
    assert_eq!(call["arguments"], r#"{"command":"ls -l"}"#);
    let completed = &events[15]["response"];
    assert_eq!(completed["output"], json!([events[10]["item"], call]));
    assert!(completed["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert_eq!(
        &answer(&model, "/v1/responses", &request("/v1/responses", "go")).await["output"],
        &completed["output"]
    );
}

#[tokio::test]
async fn ollama_chat() {
    let model = model(text_and_call()).await;
    let mut body = request("/api/chat", "go");
    body.as_object_mut().unwrap().remove("stream");
    let reply = ask(&model, "/api/chat", &body).await;
    assert_eq!(reply.headers()["content-type"], "application/x-ndjson");
    let text = soon(reply.text()).await.unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (last, before) = lines.split_last().unwrap();
    assert!(before.iter().all(|line| line["done"] == false));
    let call = &before.last().unwrap()["message"]["tool_calls"][0]["function"];
    assert_eq!(
        call,
        &json!({ "name": "shell", "arguments": { "command": "ls -l" } })
    );
    assert_eq!(
        (&last["done"], last["eval_count"].is_u64()),
        (&json!(true), true)
    );
    let whole = answer(&model, "/api/chat", &request("/api/chat", "go")).await;
    assert_eq!(whole["message"]["content"], "This is a script.");

    let get = async |path: &str| {
        let reply = soon(client().get(format!("{}{path}", model.url())).send())
            .await
            .unwrap();
        soon(reply.json::<Value>()).await.unwrap()
    };
    assert_eq!(get("/api/tags").await["models"][0]["name"], MODEL);
    assert!(
        get("/api/version").await["version"]
            .as_str()
            .unwrap()
            .contains("scripted")
    );
    assert_eq!(get("/v1/models").await["data"][0]["id"], MODEL);
}

#[tokio::test]
async fn gemini() {
    let model = model(text_and_call()).await;
    let path = "/v1beta/models/m:streamGenerateContent?alt=sse";
    let chunks = events(&model, path, &request(path, "go")).await;
    let parts = |at: usize| &chunks[at]["candidates"][0]["content"]["parts"][0];
    assert_eq!(parts(0), &json!({ "text": "This " }));
    assert_eq!(
        parts(4)["functionCall"]["args"],
        json!({ "command": "ls -l" })
    );
    let last = chunks.last().unwrap();
    assert_eq!(
        (
            &last["candidates"][0]["finishReason"],
            &last["modelVersion"]
        ),
        (&json!("STOP"), &json!(MODEL))
    );
    let whole = answer(
        &model,
        "/v1beta/models/m:generateContent",
        &request(path, "go"),
    )
    .await;
    assert_eq!(
        whole["candidates"][0]["content"]["parts"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn every_answer_says_that_it_is_scripted() {
    let model = model(vec![]).await;
    for path in [
        "/v1/messages",
        "/v1/responses",
        "/v1/chat/completions",
        "/api/chat",
        "/v1/nowhere",
    ] {
        let reply = ask(&model, path, &request(path, "go")).await;
        assert_eq!(reply.headers()[HEADER], "1", "{path}");
        let text = soon(reply.text()).await.unwrap();
        assert!(text.contains("scripted model"), "{path}: {text}");
    }
}
