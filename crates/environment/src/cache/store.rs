//! The entries on disk.
//!
//! ```text
//! entries/KEY/{entry.json,work/0…,home/0…}    appears and goes by one rename
//! making/…                                    what is being written or removed
//! locks/KEY                                   shared: in use; exclusive: being evicted
//! locks/making                                shared: somebody writes; exclusive: rubbish is removed
//! used/KEY                                    its time says when the entry was last used
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use freehold_sandbox::as_owner;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::copy::Budget;
use super::folder::Folder;
use super::place::{Placing, gather};
use super::{CacheError, Key};

/// What a cache may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// All entries together; the longest unused go first.
    pub bytes: u64,
    /// One entry.
    pub entry_bytes: u64,
    /// Files and folders of one entry.
    pub entry_files: u64,
}

impl Default for Limits {
    /// 20 GiB; 4 GiB and 500,000 files each: a large `node_modules` has 200,000.
    fn default() -> Self {
        Self {
            bytes: 20 << 30,
            entry_bytes: 4 << 30,
            entry_files: 500_000,
        }
    }
}

/// The two trees of a sandbox that setup writes to, as they lie on the host.
#[derive(Debug, Clone)]
pub struct Places {
    /// The work tree.
    pub work: PathBuf,
    /// `HOME` inside.
    pub home: PathBuf,
}

/// What became of an attempt to keep something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is there now, with this many bytes.
    Kept {
        /// Of plain files.
        bytes: u64,
    },
    /// It was there already, or another process was faster.
    Already,
}

/// What became of an attempt to restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// All of it is in place; setup need not run.
    Yes {
        /// The topmost paths that were put into the work tree: not the agent's work.
        work: Vec<PathBuf>,
    },
    /// No such entry.
    Absent,
    /// Something is already where this path of the entry belongs. Nothing was put in place.
    Occupied(PathBuf),
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    bytes: u64,
    /// The paths, as the bytes that they are.
    work: Vec<Vec<u8>>,
    home: Vec<Vec<u8>>,
}

/// A cache in one folder, which many processes may share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    limits: Limits,
}

impl Cache {
    /// Opens or makes the cache, and removes what a killed process left half-written.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub async fn open(dir: &Path, limits: Limits) -> Result<Self, CacheError> {
        let inner = Arc::new(Inner {
            dir: dir.to_path_buf(),
            limits,
        });
        let cache = Self { inner };
        cache.blocking(|inner| inner.prepare()).await?;
        Ok(cache)
    }

    /// Keeps the `work` and `home` paths (relative, as [`Listing::added`](super::Listing::added) gives
    /// them) of a sandbox whose processes have ended. Afterwards the longest unused entries make room.
    /// Cancelling leaves no entry.
    ///
    /// # Errors
    /// Too big, or the disk; no entry is left.
    pub async fn save(
        &self,
        key: &Key,
        places: &Places,
        work: Vec<PathBuf>,
        home: Vec<PathBuf>,
        cancel: &CancellationToken,
    ) -> Result<Saved, CacheError> {
        let (key, places, cancel) = (key.clone(), places.clone(), cancel.clone());
        self.blocking(move |inner| {
            let saved = inner.save(&key, &places, (&work, &home), &cancel)?;
            inner.evict(&key)?;
            Ok(saved)
        })
        .await
    }

    /// Puts an entry in place, all of it or nothing. Cancelling removes what was put.
    ///
    /// # Errors
    /// The disk; nothing of the entry is left in place.
    pub async fn restore(
        &self,
        key: &Key,
        places: &Places,
        cancel: &CancellationToken,
    ) -> Result<Restored, CacheError> {
        let (key, places, cancel) = (key.clone(), places.clone(), cancel.clone());
        self.blocking(move |inner| inner.restore(&key, &places, &cancel))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, CacheError> + Send + 'static,
    ) -> Result<T, CacheError> {
        let inner = Arc::clone(&self.inner);
        let dir = inner.dir.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| {
            Err(CacheError::Io {
                path: dir,
                source: io::Error::other(error),
            })
        })
    }
}

impl Inner {
    fn prepare(&self) -> Result<(), CacheError> {
        for name in ["entries", "making", "locks", "used"] {
            let path = self.dir.join(name);
            fs::create_dir_all(&path).map_err(CacheError::io(&path))?;
        }
        let making = self.lock_file("making")?;
        if making.try_lock().is_ok() {
            let folder = self.folder("making")?;
            for name in folder.names().map_err(CacheError::io(&self.dir))? {
                folder.remove(&name).map_err(CacheError::io(&self.dir))?;
            }
        }
        Ok(())
    }

    fn folder(&self, name: &str) -> Result<Folder, CacheError> {
        let path = self.dir.join(name);
        Folder::open(&path).map_err(CacheError::io(path))
    }

    fn lock_file(&self, name: &str) -> Result<File, CacheError> {
        let path = self.dir.join("locks").join(name);
        File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(CacheError::io(path))
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.dir.join("entries").join(key.as_str())
    }

    fn touch(&self, key: &Key) -> Result<(), CacheError> {
        let path = self.dir.join("used").join(key.as_str());
        fs::write(&path, b"x").map_err(CacheError::io(path))
    }

    fn save(
        &self,
        key: &Key,
        places: &Places,
        (work, home): (&[PathBuf], &[PathBuf]),
        cancel: &CancellationToken,
    ) -> Result<Saved, CacheError> {
        if self.entry(key).exists() {
            return Ok(Saved::Already);
        }
        let making = self.lock_file("making")?;
        making.lock_shared().map_err(CacheError::io(&self.dir))?;
        // Removed on every way out but the rename.
        let new = tempfile::Builder::new()
            .prefix("new-")
            .tempdir_in(self.dir.join("making"));
        let new = new.map_err(CacheError::io(&self.dir))?;
        let mut budget = Budget {
            max_bytes: self.limits.entry_bytes.min(self.limits.bytes),
            max_files: self.limits.entry_files,
            bytes: 0,
            files: 0,
            cancel,
        };
        gather(&places.work, work, &new.path().join("work"), &mut budget)?;
        gather(&places.home, home, &new.path().join("home"), &mut budget)?;
        let paths = |paths: &[PathBuf]| {
            paths
                .iter()
                .map(|path| path.as_os_str().as_bytes().to_vec())
                .collect()
        };
        let manifest = Manifest {
            bytes: budget.bytes,
            work: paths(work),
            home: paths(home),
        };
        write_manifest(&new.path().join("entry.json"), &manifest)
            .map_err(CacheError::io(new.path()))?;
        self.touch(key)?;
        match fs::rename(new.path(), self.entry(key)) {
            Ok(()) => Ok(Saved::Kept {
                bytes: budget.bytes,
            }),
            Err(_) if self.entry(key).exists() => Ok(Saved::Already),
            Err(error) => Err(CacheError::io(self.entry(key))(error)),
        }
    }

    fn restore(
        &self,
        key: &Key,
        places: &Places,
        cancel: &CancellationToken,
    ) -> Result<Restored, CacheError> {
        // Held until the copy is done, so that no eviction takes it away meanwhile.
        let lock = self.lock_file(key.as_str())?;
        lock.lock_shared().map_err(CacheError::io(&self.dir))?;
        let Some(manifest) = self.manifest(key.as_str()) else {
            return Ok(Restored::Absent);
        };
        let entry = Folder::open(&self.entry(key)).map_err(CacheError::io(self.entry(key)))?;
        let mut placing = Placing::default();
        let mut budget = Budget {
            max_bytes: u64::MAX,
            max_files: u64::MAX,
            bytes: 0,
            files: 0,
            cancel,
        };
        for (part, root, paths) in [
            ("work", &places.work, &manifest.work),
            ("home", &places.home, &manifest.home),
        ] {
            let paths: Vec<PathBuf> = paths
                .iter()
                .map(|path| OsString::from_vec(path.clone()).into())
                .collect();
            let from = entry
                .sub(OsStr::new(part))
                .map_err(CacheError::io(self.entry(key)))?;
            let mut place = || placing.place(&from, root, &paths, &mut budget);
            let placed = match others(root).map_err(CacheError::io(root))? {
                // Root itself makes no files in another's overlay.
                Some(owner) => as_owner(owner, place).map_err(CacheError::io(root))?,
                None => place(),
            };
            if let Some(path) = placed? {
                return Ok(Restored::Occupied(path));
            }
        }
        placing.keep()?;
        self.touch(key)?;
        let work = manifest
            .work
            .into_iter()
            .map(|path| OsString::from_vec(path).into())
            .collect();
        Ok(Restored::Yes { work })
    }

    fn manifest(&self, key: &str) -> Option<Manifest> {
        let text = fs::read(self.dir.join("entries").join(key).join("entry.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Removes the longest unused entries until the rest fits. One that is in use stays.
    fn evict(&self, fresh: &Key) -> Result<(), CacheError> {
        let names = self
            .folder("entries")?
            .names()
            .map_err(CacheError::io(&self.dir))?;
        let mut entries: Vec<_> = names
            .into_iter()
            .filter_map(|name| name.into_string().ok())
            .map(|name| {
                let used = fs::metadata(self.dir.join("used").join(&name))
                    .and_then(|meta| meta.modified())
                    .ok();
                let bytes = self.manifest(&name).map_or(0, |manifest| manifest.bytes);
                (used, name, bytes)
            })
            .collect();
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, _, bytes)| bytes).sum();
        for (_, name, bytes) in entries {
            if total <= self.limits.bytes {
                break;
            }
            if name != fresh.as_str() && self.evict_one(&name)? {
                total -= bytes;
            }
        }
        Ok(())
    }

    fn evict_one(&self, name: &str) -> Result<bool, CacheError> {
        let lock = self.lock_file(name)?;
        if lock.try_lock().is_err() {
            return Ok(false);
        }
        let making = self.lock_file("making")?;
        making.lock_shared().map_err(CacheError::io(&self.dir))?;
        let old = tempfile::Builder::new()
            .prefix("old-")
            .tempdir_in(self.dir.join("making"));
        let old = old.map_err(CacheError::io(&self.dir))?;
        fs::rename(
            self.dir.join("entries").join(name),
            old.path().join("entry"),
        )
        .map_err(CacheError::io(&self.dir))?;
        drop(lock);
        fs::remove_file(self.dir.join("used").join(name)).ok();
        let folder = Folder::open(old.path()).map_err(CacheError::io(&self.dir))?;
        folder
            .remove(OsStr::new("entry"))
            .map_err(CacheError::io(&self.dir))?;
        Ok(true)
    }
}

/// Whose a folder is, where that is another than this process, which is root.
fn others(folder: &Path) -> io::Result<Option<(u32, u32)>> {
    let found = fs::metadata(folder)?;
    let is_others = nix::unistd::geteuid().is_root() && found.uid() != 0;
    Ok(is_others.then(|| (found.uid(), found.gid())))
}

fn write_manifest(path: &Path, manifest: &Manifest) -> io::Result<()> {
    let file = File::create_new(path)?;
    serde_json::to_writer(&file, manifest)?;
    file.sync_all()
}
