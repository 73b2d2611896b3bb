//! Runs, as people ask for them and decide on them.
use freehold_model::run::{Outcome, State};
use freehold_testkit::peer::work;
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Card, Event, Page, Run};
use freehold_wire::link::{Down, Frame, Heartbeat, Probed, Swept, Up};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::json;

use crate::board::{agent, card, project};
use crate::link::{run, started, started_on};

/// A run that waits for a decision on commit `cccc…`.
pub(crate) async fn waiting() -> (App, Peer, Run) {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let seq = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    let waiting = run(&app, started.id).await;
    assert_eq!(waiting.waiting_for.as_deref(), Some("review"));
    (app, peer, waiting)
}

#[tokio::test]
async fn the_same_request_sent_thrice_at_once_is_one_run() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    let card = card(&app, &project, "Once").await;
    let path = format!("/cards/{}/runs", card.id);
    let ask = |key: &str, body: serde_json::Value| {
        app.send::<Run>(
            app.request(Method::POST, &path)
                .header("idempotency-key", key)
                .json(&body),
        )
    };
    let (a, b, c) = tokio::join!(
        ask("k1", json!({})),
        ask("k1", json!({})),
        ask("k1", json!({}))
    );
    let ids = [a.unwrap().id, b.unwrap().id, c.unwrap().id];
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let other = ask("k1", json!({ "agent": "worker" })).await.unwrap_err();
    assert_eq!(other.code, Code::IdempotencyMismatch);
    let second = ask("k2", json!({})).await.unwrap_err();
    assert_eq!(
        second.code,
        Code::RunLive,
        "a second live run of a card is refused"
    );
    assert!(second.detail.contains(&ids[0].to_string()));
}

#[tokio::test]
async fn a_run_without_agent_takes_the_only_one() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    let card = card(&app, &project, "Which?").await;
    let path = format!("/cards/{}/runs", card.id);
    let none = app.post::<Run>(&path, &json!({})).await.unwrap_err();
    assert_eq!(none.code, Code::AgentAmbiguous);
    agent(&app, "one").await;
    agent(&app, "two").await;
    let several = app.post::<Run>(&path, &json!({})).await.unwrap_err();
    assert_eq!(several.code, Code::AgentAmbiguous);
    let named: Run = app.post(&path, &json!({ "agent": "two" })).await.unwrap();
    assert_eq!(named.agent, "two");
}

#[tokio::test]
async fn approval_lands_once_and_only_what_was_seen() {
    let (app, mut peer, waiting) = waiting().await;
    let path = format!("/runs/{}/approve", waiting.id);
    let other = json!({ "commit": "f".repeat(40) });
    let wrong = app.post::<Run>(&path, &other).await.unwrap_err();
    assert_eq!(wrong.code, Code::CommitMismatch);
    let short = json!({ "commit": "c".repeat(6) });
    let short = app.post::<Run>(&path, &short).await.unwrap_err();
    assert_eq!(short.code, Code::CommitMismatch, "six digits name too many");
    let seen = json!({ "commit": "c".repeat(8) });
    let landing: Run = app.post(&path, &seen).await.unwrap();
    assert_eq!(landing.state, State::Landing);
    app.post::<Run>(&path, &seen).await.unwrap();
    let offer = peer.offer().await;
    assert_eq!(offer.kind, freehold_model::run::JobKind::Land);
    assert_eq!(offer.work.as_ref().unwrap().commit, "c".repeat(40));
    let seq = peer
        .finish(
            &offer,
            Outcome::Landed {
                commit: "a".repeat(40),
            },
        )
        .await;
    peer.acknowledged(seq).await;
    let landed = run(&app, waiting.id).await;
    assert_eq!(
        (landed.state, landed.landed),
        (State::Succeeded, Some("a".repeat(40)))
    );
    let card: Card = app.get(&format!("/cards/{}", waiting.card)).await.unwrap();
    assert_eq!((card.lane.name(), card.landed), ("Done", true));
    let again = app.post::<Run>(&path, &seen).await.unwrap();
    assert_eq!(
        again.state,
        State::Succeeded,
        "said again, it changes nothing"
    );
}

#[tokio::test]
async fn a_refused_landing_waits_again_with_its_reason() {
    let (app, mut peer, waiting) = waiting().await;
    app.post::<Run>(&format!("/runs/{}/approve", waiting.id), &json!({}))
        .await
        .unwrap();
    let offer = peer.offer().await;
    let conflict = Outcome::Refused {
        reason: freehold_model::Reason::Conflict,
    };
    let seq = peer.finish(&offer, conflict).await;
    peer.acknowledged(seq).await;
    let refused = run(&app, waiting.id).await;
    assert_eq!(refused.state, State::Waiting);
    assert_eq!(refused.reason.unwrap().code(), "conflict");
    assert_eq!(refused.commit, waiting.commit, "the work is kept");
}

#[tokio::test]
async fn a_rejection_is_final_and_says_why() {
    let (app, _peer, waiting) = waiting().await;
    let reject = json!({ "reason": "not what I meant" });
    let rejected: Run = app
        .post(&format!("/runs/{}/reject", waiting.id), &reject)
        .await
        .unwrap();
    assert_eq!(
        (rejected.state, rejected.detail.as_deref()),
        (State::Rejected, Some("not what I meant"))
    );
    let late = app
        .post::<Run>(&format!("/runs/{}/approve", waiting.id), &json!({}))
        .await
        .unwrap_err();
    assert_eq!(late.code, Code::Conflict);
}

#[tokio::test]
async fn a_reply_goes_on_with_the_work_and_one_to_an_ended_run_starts_a_child() {
    let (app, mut peer, waiting) = waiting().await;
    let reply = json!({ "text": "also the docs" });
    let path = format!("/runs/{}/reply", waiting.id);
    let queued: Run = app.post(&path, &reply).await.unwrap();
    assert_eq!(queued.id, waiting.id);
    let offer = peer.offer().await;
    assert_eq!(
        (offer.turn, offer.work.as_ref().map(|w| w.commit.clone())),
        (1, waiting.commit.clone())
    );
    peer.accept(&offer).await;
    let seq = peer
        .finish(
            &offer,
            Outcome::Failed {
                reason: freehold_model::Reason::AgentFailed,
            },
        )
        .await;
    peer.acknowledged(seq).await;
    let failed = run(&app, waiting.id).await;
    assert_eq!(
        failed.state,
        State::Waiting,
        "the earlier turn's work is still there to decide on"
    );
    assert_eq!(failed.commit, waiting.commit);
    let reject = json!({ "reason": "enough" });
    app.post::<Run>(&format!("/runs/{}/reject", waiting.id), &reject)
        .await
        .unwrap();
    let child: Run = app.post(&path, &reply).await.unwrap();
    assert_ne!(child.id, waiting.id);
    assert_eq!(child.parent, Some(waiting.id));
}

#[tokio::test]
async fn a_landing_that_waits_for_a_runner_can_be_cancelled_and_one_under_way_cannot() {
    let (app, mut peer, waiting) = waiting().await;
    peer.vanish();
    let approve = format!("/runs/{}/approve", waiting.id);
    let cancel = format!("/runs/{}/cancel", waiting.id);
    app.post::<Run>(&approve, &json!({})).await.unwrap();
    eventually("it says that it waits for a runner", || async {
        let reason = run(&app, waiting.id).await.reason;
        (reason == Some(freehold_model::Reason::NoRunner)).then_some(())
    })
    .await;
    let cancelled: Run = app.post(&cancel, &()).await.unwrap();
    assert_eq!(cancelled.state, State::Cancelled);
    // Nothing is offered of it any more; and the next one is a landing that somebody has.
    peer.connect().await;
    let path = format!("/cards/{}/runs", cancelled.card);
    let next: Run = app.post(&path, &json!({})).await.unwrap();
    let offer = peer.offer().await;
    assert_eq!(offer.run, next.id);
    peer.accept(&offer).await;
    let seq = peer.finish(&offer, work(&offer, &"d".repeat(40))).await;
    peer.acknowledged(seq).await;
    app.post::<Run>(&format!("/runs/{}/approve", next.id), &json!({}))
        .await
        .unwrap();
    peer.offer().await;
    let refused = app
        .post::<Run>(&format!("/runs/{}/cancel", next.id), &())
        .await;
    assert_eq!(refused.unwrap_err().code, Code::Conflict);
    assert_eq!(run(&app, next.id).await.state, State::Landing);
}

#[tokio::test]
async fn a_cancelled_run_is_told_to_stop_and_ends_cancelled() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    app.post::<Run>(&format!("/runs/{}/cancel", started.id), &())
        .await
        .unwrap();
    peer.until(|down| matches!(down, Down::Cancel(run) if run.run == offer.run).then_some(()))
        .await;
    let seq = peer.finish(&offer, Outcome::Cancelled).await;
    peer.acknowledged(seq).await;
    assert_eq!(run(&app, started.id).await.state, State::Cancelled);
}

#[tokio::test]
async fn a_dependency_holds_a_run_back_until_it_has_landed() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    let first = card(&app, &project, "First").await;
    let new = json!({ "project": "demo", "title": "Second", "depends": [first.id] });
    let second: Card = app.post("/cards", &new).await.unwrap();
    let held: Run = app
        .post(&format!("/cards/{}/runs", second.id), &json!({}))
        .await
        .unwrap();
    let words = format!("waits for {}", first.id);
    eventually("the run to say what it waits for", async || {
        let held = run(&app, held.id).await;
        (held.detail.as_deref() == Some(words.as_str())).then_some(())
    })
    .await;
    let go: Run = app
        .post(&format!("/cards/{}/runs", first.id), &json!({}))
        .await
        .unwrap();
    let offer = peer.offer().await;
    assert_eq!(offer.run, go.id);
    peer.accept(&offer).await;
    peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    eventually("the first to wait for review", async || {
        (run(&app, go.id).await.state == State::Waiting).then_some(())
    })
    .await;
    app.post::<Run>(&format!("/runs/{}/approve", go.id), &json!({}))
        .await
        .unwrap();
    let land = peer.offer().await;
    peer.finish(
        &land,
        Outcome::Landed {
            commit: "c".repeat(40),
        },
    )
    .await;
    assert_eq!(peer.offer().await.run, held.id, "met, it starts by itself");
}

#[tokio::test]
async fn a_label_that_no_runner_offers_is_named() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    let new = json!({ "name": "gpu", "driver": "command", "command": ["x"], "labels": { "gpu": "a100" } });
    app.post::<serde_json::Value>("/agents", &new)
        .await
        .unwrap();
    let card = card(&app, &project, "Train").await;
    let started: Run = app
        .post(&format!("/cards/{}/runs", card.id), &json!({}))
        .await
        .unwrap();
    eventually("the run to name the label", async || {
        let held = run(&app, started.id).await;
        (held.detail.as_deref() == Some("no runner offers label gpu=a100")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_stream_as_they_come_resume_and_end_with_the_run() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let path = format!("/runs/{}/events/stream", started.id);
    let stream = app
        .request(Method::GET, &path)
        .header("last-event-id", "2")
        .send()
        .await
        .unwrap();
    let reading = tokio::spawn(stream.text());
    peer.event(
        &offer,
        "output",
        json!({ "step": "agent", "stream": "stdout" }),
        Some(json!({ "text": "héllo\n" })),
    )
    .await;
    peer.event(
        &offer,
        "output",
        json!({ "step": "agent", "stream": "stdout" }),
        Some(json!({ "base64": "/wAK" })),
    )
    .await;
    peer.event(
        &offer,
        "output",
        json!({ "step": "check:test", "stream": "stdout" }),
        Some(json!({ "text": "not the agent's" })),
    )
    .await;
    peer.finish(&offer, Outcome::Unchanged { base: None }).await;
    let text = tokio::time::timeout(std::time::Duration::from_secs(20), reading)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let events: Vec<Event> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seqs: Vec<u64> = events.iter().map(|e| e.seq).collect();
    assert_eq!(seqs, [3, 4, 5, 6, 7]);
    assert_eq!(events[1].payload["text"], "héllo\n");
    assert_eq!(events[4].kind, "run.succeeded");
    let logs = app
        .request(Method::GET, &format!("/runs/{}/logs", started.id))
        .send()
        .await
        .unwrap();
    let raw = [b"h\xc3\xa9llo\n".as_slice(), b"\xff\x00\n"].concat();
    assert_eq!(logs.bytes().await.unwrap(), raw);
    let done = run(&app, started.id).await;
    assert_eq!((done.state, done.commit), (State::Succeeded, None));
    assert_eq!(
        app.request(Method::GET, &format!("/runs/{}/diff", started.id))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        ""
    );
}

#[tokio::test]
async fn pages_follow_one_another() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    for n in 0..5 {
        card(&app, &project, &format!("Card {n}")).await;
    }
    let mut titles = vec![];
    let mut after = String::new();
    loop {
        let page: Page<Card> = app
            .get(&format!("/cards?project=demo&limit=2{after}"))
            .await
            .unwrap();
        titles.extend(page.items.iter().map(|c| c.title.clone()));
        let Some(next) = page.next else { break };
        after = format!("&after={next}");
    }
    assert_eq!(titles, ["Card 0", "Card 1", "Card 2", "Card 3", "Card 4"]);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_not_added() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let key = json!({ "env": "KEY" });
    let new =
        json!({ "name": "p", "kind": "openai", "base_url": "http://127.0.0.1:1", "key": key });
    let silent = Probed::Failed {
        message: "nothing answers".into(),
        next: "start it".into(),
    };
    let (refused, ()) = tokio::join!(
        app.post::<serde_json::Value>("/providers", &new),
        peer.answer(silent)
    );
    assert_eq!(refused.unwrap_err().code, Code::ProviderRefused);
    let fine = Probed::Provider { models: vec![] };
    let (added, ()) = tokio::join!(
        app.post::<serde_json::Value>("/providers", &new),
        peer.answer(fine)
    );
    assert_eq!(added.unwrap()["key"], key, "the key is named, never held");
}

#[tokio::test]
async fn refs_of_a_run_are_swept_a_day_after_its_end() {
    let (app, mut peer, waiting) = waiting().await;
    let reject = json!({ "reason": "no" });
    app.post::<Run>(&format!("/runs/{}/reject", waiting.id), &reject)
        .await
        .unwrap();
    app.clock.advance(chrono::TimeDelta::hours(23));
    app.engine.sweep(app.owner.tenant).await.unwrap();
    app.clock.advance(chrono::TimeDelta::hours(2));
    app.engine.sweep(app.owner.tenant).await.unwrap();
    let mut sweeps = vec![peer.until(sweep_of).await];
    peer.say(&Frame::new(Up::Swept(Swept {
        runs: vec![waiting.id],
    })))
    .await;
    // What was swept is not asked for again: the next word is about something else.
    peer.say(&Frame::new(Up::Heartbeat(Heartbeat {
        jobs: vec![],
        environments: None,
    })))
    .await;
    peer.until(|down| matches!(down, Down::Ack {}).then_some(()))
        .await;
    app.engine.sweep(app.owner.tenant).await.unwrap();
    app.post::<serde_json::Value>(&format!("/cards/{}/runs", waiting.card), &json!({}))
        .await
        .unwrap();
    peer.until(|down| match down {
        Down::Offer(_) => Some(()),
        other => {
            sweeps.extend(sweep_of(other));
            None
        }
    })
    .await;
    assert_eq!(
        sweeps,
        [("file:///srv/demo.git".to_owned(), vec![waiting.id])]
    );
}

/// F22: retention deletes nothing early, whatever a server's clock says.
#[tokio::test]
async fn refs_are_kept_for_a_day_though_a_servers_clock_jumps() {
    let app = App::start_with_databases_time().await;
    let (mut peer, started) = started_on(&app).await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let seq = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    // It ends the day before yesterday, and is looked at the day after tomorrow.
    app.clock.advance(chrono::TimeDelta::days(-2));
    let reject = json!({ "reason": "no" });
    let path = format!("/runs/{}/reject", started.id);
    app.post::<Run>(&path, &reject).await.unwrap();
    for by in [2, 2] {
        app.clock.advance(chrono::TimeDelta::days(by));
        app.engine.sweep(app.owner.tenant).await.unwrap();
    }
    app.post::<serde_json::Value>(&format!("/cards/{}/runs", started.card), &json!({}))
        .await
        .unwrap();
    let mut sweeps = Vec::new();
    peer.until(|down| match down {
        Down::Offer(_) => Some(()),
        other => {
            sweeps.extend(sweep_of(other));
            None
        }
    })
    .await;
    assert_eq!(sweeps, []);
}

fn sweep_of(down: &Down) -> Option<(String, Vec<freehold_model::RunId>)> {
    match down {
        Down::Sweep(sweep) => Some((sweep.remote.clone(), sweep.runs.clone())),
        _ => None,
    }
}
