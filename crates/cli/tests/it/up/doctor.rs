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
    for name in [
        "git",
        "postgresql",
        "sandbox",
        "control groups",
        "containers",
        "data",
    ] {
        assert_eq!(item(&report, name)["state"], "ok", "{name}");
    }
    // However much there is here.
    let room = item(&report, "disk")["found"].as_str().unwrap();
    assert!(room.contains(" MB free for "), "{room}");
    assert_eq!(item(&report, "server")["state"], "warn");
    // Its kernel and its hypervisor need not be installed: then it says which is missing.
    assert_ne!(item(&report, "machines")["state"], "missing");
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

/// A host that forbids user namespaces, as far as a user namespace of our own can be one: its own
/// limit, and an `/etc/sysctl.d` that is gone with it.
const RESISTING: &str =
    "mount -t tmpfs none /etc/sysctl.d && echo 0 > /proc/sys/user/max_user_namespaces && ";

#[test]
fn a_host_without_user_namespaces_is_told_so_and_mended() {
    let house = House::new();
    let ask = |words: &str| {
        let program = house.command(&[]);
        let program = program.get_program().to_str().unwrap().to_owned();
        let data = house.data().display().to_string();
        let mut command = std::process::Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg(format!(
                "{RESISTING} exec '{program}' --data '{data}' {words}"
            ));
        command.output().unwrap()
    };
    let refused = ask("doctor --json");
    let report: Value = serde_json::from_slice(&refused.stdout).unwrap();
    let sandbox = item(&report, "sandbox");
    assert_eq!(sandbox["state"], "missing", "{report:#}");
    let mend = sandbox["mend"].as_str().unwrap();
    assert!(
        mend.contains("user.max_user_namespaces is 0") && mend.contains("doctor --fix"),
        "{mend}"
    );
    let declined = ask("doctor --fix </dev/null");
    assert_eq!(declined.status.code(), Some(1), "nobody said yes");

    let mended = ask("doctor --fix --yes --json");
    let said = String::from_utf8_lossy(&mended.stderr).into_owned();
    assert!(
        said.contains("sysctl -w user.max_user_namespaces=15000"),
        "{said}"
    );
    let report: Value = serde_json::from_slice(&mended.stdout).unwrap();
    assert_eq!(
        item(&report, "sandbox")["state"],
        "ok",
        "{report:#}\n{said}"
    );
}

#[test]
fn the_hypervisor_that_the_policy_names_is_the_one_that_is_looked_at() {
    let house = House::new();
    let runner = house.data().join("runner");
    std::fs::create_dir_all(&runner).unwrap();
    // QEMU, where it is there, is not what was named.
    let line = "firecracker = \"/usr/bin/env\"\n";
    std::fs::write(runner.join("policy.toml"), line).unwrap();
    let output = house.command(&["doctor", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(item(&report, "policy")["state"], "ok", "{report:#}");
    let machines = item(&report, "machines");
    assert_eq!(machines["state"], "warn", "{report:#}");
    let found = machines["found"].as_str().unwrap();
    assert!(
        found.contains("the hypervisor /usr/bin/env cannot be used"),
        "{found}"
    );
    let mend = machines["mend"].as_str().unwrap();
    assert!(mend.contains("the line `firecracker`"), "{mend}");
}

#[test]
fn a_policy_that_cannot_be_read_is_told_before_a_run_meets_it() {
    let house = House::new();
    house.up().stop();
    let runner = house.data().join("runner");
    let report = |expected: &str| {
        let output = house.command(&["doctor", "--json"]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = item(&report, "policy");
        assert_eq!(found["state"], expected, "{report:#}");
        found["found"].as_str().unwrap().to_owned()
    };
    let file = runner.join("policy.toml");
    std::fs::write(&file, "reserve = \"1GiB\"\n").unwrap();
    assert_eq!(report("ok"), file.to_str().unwrap());
    std::fs::write(&file, "isolation = \"sandbocks\"\n").unwrap();
    let said = report("missing");
    assert!(
        said.contains("sandbocks") && said.contains("every run is refused"),
        "{said}"
    );

    let up = house.up();
    up.stop();
    let logs = house.data().join("log");
    let told = |name: &str| std::fs::read_to_string(logs.join(name)).unwrap();
    assert!(told("up.log").contains("sandbocks"));
    assert!(told("runner.log").contains("sandbocks"));
}
