//! Projects, providers, agents, cards and runners in words.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_wire::api::{Agent, Card, EnrolToken, Page, Project, Provider, Runner};
use freehold_wire::order::{Egress, KeyRef};

use super::table::{pairs, table};
use super::{Paint, Printer, safe};
use crate::duration;

/// A time as people read it, to the second.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// The policy; `open` is said loudly.
pub(crate) fn egress(egress: Egress, printer: Printer) -> String {
    match egress {
        Egress::Open => printer.paint(Paint::Red, "OPEN: the agent can reach any public address"),
        Egress::None | Egress::Registries => egress.name().to_owned(),
    }
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.join(",")
}

fn more<T>(page: &Page<T>, text: String) -> String {
    match &page.next {
        Some(next) => format!("{text}\nthere are more: --after {}", safe::line(next)),
        None => text,
    }
}

/// A project.
pub(crate) fn project(project: &Project, printer: Printer) -> String {
    let record = &project.record;
    let at = format!("{} {} {}", record.remote, record.reference, record.path);
    let head = printer.paint(Paint::Bold, &safe::line(&project.name));
    let body = pairs(&[
        ("id", Some(project.id.to_string())),
        ("remote", Some(safe::line(&project.remote))),
        ("target", Some(safe::line(&project.target))),
        ("egress", Some(egress(project.egress, printer))),
        ("record", Some(safe::line(&at))),
        ("created", Some(time(project.created_at))),
    ]);
    let name = safe::line(&project.name);
    format!("{head}\n{body}next: `freehold card add --project {name} --title …`")
}

/// Projects.
pub(crate) fn projects(page: &Page<Project>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|p| {
            // A cell is plain text: here the loud word is the sign.
            let egress = match p.egress {
                Egress::Open => "OPEN",
                Egress::None | Egress::Registries => p.egress.name(),
            };
            vec![
                p.name.clone(),
                p.target.clone(),
                egress.into(),
                p.remote.clone(),
            ]
        })
        .collect();
    let empty = "No projects yet. Add one: freehold project add NAME --remote URL";
    more(
        page,
        table(
            printer,
            &["NAME", "TARGET", "EGRESS", "REMOTE"],
            &rows,
            empty,
        ),
    )
}

fn key(key: &KeyRef) -> String {
    match key {
        KeyRef::None => "no key".to_owned(),
        KeyRef::Env(name) => format!("variable {name}"),
        KeyRef::File(path) => format!("file {path}"),
    }
}

/// A provider.
pub(crate) fn provider(provider: &Provider, printer: Printer) -> String {
    let name = safe::line(&provider.name);
    let head = printer.paint(Paint::Bold, &name);
    let body = pairs(&[
        ("id", Some(provider.id.to_string())),
        ("kind", Some(safe::line(&provider.kind))),
        ("endpoint", Some(safe::line(&provider.base_url))),
        (
            "key",
            Some(format!(
                "{} on the runner's machine",
                safe::line(&key(&provider.key))
            )),
        ),
        ("model", provider.model.as_deref().map(safe::line)),
        ("created", Some(time(provider.created_at))),
    ]);
    format!("{head}\n{body}next: `freehold agent add NAME --driver builtin --provider {name}`")
}

/// Providers.
pub(crate) fn providers(page: &Page<Provider>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|p| {
            let model = p.model.clone().unwrap_or_else(|| "-".into());
            vec![
                p.name.clone(),
                p.kind.clone(),
                model,
                key(&p.key),
                p.base_url.clone(),
            ]
        })
        .collect();
    let empty = "No providers yet. Add one: freehold provider add NAME --kind openai --base-url URL --key-env VAR\n\
                 (An agent with the driver `command` needs none.)";
    more(
        page,
        table(
            printer,
            &["NAME", "KIND", "MODEL", "KEY", "ENDPOINT"],
            &rows,
            empty,
        ),
    )
}

/// An agent.
pub(crate) fn agent(agent: &Agent, printer: Printer) -> String {
    let some = |text: String| (!text.is_empty()).then(|| safe::line(&text));
    let head = printer.paint(Paint::Bold, &safe::line(&agent.name));
    let limits = format!(
        "{} in all, {} of silence",
        duration::text(agent.timeout_s),
        duration::text(agent.stall_s)
    );
    let body = pairs(&[
        ("id", Some(agent.id.to_string())),
        ("driver", Some(safe::line(&agent.driver))),
        ("preset", agent.preset.as_deref().map(safe::line)),
        ("provider", agent.provider.as_deref().map(safe::line)),
        ("command", some(agent.command.join(" "))),
        ("paths", some(agent.paths.join(" "))),
        ("labels", some(labels(&agent.labels))),
        ("limits", Some(limits)),
        ("created", Some(time(agent.created_at))),
    ]);
    format!(
        "{head}\n{body}next: `freehold run start CARD --agent {}`",
        safe::line(&agent.name)
    )
}

/// Agents.
pub(crate) fn agents(page: &Page<Agent>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|a| {
            let driver = match &a.preset {
                Some(preset) => format!("{} ({preset})", a.driver),
                None => a.driver.clone(),
            };
            let provider = a.provider.clone().unwrap_or_else(|| "-".into());
            let timeout = duration::text(a.timeout_s);
            vec![
                a.name.clone(),
                driver,
                provider,
                timeout,
                a.command.join(" "),
            ]
        })
        .collect();
    let empty = "No agents yet. Add one: freehold agent add NAME --driver command -- CMD ARGS…";
    more(
        page,
        table(
            printer,
            &["NAME", "DRIVER", "PROVIDER", "TIMEOUT", "COMMAND"],
            &rows,
            empty,
        ),
    )
}

/// A card.
pub(crate) fn card(card: &Card, printer: Printer) -> String {
    let depends: Vec<String> = card.depends.iter().map(ToString::to_string).collect();
    let head = printer.paint(Paint::Bold, &safe::line(&card.title));
    let run = card.run.map(|run| match card.run_state {
        Some(state) => format!("{run} ({state})"),
        None => run.to_string(),
    });
    let body = pairs(&[
        ("id", Some(card.id.to_string())),
        ("project", Some(card.project.to_string())),
        ("lane", Some(card.lane.to_string())),
        ("depends", (!depends.is_empty()).then(|| depends.join(" "))),
        ("run", run),
        (
            "landed",
            Some(if card.landed { "yes" } else { "no" }.to_owned()),
        ),
        ("created", Some(time(card.created_at))),
        ("updated", Some(time(card.updated_at))),
    ]);
    let details = match card.body.is_empty() {
        true => String::new(),
        false => format!("\n{}\n\n", safe::text(&card.body).trim_end()),
    };
    let next = match card.run {
        Some(run) => format!("`freehold run show {run}`"),
        None => format!("`freehold run start {}`", card.id),
    };
    format!("{head}\n{body}{details}next: {next}")
}

/// Cards.
pub(crate) fn cards(page: &Page<Card>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|c| {
            let run = match (c.landed, c.run_state) {
                (true, _) => "landed".to_owned(),
                (false, Some(state)) => state.to_string(),
                (false, None) => "-".to_owned(),
            };
            vec![c.id.to_string(), c.lane.to_string(), run, c.title.clone()]
        })
        .collect();
    let empty = "No cards yet. Add one: freehold card add --project P --title TEXT";
    more(
        page,
        table(printer, &["CARD", "LANE", "RUN", "TITLE"], &rows, empty),
    )
}

/// Runners.
pub(crate) fn runners(page: &Page<Runner>, printer: Printer) -> String {
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|r| {
            let jobs = format!("{}/{}", r.busy, r.capacity);
            let seen = r.last_seen.map_or_else(|| "never".to_owned(), time);
            vec![
                r.id.to_string(),
                r.name.clone(),
                r.state.clone(),
                jobs,
                seen,
                labels(&r.labels),
            ]
        })
        .collect();
    let empty = "No runners yet. `freehold up` has one of its own; another machine becomes one by\n\
                 freehold runner enroll-token, and there: freehold runner serve --server URL --token-file F";
    let head = ["RUNNER", "NAME", "STATE", "JOBS", "LAST SEEN", "LABELS"];
    more(page, table(printer, &head, &rows, empty))
}

/// An enrolment token: alone on its line, so that it can be put into a file.
pub(crate) fn enrol_token(token: &EnrolToken, _: Printer) -> String {
    safe::line(&token.token)
}
