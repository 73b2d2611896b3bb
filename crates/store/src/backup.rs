//! What a backup needs to know of a database: one snapshot of it, seen as its owner.

use std::collections::BTreeMap;

use freehold_model::BlobId;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};

use crate::{Lineage, Result, StoreError};

/// Rows of each table.
pub type Counts = BTreeMap<String, u64>;

/// How long a statement may wait for a lock: a migration that is under way ends sooner, or fails.
const LOCK_TIMEOUT: &str = "10s";

/// A row of `blobs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotBlob {
    /// Its id.
    pub id: BlobId,
    /// Its size, as the row says.
    pub size: u64,
}

/// One instant of a database. All that is asked of it, and a dump that is given its name while it is
/// open, see the same rows.
#[derive(Debug)]
pub struct Snapshot {
    connection: PgConnection,
    name: String,
}

impl Snapshot {
    /// Opens one, connected as the owner of the schema, who may read every tenant's rows here and
    /// write nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(owner: &str) -> Result<Self> {
        let options: PgConnectOptions = owner.parse()?;
        let options = options
            .application_name("freehold-backup")
            .options([("lock_timeout", LOCK_TIMEOUT), ("app.backup", "on")]);
        let mut connection = PgConnection::connect_with(&options).await?;
        connection
            .execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        let name = sqlx::query_scalar("SELECT pg_export_snapshot()")
            .fetch_one(&mut connection)
            .await?;
        Ok(Self { connection, name })
    }

    /// Its name, for other sessions.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server's major version.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn major(&mut self) -> Result<u32> {
        let number: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
            .fetch_one(&mut self.connection)
            .await?;
        Ok(u32::try_from(number / 10_000).unwrap_or(0))
    }

    /// The version of the schema: its last step.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn schema(&mut self) -> Result<i64> {
        let version = sqlx::query_scalar(
            "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success",
        )
        .fetch_one(&mut self.connection)
        .await?;
        Ok(version)
    }

    /// The line of history.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lineage(&mut self) -> Result<Lineage> {
        let raw: crate::lineage::Raw = sqlx::query_as("SELECT * FROM lineage")
            .fetch_one(&mut self.connection)
            .await?;
        raw.lineage()
    }

    /// Which content the rows of blobs are of; none where no server has served yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn content(&mut self) -> Result<Option<uuid::Uuid>> {
        Ok(sqlx::query_scalar("SELECT id FROM content_store")
            .fetch_optional(&mut self.connection)
            .await?)
    }

    /// The roles that something here names: owners, and whom policies and grants are for. A dump names
    /// them too. Without those that every server has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn roles(&mut self) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar(
            "SELECT DISTINCT pg_get_userbyid(refobjid)::text FROM pg_shdepend
             WHERE refclassid = 'pg_authid'::regclass
               AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
             ORDER BY 1",
        )
        .fetch_all(&mut self.connection)
        .await?)
    }

    /// How many rows each table has. The rows are read: a table that is damaged is found here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&mut self) -> Result<Counts> {
        // A table cannot be a parameter, so the database writes each statement itself.
        let rows: Vec<(String, Option<i64>)> = sqlx::query_as(
            "SELECT c.relname::text, substring(query_to_xml(
                    format('SELECT count(*) AS n FROM %I.%I', n.nspname, c.relname), false, true, ''
                )::text FROM '<n>([0-9]+)</n>')::bigint
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1",
        )
        .fetch_all(&mut self.connection)
        .await?;
        rows.into_iter()
            .map(|(table, count)| {
                let count = count.and_then(|count| u64::try_from(count).ok());
                count
                    .map(|count| (table, count))
                    .ok_or_else(|| StoreError::Inconsistent {
                        table: "pg_class",
                        what: "a table cannot be counted".into(),
                    })
            })
            .collect()
    }

    /// Every blob that a row names. Blobs are durable before their rows and never changed, so all of
    /// them are there for as long as nobody deletes runs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn blobs(&mut self) -> Result<Vec<SnapshotBlob>> {
        let rows: Vec<(uuid::Uuid, i64)> = sqlx::query_as("SELECT id, size FROM blobs ORDER BY id")
            .fetch_all(&mut self.connection)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, size)| SnapshotBlob {
                id: BlobId::from_uuid(id),
                size: u64::try_from(size).unwrap_or(0),
            })
            .collect())
    }

    /// Lets it go.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }
}
