//! Credentials that are none: absent, forged, spent, cut, doubled, and hostile.
use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use freehold_model::{Rights, Role};
use freehold_server::Access;
use freehold_testkit::{App, TestEntropy};
use freehold_wire::api::{AccessToken, EnrolToken, Page, SignInToken};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::permission::{Somebody, nothing_at, without_correlation};

/// Tokens that are good for nothing, each in its own way.
async fn void(app: &App) -> Vec<(&'static str, String)> {
    let tenant = app.owner.tenant;
    let rights = Rights::of(Role::Owner);
    let new = json!({ "name": "short", "scopes": ["read:board"], "days": 1 });
    let list = async || app.get::<Page<AccessToken>>("/tokens").await.unwrap().items;
    let owner = Somebody::signed_in(app, tenant, app.owner.user, rights).await;
    let expired = owner.makes(app, "/tokens", &new).await.token;
    assert_eq!(list().await.len(), 1);
    app.clock.advance(TimeDelta::days(2));
    assert_eq!(list().await, [], "what has expired is not listed");
    let owner = Somebody::signed_in(app, tenant, app.owner.user, rights).await;
    let revoked = owner.makes(app, "/tokens", &new).await.token;
    let gone = format!("/tokens/{}", list().await[0].id);
    app.send::<()>(app.request(Method::DELETE, &gone))
        .await
        .unwrap();
    let left = Somebody::member(app, tenant, Role::Admin).await;
    let of_one_who_left = left.makes(app, "/tokens", &new).await.token;
    remove(app, &left).await;
    let link: SignInToken = app.post("/sign-in/tokens", &()).await.unwrap();
    let enrol: EnrolToken = app.post("/runners/tokens", &()).await.unwrap();
    let whole = app.token.clone();
    let cut = whole[..whole.len() - 1].to_owned();
    let flipped = whole.replacen("fhu_", "fhu_A", 1);
    let stranger = |kind| Token::generate(kind, &TestEntropy).to_string();
    vec![
        ("well formed and nobody's", stranger(Kind::User)),
        ("nobody's session", stranger(Kind::Browser)),
        ("nobody's service token", stranger(Kind::Service)),
        ("a runner's", stranger(Kind::Session)),
        ("expired", expired),
        ("revoked", revoked),
        ("of somebody who left", of_one_who_left),
        ("a session of somebody who left", left.token),
        ("for signing in", link.token),
        ("for enrolling", enrol.token),
        ("cut", cut),
        ("mistyped", flipped),
        ("of another kind", whole.replacen("fhu_", "fhp_", 1)),
        ("nonsense", "fhu_nonsense".into()),
        ("empty", String::new()),
        ("quoted", format!("\"{whole}\"")),
        ("twice", format!("{whole}, {whole}")),
        ("an injection", "' OR 1=1; --".into()),
        ("long", "fhu_".to_owned() + &"A".repeat(4000)),
    ]
}

async fn remove(app: &App, somebody: &Somebody) {
    let mut role = app.database.as_tenant(somebody.tenant).await;
    let gone = sqlx::query("DELETE FROM members WHERE user_id = $1")
        .bind(somebody.user.uuid())
        .execute(&mut role)
        .await
        .unwrap();
    assert_eq!(gone.rows_affected(), 1);
}

#[tokio::test]
async fn every_route_but_the_public_ones_wants_a_token_that_is_one() {
    let app = App::start().await;
    let void = void(&app).await;
    let (mut public, mut tried, mut said) = (Vec::new(), 0, BTreeSet::new());
    let client = reqwest::Client::new();
    for route in freehold_server::routes() {
        let path = nothing_at(&route);
        if route.access == Access::Public {
            public.push(format!("{} {path}", route.method));
            continue;
        }
        let nobody = [("none", None)];
        let some = void.iter().map(|(what, token)| (*what, Some(token)));
        for (what, token) in nobody.into_iter().chain(some) {
            let url = format!("{}/api/v1{path}", app.url());
            let mut request = client.request(route.method.clone(), url).body("{}");
            request = request.header("content-type", "application/json");
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let response = request.send().await.unwrap();
            let what = format!("{} {path} with {what}", route.method);
            assert_eq!(response.status(), 401, "{what}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer", "{what}");
            let text = response.text().await.unwrap();
            let problem: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!(problem.code, Code::Unauthenticated, "{what}");
            if token.is_some_and(|token| !token.is_empty())
                && matches!(route.access, Access::For(_))
            {
                said.insert(without_correlation(&text));
            }
            tried += 1;
        }
    }
    let wanted = [
        "GET /health",
        "POST /sign-in",
        "GET /sign-in/ways",
        "POST /sign-in/password",
        "POST /registrations",
        "POST /registrations/confirm",
        "POST /password/forgot",
        "POST /password/reset",
        "POST /sign-in/oidc/provider",
        "POST /sign-in/oidc/provider/redeem",
        "POST /invitations/look",
        "POST /invitations/accept",
        "POST /device",
        "POST /device/token",
        "GET /link",
        "POST /link/enrol",
    ];
    assert_eq!(public, wanted, "each of these is public for a reason");
    assert!(tried > 900, "{tried}");
    assert_eq!(
        said.len(),
        1,
        "why a token is void is nobody's business: {said:?}"
    );
    assert_eq!(
        app.get::<serde_json::Value>("/me").await.unwrap()["role"],
        "owner",
        "the control"
    );
}

/// Sends bytes as they are and gives the status line of what comes back; empty where the server hung up.
async fn raw(app: &App, head: &[u8]) -> String {
    let address = app.url().replace("http://", "");
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough need not read on.
    let _written = socket.write_all(head).await;
    let _ended = socket.write_all(b"\r\nconnection: close\r\n\r\n").await;
    let mut answer = Vec::new();
    let reading = socket.read_to_end(&mut answer);
    let _read = tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_hostile_authorization_gets_a_clear_refusal_and_nothing_more() {
    let app = App::start().await;
    let ask = |authorization: &[u8]| {
        let mut head = b"GET /api/v1/me HTTP/1.1\r\nhost: localhost".to_vec();
        head.extend_from_slice(authorization);
        head
    };
    let good = format!("\r\nauthorization: Bearer {}", app.token);
    let status = async |authorization: &[u8]| {
        let line = raw(&app, &ask(authorization)).await;
        line.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(status(good.as_bytes()).await, "200", "the control");
    let lower = good.replace("Bearer", "bearer");
    assert_eq!(
        status(lower.as_bytes()).await,
        "200",
        "schemes have no case"
    );
    let twice = format!("{good}{good}");
    let other = format!("{good}\r\nauthorization: Bearer x");
    let basic = format!("\r\nauthorization: Basic {}", app.token);
    let bare = format!("\r\nauthorization: {}", app.token);
    let cookie = format!("\r\ncookie: token={0}; freehold={0}", app.token);
    let header = format!("\r\nx-api-key: {0}\r\nx-forwarded-user: owner", app.token);
    let proxied = format!("\r\nproxy-authorization: Bearer {}", app.token);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("two of the same", twice.into_bytes()),
        ("two", other.into_bytes()),
        ("another scheme", basic.into_bytes()),
        ("no scheme", bare.into_bytes()),
        ("a cookie", cookie.into_bytes()),
        ("headers of others", header.into_bytes()),
        ("a proxy's", proxied.into_bytes()),
        ("empty", b"\r\nauthorization:".to_vec()),
        ("a scheme alone", b"\r\nauthorization: Bearer".to_vec()),
        ("quotes", b"\r\nauthorization: Bearer \"'\"'`;--\\".to_vec()),
        (
            "bytes",
            b"\r\nauthorization: Bearer \xff\xfe\xc3\x28".to_vec(),
        ),
        (
            "letters of the world",
            "\r\nauthorization: Bearer fhu_ключ.מפתח"
                .as_bytes()
                .to_vec(),
        ),
        ("a NUL", b"\r\nauthorization: Bearer fhu_\0a.b".to_vec()),
        (
            "a bare line feed",
            b"\r\nauthorization: Bearer a\nx: y".to_vec(),
        ),
        (
            "64 KB",
            [b"\r\nauthorization: Bearer ", &[b'a'; 64 << 10][..]].concat(),
        ),
        (
            "1 MB",
            [b"\r\nauthorization: Bearer ", &vec![b'a'; 1 << 20][..]].concat(),
        ),
        ("1000 of them", b"\r\nauthorization: Bearer a".repeat(1000)),
    ];
    for (what, authorization) in cases {
        let status = status(&authorization).await;
        // Whoever sends more than is read may see the connection end before the answer.
        let hung_up = authorization.len() > 1 << 16 && status.is_empty();
        assert!(hung_up || status.starts_with('4'), "{what}: `{status}`");
    }
    assert_eq!(
        status(good.as_bytes()).await,
        "200",
        "it is served as before"
    );
}

/// `path` asked a hundred times at once with the same body: how often it was done.
async fn at_once(app: &App, path: &str, bodies: Vec<serde_json::Value>) -> usize {
    let client = reqwest::Client::new();
    let asked = bodies.into_iter().map(|body| {
        let request = client
            .post(format!("{}/api/v1{path}", app.url()))
            .json(&body);
        tokio::spawn(async move { request.send().await.unwrap().status() })
    });
    let asked: Vec<_> = asked.collect();
    let mut done = 0;
    for answer in asked {
        let status = answer.await.unwrap();
        assert!(status == 200 || status == 401, "{status}");
        done += usize::from(status == 200);
    }
    done
}

#[tokio::test]
async fn a_token_for_one_use_is_used_once_by_a_hundred_at_once() {
    let app = App::start().await;
    let link: SignInToken = app.post("/sign-in/tokens", &()).await.unwrap();
    let body = json!({ "token": link.token });
    assert_eq!(at_once(&app, "/sign-in", vec![body; 100]).await, 1);
    let enrol: EnrolToken = app.post("/runners/tokens", &()).await.unwrap();
    let (token, _) = enrol.token.split_once('#').unwrap();
    let bodies = (0..100).map(|_| freehold_testkit::peer::enrolment(&*app.clock, token));
    let bodies = bodies.map(|enrol| serde_json::to_value(enrol).unwrap());
    assert_eq!(at_once(&app, "/link/enrol", bodies.collect()).await, 1);
}

#[tokio::test]
async fn a_limited_token_is_not_exchanged_for_one_without_limits() {
    let app = App::start().await;
    let owner = Rights::of(Role::Owner);
    let owner = Somebody::signed_in(&app, app.owner.tenant, app.owner.user, owner).await;
    let new = json!({ "name": "small", "scopes": ["read:board", "write:runners"] });
    let small = owner.makes(&app, "/tokens", &new).await;
    let body = json!({ "token": small.token });
    let exchanged = app.post::<serde_json::Value>("/sign-in", &body).await;
    assert_eq!(exchanged.unwrap_err().code, Code::Unauthenticated);
    for (path, body) in [("/sign-in/tokens", json!({})), ("/tokens", new)] {
        let request = small.request(&app, Method::POST, path).json(&body);
        let refused = app.send::<serde_json::Value>(request).await.unwrap_err();
        assert_eq!(refused.code, Code::Forbidden, "{path}");
        assert!(refused.detail.contains("`account`"), "{}", refused.detail);
    }
}
