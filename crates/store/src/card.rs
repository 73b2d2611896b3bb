//! Cards, their dependencies, and intents.

use chrono::{DateTime, Utc};
use freehold_model::id::IntentId;
use freehold_model::run::State;
use freehold_model::{CardId, Lane, ProjectId, RunId, UserId};

use crate::{Result, Tx, stored};

/// A card. Title and body are content.
#[derive(Debug, Clone)]
pub struct CardRow {
    /// Its id.
    pub id: CardId,
    /// Its project.
    pub project: ProjectId,
    /// Where it stands.
    pub lane: Lane,
    /// Content.
    pub title: Vec<u8>,
    /// Content.
    pub body: Vec<u8>,
    /// The edition of title and body.
    pub version: i64,
    /// Whether a run of it has landed.
    pub landed: bool,
    /// Cards that must have landed first.
    pub depends: Vec<CardId>,
    /// The latest run and its state.
    pub run: Option<(RunId, State)>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    id: uuid::Uuid,
    project_id: uuid::Uuid,
    lane: String,
    title: Vec<u8>,
    body: Vec<u8>,
    version: i64,
    landed: bool,
    depends: Vec<uuid::Uuid>,
    run_id: Option<uuid::Uuid>,
    run_state: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Raw {
    fn row(self) -> Result<CardRow> {
        let run = match (self.run_id, self.run_state) {
            (Some(id), Some(state)) => Some((RunId::from_uuid(id), stored("runs", &state)?)),
            _ => None,
        };
        Ok(CardRow {
            id: CardId::from_uuid(self.id),
            project: ProjectId::from_uuid(self.project_id),
            lane: stored("cards", &self.lane)?,
            title: self.title,
            body: self.body,
            version: self.version,
            landed: self.landed,
            depends: self.depends.into_iter().map(CardId::from_uuid).collect(),
            run,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl Tx {
    /// Adds a card and its dependencies.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_insert(&mut self, row: &CardRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO cards (tenant_id, id, project_id, lane, title, body, version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(row.project.uuid())
        .bind(row.lane.name())
        .bind(&row.title)
        .bind(&row.body)
        .bind(row.version)
        .bind(row.created_at)
        .execute(&mut *self.inner)
        .await?;
        let depends: Vec<uuid::Uuid> = row.depends.iter().map(|card| card.uuid()).collect();
        sqlx::query(
            "INSERT INTO card_dependencies (tenant_id, card_id, depends_on)
             SELECT $1, $2, unnest($3::uuid[]) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(depends)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// A card by id.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_get(&mut self, id: CardId) -> Result<Option<CardRow>> {
        let raw: Option<Raw> = sqlx::query_as(
            "SELECT c.id, c.project_id, c.lane, c.title, c.body, c.version, c.landed,
                    ARRAY(SELECT d.depends_on FROM card_dependencies d
                          WHERE d.tenant_id = c.tenant_id AND d.card_id = c.id
                          ORDER BY d.depends_on) AS depends,
                    r.id AS run_id, r.state AS run_state, c.created_at, c.updated_at
             FROM cards c
             LEFT JOIN LATERAL (SELECT id, state FROM runs
                                WHERE tenant_id = c.tenant_id AND card_id = c.id
                                ORDER BY id DESC LIMIT 1) r ON true
             WHERE c.tenant_id = $1 AND c.id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        raw.map(Raw::row).transpose()
    }

    /// A project's cards in the order they were made, behind `after`.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_list(
        &mut self,
        project: ProjectId,
        after: Option<CardId>,
        limit: i64,
    ) -> Result<Vec<CardRow>> {
        let raw: Vec<Raw> = sqlx::query_as(
            "SELECT c.id, c.project_id, c.lane, c.title, c.body, c.version, c.landed,
                    ARRAY(SELECT d.depends_on FROM card_dependencies d
                          WHERE d.tenant_id = c.tenant_id AND d.card_id = c.id
                          ORDER BY d.depends_on) AS depends,
                    r.id AS run_id, r.state AS run_state, c.created_at, c.updated_at
             FROM cards c
             LEFT JOIN LATERAL (SELECT id, state FROM runs
                                WHERE tenant_id = c.tenant_id AND card_id = c.id
                                ORDER BY id DESC LIMIT 1) r ON true
             WHERE c.tenant_id = $1 AND c.project_id = $2 AND ($3::uuid IS NULL OR c.id > $3)
             ORDER BY c.id LIMIT $4",
        )
        .bind(self.tenant.uuid())
        .bind(project.uuid())
        .bind(after.map(CardId::uuid))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(Raw::row).collect()
    }

    /// Moves a card. False when it is not there.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_move(&mut self, id: CardId, lane: Lane, at: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE cards SET lane = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(lane.name())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Says that a run of the card has landed.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_set_landed(&mut self, id: CardId, at: DateTime<Utc>) -> Result<()> {
        sqlx::query(
            "UPDATE cards SET landed = true, updated_at = $3 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Which of these cards exist.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn cards_present(&mut self, ids: &[CardId]) -> Result<Vec<CardId>> {
        let ids: Vec<uuid::Uuid> = ids.iter().map(|card| card.uuid()).collect();
        let found: Vec<uuid::Uuid> =
            sqlx::query_scalar("SELECT id FROM cards WHERE tenant_id = $1 AND id = ANY($2)")
                .bind(self.tenant.uuid())
                .bind(ids)
                .fetch_all(&mut *self.inner)
                .await?;
        Ok(found.into_iter().map(CardId::from_uuid).collect())
    }

    /// The dependencies of a card that have not landed.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_unmet(&mut self, id: CardId) -> Result<Vec<CardId>> {
        let unmet: Vec<uuid::Uuid> = sqlx::query_scalar(
            "SELECT d.depends_on FROM card_dependencies d
             JOIN cards c ON c.tenant_id = d.tenant_id AND c.id = d.depends_on
             WHERE d.tenant_id = $1 AND d.card_id = $2 AND NOT c.landed ORDER BY d.depends_on",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(unmet.into_iter().map(CardId::from_uuid).collect())
    }

    /// Stores what a person changed on the board beside the change itself.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    #[expect(
        clippy::too_many_arguments,
        reason = "one column each, and all are needed"
    )]
    pub async fn intent_insert(
        &mut self,
        id: IntentId,
        project: ProjectId,
        entity: &str,
        kind: &str,
        by: UserId,
        change: &[u8],
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO intents (tenant_id, id, project_id, entity, kind, by_user, change, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(project.uuid())
        .bind(entity)
        .bind(kind)
        .bind(by.uuid())
        .bind(change)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// How many intents wait for a thing to be written into the record.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn intent_count(&mut self, entity: &str) -> Result<i64> {
        Ok(
            sqlx::query_scalar("SELECT count(*) FROM intents WHERE tenant_id = $1 AND entity = $2")
                .bind(self.tenant.uuid())
                .bind(entity)
                .fetch_one(&mut *self.inner)
                .await?,
        )
    }
}
