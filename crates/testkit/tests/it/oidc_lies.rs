//! Providers of identities that lie, are away, or lead elsewhere.
use chrono::TimeDelta;
use freehold_engine::identity::Registration;
use freehold_testkit::oidc::back_to;
use freehold_testkit::{App, IdentityProvider, MailServer};
use freehold_wire::api::{BegunOidc, LinkedIdentity, NewSession};
use freehold_wire::problem::Code;
use serde_json::{Value, json};

use crate::account::{PASSWORD, me, post, sign_in, somebody};
use crate::oidc::{GRACE, back, begin, identity, lie, redeem, rogue, user};

#[tokio::test]
async fn a_provider_that_lies_is_not_believed() {
    let (app, provider) = rogue().await;
    let good = json!({ "email": GRACE, "email_verified": true });
    let with = |changes: Value| {
        let mut claims = good.clone();
        for (claim, value) in changes.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        json!({ "claims": claims })
    };
    provider.plan(with(json!({}))).await;
    let session = lie(&app).await.unwrap();
    let person = user(&app, &session.token).await;
    let seen = provider.seen().await;
    assert_eq!(seen["form"]["redirect_uri"], back_to("corp"));
    assert!(
        seen["form"]["client_secret"].is_null(),
        "it goes in the header"
    );
    assert!(
        seen["authorization"]
            .as_str()
            .unwrap()
            .starts_with("Basic ")
    );
    let now = app.engine.now().timestamp();
    let lies = [
        (with(json!({ "nonce": "another" })), "another request"),
        (with(json!({ "nonce": null })), "another request"),
        (with(json!({ "aud": "somebody-else" })), "another client"),
        (
            with(json!({ "aud": ["freehold", "somebody-else"] })),
            "another client",
        ),
        (with(json!({ "azp": "somebody-else" })), "another client"),
        (
            with(json!({ "iss": "https://id.example.org" })),
            "another issuer",
        ),
        (with(json!({ "exp": now - 120 })), "expired"),
        (with(json!({ "iat": now - 3600 })), "expired"),
        (with(json!({ "iat": now + 3600 })), "expired"),
        (with(json!({ "sub": null })), "names nobody"),
        (json!({ "claims": good, "sign": "none" }), "not signed"),
        (json!({ "claims": good, "sign": "HS256" }), "not signed"),
        (
            json!({ "claims": good, "sign": "HS256-client" }),
            "not signed",
        ),
        (json!({ "claims": good, "sign": "stranger" }), "signature"),
        (
            json!({ "token": { "status": 400, "body": "{\"error\":\"invalid_client\"}" } }),
            "invalid_client",
        ),
        (
            json!({ "token": { "status": 401, "body": "<b>\u{202e}no" } }),
            "status 401",
        ),
        (
            json!({ "token": { "body": "{\"access_token\":\"x\"}" } }),
            "no ID token",
        ),
        (
            json!({ "token": { "body": "{\"id_token\":\"a.b.c\"}" } }),
            "malformed",
        ),
    ];
    for (plan, why) in lies {
        provider.plan(plan.clone()).await;
        let refused = lie(&app).await.unwrap_err();
        assert_eq!(refused.code, Code::IdentityRefused, "{plan}");
        assert!(refused.detail.contains(why), "{plan}: {}", refused.detail);
    }
    // The same by another of its keys, and by new ones after they were changed, is good.
    let mut plan = with(json!({}));
    plan["sign"] = json!("ES256");
    for _ in 0..2 {
        provider.plan(plan.clone()).await;
        let session = lie(&app).await.unwrap();
        assert_eq!(user(&app, &session.token).await, person);
        plan["rotate"] = json!(true);
    }
    // Keys are not asked for again and again, whoever sends tokens of keys that nobody knows.
    let asked = async || {
        let seen = provider.seen().await;
        let paths = seen["paths"].as_array().unwrap();
        paths.iter().filter(|path| **path == "/jwks").count()
    };
    let before = asked().await;
    for _ in 0..3 {
        provider.plan(plan.clone()).await;
        let refused = lie(&app).await.unwrap_err();
        assert!(
            refused.detail.contains("does not name"),
            "{}",
            refused.detail
        );
    }
    assert_eq!((before, asked().await), (2, 2));
}

#[tokio::test]
async fn an_answer_of_one_provider_is_not_turned_in_at_another() {
    let (one, two) = (IdentityProvider::rogue(), IdentityProvider::rogue());
    let all = vec![one.named("one", &[]), two.named("two", &[])];
    let app = App::start_for(identity(Registration::Open, None, all)).await;
    let claims = json!({ "email": GRACE, "email_verified": true });
    for provider in [&one, &two] {
        provider.plan(json!({ "claims": claims })).await;
    }
    // Begun for one, brought back as the other's.
    let begun = begin(&app, "one").await;
    let refused = redeem(&app, "two", back(&begun)).await.unwrap_err();
    assert_eq!(refused.code, Code::IdentityRefused);
    assert!(two.seen().await["paths"].as_array().unwrap().is_empty());
    // The answer itself says that it is another's (RFC 9207), or does not say whose it is and should.
    let begun = begin(&app, "one").await;
    let mut body = back(&begun);
    body["iss"] = json!(two.issuer());
    let refused = redeem(&app, "one", body).await.unwrap_err();
    assert!(
        refused.detail.contains("another issuer"),
        "{}",
        refused.detail
    );
    let says = json!({ "authorization_response_iss_parameter_supported": true });
    two.plan(json!({ "claims": claims, "metadata": says }))
        .await;
    let begun = begin(&app, "two").await;
    let refused = redeem(&app, "two", back(&begun)).await.unwrap_err();
    assert!(
        refused.detail.contains("another issuer"),
        "{}",
        refused.detail
    );
    let begun = begin(&app, "two").await;
    let mut body = back(&begun);
    body["iss"] = json!(two.issuer());
    redeem(&app, "two", body).await.unwrap();
    // The same subject of another issuer is somebody else: the address is taken, and nobody is linked to it.
    let refused = redeem(&app, "one", back(&begin(&app, "one").await)).await;
    assert_eq!(refused.unwrap_err().code, Code::IdentityUnknown);
}

#[tokio::test]
async fn a_provider_that_is_away_or_leads_elsewhere_is_said_to_be_so() {
    let (app, mut provider) = rogue().await;
    let other = IdentityProvider::rogue();
    let away = async |what: &str| {
        let refused = post::<BegunOidc>(&app, "", "/sign-in/oidc/corp", json!({})).await;
        let refused = refused.err().unwrap_or_else(|| unreachable!("{what}"));
        assert_eq!(
            refused.code,
            Code::Unavailable,
            "{what}: {}",
            refused.detail
        );
        assert!(
            refused
                .detail
                .starts_with("The corp provider cannot be asked")
        );
        refused.detail
    };
    // Nothing of it was kept: each is asked for anew.
    let elsewhere = format!("{}/.well-known/openid-configuration", other.issuer());
    let redirect = json!({ "status": 302, "headers": { "location": elsewhere } });
    provider.plan(json!({ "discovery": redirect })).await;
    assert!(away("a redirect").await.contains("status 302"));
    assert!(other.seen().await["paths"].as_array().unwrap().is_empty());
    provider.plan(json!({ "discovery": { "body": "{" } })).await;
    assert!(away("no document").await.contains("cannot be read"));
    for (metadata, why) in [
        (json!({ "issuer": other.issuer() }), "another issuer"),
        (
            json!({ "issuer": format!("{}/", provider.issuer()) }),
            "another issuer",
        ),
        (
            json!({ "jwks_uri": "http://169.254.169.254/latest/meta-data" }),
            "not safe",
        ),
        (
            json!({ "token_endpoint": "http://10.0.0.1/token" }),
            "not safe",
        ),
        (
            json!({ "token_endpoint": "file:///etc/passwd" }),
            "not safe",
        ),
        (
            json!({ "code_challenge_methods_supported": ["plain"] }),
            "PKCE",
        ),
    ] {
        provider.plan(json!({ "metadata": metadata })).await;
        assert!(away("metadata").await.contains(why), "{metadata}");
    }
    // What it said of itself once is good for a while; a token's address is looked at when it is asked.
    provider.plan(json!({})).await;
    let (begun, second) = (begin(&app, "corp").await, begin(&app, "corp").await);
    let redirect =
        json!({ "status": 307, "headers": { "location": format!("{}/token", other.issuer()) } });
    provider.plan(json!({ "token": redirect })).await;
    let refused = redeem(&app, "corp", back(&begun)).await.unwrap_err();
    assert!(refused.detail.contains("status 307"), "{}", refused.detail);
    assert!(other.seen().await["paths"].as_array().unwrap().is_empty());
    provider
        .plan(json!({ "token": { "bytes": 600_000 } }))
        .await;
    let refused = redeem(&app, "corp", back(&second)).await.unwrap_err();
    assert_eq!(refused.code, Code::Unavailable);
    assert!(refused.detail.contains("too large"), "{}", refused.detail);
    // Gone. Whoever comes right after it was found so does not wait.
    let begun = begin(&app, "corp").await;
    provider.end();
    let refused = redeem(&app, "corp", back(&begun)).await.unwrap_err();
    assert_eq!(refused.code, Code::Unavailable, "{}", refused.detail);
    assert!(me(&app, &app.token).await.is_ok(), "nobody else feels it");
}

#[tokio::test]
async fn nobody_waits_long_for_a_provider_that_stands_still() {
    let (app, provider) = rogue().await;
    provider
        .plan(json!({ "discovery": { "hang": true } }))
        .await;
    let asked = async || {
        let since = tokio::time::Instant::now();
        let refused = post::<BegunOidc>(&app, "", "/sign-in/oidc/corp", json!({})).await;
        assert_eq!(
            refused.err().map(|problem| problem.code),
            Some(Code::Unavailable)
        );
        since.elapsed()
    };
    let (first, second) = (asked().await, asked().await);
    assert!(first.as_secs() < 15, "{first:?}");
    assert!(second.as_secs() < 1, "{second:?}");
}

#[tokio::test]
async fn another_way_in_takes_more_than_a_session_and_goes_with_a_new_password() {
    let (mail, provider) = (MailServer::start(), IdentityProvider::rogue());
    let all = ["corp", "two"].map(|name| provider.named(name, &[]));
    let app = App::start_for(identity(Registration::Open, Some(&mail), all.into())).await;
    let begin_link = async |session: &str, body: Value| {
        let path = "/account/identities/begin";
        let begun = post::<BegunOidc>(&app, session, path, body).await;
        begun.map_err(|problem| problem.code)
    };
    let mallory =
        json!({ "claims": { "sub": "m", "email": "m@example.org", "email_verified": true } });
    provider.plan(mallory).await;
    // An account with a password: it is asked for.
    let grace = somebody(&app, &mail, GRACE, "Navy").await;
    let none = json!({ "provider": "corp" });
    assert_eq!(
        begin_link(&grace.token, none).await.err(),
        Some(Code::Invalid)
    );
    let wrong = json!({ "provider": "corp", "current": "not the password" });
    assert_eq!(
        begin_link(&grace.token, wrong).await.err(),
        Some(Code::Unauthenticated)
    );
    let right = json!({ "provider": "corp", "current": PASSWORD });
    let begun = begin_link(&grace.token, right).await.unwrap();
    let mut body = back(&begun);
    body["provider"] = json!("corp");
    let linked = post::<LinkedIdentity>(&app, &grace.token, "/account/identities", body).await;
    linked.unwrap();
    let by_it = lie(&app).await.unwrap();
    assert_eq!(
        user(&app, &by_it.token).await,
        user(&app, &grace.token).await
    );
    // Whoever linked it is out with a password that is set by mail, and the mail says so.
    let asked = json!({ "email": GRACE });
    let (): () = post(&app, "", "/password/forgot", asked).await.unwrap();
    let token = mail.mail(GRACE, 3).await.token();
    let new = json!({ "token": token, "password": "another tall horse" });
    let (): () = post(&app, "", "/password/reset", new).await.unwrap();
    let told = mail.mail(GRACE, 4).await;
    assert!(
        told.text.contains("link those that are yours anew"),
        "{}",
        told.text
    );
    let session = lie(&app).await.unwrap();
    assert_ne!(user(&app, &session.token).await, user_of(&app).await);
    // An account without one: a sign-in of a short while ago.
    let two = json!({ "provider": "two" });
    begin_link(&session.token, two.clone()).await.unwrap();
    app.clock.advance(TimeDelta::minutes(15));
    assert_eq!(
        begin_link(&session.token, two.clone()).await.err(),
        Some(Code::Forbidden)
    );
    let renewed: NewSession = post(&app, &session.token, "/session/renew", json!({}))
        .await
        .unwrap();
    assert_eq!(
        begin_link(&renewed.token, two.clone()).await.err(),
        Some(Code::Forbidden),
        "renewed is not signed in"
    );
    let now = app.engine.now().timestamp();
    let again = json!({ "sub": "m", "iat": now, "exp": now + 300 });
    provider.plan(json!({ "claims": again })).await;
    let session = lie(&app).await.unwrap();
    begin_link(&session.token, two).await.unwrap();
}

/// Grace, by the password that she set by mail.
async fn user_of(app: &App) -> String {
    let session = sign_in(app, GRACE, "another tall horse").await.unwrap();
    user(app, &session.token).await
}
