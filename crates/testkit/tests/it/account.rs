//! How people come in: accounts, passwords, and the sessions of browsers.
use chrono::TimeDelta;
use freehold_engine::identity::{Identity, Registration};
use freehold_testkit::app::Reply;
use freehold_testkit::{App, MailServer, eventually};
use freehold_wire::api::{Account, Me, NewSession, Organization, Page, SignInWays};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::watch::Watch;

pub(crate) const PASSWORD: &str = "a tall blue horse";

/// An installation where whoever asks gets an account, and its mail.
pub(crate) async fn open() -> (App, MailServer) {
    let mail = MailServer::start();
    let app = App::start_for(Identity {
        registration: Registration::Open,
        organizations: true,
        home: Some("https://freehold.example.org/".into()),
        post: Some(mail.post()),
        providers: Vec::new(),
    })
    .await;
    (app, mail)
}

/// A request with this token, or none.
pub(crate) fn ask(app: &App, token: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
    let request = reqwest::Client::new().request(method, format!("{}/api/v1{path}", app.url()));
    match token {
        "" => request,
        token => request.bearer_auth(token),
    }
}

/// `POST` with this token, or none.
pub(crate) async fn post<T: serde::de::DeserializeOwned>(
    app: &App,
    token: &str,
    path: &str,
    body: Value,
) -> Reply<T> {
    let request = ask(app, token, Method::POST, path).json(&body);
    crate::confirm::confirmed(app, request).await
}

pub(crate) async fn me(app: &App, token: &str) -> Result<Me, Code> {
    let asked = app.send(ask(app, token, Method::GET, "/me")).await;
    asked.map_err(|problem| problem.code)
}

/// Somebody with an account and an organization of that name.
pub(crate) async fn somebody(
    app: &App,
    mail: &MailServer,
    email: &str,
    organization: &str,
) -> NewSession {
    let wish = json!({ "email": email, "name": "Grace", "password": PASSWORD, "organization": organization });
    let (): () = post(app, "", "/registrations", wish).await.unwrap();
    let token = mail.mail(email, 1).await.token();
    let confirm = json!({ "token": token, "password": PASSWORD });
    post(app, "", "/registrations/confirm", confirm)
        .await
        .unwrap()
}

pub(crate) async fn sign_in(app: &App, email: &str, password: &str) -> Reply<NewSession> {
    post(
        app,
        "",
        "/sign-in/password",
        json!({ "email": email, "password": password }),
    )
    .await
}

/// Everything that the database holds of these tables, as its owner sees it in a backup.
async fn rows(app: &App, tables: &[&str]) -> String {
    let mut owner = app.database.as_owner().await;
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut owner)
        .await
        .unwrap();
    let mut all = String::new();
    for table in tables {
        let look = sqlx::AssertSqlSafe(format!(
            "SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} t"
        ));
        let text: String = sqlx::query_scalar(look)
            .fetch_one(&mut owner)
            .await
            .unwrap();
        all.push_str(&text);
    }
    all
}

#[tokio::test]
async fn an_account_is_asked_for_confirmed_by_mail_and_signed_in_to() {
    let (app, mail) = open().await;
    let ways: SignInWays = app
        .send(ask(&app, "", Method::GET, "/sign-in/ways"))
        .await
        .unwrap();
    assert!(ways.registration == "open" && ways.organizations && ways.mail);
    let wish = json!({ "email": " Grace@Example.org", "name": "Grace", "password": PASSWORD, "organization": "Navy" });
    let (): () = post(&app, "", "/registrations", wish.clone())
        .await
        .unwrap();
    let arrived = mail.mail("grace@example.org", 1).await;
    assert_eq!(arrived.subject, "Confirm your address");
    assert!(
        arrived
            .text
            .contains("https://freehold.example.org/confirm#fhc_"),
        "{}",
        arrived.text
    );
    assert!(
        arrived.sender == "freehold@example.org"
            && arrived.headers.contains(&"Auto-Submitted".to_owned())
    );
    // Nothing of it lies about in the clear, and there is no account yet.
    let token = arrived.token();
    let stored = rows(&app, &["registrations", "mails", "users", "tokens"]).await;
    assert!(
        stored.contains("grace@example.org") && stored.contains("$argon2id$v=19$m=19456,t=2,p=1$")
    );
    assert!(!stored.contains(&token[4..20]) && !stored.contains(PASSWORD));
    assert_eq!(
        sign_in(&app, "grace@example.org", PASSWORD)
            .await
            .unwrap_err()
            .code,
        Code::Unauthenticated
    );

    let confirm = |password: &str| {
        post::<NewSession>(
            &app,
            "",
            "/registrations/confirm",
            json!({ "token": token, "password": password }),
        )
    };
    assert_eq!(
        confirm("another tall horse").await.unwrap_err().code,
        Code::Unauthenticated
    );
    let session = confirm(PASSWORD).await.unwrap();
    let mine = me(&app, &session.token).await.unwrap();
    assert_eq!(
        (
            mine.name.as_str(),
            mine.tenant_name.as_str(),
            mine.role.name()
        ),
        ("Grace", "Navy", "owner")
    );
    assert!(session.token.starts_with("fhb_") && mine.expires_at == Some(session.expires_at));
    assert_eq!(
        confirm(PASSWORD).await.unwrap_err().code,
        Code::Unauthenticated,
        "a second time"
    );
    let account: Account = app
        .send(ask(&app, &session.token, Method::GET, "/account"))
        .await
        .unwrap();
    assert_eq!(
        (account.email.as_deref(), account.password),
        (Some("grace@example.org"), true)
    );

    let again = sign_in(&app, "GRACE@example.org", PASSWORD).await.unwrap();
    assert_eq!(again.organization, session.organization);
    let wrong = sign_in(&app, "grace@example.org", "not the password")
        .await
        .unwrap_err();
    let unknown = sign_in(&app, "nobody@example.org", "not the password")
        .await
        .unwrap_err();
    assert_eq!(
        (wrong.code, &wrong),
        (Code::Unauthenticated, &unknown),
        "who has an account is nobody's business"
    );
    // A work of its own for each: an order of magnitude, not a measurement.
    assert!(!stored.contains("fhb_"));

    // Whoever asks for an account that there is learns nothing; its person is told by mail.
    let (): () = post(&app, "", "/registrations", wish).await.unwrap();
    assert_eq!(
        mail.mail("grace@example.org", 2).await.subject,
        "You have an account already"
    );
}

#[tokio::test]
async fn what_the_operator_does_not_allow_is_refused() {
    let app = App::start().await;
    let wish = json!({ "email": "a@b.example", "name": "A", "password": PASSWORD });
    let refused = post::<()>(&app, "", "/registrations", wish.clone())
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    let forgot = post::<()>(
        &app,
        "",
        "/password/forgot",
        json!({ "email": "a@b.example" }),
    )
    .await;
    assert_eq!(
        forgot.unwrap_err().code,
        Code::Unavailable,
        "there is no way out for mail"
    );
    let invite = json!({ "email": "a@b.example", "role": "viewer" });
    assert_eq!(
        post::<()>(&app, &app.token, "/invitations", invite)
            .await
            .unwrap_err()
            .code,
        Code::Forbidden
    );
    let organization = post::<()>(
        &app,
        &app.token,
        "/account/organizations",
        json!({ "name": "Mine" }),
    )
    .await;
    assert_eq!(organization.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn of_two_who_ask_for_one_address_the_one_who_confirms_has_it() {
    let (app, mail) = open().await;
    let wish = |name: &str, password: &str| json!({ "email": "grace@example.org", "name": name, "password": password, "organization": name });
    // Somebody else was first, with a password that they know.
    let (): () = post(
        &app,
        "",
        "/registrations",
        wish("Mallory", "mallory's password"),
    )
    .await
    .unwrap();
    let theirs = mail.mail("grace@example.org", 1).await.token();
    let (): () = post(&app, "", "/registrations", wish("Grace", PASSWORD))
        .await
        .unwrap();
    let own = mail.mail("grace@example.org", 2).await.token();
    let confirm = |token: &str| {
        post::<NewSession>(
            &app,
            "",
            "/registrations/confirm",
            json!({ "token": token, "password": PASSWORD }),
        )
    };
    // Grace opens the wrong mail, and gives her own password: nothing comes of it.
    assert_eq!(
        confirm(&theirs).await.unwrap_err().code,
        Code::Unauthenticated
    );
    let session = confirm(&own).await.unwrap();
    assert_eq!(me(&app, &session.token).await.unwrap().tenant_name, "Grace");
    let late = json!({ "token": theirs, "password": "mallory's password" });
    let late = post::<NewSession>(&app, "", "/registrations/confirm", late).await;
    assert_eq!(
        late.err().map(|problem| problem.code),
        Some(Code::Unauthenticated)
    );
    assert!(
        sign_in(&app, "grace@example.org", "mallory's password")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_once_and_signs_everybody_out() {
    let (app, mail) = open().await;
    let session = somebody(&app, &mail, "grace@example.org", "Navy").await;
    let mut watch = Watch::open(&app, &session.token).await;
    assert_eq!(watch.next().await.unwrap().0, "hello");
    let forgot =
        |email: &'static str| post::<()>(&app, "", "/password/forgot", json!({ "email": email }));
    forgot("nobody@example.org").await.unwrap();
    forgot("grace@example.org").await.unwrap();
    let arrived = mail.mail("grace@example.org", 2).await;
    let token = arrived.token();
    assert!(
        token.starts_with("fhw_")
            && mail
                .arrived()
                .iter()
                .all(|mail| mail.to == ["grace@example.org"])
    );
    let reset = |token: &str, password: &str| {
        post::<()>(
            &app,
            "",
            "/password/reset",
            json!({ "token": token, "password": password }),
        )
    };
    for weak in [
        "short",
        "grace@example.org",
        "password1234",
        &"x".repeat(1025),
    ] {
        assert_eq!(
            reset(&token, weak).await.unwrap_err().code,
            Code::Invalid,
            "{weak}"
        );
    }
    let forged = format!(
        "{}{}",
        &token[..token.len() - 1],
        if token.ends_with('0') { '1' } else { '0' }
    );
    for wrong in ["", "fhw_x.y", &forged, &session.token] {
        assert_eq!(
            reset(wrong, "another tall horse").await.unwrap_err().code,
            Code::Unauthenticated,
            "{wrong}"
        );
    }
    reset(&token, "another tall horse").await.unwrap();
    assert_eq!(me(&app, &session.token).await, Err(Code::Unauthenticated));
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), async {
        while let Some((name, _)) = watch.next().await {
            if name == "signed_out" {
                return true;
            }
        }
        false
    });
    assert_eq!(ended.await, Ok(true), "its stream ends within five seconds");
    assert_eq!(
        reset(&token, "a third tall horse").await.unwrap_err().code,
        Code::Unauthenticated
    );
    assert!(sign_in(&app, "grace@example.org", PASSWORD).await.is_err());
    assert!(
        sign_in(&app, "grace@example.org", "another tall horse")
            .await
            .is_ok()
    );
    assert_eq!(
        mail.mail("grace@example.org", 3).await.subject,
        "Your password was changed"
    );
    // A later mail makes the one before void, and each is good for an hour.
    forgot("grace@example.org").await.unwrap();
    let first = mail.mail("grace@example.org", 4).await.token();
    forgot("grace@example.org").await.unwrap();
    let second = mail.mail("grace@example.org", 5).await.token();
    assert_eq!(
        reset(&first, "a fourth tall horse").await.unwrap_err().code,
        Code::Unauthenticated
    );
    app.clock.advance(TimeDelta::minutes(61));
    assert_eq!(
        reset(&second, "a fourth tall horse")
            .await
            .unwrap_err()
            .code,
        Code::Unauthenticated
    );
}

/// What came of so many at once: how many were done, and nothing but clear refusals besides.
pub(crate) async fn at_once(
    app: &App,
    token: &str,
    path: &str,
    body: &Value,
    times: usize,
) -> usize {
    let all = (0..times).map(|_| ask(app, token, Method::POST, path).json(body).send());
    let mut done = 0;
    for response in futures_util::future::join_all(all).await {
        let response = response.unwrap();
        let (status, retry) = (
            response.status(),
            response.headers().contains_key("retry-after"),
        );
        match status.as_u16() {
            200 | 204 => done += 1,
            401 | 409 | 422 => {}
            429 | 503 => assert!(retry, "{status} does not say when to come again"),
            _ => unreachable!("{status}: {}", response.text().await.unwrap()),
        }
    }
    done
}

#[tokio::test]
async fn a_one_time_token_redeemed_a_hundred_times_at_once_is_redeemed_once() {
    let (app, mail) = open().await;
    let wish = json!({ "email": "grace@example.org", "name": "Grace", "password": PASSWORD, "organization": "Navy" });
    let (): () = post(&app, "", "/registrations", wish).await.unwrap();
    let token = mail.mail("grace@example.org", 1).await.token();
    let confirm = json!({ "token": token, "password": PASSWORD });
    assert_eq!(
        at_once(&app, "", "/registrations/confirm", &confirm, 100).await,
        1
    );
    app.clock.advance(TimeDelta::minutes(10));
    let session = sign_in(&app, "grace@example.org", PASSWORD).await.unwrap();
    let mine: Page<Organization> = app
        .send(ask(
            &app,
            &session.token,
            Method::GET,
            "/account/organizations",
        ))
        .await
        .unwrap();
    assert_eq!(mine.items.len(), 1, "one account, one organization");
    let (): () = post(
        &app,
        "",
        "/password/forgot",
        json!({ "email": "grace@example.org" }),
    )
    .await
    .unwrap();
    let token = mail.mail("grace@example.org", 2).await.token();
    let reset = json!({ "token": token, "password": "another tall horse" });
    assert_eq!(at_once(&app, "", "/password/reset", &reset, 100).await, 1);
    let session = sign_in(&app, "grace@example.org", "another tall horse")
        .await
        .unwrap();
    assert_eq!(
        at_once(&app, &session.token, "/session/renew", &json!({}), 20).await,
        1
    );
}

#[tokio::test]
async fn what_is_no_address_no_name_or_no_password_is_refused_and_writes_no_header() {
    let (app, mail) = open().await;
    let ask = |email: &str, name: &str, organization: Value| {
        let wish = json!({ "email": email, "name": name, "password": PASSWORD, "organization": organization });
        post::<()>(&app, "", "/registrations", wish)
    };
    for email in [
        "",
        "x",
        "a@b\r\nBcc: c@d.example",
        "a@b.example\nBcc: c@d.example",
        "<a@b.example>",
        "a@b.example,c@d.example",
        "ä@b.example",
        "a\u{202e}@b.example",
        "a@b.example\0",
        "\"a b\"@c.example",
        "a@[127.0.0.1]",
    ] {
        let refused = ask(email, "A", Value::Null).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid, "{email:?}");
    }
    for name in [
        "",
        "A\r\nBcc: c@d.example",
        "A\u{202e}B",
        "https://evil.example",
        &"x".repeat(101),
    ] {
        assert_eq!(
            ask("a@b.example", name, Value::Null)
                .await
                .unwrap_err()
                .code,
            Code::Invalid,
            "{name:?}"
        );
        assert_eq!(
            ask("a@b.example", "A", name.into()).await.unwrap_err().code,
            Code::Invalid,
            "{name:?}"
        );
    }
    // What looks like a header in a name is a text like any other.
    ask(
        "a@b.example",
        "Bcc: c@d.example =?utf-8?q?x?= 山田",
        Value::Null,
    )
    .await
    .unwrap();
    let arrived = mail.mail("a@b.example", 1).await;
    assert!(
        arrived
            .text
            .contains("Hello Bcc: c@d.example =?utf-8?q?x?= 山田,"),
        "{}",
        arrived.text
    );
    assert!(
        !arrived
            .headers
            .iter()
            .any(|name| name.eq_ignore_ascii_case("bcc"))
    );
    assert_eq!(mail.arrived().len(), 1);
}

#[tokio::test]
async fn mail_is_sent_again_where_nothing_went_out_and_only_then() {
    let (app, mail) = open().await;
    for email in [
        "later@example.org",
        "never@example.org",
        "lost@example.org",
        "fine@example.org",
    ] {
        let wish = json!({ "email": email, "name": "A", "password": PASSWORD });
        let (): () = post(&app, "", "/registrations", wish).await.unwrap();
    }
    mail.mail("fine@example.org", 1).await;
    mail.mail("lost@example.org", 1).await;
    let states = async || {
        let mut owner = app.database.as_owner().await;
        let look = "SELECT coalesce(string_agg(state || ' ' || tries || ' ' || (sealed IS NULL), ',' ORDER BY state), '') FROM mails";
        sqlx::query_scalar::<_, String>(look)
            .fetch_one(&mut owner)
            .await
            .unwrap()
    };
    let become_ = async |wanted: &str| {
        eventually(wanted, async || (states().await == wanted).then_some(())).await;
    };
    become_("failed 1 true,sent 1 true,unknown 1 true,waiting 1 false").await;
    app.clock.advance(TimeDelta::minutes(3));
    become_("failed 1 true,sent 1 true,unknown 1 true,waiting 2 false").await;
    app.clock.advance(TimeDelta::minutes(6));
    mail.mail("later@example.org", 1).await;
    become_("failed 1 true,sent 1 true,sent 3 true,unknown 1 true").await;
    app.clock.advance(TimeDelta::hours(1));
    assert_eq!(mail.arrived().len(), 3, "{:?}", mail.arrived());
}

#[tokio::test]
async fn people_are_seen_by_nobody_who_is_not_bound_to_them() {
    let (app, mail) = open().await;
    let session = somebody(&app, &mail, "grace@example.org", "Navy").await;
    somebody(&app, &mail, "ada@example.org", "Mill").await;
    let user = me(&app, &session.token).await.unwrap().user;
    let mut role = app.database.as_tenant(session.organization).await;
    for table in ["users", "user_identities", "user_resets"] {
        let look = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let seen: i64 = sqlx::query_scalar(look).fetch_one(&mut role).await.unwrap();
        assert_eq!(seen, 0, "{table} shows rows to a tenant");
    }
    for table in ["registrations", "mails"] {
        let look = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        assert!(
            sqlx::query(look).execute(&mut role).await.is_err(),
            "{table} can be read"
        );
    }
    sqlx::query("SELECT set_config('app.user', $1, false)")
        .bind(user.uuid().to_string())
        .execute(&mut role)
        .await
        .unwrap();
    let seen: Vec<String> = sqlx::query_scalar("SELECT email FROM users")
        .fetch_all(&mut role)
        .await
        .unwrap();
    assert_eq!(seen, ["grace@example.org"], "the positive control");
    let foreign = sqlx::query(
        "INSERT INTO users (id, email, name, created_at) VALUES (gen_random_uuid(), 'x@y', 'x', now())",
    );
    assert!(foreign.execute(&mut role).await.is_err());
    let foreign = sqlx::query("UPDATE users SET name = 'x' WHERE email = 'ada@example.org'");
    assert_eq!(foreign.execute(&mut role).await.unwrap().rows_affected(), 0);
}
