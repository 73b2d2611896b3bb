//! Destructive acts of people are confirmed: each that the table marks, by enumeration.
use std::collections::BTreeSet;

use chrono::TimeDelta;
use freehold_model::permission::RULES;
use freehold_model::{Action, ProviderId, Rights, Role, TokenId, UserId};
use freehold_server::Access;
use freehold_store::{ProviderRow, TokenKind};
use freehold_testkit::{App, Peer, TestEntropy};
use freehold_wire::api::{Device, DeviceCodes, DeviceState};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::account::ask;
use crate::board::agent;
use crate::link::started;
use crate::once::count;
use crate::permission::Somebody;

/// What a request came to that a person says twice where they are asked.
pub(crate) async fn confirmed<T: serde::de::DeserializeOwned>(
    app: &App,
    request: reqwest::RequestBuilder,
) -> Result<T, Box<Problem>> {
    let again = request.try_clone().unwrap();
    match app.send(request).await {
        Err(problem) if problem.code == Code::ConfirmationNeeded => {
            let confirmation = problem.confirmation.unwrap();
            app.send(again.header("confirmation", confirmation)).await
        }
        other => other,
    }
}

/// A browser's session of somebody.
async fn browser(app: &App, user: UserId) -> String {
    let token = Token::generate(Kind::Browser, &TestEntropy);
    let now = app.engine.now();
    let id = TokenId::new(&*app.clock, &TestEntropy);
    let until = Some(now + TimeDelta::days(1));
    let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
    tx.token_insert(id, user, TokenKind::Session, &token.hash(), now, until)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    token.to_string()
}

async fn provider(app: &App, name: &str) -> String {
    let row = ProviderRow {
        id: ProviderId::new(&*app.clock, &TestEntropy),
        name: name.into(),
        kind: "openai".into(),
        base_url: "http://127.0.0.1:1/v1".into(),
        key_ref: json!("none"),
        model: None,
        removed_at: None,
        created_at: app.engine.now(),
    };
    let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
    tx.provider_insert(&row).await.unwrap();
    tx.commit().await.unwrap();
    row.id.to_string()
}

/// An act: who does it, how, and where on another thing of the same kind.
struct Try {
    action: Action,
    token: String,
    method: Method,
    path: String,
    elsewhere: Option<String>,
}

async fn tries(app: &App) -> Vec<Try> {
    let owner = browser(app, app.owner.user).await;
    let mut list = Vec::new();
    let mut add = |action, path: &str, ids: [String; 2]| {
        list.push(Try {
            action,
            token: owner.clone(),
            method: Method::DELETE,
            path: format!("{path}/{}", ids[0]),
            elsewhere: Some(format!("{path}/{}", ids[1])),
        });
    };
    let one = agent(app, "one").await.id.to_string();
    let two = agent(app, "two").await.id.to_string();
    add(Action::AgentRemove, "/agents", [one, two]);
    let ids = [provider(app, "one").await, provider(app, "two").await];
    add(Action::ProviderRemove, "/providers", ids);
    let ids = [
        Peer::enrol(app).await.runner.to_string(),
        Peer::enrol(app).await.runner.to_string(),
    ];
    add(Action::RunnerRevoke, "/runners", ids);
    let member = async || {
        Somebody::member(app, app.owner.tenant, Role::Developer)
            .await
            .user
    };
    let ids = [member().await.to_string(), member().await.to_string()];
    add(Action::MemberRemove, "/members", ids);
    list.push(Try {
        action: Action::MemberLeave,
        token: browser(app, member().await).await,
        method: Method::POST,
        path: "/members/leave".into(),
        elsewhere: None,
    });
    list.push(Try {
        action: Action::SessionEndAll,
        token: owner,
        method: Method::DELETE,
        path: "/account/sessions".into(),
        elsewhere: None,
    });
    list
}

/// What an act came to: its status, and what would confirm it.
async fn act(
    app: &App,
    token: &str,
    method: &Method,
    path: &str,
    confirmation: Option<&str>,
) -> (StatusCode, Option<String>) {
    let mut request = ask(app, token, method.clone(), path);
    if let Some(confirmation) = confirmation {
        request = request.header("confirmation", confirmation);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    if status.is_success() {
        return (status, None);
    }
    let problem: Problem = response.json().await.unwrap();
    if status == 428 {
        assert_eq!(problem.code, Code::ConfirmationNeeded);
        let says = problem.detail.to_lowercase();
        assert!(says.contains("what would happen: "), "{says}");
    }
    (status, problem.confirmation)
}

#[tokio::test]
async fn each_act_that_cannot_be_taken_back_is_confirmed_once_by_whoever_was_asked() {
    let app = App::start().await;
    let tries = tries(&app).await;
    let marked: BTreeSet<Action> = RULES
        .iter()
        .filter(|rule| rule.confirmed)
        .map(|rule| rule.action)
        .collect();
    let tried: BTreeSet<Action> = tries.iter().map(|one| one.action).collect();
    assert_eq!(marked, tried);
    for route in freehold_server::routes() {
        let Access::For(action) = route.access else {
            continue;
        };
        let is_tried = tries
            .iter()
            .filter(|one| one.action == action && one.method == route.method)
            .count();
        assert_eq!(
            is_tried,
            usize::from(marked.contains(&action)),
            "{}",
            route.path
        );
    }
    let mut others = Vec::new();
    for one in &tries {
        others.push(
            act(&app, &one.token, &one.method, &one.path, None)
                .await
                .1
                .unwrap(),
        );
    }
    for (place, one) in tries.iter().enumerate() {
        let what = one.action;
        let again = async |confirmation: Option<&str>| {
            act(&app, &one.token, &one.method, &one.path, confirmation).await
        };
        let asked = async || again(None).await.1.unwrap();
        // Another act's, another thing's, another session's, made up, or too old.
        let mut wrong = vec![
            others[(place + 1) % others.len()].clone(),
            Token::generate(Kind::Act, &TestEntropy).to_string(),
            Token::generate(Kind::Browser, &TestEntropy).to_string(),
            "fha_".to_owned(),
            one.token.clone(),
        ];
        if let Some(elsewhere) = &one.elsewhere {
            let theirs = act(&app, &one.token, &one.method, elsewhere, None).await;
            wrong.push(theirs.1.unwrap());
        }
        let mut sessions = Vec::new();
        if one.action != Action::MemberLeave {
            let session = browser(&app, app.owner.user).await;
            let theirs = act(&app, &session, &one.method, &one.path, None).await;
            wrong.push(theirs.1.unwrap());
            sessions.push(session);
        }
        for wrong in wrong {
            let (status, fresh) = again(Some(&wrong)).await;
            assert_eq!(status, 428, "{what} by {wrong}");
            assert!(fresh.unwrap().starts_with("fha_"));
        }
        let old = asked().await;
        app.clock.advance(TimeDelta::seconds(301));
        assert_eq!(again(Some(&old)).await.0, 428, "{what}");
        // As often at once as one likes, it is done once.
        let good = asked().await;
        let all = (0..20).map(|_| again(Some(&good)));
        let all = futures_util::future::join_all(all).await;
        let done = all.iter().filter(|(status, _)| status.is_success()).count();
        assert_eq!(done, 1, "{what}: {all:?}");
        let after = again(Some(&good)).await.0;
        assert!([401, 404, 428].contains(&after.as_u16()), "{what}: {after}");
        if one.action == Action::SessionEndAll {
            for session in sessions {
                assert_eq!(act(&app, &session, &Method::GET, "/me", None).await.0, 401);
            }
        }
    }
    assert_eq!(count(&app, "agents WHERE removed_at IS NOT NULL").await, 1);
    assert_eq!(
        count(&app, "providers WHERE removed_at IS NOT NULL").await,
        1
    );
    assert_eq!(count(&app, "runners WHERE revoked_at IS NOT NULL").await, 1);
    assert_eq!(count(&app, "former_members").await, 2);
}

#[tokio::test]
async fn what_moved_on_is_asked_again_and_what_cannot_be_is_not_asked() {
    let app = App::start().await;
    let owner = browser(&app, app.owner.user).await;
    let one = agent(&app, "one").await.id;
    let member = Somebody::member(&app, app.owner.tenant, Role::Viewer)
        .await
        .user;
    let (agent, member) = (format!("/agents/{one}"), format!("/members/{member}"));
    let edits = [
        (
            &agent,
            Method::PUT,
            json!({ "name": "one", "driver": "command", "command": ["./other"] }),
        ),
        (&member, Method::PATCH, json!({ "role": "admin" })),
    ];
    for (path, method, edit) in edits {
        let asked = act(&app, &owner, &Method::DELETE, path, None)
            .await
            .1
            .unwrap();
        let request = ask(&app, &owner, method, path).json(&edit);
        assert_eq!(request.send().await.unwrap().status(), 200);
        let (status, fresh) = act(&app, &owner, &Method::DELETE, path, Some(&asked)).await;
        assert_eq!(status, 428, "{path}");
        let done = act(&app, &owner, &Method::DELETE, path, fresh.as_deref()).await;
        assert_eq!(done.0, 204, "{path}");
    }
    // The last owner stays, and what is not there is not there.
    let before = count(&app, "confirmations").await;
    assert_eq!(
        act(&app, &owner, &Method::POST, "/members/leave", None)
            .await
            .0,
        409
    );
    assert_eq!(
        act(&app, &owner, &Method::DELETE, "/agents/none", None)
            .await
            .0,
        404
    );
    assert_eq!(count(&app, "confirmations").await, before);
    // Whoever asks and asks does not fill the database.
    crate::board::agent(&app, "two").await;
    for _ in 0..40 {
        act(&app, &owner, &Method::DELETE, "/agents/two", None).await;
    }
    assert_eq!(count(&app, "confirmations").await, 16);
}

/// What the run of a runner does between the question and the answer, and who signs in.
#[tokio::test]
async fn a_runner_that_took_work_and_a_session_that_began_meanwhile_are_asked_about_again() {
    let (app, mut peer, _run) = started().await;
    let runner = format!("/runners/{}", peer.runner);
    let asked = act(&app, &app.token, &Method::DELETE, &runner, None)
        .await
        .1
        .unwrap();
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    let (status, fresh) = act(&app, &app.token, &Method::DELETE, &runner, Some(&asked)).await;
    assert_eq!(status, 428, "it is busy now");
    let done = act(&app, &app.token, &Method::DELETE, &runner, fresh.as_deref()).await;
    assert_eq!(done.0, 204);
    let (path, delete) = ("/account/sessions", Method::DELETE);
    let mine = browser(&app, app.owner.user).await;
    let asked = act(&app, &mine, &delete, path, None).await.1.unwrap();
    let theirs = browser(&app, app.owner.user).await;
    let (status, fresh) = act(&app, &mine, &delete, path, Some(&asked)).await;
    assert_eq!(status, 428, "there is one more");
    let done = act(&app, &mine, &delete, path, fresh.as_deref()).await;
    assert_eq!(done.0, 204);
    assert_eq!(act(&app, &theirs, &Method::GET, "/me", None).await.0, 401);
}

/// A device that somebody signed in, by its token.
async fn device(app: &App, person: &str) -> String {
    let codes: DeviceCodes = app
        .post("/device", &json!({ "name": "laptop" }))
        .await
        .unwrap();
    let typed = json!({ "user_code": codes.user_code });
    let approve = ask(app, person, Method::POST, "/device/approve").json(&typed);
    let _: Device = app.send(approve).await.unwrap();
    let poll = json!({ "device_code": codes.device_code });
    match app.post("/device/token", &poll).await.unwrap() {
        DeviceState::Approved { token, .. } => token,
        _ => unreachable!("it was approved"),
    }
}

#[tokio::test]
async fn whoever_sits_there_is_asked_and_a_program_needs_a_scope_for_it() {
    let app = App::start().await;
    let rights = Rights::of(Role::Owner);
    let person = Somebody::signed_in(&app, app.owner.tenant, app.owner.user, rights).await;
    let session = browser(&app, app.owner.user).await;
    let delete = Method::DELETE;
    let thing = async |name: &str| {
        let id = agent(&app, name).await.id;
        format!("/agents/{id}")
    };
    for token in [&app.token, &session, &device(&app, &session).await] {
        let path = thing("asked").await;
        let (status, asked) = act(&app, token, &delete, &path, None).await;
        assert_eq!(status, 428, "{}", &token[..4]);
        let done = act(&app, token, &delete, &path, asked.as_deref()).await;
        assert_eq!(done.0, 204, "{}", &token[..4]);
    }
    for (made, role) in [("/tokens", Role::Owner), ("/service-tokens", Role::Admin)] {
        let program = async |scopes: &[&str]| {
            let new = json!({ "name": "bot", "scopes": scopes, "role": role });
            person.makes(&app, made, &new).await.token
        };
        let path = thing("unasked").await;
        // Neither the act's scope alone nor that for damage alone will do.
        let without = program(&["write:settings"]).await;
        let refused = ask(&app, &without, Method::DELETE, &path);
        let refused = app.send::<()>(refused).await.unwrap_err();
        assert_eq!(refused.code, Code::Forbidden);
        assert!(refused.detail.contains("`destroy`"), "{}", refused.detail);
        let alone = program(&["destroy"]).await;
        assert_eq!(act(&app, &alone, &delete, &path, None).await.0, 403);
        let both = program(&["write:settings", "destroy"]).await;
        // One that somebody sits behind says so, and is asked.
        let (status, asked) = act(&app, &both, &delete, &path, Some("ask")).await;
        assert_eq!(status, 428);
        assert_eq!(
            act(&app, &both, &delete, &path, asked.as_deref()).await.0,
            204
        );
        let path = thing("unasked").await;
        assert_eq!(act(&app, &both, &delete, &path, None).await.0, 204);
    }
}

#[tokio::test]
async fn a_key_and_a_confirmation_go_together() {
    let app = App::start().await;
    let user = Somebody::member(&app, app.owner.tenant, Role::Viewer)
        .await
        .user;
    let token = browser(&app, user).await;
    let leave = || ask(&app, &token, Method::POST, "/members/leave").header("idempotency-key", "k");
    let refused = app.send::<()>(leave()).await.unwrap_err();
    assert_eq!(refused.code, Code::ConfirmationNeeded);
    let confirmation = refused.confirmation.unwrap();
    let done = app
        .send::<()>(leave().header("confirmation", confirmation))
        .await;
    assert!(done.is_ok(), "{done:?}");
}
