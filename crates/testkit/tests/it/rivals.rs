//! What people and runs do at the same moment: nothing is lost, nobody waits for ever, and
//! whoever watches misses nothing.
use freehold_model::run::{Outcome, State};
use freehold_model::{Lane, Reason};
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Card, Change, Page, Project, Provider, Run, SignedIn};
use freehold_wire::link::{Down, Frame, Probed, Up};
use freehold_wire::problem::Code;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::board::{agent, card, project};
use crate::link::{run, started};
use crate::watch::Watch;

async fn desk() -> (App, Peer, Project) {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    (app, peer, project)
}

/// A connection that sees what the server sees, to be in its way with.
async fn insider(app: &App) -> sqlx::PgConnection {
    app.database.as_tenant(app.owner.tenant).await
}

/// Waits until so many requests wait for a lock.
async fn waiting(app: &App, wanted: i64) {
    let database = app.database.clone();
    eventually("requests wait for a lock", || async {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&mut database.as_app().await)
        .await
        .unwrap();
        (waiting == wanted).then_some(())
    })
    .await;
}

/// The question that a runner is asked, by its number; [`tell`] answers it when it is time to.
async fn question(peer: &mut Peer) -> Frame<Down> {
    loop {
        let frame = peer.hear().await;
        if matches!(frame.body, Down::Probe(_)) {
            return frame;
        }
    }
}

async fn tell(peer: &mut Peer, question: Frame<Down>, probed: Probed) {
    let answer = Frame {
        id: question.id,
        ..Frame::new(Up::Probed(probed))
    };
    peer.say(&answer).await;
}

#[tokio::test]
async fn cards_that_are_made_to_wait_for_each_other_at_once_do_not_lock_each_other_out() {
    let (app, _peer, project) = desk().await;
    let mut pairs = Vec::new();
    for _ in 0..8 {
        pairs.push((
            card(&app, &project, "a").await,
            card(&app, &project, "b").await,
        ));
    }
    let wait = async |one: &Card, other: &Card| {
        let request = app.request(Method::PATCH, &format!("/cards/{}", one.id));
        let edit = request.json(&json!({ "title": "Anew", "depends": [other.id] }));
        app.send::<Card>(edit).await.map_err(|p| p.code)
    };
    for (a, b) in &pairs {
        let (one, other) = tokio::join!(wait(a, b), wait(b, a));
        let refused = [one, other].into_iter().filter_map(Result::err);
        assert_eq!(
            refused.collect::<Vec<_>>(),
            [Code::Invalid],
            "one makes a circle"
        );
    }
}

#[tokio::test]
async fn a_card_is_put_away_or_worked_on_and_never_both() {
    let (app, _peer, project) = desk().await;
    agent(&app, "worker").await;
    for _ in 0..12 {
        let card = card(&app, &project, "Now?").await;
        let path = format!("/cards/{}", card.id);
        let (runs, archive) = (format!("{path}/runs"), format!("{path}/archive"));
        let start = json!({});
        let (_, _) = tokio::join!(
            app.post::<Run>(&runs, &start),
            app.post::<Card>(&archive, &()),
        );
        let card: Card = app.get(&path).await.unwrap();
        assert!(
            card.archived_at.is_none() || card.run.is_none(),
            "a run of a card that is put away: {card:?}"
        );
    }
}

#[tokio::test]
async fn cards_that_two_people_move_at_once_both_arrive() {
    let (app, _peer, project) = desk().await;
    let first = card(&app, &project, "first").await;
    let (a, b) = (
        card(&app, &project, "a").await,
        card(&app, &project, "b").await,
    );
    // Equal ranks: whoever puts a card between two gives the whole lane ranks anew, and both must
    // while somebody holds its first card.
    let mut other = insider(&app).await;
    other.execute("UPDATE cards SET rank = 7").await.unwrap();
    other
        .execute("BEGIN; SELECT 1 FROM cards WHERE rank = 7 ORDER BY id LIMIT 1 FOR UPDATE")
        .await
        .unwrap();
    let put = async |card: &Card, before: &Card| {
        let to = json!({ "lane": "Backlog", "before": before.id });
        let path = format!("/cards/{}/move", card.id);
        app.post::<Card>(&path, &to).await.map_err(|p| p.code)
    };
    let release = async {
        waiting(&app, 2).await;
        other.execute("COMMIT").await.unwrap();
    };
    let (one, two, ()) = tokio::join!(put(&a, &b), put(&b, &a), release);
    assert_eq!(
        (one.unwrap().lane, two.unwrap().lane),
        (Lane::Backlog, Lane::Backlog)
    );
    let order = crate::desk::order(&app, Lane::Backlog).await;
    assert_eq!((order.len(), order[0].as_str()), (3, first.title.as_str()));
}

#[tokio::test]
async fn a_project_s_slow_change_does_not_undo_a_quick_one() {
    let (app, mut peer, project) = desk().await;
    let path = format!("/projects/{}", project.id);
    let patch = |body: Value| app.send::<Project>(app.request(Method::PATCH, &path).json(&body));
    let quick = async {
        let question = question(&mut peer).await;
        patch(json!({ "egress": "none" })).await.unwrap();
        let there = Probed::Remote {
            head: Some("main".into()),
            target: true,
            empty: false,
            commit: None,
        };
        tell(&mut peer, question, there).await;
    };
    let (slow, ()) = tokio::join!(patch(json!({ "target": "next" })), quick);
    slow.unwrap();
    let now: Value = app.get(&path).await.unwrap();
    assert_eq!(
        (&now["target"], &now["egress"]),
        (&json!("next"), &json!("none"))
    );
}

#[tokio::test]
async fn a_key_that_is_kept_does_not_replace_one_that_was_written_meanwhile() {
    let (app, mut peer, _project) = desk().await;
    let settings = |model: &str, key: Value| json!({ "name": "p", "kind": "openai", "base_url": "https://a.example/v1", "model": model, "key": key });
    let fine = || Probed::Provider { models: vec![] };
    let new = settings("one", json!({ "env": "OLD" }));
    let (made, ()) = tokio::join!(
        app.post::<Provider>("/providers", &new),
        peer.answer(fine())
    );
    let path = format!("/providers/{}", made.unwrap().id);
    let put = |body: Value| app.send::<Provider>(app.request(Method::PUT, &path).json(&body));
    let quick = async {
        let first = question(&mut peer).await;
        let (written, ()) = tokio::join!(
            put(settings("two", json!({ "env": "NEW" }))),
            peer.answer(fine()),
        );
        written.unwrap();
        tell(&mut peer, first, fine()).await;
    };
    let (slow, ()) = tokio::join!(put(settings("three", json!("keep"))), quick);
    assert_eq!(slow.unwrap_err().code, Code::Conflict);
    let now: Value = app.get("/providers").await.unwrap();
    assert_eq!(now["items"][0]["key"], json!({ "env": "NEW" }));
    assert_eq!(now["items"][0]["model"], "two");
}

#[tokio::test]
async fn whoever_watches_is_told_when_the_database_went_away_meanwhile() {
    let (app, _peer, _project) = desk().await;
    let mut watch = Watch::open(&app, &app.token).await;
    watch.next().await.unwrap();
    let database = app.database.clone();
    eventually("the server listens", || async {
        let ended: i64 = sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE 'LISTEN %'",
        )
        .fetch_one(&mut database.as_app().await)
        .await
        .unwrap();
        (ended == 1).then_some(())
    })
    .await;
    watch.until(|change| *change == Change::Resync).await;
}

#[tokio::test]
async fn whoever_signs_out_reads_no_run_any_longer() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    let accepted = peer.accept(&offer).await;
    peer.acknowledged(accepted).await;
    for path in ["events/stream", "logs?follow=true"] {
        let signed: SignedIn = app
            .post("/sign-in", &json!({ "token": app.token }))
            .await
            .unwrap();
        let browser = reqwest::Client::new();
        let mut stream = browser
            .get(format!("{}/api/v1/runs/{}/{path}", app.url(), asked.id))
            .bearer_auth(&signed.token)
            .send()
            .await
            .unwrap()
            .bytes_stream();
        let out = format!("{}/api/v1/sign-out", app.url());
        app.send::<()>(browser.post(out).bearer_auth(&signed.token))
            .await
            .unwrap();
        let end = async { while let Some(Ok(_)) = stream.next().await {} };
        tokio::time::timeout(std::time::Duration::from_secs(10), end)
            .await
            .unwrap_or_else(|_| panic!("{path} goes on after the session's end"));
    }
    assert_eq!(run(&app, asked.id).await.state, State::Running);
}

#[tokio::test]
async fn the_end_of_the_output_is_never_less_than_was_asked_for() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let mut seq = 0;
    for letter in ["a", "b"] {
        let meta = json!({ "step": "agent", "stream": "stdout" });
        let content = json!({ "text": letter.repeat(1000) });
        seq = peer.event(&offer, "output", meta, Some(content)).await;
    }
    peer.acknowledged(seq).await;
    let tail = async |bytes: u32| {
        let path = format!("/runs/{}/logs?tail={bytes}", asked.id);
        let answer = app.request(Method::GET, &path).send().await.unwrap();
        answer.text().await.unwrap()
    };
    assert_eq!(tail(10).await, "b".repeat(1000));
    assert_eq!(tail(0).await, "");
    assert_eq!(tail(100_000).await.len(), 2000);
}

#[tokio::test]
async fn what_an_agent_says_it_used_stands_where_nothing_went_through_the_gateway() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let said = json!({ "input_tokens": 70, "output_tokens": 8 });
    peer.event(&offer, "agent.usage", said, None).await;
    let nothing = json!({ "requests": 0, "input_tokens": 0, "output_tokens": 0, "errors": 0 });
    let seq = peer.event(&offer, "agent.usage", nothing, None).await;
    peer.acknowledged(seq).await;
    let used = run(&app, asked.id).await.usage.unwrap();
    assert_eq!((used.input_tokens, used.output_tokens), (70, 8));
    let counted = json!({ "requests": 2, "input_tokens": 90, "output_tokens": 9 });
    let seq = peer.event(&offer, "agent.usage", counted, None).await;
    peer.acknowledged(seq).await;
    let used = run(&app, asked.id).await.usage.unwrap();
    assert_eq!((used.requests, used.input_tokens), (2, 90));
}

#[tokio::test]
async fn a_change_of_whatever_there_is_needs_no_edition_and_one_of_nothing_is_no_history() {
    let (app, _peer, project) = desk().await;
    let made = card(&app, &project, "Words").await;
    let path = format!("/cards/{}", made.id);
    let edit = async |tag: &'static str, body: Value| {
        let request = app.request(Method::PATCH, &path).header("if-match", tag);
        app.send::<Card>(request.json(&body))
            .await
            .map_err(|p| p.code)
    };
    let changed = edit("*", json!({ "title": "Other words" })).await.unwrap();
    assert_eq!(changed.version, 2);
    // A weak tag never matches strongly: RFC 9110, section 8.8.3.2.
    let weak = edit("W/\"2\"", json!({ "title": "x" })).await;
    assert_eq!(weak.unwrap_err(), Code::Stale);
    let same = json!({ "title": "Other words", "depends": [] });
    assert_eq!(edit("\"2\"", same).await.unwrap().version, 2);
    let history: Page<Value> = app.get(&format!("{path}/history")).await.unwrap();
    assert_eq!(history.items.len(), 2, "{:?}", history.items);
}

#[tokio::test]
async fn a_decision_is_asked_for_wherever_its_card_was_dragged() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let work = freehold_testkit::peer::work(&offer, &"c".repeat(40));
    let seq = peer.finish(&offer, work).await;
    peer.acknowledged(seq).await;
    let _: Card = app
        .post(
            &format!("/cards/{}/move", asked.card),
            &json!({ "lane": "Done" }),
        )
        .await
        .unwrap();
    let inbox: Value = app.get("/inbox").await.unwrap();
    assert_eq!(inbox["items"][0]["kind"], "review", "{inbox}");
}

#[tokio::test]
async fn a_reply_that_is_sent_again_after_the_run_ended_is_still_the_same_reply() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let work = freehold_testkit::peer::work(&offer, &"c".repeat(40));
    let seq = peer.finish(&offer, work).await;
    peer.acknowledged(seq).await;
    let reply = async |key: &'static str| {
        let path = format!("/runs/{}/reply", asked.id);
        let request = app
            .request(Method::POST, &path)
            .header("idempotency-key", key);
        app.send::<Run>(request.json(&json!({ "text": "More." })))
            .await
            .map_err(|p| p.code)
    };
    assert_eq!(reply("first").await.unwrap().id, asked.id);
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let reason = Reason::AgentFailed;
    let seq = peer.finish(&offer, Outcome::Failed { reason }).await;
    peer.acknowledged(seq).await;
    let path = format!("/runs/{}/reject", asked.id);
    let no = json!({ "reason": "no" });
    let _: Run = app.post(&path, &no).await.unwrap();
    // Its answer was lost, and it is sent again: nothing new begins.
    let again = reply("first").await.unwrap();
    assert_eq!((again.id, again.state), (asked.id, State::Rejected));
    let child = reply("second").await.unwrap();
    assert_eq!(child.parent, Some(asked.id));
    assert_eq!(reply("second").await.unwrap().id, child.id);
}

#[tokio::test]
async fn an_agent_that_is_removed_meanwhile_is_not_changed() {
    let (app, _peer, _project) = desk().await;
    let made = agent(&app, "worker").await;
    let mut other = insider(&app).await;
    other
        .execute("BEGIN; UPDATE agents SET removed_at = now()")
        .await
        .unwrap();
    let new = json!({ "name": "worker", "driver": "command", "command": ["./other"] });
    let request = app.request(Method::PUT, &format!("/agents/{}", made.id));
    let release = async {
        waiting(&app, 1).await;
        other.execute("COMMIT").await.unwrap();
    };
    let (edited, ()) = tokio::join!(app.send::<Value>(request.json(&new)), release);
    assert_eq!(edited.unwrap_err().code, Code::NotFound);
}
