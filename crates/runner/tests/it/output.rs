//! Output under flood: everything arrives, and neither side keeps it in memory.

use std::time::{Duration, Instant};

use freehold_model::run::Outcome;
use freehold_wire::link::Up;

use crate::kit::{Remote, Run, live};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_lose_no_line() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let mut run = Run::script(&server, &remote, "seq 1 13000000");
    run.execute().agent.timeout_s = 300;
    let began = Instant::now();
    run.start();
    // Opened as it comes and let go, as a server would.
    let (mut line, mut rest, mut n, mut bytes) = (0u64, Vec::new(), 0u64, 0usize);
    let finished = loop {
        let frames = server
            .until("more frames", |taken| {
                (!taken.frames.is_empty()).then_some(())
            })
            .await;
        let () = frames;
        let mut batch = vec![];
        server
            .taken
            .send_modify(|taken| batch = std::mem::take(&mut taken.frames));
        let mut end = None;
        for (_, up) in batch {
            match up {
                Up::Event(event) => {
                    n += 1;
                    assert_eq!(event.n, n);
                    if event.kind == "output" {
                        let plain = run.open("event/1", event.n, event.content.as_ref().unwrap());
                        let value: serde_json::Value = serde_json::from_slice(&plain).unwrap();
                        let text = value["text"].as_str().unwrap();
                        bytes += text.len();
                        rest.extend(text.as_bytes());
                        line = count(&mut rest, line);
                    }
                }
                Up::Finished(finished) => end = Some(finished),
                _ => {}
            }
        }
        if let Some(end) = end {
            break end;
        }
        assert!(
            began.elapsed() < Duration::from_secs(240),
            "{bytes} bytes so far"
        );
    };
    assert!(
        matches!(finished.outcome, Outcome::Unchanged { .. }),
        "{:?}",
        finished.outcome
    );
    assert_eq!(line, 13_000_000);
    assert!(bytes > 100_000_000);
    assert!(n < 20_000, "{n} events: output is not put together");
    let file = runner
        .data
        .path()
        .join("runner.db")
        .metadata()
        .unwrap()
        .len();
    assert!(file < 128 << 20, "the outbox grew to {file} bytes");
    runner.drain().await;
}

/// Checks whole lines off and keeps the rest.
fn count(rest: &mut Vec<u8>, mut line: u64) -> u64 {
    let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
        return line;
    };
    let tail = rest.split_off(end + 1);
    for text in std::str::from_utf8(rest).unwrap().lines() {
        line += 1;
        assert_eq!(text.parse::<u64>().unwrap(), line);
    }
    *rest = tail;
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_quiet_agent_arrives_at_once() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(
        &server,
        &remote,
        "for i in 1 2 3 4 5 6 7 8 9 10 11; do date +%s%N; sleep 0.1; done",
    );
    let mut delays = vec![];
    run.start();
    let mut seen = 0;
    while delays.len() < 11 {
        let event = server
            .until("a line", |taken| {
                let mut lines = taken.frames.iter().filter_map(|(_, up)| match up {
                    Up::Event(event) if event.kind == "output" => Some(event.clone()),
                    _ => None,
                });
                lines.nth(seen)
            })
            .await;
        let now = chrono::DateTime::<chrono::Utc>::from(std::time::UNIX_EPOCH + since_epoch());
        seen += 1;
        let plain = run.open("event/1", event.n, event.content.as_ref().unwrap());
        let value: serde_json::Value = serde_json::from_slice(&plain).unwrap();
        for line in value["text"].as_str().unwrap().lines() {
            let said: i64 = line.trim().parse().unwrap();
            delays.push(now.timestamp_nanos_opt().unwrap() - said);
        }
    }
    delays.sort_unstable();
    // The aim is 10 ms; a busy machine is given more before this fails.
    assert!(delays[delays.len() / 2] < 100_000_000, "{delays:?}");
    run.finished().await;
    runner.drain().await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with what `date` inside says"
)]
fn since_epoch() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
}
