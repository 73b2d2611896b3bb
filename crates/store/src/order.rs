//! Orders of runs, and the keys that make a repeated request one request.

use chrono::{DateTime, Utc};
use freehold_model::run::JobKind;
use freehold_model::{OrderId, RunId};

use crate::run::{kind_word, signed};
use crate::{Result, Tx};

/// An order of a run.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OrderRow {
    /// Content.
    pub envelope: Vec<u8>,
    /// The version of its place.
    pub turn: i32,
}

/// An order to be added.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id.
    pub id: OrderId,
    /// What it orders.
    pub kind: JobKind,
    /// The version of its place.
    pub turn: u32,
    /// Content.
    pub envelope: Vec<u8>,
    /// When it was signed.
    pub at: DateTime<Utc>,
}

/// What an idempotency key was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotent {
    /// The digest of the request.
    pub request: Vec<u8>,
    /// The id of what it made: a run or a card.
    pub made: uuid::Uuid,
}

impl Tx {
    /// Adds an order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn order_insert(
        &mut self,
        id: OrderId,
        run: RunId,
        kind: JobKind,
        turn: u32,
        envelope: &[u8],
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO orders (tenant_id, id, run_id, kind, turn, envelope, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(run.uuid())
        .bind(kind_word(kind))
        .bind(signed(turn))
        .bind(envelope)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Of each of these runs the order of its kind for the latest turn, and of that turn the latest.
    /// Turns count, clocks may step back. In no order, and none for a run without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn orders_latest(
        &mut self,
        wanted: &[(RunId, JobKind)],
    ) -> Result<Vec<(RunId, OrderRow)>> {
        let runs: Vec<uuid::Uuid> = wanted.iter().map(|(run, _)| run.uuid()).collect();
        let kinds: Vec<&str> = wanted.iter().map(|(_, kind)| kind_word(*kind)).collect();
        let rows: Vec<(uuid::Uuid, Vec<u8>, i32)> = sqlx::query_as(
            "SELECT wanted.run, o.envelope, o.turn
             FROM unnest($2::uuid[], $3::text[]) AS wanted (run, kind)
             CROSS JOIN LATERAL (
                 SELECT envelope, turn FROM orders
                 WHERE tenant_id = $1 AND run_id = wanted.run AND kind = wanted.kind
                 ORDER BY turn DESC, id DESC LIMIT 1) o",
        )
        .bind(self.tenant.uuid())
        .bind(runs)
        .bind(kinds)
        .fetch_all(&mut *self.inner)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(run, envelope, turn)| (RunId::from_uuid(run), OrderRow { envelope, turn }))
            .collect())
    }

    /// A run's orders of a kind, first turn first: each envelope with the version of its place.
    /// Of a turn that was signed more than once, the latest. At most `limit` turns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn orders_of_run(
        &mut self,
        run: RunId,
        kind: JobKind,
        limit: i64,
    ) -> Result<Vec<(Vec<u8>, i32)>> {
        Ok(sqlx::query_as(
            "SELECT DISTINCT ON (turn) envelope, turn FROM orders
             WHERE tenant_id = $1 AND run_id = $2 AND kind = $3 ORDER BY turn, id DESC LIMIT $4",
        )
        .bind(self.tenant.uuid())
        .bind(run.uuid())
        .bind(kind_word(kind))
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?)
    }

    /// What a key was used for. Waits for another transaction that is using it now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn idempotency_take(
        &mut self,
        key: &str,
        request: &[u8],
        made: uuid::Uuid,
        at: DateTime<Utc>,
    ) -> Result<Option<Idempotent>> {
        let inserted = sqlx::query(
            "INSERT INTO idempotency (tenant_id, key, request, made, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(self.tenant.uuid())
        .bind(key)
        .bind(request)
        .bind(made)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        if inserted.rows_affected() == 1 {
            return Ok(None);
        }
        let (request, made): (Vec<u8>, uuid::Uuid) = sqlx::query_as(
            "SELECT request, made FROM idempotency WHERE tenant_id = $1 AND key = $2",
        )
        .bind(self.tenant.uuid())
        .bind(key)
        .fetch_one(&mut *self.inner)
        .await?;
        Ok(Some(Idempotent { request, made }))
    }
}
