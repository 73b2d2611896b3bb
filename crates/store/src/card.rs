//! Cards, their dependencies, their history, and intents.

use chrono::{DateTime, Utc};
use freehold_model::id::IntentId;
use freehold_model::run::State;
use freehold_model::{CardId, Lane, ProjectId, Reason, RunId, UserId};

use crate::{Hint, Result, Tx, stored};

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
    /// Those of `depends` that have not landed.
    pub unmet: Vec<CardId>,
    /// The latest run.
    pub run: Option<LatestRun>,
    /// Its place in the lane: by rising rank, then by id.
    pub rank: f64,
    /// When it was put away.
    pub archived_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a card shows of its latest run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestRun {
    /// The run.
    pub id: RunId,
    /// Where it is.
    pub state: State,
    /// Why.
    pub reason: Option<Reason>,
    /// The agent's name.
    pub agent: String,
}

/// What happened to a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It was made.
    Created,
    /// Title, body or dependencies changed.
    Edited,
    /// It went from one lane to another.
    Moved(Lane, Lane),
    /// It was put away.
    Archived,
    /// It was brought back.
    Restored,
    /// A run of it was asked for.
    RunStarted(RunId),
    /// A run of it is in another state.
    RunState(RunId, State, Option<Reason>),
}

/// A line of a card's history.
#[derive(Debug, Clone)]
pub struct CardEventRow {
    /// Its place, from 1.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// The member's name, if a member did it.
    pub by: Option<String>,
    /// What.
    pub happened: Happened,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Raw {
    id: uuid::Uuid,
    project_id: uuid::Uuid,
    lane: String,
    title: Vec<u8>,
    body: Vec<u8>,
    version: i64,
    landed: bool,
    depends: Vec<uuid::Uuid>,
    unmet: Vec<uuid::Uuid>,
    run_id: Option<uuid::Uuid>,
    run_state: Option<String>,
    run_reason: Option<String>,
    run_agent: Option<String>,
    rank: f64,
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Raw {
    pub(crate) fn row(self) -> Result<CardRow> {
        let run = match (self.run_id, self.run_state, self.run_agent) {
            (Some(id), Some(state), Some(agent)) => Some(LatestRun {
                id: RunId::from_uuid(id),
                state: stored("runs", &state)?,
                reason: self
                    .run_reason
                    .map(|code| stored("runs", &code))
                    .transpose()?,
                agent,
            }),
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
            unmet: self.unmet.into_iter().map(CardId::from_uuid).collect(),
            run,
            rank: self.rank,
            archived_at: self.archived_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Cards, each with what it waits for and its last run.
macro_rules! select {
    ($from:expr, $rest:literal) => {
        concat!(
            "SELECT c.id, c.project_id, c.lane, c.title, c.body, c.version, c.landed,
                    ARRAY(SELECT d.depends_on FROM card_dependencies d
                          WHERE d.tenant_id = c.tenant_id AND d.card_id = c.id
                          ORDER BY d.depends_on) AS depends,
                    ARRAY(SELECT d.depends_on FROM card_dependencies d
                          JOIN cards o ON o.tenant_id = d.tenant_id AND o.id = d.depends_on
                          WHERE d.tenant_id = c.tenant_id AND d.card_id = c.id AND NOT o.landed
                          ORDER BY d.depends_on) AS unmet,
                    r.id AS run_id, r.state AS run_state, r.reason AS run_reason,
                    r.agent_name AS run_agent, c.rank, c.archived_at, c.created_at, c.updated_at
             FROM ",
            $from,
            " c
             LEFT JOIN LATERAL (SELECT id, state, reason, agent_name FROM runs
                                WHERE tenant_id = c.tenant_id AND card_id = c.id
                                ORDER BY id DESC LIMIT 1) r ON true ",
            $rest
        )
    };
}

/// Of a project, those that are so, in the order they were made.
macro_rules! listed {
    ($so:literal) => {
        select!(
            concat!(
                "(SELECT *, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS before
                  FROM cards
                  WHERE tenant_id = $1 AND project_id = $2 AND ",
                $so,
                " AND id > $3 ORDER BY id LIMIT $4)"
            ),
            "WHERE c.before <= $5 ORDER BY c.id"
        )
    };
}

impl Tx {
    /// Adds a card, behind all others of its lane, and its dependencies. Gives its rank there.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_insert(&mut self, row: &CardRow) -> Result<f64> {
        let rank = sqlx::query_scalar(
            "INSERT INTO cards (tenant_id, id, project_id, lane, title, body, version, rank, created_at, updated_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, coalesce((
                 SELECT rank FROM cards WHERE tenant_id = $1 AND project_id = $3 AND lane = $4
                   AND archived_at IS NULL ORDER BY rank DESC LIMIT 1), 0) + 1, $8, $8
             RETURNING rank",
        )
        .bind(self.tenant.uuid())
        .bind(row.id.uuid())
        .bind(row.project.uuid())
        .bind(row.lane.name())
        .bind(&row.title)
        .bind(&row.body)
        .bind(row.version)
        .bind(row.created_at)
        .fetch_one(&mut *self.inner)
        .await?;
        if !row.depends.is_empty() {
            self.card_depend(row.id, &row.depends).await?;
        }
        Ok(rank)
    }

    async fn card_depend(&mut self, card: CardId, depends: &[CardId]) -> Result<()> {
        let depends: Vec<uuid::Uuid> = depends.iter().map(|card| card.uuid()).collect();
        sqlx::query(
            "INSERT INTO card_dependencies (tenant_id, card_id, depends_on)
             SELECT $1, $2, unnest($3::uuid[]) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.uuid())
        .bind(card.uuid())
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
        self.write_lives().await?;
        let raw: Option<Raw> =
            sqlx::query_as(select!("cards", "WHERE c.tenant_id = $1 AND c.id = $2"))
                .bind(self.tenant.uuid())
                .bind(id.uuid())
                .fetch_optional(&mut *self.inner)
                .await?;
        raw.map(Raw::row).transpose()
    }

    /// A project's cards in the order they were made, behind `after`: those on the board, or those
    /// that were put away. At most `limit`, and none whose bodies come behind more than `bytes` of others:
    /// the last one may be what does not fit any more.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_list(
        &mut self,
        project: ProjectId,
        archived: bool,
        after: Option<CardId>,
        limit: i64,
        bytes: i64,
    ) -> Result<Vec<CardRow>> {
        self.write_lives().await?;
        let raw: Vec<Raw> = sqlx::query_as(
            // Each has its index: a board's cards are found among many more that were put away.
            match archived {
                true => listed!("archived_at IS NOT NULL"),
                false => listed!("archived_at IS NULL"),
            },
        )
        .bind(self.tenant.uuid())
        .bind(project.uuid())
        .bind(after.map_or(uuid::Uuid::nil(), CardId::uuid))
        .bind(limit)
        .bind(bytes)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(Raw::row).collect()
    }

    /// Where a card stands, locked until the transaction ends: as a change of the row would, so
    /// that rows which refer to it (a run, a dependency) can still be added meanwhile. A stronger
    /// lock would make two cards that come to wait for each other wait for each other's locks.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_lock(&mut self, id: CardId) -> Result<Option<(ProjectId, Lane, i64)>> {
        let found: Option<(uuid::Uuid, String, i64)> = sqlx::query_as(
            "SELECT project_id, lane, version FROM cards WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .fetch_optional(&mut *self.inner)
        .await?;
        found
            .map(|(project, lane, version)| {
                Ok((
                    ProjectId::from_uuid(project),
                    stored("cards", &lane)?,
                    version,
                ))
            })
            .transpose()
    }

    /// Writes title and body sealed for the next edition, and that edition's number.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_write(
        &mut self,
        id: CardId,
        title: &[u8],
        body: &[u8],
        version: i64,
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE cards SET title = $3, body = $4, version = $5, updated_at = $6
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(title)
        .bind(body)
        .bind(version)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Card(id));
        Ok(())
    }

    /// Replaces what a card depends on.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_set_depends(&mut self, id: CardId, depends: &[CardId]) -> Result<()> {
        sqlx::query("DELETE FROM card_dependencies WHERE tenant_id = $1 AND card_id = $2")
            .bind(self.tenant.uuid())
            .bind(id.uuid())
            .execute(&mut *self.inner)
            .await?;
        self.hint(Hint::Card(id));
        self.card_depend(id, depends).await
    }

    /// Whether some card of `from` waits for `to`, however far back. One writer of dependencies
    /// at a time: the tenant's are locked until the transaction ends.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_waits_for(&mut self, from: &[CardId], to: CardId) -> Result<bool> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("card_dependencies {}", self.tenant.uuid()))
            .execute(&mut *self.inner)
            .await?;
        let from: Vec<uuid::Uuid> = from.iter().map(|card| card.uuid()).collect();
        Ok(sqlx::query_scalar(
            "WITH RECURSIVE behind (id) AS (
                 SELECT unnest($2::uuid[])
                 UNION
                 SELECT d.depends_on FROM card_dependencies d JOIN behind b ON d.card_id = b.id
                 WHERE d.tenant_id = $1)
             SELECT EXISTS (SELECT 1 FROM behind WHERE id = $3)",
        )
        .bind(self.tenant.uuid())
        .bind(from)
        .bind(to.uuid())
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// Puts a card away, or brings it back. False when it was so already.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_set_archived(
        &mut self,
        id: CardId,
        archived: bool,
        at: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE cards SET archived_at = CASE WHEN $3 THEN $4 END, updated_at = $4
             WHERE tenant_id = $1 AND id = $2 AND (archived_at IS NOT NULL) <> $3",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(archived)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Card(id));
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

    /// The projects of cards.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_projects(&mut self, ids: &[CardId]) -> Result<Vec<(CardId, ProjectId)>> {
        let ids: Vec<uuid::Uuid> = ids.iter().map(|card| card.uuid()).collect();
        let rows: Vec<(uuid::Uuid, uuid::Uuid)> = sqlx::query_as(
            "SELECT id, project_id FROM cards WHERE tenant_id = $1 AND id = ANY($2)",
        )
        .bind(self.tenant.uuid())
        .bind(ids)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(card, project)| (CardId::from_uuid(card), ProjectId::from_uuid(project)))
            .collect())
    }

    /// Titles of cards: content, with the edition of its place.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_titles(&mut self, ids: &[CardId]) -> Result<Vec<(CardId, Vec<u8>, i64)>> {
        let ids: Vec<uuid::Uuid> = ids.iter().map(|card| card.uuid()).collect();
        let rows: Vec<(uuid::Uuid, Vec<u8>, i64)> = sqlx::query_as(
            "SELECT id, title, version FROM cards WHERE tenant_id = $1 AND id = ANY($2)",
        )
        .bind(self.tenant.uuid())
        .bind(ids)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(card, title, version)| (CardId::from_uuid(card), title, version))
            .collect())
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
}
