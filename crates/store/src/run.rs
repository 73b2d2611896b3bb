//! Runs and their orders. The life cycle's columns are written from `model::run::Run` alone, on
//! a row that the transaction has locked.

use chrono::{DateTime, Utc};
use freehold_model::priority::{Priority, rank};
use freehold_model::run::{JobKind, Lease, Run};
use freehold_model::schedule::Labels;
use freehold_model::{
    AgentId, BlobId, CardId, Isolation, JobId, Lane, ProjectId, RunId, RunnerId, UserId,
};
use serde_json::Value;

use crate::order::NewOrder;
use crate::{Hint, Result, StoreError, Tx, document, stored, to_json};

/// A run to be added.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The project.
    pub project: ProjectId,
    /// The card.
    pub card: CardId,
    /// The agent.
    pub agent: AgentId,
    /// The agent's name at this time.
    pub agent_name: String,
    /// Who asked.
    pub by: UserId,
    /// The run that it answers.
    pub parent: Option<RunId>,
    /// The target branch.
    pub target: String,
    /// What may be reached from inside.
    pub egress: String,
    /// The isolation that is asked for.
    pub isolation: Isolation,
    /// What a runner must offer.
    pub labels: Labels,
    /// Its life so far.
    pub life: Run,
    /// How much sooner than others it is wanted.
    pub priority: Priority,
    /// When.
    pub at: DateTime<Utc>,
}

impl NewRun {
    /// The run as [`Tx::run_insert`] stores it, once this event of it is the last one.
    #[must_use]
    pub fn stored(&self, last_seq: i64) -> RunRow {
        RunRow {
            id: self.id,
            project: self.project,
            card: self.card,
            agent: self.agent,
            agent_name: self.agent_name.clone(),
            by: self.by,
            parent: self.parent,
            life: self.life.clone(),
            target: self.target.clone(),
            egress: self.egress.clone(),
            isolation: self.isolation.name().to_owned(),
            isolation_asked: self.isolation,
            in_force: Value::Null,
            labels: self.labels.clone(),
            priority: self.priority,
            last_runner: None,
            wait_note: None,
            detail: None,
            checks: Value::Array(Vec::new()),
            diff: None,
            transcript: None,
            agent_version: None,
            usage: Value::Null,
            last_seq,
            created_at: self.at,
            started_at: None,
            finished_at: None,
        }
    }
}

/// A run as it is stored.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The project.
    pub project: ProjectId,
    /// The card.
    pub card: CardId,
    /// The agent.
    pub agent: AgentId,
    /// The agent's name when it was asked for.
    pub agent_name: String,
    /// Who asked.
    pub by: UserId,
    /// The run that it answers.
    pub parent: Option<RunId>,
    /// Its life.
    pub life: Run,
    /// The target branch.
    pub target: String,
    /// What may be reached from inside.
    pub egress: String,
    /// The isolation in force, as it was reported; before, the one that is asked for.
    pub isolation: String,
    /// The isolation that a runner must be able to set up.
    pub isolation_asked: Isolation,
    /// What stood around the steps of each epoch.
    pub in_force: Value,
    /// What a runner must offer.
    pub labels: Labels,
    /// How much sooner than others it is wanted.
    pub priority: Priority,
    /// Who has or last had it.
    pub last_runner: Option<RunnerId>,
    /// Why it is queued: ids and labels only.
    pub wait_note: Option<String>,
    /// Content and the version of its place.
    pub detail: Option<(Vec<u8>, i64)>,
    /// The checks' results.
    pub checks: Value,
    /// The diff's blob and the version of its place.
    pub diff: Option<(BlobId, i64)>,
    /// The conversation's blob.
    pub transcript: Option<BlobId>,
    /// The agent's own version.
    pub agent_version: Option<String>,
    /// What each epoch used of its models.
    pub usage: Value,
    /// The last event.
    pub last_seq: i64,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When a runner first took it up.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Raw {
    id: uuid::Uuid,
    project_id: uuid::Uuid,
    card_id: uuid::Uuid,
    agent_id: uuid::Uuid,
    agent_name: String,
    by_user: uuid::Uuid,
    parent_id: Option<uuid::Uuid>,
    state: String,
    reason: Option<String>,
    epoch: i32,
    attempt: i32,
    attempts_max: i32,
    land_attempt: i32,
    turn: i32,
    cancel_requested: bool,
    lease_job: Option<uuid::Uuid>,
    lease_kind: Option<String>,
    lease_runner: Option<uuid::Uuid>,
    lease_accepted: Option<bool>,
    lease_until: Option<DateTime<Utc>>,
    lease_renewed: Option<DateTime<Utc>>,
    work: Option<Value>,
    approval: Option<Value>,
    landed: Option<String>,
    known_epoch: Option<i32>,
    away: Option<Value>,
    target: String,
    egress: String,
    isolation: String,
    isolation_asked: String,
    in_force: Option<Value>,
    labels: Value,
    priority: i16,
    last_runner: Option<uuid::Uuid>,
    wait_note: Option<String>,
    detail: Option<Vec<u8>>,
    detail_version: Option<i64>,
    checks: Value,
    diff_blob: Option<uuid::Uuid>,
    diff_version: Option<i64>,
    transcript_blob: Option<uuid::Uuid>,
    agent_version: Option<String>,
    usage: Option<Value>,
    last_seq: i64,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

pub(crate) const fn kind_word(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Execute => "execute",
        JobKind::Land => "land",
    }
}

pub(crate) fn unsigned(value: i32) -> Result<u32> {
    u32::try_from(value).map_err(|_| StoreError::Inconsistent {
        table: "runs",
        what: format!("{value} is negative"),
    })
}

pub(crate) fn signed(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

impl Raw {
    fn lease(&self) -> Result<Option<Lease>> {
        let (Some(job), Some(runner), Some(kind), Some(accepted), Some(until)) = (
            self.lease_job,
            self.lease_runner,
            self.lease_kind.as_deref(),
            self.lease_accepted,
            self.lease_renewed.or(self.lease_until),
        ) else {
            return Ok(None);
        };
        let kind = match kind {
            "execute" => JobKind::Execute,
            "land" => JobKind::Land,
            other => {
                return Err(StoreError::Inconsistent {
                    table: "runs",
                    what: format!("lease `{other}`"),
                });
            }
        };
        Ok(Some(Lease {
            job: JobId::from_uuid(job),
            kind,
            runner: RunnerId::from_uuid(runner),
            accepted,
            until,
        }))
    }

    fn life(&self) -> Result<Run> {
        Ok(Run {
            state: stored("runs", &self.state)?,
            reason: self
                .reason
                .as_deref()
                .map(|code| stored("runs", code))
                .transpose()?,
            epoch: unsigned(self.epoch)?,
            attempt: unsigned(self.attempt)?,
            attempts_max: unsigned(self.attempts_max)?,
            land_attempt: unsigned(self.land_attempt)?,
            turn: unsigned(self.turn)?,
            lease: self.lease()?,
            cancel_requested: self.cancel_requested,
            work: self.work.clone().map(|v| document("runs", v)).transpose()?,
            approval: self
                .approval
                .clone()
                .map(|v| document("runs", v))
                .transpose()?,
            landed: self.landed.clone(),
            known_epoch: self.known_epoch.map(unsigned).transpose()?,
            away: self.away.clone().map(|v| document("runs", v)).transpose()?,
        })
    }

    pub(crate) fn row(self) -> Result<RunRow> {
        Ok(RunRow {
            life: self.life()?,
            id: RunId::from_uuid(self.id),
            project: ProjectId::from_uuid(self.project_id),
            card: CardId::from_uuid(self.card_id),
            agent: AgentId::from_uuid(self.agent_id),
            agent_name: self.agent_name,
            by: UserId::from_uuid(self.by_user),
            parent: self.parent_id.map(RunId::from_uuid),
            target: self.target,
            egress: self.egress,
            isolation: self.isolation,
            isolation_asked: stored("runs", &self.isolation_asked)?,
            in_force: self.in_force.unwrap_or(Value::Null),
            labels: document("runs", self.labels)?,
            priority: Priority::of_level(self.priority),
            last_runner: self.last_runner.map(RunnerId::from_uuid),
            wait_note: self.wait_note,
            detail: self.detail.zip(self.detail_version),
            checks: self.checks,
            diff: self.diff_blob.map(BlobId::from_uuid).zip(self.diff_version),
            transcript: self.transcript_blob.map(BlobId::from_uuid),
            agent_version: self.agent_version,
            usage: self.usage.unwrap_or(Value::Null),
            last_seq: self.last_seq,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
        })
    }
}

/// Runs of which each was read by itself.
#[derive(Debug, Default)]
pub struct Runs {
    /// Those that could be.
    pub rows: Vec<RunRow>,
    /// Those that could not: a later version wrote what this one has no word for, or other hands did.
    /// They stand in nobody's way.
    pub unreadable: Vec<(RunId, StoreError)>,
}

impl Runs {
    pub(crate) fn of(raw: Vec<Raw>) -> Self {
        let mut runs = Self::default();
        for raw in raw {
            let id = RunId::from_uuid(raw.id);
            match raw.row() {
                Ok(row) => runs.rows.push(row),
                Err(why) => runs.unreadable.push((id, why)),
            }
        }
        runs
    }
}

/// A run, and the end of its lease as it was last renewed: that is kept apart, so that renewing touches
/// nothing else. Whoever waited for the run's lock may see no such row yet; then the end is the one
/// that was given.
macro_rules! select {
    ($($rest:literal),+) => {
        concat!(
            "SELECT u.*, l.until AS lease_renewed FROM runs u
             LEFT JOIN queue_leases l
               ON l.tenant_id = u.tenant_id AND l.run_id = u.id AND l.epoch = u.epoch ",
            $($rest),+
        )
    };
}
pub(crate) use select;

impl Tx {
    /// Adds a run with its first order, puts it in the line of those that want a runner, and its card, which
    /// is locked, at the end of this lane, if any.
    ///
    /// # Errors
    /// [`StoreError::Taken`] with `runs_live` when the card has a live one.
    pub async fn run_insert(
        &mut self,
        run: &NewRun,
        order: &NewOrder,
        to: Option<Lane>,
    ) -> Result<()> {
        let life = &run.life;
        sqlx::query(
            "WITH run AS (
                 INSERT INTO runs (tenant_id, id, project_id, card_id, agent_id, agent_name, by_user,
                               parent_id, state, epoch, attempt, attempts_max, land_attempt, turn,
                               cancel_requested, target, egress, isolation, labels, created_at,
                               isolation_asked, priority)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, false, $13, $14, $15, $16, $17, $15, $18)),
             ordered AS (
                 INSERT INTO orders (tenant_id, id, run_id, kind, turn, envelope, created_at)
                 VALUES ($1, $20, $2, $21, $22, $23, $24)),
             placed AS (
                 UPDATE cards SET lane = $25, updated_at = $24,
                     rank = coalesce((SELECT rank FROM cards
                                      WHERE tenant_id = $1 AND project_id = $3 AND lane = $25
                                        AND archived_at IS NULL ORDER BY rank DESC LIMIT 1), 0) + 1
                 WHERE $25::text IS NOT NULL AND tenant_id = $1 AND id = $4)
             INSERT INTO queue_ready (tenant_id, run_id, project_id, kind, rank)
             VALUES ($1, $2, $3, 'execute', $19)",
        )
        .bind(self.tenant.uuid())
        .bind(run.id.uuid())
        .bind(run.project.uuid())
        .bind(run.card.uuid())
        .bind(run.agent.uuid())
        .bind(&run.agent_name)
        .bind(run.by.uuid())
        .bind(run.parent.map(RunId::uuid))
        .bind(life.state.name())
        .bind(signed(life.epoch))
        .bind(signed(life.attempt))
        .bind(signed(life.attempts_max))
        .bind(&run.target)
        .bind(&run.egress)
        .bind(run.isolation.name())
        .bind(to_json("runs", &run.labels)?)
        .bind(run.at)
        .bind(run.priority.level())
        .bind(rank(run.at, run.priority))
        .bind(order.id.uuid())
        .bind(kind_word(order.kind))
        .bind(signed(order.turn))
        .bind(&order.envelope)
        .bind(order.at)
        .bind(to.map(Lane::name))
        .execute(&mut *self.inner)
        .await?;
        if to.is_some() {
            self.hint(Hint::Card(run.card));
        }
        Ok(())
    }

    /// A run by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_get(&mut self, id: RunId) -> Result<Option<RunRow>> {
        self.write_gathered().await?;
        let raw: Option<Raw> = sqlx::query_as(select!("WHERE u.tenant_id = $1 AND u.id = $2"))
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .fetch_optional(&mut *self.inner)
            .await?;
        raw.map(Raw::row).transpose()
    }

    /// A run by id, locked until the transaction ends. The end of its lease may be renewed meanwhile:
    /// whoever decides on that takes [`Tx::run_lock_lease`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_lock(&mut self, id: RunId) -> Result<Option<RunRow>> {
        self.write_lives().await?;
        let raw: Option<Raw> = sqlx::query_as(select!(
            "WHERE u.tenant_id = $1 AND u.id = $2 FOR UPDATE OF u"
        ))
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// These runs, locked as [`Tx::run_lock`] does, in the order of their ids; those that there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_lock_some(&mut self, ids: &[RunId]) -> Result<Vec<RunRow>> {
        self.write_lives().await?;
        let ids: Vec<uuid::Uuid> = ids.iter().map(|run| run.uuid()).collect();
        let raw: Vec<Raw> = sqlx::query_as(select!(
            "WHERE u.tenant_id = $1 AND u.id = ANY ($2) ORDER BY u.id FOR UPDATE OF u"
        ))
        .bind(self.tenant.uuid())
        .bind(ids)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(Raw::row).collect()
    }

    /// A run by id, locked with its lease: nobody renews it before the transaction ends.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_lock_lease(&mut self, id: RunId) -> Result<Option<RunRow>> {
        // In this order everywhere: the run, then its lease.
        let Some(mut row) = self.run_lock(id).await? else {
            return Ok(None);
        };
        let until: Option<DateTime<Utc>> = sqlx::query_scalar(
            "SELECT until FROM queue_leases WHERE tenant_id = $1 AND run_id = $2 FOR UPDATE",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        if let (Some(lease), Some(until)) = (row.life.lease.as_mut(), until) {
            lease.until = until;
        }
        Ok(Some(row))
    }

    /// Runs that a runner holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_held_by(&mut self, runner: RunnerId) -> Result<Runs> {
        self.write_lives().await?;
        let raw: Vec<Raw> = sqlx::query_as(select!(
            "WHERE u.tenant_id = $1 AND u.lease_job IS NOT NULL AND u.lease_runner = $2 ORDER BY u.id"
        ))
        .bind(self.tenant.uuid())
        .bind(runner.uuid())
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(Runs::of(raw))
    }

    /// Says why a queued run waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_set_wait(&mut self, id: RunId, reason: &str, note: &str) -> Result<()> {
        self.write_lives().await?;
        sqlx::query(
            "UPDATE runs SET reason = $3, wait_note = $4
             WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'landing') AND lease_job IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(reason)
        .bind(note)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Whether the card has a run that has not ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_live_of_card(&mut self, card: CardId) -> Result<Option<RunId>> {
        self.write_lives().await?;
        let id: Option<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM runs WHERE tenant_id = $1 AND card_id = $2
               AND state NOT IN ('succeeded', 'failed', 'cancelled', 'rejected')",
        )
        .bind(self.tenant.uuid())
        .bind(card.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(id.map(RunId::from_uuid))
    }

    /// Runs that ended before `before` and whose refs are still on the remote, with the remote.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_to_sweep(
        &mut self,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<(RunId, String)>> {
        self.write_lives().await?;
        let found: Vec<(uuid::Uuid, String)> = sqlx::query_as(
            "SELECT u.id, r.remote FROM runs u
             JOIN repositories r ON r.tenant_id = u.tenant_id AND r.project_id = u.project_id AND r.position = 0
             WHERE u.tenant_id = $1 AND u.finished_at < $2 AND u.refs_swept_at IS NULL AND u.epoch > 0
             ORDER BY u.finished_at LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(before)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(found
            .into_iter()
            .map(|(id, remote)| (RunId::from_uuid(id), remote))
            .collect())
    }

    /// Says that a run has no refs any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_set_swept(&mut self, ids: &[RunId], at: DateTime<Utc>) -> Result<()> {
        let ids: Vec<uuid::Uuid> = ids.iter().map(|run| run.uuid()).collect();
        sqlx::query(
            "UPDATE runs SET refs_swept_at = $3
             WHERE tenant_id = $1 AND id = ANY($2) AND finished_at IS NOT NULL",
        )
        .bind(self.tenant.uuid())
        .bind(ids)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
