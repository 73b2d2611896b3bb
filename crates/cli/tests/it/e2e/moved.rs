//! A run that waits holds nothing on a machine: its runner may be destroyed, another goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::Value;

use super::harness::{Installation, Part, id};
use super::procs::until;
use super::remote::{Push, Remote};

/// Each turn adds an `x` to a file in HOME and shows it.
const COUNTER: &str = r#"
echo "$(cat "$HOME/turns" 2>/dev/null || true)x" > "$HOME/turns"
cp "$HOME/turns" turns
"#;

#[test]
fn the_runner_of_up_is_destroyed_and_the_work_that_waits_lands() {
    let mut here = Installation::up();
    let remote = Remote::bare(&[("turns", "none\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    here.agent("counter", COUNTER);
    let run = here.run_card("demo", "Count");
    assert_eq!(run["state"], "waiting", "{run}");

    here.kill(Part::Runner);
    let gone = here.beside("gone");
    fs::rename(here.data().join("runner"), &gone).unwrap();
    fs::remove_dir_all(gone).unwrap();

    // `up` enrols another by itself.
    let landed = here.fh(&["run", "approve", id(&run)]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_ne!(landed["runner"], run["runner"]);
    assert_eq!(remote.taken(Push::Target), 1);
    assert_eq!(remote.show("turns").unwrap(), "x");
    here.events(id(&run));
}

#[test]
fn a_runner_elsewhere_is_destroyed_and_another_goes_on_with_the_conversation() {
    let here = Installation::up();
    let remote = Remote::bare(&[("turns", "none\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    // Not on the runner of `up`: that one does not offer the label.
    here.agent_with("counter", COUNTER, &["--label", "place=elsewhere"]);
    let card = here.card("demo", "Count");
    let queued = here.fh(&["run", "start", &card]).ok();
    let run = id(&queued).to_owned();
    until("the run says what it waits for", || {
        (here.run(&run)["reason"] == "no_runner_with_label").then_some(())
    });

    let mut first = Elsewhere::enrol(&here, "first");
    let waiting = here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    // An enrolled runner needs no token again.
    first.end();
    first.start(&here, None);
    first.end();
    fs::remove_dir_all(&first.data).unwrap();

    let mut second = Elsewhere::enrol(&here, "second");
    here.fh(&["run", "reply", &run, "--text", "Once more"]).ok();
    let replied = here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(replied["state"], "waiting", "{replied}");
    assert_ne!(replied["runner"], waiting["runner"]);
    let diff = here.fh(&["run", "diff", &run]).out();
    assert!(diff.contains("+xx"), "its home came along: {diff}");

    let landed = here.fh(&["run", "approve", &run]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.taken(Push::Target), 1);
    assert_eq!(remote.show("turns").unwrap(), "xx");
    here.events(&run);
    second.end();
}

/// `runner serve` on what would be another machine.
pub(super) struct Elsewhere {
    pub(super) data: PathBuf,
    child: Option<Child>,
}

impl Elsewhere {
    pub(super) fn enrol(here: &Installation, name: &str) -> Self {
        Self::enrol_in(here, name, |command| command)
    }

    /// The same in something that is put around its process.
    pub(super) fn enrol_in(
        here: &Installation,
        name: &str,
        around: impl FnOnce(Command) -> Command,
    ) -> Self {
        let token = here.fh(&["runner", "enroll-token"]).ok();
        let file = here.beside(&format!("{name}.token"));
        fs::write(&file, token["token"].as_str().unwrap()).unwrap();
        let mut it = Self {
            data: here.beside(name),
            child: None,
        };
        it.start_in(here, Some(&file), around);
        it
    }

    pub(super) fn start(&mut self, here: &Installation, token: Option<&Path>) {
        self.start_in(here, token, |command| command);
    }

    pub(super) fn start_in(
        &mut self,
        here: &Installation,
        token: Option<&Path>,
        around: impl FnOnce(Command) -> Command,
    ) {
        let url = here.line().url.clone();
        let data = self.data.to_str().unwrap();
        let mut args = vec!["runner", "serve", "--server", &url, "--data", data];
        args.extend(["--label", "place=elsewhere"]);
        let token = token.map(|file| file.to_str().unwrap().to_owned());
        if let Some(file) = &token {
            args.extend(["--token-file", file]);
        }
        let log = here.log("elsewhere");
        self.child = Some(
            around(here.program(&args))
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn()
                .unwrap(),
        );
        until("a runner elsewhere is online", || {
            online(here).then_some(())
        });
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// As when its machine burns.
    pub(super) fn end(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn online(here: &Installation) -> bool {
    let runners = here.fh(&["runner", "list"]).ok();
    let is =
        |runner: &Value| runner["labels"]["place"] == "elsewhere" && runner["state"] == "online";
    runners["items"].as_array().unwrap().iter().any(is)
}
