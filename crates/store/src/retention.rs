//! What is kept, and for how long: what happened in runs goes month by month, as whole tables
//! (`migrations/0011_months.sql`); keys of requests by their age.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::RunId;

use crate::{Result, Store, Tx};

impl Store {
    /// Makes the tables of the months to come. Gives how many were made; none where they are there.
    ///
    /// # Errors
    /// [`crate::StoreError`]; also when a table was held for longer than a second.
    pub async fn months_make(&self) -> Result<u32> {
        let made: i32 = sqlx::query_scalar("SELECT months_make()")
            .fetch_one(&self.pool)
            .await?;
        Ok(u32::try_from(made).unwrap_or(0))
    }

    /// Up to when there are months that all ended longer than `keep` ago, and are there still.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn months_old(&self, keep: TimeDelta) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar(
            "SELECT max(until_at) FROM event_months
             WHERE dropped_at IS NULL AND until_at <= clock_timestamp() - $1::interval",
        )
        .bind(keep)
        .fetch_one(&self.pool)
        .await?)
    }

    /// Drops the months that ended by then, with all that is in them, but those in which a run of
    /// `live` began, and those that ended in the last seven days. Gives their names.
    ///
    /// # Errors
    /// [`crate::StoreError`]; also when a table was held for longer than a second. Then all are there.
    pub async fn months_drop(
        &self,
        before: DateTime<Utc>,
        live: &[DateTime<Utc>],
    ) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar("SELECT months_drop($1, $2)")
            .bind(before)
            .bind(live)
            .fetch_all(&self.pool)
            .await?)
    }
}

impl Tx {
    /// Whether what happened in a run went with its month.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn events_gone(&mut self, run: RunId) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM event_months
                 WHERE dropped_at IS NOT NULL AND from_at <= $1 AND until_at > $1)",
        )
        .bind(run.created())
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// Forgets keys of requests that were used before then, `most` at most. Gives how many.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn idempotency_forget(&mut self, before: DateTime<Utc>, most: i64) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM idempotency WHERE tenant_id = $1 AND key IN (
                 SELECT key FROM idempotency WHERE tenant_id = $1 AND created_at < $2
                 ORDER BY created_at LIMIT $3)",
        )
        .bind(self.tenant.uuid())
        .bind(before)
        .bind(most)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }

    /// Forgets tokens and sessions that were void before then: used up, revoked or expired; `most` at most.
    /// Those of programs of the organization's own stay: the audit log names them. Gives how many.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn tokens_forget(&mut self, before: DateTime<Utc>, most: i64) -> Result<u64> {
        let done = sqlx::query(
            "DELETE FROM tokens WHERE tenant_id = $1 AND id IN (
                 SELECT id FROM tokens WHERE tenant_id = $1 AND kind <> 'service'
                   AND least(used_at, revoked_at, expires_at) < $2
                 LIMIT $3)",
        )
        .bind(self.tenant.uuid())
        .bind(before)
        .bind(most)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected())
    }
}
