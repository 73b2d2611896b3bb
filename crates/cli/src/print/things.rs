//! Projects, providers, agents, runners and people in words.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_model::Scope;
use freehold_wire::api::{Agent, EnrolToken, Key, Me, Page, Project, Provider, Runner};
use freehold_wire::order::Egress;
use serde::Serialize;

use super::table::{pairs, table};
use super::{Paint, Printer, isolation, safe, token};
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

/// With the cursor, where there is more.
pub(crate) fn more<T>(page: &Page<T>, text: String) -> String {
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
    let mut facts = vec![
        ("id", Some(project.id.to_string())),
        ("remote", Some(safe::line(&project.remote))),
        ("target", Some(safe::line(&project.target))),
        ("egress", Some(egress(project.egress, printer))),
        ("record", Some(safe::line(&at))),
        ("created", Some(time(project.created_at))),
    ];
    if let Some(least) = project.isolation_at_least {
        facts.insert(4, ("isolation", Some(format!("at least {least}"))));
    }
    if project.share != 1 {
        facts.insert(4, ("share", Some(project.share.to_string())));
    }
    if let Some(directory) = &project.directory {
        facts.insert(2, ("folder", Some(safe::line(directory))));
    }
    let body = pairs(&facts);
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

fn key(key: &Key) -> String {
    match key {
        Key::None => "no key".to_owned(),
        Key::Env(name) => format!("variable {name}"),
        Key::File(path) => format!("file {path}"),
        Key::Written(1) => "written, for 1 runner".to_owned(),
        Key::Written(runners) => format!("written, for {runners} runners"),
    }
}

/// Where the key is, in a sentence's part.
fn place(stands: &Key) -> String {
    let key = safe::line(&key(stands));
    match stands {
        Key::None => key,
        Key::Env(_) | Key::File(_) => format!("{key} on the runner's machine"),
        Key::Written(0) => "written, and no runner can open it: `freehold provider key`".to_owned(),
        Key::Written(_) => format!("{key} (one that is enrolled later needs it anew)"),
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
        ("key", Some(place(&provider.key))),
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
    let set = isolation::limits(&agent.limits);
    let limits = format!(
        "{} in all, {} of silence{}",
        duration::text(agent.timeout_s),
        duration::text(agent.stall_s),
        set.map(|set| format!(", {set}")).unwrap_or_default()
    );
    let body = pairs(&[
        ("id", Some(agent.id.to_string())),
        ("driver", Some(safe::line(&agent.driver))),
        ("preset", agent.preset.as_deref().map(safe::line)),
        ("provider", agent.provider.as_deref().map(safe::line)),
        ("command", some(agent.command.join(" "))),
        ("paths", some(agent.paths.join(" "))),
        ("labels", some(labels(&agent.labels))),
        (
            "isolation",
            Some(isolation::tier(agent.isolation.name(), printer)),
        ),
        ("image", agent.image.as_deref().map(safe::line)),
        ("limits", Some(limits)),
        (
            "tools",
            agent.tools.then(|| "ours are offered to it".to_owned()),
        ),
        (
            "settings",
            agent
                .repository_settings
                .then(|| "it may take the repository's own, which can start programs".to_owned()),
        ),
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
            // A cell is plain text: here the loud word is the sign.
            let isolation = match a.isolation.is_sandboxed() {
                true => a.isolation.name().to_owned(),
                false => a.isolation.name().to_uppercase(),
            };
            vec![
                a.name.clone(),
                driver,
                provider,
                isolation,
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
            &[
                "NAME",
                "DRIVER",
                "PROVIDER",
                "ISOLATION",
                "TIMEOUT",
                "COMMAND",
            ],
            &rows,
            empty,
        ),
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
    let off: String = page.items.iter().filter_map(clock_off).collect();
    more(page, table(printer, &head, &rows, empty) + &off)
}

/// What is to be done about a clock that is off.
fn clock_off(runner: &Runner) -> Option<String> {
    let ahead = runner.machine.as_ref()?.clock_ahead_s?;
    let way = if ahead < 0 { "behind" } else { "ahead" };
    let (name, off) = (
        safe::line(&runner.name),
        duration::text(ahead.unsigned_abs()),
    );
    Some(format!(
        "\n{name}: this host's clock is off by {off} ({way}); set it, for instance with `timedatectl set-ntp true`\n"
    ))
}

/// An enrolment token: alone on its line, so that it can be put into a file.
pub(crate) fn enrol_token(token: &EnrolToken, _: Printer) -> String {
    safe::line(&token.token)
}

/// Who asks.
pub(crate) fn me(me: &Me, printer: Printer) -> String {
    let head = printer.paint(Paint::Bold, &safe::line(&me.name));
    let until = me.expires_at.map_or_else(|| "never".to_owned(), time);
    let limited = me.scopes.len() < Scope::ALL.len();
    let body = pairs(&[
        ("user", Some(me.user.to_string())),
        ("role", Some(me.role.to_string())),
        ("scopes", limited.then(|| token::scopes(&me.scopes))),
        (
            "in",
            Some(format!("{} ({})", safe::line(&me.tenant_name), me.tenant)),
        ),
        (
            "server",
            Some(format!("version {}", safe::line(&me.server_version))),
        ),
        ("expires", Some(until)),
    ]);
    format!("{head}\n{body}")
}

/// A link that signs a browser in.
#[derive(Debug, Serialize)]
pub(crate) struct Link {
    /// The link.
    pub(crate) sign_in: String,
    /// It is refused from then on.
    pub(crate) expires_at: DateTime<Utc>,
}

/// The link alone on its line.
pub(crate) fn link(link: &Link, _: Printer) -> String {
    safe::line(&link.sign_in)
}
