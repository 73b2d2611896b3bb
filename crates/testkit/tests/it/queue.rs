//! The queue: whose turn it is, what does not stand in the way, who is looked after, and what those
//! who look after everybody can see.
use std::collections::BTreeSet;

use chrono::TimeDelta;
use freehold_model::run::State;
use freehold_model::{RunId, TenantId};
use freehold_store::Heard;
use freehold_testkit::{App, Database, Peer, eventually};
use freehold_wire::api::{Project, Run};
use freehold_wire::link::{Down, Offer};
use freehold_wire::problem::Code;
use serde_json::json;
use sqlx::Executor as _;

use crate::board::{agent, card, project};
use crate::link::{run, started};

/// A run of a new card.
async fn start(app: &App, project: &Project, words: serde_json::Value) -> Run {
    let card = card(app, project, "More").await;
    app.post(&format!("/cards/{}/runs", card.id), &words)
        .await
        .unwrap()
}

/// A runner that takes so many, with a project and an agent.
async fn workshop(capacity: u32) -> (App, Peer, Project) {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.capacity = capacity;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    (app, peer, project)
}

async fn done(peer: &mut Peer, offer: &Offer) {
    peer.accept(offer).await;
    let failed = freehold_model::run::Outcome::Failed {
        reason: freehold_model::Reason::AgentFailed,
    };
    let last = peer.finish(offer, failed).await;
    peer.acknowledged(last).await;
}

#[tokio::test]
async fn the_urgent_go_before_those_who_were_there_and_a_word_that_is_none_is_refused() {
    let (app, mut peer, project) = workshop(1).await;
    let first = start(&app, &project, json!({})).await;
    let offer = peer.offer().await;
    assert_eq!(offer.run, first.id);
    let normal = start(&app, &project, json!({})).await;
    let low = start(&app, &project, json!({ "priority": "low" })).await;
    let urgent = start(&app, &project, json!({ "priority": "urgent" })).await;
    let high = start(&app, &project, json!({ "priority": "high" })).await;
    done(&mut peer, &offer).await;
    for expected in [&urgent, &high, &normal, &low] {
        let offer = peer.offer().await;
        assert_eq!(offer.run, expected.id);
        done(&mut peer, &offer).await;
    }
    assert_eq!(run(&app, urgent.id).await.priority.name(), "urgent");
    let card = card(&app, &project, "One more").await;
    let wrong = app
        .post::<Run>(
            &format!("/cards/{}/runs", card.id),
            &json!({ "priority": "soon" }),
        )
        .await;
    assert_eq!(wrong.unwrap_err().code, Code::Invalid);
}

#[tokio::test]
async fn a_project_gets_its_share_however_many_another_has_in_line() {
    let (app, mut peer, big) = workshop(4).await;
    let small = project(&app, &mut peer, "small").await;
    let share = |n: u32| json!({ "share": n });
    for wrong in [0, 101] {
        let path = format!("/projects/{}", small.id);
        let refused = app
            .send::<Project>(
                app.request(reqwest::Method::PATCH, &path)
                    .json(&share(wrong)),
            )
            .await;
        assert_eq!(refused.unwrap_err().code, Code::Invalid);
    }
    let path = format!("/projects/{}", small.id);
    let edited: Project = app
        .send(app.request(reqwest::Method::PATCH, &path).json(&share(3)))
        .await
        .unwrap();
    assert_eq!(edited.share, 3);
    // The runner has its hands full, so that all are in line when it has not.
    let other = project(&app, &mut peer, "other").await;
    let mut held = Vec::new();
    for _ in 0..4 {
        start(&app, &other, json!({})).await;
        held.push(peer.offer().await);
    }
    let mut of_big = BTreeSet::new();
    for _ in 0..60 {
        of_big.insert(start(&app, &big, json!({})).await.id);
    }
    for _ in 0..4 {
        start(&app, &small, json!({})).await;
    }
    let mut taken = (0, 0);
    for offer in held {
        done(&mut peer, &offer).await;
        match of_big.contains(&peer.offer().await.run) {
            true => taken.0 += 1,
            false => taken.1 += 1,
        }
    }
    assert_eq!(taken, (1, 3));
}

#[tokio::test]
async fn hundreds_that_nobody_could_take_hold_up_nobody_behind_them() {
    let (app, mut peer, project) = workshop(1).await;
    let new = json!({ "name": "elsewhere", "driver": "command", "command": ["./work"],
                      "labels": { "gpu": "a100" } });
    let _: serde_json::Value = app.post("/agents", &new).await.unwrap();
    let mut blocked = None;
    for _ in 0..260 {
        blocked = Some(
            start(&app, &project, json!({ "agent": "elsewhere" }))
                .await
                .id,
        );
    }
    let behind = start(&app, &project, json!({ "agent": "worker" })).await;
    let offer = peer.offer().await;
    assert_eq!(offer.run, behind.id);
    let blocked = blocked.unwrap();
    eventually("the last to be told why it waits", async || {
        let why = run(&app, blocked).await.reason;
        (why == Some(freehold_model::Reason::NoRunnerWithLabel)).then_some(())
    })
    .await;
    // A runner that has the label is news: they are looked at as soon as it comes.
    let mut other = Peer::enrol(&app).await;
    other.labels.insert("gpu".into(), "a100".into());
    other.connect().await;
    let came = std::time::Instant::now();
    other.offer().await;
    assert!(
        came.elapsed().as_secs() < 3,
        "nobody waited for the next look"
    );
}

#[tokio::test]
async fn what_no_runner_of_one_server_could_take_another_servers_gets_at_once() {
    let (app, _plain, project) = workshop(1).await;
    let beside = app.beside().await;
    let mut gpu = Peer::enrol(&app).await;
    gpu.labels.insert("gpu".into(), "a100".into());
    gpu.capacity = 64;
    gpu.go_to(&beside);
    gpu.connect().await;
    let new = json!({ "name": "elsewhere", "driver": "command", "command": ["./work"],
                      "labels": { "gpu": "a100" } });
    let _: serde_json::Value = app.post("/agents", &new).await.unwrap();
    for _ in 0..12 {
        let asked = start(&app, &project, json!({ "agent": "elsewhere" })).await;
        let began = std::time::Instant::now();
        assert_eq!(gpu.offer().await.run, asked.id);
        let took = began.elapsed();
        assert!(took.as_secs() < 4, "it was put aside: {took:?}");
    }
}

/// Rows that owe their being there to nobody's request.
pub(crate) async fn as_tenant(app: &App, tenant: TenantId, statement: &'static str) {
    let mut role = app.database.as_tenant(tenant).await;
    role.execute(statement).await.unwrap();
}

#[tokio::test]
async fn only_tenants_with_something_to_do_are_looked_after() {
    let app = App::start().await;
    let store = app.engine.store();
    let tenant = |n: u8| TenantId::at(chrono::DateTime::UNIX_EPOCH, [n; 10]);
    for n in 1..=40 {
        let mut tx = store.begin(tenant(n)).await.unwrap();
        tx.tenant_insert("t", chrono::DateTime::UNIX_EPOCH)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(store.queue_tenants(None, 500).await.unwrap(), []);
    for n in [3, 7, 9] {
        as_tenant(
            &app,
            tenant(n),
            "INSERT INTO queue_ready SELECT current_setting('app.tenant')::uuid,
            gen_random_uuid(), gen_random_uuid(), 'execute', now() FROM generate_series(1, 500)",
        )
        .await;
    }
    // All that these have is put aside; of 9, all but one.
    for n in [5, 9, 11] {
        let later = "INSERT INTO queue_ready (tenant_id, run_id, project_id, kind, rank, look_at)
             SELECT current_setting('app.tenant')::uuid, gen_random_uuid(), gen_random_uuid(), 'execute',
                    now(), now() + interval '5 min' FROM generate_series(1, 500)";
        as_tenant(&app, tenant(n), later).await;
    }
    as_tenant(
        &app,
        tenant(7),
        "INSERT INTO queue_places
        SELECT current_setting('app.tenant')::uuid, gen_random_uuid(), NULL",
    )
    .await;
    as_tenant(
        &app,
        tenant(12),
        "INSERT INTO queue_leases SELECT current_setting('app.tenant')::uuid,
        gen_random_uuid(), gen_random_uuid(), 1, now() - interval '1 s', false",
    )
    .await;
    as_tenant(
        &app,
        tenant(13),
        "INSERT INTO queue_leases SELECT current_setting('app.tenant')::uuid,
        gen_random_uuid(), gen_random_uuid(), 1, now() + interval '5 min', false",
    )
    .await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let due = store.queue_tenants(after, 2).await.unwrap();
        let Some(last) = due.last() else { break };
        assert!(due.len() <= 2);
        after = Some(last.tenant);
        seen.extend(due.iter().map(|d| (d.tenant, d.ready, d.expired, d.places)));
    }
    let expected = [
        (tenant(3), true, false, false),
        (tenant(7), true, false, true),
        (tenant(9), true, false, false),
        (tenant(12), false, true, false),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn heartbeats_of_many_renew_what_is_their_own_and_nothing_else() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    let accepted = peer.accept(&offer).await;
    peer.acknowledged(accepted).await;
    let store = app.engine.store();
    let until = async || -> chrono::DateTime<chrono::Utc> {
        let mut tx = store.begin(peer.tenant).await.unwrap();
        let row = tx.run_lock_lease(started.id).await.unwrap().unwrap();
        // Its lock is gone when this returns: a heartbeat leaves a locked lease alone.
        tx.commit().await.unwrap();
        row.life.lease.unwrap().until
    };
    let before = until().await;
    let hour = TimeDelta::hours(1);
    let mut other = Peer::enrol(&app).await;
    other.connect().await;
    let stranger = TenantId::at(chrono::DateTime::UNIX_EPOCH, [9; 10]);
    let beat = |tenant, runner, run: RunId, epoch| Heard {
        tenant,
        runner,
        jobs: vec![(run, epoch)],
    };
    let (tenant, id) = (peer.tenant, started.id);
    // Another runner of the tenant, another epoch, another tenant: none of them holds it.
    let false_ones = [
        beat(tenant, other.runner, id, 1),
        beat(tenant, peer.runner, id, 2),
        beat(stranger, peer.runner, id, 1),
    ];
    let told = store.queue_heard(&false_ones, hour).await.unwrap();
    let lost: Vec<_> = told.into_iter().map(|tell| tell.lost).collect();
    assert_eq!(lost, [vec![(id, 1)], vec![(id, 2)], vec![(id, 1)]]);
    assert_eq!(until().await, before, "nobody else renews a lease");
    let mut all = vec![
        Heard {
            tenant,
            runner: other.runner,
            jobs: vec![]
        };
        100
    ];
    all.push(beat(tenant, peer.runner, id, 1));
    let told = store.queue_heard(&all, hour).await.unwrap();
    assert_eq!(told.len(), 101);
    assert!(told.iter().all(|tell| tell.lost.is_empty() && !tell.untold));
    let renewed = until().await;
    assert!(renewed > before + TimeDelta::minutes(30));
    // A shorter one takes nothing back.
    store
        .queue_heard(&[beat(tenant, peer.runner, id, 1)], TimeDelta::seconds(1))
        .await
        .unwrap();
    assert_eq!(until().await, renewed);
    // Whoever is no runner here is looked at.
    let told = store.queue_heard(&false_ones[2..], hour).await.unwrap();
    assert!(told[0].untold);
    // What is to be repeated is said.
    let _: Run = app.post(&format!("/runs/{id}/cancel"), &()).await.unwrap();
    let told = store
        .queue_heard(&[beat(tenant, peer.runner, id, 1)], hour)
        .await
        .unwrap();
    assert!(told[0].untold);
    peer.until(|down| matches!(down, Down::Cancel(_)).then_some(()))
        .await;
    assert_eq!(run(&app, id).await.state, State::Running);
}

#[tokio::test]
async fn whoever_serves_all_tenants_sees_ids_and_times_and_no_other_table() {
    let database = Database::create().await;
    let mut owner = database.as_owner().await;
    // The functions that act as the owner are these and no others.
    let functions: Vec<String> = sqlx::query_scalar(
        "SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = 'public' AND p.prosecdef ORDER BY 1",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(
        functions,
        [
            "audit_cut",
            "audit_fade",
            "device_ask",
            "device_decide",
            "device_look",
            "device_poll",
            "device_use",
            "list_tenants",
            "lookup_access",
            "lookup_credential",
            "lookup_enrolment",
            "lookup_identity",
            "lookup_invitation",
            "lookup_registration",
            "lookup_reset",
            "lookup_runner",
            "lookup_session",
            "lookup_token",
            "lookup_user",
            "mail_put",
            "mail_take",
            "months_drop",
            "months_make",
            "oidc_begin",
            "oidc_set_out",
            "oidc_use",
            "person_organizations",
            "person_sessions",
            "person_sign_out",
            "person_tokens_end",
            "post_tidy",
            "queue_audits",
            "queue_heard",
            "queue_tenants",
            "queue_unsigned",
            "queue_webhook_tenants",
            "registration_use"
        ]
    );
    // And the owner sees rows of these tables only, as its policies say, but for a backup: no function
    // above names another table, whatever its session says.
    let seen: Vec<(String, String)> = sqlx::query_as(
        "SELECT tablename::text, policyname::text FROM pg_policies
         WHERE schemaname = 'public' AND NOT (roles = '{freehold_app}')
           AND NOT (policyname = 'backup' AND cmd = 'SELECT'
                    AND qual = '(current_setting(''app.backup''::text, true) = ''on''::text)') ORDER BY 1",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let tables: Vec<&str> = seen.iter().map(|(table, _)| table.as_str()).collect();
    assert_eq!(
        tables,
        [
            "audit_chain",
            "audit_checkpoints",
            "audit_cuts",
            "audit_entries",
            "device_codes",
            "invitations",
            "mails",
            "members",
            "oidc_begun",
            "queue_audit",
            "queue_leases",
            "queue_places",
            "queue_ready",
            "queue_unsigned",
            "queue_webhooks",
            "registrations",
            "runner_presence",
            "runner_sessions",
            "runners",
            "tenants",
            "tokens",
            "tokens",
            "tokens",
            "user_identities",
            "user_resets",
            "users"
        ]
    );
    // None of the queue's columns can hold content.
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT column_name::text, data_type::text FROM information_schema.columns
         WHERE table_name LIKE 'queue_%' OR table_name = 'runner_presence' ORDER BY 1",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    for (column, kind) in columns {
        let is_plain = [
            "uuid",
            "integer",
            "bigint",
            "boolean",
            "timestamp with time zone",
        ]
        .contains(&kind.as_str());
        assert!(
            is_plain || (column == "kind" && kind == "text"),
            "{column} {kind}"
        );
    }
}

#[tokio::test]
async fn the_queue_of_an_older_installation_is_filled_from_what_it_holds() {
    let database = Database::empty().await;
    let mut owner = database.as_owner().await;
    for step in [
        include_str!("../../../store/migrations/0001_core.sql"),
        include_str!("../../../store/migrations/0002_runner_ids.sql"),
        include_str!("../../../store/migrations/0003_studio.sql"),
        include_str!("../../../store/migrations/0004_machine.sql"),
        include_str!("../../../store/migrations/0005_isolation.sql"),
        include_str!("../../../store/migrations/0006_environment.sql"),
        include_str!("../../../store/migrations/0007_directory.sql"),
    ] {
        owner.execute(step).await.unwrap();
    }
    let mut app = database.as_app().await;
    app.execute("SELECT set_config('app.tenant', '00000000-0000-0000-0000-000000000001', false)")
        .await
        .unwrap();
    app.execute(OLDER).await.unwrap();
    owner
        .execute(include_str!("../../../store/migrations/0008_queue.sql"))
        .await
        .unwrap();
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT right(run_id::text, 2), kind FROM queue_ready
         UNION ALL SELECT right(run_id::text, 2), 'lease ' || epoch FROM queue_leases
         UNION ALL SELECT right(runner_id::text, 2), 'runner' FROM runner_presence ORDER BY 1",
    )
    .fetch_all(&mut app)
    .await
    .unwrap();
    let expected = [
        ("11", "execute"),
        ("12", "lease 3"),
        ("13", "land"),
        ("21", "runner"),
    ];
    assert_eq!(
        rows,
        expected.map(|(id, what)| (id.to_owned(), what.to_owned()))
    );
}

/// A run that is queued, one that a runner has, one that is to land, and one that has ended.
const OLDER: &str = "
    INSERT INTO tenants VALUES ('00000000-0000-0000-0000-000000000001', 't', now());
    INSERT INTO projects (tenant_id, id, name, egress, record_remote, record_ref, record_path, created_at)
        SELECT id, id, 'p', 'none', '', '', '', now() FROM tenants;
    INSERT INTO agents (tenant_id, id, name, driver, labels, timeout_s, stall_s, start, created_at, isolation)
        SELECT id, id, 'a', 'command', '{}', 1, 1, '', now(), 'sandbox' FROM tenants;
    INSERT INTO runners (tenant_id, id, name, signing_key, seal_key, labels, capacity, version, last_seen, created_at)
        SELECT id, '00000000-0000-0000-0000-000000000021', 'r', '', '', '{}', 1, '', now(), now() FROM tenants;
    INSERT INTO cards (tenant_id, id, project_id, lane, title, body, version, created_at, updated_at, rank)
        SELECT t.id, c::uuid, t.id, 'Build', '', '', 1, now(), now(), 1 FROM tenants t,
            unnest(ARRAY['00000000-0000-0000-0000-000000000011', '00000000-0000-0000-0000-000000000012',
                         '00000000-0000-0000-0000-000000000013', '00000000-0000-0000-0000-000000000014']) c;
    INSERT INTO runs (tenant_id, id, project_id, card_id, agent_id, agent_name, by_user, state, epoch, attempt,
        attempts_max, land_attempt, turn, cancel_requested, lease_job, lease_kind, lease_runner, lease_accepted,
        lease_until, target, egress, isolation, isolation_asked, labels, created_at)
        SELECT t.id, v.id::uuid, t.id, v.id::uuid, t.id, 'a', t.id, v.state, v.epoch, 1, 3, 0, 0, false,
            CASE WHEN v.held THEN t.id END, CASE WHEN v.held THEN 'execute' END,
            CASE WHEN v.held THEN '00000000-0000-0000-0000-000000000021'::uuid END,
            CASE WHEN v.held THEN true END, CASE WHEN v.held THEN now() END,
            'main', 'none', 'sandbox', 'sandbox', '{}', now()
        FROM tenants t, (VALUES ('00000000-0000-0000-0000-000000000011', 'queued', 0, false),
            ('00000000-0000-0000-0000-000000000012', 'running', 3, true),
            ('00000000-0000-0000-0000-000000000013', 'landing', 1, false),
            ('00000000-0000-0000-0000-000000000014', 'failed', 1, false)) v (id, state, epoch, held);";
