//! Requests under a key that were torn in the middle: by a server that died, by a client that hung up.
use chrono::TimeDelta;
use freehold_engine::once::{Begun, Keyed};
use freehold_testkit::{App, Peer};
use freehold_wire::link::{Down, Frame, Up};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::json;

use crate::account::ask;
use crate::board::agent;
use crate::once::{code, count, fit, make, new_token};

#[tokio::test]
async fn a_server_that_died_in_the_middle_leaves_no_doubt_and_no_second_effect() {
    let app = App::start().await;
    let body = new_token("one");
    make(&app, Some("done"), &body).await;
    make(&app, Some("undone"), &body).await;
    // As if it had died: after the change and before the answer; and before the change.
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    let marked: Vec<bool> = sqlx::query_scalar("SELECT done FROM requests")
        .fetch_all(&mut role)
        .await
        .unwrap();
    assert_eq!(marked, [true, true], "the change marked its claim");
    sqlx::query("UPDATE requests SET answer = NULL")
        .execute(&mut role)
        .await
        .unwrap();
    sqlx::query(
        "UPDATE requests SET done = false WHERE created_at = (SELECT max(created_at) FROM requests)",
    )
    .execute(&mut role)
    .await
    .unwrap();
    let before = count(&app, "tokens").await;
    for key in ["done", "undone"] {
        assert_eq!(
            code(&make(&app, Some(key), &body).await),
            Code::IdempotencyRunning
        );
    }
    app.clock.advance(TimeDelta::seconds(91));
    let lost = make(&app, Some("done"), &body).await;
    assert_eq!(code(&lost), Code::AnswerLost);
    let other = make(&app, Some("undone"), &new_token("other")).await;
    assert_eq!(code(&other), Code::IdempotencyMismatch);
    assert_eq!(count(&app, "tokens").await, before);
    let again = make(&app, Some("undone"), &body).await;
    assert_eq!((again.status.as_u16(), again.replayed), (201, false));
    assert_eq!(count(&app, "tokens").await, before + 1);
}

#[tokio::test]
async fn an_attempt_that_lost_its_claim_cannot_commit() {
    let app = App::start().await;
    let keyed = || Keyed {
        route: "r",
        key: "k",
        asked: &[],
    };
    let begin = async || app.engine.once_begin(&app.owner, keyed()).await;
    let Begun::Ours(slow) = begin().await.unwrap() else {
        unreachable!()
    };
    app.clock.advance(TimeDelta::seconds(91));
    let Begun::Ours(_next) = begin().await.unwrap() else {
        unreachable!()
    };
    let before = count(&app, "agents").await;
    let new: freehold_wire::api::NewAgent = serde_json::from_value(
        json!({ "name": "late", "driver": "command", "command": ["./work"] }),
    )
    .unwrap();
    let late = slow.work(app.engine.agent_add(&app.owner, new)).await;
    assert!(late.is_err());
    assert_eq!(count(&app, "agents").await, before);
    agent(&app, "late").await;
}

#[tokio::test]
async fn a_client_that_hung_up_finds_its_answer() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let new = json!({ "name": "demo", "remote": "file:///srv/demo.git" });
    let request = || {
        ask(&app, &app.token, Method::POST, "/projects")
            .header("idempotency-key", "k")
            .json(&new)
            .send()
    };
    // Gone while the runner is asked.
    let asked = tokio::spawn(request());
    let probe = loop {
        let frame = peer.hear().await;
        if matches!(frame.body, Down::Probe(_)) {
            break frame.id;
        }
    };
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    peer.say(&Frame {
        id: probe,
        ..Frame::new(Up::Probed(fit()))
    })
    .await;
    let answer = loop {
        let response = request().await.unwrap();
        if response.status() != 409 {
            break response;
        }
    };
    assert_eq!(answer.status(), 201);
    assert!(answer.headers().contains_key("idempotency-replayed"));
    assert_eq!(count(&app, "projects").await, 1);
}
