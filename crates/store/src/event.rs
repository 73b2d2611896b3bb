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
    /// Its name.
    pub name: String,
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
    /// Appends events to a run, in order, and gives the first one's `seq`. The run's row stays
    /// locked until the transaction ends, so that readers see no gap.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn events_append(&mut self, run: RunId, events: &[NewEvent]) -> Result<i64> {
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let last: i64 = sqlx::query_scalar(
            "UPDATE runs SET last_seq = last_seq + $3 WHERE tenant_id = $1 AND id = $2 RETURNING last_seq",
        )
        .bind(self.tenant.uuid())
        .bind(run.uuid())
        .bind(count)
        .fetch_one(&mut *self.inner)
        .await?;
        let first = last - count + 1;
        let seqs: Vec<i64> = (first..=last).collect();
        let ts: Vec<DateTime<Utc>> = events.iter().map(|e| e.ts).collect();
        let kinds: Vec<&str> = events.iter().map(|e| e.kind.as_str()).collect();
        let metas: Vec<&Value> = events.iter().map(|e| &e.meta).collect();
        let contents: Vec<Option<&[u8]>> = events.iter().map(|e| e.content.as_deref()).collect();
        let epochs: Vec<i32> = events
            .iter()
            .map(|e| i32::try_from(e.epoch).unwrap_or(i32::MAX))
            .collect();
        let ns: Vec<i64> = events
            .iter()
            .map(|e| i64::try_from(e.n).unwrap_or(i64::MAX))
            .collect();
        sqlx::query(
            "INSERT INTO run_events (tenant_id, run_id, seq, ts, kind, meta, content, epoch, n)
             SELECT $1, $2, * FROM unnest($3::bigint[], $4::timestamptz[], $5::text[], $6::jsonb[],
                                          $7::bytea[], $8::int[], $9::bigint[])",
        )
        .bind(self.tenant.uuid())
        .bind(run.uuid())
        .bind(seqs)
        .bind(ts)
        .bind(kinds)
        .bind(metas)
        .bind(contents)
        .bind(epochs)
        .bind(ns)
        .execute(&mut *self.inner)
        .await?;
        Ok(first)
    }

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

    /// Writes a step into the journal; a later word on the same step of the same epoch replaces
    /// its state.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn step_put(&mut self, run: RunId, step: &StepRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO run_steps (tenant_id, run_id, epoch, name, state, exit_code, started_at, finished_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (tenant_id, run_id, epoch, name) DO UPDATE
             SET state = excluded.state, exit_code = excluded.exit_code, finished_at = excluded.finished_at",
        )
        .bind(self.tenant.uuid())
        .bind(run.uuid())
        .bind(step.epoch)
        .bind(&step.name)
        .bind(&step.state)
        .bind(step.exit_code)
        .bind(step.started_at)
        .bind(step.finished_at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The journal of a run in order.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn step_list(&mut self, run: RunId) -> Result<Vec<StepRow>> {
        Ok(sqlx::query_as(
            "SELECT epoch, name, state, exit_code, started_at, finished_at FROM run_steps
             WHERE tenant_id = $1 AND run_id = $2 ORDER BY epoch, started_at, name",
        )
        .bind(self.tenant.uuid())
        .bind(run.uuid())
        .fetch_all(&mut *self.inner)
        .await?)
    }
}
