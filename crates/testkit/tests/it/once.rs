//! A request that is repeated under its key is one request: every POST of whoever is signed in.
use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use freehold_model::webhook::Event;
use freehold_model::{Rights, Role};
use freehold_server::Access;
use freehold_testkit::hooks::Receiver;
use freehold_testkit::{App, Peer};
use freehold_wire::api::{DeviceCodes, Environment, Invitation, Page, Project, TokenMade};
use freehold_wire::link::Probed;
use freehold_wire::problem::{Code, Problem};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{PASSWORD, ask, open, sign_in, somebody};
use crate::board::card;
use crate::link::started_on;
use crate::member::invite;
use crate::permission::Somebody;
use crate::webhook::{add as add_hook, attempt as try_hook, tried};

/// Tables that background work writes, and what is counted without a change of anything.
const BESIDE: [&str; 6] = [
    "requests",
    "queue_unsigned",
    "queue_audit",
    "audit_chain",
    "audit_checkpoints",
    "_sqlx_migrations",
];

/// All that the database holds, in one word; the same twice, so that nothing is under way.
async fn everything(app: &App) -> String {
    let mut owner = app.database.as_owner().await;
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut owner)
        .await
        .unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname <> ALL ($1) ORDER BY 1",
    )
    .bind(BESIDE.map(str::to_owned))
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let mut before = String::new();
    loop {
        let mut now = String::new();
        for table in &tables {
            let out = match table.as_str() {
                // The post takes them by itself: what counts is that there is one.
                "mails" => "sealed,state,tries,next_at,taken_at",
                _ => "last_used_at",
            };
            let statement = sqlx::AssertSqlSafe(format!(
                "SELECT coalesce(md5(string_agg(line, ',' ORDER BY line)), '') FROM
                   (SELECT (to_jsonb(t) - '{{{out}}}'::text[])::text AS line FROM {table} t) lines"
            ));
            let one: String = sqlx::query_scalar(statement)
                .fetch_one(&mut owner)
                .await
                .unwrap();
            now.push_str(&format!("{table} {one}\n"));
        }
        if now == before {
            return now;
        }
        before = now;
    }
}

/// What is sent to a route: by whom, where, with what; what a runner says to it; and how it ends.
struct Sent {
    token: String,
    path: String,
    body: Value,
    probed: Option<Probed>,
    status: u16,
}

/// What an answer was.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    kind: Option<String>,
    body: String,
    pub(crate) replayed: bool,
}

async fn send(app: &App, sent: &Sent, key: &str, body: &Value) -> Answer {
    let request = ask(app, &sent.token, Method::POST, &sent.path);
    let request = request.header("idempotency-key", key).json(body);
    let again = request.try_clone().unwrap();
    let mut response = request.send().await.unwrap();
    // A person says twice what cannot be taken back.
    if response.status() == StatusCode::PRECONDITION_REQUIRED {
        let asked: Problem = response.json().await.unwrap();
        let again = again.header("confirmation", asked.confirmation.unwrap());
        response = again.send().await.unwrap();
    }
    let headers = response.headers();
    Answer {
        status: response.status(),
        kind: headers
            .get("content-type")
            .map(|kind| kind.to_str().unwrap().to_owned()),
        replayed: headers.contains_key("idempotency-replayed"),
        body: response.text().await.unwrap(),
    }
}

pub(crate) fn code(answer: &Answer) -> Code {
    let problem: Problem = serde_json::from_str(&answer.body).unwrap();
    problem.code
}

pub(crate) fn fit() -> Probed {
    Probed::Remote {
        head: Some("main".into()),
        target: false,
        empty: false,
        commit: None,
    }
}

/// Of what it shows.
fn id(answer: &Answer) -> Value {
    let shown: Value = serde_json::from_str(&answer.body).unwrap();
    shown["id"].clone()
}

/// A request for each route, in an order in which each finds what it needs.
async fn all(app: &App, mail: &freehold_testkit::MailServer) -> (Peer, Vec<(&'static str, Sent)>) {
    // A mail is sent once more some time after the first.
    let invited: Invitation = invite(app, &app.token, "again@example.org", "viewer")
        .await
        .unwrap();
    app.clock.advance(TimeDelta::hours(1));
    let (mut peer, run) = started_on(app).await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let rights = Rights::of(Role::Owner);
    let owner = Somebody::signed_in(app, app.owner.tenant, app.owner.user, rights).await;
    let leaves = Somebody::member(app, app.owner.tenant, Role::Viewer).await;
    let goes = Somebody::signed_in(app, app.owner.tenant, app.owner.user, rights).await;
    let grace = somebody(app, mail, "grace@example.org", "Navy").await;
    let project = app.get::<Page<Project>>("/projects").await.unwrap().items;
    let environment = app.get::<Page<Environment>>("/environments").await.unwrap();
    let environment = environment.items[0].id.to_string();
    let moved = card(app, &project[0], "Move me").await.id;
    let codes = async || {
        let made: DeviceCodes = app
            .post("/device", &json!({ "name": "laptop" }))
            .await
            .unwrap();
        json!({ "user_code": made.user_code })
    };
    let (approved, denied) = (codes().await, codes().await);
    invite(app, &owner.token, "grace@example.org", "viewer")
        .await
        .unwrap();
    let joins = mail.mail("grace@example.org", 2).await.token();
    // Paused, since what is sent by itself would be a change.
    let receiver = Receiver::start().await;
    let hook = add_hook(app, &receiver.url(), &[Event::Test]).await;
    let told = try_hook(app, &hook).await.id.to_string();
    tried(app, &hook, &told, 1).await;
    let pausing = format!("/webhooks/{}", hook.about.id);
    let paused = app.request(Method::PATCH, &pausing);
    let _: Value = app
        .send(paused.json(&json!({ "paused": true })))
        .await
        .unwrap();
    let remote = fit();
    let models = Probed::Provider { models: vec![] };
    let scoped = json!({ "name": "one", "scopes": ["read:jobs"], "role": "viewer" });
    let provider = json!({ "name": "models", "kind": "openai", "base_url": "http://127.0.0.1:1/v1",
        "key": { "env": "KEY" } });
    let worker = json!({ "name": "other", "driver": "command", "command": ["./work"] });
    let mut list = Vec::new();
    let mut add = |route: &'static str, status: u16, who: &str, path: String, body: Value| {
        let probed = match route {
            "/projects" => Some(remote.clone()),
            "/providers" => Some(models.clone()),
            _ => None,
        };
        let sent = Sent {
            token: who.to_owned(),
            path,
            body,
            probed,
            status,
        };
        list.push((route, sent));
    };
    // What renews a session ends the one before: each has one of its own.
    let mut graces = Vec::new();
    for _ in 0..4 {
        let session = sign_in(app, "grace@example.org", PASSWORD).await.unwrap();
        graces.push(session.token);
    }
    let (own, none) = (owner.token.as_str(), json!({}));
    let mut simple = |route: &'static str, status: u16, who: &str, body: &Value| {
        add(route, status, who, route.to_owned(), body.clone());
    };
    let new = json!({ "address": "http://127.0.0.1:1/", "events": ["webhook.test"] });
    simple("/webhooks", 201, own, &new);
    simple("/sign-in/tokens", 201, own, &none);
    // There is no provider here: the refusal is what is kept. What linking does is in `oidc.rs`.
    let begin = json!({ "provider": "none" });
    let redeem = json!({ "provider": "none", "code": "c", "state": "s", "secret": "s" });
    simple("/account/identities/begin", 404, own, &begin);
    simple("/account/identities", 404, own, &redeem);
    simple("/tokens", 201, own, &scoped);
    simple("/service-tokens", 201, own, &scoped);
    simple("/runners/tokens", 201, own, &none);
    simple("/device/look", 200, own, &approved);
    simple("/device/approve", 200, own, &approved);
    simple("/device/deny", 200, own, &denied);
    let second = json!({ "name": "demo2", "remote": "file:///srv/demo.git" });
    simple("/projects", 201, own, &second);
    simple("/providers", 201, own, &provider);
    simple("/agents", 201, own, &worker);
    let wish = json!({ "email": "ada@example.org", "role": "viewer" });
    simple("/invitations", 201, own, &wish);
    let new = json!({ "project": project[0].name, "title": "One" });
    simple("/cards", 201, own, &new);
    let join = json!({ "token": joins });
    simple("/account/invitations/accept", 200, &graces[0], &join);
    let navy = json!({ "name": "Mill" });
    simple("/account/organizations", 201, &graces[1], &navy);
    simple("/session/renew", 200, &graces[2], &none);
    simple("/members/leave", 204, &leaves.token, &none);
    simple("/sign-out", 204, &goes.token, &none);
    let mut at = |route: &'static str, status: u16, name: &str, id: &str, body: Value| {
        let who = match name {
            "organization" => &graces[3],
            "account" => &grace.token,
            _ => own,
        };
        let path = route.replace(&format!("{{{name}}}"), id);
        add(route, status, who, path, body);
    };
    let enter = grace.organization.to_string();
    at(
        "/account/organizations/{organization}/enter",
        200,
        "organization",
        &enter,
        json!({}),
    );
    // Ends all other sessions of hers.
    let change = json!({ "current": PASSWORD, "password": "a small green horse" });
    at("/account/password", 200, "account", "", change);
    let hook = hook.about.id.to_string();
    let rotate = "/webhooks/{webhook}/rotate";
    at(rotate, 200, "webhook", &hook, json!({}));
    at("/webhooks/{webhook}/test", 409, "webhook", &hook, json!({}));
    let (replay, both) = (
        "/webhooks/{webhook}/deliveries/{delivery}/replay",
        "webhook}/deliveries/{delivery",
    );
    at(
        replay,
        409,
        both,
        &format!("{hook}/deliveries/{told}"),
        json!({}),
    );
    let invited = invited.id.to_string();
    at(
        "/invitations/{invitation}/resend",
        200,
        "invitation",
        &invited,
        json!({}),
    );
    let moved = moved.to_string();
    let done = json!({ "lane": "Done" });
    at("/cards/{card}/move", 200, "card", &moved, done);
    at("/cards/{card}/archive", 200, "card", &moved, json!({}));
    at("/cards/{card}/restore", 200, "card", &moved, json!({}));
    let run = run.id.to_string();
    let approve = json!({ "commit": "0".repeat(40) });
    // It works: none of these is possible now, and that is an answer as well.
    at("/runs/{run}/approve", 409, "run", &run, approve);
    at(
        "/runs/{run}/reject",
        409,
        "run",
        &run,
        json!({ "reason": "no" }),
    );
    at(
        "/runs/{run}/reply",
        409,
        "run",
        &run,
        json!({ "text": "Go on" }),
    );
    at("/runs/{run}/cancel", 200, "run", &run, json!({}));
    at(
        "/projects/{project}/environments",
        200,
        "project",
        "demo",
        json!({}),
    );
    at(
        "/environments/{environment}/stop",
        200,
        "environment",
        &environment,
        json!({}),
    );
    // Last: what is asked for here is given to a runner, whoever asks.
    let start = json!({ "agent": "worker" });
    at("/cards/{card}/runs", 201, "card", &moved, start);
    (peer, list)
}

/// Routes whose use cases keep the key themselves: the answer shows what was made, and a refusal is
/// none that is kept.
const BY_THEMSELVES: [&str; 3] = ["/cards", "/cards/{card}/runs", "/runs/{run}/reply"];
/// Routes that end the token with which they were called.
const LAST_WORDS: [&str; 2] = ["/members/leave", "/sign-out"];

#[tokio::test]
async fn every_post_under_a_key_is_done_once_and_answered_alike() {
    let (app, mail) = open().await;
    let (mut peer, list) = all(&app, &mail).await;
    let posts: BTreeSet<String> = freehold_server::routes()
        .into_iter()
        .filter(|route| route.method == Method::POST && matches!(route.access, Access::For(_)))
        .map(|route| route.path.trim_start_matches("/api/v1").to_owned())
        .collect();
    let tried: BTreeSet<String> = list.iter().map(|(route, _)| (*route).to_owned()).collect();
    assert_eq!(
        posts, tried,
        "every POST of whoever is signed in, and no other"
    );
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, StatusCode> = BTreeMap::new();
    for (route, sent) in &list {
        let route = *route;
        let key = "one-key-for-all".to_owned();
        let before = everything(&app).await;
        let first = match &sent.probed {
            Some(probed) => {
                let asked = send(&app, sent, &key, &sent.body);
                tokio::join!(asked, peer.answer(probed.clone())).0
            }
            None => send(&app, sent, &key, &sent.body).await,
        };
        if first.status != sent.status {
            wrong.push(format!("{route}: {} {}", first.status, first.body));
            continue;
        }
        assert!(!first.replayed, "{route}");
        seen.insert(route, first.status);
        let after = everything(&app).await;
        let reads = [
            "/device/look",
            "/account/organizations/{organization}/enter",
        ];
        if first.status.is_success() && !reads.contains(&route) {
            assert_ne!(before, after, "{route} does something");
        }
        let second = send(&app, sent, &key, &sent.body).await;
        let other = send(&app, sent, &key, &json!({ "other": "body" })).await;
        if LAST_WORDS.contains(&route) {
            assert_eq!(
                (second.status, other.status),
                (401.try_into().unwrap(), 401.try_into().unwrap())
            );
        } else {
            let by_itself = BY_THEMSELVES.contains(&route);
            assert_eq!(second.replayed, !by_itself, "{route}");
            let second = Answer {
                replayed: false,
                ..second
            };
            if by_itself && first.status.is_success() {
                assert_eq!(id(&first), id(&second), "{route}");
            } else {
                assert_eq!(first, second, "{route}");
            }
            if !by_itself {
                assert_eq!(code(&other), Code::IdempotencyMismatch, "{route}");
            }
        }
        if route != "/cards/{card}/runs" {
            assert_eq!(after, everything(&app).await, "{route} twice is once");
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(
        (count(&app, "runs").await, count(&app, "orders").await),
        (2, 2)
    );
    let done = seen.values().filter(|status| status.is_success()).count();
    assert!(done > 25, "{seen:?}");
}

pub(crate) async fn count(app: &App, table: &str) -> i64 {
    let mut owner = app.database.as_owner().await;
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut owner)
        .await
        .unwrap();
    let statement = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(statement)
        .fetch_one(&mut owner)
        .await
        .unwrap()
}

pub(crate) fn new_token(name: &str) -> Value {
    json!({ "name": name, "scopes": ["read:jobs"] })
}

pub(crate) async fn make(app: &App, key: Option<&str>, body: &Value) -> Answer {
    let sent = Sent {
        token: app.token.clone(),
        path: "/tokens".into(),
        body: Value::Null,
        probed: None,
        status: 0,
    };
    match key {
        Some(key) => send(app, &sent, key, body).await,
        None => {
            let request = ask(app, &app.token, Method::POST, "/tokens").json(body);
            let response = request.send().await.unwrap();
            Answer {
                status: response.status(),
                kind: None,
                replayed: false,
                body: response.text().await.unwrap(),
            }
        }
    }
}

#[tokio::test]
async fn a_hundred_at_once_are_one_and_all_hear_of_it() {
    let app = App::start().await;
    let before = count(&app, "tokens").await;
    let body = new_token("one");
    let all = (0..100).map(|_| make(&app, Some("k"), &body));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(count(&app, "tokens").await, before + 1);
    let made: BTreeSet<String> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .map(|answer| answer.body.clone())
        .collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        let problem: Problem = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem.code, Code::IdempotencyRunning);
        assert_eq!(problem.retry_after_s, Some(1));
    }
    let late = make(&app, Some("k"), &body).await;
    assert!(late.replayed && made.contains(&late.body));
    // The token in it is the one: shown to whoever has the key, and to nobody who reads the database.
    let token: TokenMade = serde_json::from_str(&late.body).unwrap();
    let mut owner = app.database.as_owner().await;
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut owner)
        .await
        .unwrap();
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT to_jsonb(r)::text || encode(coalesce(answer, ''), 'escape') FROM requests r",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].contains(&token.token) && !rows[0].contains("read:jobs"));
}

#[tokio::test]
async fn a_key_is_its_person_s_and_good_for_a_day() {
    let app = App::start().await;
    let first = make(&app, Some("k"), &new_token("one")).await;
    let other = Somebody::member(&app, app.owner.tenant, Role::Developer).await;
    let request = other.request(&app, Method::POST, "/tokens");
    let request = request.header("idempotency-key", "k");
    let theirs: TokenMade = app.send(request.json(&new_token("two"))).await.unwrap();
    assert_eq!(theirs.about.name, "two");
    // The same of a card, whose use case keeps its keys itself.
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    crate::board::project(&app, &mut peer, "demo").await;
    let mut made = BTreeSet::new();
    for token in [&app.token, &other.token, &app.token] {
        let new = json!({ "project": "demo", "title": "One" });
        let request = ask(&app, token, Method::POST, "/cards").header("idempotency-key", "k");
        let card: freehold_wire::api::Card = app.send(request.json(&new)).await.unwrap();
        made.insert(card.id);
    }
    assert_eq!(made.len(), 2);
    app.clock.advance(TimeDelta::hours(23));
    let late = make(&app, Some("k"), &new_token("one")).await;
    assert_eq!((late.replayed, &late.body), (true, &first.body));
    app.clock.advance(TimeDelta::hours(2));
    let new = make(&app, Some("k"), &new_token("three")).await;
    assert_eq!((new.status.as_u16(), new.replayed), (201, false));
    assert_eq!(app.engine.tidy(None).await.unwrap().keys, 1);
    assert_eq!(count(&app, "requests").await, 1);
}

#[tokio::test]
async fn what_is_refused_says_so_again_and_what_is_no_key_is_refused() {
    let app = App::start().await;
    let bad = make(
        &app,
        Some("k"),
        &json!({ "name": "one", "scopes": ["all"] }),
    )
    .await;
    assert_eq!(bad.status, 400);
    let again = make(
        &app,
        Some("k"),
        &json!({ "name": "one", "scopes": ["all"] }),
    )
    .await;
    assert_eq!((again.replayed, again.body), (true, bad.body));
    for key in ["", " ", "a b", "\u{e9}", &"k".repeat(201)] {
        let request = ask(&app, &app.token, Method::POST, "/tokens");
        let request = request.header("idempotency-key", key).json(&new_token("x"));
        let refused = app.send::<Value>(request).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid, "{key:?}");
    }
    let request = ask(&app, &app.token, Method::POST, "/tokens");
    let request = request
        .header("idempotency-key", "a")
        .header("idempotency-key", "b");
    let refused = app.send::<Value>(request.json(&new_token("x"))).await;
    assert_eq!(refused.unwrap_err().code, Code::Invalid);
    // Nothing is read or written without a key.
    let before = count(&app, "requests").await;
    assert_eq!(make(&app, None, &new_token("two")).await.status, 201);
    assert_eq!(count(&app, "requests").await, before);
    // A server that is away says nothing of the request: the key is as good as new.
    let new = json!({ "name": "demo", "remote": "file:///nowhere.git" });
    let request =
        || ask(&app, &app.token, Method::POST, "/projects").header("idempotency-key", "p");
    let refused = app.send::<Value>(request().json(&new)).await.unwrap_err();
    assert_eq!(refused.code, Code::NoRunner);
    assert_eq!(count(&app, "requests").await, before);
}
