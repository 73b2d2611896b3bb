//! The times that are promised of a runner that is lost and of a run that is cancelled, with the real
//! program: by what the server itself wrote down where that says it, and by the clock of who looks on.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::harness::{Installation, id};
use super::moved::Elsewhere;
use super::procs::{self, until, within};
use super::remote::Remote;

/// A runner that falls silent is known to be lost.
const DETECTED_WITHIN: Duration = Duration::from_secs(30);
/// And its job is another's.
const ELSEWHERE_WITHIN: Duration = Duration::from_secs(45);
/// Those who watch a run see that it was cancelled.
const VISIBLE_WITHIN: Duration = Duration::from_secs(2);
/// And nothing of it is left on any machine.
const GONE_WITHIN: Duration = Duration::from_secs(12);
/// To look costs a process each time, on a machine that is busy.
const LOOK: Duration = Duration::from_secs(1);

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// When a run's event of this kind and epoch was written down.
fn told(here: &Installation, run: &str, kind: &str, epoch: u64) -> Option<DateTime<Utc>> {
    let events = here.events(run);
    let mut found = events
        .iter()
        .filter(|event| event["type"] == kind && event["payload"]["epoch"] == epoch);
    found.next().map(|event| time(&event["ts"]))
}

fn took(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

/// A runner as the server lists it.
fn listed(here: &Installation, runner: &str) -> Value {
    let list = here.fh(&["runner", "list"]).ok();
    let mut items = list["items"].as_array().unwrap().iter();
    let found = items.find(|item| item["id"] == runner);
    found
        .unwrap_or_else(|| panic!("{runner} is not in {list}"))
        .clone()
}

/// It stands still with its connections open: nobody is told by the kernel that it is gone.
#[test]
fn a_runner_that_falls_silent_is_known_to_be_lost_and_its_job_is_elsewhere_in_time() {
    let here = Installation::up();
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    let script = "barrier work; cp \"$FREEHOLD_CARD\" greeting";
    here.agent_with("writer", script, &["--label", "place=elsewhere"]);
    let mut first = Elsewhere::enrol(&here, "first");
    let card = here.card("demo", "Go elsewhere");
    let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
    here.wait_at("work");
    let holder = here.run(&run)["runner"].as_str().unwrap().to_owned();
    let mut second = Elsewhere::enrol(&here, "second");
    until("both are there", || {
        let list = here.fh(&["runner", "list"]).ok();
        let all = list["items"].as_array().unwrap();
        (all.iter().filter(|one| one["state"] == "online").count() == 3).then_some(())
    });

    // Just heard of: it is missed as late as can be.
    let before = listed(&here, &holder)["last_seen"].clone();
    until("it is heard of", || {
        (listed(&here, &holder)["last_seen"] != before).then_some(())
    });
    procs::signal(first.pid(), Signal::SIGSTOP);
    let stopped = Instant::now();
    let lost = within(
        DETECTED_WITHIN + LOOK,
        "the runner is known to be lost",
        || {
            let seen = listed(&here, &holder);
            (seen["state"] == "offline").then_some(seen)
        },
    );
    let detected = stopped.elapsed();
    let silent = time(&lost["last_seen"]);
    let again = within(ELSEWHERE_WITHIN * 2, "another has the job", || {
        told(&here, &run, "run.running", 2)
    });
    let elsewhere = took(silent, again);
    println!("lost: known after {detected:?}, elsewhere after {elsewhere:?}");
    assert!(detected <= DETECTED_WITHIN + LOOK, "{detected:?}");
    assert!(elsewhere <= ELSEWHERE_WITHIN, "{elsewhere:?}");
    assert_ne!(here.run(&run)["runner"], holder.as_str());

    here.open("work");
    let waiting = here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(
        (&waiting["state"], &waiting["epoch"]),
        (&"waiting".into(), &2.into()),
        "{waiting}"
    );
    procs::signal(first.pid(), Signal::SIGCONT);
    here.nobody_works_on(&run);
    assert_eq!(remote.run_refs(&run), [waiting["commit"].as_str().unwrap()]);
    first.end();
    second.end();
}

/// Somebody watches a run: when they are told that it is being stopped.
fn follow(here: &Installation, run: &str) -> Receiver<Instant> {
    let line = here.line();
    let mut watching = here
        .program(&["--json", "run", "events", run, "--follow"])
        .env("FREEHOLD_URL", &line.url)
        .env("FREEHOLD_TOKEN", &line.token)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (to, seen) = channel();
    let (ready, watches) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            let _ = ready.send(());
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["type"] == "run.stopping" {
                let _ = to.send(Instant::now());
            }
        }
        // The run has ended, and so does whoever watched it.
        let _ = watching.wait();
    });
    watches.recv_timeout(procs::DEADLINE).unwrap();
    seen
}

/// What runs in the sandbox neither ends when it is asked to nor stays in one session.
#[test]
fn a_cancel_is_seen_at_once_and_soon_nothing_is_left_running() {
    let here = Installation::up();
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    let stubborn =
        "trap '' TERM INT HUP; setsid sh -c 'trap \"\" TERM INT HUP; sleep 600' & barrier work";
    here.agent("stubborn", stubborn);
    for round in 0..3 {
        let card = here.card("demo", &format!("Stop it {round}"));
        let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
        here.wait_at("work");
        assert!(!procs::sandboxed(&run).is_empty());
        let seen = follow(&here, &run);
        let asked = Instant::now();
        let said = here.fh(&["run", "cancel", &run]).ok();
        let visible = seen.recv_timeout(VISIBLE_WITHIN * 5).unwrap() - asked;
        let ended = here.run_in(&run, &["cancelled", "waiting", "failed", "succeeded"]);
        assert_eq!(ended["state"], "cancelled", "{ended} after {said}");
        let left = || {
            let mut all = procs::marked(&run).into_iter();
            all.any(|pid| !procs::words(pid).contains("freehold --json run "))
        };
        within(GONE_WITHIN, "nothing is left", || (!left()).then_some(()));
        let gone = asked.elapsed();
        println!("cancel: seen after {visible:?}, nothing left after {gone:?}");
        assert!(visible <= VISIBLE_WITHIN, "{visible:?}");
        assert!(gone <= GONE_WITHIN, "{gone:?}");
        here.nobody_works_on(&run);
    }
}
