//! What becomes of webhooks when things turn: secrets that are rotated twice, a receiver that is well again,
//! one that moved, and a clock that stepped back.
use chrono::TimeDelta;
use freehold_model::webhook::Event;
use freehold_testkit::hooks::{Does, Receiver, Verifier};
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Webhook, WebhookMade};
use reqwest::Method;
use serde_json::json;

use crate::webhook::{add, attempt, deliveries, show, tried};

/// Writes what the server's own role may.
async fn writes(app: &App, statement: &'static str) {
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    let done = sqlx::query(statement).execute(&mut role).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{statement}");
}

#[tokio::test]
async fn every_secret_of_the_last_day_signs_and_no_more_than_five() {
    let app = App::start().await;
    let mut verifier = Verifier::start();
    let made = add(&app, &verifier.url(), &[Event::RunnerEnrolled]).await;
    let path = format!("/webhooks/{}/rotate", made.about.id);
    let mut secrets = vec![made.secret.clone()];
    for _ in 0..2 {
        let rotated: WebhookMade = app.post(&path, &json!({})).await.unwrap();
        secrets.push(rotated.secret);
    }
    let all: Vec<&str> = secrets.iter().map(String::as_str).collect();
    verifier.believes(&all).await;
    attempt(&app, &made).await;
    assert_eq!(verifier.arrived(1).await[0].verified, [true, true, true]);
    // Four before the present one, and none before those.
    for _ in 0..3 {
        let rotated: WebhookMade = app.post(&path, &json!({})).await.unwrap();
        secrets.push(rotated.secret);
    }
    let all: Vec<&str> = secrets.iter().map(String::as_str).collect();
    verifier.believes(&all).await;
    attempt(&app, &made).await;
    let expected = [false, true, true, true, true, true];
    assert_eq!(verifier.arrived(2).await[1].verified, expected);
    app.clock.advance(TimeDelta::hours(25));
    assert_eq!(show(&app, &made).await.old_secret_until, None);
}

#[tokio::test]
async fn what_failed_long_ago_does_not_pause_what_fails_once_today() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.does(Does::Answers(500));
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    Peer::enrol(&app).await;
    let id = deliveries(&app, &made).await[0].id.to_string();
    tried(&app, &made, &id, 1).await;
    assert!(show(&app, &made).await.failing_since.is_some());
    // Its last try comes sooner than it would, and fails too.
    writes(&app, "UPDATE webhook_deliveries SET tries = 12").await;
    app.clock.advance(TimeDelta::minutes(1));
    let shown = tried(&app, &made, &id, 13).await;
    assert_eq!(shown.about.state, "failed");
    assert_eq!(show(&app, &made).await.failing_since, None);
    app.clock.advance(TimeDelta::days(4));
    Peer::enrol(&app).await;
    let next = eventually("the next delivery", async || {
        let all = deliveries(&app, &made).await;
        all.into_iter().find(|one| one.id.to_string() != id)
    })
    .await;
    tried(&app, &made, &next.id.to_string(), 1).await;
    let webhook = show(&app, &made).await;
    assert_eq!(webhook.paused, None);
    assert!(webhook.failing_since.is_some());
}

#[tokio::test]
async fn what_an_address_of_before_answers_does_not_pause_the_one_of_now() {
    let app = App::start().await;
    let (before, now) = (Receiver::start().await, Receiver::start().await);
    before.does(Does::Hangs);
    let made = add(&app, &before.url(), &[Event::RunnerEnrolled]).await;
    Peer::enrol(&app).await;
    before.arrived(1).await;
    let path = format!("/webhooks/{}", made.about.id);
    let moved = app.request(Method::PATCH, &path);
    let moved = moved.json(&json!({ "address": now.url() }));
    let _: Webhook = app.send(moved).await.unwrap();
    // It is gone there, and says so.
    before.does(Does::Answers(410));
    let id = deliveries(&app, &made).await[0].id.to_string();
    let shown = tried(&app, &made, &id, 1).await;
    assert_eq!(shown.attempts[0].outcome, "gone");
    let webhook = show(&app, &made).await;
    assert_eq!((webhook.paused, webhook.failing_since), (None, None));
    app.clock.advance(TimeDelta::minutes(1));
    assert_eq!(now.arrived(1).await[0].id, id);
}

#[tokio::test]
async fn what_a_clock_put_off_that_stepped_back_since_is_sent() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    for (n, put_off) in [
        "UPDATE queue_webhooks SET due_at = due_at + interval '1 hour', taken = true",
        "UPDATE queue_webhooks SET due_at = due_at + interval '30 hours'",
    ]
    .into_iter()
    .enumerate()
    {
        receiver.does(Does::Answers(500));
        Peer::enrol(&app).await;
        let id = deliveries(&app, &made).await[0].id.to_string();
        tried(&app, &made, &id, 1).await;
        receiver.does(Does::Answers(200));
        writes(&app, put_off).await;
        let shown = tried(&app, &made, &id, 2).await;
        assert_eq!(shown.about.state, "delivered", "{n}");
    }
    // What is put off for a reason stays so.
    receiver.does(Does::Answers(500));
    Peer::enrol(&app).await;
    let id = deliveries(&app, &made).await[0].id.to_string();
    tried(&app, &made, &id, 1).await;
    writes(
        &app,
        "UPDATE queue_webhooks SET due_at = due_at + interval '20 hours'",
    )
    .await;
    let path = format!("/webhooks/{}/test", made.about.id);
    let _: serde_json::Value = app.post(&path, &json!({})).await.unwrap();
    eventually("another to be sent", async || {
        let all = deliveries(&app, &made).await;
        let other = all.into_iter().find(|one| one.id.to_string() != id)?;
        (other.tries > 0).then_some(())
    })
    .await;
    let all = deliveries(&app, &made).await;
    let still = all.iter().find(|one| one.id.to_string() == id).unwrap();
    assert_eq!(still.tries, 1);
}
