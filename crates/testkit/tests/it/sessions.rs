//! Sessions of browsers: renewed, listed, ended; and a storm of those who want one.
use chrono::TimeDelta;
use freehold_wire::api::{BrowserSession, NewSession, Page};
use freehold_wire::problem::Code;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{PASSWORD, ask, at_once, me, open, post, sign_in, somebody};
use crate::held::Held;

#[tokio::test]
async fn a_session_is_renewed_and_comes_to_an_end() {
    let (app, mail) = open().await;
    let first = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let renew =
        async |token: &str| post::<NewSession>(&app, token, "/session/renew", json!({})).await;
    let second = renew(&first.token).await.unwrap();
    assert_ne!(first.token, second.token);
    assert!(
        me(&app, &first.token).await.is_ok(),
        "requests under way go on"
    );
    assert_eq!(renew(&first.token).await.unwrap_err().code, Code::Conflict);
    app.clock.advance(TimeDelta::seconds(61));
    assert_eq!(me(&app, &first.token).await, Err(Code::Unauthenticated));
    // Nobody renews it for a fortnight.
    app.clock.advance(TimeDelta::days(14));
    assert_eq!(me(&app, &second.token).await, Err(Code::Unauthenticated));
    // It is renewed each day, and ends all the same.
    let mut session = sign_in(&app, "grace@example.org", PASSWORD).await.unwrap();
    let mut days = 0;
    let ended = loop {
        app.clock.advance(TimeDelta::days(1));
        days += 1;
        match renew(&session.token).await {
            Ok(next) => session = next,
            Err(problem) => break problem,
        }
    };
    assert_eq!((ended.code, days), (Code::Unauthenticated, 60));
}

#[tokio::test]
async fn one_sees_where_one_is_signed_in_and_signs_others_out() {
    let (app, mail) = open().await;
    let here = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let there = sign_in(&app, "grace@example.org", PASSWORD).await.unwrap();
    let elsewhere = sign_in(&app, "grace@example.org", PASSWORD).await.unwrap();
    let (): () = post(&app, &elsewhere.token, "/sign-out", json!({}))
        .await
        .unwrap();
    assert_eq!(me(&app, &elsewhere.token).await, Err(Code::Unauthenticated));
    let stranger = somebody(&app, &mail, "ada@example.org", "Mill").await;
    let list = async |token: &str| {
        let request =
            ask(&app, token, Method::GET, "/account/sessions").header("user-agent", "Tester");
        app.send::<Page<BrowserSession>>(request)
            .await
            .unwrap()
            .items
    };
    let sessions = list(&here.token).await;
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    let other = sessions.iter().find(|session| !session.this).unwrap();
    assert_eq!(
        (other.address.as_deref(), other.organization_name.as_str()),
        (Some("127.0.0.1"), "Navy")
    );
    let end = |token: &str, id: String| {
        let request = ask(
            &app,
            token,
            Method::DELETE,
            &format!("/account/sessions{id}"),
        );
        async {
            crate::confirm::confirmed::<()>(&app, request)
                .await
                .map_err(|problem| problem.code)
        }
    };
    let id = format!("/{}", other.id);
    assert_eq!(
        end(&stranger.token, id.clone()).await,
        Err(Code::NotFound),
        "somebody else's"
    );
    assert_eq!(
        end(&here.token, "/nonsense".into()).await,
        Err(Code::NotFound)
    );
    end(&here.token, id.clone()).await.unwrap();
    assert_eq!(end(&here.token, id).await, Err(Code::NotFound));
    assert_eq!(me(&app, &there.token).await, Err(Code::Unauthenticated));
    let more = sign_in(&app, "grace@example.org", PASSWORD).await.unwrap();
    end(&here.token, String::new()).await.unwrap();
    assert_eq!(me(&app, &more.token).await, Err(Code::Unauthenticated));
    assert!(me(&app, &here.token).await.is_ok() && me(&app, &stranger.token).await.is_ok());
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it_and_all_others_are_signed_out() {
    let (app, mail) = open().await;
    let here = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let there = sign_in(&app, "grace@example.org", PASSWORD).await.unwrap();
    let change = |current: &str, new: &str| {
        post::<NewSession>(
            &app,
            &here.token,
            "/account/password",
            json!({ "current": current, "password": new }),
        )
    };
    assert_eq!(
        change("not the password", "another tall horse")
            .await
            .unwrap_err()
            .code,
        Code::Unauthenticated
    );
    assert_eq!(
        change(PASSWORD, "short").await.unwrap_err().code,
        Code::Invalid
    );
    let renewed = change(PASSWORD, "another tall horse").await.unwrap();
    assert!(me(&app, &renewed.token).await.is_ok());
    assert_eq!(me(&app, &there.token).await, Err(Code::Unauthenticated));
    app.clock.advance(TimeDelta::seconds(61));
    assert_eq!(me(&app, &here.token).await, Err(Code::Unauthenticated));
    // A token that was made for a program cannot do any of that.
    let token: Value = post(
        &app,
        &renewed.token,
        "/tokens",
        json!({ "name": "t", "scopes": ["read:board"] }),
    )
    .await
    .unwrap();
    let token = token["token"].as_str().unwrap();
    for (method, path) in [
        (Method::GET, "/account"),
        (Method::GET, "/account/sessions"),
        (Method::POST, "/session/renew"),
    ] {
        let status = ask(&app, token, method, path)
            .send()
            .await
            .unwrap()
            .status();
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn a_storm_of_sign_ins_is_slowed_down_and_others_are_served() {
    let (app, mail) = open().await;
    let session = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let wrong = json!({ "email": "grace@example.org", "password": "not the password" });
    let storm = at_once(&app, "", "/sign-in/password", &wrong, 200);
    let served = async {
        for _ in 0..10 {
            let health = ask(&app, "", Method::GET, "/health");
            let answer =
                tokio::time::timeout(std::time::Duration::from_secs(2), health.send()).await;
            assert!(answer.unwrap().unwrap().status().is_success());
            assert!(me(&app, &session.token).await.is_ok());
        }
    };
    let (done, ()) = tokio::join!(storm, served);
    assert_eq!(done, 0);
    let next = sign_in(&app, "grace@example.org", PASSWORD)
        .await
        .unwrap_err();
    assert_eq!(next.code, Code::TooMany);
    let wait = i64::try_from(next.retry_after_s.unwrap()).unwrap();
    app.clock.advance(TimeDelta::seconds(wait));
    assert!(
        sign_in(&app, "grace@example.org", PASSWORD).await.is_ok(),
        "after {wait} s"
    );
}

/// A new password ends a session that is being renewed at that very moment, too.
#[tokio::test]
async fn a_session_that_is_renewed_while_the_password_is_set_anew_ends_with_the_others() {
    let (app, mail) = open().await;
    let session = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let forgot = json!({ "email": "grace@example.org" });
    let (): () = post(&app, "", "/password/forgot", forgot).await.unwrap();
    let token = mail.mail("grace@example.org", 2).await.token();
    // The renewal stands still in its middle: it has the old session, and waits for the membership.
    let mut held = Held::members(&app, session.organization).await;
    let renewing = post::<NewSession>(&app, &session.token, "/session/renew", json!({}));
    let new = json!({ "token": token, "password": "another tall horse" });
    let rest = async {
        held.in_line(1).await;
        let going_on = async {
            held.in_line(2).await;
            held.go().await;
        };
        let setting = post::<()>(&app, "", "/password/reset", new);
        tokio::join!(setting, going_on).0
    };
    let (renewed, set) = tokio::join!(renewing, rest);
    set.unwrap();
    assert_eq!(
        me(&app, &renewed.unwrap().token).await,
        Err(Code::Unauthenticated)
    );
    assert_eq!(me(&app, &session.token).await, Err(Code::Unauthenticated));
}
