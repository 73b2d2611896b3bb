//! Where content lies: a bucket that several servers use, a directory that is one server's.

use std::time::{Duration, Instant};

use freehold_model::BlobId;
use freehold_model::run::{JobKind, Outcome, State};
use freehold_model::world::random;
use freehold_store::{Blobs, ContentError, Sharing, Store, StoreError, Trouble};
use freehold_testkit::peer::work;
use freehold_testkit::{App, Database, Moto, Peer, TestEntropy, eventually};
use freehold_wire::api::{Event, Page, Run};
use freehold_wire::link::Offer;
use freehold_wire::problem::{Code, Problem};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::board::{agent, card, project};
use crate::link::{run, started_on};

/// Long beyond the two seconds that a bucket of [`Moto`] gets, and far below a request's minute.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
const PLACE: &str = "s3://freehold/content/one";

async fn over(moto: &Moto) -> (App, Peer, Offer) {
    let app = App::start_over(moto.bucket(PLACE)).await;
    let (mut peer, _run) = started_on(&app).await;
    let offer = peer.offer().await;
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    (app, peer, offer)
}

fn fresh() -> BlobId {
    BlobId::at(chrono::DateTime::UNIX_EPOCH, random(&TestEntropy))
}

fn trouble(error: &StoreError) -> Option<Trouble> {
    match error {
        StoreError::Content(ContentError::Trouble(trouble, _)) => Some(*trouble),
        _ => None,
    }
}

#[tokio::test]
async fn a_run_goes_to_its_landing_through_two_servers_and_one_bucket() {
    let moto = Moto::start("freehold").await;
    let one = App::start_over(moto.bucket(PLACE)).await;
    let other = one.beside().await;
    let mut peer = Peer::enrol(&one).await;
    peer.go_to(&other);
    peer.connect().await;
    project(&one, &mut peer, "demo").await;
    agent(&other, "worker").await;
    let demo = one.get("/projects/demo").await.unwrap();
    let card = card(&one, &demo, "Through both").await;
    let path = format!("/cards/{}/runs", card.id);
    let started: Run = one.post(&path, &json!({})).await.unwrap();
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    peer.event(&offer, "note", json!({ "text": "at the other" }), None)
        .await;
    // Its link is at the other server; its blobs go wherever a balancer sends them.
    let text = b"diff --git a/x b/x\n".as_slice();
    let diff = peer.upload(&one, &offer, "diff", text).await;
    for app in [&one, &other] {
        let got = peer.download(app, diff).await;
        assert_eq!(got.status(), StatusCode::OK);
    }
    peer.go_to(&one);
    peer.connect().await;
    let outcome = work(&offer, &"c".repeat(40));
    let seq = peer.finish_with(&offer, outcome, Some(diff), vec![]).await;
    peer.acknowledged(seq).await;
    for app in [&one, &other] {
        let path = format!("/runs/{}/diff", started.id);
        let read = app.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(read.bytes().await.unwrap(), text);
    }
    let path = format!("/runs/{}/approve", started.id);
    other.post::<Run>(&path, &json!({})).await.unwrap();
    let land = peer.offer().await;
    assert_eq!((land.kind, land.epoch), (JobKind::Land, 2));
    peer.accept(&land).await;
    let landed = Outcome::Landed {
        commit: "e".repeat(40),
    };
    let seq = peer.finish(&land, landed).await;
    peer.acknowledged(seq).await;
    for app in [&one, &other] {
        assert_eq!(run(app, started.id).await.state, State::Succeeded);
        let path = format!("/runs/{}/events", started.id);
        let events: Page<Event> = app.get(&path).await.unwrap();
        let seqs: Vec<u64> = events.items.iter().map(|e| e.seq).collect();
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_bucket_that_stands_still_is_said_to_be_away_and_heals() {
    let moto = Moto::start("freehold").await;
    let (app, mut peer, offer) = over(&moto).await;
    let diff = peer.upload(&app, &offer, "diff", b"x\n").await;
    moto.freeze();
    let begun = Instant::now();
    let (put, got) = tokio::join!(
        peer.try_upload(&app, &offer, "diff", b"y\n"),
        peer.download(&app, diff)
    );
    for refused in [put, got] {
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
        let problem: Problem = refused.json().await.unwrap();
        assert_eq!(problem.code, Code::ContentUnavailable);
        assert!(problem.detail.contains("does not answer"), "{problem:?}");
    }
    assert!(begun.elapsed() < TOLD_WITHIN, "{:?}", begun.elapsed());
    // Nothing but content waits for it.
    let seq = peer.event(&offer, "note", json!({}), None).await;
    peer.acknowledged(seq).await;
    moto.thaw();
    // As a runner does: again, until it is taken.
    let again = eventually("the bucket is there again", async || {
        let answer = peer.try_upload(&app, &offer, "diff", b"y\n").await;
        answer.status().is_success().then_some(answer)
    })
    .await;
    let again: serde_json::Value = again.json().await.unwrap();
    let id: BlobId = again["id"].as_str().unwrap().parse().unwrap();
    for id in [diff, id] {
        assert_eq!(peer.download(&app, id).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_bucket_is_said() {
    let moto = Moto::start("freehold").await;
    let (app, peer, offer) = over(&moto).await;
    let bucket = Blobs::bucket(&moto.bucket(PLACE)).unwrap();
    bucket.prove("one").await.unwrap();
    assert!(
        bucket.get(fresh()).await.unwrap().is_none(),
        "no blob is no error"
    );
    let diff = peer.upload(&app, &offer, "diff", b"x\n").await;

    moto.forget().await;
    let refused = bucket.prove("two").await.unwrap_err();
    assert_eq!(trouble(&refused), Some(Trouble::NoBucket), "{refused:?}");
    let problem: Problem = peer.download(&app, diff).await.json().await.unwrap();
    assert_eq!(problem.code, Code::ContentUnavailable);
    assert!(problem.detail.contains("no such bucket"), "{problem:?}");

    moto.make("freehold").await;
    moto.deny().await;
    let refused = bucket.prove("three").await.unwrap_err();
    assert_eq!(trouble(&refused), Some(Trouble::Denied), "{refused:?}");
}

/// Answers everything with what S3 says to a clock that is wrong.
async fn skewed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _read = socket.read(&mut request).await;
            let body = "<?xml version=\"1.0\"?><Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the current time is too large.</Message></Error>";
            let answer = format!(
                "HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _said = socket.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_said_to_be() {
    let moto = Moto::start("freehold").await;
    let mut bucket = moto.bucket(PLACE);
    bucket.endpoint = Some(skewed().await);
    let refused = Blobs::bucket(&bucket).unwrap().prove("one").await;
    let refused = refused.unwrap_err();
    assert_eq!(trouble(&refused), Some(Trouble::ClockSkew), "{refused:?}");
}

#[tokio::test]
async fn a_directory_is_one_server_s_unless_all_say_otherwise() {
    let home = tempfile::tempdir().unwrap();
    let open = |sharing| Blobs::directory(home.path(), sharing);
    let is_held = |opened: Result<Blobs, StoreError>| {
        matches!(opened, Err(StoreError::Content(ContentError::InUse { .. })))
    };
    let held = open(Sharing::One).unwrap();
    let clone = held.clone();
    drop(held);
    assert!(is_held(open(Sharing::One)), "a clone holds it as well");
    assert!(is_held(open(Sharing::Several)));
    drop(clone);
    let (one, other) = (open(Sharing::Several).unwrap(), open(Sharing::Several));
    let other = other.unwrap();
    assert!(is_held(open(Sharing::One)));
    let id = fresh();
    one.put(id, b"shared".to_vec()).await.unwrap();
    assert_eq!(other.get(id).await.unwrap().unwrap(), b"shared");
}

#[tokio::test]
async fn content_that_is_another_database_s_is_refused() {
    let database = Database::create().await;
    let store = Store::connect(&database.app, 4).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let open = |name: &str| Blobs::directory(&home.path().join(name), Sharing::Several).unwrap();
    // However many start at once, they agree.
    let claims = (0..8).map(|_| {
        let (store, blobs) = (store.clone(), open("shared"));
        tokio::spawn(async move { store.content_claim(&blobs, fresh().uuid()).await })
    });
    for claim in claims.collect::<Vec<_>>() {
        claim.await.unwrap().unwrap();
    }
    let refused = store.content_claim(&open("private"), fresh().uuid()).await;
    let Err(StoreError::Content(ContentError::Elsewhere {
        wanted,
        found: None,
    })) = refused
    else {
        panic!("{refused:?}")
    };
    let text = std::fs::read_to_string(home.path().join("shared/content-id")).unwrap();
    assert_eq!(text.trim(), wanted.to_string());
    assert!(
        !home.path().join("private/content-id").exists(),
        "nothing is claimed that is refused"
    );
    // Another installation's.
    let second = Database::create().await;
    let second = Store::connect(&second.app, 4).await.unwrap();
    second
        .content_claim(&open("second"), fresh().uuid())
        .await
        .unwrap();
    let refused = store.content_claim(&open("second"), fresh().uuid()).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Content(ContentError::Elsewhere {
                found: Some(_),
                ..
            }))
        ),
        "{refused:?}"
    );
    // A crash between the name in the content and the database's: the next server takes it up.
    let third = Database::create().await;
    let third = Store::connect(&third.app, 4).await.unwrap();
    third
        .content_claim(&open("second"), fresh().uuid())
        .await
        .unwrap();
}
