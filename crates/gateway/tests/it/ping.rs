//! What a ping says of endpoints of all sorts.

use std::time::Duration;

use freehold_gateway::{Gateway, Kind, Options, Secret, Upstream, UpstreamError};

use crate::support::{KEY, Wire, gateway, scripted, soon, upstream};

async fn ping(upstream: &Upstream) -> Result<Vec<String>, UpstreamError> {
    soon(gateway().ping(upstream)).await.map(|ping| ping.models)
}

#[tokio::test]
async fn a_good_endpoint_names_its_models() {
    let model = scripted(vec![]).await;
    for kind in [Kind::OpenAi, Kind::Anthropic, Kind::Ollama] {
        assert_eq!(
            ping(&upstream(kind, model.url())).await.unwrap(),
            ["scripted"]
        );
    }
    let with_version = upstream(Kind::OpenAi, &format!("{}/v1", model.url()));
    assert_eq!(ping(&with_version).await.unwrap(), ["scripted"]);
}

#[tokio::test]
async fn a_wrong_and_a_missing_key_are_told_apart() {
    let model = scripted(vec![]).await;
    let mut upstream = upstream(Kind::OpenAi, model.url());
    upstream.key = Some(Secret::new("sk-some-other-key"));
    let error = ping(&upstream).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::KeyRefused { status: 401, .. }),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?}").contains("sk-some-other-key"));
    upstream.key = None;
    let error = ping(&upstream).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::KeyMissing { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn nobody_there_and_nobody_answering() {
    let wire = Wire::listen().await;
    let options = Options {
        ping_timeout: Duration::from_millis(200),
        ..Options::default()
    };
    let slow = soon(
        Gateway::new(options)
            .unwrap()
            .ping(&upstream(Kind::OpenAi, &wire.url())),
    )
    .await;
    assert!(matches!(slow, Err(UpstreamError::Slow { .. })), "{slow:?}");
    let url = wire.url();
    drop(wire);
    let error = ping(&upstream(Kind::OpenAi, &url)).await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains(KEY));
}

#[tokio::test]
async fn other_servers_are_not_model_endpoints() {
    let page =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>Hi</html>";
    let empty = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let moved = "HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    for bytes in [
        page,
        empty,
        moved,
        "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
    ] {
        let wire = Wire::listen().await;
        let upstream = upstream(Kind::OpenAi, &wire.url());
        let (result, _) = tokio::join!(ping(&upstream), wire.answer(bytes.as_bytes()));
        assert!(
            matches!(result, Err(UpstreamError::NotAModelEndpoint { .. })),
            "{bytes}: {result:?}"
        );
    }
    let wire = Wire::listen().await;
    let upstream = upstream(Kind::OpenAi, &wire.url());
    let down = b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n";
    let (result, _) = tokio::join!(ping(&upstream), wire.answer(down));
    assert!(
        matches!(result, Err(UpstreamError::Failing { status: 503, .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn an_endpoint_without_a_list_is_asked_an_empty_question() {
    let wire = Wire::listen().await;
    let upstream = upstream(Kind::Anthropic, &wire.url());
    let refusal = r#"{"type":"error","error":{"type":"invalid_request_error"}}"#;
    let refused = format!(
        "HTTP/1.1 400 Bad\r\ncontent-length: {}\r\n\r\n{refusal}",
        refusal.len()
    );
    let answers = async {
        wire.answer(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            .await;
        wire.answer(refused.as_bytes()).await.0
    };
    let (result, head) = tokio::join!(ping(&upstream), answers);
    assert_eq!(result.unwrap(), [""; 0]);
    assert!(head.starts_with("POST /v1/messages "), "{head}");
}
