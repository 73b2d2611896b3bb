//! The other ends of a run: red checks, no change, a person's no, a person's answer, a stop.

use super::harness::{Installation, id};
use super::remote::{Push, Remote};

/// Writes what the title says into `greeting`, and nothing when it says `nothing`.
const WRITER: &str = r#"
title=$(sed 's/.*"title":"\([^"]*\)".*/\1/' "$FREEHOLD_CARD")
[ "$title" = nothing ] || echo "$title" > greeting
"#;

#[test]
fn what_does_not_pass_or_does_not_change_anything_does_not_land() {
    let here = Installation::up();
    let remote = Remote::bare(&[
        ("greeting", "good evening\n"),
        (
            ".agentworks/project.toml",
            "[[checks]]\nname = \"style\"\ncommand = \"true\"\n\n\
             [[checks]]\nname = \"greets\"\ncommand = \"grep -c hello greeting || { echo 'nobody is greeted'; exit 7; }\"\n",
        ),
    ]);
    let before = remote.head();
    here.project("demo", &remote, &["--egress", "none"]);
    here.agent("writer", WRITER);

    // A red check: which, why, and an exit code for scripts.
    let card = here.card("demo", "good bye");
    let said = here.fh(&["run", "start", &card, "--wait"]);
    let red = said.document();
    assert_eq!(said.code, 1, "{said}");
    assert_eq!(
        (&red["state"], &red["reason"]),
        (&"rejected".into(), &"checks".into())
    );
    assert_eq!(red["checks"][0]["state"], "passed");
    assert_eq!(red["checks"][1]["state"], "failed");
    assert_eq!(red["checks"][1]["exit_code"], 7);
    let detail = red["detail"].as_str().unwrap();
    assert!(
        detail.contains("greets") && detail.contains("nobody is greeted"),
        "{detail}"
    );
    let said = here.fh(&["run", "approve", id(&red)]);
    assert_eq!(
        (said.code, said.error().as_str()),
        (1, "conflict"),
        "{said}"
    );
    let diff = here.fh(&["run", "diff", id(&red)]);
    assert!(
        diff.out().contains("+good bye"),
        "also after the end: {diff}"
    );

    // No change: nothing to approve.
    let none = here.run_card("demo", "nothing");
    assert_eq!(
        (&none["state"], &none["reason"]),
        (&"succeeded".into(), &"no_change".into())
    );
    assert!(
        none["commit"].is_null() && none["landed"].is_null(),
        "{none}"
    );

    // A person's no is final.
    let run = here.run_card("demo", "hello there");
    assert_eq!(run["state"], "waiting", "{run}");
    let no = here
        .fh(&["run", "reject", id(&run), "--reason", "Not what I meant"])
        .ok();
    assert_eq!(
        (&no["state"], &no["reason"]),
        (&"rejected".into(), &"rejected_by_person".into())
    );
    assert!(
        no["detail"].as_str().unwrap().contains("Not what I meant"),
        "{no}"
    );
    let said = here.fh(&["run", "approve", id(&run)]);
    assert_eq!(
        (said.code, said.error().as_str()),
        (1, "conflict"),
        "{said}"
    );

    assert_eq!(remote.head(), before);
    assert_eq!(remote.taken(Push::Target), 0);
    for run in [&red, &none, &no] {
        here.nobody_works_on(id(run));
        here.events(id(run));
    }
}

/// Each turn adds an `x` to a file in HOME and shows it; the first leaves a note that git ignores.
const COUNTER: &str = r#"
echo "$(cat "$HOME/turns" 2>/dev/null || true)x" > "$HOME/turns"
cp "$HOME/turns" turns
[ -e note.local ] && echo 'the note is there' >> turns || echo note > note.local
sed 's/.*"reply":\("[^"]*"\|null\).*/reply \1/' "$FREEHOLD_CARD" >> turns
"#;

#[test]
fn an_answer_goes_on_where_the_run_was_and_after_its_end_starts_another() {
    let here = Installation::up();
    let remote = Remote::bare(&[("turns", "none\n"), (".gitignore", "*.local\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    here.agent("counter", COUNTER);

    let first = here.run_card("demo", "Count");
    let run = id(&first);
    assert_eq!(first["state"], "waiting", "{first}");
    assert!(here.fh(&["run", "diff", run]).out().contains("+reply null"));

    // The same run, workspace and home.
    let said = here.fh(&["run", "reply", run, "--text", "Once more"]).ok();
    assert_eq!(
        (id(&said), &said["parent"]),
        (run, &serde_json::Value::Null)
    );
    let second = here.run_in(run, &["waiting", "failed"]);
    assert_eq!(second["state"], "waiting", "{second}");
    assert_ne!(second["commit"], first["commit"]);
    let diff = here.fh(&["run", "diff", run]).out();
    assert!(
        diff.contains("+xx\n+the note is there\n+reply \"Once more\""),
        "{diff}"
    );

    // A yes to what is no longer there is refused; the present work lands with all its commits.
    let old = first["commit"].as_str().unwrap();
    let said = here.fh(&["run", "approve", run, "--commit", old]);
    assert_eq!(
        (said.code, said.error().as_str()),
        (1, "commit_mismatch"),
        "{said}"
    );
    let landed = here.fh(&["run", "approve", run]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.taken(Push::Target), 1);
    assert_eq!(remote.log(), ["Count", "Count", "first"]);

    // After the end: another run, which knows its parent, in a new workspace.
    let child = here.fh(&["run", "reply", run, "--text", "And again"]).ok();
    assert_ne!(id(&child), run);
    assert_eq!(child["parent"], run);
    let child = here.run_in(id(&child), &["waiting", "failed", "succeeded"]);
    assert_eq!(child["state"], "waiting", "{child}");
    let diff = here.fh(&["run", "diff", id(&child)]).out();
    assert!(
        diff.contains("+reply \"And again\"") && !diff.contains("+the note"),
        "{diff}"
    );
    here.events(run);
    here.events(id(&child));
}

#[test]
fn a_stop_ends_the_agent_and_all_that_it_started() {
    let here = Installation::up();
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    here.agent(
        "stubborn",
        r#"
        trap '' TERM INT HUP
        setsid sh -c 'trap "" TERM; barrier never' &
        (trap '' TERM; setsid -f sh -c 'barrier never')
        barrier never
        "#,
    );
    let card = here.card("demo", "Never end");
    let waiting = here.fh_in_background(&["run", "start", &card, "--wait"]);
    super::procs::until("the agent and its two children are there", || {
        (here.at("never").len() == 3).then_some(())
    });
    let run = here.fh(&["run", "list"]).ok()["items"][0].clone();
    assert_eq!(run["state"], "running");
    let refused = here.fh(&["run", "start", &card]);
    assert_eq!(
        (refused.code, refused.error().as_str()),
        (1, "run_live"),
        "{refused}"
    );

    assert_eq!(here.fh(&["run", "cancel", id(&run)]).code, 0);
    let said = waiting.wait();
    assert_eq!(said.code, 1, "{said}");
    let ended = said.document();
    assert_eq!(
        (&ended["state"], &ended["reason"]),
        (&"cancelled".into(), &"cancelled".into())
    );
    here.nobody_works_on(id(&run));
    assert!(here.at("never").is_empty());
    here.events(id(&run));
    assert_eq!(
        here.fh(&["run", "cancel", id(&run)]).code,
        0,
        "said twice: one effect"
    );
}
