//! Members and invitations: who comes in, what they are, and how they go.
use chrono::TimeDelta;
use freehold_model::run::State;
use freehold_testkit::app::Reply;
use freehold_testkit::{App, MailServer, Peer};
use freehold_wire::api::{Invitation, Member, NewSession, Organization, Page, Run, Seats};
use freehold_wire::link::Down;
use freehold_wire::problem::Code;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{PASSWORD, ask, me, open, post, sign_in, somebody};
use crate::board::{agent, card, project};
use crate::confirm::confirmed;
use crate::link::run;
use crate::watch::Watch;

pub(crate) async fn invite(app: &App, token: &str, email: &str, role: &str) -> Reply<Invitation> {
    post(
        app,
        token,
        "/invitations",
        json!({ "email": email, "role": role }),
    )
    .await
}

pub(crate) async fn accept(app: &App, token: &str, password: &str) -> Reply<NewSession> {
    let body = json!({ "token": token, "password": password, "name": "Ada" });
    post(app, "", "/invitations/accept", body).await
}

/// Somebody who was invited to be that, and came; they had no account.
pub(crate) async fn joined(
    app: &App,
    mail: &MailServer,
    owner: &str,
    email: &str,
    role: &str,
) -> NewSession {
    invite(app, owner, email, role).await.unwrap();
    let token = mail.mail(email, 1).await.token();
    accept(app, &token, PASSWORD).await.unwrap()
}

pub(crate) async fn members(app: &App, token: &str) -> Vec<(String, String)> {
    let page: Page<Member> = app
        .send(ask(app, token, Method::GET, "/members"))
        .await
        .unwrap();
    let of = |member: Member| {
        (
            member.email.unwrap_or_default(),
            member.role.name().to_owned(),
        )
    };
    page.items.into_iter().map(of).collect()
}

pub(crate) async fn change(
    app: &App,
    token: &str,
    method: Method,
    path: &str,
    body: Value,
) -> Result<Value, Code> {
    let request = ask(app, token, method, path).json(&body);
    confirmed(app, request)
        .await
        .map_err(|problem| problem.code)
}

#[tokio::test]
async fn members_are_found_by_a_part_of_their_name_or_address() {
    let (app, mail) = open().await;
    let grace = somebody(&app, &mail, "grace@example.org", "Navy").await;
    for who in ["ada.l", "rosa", "ada.b"] {
        let email = format!("{who}@example.org");
        joined(&app, &mail, &grace.token, &email, "viewer").await;
    }
    // Of another organization, and never found in this one.
    let other = somebody(&app, &mail, "ada.c@example.org", "Army").await;
    let found = async |words: &str| -> Vec<String> {
        let path = format!("/members?search={words}");
        let asked = ask(&app, &grace.token, Method::GET, &path);
        let page: Page<Member> = app.send(asked).await.unwrap();
        let email = |member: Member| member.email.unwrap_or_default();
        let mut found: Vec<String> = page.items.into_iter().map(email).collect();
        found.sort();
        found
    };
    let adas = ["ada.b@example.org", "ada.l@example.org"];
    assert_eq!(found("ada.").await, adas);
    assert_eq!(found("ADA.").await, adas);
    assert_eq!(found("grace").await, ["grace@example.org"]);
    // What a pattern would take for anything is a letter like any other.
    assert_eq!(found("%25").await, Vec::<String>::new());
    assert_eq!(found("a_a").await, Vec::<String>::new());
    assert_eq!(found("").await.len(), 4);
    let long = format!("/members?search={}", "x".repeat(321));
    for path in ["/members?search=%00", &long] {
        let asked = ask(&app, &other.token, Method::GET, path);
        let refused = app.send::<Page<Member>>(asked).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid, "{path}");
    }
}

#[tokio::test]
async fn an_organization_keeps_an_owner_though_two_go_at_once() {
    let (app, mail) = open().await;
    let grace = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let leave = |session: &NewSession| {
        let token = session.token.clone();
        let app = &app;
        async move {
            post::<()>(app, &token, "/members/leave", json!({}))
                .await
                .map_err(|p| p.code)
        }
    };
    let demote = async |by: &NewSession, whom: &str| {
        change(
            &app,
            &by.token,
            Method::PATCH,
            &format!("/members/{whom}"),
            json!({ "role": "viewer" }),
        )
        .await
    };
    assert_eq!(leave(&grace).await, Err(Code::LastOwner));
    assert_eq!(
        demote(&grace, "grace@example.org").await,
        Err(Code::LastOwner)
    );
    for n in 0..5 {
        let email = format!("ada{n}@example.org");
        let ada = joined(&app, &mail, &grace.token, &email, "owner").await;
        // Grace comes back for the next round, if it was she who went.
        let (one, two) = match n % 2 {
            0 => tokio::join!(leave(&ada), async {
                demote(&grace, "grace@example.org").await.map(drop)
            }),
            _ => tokio::join!(async { demote(&ada, &email).await.map(drop) }, async {
                demote(&grace, "grace@example.org").await.map(drop)
            }),
        };
        assert!(one.is_ok() != two.is_ok(), "round {n}: {one:?} {two:?}");
        if two.is_ok() {
            change(
                &app,
                &ada.token,
                Method::PATCH,
                "/members/grace@example.org",
                json!({ "role": "owner" }),
            )
            .await
            .unwrap();
            leave(&ada).await.unwrap();
        }
    }
    let owners = members(&app, &grace.token)
        .await
        .into_iter()
        .filter(|(_, role)| role == "owner");
    assert_eq!(
        owners.collect::<Vec<_>>(),
        [("grace@example.org".to_owned(), "owner".to_owned())]
    );
}

#[tokio::test]
async fn what_an_owner_is_owners_decide() {
    let (app, mail) = open().await;
    let grace = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let admin = joined(&app, &mail, &grace.token, "ada@example.org", "admin").await;
    let viewer = joined(&app, &mail, &grace.token, "eve@example.org", "viewer").await;
    let edit = async |token: &str, whom: &str, to: Value| {
        change(&app, token, Method::PATCH, &format!("/members/{whom}"), to).await
    };
    assert_eq!(
        edit(&admin.token, "ada@example.org", json!({ "role": "owner" })).await,
        Err(Code::Forbidden)
    );
    assert_eq!(
        edit(
            &admin.token,
            "grace@example.org",
            json!({ "role": "viewer" })
        )
        .await,
        Err(Code::Forbidden)
    );
    assert_eq!(
        change(
            &app,
            &admin.token,
            Method::DELETE,
            "/members/grace@example.org",
            json!({})
        )
        .await,
        Err(Code::Forbidden)
    );
    assert_eq!(
        invite(&app, &admin.token, "x@example.org", "owner")
            .await
            .unwrap_err()
            .code,
        Code::Forbidden
    );
    assert_eq!(
        invite(&app, &viewer.token, "x@example.org", "viewer")
            .await
            .unwrap_err()
            .code,
        Code::Forbidden
    );
    assert_eq!(
        edit(&viewer.token, "eve@example.org", json!({ "review": true })).await,
        Err(Code::Forbidden)
    );
    assert_eq!(
        edit(
            &admin.token,
            "nobody@example.org",
            json!({ "review": true })
        )
        .await,
        Err(Code::NotFound)
    );
    assert!(!me(&app, &viewer.token).await.unwrap().review);
    edit(&admin.token, "eve@example.org", json!({ "review": true }))
        .await
        .unwrap();
    assert!(me(&app, &viewer.token).await.unwrap().review);
    edit(
        &admin.token,
        "eve@example.org",
        json!({ "role": "developer" }),
    )
    .await
    .unwrap();
    let mine = me(&app, &viewer.token).await.unwrap();
    assert!(
        mine.role.name() == "developer" && mine.review,
        "what is left out stays"
    );
}

#[tokio::test]
async fn whoever_is_removed_is_out_with_all_that_they_had_under_way() {
    let (app, mail) = open().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    let card = card(&app, &project, "Work").await;
    let ada = joined(&app, &mail, &app.token, "ada@example.org", "developer").await;
    let started: Run = post(
        &app,
        &ada.token,
        &format!("/cards/{}/runs", card.id),
        json!({}),
    )
    .await
    .unwrap();
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let token: Value = post(
        &app,
        &ada.token,
        "/tokens",
        json!({ "name": "t", "scopes": ["read:board"] }),
    )
    .await
    .unwrap();
    let token = token["token"].as_str().unwrap();
    let mut watch = Watch::open(&app, &ada.token).await;
    assert_eq!(watch.next().await.unwrap().0, "hello");
    assert!(me(&app, token).await.is_ok());

    change(
        &app,
        &app.token,
        Method::DELETE,
        "/members/ada@example.org",
        json!({}),
    )
    .await
    .unwrap();
    for token in [&ada.token, token] {
        assert_eq!(me(&app, token).await, Err(Code::Unauthenticated));
    }
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), async {
        while watch
            .next()
            .await
            .is_some_and(|(name, _)| name != "signed_out")
        {}
    });
    assert!(ended.await.is_ok(), "their stream ends within five seconds");
    let told = async {
        while let Some(frame) = peer.hear_or_end().await {
            if matches!(frame.body, Down::Cancel(of) if of.run == started.id) {
                return true;
            }
        }
        false
    };
    let told = tokio::time::timeout(std::time::Duration::from_secs(5), told);
    assert_eq!(told.await, Ok(true), "the runner is told to stop");
    let run = run(&app, started.id).await;
    assert_eq!(run.by.as_deref(), Some("Ada"), "what they did stays theirs");
    assert!(run.state == State::Running || run.state.is_terminal());
    let gone = sign_in(&app, "ada@example.org", PASSWORD)
        .await
        .unwrap_err();
    assert_eq!(gone.code, Code::Forbidden, "there is nowhere to go");
    assert_eq!(
        change(
            &app,
            &app.token,
            Method::DELETE,
            "/members/ada@example.org",
            json!({})
        )
        .await,
        Err(Code::NotFound)
    );
    // They may come back, and are themselves again.
    invite(&app, &app.token, "ada@example.org", "viewer")
        .await
        .unwrap();
    let again = mail.mail("ada@example.org", 2).await.token();
    let back = accept(&app, &again, PASSWORD).await.unwrap();
    assert_eq!(me(&app, &back.token).await.unwrap().role.name(), "viewer");
    assert_eq!(
        me(&app, &ada.token).await,
        Err(Code::Unauthenticated),
        "a token of before stays void"
    );
}

#[tokio::test]
async fn an_organization_has_no_more_members_than_seats() {
    let (app, mail) = open().await;
    let grace = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let mut tx = app.engine.store().begin(grace.organization).await.unwrap();
    tx.seats_set(Some(2)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tokens = Vec::new();
    for email in ["a@example.org", "b@example.org", "c@example.org"] {
        invite(&app, &grace.token, email, "viewer").await.unwrap();
        tokens.push(mail.mail(email, 1).await.token());
    }
    let all =
        futures_util::future::join_all(tokens.iter().map(|token| accept(&app, token, PASSWORD)))
            .await;
    let codes: Vec<Code> = all
        .iter()
        .filter_map(|one| one.as_ref().err().map(|p| p.code))
        .collect();
    assert_eq!(codes, [Code::SeatsTaken; 2]);
    let seats: Seats = app
        .send(ask(&app, &grace.token, Method::GET, "/members/seats"))
        .await
        .unwrap();
    assert_eq!((seats.members, seats.limit), (2, Some(2)));
    // Whoever found no seat has no account either, and comes in when there is one.
    let waits = all.iter().position(Result::is_err).unwrap();
    let mut tx = app.engine.store().begin(grace.organization).await.unwrap();
    tx.seats_set(Some(3)).await.unwrap();
    tx.commit().await.unwrap();
    accept(&app, &tokens[waits], PASSWORD).await.unwrap();
}

#[tokio::test]
async fn one_person_is_in_many_organizations_and_acts_in_one_at_a_time() {
    let (app, mail) = open().await;
    let grace = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let ada = somebody(&app, &mail, "ada@example.org", "Mill").await;
    invite(&app, &grace.token, "ada@example.org", "viewer")
        .await
        .unwrap();
    let token = mail.mail("ada@example.org", 2).await.token();
    let navy: NewSession = post(
        &app,
        &ada.token,
        "/account/invitations/accept",
        json!({ "token": token }),
    )
    .await
    .unwrap();
    assert_eq!(navy.organization, grace.organization);
    let made: Organization = post(
        &app,
        &navy.token,
        "/account/organizations",
        json!({ "name": "Loom" }),
    )
    .await
    .unwrap();
    let enter = |token: &str, id: String| {
        let app = &app;
        let token = token.to_owned();
        async move {
            post::<NewSession>(
                app,
                &token,
                &format!("/account/organizations/{id}/enter"),
                json!({}),
            )
            .await
        }
    };
    let loom = enter(&navy.token, made.id.to_string()).await.unwrap();
    assert_eq!(me(&app, &loom.token).await.unwrap().tenant_name, "Loom");
    let list: Page<Organization> = app
        .send(ask(
            &app,
            &loom.token,
            Method::GET,
            "/account/organizations",
        ))
        .await
        .unwrap();
    let names: Vec<_> = list
        .items
        .iter()
        .map(|o| (o.name.as_str(), o.role.name(), o.this))
        .collect();
    assert_eq!(
        names,
        [
            ("Mill", "owner", false),
            ("Navy", "viewer", false),
            ("Loom", "owner", true)
        ]
    );
    // What is not one's own is not there, and a session is where it is.
    let foreign = somebody(&app, &mail, "eve@example.org", "Evil").await;
    for id in [foreign.organization.to_string(), "nonsense".into()] {
        assert_eq!(
            enter(&loom.token, id).await.unwrap_err().code,
            Code::NotFound
        );
    }
    assert_eq!(members(&app, &loom.token).await.len(), 1);
    let edit = change(
        &app,
        &loom.token,
        Method::PATCH,
        "/members/grace@example.org",
        json!({ "role": "viewer" }),
    );
    assert_eq!(edit.await, Err(Code::NotFound));
    app.clock.advance(TimeDelta::seconds(61));
    assert_eq!(
        me(&app, &navy.token).await,
        Err(Code::Unauthenticated),
        "the one before is replaced"
    );
    // The next sign-in leads to where one was last.
    let next = sign_in(&app, "ada@example.org", PASSWORD).await.unwrap();
    assert_eq!(next.organization, made.id);
    let named = json!({ "email": "ada@example.org", "password": PASSWORD, "organization": ada.organization });
    let named: NewSession = post(&app, "", "/sign-in/password", named).await.unwrap();
    assert_eq!(named.organization, ada.organization);
    let status = ask(&app, &named.token, Method::GET, "/invitations")
        .send()
        .await
        .unwrap()
        .status();
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn an_owner_is_restored_by_whoever_operates_the_server() {
    let (app, _mail) = open().await;
    let tenant = app.owner.tenant;
    let token = app
        .engine
        .owner_restore(tenant, "Root@example.org", "operator root")
        .await
        .unwrap();
    let reset = json!({ "token": token.to_string(), "password": PASSWORD });
    let (): () = post(&app, "", "/password/reset", reset).await.unwrap();
    let session = sign_in(&app, "root@example.org", PASSWORD).await.unwrap();
    let mine = me(&app, &session.token).await.unwrap();
    assert_eq!((mine.tenant, mine.role.name()), (tenant, "owner"));
    let mut tx = app.engine.store().begin(tenant).await.unwrap();
    assert_eq!(tx.audit_count("owner.restore").await.unwrap(), 1);
    let nowhere = freehold_model::TenantId::at(chrono::Utc::now(), [9; 10]);
    assert!(
        app.engine
            .owner_restore(nowhere, "root@example.org", "operator")
            .await
            .is_err()
    );
}

/// Whoever was removed, or made less, has no way back that they made themselves before.
#[tokio::test]
async fn whoever_goes_or_is_made_less_leaves_no_way_back() {
    let (app, mail) = open().await;
    let admin = joined(&app, &mail, &app.token, "eve@example.org", "admin").await;
    let before = app.engine.session(&admin.token, None).await.unwrap().caller;
    // Another address of theirs, which they invite.
    invite(&app, &admin.token, "eve2@example.org", "admin")
        .await
        .unwrap();
    let first = mail.mail("eve2@example.org", 1).await.token();
    let made_less = change(
        &app,
        &app.token,
        Method::PATCH,
        "/members/eve@example.org",
        json!({ "role": "developer" }),
    );
    made_less.await.unwrap();
    assert_eq!(
        accept(&app, &first, PASSWORD).await.unwrap_err().code,
        Code::Unauthenticated
    );
    // A request that was let in before, and does its work after.
    let new = serde_json::from_value(json!({ "email": "eve3@example.org", "role": "admin" }));
    let new = new.unwrap();
    let late = app.engine.invitation_create(&before, &new).await;
    assert_eq!(code(late), Some(Code::Unauthenticated));
    let again = change(
        &app,
        &app.token,
        Method::PATCH,
        "/members/eve@example.org",
        json!({ "role": "admin" }),
    );
    again.await.unwrap();
    invite(&app, &admin.token, "eve2@example.org", "admin")
        .await
        .unwrap();
    let second = mail.mail("eve2@example.org", 2).await.token();
    change(
        &app,
        &app.token,
        Method::DELETE,
        "/members/eve@example.org",
        json!({}),
    )
    .await
    .unwrap();
    assert_eq!(
        accept(&app, &second, PASSWORD).await.unwrap_err().code,
        Code::Unauthenticated
    );
    let new = json!({ "name": "late", "scopes": ["read:board"], "role": "viewer" });
    let (personal, service) = (
        serde_json::from_value(new.clone()),
        serde_json::from_value(new),
    );
    let (personal, service) = (personal.unwrap(), service.unwrap());
    let token = app.engine.token_create(&before, &personal).await;
    assert_eq!(code(token), Some(Code::Unauthenticated));
    let token = app.engine.service_token_create(&before, &service).await;
    assert_eq!(code(token), Some(Code::Unauthenticated));
    let edit = serde_json::from_value(json!({ "role": "admin" })).unwrap();
    let whom = app.owner.user.to_string();
    let edited = app
        .engine
        .member_edit(
            &before,
            &whom,
            &edit,
            &freehold_engine::tag::Expected::anything(),
        )
        .await;
    assert_eq!(code(edited), Some(Code::Unauthenticated));
}

/// What a use case refused with.
fn code<T>(done: freehold_engine::Result<T>) -> Option<Code> {
    match done.err()? {
        freehold_engine::Error::Problem(problem) => Some(problem.code),
        other => unreachable!("{other}"),
    }
}
