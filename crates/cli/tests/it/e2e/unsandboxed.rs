//! Agents without a sandbox, through the whole product: only where the owner of a machine says so,
//! said loudly wherever a run is shown, and gone with the runner.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::agents::{self, writes_goes_on_and_lands};
use super::day::{Model, approve, output, run_of, text, waits};
use super::harness::{Installation, Part, id};
use super::procs::{self, until};
use super::remote::Remote;

/// The owner of the machine says so, and starts the runner anew.
fn allow(up: &mut Installation, weakest: &str) {
    let policy = up.data().join("runner/policy.toml");
    fs::write(policy, format!("isolation = \"{weakest}\"\n")).unwrap();
    up.restart();
}

/// What a person reads, who uses no `--json`.
fn shown(up: &Installation, words: &[&str]) -> String {
    let said = up
        .program(words)
        .env("FREEHOLD_URL", &up.line().url)
        .env("FREEHOLD_TOKEN", &up.line().token)
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn the_owner_of_the_machine_has_the_first_word_and_every_page_says_unsandboxed() {
    let mut up = Installation::up();
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    up.project("p", &remote, &["--egress", "none"]);
    let mark = up.beside("mark");
    let script = format!("touch {}; pwd; echo hi > greeting", mark.display());
    up.agent_with("loose", &script, &["--isolation", "worktree"]);
    let card = up.card("p", "Say hi");
    let run = up.fh(&["run", "start", &card, "--agent", "loose"]).ok();
    let waiting = until("the run says why it waits", || {
        let run = up.run(id(&run));
        (run["reason"] == "no_runner_with_isolation").then_some(run)
    });
    assert_eq!(text(&waiting, "state"), "queued");
    let detail = text(&waiting, "detail");
    assert!(
        detail.contains("isolation = \"worktree\"") && detail.contains("policy.toml"),
        "{detail}"
    );
    assert!(!mark.exists());

    // What the message says is what helps.
    allow(&mut up, "worktree");
    let run = waits(up.run_in(id(&run), &["waiting", "failed", "rejected"]));
    assert!(mark.exists());
    let page = shown(&up, &["run", "show", id(&run)]);
    assert!(page.contains("worktree: UNSANDBOXED"), "{page}");
    let events = up.events(id(&run));
    assert!(
        events.iter().any(|event| event["type"] == "note"
            && text(&event["payload"], "text").starts_with("unsandboxed (worktree)")),
        "{events:#?}"
    );
    let dir = output(&events, "agent");
    assert!(!Path::new(dir.trim()).exists(), "{dir} is left");
    approve(&up, &run);
    assert_eq!(remote.show("greeting").as_deref(), Some("hi"));

    // A project may demand more than an agent asks for, and gets it.
    let demand = ["project", "edit", "p", "--isolation-at-least", "sandbox"];
    up.fh(&demand).ok();
    fs::remove_file(&mark).unwrap();
    let card = up.card("p", "Say hi again");
    let walled = run_of(&up, &card, "loose");
    assert!(!mark.exists(), "{walled:#}");
}

/// The runner is killed in the middle of a turn: its processes go with it, daemons among them, and the
/// run is done once more.
#[test]
fn nothing_outlives_a_runner_that_is_killed() {
    for tier in ["worktree", "none"] {
        let mut up = Installation::up();
        allow(&mut up, tier);
        let remote = Remote::bare(&[("greeting", "good evening\n")]);
        up.project("p", &remote, &["--egress", "none"]);
        let script = "setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' & \
                      (setsid nohup sleep 4321 >/dev/null 2>&1 &); barrier agent; echo hi > greeting";
        up.agent_with("loose", script, &["--isolation", tier]);
        let card = up.card("p", "Say hi");
        let run = up.fh(&["run", "start", &card, "--agent", "loose"]).ok();
        up.wait_at("agent");
        let runner = up.pid(Part::Runner);
        let below = until("its daemons are there", || {
            let tree = procs::tree(runner);
            let words: Vec<String> = tree.iter().map(|pid| procs::words(*pid)).collect();
            words
                .iter()
                .any(|words| words == "sleep 4321")
                .then_some(tree)
        });
        assert!(below.len() > 4, "{}", procs::described(below.clone()));
        up.kill(Part::Runner);
        until("everything that it started is gone", || {
            (!below.iter().any(|pid| procs::is_alive(*pid))).then_some(())
        });
        up.open("agent");
        let run = waits(up.run_in(id(&run), &["waiting", "failed", "rejected"]));
        assert_eq!(run["attempt"], 2, "{run:#}");
        approve(&up, &run);
        assert_eq!(remote.show("greeting").as_deref(), Some("hi"));
        let trees = fs::read_dir(up.data().join("runner/runs")).unwrap();
        assert_eq!(trees.count(), 0, "folders of runs are left");
    }
}

/// An installation with a model, where this is allowed, and an agent `ours` that works so.
fn with_model(model: &Model, tier: &str, agent: &[&str]) -> (Installation, Remote) {
    let (mut up, remote) = agents::start(model, "openai", &[]);
    allow(&mut up, tier);
    let words = ["agent", "add", "ours", "--provider", "model", "--isolation"];
    up.fh(&[&words[..], &[tier], agent].concat()).ok();
    (up, remote)
}

#[test]
fn our_own_loop_reaches_its_model_from_a_worktree() {
    let model = Model::turns(agents::greeting(), agents::KEY);
    let (up, remote) = with_model(&model, "worktree", &["--driver", "builtin"]);
    writes_goes_on_and_lands(&up, &remote, &model, "ours", "/v1/chat/completions");
    let runs = up.fh(&["run", "list"]).ok();
    let runs = runs["items"].as_array().unwrap();
    let all: Vec<&Value> = runs.iter().map(|run| &run["isolation"]).collect();
    assert_eq!(all, ["worktree"]);
}

#[test]
fn an_agent_of_the_field_reaches_its_model_from_the_shared_tree() {
    let model = Model::turns(agents::greeting(), agents::KEY);
    let agents = agents::agents();
    let named = ["--path", agents.to_str().unwrap()];
    let agent = [&["--driver", "acp", "--preset", "opencode"][..], &named].concat();
    let (up, remote) = with_model(&model, "none", &agent);
    let card = up.card("p", "Write hello.txt.");
    let run = waits(run_of(&up, &card, "ours"));
    assert_eq!(run["isolation"], "none", "{run:#}");
    approve(&up, &run);
    assert_eq!(remote.show("hello.txt").as_deref(), Some("hello"));
}
