//! Webhooks: how many are on their way, whom they keep waiting, and to which addresses nothing is sent.
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use freehold_model::webhook::Event;
use freehold_model::{Rights, Role};
use freehold_server::{Courier, Reach};
use freehold_testkit::hooks::{Does, Receiver, Says};
use freehold_testkit::{App, Peer, eventually};
use freehold_wire::api::WebhookMade;
use freehold_wire::problem::Code;
use reqwest::Method;
use serde_json::{Value, json};

use crate::permission::Somebody;
use crate::queue::as_tenant;
use crate::webhook::{add, attempt, deliveries, show, tried};

#[tokio::test]
async fn two_servers_send_a_storm_once_and_a_receiver_is_not_buried() {
    let app = App::start().await;
    let _beside = app.beside().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    let storm = 60;
    let path = format!("/webhooks/{}/test", made.about.id);
    for _ in 0..storm {
        let _: Value = app.post(&path, &json!({})).await.unwrap();
    }
    let hooks = receiver.arrived(storm).await;
    eventually("all to be done", async || {
        (show(&app, &made).await.waiting == 0).then_some(())
    })
    .await;
    let ids: BTreeSet<&str> = hooks.iter().map(|hook| hook.id.as_str()).collect();
    assert_eq!((ids.len(), receiver.hooks().len()), (storm, storm));
    let most = receiver.most_at_once();
    assert!((2..=4).contains(&most), "{most} at once");
    assert!(deliveries(&app, &made).await.iter().all(|d| d.tries == 1));
}

#[tokio::test]
async fn one_tenants_slow_receivers_keep_no_other_tenant_waiting() {
    let app = App::start().await;
    let slow = Receiver::start().await;
    slow.does(Does::Hangs);
    for _ in 0..6 {
        let made = add(&app, &slow.url(), &[Event::RunnerEnrolled]).await;
        for _ in 0..10 {
            attempt(&app, &made).await;
        }
    }
    eventually("some to hang", async || {
        (slow.connected() >= 8).then_some(())
    })
    .await;
    let stranger = app.engine.tenant_create("stranger").await.unwrap();
    let rights = Rights::of(Role::Owner);
    let stranger = Somebody::signed_in(&app, stranger.tenant, stranger.user, rights).await;
    let quick = Receiver::start().await;
    let new = json!({ "address": quick.url(), "events": ["webhook.test"] });
    let made: WebhookMade = app
        .send(stranger.request(&app, Method::POST, "/webhooks").json(&new))
        .await
        .unwrap();
    let path = format!("/webhooks/{}/test", made.about.id);
    for n in 1..=3 {
        let began = Instant::now();
        let _: Value = app
            .send(stranger.request(&app, Method::POST, &path))
            .await
            .unwrap();
        quick.arrived(n).await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    assert_eq!(slow.connected(), 8, "a tenant has its bound");
    // And those that hang come to an end: fifteen seconds after they began.
    eventually("the next to be tried", async || {
        (slow.connected() > 8).then_some(())
    })
    .await;
    slow.does(Does::Answers(204));
}

#[tokio::test]
async fn a_success_whose_body_never_comes_is_one_and_is_not_waited_for() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    receiver.does(Does::NeverEnds(200));
    let began = Instant::now();
    Peer::enrol(&app).await;
    receiver.arrived(1).await;
    eventually("it to be done", async || {
        (show(&app, &made).await.waiting == 0).then_some(())
    })
    .await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    let all = deliveries(&app, &made).await;
    assert_eq!((all[0].state.as_str(), all[0].tries), ("delivered", 1));
}

#[tokio::test]
async fn what_may_wait_is_bounded_and_a_gap_says_what_was_left_out() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let made = add(&app, &receiver.url(), &[Event::RunnerEnrolled]).await;
    as_tenant(
        &app,
        app.owner.tenant,
        "UPDATE webhooks SET waiting = 10000",
    )
    .await;
    Peer::enrol(&app).await;
    as_tenant(&app, app.owner.tenant, "UPDATE webhooks SET waiting = 9999").await;
    Peer::enrol(&app).await;
    assert_eq!(receiver.arrived(1).await[0].body["sequence"], 2);
    assert_eq!(deliveries(&app, &made).await.len(), 1);
    for _ in 1..20 {
        add(&app, &receiver.url(), &[Event::Test]).await;
    }
    let one_more = json!({ "address": receiver.url(), "events": ["webhook.test"] });
    let refused = app.post::<Value>("/webhooks", &one_more).await.unwrap_err();
    assert_eq!(refused.code, Code::Conflict);
}

/// A server whose names are the test's.
async fn named(reach: Reach) -> (App, Arc<Says>) {
    let names = Arc::<Says>::default();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let courier = Courier::by(names.clone(), reach).unwrap();
    (App::start_carried_by(Arc::new(courier)).await, names)
}

async fn outcome(app: &App, made: &WebhookMade) -> String {
    let id = attempt(app, made).await.id.to_string();
    let shown = tried(app, made, &id, 1).await;
    shown.attempts[0].outcome.clone()
}

#[tokio::test]
async fn a_name_is_looked_up_once_a_try_and_goes_to_no_address_that_was_not_looked_at() {
    let (app, names) = named(Reach::Loopback).await;
    let receiver = Receiver::start().await;
    let url = format!("http://localhost:{}/hook", receiver.port());
    let made = add(&app, &url, &[Event::Test]).await;
    // The control: what the name stands for is sent to.
    names.say("localhost", &["127.0.0.1"]);
    assert_eq!(outcome(&app, &made).await, "delivered");
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    // Rebound, and in each of these the receiver's address is among the others.
    for (n, hidden) in [
        "10.0.0.1",
        "169.254.169.254",
        "::ffff:127.0.0.1",
        "fd00:ec2::254",
        "100.64.0.1",
        "0.0.0.0",
    ]
    .into_iter()
    .enumerate()
    {
        names.say("localhost", &["127.0.0.1", hidden]);
        assert_eq!(outcome(&app, &made).await, "forbidden_address", "{hidden}");
        assert_eq!(names.asked.load(Ordering::SeqCst), n + 2);
    }
    assert_eq!(receiver.connected(), 1);
    names.say("localhost", &["127.0.0.1"]);
    assert_eq!(outcome(&app, &made).await, "delivered");
    names.names.lock().unwrap().clear();
    assert_eq!(outcome(&app, &made).await, "unreachable");
}

#[tokio::test]
async fn without_the_operators_word_nothing_goes_to_this_machine() {
    // A place of its own, since the port is one that is sent to.
    let receiver = Receiver::start_at("127.0.0.77:8443").await;
    let hidden = |reach| async move {
        let (app, names) = named(reach).await;
        names.say("hidden.example.org", &["127.0.0.77"]);
        let made = add(&app, "https://hidden.example.org:8443/", &[Event::Test]).await;
        outcome(&app, &made).await
    };
    assert_eq!(hidden(Reach::Public).await, "forbidden_address");
    assert_eq!(receiver.connected(), 0);
    // The control: with it the connection is made, and nobody there speaks TLS.
    assert_eq!(hidden(Reach::Loopback).await, "timed_out");
    assert_eq!(receiver.connected(), 1);
    let (app, _) = named(Reach::Public).await;
    for address in [
        receiver.url(),
        "https://127.0.0.77:8443/".to_owned(),
        "https://[::1]/".to_owned(),
        "https://10.1.2.3/".to_owned(),
        "http://example.org/".to_owned(),
        "https://example.org:25/".to_owned(),
        format!("https://example.org/{}", "a".repeat(2000)),
    ] {
        let new = json!({ "address": address, "events": ["webhook.test"] });
        let refused = app.post::<Value>("/webhooks", &new).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid, "{address}");
    }
}
