//! What holds whoever asks: no token, no tenant, no strong role.
use freehold_testkit::{App, Database};
use freehold_wire::problem::{Code, Problem};
use reqwest::Method;

/// Tables without a tenant of their own, and why.
/// `content_store` names the place of all content, and nothing of anybody's; `lineage` the database's line
/// of history.
/// `event_months` which months there are tables for. A device in `device_codes` has no tenant before
/// somebody approves it, and is nobody's to read.
const NOT_TENANT_SCOPED: [&str; 7] = [
    "tenants",
    "_sqlx_migrations",
    "lineage",
    "content_store",
    "event_months",
    "device_codes",
    "oidc_begun",
];
/// Tables of people, who may be in many tenants, and of what is mailed: under forced row-level security all
/// the same. A transaction sees the one person that it is bound to; mails and registrations it may add.
const OF_PEOPLE: [&str; 5] = [
    "users",
    "user_identities",
    "user_resets",
    "registrations",
    "mails",
];

#[tokio::test]
async fn every_tenant_table_has_forced_row_level_security() {
    let database = Database::create().await;
    let mut owner = database.as_owner().await;
    let tables: Vec<(String, bool, bool, bool)> = sqlx::query_as(
        "SELECT c.relname::text, c.relrowsecurity, c.relforcerowsecurity,
                EXISTS (SELECT 1 FROM pg_attribute a
                        WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(tables.len() > 15);
    for (table, enabled, forced, tenant) in tables {
        if NOT_TENANT_SCOPED.contains(&table.as_str()) {
            continue;
        }
        let of_people = OF_PEOPLE.contains(&table.as_str());
        assert!(tenant != of_people, "{table} has no tenant_id");
        assert!(
            enabled && forced,
            "{table} does not force row-level security"
        );
    }
}

#[tokio::test]
async fn the_owner_sees_rows_for_a_backup_only_and_of_every_table_then() {
    let app = App::start().await;
    let mut owner = app.database.as_owner().await;
    let without: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'public' AND c.relforcerowsecurity AND NOT EXISTS
           (SELECT 1 FROM pg_policies p WHERE p.tablename = c.relname AND p.policyname = 'backup')",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(without, [""; 0], "a backup would leave their rows out");
    let keys = "SELECT count(*) FROM content_keys";
    let seen: i64 = sqlx::query_scalar(keys)
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(seen, 0);
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut owner)
        .await
        .unwrap();
    let seen: i64 = sqlx::query_scalar(keys)
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(seen, 1);
    let written = sqlx::query("DELETE FROM content_keys")
        .execute(&mut owner)
        .await
        .unwrap();
    assert_eq!(written.rows_affected(), 0);
    let mut role = app.database.as_app().await;
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut role)
        .await
        .unwrap();
    let seen: i64 = sqlx::query_scalar(keys).fetch_one(&mut role).await.unwrap();
    assert_eq!(seen, 0, "the server's role has no such word");
}

#[tokio::test]
async fn without_a_tenant_there_are_no_rows_and_none_can_be_written() {
    let app = App::start().await;
    let mut role = app.database.as_app().await;
    for table in [
        "tenants",
        "members",
        "tokens",
        "content_keys",
        "audit_entries",
    ] {
        let statement = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let seen: i64 = sqlx::query_scalar(statement)
            .fetch_one(&mut role)
            .await
            .unwrap();
        assert_eq!(seen, 0, "{table} shows rows to nobody");
    }
    let written = sqlx::query(
        "INSERT INTO tenants (id, name, created_at) VALUES (gen_random_uuid(), 'x', now())",
    )
    .execute(&mut role)
    .await;
    assert!(written.is_err());
    sqlx::query("SELECT set_config('app.tenant', $1, false)")
        .bind(app.owner.tenant.uuid().to_string())
        .execute(&mut role)
        .await
        .unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM members")
        .fetch_one(&mut role)
        .await
        .unwrap();
    assert_eq!(seen, 1, "the positive control");
    let forged = sqlx::query("UPDATE audit_entries SET actor = 'x'")
        .execute(&mut role)
        .await;
    assert!(
        forged.is_err(),
        "the audit log can be added to and not changed"
    );
}

#[tokio::test]
async fn the_server_refuses_a_role_that_could_bypass_row_level_security() {
    let database = Database::create().await;
    let mut owner = database.as_owner().await;
    let strong: bool = sqlx::query_scalar(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert!(!strong, "not even the owner could");
    assert!(
        freehold_store::Store::connect(&database.app, 1)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_description_is_served_and_what_cannot_be_read_is_a_problem() {
    let app = App::start().await;
    let get = async |path: &str| {
        let url = format!("{}{path}", app.url());
        let request = reqwest::Client::new().get(url).bearer_auth(&app.token);
        request.send().await.unwrap()
    };
    let served = get("/openapi.json").await;
    assert_eq!(served.headers()["content-type"], "application/json");
    assert_eq!(served.text().await.unwrap(), freehold_server::openapi());
    for path in [
        "/runs?limit=many",
        "/cards",
        "/runs?card=x",
        "/runs?state=x",
    ] {
        let refused = get(&format!("/api/v1{path}")).await;
        assert_eq!(refused.status(), 400, "{path}");
        let problem = refused.json::<Problem>().await.unwrap();
        assert_eq!(problem.code, Code::Invalid, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_and_another_host_s_name_are_refused() {
    let app = App::start().await;
    let status = async |name: &str, value: &str| {
        let request = app.request(Method::GET, "/projects").header(name, value);
        request.send().await.unwrap().status()
    };
    assert_eq!(status("origin", "https://evil.example").await, 403);
    assert_eq!(status("origin", "null").await, 403);
    assert_eq!(status("host", "evil.example:8080").await, 403);
    assert_eq!(status("host", "localhost.evil.example").await, 403);
    assert_eq!(status("origin", "http://localhost:8080").await, 200);
}

#[tokio::test]
async fn a_sign_in_link_works_once() {
    let app = App::start().await;
    let token = app
        .engine
        .sign_in_token(&app.owner)
        .await
        .unwrap()
        .to_string();
    let body = serde_json::json!({ "token": token });
    let signed_in: serde_json::Value = app.post("/sign-in", &body).await.unwrap();
    assert!(signed_in["token"].as_str().unwrap().starts_with("fhb_"));
    let again = app
        .post::<serde_json::Value>("/sign-in", &body)
        .await
        .unwrap_err();
    assert_eq!(again.code, Code::Unauthenticated);
}

#[tokio::test]
async fn a_runner_s_id_is_one_runner_s_whatever_the_tenant() {
    use freehold_model::{RunnerId, TenantId};
    use freehold_store::{RunnerRow, StoreError};
    let app = App::start().await;
    let now = chrono::Utc::now();
    let row = RunnerRow {
        id: RunnerId::at(now, [7; 10]),
        name: "host".into(),
        signing_key: vec![1; 32],
        seal_key: vec![1; 32],
        labels: std::collections::BTreeMap::new(),
        capacity: 1,
        version: String::new(),
        machine: None,
        last_seq: 0,
        last_seen: None,
        busy: 0,
        created_at: now,
    };
    let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
    tx.runner_insert(&row).await.unwrap();
    tx.commit().await.unwrap();
    let stranger = TenantId::at(now, [8; 10]);
    let mut tx = app.engine.store().begin(stranger).await.unwrap();
    tx.tenant_insert("stranger", now).await.unwrap();
    let same = tx.runner_insert(&row).await;
    assert!(matches!(same, Err(StoreError::Taken { .. })), "{same:?}");
}

#[tokio::test]
async fn what_is_kept_for_later_says_so_and_the_reference_is_a_page_without_scripts() {
    let app = App::start().await;
    let client = reqwest::Client::new();
    for path in [
        "/health",
        "/pods",
        "/schedule",
        "/evict",
        "/task-update",
        "/stream/7",
        "/tenant/a/b",
        "/project/a",
        "/admin/users",
        "/terminal/1",
        "/v1/chat/completions",
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            // As a browser would ask: it is no page of Studio's either.
            let request = client.request(method, format!("{}{path}", app.url()));
            let refused = request.header("accept", "text/html").send().await.unwrap();
            assert_eq!(refused.status(), 404, "{path}");
            let problem: Problem = refused.json().await.unwrap();
            assert_eq!(problem.code, Code::NotFound);
            assert!(problem.detail.contains("is reserved"), "{}", problem.detail);
        }
    }
    let page = client.get(format!("{}/docs/api", app.url()));
    let page = page.send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"));
    assert!(!policy.contains("script-src"));
    let text = page.text().await.unwrap();
    assert!(text.contains("<h3><code>POST /api/v1/cards</code></h3>"));
}
