//! The other roles, started by hand.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::supervised::{House, Supervised, until};
use crate::program::wait;

#[test]
fn a_runner_of_another_machine_enrols_once_and_then_needs_no_token() {
    let house = House::new();
    let up = house.up();
    let token = house.json(&["runner", "enroll-token"]);
    fs::write(house.path("token"), token["token"].as_str().unwrap()).unwrap();
    let url = up.url().to_owned();
    let runner_data = house.path("runner");
    let serve = |more: &[&str]| {
        let mut command = house.command(&["runner", "serve", "--server", &url, "--json"]);
        command.arg("--data").arg(&runner_data).args(more);
        command
    };
    let without = serve(&[]).output().unwrap();
    assert_eq!(without.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&without.stderr).contains("not_enrolled"));

    let token = house.path("token");
    let first = [
        "--label",
        "gpu=a100",
        "--token-file",
        token.to_str().unwrap(),
    ];
    let mut known = None;
    for more in [&first[..], &first[..2]] {
        let mut runner = Supervised::start(&house, serve(more));
        let ready: Value = serde_json::from_str(&runner.line()).unwrap();
        let id = ready["runner"].clone();
        assert!(known.is_none() || known == Some(id.clone()));
        until("both are online", || {
            let all = house.json(&["runner", "list"]);
            let all = all["items"].as_array().unwrap().clone();
            let ours = all.iter().find(|runner| runner["id"] == id)?;
            (ours["state"] == "online" && ours["labels"]["gpu"] == "a100").then_some(())
        });
        known = Some(id);
        runner.signal(Signal::SIGTERM);
        assert_eq!(wait(&mut runner.child), 0);
    }
    up.stop();
}

#[test]
fn a_server_without_a_database_says_what_to_write() {
    let house = House::new();
    let (code, error) = house.error(&["server", "--listen", "127.0.0.1:0"]);
    assert_eq!((code, error["code"].as_str()), (1, Some("no_database")));
    assert!(error["next"].as_str().unwrap().contains("freehold up"));
}

#[test]
fn the_scripted_model_says_where_it_is_and_wants_a_script() {
    let house = House::new();
    let (code, _) = house.error(&["scripted-model"]);
    assert_eq!(code, 2);
    let command = house.command(&["scripted-model", "--listen", "127.0.0.1:0", "--demo"]);
    let mut model = Supervised::start(&house, command);
    let ready: Value = serde_json::from_str(&model.line()).unwrap();
    assert!(
        ready["url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    model.signal(Signal::SIGTERM);
    assert_eq!(wait(&mut model.child), 0);
}

#[test]
fn a_helper_that_is_started_by_hand_says_so() {
    let house = House::new();
    for word in ["sandbox-init", "agent-builtin"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_freehold"));
        let output = house.seal(&mut command).arg(word).output().unwrap();
        assert!(!output.status.success());
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("not by hand"), "{word}: {said}");
    }
}
