//! `freehold agent`

use freehold_model::{Limit, Limits};
use freehold_wire::api::{Agent, NewAgent};
use reqwest::Method;

use super::{Person, absolute, find, undo};
use crate::client::{Client, Route};
use crate::failure::Failure;
use crate::print::{Printer, things};
use crate::words::{AgentAdd, AgentEdit, AgentWords, labels};

pub(super) async fn run(
    words: AgentWords,
    client: &Client,
    person: Person,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        AgentWords::Add(words) => {
            let agent: Agent = client.post(&Route::to("agents"), &new(words)?).await?;
            printer.show(&agent, things::agent)
        }
        AgentWords::List(words) => {
            let page = client.list(&Route::to("agents"), words.after).await?;
            printer.show(&page, things::agents)
        }
        AgentWords::Edit(words) => edit(words, client, printer).await,
        AgentWords::Remove { agent, yes } => {
            let agent = known(&agent, client).await?;
            let route = Route::of("agents", &agent.id.to_string())?;
            person.surely(client, Method::DELETE, &route, yes).await?;
            printer.gone("agent", &agent.name, undo::agent_remove(&agent))
        }
    }
}

async fn known(name: &str, client: &Client) -> Result<Agent, Failure> {
    find(client, "agents", name, |agent: &Agent| {
        (agent.id.to_string(), &agent.name)
    })
    .await
}

async fn edit(words: AgentEdit, client: &Client, printer: Printer) -> Result<(), Failure> {
    let (before, seen) = client
        .get_seen::<Agent>(&Route::of("agents", &words.agent)?)
        .await?;
    let route = Route::of("agents", &before.id.to_string())?;
    let new = edited(words, before.clone())?;
    let after: Agent = client.change(Method::PUT, &route, &new, seen).await?;
    let undo = undo::agent_edit(&before, &after);
    printer.show_undo(&after, things::agent, undo)
}

fn new(words: AgentAdd) -> Result<NewAgent, Failure> {
    Ok(NewAgent {
        name: words.name,
        driver: words.driver,
        preset: words.preset,
        provider: words.provider,
        paths: paths(&words.paths)?,
        labels: distinct(words.labels)?,
        timeout_s: words.timeout,
        stall_s: words.stall,
        command: words.command,
        isolation: words.isolation.unwrap_or_default(),
        image: words.image,
        limits: each_once(words.limits)?,
        tools: words.tools,
        repository_settings: words.repository_settings,
    })
}

/// The whole of what the agent is from now on: what is not named stays.
fn edited(words: AgentEdit, agent: Agent) -> Result<NewAgent, Failure> {
    let keep_paths = words.paths.is_empty() && !words.no_paths;
    let keep_command = words.command.is_empty() && !words.no_command;
    let keep_labels = words.labels.is_empty() && !words.no_labels;
    Ok(NewAgent {
        name: words.name.unwrap_or(agent.name),
        driver: agent.driver,
        preset: agent.preset,
        provider: match words.no_provider {
            true => None,
            false => words.provider.or(agent.provider),
        },
        paths: if keep_paths {
            agent.paths
        } else {
            paths(&words.paths)?
        },
        labels: if keep_labels {
            agent.labels
        } else {
            distinct(words.labels)?
        },
        timeout_s: words.timeout.or(Some(agent.timeout_s)),
        stall_s: words.stall.or(Some(agent.stall_s)),
        command: if keep_command {
            agent.command
        } else {
            words.command
        },
        isolation: words.isolation.unwrap_or(agent.isolation),
        image: match words.no_image {
            true => None,
            false => words.image.or(agent.image),
        },
        limits: if words.limits.is_empty() && !words.no_limits {
            agent.limits
        } else {
            each_once(words.limits)?
        },
        tools: (agent.tools || words.tools) && !words.no_tools,
        repository_settings: (agent.repository_settings || words.repository_settings)
            && !words.no_repository_settings,
    })
}

fn paths(paths: &[std::path::PathBuf]) -> Result<Vec<String>, Failure> {
    paths.iter().map(|path| absolute(path)).collect()
}

fn each_once(pairs: Vec<(Limit, u64)>) -> Result<Limits, Failure> {
    let mut limits = Limits::new();
    for (limit, value) in pairs {
        if limits.insert(limit, value).is_some() {
            let message = format!("the limit `{limit}` is given twice");
            return Err(Failure::usage(message, "give each limit once"));
        }
    }
    Ok(limits)
}

fn distinct(
    pairs: Vec<(String, String)>,
) -> Result<std::collections::BTreeMap<String, String>, Failure> {
    labels(pairs).map_err(|message| Failure::usage(message, "give each label's key once"))
}
