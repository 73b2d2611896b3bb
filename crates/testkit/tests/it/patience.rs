//! Those at the other end who only hold a connection: F38 and F62 of the list of faults.

use std::time::{Duration, Instant};

use freehold_server::Patience;
use freehold_testkit::{App, eventually};
use freehold_wire::api::{Event, Page};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::link::started_on;

/// Shorter than in production, so that a test sees the end of it.
const HEAD: Duration = Duration::from_secs(2);
const STALLED: Duration = Duration::from_secs(2);
/// Those who begin a request and do not go on: fewer than a process may have files.
const HOLDERS: usize = 400;
/// What an honest person waits meanwhile, on a machine that is busy.
const SERVED_WITHIN: Duration = Duration::from_secs(2);

async fn impatient() -> App {
    let patience = Patience {
        head: HEAD,
        stalled: STALLED,
    };
    App::start_impatient(patience).await
}

async fn connect(app: &App) -> TcpStream {
    let address = app.url().replace("http://", "");
    TcpStream::connect(address).await.unwrap()
}

#[test]
fn nobody_holds_a_connection_with_half_a_head_for_longer_than_ten_seconds() {
    let patience = Patience::default();
    assert!(patience.head <= Duration::from_secs(10));
    assert!(patience.stalled <= Duration::from_secs(30));
}

#[tokio::test]
async fn hundreds_who_send_half_a_request_are_let_go_and_hold_up_nobody() {
    let app = impatient().await;
    let begun = Instant::now();
    let mut held = tokio::task::JoinSet::new();
    for number in 0..HOLDERS {
        let mut tcp = connect(&app).await;
        held.spawn(async move {
            // Some say nothing at all, the others a byte now and then.
            if number % 2 == 0 {
                tcp.write_all(b"GET /api/v1/health HTTP/1.1\r\nhost: loc")
                    .await
                    .unwrap();
            }
            let mut said = Vec::new();
            loop {
                let read =
                    tokio::time::timeout(Duration::from_millis(500), tcp.read_buf(&mut said));
                match read.await {
                    Ok(Ok(1..)) => {}
                    Ok(_) => return said,
                    Err(_) if number % 2 == 0 && tcp.write_all(b"a").await.is_err() => return said,
                    Err(_) => {}
                }
            }
        });
    }
    let mut slowest = Duration::ZERO;
    while begun.elapsed() < HEAD {
        let asked = Instant::now();
        app.get::<serde_json::Value>("/runners").await.unwrap();
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < SERVED_WITHIN, "{slowest:?}");
    let all = tokio::time::timeout(HEAD * 5, held.join_all()).await;
    let said = all.expect("all are let go");
    assert!(said.iter().all(|said| !said.starts_with(b"HTTP/1.1 200")));
    println!(
        "{HOLDERS} were let go after {:?}; meanwhile the slowest answer took {slowest:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn whoever_does_not_read_its_stream_is_cut_off_and_reads_on_behind_what_it_saw() {
    let app = impatient().await;
    let (mut peer, run) = started_on(&app).await;
    let offer = peer.offer().await;
    peer.accept(&offer).await;
    // Far more than the kernel holds for two ends of a connection.
    let text = "x".repeat(60_000);
    let (mut last, many) = (0, 400);
    for _ in 0..many {
        let meta = json!({ "step": "agent", "stream": "stdout" });
        let content = json!({ "text": text });
        last = peer.event(&offer, "output", meta, Some(content)).await;
        if last % 20 == 0 {
            peer.acknowledged(last).await;
        }
    }
    peer.acknowledged(last).await;

    let mut reader = connect(&app).await;
    let ask = format!(
        "GET /api/v1/runs/{}/events/stream HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
        run.id, app.token
    );
    reader.write_all(ask.as_bytes()).await.unwrap();
    let mut head = [0; 400];
    reader.read_exact(&mut head).await.unwrap();
    assert!(head.starts_with(b"HTTP/1.1 200"));
    // It stops reading. Others read on meanwhile.
    let begun = Instant::now();
    while begun.elapsed() < STALLED * 2 {
        let page: Page<Event> = app
            .get(&format!("/runs/{}/events?limit=5", run.id))
            .await
            .unwrap();
        assert_eq!(page.items.len(), 5);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What was on its way is still there; then the stream is broken, not at an end.
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), reader.read_to_end(&mut rest)).await;
    let is_whole = rest.ends_with(b"0\r\n\r\n");
    assert!(ended.is_ok() && !is_whole, "it was not cut off");
    assert!(rest.len() < many * text.len(), "all of it was kept for it");

    // Where it goes on: behind the last whole event that it read.
    let seen = String::from_utf8_lossy(&rest);
    let seen: u64 = seen
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .next_back()
        .and_then(|id| id.trim().parse().ok())
        .unwrap();
    let next = eventually("the next event", async || {
        let path = format!("/runs/{}/events?after={seen}&limit=1", run.id);
        let page: Page<Event> = app.get(&path).await.unwrap();
        page.items.into_iter().next()
    })
    .await;
    assert_eq!(next.seq, seen + 1);
}
