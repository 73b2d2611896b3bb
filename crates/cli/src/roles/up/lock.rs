//! One `up` per data directory, and who it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use freehold_wire::api::UpPids;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::failure::{Exit, Failure};
use crate::roles::data::{self, Data};

/// A killed `up` holds the lock for some moments more: by a thread that is still ending, or by a child that it
/// had forked and not yet made into another program.
const KILLED_ONE_ENDS: Duration = Duration::from_secs(2);
const TRY_AGAIN: Duration = Duration::from_millis(20);
/// A line.
const HOLDER_MAX: u64 = 4 * 1024;

/// Who holds the data directory, as it is written into the lock's file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The process `up`.
    pub(crate) pid: u32,
    /// Where it serves, once it does.
    pub(crate) url: Option<String>,
    /// What it keeps alive, once it does.
    pub(crate) pids: Option<UpPids>,
}

impl Holder {
    /// Whether such a process runs. A killed one that nobody has collected yet holds nothing for long.
    fn lives(&self) -> bool {
        self.pid > 0 && freehold_sandbox::is_alive(self.pid)
    }
}

/// Held until dropped; the kernel drops it for a process that is killed.
#[derive(Debug)]
pub(crate) struct Lock {
    file: Mutex<File>,
    path: PathBuf,
}

enum Taken {
    Ours(File),
    Held(Holder),
}

impl Lock {
    /// Takes the data directory.
    ///
    /// # Errors
    /// Says who holds it, and where they serve.
    pub(crate) async fn take(data: &Data) -> Result<Self, Failure> {
        let path = data.lock();
        let since = Instant::now();
        loop {
            match try_take(&path)? {
                Taken::Ours(file) => {
                    let file = Mutex::new(file);
                    let lock = Self { file, path };
                    lock.write(&Holder {
                        pid: std::process::id(),
                        ..Holder::default()
                    })?;
                    return Ok(lock);
                }
                Taken::Held(holder) if holder.lives() || since.elapsed() > KILLED_ONE_ENDS => {
                    return Err(in_use(data.root(), &holder));
                }
                Taken::Held(_) => tokio::time::sleep(TRY_AGAIN).await,
            }
        }
    }

    /// Writes down who we are now.
    pub(crate) fn write(&self, holder: &Holder) -> Result<(), Failure> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut write = || {
            let text = serde_json::to_vec(holder)?;
            file.rewind()?;
            file.set_len(0)?;
            file.write_all(&text)
        };
        write().map_err(|error| data::failed("written", &self.path, &error))
    }
}

/// Who holds the data directory now; `None` when nobody does.
pub(crate) fn holder(data: &Data) -> Result<Option<Holder>, Failure> {
    if !data.lock().exists() {
        return Ok(None);
    }
    match try_take(&data.lock())? {
        Taken::Ours(_) => Ok(None),
        Taken::Held(holder) => Ok(Some(holder)),
    }
}

fn try_take(path: &Path) -> Result<Taken, Failure> {
    let failed = |error| data::failed("locked", path, &error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Taken::Ours(file)),
        Err(TryLockError::Error(error)) => Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Torn while it is being written: then nobody knows who it is.
            let _ = (&mut file).take(HOLDER_MAX).read_to_string(&mut text);
            Ok(Taken::Held(serde_json::from_str(&text).unwrap_or_default()))
        }
    }
}

fn in_use(root: &Path, holder: &Holder) -> Failure {
    let who = match holder.pid {
        0 => "another `freehold up`".to_owned(),
        pid => format!("another `freehold up` (process {pid})"),
    };
    let at = holder.url.as_ref().map(|url| format!(" at {url}"));
    let at = at.unwrap_or_default();
    Failure::new(
        Exit::Failed,
        "data_in_use",
        format!("{} is held by {who}{at}", root.display()),
        "use that one, or stop it first, or name another data directory with `--data DIR`",
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn the_second_hears_who_is_first_and_where() {
        let home = tempfile::tempdir().unwrap();
        let data = Data::open(home.path()).unwrap();
        assert_eq!(holder(&data).unwrap(), None);
        let lock = Lock::take(&data).await.unwrap();
        let pid = std::process::id();
        let mut said = Holder {
            pid,
            ..Holder::default()
        };
        assert_eq!(holder(&data).unwrap().as_ref(), Some(&said));
        said.url = Some("http://localhost:77".into());
        lock.write(&said).unwrap();
        let failure = Lock::take(&data).await.unwrap_err();
        assert_eq!(failure.code, "data_in_use");
        let who = format!("(process {pid}) at http://localhost:77");
        assert!(failure.message.contains(&who), "{failure}");
        drop(lock);
        Lock::take(&data).await.unwrap();
    }

    #[tokio::test]
    async fn what_a_killed_one_still_holds_is_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let data = Data::open(home.path()).unwrap();
        let lock = Lock::take(&data).await.unwrap();
        // A process that has ended, and that nobody has collected.
        let mut ended = Command::new("true").spawn().unwrap();
        lock.write(&Holder {
            pid: ended.id(),
            ..Holder::default()
        })
        .unwrap();
        while freehold_sandbox::is_alive(ended.id()) {
            tokio::time::sleep(TRY_AGAIN).await;
        }
        let (taken, ()) = tokio::join!(Lock::take(&data), async {
            tokio::time::sleep(5 * TRY_AGAIN).await;
            drop(lock);
        });
        taken.unwrap();
        assert!(ended.wait().unwrap().success());
    }
}
