//! A remote that is away: its runs wait for it, in the queue and not before a time, and hold nothing.
use chrono::{DateTime, Utc};
use freehold_model::run::{Outcome, State};
use freehold_testkit::Peer;
use freehold_wire::api::{Environment, Event, Page, Run};
use freehold_wire::link::Offer;
use freehold_wire::problem::Code;
use serde_json::json;

use crate::link::{run, started};
use crate::queue::as_tenant;
use crate::run::waiting;

/// The job ends because the remote does not answer.
async fn gives_up(peer: &mut Peer, offer: &Offer, sent: bool) {
    peer.accept(offer).await;
    let seq = peer.finish(offer, Outcome::Away { sent }).await;
    peer.acknowledged(seq).await;
}

/// What the run says: when the remote is asked again.
fn next_try(run: &Run) -> DateTime<Utc> {
    assert_eq!(run.waiting_for.as_deref(), Some("remote"), "{run:?}");
    assert_eq!(run.reason.unwrap().code(), "remote_unreachable");
    run.next_try_at.unwrap()
}

#[tokio::test]
async fn a_run_waits_for_its_remote_and_goes_on_alone() {
    let (app, mut peer, begun) = started().await;
    let offer = peer.offer().await;
    let mut next = Utc::now();
    for (epoch, tries) in [(1, "once"), (2, "2 times")] {
        let offer = match epoch {
            1 => offer.clone(),
            _ => peer.offer().await,
        };
        assert!(Utc::now() >= next, "asked again before its time");
        assert_eq!(
            (offer.epoch, offer.attempt),
            (epoch, 1),
            "no try is counted"
        );
        let now = Utc::now();
        gives_up(&mut peer, &offer, false).await;
        let parked = run(&app, begun.id).await;
        assert_eq!((parked.state, parked.attempt), (State::Queued, 1));
        next = next_try(&parked);
        assert!(
            (next - now).num_milliseconds() >= 2500,
            "{next} after {now}"
        );
        let detail = parked.detail.unwrap();
        let wanted = format!("waits for the remote /srv/demo.git: asked {tries} since ");
        assert!(detail.starts_with(&wanted), "{detail}");
        let places: Page<Environment> = app.get("/environments").await.unwrap();
        assert!(
            places.items.iter().all(|place| place.jobs == 0),
            "{places:?}"
        );
        // A runner that comes has everybody else looked at, and nobody who waits for a time.
        peer.vanish();
        peer.connect().await;
    }
    let offer = peer.offer().await;
    assert!(Utc::now() >= next);
    peer.accept(&offer).await;
    let work = freehold_testkit::peer::work(&offer, &"c".repeat(40));
    let seq = peer.finish(&offer, work).await;
    peer.acknowledged(seq).await;
    let done = run(&app, begun.id).await;
    assert_eq!((done.state, done.next_try_at), (State::Waiting, None));
    let events: Page<Event> = app
        .get(&format!("/runs/{}/events", begun.id))
        .await
        .unwrap();
    let away = events.items.iter().filter(|event| event.kind == "run.away");
    let told: Vec<_> = away.map(|event| &event.payload["next_try_at"]).collect();
    assert!(
        told.len() == 2 && told.iter().all(|at| at.is_string()),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_run_that_waits_for_its_remote_can_be_cancelled() {
    let (app, mut peer, begun) = started().await;
    let offer = peer.offer().await;
    gives_up(&mut peer, &offer, false).await;
    let path = format!("/runs/{}/cancel", begun.id);
    let cancelled: Run = app.post(&path, &json!({})).await.unwrap();
    assert_eq!(
        (cancelled.state, cancelled.next_try_at),
        (State::Cancelled, None)
    );
}

#[tokio::test]
async fn a_landing_waits_for_its_remote_and_is_called_off_only_while_nothing_was_sent() {
    for sent in [false, true] {
        let (app, mut peer, seen) = waiting().await;
        let path = format!("/runs/{}", seen.id);
        let yes = app
            .post::<Run>(&format!("{path}/approve"), &json!({}))
            .await;
        yes.unwrap();
        let offer = peer.offer().await;
        gives_up(&mut peer, &offer, sent).await;
        let parked = run(&app, seen.id).await;
        assert_eq!(parked.state, State::Landing);
        let next = next_try(&parked);
        let cancelled = app.post::<Run>(&format!("{path}/cancel"), &json!({})).await;
        if !sent {
            assert_eq!(cancelled.unwrap().state, State::Cancelled);
            continue;
        }
        assert_eq!(cancelled.unwrap_err().code, Code::Conflict);
        let offer = peer.offer().await;
        assert!(Utc::now() >= next);
        peer.accept(&offer).await;
        let landed = Outcome::Landed {
            commit: "a".repeat(40),
        };
        let seq = peer.finish(&offer, landed).await;
        peer.acknowledged(seq).await;
        assert_eq!(run(&app, seen.id).await.state, State::Succeeded);
    }
}

/// Nobody waits a day in a test: what is remembered is made older.
#[tokio::test]
async fn after_a_day_a_person_is_told() {
    let (app, mut peer, begun) = started().await;
    let offer = peer.offer().await;
    gives_up(&mut peer, &offer, false).await;
    let older = "UPDATE runs SET away = away || jsonb_build_object('tries', 99,
                     'since', (away->>'since')::timestamptz - interval '24 hours')";
    as_tenant(&app, app.owner.tenant, older).await;
    let offer = peer.offer().await;
    gives_up(&mut peer, &offer, false).await;
    let failed = run(&app, begun.id).await;
    assert_eq!((failed.state, failed.attempt), (State::Failed, 1));
    assert_eq!(failed.reason.unwrap().code(), "remote_unreachable");
}
