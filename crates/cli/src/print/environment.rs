//! Environments in words.

use freehold_model::environment::State;
use freehold_wire::api::{Environment, EnvironmentLimits, EnvironmentUsage, Page};

use super::table::{pairs, table};
use super::things::{more, time};
use super::{Paint, Printer, safe};

/// What is said where there is none.
const EMPTY: &str = "No environment is active. A run begins its project's by itself;\n\
                     `freehold environment start PROJECT` makes a project ready before.";

/// An environment.
pub(crate) fn environment(environment: &Environment, printer: Printer) -> String {
    let state = state(environment.state, printer);
    let head = printer.paint(Paint::Bold, &safe::line(&environment.project_name));
    let runner = environment.runner.map(|id| match &environment.runner_name {
        Some(name) => format!("{} ({id})", safe::line(name)),
        None => id.to_string(),
    });
    let labels = environment.labels.iter();
    let labels: Vec<String> = labels
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let kept = environment.kept.iter().map(ToString::to_string);
    let kept = kept.collect::<Vec<_>>().join(", ");
    let body = pairs(&[
        ("id", Some(environment.id.to_string())),
        ("detail", environment.detail.as_deref().map(safe::text)),
        ("runner", runner),
        (
            "jobs",
            (environment.jobs > 0).then(|| environment.jobs.to_string()),
        ),
        ("since", environment.started_at.map(time)),
        ("last active", Some(time(environment.last_active_at))),
        ("stops at", environment.idle_until.map(time)),
        ("stopped", environment.stopped_at.map(time)),
        ("active for", Some(hours(environment.active_s))),
        ("labels", Some(safe::line(&labels.join(", ")))),
        (
            "kept",
            (!kept.is_empty())
                .then(|| format!("{kept}: what is in their workspaces is not on the remote")),
        ),
    ]);
    format!("{head}  {state}\n{body}")
}

/// A list of environments.
pub(crate) fn environments(page: &Page<Environment>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|e| {
            vec![
                e.id.to_string(),
                safe::line(&e.project_name),
                e.state.to_string(),
                e.runner_name
                    .as_deref()
                    .map_or_else(|| "-".to_owned(), safe::line),
                e.jobs.to_string(),
                time(e.last_active_at),
                hours(e.active_s),
            ]
        })
        .collect();
    let head = [
        "ENVIRONMENT",
        "PROJECT",
        "STATE",
        "RUNNER",
        "JOBS",
        "LAST ACTIVE",
        "ACTIVE FOR",
    ];
    more(page, table(printer, &head, &rows, EMPTY))
}

/// Where one is that is awaited, in a line.
pub(crate) fn progress(environment: &Environment) -> String {
    match &environment.detail {
        Some(detail) => format!("{}: {}", environment.state, safe::line(detail)),
        None => environment.state.to_string(),
    }
}

/// What the tenant's environments are held to.
pub(crate) fn limits(limits: &EnvironmentLimits, printer: Printer) -> String {
    let head = format!("{} of {} environments in use", limits.placed, limits.most);
    let body = pairs(&[
        (
            "plan",
            Some(format!(
                "{} (at most {})",
                safe::line(&limits.plan),
                limits.plan_most
            )),
        ),
        (
            "stopped after",
            Some(format!("{} minutes idle", limits.idle_minutes)),
        ),
    ]);
    format!("{}\n{body}", printer.paint(Paint::Bold, &head))
}

/// How long environments were active.
pub(crate) fn usage(usage: &EnvironmentUsage, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = usage
        .days
        .iter()
        .map(|day| {
            vec![
                day.day.to_string(),
                safe::line(&day.project_name),
                hours(day.seconds),
            ]
        })
        .collect();
    let empty = format!(
        "No environment was active from {} to {}.",
        usage.from, usage.to
    );
    let text = table(printer, &["DAY", "PROJECT", "ACTIVE FOR"], &rows, &empty);
    match rows.is_empty() {
        true => text,
        false => format!("{text}\n\n{} in all", hours(usage.seconds)),
    }
}

/// Whole seconds as a person reads them: `2 h 05 min`, `3 min 20 s`, `20 s`.
fn hours(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest:02} s"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

fn state(state: State, printer: Printer) -> String {
    let paint = match state {
        State::Ready | State::Busy => Paint::Green,
        State::Failed => Paint::Red,
        State::Requested | State::Starting | State::Stopping => Paint::Yellow,
        State::Idle | State::Stopped => Paint::Dim,
    };
    printer.paint(paint, state.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_at_a_glance() {
        let read = [0, 20, 200, 7500, 360_000].map(hours);
        assert_eq!(
            read,
            ["0 s", "20 s", "3 min 20 s", "2 h 05 min", "100 h 00 min"]
        );
    }
}
