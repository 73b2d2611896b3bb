//! Invitations: for one address, good once and for a week.
use chrono::TimeDelta;
use freehold_model::webhook::Event;
use freehold_testkit::App;
use freehold_wire::api::{Invitation, InvitationSeen, NewSession, Page};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::json;

use crate::account::{PASSWORD, ask, at_once, me, open, post, sign_in, somebody};
use crate::member::{accept, change, invite, members};
use crate::webhook::{add, deliveries};

async fn look(app: &App, token: &str) -> Result<InvitationSeen, Code> {
    let seen = post(app, "", "/invitations/look", json!({ "token": token })).await;
    seen.map_err(|problem| problem.code)
}

#[tokio::test]
async fn somebody_is_invited_by_mail_and_comes_once() {
    let (app, mail) = open().await;
    let owner = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let made = invite(&app, &owner.token, "Ada@example.org", "developer")
        .await
        .unwrap();
    assert_eq!(
        (made.email.as_str(), made.state.as_str(), made.by.as_deref()),
        ("ada@example.org", "open", Some("Grace"))
    );
    assert!((made.expires_at - made.created_at) == TimeDelta::days(7));
    let arrived = mail.mail("ada@example.org", 1).await;
    assert_eq!(arrived.subject, "Grace invites you to Navy");
    let token = arrived.token();
    let seen = look(&app, &token).await.unwrap();
    assert!(seen.organization == "Navy" && seen.role.name() == "developer" && !seen.has_account);
    // A weak password or no name is refused, and the invitation stays open.
    assert_eq!(
        accept(&app, &token, "short").await.unwrap_err().code,
        Code::Invalid
    );
    let nameless = post::<NewSession>(
        &app,
        "",
        "/invitations/accept",
        json!({ "token": token, "password": PASSWORD }),
    );
    assert_eq!(nameless.await.unwrap_err().code, Code::Invalid);
    let session = accept(&app, &token, PASSWORD).await.unwrap();
    let mine = me(&app, &session.token).await.unwrap();
    assert_eq!(
        (mine.tenant, mine.role.name(), mine.name.as_str()),
        (owner.organization, "developer", "Ada")
    );
    assert_eq!(
        accept(&app, &token, PASSWORD).await.unwrap_err().code,
        Code::Unauthenticated
    );
    assert_eq!(look(&app, &token).await.err(), Some(Code::Unauthenticated));
    let refused = invite(&app, &owner.token, "ada@example.org", "viewer")
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::Exists);
    let list: Page<Invitation> = app
        .send(ask(&app, &owner.token, Method::GET, "/invitations"))
        .await
        .unwrap();
    assert_eq!(
        list.items
            .iter()
            .map(|i| i.state.as_str())
            .collect::<Vec<_>>(),
        ["accepted"]
    );
}

#[tokio::test]
async fn an_invitation_is_for_its_address_alone_and_ends() {
    let (app, mail) = open().await;
    let owner = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let mallory = somebody(&app, &mail, "mallory@example.org", "Evil").await;
    let ada = somebody(&app, &mail, "ada@example.org", "Mill").await;
    invite(&app, &owner.token, "ada@example.org", "viewer")
        .await
        .unwrap();
    let token = mail.mail("ada@example.org", 2).await.token();
    let as_ = |session: &NewSession, token: &str| {
        let body = json!({ "token": token });
        let session = session.token.clone();
        let app = &app;
        async move { post::<NewSession>(app, &session, "/account/invitations/accept", body).await }
    };
    assert_eq!(
        as_(&mallory, &token).await.unwrap_err().code,
        Code::Forbidden
    );
    // Whoever got hold of the mail does not know the password.
    assert_eq!(
        accept(&app, &token, "not the password")
            .await
            .unwrap_err()
            .code,
        Code::Unauthenticated
    );
    assert!(look(&app, &token).await.unwrap().has_account);
    let (a, b) = tokio::join!(as_(&ada, &token), accept(&app, &token, PASSWORD));
    let there = match (a, b) {
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => one,
        both => panic!(
            "exactly one of two at once: {:?}",
            (both.0.err(), both.1.err())
        ),
    };
    assert_eq!(me(&app, &there.token).await.unwrap().tenant_name, "Navy");
    // Revoked, replaced and old ones are good for nothing.
    let first = invite(&app, &owner.token, "eve@example.org", "viewer")
        .await
        .unwrap();
    let token = mail.mail("eve@example.org", 1).await.token();
    change(
        &app,
        &owner.token,
        Method::DELETE,
        &format!("/invitations/{}", first.id),
        json!({}),
    )
    .await
    .unwrap();
    assert_eq!(
        accept(&app, &token, PASSWORD).await.unwrap_err().code,
        Code::Unauthenticated
    );
    let second = invite(&app, &owner.token, "eve@example.org", "viewer")
        .await
        .unwrap();
    let old = mail.mail("eve@example.org", 2).await.token();
    let path = format!("/invitations/{}/resend", second.id);
    // Whoever is invited is not flooded.
    assert_eq!(
        change(&app, &owner.token, Method::POST, &path, json!({})).await,
        Err(Code::TooMany)
    );
    app.clock.advance(TimeDelta::minutes(5));
    change(&app, &owner.token, Method::POST, &path, json!({}))
        .await
        .unwrap();
    let new = mail.mail("eve@example.org", 3).await.token();
    assert_eq!(
        accept(&app, &old, PASSWORD).await.unwrap_err().code,
        Code::Unauthenticated
    );
    assert_eq!(
        look(&app, &new).await.map(|seen| seen.email),
        Ok("eve@example.org".to_owned())
    );
    app.clock.advance(TimeDelta::days(7));
    assert_eq!(
        accept(&app, &new, PASSWORD).await.unwrap_err().code,
        Code::Unauthenticated
    );
    // Another organization's invitations are not there.
    let path = format!("/invitations/{}", second.id);
    let session = sign_in(&app, "mallory@example.org", PASSWORD)
        .await
        .unwrap();
    assert_eq!(
        change(&app, &session.token, Method::DELETE, &path, json!({})).await,
        Err(Code::NotFound)
    );
}

#[tokio::test]
async fn an_invitation_accepted_a_hundred_times_at_once_makes_one_member() {
    let (app, mail) = open().await;
    let owner = somebody(&app, &mail, "grace@example.org", "Navy").await;
    invite(&app, &owner.token, "ada@example.org", "viewer")
        .await
        .unwrap();
    let token = mail.mail("ada@example.org", 1).await.token();
    let body = json!({ "token": token, "password": PASSWORD, "name": "Ada" });
    let path = "/invitations/accept";
    assert_eq!(at_once(&app, "", path, &body, 100).await, 1);
    assert_eq!(members(&app, &owner.token).await.len(), 2);
}

/// The request's key is kept in the organization that it was sent from; what is told is the other's.
#[tokio::test]
async fn who_comes_by_a_request_under_a_key_is_told_to_the_organization_that_they_come_to() {
    let (app, mail) = open().await;
    let hook = add(&app, "http://127.0.0.1:1/hook", &[Event::MemberJoined]).await;
    for (n, key) in [None, Some("k")].into_iter().enumerate() {
        let email = format!("ada{n}@example.org");
        let ada = somebody(&app, &mail, &email, "Mill").await;
        invite(&app, &app.token, &email, "viewer").await.unwrap();
        let token = mail.mail(&email, 2).await.token();
        let mut request = ask(
            &app,
            &ada.token,
            Method::POST,
            "/account/invitations/accept",
        );
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let joined: NewSession = app
            .send(request.json(&json!({ "token": token })))
            .await
            .unwrap();
        assert_eq!(joined.organization, app.owner.tenant);
        let told = deliveries(&app, &hook).await;
        assert_eq!(told.len(), n + 1, "{key:?}: {told:?}");
    }
}
