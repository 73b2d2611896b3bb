//! Bulk content: sealed blobs under random names. A blob is durable before its row.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use freehold_model::{BlobId, RunId};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::{Result, StoreError, Tx};

/// Largest blob in bytes: it is sealed and opened in memory.
pub const BLOB_MAX: usize = 64 * 1024 * 1024;

/// Where blobs are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
}

impl Blobs {
    /// Blobs in a directory of this machine, which is made if need be.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn directory(path: &Path) -> Result<Self> {
        let failed = |source: std::io::Error| object_store::Error::Generic {
            store: "directory",
            source: Box::new(source),
        };
        std::fs::create_dir_all(path).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(path)?.with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
        })
    }

    /// The name of a blob: nothing but its id.
    #[must_use]
    pub fn path(id: BlobId) -> String {
        let name = id.to_string();
        let fan = &name[name.len() - 2..];
        format!("{fan}/{name}")
    }

    /// Writes a blob; durable when this returns.
    ///
    /// # Errors
    /// Too large, or the directory failed.
    pub async fn put(&self, id: BlobId, bytes: Vec<u8>) -> Result<()> {
        if bytes.len() > BLOB_MAX {
            return Err(StoreError::BlobTooLarge { size: bytes.len() });
        }
        self.store
            .put(&ObjectPath::from(Self::path(id)), bytes.into())
            .await?;
        Ok(())
    }

    /// Reads a blob. `None` when it is not there.
    ///
    /// # Errors
    /// When the directory failed.
    pub async fn get(&self, id: BlobId) -> Result<Option<Vec<u8>>> {
        match self.store.get(&ObjectPath::from(Self::path(id))).await {
            Ok(found) => Ok(Some(found.bytes().await?.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Tx {
    /// Says that a blob is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn blob_insert(
        &mut self,
        id: BlobId,
        run: RunId,
        size: i64,
        at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO blobs (tenant_id, id, run_id, path, size, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.tenant.uuid())
        .bind(id.uuid())
        .bind(run.uuid())
        .bind(Blobs::path(id))
        .bind(size)
        .bind(at)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// The run that a blob of this tenant belongs to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn blob_run(&mut self, id: BlobId) -> Result<Option<RunId>> {
        let run: Option<uuid::Uuid> =
            sqlx::query_scalar("SELECT run_id FROM blobs WHERE tenant_id = $1 AND id = $2")
                .bind(self.tenant.uuid())
                .bind(id.uuid())
                .fetch_optional(&mut *self.inner)
                .await?;
        Ok(run.map(RunId::from_uuid))
    }
}
