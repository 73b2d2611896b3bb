//! What a run is asked for on, read in few looks.

use freehold_model::{AgentId, CardId, RunId};

use crate::agent::{RawAgent, RawProvider};
use crate::card::Raw as RawCard;
use crate::project::Raw as RawProject;
use crate::{AgentRow, CardRow, ProjectRow, ProviderRow, Result, Tx};

/// Where a run begins.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The card, locked, as it is by then. What it depends on and what ran of it is not looked at.
    pub card: CardRow,
    /// Its project.
    pub project: ProjectRow,
    /// A run of the card that had not ended when this was looked at. One that another transaction, for which
    /// the lock was waited, began is not seen: adding a second one is [`crate::StoreError::Taken`].
    pub live: Option<RunId>,
}

#[derive(sqlx::FromRow)]
struct RawGround {
    #[sqlx(flatten)]
    card: RawCard,
    live: Option<uuid::Uuid>,
    project: sqlx::types::Json<RawProject>,
}

#[derive(sqlx::FromRow)]
struct RawChoice {
    #[sqlx(flatten)]
    agent: RawAgent,
    provider: Option<sqlx::types::Json<RawProvider>>,
}

impl Tx {
    /// Locks a card as [`Tx::card_lock`] does, for a run of it.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_ground(&mut self, card: CardId) -> Result<Option<Ground>> {
        self.write_lives().await?;
        let raw: Option<RawGround> = sqlx::query_as(
            "SELECT c.id, c.project_id, c.lane, c.title, c.body, c.version, c.landed,
                    ARRAY[]::uuid[] AS depends, ARRAY[]::uuid[] AS unmet,
                    NULL::uuid AS run_id, NULL::text AS run_state, NULL::text AS run_reason,
                    NULL::text AS run_agent, c.rank, c.archived_at, c.created_at, c.updated_at,
                    (SELECT id FROM runs WHERE tenant_id = $1 AND card_id = $2
                       AND state NOT IN ('succeeded', 'failed', 'cancelled', 'rejected')) AS live,
                    (SELECT to_jsonb(p) FROM (
                         SELECT p.id, p.name, p.egress, p.isolation_at_least, p.directory, p.share,
                                p.record_remote, p.record_ref, p.record_path, r.id AS repository, r.remote,
                                r.target, p.created_at
                         FROM projects p
                         JOIN repositories r ON r.tenant_id = p.tenant_id AND r.project_id = p.id AND r.position = 0
                         WHERE p.tenant_id = $1 AND p.id = c.project_id) p) AS project
             FROM cards c WHERE c.tenant_id = $1 AND c.id = $2 FOR NO KEY UPDATE OF c",
        )
        .bind(self.tenant.uuid())
        .bind(card.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(|raw| {
            Ok(Ground {
                card: raw.card.row()?,
                project: raw.project.0.try_into()?,
                live: raw.live.map(RunId::from_uuid),
            })
        })
        .transpose()
    }

    /// Agents for a run, with their providers: of this id, or of this name, or, where neither is wanted, the
    /// first two that there are.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn run_agents(
        &mut self,
        id: Option<AgentId>,
        name: Option<&str>,
    ) -> Result<Vec<(AgentRow, Option<ProviderRow>)>> {
        let raw: Vec<RawChoice> = sqlx::query_as(
            "SELECT id, name, driver, preset, provider_id, labels, timeout_s, stall_s, isolation, limits,
                    start, version, removed_at, created_at,
                    (SELECT to_jsonb(p) - 'tenant_id' FROM providers p
                     WHERE p.tenant_id = a.tenant_id AND p.id = a.provider_id) AS provider
             FROM agents a
             WHERE tenant_id = $1 AND removed_at IS NULL
               AND ($2::uuid IS NULL OR id = $2) AND ($3::text IS NULL OR name = $3)
             ORDER BY id LIMIT 2",
        )
        .bind(self.tenant.uuid())
        .bind(id.map(AgentId::uuid))
        .bind(name)
        .fetch_all(&mut *self.inner)
        .await?;
        let row = |raw: RawChoice| {
            let provider = raw.provider.map(|provider| provider.0.into());
            Ok((raw.agent.row()?, provider))
        };
        raw.into_iter().map(row).collect()
    }
}
