//! Signing in a device that has no browser.
use chrono::TimeDelta;
use freehold_model::{Rights, Role, Scope};
use freehold_testkit::App;
use freehold_wire::api::{AccessToken, Device, DeviceCodes, DeviceState, Me, Page};
use freehold_wire::problem::Code;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::permission::Somebody;

async fn asked(app: &App) -> DeviceCodes {
    app.post("/device", &json!({ "name": "laptop" }))
        .await
        .unwrap()
}

/// What the device hears, with the code of a refusal in its place; well apart from the question before.
async fn polled(app: &App, codes: &DeviceCodes) -> Result<DeviceState, Code> {
    app.clock.advance(TimeDelta::seconds(6));
    let poll = json!({ "device_code": codes.device_code });
    let heard = app.post("/device/token", &poll).await;
    heard.map_err(|problem| problem.code)
}

async fn decided(app: &App, who: &Somebody, path: &str, code: &str) -> Result<Device, Code> {
    let request = who.request(app, Method::POST, path);
    let sent = app.send(request.json(&json!({ "user_code": code })));
    sent.await.map_err(|problem| problem.code)
}

async fn developer(app: &App) -> Somebody {
    Somebody::member(app, app.owner.tenant, Role::Developer).await
}

#[tokio::test]
async fn a_device_acts_as_whoever_approved_it_once_and_not_on_the_account() {
    let app = App::start().await;
    let ada = developer(&app).await;
    let codes = asked(&app).await;
    assert!(codes.device_code.starts_with("fhd_") && codes.user_code.len() == 9);
    assert!(polled(&app, &codes).await == Ok(DeviceState::Pending {}));
    let poll = json!({ "device_code": codes.device_code });
    let hasty: DeviceState = app.post("/device/token", &poll).await.unwrap();
    assert!(hasty == DeviceState::SlowDown {});
    let typed = codes.user_code.to_lowercase().replace('-', " ");
    let seen = decided(&app, &ada, "/device/look", &typed).await.unwrap();
    assert_eq!(
        (seen.name.as_str(), seen.address.as_deref()),
        ("laptop", Some("127.0.0.1"))
    );
    decided(&app, &ada, "/device/approve", &typed)
        .await
        .unwrap();
    // Once: nobody turns it into theirs.
    let other = developer(&app).await;
    for path in ["/device/look", "/device/approve", "/device/deny"] {
        let late = decided(&app, &other, path, &codes.user_code).await;
        assert_eq!(late.unwrap_err(), Code::NotFound, "{path}");
    }
    // A hundred ask at once, and one is given the token.
    app.clock.advance(TimeDelta::seconds(6));
    let client = reqwest::Client::new();
    let url = format!("{}/api/v1/device/token", app.url());
    let asked: Vec<_> = (0..100)
        .map(|_| tokio::spawn(client.post(&url).json(&poll).send()))
        .collect();
    let mut tokens = Vec::new();
    for answer in asked {
        let answer = answer.await.unwrap().unwrap();
        let status = answer.status();
        let heard: Value = answer.json().await.unwrap();
        match heard["token"].as_str() {
            Some(token) => tokens.push(token.to_owned()),
            None => assert_eq!(status, StatusCode::UNAUTHORIZED, "{heard}"),
        }
    }
    assert_eq!(tokens.len(), 1);
    let get = |path: &str| {
        let request = client.get(format!("{}/api/v1{path}", app.url()));
        request.bearer_auth(&tokens[0])
    };
    let me: Me = app.send(get("/me")).await.unwrap();
    assert_eq!((me.user, me.role), (ada.user, Role::Developer));
    assert!(!me.scopes.contains(&Scope::Account) && me.scopes.len() == Scope::ALL.len() - 1);
    let refused = app.send::<Value>(get("/tokens")).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    // It is one of its person's tokens, by the device's name, and goes like them.
    let list = ada.request(&app, Method::GET, "/tokens");
    let list: Page<AccessToken> = app.send(list).await.unwrap();
    assert_eq!(list.items[0].name, "laptop");
    let path = format!("/tokens/{}", list.items[0].id);
    app.send::<()>(ada.request(&app, Method::DELETE, &path))
        .await
        .unwrap();
    assert_eq!(get("/me").send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_device_acts_in_the_organization_that_its_person_was_in() {
    let app = App::start().await;
    let other = app.engine.tenant_create("other").await.unwrap();
    let rights = Rights::of(Role::Owner);
    let there = Somebody::signed_in(&app, other.tenant, other.user, rights).await;
    let codes = asked(&app).await;
    decided(&app, &there, "/device/approve", &codes.user_code)
        .await
        .unwrap();
    let Ok(DeviceState::Approved { token, .. }) = polled(&app, &codes).await else {
        unreachable!("it was approved")
    };
    let me = reqwest::Client::new().get(format!("{}/api/v1/me", app.url()));
    let me: Me = app.send(me.bearer_auth(token)).await.unwrap();
    assert_eq!(me.tenant, other.tenant);
}

#[tokio::test]
async fn what_was_denied_expired_or_guessed_gives_nothing() {
    let app = App::start().await;
    let ada = developer(&app).await;
    let denied = asked(&app).await;
    decided(&app, &ada, "/device/deny", &denied.user_code)
        .await
        .unwrap();
    assert!(polled(&app, &denied).await == Ok(DeviceState::Denied {}));
    let again = decided(&app, &ada, "/device/approve", &denied.user_code).await;
    assert_eq!(again.unwrap_err(), Code::NotFound, "a no stands");
    let late = asked(&app).await;
    decided(&app, &ada, "/device/approve", &late.user_code)
        .await
        .unwrap();
    app.clock.advance(TimeDelta::minutes(10));
    assert!(polled(&app, &late).await == Err(Code::Unauthenticated));
    let forged = DeviceCodes {
        device_code: late.user_code.clone(),
        ..asked(&app).await
    };
    assert!(polled(&app, &forged).await == Err(Code::Unauthenticated));
    let named = app
        .post::<Value>("/device", &json!({ "name": "a\nb" }))
        .await;
    assert_eq!(named.unwrap_err().code, Code::Invalid);

    let waiting = asked(&app).await;
    let guesser = developer(&app).await;
    for _ in 0..10 {
        let wrong = decided(&app, &guesser, "/device/approve", "BCDF-GHJK").await;
        assert_eq!(wrong.unwrap_err(), Code::NotFound);
    }
    let request = guesser.request(&app, Method::POST, "/device/approve");
    let right = json!({ "user_code": waiting.user_code });
    let refused = request.json(&right).send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let seconds: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((590..=601).contains(&seconds), "{seconds}");
    decided(&app, &ada, "/device/approve", &waiting.user_code)
        .await
        .unwrap();
}

#[tokio::test]
async fn no_more_devices_ask_than_may_and_those_whose_time_is_over_make_room() {
    let app = App::start().await;
    let mut role = app.database.as_app().await;
    let until = app.engine.now() + TimeDelta::minutes(10);
    let added: i64 = sqlx::query_scalar(
        "SELECT count(*) FILTER (WHERE device_ask(sha256(n::text::bytea), n::text, 'x', NULL, $1, $2, 1000))
         FROM generate_series(1, 1001) n",
    )
    .bind(app.engine.now())
    .bind(until)
    .fetch_one(&mut role)
    .await
    .unwrap();
    assert_eq!(added, 1000);
    let name = json!({ "name": "laptop" });
    let refused = app.post::<Value>("/device", &name).await.unwrap_err();
    assert_eq!(refused.code, Code::TooMany);
    app.clock.advance(TimeDelta::minutes(11));
    asked(&app).await;
    // The server's role has no other way to them.
    for statement in ["SELECT * FROM device_codes", "DELETE FROM device_codes"] {
        assert!(sqlx::query(statement).execute(&mut role).await.is_err());
    }
}
