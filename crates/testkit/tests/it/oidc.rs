//! Signing in at providers of identities: a real one (npm `oidc-provider`), and one that lies.
use chrono::TimeDelta;
use freehold_engine::identity::{Identity, Registration};
use freehold_engine::oidc::Provider;
use freehold_testkit::app::Reply;
use freehold_testkit::oidc::{HOME, back_to};
use freehold_testkit::{App, IdentityProvider, MailServer};
use freehold_wire::api::{
    Account, AuditEntry, BegunOidc, LinkedIdentity, NewSession, Page, SignInWays,
};
use freehold_wire::problem::{Code, Problem};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::account::{PASSWORD, ask, at_once, me, post, sign_in, somebody};
use crate::member::invite;

pub(crate) const GRACE: &str = "grace@example.org";

/// How people come in, with these providers.
pub(crate) fn identity(
    registration: Registration,
    mail: Option<&MailServer>,
    providers: Vec<Provider>,
) -> Identity {
    Identity {
        registration,
        organizations: registration == Registration::Open,
        home: Some(HOME.into()),
        post: mail.map(MailServer::post),
        providers,
    }
}

/// An installation where whoever asks gets an account, and a real provider.
async fn open() -> (App, MailServer, IdentityProvider) {
    let (mail, provider) = (MailServer::start(), IdentityProvider::start(&["corp"]));
    let all = vec![provider.named("corp", &[])];
    let app = App::start_for(identity(Registration::Open, Some(&mail), all)).await;
    (app, mail, provider)
}

/// The same with one that lies; it answers each question rightly unless it is told how not to.
pub(crate) async fn rogue() -> (App, IdentityProvider) {
    let provider = IdentityProvider::rogue();
    let all = vec![provider.named("corp", &[])];
    let app = App::start_for(identity(Registration::Open, None, all)).await;
    (app, provider)
}

pub(crate) async fn begin(app: &App, provider: &str) -> BegunOidc {
    let path = format!("/sign-in/oidc/{provider}");
    post(app, "", &path, json!({})).await.unwrap()
}

fn word(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap();
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    found
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// What a browser comes back with from the one that lies, which gives the nonce for the code.
pub(crate) fn back(begun: &BegunOidc) -> Value {
    json!({ "code": word(&begun.url, "nonce"), "state": word(&begun.url, "state"), "secret": begun.secret })
}

pub(crate) async fn redeem(app: &App, provider: &str, body: Value) -> Reply<NewSession> {
    let path = format!("/sign-in/oidc/{provider}/redeem");
    post(app, "", &path, body).await
}

/// The whole way, at the one that lies.
pub(crate) async fn lie(app: &App) -> Result<NewSession, Box<Problem>> {
    redeem(app, "corp", back(&begin(app, "corp").await)).await
}

/// What a browser comes back with from the real one.
async fn visited(provider: &IdentityProvider, begun: &BegunOidc) -> Value {
    let came = provider.visit(&begun.url).await;
    json!({ "code": came["code"], "state": came["state"], "iss": came.get("iss"), "secret": begun.secret })
}

/// The whole way, at the real one.
async fn enter(app: &App, provider: &IdentityProvider) -> Reply<NewSession> {
    let begun = begin(app, "corp").await;
    redeem(app, "corp", visited(provider, &begun).await).await
}

pub(crate) async fn user(app: &App, token: &str) -> String {
    me(app, token).await.unwrap().user.to_string()
}

fn grace() -> Value {
    json!({ "email": GRACE, "email_verified": true, "name": "Grace" })
}

#[tokio::test]
async fn somebody_signs_in_at_a_real_provider_and_is_the_same_person_each_time() {
    let (app, _mail, provider) = open().await;
    let ways: SignInWays = app
        .send(ask(&app, "", Method::GET, "/sign-in/ways"))
        .await
        .unwrap();
    assert_eq!(ways.providers.len(), 1);
    assert_eq!(ways.providers[0].title, "The corp provider");
    let begun = begin(&app, "corp").await;
    // What is asked for, and that nothing of the secret goes along.
    assert_eq!(word(&begun.url, "redirect_uri"), back_to("corp"));
    assert_eq!(word(&begun.url, "code_challenge_method"), "S256");
    assert_eq!(word(&begun.url, "scope"), "openid profile email groups");
    let secret = &begun.secret[4..20];
    assert!(!begun.url.contains(secret) && begun.url.len() < 1000);
    provider.who("g-1", grace()).await;
    let first = enter(&app, &provider).await.unwrap();
    let account: Account = app
        .send(ask(&app, &first.token, Method::GET, "/account"))
        .await
        .unwrap();
    assert_eq!(account.email.as_deref(), Some(GRACE));
    assert!(account.name == "Grace" && !account.password);
    // Whatever the provider calls them by now: it is the subject that counts.
    let renamed = json!({ "email": "other@example.org", "email_verified": true, "name": "G" });
    provider.who("g-1", renamed).await;
    let second = enter(&app, &provider).await.unwrap();
    assert_eq!(
        user(&app, &first.token).await,
        user(&app, &second.token).await
    );
    assert_eq!(first.organization, second.organization);
    // Another subject is another person, even with an address that looks like it.
    let other = json!({ "email": "grace@example.com", "email_verified": true, "name": "Grace" });
    provider.who("g-2", other).await;
    let third = enter(&app, &provider).await.unwrap();
    assert_ne!(
        user(&app, &first.token).await,
        user(&app, &third.token).await
    );
    assert_ne!(first.organization, third.organization);
    let entries = ask(
        &app,
        &second.token,
        Method::GET,
        "/audit?action=session.begin",
    );
    let entries: Page<AuditEntry> = app.send(entries).await.unwrap();
    assert_eq!(entries.items.len(), 2);
    assert!(entries.items.iter().all(|e| e.resource.ends_with(" corp")));
    // Whoever says no at the provider comes back with nothing to turn in.
    provider.nobody().await;
    let came = provider.visit(&begun.url).await;
    assert_eq!(came["error"], "access_denied");
    assert_eq!(came["state"], word(&begun.url, "state"));
}

#[tokio::test]
async fn what_comes_back_is_good_in_the_browser_that_set_out_and_once() {
    let (app, _mail, provider) = open().await;
    provider.who("g-1", grace()).await;
    let (mine, theirs) = (begin(&app, "corp").await, begin(&app, "corp").await);
    let (came, other) = (
        visited(&provider, &mine).await,
        visited(&provider, &theirs).await,
    );
    let with = |changes: Value| {
        let mut body = came.clone();
        for (key, value) in changes.as_object().unwrap() {
            body[key] = value.clone();
        }
        redeem(&app, "corp", body)
    };
    let code = async |changes: Value| with(changes).await.unwrap_err().code;
    for wrong in [
        // Somebody else's answer in this browser; this answer in somebody else's.
        json!({ "state": other["state"] }),
        json!({ "secret": other["secret"] }),
        json!({ "state": "" }),
        json!({ "state": "x".repeat(3000) }),
        json!({ "secret": "" }),
        json!({ "secret": format!("{}x", mine.secret) }),
        json!({ "code": "" }),
        json!({ "code": "x".repeat(20_000) }),
    ] {
        assert_eq!(code(wrong.clone()).await, Code::IdentityRefused, "{wrong}");
    }
    assert_eq!(
        redeem(&app, "none", came.clone()).await.unwrap_err().code,
        Code::NotFound
    );
    // None of that has used it up: it takes the secret and the state that belongs to it.
    with(json!({})).await.unwrap();
    assert_eq!(
        code(json!({})).await,
        Code::IdentityRefused,
        "a second time"
    );
    // A code that was given to another question: who asked cannot show it (PKCE), however it got here.
    let third = begin(&app, "corp").await;
    let mut stolen = other.clone();
    stolen["state"] = json!(word(&third.url, "state"));
    stolen["secret"] = json!(third.secret);
    let refused = redeem(&app, "corp", stolen).await.unwrap_err();
    assert_eq!(refused.code, Code::IdentityRefused);
    assert!(
        refused.detail.contains("invalid_grant"),
        "{}",
        refused.detail
    );
    // The one whose code it was comes too late: the provider saw it twice, or the ten minutes are over.
    let late = begin(&app, "corp").await;
    let body = visited(&provider, &late).await;
    app.clock.advance(TimeDelta::minutes(10));
    assert_eq!(
        redeem(&app, "corp", body).await.unwrap_err().code,
        Code::IdentityRefused
    );
}

#[tokio::test]
async fn of_a_hundred_that_bring_the_same_answer_one_gets_in() {
    let (app, _provider) = rogue().await;
    let body = back(&begin(&app, "corp").await);
    let path = "/sign-in/oidc/corp/redeem";
    // It says nothing of an address: whoever is let through is refused for that, and only one is.
    let all = (0..100).map(|_| ask(&app, "", Method::POST, path).json(&body).send());
    let mut through = 0;
    for answer in futures_util::future::join_all(all).await {
        let problem: Problem = answer.unwrap().json().await.unwrap();
        match problem.code {
            Code::IdentityUnknown => through += 1,
            Code::IdentityRefused | Code::TooMany => {}
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(through, 1);
}

/// The rule for who is linked to whom.
#[tokio::test]
async fn nobody_gets_into_an_account_by_saying_that_its_address_is_theirs() {
    let (app, mail, provider) = open().await;
    let grace_here = somebody(&app, &mail, GRACE, "Navy").await;
    let unknown = async |claims: Value| {
        provider.who("m-1", claims).await;
        enter(&app, &provider).await.unwrap_err().code
    };
    for claims in [
        json!({ "email": GRACE, "email_verified": true }),
        json!({ "email": "GRACE@example.org", "email_verified": true }),
        json!({ "email": GRACE, "email_verified": false }),
        json!({ "email": GRACE }),
        json!({ "email": "new@example.org", "email_verified": false }),
        json!({ "email": "new@example.org" }),
        json!({ "email": "not an address", "email_verified": true }),
        json!({ "name": "Mallory" }),
    ] {
        assert_eq!(
            unknown(claims.clone()).await,
            Code::IdentityUnknown,
            "{claims}"
        );
    }
    // Its person links it, signed in, and gets a mail.
    let link = async |session: &str| {
        let begun: BegunOidc = post(
            &app,
            session,
            "/account/identities/begin",
            json!({ "provider": "corp", "current": PASSWORD }),
        )
        .await
        .unwrap();
        let mut body = visited(&provider, &begun).await;
        body["provider"] = json!("corp");
        body
    };
    let links = async |session: &str, body: &Value| {
        post::<LinkedIdentity>(&app, session, "/account/identities", body.clone()).await
    };
    provider.who("g-1", grace()).await;
    let body = link(&grace_here.token).await;
    // What was begun to link does not sign in, nor link to anybody else; and the other way round.
    let mut signs_in = body.clone();
    signs_in.as_object_mut().unwrap().remove("provider");
    assert_eq!(
        redeem(&app, "corp", signs_in).await.unwrap_err().code,
        Code::IdentityRefused
    );
    let ada = somebody(&app, &mail, "ada@example.org", "Mill").await;
    let body = link(&grace_here.token).await;
    assert_eq!(
        links(&ada.token, &body).await.unwrap_err().code,
        Code::IdentityRefused
    );
    let mut body = visited(&provider, &begin(&app, "corp").await).await;
    body["provider"] = json!("corp");
    assert_eq!(
        links(&grace_here.token, &body).await.unwrap_err().code,
        Code::IdentityRefused
    );
    let linked = links(&grace_here.token, &link(&grace_here.token).await)
        .await
        .unwrap();
    assert_eq!(
        (linked.provider.as_deref(), linked.subject.as_str()),
        (Some("corp"), "g-1")
    );
    let told = mail.mail(GRACE, 2).await;
    assert_eq!(told.subject, "There is another way into your account");
    let session = enter(&app, &provider).await.unwrap();
    assert_eq!(
        user(&app, &session.token).await,
        user(&app, &grace_here.token).await
    );
    // It is one person's.
    assert_eq!(
        links(&ada.token, &link(&ada.token).await)
            .await
            .unwrap_err()
            .code,
        Code::Exists
    );
    // Unlinked, it is nobody's, and whoever came in by it is out.
    let end = async |token: &str, id: &str| {
        let request = ask(
            &app,
            token,
            Method::DELETE,
            &format!("/account/identities/{id}"),
        );
        app.send::<()>(request)
            .await
            .map_err(|problem| problem.code)
    };
    assert_eq!(end(&ada.token, &linked.id).await, Err(Code::NotFound));
    assert_eq!(
        end(&grace_here.token, "nonsense").await,
        Err(Code::NotFound)
    );
    end(&grace_here.token, &linked.id).await.unwrap();
    assert_eq!(
        end(&grace_here.token, &linked.id).await,
        Err(Code::NotFound)
    );
    assert_eq!(me(&app, &session.token).await, Err(Code::Unauthenticated));
    assert!(me(&app, &grace_here.token).await.is_ok());
    assert_eq!(
        enter(&app, &provider).await.unwrap_err().code,
        Code::IdentityUnknown
    );
}

#[tokio::test]
async fn the_last_way_into_an_account_stays() {
    let (app, mail, provider) = open().await;
    provider.who("g-1", grace()).await;
    let session = enter(&app, &provider).await.unwrap();
    let list = async || -> Vec<LinkedIdentity> {
        let request = ask(&app, &session.token, Method::GET, "/account/identities");
        app.send::<Page<LinkedIdentity>>(request)
            .await
            .unwrap()
            .items
    };
    let [only] = &list().await[..] else {
        unreachable!("one")
    };
    let end = async || {
        let path = format!("/account/identities/{}", only.id);
        let request = ask(&app, &session.token, Method::DELETE, &path);
        app.send::<()>(request)
            .await
            .map_err(|problem| problem.code)
    };
    assert_eq!(end().await, Err(Code::Conflict));
    // A password that is set by mail takes its place; it ends all sessions.
    let (): () = post(&app, "", "/password/forgot", json!({ "email": GRACE }))
        .await
        .unwrap();
    let token = mail.mail(GRACE, 1).await.token();
    let reset = json!({ "token": token, "password": PASSWORD });
    let (): () = post(&app, "", "/password/reset", reset).await.unwrap();
    assert_eq!(me(&app, &session.token).await, Err(Code::Unauthenticated));
    let session = sign_in(&app, GRACE, PASSWORD).await.unwrap();
    let identities = "/account/identities";
    let begin = json!({ "provider": "corp", "current": PASSWORD });
    let begun: BegunOidc = post(&app, &session.token, &format!("{identities}/begin"), begin)
        .await
        .unwrap();
    let mut body = visited(&provider, &begun).await;
    body["provider"] = json!("corp");
    let linked: LinkedIdentity = post(&app, &session.token, identities, body).await.unwrap();
    // With the password it is one of two ways.
    let path = format!("{identities}/{}", linked.id);
    let (): () = app
        .send(ask(&app, &session.token, Method::DELETE, &path))
        .await
        .unwrap();
    assert!(sign_in(&app, GRACE, PASSWORD).await.is_ok());
    assert_eq!(
        enter(&app, &provider).await.unwrap_err().code,
        Code::IdentityUnknown,
        "the address has an account, and that is nobody's proof"
    );
}

#[tokio::test]
async fn an_invitation_is_accepted_with_a_provider_by_whoever_has_its_token() {
    let (mail, provider) = (MailServer::start(), IdentityProvider::rogue());
    let all = vec![provider.named("corp", &[])];
    let app = App::start_for(identity(Registration::Invited, Some(&mail), all)).await;
    // Nobody comes in uninvited, whoever vouches for them.
    let ada =
        json!({ "sub": "a-1", "email": "ada@example.org", "email_verified": true, "name": "Ada" });
    provider.plan(json!({ "claims": ada })).await;
    assert_eq!(lie(&app).await.unwrap_err().code, Code::IdentityUnknown);
    invite(&app, &app.token, "ada@example.org", "developer")
        .await
        .unwrap();
    assert_eq!(
        lie(&app).await.unwrap_err().code,
        Code::IdentityUnknown,
        "not by the address alone"
    );
    let token = mail.mail("ada@example.org", 1).await.token();
    let with = async |token: &str| {
        let asked = json!({ "invitation": token });
        let begun: BegunOidc = post(&app, "", "/sign-in/oidc/corp", asked).await.unwrap();
        redeem(&app, "corp", back(&begun)).await
    };
    // Whoever has the token reads that address's mail, whatever address the provider knows.
    provider
        .plan(json!({ "claims": { "sub": "a-1", "email": "ada@home.example" } }))
        .await;
    let session = with(&token).await.unwrap();
    let about = me(&app, &session.token).await.unwrap();
    assert_eq!(
        (about.tenant, about.role.name()),
        (app.owner.tenant, "developer")
    );
    let account: Account = app
        .send(ask(&app, &session.token, Method::GET, "/account"))
        .await
        .unwrap();
    assert_eq!(account.email.as_deref(), Some("ada@example.org"));
    assert_eq!(
        with(&token).await.unwrap_err().code,
        Code::Unauthenticated,
        "once"
    );
    lie(&app).await.unwrap();
    // Another's invitation is not theirs to accept, and stays open.
    invite(&app, &app.token, "eve@example.org", "viewer")
        .await
        .unwrap();
    let eves = mail.mail("eve@example.org", 1).await.token();
    assert_eq!(with(&eves).await.unwrap_err().code, Code::Forbidden);
    provider.plan(json!({ "claims": { "sub": "e-1" } })).await;
    with(&eves).await.unwrap();
    // One that is none is refused before anybody sets out.
    let asked = json!({ "invitation": "fhi_nonsense" });
    let refused = post::<BegunOidc>(&app, "", "/sign-in/oidc/corp", asked).await;
    assert_eq!(
        refused.err().map(|problem| problem.code),
        Some(Code::Unauthenticated)
    );
}

#[tokio::test]
async fn what_was_begun_is_bounded_in_number() {
    let (app, _provider) = rogue().await;
    let mut owner = app.database.as_owner().await;
    sqlx::query(
        "INSERT INTO oidc_begun (hash, provider, expires_at, network)
         SELECT int4send(n), 'corp', now() + interval '5 minutes', '192.0.2.0' FROM generate_series(1, 99999) n",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    // However many came from elsewhere, there is room for one of here; and then for nobody.
    begin(&app, "corp").await;
    let code = async || {
        let refused = post::<BegunOidc>(&app, "", "/sign-in/oidc/corp", json!({})).await;
        refused.err().map(|problem| problem.code)
    };
    assert_eq!(code().await, Some(Code::Unavailable));
    // One network has its share.
    sqlx::query("DELETE FROM oidc_begun WHERE network = '192.0.2.0'")
        .execute(&mut owner)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO oidc_begun (hash, provider, expires_at, network)
         SELECT int4send(n), 'corp', now() + interval '5 minutes', '127.0.0.0' FROM generate_series(1, 999) n",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    assert_eq!(code().await, Some(Code::TooMany));
    sqlx::query("UPDATE oidc_begun SET network = '192.0.2.0' WHERE hash = int4send(1)")
        .execute(&mut owner)
        .await
        .unwrap();
    assert_eq!(code().await, None);
    // Those whose time is over make room.
    app.clock.advance(TimeDelta::minutes(6));
    begin(&app, "corp").await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM oidc_begun")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(left, 3, "those that were begun here");
    // And one address does not fill it.
    let path = "/sign-in/oidc/corp";
    let began = at_once(&app, "", path, &json!({}), 100).await;
    assert!((40..=50).contains(&began), "{began}");
}
