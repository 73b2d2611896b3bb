//! What a person ends at the very moment in which another request makes something of it: one comes before the
//! other, and what was ended stays ended.
use freehold_model::{Role, UserId};
use freehold_testkit::{App, MailServer, Peer};
use freehold_wire::api::{
    Card, Device, DeviceCodes, DeviceState, NewSession, Organization, Page, Run, SignInToken,
};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::account::{PASSWORD, ask, me, open, post, sign_in, somebody};
use crate::board;
use crate::held::Held;
use crate::member::invite;
use crate::permission::Somebody;

const GRACE: &str = "grace@example.org";

/// Ends all sessions of a person but the one that asks.
async fn end_others(app: &App, token: &str) {
    let request = ask(app, token, Method::DELETE, "/account/sessions");
    crate::confirm::confirmed::<()>(app, request).await.unwrap();
}

async fn organization(app: &App, token: &str, name: &str) -> Organization {
    let new = json!({ "name": name });
    post(app, token, "/account/organizations", new)
        .await
        .unwrap()
}

async fn user(app: &App, token: &str) -> UserId {
    me(app, token).await.unwrap().user
}

/// `first` comes to a halt, then `second` is asked for; once that waits too, or is through, all goes on.
async fn one_behind_the_other<A, B>(
    mut held: Held,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let rest = async {
        held.in_line(1).await;
        let mut second = std::pin::pin!(second);
        let done = tokio::select! {
            done = &mut second => Some(done),
            () = held.in_line(2) => None,
        };
        held.go().await;
        match done {
            Some(done) => done,
            None => second.await,
        }
    };
    tokio::join!(first, rest)
}

#[tokio::test]
async fn a_session_that_is_renewed_while_the_others_are_ended_ends_with_them() {
    let (app, mail) = open().await;
    let stolen = somebody(&app, &mail, GRACE, "Navy").await;
    let mine = sign_in(&app, GRACE, PASSWORD).await.unwrap();
    let held = Held::members(&app, stolen.organization).await;
    let renewing = post::<NewSession>(&app, &stolen.token, "/session/renew", json!({}));
    let ending = end_others(&app, &mine.token);
    let (renewed, ()) = one_behind_the_other(held, renewing, ending).await;
    let renewed = renewed.unwrap();
    assert_eq!(me(&app, &renewed.token).await, Err(Code::Unauthenticated));
    assert_eq!(me(&app, &stolen.token).await, Err(Code::Unauthenticated));
    assert!(me(&app, &mine.token).await.is_ok());
}

#[tokio::test]
async fn a_session_that_goes_elsewhere_while_the_others_are_ended_ends_with_them() {
    let (app, mail) = open().await;
    let stolen = somebody(&app, &mail, GRACE, "Navy").await;
    let mine = sign_in(&app, GRACE, PASSWORD).await.unwrap();
    let yale = organization(&app, &mine.token, "Yale").await;
    let enter = format!("/account/organizations/{}/enter", yale.id);
    // It has left the one, and is about to come into the other.
    let held = Held::members(&app, yale.id).await;
    let entering = post::<NewSession>(&app, &stolen.token, &enter, json!({}));
    let ending = end_others(&app, &mine.token);
    let (entered, ()) = one_behind_the_other(held, entering, ending).await;
    if let Ok(entered) = entered {
        assert_eq!(me(&app, &entered.token).await, Err(Code::Unauthenticated));
    }
    assert!(me(&app, &mine.token).await.is_ok());
}

#[tokio::test]
async fn a_session_that_was_ended_between_leaving_and_arriving_does_not_arrive() {
    let (app, mail) = open().await;
    let stolen = somebody(&app, &mail, GRACE, "Navy").await;
    let mine = sign_in(&app, GRACE, PASSWORD).await.unwrap();
    let who = user(&app, &mine.token).await;
    user(&app, &stolen.token).await;
    let yale = organization(&app, &mine.token, "Yale").await;
    let enter = format!("/account/organizations/{}/enter", yale.id);
    // It is held up while it leaves; behind it waits somebody who wants the people's table to themselves, and
    // has it between its two transactions.
    let mut held = Held::nothing(&app, stolen.organization, Some(who)).await;
    held.takes("SELECT 1 FROM tokens WHERE kind = 'session' FOR UPDATE")
        .await;
    let mut between = Held::nothing(&app, stolen.organization, Some(who)).await;
    let entering = post::<NewSession>(&app, &stolen.token, &enter, json!({}));
    let rest = async {
        held.in_line(1).await;
        let lock = async {
            between.takes("LOCK TABLE users IN EXCLUSIVE MODE").await;
        };
        let go = async {
            held.in_line(2).await;
            held.go().await;
        };
        tokio::join!(lock, go);
        between.in_line(1).await;
        between
            .takes("SELECT person_sign_out(NULL, NULL, now())")
            .await;
        between.go().await;
    };
    let (entered, ()) = tokio::join!(entering, rest);
    assert_eq!(entered.unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test]
async fn what_a_link_or_a_device_becomes_while_the_others_are_ended_ends_with_them() {
    let (app, mail) = open().await;
    let stolen = somebody(&app, &mail, GRACE, "Navy").await;
    let mine = sign_in(&app, GRACE, PASSWORD).await.unwrap();
    let link = async |token: &str| {
        let made = post::<SignInToken>(&app, token, "/sign-in/tokens", json!({})).await;
        made.unwrap().token
    };
    let browser = async |link: &str| {
        let body = json!({ "token": link });
        post::<Value>(&app, "", "/sign-in", body).await
    };
    // A link that is being used.
    let used = link(&stolen.token).await;
    let held = Held::members(&app, stolen.organization).await;
    let (session, ()) =
        one_behind_the_other(held, browser(&used), end_others(&app, &mine.token)).await;
    let session = session.unwrap();
    let session = session["token"].as_str().unwrap();
    assert_eq!(me(&app, session).await, Err(Code::Unauthenticated));
    // One that is being made: whoever adds a row of the organization's waits.
    let stolen = sign_in(&app, GRACE, PASSWORD).await.unwrap();
    let mut held = Held::nothing(&app, stolen.organization, None).await;
    held.takes("SELECT 1 FROM tenants FOR UPDATE").await;
    let (made, ()) =
        one_behind_the_other(held, link(&stolen.token), end_others(&app, &mine.token)).await;
    let late = browser(&made).await;
    assert_eq!(late.unwrap_err().code, Code::Unauthenticated);
}

async fn approved(app: &App, token: &str) -> DeviceCodes {
    let name = json!({ "name": "laptop" });
    let codes: DeviceCodes = post(app, "", "/device", name).await.unwrap();
    let typed = json!({ "user_code": codes.user_code });
    let _: Device = post(app, token, "/device/approve", typed).await.unwrap();
    codes
}

async fn poll(app: &App, codes: &DeviceCodes) -> Result<DeviceState, Code> {
    let poll = json!({ "device_code": codes.device_code });
    let polled = post(app, "", "/device/token", poll).await;
    polled.map_err(|problem| problem.code)
}

async fn forgot(app: &App, mail: &MailServer, mails: usize) -> Value {
    let asked = json!({ "email": GRACE });
    let (): () = post(app, "", "/password/forgot", asked).await.unwrap();
    let token = mail.mail(GRACE, mails).await.token();
    json!({ "token": token, "password": "another tall horse" })
}

#[tokio::test]
async fn a_device_that_was_approved_before_a_password_was_set_anew_gets_nothing() {
    let (app, mail) = open().await;
    let stolen = somebody(&app, &mail, GRACE, "Navy").await;
    let codes = approved(&app, &stolen.token).await;
    let new = forgot(&app, &mail, 2).await;
    let (): () = post(&app, "", "/password/reset", new).await.unwrap();
    assert_eq!(poll(&app, &codes).await.err(), Some(Code::Unauthenticated));
    let mine = sign_in(&app, GRACE, "another tall horse").await.unwrap();
    let tokens = ask(&app, &mine.token, Method::GET, "/tokens");
    let tokens = app.send::<Page<Value>>(tokens).await.unwrap();
    assert_eq!(tokens.items.len(), 0, "{tokens:?}");
}

#[tokio::test]
async fn a_device_that_gets_its_token_while_a_password_is_set_anew_loses_it_again() {
    let (app, mail) = open().await;
    let stolen = somebody(&app, &mail, GRACE, "Navy").await;
    let codes = approved(&app, &stolen.token).await;
    let new = forgot(&app, &mail, 2).await;
    let held = Held::members(&app, stolen.organization).await;
    let resetting = post::<()>(&app, "", "/password/reset", new);
    let (polled, reset) = one_behind_the_other(held, poll(&app, &codes), resetting).await;
    reset.unwrap();
    let Ok(DeviceState::Approved { token, .. }) = polled else {
        unreachable!("it came first")
    };
    assert_eq!(me(&app, &token).await, Err(Code::Unauthenticated));
}

#[tokio::test]
async fn two_who_come_in_at_once_do_not_wait_for_each_other() {
    let (app, mail) = open().await;
    let navy = somebody(&app, &mail, GRACE, "Navy").await;
    let yale = organization(&app, &navy.token, "Yale").await;
    // Both come from Navy, and want to be remembered at Yale.
    let held = Held::members(&app, yale.id).await;
    let comes = async || {
        let body = json!({ "email": GRACE, "password": PASSWORD, "organization": yale.id });
        post::<NewSession>(&app, "", "/sign-in/password", body).await
    };
    let (one, other) = one_behind_the_other(held, comes(), comes()).await;
    assert_eq!(one.unwrap().organization, yale.id);
    assert_eq!(other.unwrap().organization, yale.id);
    // Nor do two who accept one invitation.
    let ada = somebody(&app, &mail, "ada@example.org", "Mill").await;
    invite(&app, &navy.token, "ada@example.org", "viewer")
        .await
        .unwrap();
    let token = mail.mail("ada@example.org", 2).await.token();
    let accepts = async || {
        let body = json!({ "token": token });
        let path = "/account/invitations/accept";
        let accepted = post::<NewSession>(&app, &ada.token, path, body).await;
        accepted.map(drop).map_err(|problem| problem.code)
    };
    let mut held = Held::nothing(&app, navy.organization, None).await;
    held.takes("SELECT 1 FROM tenants FOR NO KEY UPDATE").await;
    let (one, other) = one_behind_the_other(held, accepts(), accepts()).await;
    let mut all = [one, other];
    all.sort_by_key(Result::is_err);
    assert_eq!(all, [Ok(()), Err(Code::Unauthenticated)]);
}

/// A card that somebody may start runs of, and that somebody: a developer.
async fn developer() -> (App, Somebody, Card) {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = board::project(&app, &mut peer, "demo").await;
    board::agent(&app, "worker").await;
    let card = board::card(&app, &project, "a").await;
    let ada = Somebody::member(&app, app.owner.tenant, Role::Developer).await;
    (app, ada, card)
}

async fn starts(app: &App, who: &Somebody, card: &Card) -> Result<Run, Code> {
    let request = who.request(app, Method::POST, &format!("/cards/{}/runs", card.id));
    let started = app.send(request.json(&json!({}))).await;
    started.map_err(|problem| problem.code)
}

async fn removes(app: &App, who: &Somebody) -> Result<(), Code> {
    let request = app.request(Method::DELETE, &format!("/members/{}", who.user));
    let removed = crate::confirm::confirmed(app, request).await;
    removed.map_err(|problem| problem.code)
}

async fn is_over(app: &App, run: &Run) -> bool {
    let run: Run = app.get(&format!("/runs/{}", run.id)).await.unwrap();
    run.state.is_terminal()
}

#[tokio::test]
async fn a_run_that_is_started_while_its_member_is_removed_ends_with_the_membership() {
    let (app, ada, card) = developer().await;
    let mut held = Held::nothing(&app, app.owner.tenant, None).await;
    held.takes("SELECT 1 FROM cards FOR UPDATE").await;
    let (started, removed) =
        one_behind_the_other(held, starts(&app, &ada, &card), removes(&app, &ada)).await;
    removed.unwrap();
    assert!(is_over(&app, &started.unwrap()).await);
}

#[tokio::test]
async fn a_member_is_removed_with_their_runs_in_one_transaction() {
    let (app, ada, card) = developer().await;
    let run = starts(&app, &ada, &card).await.unwrap();
    let mut held = Held::nothing(&app, app.owner.tenant, None).await;
    held.takes("SELECT 1 FROM runs FOR UPDATE").await;
    let removing = removes(&app, &ada);
    let looking = async {
        held.in_line(1).await;
        let member = app.get::<Value>(&format!("/members/{}", ada.user)).await;
        held.go().await;
        member
    };
    let (removed, member) = tokio::join!(removing, looking);
    assert!(member.is_ok(), "gone before their runs were: {member:?}");
    removed.unwrap();
    assert!(is_over(&app, &run).await);
}

#[tokio::test]
async fn what_a_server_that_died_left_of_a_former_members_runs_is_ended() {
    let (app, ada, card) = developer().await;
    let run = starts(&app, &ada, &card).await.unwrap();
    assert_eq!(app.engine.tidy(None).await.unwrap().runs, 0);
    assert!(!is_over(&app, &run).await, "a member's goes on");
    let mut tx = app.engine.store().begin(app.owner.tenant).await.unwrap();
    tx.member_remove(ada.user, app.engine.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(app.engine.tidy(None).await.unwrap().runs, 1);
    assert!(is_over(&app, &run).await);
    assert_eq!(app.engine.tidy(None).await.unwrap().runs, 0);
}
