//! A session of the database that stands still while the others live: as when what lies between has
//! forgotten a connection and tells nobody. Whoever waits for it must not wait for ever.

use std::time::Duration;

use freehold_testkit::{App, Peer, eventually, procs};
use freehold_wire::api::{Card, Run};
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::Executor as _;
use tokio::time::{Instant, sleep};

use crate::board::{agent, card, project};

/// What is given up after 25 s, done anew, with a busy machine's share.
const GOES_ON_WITHIN: Duration = Duration::from_secs(60);

/// Processes that stand still until this is dropped.
struct Still(Vec<u32>);

impl Drop for Still {
    fn drop(&mut self) {
        (self.0.iter()).for_each(|pid| procs::signal(*pid, Signal::SIGCONT));
    }
}

/// The server's sessions that wait for somebody's lock.
async fn waiting(app: &App) -> Vec<u32> {
    let mut role = app.database.as_app().await;
    let pids: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
           AND application_name = 'freehold-server' AND wait_event_type = 'Lock'",
    )
    .fetch_all(&mut role)
    .await
    .unwrap();
    pids.into_iter().map(i32::cast_unsigned).collect()
}

async fn start(app: &App, card: &Card) -> Run {
    let path = format!("/cards/{}/runs", card.id);
    app.post(&path, &json!({})).await.unwrap()
}

#[tokio::test]
async fn a_session_that_falls_silent_in_a_statement_stops_nobody_for_ever() {
    let app = App::start().await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    let first = card(&app, &project, "Before").await;
    let before = start(&app, &first).await;
    let offer = peer.offer().await;
    assert_eq!(offer.run, before.id);
    let seq = peer.accept(&offer).await;
    peer.acknowledged(seq).await;
    let second = card(&app, &project, "After").await;

    // Whoever looks after the queue is in the middle of it when their session dies.
    let mut owner = app.database.as_owner().await;
    let lock = "BEGIN; LOCK TABLE queue_ready IN ACCESS EXCLUSIVE MODE";
    owner.execute(lock).await.unwrap();
    let stuck = eventually("somebody waits for the queue", async || {
        Some(waiting(&app).await).filter(|pids| !pids.is_empty())
    });
    let still = Still(stuck.await);
    (still.0.iter()).for_each(|pid| procs::signal(*pid, Signal::SIGSTOP));
    owner.execute("ROLLBACK").await.unwrap();

    let begun = Instant::now();
    let after = start(&app, &second).await;
    loop {
        peer.beat(&offer).await;
        let run: Run = app.get(&format!("/runs/{}", after.id)).await.unwrap();
        if run.epoch == 1 {
            break;
        }
        assert!(begun.elapsed() < GOES_ON_WITHIN, "nobody goes on: {run:?}");
        sleep(Duration::from_millis(500)).await;
    }
    let run: Run = app.get(&format!("/runs/{}", before.id)).await.unwrap();
    assert_eq!(
        (run.epoch, run.attempt),
        (1, 1),
        "no lease was lost over it"
    );
}
