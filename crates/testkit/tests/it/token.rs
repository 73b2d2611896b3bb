//! Tokens for programs: made, limited, used, listed, revoked.
use std::time::Duration;

use chrono::TimeDelta;
use freehold_model::{Rights, Role, Scope, Scopes, TokenId};
use freehold_store::{NewLimitedToken, TokenKind, Whose};
use freehold_testkit::{App, TestEntropy, eventually};
use freehold_wire::api::{AccessToken, Change, Me, Page, TokenMade};
use freehold_wire::problem::Code;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::json;

use crate::link::started;
use crate::permission::Somebody;
use crate::watch::Watch;

async fn owner(app: &App) -> Somebody {
    let rights = Rights::of(Role::Owner);
    Somebody::signed_in(app, app.owner.tenant, app.owner.user, rights).await
}

async fn only(app: &App, path: &str) -> AccessToken {
    let mut list: Page<AccessToken> = app.get(path).await.unwrap();
    assert_eq!(list.items.len(), 1);
    list.items.remove(0)
}

#[tokio::test]
async fn a_token_is_shown_once_and_only_its_hash_is_kept() {
    let app = App::start().await;
    let new = json!({ "name": "ci", "scopes": ["read:jobs", "write:jobs"], "role": "developer" });
    let made: TokenMade = app.post("/tokens", &new).await.unwrap();
    assert!(made.token.starts_with("fhp_"));
    let listed = only(&app, "/tokens").await;
    assert_eq!(listed, made.about);
    assert_eq!(listed.scopes, [Scope::ReadJobs, Scope::WriteJobs]);
    assert_eq!(listed.made_by.as_deref(), Some("Ada"));
    assert_eq!(listed.expires_at - listed.created_at, TimeDelta::days(90));
    let mut owner = app.database.as_owner().await;
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut owner)
        .await
        .unwrap();
    let rows: Vec<String> = sqlx::query_scalar("SELECT t::text FROM tokens t")
        .fetch_all(&mut owner)
        .await
        .unwrap();
    assert!(rows.len() > 1);
    let secret = &made.token[4..20];
    assert!(rows.iter().all(|row| !row.contains(secret)), "{rows:?}");
    let stranger = app.engine.tenant_create("stranger").await.unwrap();
    let rights = Rights::of(Role::Owner);
    let stranger = Somebody::signed_in(&app, stranger.tenant, stranger.user, rights).await;
    for path in ["/tokens", "/service-tokens"] {
        let request = stranger.request(&app, Method::GET, path);
        let theirs: Page<AccessToken> = app.send(request).await.unwrap();
        assert_eq!(theirs.items, []);
    }
}

#[tokio::test]
async fn a_token_cannot_be_given_what_its_maker_lacks_or_no_token_has() {
    let app = App::start().await;
    let admin = Somebody::member(&app, app.owner.tenant, Role::Admin).await;
    let refused = async |path: &str, new: serde_json::Value| {
        let request = admin.request(&app, Method::POST, path).json(&new);
        let problem = app.send::<serde_json::Value>(request).await.unwrap_err();
        assert_eq!(problem.code, Code::Invalid, "{new}");
        problem.detail
    };
    let read = json!(["read:jobs"]);
    let cases = [
        (
            "/tokens",
            json!({ "name": "t", "scopes": [] }),
            "at least one scope",
        ),
        (
            "/tokens",
            json!({ "name": "t", "scopes": ["account"] }),
            "of sessions",
        ),
        (
            "/tokens",
            json!({ "name": "t", "scopes": ["read:all"] }),
            "no scope",
        ),
        (
            "/tokens",
            json!({ "name": "t", "scopes": read, "role": "owner" }),
            "`admin`",
        ),
        (
            "/tokens",
            json!({ "name": "t", "scopes": read, "days": 0 }),
            "1 to 366",
        ),
        (
            "/tokens",
            json!({ "name": "t", "scopes": read, "days": 367 }),
            "1 to 366",
        ),
        (
            "/tokens",
            json!({ "name": "a b", "scopes": read }),
            "not a name",
        ),
        (
            "/tokens",
            json!({ "name": "t", "scopes": read, "admin": true }),
            "unknown field",
        ),
        (
            "/service-tokens",
            json!({ "name": "t", "scopes": read }),
            "missing field `role`",
        ),
        (
            "/service-tokens",
            json!({ "name": "t", "scopes": read, "role": "owner" }),
            "owner",
        ),
        (
            "/service-tokens",
            json!({ "name": "t", "scopes": ["review"], "role": "viewer" }),
            "of people",
        ),
    ];
    for (path, new, says) in cases {
        let detail = refused(path, new).await;
        assert!(detail.contains(says), "{detail} / {says}");
    }
    // Whoever is less later is less through the token at once.
    let new = json!({ "name": "t", "scopes": ["read:settings", "write:settings"] });
    let token = admin.makes(&app, "/tokens", &new).await;
    let add = async || {
        let agent = json!({ "name": "a", "driver": "command", "command": ["./work"] });
        let request = token.request(&app, Method::POST, "/agents").json(&agent);
        request.send().await.unwrap().status()
    };
    assert_eq!(add().await, 201);
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    sqlx::query("UPDATE members SET role = 'developer' WHERE user_id = $1")
        .bind(admin.user.uuid())
        .execute(&mut role)
        .await
        .unwrap();
    assert_eq!(add().await, 403);
}

#[tokio::test]
async fn there_are_no_more_tokens_than_may_be_though_two_ask_at_once() {
    let app = App::start().await;
    let new = json!({ "name": "t", "scopes": ["read:jobs"] });
    for _ in 0..99 {
        app.post::<TokenMade>("/tokens", &new).await.unwrap();
    }
    // The last one is being made, and not there yet for anybody else to see.
    let (user, at) = (app.owner.user, app.engine.now());
    let row = NewLimitedToken {
        id: TokenId::new(&*app.clock, &TestEntropy),
        user,
        kind: TokenKind::Personal,
        name: "last",
        scopes: Scopes::known(["read:jobs"]),
        role: None,
        hash: b"nobody's",
        made_by: user,
        at,
        expires_at: at + TimeDelta::days(1),
        device: false,
    };
    let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
    let whose = Whose::Member(user);
    assert!(tx.token_limited_insert(&row, whose, 100).await.unwrap());
    let request = app.request(Method::POST, "/tokens").json(&new);
    let second = tokio::spawn(async move { request.send().await.unwrap().status() });
    let mut owner = app.database.as_owner().await;
    let waits = "SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted)";
    loop {
        let waits: bool = sqlx::query_scalar(waits)
            .fetch_one(&mut owner)
            .await
            .unwrap();
        if waits || second.is_finished() {
            break;
        }
    }
    tx.commit().await.unwrap();
    assert_eq!(second.await.unwrap(), 409);
    // One that goes makes room.
    let list: Page<AccessToken> = app.get("/tokens").await.unwrap();
    let path = format!("/tokens/{}", list.items[0].id);
    app.send::<()>(app.request(Method::DELETE, &path))
        .await
        .unwrap();
    app.post::<TokenMade>("/tokens", &new).await.unwrap();
}

#[tokio::test]
async fn that_a_token_was_used_is_written_once_a_minute() {
    let app = App::start().await;
    let new = json!({ "name": "ci", "scopes": ["read:board"] });
    let made = owner(&app).await.makes(&app, "/tokens", &new).await;
    assert_eq!(only(&app, "/tokens").await.last_used_at, None);
    let mut owner = app.database.as_owner().await;
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut owner)
        .await
        .unwrap();
    let mut written = async || -> String {
        // Which transaction wrote the row last.
        sqlx::query_scalar("SELECT xmin::text FROM tokens WHERE kind = 'personal'")
            .fetch_one(&mut owner)
            .await
            .unwrap()
    };
    let look = async || made.status(&app, Method::GET, "/projects").await;
    assert_eq!(look().await, 200);
    // Nobody waits for it.
    let used = async || only(&app, "/tokens").await.last_used_at;
    let first = eventually("its use to be written down", &used).await;
    let by = written().await;
    for _ in 0..20 {
        assert_eq!(look().await, 200);
    }
    assert_eq!(written().await, by, "a write for each request");
    app.clock.advance(TimeDelta::seconds(61));
    assert_eq!(look().await, 200);
    eventually("its next use to be written down", async || {
        let second = used().await.unwrap();
        (second - first >= TimeDelta::seconds(61)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_what_it_opened_at_every_server() {
    let (app, mut peer, run) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let beside = app.beside().await;
    let owner = owner(&app).await;
    let new = json!({ "name": "ci", "scopes": ["read:board", "read:jobs"] });
    let service = json!({ "name": "ci", "scopes": ["read:board", "read:jobs"], "role": "viewer" });
    for (path, new) in [("/tokens", new), ("/service-tokens", service)] {
        let made = owner.makes(&app, path, &new).await;
        let mut watch = Watch::open(&app, &made.token).await;
        let mut there = Watch::open(&beside, &made.token).await;
        let events = format!("/runs/{}/events/stream", run.id);
        let stream = made.request(&beside, Method::GET, &events).send().await;
        let mut stream = stream.unwrap().bytes_stream();
        assert!(stream.next().await.unwrap().is_ok(), "it streams");
        let id = only(&app, path).await.id;
        let gone = app.request(Method::DELETE, &format!("{path}/{id}"));
        app.send::<()>(gone).await.unwrap();
        let ended = async {
            watch.until(|change| *change == Change::SignedOut).await;
            there.until(|change| *change == Change::SignedOut).await;
            while let Some(Ok(_)) = stream.next().await {}
        };
        let within = Duration::from_secs(5);
        tokio::time::timeout(within, ended).await.unwrap();
        assert_eq!(made.status(&app, Method::GET, "/me").await, 401);
        let again = app.request(Method::DELETE, &format!("{path}/{id}"));
        let absent = app.send::<()>(again).await.unwrap_err();
        assert_eq!(absent.code, Code::NotFound);
    }
}

#[tokio::test]
async fn whoever_is_shut_out_reads_nothing_more_with_any_token() {
    let (app, mut peer, run) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let beside = app.beside().await;
    let member = Somebody::member(&app, app.owner.tenant, Role::Viewer).await;
    let new = json!({ "name": "ci", "scopes": ["read:board", "read:jobs"] });
    let program = member.makes(&app, "/tokens", &new).await;
    let mut watches = [
        Watch::open(&app, &member.token).await,
        Watch::open(&beside, &program.token).await,
    ];
    let events = format!("/runs/{}/events/stream", run.id);
    let stream = program.request(&app, Method::GET, &events).send().await;
    let mut stream = stream.unwrap().bytes_stream();
    assert!(stream.next().await.unwrap().is_ok(), "it streams");
    let mut stays = Watch::open(&app, &owner(&app).await.token).await;
    let mut tx = app.engine.store().begin(member.tenant).await.unwrap();
    let revoked = tx.tokens_revoke(member.user, None, app.engine.now());
    assert_eq!(revoked.await.unwrap(), 2);
    tx.commit().await.unwrap();
    let ended = async {
        for watch in &mut watches {
            watch.until(|change| *change == Change::SignedOut).await;
        }
        while let Some(Ok(_)) = stream.next().await {}
    };
    let within = Duration::from_secs(5);
    tokio::time::timeout(within, ended).await.unwrap();
    for token in [&member, &program] {
        assert_eq!(token.status(&app, Method::GET, "/me").await, 401);
    }
    // Others' streams go on.
    peer.vanish();
    let runner = |change: &Change| matches!(change, Change::Settings { noun } if noun == "runner");
    stays.until(runner).await;
}

#[tokio::test]
async fn a_service_token_outlives_its_maker_and_signs_what_it_does() {
    let app = App::start().await;
    let admin = Somebody::member(&app, app.owner.tenant, Role::Admin).await;
    let new = json!({ "name": "deploy", "scopes": ["read:board", "read:settings", "write:settings"], "role": "admin" });
    let service = admin.makes(&app, "/service-tokens", &new).await;
    let mine = json!({ "name": "mine", "scopes": ["read:board"] });
    let personal = admin.makes(&app, "/tokens", &mine).await;
    let mut role = app.database.as_tenant(app.owner.tenant).await;
    sqlx::query("DELETE FROM members WHERE user_id = $1")
        .bind(admin.user.uuid())
        .execute(&mut role)
        .await
        .unwrap();
    assert_eq!(personal.status(&app, Method::GET, "/me").await, 401);
    let me: Me = app
        .send(service.request(&app, Method::GET, "/me"))
        .await
        .unwrap();
    assert_eq!(
        (me.name.as_str(), me.role, me.review),
        ("deploy", Role::Admin, false)
    );
    assert_ne!(me.user, admin.user);
    let agent = json!({ "name": "a", "driver": "command", "command": ["./work"] });
    let added = service.request(&app, Method::POST, "/agents").json(&agent);
    assert_eq!(added.send().await.unwrap().status(), 201);
    let actor: String =
        sqlx::query_scalar("SELECT actor FROM audit_entries ORDER BY seq DESC LIMIT 1")
            .fetch_one(&mut role)
            .await
            .unwrap();
    assert_eq!(actor, me.user.to_string());
    assert_eq!(only(&app, "/service-tokens").await.made_by, None);
}
