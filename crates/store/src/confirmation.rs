//! Confirmations of destructive acts.

use chrono::{DateTime, Utc};
use freehold_model::TokenId;

use crate::{Result, Tx};

impl Tx {
    /// Adds a confirmation of a session's. Those that are over go, and the oldest of the session beyond
    /// `most`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn confirmation_insert(
        &mut self,
        hash: &[u8],
        session: TokenId,
        act: &[u8],
        until: DateTime<Utc>,
        most: i64,
    ) -> Result<()> {
        sqlx::query(
            "DELETE FROM confirmations WHERE tenant_id = $1 AND (expires_at <= $3 OR hash IN (
                 SELECT hash FROM confirmations WHERE tenant_id = $1 AND session = $2
                 ORDER BY created_at DESC OFFSET $4))",
        )
        .bind(self.tenant.uuid())
        .bind(session.uuid())
        .bind(self.time)
        .bind(most - 1)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query(
            "INSERT INTO confirmations (tenant_id, hash, session, act, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.tenant.uuid())
        .bind(hash)
        .bind(session.uuid())
        .bind(act)
        .bind(self.time)
        .bind(until)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Looks at a confirmation and uses it up, in one write. False where it is none of this act's, was used,
    /// or is over.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn confirmation_use(&mut self, hash: &[u8], act: &[u8]) -> Result<bool> {
        let used = sqlx::query(
            "DELETE FROM confirmations
             WHERE tenant_id = $1 AND hash = $2 AND act = $3 AND expires_at > $4",
        )
        .bind(self.tenant.uuid())
        .bind(hash)
        .bind(act)
        .bind(self.time)
        .execute(&mut *self.inner)
        .await?;
        Ok(used.rows_affected() == 1)
    }

    /// Commits what is beside a request that is refused: it marks no claim of it.
    ///
    /// # Errors
    /// As [`Tx::commit`].
    pub async fn commit_aside(mut self) -> Result<()> {
        self.write_gathered().await?;
        self.inner.commit().await
    }
}
