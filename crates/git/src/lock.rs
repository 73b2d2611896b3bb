//! The store's lock: shared while git works in it, exclusive while it is made or mended.
//!
//! It is a `flock` on an empty file, and that open file is the standard input of every git process in
//! the store. So the lock lives exactly as long as the last of them, even when the runner itself was
//! killed: whoever gets it exclusively knows that every `*.lock` in the store is a dead one's.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::process::Input;
use crate::{GitError, Result};

/// How often a lock that is held is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// A held lock; released when dropped and when the last process that got it has ended.
#[derive(Debug)]
pub(crate) struct Hold(File);

impl Hold {
    /// Many may hold it at once.
    pub(crate) async fn shared(root: &Path, patience: Duration) -> Result<Self> {
        Self::wait(root, patience, File::try_lock_shared).await
    }

    /// One alone, waiting for the others.
    pub(crate) async fn exclusive(root: &Path, patience: Duration) -> Result<Self> {
        Self::wait(root, patience, File::try_lock).await
    }

    /// One alone, if nobody is there now.
    pub(crate) fn try_exclusive(root: &Path) -> Result<Option<Self>> {
        attempt(root, File::try_lock)
    }

    async fn wait(
        root: &Path,
        patience: Duration,
        take: fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self> {
        let until = Instant::now() + patience;
        loop {
            if let Some(hold) = attempt(root, take)? {
                return Ok(hold);
            }
            if Instant::now() >= until {
                return Err(GitError::Timeout {
                    doing: "waiting for the store's lock",
                    seconds: patience.as_secs(),
                    is_remote: false,
                });
            }
            sleep(RETRY).await;
        }
    }

    /// Standard input for a process that works under this lock: empty, and keeps the lock.
    pub(crate) fn input(&self) -> Result<Input> {
        self.0
            .try_clone()
            .map(Input::File)
            .map_err(GitError::io("sharing the store's lock"))
    }
}

fn attempt(root: &Path, take: fn(&File) -> Result<(), TryLockError>) -> Result<Option<Hold>> {
    let path = root.join("lock");
    // Truncated so that a process that reads its input finds nothing.
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(GitError::io("opening the store's lock"))?;
    match take(&file) {
        Ok(()) => Ok(Some(Hold(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(GitError::Io {
            doing: "locking the store",
            source,
        }),
    }
}

/// Removes what dead processes left in a store that is held exclusively: `*.lock` files, half
/// received packs and our own temporary directory.
pub(crate) fn sweep(_alone: &Hold, root: &Path, repo: &Path) -> Result<()> {
    let io = || GitError::io("clearing the store of dead processes' files");
    for temporary in [root.join("tmp"), repo.join("tmp")] {
        // A base in the making is a mount: it is taken away first.
        crate::workspace::remove_tree(&temporary).map_err(io())?;
    }
    let mut open = vec![repo.to_owned()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries {
            let entry = entry.map_err(io())?;
            let kind = entry.file_type().map_err(io())?;
            if kind.is_dir() && !is_loose_object_dir(&dir, &entry.file_name()) {
                open.push(entry.path());
            } else if kind.is_file() && is_leftover(&entry.path()) {
                std::fs::remove_file(entry.path()).map_err(io())?;
            }
        }
    }
    Ok(())
}

/// `objects/ab`: 256 of them, and git itself ignores what is left over there.
fn is_loose_object_dir(parent: &Path, name: &std::ffi::OsStr) -> bool {
    parent.ends_with("objects") && name.len() == 2
}

fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".lock")
        || name.starts_with("tmp_pack_")
        || name.starts_with("tmp_idx_")
        || name.starts_with("tmp_rev_")
}
