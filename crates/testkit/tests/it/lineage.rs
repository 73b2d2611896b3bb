//! A database that has lost what it had committed: how it is seen, and what becomes of its runs.

use freehold_model::lineage::{Verdict, judge};
use freehold_model::run::State;
use freehold_model::{LineageId, Reason};
use freehold_testkit::peer::{reference, work};
use freehold_testkit::{App, Peer, TestEntropy, eventually};
use freehold_wire::link::Acked;
use serde_json::json;
use sqlx::Executor as _;

use crate::link::{run, started};

/// As a replica would have it that got nothing since the run was asked for.
const LOST: [&str; 4] = [
    "DELETE FROM queue_leases",
    "INSERT INTO queue_ready (tenant_id, run_id, project_id, kind, rank)
     SELECT tenant_id, id, project_id, 'execute', created_at FROM runs",
    "UPDATE runs SET state = 'queued', epoch = 0, lease_job = NULL, lease_kind = NULL, lease_runner = NULL,
            lease_accepted = NULL, lease_until = NULL, last_runner = NULL",
    "UPDATE runners SET last_seq = 0",
];

async fn lose(app: &App) {
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    for statement in LOST {
        role.execute(statement).await.unwrap();
    }
}

async fn gone(app: &App, peer: &mut Peer) {
    peer.vanish();
    eventually("the runner is away", async || {
        let health: serde_json::Value = app.get("/health").await.unwrap();
        (health["runners"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_runner_that_was_told_of_more_has_its_runs_go_on_behind_it() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let last = peer.event(&offer, "note", json!({}), None).await;
    peer.acknowledged(last).await;
    let lineage = peer.lineage.unwrap();

    // Told as much as is there, it is nothing new.
    gone(&app, &mut peer).await;
    peer.holds = vec![reference(&offer)];
    peer.told = Some(Acked { lineage, seq: last });
    peer.connect().await;
    assert_eq!((peer.acked, run(&app, asked.id).await.epoch), (last, 1));

    // Told of more on another line, it is something that a person has put back.
    gone(&app, &mut peer).await;
    lose(&app).await;
    let other = LineageId::new(&*app.clock, &TestEntropy);
    peer.capacity = 0;
    peer.told = Some(Acked {
        lineage: other,
        seq: last,
    });
    peer.connect().await;
    let row = run(&app, asked.id).await;
    assert_eq!((peer.acked, row.epoch, row.state), (0, 0, State::Queued));

    // Told of more on this one, it is the proof. The epoch that it has is not given again.
    gone(&app, &mut peer).await;
    peer.capacity = 2;
    peer.told = Some(Acked { lineage, seq: last });
    peer.connect().await;
    assert_eq!(peer.acked, last, "its numbers go on");
    let again = peer.offer().await;
    assert_eq!(
        (again.run, again.epoch, again.known_epoch),
        (asked.id, 1001, Some(0))
    );
    peer.accept(&again).await;
    let seq = peer.finish(&again, work(&again, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    assert_eq!(run(&app, asked.id).await.state, State::Waiting);
}

#[tokio::test]
async fn a_database_that_was_put_back_has_its_live_runs_marked_once() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let seq = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    peer.vanish();
    let body = json!({ "commit": "c".repeat(40) });
    app.post::<serde_json::Value>(&format!("/runs/{}/approve", asked.id), &body)
        .await
        .unwrap();
    assert_eq!(app.engine.put_back().await.unwrap(), 0, "it is as it was");

    let store = app.engine.store();
    store
        .lineage_begin(LineageId::new(&*app.clock, &TestEntropy))
        .await
        .unwrap();
    let beside = app.beside().await;
    let (one, other) = tokio::join!(app.engine.put_back(), beside.engine.put_back());
    assert_eq!(one.unwrap() + other.unwrap(), 1, "one server does it");
    let marked = run(&app, asked.id).await;
    assert_eq!(
        (marked.state, marked.reason, marked.epoch),
        (State::Waiting, Some(Reason::DatabaseWentBack), 1000),
        "a yes of a time that is lost does not count"
    );
}

#[tokio::test]
async fn the_count_rises_with_what_is_written_and_not_by_itself() {
    let app = App::start().await;
    let store = app.engine.store();
    // The server's own rounds write now and then; between two counts that are the same nobody did.
    let mut known = store.lineage_advance().await.unwrap();
    let mut looks = 0;
    loop {
        let next = store.lineage_advance().await.unwrap();
        let is_same = next.at == known.at;
        known = next;
        looks += 1;
        assert!(looks < 1000, "an installation at rest counts on");
        if is_same {
            break;
        }
    }
    app.engine.sign_in_token(&app.owner).await.unwrap();
    let written = store.lineage_advance().await.unwrap();
    assert!(written.at.seq > known.at.seq);
    assert_eq!(judge(Some(&known.at), &written.at, None), Verdict::Same);
    assert_eq!(judge(Some(&written.at), &known.at, None), Verdict::WentBack);

    let line = LineageId::new(&*app.clock, &TestEntropy);
    store.lineage_begin(line).await.unwrap();
    let next = store.lineage().await.unwrap();
    assert_eq!((next.at.line, next.before), (line, Some(known.at.line)));
    assert_eq!(
        judge(Some(&written.at), &next.at, next.before),
        Verdict::PutBack
    );
}
