//! Upstreams that are down, slow or nonsense; runs that ask too much; the end of a grant.

use std::time::Duration;

use freehold_gateway::{Kind, Limits, OpenError, Secret};
use freehold_scripted::Step;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::{
    Run, STREAM_HEAD, TOKEN, Wire, chunk, gateway, hello, scripted, soon, upstream,
};

fn impatient() -> Limits {
    Limits {
        first_byte: Duration::from_millis(200),
        idle: Duration::from_millis(200),
        ..Limits::default()
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_said_in_the_callers_words() {
    let wire = Wire::listen().await;
    let url = wire.url();
    drop(wire);
    let cases: [(Kind, &str, &str); 3] = [
        (Kind::OpenAi, "/v1/responses", "/error/message"),
        (Kind::Anthropic, "/v1/messages", "/error/message"),
        (Kind::Ollama, "/api/chat", "/error"),
    ];
    for (kind, path, message) in cases {
        let run = Run::open(upstream(kind, &url), Limits::default()).await;
        let reply = soon(run.post(path, &hello()).send()).await.unwrap();
        assert_eq!(reply.status(), 502);
        assert_eq!(
            reply.headers()["x-freehold-gateway"],
            "upstream_unreachable"
        );
        let body: Value = reply.json().await.unwrap();
        assert!(
            body.pointer(message)
                .and_then(Value::as_str)
                .unwrap()
                .contains("cannot be reached"),
            "{body}"
        );
        assert_eq!(run.grant.usage().errors, 1);
    }
}

#[tokio::test]
async fn a_silent_upstream_is_given_up() {
    let model = scripted(vec![vec![
        Step::Stall { ms: 3_600_000 },
        Step::text("late"),
    ]])
    .await;
    let run = Run::open(upstream(Kind::Anthropic, model.url()), impatient()).await;
    let reply = soon(run.post("/v1/messages", &hello()).send())
        .await
        .unwrap();
    assert_eq!(reply.status(), 504);
    assert!(
        reply
            .text()
            .await
            .unwrap()
            .contains("did not answer in time")
    );
}

#[tokio::test]
async fn a_stream_that_falls_silent_or_breaks_is_cut_and_not_ended() {
    let stall = vec![
        Step::text("a"),
        Step::Stall { ms: 3_600_000 },
        Step::text("b"),
    ];
    let hang_up = vec![
        Step::text("a"),
        Step::HangUp {
            fault: freehold_scripted::Fault::default(),
        },
    ];
    for steps in [stall, hang_up] {
        let model = scripted(vec![steps]).await;
        let run = Run::open(upstream(Kind::OpenAi, model.url()), impatient()).await;
        let mut body = hello();
        body["stream"] = true.into();
        let reply = soon(run.post("/v1/chat/completions", &body).send())
            .await
            .unwrap();
        assert_eq!(reply.status(), 200);
        let text = soon(reply.text()).await;
        assert!(text.is_err(), "a cut stream looked whole: {text:?}");
        assert_eq!(run.grant.usage().errors, 1);
    }
}

#[tokio::test]
async fn nonsense_and_redirects_are_upstream_errors() {
    let cases: [(&[u8], &str); 3] = [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "upstream_broken"),
        (b"", "upstream_broken"),
        (b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/steal\r\ncontent-length: 0\r\n\r\n", "upstream_redirect"),
    ];
    for (bytes, code) in cases {
        let wire = Wire::listen().await;
        let run = Run::open(upstream(Kind::OpenAi, &wire.url()), Limits::default()).await;
        let (reply, _) = tokio::join!(
            run.post("/v1/responses", &hello()).send(),
            wire.answer(bytes)
        );
        let reply = reply.unwrap();
        assert_eq!(
            (
                reply.status().as_u16(),
                reply.headers()["x-freehold-gateway"].to_str().unwrap()
            ),
            (502, code)
        );
        assert!(reply.headers().get("location").is_none());
    }
}

#[tokio::test]
async fn an_upstreams_own_error_passes_unchanged() {
    let body = json!({ "error": { "message": "slow down", "code": "x" } });
    let step = Step::Error {
        status: 429,
        message: String::new(),
        body: Some(body.clone()),
        retry_after: Some(7),
        fault: freehold_scripted::Fault::default(),
    };
    let model = scripted(vec![vec![step]]).await;
    let run = Run::open(upstream(Kind::OpenAi, model.url()), Limits::default()).await;
    let reply = soon(run.post("/v1/responses", &hello()).send())
        .await
        .unwrap();
    assert_eq!(reply.status(), 429);
    assert_eq!(reply.headers()["retry-after"], "7");
    assert_eq!(reply.json::<Value>().await.unwrap(), body);
}

#[tokio::test]
async fn a_request_beyond_the_bound_is_refused() {
    let model = scripted(vec![]).await;
    let limits = Limits {
        body_bytes: 1000,
        ..Limits::default()
    };
    let run = Run::open(upstream(Kind::OpenAi, model.url()), limits).await;
    let big = "x".repeat(1001);
    let announced = run.post("/v1/responses", &json!({ "input": big })).send();
    assert_eq!(soon(announced).await.unwrap().status(), 413);
    let parts = [
        Ok::<_, std::io::Error>("x".repeat(600)),
        Ok("x".repeat(600)),
    ];
    let streamed = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
    let request = run
        .client
        .post("http://model/v1/responses")
        .bearer_auth(TOKEN)
        .body(streamed);
    assert_eq!(soon(request.send()).await.unwrap().status(), 413);
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn one_request_too_many_is_refused_until_another_ends() {
    let wire = Wire::listen().await;
    let limits = Limits {
        concurrent: 1,
        ..Limits::default()
    };
    let run = Run::open(upstream(Kind::OpenAi, &wire.url()), limits).await;
    let open = tokio::spawn(run.post("/v1/responses", &hello()).send());
    let (mut stream, ..) = wire.accept().await;
    stream.write_all(STREAM_HEAD).await.unwrap();
    let reply = soon(open).await.unwrap().unwrap();
    assert_eq!(
        soon(run.post("/v1/responses", &hello()).send())
            .await
            .unwrap()
            .status(),
        429
    );

    // A client that goes away ends its request: the slot is free, and the upstream sees the connection close.
    drop(reply);
    let freed = async {
        loop {
            let answered = tokio::join!(run.get("/v1/models").send(), async {
                let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                tokio::time::timeout(Duration::from_millis(200), wire.answer(ok)).await
            });
            match answered.0 {
                Ok(reply) if reply.status() == 200 => return,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    soon(freed).await;
}

#[tokio::test]
async fn a_used_up_budget_ends_further_calls() {
    let model = scripted(vec![vec![Step::text("one two three")]]).await;
    let limits = Limits {
        tokens: Some(3),
        ..Limits::default()
    };
    let run = Run::open(upstream(Kind::Anthropic, model.url()), limits).await;
    let first = soon(run.post("/v1/messages", &hello()).send())
        .await
        .unwrap();
    assert_eq!(first.status(), 200);
    first.bytes().await.unwrap();
    let second = async {
        loop {
            let reply = run.post("/v1/messages", &hello()).send().await.unwrap();
            if reply.status() == 402 {
                return reply.json::<Value>().await.unwrap();
            }
            reply.bytes().await.unwrap();
        }
    };
    assert_eq!(soon(second).await["error"]["type"], "billing_error");
}

#[tokio::test]
async fn a_close_ends_open_streams_and_takes_the_socket_away() {
    let wire = Wire::listen().await;
    let Run {
        grant,
        client,
        home: _home,
        ..
    } = Run::open(upstream(Kind::OpenAi, &wire.url()), Limits::default()).await;
    let request = client
        .post("http://model/v1/responses")
        .bearer_auth(TOKEN)
        .json(&hello());
    let open = tokio::spawn(request.send());
    let (mut stream, ..) = wire.accept().await;
    stream
        .write_all(&[STREAM_HEAD, &chunk("data: 1\n\n")].concat())
        .await
        .unwrap();
    let mut reply = soon(open).await.unwrap().unwrap();
    assert_eq!(soon(reply.chunk()).await.unwrap().unwrap(), "data: 1\n\n");
    let waiting = tokio::spawn(
        client
            .post("http://model/v1/responses")
            .bearer_auth(TOKEN)
            .json(&hello())
            .send(),
    );
    let (_second, ..) = wire.accept().await;

    let socket = grant.socket().to_owned();
    let usage = soon(grant.close()).await;
    assert_eq!(usage.requests, 2);
    assert!(soon(reply.chunk()).await.is_err());
    assert_eq!(soon(waiting).await.unwrap().unwrap().status(), 503);
    assert!(!socket.exists());
    assert!(
        soon(
            client
                .get("http://model/v1/models")
                .bearer_auth(TOKEN)
                .send()
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn dropping_a_grant_closes_it() {
    let model = scripted(vec![]).await;
    let Run {
        grant,
        client,
        home: _home,
        ..
    } = Run::open(upstream(Kind::OpenAi, model.url()), Limits::default()).await;
    let socket = grant.socket().to_owned();
    drop(grant);
    assert!(!socket.exists());
    assert!(
        soon(
            client
                .get("http://model/v1/models")
                .bearer_auth(TOKEN)
                .send()
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let home = tempfile::tempdir().unwrap();
    let open = async |name: &str, token: &str, key: &str| {
        let mut upstream = upstream(Kind::OpenAi, "http://127.0.0.1:1");
        upstream.key = Some(Secret::new(key));
        gateway()
            .open(
                &home.path().join(name),
                Secret::new(token),
                upstream,
                Limits::default(),
            )
            .await
    };
    assert!(matches!(
        open("a", "", "k").await,
        Err(OpenError::EmptyToken)
    ));
    assert!(matches!(open("a", "t", "k\nk").await, Err(OpenError::Key)));
    std::fs::write(home.path().join("taken"), "mine").unwrap();
    assert!(matches!(
        open("taken", "t", "k").await,
        Err(OpenError::Socket { .. })
    ));
    assert_eq!(
        std::fs::read_to_string(home.path().join("taken")).unwrap(),
        "mine"
    );
}
