//! Rows that are held until the transaction ends, so that what was seen of them is what is changed.

use freehold_model::{AgentId, ProviderId, UserId};

use crate::{Result, Tx};

impl Tx {
    /// Holds an agent's row.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn agent_lock(&mut self, id: AgentId) -> Result<()> {
        sqlx::query("SELECT 1 FROM agents WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Holds a provider's row.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn provider_lock(&mut self, id: ProviderId) -> Result<()> {
        sqlx::query("SELECT 1 FROM providers WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// Holds a membership so that nobody else holds it as it is ([`Tx::member_hold`]).
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn member_hold_to_change(&mut self, user: UserId) -> Result<()> {
        sqlx::query(
            "SELECT 1 FROM members WHERE tenant_id = $1 AND user_id = $2 FOR NO KEY UPDATE",
        )
        .bind(self.tenant.uuid())
        .bind(user.uuid())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
