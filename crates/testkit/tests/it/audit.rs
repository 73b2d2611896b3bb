//! The audit log as a chain: whole, in order, signed, and what is tampered with shows.

use std::collections::BTreeSet;
use std::process::Command;

use freehold_testkit::{App, Database, eventually};
use freehold_wire::api::{AuditEntry, AuditHead, Page};
use freehold_wire::audit::{Broken, Verifier};
use freehold_wire::base64url;
use freehold_wire::problem::Code;
use reqwest::Method;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::board::agent;

static STEPS: Migrator = sqlx::migrate!("../store/migrations");

async fn export(app: &App, after: u64) -> Vec<String> {
    let path = format!("/audit/export?after={after}");
    let answer = app.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = answer.text().await.unwrap();
    text.lines().map(str::to_owned).collect()
}

fn verify(verifier: &mut Verifier, lines: &[String]) -> Result<(), Broken> {
    verifier.next_file();
    lines.iter().try_for_each(|line| verifier.take(line))
}

/// What a script that shares no code with us says of files.
fn second_opinion(files: &[&[String]]) -> std::process::Output {
    let directory = tempfile::tempdir().unwrap();
    let mut script = Command::new("python3");
    script.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../scripts/verify_audit.py"
    ));
    for (n, lines) in files.iter().enumerate() {
        let path = directory.path().join(n.to_string());
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        script.arg(path);
    }
    script.output().unwrap()
}

#[tokio::test]
async fn the_log_leaves_as_a_chain_that_anyone_can_check() {
    let app = App::start().await;
    agent(&app, "one").await;
    let first = export(&app, 0).await;
    let mut verifier = Verifier::new(None);
    verify(&mut verifier, &first).unwrap();
    let last = verifier.place().unwrap().clone();
    assert_eq!(verifier.seen.signed_to, last.n, "all of it is signed");
    let acts: Vec<String> = first.iter().map(|line| action(line)).collect();
    assert!(acts.contains(&"agent.create".to_owned()), "{acts:?}");
    assert_eq!(
        acts[acts.len() - 2],
        "audit.export",
        "and that it was carried away"
    );

    agent(&app, "two").await;
    let second = export(&app, last.n).await;
    verify(&mut verifier, &second).unwrap();
    assert!(verifier.seen.signed_to > last.n);
    let opinion = second_opinion(&[&first, &second]);
    let said = String::from_utf8(opinion.stdout).unwrap();
    assert!(
        said.contains(&format!("signed up to number {}", verifier.seen.signed_to)),
        "{said}"
    );
    let head: AuditHead = app.get("/audit/head").await.unwrap();
    assert_eq!(head.n, verifier.place().unwrap().n, "looking is no act");
    assert_eq!(head.hash, verifier.place().unwrap().hash.as_str());
    assert_eq!(
        base64url::decode(&head.key).unwrap(),
        verifier.head().unwrap().key
    );
    assert!(head.checkpoint.is_some());

    let mut forged = first.clone();
    // Not the last entry: a checkpoint may stand behind any.
    let at = forged
        .iter()
        .position(|line| action(line) == "agent.create")
        .unwrap();
    forged[at] = forged[at].replacen("create", "remove", 1);
    assert!(verify(&mut Verifier::new(None), &forged).is_err());
    let opinion = second_opinion(&[&forged]);
    assert!(!opinion.status.success());
    assert!(String::from_utf8_lossy(&opinion.stderr).contains(&format!("line {}", at + 1)));
    // A signature that is another's, which only a script that reads signatures finds.
    let mut forged = first.clone();
    let end = forged.len() - 1;
    let mut checkpoint: serde_json::Value = serde_json::from_str(&forged[end]).unwrap();
    let sig = &mut checkpoint["checkpoint"]["signatures"][0]["sig"];
    let mut bytes = base64url::decode(sig.as_str().unwrap()).unwrap();
    bytes[5] ^= 1;
    *sig = base64url::encode(&bytes).into();
    forged[end] = checkpoint.to_string();
    assert!(verify(&mut Verifier::new(None), &forged).is_err());
    let opinion = second_opinion(&[&forged]);
    assert!(!opinion.status.success(), "{opinion:?}");

    let beyond = app
        .get::<serde_json::Value>("/audit/export?after=9999")
        .await;
    assert_eq!(beyond.unwrap_err().code, Code::Invalid);
}

fn action(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["action"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn it_is_searched_and_read_in_parts() {
    let app = App::start().await;
    for n in 0..5 {
        agent(&app, &format!("agent-{n}")).await;
    }
    let list = async |query: &str| -> Page<AuditEntry> {
        app.get(&format!("/audit?{query}")).await.unwrap()
    };
    let made = list("action=agent.create").await;
    assert_eq!(made.items.len(), 5);
    assert!(made.items.is_sorted_by(|a, b| a.at >= b.at), "newest first");
    assert!(
        made.items
            .iter()
            .all(|entry| entry.actor_name.as_deref() == Some("Ada"))
    );
    assert_eq!(list("action=agent.").await.items.len(), 5);
    assert_eq!(list("action=agent").await.items.len(), 0);
    let one = &made.items[2].resource;
    assert_eq!(
        list(&format!("resource={one}")).await.items,
        [made.items[2].clone()]
    );
    let actor = &made.items[0].actor;
    let all = list(&format!("actor={actor}")).await.items;
    assert!(all.len() >= 5);
    assert_eq!(list("actor=usr_nobody").await.items.len(), 0);
    let at = made.items[2]
        .at
        .to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    assert_eq!(
        list(&format!("action=agent.&since={at}")).await.items.len(),
        3
    );
    assert_eq!(
        list(&format!("action=agent.&until={at}")).await.items.len(),
        2
    );
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = list(&format!("limit=2&action=agent.{after}")).await;
        assert!(page.items.len() <= 2);
        seen.extend(page.items);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let resources = |entries: &[AuditEntry]| -> Vec<String> {
        entries.iter().map(|entry| entry.resource.clone()).collect()
    };
    assert_eq!(resources(&seen), resources(&made.items));
    for wrong in ["since=yesterday", "after=x", "limit=x"] {
        let refused = app
            .get::<serde_json::Value>(&format!("/audit?{wrong}"))
            .await;
        assert_eq!(refused.unwrap_err().code, Code::Invalid, "{wrong}");
    }
    // A moment later each has its number, without gaps and with nobody asking for an export.
    eventually("all have their places", async || {
        let all = list("limit=200").await.items;
        let n: BTreeSet<u64> = all.iter().filter_map(|entry| entry.n).collect();
        let whole = (1..=all.len() as u64).collect::<BTreeSet<u64>>();
        (n == whole).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_in_the_log_once_with_where_it_came_from() {
    let app = App::start().await;
    let new = serde_json::json!({ "name": "reader", "scopes": ["read:board"], "days": 1 });
    let made: serde_json::Value = app.post("/tokens", &new).await.unwrap();
    let token = made["token"].as_str().unwrap();
    for _ in 0..3 {
        let url = format!("{}/api/v1/audit", app.url());
        let asked = reqwest::Client::new().get(url).bearer_auth(token).send();
        assert_eq!(asked.await.unwrap().status(), 403);
    }
    let page: Page<AuditEntry> = app.get("/audit?action=audit.read").await.unwrap();
    let [entry] = page.items.as_slice() else {
        unreachable!("once a minute: {page:?}");
    };
    assert_eq!(entry.outcome, "refused");
    assert_eq!(entry.resource, "/api/v1/audit");
    assert_eq!(entry.address, "127.0.0.1");
    assert_eq!(entry.correlation.len(), 16);
    let made: Page<AuditEntry> = app.get("/audit?action=token.create&limit=1").await.unwrap();
    assert_eq!(
        (
            made.items[0].outcome.as_str(),
            made.items[0].address.as_str()
        ),
        ("done", "127.0.0.1")
    );
}

#[tokio::test]
async fn several_servers_make_one_chain_of_what_happens_at_once() {
    let app = App::start().await;
    let other = app.beside().await;
    let make = async |app: &App, from: u32| {
        for n in from..from + 20 {
            agent(app, &format!("agent-{n}")).await;
            app.engine.audit_chain().await.unwrap();
        }
    };
    tokio::join!(make(&app, 0), make(&other, 20));
    let lines = export(&other, 0).await;
    let mut verifier = Verifier::new(None);
    verify(&mut verifier, &lines).unwrap();
    let made = lines.iter().filter(|line| action(line) == "agent.create");
    assert_eq!(made.count(), 40, "none is lost, and none is there twice");
}

#[tokio::test]
async fn what_is_changed_in_the_database_shows() {
    let app = App::start().await;
    for n in 0..3 {
        agent(&app, &format!("agent-{n}")).await;
    }
    let whole = export(&app, 0).await;
    verify(&mut Verifier::new(None), &whole).unwrap();
    let mut owner = app.database.as_owner().await;
    // One by one: whoever gives entries their places may hold another meanwhile.
    for table in ["audit_entries", "audit_chain", "audit_checkpoints"] {
        let open = format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY");
        owner.execute(AssertSqlSafe(open)).await.unwrap();
    }
    // A server that looked in between has signed the one that was the last then; that would be found first.
    let (seq, n): (i64, i64) = sqlx::query_as(
        "SELECT seq, n FROM audit_chain c WHERE tenant_id = $1 AND n > 1
             AND NOT EXISTS (SELECT FROM audit_checkpoints p WHERE p.tenant_id = $1 AND p.n = c.n)
         ORDER BY n LIMIT 1",
    )
    .bind(app.owner.tenant.uuid())
    .fetch_one(&mut owner)
    .await
    .unwrap();
    sqlx::query("UPDATE audit_entries SET action = 'nothing' WHERE seq = $1")
        .bind(seq)
        .execute(&mut owner)
        .await
        .unwrap();
    let broken = verify(&mut Verifier::new(None), &export(&app, 0).await).unwrap_err();
    assert_eq!(broken.why, format!("entry {n} is not as it was written"));
    sqlx::query("DELETE FROM audit_entries WHERE seq = $1")
        .bind(seq)
        .execute(&mut owner)
        .await
        .unwrap();
    let broken = verify(&mut Verifier::new(None), &export(&app, 0).await).unwrap_err();
    assert_eq!(
        broken.why,
        format!("entry {} follows entry {}", n + 1, n - 1)
    );
}

#[tokio::test]
async fn the_server_s_own_role_can_add_to_it_and_nothing_else() {
    let app = App::start().await;
    app.engine.audit_chain().await.unwrap();
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    for table in ["audit_entries", "audit_chain", "audit_checkpoints"] {
        let there = format!("SELECT count(*) FROM {table}");
        let there: i64 = sqlx::query_scalar(AssertSqlSafe(there))
            .fetch_one(&mut role)
            .await
            .unwrap();
        assert!(there > 0, "{table}: the positive control");
        for statement in [
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET tenant_id = tenant_id"),
            format!("TRUNCATE {table}"),
        ] {
            let refused = role
                .execute(AssertSqlSafe(statement.clone()))
                .await
                .unwrap_err();
            let code = refused
                .into_database_error()
                .unwrap()
                .code()
                .unwrap()
                .into_owned();
            assert_eq!(code, "42501", "{statement}");
        }
    }
}

#[tokio::test]
async fn what_an_older_installation_wrote_gets_its_place() {
    let database = Database::empty().await;
    let mut owner = database.as_owner().await;
    STEPS.run_to(12, &mut owner).await.unwrap();
    let tenant = uuid::Uuid::now_v7();
    let mut role = database.as_app().await;
    sqlx::query("SELECT set_config('app.tenant', $1, false)")
        .bind(tenant.to_string())
        .execute(&mut role)
        .await
        .unwrap();
    for statement in [
        "INSERT INTO tenants (id, name, created_at) VALUES (current_setting('app.tenant')::uuid, 't', now())",
        "INSERT INTO audit_entries (tenant_id, at, actor, action, resource, purpose)
         SELECT current_setting('app.tenant')::uuid, now(), 'a', 'b', n::text, 'd' FROM generate_series(1, 3) n",
    ] {
        role.execute(statement).await.unwrap();
    }
    freehold_store::migrate(&database.owner).await.unwrap();
    let waiting: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT queue_audits($1, 10)")
        .bind(uuid::Uuid::nil())
        .fetch_all(&mut role)
        .await
        .unwrap();
    assert_eq!(waiting, [tenant]);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM queue_audit")
        .fetch_one(&mut role)
        .await
        .unwrap();
    assert_eq!(rows, 3);
}
