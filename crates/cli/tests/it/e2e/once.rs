//! The same request sent twice has one effect.

use std::collections::BTreeSet;

use super::harness::{Installation, Part, id};
use super::remote::{Push, Remote};

#[test]
fn what_is_asked_three_times_at_once_happens_once() {
    let mut here = Installation::up();
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    here.agent("writer", "barrier work; echo hello > greeting");
    let card = here.card("demo", "Say hello");

    let start = ["run", "start", &card, "--idempotency-key", "monday-1"];
    let runs: BTreeSet<String> = [(); 3]
        .map(|()| here.fh_in_background(&start))
        .map(|said| id(&said.wait().ok()).to_owned())
        .into();
    assert_eq!(runs.len(), 1);
    let run = runs.first().unwrap();
    let listed = here.fh(&["run", "list"]).ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    // Nor does the same request to the server's next life start another.
    here.kill(Part::Server);
    here.run_in(run, &["dispatching", "running"]);
    assert_eq!(id(&here.fh(&start).ok()), run);
    let listed = here.fh(&["run", "list"]).ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    // The key says another thing for another request; a new request finds the card taken.
    let other = here.card("demo", "Say good bye");
    let said = here.fh(&["run", "start", &other, "--idempotency-key", "monday-1"]);
    assert_eq!(
        (said.code, said.error().as_str()),
        (1, "idempotency_mismatch"),
        "{said}"
    );
    let said = here.fh(&["run", "start", &card]);
    assert_eq!(
        (said.code, said.error().as_str()),
        (1, "run_live"),
        "{said}"
    );

    here.open("work");
    let run = here.run_in(run, &["waiting", "failed"]);
    assert_eq!(run["state"], "waiting", "{run}");
    assert_eq!(remote.taken(Push::Claim), 1);

    let approve = ["run", "approve", id(&run)];
    for said in [(); 3].map(|()| here.fh_in_background(&approve)) {
        assert_eq!(said.wait().ok()["state"], "succeeded");
    }
    assert_eq!(remote.taken(Push::Target), 1);
    assert_eq!(remote.landed(id(&run)).len(), 1);

    // A name that is taken changes nothing.
    let said = here.fh(&[
        "agent", "add", "writer", "--driver", "command", "--", "false",
    ]);
    assert_eq!((said.code, said.error().as_str()), (1, "exists"), "{said}");
    let url = remote.url();
    let said = here.fh(&["project", "add", "demo", "--remote", &url]);
    assert_eq!((said.code, said.error().as_str()), (1, "exists"), "{said}");
}
