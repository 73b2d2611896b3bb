//! Whether the database is the one that it was. A counter in it only rises; what a server has seen of
//! it, it keeps in a file of its own. A database that shows less is an older one.

use freehold_model::LineageId;
use freehold_model::lineage::Position;
use sqlx::{Postgres, Transaction};

use crate::{Result, Store, StoreError, Tx};

/// A database's line of history, and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// How far it has come, and on which line.
    pub at: Position,
    /// The line that this one goes on from.
    pub before: Option<LineageId>,
    /// It was put back, and its live runs have still to be marked.
    pub is_put_back: bool,
}

#[derive(sqlx::FromRow)]
pub(crate) struct Raw {
    id: uuid::Uuid,
    before: Option<uuid::Uuid>,
    seq: i64,
    at_xid: i64,
    put_back: bool,
}

impl Raw {
    pub(crate) fn lineage(self) -> Result<Lineage> {
        let seq = u64::try_from(self.seq).map_err(|_| StoreError::Inconsistent {
            table: "lineage",
            what: format!("{} is negative", self.seq),
        })?;
        Ok(Lineage {
            at: Position {
                line: LineageId::from_uuid(self.id),
                seq,
                mark: self.at_xid,
            },
            before: self.before.map(LineageId::from_uuid),
            is_put_back: self.put_back,
        })
    }
}

impl Store {
    /// The line, as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lineage(&self) -> Result<Lineage> {
        let raw: Raw = sqlx::query_as("SELECT * FROM lineage")
            .fetch_one(&self.pool)
            .await?;
        raw.lineage()
    }

    /// Raises the counter if anybody has written anything since it was raised last, so that an
    /// installation at rest writes nothing; gives what it is now, durably.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lineage_advance(&self) -> Result<Lineage> {
        sqlx::query(
            "UPDATE lineage SET seq = seq + 1, at_xid = pg_current_xact_id()::text::bigint
             WHERE at_xid + 1 <> pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
        )
        .execute(&self.pool)
        .await?;
        self.lineage().await
    }

    /// Begins another line, because a person says that the database shall be used as it is now. Its
    /// live runs have to be marked after that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lineage_begin(&self, id: LineageId) -> Result<()> {
        sqlx::query("UPDATE lineage SET before = id, id = $1, seq = seq + 1, put_back = true")
            .bind(id.uuid())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The right to mark live runs, where that has still to be done: one server at a time has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn putting_back(&self) -> Result<Option<PuttingBack>> {
        let mut tx = self.pool.begin().await?;
        let raw: Option<bool> =
            sqlx::query_scalar("SELECT put_back FROM lineage WHERE put_back FOR UPDATE")
                .fetch_optional(&mut *tx)
                .await?;
        Ok(raw.map(|_| PuttingBack { tx }))
    }
}

/// See [`Store::putting_back`]. Dropped before [`PuttingBack::done`] it leaves all to the next one.
#[derive(Debug)]
pub struct PuttingBack {
    tx: Transaction<'static, Postgres>,
}

impl PuttingBack {
    /// Every live run is marked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn done(mut self) -> Result<()> {
        sqlx::query("UPDATE lineage SET put_back = false")
            .execute(&mut *self.tx)
            .await?;
        Ok(self.tx.commit().await?)
    }
}

impl Tx {
    /// The line that the database is on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lineage_line(&mut self) -> Result<LineageId> {
        let id = sqlx::query_scalar("SELECT id FROM lineage")
            .fetch_one(&mut *self.inner)
            .await?;
        Ok(LineageId::from_uuid(id))
    }
}
