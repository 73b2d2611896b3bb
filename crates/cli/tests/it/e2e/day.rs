//! What a person sees of a run, and a model that follows a script.

use std::time::Duration;

use freehold_scripted::{Handle, Listen, Recorded, Script, ScriptedModel, Step};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::harness::{Installation, id};
use super::procs::within;

/// For a run that installs packages, or that real agents work on, on a machine that does much else.
pub(crate) const LONG: Duration = Duration::from_secs(300);

/// Runs an agent on a new card of the project `p`, until it has ended or waits.
pub(crate) fn run(up: &Installation, agent: &str) -> Value {
    let card = up.card("p", &format!("A card for {agent}"));
    run_of(up, &card, agent)
}

/// The same for a card that is there.
pub(crate) fn run_of(up: &Installation, card: &str, agent: &str) -> Value {
    let words = ["run", "start", card, "--agent", agent, "--wait"];
    up.fh_in_background(&words).wait_within(LONG).document()
}

/// Runs an agent whose work then waits for review, with green checks.
#[track_caller]
pub(crate) fn work(up: &Installation, agent: &str) -> Value {
    waits(run(up, agent))
}

/// The run waits for review, and all its checks are green.
#[track_caller]
pub(crate) fn waits(run: Value) -> Value {
    let state = (text(&run, "state"), run["waiting_for"].as_str());
    assert_eq!(state, ("waiting", Some("review")), "{run:#}");
    for check in run["checks"].as_array().unwrap() {
        assert_eq!(check["state"], "passed", "{run:#}");
    }
    run
}

/// Runs an agent that fails for this reason; gives the detail.
#[track_caller]
pub(crate) fn fails(up: &Installation, agent: &str, reason: &str) -> String {
    let run = run(up, agent);
    let state = (text(&run, "state"), run["reason"].as_str());
    assert_eq!(state, ("failed", Some(reason)), "{run:#}");
    text(&run, "detail").to_owned()
}

/// Says yes; gives the commit that landed.
#[track_caller]
pub(crate) fn approve(up: &Installation, run: &Value) -> String {
    let said = up.fh_in_background(&["run", "approve", id(run)]);
    let landed = said.wait_within(LONG).ok();
    assert_eq!(landed["state"], "succeeded", "{landed:#}");
    text(&landed, "landed").to_owned()
}

/// Answers a run, and waits for the end of its next turn.
pub(crate) fn reply(up: &Installation, run: &Value, words: &str) -> Value {
    let before = run["epoch"].as_u64();
    up.fh(&["run", "reply", id(run), "--text", words]).ok();
    within(LONG, "the end of the next turn", || {
        let run = up.run(id(run));
        let ends = ["waiting", "succeeded", "failed", "rejected", "cancelled"];
        let settled = ends.contains(&text(&run, "state"));
        (settled && run["epoch"].as_u64() > before).then_some(run)
    })
}

/// The output of one step, as the events have it.
pub(crate) fn output(events: &[Value], step: &str) -> String {
    let ours = |event: &&Value| event["type"] == "output" && event["payload"]["step"] == step;
    let text = |event: &Value| {
        event["payload"]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    events.iter().filter(ours).map(text).collect()
}

/// How often a run remarked something.
pub(crate) fn remarked(events: &[Value], words: &str) -> usize {
    let ours = |event: &&Value| event["type"] == "note" && event["payload"]["text"] == words;
    events.iter().filter(ours).count()
}

/// A text of a document.
#[track_caller]
pub(crate) fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    let value = document[key].as_str();
    value.unwrap_or_else(|| panic!("no {key} in {document:#}"))
}

/// The whole error of a command that ended with this exit code.
#[track_caller]
pub(crate) fn refused(up: &Installation, code: i32, words: &[&str]) -> Value {
    let said = up.fh(words);
    assert_eq!(said.code, code, "{said}");
    assert!(said.bytes.is_empty(), "{said}");
    let line = said.err.lines().last().unwrap_or_default();
    let document: Value = serde_json::from_str(line).unwrap();
    let error = document["error"].clone();
    assert!(
        !text(&error, "message").is_empty() && !text(&error, "next").is_empty(),
        "{error}"
    );
    error
}

/// A scripted model on a loopback port, that wants a key.
pub(crate) struct Model {
    runtime: Runtime,
    handle: Handle,
}

impl Model {
    /// Plays these turns to everybody.
    pub(crate) fn turns(turns: impl IntoIterator<Item = Vec<Step>>, key: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let script = Script::new("test", turns);
        let start = ScriptedModel::start_guarded(script, Listen::Loopback(0), Some(key.into()));
        let handle = runtime.block_on(start).unwrap();
        Self { runtime, handle }
    }

    /// Without a version.
    pub(crate) fn url(&self) -> String {
        self.handle.url().to_owned()
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.handle.requests()
    }

    /// The endpoint goes down.
    pub(crate) fn stop(self) {
        self.runtime.block_on(self.handle.shutdown());
    }
}
