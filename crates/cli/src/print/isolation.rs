//! What stands around a run, in words.

use std::str::FromStr as _;

use freehold_model::{Isolation, Limit, Limits};
use freehold_wire::api::{Bound, InForce};

use super::{Paint, Printer, safe};

/// A tier's name; one without a sandbox is said loudly.
pub(crate) fn tier(name: &str, printer: Printer) -> String {
    let shown = safe::line(name);
    match Isolation::from_str(name) {
        Ok(tier) if tier.is_sandboxed() => shown,
        _ => {
            let loud = format!("{shown}: UNSANDBOXED, with all that the runner's user may do");
            printer.paint(Paint::Red, &loud)
        }
    }
}

/// Limits that were set: `memory 4 GiB, tasks 500`.
pub(crate) fn limits(limits: &Limits) -> Option<String> {
    let all: Vec<String> = limits
        .iter()
        .map(|(limit, value)| format!("{limit} {}", limit.show(*value)))
        .collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// What was in force around each step, as lines under a run.
pub(crate) fn in_force(steps: &[InForce], printer: Printer) -> String {
    steps.iter().map(|step| lines(step, printer)).collect()
}

fn lines(step: &InForce, printer: Printer) -> String {
    let mut walls = vec![tier(step.isolation.name(), printer)];
    walls.extend(step.launcher.as_deref().map(safe::line));
    walls.extend(step.landlock.map(|version| format!("Landlock {version}")));
    walls.extend(step.filter.then(|| "system calls filtered".to_owned()));
    walls.extend(step.own_uid.then(|| "a user of its own".to_owned()));
    let cgroup = step.cgroup.as_deref();
    walls.extend(cgroup.map(|version| format!("cgroup {}", safe::line(version))));
    let name = safe::line(&step.step);
    let mut text = format!("  in force   {name}: {}\n", walls.join(", "));
    let mut used: Vec<String> = step.limits.iter().filter_map(of_limit).collect();
    used.push(time(step));
    text += &format!("             used {}\n", used.join(", "));
    let loose: Vec<String> = step
        .limits
        .iter()
        .filter(|bound| !bound.held)
        .map(|bound| safe::line(&bound.limit))
        .collect();
    if !loose.is_empty() {
        let said = format!("not held on this machine: {}", loose.join(", "));
        text += &format!("             {}\n", printer.paint(Paint::Yellow, &said));
    }
    if let Some(hit) = &step.hit {
        let said = format!("ended by the limit `{}`", safe::line(hit));
        text += &format!("             {}\n", printer.paint(Paint::Red, &said));
    }
    text
}

/// `120 MiB of 2 GiB (memory)`; nothing where it was not measured.
fn of_limit(bound: &Bound) -> Option<String> {
    let used = bound.used?;
    let Ok(limit) = Limit::from_str(&bound.limit) else {
        let name = safe::line(&bound.limit);
        return Some(format!("{name} {used} of {}", bound.value));
    };
    let (used, value) = (limit.show(used), limit.show(bound.value));
    Some(format!("{limit} {used} of {value}"))
}

fn time(step: &InForce) -> String {
    let seconds = |ms: u64| format!("{}.{} s", ms / 1000, ms % 1000 / 100);
    match step.cpu_ms {
        Some(cpu) => format!("{} of processor in {}", seconds(cpu), seconds(step.wall_ms)),
        None => seconds(step.wall_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Printer = Printer {
        json: false,
        colour: false,
        watched: false,
    };

    #[test]
    fn a_run_without_walls_is_said_loudly() {
        assert_eq!(tier("sandbox", PLAIN), "sandbox");
        for loose in ["none", "worktree"] {
            assert!(tier(loose, PLAIN).contains("UNSANDBOXED"));
        }
    }

    #[test]
    fn what_was_in_force_is_told_with_what_was_not() {
        let bound = |limit: &str, value, held, used| Bound {
            limit: limit.into(),
            value,
            held,
            used,
        };
        let step = InForce {
            epoch: 1,
            step: "agent".into(),
            isolation: Isolation::Sandbox,
            launcher: Some("bubblewrap 0.8.0".into()),
            landlock: Some(6),
            cgroup: Some("v1".into()),
            own_uid: false,
            filter: true,
            limits: vec![
                bound("memory", 2 << 30, true, Some(120 << 20)),
                bound("cpu", 1500, false, None),
                bound("later", 9, false, Some(3)),
            ],
            cpu_ms: Some(1250),
            wall_ms: 3400,
            hit: Some("memory".into()),
        };
        let wanted = "  in force   agent: sandbox, bubblewrap 0.8.0, Landlock 6, system calls filtered, cgroup v1
             used memory 120 MiB of 2 GiB, later 3 of 9, 1.2 s of processor in 3.4 s
             not held on this machine: cpu, later
             ended by the limit `memory`
";
        assert_eq!(in_force(&[step], PLAIN), wanted);
    }
}
