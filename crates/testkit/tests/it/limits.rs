//! How many requests there may be, seen from outside.

use freehold_model::rate::Rate;
use freehold_server::{ProxyHeader, Rates};
use freehold_testkit::{App, eventually};
use freehold_wire::problem::{Code, Problem};
use reqwest::{Method, StatusCode};
use serde_json::json;

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate::per_second(per_second, burst)
}

const WIDE: Rate = Rate::per_second(10_000, 10_000);

fn wide() -> Rates {
    Rates {
        address: WIDE,
        token: WIDE,
        user: WIDE,
        tenant: WIDE,
        sensitive: WIDE,
    }
}

/// The first answer that is not 200, of so many requests; with how many went well before it.
async fn until_refused(
    app: &App,
    token: &str,
    path: &str,
    most: usize,
) -> Option<(usize, reqwest::Response)> {
    for n in 0..most {
        let url = format!("{}/api/v1{path}", app.url());
        let answer = reqwest::Client::new()
            .get(url)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        if answer.status() != StatusCode::OK {
            return Some((n, answer));
        }
    }
    None
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back_and_others_are_served() {
    let rates = Rates {
        token: rate(1, 20),
        ..wide()
    };
    let app = App::start_with_rates(rates).await;
    let new = json!({ "name": "other", "scopes": ["read:board"] });
    let other: serde_json::Value = app.post("/tokens", &new).await.unwrap();
    let (n, refused) = until_refused(&app, &app.token, "/projects", 30)
        .await
        .unwrap();
    // One was used up by making the token; a slow machine earns some back meanwhile.
    assert!((19..28).contains(&n), "{n}");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let problem: Problem = refused.json().await.unwrap();
    assert_eq!(problem.code, Code::TooMany);
    assert!(
        problem
            .detail
            .contains("this token is used for more than 1 requests a second"),
        "{problem:?}"
    );
    assert_eq!(problem.retry_after_s, Some(wait));
    let token = other["token"].as_str().unwrap();
    assert!(until_refused(&app, token, "/projects", 10).await.is_none());
    // Whoever waits as long as is said has one again.
    tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
    let answer = app.request(Method::GET, "/projects").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn each_limit_is_its_own() {
    for (rates, words) in [
        (
            Rates {
                address: rate(1, 5),
                ..wide()
            },
            "this address sends",
        ),
        (
            Rates {
                user: rate(1, 5),
                ..wide()
            },
            "you send more",
        ),
        (
            Rates {
                tenant: rate(1, 5),
                ..wide()
            },
            "your organization sends",
        ),
    ] {
        let app = App::start_with_rates(rates).await;
        let (_, refused) = until_refused(&app, &app.token, "/projects", 12)
            .await
            .unwrap();
        let problem: Problem = refused.json().await.unwrap();
        assert!(problem.detail.contains(words), "{problem:?}");
    }
}

#[tokio::test]
async fn credentials_are_not_guessed_quickly() {
    let rates = Rates {
        sensitive: rate(1, 5),
        ..wide()
    };
    let app = App::start_with_rates(rates).await;
    let guess = async || {
        let url = format!("{}/api/v1/projects", app.url());
        let guess = reqwest::Client::new()
            .get(url)
            .bearer_auth("fhu_guess.000000");
        guess.send().await.unwrap().status()
    };
    let mut seen = Vec::new();
    for _ in 0..12 {
        seen.push(guess().await);
    }
    assert_eq!(seen[..5], [StatusCode::UNAUTHORIZED; 5]);
    assert!(seen.contains(&StatusCode::TOO_MANY_REQUESTS), "{seen:?}");
    // So are links that sign in; whoever has a good token is not held up by who guesses beside them.
    let link = app
        .post::<serde_json::Value>("/sign-in", &json!({ "token": "x" }))
        .await;
    assert_eq!(link.unwrap_err().code, Code::TooMany);
    assert!(
        until_refused(&app, &app.token, "/projects", 20)
            .await
            .is_none()
    );
    // And those that make credentials are fewer than those that look.
    let mut made = Vec::new();
    for _ in 0..8 {
        made.push(
            app.request(Method::POST, "/sign-in/tokens")
                .send()
                .await
                .unwrap()
                .status(),
        );
    }
    assert_eq!(made[..5], [StatusCode::CREATED; 5]);
    assert!(made.contains(&StatusCode::TOO_MANY_REQUESTS), "{made:?}");
}

#[tokio::test]
async fn several_servers_grant_together_what_one_would() {
    let rates = Rates {
        tenant: rate(1, 40),
        ..wide()
    };
    let mut app = App::start_with_rates(rates).await;
    let mut other = app.beside().await;
    let knows = async |app: &App, servers: u32| {
        eventually("the servers know of each other", async || {
            (app.engine.share().among().get() == servers).then_some(())
        })
        .await;
    };
    knows(&app, 2).await;
    knows(&other, 2).await;
    let token = app.token.clone();
    let (here, _) = until_refused(&app, &token, "/projects", 50).await.unwrap();
    let (there, refused) = until_refused(&other, &token, "/projects", 50)
        .await
        .unwrap();
    // A slow machine earns some back meanwhile.
    assert!(
        (18..28).contains(&here) && (18..28).contains(&there),
        "{here} {there}"
    );
    let problem: Problem = refused.json().await.unwrap();
    assert!(
        problem
            .detail
            .contains("one request in 2 seconds, or 20 at once"),
        "{problem:?}"
    );
    // Tries of a password are shared as well: ten at once become five at each.
    let tries = async |app: &App| {
        let mut tried = 0;
        while tried < 20 {
            let body = json!({ "email": "grace@example.org", "password": "not this one" });
            let url = format!("{}/api/v1/sign-in/password", app.url());
            let answer = reqwest::Client::new().post(url).json(&body).send().await;
            if answer.unwrap().status() == StatusCode::TOO_MANY_REQUESTS {
                break;
            }
            tried += 1;
        }
        tried
    };
    assert_eq!((tries(&app).await, tries(&other).await), (5, 5));
    // One that is gone leaves its share to the other.
    other.stop().await;
    knows(&app, 1).await;
    app.stop().await;
}

#[tokio::test]
async fn who_asks_through_a_trusted_proxy_is_counted_by_their_own_address() {
    let rates = Rates {
        address: rate(1, 3),
        ..wide()
    };
    let asked = async |app: &App, header: &str, value: &str| {
        let url = format!("{}/api/v1/health", app.url());
        let asked = reqwest::Client::new().get(url).header(header, value);
        asked.send().await.unwrap().status()
    };
    let behind = App::start_behind(&["127.0.0.0/8"], ProxyHeader::XForwardedFor, rates).await;
    for n in 0..12 {
        let value = format!("198.51.100.9, 192.0.2.{n}");
        assert_eq!(asked(&behind, "x-forwarded-for", &value).await, 200, "{n}");
    }
    // One of them too often; what it says of others before itself helps it nothing.
    let mut last = StatusCode::OK;
    for n in 0..8 {
        let value = format!("198.51.100.{n}, 192.0.2.99");
        last = asked(&behind, "x-forwarded-for", &value).await;
    }
    assert_eq!(last, 429);
    // The header that the proxy does not write is the client's own word: nobody is counted as the proxy.
    let mut last = StatusCode::OK;
    for _ in 0..8 {
        let url = format!("{}/api/v1/health", behind.url());
        let request = reqwest::Client::new().get(url);
        let request = request.header("x-forwarded-for", "192.0.2.77");
        let request = request.header("forwarded", "for=unknown");
        last = request.send().await.unwrap().status();
    }
    assert_eq!(last, 429);
    let url = format!("{}/api/v1/health", behind.url());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
    // In the log stands where somebody is, not where the proxy is.
    let request = behind.request(Method::POST, "/tokens");
    let request = request.header("x-forwarded-for", "203.0.113.5");
    let new = json!({ "name": "ci", "scopes": ["read:board"] });
    let _: serde_json::Value = behind.send(request.json(&new)).await.unwrap();
    let request = behind.request(Method::GET, "/audit?action=token.create&limit=1");
    let request = request.header("x-forwarded-for", "203.0.113.6");
    let log: serde_json::Value = behind.send(request).await.unwrap();
    assert_eq!(log["items"][0]["address"], "203.0.113.5");

    let open = App::start_with_rates(rates).await;
    let mut last = StatusCode::OK;
    for n in 0..8 {
        last = asked(&open, "x-forwarded-for", &format!("192.0.2.{n}")).await;
    }
    assert_eq!(last, 429, "nobody is trusted unasked");
}
