//! What a child says, in a file that stays small.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A log that has grown to this is put aside; one old log is kept.
const FILE_MAX: u64 = 8 * 1024 * 1024;
/// What is kept in memory, for the error of a child that did not start.
const TAIL: usize = 4 * 1024;

/// A child's log. Clones write to the same file.
#[derive(Debug, Clone)]
pub(super) struct Log {
    path: PathBuf,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    size: u64,
    tail: VecDeque<u8>,
}

impl Log {
    /// A fresh log at `path`; the one before is kept beside it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let inner = Inner {
            file: fresh(path)?,
            size: 0,
            tail: VecDeque::new(),
        };
        Ok(Self {
            path: path.to_owned(),
            inner: Arc::new(Mutex::new(inner)),
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes everything that comes until the other end is closed.
    pub(super) async fn take(self, mut from: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 8 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            // A full disk must not stop the child: what cannot be written is lost, and read on.
            let _ = self.write(&buffer[..count]);
        }
    }

    /// Adds a line of our own.
    pub(super) fn note(&self, line: &str) {
        // As above: what cannot be written is lost.
        let _ = self.write(format!("{line}\n").as_bytes());
    }

    /// Forgets the end of what an earlier child said.
    pub(super) fn begin(&self) {
        self.inner().tail.clear();
    }

    /// The end of what the present child said.
    pub(super) fn tail(&self) -> String {
        let tail: Vec<u8> = self.inner().tail.iter().copied().collect();
        String::from_utf8_lossy(&tail).into_owned()
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        inner.tail.extend(bytes);
        let over = inner.tail.len().saturating_sub(TAIL);
        inner.tail.drain(..over);
        if inner.size >= FILE_MAX {
            inner.file = fresh(&self.path)?;
            inner.size = 0;
        }
        inner.size += bytes.len() as u64;
        inner.file.write_all(bytes)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fresh(path: &Path) -> io::Result<File> {
    match fs::rename(path, path.with_extension("old.log")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_that_never_ends_keeps_its_end_and_stays_small() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log/server.log");
        let log = Log::open(&path).unwrap();
        let much = vec![b'x'; usize::try_from(FILE_MAX).unwrap() * 5 / 2];
        log.clone().take(&much[..]).await;
        log.clone().take(&b"the end"[..]).await;
        assert!(log.tail().ends_with("xthe end") && log.tail().len() <= TAIL);
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        assert!(size(&path) + size(&path.with_extension("old.log")) < FILE_MAX * 2 + 16 * 1024);
        assert_eq!(fs::read_dir(home.path().join("log")).unwrap().count(), 2);
    }
}
