//! A run in words: where it is, why, and what a person can do next.

use freehold_model::Reason;
use freehold_model::run::State;
use freehold_wire::api::{Page, Run};

use super::table::{pairs, table};
use super::things::{egress, time};
use super::{Paint, Printer, safe};

/// A run.
pub(crate) fn run(run: &Run, printer: Printer) -> String {
    let state = match (&run.waiting_for, run.state) {
        (Some(what), State::Waiting) => format!("waiting for {}", safe::line(what)),
        _ => run.state.to_string(),
    };
    let head = printer.paint(Paint::Bold, &run.id.to_string());
    let state = printer.paint(colour(run.state), &state);
    let agent = format!(
        "{} (attempt {}, epoch {})",
        run.agent, run.attempt, run.epoch
    );
    let runner = run
        .runner
        .map_or_else(|| "none yet".to_owned(), |id| id.to_string());
    let reason = run.reason.map(|r| format!("{r}: {}", r.meaning()));
    let detail = run.detail.as_deref().map(|detail| {
        // Further lines stand under the first.
        safe::text(detail)
            .trim_end()
            .replace('\n', "\n             ")
    });
    let mut text = format!("{head}  {state}\n");
    text += &pairs(&[
        ("reason", reason),
        ("detail", detail),
        ("project", Some(run.project.to_string())),
        ("card", Some(run.card.to_string())),
        ("parent", run.parent.map(|id| id.to_string())),
        ("agent", Some(safe::line(&agent))),
        ("runner", Some(runner)),
        ("isolation", Some(safe::line(&run.isolation))),
        ("egress", Some(egress(run.egress, printer))),
        ("target", Some(safe::line(&run.target))),
        ("base", run.base.as_deref().map(safe::line)),
        ("commit", run.commit.as_deref().map(safe::line)),
        ("landed", run.landed.as_deref().map(safe::line)),
        ("created", Some(time(run.created_at))),
        ("finished", run.finished_at.map(time)),
    ]);
    text += &checks(run, printer);
    text + &next(run)
}

fn checks(run: &Run, printer: Printer) -> String {
    let mut text = String::new();
    for check in &run.checks {
        let paint = match check.state.as_str() {
            "passed" => Paint::Green,
            "skipped" => Paint::Dim,
            _ => Paint::Red,
        };
        let state = printer.paint(paint, &format!("{:9}", safe::line(&check.state)));
        let code = check.exit_code.map(|code| format!(" (exit code {code})"));
        let name = safe::line(&check.name);
        text += &format!("  check      {state} {name}{}\n", code.unwrap_or_default());
    }
    text
}

const fn colour(state: State) -> Paint {
    match state {
        State::Succeeded => Paint::Green,
        State::Failed | State::Rejected | State::Cancelled => Paint::Red,
        State::Waiting => Paint::Yellow,
        State::Queued | State::Dispatching | State::Running | State::Landing => Paint::Bold,
    }
}

/// What to do now, as commands that can be copied.
fn next(run: &Run) -> String {
    let id = run.id;
    let mut steps: Vec<String> = Vec::new();
    if let Some(reason) = run.reason {
        steps.push(reason.next().to_owned());
    }
    match run.state {
        State::Queued | State::Dispatching | State::Running | State::Landing => {
            steps.push(format!("watch it: `freehold run events {id} --follow`"));
        }
        State::Waiting => {
            let commit = run.commit.as_deref().map(safe::line).unwrap_or_default();
            steps.push(format!("look at the work: `freehold run diff {id}`"));
            // As it is it would be refused again.
            let hopeless = [Some(Reason::Conflict), Some(Reason::ChecksOnResult)];
            if !hopeless.contains(&run.reason) {
                steps.push(format!(
                    "land it: `freehold run approve {id} --commit {commit}`"
                ));
            }
            steps.push(format!(
                "or: `freehold run reply {id} --text …`, `freehold run reject {id} --reason …`"
            ));
        }
        State::Failed | State::Rejected => {
            steps.push(format!("see the agent's output: `freehold run logs {id}`"));
            steps.push(format!(
                "answer it, in a new run: `freehold run reply {id} --text …`"
            ));
        }
        State::Succeeded | State::Cancelled => {}
    }
    let lines: Vec<String> = steps.iter().map(|step| format!("next: {step}")).collect();
    lines.join("\n")
}

/// Runs.
pub(crate) fn runs(page: &Page<Run>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|r| {
            let why = r.reason.map_or("-", |reason| reason.code());
            let created = time(r.created_at);
            vec![
                r.id.to_string(),
                r.state.to_string(),
                why.to_owned(),
                r.agent.clone(),
                created,
                r.card.to_string(),
            ]
        })
        .collect();
    let empty = "No runs yet. Start one: freehold run start CARD";
    let head = ["RUN", "STATE", "REASON", "AGENT", "CREATED", "CARD"];
    let text = table(printer, &head, &rows, empty);
    match &page.next {
        Some(next) => format!("{text}\nthere are more: --after {}", safe::line(next)),
        None => text,
    }
}
