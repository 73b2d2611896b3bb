//! Environments through the real program: made ready before a run, stopped, gone on from elsewhere,
//! and what is left of them when somebody dies.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{Installation, Part, id};
use super::procs::until;
use super::remote::{Remote, git};

const PROJECT_FILE: &str = r#"
[setup]
command = "barrier setup && echo made > by-setup"
"#;

/// Sooner than a lease runs out (42 s), and a heartbeat (10 s) more for what is said by one.
const AT_ONCE: Duration = Duration::from_secs(55);

struct Desk {
    here: Installation,
    remote: Remote,
}

impl Desk {
    fn begin() -> Self {
        let here = Installation::up();
        for gate in ["setup", "agent"] {
            here.open(gate);
        }
        let remote = Remote::bare(&[
            ("greeting", "good evening\n"),
            (".agentworks/project.toml", PROJECT_FILE),
        ]);
        here.project("demo", &remote, &["--egress", "none"]);
        here.agent(
            "writer",
            r#"barrier agent; cat greeting > was; date +%N >> greeting"#,
        );
        Self { here, remote }
    }

    fn start(&self) -> Value {
        let environment = self.here.fh(&["environment", "start", "demo"]).ok();
        assert_eq!(environment["state"], "ready", "{environment}");
        environment
    }

    fn show(&self, environment: &str) -> Option<Value> {
        let said = self.here.fh(&["environment", "show", environment]);
        (said.code == 0).then(|| said.document())
    }

    fn becomes(&self, environment: &str, states: &[&str]) -> Value {
        let begun = Instant::now();
        loop {
            let now = self.show(environment);
            if let Some(now) = &now
                && states.iter().any(|state| now["state"] == *state)
            {
                return now.clone();
            }
            assert!(begun.elapsed() < AT_ONCE, "not {states:?}, but {now:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The clean store of the project on the runner.
    fn store(&self) -> Option<PathBuf> {
        let mut stores = children(&self.here.data().join("runner/repos"));
        assert!(stores.len() <= 1, "{stores:?}");
        stores.pop().map(|store| store.join("repo"))
    }

    /// Objects in the store.
    fn objects(&self) -> u64 {
        let Some(store) = self.store() else { return 0 };
        let counted = git(&store, &["count-objects", "-v"]);
        let number = |name: &str| {
            let line = counted.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().parse::<u64>().unwrap()
        };
        number("count:") + number("in-pack:")
    }

    fn workspace(&self, run: &str) -> PathBuf {
        self.here.data().join("runner/runs").join(run)
    }

    fn notes(&self, run: &str) -> String {
        let events = self.here.events(run);
        let notes = events.iter().filter(|event| event["type"] == "note");
        notes
            .map(|note| note["payload"]["text"].as_str().unwrap_or_default())
            .collect()
    }
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The run after it finds its objects fetched and its setup done; one without it does both itself.
#[test]
fn a_project_that_was_made_ready_is_not_fetched_and_set_up_again() {
    let desk = Desk::begin();
    assert_eq!(
        desk.objects(),
        0,
        "the positive control: nothing is here yet"
    );
    let ready = desk.start();
    let fetched = desk.objects();
    assert!(fetched > 0);
    assert_eq!(id(&desk.start()), id(&ready), "there is one already");

    desk.here.close("agent");
    desk.here.close("setup");
    let card = desk.here.card("demo", "Say something");
    let run = id(&desk.here.fh(&["run", "start", &card]).ok()).to_owned();
    // The agent is at work though setup would wait at its barrier.
    desk.here.wait_at("agent");
    assert_eq!(desk.objects(), fetched, "the run fetched nothing");
    assert!(
        desk.notes(&run)
            .contains("an earlier run with the same lock files")
    );
    let busy = desk.becomes(id(&ready), &["busy"]);
    assert_eq!(busy["jobs"], 1);
    desk.here.open("agent");
    desk.here.run_in(&run, &["waiting"]);
    let idle = desk.becomes(id(&ready), &["idle"]);
    assert!(
        idle["active_s"].is_u64() && idle["idle_until"].is_string(),
        "{idle}"
    );
    let listed = desk.here.fh(&["environment", "list"]).ok();
    assert_eq!(listed["items"][0]["id"], ready["id"]);
}

/// Stopped: the place is gone. A reply goes on from the ref and the conversation that were parked.
#[test]
fn a_stopped_one_loses_its_place_and_a_reply_goes_on() {
    let desk = Desk::begin();
    let run = desk.here.run_card("demo", "Say something");
    assert_eq!(run["state"], "waiting", "{run}");
    let run = id(&run).to_owned();
    assert!(desk.workspace(&run).exists() && desk.store().is_some());
    let environment = desk.becomes("demo", &["idle"]);
    let stopped = desk.here.fh(&["environment", "stop", "demo", "--yes"]).ok();
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    assert_eq!(
        (&stopped["reason"], &stopped["kept"]),
        (&"asked".into(), &Value::Array(vec![]))
    );
    assert!(!desk.workspace(&run).exists(), "its work is on the remote");
    assert_eq!(desk.store(), None);
    let again = desk
        .here
        .fh(&["environment", "stop", id(&environment)])
        .ok();
    assert_eq!(again, stopped, "it has ended");
    let none = desk.here.fh(&["environment", "show", "demo"]);
    assert_eq!(
        (none.code, none.error().as_str()),
        (1, "not_found"),
        "{none}"
    );

    let before = run_commit(&desk, &run);
    desk.here
        .fh(&["run", "reply", &run, "--text", "Once more"])
        .ok();
    let waiting = desk.here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert_ne!(run_commit(&desk, &run), before);
    assert_eq!(
        waiting["base"],
        desk.remote.head(),
        "it went on from its work"
    );
    let next = desk.becomes("demo", &["idle"]);
    assert_ne!(next["id"], environment["id"]);
    let landed = desk.here.fh(&["run", "approve", &run]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(
        desk.remote.show("greeting").unwrap().lines().count(),
        3,
        "both turns"
    );
}

fn run_commit(desk: &Desk, run: &str) -> Value {
    desk.here.run(run)["commit"].clone()
}

/// What somebody changed in a workspace by hand is on no remote: it is kept, and named.
#[test]
fn a_stop_keeps_what_is_not_on_the_remote() {
    let desk = Desk::begin();
    let run = id(&desk.here.run_card("demo", "Say something")).to_owned();
    let work = desk.workspace(&run).join("work");
    let mine = until("the workspace is there", || {
        let mine = work.join("by-hand");
        std::fs::write(&mine, "precious").ok().map(|()| mine)
    });
    desk.becomes("demo", &["idle"]);
    let stopped = desk.here.fh(&["environment", "stop", "demo"]).ok();
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    assert_eq!(stopped["kept"], Value::Array(vec![run.clone().into()]));
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "precious");
    assert!(desk.store().is_some(), "its history borrows from the store");
}

/// `kill -9` of the server and of the runner in each state. It comes to what it should be, in a
/// bounded time, and the project can be worked on.
fn dies(victim: Part) {
    let mut desk = Desk::begin();
    // While it is made ready.
    desk.here.close("setup");
    let asked = desk
        .here
        .fh(&["environment", "start", "demo", "--no-wait"])
        .ok();
    let environment = id(&asked).to_owned();
    desk.here.wait_at("setup");
    desk.here.kill(victim);
    desk.here.open("setup");
    desk.becomes(&environment, &["ready"]);
    // While it is ready.
    desk.here.kill(victim);
    desk.becomes(&environment, &["ready"]);
    // While a job is in it.
    desk.here.close("agent");
    let card = desk.here.card("demo", "Say something");
    let run = id(&desk.here.fh(&["run", "start", &card]).ok()).to_owned();
    desk.here.wait_at("agent");
    desk.becomes(&environment, &["busy"]);
    desk.here.kill(victim);
    desk.here.open("agent");
    let waiting = desk.here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert_eq!(desk.becomes("demo", &["idle"])["id"], environment.as_str());
    // While it is idle, and while it stops.
    desk.here.kill(victim);
    desk.becomes(&environment, &["idle"]);
    let stopping = desk
        .here
        .fh(&["environment", "stop", &environment, "--no-wait"])
        .ok();
    assert!(["stopping", "stopped"].contains(&stopping["state"].as_str().unwrap()));
    desk.here.kill(victim);
    desk.becomes(&environment, &["stopped"]);
    until("the place is cleared", || {
        desk.store().is_none().then_some(())
    });
    let reply = desk.here.fh(&["run", "reply", &run, "--text", "Once more"]);
    assert_eq!(reply.code, 0, "{reply}");
    desk.here.run_in(&run, &["waiting"]);
    assert_ne!(desk.becomes("demo", &["idle"])["id"], environment.as_str());
}

#[test]
fn a_server_dies_in_every_state() {
    dies(Part::Server);
}

#[test]
fn a_runner_dies_in_every_state() {
    dies(Part::Runner);
}

/// Setup that fails says so, and leaves nothing.
#[test]
fn what_cannot_be_made_ready_says_why() {
    let desk = Desk::begin();
    let file = "[setup]\ncommand = \"echo no such tool >&2; exit 3\"\n";
    desk.remote
        .push_change(&[(".agentworks/project.toml", file)], "breaks setup");
    let said = desk.here.fh(&["environment", "start", "demo"]);
    assert_eq!(
        (said.code, said.error().as_str()),
        (1, "environment_failed"),
        "{said}"
    );
    let failed = said.document();
    assert_eq!(failed["reason"], "setup_failed");
    let detail = failed["detail"].as_str().unwrap();
    assert!(
        detail.contains("exit code 3") && detail.contains("no such tool"),
        "{detail}"
    );
    assert_eq!(desk.store(), None);
    let places = children(&desk.here.data().join("runner/environments"));
    assert!(!places.iter().any(|place| place.is_dir()), "{places:?}");
}

/// Processes inside know whose they are, and nothing that is secret.
#[test]
fn processes_inside_know_their_tenant_project_and_repository() {
    let desk = Desk::begin();
    desk.here.agent(
        "teller",
        "echo $TENANT_ID $PROJECT_ID $GITHUB_REPO_URL; env",
    );
    let card = desk.here.card("demo", "Tell");
    let ended = desk
        .here
        .fh(&["run", "start", &card, "--agent", "teller", "--wait"]);
    let run = ended.document();
    let logs = desk.here.fh(&["run", "logs", id(&run)]);
    let said = logs.out();
    let me = desk.here.fh(&["whoami"]).ok();
    let project = desk.here.fh(&["project", "list"]).ok();
    let told = format!(
        "{} {} {}",
        me["tenant"].as_str().unwrap(),
        project["items"][0]["id"].as_str().unwrap(),
        desk.remote.url()
    );
    assert!(said.contains(&told), "{said}");
    assert!(!said.contains(&desk.here.line().token), "{said}");
}
