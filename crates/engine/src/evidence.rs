//! What a decision rests on: what was asked, what the agent said last, which files changed and
//! which of them machines act on by themselves, the checks, and whether the target moved.

use std::collections::HashMap;

use freehold_model::RunId;
use freehold_model::change::{self, changes};
use freehold_model::run::JobKind;
use freehold_store::{EventPart, RunRow, Tx};
use freehold_wire::api::{
    Asked, Base, BaseState, ChangedFile, Check, Evidence, FileFlag, FileStatus, Review,
};
use freehold_wire::dsse::Envelope;
use freehold_wire::link::{Probe, Probed};
use freehold_wire::order::{Order, Task};
use serde_json::Value;

use crate::open::Opener;
use crate::order::field;
use crate::project::find as find_project;
use crate::run::find;
use crate::{Caller, Engine, Error, Result};

/// How many runs back a conversation is followed: replies to ended runs make a chain.
const ANCESTORS_MAX: usize = 20;
/// Most turns of a run that are told: each carries the card's words, and a person reads few.
const TURNS_MAX: i64 = 50;
/// How far back the agent's last words are looked for, in events of its conversation.
const LAST_WORDS: i64 = 200;
/// How many results of checks are looked through for their times: more than a project has.
const CHECKS_BACK: i64 = 200;
/// Most bytes of those events.
const LAST_WORDS_BYTES: i64 = 256 * 1024;

impl Engine {
    /// What a decision on a run's work rests on, besides the diff itself.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn run_review(&self, caller: &Caller, reference: &str) -> Result<Review> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "run.review")
            .await?;
        let asked = asked(&mut tx, &opener, &row).await?;
        let summary = last_words(&mut tx, &opener, row.id).await?;
        let took = check_times(&mut tx, row.id).await?;
        tx.commit().await?;
        let diff = match row.diff {
            Some(_) => self.run_diff(caller, reference).await?,
            None => Vec::new(),
        };
        let changed = changes(&diff, Review::FILES_MAX);
        let checks: Vec<Check> = serde_json::from_value(row.checks.clone())
            .map_err(|error| Error::Internal(format!("checks of {}: {error}", row.id)))?;
        let work = row.life.work.as_ref();
        Ok(Review {
            asked,
            summary,
            files: changed.files.into_iter().map(file).collect(),
            truncated: changed.truncated,
            additions: changed.additions,
            deletions: changed.deletions,
            commit: work.map(|work| work.commit.clone()),
            base: work.and_then(|work| work.base.clone()),
            digest: work.map(|work| work.digest.clone()),
            evidence: checks
                .into_iter()
                .map(|check| evidence(check, &took))
                .collect(),
        })
    }

    /// Where the target branch is now, seen by a runner.
    ///
    /// # Errors
    /// `not_found`; `no_runner` and `timeout` when nobody could look.
    pub async fn run_base(&self, caller: &Caller, reference: &str) -> Result<Base> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        let project = find_project(&mut tx, &row.project.to_string()).await?;
        drop(tx);
        let base = row.life.work.as_ref().and_then(|work| work.base.clone());
        let probe = Probe::Remote {
            remote: project.remote,
            target: Some(row.target),
        };
        let (head, message) = match self.ask(caller, probe).await? {
            Probed::Remote { commit, .. } => (commit, None),
            Probed::Failed { message, .. } => (None, Some(message)),
            Probed::Provider { .. } => {
                return Err(Error::Internal(
                    "the runner answered another question".into(),
                ));
            }
        };
        let state = match (&base, &head, &message) {
            (_, _, Some(_)) => BaseState::Unknown,
            (base, head, None) if base == head => BaseState::Same,
            _ => BaseState::Moved,
        };
        Ok(Base {
            base,
            head,
            state,
            message,
        })
    }
}

/// The card's words and every reply since, as they were signed.
async fn asked(tx: &mut Tx, opener: &Opener, row: &RunRow) -> Result<Vec<Asked>> {
    let mut chain = vec![row.id];
    let mut parent = row.parent;
    while let Some(id) = parent
        && chain.len() < ANCESTORS_MAX
    {
        chain.push(id);
        parent = tx.run_get(id).await?.and_then(|run| run.parent);
    }
    let mut asked: Vec<Asked> = Vec::new();
    for run in chain.into_iter().rev() {
        for (envelope, turn) in tx.orders_of_run(run, JobKind::Execute, TURNS_MAX).await? {
            let order = order(opener, run, turn, &envelope)?;
            let by = tx.member_name(order.by).await?;
            let Task::Execute(execute) = order.task else {
                continue;
            };
            if asked.is_empty() {
                asked.push(Asked {
                    kind: "card".to_owned(),
                    by: by.clone(),
                    at: order.at,
                    text: said(&execute.card.title, &execute.card.body),
                });
            }
            if let Some(text) = execute.reply {
                asked.push(Asked {
                    kind: "reply".to_owned(),
                    by,
                    at: order.at,
                    text,
                });
            }
        }
    }
    Ok(asked)
}

fn said(title: &str, body: &str) -> String {
    if body.trim().is_empty() {
        return title.to_owned();
    }
    format!("{title}\n\n{body}")
}

/// An order that this server signed and kept sealed: what it says is shown, not acted on.
fn order(opener: &Opener, run: RunId, turn: i32, sealed: &[u8]) -> Result<Order> {
    let bytes = opener.bytes(run, field(JobKind::Execute), i64::from(turn), sealed)?;
    serde_json::from_slice::<Envelope>(&bytes)
        .and_then(|envelope| serde_json::from_slice(&envelope.payload))
        .map_err(|error| Error::Internal(format!("an order of {run}: {error}")))
}

/// The agent's last message: its last words behind whatever else it did.
async fn last_words(tx: &mut Tx, opener: &Opener, run: RunId) -> Result<Option<String>> {
    let kinds = ["agent.message", "agent.tool", "agent.plan", "agent.thought"];
    let part = EventPart {
        before: Some(i64::MAX),
        kinds: Some(kinds.map(str::to_owned).to_vec()),
        ..EventPart::default()
    };
    let rows = tx
        .event_list(run, &part, LAST_WORDS, LAST_WORDS_BYTES)
        .await?;
    let mut words = Vec::new();
    for row in rows.into_iter().rev() {
        if row.kind != "agent.message" {
            if words.is_empty() {
                continue;
            }
            break;
        }
        if let Some(sealed) = &row.content {
            let plain = opener.bytes(run, &format!("event/{}", row.epoch), row.n, sealed)?;
            let content: Value = serde_json::from_slice(&plain).unwrap_or_default();
            if let Some(text) = content.get("text").and_then(Value::as_str) {
                words.push(text.to_owned());
            }
        }
    }
    words.reverse();
    let words = words.concat();
    Ok((!words.trim().is_empty()).then_some(words))
}

/// How long each check took when it was last run, in milliseconds, by its name.
async fn check_times(tx: &mut Tx, run: RunId) -> Result<HashMap<String, u64>> {
    let part = EventPart {
        before: Some(i64::MAX),
        kinds: Some(vec!["check.finished".to_owned()]),
        ..EventPart::default()
    };
    let rows = tx
        .event_list(run, &part, CHECKS_BACK, LAST_WORDS_BYTES)
        .await?;
    let told = rows.into_iter().filter_map(|row| {
        let name = row.meta.get("name")?.as_str()?.to_owned();
        Some((name, row.meta.get("ms")?.as_u64()?))
    });
    // In their order: the last word on a check stands.
    Ok(told.collect())
}

fn evidence(check: Check, took: &HashMap<String, u64>) -> Evidence {
    Evidence {
        step: format!("check:{}", check.name),
        ms: took.get(&check.name).copied(),
        name: check.name,
        state: check.state,
        exit_code: check.exit_code,
    }
}

fn file(change: change::Change) -> ChangedFile {
    ChangedFile {
        path: change.path,
        old_path: change.old_path,
        status: match change.status {
            change::Status::Added => FileStatus::Added,
            change::Status::Modified => FileStatus::Modified,
            change::Status::Deleted => FileStatus::Deleted,
            change::Status::Renamed => FileStatus::Renamed,
            change::Status::Copied => FileStatus::Copied,
            change::Status::Mode => FileStatus::Mode,
        },
        additions: change.additions,
        deletions: change.deletions,
        binary: change.binary,
        flags: change.flags.into_iter().map(flag).collect(),
    }
}

const fn flag(flag: change::Flag) -> FileFlag {
    match flag {
        change::Flag::Ci => FileFlag::Ci,
        change::Flag::Hook => FileFlag::Hook,
        change::Flag::AgentConfig => FileFlag::AgentConfig,
        change::Flag::EditorConfig => FileFlag::EditorConfig,
        change::Flag::BuildScript => FileFlag::BuildScript,
        change::Flag::Lockfile => FileFlag::Lockfile,
        change::Flag::Submodule => FileFlag::Submodule,
        change::Flag::Symlink => FileFlag::Symlink,
        change::Flag::Executable => FileFlag::Executable,
    }
}
