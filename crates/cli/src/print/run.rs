//! A run in words: where it is, why, and what a person can do next.

use freehold_model::Reason;
use freehold_model::priority::Priority;
use freehold_model::run::State;
use freehold_wire::api::{Page, Run, Step};

use super::table::{pairs, table};
use super::things::{egress, more, time};
use super::{Paint, Printer, isolation, safe};

/// A run.
pub(crate) fn run(run: &Run, printer: Printer) -> String {
    let state = match (&run.waiting_for, run.state) {
        (Some(what), State::Waiting) => format!("waiting for {}", safe::line(what)),
        (Some(what), state) => format!("{state}, waits for the {}", safe::line(what)),
        _ => run.state.to_string(),
    };
    let head = printer.paint(Paint::Bold, &run.id.to_string());
    let state = printer.paint(colour(run.state), &state);
    let version = run.agent_version.as_deref();
    let agent = format!(
        "{}{} (attempt {}, epoch {})",
        run.agent,
        version.map(|v| format!(" {v}")).unwrap_or_default(),
        run.attempt,
        run.epoch
    );
    let card = format!("{} {}", run.card, run.card_title);
    let usage = run.usage.map(|usage| {
        format!(
            "{} tokens in, {} out, {} requests",
            usage.input_tokens, usage.output_tokens, usage.requests
        )
    });
    let version = run.runner_version.as_deref().map(safe::line);
    let version = version.map(|version| format!(" (version {version})"));
    let runner = run.runner.map_or_else(
        || "none yet".to_owned(),
        |id| format!("{id}{}", version.unwrap_or_default()),
    );
    let reason = run.reason.map(|r| format!("{r}: {}", r.meaning()));
    let detail = run.detail.as_deref().map(|detail| {
        // Further lines stand under the first.
        safe::text(detail)
            .trim_end()
            .replace('\n', "\n             ")
    });
    let approved = run.approved_by.as_deref();
    let approved = approved.map(|name| format!("by {}", safe::line(name)));
    let priority = (run.priority != Priority::Normal).then(|| run.priority.name().to_owned());
    let mut text = format!("{head}  {state}\n");
    text += &pairs(&[
        ("reason", reason),
        ("detail", detail),
        ("next try", run.next_try_at.map(time)),
        ("project", Some(run.project.to_string())),
        ("card", Some(safe::line(&card))),
        ("parent", run.parent.map(|id| id.to_string())),
        ("agent", Some(safe::line(&agent))),
        ("usage", usage),
        ("priority", priority),
        ("runner", Some(runner)),
        ("isolation", Some(isolation::tier(&run.isolation, printer))),
        ("egress", Some(egress(run.egress, printer))),
        ("target", Some(safe::line(&run.target))),
        ("base", run.base.as_deref().map(safe::line)),
        ("commit", run.commit.as_deref().map(safe::line)),
        ("landed", run.landed.as_deref().map(safe::line)),
        ("by", run.by.as_deref().map(safe::line)),
        ("approved", approved),
        ("created", Some(time(run.created_at))),
        ("started", run.started_at.map(time)),
        ("finished", run.finished_at.map(time)),
    ]);
    text += &checks(run, printer);
    text += &isolation::in_force(&run.in_force, printer);
    text + &next(run)
}

fn checks(run: &Run, printer: Printer) -> String {
    let mut text = String::new();
    for check in &run.checks {
        let paint = verdict(&check.state);
        let state = printer.paint(paint, &format!("{:9}", safe::line(&check.state)));
        let code = check.exit_code.map(|code| format!(" (exit code {code})"));
        let name = safe::line(&check.name);
        text += &format!("  check      {state} {name}{}\n", code.unwrap_or_default());
    }
    text
}

/// The colour of a check's result.
pub(crate) fn verdict(state: &str) -> Paint {
    match state {
        "passed" => Paint::Green,
        "skipped" => Paint::Dim,
        _ => Paint::Red,
    }
}

const fn colour(state: State) -> Paint {
    match state {
        State::Succeeded => Paint::Green,
        State::Failed | State::Rejected | State::Cancelled => Paint::Red,
        State::Waiting => Paint::Yellow,
        State::Queued | State::Dispatching | State::Running | State::Landing => Paint::Bold,
    }
}

/// The first command that a sentence quotes.
fn quoted(sentence: &str) -> Option<&str> {
    sentence.split('`').nth(1)
}

/// What to do now, as commands that can be copied.
pub(crate) fn next(run: &Run) -> String {
    let id = run.id;
    let mut steps: Vec<String> = Vec::new();
    match run.state {
        State::Queued | State::Dispatching | State::Running | State::Landing => {
            steps.push(format!("watch it: `freehold run events {id} --follow`"));
        }
        State::Waiting => {
            let commit = run.commit.as_deref().map(safe::line).unwrap_or_default();
            steps.push(format!("look at the work: `freehold run review {id}`"));
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
    // A step that names the run says the same as the reason does in general.
    let of_this_run = |command: &str| {
        let command = format!("{command} ");
        let mut steps = steps.iter().filter_map(|step| quoted(step));
        steps.any(|step| step.starts_with(&command))
    };
    let advice = run.reason.map(Reason::next);
    let advice = advice.filter(|advice| !quoted(advice).is_some_and(of_this_run));
    let steps = advice.into_iter().chain(steps.iter().map(String::as_str));
    let lines: Vec<String> = steps.map(|step| format!("next: {step}")).collect();
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
    more(page, text)
}

/// Steps.
pub(crate) fn steps(page: &Page<Step>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|step| {
            let took = step.finished_at.map(|end| end - step.started_at);
            let took = took.map(|took| took.num_milliseconds().max(0));
            let took = took.map(|ms| format!("{}.{:03} s", ms / 1000, ms % 1000));
            let code = step.exit_code.map(|code| code.to_string());
            let none = || "-".to_owned();
            vec![
                step.epoch.to_string(),
                step.number.map_or_else(none, |number| number.to_string()),
                step.name.clone(),
                step.state.clone(),
                code.unwrap_or_else(none),
                time(step.started_at),
                took.unwrap_or_else(none),
                step.version.clone().unwrap_or_else(none),
            ]
        })
        .collect();
    let head = [
        "EPOCH",
        "NO",
        "STEP",
        "STATE",
        "EXIT CODE",
        "STARTED",
        "TOOK",
        "RUNNER",
    ];
    more(page, table(printer, &head, &rows, "No step has begun."))
}
