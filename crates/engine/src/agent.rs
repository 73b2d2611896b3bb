//! Agents and model providers.

use freehold_model::AgentId;
use freehold_store::{AgentRow, ProviderRow, Tx};
use freehold_wire::api::{Agent, NewAgent, NewProvider, Page, Provider};
use freehold_wire::content::Place;
use freehold_wire::link::{Probe, Probed};
use freehold_wire::order::{KeyRef, ProviderSpec};
use freehold_wire::problem::{Code, Problem};
use serde::{Deserialize, Serialize};

use crate::open::Opener;
use crate::project::{check_name, page, shorten, taken};
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
}

/// Where the start of an agent belongs.
const START: &str = "start";

pub(crate) fn provider_view(row: ProviderRow) -> Result<Provider> {
    let key: KeyRef = serde_json::from_value(row.key_ref)
        .map_err(|error| Error::Internal(format!("key of provider {}: {error}", row.id)))?;
    Ok(Provider {
        id: row.id,
        name: row.name,
        kind: row.kind,
        base_url: row.base_url,
        key,
        model: row.model,
        created_at: row.created_at,
    })
}

pub(crate) fn start_of(opener: &Opener, row: &AgentRow) -> Result<Start> {
    let bytes = opener.bytes(row.id, START, 1, &row.start)?;
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
    /// Adds a provider after a runner has reached it with the key that it names.
    ///
    /// # Errors
    /// [`Code::Exists`], [`Code::ProviderRefused`], [`Code::NoRunner`], [`Code::Invalid`].
    pub async fn provider_add(&self, caller: &Caller, new: NewProvider) -> Result<Provider> {
        check_name(&new.name)?;
        if !["openai", "anthropic", "ollama"].contains(&new.kind.as_str()) {
            return refuse(
                Code::Invalid,
                "the kind is one of openai, anthropic, ollama",
            );
        }
        let mut tx = self.store().begin(caller.tenant).await?;
        if tx.provider_named(&new.name).await?.is_some() {
            return refuse(
                Code::Exists,
                format!("the provider name `{}` is taken", new.name),
            );
        }
        drop(tx);
        let spec = ProviderSpec {
            name: new.name.clone(),
            kind: new.kind.clone(),
            base_url: new.base_url.clone(),
            key: new.key.clone(),
            model: new.model.clone(),
        };
        match self
            .hub()
            .ask(caller.tenant, Probe::Provider { provider: spec })
            .await
        {
            Some(Probed::Provider { .. }) => {}
            Some(Probed::Failed { message, next }) => {
                return Err(Problem::new(Code::ProviderRefused, message)
                    .next(next)
                    .into());
            }
            Some(Probed::Remote { .. }) => {
                return Err(Error::Internal(
                    "the runner answered another question".into(),
                ));
            }
            None => return self.nobody_answered(caller),
        }
        let key_ref = serde_json::to_value(&new.key)
            .map_err(|error| Error::Internal(format!("key reference: {error}")))?;
        let row = ProviderRow {
            id: self.new_id(),
            name: new.name,
            kind: new.kind,
            base_url: new.base_url,
            key_ref,
            model: new.model,
            created_at: self.now(),
        };
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.provider_insert(&row)
            .await
            .map_err(|e| taken(e, "provider", &row.name))?;
        self.audit(
            &mut tx,
            caller,
            "provider.create",
            &row.id.to_string(),
            "setup",
        )
        .await?;
        tx.commit().await?;
        provider_view(row)
    }

    /// Providers, oldest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn provider_list(
        &self,
        caller: &Caller,
        after: Option<freehold_model::ProviderId>,
        limit: u32,
    ) -> Result<Page<Provider>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx.provider_list(after, i64::from(limit) + 1).await?;
        page(rows, limit, |row| row.id.to_string(), provider_view)
    }

    /// Registers an agent.
    ///
    /// # Errors
    /// [`Code::Exists`], [`Code::Invalid`], [`Code::NotFound`] for the provider.
    pub async fn agent_add(&self, caller: &Caller, new: NewAgent) -> Result<Agent> {
        check_agent(&new)?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let provider = match &new.provider {
            Some(reference) => Some(find_provider(&mut tx, reference).await?),
            None => None,
        };
        let id: AgentId = self.new_id();
        let start = Start {
            command: new.command.clone(),
            paths: new.paths.clone(),
        };
        let plain = serde_json::to_vec(&start)
            .map_err(|error| Error::Internal(format!("start of an agent: {error}")))?;
        let keys = self.tenant_keys(&mut tx).await?;
        let row = AgentRow {
            id,
            name: new.name,
            driver: new.driver,
            preset: new.preset,
            provider: provider.as_ref().map(|p| p.id),
            labels: new.labels,
            timeout_s: i64::try_from(new.timeout_s.unwrap_or(TIMEOUT_S)).unwrap_or(i64::MAX),
            stall_s: i64::try_from(new.stall_s.unwrap_or(STALL_S)).unwrap_or(i64::MAX),
            start: keys.seal(self, &Place::new(caller.tenant, id, START, 1), &plain)?,
            created_at: self.now(),
        };
        tx.agent_insert(&row)
            .await
            .map_err(|e| taken(e, "agent", &row.name))?;
        self.audit(&mut tx, caller, "agent.create", &id.to_string(), "setup")
            .await?;
        tx.commit().await?;
        Ok(agent_view(row, start, provider.map(|p| p.name)))
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
        created_at: row.created_at,
    }
}

async fn find_provider(tx: &mut Tx, reference: &str) -> Result<ProviderRow> {
    let id = match reference.parse() {
        Ok(id) => Some(id),
        Err(_) => tx.provider_named(reference).await?,
    };
    let row = match id {
        Some(id) => tx.provider_get(id).await?,
        None => None,
    };
    row.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no provider `{}`", shorten(reference)),
        )
        .next("see `freehold provider list`")
        .into()
    })
}

/// The named agent, or the only one there is.
pub(crate) async fn find_agent(tx: &mut Tx, reference: Option<&str>) -> Result<AgentRow> {
    let Some(reference) = reference else {
        let mut all = tx.agent_list(None, 2).await?;
        return match (all.pop(), all.pop()) {
            (Some(only), None) => Ok(only),
            (None, _) => refuse(Code::AgentAmbiguous, "there is no agent yet"),
            (Some(_), Some(_)) => refuse(
                Code::AgentAmbiguous,
                "there are several agents; the run must name one",
            ),
        };
    };
    let id = match reference.parse() {
        Ok(id) => Some(id),
        Err(_) => tx.agent_named(reference).await?,
    };
    let row = match id {
        Some(id) => tx.agent_get(id).await?,
        None => None,
    };
    row.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no agent `{}`", shorten(reference)),
        )
        .next("see `freehold agent list`")
        .into()
    })
}
