//! The places of cards: lanes, and the order within them.

use chrono::{DateTime, Utc};
use freehold_model::{CardId, Lane, ProjectId};

use crate::{Hint, Result, Tx};

impl Tx {
    /// One person at a time puts a project's cards in their order; taken ahead of any card's
    /// lock, because a lane that gets its ranks anew is locked as a whole.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_rank_lock(&mut self, project: ProjectId) -> Result<()> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("card_ranks {}", project.uuid()))
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// The rank behind every card of a lane that is on the board.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_rank_last(&mut self, project: ProjectId, lane: Lane) -> Result<f64> {
        Ok(sqlx::query_scalar(
            "SELECT coalesce((SELECT rank FROM cards WHERE tenant_id = $1 AND project_id = $2 AND lane = $3
                              AND archived_at IS NULL ORDER BY rank DESC LIMIT 1), 0) + 1",
        )
        .bind(self.tenant.uuid())
        .bind(project.uuid())
        .bind(lane.name())
        .fetch_one(&mut *self.inner)
        .await?)
    }

    /// The ranks around the place in front of `before` in its lane, without `moving`: of the
    /// card ahead, if any, and of `before`. `None` when `before` is not in that lane.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_rank_around(
        &mut self,
        project: ProjectId,
        lane: Lane,
        before: CardId,
        moving: CardId,
    ) -> Result<Option<(Option<f64>, f64)>> {
        Ok(sqlx::query_as(
            "SELECT (SELECT max(a.rank) FROM cards a
                     WHERE a.tenant_id = b.tenant_id AND a.project_id = b.project_id
                       AND a.lane = b.lane AND a.id <> $5 AND a.archived_at IS NULL
                       AND (a.rank, a.id) < (b.rank, b.id)), b.rank
             FROM cards b WHERE b.tenant_id = $1 AND b.project_id = $2 AND b.lane = $3 AND b.id = $4",
        )
        .bind(self.tenant.uuid())
        .bind(project.uuid())
        .bind(lane.name())
        .bind(before.uuid())
        .bind(moving.uuid())
        .fetch_optional(&mut *self.inner)
        .await?)
    }

    /// Gives the cards of a lane whole ranks again, in their order.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_rank_anew(&mut self, project: ProjectId, lane: Lane) -> Result<()> {
        sqlx::query(
            "UPDATE cards SET rank = ranked.place FROM (
                 SELECT id, row_number() OVER (ORDER BY rank, id) AS place FROM cards
                 WHERE tenant_id = $1 AND project_id = $2 AND lane = $3 AND archived_at IS NULL) ranked
             WHERE cards.tenant_id = $1 AND cards.id = ranked.id",
        )
        .bind(self.tenant.uuid())
        .bind(project.uuid())
        .bind(lane.name())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Puts a card somewhere.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub async fn card_place(
        &mut self,
        id: CardId,
        lane: Lane,
        rank: f64,
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "UPDATE cards SET lane = $3, rank = $4, updated_at = $5 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(lane.name())
        .bind(rank)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        self.hint(Hint::Card(id));
        Ok(())
    }
}
