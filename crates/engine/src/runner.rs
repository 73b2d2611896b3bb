//! Runners: enrolment, connection, and what they are.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::webhook::Event;
use freehold_model::{Action, LineageId, RunnerId, TenantId};
use freehold_store::{Hint, Noun, RunnerRow, StoreError, TokenKind, Tx};
use freehold_wire::api::{Enrol, Enrolled, Machine, Page, Runner};
use freehold_wire::dsse::ed25519::{Signature, VerifyingKey};
use freehold_wire::link::{Hello, PROTOCOL, SILENT_S, WrappedKey, clock_off, hello_message};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};

use crate::confirm::Act;
use crate::keys::content_key_purpose;
use crate::project::{page, shorten};
use crate::{Caller, Engine, Error, Result, refuse};

/// Most jobs that one runner may say it takes.
const CAPACITY_MAX: u32 = 1000;

/// A runner that has said nothing for so long is not connected.
pub(crate) const SILENT_AFTER: TimeDelta = TimeDelta::seconds(SILENT_S as i64);

/// Most things that a machine may be said to have of a kind.
const WORDS_MAX: usize = 32;
/// Said to whoever is not, or no longer, a runner here.
const UNKNOWN: &str = "the runner is not enrolled here, or was revoked";
/// Longest account of why a sandbox cannot be set up, in characters.
const SENTENCES_MAX: usize = 500;

/// A runner that has proven who it is.
#[derive(Debug, Clone)]
pub struct Known {
    /// Whose it is.
    pub tenant: TenantId,
    /// The runner.
    pub runner: RunnerId,
    /// The last frame taken from it.
    pub last_acked: u64,
    /// The database's line of history.
    pub lineage: LineageId,
    /// The tenant's content keys, wrapped to it.
    pub keys: Vec<WrappedKey>,
    /// When it said so, by the clock that all servers share.
    pub at: DateTime<Utc>,
    /// How far its clock is ahead of that, where it is off.
    pub ahead: TimeDelta,
}

impl Engine {
    /// Enrols a runner: uses the token up, stores the runner's keys and wraps the content keys
    /// to it.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for a token that was used or has expired, [`Code::Invalid`] for
    /// keys that do not belong together, [`Code::Exists`] for an id that is a runner's already.
    pub async fn runner_enrol(&self, enrol: Enrol) -> Result<Enrolled> {
        let bad_token = "the enrolment token was used, has expired, or never was";
        let Some(token) = enrol
            .token
            .parse::<Token>()
            .ok()
            .filter(|t| t.kind() == Kind::Enrolment)
        else {
            return refuse(Code::Unauthenticated, bad_token);
        };
        check_keys(&enrol)?;
        let now = self.now();
        let member = self.store().token_by_hash(&token.hash()).await?;
        let maker = match member.map(|row| (row.tenant, row.user, row.user_name)) {
            None => self.store().enrolment_by_hash(&token.hash(), now).await?,
            member => member,
        };
        let Some((tenant, user, name)) = maker else {
            return refuse(Code::Unauthenticated, bad_token);
        };
        let mut tx = self.store().begin(tenant).await?;
        if !tx
            .token_use(&token.hash(), TokenKind::Enrolment, now)
            .await?
        {
            return refuse(Code::Unauthenticated, bad_token);
        }
        let keys = self.tenant_keys(&mut tx).await?;
        let runner = RunnerRow {
            id: enrol.runner,
            name: shorten(&enrol.name),
            signing_key: enrol.signing_key.clone(),
            seal_key: enrol.seal_key.0.clone(),
            labels: std::collections::BTreeMap::new(),
            capacity: 0,
            version: String::new(),
            machine: None,
            last_seq: 0,
            last_seen: None,
            busy: 0,
            created_at: now,
        };
        match tx.runner_insert(&runner).await {
            Err(StoreError::Taken { .. }) => {
                return refuse(Code::Exists, "there is a runner with this id already");
            }
            other => other?,
        }
        for key in keys.content() {
            let purpose = content_key_purpose(key.id());
            let wrapped = enrol
                .seal_key
                .seal(&purpose, key.expose(), self.entropy())
                .map_err(|error| Error::from(Problem::new(Code::Invalid, error.to_string())))?;
            let id = i32::try_from(key.id()).unwrap_or(i32::MAX);
            tx.content_key_put(id, &enrol.runner.to_string(), &wrapped)
                .await?;
        }
        let caller = Caller::installation(tenant, user, name);
        self.audit(
            &mut tx,
            &caller,
            "runner.enrol",
            &enrol.runner.to_string(),
            "setup",
        )
        .await?;
        let facts = serde_json::json!({ "runner": enrol.runner });
        self.happened(&mut tx, Event::RunnerEnrolled, facts);
        tx.commit().await?;
        Ok(Enrolled {
            tenant,
            order_key: keys.order_key().to_vec(),
        })
    }

    /// Checks a runner's `hello` against the nonce that it was to sign, and gives its tenant.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for an unknown or revoked runner or a wrong signature;
    /// [`Code::Invalid`] when no protocol is common.
    pub async fn runner_identify(&self, nonce: &[u8], hello: &Hello) -> Result<TenantId> {
        if hello.protocol.0 > PROTOCOL || hello.protocol.1 < PROTOCOL {
            let detail = format!(
                "the runner speaks link protocols {} to {}, the server speaks {PROTOCOL}",
                hello.protocol.0, hello.protocol.1
            );
            return refuse(Code::Invalid, detail);
        }
        let Some((tenant, key)) = self.store().runner_identity(hello.runner).await? else {
            return refuse(Code::Unauthenticated, UNKNOWN);
        };
        if !signed(&key, &hello_message(nonce, hello.runner), &hello.signature) {
            return refuse(Code::Unauthenticated, UNKNOWN);
        }
        Ok(tenant)
    }

    /// Takes what a runner of this tenant, which was identified, says of itself; so long after it was heard.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when it was revoked meanwhile.
    pub async fn runner_hello(
        &self,
        tenant: TenantId,
        hello: &Hello,
        heard: Duration,
    ) -> Result<Known> {
        let mut tx = self.store().begin(tenant).await?;
        let capacity = i32::try_from(hello.capacity.min(CAPACITY_MAX)).unwrap_or(1);
        let now = tx.time();
        let version = shorten(&hello.version);
        let said_at = now - TimeDelta::from_std(heard).unwrap_or_default();
        let ahead = hello.now.and_then(|theirs| clock_off(theirs, said_at));
        if let Some(ahead) = ahead {
            let seconds = ahead.num_seconds();
            tracing::warn!(runner = %hello.runner, seconds, "a runner's clock is ahead of ours, or behind");
        }
        let machine = hello.machine.as_ref();
        let machine = machine.map(|machine| bounded_machine(machine, ahead));
        let machine = machine.transpose()?;
        let Some(last) = tx
            .runner_hello(
                hello.runner,
                &hello.labels,
                capacity,
                &version,
                machine.as_ref(),
                now,
            )
            .await?
        else {
            return refuse(Code::Unauthenticated, UNKNOWN);
        };
        let lineage = tx.lineage_line().await?;
        let last = u64::try_from(last).unwrap_or(0);
        let last_acked = self.what_it_was_told(&mut tx, hello, lineage, last).await?;
        let keys = wrapped_keys(&mut tx, hello.runner).await?;
        // It may have what some waited for in vain.
        tx.queue_look().await?;
        tx.hint(Hint::Settings(Noun::Runner));
        tx.commit().await?;
        Ok(Known {
            tenant,
            runner: hello.runner,
            last_acked,
            lineage,
            keys,
            at: now,
            ahead: ahead.unwrap_or_default(),
        })
    }

    /// Runners, in the order they were enrolled.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn runner_list(
        &self,
        caller: &Caller,
        after: Option<RunnerId>,
        limit: u32,
    ) -> Result<Page<Runner>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx.runner_list(after, i64::from(limit) + 1).await?;
        let connected = self.hub().connected(caller.tenant);
        let elsewhere = tx.session_runners().await?;
        let now = tx.time();
        // A server that was killed left sessions behind; a runner that it had is not seen any more.
        let heard =
            |seen: Option<DateTime<Utc>>| seen.is_some_and(|seen| now - seen < SILENT_AFTER);
        let state = |row: &RunnerRow| match connected.iter().find(|c| c.runner == row.id) {
            Some(c) if c.draining => "draining",
            Some(_) => "online",
            None if elsewhere.contains(&row.id) && heard(row.last_seen) => "online",
            None => "offline",
        };
        page(
            rows,
            limit,
            |row| row.id.to_string(),
            |row| {
                Ok(Runner {
                    state: state(&row).to_owned(),
                    id: row.id,
                    name: row.name,
                    labels: row.labels,
                    capacity: u32::try_from(row.capacity).unwrap_or(0),
                    busy: u32::try_from(row.busy).unwrap_or(0),
                    version: row.version,
                    // A document of another version is shown as none.
                    machine: row.machine.and_then(|m| serde_json::from_value(m).ok()),
                    last_seen: row.last_seen,
                    created_at: row.created_at,
                })
            },
        )
    }

    /// A runner's connection stands: its bearer, of which this is the hash, is good at every server.
    /// False where one that began later stands by now, here or at another server.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn runner_joined(&self, known: &Known, hash: &[u8]) -> Result<bool> {
        let mut tx = self.store().begin(known.tenant).await?;
        let stands = tx.session_begin(known.runner, hash, known.at).await?;
        tx.commit().await?;
        Ok(stands)
    }

    /// Whose connection, at whichever server, has this bearer.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn runner_session(&self, hash: &[u8]) -> Result<Option<(TenantId, RunnerId)>> {
        Ok(self.store().session_of(hash).await?)
    }

    /// A runner's connection ended, and its bearer with it: whoever watches may look.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn runner_left(&self, tenant: TenantId, runner: RunnerId, hash: &[u8]) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        // One that was replaced, here or at another server, has another connection.
        if tx.session_end(runner, hash).await? {
            tx.runner_gone(runner).await?;
            tx.hint(Hint::Queue);
        }
        Ok(tx.commit().await?)
    }

    /// Revokes a runner: it is no longer believed, connected or not. What it holds goes to
    /// another when its lease ends.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn runner_revoke(&self, caller: &Caller, reference: &str) -> Result<()> {
        let absent = || {
            let detail = format!("there is no runner `{}`", shorten(reference));
            Error::from(Problem::new(Code::NotFound, detail).next("see `freehold runner list`"))
        };
        let id: RunnerId = reference.parse().map_err(|_| absent())?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let there = tx.runner_get(id).await?.ok_or_else(absent)?;
        let act = Act {
            action: Action::RunnerRevoke,
            resource: &id.to_string(),
            version: &format!("{} {}", there.busy, there.name),
            does: format!(
                "the runner `{}` is shut out for good; it holds {} of its {} jobs, which go to another",
                there.name, there.busy, there.capacity
            ),
        };
        let mut tx = self.confirm(tx, caller, act).await?;
        if !tx.runner_revoke(id, self.now()).await? {
            return Err(absent());
        }
        self.audit(&mut tx, caller, "runner.revoke", &id.to_string(), "access")
            .await?;
        self.happened(
            &mut tx,
            Event::RunnerRevoked,
            serde_json::json!({ "runner": id }),
        );
        // Whichever server has its link ends it.
        tx.hint(Hint::Link(id));
        tx.commit().await?;
        self.hub().dismiss(id);
        Ok(())
    }

    /// Stores a blob that a runner sends for one of its tenant's runs.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a run that the runner does not hold; [`Code::TooLarge`].
    pub async fn blob_put(
        &self,
        tenant: TenantId,
        runner: RunnerId,
        run: freehold_model::RunId,
        bytes: Vec<u8>,
    ) -> Result<freehold_model::BlobId> {
        let mut tx = self.store().begin(tenant).await?;
        let holds = tx
            .run_get(run)
            .await?
            .is_some_and(|row| row.life.lease.is_some_and(|lease| lease.runner == runner));
        drop(tx);
        if !holds {
            return refuse(Code::NotFound, format!("{runner} does not hold {run}"));
        }
        let id: freehold_model::BlobId = self.new_id();
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        self.parts.blobs.put(id, bytes).await?;
        let mut tx = self.store().begin(tenant).await?;
        tx.blob_insert(id, run, size, self.now()).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Gives a blob to a runner that holds the run it belongs to.
    ///
    /// # Errors
    /// [`Code::NotFound`] for anything else.
    pub async fn blob_get(
        &self,
        tenant: TenantId,
        runner: RunnerId,
        blob: freehold_model::BlobId,
    ) -> Result<Vec<u8>> {
        let absent = || Error::from(Problem::new(Code::NotFound, format!("there is no {blob}")));
        let mut tx = self.store().begin(tenant).await?;
        let run = tx.blob_run(blob).await?.ok_or_else(absent)?;
        let row = tx.run_get(run).await?.ok_or_else(absent)?;
        if row.life.lease.is_none_or(|lease| lease.runner != runner) {
            return Err(absent());
        }
        self.parts.blobs.get(blob).await?.ok_or_else(absent)
    }
}

/// What a runner says of its machine is shown to people: short, and without control characters.
/// Of its clock it cannot know.
fn bounded_machine(machine: &Machine, ahead: Option<TimeDelta>) -> Result<serde_json::Value> {
    let list = |words: &[String]| words.iter().take(WORDS_MAX).map(|w| shorten(w)).collect();
    serde_json::to_value(Machine {
        os: shorten(&machine.os),
        arch: shorten(&machine.arch),
        cpus: machine.cpus,
        memory: machine.memory,
        isolation: list(&machine.isolation),
        sandbox_error: machine.sandbox_error.as_deref().map(|text| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(SENTENCES_MAX)
                .collect()
        }),
        agents: list(&machine.agents),
        clock_ahead_s: ahead.map(|ahead| ahead.num_seconds()),
    })
    .map_err(|error| Error::Internal(format!("a machine: {error}")))
}

async fn wrapped_keys(tx: &mut Tx, runner: RunnerId) -> Result<Vec<WrappedKey>> {
    let rows = tx.content_keys(&runner.to_string()).await?;
    Ok(rows
        .into_iter()
        .map(|row| WrappedKey {
            id: u32::try_from(row.key_id).unwrap_or(0),
            sealed: row.wrapped,
        })
        .collect())
}

fn signed(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = <[u8; 32]>::try_from(key)
        .ok()
        .and_then(|key| VerifyingKey::from_bytes(&key).ok());
    match (key, Signature::from_slice(signature)) {
        (Some(key), Ok(signature)) => key.verify_strict(message, &signature).is_ok(),
        _ => false,
    }
}

/// The runner's one key vouches for the key that content is sealed to.
fn check_keys(enrol: &Enrol) -> Result<()> {
    if signed(
        &enrol.signing_key,
        &enrol.seal_key.0,
        &enrol.seal_key_signature,
    ) {
        return Ok(());
    }
    refuse(
        Code::Invalid,
        "the runner's signature over its sealing key does not verify",
    )
}
