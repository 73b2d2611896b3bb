//! The link: who may speak, what is taken once, what is fenced.
use chrono::TimeDelta;
use freehold_model::run::{Outcome, State};
use freehold_testkit::peer::{reference, work};
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Event, Page, Run, Step};
use freehold_wire::content::Content;
use freehold_wire::dsse::Envelope;
use freehold_wire::dsse::ed25519::VerifyingKey;
use freehold_wire::link::{Down, Frame, Up};
use freehold_wire::order::{ORDER, Order, Task};
use freehold_wire::problem::Code;
use serde_json::json;

use crate::board::{agent, card, project};

/// An app with a connected runner and a started run.
pub(crate) async fn started() -> (App, Peer, Run) {
    let app = App::start().await;
    let (peer, run) = started_on(&app).await;
    (app, peer, run)
}

/// A run that was just started there, and a runner for it.
pub(crate) async fn started_on(app: &App) -> (Peer, Run) {
    let mut peer = Peer::enrol(app).await;
    peer.connect().await;
    let project = project(app, &mut peer, "demo").await;
    agent(app, "worker").await;
    let card = card(app, &project, "Mend the test").await;
    let path = format!("/cards/{}/runs", card.id);
    let run: Run = app.post(&path, &json!({})).await.unwrap();
    (peer, run)
}

pub(crate) async fn run(app: &App, id: impl std::fmt::Display) -> Run {
    app.get(&format!("/runs/{id}")).await.unwrap()
}

#[tokio::test]
async fn an_offer_carries_an_order_that_only_the_pinned_key_signed() {
    let (_app, mut peer, run) = started().await;
    let offer = peer.offer().await;
    assert_eq!((offer.run, offer.epoch, offer.attempt), (run.id, 1, 1));
    let place = freehold_wire::content::Place::new(peer.tenant, offer.run, "order/execute", 0);
    let key = peer.key.as_ref().unwrap();
    let plain = key
        .open(&place, &Content::from_bytes(offer.order.clone()))
        .unwrap();
    let envelope: Envelope = serde_json::from_slice(&plain).unwrap();
    let pinned = VerifyingKey::from_bytes(peer.order_key.as_slice().try_into().unwrap()).unwrap();
    let order: Order = envelope.verify(ORDER, &pinned).unwrap();
    let Task::Execute(execute) = order.task else {
        panic!("not an execution")
    };
    assert_eq!(execute.card.title, "Mend the test");
    assert_eq!(execute.agent.command, ["./work"]);
    assert!(!String::from_utf8_lossy(&offer.order).contains("Mend"));
}

#[tokio::test]
async fn frames_are_taken_once_and_in_order_whatever_the_line_does() {
    let (app, mut peer, run) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let last = peer
        .event(&offer, "note", json!({}), Some(json!({ "text": "one" })))
        .await;
    peer.acknowledged(last).await;
    // The answer is lost: the runner says the same again after it has resumed.
    peer.vanish();
    peer.connect().await;
    assert_eq!(peer.acked, last, "the server resumes behind what it took");
    let repeated = Up::Accepted(reference(&offer));
    peer.say(&Frame {
        seq: Some(1),
        ..Frame::new(repeated)
    })
    .await;
    let last = peer
        .event(&offer, "note", json!({}), Some(json!({ "text": "two" })))
        .await;
    peer.acknowledged(last).await;
    let events: Page<Event> = app.get(&format!("/runs/{}/events", run.id)).await.unwrap();
    let kinds: Vec<&str> = events.items.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "run.queued",
            "run.dispatching",
            "run.running",
            "note",
            "note"
        ]
    );
    let seqs: Vec<u64> = events.items.iter().map(|e| e.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    assert_eq!(events.items[4].payload["text"], "two");
}

#[tokio::test]
async fn a_frame_that_cannot_be_stored_does_not_stop_those_behind_it() {
    let (app, mut peer, run) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    // PostgreSQL's jsonb takes no NUL.
    peer.event(&offer, "note", json!({ "text": "\u{0}" }), None)
        .await;
    let last = peer
        .event(&offer, "note", json!({ "text": "behind" }), None)
        .await;
    peer.acknowledged(last).await;
    let events: Page<Event> = app.get(&format!("/runs/{}/events", run.id)).await.unwrap();
    assert_eq!(events.items.last().unwrap().payload["text"], "behind");
}

#[tokio::test]
async fn a_step_has_a_number_with_one_name_and_the_version_that_did_it() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let step =
        |number: u32, name: &str| json!({ "step": name, "number": number, "version": "1.4.0" });
    for (kind, meta) in [
        ("step.started", step(1, "stage")),
        ("step.finished", step(1, "stage")),
        ("step.started", step(2, "agent")),
        // A program whose steps are others: what it says of this one is not guessed at.
        ("step.started", step(2, "prompt")),
        ("note", json!({ "text": "behind" })),
    ] {
        peer.event(&offer, kind, meta, None).await;
    }
    // An older runner gives no numbers.
    let last = peer
        .event(&offer, "step.started", json!({ "step": "park" }), None)
        .await;
    peer.acknowledged(last).await;
    let path = format!("/runs/{}", started.id);
    let steps: Page<Step> = app.get(&format!("{path}/steps")).await.unwrap();
    let steps: Vec<_> = (steps.items.iter())
        .map(|step| (step.number, step.name.as_str(), step.state.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            (Some(1), "stage", "done"),
            (Some(2), "agent", "running"),
            (None, "park", "running")
        ]
    );
    let events: Page<Event> = app.get(&format!("{path}/events")).await.unwrap();
    let told = |event: &&Event| event.payload["step"] == "prompt";
    assert_eq!(events.items.iter().filter(told).count(), 0, "it fell alone");
    let behind = |event: &Event| event.payload["text"] == "behind";
    assert!(events.items.iter().any(behind));
    let shown = run(&app, started.id).await;
    assert_eq!(shown.runner_version.as_deref(), Some("1.4.0"));
}

#[tokio::test]
async fn a_runner_that_comes_back_late_is_fenced() {
    let (app, mut late, started) = started().await;
    let offer = late.offer().await;
    late.accept(&offer).await;
    let seq = late.event(&offer, "note", json!({}), None).await;
    late.acknowledged(seq).await;
    late.vanish();
    let mut other = Peer::enrol(&app).await;
    other.connect().await;
    app.clock.advance(TimeDelta::seconds(46));
    let second = other.offer().await;
    assert_eq!(
        (second.run, second.epoch, second.attempt),
        (started.id, 2, 2)
    );

    late.connect().await;
    let seq = late.finish(&offer, work(&offer, &"e".repeat(40))).await;
    let mut dropped = false;
    while late.acked < seq {
        let frame = late.hear().await;
        late.acked = frame.ack.unwrap_or(late.acked);
        dropped |= matches!(&frame.body, Down::Drop(run) if run.run == offer.run && run.epoch == 1);
    }
    assert!(dropped, "the late runner is told to drop the run");
    assert_eq!(run(&app, started.id).await.commit, None);

    other.accept(&second).await;
    let seq = other.finish(&second, work(&second, &"c".repeat(40))).await;
    other.acknowledged(seq).await;
    let done = run(&app, started.id).await;
    assert_eq!(
        (done.state, done.commit),
        (State::Waiting, Some("c".repeat(40)))
    );
}

#[tokio::test]
async fn a_heartbeat_keeps_the_lease_and_silence_loses_it() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    for _ in 0..3 {
        app.clock.advance(TimeDelta::seconds(40));
        peer.beat(&offer).await;
        peer.until(|down| matches!(down, Down::Ack {}).then_some(()))
            .await;
    }
    assert_eq!(run(&app, started.id).await.state, State::Running);
    app.clock.advance(TimeDelta::seconds(46));
    let again = peer.offer().await;
    assert_eq!(again.epoch, 2, "it is given out again, to whoever is there");
}

#[tokio::test]
async fn a_lost_run_is_tried_three_times_and_then_fails_clearly() {
    let (app, mut peer, started) = started().await;
    for attempt in 1..=3 {
        let offer = peer.offer().await;
        assert_eq!(offer.attempt, attempt);
        peer.accept(&offer).await;
        let seq = peer.finish(&offer, Outcome::Lost).await;
        peer.acknowledged(seq).await;
    }
    let failed = run(&app, started.id).await;
    assert_eq!(failed.state, State::Failed);
    assert_eq!(failed.reason.unwrap().code(), "attempts_exhausted");
}

#[tokio::test]
async fn a_server_that_restarts_offers_again_what_was_not_accepted() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    let app = app.restart().await;
    peer.connect().await;
    let again = peer.offer().await;
    assert_eq!((again.job, again.epoch), (offer.job, offer.epoch));
    peer.accept(&again).await;
    let seq = peer.finish(&again, work(&again, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    assert_eq!(run(&app, started.id).await.state, State::Waiting);
}

#[tokio::test]
async fn a_stranger_is_not_welcome() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.open().await;
    peer.hello(vec![0; 64]).await;
    let told = peer.hear_or_end().await;
    assert!(
        matches!(
            told,
            Some(Frame {
                body: Down::Nack(_),
                ..
            }) | None
        ),
        "{told:?}"
    );
    assert!(
        told.is_none() || peer.hear_or_end().await.is_none(),
        "and the line is closed"
    );
}

#[tokio::test]
async fn an_enrolment_token_works_once() {
    let app = App::start().await;
    let token: freehold_wire::api::EnrolToken = app.post("/runners/tokens", &()).await.unwrap();
    let (token, _) = token.token.split_once('#').unwrap();
    let both = tokio::join!(Peer::enrol_with(&app, token), Peer::enrol_with(&app, token));
    let refusals = [both.0.err(), both.1.err()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    assert_eq!(refusals.len(), 1, "exactly one of two is enrolled");
    assert_eq!(refusals[0].code, Code::Unauthenticated);
}

#[tokio::test]
async fn a_runner_is_offered_no_more_than_it_takes() {
    let (app, mut peer, first) = started().await;
    peer.offer().await;
    let project: Page<freehold_wire::api::Project> = app.get("/projects").await.unwrap();
    let mut waiting = vec![];
    for title in ["two", "three"] {
        let card = card(&app, &project.items[0], title).await;
        waiting.push(
            app.post::<Run>(&format!("/cards/{}/runs", card.id), &json!({}))
                .await
                .unwrap(),
        );
    }
    assert_ne!(peer.offer().await.run, first.id);
    eventually("the third run to say why it waits", async || {
        let third = run(&app, waiting[1].id).await;
        (third.reason.map(|r| r.code()) == Some("runners_busy")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_so_many_runs_at_a_time_on_all_its_runners() {
    let app = App::start_bounded(2).await;
    let mut runners = [Peer::enrol(&app).await, Peer::enrol(&app).await];
    for runner in &mut runners {
        runner.capacity = 5;
    }
    let [peer, other] = &mut runners;
    peer.connect().await;
    let project = project(&app, peer, "demo").await;
    agent(&app, "worker").await;
    let mut runs = vec![];
    for title in ["one", "two", "three"] {
        let card = card(&app, &project, title).await;
        let run: Run = app
            .post(&format!("/cards/{}/runs", card.id), &json!({}))
            .await
            .unwrap();
        runs.push(run.id);
    }
    let first = peer.offer().await;
    assert_eq!([first.run, peer.offer().await.run], [runs[0], runs[1]]);
    // Both runners have room, but the tenant has not.
    other.connect().await;
    let waits = eventually("the third run to say why it waits", async || {
        let third = run(&app, runs[2]).await;
        (third.reason.map(|r| r.code()) == Some("run_limit")).then_some(third)
    })
    .await;
    assert_eq!(
        waits.detail.as_deref(),
        Some("2 of 2 runs at a time are under way")
    );
    let seq = peer.accept(&first).await;
    peer.acknowledged(seq).await;
    let seq = peer.finish(&first, work(&first, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    eventually("the third run to go to a runner", async || {
        run(&app, runs[2]).await.reason.is_none().then_some(())
    })
    .await;
}
