//! Bulk content: sealed blobs under random names. A blob is durable before its row.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use freehold_model::{BlobId, RunId};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::bucket::Bucket;
use crate::content::{ContentError, Trouble};
use crate::{Result, StoreError, Tx};

/// Largest blob in bytes: it is sealed and opened in memory.
pub const BLOB_MAX: usize = 64 * 1024 * 1024;
/// The file in a directory whose lock says whether it is one server's or several servers'.
const LOCK: &str = "content.lock";
/// A directory answers within this, or its disk (or the network behind it) does not: below the minute
/// that a request may take, so that whoever waits is told why.
const DIRECTORY_WITHIN: Duration = Duration::from_secs(45);

/// Who writes into a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// This server alone: a second one is refused.
    One,
    /// Several servers that all see one file system.
    Several,
}

/// Where blobs are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    within: Duration,
    /// Locked as long as it is open.
    _lock: Option<Arc<File>>,
}

impl Blobs {
    /// Blobs in a directory of this machine, which is made if need be, and is held until the last clone
    /// is dropped.
    ///
    /// # Errors
    /// When the directory cannot be made or read; [`ContentError::InUse`] when it is another server's.
    pub fn directory(path: &Path, sharing: Sharing) -> Result<Self> {
        let failed = |source: std::io::Error| object_store::Error::Generic {
            store: "directory",
            source: Box::new(source),
        };
        std::fs::create_dir_all(path).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(failed)?;
        let locked = match sharing {
            Sharing::One => lock.try_lock(),
            Sharing::Several => lock.try_lock_shared(),
        };
        match locked {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let path = path.display().to_string();
                return Err(ContentError::InUse { path }.into());
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(failed(error).into()),
        }
        let store = LocalFileSystem::new_with_prefix(path)?.with_fsync(true);
        Ok(Self {
            store: Arc::new(store),
            within: DIRECTORY_WITHIN,
            _lock: Some(Arc::new(lock)),
        })
    }

    /// The blobs of a directory that a server may hold, to be read and not written.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn reading(path: &Path) -> Result<Self> {
        Ok(Self {
            store: Arc::new(LocalFileSystem::new_with_prefix(path)?),
            within: DIRECTORY_WITHIN,
            _lock: None,
        })
    }

    /// Blobs in a bucket that speaks S3. Nothing is asked of it yet: see [`Blobs::prove`].
    ///
    /// # Errors
    /// [`ContentError::Setting`] for an address that cannot be.
    pub fn bucket(bucket: &Bucket) -> Result<Self> {
        let store = PrefixStore::new(bucket.open()?, bucket.prefix());
        Ok(Self {
            store: Arc::new(store),
            within: bucket.patience.whole,
            _lock: None,
        })
    }

    /// The name of a blob: nothing but its id.
    #[must_use]
    pub fn path(id: BlobId) -> String {
        let name = id.to_string();
        let fan = &name[name.len() - 2..];
        format!("{fan}/{name}")
    }

    /// Writes a blob; durable when this returns. Dropped before, it may be there or not, never in part.
    ///
    /// # Errors
    /// Too large, or [`ContentError::Trouble`].
    pub async fn put(&self, id: BlobId, bytes: Vec<u8>) -> Result<()> {
        if bytes.len() > BLOB_MAX {
            return Err(StoreError::BlobTooLarge { size: bytes.len() });
        }
        self.write(&Self::path(id), bytes).await
    }

    /// Reads a blob. `None` when it is not there.
    ///
    /// # Errors
    /// [`ContentError::Trouble`].
    pub async fn get(&self, id: BlobId) -> Result<Option<Vec<u8>>> {
        self.read(&Self::path(id)).await
    }

    /// Writes, reads and deletes something under this name, which nobody else uses: whoever serves says
    /// what is wrong before anything depends on it.
    ///
    /// # Errors
    /// [`ContentError::Trouble`].
    pub async fn prove(&self, name: &str) -> Result<()> {
        let path = format!("proof/{name}");
        self.write(&path, name.as_bytes().to_vec()).await?;
        let read = self.read(&path).await?;
        self.bounded(self.store.delete(&ObjectPath::from(path)))
            .await?;
        if read.as_deref() == Some(name.as_bytes()) {
            return Ok(());
        }
        Err(ContentError::Trouble(Trouble::Forgets, None).into())
    }

    pub(crate) async fn write(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        let path = ObjectPath::from(path);
        self.bounded(self.store.put(&path, bytes.into())).await?;
        Ok(())
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let path = ObjectPath::from(path);
        let reading = async { self.store.get(&path).await?.bytes().await };
        match tokio::time::timeout(self.within, reading).await {
            Err(_) => Err(ContentError::Trouble(Trouble::Silent, None).into()),
            Ok(Ok(bytes)) => Ok(Some(bytes.to_vec())),
            // A bucket that is not there is no blob that is not there.
            Ok(Err(error)) => match Trouble::of(&error) {
                Trouble::Absent => Ok(None),
                trouble => Err(ContentError::Trouble(trouble, Some(error)).into()),
            },
        }
    }

    async fn bounded<T>(&self, work: impl Future<Output = object_store::Result<T>>) -> Result<T> {
        match tokio::time::timeout(self.within, work).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(ContentError::Trouble(Trouble::Silent, None).into()),
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
