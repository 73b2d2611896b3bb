//! `freehold doctor`

use serde_json::Value;

use super::supervised::House;

fn item<'a>(report: &'a Value, name: &str) -> &'a Value {
    let items = report["items"].as_array().unwrap();
    let found = items.iter().find(|item| item["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {report:#}"))
}

#[test]
fn it_says_what_is_there_before_and_while_something_runs() {
    let house = House::new();
    let report = house.json(&["doctor"]);
    assert_eq!(report["ok"], true, "{report:#}");
    for name in ["git", "postgresql", "sandbox", "disk", "data"] {
        assert_eq!(item(&report, name)["state"], "ok", "{name}");
    }
    assert_eq!(item(&report, "server")["state"], "warn");
    assert!(!house.data().exists(), "looking makes nothing");

    let up = house.up();
    let report = house.json(&["doctor"]);
    let data = item(&report, "data")["found"].as_str().unwrap();
    assert!(
        data.contains(&format!("process {}", up.child.id())),
        "{data}"
    );
    assert_eq!(item(&report, "server")["state"], "ok");
    assert_eq!(item(&report, "runner")["found"], "1 online");
    up.stop();
}

#[test]
fn what_is_missing_is_named_with_what_mends_it() {
    let house = House::new();
    let mut command = house.command(&["doctor"]);
    let output = command
        .env("PATH", "/nonexistent")
        .env("FREEHOLD_PG_BIN", "/nonexistent")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [
        "missing  git",
        "apt-get install git",
        "missing  postgresql",
        "apt-get install postgresql",
        "warn     agents",
    ] {
        assert!(text.contains(words), "{words} is not in:\n{text}");
    }
}
