//! Faults: what a script can do to a client.

use freehold_scripted::{Fault, Listen, Script, ScriptedModel, Step};
use serde_json::{Value, json};

use crate::support::{answer, ask, client, events, model, names, request, soon};

const ONCE: Fault = Fault { times: Some(1) };

#[tokio::test]
async fn an_error_strikes_as_often_as_it_says() {
    let error = Step::Error {
        status: 429,
        message: "slow down".into(),
        body: None,
        retry_after: Some(3),
        fault: ONCE,
    };
    let model = model(vec![vec![error, Step::text("well")]]).await;
    for path in ["/v1/messages", "/v1/responses"] {
        // Another protocol is another request, with a count of its own only where it asks other words.
        let body = request(path, path);
        let first = ask(&model, path, &body).await;
        assert_eq!(
            (
                first.status().as_u16(),
                first.headers()["retry-after"].to_str().unwrap()
            ),
            (429, "3")
        );
        let error: Value = soon(first.json()).await.unwrap();
        assert_eq!(
            (&error["error"]["type"], &error["error"]["message"]),
            (&json!("rate_limit_error"), &json!("slow down"))
        );
        assert_eq!(ask(&model, path, &body).await.status(), 200);
    }
}

#[tokio::test]
async fn a_stream_can_break_after_its_first_words() {
    let model = model(vec![vec![
        Step::text("half "),
        Step::HangUp {
            fault: Fault::default(),
        },
    ]])
    .await;
    let mut body = request("/v1/responses", "go");
    body["stream"] = true.into();
    let mut reply = ask(&model, "/v1/responses", &body).await;
    let mut got = String::new();
    let broken = loop {
        match soon(reply.chunk()).await {
            Ok(Some(chunk)) => got.push_str(std::str::from_utf8(&chunk).unwrap()),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(
        broken && got.contains("half ") && !got.contains("response.completed"),
        "{broken} {got}"
    );
    let whole = client()
        .post(format!("{}/v1/responses", model.url()))
        .json(&request("/v1/responses", "go"))
        .send();
    let whole = async { whole.await?.text().await };
    assert!(soon(whole).await.is_err());
}

#[tokio::test]
async fn a_stream_can_fail_in_its_own_words() {
    let model = model(vec![vec![
        Step::text("half"),
        Step::error(529, "overloaded"),
    ]])
    .await;
    for (path, last) in [
        ("/v1/messages", "error"),
        ("/v1/responses", "response.failed"),
    ] {
        let mut body = request(path, "go");
        body["stream"] = true.into();
        let events = events(&model, path, &body).await;
        assert_eq!(names(&events).last(), Some(&last));
    }
}

#[tokio::test]
async fn garbage_is_sent_as_it_is() {
    let model = model(vec![vec![Step::Garbage {
        text: "<html>".into(),
        fault: Fault::default(),
    }]])
    .await;
    let reply = ask(&model, "/v1/messages", &request("/v1/messages", "go")).await;
    assert_eq!(
        (
            reply.status().as_u16(),
            soon(reply.text()).await.unwrap().as_str()
        ),
        (200, "<html>")
    );
}

#[tokio::test]
async fn a_stall_holds_the_answer_until_the_model_stops() {
    let model = model(vec![vec![
        Step::Stall { ms: 3_600_000 },
        Step::text("late"),
    ]])
    .await;
    let waiting = tokio::spawn(
        client()
            .post(format!("{}/v1/messages", model.url()))
            .json(&request("", "go"))
            .send(),
    );
    let arrived = async {
        while model.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    soon(arrived).await;
    assert!(!waiting.is_finished());
    soon(model.shutdown()).await;
    let answered = async { waiting.await.unwrap()?.text().await };
    assert!(
        soon(answered).await.is_err(),
        "an answer that was cut off looks whole"
    );
}

#[tokio::test]
async fn a_guarded_model_takes_its_key_in_any_of_the_usual_headers() {
    let model =
        ScriptedModel::start_guarded(Script::new("t", []), Listen::Loopback(0), Some("sk".into()))
            .await
            .unwrap();
    let ask = async |name: &str, value: &str| {
        let request = client()
            .post(format!("{}/v1/messages", model.url()))
            .header(name, value);
        soon(request.json(&request_body()).send())
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    for (name, value) in [
        ("authorization", "Bearer sk"),
        ("x-api-key", "sk"),
        ("x-goog-api-key", "sk"),
    ] {
        assert_eq!(ask(name, value).await, 200, "{name}");
    }
    assert_eq!(ask("authorization", "Bearer other").await, 401);
    assert_eq!(ask("x-other", "sk").await, 401);
    let refused = answer(&model, "/v1/messages", &request_body()).await;
    assert_eq!(refused["error"]["type"], "authentication_error");
}

fn request_body() -> Value {
    request("/v1/messages", "go")
}
