//! A runner behind a link that is cut every second or so, falls silent, holds frames up and lets
//! bytes through one by one: F29, F33, F42 and F45 of the list of faults, with the real runner, the
//! real server and a real remote.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::day::output;
use super::harness::{Installation, id};
use super::procs::{self, until};
use super::proxy::Proxy;
use super::remote::{Push, Remote};

const LINES: usize = 250;

/// `freehold runner serve` on "another machine", whose way to the server is the proxy.
pub(crate) struct Far(Child);

impl Far {
    pub(crate) fn behind(here: &Installation, proxy: &Proxy) -> Self {
        let token = here.fh(&["runner", "enroll-token"]).ok();
        let file = here.beside("token");
        fs::write(&file, token["token"].as_str().unwrap()).unwrap();
        let data = here.beside("far");
        let words = [
            "runner",
            "serve",
            "--json",
            "--label",
            "where=far",
            "--server",
        ];
        let mut child = here
            .program(&words)
            .arg(proxy.url())
            .arg("--token-file")
            .arg(file)
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(here.log("far"))
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert!(ready["runner"].is_string(), "{line}");
        Self(child)
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        procs::signal(self.0.id(), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

#[test]
fn a_bad_link_loses_nothing_and_doubles_nothing() {
    let mut here = Installation::up();
    let proxy = Proxy::to(&here.line().url, 7);
    let far = Far::behind(&here, &proxy);
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    here.project("demo", &remote, &["--egress", "none"]);
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do i=$((i + 1)); echo \"line $i\"; sleep 0.04; done; cp \"$FREEHOLD_CARD\" greeting"
    );
    here.agent_with("talker", &script, &["--label", "where=far"]);
    let card = here.card("demo", "Talk over a bad link");
    let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
    here.run_in(&run, &["running"]);

    proxy.turn_bad();
    let waiting = here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    // No lease was lost over it: all of it is one attempt.
    assert_eq!(waiting["attempt"], 1, "{waiting}");
    let said = output(&here.events(&run), "agent");
    let wanted: String = (1..=LINES).map(|n| format!("line {n}\n")).collect();
    assert_eq!(said, wanted, "each line once and in order");

    // The landing goes over the same link, and so does the news of it.
    let landed = here.fh(&["run", "approve", &run]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.taken(Push::Target), 1);
    assert_eq!(remote.landed(&run).len(), 1);
    let (cuts, hurts) = proxy.harm();
    assert!(
        cuts > 5 && hurts > 5,
        "{cuts} cuts, {hurts} hurts: the link was too good"
    );

    // Well again: nothing waits, and nothing is left.
    proxy.turn_good();
    here.nobody_works_on(&run);
    until("the far runner is there", || {
        let all = here.fh(&["runner", "list"]).ok();
        let all = all["items"].as_array().unwrap().clone();
        let far = all.iter().find(|one| one["labels"]["where"] == "far")?;
        (far["state"] == "online").then_some(())
    });
    drop(far);
    here.stop();
}
