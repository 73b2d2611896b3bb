//! A database whose clock steps back (F22): what is in order stays in order, nobody waits for the time
//! to come again, and nothing is let go of early.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::Clock as _;
use freehold_model::run::State;
use freehold_testkit::peer::reference;
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{AuditEntry, Card, Event, Page, Run, Runner};
use freehold_wire::audit::Verifier;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::board::{agent, card, project};
use crate::link::{run, started};

const HOUR: TimeDelta = TimeDelta::hours(1);

/// All of a list, a few at a time.
async fn all<T: DeserializeOwned>(app: &App, path: &str) -> Vec<T> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Page<T> = app.get(&format!("{path}limit=2{cursor}")).await.unwrap();
        found.extend(page.items);
        assert!(found.len() < 1000, "it has no end");
        match page.next {
            Some(next) => cursor = format!("&after={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn lists_leave_nothing_out_and_say_nothing_twice() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    let (mut cards, mut runs) = (Vec::new(), Vec::new());
    for n in 0..7 {
        let card = card(&app, &project, &format!("Card {n}")).await;
        let path = format!("/cards/{}/runs", card.id);
        let run: Run = app.post(&path, &json!({})).await.unwrap();
        cards.push(card.id);
        runs.push(run.id);
        // Every other two are of the same time.
        if n % 2 == 0 {
            app.clock.advance(-HOUR);
        }
    }
    let found: Vec<Card> = all(&app, "/cards?project=demo&").await;
    let mut found: Vec<_> = found.into_iter().map(|card| card.id).collect();
    found.sort();
    cards.sort();
    assert_eq!(found, cards);
    let found: Vec<Run> = all(&app, "/runs?").await;
    let mut found: Vec<_> = found.into_iter().map(|run| run.id).collect();
    found.sort();
    runs.sort();
    assert_eq!(found, runs);
    let found: Vec<AuditEntry> = all(&app, "/audit?").await;
    let starts = found.iter().filter(|entry| entry.action == "run.start");
    let mut started: Vec<_> = starts.map(|entry| entry.resource.clone()).collect();
    started.sort();
    let runs: Vec<String> = runs.iter().map(ToString::to_string).collect();
    assert_eq!(started, runs);
    let export = app.request(Method::GET, "/audit/export").send().await;
    let mut verifier = Verifier::new(None);
    verifier.next_file();
    for line in export.unwrap().text().await.unwrap().lines() {
        verifier.take(line).unwrap();
    }
}

#[tokio::test]
async fn what_is_said_of_a_run_stays_in_order() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let mut last = 0;
    for text in ["one", "two", "three"] {
        app.clock.advance(-HOUR);
        let said = json!({ "text": text });
        last = peer.event(&offer, "note", json!({}), Some(said)).await;
    }
    peer.acknowledged(last).await;
    let events: Vec<Event> = all(&app, &format!("/runs/{}/events?", started.id)).await;
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert!(seqs.iter().copied().eq(1..=6), "{seqs:?}");
    let said: Vec<_> = (events.iter().filter(|event| event.kind == "note"))
        .map(|event| event.payload["text"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["one", "two", "three"]);
}

async fn until(app: &App, of: &Run) -> DateTime<Utc> {
    let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
    let row = tx.run_lock_lease(of.id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    row.life.lease.unwrap().until
}

#[tokio::test]
async fn a_lease_is_not_held_until_the_time_comes_again() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    let accepted = peer.accept(&offer).await;
    peer.acknowledged(accepted).await;
    app.clock.advance(-HOUR);
    let soon = Utc::now() - HOUR + TimeDelta::minutes(2);
    eventually("the lease ends as soon as one of now", async || {
        (until(&app, &started).await < soon).then_some(())
    })
    .await;
    // Whoever has it and says so keeps it.
    for _ in 0..2 {
        app.clock.advance(TimeDelta::seconds(30));
        peer.beat(&offer).await;
        peer.until(|down| matches!(down, freehold_wire::link::Down::Ack {}).then_some(()))
            .await;
    }
    assert_eq!(run(&app, started.id).await.state, State::Running);
    // And whoever does not loses it in the time of a lease.
    peer.vanish();
    let mut other = Peer::enrol(&app).await;
    other.connect().await;
    app.clock.advance(TimeDelta::seconds(46));
    let again = other.offer().await;
    assert_eq!((again.run, again.epoch), (started.id, 2));
}

/// Here the database's own time counts, and what is written is what it would be after a step back.
#[tokio::test]
async fn what_was_put_aside_until_later_is_looked_at_all_the_same() {
    let app = App::start_with_databases_time().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    peer.vanish();
    let card = card(&app, &project, "Later").await;
    let path = format!("/cards/{}/runs", card.id);
    let started: Run = app.post(&path, &json!({})).await.unwrap();
    let aside = "UPDATE queue_ready SET look_at = clock_timestamp() + interval '1 hour'";
    crate::queue::as_tenant(&app, app.owner.tenant, aside).await;
    eventually("it is looked at, and put aside for seconds", async || {
        let mut connection = app.database.as_tenant(app.owner.tenant).await;
        let soon = "SELECT look_at < clock_timestamp() + interval '1 minute' FROM queue_ready WHERE run_id = $1";
        let soon = sqlx::query_scalar(soon).bind(started.id.uuid());
        let is_soon: bool = soon.fetch_one(&mut connection).await.unwrap();
        is_soon.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_runner_s_clock_that_is_off_is_named_and_what_it_says_is_of_our_time() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    peer.machine = Some(freehold_wire::api::Machine {
        // What it says of its own clock counts for nothing.
        clock_ahead_s: Some(7),
        ..Default::default()
    });
    let day = TimeDelta::days(1);
    for (ahead, told) in [
        (day, Some(86_400)),
        (-day, Some(-86_400)),
        (TimeDelta::seconds(20), None),
    ] {
        peer.vanish();
        let theirs = app.clock.now() + ahead;
        (peer.clock, peer.holds) = (Some(theirs), vec![reference(&offer)]);
        peer.connect().await;
        let runners: Page<Runner> = app.get("/runners").await.unwrap();
        let said = runners.items[0].machine.as_ref().unwrap().clock_ahead_s;
        let is_so = match (said, told) {
            (Some(said), Some(told)) => (said - told).abs() < 30,
            (said, told) => said == told,
        };
        assert!(is_so, "{said:?} for {told:?}");
        // The second of them goes back while the step is under way.
        let step = |state: &str| json!({ "step": format!("s{ahead}"), "state": state });
        let began = peer
            .event(&offer, "step.started", step("running"), None)
            .await;
        peer.acknowledged(began).await;
        peer.clock = Some(theirs - TimeDelta::minutes(10));
        let ended = peer
            .event(&offer, "step.finished", step("done"), None)
            .await;
        peer.acknowledged(ended).await;
    }
    let events: Page<Event> = (app.get(&format!("/runs/{}/events", asked.id)).await).unwrap();
    let (soonest, latest) = (app.clock.now() - TimeDelta::minutes(11), app.clock.now());
    let steps = events
        .items
        .iter()
        .filter(|event| event.kind.starts_with("step."));
    let mut count = 0;
    for event in steps {
        assert!((soonest..=latest).contains(&event.ts), "{event:?}");
        count += 1;
    }
    assert_eq!(count, 6);
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    let (all, backwards): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(*) FILTER (WHERE finished_at < started_at) FROM run_steps",
    )
    .fetch_one(&mut role)
    .await
    .unwrap();
    assert_eq!((all, backwards), (3, 0));
}
