//! Runs: what is asked, and what is printed.

use freehold_model::Reason;
use freehold_model::run::State;
use freehold_wire::api::Run;
use freehold_wire::order::Egress;

use super::documents::{board, card_id, check, run, run_id, with};
use super::program::{Home, shown};
use super::server::{Server, json};

#[test]
fn start() {
    insta::assert_snapshot!(shown(&["run", "start", &card_id(), "--agent", "fixer", "--priority", "high"], ""), @r#"
    POST /api/v1/cards/card_01kdyak348e40r2081040g2081/runs {"agent":"fixer","priority":"high"}
    exit code 0
    --- stdout
    run_01kdyak348e40r2081040g2081  queued
      project    proj_01kdyak348e40r2081040g2081
      card       card_01kdyak348e40r2081040g2081 Mend the parser
      agent      fixer (attempt 1, epoch 1)
      priority   high
      runner     none yet
      isolation  sandbox
      egress     registries
      target     main
      base       bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      by         ada
      created    2026-01-02 03:04:05 UTC
    next: watch it: `freehold run events run_01kdyak348e40r2081040g2081 --follow`
    --- json
    {"id":"run_01kdyak348e40r2081040g2081","state":"queued","reason":null,"detail":null,"waiting_for":null,"project":"proj_01kdyak348e40r2081040g2081","card":"card_01kdyak348e40r2081040g2081","card_title":"Mend the parser","by":"ada","approved_by":null,"agent":"fixer","agent_version":null,"usage":null,"isolation":"sandbox","in_force":[],"egress":"registries","runner":null,"priority":"high","epoch":1,"attempt":1,"parent":null,"base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":null,"landed":null,"target":"main","checks":[],"created_at":"2026-01-02T03:04:05Z","started_at":null,"last_seq":7,"finished_at":null}
    "#);
}

#[test]
fn list() {
    insta::assert_snapshot!(shown(&["run", "list", "--project", "demo", "--card", "c"], ""), @r#"
    GET /api/v1/runs?project=demo&card=c&limit=200
    exit code 0
    --- stdout
    RUN                             STATE    REASON  AGENT  CREATED                  CARD
    run_01kdyak348e40r2081040g2081  waiting  -       fixer  2026-01-02 03:04:05 UTC  card_01kdyak348e40r2081040g2081
    --- json
    {"items":[{"id":"run_01kdyak348e40r2081040g2081","state":"waiting","reason":null,"detail":null,"waiting_for":"review","project":"proj_01kdyak348e40r2081040g2081","card":"card_01kdyak348e40r2081040g2081","card_title":"Mend the parser","by":"ada","approved_by":null,"agent":"fixer","agent_version":"1.2","usage":{"requests":3,"input_tokens":1200,"output_tokens":345},"isolation":"sandbox","in_force":[],"egress":"registries","runner":"rnr_01kdyak348e40r2081040g2081","priority":"normal","epoch":1,"attempt":1,"parent":null,"base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":"cccccccccccccccccccccccccccccccccccccccc","landed":null,"target":"main","checks":[{"name":"test","state":"passed","exit_code":0}],"created_at":"2026-01-02T03:04:05Z","started_at":"2026-01-02T03:04:05Z","last_seq":7,"finished_at":null}],"next":null}
    "#);
}

#[test]
fn show_a_run_that_waits() {
    insta::assert_snapshot!(shown(&["run", "show", &run_id()], ""), @r#"
    GET /api/v1/runs/run_01kdyak348e40r2081040g2081
    exit code 0
    --- stdout
    run_01kdyak348e40r2081040g2081  waiting for review
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
    next: look at the work: `freehold run review run_01kdyak348e40r2081040g2081`
    next: land it: `freehold run approve run_01kdyak348e40r2081040g2081 --commit cccccccccccccccccccccccccccccccccccccccc`
    next: or: `freehold run reply run_01kdyak348e40r2081040g2081 --text …`, `freehold run reject run_01kdyak348e40r2081040g2081 --reason …`
    --- json
    {"id":"run_01kdyak348e40r2081040g2081","state":"waiting","reason":null,"detail":null,"waiting_for":"review","project":"proj_01kdyak348e40r2081040g2081","card":"card_01kdyak348e40r2081040g2081","card_title":"Mend the parser","by":"ada","approved_by":null,"agent":"fixer","agent_version":"1.2","usage":{"requests":3,"input_tokens":1200,"output_tokens":345},"isolation":"sandbox","in_force":[],"egress":"registries","runner":"rnr_01kdyak348e40r2081040g2081","priority":"normal","epoch":1,"attempt":1,"parent":null,"base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":"cccccccccccccccccccccccccccccccccccccccc","landed":null,"target":"main","checks":[{"name":"test","state":"passed","exit_code":0}],"created_at":"2026-01-02T03:04:05Z","started_at":"2026-01-02T03:04:05Z","last_seq":7,"finished_at":null}
    "#);
}

fn words(run: Run) -> String {
    let server = Server::start(move |_| json(&run));
    Home::of(&server).run(&["run", "show", "x"]).out()
}

#[test]
fn show_a_run_that_was_rejected_by_a_check() {
    let rejected = Run {
        checks: vec![
            check("lint", "passed", 0),
            check("te\x1b[2Jst", "failed", 101),
        ],
        egress: Egress::Open,
        ..with(
            State::Rejected,
            Reason::Checks,
            "check `test` failed:\n\x1b[31massertion\r\nfailed",
        )
    };
    insta::assert_snapshot!(words(rejected), @"
    run_01kdyak348e40r2081040g2081  rejected
      reason     checks: a check failed
      detail     check `test` failed:
                 assertion
                 failed
      project    proj_01kdyak348e40r2081040g2081
      card       card_01kdyak348e40r2081040g2081 Mend the parser
      agent      fixer 1.2 (attempt 1, epoch 1)
      usage      1200 tokens in, 345 out, 3 requests
      runner     rnr_01kdyak348e40r2081040g2081
      isolation  sandbox
      egress     OPEN: the agent can reach any public address
      target     main
      base       bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      commit     cccccccccccccccccccccccccccccccccccccccc
      by         ada
      created    2026-01-02 03:04:05 UTC
      started    2026-01-02 03:04:05 UTC
      finished   2026-01-02 03:04:05 UTC
      check      passed    lint (exit code 0)
      check      failed    test (exit code 101)
    next: read the check's output, then reply to the run or start a new one
    next: see the agent's output: `freehold run logs run_01kdyak348e40r2081040g2081`
    next: answer it, in a new run: `freehold run reply run_01kdyak348e40r2081040g2081 --text …`
    ");
}

#[test]
fn show_a_run_that_is_queued() {
    let queued = with(State::Queued, Reason::DependencyUnmet, "waits for card_1");
    insta::assert_snapshot!(words(queued), @"
    run_01kdyak348e40r2081040g2081  queued
      reason     dependency_unmet: waits for another card to land
      detail     waits for card_1
      project    proj_01kdyak348e40r2081040g2081
      card       card_01kdyak348e40r2081040g2081 Mend the parser
      agent      fixer (attempt 1, epoch 1)
      runner     none yet
      isolation  sandbox
      egress     registries
      target     main
      base       bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      by         ada
      created    2026-01-02 03:04:05 UTC
    next: land the card it waits for, or remove the dependency
    next: watch it: `freehold run events run_01kdyak348e40r2081040g2081 --follow`
    ");
}

#[test]
fn show_a_run_that_landed() {
    insta::assert_snapshot!(words(run(State::Succeeded)), @"
    run_01kdyak348e40r2081040g2081  succeeded
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
      landed     dddddddddddddddddddddddddddddddddddddddd
      by         ada
      approved   by grace
      created    2026-01-02 03:04:05 UTC
      started    2026-01-02 03:04:05 UTC
      finished   2026-01-02 03:04:05 UTC
      check      passed    test (exit code 0)
    ");
}

#[test]
fn cancel() {
    insta::assert_snapshot!(shown(&["run", "cancel", &run_id()], ""), @r#"
    POST /api/v1/runs/run_01kdyak348e40r2081040g2081/cancel {}
    exit code 0
    --- stdout
    run_01kdyak348e40r2081040g2081  cancelled
      reason     cancelled: a person cancelled it
      detail     asked for by owner
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
      finished   2026-01-02 03:04:05 UTC
      check      passed    test (exit code 0)
    next: start a new run
    --- json
    {"id":"run_01kdyak348e40r2081040g2081","state":"cancelled","reason":"cancelled","detail":"asked for by owner","waiting_for":null,"project":"proj_01kdyak348e40r2081040g2081","card":"card_01kdyak348e40r2081040g2081","card_title":"Mend the parser","by":"ada","approved_by":null,"agent":"fixer","agent_version":"1.2","usage":{"requests":3,"input_tokens":1200,"output_tokens":345},"isolation":"sandbox","in_force":[],"egress":"registries","runner":"rnr_01kdyak348e40r2081040g2081","priority":"normal","epoch":1,"attempt":1,"parent":null,"base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":"cccccccccccccccccccccccccccccccccccccccc","landed":null,"target":"main","checks":[{"name":"test","state":"passed","exit_code":0}],"created_at":"2026-01-02T03:04:05Z","started_at":"2026-01-02T03:04:05Z","last_seq":7,"finished_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn reject() {
    insta::assert_snapshot!(shown(&["run", "reject", &run_id(), "--reason", "-not this"], ""), @r#"
    POST /api/v1/runs/run_01kdyak348e40r2081040g2081/reject {"reason":"-not this"}
    exit code 0
    --- stdout
    run_01kdyak348e40r2081040g2081  rejected
      reason     rejected_by_person: a person rejected it
      detail     Not this
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
      finished   2026-01-02 03:04:05 UTC
      check      passed    test (exit code 0)
    next: start a new run
    next: see the agent's output: `freehold run logs run_01kdyak348e40r2081040g2081`
    next: answer it, in a new run: `freehold run reply run_01kdyak348e40r2081040g2081 --text …`
    --- json
    {"id":"run_01kdyak348e40r2081040g2081","state":"rejected","reason":"rejected_by_person","detail":"Not this","waiting_for":null,"project":"proj_01kdyak348e40r2081040g2081","card":"card_01kdyak348e40r2081040g2081","card_title":"Mend the parser","by":"ada","approved_by":null,"agent":"fixer","agent_version":"1.2","usage":{"requests":3,"input_tokens":1200,"output_tokens":345},"isolation":"sandbox","in_force":[],"egress":"registries","runner":"rnr_01kdyak348e40r2081040g2081","priority":"normal","epoch":1,"attempt":1,"parent":null,"base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":"cccccccccccccccccccccccccccccccccccccccc","landed":null,"target":"main","checks":[{"name":"test","state":"passed","exit_code":0}],"created_at":"2026-01-02T03:04:05Z","started_at":"2026-01-02T03:04:05Z","last_seq":7,"finished_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn reply() {
    insta::assert_snapshot!(shown(&["run", "reply", &run_id(), "--text", "Keep the old name"], ""), @r#"
    POST /api/v1/runs/run_01kdyak348e40r2081040g2081/reply {"text":"Keep the old name"}
    exit code 0
    --- stdout
    run_01kdyak348e81840g2081040g2  queued
      project    proj_01kdyak348e40r2081040g2081
      card       card_01kdyak348e40r2081040g2081 Mend the parser
      parent     run_01kdyak348e40r2081040g2081
      agent      fixer (attempt 1, epoch 1)
      runner     none yet
      isolation  sandbox
      egress     registries
      target     main
      base       bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      by         ada
      created    2026-01-02 03:04:05 UTC
    next: watch it: `freehold run events run_01kdyak348e81840g2081040g2 --follow`
    --- json
    {"id":"run_01kdyak348e81840g2081040g2","state":"queued","reason":null,"detail":null,"waiting_for":null,"project":"proj_01kdyak348e40r2081040g2081","card":"card_01kdyak348e40r2081040g2081","card_title":"Mend the parser","by":"ada","approved_by":null,"agent":"fixer","agent_version":null,"usage":null,"isolation":"sandbox","in_force":[],"egress":"registries","runner":null,"priority":"normal","epoch":1,"attempt":1,"parent":"run_01kdyak348e40r2081040g2081","base":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","commit":null,"landed":null,"target":"main","checks":[],"created_at":"2026-01-02T03:04:05Z","started_at":null,"last_seq":7,"finished_at":null}
    "#);
}

#[test]
fn events() {
    insta::assert_snapshot!(shown(&["run", "events", &run_id(), "--after", "0"], ""), @r#"
    GET /api/v1/runs/run_01kdyak348e40r2081040g2081/events?after=0&limit=200
    exit code 0
    --- stdout
         1  03:04:05  run.queued      attempt=1 epoch=0
         2  03:04:05  run.running     attempt=1 epoch=1
         3  03:04:05  step.started    step=agent
         4  03:04:05  output          step=agent stream=stdout
            | I am
            |   99  run.succeeded
         5  03:04:05  step.finished   exit_code=0 ms=12 state=ok step=agent
         6  03:04:05  check.finished  exit_code=0 name=test state=passed
         7  03:04:05  run.waiting     attempt=1 epoch=1
    --- json
    {"seq":1,"ts":"2026-01-02T03:04:05Z","type":"run.queued","payload":{"attempt":1,"epoch":0}}
    {"seq":2,"ts":"2026-01-02T03:04:05Z","type":"run.running","payload":{"attempt":1,"epoch":1}}
    {"seq":3,"ts":"2026-01-02T03:04:05Z","type":"step.started","payload":{"step":"agent"}}
    {"seq":4,"ts":"2026-01-02T03:04:05Z","type":"output","payload":{"step":"agent","stream":"stdout","text":"I \u001b[1mam\u001b[0m\n  99  run.succeeded\n"}}
    {"seq":5,"ts":"2026-01-02T03:04:05Z","type":"step.finished","payload":{"exit_code":0,"ms":12,"state":"ok","step":"agent"}}
    {"seq":6,"ts":"2026-01-02T03:04:05Z","type":"check.finished","payload":{"exit_code":0,"name":"test","state":"passed"}}
    {"seq":7,"ts":"2026-01-02T03:04:05Z","type":"run.waiting","payload":{"attempt":1,"epoch":1,"reason":null}}
    "#);
}

#[test]
fn logs_and_diff_are_raw() {
    let server = Server::start(board);
    let home = Home::of(&server);
    let logs = home.run(&["run", "logs", &run_id()]);
    assert_eq!(
        (logs.code, logs.bytes.as_slice()),
        (0, &b"raw \x1b[31m\xff\0\n"[..])
    );
    let diff = home.run(&["--json", "run", "diff", &run_id()]);
    assert_eq!(
        (diff.code, diff.bytes.as_slice()),
        (0, &b"diff --git a/\xff b/x\r\n"[..])
    );
    let missing = home.run(&["--json", "run", "diff", "none"]);
    assert_eq!((missing.code, missing.error().as_str()), (1, "not_found"));
}

#[test]
fn a_name_cannot_leave_its_place_in_the_path() {
    let server = Server::start(board);
    let home = Home::of(&server);
    for name in ["../projects", "a/b", "x?y#z", "%2e%2e"] {
        let seen = home.run(&["--json", "run", "show", name]);
        assert_eq!((seen.code, seen.error().as_str()), (1, "not_found"));
    }
    insta::assert_snapshot!(server.lines().join("\n"), @"
    GET /api/v1/runs/..%2Fprojects
    GET /api/v1/runs/a%2Fb
    GET /api/v1/runs/x%3Fy%23z
    GET /api/v1/runs/%252e%252e
    ");
    for name in [".", "..", ""] {
        let seen = home.run(&["--json", "run", "show", name]);
        assert_eq!((seen.code, seen.error().as_str()), (2, "usage"));
    }
    assert_eq!(server.lines().len(), 4);
}
