//! Events of runs, and the journal of their steps.

use chrono::{DateTime, Utc};
use freehold_model::RunId;
use serde_json::Value;

use crate::{Result, Tx};

/// An event to be appended.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// When it happened, by the clock of whoever said it.
    pub ts: DateTime<Utc>,
    /// Its type.
    pub kind: String,
    /// Metadata.
    pub meta: Value,
    /// Content, placed by `epoch` and `n`.
    pub content: Option<Vec<u8>>,
    /// The epoch it was said under.
    pub epoch: u32,
    /// The runner's count within the epoch; 0 for the server's own.
    pub n: u64,
}

/// An event as it is stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EventRow {
    /// Its place in the run, from 1, without gaps.
    pub seq: i64,
    /// When it happened.
    pub ts: DateTime<Utc>,
    /// Its type.
    pub kind: String,
    /// Metadata.
    pub meta: Value,
    /// Content.
    pub content: Option<Vec<u8>>,
    /// The epoch it was said under.
    pub epoch: i32,
    /// The runner's count within the epoch.
    pub n: i64,
}

/// Which of a run's events.
#[derive(Debug, Clone, Default)]
pub struct EventPart {
    /// Behind this one.
    pub after: Option<i64>,
    /// Ahead of this one. With no `after`, the last ones are wanted.
    pub before: Option<i64>,
    /// Of these kinds.
    pub kinds: Option<Vec<String>>,
    /// Of this step.
    pub step: Option<String>,
}

impl EventPart {
    /// Everything behind an event.
    #[must_use]
    pub fn after(seq: i64) -> Self {
        Self {
            after: Some(seq),
            ..Self::default()
        }
    }

    /// Whether the last ones are wanted.
    #[must_use]
    pub const fn from_end(&self) -> bool {
        self.before.is_some() && self.after.is_none()
    }
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StepRow {
    /// Under which epoch.
    pub epoch: i32,
    /// Its number in the epoch, from 1; none of an older runner's.
    pub number: Option<i32>,
    /// Its name.
    pub name: String,
    /// The version of the program that did it.
    pub version: Option<String>,
    /// `running`, `done`, `failed`, `cancelled`.
    pub state: String,
    /// Where it has one.
    pub exit_code: Option<i32>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Tx {
    /// A part of a run's events, in order: at most `limit`, and no more once their content passes
    /// `bytes_max` (one event is always given).
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn event_list(
        &mut self,
        run: RunId,
        part: &EventPart,
        limit: i64,
        bytes_max: i64,
    ) -> Result<Vec<EventRow>> {
        self.write_gathered().await?;
        // Two statements, not one with a computed order: each walks the primary key in its own
        // direction and stops at the limit.
        let sql = if part.from_end() {
            "SELECT seq, ts, kind, meta, content, epoch, n FROM (
                 SELECT *, sum(coalesce(length(content), 0)) OVER (ORDER BY seq DESC) AS bytes,
                        row_number() OVER (ORDER BY seq DESC) AS place FROM (
                     SELECT * FROM run_events WHERE tenant_id = $1 AND run_id = $2
                       AND seq > $3 AND seq < $4 AND ($5::text[] IS NULL OR kind = ANY($5))
                       AND ($6::text IS NULL OR meta ->> 'step' = $6)
                     ORDER BY seq DESC LIMIT $7) page) summed
             WHERE bytes <= $8 OR place = 1 ORDER BY seq"
        } else {
            "SELECT seq, ts, kind, meta, content, epoch, n FROM (
                 SELECT *, sum(coalesce(length(content), 0)) OVER (ORDER BY seq) AS bytes,
                        row_number() OVER (ORDER BY seq) AS place FROM (
                     SELECT * FROM run_events WHERE tenant_id = $1 AND run_id = $2
                       AND seq > $3 AND seq < $4 AND ($5::text[] IS NULL OR kind = ANY($5))
                       AND ($6::text IS NULL OR meta ->> 'step' = $6)
                     ORDER BY seq LIMIT $7) page) summed
             WHERE bytes <= $8 OR place = 1 ORDER BY seq"
        };
        Ok(sqlx::query_as(sql)
            .bind(self.tenant.uuid())
            .bind(run.uuid())
            .bind(part.after.unwrap_or(0))
            .bind(part.before.unwrap_or(i64::MAX))
            .bind(&part.kinds)
            .bind(&part.step)
            .bind(limit)
            .bind(bytes_max)
            .fetch_all(&mut *self.inner)
            .await?)
    }

    /// The event behind which a run's agent printed `bytes` (sealed) to this day, and no event
    /// more than that takes; 0 when all of it is less.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn event_tail(&mut self, run: RunId, step: &str, bytes: i64) -> Result<i64> {
        // The length of a value that is stored aside is read without fetching it.
        Ok(sqlx::query_scalar(
            "SELECT coalesce(max(seq), 0) FROM (
                 SELECT seq, sum(coalesce(length(content), 0)) OVER (ORDER BY seq DESC)
                             - coalesce(length(content), 0) AS behind
                 FROM run_events
                 WHERE tenant_id = $1 AND run_id = $2 AND kind = 'output' AND meta ->> 'step' = $3) summed
             WHERE behind >= $4",
        )
        .bind(self.tenant.uuid())
        .bind(run.uuid())
        .bind(step)
        .bind(bytes)
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// The journal of a run in order.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn step_list(&mut self, run: RunId) -> Result<Vec<StepRow>> {
        self.write_gathered().await?;
        Ok(sqlx::query_as(
            "SELECT epoch, number, name, version, state, exit_code, started_at, finished_at FROM run_steps
             WHERE tenant_id = $1 AND run_id = $2 ORDER BY epoch, number, started_at, name",
        )
        .bind(self.tenant.uuid())
        .bind(run.uuid())
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// The version of the program that did the last step of a run, where it said one.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn step_version(&mut self, run: RunId) -> Result<Option<String>> {
        self.write_gathered().await?;
        Ok(sqlx::query_scalar(
            "SELECT version FROM run_steps WHERE tenant_id = $1 AND run_id = $2
             ORDER BY epoch DESC, number DESC NULLS LAST LIMIT 1",
        )
        .bind(self.tenant.uuid())
        .bind(run.uuid())
        .fetch_optional(&mut *self.inner)
        .await?
        .flatten())
    }
}
