//! How lists and searches are carried out, on enough rows that it matters.
use std::path::Path;

use freehold_testkit::peer::work;
use freehold_testkit::plans::{self, Overheard, book};
use freehold_testkit::populace::{Sizes, populate};
use freehold_testkit::site::Site;
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Card, Run};
use serde_json::json;
use sqlx::{Connection as _, Executor as _};

use crate::board::{agent, card, project};

const SIZES: Sizes = Sizes {
    tenants: 400,
    members: 40_000,
    cards_each: 20,
    audit_each: 100,
};

#[tokio::test]
async fn no_list_reads_a_whole_table_and_all_that_is_sent_stands_in_the_page_of_plans() {
    let overheard = Overheard::begin();
    let directory = tempfile::Builder::new().prefix("fh-plans").tempdir();
    let directory = directory.unwrap();
    let site = Site::start(directory.path(), None, 4, plans::SETTINGS).await;
    let known = populate(&site.postgres.owner_url(), &site.engine, SIZES, 2).await;
    let made = book(&site, &overheard, &known[0]).await;
    site.stop().await.stop().await;

    let scans: Vec<&str> = made
        .lines()
        .filter(|line| line.contains("Seq Scan on"))
        .collect();
    assert!(scans.is_empty(), "a whole table is read: {scans:?}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/plans.md");
    let page = std::fs::read_to_string(page).unwrap();
    let statements: Vec<&str> = made.lines().filter(|line| plans::is_read(line)).collect();
    assert!(statements.len() >= plans::LISTS.len(), "{made}");
    for statement in statements {
        assert!(
            page.lines().any(|line| line == statement),
            "not in docs/plans.md, which `UPDATE_PLANS=1 scripts/bench_api.py crowd` writes: {statement}"
        );
    }
}

/// How many entries of indexes were read of cards, of runs and of the audit log, as far as sessions have said: those that ended
/// have, and one that put in the last of so many cards.
async fn read(app: &App, cards: i64) -> [i64; 3] {
    eventually("sessions to say what they read", async || {
        let mut owner = app.database.as_owner().await;
        let (there, of_cards, of_runs, of_audit): (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'cards'),
                    (SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'cards'),
                    (SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'runs'),
                    (SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'audit_entries')",
        )
        .fetch_one(&mut owner)
        .await
        .unwrap();
        (there == cards).then_some([of_cards, of_runs, of_audit])
    })
    .await
}

#[tokio::test]
async fn what_is_looked_at_or_changed_is_read_and_not_all_that_an_organization_ever_did() {
    const MORE: i64 = 20_000;
    const PAGE: i64 = 50;
    const OFTEN: i64 = 12;
    const OTHERS: Sizes = Sizes {
        tenants: 400,
        members: 400,
        cards_each: 20,
        audit_each: 1,
    };
    let mut app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    let start = async || {
        let card: Card = card(&app, &project, "One more").await;
        let path = format!("/cards/{}/runs", card.id);
        app.post::<Run>(&path, &json!({})).await.unwrap()
    };
    peer.vanish();
    // A page of what can be shown; behind it lies what nobody asks for. Beside it are many small organizations,
    // and what is usual for them is not so here.
    let mut first = start().await;
    for n in 1..=PAGE {
        let path = format!("/runs/{}/cancel", first.id);
        app.post::<Run>(&path, &json!({})).await.unwrap();
        if n < PAGE {
            first = start().await;
        }
    }
    populate(&app.database.owner, &app.engine, OTHERS, 1).await;
    let others = OTHERS.tenants * OTHERS.cards_each;
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    for statement in [
        // Each has a card of its own, which was put away.
        "INSERT INTO cards (tenant_id, id, project_id, lane, title, body, version, rank, created_at, updated_at, archived_at)
         SELECT c.tenant_id, ('00' || substr(md5(n::text), 3))::uuid, c.project_id, 'Done', c.title, c.body, c.version, n,
                now(), now(), now()
         FROM (SELECT * FROM cards LIMIT 1) c, generate_series(1, $1) n",
        "INSERT INTO runs (tenant_id, id, project_id, card_id, agent_id, agent_name, by_user, state,
             epoch, attempt, attempts_max, land_attempt, turn, cancel_requested, target, egress,
             isolation, labels, created_at, finished_at)
         SELECT r.tenant_id, ('00' || substr(md5(n::text), 3))::uuid, r.project_id,
                ('00' || substr(md5(n::text), 3))::uuid, r.agent_id, r.agent_name, r.by_user,
                CASE n % 2 WHEN 0 THEN 'failed' ELSE 'rejected' END,
                0, 1, 3, 0, 0, false, r.target, r.egress, r.isolation, r.labels, now(), now()
         FROM (SELECT * FROM runs LIMIT 1) r, generate_series(1, $1) n",
        "INSERT INTO audit_entries (tenant_id, at, actor, action, resource, purpose)
         SELECT current_setting('app.tenant')::uuid, now() - n * interval '1 second', 'server', 'member.edit', 'member:' || n, ''
         FROM generate_series(1, $1) n",
    ] {
        let put = sqlx::query(statement).bind(MORE).execute(&mut role).await.unwrap();
        assert_eq!(put.rows_affected(), MORE.unsigned_abs());
    }
    role.close().await.unwrap();
    app.database
        .as_owner()
        .await
        .execute("ANALYZE")
        .await
        .unwrap();
    let before = read(&app, others + MORE + PAGE).await;

    // Often enough that statements are no longer planned for the values that are asked for.
    peer.connect().await;
    start().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    for _ in 1..OFTEN {
        let run = start().await;
        let path = format!("/runs/{}/cancel", run.id);
        app.post::<Run>(&path, &json!({})).await.unwrap();
        let said = peer.event(&offer, "note", json!({}), None).await;
        peer.acknowledged(said).await;
    }
    let done = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(done).await;
    for list in
        plans::LISTS
            .into_iter()
            .chain(["/runners", "/providers", "/tokens", "/runs?state=waiting"])
    {
        let path = list.replace("{project}", &project.name);
        let path = path.replace("{card}", &first.card.to_string());
        for _ in 0..OFTEN {
            let said = app.get::<serde_json::Value>(&path).await;
            assert!(said.is_ok(), "{path}: {said:?}");
        }
    }
    app.stop().await;
    let after = read(&app, others + MORE + PAGE + OFTEN).await;
    let more: Vec<i64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
    assert!(
        more.iter().all(|&more| more < MORE / 2),
        "{more:?} entries of cards, runs and the audit log are read"
    );
}
