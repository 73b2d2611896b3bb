//! `kill -9` of everything.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::supervised::{House, git, is_alive, kill_9, until};
use crate::program::wait;

#[test]
fn what_is_killed_is_started_again_and_the_others_stay() {
    let house = House::new();
    let up = house.up();
    for which in ["server", "runner", "postgres"] {
        let before = up.pids();
        kill_9(up.pid(which));
        let killed = ["server", "runner", "postgres"].map(|name| name == which);
        until("another one is started", || {
            let now = up.pids();
            let changed = [0, 1, 2].map(|i| now[i] != before[i]);
            (changed == killed).then_some(())
        });
        up.is_well();
        // The client's file is right whatever was restarted.
        assert_eq!(
            house.json(&["project", "list"])["items"],
            serde_json::json!([])
        );
    }
    let log = fs::read_to_string(house.data().join("log/up.log")).unwrap();
    for said in ["server: ", "runner: ", "database: "] {
        assert!(log.contains(said), "{log}");
    }
    up.stop();
}

#[test]
fn all_end_with_a_killed_up_and_a_fresh_one_goes_on() {
    let house = House::new();
    for _ in 0..2 {
        let up = house.up();
        let (token, pids) = (up.ready["token"].clone(), up.pids());
        kill_9(up.child.id());
        // At once, while the others are still ending.
        let fresh = house.up();
        assert_eq!(fresh.ready["token"], token);
        fresh.is_well();
        for pid in pids {
            until("the old ones are gone", || (!is_alive(pid)).then_some(()));
        }
        let runners = house.json(&["runner", "list"]);
        assert_eq!(runners["items"].as_array().unwrap().len(), 1);
        fresh.stop();
    }
}

#[test]
fn a_signal_while_it_starts_leaves_nothing() {
    let house = House::new();
    let command = house.command(&["up", "--listen", "127.0.0.1:0", "--json"]);
    let mut up = super::supervised::Supervised::start(&house, command);
    until("it has begun", || {
        house.data().join("up.lock").exists().then_some(())
    });
    up.signal(Signal::SIGTERM);
    wait(&mut up.child);
    // Whatever it had begun, a fresh one takes it over.
    house.up().stop();
}

/// The agent's process, which has a number of seconds that nobody else sleeps.
fn sleeper(seconds: &str) -> Option<u32> {
    let words = format!("sleep\0{seconds}\0");
    let mut pids = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.parse::<u32>().ok()
    });
    pids.find(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line == words.as_bytes()
    })
}

#[test]
fn a_running_job_is_waited_for_until_a_second_signal() {
    let house = House::new();
    let mut up = house.up();
    let remote = house.path("remote.git");
    fs::create_dir(&remote).unwrap();
    git(&remote, &["init", "-q", "--bare", "-b", "main"]);
    let url = format!("file://{}", remote.display());
    house.json(&["project", "add", "p", "--remote", &url]);
    let seconds = format!("9{}", up.child.id());
    let agent = ["agent", "add", "a", "--driver", "command"];
    let command = house
        .command(&[&agent[..], &["--", "sleep", &seconds]].concat())
        .output()
        .unwrap();
    assert!(command.status.success());
    let card = house.json(&["card", "add", "--project", "p", "--title", "t"]);
    house.json(&["run", "start", card["id"].as_str().unwrap()]);
    let agent = until("the agent runs", || sleeper(&seconds));

    let pids = up.pids();
    up.signal(Signal::SIGINT);
    until("the runner drains", || {
        let runners = house.json(&["runner", "list"]);
        (runners["items"][0]["state"] == "draining").then_some(())
    });
    assert!(is_alive(agent));
    let begun = Instant::now();
    up.signal(Signal::SIGINT);
    assert_eq!(wait(&mut up.child), 0);
    assert!(begun.elapsed() < Duration::from_secs(40), "it drained");
    for pid in pids.into_iter().chain([agent]) {
        until("everything is gone", || (!is_alive(pid)).then_some(()));
    }
}
