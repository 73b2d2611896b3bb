//! A remote that is away for a while, F51 of the list of faults: runs wait for it and hold nothing, say
//! for which and until when, and go on alone.

use std::time::Duration;

use freehold_testkit::GitHttp;
use serde_json::Value;

use super::harness::{Installation, id};
use super::procs::within;
use super::remote::{Push, Remote};

/// A few tries in vain: the pauses are some 4, 8 and 16 seconds.
const FOUND: Duration = Duration::from_secs(60);

/// An installation whose project's remote is served over HTTP.
fn begin(agent: &str) -> (Installation, Remote, GitHttp) {
    let here = Installation::up();
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    let (server, url) = remote.over_http();
    let args = [
        "project", "add", "demo", "--remote", &url, "--egress", "none",
    ];
    here.fh(&args).ok();
    here.agent("writer", agent);
    (here, remote, server)
}

/// Waits until a run waits for its remote.
fn parked(here: &Installation, run: &str) -> Value {
    within(FOUND, "the run waits for its remote", || {
        let seen = here.run(run);
        (seen["waiting_for"] == "remote").then_some(seen)
    })
}

fn host(server: &GitHttp) -> String {
    let url = server.url("remote.git");
    url.split('/').nth(2).unwrap().to_owned()
}

#[test]
fn a_run_and_its_landing_wait_for_a_remote_that_is_away_and_go_on_alone() {
    let (here, remote, mut server) = begin("cp \"$FREEHOLD_CARD\" greeting");
    let host = host(&server);
    server.go_away();
    let card = here.card("demo", "Wait for the remote");
    let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
    let seen = parked(&here, &run);
    assert_eq!(
        (&seen["state"], &seen["reason"], &seen["attempt"]),
        (&"queued".into(), &"remote_unreachable".into(), &1.into()),
        "{seen}"
    );
    assert!(seen["next_try_at"].is_string(), "{seen}");
    let detail = seen["detail"].as_str().unwrap();
    let first = format!("waits for the remote {host}: asked ");
    assert!(detail.starts_with(&first), "{detail}");
    assert!(detail.lines().count() > 1, "git's own words: {detail}");
    here.nobody_works_on(&run);
    // It may just be asked again.
    let wanted = ["queued, waits for the remote", "next try", &host];
    within(FOUND, "a person reads it", || {
        let text = shown(&here, &run);
        wanted
            .iter()
            .all(|words| text.contains(words))
            .then_some(())
    });

    server.come_back();
    let waiting = here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(
        (&waiting["state"], &waiting["attempt"]),
        (&"waiting".into(), &1.into()),
        "{waiting}"
    );
    assert!(waiting["epoch"].as_u64().unwrap() > 1, "{waiting}");
    assert_eq!(remote.taken(Push::Claim), 1);

    server.go_away();
    let approving = here.fh_in_background(&["run", "approve", &run]);
    let seen = parked(&here, &run);
    assert_eq!(seen["state"], "landing", "{seen}");
    here.nobody_works_on(&run);
    server.come_back();
    let landed = approving.wait_within(FOUND).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.landed(&run), [landed["landed"].as_str().unwrap()]);
    assert_eq!(remote.taken(Push::Target), 1);
    let told = here.events(&run);
    assert!(
        told.iter()
            .filter(|event| event["type"] == "run.away")
            .count()
            >= 2
    );
}

/// What an agent has done lies nowhere but on its runner, which keeps it.
#[test]
fn work_that_cannot_be_pushed_is_kept_until_the_remote_is_back() {
    let (here, remote, mut server) =
        begin("barrier work; echo once >> greeting; cp \"$FREEHOLD_CARD\" card");
    let card = here.card("demo", "Keep this");
    let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
    here.wait_at("work");
    server.go_away();
    here.open("work");
    within(FOUND, "the runner says that it keeps the work", || {
        let events = here.events(&run);
        let mut texts = events
            .iter()
            .filter_map(|event| event["payload"]["text"].as_str());
        texts
            .any(|text| text.contains("the work is kept on this machine"))
            .then_some(())
    });
    assert_eq!(here.run(&run)["state"], "running");
    here.nobody_works_on(&run);
    server.come_back();
    let waiting = here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(
        (&waiting["state"], &waiting["attempt"], &waiting["epoch"]),
        (&"waiting".into(), &1.into(), &1.into()),
        "{waiting}"
    );
    assert_eq!(remote.taken(Push::Work), 1);
    let landed = here.fh(&["run", "approve", &run]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.show("greeting").unwrap(), "good evening\nonce");
}

/// What a person reads who does not ask for JSON.
fn shown(here: &Installation, run: &str) -> String {
    let line = here.line();
    let said = here
        .program(&["run", "show", run])
        .env("FREEHOLD_URL", &line.url)
        .env("FREEHOLD_TOKEN", &line.token)
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap()
}

/// A run that waits for its remote can be called off, and the next one needs no word about it.
#[test]
fn a_run_that_waits_for_its_remote_is_cancelled_at_once() {
    let (here, remote, mut server) = begin("cp \"$FREEHOLD_CARD\" greeting");
    server.go_away();
    let card = here.card("demo", "Never mind");
    let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
    parked(&here, &run);
    let cancelled = here.fh(&["run", "cancel", &run]).ok();
    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    server.come_back();
    let next = here.run_card("demo", "The next one");
    assert_eq!(next["state"], "waiting", "{next}");
    here.nobody_works_on(&run);
    assert_eq!(remote.run_refs(&run), Vec::<String>::new());
}
