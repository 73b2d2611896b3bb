//! Webhooks: what is told, to whom, and how often. Receivers are real HTTP servers, and one of them
//! verifies with the library that others would use.
use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use freehold_model::Reason;
use freehold_model::run::Outcome;
use freehold_model::webhook::Event;
use freehold_testkit::hooks::{Does, Receiver, Verifier};
use freehold_testkit::peer::work;
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::{
    AuditEntry, Page, Webhook, WebhookDelivery, WebhookDeliveryShown, WebhookMade,
};
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::board::{agent, card, project};
use crate::confirm::confirmed;

pub(crate) async fn add(app: &App, url: &str, events: &[Event]) -> WebhookMade {
    let new = json!({ "address": url, "events": events });
    app.post("/webhooks", &new).await.unwrap()
}

pub(crate) async fn show(app: &App, made: &WebhookMade) -> Webhook {
    app.get(&format!("/webhooks/{}", made.about.id))
        .await
        .unwrap()
}

pub(crate) async fn deliveries(app: &App, made: &WebhookMade) -> Vec<WebhookDelivery> {
    let path = format!("/webhooks/{}/deliveries", made.about.id);
    app.get::<Page<_>>(&path).await.unwrap().items
}

async fn delivery(app: &App, made: &WebhookMade, id: &str) -> WebhookDeliveryShown {
    let path = format!("/webhooks/{}/deliveries/{id}", made.about.id);
    app.get(&path).await.unwrap()
}

async fn edit(app: &App, made: &WebhookMade, how: Value) -> Webhook {
    let path = format!("/webhooks/{}", made.about.id);
    app.send(app.request(Method::PATCH, &path).json(&how))
        .await
        .unwrap()
}

pub(crate) async fn attempt(app: &App, made: &WebhookMade) -> WebhookDelivery {
    let path = format!("/webhooks/{}/test", made.about.id);
    app.post(&path, &json!({})).await.unwrap()
}

/// The delivery, once it was tried so often and that is written down.
pub(crate) async fn tried(
    app: &App,
    made: &WebhookMade,
    id: &str,
    times: u32,
) -> WebhookDeliveryShown {
    eventually(&format!("{times} tries of {id}"), async || {
        let shown = delivery(app, made, id).await;
        let last = shown.attempts.last().is_some_and(|last| last.n >= times);
        last.then_some(shown)
    })
    .await
}

async fn audited(app: &App, action: &str) -> Vec<(String, String)> {
    let page: Page<AuditEntry> = app.get(&format!("/audit?action={action}")).await.unwrap();
    let items = page.items.into_iter();
    items.map(|entry| (entry.actor, entry.purpose)).collect()
}

#[tokio::test]
async fn what_is_told_is_signed_as_the_library_verifies_and_holds_no_content() {
    let app = App::start().await;
    let mut verifier = Verifier::start();
    let made = add(&app, &verifier.url(), Event::ALL).await;
    assert!(made.secret.starts_with("whsec_"));
    let strange = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    verifier.believes(&[&made.secret, strange]).await;

    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    let title = "Canary of a title";
    let card = card(&app, &project, title).await;
    let runs = format!("/cards/{}/runs", card.id);
    let run: Value = app.post(&runs, &json!({})).await.unwrap();
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let seq = peer.finish(&offer, work(&offer, &"c".repeat(40))).await;
    peer.acknowledged(seq).await;
    let cancel = format!("/runs/{}/cancel", run["id"].as_str().unwrap());
    let _: Value = app.post(&cancel, &json!({})).await.unwrap();
    let _: Value = app.post(&runs, &json!({})).await.unwrap();
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    let failed = Outcome::Failed {
        reason: Reason::AgentFailed,
    };
    let seq = peer.finish(&offer, failed).await;
    peer.acknowledged(seq).await;
    let revoke = format!("/runners/{}", peer.runner);
    let revoke = app.request(Method::DELETE, &revoke);
    confirmed::<()>(&app, revoke).await.unwrap();

    let told = verifier.arrived(11).await;
    let mut all: Vec<(u64, String)> = told
        .iter()
        .map(|one| {
            let event = one.body["type"].as_str().unwrap().to_owned();
            (one.body["sequence"].as_u64().unwrap(), event)
        })
        .collect();
    all.sort();
    let events: Vec<&str> = all.iter().map(|(_, event)| event.as_str()).collect();
    let expected = [
        "runner.enrolled",
        "card.created",
        "card.moved",
        "run.started",
        "run.review_needed",
        "card.moved",
        "run.cancelled",
        "card.moved",
        "run.started",
        "run.failed",
        "runner.revoked",
    ];
    assert_eq!(events, expected);
    assert!(all.iter().map(|(n, _)| *n).eq(1..=11), "{all:?}");
    let ids: BTreeSet<&str> = told.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), 11, "each has an id of its own");
    for one in &told {
        assert_eq!(one.verified, [true, false], "{one:?}");
        assert_eq!(one.tampered, [false, false]);
        assert_eq!(one.body["organization"], app.owner.tenant.to_string());
        assert_eq!(only_facts(&one.body), Ok(()));
        assert!(!one.body.to_string().contains("Canary"));
    }
    let failed = told
        .iter()
        .find(|one| one.body["type"] == "run.failed")
        .unwrap();
    assert_eq!(failed.body["data"]["reason"], "agent_failed");
    assert_eq!(failed.body["data"]["card"], card.id.to_string());

    // The next secret, and for a day the one before.
    let path = format!("/webhooks/{}/rotate", made.about.id);
    let rotated: WebhookMade = app.post(&path, &json!({})).await.unwrap();
    assert_ne!(rotated.secret, made.secret);
    assert!(rotated.about.old_secret_until.is_some());
    verifier.believes(&[&made.secret, &rotated.secret]).await;
    attempt(&app, &made).await;
    assert_eq!(verifier.arrived(12).await[11].verified, [true, true]);
}

#[tokio::test]
async fn what_lands_what_needs_a_person_and_who_fell_silent_is_told() {
    let (app, mut peer, waiting) = crate::run::waiting().await;
    let receiver = Receiver::start().await;
    let wanted = [Event::RunInputNeeded, Event::RunLanded, Event::RunnerLost];
    add(&app, &receiver.url(), &wanted).await;
    let path = format!("/runs/{}/approve", waiting.id);
    let commit = "a".repeat(40);
    let refused = Outcome::Refused {
        reason: Reason::Conflict,
    };
    for outcome in [refused, Outcome::Landed { commit }] {
        let _: Value = app.post(&path, &json!({})).await.unwrap();
        let offer = peer.offer().await;
        let seq = peer.finish(&offer, outcome).await;
        peer.acknowledged(seq).await;
    }
    let hooks = receiver.arrived(2).await;
    let of = |event: &str| {
        let found = hooks.iter().find(|hook| hook.event() == event);
        found.map(|hook| hook.body["data"].clone()).unwrap()
    };
    assert_eq!(of("run.input_needed")["reason"], "conflict");
    assert_eq!(of("run.landed")["run"], waiting.id.to_string());
    let demo = app.get("/projects/demo").await.unwrap();
    let next = card(&app, &demo, "Next").await;
    let runs = format!("/cards/{}/runs", next.id);
    let _: Value = app.post(&runs, &json!({})).await.unwrap();
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    peer.vanish();
    app.clock.advance(TimeDelta::seconds(46));
    let hook = receiver.arrived(3).await.remove(2);
    assert_eq!(hook.event(), "runner.lost");
    assert_eq!(hook.body["data"]["runner"], peer.runner.to_string());
}

/// Ids, numbers, times and short words in small letters, and nothing else.
fn only_facts(body: &Value) -> Result<(), String> {
    match body {
        Value::Object(fields) => fields.values().try_for_each(only_facts),
        Value::String(word) => {
            let is_plain = word.len() <= 40
                && word
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
            is_plain.then_some(()).ok_or_else(|| word.clone())
        }
        Value::Number(_) | Value::Null | Value::Bool(_) => Ok(()),
        Value::Array(_) => Err(body.to_string()),
    }
}

#[test]
fn the_page_says_what_each_event_means() {
    let page = include_str!("../../../../docs/webhooks.md");
    for event in Event::ALL {
        let row = format!("| `{event}` | {} |", event.meaning());
        assert!(page.contains(&row), "{row}");
    }
}

#[tokio::test]
async fn a_day_after_a_rotation_the_old_secret_is_good_for_nothing() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    let path = format!("/webhooks/{}/rotate", made.about.id);
    let _: WebhookMade = app.post(&path, &json!({})).await.unwrap();
    attempt(&app, &made).await;
    let signatures =
        |hook: &freehold_testkit::hooks::Hook| hook.headers["webhook-signature"].split(' ').count();
    assert_eq!(signatures(&receiver.arrived(1).await[0]), 2);
    app.clock
        .advance(TimeDelta::hours(24) + TimeDelta::minutes(1));
    attempt(&app, &made).await;
    assert_eq!(signatures(&receiver.arrived(2).await[1]), 1);
    assert_eq!(show(&app, &made).await.old_secret_until, None);
}

#[tokio::test]
async fn only_what_was_asked_for_is_told_and_nothing_where_nobody_asked() {
    let app = App::start().await;
    let count = async || {
        let mut role = app.database.as_tenant(app.owner.tenant).await;
        let sql = "SELECT (SELECT count(*) FROM webhook_deliveries) + (SELECT count(*) FROM queue_webhooks)";
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(&mut role)
            .await
            .unwrap()
    };
    Peer::enrol(&app).await;
    assert_eq!(count().await, 0);
    let receiver = Receiver::start().await;
    let other = Receiver::start().await;
    let made = add(
        &app,
        &receiver.url(),
        &[Event::CardMoved, Event::MemberLeft],
    )
    .await;
    let wants = add(&app, &other.url(), &[Event::RunnerEnrolled]).await;
    Peer::enrol(&app).await;
    assert_eq!(other.arrived(1).await[0].event(), "runner.enrolled");
    assert_eq!(receiver.hooks().len(), 0);
    assert_eq!(show(&app, &made).await.last_sequence, 0);
    // Removed: nothing more is sent, and nobody finds it.
    let path = format!("/webhooks/{}", wants.about.id);
    app.send::<()>(app.request(Method::DELETE, &path))
        .await
        .unwrap();
    Peer::enrol(&app).await;
    let gone = app.get::<Webhook>(&path).await.unwrap_err();
    assert_eq!(gone.code, Code::NotFound);
    edit(&app, &made, json!({ "events": ["runner.enrolled"] })).await;
    Peer::enrol(&app).await;
    receiver.arrived(1).await;
    assert_eq!(other.hooks().len(), 1);
    let none = json!({ "address": receiver.url(), "events": [] });
    let refused = app.post::<Value>("/webhooks", &none).await.unwrap_err();
    assert_eq!(refused.code, Code::Invalid);
    let unknown = json!({ "address": receiver.url(), "events": ["run.exploded"] });
    let refused = app.post::<Value>("/webhooks", &unknown).await.unwrap_err();
    assert_eq!(refused.code, Code::Invalid);
}

#[tokio::test]
async fn members_who_come_and_go_are_told() {
    let (app, mail) = crate::account::open().await;
    let grace = crate::account::somebody(&app, &mail, "grace@example.org", "Navy").await;
    let receiver = Receiver::start().await;
    let new = json!({ "address": receiver.url(), "events": ["member.joined", "member.left"] });
    let _: WebhookMade = crate::account::post(&app, &grace.token, "/webhooks", new)
        .await
        .unwrap();
    let ada = crate::member::joined(&app, &mail, &grace.token, "ada@example.org", "viewer").await;
    crate::account::post::<()>(&app, &ada.token, "/members/leave", json!({}))
        .await
        .unwrap();
    let told = receiver.arrived(2).await;
    let told: BTreeMap<u64, (&str, &Value)> = told
        .iter()
        .map(|hook| {
            (
                hook.body["sequence"].as_u64().unwrap(),
                (hook.event(), &hook.body["data"]["role"]),
            )
        })
        .collect();
    let viewer = json!("viewer");
    assert_eq!(told[&1], ("member.joined", &viewer));
    assert_eq!(told[&2].0, "member.left");
    assert!(
        receiver
            .hooks()
            .iter()
            .all(|hook| !hook.raw.contains("ada"))
    );
}

#[tokio::test]
async fn what_fails_is_sent_again_under_the_same_id_and_what_came_of_it_is_kept_sealed() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    let canary = "Canary of an answer";
    receiver.does(Does::Says(500, String::new(), canary.repeat(100)));
    Peer::enrol(&app).await;
    let id = receiver.arrived(1).await[0].id.clone();
    let shown = tried(&app, &made, &id, 1).await;
    assert_eq!(shown.about.state, "waiting");
    assert_eq!(shown.attempts[0].outcome, "refused");
    assert_eq!(shown.attempts[0].status, Some(500));
    let answer = shown.attempts[0].answer.as_deref().unwrap();
    assert_eq!(answer, &canary.repeat(100)[..1024]);
    let next = shown.about.next_try_at.unwrap() - shown.about.at;
    assert!(
        next >= TimeDelta::seconds(5) && next < TimeDelta::seconds(20),
        "{next}"
    );
    assert!(show(&app, &made).await.failing_since.is_some());

    receiver.does(Does::HangsUp);
    app.clock.advance(TimeDelta::seconds(20));
    tried(&app, &made, &id, 2).await;
    // Redirects are not followed, wherever they lead.
    let elsewhere = Receiver::start().await;
    let location = format!("location: {}\r\n", elsewhere.url());
    receiver.does(Does::Says(307, location, String::new()));
    app.clock.advance(TimeDelta::minutes(1));
    tried(&app, &made, &id, 3).await;
    assert_eq!(elsewhere.connected(), 0);
    receiver.does(Does::Answers(200));
    app.clock.advance(TimeDelta::minutes(5));
    let shown = tried(&app, &made, &id, 4).await;
    let outcomes: Vec<&str> = shown.attempts.iter().map(|a| a.outcome.as_str()).collect();
    assert_eq!(
        outcomes,
        ["refused", "unreachable", "redirected", "delivered"]
    );
    assert_eq!(shown.about.state, "delivered");
    assert_eq!(shown.about.next_try_at, None);
    let hooks = receiver.hooks();
    assert_eq!(hooks.len(), 4);
    assert!(hooks.iter().all(|hook| hook.id == id));
    assert!(
        hooks.iter().all(|hook| hook.raw == hooks[0].raw),
        "the same body"
    );
    assert_eq!(shown.body.to_string(), hooks[0].body.to_string());
    let webhook = show(&app, &made).await;
    assert_eq!((webhook.failing_since, webhook.waiting), (None, 0));

    // Neither answers nor addresses nor secrets are in the database in the clear.
    let mut owner = app.database.as_owner().await;
    sqlx::query("SET app.backup = 'on'")
        .execute(&mut owner)
        .await
        .unwrap();
    let mut seen = String::new();
    for table in [
        "webhooks",
        "webhook_deliveries",
        "webhook_attempts",
        "queue_webhooks",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
        for row in sqlx::query(sql).fetch_all(&mut owner).await.unwrap() {
            seen.push_str(row.get::<&str, _>(0));
            seen.push('\n');
        }
    }
    assert!(
        seen.contains("runner.enrolled") && seen.contains("unreachable"),
        "the control"
    );
    let hex = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
    let secret = made.secret.trim_start_matches("whsec_");
    for word in ["Canary", "127.0.0.1", secret] {
        assert!(!seen.contains(word) && !seen.contains(&hex(word)), "{word}");
    }

    // Once more, because a person says so.
    let replay = format!("/webhooks/{}/deliveries/{id}/replay", made.about.id);
    let again: WebhookDelivery = app.post(&replay, &json!({})).await.unwrap();
    assert_eq!((again.state.as_str(), again.tries), ("waiting", 4));
    assert_eq!(receiver.arrived(5).await[4].id, id);
    let shown = tried(&app, &made, &id, 5).await;
    assert_eq!(shown.about.state, "delivered");
    assert_eq!(audited(&app, "webhook.replay").await.len(), 1);
}

#[tokio::test]
async fn nobody_at_home_is_tried_for_three_days_and_paused_with_a_word_in_the_audit_log() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let port = receiver.port();
    drop(receiver);
    let made = add(&app, &url, &[Event::RunnerEnrolled]).await;
    Peer::enrol(&app).await;
    let id = deliveries(&app, &made).await[0].id.to_string();
    let mut shown = tried(&app, &made, &id, 1).await;
    for n in 2..=13 {
        assert_eq!(shown.attempts.last().unwrap().outcome, "unreachable");
        assert_eq!(paused(&app, &made).await, None);
        if n == 13 {
            Peer::enrol(&app).await;
        }
        let wait = shown.about.next_try_at.unwrap() - app.engine.now();
        app.clock.advance(wait.max(TimeDelta::zero()));
        shown = tried(&app, &made, &id, n).await;
    }
    assert_eq!(shown.about.state, "failed");
    let all = shown.attempts[12].at - shown.attempts[0].at;
    assert!(
        all > TimeDelta::hours(70) && all < TimeDelta::hours(80),
        "{all}"
    );
    // Dice may have made it three days by now; if not, the other delivery's next try does.
    app.clock.advance(TimeDelta::hours(10));
    eventually("the pause", async || paused(&app, &made).await).await;
    let webhook = show(&app, &made).await;
    assert_eq!(webhook.paused.as_deref(), Some("failing"));
    assert_eq!(
        audited(&app, "webhook.pause").await,
        [("server".to_owned(), "failing".to_owned())]
    );
    // Nothing is told it any more, and nothing tried.
    Peer::enrol(&app).await;
    assert_eq!(deliveries(&app, &made).await.len(), 2);
    let path = format!("/webhooks/{}/test", made.about.id);
    let refused = app.post::<Value>(&path, &json!({})).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
    // Somebody mends it, and says so: what waited arrives.
    let receiver = Receiver::start_at(&format!("127.0.0.1:{port}")).await;
    app.clock.advance(TimeDelta::hours(1));
    all_that_is_due_is_sent(&app).await;
    assert_eq!(receiver.connected(), 0);
    let webhook = edit(&app, &made, json!({ "paused": false })).await;
    assert_eq!((webhook.paused, webhook.waiting), (None, 1));
    receiver.arrived(1).await;
}

/// Waits until whatever is due now was looked at: something that is asked for later, and is told to another
/// webhook of the organization, has arrived.
async fn all_that_is_due_is_sent(app: &App) {
    let other = Receiver::start().await;
    let made = add(app, &other.url(), &[Event::RunnerRevoked]).await;
    let path = format!("/webhooks/{}/test", made.about.id);
    app.post::<Value>(&path, &json!({})).await.unwrap();
    other.arrived(1).await;
}

/// Why it is paused.
async fn paused(app: &App, made: &WebhookMade) -> Option<String> {
    show(app, made).await.paused
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_in_peace_until_a_person_says_otherwise() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    receiver.does(Does::Answers(410));
    Peer::enrol(&app).await;
    receiver.arrived(1).await;
    let why = eventually("the pause", async || paused(&app, &made).await).await;
    assert_eq!(why, "gone");
    assert_eq!(
        audited(&app, "webhook.pause").await,
        [("server".to_owned(), "gone".to_owned())]
    );
    app.clock.advance(TimeDelta::minutes(5));
    all_that_is_due_is_sent(&app).await;
    assert_eq!(receiver.hooks().len(), 1);
    receiver.does(Does::Answers(204));
    edit(&app, &made, json!({ "paused": false })).await;
    let hooks = receiver.arrived(2).await;
    assert_eq!(hooks[0].id, hooks[1].id);
    // A person pauses it: what happens meanwhile it is not told of.
    edit(&app, &made, json!({ "paused": true })).await;
    assert_eq!(paused(&app, &made).await.as_deref(), Some("person"));
    Peer::enrol(&app).await;
    assert_eq!(show(&app, &made).await.last_sequence, 1);
}

#[tokio::test]
async fn a_server_that_goes_before_it_could_write_down_what_it_sent_leaves_a_repetition() {
    let mut app = App::start().await;
    let other = app.beside().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    receiver.does(Does::Hangs);
    Peer::enrol(&app).await;
    let first = receiver.arrived(1).await[0].id.clone();
    // Whichever has it, both go; what was sent nobody writes down.
    let mut other = other;
    tokio::join!(app.stop(), other.stop());
    receiver.does(Does::Answers(204));
    let next = other.restart().await;
    next.clock.advance(TimeDelta::seconds(61));
    let hooks = receiver.arrived(2).await;
    assert_eq!(hooks[1].id, first);
    let shown = tried(&next, &made, &first, 2).await;
    assert_eq!(shown.about.state, "delivered");
    assert_eq!(
        (shown.about.tries, shown.attempts.len()),
        (2, 1),
        "the first try's end nobody saw"
    );
}

#[tokio::test]
async fn what_was_told_is_forgotten_after_a_month() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    Peer::enrol(&app).await;
    receiver.arrived(1).await;
    app.clock.advance(TimeDelta::days(29));
    assert_eq!(app.engine.tidy(None).await.unwrap().deliveries, 0);
    let gone = Receiver::start().await;
    gone.does(Does::Answers(500));
    edit(&app, &made, json!({ "address": gone.url() })).await;
    Peer::enrol(&app).await;
    gone.arrived(1).await;
    eventually("it to wait", async || show(&app, &made).await.failing_since).await;
    app.clock.advance(TimeDelta::days(2));
    assert_eq!(app.engine.tidy(None).await.unwrap().deliveries, 1);
    app.clock.advance(TimeDelta::days(30));
    edit(&app, &made, json!({ "paused": true })).await;
    assert_eq!(app.engine.tidy(None).await.unwrap().deliveries, 1);
    assert_eq!(deliveries(&app, &made).await, []);
    assert_eq!(show(&app, &made).await.waiting, 0);
}

#[tokio::test]
async fn lists_go_on_where_they_ended() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::Test]).await;
    for _ in 0..5 {
        attempt(&app, &made).await;
    }
    let path = format!("/webhooks/{}/deliveries?limit=2", made.about.id);
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page: Page<WebhookDelivery> = app.get(&format!("{path}{after}")).await.unwrap();
        seen.extend(page.items.iter().map(|one| one.sequence));
        let Some(next) = page.next else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    add(&app, &receiver.url(), &[Event::Test]).await;
    let page: Page<Webhook> = app.get("/webhooks?limit=1").await.unwrap();
    assert_eq!(page.items[0].id, made.about.id);
    let next = page.next.unwrap();
    let page: Page<Webhook> = app.get(&format!("/webhooks?after={next}")).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
}
