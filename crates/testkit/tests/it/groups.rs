//! What groups of a provider are in an organization: who comes in by them, what they are, and who is out.
use chrono::TimeDelta;
use freehold_engine::identity::{Identity, Registration};
use freehold_testkit::app::Reply;
use freehold_testkit::oidc::HOME;
use freehold_testkit::{App, IdentityProvider};
use freehold_wire::api::{AuditEntry, GroupRole, Member, NewSession, Page};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::account::{ask, me, post};
use crate::oidc::lie;

/// An installation where one organization goes by the groups of a provider, and another does not.
async fn two() -> (App, IdentityProvider) {
    let provider = IdentityProvider::rogue();
    let app = App::start().await;
    let ours = app.owner.tenant;
    let with = |organizations: &[_]| Identity {
        registration: Registration::Invited,
        organizations: true,
        home: Some(HOME.into()),
        post: None,
        providers: vec![provider.named("corp", organizations)],
    };
    let app = app.restart_for(with(&[ours])).await;
    (app, provider)
}

async fn put(app: &App, token: &str, group: &str, role: &str) -> Reply<GroupRole> {
    let said = json!({ "provider": "corp", "group": group, "role": role });
    app.send(ask(app, token, Method::PUT, "/group-roles").json(&said))
        .await
}

/// Signs somebody in who is in these groups, now by the test's clock.
async fn comes(
    app: &App,
    provider: &IdentityProvider,
    who: &str,
    groups: Value,
) -> Reply<NewSession> {
    says(app, provider, who, json!({ "groups": groups })).await
}

/// Signs somebody in of whom the provider says that besides.
async fn says(app: &App, provider: &IdentityProvider, who: &str, more: Value) -> Reply<NewSession> {
    let now = app.engine.now().timestamp();
    let mut claims = json!({
        "sub": who, "email": format!("{who}@example.org"), "email_verified": true, "name": who,
        "iat": now, "exp": now + 300,
    });
    for (claim, value) in more.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    provider.plan(json!({ "claims": claims })).await;
    lie(app).await
}

/// What somebody is, as the owner sees it.
async fn role(app: &App, who: &str) -> Option<String> {
    let members: Page<Member> = app.get("/members").await.unwrap();
    let found = members.items.into_iter().find(|member| member.name == who);
    found.map(|member| member.role.name().to_owned())
}

#[tokio::test]
async fn who_is_in_a_group_is_a_member_with_its_role_and_who_left_it_is_none() {
    let (app, provider) = two().await;
    let eng = put(&app, &app.token, "/eng", "developer").await.unwrap();
    put(&app, &app.token, "leads", "admin").await.unwrap();
    // Nobody comes in by an address, nor by a group that is nothing here.
    for groups in [
        json!([]),
        json!(["/engineers"]),
        json!("eng"),
        json!({ "/eng": true }),
    ] {
        let refused = comes(&app, &provider, "ada", groups).await.unwrap_err();
        assert_eq!(refused.code, Code::IdentityUnknown);
    }
    let session = comes(&app, &provider, "ada", json!(["x", "/eng"]))
        .await
        .unwrap();
    assert_eq!(session.organization, app.owner.tenant);
    assert_eq!(
        me(&app, &session.token).await.unwrap().role.name(),
        "developer"
    );
    // The most of several; up and down again, each time they sign in.
    for (groups, is) in [
        (json!(["/eng", "leads"]), "admin"),
        (json!(["/eng"]), "developer"),
        (json!("leads"), "admin"),
        (json!(["/eng"]), "developer"),
    ] {
        comes(&app, &provider, "ada", groups).await.unwrap();
        assert_eq!(role(&app, "ada").await.as_deref(), Some(is));
    }
    // What the group is changes what they are when they come next.
    put(&app, &app.token, "/eng", "viewer").await.unwrap();
    comes(&app, &provider, "ada", json!(["/eng"]))
        .await
        .unwrap();
    assert_eq!(role(&app, "ada").await.as_deref(), Some("viewer"));
    // Who left all of them is out at once, with every token.
    let stayed = session.token;
    let refused = comes(&app, &provider, "ada", json!(["x"]))
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::Forbidden, "they are in no organization");
    assert_eq!(role(&app, "ada").await, None);
    assert_eq!(me(&app, &stayed).await, Err(Code::Unauthenticated));
    // A group that is nothing here any more takes nobody.
    comes(&app, &provider, "ada", json!(["/eng"]))
        .await
        .unwrap();
    let path = format!("/group-roles/{}", eng.id);
    let (): () = app.send(app.request(Method::DELETE, &path)).await.unwrap();
    let again = app.send::<()>(app.request(Method::DELETE, &path)).await;
    assert_eq!(again.unwrap_err().code, Code::NotFound);
    assert!(
        comes(&app, &provider, "ada", json!(["/eng"]))
            .await
            .is_err()
    );
    let list: Page<GroupRole> = app.get("/group-roles").await.unwrap();
    assert_eq!(list.items.len(), 1);
    // All of it is in the log.
    let log = async |action: &str| {
        let path = format!("/audit?action={action}&limit=200");
        let entries: Page<AuditEntry> = app.get(&path).await.unwrap();
        entries.items.len()
    };
    assert_eq!(log("member.join").await, 2);
    assert_eq!(log("member.edit").await, 5);
    assert_eq!(log("member.group_left").await, 2);
    assert_eq!(
        (log("group_role.put").await, log("group_role.remove").await),
        (3, 1)
    );
}

#[tokio::test]
async fn groups_leave_alone_whom_people_made_a_member_and_the_last_owner() {
    let (app, provider) = two().await;
    put(&app, &app.token, "boss", "owner").await.unwrap();
    put(&app, &app.token, "eng", "viewer").await.unwrap();
    // An owner by a group that was said to make one.
    let eve = comes(&app, &provider, "eve", json!(["boss"]))
        .await
        .unwrap();
    assert_eq!(role(&app, "eve").await.as_deref(), Some("owner"));
    // Somebody whom people made one: taken out of the group's hands by an operator's word, here.
    let store = app.engine.store();
    comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    let members: Page<Member> = app.get("/members").await.unwrap();
    let ada = members
        .items
        .iter()
        .find(|member| member.name == "ada")
        .unwrap();
    let mut tx = store.begin(app.owner.tenant).await.unwrap();
    tx.member_confirm(ada.user, None, app.engine.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for groups in [json!(["boss"]), json!([])] {
        comes(&app, &provider, "ada", groups).await.unwrap();
        assert_eq!(role(&app, "ada").await.as_deref(), Some("viewer"));
    }
    // The local owner goes: the group's is the last one, and stays, whatever their groups.
    let leave = app.request(Method::POST, "/members/leave");
    crate::confirm::confirmed::<()>(&app, leave).await.unwrap();
    for groups in [json!(["eng"]), json!([])] {
        let session = comes(&app, &provider, "eve", groups).await.unwrap();
        assert_eq!(me(&app, &session.token).await.unwrap().role.name(), "owner");
    }
    assert!(me(&app, &eve.token).await.is_ok());
}

#[tokio::test]
async fn only_an_organization_that_the_operator_named_goes_by_groups_and_only_owners_say_how() {
    let (app, provider) = two().await;
    put(&app, &app.token, "all", "admin").await.unwrap();
    let admin = comes(&app, &provider, "ada", json!(["all"])).await.unwrap();
    // An admin sees it, and does not make themselves an owner by it.
    let refused = put(&app, &admin.token, "all", "owner").await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    let seen = ask(&app, &admin.token, Method::GET, "/group-roles");
    assert_eq!(
        app.send::<Page<GroupRole>>(seen).await.unwrap().items.len(),
        1
    );
    // Another organization learns of nobody, and takes nobody: not even if it wrote the row itself.
    let made: Value = post(
        &app,
        &admin.token,
        "/account/organizations",
        json!({ "name": "Mill" }),
    )
    .await
    .unwrap();
    let path = format!(
        "/account/organizations/{}/enter",
        made["id"].as_str().unwrap()
    );
    let mill: NewSession = post(&app, &admin.token, &path, json!({})).await.unwrap();
    let refused = put(&app, &mill.token, "all", "viewer").await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    let mut tx = app.engine.store().begin(mill.organization).await.unwrap();
    tx.group_role_put(
        "corp",
        "all",
        freehold_model::Role::Viewer,
        app.engine.now(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    comes(&app, &provider, "eve", json!(["all"])).await.unwrap();
    let members = ask(&app, &mill.token, Method::GET, "/members");
    assert_eq!(
        app.send::<Page<Member>>(members).await.unwrap().items.len(),
        1
    );
    // What cannot be is refused.
    for (group, role, code) in [
        ("", "viewer", Code::Invalid),
        ("a\nb", "viewer", Code::Invalid),
        (&"x".repeat(257), "viewer", Code::Invalid),
        ("g", "king", Code::Invalid),
    ] {
        assert_eq!(
            put(&app, &app.token, group, role).await.unwrap_err().code,
            code
        );
    }
    let none = json!({ "provider": "none", "group": "g", "role": "viewer" });
    let none = app.request(Method::PUT, "/group-roles").json(&none);
    assert_eq!(
        app.send::<GroupRole>(none).await.unwrap_err().code,
        Code::NotFound
    );
}

#[tokio::test]
async fn a_membership_by_groups_is_confirmed_each_day_and_takes_a_seat() {
    let (app, provider) = two().await;
    put(&app, &app.token, "eng", "developer").await.unwrap();
    let session = comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    let renew = async |token: &str| {
        let renewed = post::<NewSession>(&app, token, "/session/renew", json!({})).await;
        renewed.map_err(|problem| problem.code)
    };
    app.clock.advance(TimeDelta::hours(23));
    let renewed = renew(&session.token).await.unwrap();
    assert_eq!(
        renewed.expires_at, session.expires_at,
        "it lasts no longer by that"
    );
    app.clock
        .advance(TimeDelta::hours(1) + TimeDelta::seconds(1));
    assert_eq!(
        renew(&renewed.token).await.unwrap_err(),
        Code::Unauthenticated
    );
    // Signing in at the provider confirms it.
    let session = comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    assert!(me(&app, &session.token).await.is_ok());
    // Nor does one come in from elsewhere without it.
    let path = "/account/organizations";
    let made: Value = post(&app, &session.token, path, json!({ "name": "Mill" }))
        .await
        .unwrap();
    let enter = async |token: &str, organization: &str| {
        let path = format!("/account/organizations/{organization}/enter");
        let entered = post::<NewSession>(&app, token, &path, json!({})).await;
        entered.map_err(|problem| problem.code)
    };
    let mill = made["id"].as_str().unwrap();
    let there = enter(&session.token, mill).await.unwrap();
    app.clock.advance(TimeDelta::hours(25));
    let ours = app.owner.tenant.to_string();
    assert_eq!(
        enter(&there.token, &ours).await.unwrap_err(),
        Code::Forbidden
    );
    assert!(
        me(&app, &there.token).await.is_ok(),
        "who is not let in there stays where they are"
    );
    let session = comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    enter(&session.token, &ours).await.unwrap();
    // No seat, no member; who is one already stays.
    let tenant = app.owner.tenant;
    app.engine.seats_set(tenant, Some(2)).await.unwrap();
    let refused = comes(&app, &provider, "eve", json!(["eng"]))
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    assert_eq!(role(&app, "eve").await, None);
    comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    app.engine.seats_set(tenant, None).await.unwrap();
    comes(&app, &provider, "eve", json!(["eng"])).await.unwrap();
    assert_eq!(role(&app, "eve").await.as_deref(), Some("developer"));
}

#[tokio::test]
async fn whose_groups_the_provider_does_not_tell_of_stays_what_they_are_for_a_day() {
    let (app, provider) = two().await;
    put(&app, &app.token, "eng", "developer").await.unwrap();
    let session = comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    let silent = [
        json!({}),
        json!({ "groups": null }),
        json!({ "group": ["eng"] }),
        json!({ "groups": { "eng": true } }),
        json!({ "groups": [{ "name": "eng" }] }),
        json!({ "groups": vec!["x"; 1001] }),
        json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": { "src1": {} } }),
    ];
    for said in silent {
        let again = says(&app, &provider, "ada", said.clone()).await.unwrap();
        assert_eq!(
            again.expires_at, session.expires_at,
            "nothing is confirmed: {said}"
        );
        assert_eq!(role(&app, "ada").await.as_deref(), Some("developer"));
    }
    assert!(me(&app, &session.token).await.is_ok());
    // Nobody is taken in by what is not said.
    let refused = says(&app, &provider, "eve", json!({})).await.unwrap_err();
    assert_eq!(refused.code, Code::IdentityUnknown);
    // A day later it lets nobody in, and they are a member still: an admin sees them.
    app.clock.advance(TimeDelta::hours(25));
    let refused = says(&app, &provider, "ada", json!({})).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    assert_eq!(role(&app, "ada").await.as_deref(), Some("developer"));
    let refused = comes(&app, &provider, "ada", json!([])).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    assert_eq!(role(&app, "ada").await, None, "an empty list says none");
}

#[tokio::test]
async fn a_membership_that_is_to_be_confirmed_shuts_nobody_out_of_their_other_organizations() {
    let (app, provider) = two().await;
    put(&app, &app.token, "eng", "developer").await.unwrap();
    let session = comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    app.clock.advance(TimeDelta::hours(25));
    let refused = says(&app, &provider, "ada", json!({})).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden, "there is no other");
    assert!(refused.next.contains("corp"), "{}", refused.next);
    assert_eq!(me(&app, &session.token).await, Err(Code::Unauthenticated));
    let session = comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    let path = "/account/organizations";
    let made: Value = post(&app, &session.token, path, json!({ "name": "Mill" }))
        .await
        .unwrap();
    let mill = made["id"].as_str().unwrap();
    // They were in the group's last.
    app.clock.advance(TimeDelta::hours(25));
    let session = says(&app, &provider, "ada", json!({})).await.unwrap();
    assert_eq!(session.organization.to_string(), mill);
    assert!(me(&app, &session.token).await.is_ok());
    // Who comes back confirmed is there again.
    let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
    let user = me(&app, &session.token).await.unwrap().user;
    assert!(tx.member_get(user).await.unwrap().is_some());
    drop(tx);
    let session = comes(&app, &provider, "ada", json!(["eng"])).await.unwrap();
    let ours = app.owner.tenant.to_string();
    let path = format!("/account/organizations/{ours}/enter");
    let entered = post::<NewSession>(&app, &session.token, &path, json!({})).await;
    assert_eq!(entered.unwrap().organization.to_string(), ours);
}
