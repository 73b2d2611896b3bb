//! How long the audit log is kept: what is old goes, what stays proves itself, and nothing goes that is young
//! or unsigned.

use std::process::Command;

use chrono::{TimeDelta, Utc};
use freehold_engine::audit_keep::{AuditKeep, LetGo};
use freehold_engine::{AuditPart, Caller};
use freehold_model::TenantId;
use freehold_store::{NewAudit, Outcome};
use freehold_testkit::App;
use freehold_wire::api::{AuditHead, Page};
use freehold_wire::audit::{Broken, Verifier};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

const KEEP: AuditKeep = AuditKeep {
    security: Some(TimeDelta::days(730)),
    reading: Some(TimeDelta::days(90)),
};

/// An organization that is so many days old.
async fn founded(app: &App, days: i64) -> Caller {
    app.clock.advance(TimeDelta::days(-days));
    let caller = app.engine.tenant_create("Old").await.unwrap();
    app.engine.audit_chain().await.unwrap();
    app.clock.advance(TimeDelta::days(days));
    caller
}

/// An entry that was written, and got its place, so many days ago.
async fn wrote(app: &App, tenant: TenantId, days: i64, action: &str) {
    app.clock.advance(TimeDelta::days(-days));
    let mut tx = app.engine.store().begin(tenant).await.unwrap();
    tx.audit_insert(NewAudit {
        at: app.engine.now(),
        actor: "usr_somebody".into(),
        action: action.into(),
        resource: format!("of {days} days ago"),
        purpose: "test".into(),
        outcome: Outcome::Done,
        correlation: String::new(),
        address: String::new(),
    });
    tx.commit().await.unwrap();
    app.engine.audit_chain().await.unwrap();
    app.clock.advance(TimeDelta::days(days));
}

async fn export(app: &App, caller: &Caller, after: u64) -> Vec<String> {
    let mut export = app.engine.audit_export(caller, after).await.unwrap();
    let mut text = String::new();
    while let Some(lines) = export.next(&app.engine).await.unwrap() {
        text.push_str(&lines);
    }
    text.lines().map(str::to_owned).collect()
}

fn verify(lines: &[String]) -> Result<Verifier, Broken> {
    let mut verifier = Verifier::new(None);
    verifier.next_file();
    lines.iter().try_for_each(|line| verifier.take(line))?;
    Ok(verifier)
}

/// What a script that shares no code with us says: its words, where it holds.
fn second_opinion(lines: &[String]) -> Result<String, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n") + "\n").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/verify_audit.py");
    let said = Command::new("python3")
        .arg(script)
        .arg(file.path())
        .output()
        .unwrap();
    match said.status.success() {
        true => Ok(String::from_utf8(said.stdout).unwrap()),
        false => Err(String::from_utf8(said.stderr).unwrap()),
    }
}

fn both_refuse(lines: &[String], why: &str) {
    let broken = verify(lines).map(|_| ()).unwrap_err();
    assert!(broken.why.contains(why), "{broken}");
    let said = second_opinion(lines).unwrap_err();
    assert!(said.contains(&format!("line {}", broken.line)), "{said}");
}

async fn count(role: &mut PgConnection, what: &str) -> i64 {
    let statement = format!("SELECT count(*) FROM {what}");
    sqlx::query_scalar(AssertSqlSafe(statement))
        .fetch_one(role)
        .await
        .unwrap()
}

/// Entries of 800, 400, 100 and 30 days ago: an act and a look each.
async fn grown(app: &App) -> Caller {
    let caller = founded(app, 800).await;
    for days in [800, 400, 100, 30] {
        wrote(app, caller.tenant, days, "run.start").await;
        wrote(app, caller.tenant, days, "content.open").await;
    }
    caller
}

#[tokio::test]
async fn what_is_old_goes_and_what_stays_proves_itself() {
    let app = App::start().await;
    let caller = grown(&app).await;
    let whole = export(&app, &caller, 0).await;
    assert_eq!(verify(&whole).unwrap().seen.begins, 1);
    let nothing = app.engine.audit_let_go(AuditKeep::default()).await.unwrap();
    assert_eq!(nothing, LetGo::default(), "for ever is for ever");
    let went = app.engine.audit_let_go(KEEP).await.unwrap();
    // The founding and what was 800 days ago; the looks of then, of 400 and of 100 days ago.
    let expected = LetGo {
        entries: 3,
        words: 3,
    };
    assert_eq!(went, expected);
    let again = app.engine.audit_let_go(KEEP).await.unwrap();
    assert_eq!(again, LetGo::default());

    let lines = export(&app, &caller, 0).await;
    let verifier = verify(&lines).unwrap();
    let seen = &verifier.seen;
    assert_eq!((seen.begins, seen.gone), (4, 2));
    assert_eq!(seen.signed_to, verifier.place().unwrap().n);
    let cut = seen.cut.clone().unwrap();
    assert_eq!((cut.first, cut.place.n), (1, 3));
    assert!(cut.before <= Utc::now() - TimeDelta::days(730));
    let said = second_opinion(&lines).unwrap();
    assert!(
        said.contains("begins at entry 4, what was before was let go"),
        "{said}"
    );
    assert!(said.contains("(2 without their words)"), "{said}");
    let text = lines.join("\n");
    assert!(!text.contains("of 800 days"), "{text}");
    assert_eq!(text.matches("of 400 days").count(), 1, "the act alone");
    assert_eq!(text.matches("of 100 days").count(), 1);
    assert_eq!(text.matches("of 30 days").count(), 2, "the look too");
    let part = AuditPart {
        action: Some("audit.let_go".into()),
        ..AuditPart::default()
    };
    let told = app.engine.audit_list(&caller, &part, 10).await.unwrap();
    let what: Vec<&str> = told.items.iter().map(|e| e.resource.as_str()).collect();
    assert_eq!(what[0], "entries 1 to 3");
    assert!(
        what[1].starts_with("words of 3 readings before "),
        "{what:?}"
    );
    let head = app.engine.audit_head(&caller).await.unwrap();
    assert_eq!(head.begins.unwrap().n, 4);

    // It goes on from where it begins, from anywhere behind, and from nowhere before.
    assert_eq!(export(&app, &caller, 3).await[1], lines[1], "with its cut");
    assert!(
        verify(&export(&app, &caller, 5).await)
            .unwrap()
            .seen
            .cut
            .is_none()
    );
    let before = app.engine.audit_export(&caller, 2).await;
    let why = before.map(|_| ()).unwrap_err().to_string();
    assert!(why.contains("was let go"), "{why}");
    // What was carried away before joins what comes behind it.
    let mut all = verify(&whole).unwrap();
    let last = all.place().unwrap().n;
    all.next_file();
    for line in export(&app, &caller, last).await {
        all.take(&line).unwrap();
    }
    // Another organization's log is as it was.
    let other: Page<serde_json::Value> = app.get("/audit").await.unwrap();
    assert!(!other.items.is_empty());
    let head: AuditHead = app.get("/audit/head").await.unwrap();
    assert_eq!(head.begins, None);
}

#[tokio::test]
async fn an_export_that_is_overtaken_says_so_and_reads_as_no_ones_tampering() {
    let app = App::start().await;
    let caller = grown(&app).await;
    let mut export = app.engine.audit_export(&caller, 0).await.unwrap();
    let head = export.next(&app.engine).await.unwrap().unwrap();
    assert_eq!(head.lines().count(), 1);
    app.engine.audit_let_go(KEEP).await.unwrap();
    let overtaken = export.next(&app.engine).await.unwrap_err().to_string();
    assert!(overtaken.contains("let go"), "{overtaken}");
}

#[tokio::test]
async fn whoever_changes_what_stays_is_found() {
    let app = App::start().await;
    let caller = grown(&app).await;
    app.engine.audit_let_go(KEEP).await.unwrap();
    let lines = export(&app, &caller, 0).await;
    second_opinion(&lines).unwrap();
    let gone = lines.iter().position(|l| l.contains("\"digest\"")).unwrap();
    let change = |at: usize, change: &dyn Fn(&mut serde_json::Value)| {
        let mut forged = lines.clone();
        let mut line: serde_json::Value = serde_json::from_str(&forged[at]).unwrap();
        change(&mut line);
        forged[at] = line.to_string();
        assert_ne!(forged[at], lines[at]);
        forged
    };
    let as_written = "not as it was written";
    both_refuse(
        &change(gone, &|line| line["digest"] = "0".repeat(64).into()),
        as_written,
    );
    both_refuse(
        &change(gone, &|line| {
            line["at"] = "2020-01-01T00:00:00.000000Z".into()
        }),
        as_written,
    );
    both_refuse(
        &change(gone, &|line| line["class"] = "security".into()),
        "of the class security",
    );
    both_refuse(
        &change(1, &|line| {
            line["cut"]["signatures"][0]["sig"] = "A".repeat(86).into();
        }),
        "cut does not hold",
    );
    both_refuse(
        &change(0, &|line| line["after"]["n"] = 2.into()),
        "the cut is behind",
    );
    // An act whose words somebody took away in the database, as if it were a look.
    let mut owner = app.database.as_owner().await;
    let tenant = caller.tenant.uuid();
    for statement in [
        format!("SELECT set_config('app.tenant', '{tenant}', false)"),
        "DELETE FROM audit_entries e USING audit_chain c WHERE c.seq = e.seq AND c.n = 4".into(),
        "UPDATE audit_chain SET gone_at = now() WHERE n = 4".into(),
    ] {
        owner.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let without = export(&app, &caller, 0).await;
    both_refuse(&without, "the checkpoint of entry 4");
    owner
        .execute("UPDATE audit_chain SET class = 'reading' WHERE n = 4")
        .await
        .unwrap();
    both_refuse(&export(&app, &caller, 0).await, as_written);
}

#[tokio::test]
async fn nothing_goes_that_is_young_or_unsigned_whoever_asks() {
    let app = App::start().await;
    let caller = founded(&app, 89).await;
    wrote(&app, caller.tenant, 89, "run.start").await;
    wrote(&app, caller.tenant, 6, "content.open").await;
    wrote(&app, caller.tenant, 0, "run.start").await;
    let at_once = AuditKeep {
        security: Some(TimeDelta::zero()),
        reading: Some(TimeDelta::zero()),
    };
    assert_eq!(
        app.engine.audit_let_go(at_once).await.unwrap(),
        LetGo::default(),
        "the shortest time holds, whatever is asked"
    );
    // The functions hold it too, for whoever has the server's role.
    let mut role = app.database.as_tenant(caller.tenant).await;
    let refused = async |role: &mut PgConnection, statement: &str| {
        let error = role.execute(AssertSqlSafe(statement.to_owned())).await;
        let error = error.unwrap_err().into_database_error().unwrap();
        assert_eq!(error.code().as_deref(), Some("23514"), "{statement}");
        error.message().to_owned()
    };
    assert!(
        refused(&mut role, "SELECT audit_cut(1)")
            .await
            .contains("no cut")
    );
    let cut =
        "INSERT INTO audit_cuts SELECT tenant_id, n, hash, now(), '{}' FROM audit_chain WHERE n";
    role.execute(AssertSqlSafe(format!("{cut} IN (1, 4)")))
        .await
        .unwrap();
    assert!(
        refused(&mut role, "SELECT audit_cut(1)")
            .await
            .contains("too young")
    );
    assert!(
        refused(&mut role, "SELECT audit_cut(4)")
            .await
            .contains("last entry")
    );
    let faded: i64 = sqlx::query_scalar("SELECT audit_fade('infinity', 100)")
        .fetch_one(&mut role)
        .await
        .unwrap();
    assert_eq!(faded, 0);
    assert_eq!(count(&mut role, "audit_entries").await, 4);
    // Without a tenant there is nothing to let go.
    let mut nobody = app.database.as_app().await;
    assert!(
        refused(&mut nobody, "SELECT audit_cut(1)")
            .await
            .contains("no cut")
    );
}

#[tokio::test]
async fn where_a_cut_cannot_be_written_or_signed_nothing_goes() {
    let app = App::start().await;
    let caller = grown(&app).await;
    let mut owner = app.database.as_owner().await;
    let mut role = app.database.as_tenant(caller.tenant).await;
    let all = count(&mut role, "audit_chain").await;
    owner
        .execute("REVOKE INSERT ON audit_cuts FROM freehold_app")
        .await
        .unwrap();
    // Looks that no checkpoint covers stay as well.
    owner
        .execute(AssertSqlSafe(format!(
            "SELECT set_config('app.tenant', '{}', false)",
            caller.tenant.uuid()
        )))
        .await
        .unwrap();
    owner
        .execute("DELETE FROM audit_checkpoints; DELETE FROM queue_unsigned")
        .await
        .unwrap();
    let went = app.engine.audit_let_go(KEEP).await.unwrap();
    assert_eq!(went, LetGo::default());
    assert_eq!(count(&mut role, "audit_chain").await, all);
    assert_eq!(
        count(&mut role, "audit_chain WHERE gone_at IS NOT NULL").await,
        0
    );
    owner
        .execute("GRANT INSERT ON audit_cuts TO freehold_app")
        .await
        .unwrap();
    let head = app.engine.audit_head(&caller).await.unwrap();
    assert!(head.checkpoint.is_some());
    let went = app.engine.audit_let_go(KEEP).await.unwrap();
    assert_eq!((went.entries, went.words), (3, 3), "the positive control");
}

#[tokio::test]
async fn the_end_is_signed_when_nothing_comes_for_a_while() {
    let app = App::start().await;
    let caller = founded(&app, 1).await;
    let mut role = app.database.as_tenant(caller.tenant).await;
    wrote(&app, caller.tenant, 0, "run.start").await;
    app.engine.audit_chain().await.unwrap();
    let signed = async |role: &mut PgConnection| -> i64 {
        sqlx::query_scalar("SELECT coalesce(max(n), 0) FROM audit_checkpoints")
            .fetch_one(role)
            .await
            .unwrap()
    };
    // A day passed since the last one, so this was signed; what comes now is not, for a while.
    assert_eq!(signed(&mut role).await, 2);
    wrote(&app, caller.tenant, 0, "run.start").await;
    app.engine.audit_chain().await.unwrap();
    assert_eq!(signed(&mut role).await, 2);
    assert_eq!(
        count(&mut role, "queue_unsigned WHERE due > now()").await,
        1
    );
    role.execute("UPDATE queue_unsigned SET due = now()")
        .await
        .unwrap();
    freehold_testkit::eventually("the end is signed, with nobody asking", async || {
        let mut role = app.database.as_tenant(caller.tenant).await;
        (signed(&mut role).await == 3).then_some(())
    })
    .await;
    assert_eq!(
        count(&mut role, "queue_unsigned").await,
        0,
        "nobody is woken for it again"
    );
}

#[tokio::test]
async fn what_cannot_be_put_into_the_log_is_not_done() {
    let app = App::start().await;
    let mut owner = app.database.as_owner().await;
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    let token = json!({ "name": "reader", "scopes": ["read:board"], "days": 1 });
    let agent = json!({ "name": "worker", "driver": "command", "command": ["./work"] });
    let counts = async |role: &mut PgConnection| {
        let mut counts = Vec::new();
        for table in ["tokens", "agents", "audit_entries"] {
            counts.push(count(role, table).await);
        }
        counts
    };
    let before = counts(&mut role).await;
    owner
        .execute("REVOKE INSERT ON audit_entries FROM freehold_app")
        .await
        .unwrap();
    for (path, body) in [("/tokens", &token), ("/agents", &agent)] {
        let refused = app.post::<serde_json::Value>(path, body).await.unwrap_err();
        assert!(refused.status >= 500, "{path}: {refused:?}");
    }
    assert_eq!(counts(&mut role).await, before, "nothing was half done");
    let _: serde_json::Value = app.get("/runners").await.unwrap();
    owner
        .execute("GRANT INSERT ON audit_entries TO freehold_app")
        .await
        .unwrap();
    let _: serde_json::Value = app.post("/tokens", &token).await.unwrap();
    let _: serde_json::Value = app.post("/agents", &agent).await.unwrap();
    assert_ne!(counts(&mut role).await, before, "the positive control");
}
