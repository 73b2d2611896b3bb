//! What only grows is kept in bounds: what happened in runs goes month by month.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use freehold_model::run::State;
use freehold_model::{RunId, TenantId};
use freehold_testkit::{App, Database, Peer};
use freehold_wire::api::{Event, Page, Run};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use crate::board::{agent, card, project};

static STEPS: Migrator = sqlx::migrate!("../store/migrations");

/// The instant so many days ago, in whose month tables begin.
fn ago(days: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::days(days)
}

fn month(at: DateTime<Utc>) -> String {
    at.format("%Y%m").to_string()
}

/// In which table each of a run's events lies, seen through the whole.
async fn lie(role: &mut PgConnection, run: RunId) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT DISTINCT tableoid::regclass::text FROM run_events WHERE run_id = $1 ORDER BY 1",
    )
    .bind(run.uuid())
    .fetch_all(role)
    .await
    .unwrap()
}

/// A run that was asked for then.
async fn asked(app: &App, peer: &mut Peer, days: i64, name: &str) -> Run {
    app.clock.advance(TimeDelta::days(-days));
    let project = project(app, peer, name).await;
    let card = card(app, &project, "One").await;
    let path = format!("/cards/{}/runs", card.id);
    let run: Run = app
        .post(&path, &json!({ "agent": "worker" }))
        .await
        .unwrap();
    app.clock.advance(TimeDelta::days(days));
    run
}

#[tokio::test]
async fn what_happened_in_runs_goes_month_by_month_and_says_so() {
    let app = App::start_in_past(ago(400)).await;
    let mut peer = Peer::enrol(&app).await;
    peer.capacity = 0;
    peer.connect().await;
    agent(&app, "worker").await;
    let ended = asked(&app, &mut peer, 200, "ended").await;
    let _: Run = app
        .post(&format!("/runs/{}/cancel", ended.id), &json!({}))
        .await
        .unwrap();
    let live = asked(&app, &mut peer, 120, "live").await;
    let young = asked(&app, &mut peer, 1, "young").await;
    let _: Run = app
        .post(&format!("/runs/{}/cancel", young.id), &json!({}))
        .await
        .unwrap();
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    for (run, days) in [(&ended, 200), (&live, 120), (&young, 1)] {
        let table = format!("run_events_{}", month(ago(days)));
        assert_eq!(lie(&mut role, run.id).await, [table]);
    }

    let nothing = app.engine.tidy(None).await.unwrap();
    assert!(nothing.dropped.is_empty(), "for ever is for ever");
    let nothing = app.engine.tidy(Some(TimeDelta::days(390))).await.unwrap();
    assert_eq!(
        nothing.dropped,
        ["first"],
        "all in it is older, and nothing is in it"
    );
    let tidied = app.engine.tidy(Some(TimeDelta::days(60))).await.unwrap();
    assert!(tidied.dropped.contains(&month(ago(200))), "{tidied:?}");
    assert!(
        !tidied.dropped.contains(&month(ago(120))),
        "one began then that has not ended"
    );
    assert!(
        !tidied.dropped.contains(&month(ago(61))),
        "it had not ended then, or only just"
    );

    for path in ["events", "events/stream", "logs"] {
        let gone = app
            .get::<serde_json::Value>(&format!("/runs/{}/{path}", ended.id))
            .await;
        assert_eq!(gone.unwrap_err().code, Code::EventsGone, "{path}");
    }
    let run: Run = app.get(&format!("/runs/{}", ended.id)).await.unwrap();
    assert_eq!(run.state, State::Cancelled, "the run itself stays");
    for run in [&live, &young] {
        let page: Page<Event> = app.get(&format!("/runs/{}/events", run.id)).await.unwrap();
        assert!(!page.items.is_empty());
    }
    // It is well to go on: the live one's events are numbered on, and a new run's month is there.
    let _: Run = app
        .post(&format!("/runs/{}/cancel", live.id), &json!({}))
        .await
        .unwrap();
    let tidied = app.engine.tidy(Some(TimeDelta::days(60))).await.unwrap();
    assert_eq!(tidied.dropped, [month(ago(120))]);
    assert_eq!(
        app.engine
            .tidy(Some(TimeDelta::days(60)))
            .await
            .unwrap()
            .dropped,
        [""; 0]
    );
}

#[tokio::test]
async fn what_lay_without_a_month_moves_into_its_own() {
    let app = App::start_in_past(ago(40)).await;
    let database = &app.database;
    let mut role = database.as_tenant(app.owner.tenant).await;
    let far = Utc::now() + TimeDelta::days(150);
    // A clock that ran ahead by five months; the server made the months up to the one after next.
    let run = RunId::at(far, [1; 10]);
    insert(&mut role, app.owner.tenant, run).await;
    assert_eq!(lie(&mut role, run).await, ["run_events_rest"]);
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM event_months ORDER BY from_at")
        .fetch_all(&mut role)
        .await
        .unwrap();
    assert_eq!(names[0], "first");
    assert_eq!(names[1], month(ago(40)));
    assert!(
        names.contains(&month(Utc::now() + TimeDelta::days(31))),
        "{names:?}"
    );
    assert!(names.len() <= 6, "{names:?}");

    // As if its time had come: the owner lets the months before it be there.
    let mut owner = database.as_owner().await;
    let first = far.date_naive().with_day(1).unwrap().to_string();
    let skip = format!(
        "UPDATE event_months SET until_at = '{first} 00:00+00' WHERE until_at = (SELECT max(until_at) FROM event_months)"
    );
    owner.execute(AssertSqlSafe(skip)).await.unwrap();
    let make = "SELECT pg_get_functiondef('months_make'::regproc)";
    let make: String = sqlx::query_scalar(make)
        .fetch_one(&mut owner)
        .await
        .unwrap();
    let later = make.replace("interval '2 months'", "interval '5 months'");
    assert_ne!(make, later);
    owner.execute(AssertSqlSafe(later)).await.unwrap();
    assert!(app.engine.store().months_make().await.unwrap() >= 1);
    assert_eq!(
        lie(&mut role, run).await,
        [format!("run_events_{}", month(far))]
    );
}

async fn insert(role: &mut PgConnection, tenant: TenantId, run: RunId) {
    sqlx::query(
        "INSERT INTO run_events (tenant_id, run_id, seq, ts, kind, meta, epoch, n)
         VALUES ($1, $2, 1, now(), 'note', '{}', 1, 1)",
    )
    .bind(tenant.uuid())
    .bind(run.uuid())
    .execute(role)
    .await
    .unwrap();
}

#[tokio::test]
async fn nobody_reaches_into_a_month_and_the_last_week_stays() {
    let app = App::start_in_past(ago(100)).await;
    let database = &app.database;
    let mut role = database.as_tenant(app.owner.tenant).await;
    let now = RunId::at(Utc::now(), [2; 10]);
    insert(&mut role, app.owner.tenant, now).await;
    for statement in [
        format!("SELECT * FROM run_events_{}", month(Utc::now())),
        format!(
            "INSERT INTO run_events_{0} SELECT * FROM run_events",
            month(Utc::now())
        ),
        "DELETE FROM run_events".to_owned(),
        "UPDATE run_events SET kind = 'x'".to_owned(),
        "DELETE FROM run_steps".to_owned(),
        "DROP TABLE run_events".to_owned(),
        "UPDATE event_months SET dropped_at = now()".to_owned(),
    ] {
        let refused = role.execute(AssertSqlSafe(statement.clone())).await;
        let refused = refused.unwrap_err().into_database_error().unwrap();
        assert_eq!(refused.code().as_deref(), Some("42501"), "{statement}");
    }
    // Another tenant sees nothing of it through the whole.
    let mut other = database
        .as_tenant(TenantId::from_uuid(uuid::Uuid::now_v7()))
        .await;
    assert_eq!(lie(&mut other, now).await, [""; 0]);
    let far = Utc::now() + TimeDelta::days(3000);
    let dropped = app.engine.store().months_drop(far, &[]).await.unwrap();
    assert!(dropped.len() >= 2, "{dropped:?}");
    assert_eq!(lie(&mut role, now).await.len(), 1);
    let late = RunId::at(Utc::now() - TimeDelta::days(6), [3; 10]);
    insert(&mut role, app.owner.tenant, late).await;
    assert_ne!(
        lie(&mut role, late).await,
        ["run_events_rest"],
        "that month is there"
    );
}

#[tokio::test]
async fn an_older_installation_s_events_are_all_there_afterwards() {
    let database = Database::empty().await;
    let mut owner = database.as_owner().await;
    STEPS.run_to(10, &mut owner).await.unwrap();
    let tenant = TenantId::from_uuid(uuid::Uuid::now_v7());
    let mut role = database.as_tenant(tenant).await;
    let old = RunId::at(ago(1000), [1; 10]);
    let new = RunId::at(Utc::now(), [2; 10]);
    let ahead = RunId::at(Utc::now() + TimeDelta::days(100), [3; 10]);
    for run in [old, new, ahead] {
        insert(&mut role, tenant, run).await;
        let step = "INSERT INTO run_steps VALUES ($1, $2, 1, 'agent', 'done', 0, now(), now())";
        let step = sqlx::query(step).bind(tenant.uuid()).bind(run.uuid());
        step.execute(&mut role).await.unwrap();
    }
    freehold_store::migrate(&database.owner).await.unwrap();
    assert_eq!(lie(&mut role, old).await, ["run_events_first"]);
    assert_eq!(lie(&mut role, new).await, ["run_events_first"]);
    assert_eq!(lie(&mut role, ahead).await, ["run_events_rest"]);
    let steps: i64 = sqlx::query_scalar("SELECT count(*) FROM run_steps")
        .fetch_one(&mut role)
        .await
        .unwrap();
    assert_eq!(steps, 3);
    // And they are not in two places.
    owner.execute("SET app.backup = 'on'").await.unwrap();
    let all: i64 = sqlx::query_scalar("SELECT count(*) FROM run_events")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(all, 3);
}

#[tokio::test]
async fn a_key_is_forgotten_two_days_later_and_is_a_new_request_then() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    let ask = async || {
        let body = json!({ "project": project.name, "title": "One" });
        let request = app
            .request(Method::POST, "/cards")
            .header("idempotency-key", "k");
        let card: serde_json::Value = app.send(request.json(&body)).await.unwrap();
        card["id"].as_str().unwrap().to_owned()
    };
    let first = ask().await;
    app.clock.advance(TimeDelta::hours(25));
    assert_eq!(app.engine.tidy(None).await.unwrap().keys, 0);
    assert_eq!(ask().await, first);
    app.clock.advance(TimeDelta::hours(24));
    assert_eq!(app.engine.tidy(None).await.unwrap().keys, 1);
    assert_ne!(ask().await, first);
}
