//! The way of a card: from the board to a commit on the client's own main.

use serde_json::Value;

use super::harness::{Installation, id};
use super::remote::{Push, Remote, git};

const PROJECT_FILE: &str = r#"
[setup]
command = "mkdir -p made && echo tools > made/by-setup"

[[checks]]
name = "setup was there"
command = "cat made/by-setup"

[[checks]]
name = "greets"
command = "grep hello greeting"
timeout = "1m"
"#;

#[test]
fn a_card_becomes_a_reviewed_commit() {
    let mut here = Installation::up();
    let remote = Remote::bare(&[
        ("greeting", "good evening\n"),
        (".agentworks/project.toml", PROJECT_FILE),
    ]);
    let before = remote.head();

    let project = here.project("demo", &remote, &[]);
    assert_eq!(project["target"], "main");
    here.agent(
        "writer",
        r#"
        cat made/by-setup
        echo hello > greeting
        # The checks of the target branch count, not these.
        printf '[[checks]]\nname = "mine"\ncommand = "false"\n' > .agentworks/project.toml
        "#,
    );
    let card = here.card("demo", "Say hello");
    let said = here.fh(&["run", "start", &card, "--wait"]);
    let run = said.ok();
    let run_id = id(&run).to_owned();

    // The work waits for a person, checked by the rules of the target branch.
    assert_eq!(run["state"], "waiting", "{run}");
    assert_eq!(run["waiting_for"], "review");
    assert_eq!(run["agent"], "writer");
    assert_eq!(run["base"], *before);
    assert_eq!(run["target"], "main");
    assert_eq!((&run["attempt"], &run["epoch"]), (&1.into(), &1.into()));
    assert_eq!(
        run["checks"],
        serde_json::json!([
            { "name": "setup was there", "state": "passed", "exit_code": 0 },
            { "name": "greets", "state": "passed", "exit_code": 0 },
        ])
    );
    assert_eq!(here.run(&run_id), run, "`run show` says the same");
    let shown = here.fh(&["card", "show", &card]).ok();
    assert_eq!(
        (&shown["lane"], &shown["landed"]),
        (&"Review".into(), &false.into())
    );
    assert_eq!(remote.head(), before, "nothing lands without a yes");
    here.nobody_works_on(&run_id);

    the_diff_applies(&here, &remote, &run_id);
    assert_eq!(here.fh(&["run", "logs", &run_id]).out(), "tools\n");
    steps_are_said_in_their_order(&here.events(&run_id));

    let commit = run["commit"].as_str().unwrap();
    let landed = here
        .fh(&["run", "approve", &run_id, "--commit", commit])
        .ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(landed["landed"], *remote.head());
    assert!(landed["finished_at"].is_string());

    // Once, with its name on it, and without what setup made.
    assert_eq!(remote.taken(Push::Target), 1);
    assert_eq!(remote.landed(&run_id), [remote.head()]);
    assert_eq!(remote.log(), ["Say hello", "first"]);
    let card_trailer = "--format=%(trailers:key=Freehold-Card,valueonly)";
    assert_eq!(
        remote.git(&["log", "-1", card_trailer, "main"]).trim(),
        card
    );
    assert_eq!(remote.show("greeting").unwrap(), "hello");
    assert_eq!(remote.show("made"), None);

    let shown = here.fh(&["card", "show", &card]).ok();
    assert_eq!(
        (&shown["lane"], &shown["landed"]),
        (&"Done".into(), &true.into())
    );
    here.events(&run_id);

    // Said again, it has no second effect.
    let again = here
        .fh(&["run", "approve", &run_id, "--commit", commit])
        .ok();
    assert_eq!(again["landed"], landed["landed"]);
    assert_eq!(remote.taken(Push::Target), 1);

    // Everything is there after a restart, and the owner's token is still good.
    let token = here.line().token.clone();
    here.restart();
    assert_eq!(here.line().token, token);
    assert_eq!(here.run(&run_id), landed);
    assert_eq!(
        here.fh(&["runner", "list"]).ok()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

fn the_diff_applies(here: &Installation, remote: &Remote, run: &str) {
    let clone = remote.clone_here();
    let diff = here.fh(&["run", "diff", run]);
    assert_eq!(diff.code, 0, "{diff}");
    let file = clone.path().join(".git/work.diff");
    std::fs::write(&file, &diff.bytes).unwrap();
    git(clone.path(), &["apply", "--check", file.to_str().unwrap()]);
    assert!(diff.out().contains("+hello"), "{diff}");
}

fn steps_are_said_in_their_order(events: &[Value]) {
    let steps: Vec<String> = events
        .iter()
        .filter_map(|event| {
            let kind = event["type"].as_str()?.strip_prefix("step.")?;
            Some(format!("{} {kind}", event["payload"]["step"].as_str()?))
        })
        .collect();
    let expected: Vec<String> = ["stage", "setup", "agent", "collect", "check"]
        .iter()
        .flat_map(|step| [format!("{step} started"), format!("{step} finished")])
        .collect();
    assert_eq!(steps[..expected.len()], expected);
    let states: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str()?.strip_prefix("run."))
        .collect();
    assert_eq!(states, ["queued", "dispatching", "running", "waiting"]);
}
