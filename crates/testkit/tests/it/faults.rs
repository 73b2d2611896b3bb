//! What must not stop, double or lose anything: a standstill, a full disk, a clock that steps back.
use chrono::{DateTime, TimeDelta};
use freehold_model::run::{JobKind, Outcome, State};
use freehold_model::{Isolation, OrderId, ProjectId, Reason, TenantId};
use freehold_testkit::peer::{reference, work};
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{Card, Event, Page, Project, Run};
use freehold_wire::content::{Content, Place};
use freehold_wire::dsse::Envelope;
use freehold_wire::dsse::ed25519::VerifyingKey;
use freehold_wire::link::{Down, Finished, Frame, Offer, RunEvent, Up};
use freehold_wire::order::{ORDER, Order};
use serde_json::json;
use sqlx::Executor as _;
use tokio::sync::Mutex;

use crate::board::{agent, card, project};
use crate::link::{run, started, started_on};

pub(crate) fn finished(offer: &Offer, outcome: Outcome) -> Finished {
    Finished {
        job: reference(offer),
        outcome,
        detail: None,
        checks: vec![],
        diff: None,
        transcript: None,
        isolation: None,
        in_force: vec![],
        agent_version: None,
    }
}

pub(crate) fn order(peer: &Peer, offer: &Offer) -> Order {
    let place = Place::new(
        peer.tenant,
        offer.run,
        "order/execute",
        u64::from(offer.turn),
    );
    let sealed = Content::from_bytes(offer.order.clone());
    let plain = peer.key.as_ref().unwrap().open(&place, &sealed).unwrap();
    let envelope: Envelope = serde_json::from_slice(&plain).unwrap();
    let pinned = VerifyingKey::from_bytes(peer.order_key.as_slice().try_into().unwrap()).unwrap();
    envelope.verify(ORDER, &pinned).unwrap()
}

#[tokio::test]
async fn runs_that_cannot_start_do_not_stand_in_the_way_of_one_that_can() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    let first = card(&app, &project, "The one they wait for").await;
    for n in 0..101 {
        let new =
            json!({ "project": "demo", "title": format!("Later {n}"), "depends": [first.id] });
        let card: Card = app.post("/cards", &new).await.unwrap();
        app.post::<Run>(&format!("/cards/{}/runs", card.id), &json!({}))
            .await
            .unwrap();
    }
    let start: Run = app
        .post(&format!("/cards/{}/runs", first.id), &json!({}))
        .await
        .unwrap();
    assert_eq!(peer.offer().await.run, start.id);
}

#[tokio::test]
async fn a_server_that_was_away_gives_runners_the_time_to_say_that_they_are_still_there() {
    let (mut app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    peer.vanish();
    // Before the time passes: a look that is under way would see a runner that was silent so long.
    app.stop().await;
    app.clock.advance(TimeDelta::minutes(2));
    let app = app.restart().await;
    // Several looks of the reconcilers.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    peer.connect().await;
    peer.beat(&offer).await;
    let told = peer
        .until(|down| matches!(down, Down::Ack {} | Down::Drop(_)).then(|| down.clone()))
        .await;
    assert_eq!(told, Down::Ack {}, "it still holds the run");
    let now = run(&app, started.id).await;
    assert_eq!((now.state, now.epoch, now.attempt), (State::Running, 1, 1));
    app.clock.advance(TimeDelta::seconds(46));
    assert_eq!(peer.offer().await.epoch, 2, "silence loses it all the same");
}

/// The control is every installation that `freehold up` begins: its server asks the same.
#[tokio::test]
async fn a_database_that_may_forget_what_it_committed_is_told_apart() {
    let app = App::start().await;
    // The one for tests does not wait for the disk.
    let refused = app.engine.store().require_durable().await.unwrap_err();
    let freehold_store::StoreError::NotDurable { setting } = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(setting, "fsync");
}

/// F21: what was promised to a runner is counted in the one clock that all servers share.
#[tokio::test]
async fn a_servers_clock_that_jumps_takes_no_lease() {
    let app = App::start_with_databases_time().await;
    let (mut peer, started) = started_on(&app).await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    for by in [TimeDelta::days(1), TimeDelta::days(-2)] {
        app.clock.advance(by);
        // Several looks of the reconcilers.
        tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
        let now = run(&app, started.id).await;
        assert_eq!((now.state, now.epoch, now.attempt), (State::Running, 1, 1));
    }
    // What is handed in by the clock of the day after tomorrow is taken all the same.
    let seq = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    assert_eq!(run(&app, started.id).await.state, State::Waiting);
}

/// I9: who is told that the server failed can say which of its log's lines are about it.
#[tokio::test]
async fn what_the_server_fails_at_has_a_word_to_find_it_by_in_the_log() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    let mut owner = app.database.as_owner().await;
    owner
        .execute(
            "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER no_space BEFORE INSERT ON cards
             FOR EACH ROW EXECUTE FUNCTION no_space()",
        )
        .await
        .unwrap();
    let new = json!({ "project": project.id, "title": "Nowhere to put it" });
    let mut words = std::collections::BTreeSet::new();
    for _ in 0..2 {
        let refused = app.post::<Card>("/cards", &new).await.unwrap_err();
        assert_eq!(refused.status, 503, "{refused:?}");
        words.insert(refused.correlation.unwrap());
    }
    assert_eq!(words.len(), 2, "each request has its own: {words:?}");
    // What the client can mend is in no log.
    let refused = app.get::<Card>("/cards/nothing").await.unwrap_err();
    assert_eq!((refused.status, refused.correlation), (404, None));
}

/// F16: a session that cannot begin is a database that is away, whatever code the database says it under.
#[tokio::test]
async fn a_database_that_lets_nobody_in_is_away_and_no_error_of_ours() {
    let app = App::start().await;
    let elsewhere = freehold_testkit::Database::empty().await;
    let mut owner = elsewhere.as_owner().await;
    let mut session = app.database.as_app().await;
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&mut session)
        .await
        .unwrap();
    let close = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
    owner.execute(sqlx::AssertSqlSafe(close)).await.unwrap();
    session
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
    let refused = app.get::<Page<Card>>("/cards").await.unwrap_err();
    assert_eq!(refused.status, 503, "{refused:?}");
}

/// F46: whoever comes when the database is back is answered, though all connections that were used a moment ago
/// ended with it.
#[tokio::test]
async fn a_database_that_is_back_fails_nobody_who_comes_then() {
    const AT_ONCE: usize = 8;
    const TIMES: usize = 4;
    let app = App::start().await;
    let mut session = app.database.as_app().await;
    let asked = async || {
        let all = (0..AT_ONCE).map(|_| app.get::<Page<Run>>("/runs"));
        futures_util::future::join_all(all).await
    };
    for _ in 0..TIMES {
        for page in asked().await {
            page.unwrap();
        }
        let ended: Vec<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity, pg_terminate_backend(pid)
             WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()",
        )
        .fetch_all(&mut session)
        .await
        .unwrap();
        assert!(ended.len() >= AT_ONCE / 2, "{ended:?}");
        let session = Mutex::new(&mut session);
        eventually("the server to listen again", async || {
            let listens: Option<bool> = sqlx::query_scalar(
                "SELECT bool_or(query LIKE 'LISTEN%') AND NOT bool_or(pid = ANY ($1))
                 FROM pg_stat_activity WHERE datname = current_database()
                     AND usename = current_user AND pid <> pg_backend_pid()",
            )
            .bind(&ended)
            .fetch_one(&mut **session.lock().await)
            .await
            .unwrap();
            (listens == Some(true)).then_some(())
        })
        .await;
        for page in asked().await {
            page.unwrap();
        }
    }
}

#[tokio::test]
async fn a_full_disk_drops_no_frame() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    let mut owner = app.database.as_owner().await;
    owner
        .execute(
            "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER no_space BEFORE INSERT ON run_events
             FOR EACH ROW WHEN (NEW.kind = 'note') EXECUTE FUNCTION no_space()",
        )
        .await
        .unwrap();
    let note = Up::Event(RunEvent {
        run: offer.run,
        epoch: 1,
        n: 1,
        ts: chrono::Utc::now(),
        kind: "note".into(),
        meta: json!({ "text": "kept" }),
        content: None,
    });
    let seq = peer.put(note.clone()).await;
    while let Some(frame) = peer.hear_or_end().await {
        assert!(frame.ack.is_none_or(|ack| ack < seq), "{frame:?}");
    }
    owner
        .execute("DROP TRIGGER no_space ON run_events")
        .await
        .unwrap();
    peer.connect().await;
    assert!(peer.acked < seq);
    let again = Frame {
        seq: Some(seq),
        ..Frame::new(note)
    };
    peer.say(&again).await;
    peer.acknowledged(seq).await;
    let events: Page<Event> = app
        .get(&format!("/runs/{}/events", started.id))
        .await
        .unwrap();
    assert_eq!(events.items.last().unwrap().payload["text"], "kept");
}

#[tokio::test]
async fn a_job_that_was_cancelled_before_it_was_heard_of_is_offered_and_stopped_at_once() {
    let (app, mut peer, started) = started().await;
    peer.offer().await;
    peer.vanish();
    let path = format!("/runs/{}/cancel", started.id);
    app.post::<Run>(&path, &json!({})).await.unwrap();
    peer.connect().await;
    let offer = peer
        .until(|down| match down {
            Down::Offer(offer) => Some(Some((**offer).clone())),
            Down::Cancel(_) => Some(None),
            _ => None,
        })
        .await
        .expect("a runner cannot stop what it has not heard of");
    peer.until(|down| matches!(down, Down::Cancel(_)).then_some(()))
        .await;
    peer.accept(&offer).await;
    let seq = peer.finish(&offer, Outcome::Cancelled).await;
    peer.acknowledged(seq).await;
    assert_eq!(run(&app, started.id).await.state, State::Cancelled);
}

#[tokio::test]
async fn the_latest_order_is_the_latest_turn_s_though_the_clock_stepped_back() {
    let (app, _peer, started) = started().await;
    let store = app.engine.store();
    let mut tx = store.begin(app.owner.tenant).await.unwrap();
    let at = DateTime::UNIX_EPOCH;
    let early = OrderId::at(at, [0; 10]);
    tx.order_insert(early, started.id, JobKind::Execute, 1, b"reply", at)
        .await
        .unwrap();
    let wanted = [(started.id, JobKind::Execute), (started.id, JobKind::Land)];
    let latest = tx.orders_latest(&wanted).await.unwrap();
    let [(of, latest)] = latest.try_into().unwrap();
    assert_eq!(of, started.id);
    assert_eq!((latest.turn, latest.envelope), (1, b"reply".to_vec()));
}

#[tokio::test]
async fn what_a_landing_was_refused_for_is_not_said_of_the_turn_after_it() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let seq = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    let decide = async |what: &str, body: serde_json::Value| {
        app.post::<Run>(&format!("/runs/{}/{what}", started.id), &body)
            .await
            .unwrap()
    };
    decide("approve", json!({})).await;
    let landing = peer.offer().await;
    let place = Place::new(peer.tenant, landing.run, "detail", landing.epoch.into());
    let key = peer.key.clone().unwrap();
    let sealed = key
        .seal(&place, b"both changed a", &freehold_testkit::TestEntropy)
        .unwrap();
    let refused = Finished {
        detail: Some(sealed.into_bytes()),
        ..finished(
            &landing,
            Outcome::Refused {
                reason: Reason::Conflict,
            },
        )
    };
    let seq = peer.put(Up::Finished(Box::new(refused))).await;
    peer.acknowledged(seq).await;
    let waiting = run(&app, started.id).await;
    assert_eq!(waiting.detail.as_deref(), Some("both changed a"));
    decide("reply", json!({ "text": "bring it up to date" })).await;
    let next = peer.offer().await;
    assert_eq!(next.turn, 1);
    assert_eq!(run(&app, started.id).await.detail, None);
}

#[tokio::test]
async fn what_a_runner_reports_does_not_loosen_the_next_order() {
    let (app, mut peer, started) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let loose = Finished {
        isolation: Some("none".into()),
        ..finished(&offer, work(&offer, &"c".repeat(40)))
    };
    let seq = peer.put(Up::Finished(Box::new(loose))).await;
    peer.acknowledged(seq).await;
    assert_eq!(run(&app, started.id).await.isolation, "none", "as reported");
    let reply = json!({ "text": "go on" });
    app.post::<Run>(&format!("/runs/{}/reply", started.id), &reply)
        .await
        .unwrap();
    let next = peer.offer().await;
    assert_eq!(order(&peer, &next).isolation, Isolation::Sandbox);
}

/// A tenant that was made before all others, with a run that nobody can read.
async fn damaged(app: &App) {
    let tenant = TenantId::at(DateTime::UNIX_EPOCH, [0; 10]);
    let id = ProjectId::at(DateTime::UNIX_EPOCH, [0; 10]).uuid();
    let mut tx = app.engine.store().begin(tenant).await.unwrap();
    tx.tenant_insert("damaged", DateTime::UNIX_EPOCH)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut role = app.database.as_tenant(tenant).await;
    for statement in [
        "INSERT INTO projects VALUES ($1, $2, 'p', 'none', '', '', '', now())",
        "INSERT INTO agents VALUES ($1, $2, 'a', 'command', NULL, NULL, '{}', 1, 1, '', now())",
        "INSERT INTO cards VALUES ($1, $2, $2, 'Build', '', '', 1, false, now(), now())",
        "INSERT INTO runs (tenant_id, id, project_id, card_id, agent_id, agent_name, by_user, state,
             epoch, attempt, attempts_max, land_attempt, turn, cancel_requested, target, egress,
             isolation, labels, created_at)
         VALUES ($1, $2, $2, $2, $2, 'a', $2, 'queued', 0, 1, 3, 0, 0, false, 'main', 'none',
             'sandbox', '[]', now())",
        "INSERT INTO queue_ready VALUES ($1, $2, $2, 'execute', now())",
    ] {
        sqlx::query(statement)
            .bind(tenant.uuid())
            .bind(id)
            .execute(&mut role)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_tenant_that_cannot_be_looked_after_does_not_stop_the_others() {
    let (app, mut peer, started) = started().await;
    peer.offer().await;
    damaged(&app).await;
    let projects: Page<Project> = app.get("/projects").await.unwrap();
    let card = card(&app, &projects.items[0], "Another").await;
    let second: Run = app
        .post(&format!("/cards/{}/runs", card.id), &json!({}))
        .await
        .unwrap();
    assert_ne!(second.id, started.id);
    eventually("the second run to be offered", async || {
        (run(&app, second.id).await.state == State::Dispatching).then_some(())
    })
    .await;
}
