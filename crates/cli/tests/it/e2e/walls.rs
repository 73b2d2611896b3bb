//! Every way in stands behind the same walls, as they are seen from inside.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::day::{approve, output, waits};
use super::harness::{Installation, id};
use super::remote::Remote;

/// Tells the walls around it: mounts, capabilities, filters, limits, network, top folders, and the
/// names of its variables.
const WALLS: &str = r#"
echo "WALLS $1"
while read -r _ _ _ _ point options rest; do
  rest=${rest#*- }
  echo "mount $point $options ${rest%% *}"
done < /proc/self/mountinfo
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' /proc/self/status
grep '^Max' /proc/self/limits
echo "net $(tail -n +3 /proc/net/dev | cut -d: -f1 | sort | tr -d '\n')"
echo "umask $(umask)"
for folder in /*; do echo "top $folder"; done
env | sed -n 's/^\([A-Za-z_0-9]*\)=.*/env \1/p' | sort
echo "END"
"#;

/// The walls around the agent itself and around a command of its tools, without and with a terminal.
const AGENT: &str = r#"
sh walls.sh agent
echo work > work
exec python3 -u - <<'PYTHON'
import json, os, subprocess
server = json.load(open(os.environ["FREEHOLD_MCP_SERVERS"]))["mcpServers"]["terminal"]
served = subprocess.Popen([server["command"], *server["args"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
for name, terminal in (("tool", False), ("terminal", True)):
    given = {"command": "sh walls.sh " + name, "terminal": terminal}
    ask = {"jsonrpc": "2.0", "id": name, "method": "tools/call", "params": {"name": "shell", "arguments": given}}
    served.stdin.write(json.dumps(ask) + "\n")
    served.stdin.flush()
    print(json.loads(served.stdout.readline())["result"]["content"][0]["text"])
PYTHON
"#;

const PROJECT: &str = r#"
[setup]
command = "sh walls.sh setup"

[[checks]]
name = "walls"
command = "sh walls.sh check"
"#;

/// What each way in says for itself, beside the walls: the place it works on, what is told to it, and
/// its ways to the runner.
const OWN_MOUNTS: [&str; 3] = ["/workspace/.git", "/freehold/card.json", "/freehold/agent"];
const PORTS: &str = "/.freehold/port-";
const OWN_VARIABLES: [&str; 8] = [
    "CI",
    "PWD",
    "OLDPWD",
    "SHLVL",
    "_",
    "TENANT_ID",
    "PROJECT_ID",
    "GITHUB_REPO_URL",
];

/// What was told by each way in, without what is its own.
fn told(text: &str, agents: &str) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("WALLS ") else {
            continue;
        };
        let walls = lines.by_ref().take_while(|line| *line != "END");
        all.insert(
            name.to_owned(),
            walls.filter_map(|line| wall(line, agents)).collect(),
        );
    }
    all
}

/// Where a start has a user of its own on the host, mounts say so, and bubblewrap makes less of /proc
/// read-only, since that user could not write it; `sandbox/tests/it/user.rs` holds that user.
fn wall(line: &str, agents: &str) -> Option<String> {
    let line = line.replace(",idmapped", "");
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["mount", point, ..] if OWN_MOUNTS.contains(&point) => None,
        ["mount", point, ..] if point.starts_with(agents) || point.starts_with(PORTS) => None,
        ["mount", point, _, "proc"] if point != "/proc" => None,
        // A workspace is an overlay in a run and a plain folder elsewhere: what may be done counts.
        ["mount", point @ "/workspace", options, _] => Some(format!("mount {point} {options}")),
        ["env", name] if OWN_VARIABLES.contains(&name) || name.starts_with("FREEHOLD_") => None,
        _ => Some(line),
    }
}

#[test]
fn every_way_in_stands_behind_the_same_walls() {
    let here = Installation::up();
    let files = [("walls.sh", WALLS), (".agentworks/project.toml", PROJECT)];
    let remote = Remote::bare(&files);
    here.project("p", &remote, &["--egress", "none"]);
    here.agent_with("teller", AGENT, &["--tools"]);
    let run = waits(here.run_card("p", "Tell the walls"));
    // The target moves, so that the landing runs the checks on the merge.
    remote.push_change(&[("elsewhere", "moved\n")], "moved");
    approve(&here, &run);

    let agents = here.beside("agents");
    let agents = agents.to_str().unwrap();
    let events = here.events(id(&run));
    let mut seen = BTreeMap::new();
    for step in ["setup", "agent"] {
        seen.append(&mut told(&output(&events, step), agents));
    }
    let checks = output(&events, "check:walls");
    assert_eq!(checks.matches("WALLS check").count(), 2, "{checks}");
    for (nth, text) in checks.split("WALLS check").skip(1).enumerate() {
        let text = format!("WALLS check {nth}{text}");
        seen.append(&mut told(&text, agents));
    }
    let work = here.beside("elsewhere");
    fs::write(work.join("walls.sh"), WALLS).unwrap();
    let command = [
        "sandbox", "--egress", "none", "--", "sh", "walls.sh", "command",
    ];
    let command = here.program(&command).current_dir(&work).output().unwrap();
    assert!(command.status.success(), "{command:?}");
    let command = String::from_utf8(command.stdout).unwrap();
    seen.append(&mut told(&command, agents));

    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    let all = [
        "agent", "check 0", "check 1", "command", "setup", "terminal", "tool",
    ];
    assert_eq!(names, all);
    for (name, walls) in &seen {
        let setup = &seen["setup"];
        let more: Vec<_> = walls.iter().filter(|wall| !setup.contains(wall)).collect();
        let fewer: Vec<_> = setup.iter().filter(|wall| !walls.contains(wall)).collect();
        assert!(
            walls == setup,
            "{name} is not as setup is: {more:#?} in place of {fewer:#?}"
        );
    }
    // What tells of walls tells of something: outside it looks otherwise.
    let mut outside = Command::new("sh");
    let outside = outside.args(["walls.sh", "outside"]).current_dir(&work);
    let outside = String::from_utf8(outside.output().unwrap().stdout).unwrap();
    let outside = told(&outside, agents);
    let different = |kind: &str| {
        let of = |walls: &[String]| -> Vec<String> {
            let these = walls.iter().filter(|line| line.starts_with(kind));
            these.cloned().collect()
        };
        of(&outside["outside"]) != of(&seen["setup"])
    };
    for kind in [
        "mount ",
        "Cap",
        "NoNewPrivs",
        "Seccomp",
        "Max ",
        "net ",
        "top ",
        "env ",
    ] {
        assert!(different(kind), "{kind} is the same outside");
    }
}
