//! Agents and the model providers they use.

use chrono::{DateTime, Utc};
use freehold_model::schedule::Labels;
use freehold_model::{AgentId, Isolation, Limits, ProviderId};
use serde_json::Value;

use crate::{Hint, Noun, Result, Tx, document, stored, to_json};

/// A model provider.
#[derive(Debug, Clone)]
pub struct ProviderRow {
    /// Its id.
    pub id: ProviderId,
    /// Its name.
    pub name: String,
    /// `openai`, `anthropic` or `ollama`.
    pub kind: String,
    /// The endpoint.
    pub base_url: String,
    /// Where a runner finds the key.
    pub key_ref: Value,
    /// The model to ask for.
    pub model: Option<String>,
    /// When it was removed; agents that were removed may name it.
    pub removed_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// An agent.
#[derive(Debug, Clone)]
pub struct AgentRow {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// `command`, `acp` or `builtin`.
    pub driver: String,
    /// A known agent's preset.
    pub preset: Option<String>,
    /// Its provider.
    pub provider: Option<ProviderId>,
    /// What a runner must offer.
    pub labels: Labels,
    /// Hard limit in seconds.
    pub timeout_s: i64,
    /// Limit on silence in seconds.
    pub stall_s: i64,
    /// How strongly its runs are kept apart.
    pub isolation: Isolation,
    /// What its runs may use up, where that is less than the runner allows.
    pub limits: Limits,
    /// Content: command and paths.
    pub start: Vec<u8>,
    /// The edition of `start`.
    pub version: i64,
    /// When it was removed; runs that name it remain.
    pub removed_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow, serde::Deserialize)]
pub(crate) struct RawProvider {
    id: uuid::Uuid,
    name: String,
    kind: String,
    base_url: String,
    key_ref: Value,
    model: Option<String>,
    removed_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
pub(crate) struct RawAgent {
    id: uuid::Uuid,
    name: String,
    driver: String,
    preset: Option<String>,
    provider_id: Option<uuid::Uuid>,
    labels: Value,
    timeout_s: i64,
    stall_s: i64,
    isolation: String,
    limits: Value,
    start: Vec<u8>,
    version: i64,
    removed_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<RawProvider> for ProviderRow {
    fn from(raw: RawProvider) -> Self {
        Self {
            id: ProviderId::from_uuid(raw.id),
            name: raw.name,
            kind: raw.kind,
            base_url: raw.base_url,
            key_ref: raw.key_ref,
            model: raw.model,
            removed_at: raw.removed_at,
            created_at: raw.created_at,
        }
    }
}

impl RawAgent {
    pub(crate) fn row(self) -> Result<AgentRow> {
        Ok(AgentRow {
            id: AgentId::from_uuid(self.id),
            name: self.name,
            driver: self.driver,
            preset: self.preset,
            provider: self.provider_id.map(ProviderId::from_uuid),
            labels: document("agents", self.labels)?,
            timeout_s: self.timeout_s,
            stall_s: self.stall_s,
            isolation: stored("agents", &self.isolation)?,
            limits: document("agents", self.limits)?,
            start: self.start,
            version: self.version,
            removed_at: self.removed_at,
            created_at: self.created_at,
        })
    }
}

impl Tx {
    /// Adds a provider.
    ///
    /// # Errors
    /// [`crate::StoreError::Taken`] when the name is.
    pub async fn provider_insert(&mut self, row: &ProviderRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO providers (tenant_id, id, name, kind, base_url, key_ref, model, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.name)
        .bind(&row.kind)
        .bind(&row.base_url)
        .bind(&row.key_ref)
        .bind(&row.model)
        .bind(row.created_at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Provider));
        Ok(())
    }

    /// Writes a provider's settings anew. False when it is gone, or when its key or its address
    /// are no longer what they were in `seen`.
    ///
    /// # Errors
    /// [`crate::StoreError::Taken`] when the name is.
    pub async fn provider_write(&mut self, row: &ProviderRow, seen: &ProviderRow) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE providers SET name = $3, kind = $4, base_url = $5, key_ref = $6, model = $7
             WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL
               AND key_ref = $8 AND base_url = $9",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.name)
        .bind(&row.kind)
        .bind(&row.base_url)
        .bind(&row.key_ref)
        .bind(&row.model)
        .bind(&seen.key_ref)
        .bind(&seen.base_url)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Provider));
        Ok(done.rows_affected() == 1)
    }

    /// Removes a provider, and its key with it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn provider_remove(&mut self, id: ProviderId, at: DateTime<Utc>) -> Result<()> {
        sqlx::query(
            "UPDATE providers SET removed_at = $3, key_ref = '\"none\"'
             WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Provider));
        Ok(())
    }

    /// The names of the agents that use a provider. The provider's row stays locked, so that no
    /// agent comes to use it meanwhile.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn provider_users(&mut self, id: ProviderId) -> Result<Vec<String>> {
        sqlx::query("SELECT 1 FROM providers WHERE tenant_id = $1 AND id = $2 FOR UPDATE")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .execute(&mut *self.inner)
            .await?;
        Ok(sqlx::query_scalar(
            "SELECT name FROM agents
             WHERE tenant_id = $1 AND provider_id = $2 AND removed_at IS NULL ORDER BY name",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// Providers in the order they were added, behind `after`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn provider_list(
        &mut self,
        after: Option<ProviderId>,
        limit: i64,
    ) -> Result<Vec<ProviderRow>> {
        let raw: Vec<RawProvider> = sqlx::query_as(
            "SELECT id, name, kind, base_url, key_ref, model, removed_at, created_at FROM providers
             WHERE tenant_id = $1 AND removed_at IS NULL AND id > $2
             ORDER BY id LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(after.map_or(uuid::Uuid::nil(), ProviderId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(raw.into_iter().map(Into::into).collect())
    }

    /// A provider by id.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn provider_get(&mut self, id: ProviderId) -> Result<Option<ProviderRow>> {
        let raw: Option<RawProvider> = sqlx::query_as(
            "SELECT id, name, kind, base_url, key_ref, model, removed_at, created_at FROM providers
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(raw.map(Into::into))
    }

    /// A provider's id by its name.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn provider_named(&mut self, name: &str) -> Result<Option<ProviderId>> {
        let id: Option<uuid::Uuid> = sqlx::query_scalar(
            "SELECT id FROM providers WHERE tenant_id = $1 AND name = $2 AND removed_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(name)
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(id.map(ProviderId::from_uuid))
    }

    /// Adds an agent.
    ///
    /// # Errors
    /// [`crate::StoreError::Taken`] when the name is.
    pub async fn agent_insert(&mut self, row: &AgentRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO agents (tenant_id, id, name, driver, preset, provider_id, labels,
                                 timeout_s, stall_s, start, created_at, isolation, limits)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.name)
        .bind(&row.driver)
        .bind(&row.preset)
        .bind(row.provider.map(ProviderId::uuid))
        .bind(to_json("agents", &row.labels)?)
        .bind(row.timeout_s)
        .bind(row.stall_s)
        .bind(&row.start)
        .bind(row.created_at)
        .bind(row.isolation.name())
        .bind(to_json("agents", &row.limits)?)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Agent));
        Ok(())
    }

    /// Writes an agent's settings anew. False when it is gone.
    ///
    /// # Errors
    /// [`crate::StoreError::Taken`] when the name is.
    pub async fn agent_write(&mut self, row: &AgentRow) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE agents SET name = $3, driver = $4, preset = $5, provider_id = $6, labels = $7,
                 timeout_s = $8, stall_s = $9, start = $10, version = $11, isolation = $12,
                 limits = $13
             WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(&row.name)
        .bind(&row.driver)
        .bind(&row.preset)
        .bind(row.provider.map(ProviderId::uuid))
        .bind(to_json("agents", &row.labels)?)
        .bind(row.timeout_s)
        .bind(row.stall_s)
        .bind(&row.start)
        .bind(row.version)
        .bind(row.isolation.name())
        .bind(to_json("agents", &row.limits)?)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Agent));
        Ok(done.rows_affected() == 1)
    }

    /// Removes an agent. Runs that name it go on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn agent_remove(&mut self, id: AgentId, at: DateTime<Utc>) -> Result<()> {
        sqlx::query(
            "UPDATE agents SET removed_at = $3
             WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Settings(Noun::Agent));
        Ok(())
    }

    /// An agent by id.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn agent_get(&mut self, id: AgentId) -> Result<Option<AgentRow>> {
        let raw: Option<RawAgent> = sqlx::query_as(
            "SELECT id, name, driver, preset, provider_id, labels, timeout_s, stall_s, isolation, limits, start, version, removed_at, created_at
             FROM agents WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(RawAgent::row).transpose()
    }

    /// Agents in the order they were added, behind `after`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn agent_list(
        &mut self,
        after: Option<AgentId>,
        limit: i64,
    ) -> Result<Vec<AgentRow>> {
        let raw: Vec<RawAgent> = sqlx::query_as(
            "SELECT id, name, driver, preset, provider_id, labels, timeout_s, stall_s, isolation, limits, start, version, removed_at, created_at
             FROM agents WHERE tenant_id = $1 AND removed_at IS NULL AND id > $2
             ORDER BY id LIMIT $3",
        )
        .bind(self.tenant.uuid())
        .bind(after.map_or(uuid::Uuid::nil(), AgentId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(RawAgent::row).collect()
    }
}
