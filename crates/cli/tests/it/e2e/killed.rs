//! `kill -9` of everything at each step of a run. Afterwards the work is on the target exactly once,
//! or the run has ended in one clear failure; nothing is stuck, nothing is left behind, and the story
//! that the events tell has no hole.

use serde_json::Value;

use super::harness::{Installation, Part, Saying, id};
use super::procs;
use super::remote::{Push, Remote};

/// Where a run is when somebody dies. Setup comes first in each walk: later runs find its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Setup,
    Stage,
    Agent,
    Collect,
    Check,
    Waiting,
    Landing,
}

/// The early half of a run, and the late one: together they are all steps.
const EARLY: [Step; 4] = [Step::Setup, Step::Stage, Step::Agent, Step::Collect];
const LATE: [Step; 3] = [Step::Check, Step::Waiting, Step::Landing];

const PROJECT_FILE: &str = r#"
[setup]
command = "barrier setup && echo made > by-setup"

[[checks]]
name = "steady"
command = "barrier check && cat by-setup"
"#;

/// An installation and a project in which each step can be held.
struct Walk {
    here: Installation,
    remote: Remote,
}

impl Walk {
    fn begin() -> Self {
        let here = Installation::up();
        for gate in ["setup", "agent", "check"] {
            here.open(gate);
        }
        let remote = Remote::bare(&[
            ("greeting", "good evening\n"),
            (".agentworks/project.toml", PROJECT_FILE),
        ]);
        here.project("demo", &remote, &["--egress", "none"]);
        here.agent("writer", r#"barrier agent; cp "$FREEHOLD_CARD" greeting"#);
        Self { here, remote }
    }

    /// Holds what comes to this step from now on.
    fn hold(&self, step: Step) {
        match step {
            Step::Setup => self.here.close("setup"),
            Step::Agent => self.here.close("agent"),
            Step::Check => self.here.close("check"),
            Step::Stage => self.remote.hold(Push::Claim),
            Step::Collect => self.remote.hold(Push::Work),
            Step::Landing => self.remote.hold(Push::Target),
            Step::Waiting => {}
        }
    }

    fn wait_held(&self, step: Step) {
        match step {
            Step::Setup => self.here.wait_at("setup"),
            Step::Agent => self.here.wait_at("agent"),
            Step::Check => self.here.wait_at("check"),
            Step::Stage => self.remote.wait_held(Push::Claim),
            Step::Collect => self.remote.wait_held(Push::Work),
            Step::Landing => self.remote.wait_held(Push::Target),
            Step::Waiting => {}
        }
    }

    fn release(&self, step: Step) {
        match step {
            Step::Setup => self.here.open("setup"),
            Step::Agent => self.here.open("agent"),
            Step::Check => self.here.open("check"),
            Step::Stage => self.remote.release(Push::Claim),
            Step::Collect => self.remote.release(Push::Work),
            Step::Landing => self.remote.release(Push::Target),
            Step::Waiting => {}
        }
    }

    /// A run that stands in this step, held there. With it the approval that is under way.
    fn run_held_at(&self, step: Step, title: &str) -> (String, Option<Saying>) {
        let late = matches!(step, Step::Waiting | Step::Landing);
        if !late {
            self.hold(step);
        }
        let card = self.here.card("demo", title);
        let run = id(&self.here.fh(&["run", "start", &card]).ok()).to_owned();
        if !late {
            self.wait_held(step);
            return (run, None);
        }
        let waiting = self.here.run_in(&run, &["waiting", "failed", "rejected"]);
        assert_eq!(waiting["state"], "waiting", "{waiting}");
        if step == Step::Waiting {
            self.here.nobody_works_on(&run);
            return (run, None);
        }
        self.hold(step);
        let approving = self.here.fh_in_background(&["run", "approve", &run]);
        self.wait_held(step);
        (run, Some(approving))
    }

    /// One run, one death, and the way to the commit all the same.
    fn story(&mut self, step: Step, victim: Part) {
        let title = format!("{victim:?} dies at {step:?}");
        let landings = self.remote.taken(Push::Target);
        let (run, approving) = self.run_held_at(step, &title);
        self.here.kill(victim);
        self.release(step);
        // Whether the person who approves hears of it or not: the landing goes on.
        match approving {
            // It would look for the server at its old port for a minute.
            Some(approving) if victim == Part::Up => approving.give_up(),
            Some(approving) => drop(approving.wait()),
            None => {}
        }
        if victim == Part::Up {
            self.here.start_again();
        }
        let settled = ["waiting", "succeeded", "failed", "rejected", "cancelled"];
        let mut seen = self.here.run_in(&run, &settled);
        if seen["state"] == "waiting" {
            assert_eq!(seen["waiting_for"], "review", "{title}: {seen}");
            self.here.nobody_works_on(&run);
            let said = self.here.fh(&["run", "approve", &run]);
            seen = self.here.run_in(&run, &settled);
            assert_eq!(seen["state"], "succeeded", "{title}: {said}");
        }
        assert_eq!(seen["state"], "succeeded", "{title}: {seen}");
        self.landed_once(&seen, landings, &title);
    }

    fn landed_once(&self, run: &Value, before: usize, title: &str) {
        let landed = self.remote.landed(id(run));
        assert_eq!(landed, [run["landed"].as_str().unwrap()], "{title}");
        assert_eq!(self.remote.taken(Push::Target), before + 1, "{title}");
        self.here.nobody_works_on(id(run));
        let events = self.here.events(id(run));
        let ends = events
            .iter()
            .filter(|event| event["type"] == "run.succeeded");
        assert_eq!(ends.count(), 1, "{title}");
    }
}

fn walk(victim: Part, steps: &[Step]) {
    let mut walk = Walk::begin();
    for step in steps {
        walk.story(*step, victim);
    }
}

#[test]
fn a_server_dies_early() {
    walk(Part::Server, &EARLY);
}

#[test]
fn a_server_dies_late() {
    walk(Part::Server, &LATE);
}

#[test]
fn a_runner_dies_early() {
    walk(Part::Runner, &EARLY);
}

#[test]
fn a_runner_dies_late() {
    walk(Part::Runner, &LATE);
}

#[test]
fn a_database_dies_early() {
    walk(Part::Postgres, &EARLY);
}

#[test]
fn a_database_dies_late() {
    walk(Part::Postgres, &LATE);
}

#[test]
fn the_supervisor_dies_and_is_started_again() {
    walk(Part::Up, &[Step::Agent, Step::Waiting, Step::Landing]);
}

/// What runs in the sandbox dies alone: nothing is tried again, the run says who died.
#[test]
fn a_program_in_the_sandbox_dies() {
    let walk = Walk::begin();
    for (step, state, reason) in [
        (Step::Setup, "failed", "setup_failed"),
        (Step::Agent, "failed", "agent_failed"),
        (Step::Check, "rejected", "checks"),
    ] {
        let (run, _) = walk.run_held_at(step, &format!("killed at {step:?}"));
        let inside = procs::sandboxed(&run);
        assert!(!inside.is_empty());
        inside.into_iter().for_each(procs::kill_9);
        let ended = walk
            .here
            .run_in(&run, &["waiting", "failed", "rejected", "succeeded"]);
        walk.release(step);
        assert_eq!(
            (&ended["state"], &ended["reason"]),
            (&state.into(), &reason.into()),
            "{ended}"
        );
        assert_eq!(ended["attempt"], 1, "{ended}");
        assert!(
            ended["detail"].as_str().unwrap().contains("SIGKILL"),
            "{ended}"
        );
        walk.here.nobody_works_on(&run);
        walk.here.events(&run);
    }
    assert_eq!(walk.remote.taken(Push::Target), 0);

    // A check of the merged result dies: a person decides, and says yes again.
    let (run, _) = walk.run_held_at(Step::Waiting, "killed while landing");
    walk.remote.push_change(&[("other", "theirs\n")], "theirs");
    let landings = walk.remote.taken(Push::Target);
    walk.here.close("check");
    let approving = walk.here.fh_in_background(&["run", "approve", &run]);
    walk.here.wait_at("check");
    procs::sandboxed(&run).into_iter().for_each(procs::kill_9);
    let said = approving.wait();
    let refused = said.document();
    assert_eq!(said.code, 1, "{said}");
    assert_eq!(
        (&refused["state"], &refused["reason"]),
        (&"waiting".into(), &"checks_on_result".into())
    );
    walk.here.open("check");
    let landed = walk.here.fh(&["run", "approve", &run]).ok();
    walk.landed_once(&landed, landings, "after a check of the result was killed");
}
