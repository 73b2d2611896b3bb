//! What stood around a command, and what went out of it.

use freehold_environment::egress::{Entry, Log, Verdict};
use freehold_model::Limit;
use freehold_sandbox::{Exit as Ended, InForce, Limits};
use serde::Serialize;
use serde_json::json;

use super::safe;

/// Refused and unreached destinations that are told to a person.
const TOLD: usize = 20;

/// One destination, as it is told.
#[derive(Debug, Serialize)]
struct Reached {
    host: String,
    port: u16,
    verdict: &'static str,
    /// Why it was refused.
    why: Option<String>,
    connections: u64,
    up: u64,
    down: u64,
}

impl From<&Entry> for Reached {
    fn from(entry: &Entry) -> Self {
        let (verdict, why) = match entry.verdict {
            Verdict::Allowed => ("allowed", None),
            Verdict::Refused(why) => ("refused", Some(why.to_string())),
            Verdict::Unreachable => ("unreachable", None),
            Verdict::Malformed => ("malformed", None),
        };
        Self {
            host: entry.host.clone(),
            port: entry.port,
            verdict,
            why,
            connections: entry.connections,
            up: entry.up,
            down: entry.down,
        }
    }
}

/// For programs.
pub(crate) fn document(
    in_force: &InForce,
    ended: &Ended,
    log: &Log,
    notes: &[String],
    seconds: f64,
) -> serde_json::Value {
    let limits = &in_force.limits;
    let usage = ended.usage.map(|usage| {
        json!({
            "cpu_seconds": usage.cpu.as_secs_f64(), "max_rss_bytes": usage.max_rss_bytes,
            "peak_memory_bytes": usage.peak_memory_bytes, "peak_tasks": usage.peak_tasks,
        })
    });
    json!({
        "tier": in_force.tier.name(), "launcher": in_force.launcher, "landlock": in_force.landlock,
        "cgroup": in_force.cgroup, "uid": in_force.uid,
        "limits": {
            "open_files": limits.open_files, "file_bytes": limits.file_bytes,
            "cpu_seconds": limits.cpu_seconds, "memory_bytes": limits.memory_bytes,
            "processes": limits.processes, "total_memory_bytes": limits.total_memory_bytes,
            "total_tasks": limits.total_tasks, "cpu_milli": limits.cpu_milli,
            "tmp_bytes": limits.tmp_bytes,
        },
        "exit": { "code": ended.code, "signal": ended.signal },
        "hit": ended.hit.map(|hit| format!("{:?}: {} of {}", hit.limit, hit.peak, hit.value)),
        "seconds": seconds, "usage": usage,
        "egress": log.entries.iter().map(Reached::from).collect::<Vec<_>>(),
        "notes": notes,
    })
}

/// For a person who asked.
pub(crate) fn verbose(
    in_force: &InForce,
    ended: &Ended,
    log: &Log,
    notes: &[String],
    seconds: f64,
) -> String {
    let mut lines = vec![format!(
        "tier: {}{}",
        in_force.tier.name(),
        match in_force.tier.is_sandboxed() {
            true => "",
            false => " (unsandboxed)",
        }
    )];
    let mut say = |what: &str, value: Option<String>| {
        let value = value.unwrap_or_else(|| "none".to_owned());
        lines.push(format!("{what}: {}", safe::line(&value)));
    };
    say("launcher", in_force.launcher.clone());
    say(
        "Landlock",
        in_force
            .landlock
            .map(|version| format!("version {version}")),
    );
    say("control group", in_force.cgroup.map(str::to_owned));
    say("limits", limits(&in_force.limits));
    if let Some(hit) = ended.hit {
        say("limit reached", Some(hit.to_string()));
    }
    if let Some(usage) = ended.usage {
        let cpu = usage.cpu.as_secs_f64();
        let memory = usage.max_rss_bytes >> 20;
        say(
            "used",
            Some(format!(
                "{seconds:.2} s, {cpu:.2} s of processor time, {memory} MiB in its largest process"
            )),
        );
    }
    for entry in log
        .entries
        .iter()
        .filter(|entry| entry.verdict == Verdict::Allowed)
    {
        let line = format!(
            "{}:{}, {} bytes up, {} down",
            entry.host, entry.port, entry.up, entry.down
        );
        say("reached", Some(line));
    }
    lines.extend(unreached(log));
    lines.extend(
        notes
            .iter()
            .map(|note| format!("note: {}", safe::line(note))),
    );
    lines.join("\n")
}

/// The limits that are held, as people write them.
fn limits(held: &Limits) -> Option<String> {
    let of = |limit: Limit, value: Option<u64>| Some(format!("{limit} {}", limit.show(value?)));
    let bytes =
        |what: &str, value: Option<u64>| Some(format!("{what} {}", Limit::FileSize.show(value?)));
    let said = [
        of(Limit::Memory, held.total_memory_bytes),
        of(Limit::Tasks, held.total_tasks),
        of(Limit::Cpu, held.cpu_milli).map(|cpu| format!("{cpu} processors")),
        bytes("largest file", held.file_bytes),
        bytes("/tmp", held.tmp_bytes),
        bytes("address space of a process", held.memory_bytes),
        held.open_files
            .map(|count| format!("open files of a process {count}")),
        held.cpu_seconds
            .map(|seconds| format!("processor time of a process {seconds} s")),
        held.processes
            .map(|count| format!("processes of the user {count}")),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// What was refused and what did not answer, a line each.
pub(crate) fn unreached(log: &Log) -> Vec<String> {
    let sentence = |entry: &Entry| match entry.verdict {
        Verdict::Refused(why) => Some(format!("{}:{} was refused: {why}", entry.host, entry.port)),
        Verdict::Unreachable => Some(format!(
            "{}:{} could not be reached",
            entry.host, entry.port
        )),
        Verdict::Allowed | Verdict::Malformed => None,
    };
    let told = log.entries.iter().filter_map(sentence).take(TOLD);
    told.map(|line| safe::line(&line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_as_people_write_them() {
        let held = Limits {
            total_memory_bytes: Some(3 << 30),
            total_tasks: Some(4096),
            cpu_milli: Some(1500),
            open_files: Some(1024),
            cpu_seconds: Some(60),
            ..Limits::default()
        };
        let wanted = "memory 3 GiB, tasks 4096, cpu 1.5 processors, open files of a process 1024, processor time of a process 60 s";
        assert_eq!(limits(&held).as_deref(), Some(wanted));
        assert_eq!(limits(&Limits::default()), None);
    }

    #[test]
    fn a_failed_command_is_told_of_what_it_could_not_reach() {
        let entry = |host: &str, verdict| Entry {
            host: host.to_owned(),
            port: 443,
            verdict,
            connections: 1,
            up: 0,
            down: 0,
        };
        let refused = Verdict::Refused(freehold_environment::egress::Refusal::NoEgress);
        let log = Log {
            entries: vec![
                entry("a.example", Verdict::Allowed),
                entry("b.example\u{1b}[2J", refused),
                entry("c.example", Verdict::Unreachable),
            ],
            beyond: 0,
        };
        let lines = unreached(&log);
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].starts_with("b.example:443 was refused: "),
            "{lines:?}"
        );
        assert_eq!(lines[1], "c.example:443 could not be reached");
    }
}
