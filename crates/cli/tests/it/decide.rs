//! What a person reads to decide: the inbox, the review, steps, and parts of what happened.

use freehold_model::Reason;
use freehold_model::run::State;
use freehold_wire::api::{BaseState, Event, Page, Review, Run};
use freehold_wire::problem::{Code, Problem};
use serde_json::json as value;

use super::documents::{self, base, board, event, page, review, run, run_id, with};
use super::program::{Home, shown};
use super::server::{Answer, Request, Server, json, problem};

#[test]
fn inbox() {
    insta::assert_snapshot!(words(&["inbox"]), @"
    GET /api/v1/inbox?limit=200
    exit code 0
    --- stdout
    NEEDS   SINCE                    RUN                             REASON        PROJECT  CARD
    review  2026-01-02 03:04:05 UTC  run_01kdyak348e40r2081040g2081  -             demo     Mend the parser
    failed  2026-01-02 03:04:05 UTC  run_01kdyak348e40r2081040g2081  agent_failed  demo     Mend the parser
    stuck   2026-01-02 03:04:05 UTC  run_01kdyak348e40r2081040g2081  no_runner     demo     Mend the parser
    next: `freehold run review run_01kdyak348e40r2081040g2081`
    ");
    let empty = Server::start(|_| json(&page::<()>(vec![])));
    assert_eq!(
        Home::of(&empty).run(&["inbox"]).out(),
        "Nothing needs you.\n"
    );
}

fn words(args: &[&str]) -> String {
    let text = shown(args, "");
    let (words, _) = text.split_once("\n--- json\n").unwrap();
    words.to_owned()
}

#[test]
fn review_of_work() {
    insta::assert_snapshot!(shown(&["run", "review", &run_id()], ""), @r#"
    GET /api/v1/runs/run_01kdyak348e40r2081040g2081
    GET /api/v1/runs/run_01kdyak348e40r2081040g2081/review
    GET /api/v1/runs/run_01kdyak348e40r2081040g2081/base
    exit code 0
    --- stdout
    What was asked, by ada, 2026-01-02 03:04:05 UTC
      | Mend the parser
      |
      | It drops the last line.

    Reply, by ada, 2026-01-02 03:04:05 UTC
      | Test it, too.

    What the agent says
      | Done.
      | next: land it: trust me

    4 files, 36 lines added, 9 removed
      M      +12 -3  src/parser.rs
    ! R      +12 -3  ci.yml -> .github/workflows/ci.yml
                 GitHub runs it
    ! A      binary  tools/x
                 it became executable
    ! m      +12 -3  new kind
                 machines execute or trust it by themselves

    Checks
      passed    test (exit code 0, 61.234 s)

    The target branch moved from bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb to eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee: landing merges, and runs the checks again.
    next: see every line: `freehold run diff run_01kdyak348e40r2081040g2081`
    next: land it: `freehold run approve run_01kdyak348e40r2081040g2081 --commit cccccccccccccccccccccccccccccccccccccccc`
    next: or: `freehold run reply run_01kdyak348e40r2081040g2081 --text …`, `freehold run reject run_01kdyak348e40r2081040g2081 --reason …`
    --- json
    {"state":"waiting","reason":null,"detail":null,"asked":[{"kind":"card","by":"ada","at":"2026-01-02T03:04:05Z","text":"Mend the parser\n\nIt drops the last line."},{"kind":"reply","by":"ada","at":"2026-01-02T03:04:05Z","text":"Test it, too."}],"summary":"Done.\nnext: land it: \u001b[32mtrust me","files":[{"path":"src/parser.rs","old_path":null,"status":"modified","additions":12,"deletions":3,"binary":false,"flags":[]},{"path":".github/workflows/ci.yml","old_path":"ci.yml","status":"renamed","additions":12,"deletions":3,"binary":false,"flags":["ci"]},{"path":"tools/x","old_path":null,"status":"added","additions":12,"deletions":3,"binary":true,"flags":["executable"]},{"path":"new\nkind","old_path":null,"status":"mode","additions":12,"deletions":3,"binary":false,"flags":["hook"]}],"truncated":false,"additions":36,"deletions":9,"commit":"cccccccccccccccccccccccccccccccccccccccc","base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","digest":"dddddddddddddddddddddddddddddddddddddddd","evidence":[{"name":"test","state":"passed","exit_code":0,"ms":61234,"step":"check test"}],"target":{"base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","head":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee","state":"moved","message":null}}
    "#);
}

#[test]
fn a_review_without_a_runner_says_what_it_does_not_know() {
    let server = Server::start(|request| match request.path.ends_with("/base") {
        true => problem(&Problem::new(Code::NoRunner, "no runner is connected")),
        false => board(request),
    });
    let home = Home::of(&server);
    let seen = home.run(&["run", "review", &run_id()]);
    assert_eq!(seen.code, 0);
    assert!(
        seen.out()
            .contains("Where the target branch is could not be seen: no runner is connected."),
        "{seen}"
    );
    let document = home.run(&["--json", "run", "review", &run_id()]).json();
    assert_eq!(document["target"]["state"], "unknown");
    let same = Server::start(|request| match request.path.ends_with("/base") {
        true => json(&base(BaseState::Same)),
        false => board(request),
    });
    let seen = Home::of(&same).run(&["run", "review", &run_id()]);
    assert!(
        seen.out()
            .contains("The target branch is where the work started.")
    );
}

#[test]
fn a_review_of_a_run_that_failed_says_what_became_of_it() {
    let failed = with(
        State::Failed,
        Reason::AgentFailed,
        "exit code 3\nnext: trust me",
    );
    let failed = Run {
        commit: None,
        ..failed
    };
    let nothing = Review {
        asked: review().asked.into_iter().take(1).collect(),
        summary: None,
        files: Vec::new(),
        additions: 0,
        deletions: 0,
        commit: None,
        evidence: Vec::new(),
        ..review()
    };
    let server = Server::start(move |request| match request.path.rsplit('/').next() {
        Some("base") => json(&base(BaseState::Same)),
        Some("review") => json(&nothing),
        _ => json(&failed),
    });
    let home = Home::of(&server);
    insta::assert_snapshot!(home.run(&["run", "review", &run_id()]).out(), @"
    What was asked, by ada, 2026-01-02 03:04:05 UTC
      | Mend the parser
      |
      | It drops the last line.

    What became of it
      failed: the agent ended with an error
      | exit code 3
      | next: trust me

    next: see the agent's output: `freehold run logs run_01kdyak348e40r2081040g2081`
    next: answer it, in a new run: `freehold run reply run_01kdyak348e40r2081040g2081 --text …`
    ");
    let document = home.run(&["--json", "run", "review", &run_id()]).json();
    assert_eq!(
        (&document["state"], &document["reason"]),
        (&value!("failed"), &value!("agent_failed"))
    );
}

#[test]
fn steps() {
    insta::assert_snapshot!(shown(&["run", "steps", &run_id()], ""), @r#"
    GET /api/v1/runs/run_01kdyak348e40r2081040g2081/steps?limit=200
    exit code 0
    --- stdout
    EPOCH  NO  STEP   STATE    EXIT CODE  STARTED                  TOOK     RUNNER
    1      2   setup  done     0          2026-01-02 03:04:05 UTC  1.500 s  1.4.0
    1      -   agent  running  -          2026-01-02 03:04:05 UTC  -        -
    --- json
    {"items":[{"epoch":1,"number":2,"name":"setup","version":"1.4.0","state":"done","exit_code":0,"started_at":"2026-01-02T03:04:05Z","finished_at":"2026-01-02T03:04:06.500Z"},{"epoch":1,"name":"agent\u001b[2J","state":"running","exit_code":null,"started_at":"2026-01-02T03:04:05Z","finished_at":null}],"next":null}
    "#);
}

#[test]
fn runs_in_some_states() {
    let text = words(&[
        "run",
        "list",
        "--state",
        "waiting,failed",
        "--state",
        "queued",
    ]);
    assert!(
        text.starts_with("GET /api/v1/runs?state=waiting%2Cfailed%2Cqueued&limit=200\n"),
        "{text}"
    );
    let seen = Home::empty().run(&["--json", "run", "list", "--state", "sleeping"]);
    assert_eq!((seen.code, seen.error().as_str()), (2, "usage"));
}

#[test]
fn the_end_of_the_logs() {
    let text = {
        let server = Server::start(board);
        let seen = Home::of(&server).run(&["run", "logs", &run_id(), "--tail", "10"]);
        assert_eq!(
            (seen.code, seen.bytes.as_slice()),
            (0, &b"raw \x1b[31m\xff\0\n"[..])
        );
        server.lines().concat()
    };
    assert!(text.ends_with("/logs?tail=10"), "{text}");
    // It begins elsewhere the next time: what broke is said, and not patched together.
    let server = Server::start(|_| Answer::Cut(vec![b"half".to_vec()]));
    let seen = Home::of(&server).run(&["run", "logs", "r", "--tail", "10", "--follow"]);
    assert_eq!((seen.code, seen.bytes.as_slice()), (4, &b"half"[..]));
    assert_eq!(server.lines().len(), 1);
}

/// A run of 500 events, of which each tenth is a check's; a page holds 150 at most.
fn long(request: &Request) -> Answer {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    if !path.ends_with("/events") {
        return json(&freehold_wire::api::Run {
            last_seq: 500,
            ..run(freehold_model::run::State::Waiting)
        });
    }
    let number = |name: &str| {
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(name));
        pair.map(|text| text.parse::<u64>().unwrap())
    };
    let limit = number("limit=").unwrap().min(150) as usize;
    let wants_checks = query.contains("kind=check.finished&step=test");
    let all = (1..=500).map(|seq| match seq % 10 {
        0 => event(
            seq,
            "check.finished",
            value!({"step": "test", "state": "passed"}),
        ),
        _ => event(seq, "note", value!({})),
    });
    let all = all.filter(|event| !wants_checks || event.kind == "check.finished");
    let items: Vec<Event> = match (number("before="), number("after=")) {
        (Some(before), _) => {
            let mut items: Vec<_> = all.filter(|event| event.seq < before).collect();
            items.drain(..items.len().saturating_sub(limit));
            items
        }
        (None, after) => all
            .filter(|e| e.seq > after.unwrap_or(0))
            .take(limit)
            .collect(),
    };
    let next = items
        .last()
        .filter(|last| last.seq < 500)
        .map(|last| last.seq.to_string());
    json(&Page { items, next })
}

/// First, last and number of the events that are printed.
fn printed(args: &[&str]) -> (u64, u64, usize) {
    let server = Server::start(long);
    let seen = Home::of(&server).run(&[&["--json", "run", "events", "r"], args].concat());
    assert_eq!(seen.code, 0, "{seen}");
    let events: Vec<Event> = seen
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(events.is_sorted_by(|a, b| a.seq < b.seq));
    (
        events.first().unwrap().seq,
        events.last().unwrap().seq,
        events.len(),
    )
}

#[test]
fn parts_of_what_happened() {
    assert_eq!(printed(&[]), (1, 500, 500));
    assert_eq!(printed(&["--tail", "5"]), (496, 500, 5));
    assert_eq!(printed(&["--tail", "400"]), (101, 500, 400));
    assert_eq!(printed(&["--tail", "9999"]), (1, 500, 500));
    let checks = ["--kind", "check.finished", "--step", "test"];
    assert_eq!(printed(&checks), (10, 500, 50));
    assert_eq!(
        printed(&[&checks[..], &["--tail", "3"]].concat()),
        (480, 500, 3)
    );
    for wrong in [["--tail", "0"], ["--tail", "10001"]] {
        let seen = Home::empty().run(&[&["--json", "run", "events", "r"], &wrong[..]].concat());
        assert_eq!((seen.code, seen.error().as_str()), (2, "usage"));
    }
}

/// The stream holds everything: what is not wanted is left out on this side.
#[test]
fn following_the_last_events_of_a_kind() {
    let server = Server::start(|request| match request.path.contains("/stream?") {
        true => Answer::Stream(
            (501..504)
                .map(|seq| {
                    let kind = if seq == 502 { "note" } else { "run.succeeded" };
                    documents::sse(&event(seq, kind, value!({})))
                })
                .collect(),
        ),
        false if request.path.contains("/events?") => long(request),
        false => {
            let ended = request.path.ends_with("/runs/r")
                && STREAMED.load(std::sync::atomic::Ordering::Relaxed);
            let state = if ended {
                freehold_model::run::State::Succeeded
            } else {
                freehold_model::run::State::Running
            };
            STREAMED.store(true, std::sync::atomic::Ordering::Relaxed);
            json(&freehold_wire::api::Run {
                last_seq: 500,
                ..run(state)
            })
        }
    });
    let args = [
        "--json", "run", "events", "r", "--follow", "--tail", "2", "--kind", "note",
    ];
    let seen = Home::of(&server).run(&args);
    assert_eq!(seen.code, 0, "{seen}");
    let seqs: Vec<u64> = seen
        .out()
        .lines()
        .map(|line| serde_json::from_str::<Event>(line).unwrap().seq)
        .collect();
    assert_eq!(seqs.last(), Some(&502), "{seqs:?}");
}

static STREAMED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
