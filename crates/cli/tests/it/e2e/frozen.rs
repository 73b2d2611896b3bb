//! A database that stands still: nothing is answered, nothing is refused, connections stay open. F10 of
//! the list of faults.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::harness::{Installation, Part, id};
use super::procs::{self, until};
use super::remote::{Push, Remote};

/// Every request is answered within this, with a busy machine's share.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// Once it is known that the database does not answer.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Longer than reconcilers may be silent before they take it for a standstill, shorter than a lease.
const FROZEN_FOR: Duration = Duration::from_secs(20);

/// Processes that stand still until this is dropped.
struct Frozen(Vec<u32>);

impl Frozen {
    fn with_all_below(pid: u32) -> Self {
        let all: Vec<u32> = procs::tree(pid).into_iter().collect();
        all.iter()
            .for_each(|pid| procs::signal(*pid, Signal::SIGSTOP));
        Self(all)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0
            .iter()
            .for_each(|pid| procs::signal(*pid, Signal::SIGCONT));
    }
}

/// The status of an answer, and how long it took.
fn get(here: &Installation, path: &str) -> (u16, Duration) {
    let begun = Instant::now();
    let address = here.line().url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let token = &here.line().token;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, begun.elapsed())
}

#[test]
fn a_database_that_stands_still_is_said_to_be_away_and_costs_nothing() {
    let mut here = Installation::up();
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    here.agent("writer", "barrier work; cp \"$FREEHOLD_CARD\" greeting");
    let card = here.card("demo", "Wait for the database");
    let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
    here.wait_at("work");

    let begun = Instant::now();
    let frozen = Frozen::with_all_below(here.pid(Part::Postgres));
    let shown = format!("/api/v1/runs/{run}");
    let (status, took) = get(&here, &shown);
    assert_eq!(status, 503, "after {took:?}");
    assert!(took < ANSWERED_WITHIN, "{took:?}");
    // Nobody waits for it any more, and what needs no database is there as ever.
    for (path, wanted) in [(shown.as_str(), 503), ("/api/v1/health", 503), ("/", 200)] {
        let (status, took) = get(&here, path);
        assert_eq!(status, wanted, "{path}");
        assert!(took < AT_ONCE, "{path}: {took:?}");
    }
    std::thread::sleep(FROZEN_FOR.saturating_sub(begun.elapsed()));
    drop(frozen);

    until("the database is back", || {
        (get(&here, "/api/v1/health").0 == 200).then_some(())
    });
    here.open("work");
    let waiting = here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert_eq!(
        waiting["attempt"], 1,
        "no lease was lost over it: {waiting}"
    );
    here.events(&run);
    let landed = here.fh(&["run", "approve", &run]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.taken(Push::Target), 1);
    here.stop();
}
