//! What a run used, as its upstream reports it.

use freehold_gateway::{Kind, Limits, Usage};
use freehold_scripted::Step;

use crate::support::{Run, hello, scripted, soon, upstream};

#[tokio::test]
async fn every_protocol_is_counted_streamed_and_whole() {
    let model = scripted(vec![vec![Step::text("one two three four")]]).await;
    let paths = [
        (Kind::OpenAi, "/v1/chat/completions"),
        (Kind::OpenAi, "/v1/responses"),
        (Kind::Anthropic, "/v1/messages"),
        (Kind::Ollama, "/api/chat"),
    ];
    for (kind, path) in paths {
        for stream in [false, true] {
            let run = Run::open(upstream(kind, model.url()), Limits::default()).await;
            let mut body = hello();
            body["stream"] = stream.into();
            body["stream_options"] = serde_json::json!({ "include_usage": true });
            let sent = serde_json::to_vec(&body).unwrap().len() as u64;
            let reply = soon(run.post(path, &body).send()).await.unwrap();
            let got = soon(reply.bytes()).await.unwrap().len() as u64;
            // The scripted model takes four bytes for a token of input, and a word for one of output.
            let expected = Usage {
                requests: 1,
                input_tokens: sent / 4,
                output_tokens: 4,
                bytes: sent + got,
                errors: 0,
            };
            assert_eq!(soon(run.grant.close()).await, expected, "{path} {stream}");
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_early_is_counted_for_what_was_told() {
    let words = "word ".repeat(20_000);
    let model = scripted(vec![vec![Step::text(words)]]).await;
    let run = Run::open(upstream(Kind::Anthropic, model.url()), Limits::default()).await;
    let mut body = hello();
    body["stream"] = true.into();
    let mut reply = soon(run.post("/v1/messages", &body).send()).await.unwrap();
    soon(reply.chunk()).await.unwrap().unwrap();
    drop(reply);
    let counted = async {
        while run.grant.usage().input_tokens == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(counted).await;
}
