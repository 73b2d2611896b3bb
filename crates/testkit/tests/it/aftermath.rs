//! What is over is over, and the log says so: tokens after a new password, sessions that are renewed or enter
//! another organization, refusals, and what is void for long.

use std::time::Duration;

use chrono::TimeDelta;
use freehold_model::{LineageId, Role};
use freehold_store::NewEvent;
use freehold_testkit::{App, Peer, TestEntropy};
use freehold_wire::api::{AuditEntry, EnrolToken, NewSession, Organization, Page, TokenMade};
use freehold_wire::problem::Code;
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::account::{PASSWORD, ask, me, open, post, sign_in, somebody};
use crate::link::started;
use crate::permission::Somebody;

/// What the log of a token's organization has of an action, newest first.
async fn log(app: &App, token: &str, action: &str) -> Vec<AuditEntry> {
    let path = format!("/audit?action={action}");
    let page: Page<AuditEntry> = app.send(ask(app, token, Method::GET, &path)).await.unwrap();
    page.items
}

#[tokio::test]
async fn a_reset_ends_the_persons_own_tokens_and_each_log_says_so_and_a_change_does_not() {
    let (app, mail) = open().await;
    let grace = "grace@example.org";
    let session = somebody(&app, &mail, grace, "Navy").await;
    let other: Organization = post(
        &app,
        &session.token,
        "/account/organizations",
        json!({ "name": "Yale" }),
    )
    .await
    .unwrap();
    let new = json!({ "name": "ci", "scopes": ["read:board"] });
    let ci: TokenMade = post(&app, &session.token, "/tokens", new.clone())
        .await
        .unwrap();
    let service = json!({ "name": "bot", "scopes": ["read:board"], "role": "viewer" });
    let service: TokenMade = post(&app, &session.token, "/service-tokens", service)
        .await
        .unwrap();
    let change = json!({ "current": PASSWORD, "password": "another tall horse" });
    let _: NewSession = post(&app, &session.token, "/account/password", change)
        .await
        .unwrap();
    assert!(
        me(&app, &ci.token).await.is_ok(),
        "who changes it has it in hand"
    );

    let (): () = post(&app, "", "/password/forgot", json!({ "email": grace }))
        .await
        .unwrap();
    // Behind the one that confirmed the address and the one that tells of the change.
    let token = mail.mail(grace, 3).await.token();
    let reset = json!({ "token": token, "password": "a third tall horse" });
    let (): () = post(&app, "", "/password/reset", reset).await.unwrap();
    assert_eq!(me(&app, &ci.token).await, Err(Code::Unauthenticated));
    assert!(me(&app, &service.token).await.is_ok(), "nobody's own");
    let session = sign_in(&app, grace, "a third tall horse").await.unwrap();
    let [entry] = &*log(&app, &session.token, "account.password_reset").await else {
        unreachable!("once");
    };
    assert_eq!(
        (entry.actor.as_str(), entry.address.as_str()),
        (entry.resource.as_str(), "127.0.0.1")
    );
    let enter = format!("/account/organizations/{}/enter", other.id);
    let there: NewSession = post(&app, &session.token, &enter, json!({})).await.unwrap();
    assert_eq!(
        log(&app, &there.token, "account.password_reset")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn both_logs_say_who_came_from_one_organization_into_another() {
    let (app, mail) = open().await;
    let session = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let wish = json!({ "name": "Yale" });
    let other: Organization = post(&app, &session.token, "/account/organizations", wish)
        .await
        .unwrap();
    let enter = format!("/account/organizations/{}/enter", other.id);
    let there: NewSession = post(&app, &session.token, &enter, json!({})).await.unwrap();
    let entered = log(&app, &there.token, "session.enter").await;
    assert_eq!(entered.len(), 1);
    assert_eq!(entered[0].address, "127.0.0.1");
    assert!(log(&app, &there.token, "session.leave").await.is_empty());
    let again = sign_in(&app, "grace@example.org", PASSWORD).await.unwrap();
    let here = again.organization;
    let back: NewSession = match here == other.id {
        true => {
            let home: Page<Organization> = app
                .send(ask(
                    &app,
                    &again.token,
                    Method::GET,
                    "/account/organizations",
                ))
                .await
                .unwrap();
            let home = home.items.into_iter().find(|o| o.id != other.id).unwrap();
            let enter = format!("/account/organizations/{}/enter", home.id);
            post(&app, &again.token, &enter, json!({})).await.unwrap()
        }
        false => again,
    };
    assert_eq!(log(&app, &back.token, "session.leave").await.len(), 1);
}

#[tokio::test]
async fn a_session_whose_renewal_was_lost_is_renewed_once_more() {
    let (app, mail) = open().await;
    let first = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let renew =
        async |token: &str| post::<NewSession>(&app, token, "/session/renew", json!({})).await;
    let lost = renew(&first.token).await.unwrap();
    let soon = renew(&first.token).await.unwrap_err();
    assert_eq!(soon.code, Code::Conflict, "many at once get one");
    app.clock.advance(TimeDelta::seconds(6));
    let second = renew(&first.token).await.unwrap();
    assert_eq!(me(&app, &lost.token).await, Err(Code::Unauthenticated));
    assert_eq!(me(&app, &first.token).await, Err(Code::Unauthenticated));
    assert!(me(&app, &second.token).await.is_ok());
    // Where somebody has the next one and uses it, there is none besides.
    let third = renew(&second.token).await.unwrap();
    assert!(me(&app, &third.token).await.is_ok());
    app.clock.advance(TimeDelta::seconds(6));
    assert_eq!(renew(&second.token).await.unwrap_err().code, Code::Conflict);
    assert!(me(&app, &third.token).await.is_ok());
    app.clock.advance(TimeDelta::seconds(60));
    assert_eq!(
        renew(&second.token).await.unwrap_err().code,
        Code::Unauthenticated
    );
}

#[tokio::test]
async fn what_a_use_case_refuses_is_in_the_log_and_an_owners_right_to_review_is_an_owners_to_give()
{
    let app = App::start().await;
    let admin = Somebody::member(&app, app.owner.tenant, Role::Admin).await;
    let other = Somebody::member(&app, app.owner.tenant, Role::Developer).await;
    let edit = async |who: &Somebody, review: bool| {
        let path = format!("/members/{}", who.user);
        let request = admin.request(&app, Method::PATCH, &path);
        app.send::<Value>(request.json(&json!({ "review": review })))
            .await
    };
    let owner = Somebody::member(&app, app.owner.tenant, Role::Owner).await;
    assert_eq!(edit(&owner, true).await.unwrap_err().code, Code::Forbidden);
    assert!(
        edit(&owner, false).await.is_ok(),
        "nothing is changed by that"
    );
    edit(&other, true).await.unwrap();
    let all = log(&app, &app.token, "member.edit").await;
    let refused: Vec<_> = all
        .iter()
        .filter(|entry| entry.outcome == "refused")
        .collect();
    assert_eq!(refused.len(), 1, "{all:?}");
    assert_eq!(refused[0].actor, admin.user.to_string());
    assert_eq!(
        refused[0].resource,
        format!("/api/v1/members/{}", owner.user)
    );
}

#[tokio::test]
async fn a_look_that_was_not_written_down_is_news_the_next_time() {
    let (app, peer, run) = started().await;
    let card = format!("/cards/{}", run.card);
    drop(peer);
    let look = async || app.get::<Value>(&card).await;
    look().await.unwrap();
    app.clock.advance(TimeDelta::minutes(2));
    let mut owner = app.database.as_owner().await;
    let mut say = async |statement: &'static str| {
        sqlx::query(statement).execute(&mut owner).await.unwrap();
    };
    let before = log(&app, &app.token, "content.open").await.len();
    say("REVOKE INSERT ON audit_entries FROM freehold_app").await;
    assert!(
        look().await.is_err(),
        "what cannot be written down is not shown"
    );
    say("GRANT INSERT ON audit_entries TO freehold_app").await;
    look().await.unwrap();
    look().await.unwrap();
    let after = log(&app, &app.token, "content.open").await.len();
    assert_eq!(after, before + 1);
}

#[tokio::test]
async fn a_database_that_was_put_back_is_in_every_log() {
    let app = App::start().await;
    let line = LineageId::new(&*app.clock, &TestEntropy);
    app.engine.store().lineage_begin(line).await.unwrap();
    app.engine.put_back().await.unwrap();
    app.engine.put_back().await.unwrap();
    let told = log(&app, &app.token, "database.put_back").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].actor, "server");
}

#[tokio::test]
async fn what_is_void_for_a_month_is_forgotten() {
    let app = App::start().await;
    let new = json!({ "name": "ci", "scopes": ["read:board"], "days": 60 });
    let void: TokenMade = app.post("/tokens", &new).await.unwrap();
    let gone = app.request(Method::DELETE, &format!("/tokens/{}", void.about.id));
    app.send::<()>(gone).await.unwrap();
    let _good: TokenMade = app.post("/tokens", &new).await.unwrap();
    let _used_up: EnrolToken = app.post("/runners/tokens", &()).await.unwrap();
    assert_eq!(app.engine.tidy(None).await.unwrap().tokens, 0);
    app.clock.advance(TimeDelta::days(29));
    assert_eq!(app.engine.tidy(None).await.unwrap().tokens, 0);
    app.clock.advance(TimeDelta::days(2));
    assert_eq!(app.engine.tidy(None).await.unwrap().tokens, 2);
    let left: Page<Value> = app.get("/tokens").await.unwrap();
    assert_eq!(left.items.len(), 1, "the good one, and the owner's own");
}

#[tokio::test]
async fn a_runner_is_enrolled_with_a_token_that_a_program_made() {
    let app = App::start().await;
    let new = json!({ "name": "grow", "scopes": ["write:runners"], "role": "admin" });
    let service: TokenMade = app.post("/service-tokens", &new).await.unwrap();
    let made = async || -> EnrolToken {
        post(&app, &service.token, "/runners/tokens", json!({}))
            .await
            .unwrap()
    };
    let plain = |made: &EnrolToken| made.token.split_once('#').unwrap().0.to_owned();
    let token = made().await;
    let peer = Peer::enrol_with(&app, &plain(&token)).await.unwrap();
    assert_eq!(peer.tenant, app.owner.tenant);
    let twice = Peer::enrol_with(&app, &plain(&token)).await;
    assert_eq!(twice.map(|_| ()).unwrap_err().code, Code::Unauthenticated);
    let enrolled = log(&app, &app.token, "runner.enrol").await;
    assert_eq!(enrolled[0].resource, peer.runner.to_string());
    // One that was made before its maker was revoked is void with it.
    let late = made().await;
    let path = format!("/service-tokens/{}", service.about.id);
    app.send::<()>(app.request(Method::DELETE, &path))
        .await
        .unwrap();
    let late = Peer::enrol_with(&app, &plain(&late)).await;
    assert_eq!(late.map(|_| ()).unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn a_machine_whose_token_is_lost_acts_as_its_own_owner_and_as_nobody_who_came_in() {
    let (app, mail) = open().await;
    let own = app.owner.tenant;
    let _grace = somebody(&app, &mail, "grace@example.org", "Navy").await;
    assert_eq!(
        app.engine.local_owner("Ada").await.unwrap().caller.tenant,
        own
    );
    // The installation's own organization is not there: another one is made, and no stranger's taken.
    let mut role = app.database.as_tenant(own).await;
    sqlx::query("DELETE FROM members")
        .execute(&mut role)
        .await
        .unwrap();
    let made = app.engine.local_owner("Ada").await.unwrap().caller;
    assert_ne!(made.tenant, own);
    assert_eq!(made.name, "Ada");
    assert_eq!(app.engine.store().tenants().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_stream_that_is_never_at_rest_ends_when_its_token_does() {
    const MANY: u64 = 16_000;
    let (app, mut peer, run) = started().await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let words = "x".repeat(1000);
    for _ in 0..MANY / 1000 {
        let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
        for _ in 0..1000 {
            let event = NewEvent {
                ts: app.engine.now(),
                kind: "note".into(),
                meta: json!({ "words": words }),
                content: None,
                epoch: 1,
                n: 0,
            };
            tx.event_append(run.id, event);
        }
        tx.commit().await.unwrap();
    }
    let new = json!({ "name": "ci", "scopes": ["read:board", "read:jobs"] });
    let made: TokenMade = app.post("/tokens", &new).await.unwrap();
    let path = format!("/runs/{}/events/stream", run.id);
    let stream = ask(&app, &made.token, Method::GET, &path).send().await;
    let mut stream = stream.unwrap().bytes_stream();
    // Somebody reads slowly, and there is always more.
    assert!(stream.next().await.unwrap().is_ok());
    let gone = app.request(Method::DELETE, &format!("/tokens/{}", made.about.id));
    app.send::<()>(gone).await.unwrap();
    let mut lines = 0;
    let ended = async {
        while let Some(Ok(bytes)) = stream.next().await {
            lines += bytes.windows(3).filter(|at| *at == b"id:").count() as u64;
        }
    };
    let within = Duration::from_secs(2);
    tokio::time::timeout(within, ended).await.unwrap();
    assert!(lines < MANY, "it broke off before all was said: {lines}");
}
