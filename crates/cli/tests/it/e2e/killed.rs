//! `kill -9` of everything at each step of a run. Afterwards the work is on the target exactly once,
//! or the run has ended in one clear failure; nothing is stuck, nothing is left behind, and the story
//! that the events tell has no hole.

use std::time::{Duration, Instant};

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

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    One(Part),
    /// The power fails.
    Everybody,
}

/// The early half of a run, and the late one: together they are all steps.
const EARLY: [Step; 4] = [Step::Setup, Step::Stage, Step::Agent, Step::Collect];
const LATE: [Step; 3] = [Step::Check, Step::Waiting, Step::Landing];

/// Sooner than a lease runs out (42 s): whoever comes back says at once what was lost.
const AT_ONCE: Duration = Duration::from_secs(35);

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
    fn story(&mut self, step: Step, victim: Victim) {
        let title = format!("{victim:?} dies at {step:?}");
        let landings = self.remote.taken(Push::Target);
        let (run, approving) = self.run_held_at(step, &title);
        let died = Instant::now();
        match victim {
            Victim::One(part) => self.here.kill(part),
            Victim::Everybody => self.here.power_cut(),
        }
        self.release(step);
        let dark = matches!(victim, Victim::One(Part::Up) | Victim::Everybody);
        // Whether the person who approves hears of it or not: the landing goes on.
        match approving {
            // It would look for the server at its old port for a minute.
            Some(approving) if dark => approving.give_up(),
            Some(approving) => drop(approving.wait()),
            None => {}
        }
        if dark {
            self.here.start_again();
        }
        let settled = ["waiting", "succeeded", "failed", "rejected", "cancelled"];
        let mut seen = self.here.run_in(&run, &settled);
        assert!(died.elapsed() < AT_ONCE, "{title}: {:?}", died.elapsed());
        if seen["state"] == "waiting" {
            assert_eq!(seen["waiting_for"], "review", "{title}: {seen}");
            self.here.nobody_works_on(&run);
            let said = self.here.fh(&["run", "approve", &run]);
            seen = self.here.run_in(&run, &settled);
            assert_eq!(seen["state"], "succeeded", "{title}: {said}");
        }
        assert_eq!(seen["state"], "succeeded", "{title}: {seen}");
        let tries = seen["attempt"].as_u64().unwrap();
        match victim {
            // An agent at work need not know that the server or its database was away.
            Victim::One(Part::Server | Part::Postgres) => assert_eq!(tries, 1, "{title}"),
            _ if matches!(step, Step::Waiting | Step::Landing) => assert_eq!(tries, 1, "{title}"),
            _ => assert_eq!(tries, 2, "{title}"),
        }
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

fn walk(victim: Victim, steps: &[Step]) {
    let mut walk = Walk::begin();
    for step in steps {
        walk.story(*step, victim);
    }
}

#[test]
fn a_server_dies_early() {
    walk(Victim::One(Part::Server), &EARLY);
}

#[test]
fn a_server_dies_late() {
    walk(Victim::One(Part::Server), &LATE);
}

#[test]
fn a_runner_dies_early() {
    walk(Victim::One(Part::Runner), &EARLY);
}

#[test]
fn a_runner_dies_late() {
    walk(Victim::One(Part::Runner), &LATE);
}

#[test]
fn a_database_dies_early() {
    walk(Victim::One(Part::Postgres), &EARLY);
}

#[test]
fn a_database_dies_late() {
    walk(Victim::One(Part::Postgres), &LATE);
}

#[test]
fn the_supervisor_dies_and_is_started_again() {
    let steps = [Step::Agent, Step::Waiting, Step::Landing];
    walk(Victim::One(Part::Up), &steps);
}

#[test]
fn the_power_fails_early() {
    walk(Victim::Everybody, &EARLY);
}

#[test]
fn the_power_fails_late() {
    walk(Victim::Everybody, &LATE);
}

/// The push of a runner that is long dead reaches the target after its successor's.
#[test]
fn a_push_from_the_grave_changes_nothing() {
    let mut walk = Walk::begin();
    let (run, approving) = walk.run_held_at(Step::Landing, "pushed twice");
    walk.here.kill(Part::Runner);
    let landed = approving.unwrap().wait().ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    let head = walk.remote.head();
    assert_eq!(walk.remote.landed(&run), std::slice::from_ref(&head));

    walk.remote.push_change(&[("other", "theirs\n")], "theirs");
    let after = walk.remote.head();
    walk.remote.release_and_wait(Push::Target);
    assert_eq!(walk.remote.head(), after);
    assert_eq!(walk.remote.landed(&run), [head]);
    assert_eq!(walk.remote.taken(Push::Target), 2, "ours and theirs");
    walk.here.nobody_works_on(&run);
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
