//! Runners' sessions: the bearer of the connection that stands, whichever server has it.

use chrono::{DateTime, Utc};
use freehold_model::{RunnerId, TenantId};

use crate::{Result, Store, Tx};

impl Store {
    /// Whose session this is, by the hash of its bearer; nobody's once its connection ended, another took
    /// over, or the runner was revoked. Before a tenant is known.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_of(&self, hash: &[u8]) -> Result<Option<(TenantId, RunnerId)>> {
        let found: Option<(uuid::Uuid, uuid::Uuid)> =
            sqlx::query_as("SELECT tenant_id, runner_id FROM lookup_session($1)")
                .bind(hash)
                .fetch_optional(&self.pool)
                .await?;
        Ok(
            found
                .map(|(tenant, runner)| (TenantId::from_uuid(tenant), RunnerId::from_uuid(runner))),
        )
    }
}

impl Tx {
    /// A connection of this runner, which said hello at `began`, stands: an earlier one's session is no
    /// more. False where a later one's stands, which stays.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_begin(
        &mut self,
        runner: RunnerId,
        hash: &[u8],
        began: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO runner_sessions AS s (tenant_id, runner_id, hash, began) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, runner_id) DO UPDATE
             SET hash = excluded.hash, began = excluded.began WHERE s.began <= excluded.began",
        )
        .bind(self.tenant.uuid())
        .bind(runner.uuid())
        .bind(hash)
        .bind(began)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// That connection ended. False when a later one's session stands, which stays.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_end(&mut self, runner: RunnerId, hash: &[u8]) -> Result<bool> {
        let done = sqlx::query(
            "DELETE FROM runner_sessions WHERE tenant_id = $1 AND runner_id = $2 AND hash = $3",
        )
        .bind(self.tenant.uuid())
        .bind(runner.uuid())
        .bind(hash)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The runners that are connected to whichever server. One whose server was killed is among them
    /// until it connects again: look when it was last seen.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn session_runners(&mut self) -> Result<Vec<RunnerId>> {
        let found: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT runner_id FROM runner_sessions WHERE tenant_id = $1")
                .bind(self.tenant.uuid())
                .fetch_all(&mut *self.inner)
                .await?;
        Ok(found.into_iter().map(RunnerId::from_uuid).collect())
    }
}
