//! What passes, and that it passes unchanged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use freehold_gateway::{Kind, Limits, Secret};
use freehold_scripted::Step;
use tokio::io::AsyncWriteExt;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{
    KEY, Run, STREAM_HEAD, TOKEN, Wire, chunk, header, hello, scripted, soon, upstream,
};

#[tokio::test]
async fn request_and_response_pass_byte_for_byte() {
    let wire = Wire::listen().await;
    let run = Run::open(upstream(Kind::Anthropic, &wire.url()), Limits::default()).await;
    // Odd spacing, an unknown field, and bytes that are no UTF-8: nothing may parse and rewrite it.
    let sent = b"{ \"thinking\" : {\"x\":1.0} ,\n \"signature\":\"\xff\xfe\" }".to_vec();
    let answer = b"event: x\r\ndata:  {\"a\" : 1.00}\xff\n\n";
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nanthropic-x: 1\r\nset-cookie: a\r\nset-cookie: b\r\ncontent-length: {}\r\n\r\n",
        answer.len()
    );
    let bytes = [response.as_bytes(), answer].concat();
    let request = run
        .client
        .post("http://model/v1/messages?beta=true")
        .body(sent.clone());
    let request = request
        .header("x-api-key", TOKEN)
        .header("anthropic-beta", "one")
        .header("anthropic-beta", "two");
    let (reply, (head, body)) =
        soon(async { tokio::join!(request.send(), wire.answer(&bytes)) }).await;
    assert_eq!(body, sent);
    assert!(
        head.starts_with("POST /v1/messages?beta=true HTTP/1.1\r\n"),
        "{head}"
    );
    assert_eq!(
        header(&head, "host"),
        Some(wire.address.to_string().as_str())
    );
    assert_eq!(header(&head, "x-api-key"), Some(KEY));
    assert_eq!(head.matches("anthropic-beta").count(), 2);
    assert!(!head.contains(TOKEN), "{head}");
    let reply = reply.unwrap();
    assert_eq!(reply.headers()["anthropic-x"], "1");
    assert_eq!(reply.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(reply.bytes().await.unwrap(), answer.as_slice());
}

#[tokio::test]
async fn a_stream_through_the_gateway_equals_the_direct_one() {
    let model = scripted(vec![vec![
        Step::text("This is a script, word by word."),
        Step::call("other", serde_json::json!({"a": 1})),
    ]])
    .await;
    let paths = [
        (Kind::OpenAi, "/v1/chat/completions"),
        (Kind::OpenAi, "/v1/responses"),
        (Kind::Anthropic, "/v1/messages"),
        (Kind::Ollama, "/api/chat"),
        (Kind::Ollama, "/v1/chat/completions"),
    ];
    for (kind, path) in paths {
        for stream in [false, true] {
            let run = Run::open(upstream(kind, model.url()), Limits::default()).await;
            let mut body = hello();
            body["stream"] = stream.into();
            let direct = reqwest::Client::new()
                .post(format!("{}{path}", model.url()))
                .bearer_auth(KEY)
                .json(&body);
            let direct = soon(direct.send()).await.unwrap().bytes().await.unwrap();
            let reply = soon(run.post(path, &body).send()).await.unwrap();
            assert_eq!(reply.headers()[freehold_scripted::HEADER], "1");
            assert_eq!(reply.bytes().await.unwrap(), direct, "{path} {stream}");
        }
    }
}

#[tokio::test]
async fn a_thousand_chunks_arrive_one_by_one() {
    let wire = Wire::listen().await;
    let run = Run::open(
        upstream(Kind::OpenAi, &format!("{}/v1", wire.url())),
        Limits::default(),
    )
    .await;
    let request = run.post("/v1/chat/completions", &hello());
    let sent = tokio::spawn(request.send());
    let (mut stream, head, _) = wire.accept().await;
    assert!(head.starts_with("POST /v1/chat/completions "), "{head}");
    assert_eq!(
        header(&head, "authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    stream.write_all(STREAM_HEAD).await.unwrap();
    let mut reply = soon(sent).await.unwrap().unwrap();
    for number in 0..1000 {
        // The next chunk is sent only when this one has arrived: a gateway that gathers would stand still here.
        let event = format!("data: {{\"n\":{number}}}\n\n");
        stream.write_all(&chunk(&event)).await.unwrap();
        let mut got = Vec::new();
        while got.len() < event.len() {
            got.extend_from_slice(&soon(reply.chunk()).await.unwrap().unwrap());
        }
        assert_eq!(got, event.as_bytes());
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(soon(reply.chunk()).await.unwrap(), None);
}

#[tokio::test]
async fn a_wrong_token_is_refused_in_the_callers_words_and_reaches_nothing() {
    let model = scripted(vec![]).await;
    let run = Run::open(upstream(Kind::Anthropic, model.url()), Limits::default()).await;
    for token in ["", "run-token-ab", "run-token-abcd", KEY] {
        let request = run
            .client
            .post("http://model/v1/messages")
            .header("x-api-key", token)
            .json(&hello());
        let reply = soon(request.send()).await.unwrap();
        assert_eq!(reply.status(), 401);
        let body: serde_json::Value = reply.json().await.unwrap();
        assert_eq!(
            (&body["type"], &body["error"]["type"]),
            (&"error".into(), &"authentication_error".into())
        );
    }
    assert_eq!(
        soon(run.client.get("http://model/v1/models").send())
            .await
            .unwrap()
            .status(),
        401
    );
    assert!(model.requests().is_empty());
    assert_eq!(run.grant.usage().requests, 0);
}

#[tokio::test]
async fn only_model_calls_pass() {
    let model = scripted(vec![]).await;
    let run = Run::open(upstream(Kind::OpenAi, model.url()), Limits::default()).await;
    for path in [
        "/v1/files",
        "/v1/messages",
        "/api/pull",
        "/v1/responses/../files",
        "/v1/responses%2f..%2ffiles",
    ] {
        assert_eq!(
            soon(run.post(path, &hello()).send())
                .await
                .unwrap()
                .status(),
            404,
            "{path}"
        );
    }
    // An absolute target names another host; it is none of this gateway's.
    assert_eq!(
        soon(run.get("/v1/models/x%2f..").send())
            .await
            .unwrap()
            .status(),
        404
    );
    assert!(model.requests().is_empty());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_key_is_in_no_response_no_log_and_no_debug() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // The test runtime has one thread, so every task of the gateway logs here.
    let _guard = tracing::subscriber::set_default(subscriber);
    let wire = Wire::listen().await;
    let upstream = upstream(Kind::OpenAi, &wire.url());
    let shown = format!("{upstream:?} {:?}", Secret::new(KEY));
    let run = Run::open(upstream, Limits::default()).await;
    let (first, second) = KEY.split_at(9);
    let echo = [
        b"HTTP/1.1 400 Bad Request\r\nx-echo: ".as_slice(),
        KEY.as_bytes(),
        b"\r\ntransfer-encoding: chunked\r\n\r\n",
        &chunk(&format!("wrong key {KEY}, ")),
        &chunk(&format!("again {first}")),
        &chunk(&format!("{second}.")),
        b"0\r\n\r\n",
    ];
    let echo = echo.concat();
    let (reply, _) = tokio::join!(
        run.post("/v1/responses", &hello()).send(),
        wire.answer(&echo)
    );
    let reply = reply.unwrap();
    let shown = format!("{shown} {:?} {:?}", reply.headers(), run.grant);
    let body = soon(reply.text()).await.unwrap();
    let stars = "*".repeat(KEY.len());
    assert_eq!(body, format!("wrong key {stars}, again {stars}."));

    drop(wire);
    let down = soon(run.post("/v1/responses", &hello()).send())
        .await
        .unwrap();
    assert_eq!(down.status(), 502);
    let shown = format!("{shown} {}", down.text().await.unwrap());
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("a model call failed"),
        "the log is empty: {logged}"
    );
    for secret in [KEY, TOKEN] {
        assert!(!shown.contains(secret), "{shown}");
        assert!(!logged.contains(secret), "the log shows {secret}");
    }
}
