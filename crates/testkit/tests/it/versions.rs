//! A server of this version over a schema that a later program has brought further: it goes on, and is not started anew on
//! it. F68 of the list of faults.

use chrono::TimeDelta;
use freehold_model::run::State;
use freehold_store::{StoreError, migrate, schema_version};
use freehold_testkit::App;
use freehold_testkit::peer::work;
use freehold_wire::api::{Card, Page, Run};
use serde_json::json;
use sqlx::Executor as _;

use crate::link::{run, started};

/// What a later program's step may do while we run (`docs/recipes.md`): columns that may be null or have a constant, a table,
/// an index, a looser check.
const LATER: [&str; 6] = [
    "ALTER TABLE runs ADD COLUMN later text",
    "ALTER TABLE cards ADD COLUMN later integer NOT NULL DEFAULT 7",
    "ALTER TABLE runners ADD COLUMN later jsonb",
    "ALTER TABLE lineage ADD COLUMN later text",
    "CREATE TABLE later (tenant_id uuid NOT NULL, id uuid PRIMARY KEY)",
    "CREATE INDEX cards_later ON cards (tenant_id, later)",
];

async fn later_program(app: &App) {
    let mut owner = app.database.as_owner().await;
    for statement in LATER {
        owner.execute(statement).await.unwrap();
    }
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES ($1, 'of a later program', true, '', 0)",
    )
    .bind(schema_version() + 1)
    .execute(&mut owner)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_server_goes_on_over_a_schema_that_grew_and_is_not_started_anew_on_it() {
    let (app, mut peer, asked) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let beside = app.beside().await;
    later_program(&app).await;

    // What was under way ends, at whichever of the servers, and what is new begins.
    let said = peer.event(&offer, "note", json!({}), None).await;
    peer.acknowledged(said).await;
    let seq = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    let waiting = run(&app, asked.id).await;
    assert_eq!((waiting.state, waiting.attempt), (State::Waiting, 1));
    let path = format!("/runs/{}/approve", asked.id);
    let body = json!({ "commit": "c".repeat(40) });
    beside.post::<Run>(&path, &body).await.unwrap();
    let landing = peer.offer().await;
    assert_eq!((landing.run, landing.epoch), (asked.id, 2));
    let new = json!({ "project": "demo", "title": "While two versions run" });
    let card: Card = beside.post("/cards", &new).await.unwrap();
    let path = format!("/cards/{}/runs", card.id);
    app.post::<Run>(&path, &json!({})).await.unwrap();

    // Ended, it does not come back: the schema is of a program that knows more.
    let refused = migrate(&app.database.owner).await;
    assert!(
        matches!(refused, Err(StoreError::Newer { found, .. }) if found == schema_version() + 1),
        "{refused:?}"
    );
}

/// Says of a run what only a later program has a word for, or what it was before.
async fn say(app: &App, run: &Run, state: &str) {
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    let done = sqlx::query("UPDATE runs SET state = $2 WHERE id = $1")
        .bind(run.id.uuid())
        .bind(state)
        .execute(&mut role)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
}

#[tokio::test]
async fn a_run_in_a_word_of_a_later_program_is_left_to_it_and_nobody_waits_behind_it() {
    let (app, mut peer, held) = started().await;
    let offer = peer.offer().await;
    let taken = peer.accept(&offer).await;
    peer.acknowledged(taken).await;
    let start = async |title: &str| -> Run {
        let new = json!({ "project": "demo", "title": title });
        let card: Card = app.post("/cards", &new).await.unwrap();
        let path = format!("/cards/{}/runs", card.id);
        app.post(&path, &json!({})).await.unwrap()
    };
    peer.vanish();
    let queued = start("First in line").await;
    let next = start("Behind it").await;
    say(&app, &held, "parked").await;
    say(&app, &queued, "parked").await;

    for all in ["/runs", "/runs?project=demo"] {
        let listed: Page<Run> = app.get(all).await.unwrap();
        let listed: Vec<_> = listed.items.iter().map(|run| run.id).collect();
        assert_eq!(listed, [next.id], "{all}");
    }

    // Behind the one in line, and beside the one that the runner holds.
    peer.connect().await;
    let offered = peer.offer().await;
    assert_eq!((offered.run, offered.epoch), (next.id, 1));
    // Behind the one whose lease ended before.
    app.clock.advance(TimeDelta::seconds(46));
    let again = peer.offer().await;
    assert_eq!((again.run, again.epoch), (next.id, 2));

    // Where it can be read, it goes on.
    say(&app, &held, "running").await;
    let back = peer.offer().await;
    assert_eq!((back.run, back.epoch), (held.id, 2));
}
