//! Commands that wait: the state of the run changes under them.

use std::sync::atomic::{AtomicUsize, Ordering};

use freehold_model::Reason;
use freehold_model::run::State;
use freehold_wire::api::Run;
use freehold_wire::problem::{Code, Problem};

use super::documents::{card_id, events, run, run_id, sse, with};
use super::program::{Home, Seen};
use super::server::{Answer, Request, Server, json, problem};

/// A server whose run goes through `states`, one further with each look at it.
fn going_through(states: Vec<Run>) -> Server {
    let at = AtomicUsize::new(0);
    Server::start(move |request| {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path.rsplit('/').next()) {
            ("POST", _) => json(&states[0]),
            (_, Some("stream")) => Answer::Stream(events().iter().map(sse).collect()),
            _ => {
                let at = at.fetch_add(1, Ordering::Relaxed) + 1;
                json(&states[at.min(states.len() - 1)])
            }
        }
    })
}

fn start_and_wait(end: Run, json: bool) -> Seen {
    let server = going_through(vec![
        run(State::Queued),
        run(State::Running),
        run(State::Running),
        end,
    ]);
    let card = card_id();
    let args = ["run", "start", &card, "--wait", "--json"];
    Home::of(&server).run(&args[..if json { 5 } else { 4 }])
}

#[test]
fn wait_returns_when_a_person_is_wanted_and_prints_the_run_once() {
    let seen = start_and_wait(run(State::Waiting), true);
    assert_eq!((seen.code, seen.err.as_str()), (0, ""));
    assert_eq!(seen.out().lines().count(), 1);
    assert_eq!(seen.json()["waiting_for"], "review");
    let seen = start_and_wait(run(State::Waiting), false);
    assert_eq!((seen.code, seen.err.as_str()), (0, ""));
    assert_eq!(
        seen.out().matches(&run_id()).next().map(str::len),
        Some(run_id().len())
    );
    assert!(
        seen.out()
            .starts_with(&format!("{}  waiting for review\n", run_id()))
    );
}

#[test]
fn wait_returns_0_for_a_run_that_changed_nothing() {
    let nothing = Run {
        commit: None,
        landed: None,
        ..with(State::Succeeded, Reason::NoChange, "")
    };
    assert_eq!(start_and_wait(nothing, true).code, 0);
}

#[test]
fn wait_returns_1_with_the_run_and_its_reason_when_it_failed() {
    let failed = with(
        State::Failed,
        Reason::AgentFailed,
        "the agent ended with exit code 3",
    );
    let seen = start_and_wait(failed.clone(), true);
    assert_eq!((seen.code, seen.error().as_str()), (1, "agent_failed"));
    assert_eq!(seen.json()["state"], "failed");
    insta::assert_snapshot!(start_and_wait(failed, false), @"
    exit code 1
    --- stdout
    run_01kdyak348e40r2081040g2081  failed
      reason     agent_failed: the agent ended with an error
      detail     the agent ended with exit code 3
      project    proj_01kdyak348e40r2081040g2081
      card       card_01kdyak348e40r2081040g2081 Mend the parser
      agent      fixer (attempt 1, epoch 1)
      runner     rnr_01kdyak348e40r2081040g2081
      isolation  sandbox
      egress     registries
      target     main
      base       bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      by         ada
      created    2026-01-02 03:04:05 UTC
      started    2026-01-02 03:04:05 UTC
      finished   2026-01-02 03:04:05 UTC
    next: see the agent's output: `freehold run logs run_01kdyak348e40r2081040g2081`
    next: answer it, in a new run: `freehold run reply run_01kdyak348e40r2081040g2081 --text …`
    --- stderr
    error: run run_01kdyak348e40r2081040g2081 ended failed: the agent ended with exit code 3
    ");
    let rejected = with(State::Rejected, Reason::Checks, "test");
    assert_eq!(start_and_wait(rejected, true).code, 1);
    let cancelled = with(State::Cancelled, Reason::Cancelled, "");
    assert_eq!(start_and_wait(cancelled, true).code, 1);
}

#[test]
fn wait_lives_through_a_restart_of_the_server() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => json(&run(State::Queued)),
        1..6 => Answer::Hangup,
        6 => problem(&Problem::new(Code::Unavailable, "starting")),
        _ if request.path.contains("stream") => Answer::Hangup,
        _ => json(&run(State::Waiting)),
    });
    let seen = Home::of(&server).run(&["run", "start", "c", "--wait", "--json"]);
    assert_eq!(seen.code, 0, "{seen}");
}

#[test]
fn a_start_whose_answer_is_lost_is_said_again_under_the_same_key() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::Hangup,
        1 => Answer::Cut(vec![b"{\"id\":".to_vec()]),
        _ => json(&run(State::Queued)),
    });
    let seen = Home::of(&server).run(&["--json", "run", "start", "c"]);
    assert_eq!(seen.code, 0, "{seen}");
    let keys: Vec<String> = server.requests().into_iter().map(|r| r.key).collect();
    assert_eq!(keys.len(), 3);
    assert!(
        keys[0].len() >= 20 && keys.iter().all(|key| *key == keys[0]),
        "{keys:?}"
    );
    drop(Home::of(&server).run(&["run", "start", "c"]));
    assert_ne!(server.requests()[3].key, keys[0]);
    drop(Home::of(&server).run(&["run", "start", "c", "--idempotency-key", "mine"]));
    assert_eq!(server.requests()[4].key, "mine");
}

#[test]
fn a_start_that_is_never_answered_gives_up() {
    let server = Server::start(|_| Answer::Hangup);
    let seen = Home::of(&server).run(&["--json", "run", "start", "c"]);
    assert_eq!((seen.code, seen.error().as_str()), (4, "unreachable"));
    assert_eq!(server.lines().len(), 5);
}

fn commit_of(server: &Server) -> String {
    let is_yes = |r: &Request| r.path.ends_with("/approve");
    let yes = server.requests().into_iter().find(is_yes).unwrap();
    let body: serde_json::Value = serde_json::from_str(&yes.body).unwrap();
    body["commit"].as_str().unwrap().to_owned()
}

/// Seen waiting; after the yes it lands, and then is `end`.
fn landing(end: Run) -> Server {
    let said = AtomicUsize::new(0);
    Server::start(move |request| {
        let yes = request.method == "POST";
        match said.load(Ordering::Relaxed) {
            0 if !yes => return json(&run(State::Waiting)),
            0 | 1 => {}
            _ => return json(&end),
        }
        said.fetch_add(1, Ordering::Relaxed);
        json(&Run {
            waiting_for: None,
            ..run(State::Landing)
        })
    })
}

#[test]
fn approve_is_for_the_commit_that_was_seen_and_returns_when_it_is_landed() {
    let server = landing(run(State::Succeeded));
    let seen = Home::of(&server).run(&["--json", "run", "approve", &run_id()]);
    assert_eq!((seen.code, seen.err.as_str()), (0, ""));
    assert_eq!(seen.json()["landed"], "d".repeat(40));
    assert_eq!(commit_of(&server), "c".repeat(40));
    let server = landing(run(State::Succeeded));
    let seen = Home::of(&server).run(&["run", "approve", "r", "--commit", "abc"]);
    assert_eq!(seen.code, 0, "{seen}");
    assert_eq!(commit_of(&server), "abc");
    assert_eq!(server.lines()[0], "POST /api/v1/runs/r/approve");
}

#[test]
fn approve_returns_1_with_the_reason_when_the_landing_is_refused() {
    let refused = with(State::Waiting, Reason::Conflict, "src/lib.rs conflicts");
    let server = landing(refused.clone());
    let seen = Home::of(&server).run(&["--json", "run", "approve", "r"]);
    assert_eq!((seen.code, seen.error().as_str()), (1, "conflict"));
    assert_eq!(seen.json()["state"], "waiting");
    let server = landing(refused);
    insta::assert_snapshot!(Home::of(&server).run(&["run", "approve", "r"]), @"
    exit code 1
    --- stdout
    run_01kdyak348e40r2081040g2081  waiting for review
      reason     conflict: the target moved and the work conflicts with it
      detail     src/lib.rs conflicts
      project    proj_01kdyak348e40r2081040g2081
      card       card_01kdyak348e40r2081040g2081 Mend the parser
      agent      fixer 1.2 (attempt 1, epoch 1)
      usage      1200 tokens in, 345 out, 3 requests
      runner     rnr_01kdyak348e40r2081040g2081
      isolation  sandbox
      egress     registries
      target     main
      base       bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      commit     cccccccccccccccccccccccccccccccccccccccc
      by         ada
      created    2026-01-02 03:04:05 UTC
      started    2026-01-02 03:04:05 UTC
      check      passed    test (exit code 0)
    next: reply to the run so that the agent brings it up to date, or merge by hand
    next: look at the work: `freehold run review run_01kdyak348e40r2081040g2081`
    next: or: `freehold run reply run_01kdyak348e40r2081040g2081 --text …`, `freehold run reject run_01kdyak348e40r2081040g2081 --reason …`
    --- stderr
    error: run run_01kdyak348e40r2081040g2081 was not landed: src/lib.rs conflicts
    ");
}

#[test]
fn approve_of_another_commit_or_of_nothing_is_refused() {
    let server = Server::start(|request| match request.method.as_str() {
        "POST" => problem(&Problem::new(
            Code::CommitMismatch,
            "the run's commit is ccc, not abc",
        )),
        _ => json(&run(State::Waiting)),
    });
    let seen = Home::of(&server).run(&["run", "approve", "r", "--commit", "abc"]);
    insta::assert_snapshot!(seen, @"
    exit code 1
    --- stderr
    error: the run's commit is ccc, not abc
    why: the run's commit is another one than the one given (commit_mismatch)
    next: look at the diff again, then approve that commit
    ");
    let server = Server::start(|_| json(&run(State::Running)));
    let seen = Home::of(&server).run(&["run", "approve", "r"]);
    insta::assert_snapshot!(seen, @"
    exit code 1
    --- stderr
    error: run run_01kdyak348e40r2081040g2081 is running and has nothing to approve
    why: not possible in the present state (conflict)
    next: look at it: `freehold run show run_01kdyak348e40r2081040g2081`
    ");
    assert_eq!(server.lines(), ["GET /api/v1/runs/r"]);
}

#[test]
fn approve_said_twice_or_with_a_lost_answer_lands_once() {
    let landed = |first: fn() -> Answer| {
        let server = Server::start(move |request| match request.method.as_str() {
            "POST" => first(),
            _ => json(&run(State::Succeeded)),
        });
        Home::of(&server).run(&["--json", "run", "approve", "r", "--commit", &"c".repeat(40)])
    };
    assert_eq!(landed(|| Answer::Hangup).code, 0);
    assert_eq!(
        landed(|| problem(&Problem::new(Code::Conflict, "landed"))).code,
        0
    );
    // A conflict about another commit stays one.
    let server = Server::start(|request| match request.method.as_str() {
        "POST" => problem(&Problem::new(Code::Conflict, "landed")),
        _ => json(&run(State::Succeeded)),
    });
    let seen = Home::of(&server).run(&["--json", "run", "approve", "r", "--commit", "abc"]);
    assert_eq!((seen.code, seen.error().as_str()), (1, "conflict"));
}
