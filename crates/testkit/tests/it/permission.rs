//! Who may do what: every route, as everybody, beside the table that decides.
use std::collections::BTreeSet;

use freehold_model::permission::decide;
use freehold_model::{Action, Rights, Role, Scope, Scopes, TenantId, TokenId, UserId};
use freehold_server::{Access, Route};
use freehold_store::TokenKind;
use freehold_testkit::{App, Peer, TestEntropy};
use freehold_wire::api::{
    AccessToken, Agent, Environment, Page, Project, TokenMade, WebhookDelivery, WebhookMade,
};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::board::{agent, card};
use crate::link::started_on;

/// Somebody with a token, and what it should be good for.
pub(crate) struct Somebody {
    pub(crate) who: String,
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
    pub(crate) rights: Rights,
    pub(crate) token: String,
    http: reqwest::Client,
}

impl Somebody {
    /// A member of that role, signed in.
    pub(crate) async fn member(app: &App, tenant: TenantId, role: Role) -> Self {
        let user = UserId::new(&*app.clock, &TestEntropy);
        let now = app.engine.now();
        let mut tx = app.engine.store().begin(tenant).await.unwrap();
        tx.member_insert(user, role.name(), role.name(), now)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        Self::signed_in(app, tenant, user, Rights::of(role)).await
    }

    /// A session of somebody who is a member.
    pub(crate) async fn signed_in(
        app: &App,
        tenant: TenantId,
        user: UserId,
        rights: Rights,
    ) -> Self {
        let token = Token::generate(Kind::User, &TestEntropy);
        let now = app.engine.now();
        let until = now + chrono::TimeDelta::days(1);
        let id = TokenId::new(&*app.clock, &TestEntropy);
        let mut tx = app.engine.store().begin(tenant).await.unwrap();
        tx.token_insert(id, user, TokenKind::User, &token.hash(), now, Some(until))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        Self {
            who: format!("{} with a session", rights.role),
            tenant,
            user,
            rights,
            token: token.to_string(),
            http: reqwest::Client::new(),
        }
    }

    /// With the right to review.
    async fn who_reviews(mut self, app: &App) -> Self {
        let mut role = app.database.as_tenant(self.tenant).await;
        let given = sqlx::query("UPDATE members SET review = true WHERE user_id = $1")
            .bind(self.user.uuid())
            .execute(&mut role)
            .await
            .unwrap();
        assert_eq!(given.rows_affected(), 1);
        self.rights.review = true;
        self.who.push_str(" who reviews");
        self
    }

    /// What they make with `POST path`.
    pub(crate) async fn makes(&self, app: &App, path: &str, new: &Value) -> Self {
        let request = self.request(app, Method::POST, path).json(new);
        let made: TokenMade = app.send(request).await.unwrap();
        let rights = Rights {
            role: made.about.role.unwrap_or(self.rights.role),
            review: self.rights.review && path == "/tokens",
            scopes: made.about.scopes.iter().copied().collect(),
        };
        Self {
            who: format!("{} of a token for {:?}", rights.role, rights.scopes),
            tenant: self.tenant,
            user: self.user,
            rights,
            token: made.token,
            http: self.http.clone(),
        }
    }

    pub(crate) fn request(&self, app: &App, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}/api/v1{path}", app.url()))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn status(&self, app: &App, method: Method, path: &str) -> StatusCode {
        self.request(app, method, path)
            .send()
            .await
            .unwrap()
            .status()
    }
}

/// Below the API's prefix, with words that name nothing for what varies.
pub(crate) fn nothing_at(route: &Route) -> String {
    let path = route.path.replace(['{', '}'], "");
    path.trim_start_matches("/api/v1").to_owned()
}

async fn everybody(app: &App) -> Vec<Somebody> {
    let tenant = app.owner.tenant;
    let owner = Rights::of(Role::Owner);
    let owner = Somebody::signed_in(app, tenant, app.owner.user, owner).await;
    let mut all = Vec::new();
    for scope in Scope::ALL.iter().filter(|scope| **scope != Scope::Account) {
        let new = json!({ "name": "one", "scopes": [scope] });
        all.push(owner.makes(app, "/tokens", &new).await);
    }
    let granted: Vec<Scope> = Scopes::ALL
        .iter()
        .filter(|s| *s != Scope::Account)
        .collect();
    for role in Role::ALL {
        let new = json!({ "name": "all", "scopes": granted, "role": role });
        all.push(owner.makes(app, "/tokens", &new).await);
    }
    let machine: Vec<Scope> = granted
        .iter()
        .copied()
        .filter(|s| *s != Scope::Review)
        .collect();
    for role in [Role::Viewer, Role::Developer, Role::Admin] {
        let new = json!({ "name": "service", "scopes": machine, "role": role });
        all.push(owner.makes(app, "/service-tokens", &new).await);
    }
    for role in [Role::Viewer, Role::Developer, Role::Admin] {
        all.push(Somebody::member(app, tenant, role).await);
    }
    for role in [Role::Viewer, Role::Developer] {
        let somebody = Somebody::member(app, tenant, role).await;
        all.push(somebody.who_reviews(app).await);
    }
    all.push(owner);
    all
}

#[tokio::test]
async fn every_route_is_for_whom_the_table_says_and_nobody_else() {
    let app = App::start().await;
    let (mut allowed, mut refused) = (0, 0);
    for somebody in everybody(&app).await {
        for route in freehold_server::routes() {
            // They end the token: the one is tried last, the other in `member.rs`.
            let ends = [Action::SignOut, Action::MemberLeave].map(Access::For);
            if ends.contains(&route.access) {
                continue;
            }
            let path = nothing_at(&route);
            let request = somebody.request(&app, route.method.clone(), &path);
            let request = request
                .header("content-type", "application/json")
                .body("{}");
            let response = request.send().await.unwrap();
            let status = response.status();
            let what = format!("{} {path} as {}: {status}", route.method, somebody.who);
            assert!(!status.is_server_error(), "{what}");
            match route.access {
                Access::Public => {}
                Access::Runner => assert_eq!(status, 401, "{what}"),
                Access::For(action) => match decide(somebody.rights, action) {
                    Ok(()) => {
                        assert!(status != 401 && status != 403, "{what}");
                        allowed += 1;
                    }
                    Err(missing) => {
                        assert_eq!(status, 403, "{what}");
                        let problem: Problem = response.json().await.unwrap();
                        assert_eq!(problem.code, Code::Forbidden, "{what}");
                        let named = match missing {
                            freehold_model::permission::Missing::Role(role) => role.name(),
                            freehold_model::permission::Missing::Review => "right to review",
                            freehold_model::permission::Missing::Scope(scope) => scope.name(),
                        };
                        assert!(problem.detail.contains(named), "{what}: {}", problem.detail);
                        refused += 1;
                    }
                },
            }
        }
        let out = somebody.status(&app, Method::POST, "/sign-out").await;
        assert_eq!(out, 204, "{}", somebody.who);
        let me = somebody.status(&app, Method::GET, "/me").await;
        assert_eq!(me, 401, "{}", somebody.who);
    }
    assert!(allowed > 300 && refused > 300, "{allowed} and {refused}");
}

/// Everything that another organization has, by the name of its place in a path.
async fn everything(app: &App) -> Vec<(&'static str, String)> {
    let (mut peer, run) = started_on(app).await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let project: Page<Project> = app.get("/projects").await.unwrap();
    let agents: Page<Agent> = app.get("/agents").await.unwrap();
    let environments: Page<Environment> = app.get("/environments").await.unwrap();
    let free = card(app, &project.items[0], "Another").await;
    let read = json!({ "name": "one", "scopes": ["read:jobs"], "role": "viewer" });
    let token: TokenMade = app.post("/tokens", &read).await.unwrap();
    let service: TokenMade = app.post("/service-tokens", &read).await.unwrap();
    let provider = provider(app, &mut peer).await;
    // Nobody is at home there: what is to be delivered stays.
    let new = json!({ "address": "http://127.0.0.1:1/", "events": ["webhook.test"] });
    let webhook: WebhookMade = app.post("/webhooks", &new).await.unwrap();
    let path = format!("/webhooks/{}/test", webhook.about.id);
    let delivery: WebhookDelivery = app.post(&path, &()).await.unwrap();
    // The runner stays connected as long as this test.
    std::mem::forget(peer);
    vec![
        ("project", project.items[0].id.to_string()),
        ("agent", agents.items[0].id.to_string()),
        ("card", free.id.to_string()),
        ("run", run.id.to_string()),
        ("environment", environments.items[0].id.to_string()),
        ("runner", offer_runner(app).await),
        ("token", token.about.id.to_string()),
        ("token", service.about.id.to_string()),
        ("provider", provider),
        ("member", app.owner.user.to_string()),
        ("invitation", invitation(app).await),
        ("organization", app.owner.tenant.to_string()),
        ("webhook", webhook.about.id.to_string()),
        ("delivery", delivery.id.to_string()),
    ]
}

async fn offer_runner(app: &App) -> String {
    let runners: Page<freehold_wire::api::Runner> = app.get("/runners").await.unwrap();
    runners.items[0].id.to_string()
}

async fn invitation(app: &App) -> String {
    let now = app.engine.now();
    let row = freehold_store::InvitationRow {
        id: freehold_model::InvitationId::new(&*app.clock, &TestEntropy),
        email: "ada@example.org".parse().unwrap(),
        role: Role::Viewer,
        review: false,
        by: app.owner.user,
        created_at: now,
        sent_at: now,
        facts: freehold_model::invitation::Facts {
            expires_at: now + chrono::TimeDelta::days(7),
            accepted_at: None,
            revoked_at: None,
        },
    };
    let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
    tx.invitation_insert(&row, &[7; 32]).await.unwrap();
    tx.commit().await.unwrap();
    row.id.to_string()
}

async fn provider(app: &App, peer: &mut Peer) -> String {
    let new = json!({ "name": "models", "kind": "openai", "base_url": "http://127.0.0.1:1/v1", "key": { "env": "KEY" } });
    let fit = freehold_wire::link::Probed::Provider { models: vec![] };
    let (made, ()) = tokio::join!(
        app.post::<freehold_wire::api::Provider>("/providers", &new),
        peer.answer(fit)
    );
    made.unwrap().id.to_string()
}

/// An id of the same kind that is nobody's.
fn absent(id: &str) -> String {
    let (prefix, digits) = id.split_once('_').unwrap();
    let turned: String = digits
        .chars()
        .enumerate()
        .map(|(place, digit)| match (place, digit) {
            (0, digit) => digit,
            (_, '0') => '1',
            _ => '0',
        })
        .collect();
    format!("{prefix}_{turned}")
}

/// What is sent there when all is well, so that it is the id that is looked at.
fn body(route: &Route) -> Value {
    let path = route.path.trim_start_matches("/api/v1");
    match (route.method.as_str(), path) {
        ("PUT", "/agents/{agent}") => {
            json!({ "name": "worker", "driver": "command", "command": ["./work"] })
        }
        ("PUT", "/providers/{provider}") => {
            json!({ "name": "models", "kind": "openai", "base_url": "http://127.0.0.1:1/v1", "key": "keep" })
        }
        ("PATCH", "/members/{member}") => json!({ "role": "viewer" }),
        ("PATCH", "/webhooks/{webhook}") => json!({ "paused": true }),
        ("PATCH", "/projects/{project}") => json!({ "share": 2 }),
        ("PATCH", "/cards/{card}") => json!({ "title": "Mine now" }),
        ("POST", "/cards/{card}/move") => json!({ "lane": "Done" }),
        ("POST", "/runs/{run}/reject") => json!({ "reason": "no" }),
        ("POST", "/runs/{run}/reply") => json!({ "text": "Go on" }),
        _ => json!({}),
    }
}

#[tokio::test]
async fn what_is_another_s_is_answered_as_what_is_not_there() {
    let app = App::start().await;
    let theirs = everything(&app).await;
    let stranger = app.engine.tenant_create("stranger").await.unwrap();
    let rights = Rights::of(Role::Owner);
    let stranger = Somebody::signed_in(&app, stranger.tenant, stranger.user, rights).await;
    // Theirs must be there for those whose it is, or nothing below would mean anything.
    let owner = Somebody::signed_in(&app, app.owner.tenant, app.owner.user, rights).await;
    let answer = async |who: &Somebody, route: &Route, name: &str, id: &str| {
        let path = route.path.trim_start_matches("/api/v1");
        let mut path = path.replace(&format!("{{{name}}}"), id);
        // What stands before it or behind it is theirs as well.
        for (name, id) in &theirs {
            path = path.replace(&format!("{{{name}}}"), id);
        }
        let request = who.request(&app, route.method.clone(), &path);
        let response = request.json(&body(route)).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let mut problem: Value = response.json().await.unwrap_or_default();
        if let Some(fields) = problem.as_object_mut() {
            fields.remove("correlation");
        }
        let names: BTreeSet<String> = headers.keys().map(ToString::to_string).collect();
        (status, problem.to_string().replace(id, "ID"), names)
    };
    let mut tried = BTreeSet::new();
    for route in freehold_server::routes() {
        let Access::For(_) = route.access else {
            continue;
        };
        for (name, id) in &theirs {
            if !route.path.contains(&format!("{{{name}}}")) {
                continue;
            }
            let what = format!("{} {} of {id}", route.method, route.path);
            let foreign = answer(&stranger, &route, name, id).await;
            let nowhere = answer(&stranger, &route, name, &absent(id)).await;
            assert_eq!(foreign, nowhere, "{what}");
            assert_eq!(foreign.0, 404, "{what}: {}", foreign.1);
            tried.insert(*name);
            // The control: it is there for its owner. What would take it away waits until the end.
            // A stream does not end, and a runner would have to say where its branch is.
            let waits = route.path.ends_with("/stream") || route.path.ends_with("/base");
            if route.method == Method::GET && !waits {
                let own = answer(&owner, &route, name, id).await;
                let is_there =
                    own.0 != 404 || own.1.contains("has not made") || own.1.contains("no diff");
                assert!(is_there, "{what}: {}", own.1);
            }
        }
    }
    assert_eq!(tried.len(), 13, "{tried:?}");
    for filter in [
        "/cards?project=",
        "/runs?project=",
        "/environments?project=",
        "/environments/usage?project=",
    ] {
        let ask = async |id: &str| {
            let path = format!("{filter}{id}");
            let asked = stranger
                .request(&app, Method::GET, &path)
                .send()
                .await
                .unwrap();
            let (status, text) = (asked.status(), asked.text().await.unwrap());
            (status, without_correlation(&text).replace(id, "ID"))
        };
        let project = &theirs[0].1;
        assert_eq!(ask(project).await, ask(&absent(project)).await, "{filter}");
    }
    // Nothing of it was touched.
    for (name, id) in theirs
        .iter()
        .filter(|(name, _)| !["token", "organization"].contains(name))
    {
        let noun = format!("/{name}s");
        let list: Value = match *name {
            "card" => app.get("/cards?project=demo").await.unwrap(),
            "delivery" => app
                .get(&format!(
                    "/webhooks/{}/deliveries",
                    theirs[theirs.len() - 2].1
                ))
                .await
                .unwrap(),
            _ => app.get(&noun).await.unwrap(),
        };
        assert!(list.to_string().contains(id), "{name}");
    }
    for path in ["/tokens", "/service-tokens"] {
        let left: Page<AccessToken> = app.get(path).await.unwrap();
        assert_eq!(left.items.len(), 1, "{path}");
    }
}

/// A problem as it is but for the one thing that differs each time.
pub(crate) fn without_correlation(text: &str) -> String {
    let mut problem: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(fields) = problem.as_object_mut() {
        fields.remove("correlation");
    }
    problem.to_string()
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_told_and_head_is_a_look() {
    let app = App::start().await;
    agent(&app, "worker").await;
    let wrong = app.request(Method::DELETE, "/agents").send().await.unwrap();
    assert_eq!(wrong.status(), 405);
    assert_eq!(wrong.headers()["allow"], "POST, GET");
    assert_eq!(wrong.text().await.unwrap(), "");
    let head = app.request(Method::HEAD, "/agents").send().await.unwrap();
    assert_eq!(head.status(), 200);
    let nobody = reqwest::Client::new().head(format!("{}/api/v1/agents", app.url()));
    assert_eq!(nobody.send().await.unwrap().status(), 401);
}
