//! Landing when the remote is not as it was: others have landed, both sides changed, the result is
//! red, the remote says no.

use serde_json::Value;

use super::harness::{Installation, id};
use super::procs::until;
use super::remote::{Push, Remote};

/// Writes a file that is named as the card's title says: `FILE TEXT`.
const WRITER: &str = r#"
title=$(sed 's/.*"title":"\([^"]*\)".*/\1/' "$FREEHOLD_CARD")
if grep -q '"reply":"merge' "$FREEHOLD_CARD"; then
  grep -q '"ref":"origin/main"' "$FREEHOLD_CARD" || exit 9
  git merge -q --no-edit -X ours origin/main
else
  echo "${title#* }" > "${title%% *}"
fi
"#;

/// An installation and a project whose check counts how often it ran on how many `.txt` files.
fn at_work(check: &str) -> (Installation, Remote) {
    let here = Installation::up();
    let file = format!(
        "[[checks]]\nname = \"files\"\ncommand = {}\n",
        Value::from(check)
    );
    let remote = Remote::bare(&[("README", "first\n"), (".agentworks/project.toml", &file)]);
    here.project("demo", &remote, &["--egress", "none"]);
    here.agent("writer", WRITER);
    (here, remote)
}

/// Two runs that started from the same commit and wait for review.
fn two_waiting(here: &Installation, titles: [&str; 2]) -> [Value; 2] {
    let cards = titles.map(|title| here.card("demo", title));
    let both = cards.map(|card| here.fh_in_background(&["run", "start", &card, "--wait"]));
    let both = both.map(|run| run.wait().ok());
    for run in &both {
        assert_eq!(run["state"], "waiting", "{run}");
    }
    assert_eq!(both[0]["base"], both[1]["base"]);
    both
}

#[test]
fn two_runs_of_one_project_land_both() {
    let (here, remote) = at_work("ls *.txt");
    let [one, two] = two_waiting(&here, ["one.txt 1", "two.txt 2"]);

    // Approved at the same time, so that they meet at the remote.
    let both = [&one, &two].map(|run| here.fh_in_background(&["run", "approve", id(run)]));
    let both = both.map(|said| said.wait().ok());
    for run in &both {
        assert_eq!(run["state"], "succeeded", "{run}");
        assert_eq!(remote.landed(id(run)).len(), 1);
        assert_eq!(remote.landed(id(run))[0], *run["landed"].as_str().unwrap());
    }
    assert_eq!(remote.taken(Push::Target), 2);
    assert_eq!(remote.show("one.txt").unwrap(), "1");
    assert_eq!(remote.show("two.txt").unwrap(), "2");

    // Whoever came second was merged, and checked again on the result.
    let parents = remote.git(&["log", "-1", "--format=%P", "main"]);
    assert_eq!(parents.split(' ').count(), 2);
    let second = both
        .iter()
        .find(|run| run["landed"] == *remote.head())
        .unwrap();
    let checks: Vec<Value> = here
        .events(id(second))
        .into_iter()
        .filter(|event| event["type"] == "check.finished")
        .collect();
    assert!(checks.len() >= 2, "{checks:?}");
    let seen = here
        .events(id(second))
        .into_iter()
        .any(|event| event["type"] == "output" && event["payload"]["text"] == "one.txt\ntwo.txt\n");
    assert!(seen, "the check saw the merged result");
}

#[test]
fn a_conflict_waits_for_a_person_and_both_commits_are_kept() {
    let (here, remote) = at_work("true");
    let [one, two] = two_waiting(&here, ["same.txt mine", "same.txt yours"]);
    assert_eq!(
        here.fh(&["run", "approve", id(&one)]).ok()["state"],
        "succeeded"
    );

    let said = here.fh(&["run", "approve", id(&two)]);
    let refused = said.document();
    assert_eq!(said.code, 1, "{said}");
    assert_eq!(
        (&refused["state"], &refused["reason"]),
        (&"waiting".into(), &"conflict".into())
    );
    assert_eq!(refused["waiting_for"], "review");
    assert!(
        refused["detail"].as_str().unwrap().contains("same.txt"),
        "{refused}"
    );
    assert_eq!(remote.show("same.txt").unwrap(), "mine");
    assert_eq!(remote.landed(id(&one)).len(), 1);
    assert_eq!(remote.landed(id(&two)).len(), 0);
    let kept = remote.run_refs(id(&two));
    assert!(
        kept.contains(&two["commit"].as_str().unwrap().to_owned()),
        "{kept:?}"
    );
    here.nobody_works_on(id(&two));
    here.events(id(&two));

    // The agent is shown where the target is now, merges it, and what it made of it can land.
    let asked = here.fh(&["run", "reply", id(&two), "--text", "merge it, yours wins"]);
    assert_eq!(asked.ok()["id"], two["id"]);
    let mended = here.run_in(id(&two), &["waiting", "failed"]);
    assert_eq!(mended["state"], "waiting", "{mended}");
    assert_eq!(mended["base"], remote.head().as_str());
    assert_ne!(mended["commit"], two["commit"]);
    let landed = here.fh(&["run", "approve", id(&two)]).ok();
    assert_eq!(landed["state"], "succeeded");
    assert_eq!(remote.show("same.txt").unwrap(), "yours");
    assert_eq!(remote.head(), landed["landed"].as_str().unwrap());
}

#[test]
fn a_result_that_is_red_waits_for_a_person() {
    // Each alone is fine; both are one too many.
    let (here, remote) = at_work("test $(ls *.txt | wc -l) -le 1 || { echo too many; exit 3; }");
    let [one, two] = two_waiting(&here, ["one.txt 1", "two.txt 2"]);
    assert_eq!(
        here.fh(&["run", "approve", id(&one)]).ok()["state"],
        "succeeded"
    );

    let said = here.fh(&["run", "approve", id(&two)]);
    let refused = said.document();
    assert_eq!(said.code, 1, "{said}");
    assert_eq!(
        (&refused["state"], &refused["reason"]),
        (&"waiting".into(), &"checks_on_result".into())
    );
    assert!(
        refused["detail"].as_str().unwrap().contains("too many"),
        "{refused}"
    );
    assert_eq!(refused["checks"][0]["exit_code"], 3);
    assert_eq!(remote.show("two.txt"), None);
    assert_eq!(remote.taken(Push::Target), 1);
    here.nobody_works_on(id(&two));
}

#[test]
fn a_remote_that_refuses_is_quoted_and_can_be_tried_again() {
    let (here, remote) = at_work("true");
    let run = here.run_card("demo", "one.txt 1");
    remote.refuse(
        Push::Target,
        "no landings on a Friday, says the release desk",
    );

    let said = here.fh(&["run", "approve", id(&run)]);
    let refused = said.document();
    assert_eq!(said.code, 1, "{said}");
    assert_eq!(
        (&refused["state"], &refused["reason"]),
        (&"waiting".into(), &"remote_refused".into())
    );
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("no landings on a Friday"), "{detail}");
    assert_eq!(remote.taken(Push::Target), 0);

    remote.refuse_no_more(Push::Target);
    let landed = here.fh(&["run", "approve", id(&run)]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.taken(Push::Target), 1);
    assert_eq!(remote.landed(id(&run)).len(), 1);
}

#[test]
fn a_target_that_moves_while_we_land_is_followed() {
    let (here, remote) = at_work("ls");
    let run = here.run_card("demo", "one.txt 1");
    // Ours waits inside the remote while somebody else's commit overtakes it.
    remote.hold(Push::Target);
    let approving = here.fh_in_background(&["run", "approve", id(&run)]);
    remote.wait_held(Push::Target);
    let theirs = remote.overtake(&[("theirs.txt", "3\n")], "overtakes");
    remote.release(Push::Target);

    let landed = approving.wait().ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.landed(id(&run)).len(), 1);
    assert_eq!(remote.show("theirs.txt").unwrap(), "3");
    assert_eq!(remote.show("one.txt").unwrap(), "1");
    remote.git(&["merge-base", "--is-ancestor", &theirs, "main"]);
    until("the hook is done", || {
        (remote.taken(Push::Target) == 1).then_some(())
    });
}
