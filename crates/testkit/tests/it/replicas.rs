//! Several servers over one database. None leads: whichever is asked does it, once.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use freehold_model::run::{Outcome, State};
use freehold_testkit::peer::work;
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Event, Page, Project, Run, Runner};
use freehold_wire::link::{Down, Probed};
use freehold_wire::problem::Code;
use reqwest::StatusCode;
use serde_json::json;

use crate::board::{agent, card, project};
use crate::link::run;

/// A cancel is with the runner within two seconds, wherever its link is; with a busy machine's share.
const CANCELLED_WITHIN: Duration = Duration::from_secs(5);

async fn two() -> (App, App, Peer) {
    let one = App::start().await;
    let other = one.beside().await;
    let mut peer = Peer::enrol(&one).await;
    peer.go_to(&other);
    peer.connect().await;
    project(&other, &mut peer, "demo").await;
    agent(&one, "worker").await;
    (one, other, peer)
}

async fn start(app: &App, title: &str) -> Run {
    let demo = app.get("/projects/demo").await.unwrap();
    let card = card(app, &demo, title).await;
    let path = format!("/cards/{}/runs", card.id);
    app.post(&path, &json!({})).await.unwrap()
}

#[tokio::test]
async fn a_run_goes_on_through_whichever_server_is_there() {
    let (one, mut other, mut peer) = two().await;
    let started = start(&one, "Go through both").await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let seq = peer
        .event(&offer, "note", json!({ "text": "at the other" }), None)
        .await;
    peer.acknowledged(seq).await;
    assert_eq!(run(&one, started.id).await.state, State::Running);

    // Its server goes away; the runner finds the first one, and goes on where it was.
    other.stop().await;
    peer.go_to(&one);
    peer.connect().await;
    peer.event(&offer, "note", json!({ "text": "at the first" }), None)
        .await;
    let seq = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    let done = run(&one, started.id).await;
    assert_eq!(
        (done.state, done.epoch, done.attempt),
        (State::Waiting, 1, 1)
    );
    let events: Page<Event> = one
        .get(&format!("/runs/{}/events", started.id))
        .await
        .unwrap();
    let notes: Vec<_> = (events.items.iter())
        .filter_map(|event| event.payload["text"].as_str())
        .collect();
    assert_eq!(notes, ["at the other", "at the first"]);
}

#[tokio::test]
async fn a_lease_that_one_server_gave_another_takes_back_and_gives_anew() {
    let (one, other, mut peer) = two().await;
    let started = start(&one, "Lose its runner").await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    // Renewed at the one, it is in force at the other.
    let mut second = Peer::enrol(&one).await;
    second.connect().await;
    for _ in 0..3 {
        one.clock.advance(TimeDelta::seconds(30));
        peer.beat(&offer).await;
        peer.until(|down| matches!(down, Down::Ack {}).then_some(()))
            .await;
    }
    assert_eq!(run(&one, started.id).await.epoch, 1);
    peer.vanish();
    one.clock.advance(TimeDelta::seconds(46));
    let again = second.offer().await;
    assert_eq!((again.run, again.epoch), (started.id, 2));
    // The late one comes to the other server, and is told there.
    peer.connect().await;
    peer.finish(&offer, Outcome::Unchanged { base: None }).await;
    peer.until(|down| matches!(down, Down::Drop(run) if run.epoch == 1).then_some(()))
        .await;
    assert_eq!(run(&other, started.id).await.epoch, 2);
}

#[tokio::test]
async fn a_cancel_at_one_server_reaches_the_runner_at_another() {
    let (one, _other, mut peer) = two().await;
    // Several times: what is merely repeated every ten seconds would be in time now and then.
    for round in 0..4 {
        let started = start(&one, &format!("Stop it {round}")).await;
        let offer = peer.offer().await;
        let seq = peer.accept(&offer).await;
        peer.acknowledged(seq).await;
        let begun = Instant::now();
        let path = format!("/runs/{}/cancel", started.id);
        let cancelled: Run = one.post(&path, &json!({})).await.unwrap();
        assert!(!cancelled.state.is_terminal());
        let is_it = |down: &Down| matches!(down, Down::Cancel(run) if run.run == started.id);
        peer.until(|down| is_it(down).then_some(())).await;
        assert!(begun.elapsed() < CANCELLED_WITHIN, "{:?}", begun.elapsed());
        let seq = peer.finish(&offer, Outcome::Cancelled).await;
        peer.acknowledged(seq).await;
    }
}

#[tokio::test]
async fn what_is_asked_of_both_at_once_happens_once() {
    let (one, other, mut peer) = two().await;
    let demo = one.get("/projects/demo").await.unwrap();
    for round in 0..5 {
        let card = card(&one, &demo, &format!("Once {round}")).await;
        let path = format!("/cards/{}/runs", card.id);
        let ask = async |app: &App| {
            let post = app.request(reqwest::Method::POST, &path);
            let post = post.header("idempotency-key", format!("round-{round}"));
            app.send::<Run>(post.json(&json!({}))).await
        };
        let (a, b) = tokio::join!(ask(&one), ask(&other));
        assert_eq!(a.unwrap().id, b.unwrap().id);
        // Without a key the second is told that there is one.
        let plain = async |app: &App| app.post::<Run>(&path, &json!({})).await;
        let (a, b) = tokio::join!(plain(&one), plain(&other));
        assert!(a.is_err() && b.is_err());
    }
    let runs: Page<Run> = one.get("/runs").await.unwrap();
    assert_eq!(runs.items.len(), 5);
    // Both servers place: each run is offered under one epoch only.
    let (first, second) = (peer.offer().await, peer.offer().await);
    assert_ne!(first.run, second.run);
    assert_eq!((first.epoch, second.epoch), (1, 1));
}

#[tokio::test]
async fn what_only_a_runner_can_try_is_tried_whichever_server_is_asked() {
    let (one, _other, mut peer) = two().await;
    // Through the one, while the runner's link is at the other.
    let second = project(&one, &mut peer, "second").await;
    assert_eq!(second.target, "main");
    let refused = Probed::Failed {
        message: "no such repository".into(),
        next: "look at its address".into(),
    };
    let new = json!({ "name": "third", "remote": "file:///srv/none.git" });
    let (asked, ()) = tokio::join!(one.post::<Project>("/projects", &new), peer.answer(refused));
    let refused = asked.unwrap_err();
    assert_eq!(refused.code, Code::RemoteRefused);
    assert_eq!(refused.detail, "no such repository");
    // Nothing is left of what was asked.
    let mut owner = one.database.as_tenant(one.owner.tenant).await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM questions")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(left, 0);
    let runners: Page<Runner> = one.get("/runners").await.unwrap();
    assert_eq!(runners.items[0].state, "online");

    peer.vanish();
    eventually("the other server sees that the runner left", async || {
        let runners: Page<Runner> = one.get("/runners").await.unwrap();
        (runners.items[0].state == "offline").then_some(())
    })
    .await;
    let begun = Instant::now();
    let alone = one.post::<Project>("/projects", &new).await.unwrap_err();
    assert_eq!(alone.code, Code::NoRunner);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "nobody is waited for"
    );
}

#[tokio::test]
async fn a_question_that_no_server_can_put_is_given_up() {
    let (one, mut other, peer) = two().await;
    other.stop().await;
    // As after kill -9: nobody has said that its runner is gone.
    let mut role = one.database.as_tenant(one.owner.tenant).await;
    let left = sqlx::query("UPDATE runner_presence SET gone = false WHERE runner_id = $1")
        .bind(peer.runner.uuid())
        .execute(&mut role)
        .await
        .unwrap();
    assert_eq!(left.rows_affected(), 1);
    let new = json!({ "name": "third", "remote": "file:///srv/none.git" });
    let asking = one.post::<Project>("/projects", &new);
    // Its answer is counted in the database's time, which is this test's.
    let turning = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        one.clock.advance(TimeDelta::seconds(5));
    };
    let (refused, ()) = tokio::join!(asking, turning);
    assert_eq!(refused.unwrap_err().code, Code::NoRunner);
}

#[tokio::test]
async fn a_session_is_good_at_every_server_while_its_connection_stands() {
    let (one, other, mut peer) = two().await;
    let started = start(&one, "Keep its word").await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    let blob = peer.upload(&one, &offer, "diff", b"x\n").await;
    for app in [&one, &other] {
        assert_eq!(peer.download(app, blob).await.status(), StatusCode::OK);
    }
    // A new connection, at the other server, has another bearer; the old one is nobody's.
    let before = peer.session.clone();
    let dead = peer.go_on_at(&one);
    peer.connect().await;
    let after = std::mem::replace(&mut peer.session, before);
    for app in [&one, &other] {
        let old = peer.download(app, blob).await;
        assert_eq!(old.status(), StatusCode::UNAUTHORIZED);
    }
    peer.session = after;
    assert_eq!(peer.download(&other, blob).await.status(), StatusCode::OK);
    // When the other server notices, nothing that is in force ends.
    drop(dead);
    let tenant = one.owner.tenant;
    eventually("the dead line is gone", async || {
        let hub = other.hub.connected(tenant);
        hub.is_empty().then_some(())
    })
    .await;
    let seq = peer.event(&offer, "note", json!({}), None).await;
    peer.acknowledged(seq).await;
    for app in [&one, &other] {
        assert_eq!(peer.download(app, blob).await.status(), StatusCode::OK);
        let runners: Page<Runner> = app.get("/runners").await.unwrap();
        assert_eq!(runners.items[0].state, "online");
    }
    // Another runner's bearer opens nothing of this one's run.
    let mut stranger = Peer::enrol(&one).await;
    stranger.connect().await;
    let stolen = stranger.download(&other, blob).await;
    assert_eq!(stolen.status(), StatusCode::NOT_FOUND);
    assert_eq!(run(&one, started.id).await.state, State::Running);
}

#[tokio::test]
async fn a_runner_that_is_shut_out_at_one_server_is_out_at_all() {
    let (one, other, mut peer) = two().await;
    let _started = start(&one, "Lose its runner").await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    let path = format!("/runners/{}", peer.runner);
    let shut = one.request(reqwest::Method::DELETE, &path);
    crate::confirm::confirmed::<()>(&one, shut).await.unwrap();
    while peer.hear_or_end().await.is_some() {}
    for app in [&one, &other] {
        let answer = peer.try_upload(app, &offer, "diff", b"x\n").await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
}
