//! One supervisor per data directory, and who it is.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use tokio::time::Instant;

use crate::error::{PostgresError, Result};
use crate::files::{beside, read_small};
use crate::options::POLL;
use crate::procfs::Identity;

/// From a fork to the check of its parent, on a machine that does much else.
const FORKED_CHILD_ENDS: Duration = Duration::from_secs(5);

/// Held until dropped; the kernel drops it for a process that is killed. The file lies outside the data directory, so the
/// server's user cannot forge the record in it.
#[derive(Debug)]
pub(crate) struct Lock {
    file: Flock<std::fs::File>,
    path: PathBuf,
}

/// What a supervisor wrote down: itself, and the server it started.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) supervisor: Option<i32>,
    pub(crate) server: Option<Identity>,
}

enum Taken {
    Ours(Lock, Record),
    Held(Record),
}

impl Lock {
    /// Takes the lock of `data`, and returns what the last holder left in it.
    ///
    /// A child that a killed holder had forked and not yet made into another program holds the lock for some moments more:
    /// it is waited for, unless the holder lives.
    pub(crate) async fn take(data: &Path) -> Result<(Self, Record)> {
        let deadline = Instant::now() + FORKED_CHILD_ENDS;
        loop {
            match Self::try_take(data)? {
                Taken::Ours(lock, left) => return Ok((lock, left)),
                Taken::Held(holder) if holder.lives() || Instant::now() > deadline => {
                    let (data, holder) = (data.to_owned(), holder.holder());
                    return Err(PostgresError::InUse { data, holder });
                }
                Taken::Held(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    fn try_take(data: &Path) -> Result<Taken> {
        let path = beside(data, ".lock");
        let io = |action| PostgresError::io(action, path.clone());
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let file = options.open(&path).map_err(io("open"))?;
        let left = read_small(&path).map_err(io("read"))?;
        let left = left.as_deref().map(Record::parse).unwrap_or_default();
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => {
                let mut lock = Self { file, path };
                lock.record(left.server.as_ref())?;
                Ok(Taken::Ours(lock, left))
            }
            Err((_, Errno::EWOULDBLOCK)) => Ok(Taken::Held(left)),
            Err((_, e)) => Err(io("lock")(e.into())),
        }
    }

    /// Writes down who we are and what we started.
    pub(crate) fn record(&mut self, server: Option<&Identity>) -> Result<()> {
        let text = Record {
            supervisor: Some(std::process::id().cast_signed()),
            server: server.cloned(),
        }
        .text();
        let file: &mut std::fs::File = &mut self.file;
        let write = || {
            file.seek(SeekFrom::Start(0))?;
            file.set_len(0)?;
            file.write_all(text.as_bytes())
        };
        let mut write = write;
        write().map_err(PostgresError::io("write", self.path.clone()))
    }
}

impl Record {
    fn parse(text: &str) -> Self {
        let mut words = text.split_ascii_whitespace();
        let supervisor = words.next().and_then(|w| w.parse().ok());
        let server = (|| {
            let pid = words.next()?.parse().ok()?;
            Some(Identity {
                pid,
                start: words.next()?.parse().ok()?,
                boot: words.next()?.to_owned(),
            })
        })();
        Self { supervisor, server }
    }

    fn text(&self) -> String {
        let supervisor = self.supervisor.unwrap_or_default();
        match &self.server {
            Some(s) => format!("{supervisor} {} {} {}\n", s.pid, s.start, s.boot),
            None => format!("{supervisor}\n"),
        }
    }

    fn lives(&self) -> bool {
        self.supervisor
            .is_some_and(|pid| Identity::of(pid).is_some())
    }

    fn holder(&self) -> String {
        match self.supervisor {
            Some(pid) => format!("another `freehold up` (process {pid})"),
            None => "another `freehold up`".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_a_torn_one_names_no_server() {
        let server = Identity {
            pid: 7,
            start: 99,
            boot: "b-1".into(),
        };
        let record = Record {
            supervisor: Some(5),
            server: Some(server),
        };
        assert_eq!(Record::parse(&record.text()), record);
        assert_eq!(Record::parse("5 7 9").server, None);
        assert_eq!(Record::parse(""), Record::default());
    }

    #[tokio::test]
    async fn the_second_taker_hears_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("postgres");
        let held = Lock::take(&data).await.unwrap();
        let error = Lock::take(&data).await.unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        drop(held);
        Lock::take(&data).await.unwrap();
    }
}
