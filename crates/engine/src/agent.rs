//! Agents.

use freehold_model::{Action, AgentId, ProviderId};
use freehold_store::{AgentRow, ProviderRow, Tx};
use freehold_wire::api::{Agent, NewAgent, Page};
use freehold_wire::content::Place;
use freehold_wire::problem::{Code, Problem};
use serde::{Deserialize, Serialize};

use crate::confirm::Act;
use crate::open::Opener;
use crate::project::{check_name, page, shorten, taken};
use crate::provider::find_provider;
use crate::tag::{self, Expected};
use crate::{Caller, Engine, Error, Result, refuse};

/// Hard limit on an agent's time where silent.
const TIMEOUT_S: u64 = 60 * 60;
/// Limit on its silence where silent.
const STALL_S: u64 = 10 * 60;
/// Longest time limit: a week.
const TIMEOUT_MAX_S: u64 = 7 * 24 * 60 * 60;
/// Presets and what drives them.
const PRESETS: [&str; 4] = ["codex", "opencode", "claude", "gemini"];
/// Longest command line, in words.
const WORDS_MAX: usize = 256;

/// How an agent is started. Content: a command line may name what a project is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) command: Vec<String>,
    pub(crate) paths: Vec<String>,
    #[serde(default)]
    pub(crate) image: Option<String>,
    #[serde(default)]
    pub(crate) tools: bool,
    #[serde(default)]
    pub(crate) repository_settings: bool,
}

/// Where the start of an agent belongs.
const START: &str = "start";

pub(crate) fn start_of(opener: &Opener, row: &AgentRow) -> Result<Start> {
    let bytes = opener.bytes(row.id, START, row.version, &row.start)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Internal(format!("start of agent {}: {error}", row.id)))
}

fn check_agent(new: &NewAgent) -> Result<()> {
    check_name(&new.name)?;
    let no_command = new.command.is_empty();
    let needs = match (new.driver.as_str(), &new.preset) {
        ("command", None) if no_command => {
            Some("a `command` agent needs a program: `-- CMD ARGS…`")
        }
        ("acp", None) if no_command => {
            Some("an `acp` agent needs a preset (`--preset codex`) or a program: `-- CMD ARGS…`")
        }
        ("builtin", _) if !no_command => Some("the `builtin` agent takes no program"),
        ("builtin", _) if new.provider.is_none() => Some("the `builtin` agent needs `--provider`"),
        ("builtin", _) if new.tools => Some("the `builtin` agent has these tools already"),
        ("command" | "acp" | "builtin", _) => None,
        _ => Some("the driver is one of command, acp, builtin"),
    };
    if let Some(detail) = needs {
        return refuse(Code::Invalid, detail);
    }
    if let Some(preset) = &new.preset
        && !PRESETS.contains(&preset.as_str())
    {
        return refuse(
            Code::Invalid,
            format!(
                "there is no preset `{}`; presets are {}",
                shorten(preset),
                PRESETS.join(", ")
            ),
        );
    }
    if new.command.len() > WORDS_MAX || new.command.iter().any(|word| word.contains('\0')) {
        return refuse(
            Code::Invalid,
            "the command line is too long or holds a NUL byte",
        );
    }
    if let Some(path) = new.paths.iter().find(|path| !path.starts_with('/')) {
        return refuse(
            Code::Invalid,
            format!("`{}` is not an absolute path", shorten(path)),
        );
    }
    crate::isolation::check(new)?;
    let limits = [new.timeout_s, new.stall_s];
    if limits
        .into_iter()
        .flatten()
        .any(|s| s == 0 || s > TIMEOUT_MAX_S)
    {
        return refuse(
            Code::Invalid,
            "a time limit is at least a second and at most seven days",
        );
    }
    Ok(())
}

impl Engine {
    /// Registers an agent.
    ///
    /// # Errors
    /// [`Code::Exists`], [`Code::Invalid`], [`Code::NotFound`] for the provider.
    pub async fn agent_add(&self, caller: &Caller, new: NewAgent) -> Result<Agent> {
        check_agent(&new)?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let (row, start, provider) = self
            .agent_row(&mut tx, caller, new, (self.new_id(), 1, self.now()))
            .await?;
        tx.agent_insert(&row)
            .await
            .map_err(|e| taken(e, "agent", &row.name))?;
        still_there(&mut tx, row.provider).await?;
        let id = row.id.to_string();
        self.audit(&mut tx, caller, "agent.create", &id, "setup")
            .await?;
        tx.commit().await?;
        Ok(agent_view(row, start, provider))
    }

    /// Replaces an agent's settings. Runs that were asked for before go on with the old ones.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Exists`], [`Code::Invalid`].
    pub async fn agent_edit(
        &self,
        caller: &Caller,
        reference: &str,
        new: NewAgent,
        expected: &Expected,
    ) -> Result<Agent> {
        check_agent(&new)?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let old = self
            .agent_held(&mut tx, caller, reference, expected)
            .await?;
        let (row, start, provider) = self
            .agent_row(
                &mut tx,
                caller,
                new,
                (old.id, old.version + 1, old.created_at),
            )
            .await?;
        let written = tx
            .agent_write(&row)
            .await
            .map_err(|e| taken(e, "agent", &row.name))?;
        if !written {
            return refuse(Code::NotFound, "the agent was removed meanwhile");
        }
        still_there(&mut tx, row.provider).await?;
        self.audit(&mut tx, caller, "agent.edit", &row.id.to_string(), "setup")
            .await?;
        tx.commit().await?;
        Ok(agent_view(row, start, provider))
    }

    /// Removes an agent. Runs of it that were asked for go on; no new one can be.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn agent_remove(
        &self,
        caller: &Caller,
        reference: &str,
        expected: &Expected,
    ) -> Result<()> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = self
            .agent_held(&mut tx, caller, reference, expected)
            .await?;
        let act = Act {
            action: Action::AgentRemove,
            resource: &row.id.to_string(),
            version: &row.version.to_string(),
            does: format!(
                "the agent `{}` is removed; runs of it go on, no new one can be",
                row.name
            ),
        };
        let mut tx = self.confirm(tx, caller, act).await?;
        tx.agent_remove(row.id, self.now()).await?;
        self.audit(
            &mut tx,
            caller,
            "agent.remove",
            &row.id.to_string(),
            "setup",
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// An agent.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn agent_show(&self, caller: &Caller, reference: &str) -> Result<Agent> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find_agent(&mut tx, reference).await?;
        let shown = self.agent_shown(&mut tx, caller, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    async fn agent_shown(&self, tx: &mut Tx, caller: &Caller, row: AgentRow) -> Result<Agent> {
        let opener = self
            .opener(tx, caller, &row.id.to_string(), "agent.show")
            .await?;
        let provider = match row.provider {
            Some(id) => tx.provider_get(id).await?.map(|p| p.name),
            None => None,
        };
        let start = start_of(&opener, &row)?;
        Ok(agent_view(row, start, provider))
    }

    /// An agent that stays as it is until the transaction ends, and is as it was seen.
    async fn agent_held(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        reference: &str,
        expected: &Expected,
    ) -> Result<AgentRow> {
        let id = find_agent(tx, reference).await?.id;
        tx.agent_lock(id).await?;
        let row = find_agent(tx, &id.to_string()).await?;
        if expected.is_named() {
            let shown = self.agent_shown(tx, caller, row.clone()).await?;
            expected.check(&tag::of(&shown)?)?;
        }
        Ok(row)
    }

    /// What was asked for as a row: under this id, this edition, made at that time.
    async fn agent_row(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        new: NewAgent,
        (id, version, created_at): (AgentId, i64, chrono::DateTime<chrono::Utc>),
    ) -> Result<(AgentRow, Start, Option<String>)> {
        let provider = match &new.provider {
            Some(reference) => Some(find_provider(tx, reference).await?),
            None => None,
        };
        let start = Start {
            command: new.command,
            paths: new.paths,
            image: new.image,
            tools: new.tools,
            repository_settings: new.repository_settings,
        };
        let plain = serde_json::to_vec(&start)
            .map_err(|error| Error::Internal(format!("start of an agent: {error}")))?;
        let place = Place::new(
            caller.tenant,
            id,
            START,
            u64::try_from(version).unwrap_or(0),
        );
        let keys = self.tenant_keys(tx).await?;
        let row = AgentRow {
            id,
            name: new.name,
            driver: new.driver,
            preset: new.preset,
            provider: provider.as_ref().map(|p| p.id),
            labels: new.labels,
            timeout_s: i64::try_from(new.timeout_s.unwrap_or(TIMEOUT_S)).unwrap_or(i64::MAX),
            stall_s: i64::try_from(new.stall_s.unwrap_or(STALL_S)).unwrap_or(i64::MAX),
            isolation: new.isolation,
            limits: new.limits,
            start: keys.seal(self, &place, &plain)?,
            version,
            removed_at: None,
            created_at,
        };
        Ok((row, start, provider.map(|p| p.name)))
    }

    /// Agents, oldest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn agent_list(
        &self,
        caller: &Caller,
        after: Option<AgentId>,
        limit: u32,
    ) -> Result<Page<Agent>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx.agent_list(after, i64::from(limit) + 1).await?;
        let opener = self.opener(&mut tx, caller, "agents", "agent.list").await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            let provider = match row.provider {
                Some(id) => tx.provider_get(id).await?.map(|p| p.name),
                None => None,
            };
            let start = start_of(&opener, &row)?;
            views.push(agent_view(row, start, provider));
        }
        tx.commit().await?;
        page(views, limit, |agent| agent.id.to_string(), Ok)
    }
}

fn agent_view(row: AgentRow, start: Start, provider: Option<String>) -> Agent {
    Agent {
        id: row.id,
        name: row.name,
        driver: row.driver,
        preset: row.preset,
        provider,
        paths: start.paths,
        labels: row.labels,
        timeout_s: u64::try_from(row.timeout_s).unwrap_or(0),
        stall_s: u64::try_from(row.stall_s).unwrap_or(0),
        command: start.command,
        isolation: row.isolation,
        image: start.image,
        limits: row.limits,
        tools: start.tools,
        repository_settings: start.repository_settings,
        created_at: row.created_at,
    }
}

/// A provider may have been removed while an agent came to use it: whoever writes second sees it.
async fn still_there(tx: &mut Tx, provider: Option<ProviderId>) -> Result<()> {
    let Some(id) = provider else { return Ok(()) };
    match tx.provider_get(id).await? {
        Some(row) if row.removed_at.is_none() => Ok(()),
        _ => refuse(Code::NotFound, "the provider was removed meanwhile"),
    }
}

/// The named agent.
async fn find_agent(tx: &mut Tx, reference: &str) -> Result<AgentRow> {
    Ok(find_agent_for_run(tx, Some(reference)).await?.0)
}

/// The named agent, or the only one there is, with its provider.
pub(crate) async fn find_agent_for_run(
    tx: &mut Tx,
    reference: Option<&str>,
) -> Result<(AgentRow, Option<ProviderRow>)> {
    let Some(reference) = reference else {
        let mut all = tx.run_agents(None, None).await?;
        return match (all.pop(), all.pop()) {
            (Some(only), None) => Ok(only),
            (None, _) => refuse(Code::AgentAmbiguous, "there is no agent yet"),
            (Some(_), Some(_)) => refuse(
                Code::AgentAmbiguous,
                "there are several agents; the run must name one",
            ),
        };
    };
    let id = reference.parse().ok();
    let name = id.is_none().then_some(reference);
    tx.run_agents(id, name).await?.pop().ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no agent `{}`", shorten(reference)),
        )
        .next("see `freehold agent list`")
        .into()
    })
}
