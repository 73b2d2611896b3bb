//! What a crash left: servers that still run, pid files of servers that do not, directories half made.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use crate::account::Account;
use crate::cluster::major_of;
use crate::error::{PostgresError, Result};
use crate::files::{beside, read_small, remove_tree};
use crate::options::{FAST_STOP_LIMIT, IMMEDIATE_STOP_LIMIT, POLL, PORT};
use crate::procfs::{Identity, servers_in};

/// A server whose supervisor died is told so by the kernel, and backends notice that their server died: both leave by themselves.
const LEAVES_BY_ITSELF: Duration = Duration::from_secs(5);

/// Ends the server that an earlier supervisor left in `data`, and only that one. The caller holds the lock.
pub(crate) async fn clear(data: &Path, left: Option<&Identity>) -> Result<()> {
    let ours = left.filter(|server| server.lives() && servers_in(data).contains(server));
    if let Some(server) = ours {
        tracing::info!(
            pid = server.pid,
            "stopping the PostgreSQL that an earlier process left"
        );
        for (signal, limit) in [
            (Signal::SIGINT, FAST_STOP_LIMIT),
            (Signal::SIGQUIT, IMMEDIATE_STOP_LIMIT),
            (Signal::SIGKILL, IMMEDIATE_STOP_LIMIT),
        ] {
            if server.lives() {
                let _ = kill(Pid::from_raw(server.pid), signal); // It may have ended since.
            }
            if within(limit, || !server.lives()).await {
                break;
            }
        }
    }
    if !within(LEAVES_BY_ITSELF, || servers_in(data).is_empty()).await {
        end_orphans(data, left).await;
        let holders = servers_in(data);
        let Some(holder) = holders.iter().map(|s| s.pid).min() else {
            return Ok(());
        };
        // Not started by us, as far as the record goes: a person's `pg_ctl start`, perhaps. Theirs to stop.
        let holder = format!("a PostgreSQL that Freehold did not start (process {holder})");
        return Err(PostgresError::InUse {
            data: data.to_owned(),
            holder,
        });
    }
    remove_stale(data)
}

/// Ends backends that a busy statement keeps from noticing that their server is dead. They are its own when the pid file still
/// names it: no other server has started here since.
async fn end_orphans(data: &Path, left: Option<&Identity>) {
    let pid_file = read_small(&data.join("postmaster.pid"))
        .ok()
        .flatten()
        .unwrap_or_default();
    let named = pid_file
        .lines()
        .next()
        .and_then(|line| line.trim().parse::<i32>().ok());
    if !left.is_some_and(|server| !server.lives() && named == Some(server.pid)) {
        return;
    }
    end_all(data).await;
}

/// For a directory of our own naming, where no one's server runs but what an earlier start of ours left.
async fn end_all(dir: &Path) {
    for server in servers_in(dir) {
        let _ = kill(Pid::from_raw(server.pid), Signal::SIGKILL);
    }
    within(IMMEDIATE_STOP_LIMIT, || servers_in(dir).is_empty()).await;
}

/// No server runs here, so its pid file and socket are stale, whoever has that process id now. PostgreSQL itself would
/// refuse to start when the id belongs to another process of its user.
fn remove_stale(data: &Path) -> Result<()> {
    let socket = format!("socket/.s.PGSQL.{PORT}");
    for name in [
        "postmaster.pid".to_owned(),
        format!("{socket}.lock"),
        socket,
    ] {
        let path = data.join(name);
        match fs::remove_file(&path) {
            Err(e)
                if !matches!(
                    e.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(PostgresError::io("remove", path)(e));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes what was half made, and completes an upgrade that was interrupted after its exchange.
pub(crate) async fn settle(data: &Path, account: &Account) -> Result<()> {
    let making = beside(data, ".new");
    end_all(&making).await;
    remove_tree(&making)?;
    let upgrade = beside(data, ".upgrade");
    let Some(left) = major_of(&upgrade, account)? else {
        return remove_tree(&upgrade);
    };
    end_all(&upgrade).await;
    match major_of(data, account)? {
        // The exchange has happened: what lies here is the old data.
        Some(current) if current > left => set_aside(&upgrade, data, left).map(drop),
        _ => remove_tree(&upgrade),
    }
}

/// Puts `fresh` in the place of `data` in one step, and keeps what was there. Returns where.
pub(crate) fn exchange(fresh: &Path, data: &Path, old_major: u32) -> Result<std::path::PathBuf> {
    renameat2(
        AT_FDCWD,
        fresh,
        AT_FDCWD,
        data,
        RenameFlags::RENAME_EXCHANGE,
    )
    .map_err(|e| {
        PostgresError::io("exchange the old data directory for the new one at", data)(e.into())
    })?;
    set_aside(fresh, data, old_major)
}

fn set_aside(old: &Path, data: &Path, major: u32) -> Result<std::path::PathBuf> {
    let names = std::iter::once(format!(".{major}.bak"))
        .chain((2..=99).map(|n| format!(".{major}.bak{n}")));
    for name in names {
        let backup = beside(data, &name);
        match renameat2(
            AT_FDCWD,
            old,
            AT_FDCWD,
            &backup,
            RenameFlags::RENAME_NOREPLACE,
        ) {
            Ok(()) => return Ok(backup),
            Err(nix::errno::Errno::EEXIST) => {}
            Err(e) => return Err(PostgresError::io("keep the old data at", backup)(e.into())),
        }
    }
    let full = io::Error::new(
        io::ErrorKind::AlreadyExists,
        "there are 99 older backups beside it; remove some",
    );
    Err(PostgresError::io("keep the old data beside", data)(full))
}

async fn within(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let mut account = Account::resolve(None, None).unwrap();
        account.server.uid = nix::unistd::Uid::effective();
        account
    }

    fn directory(path: &Path, major: &str) {
        fs::create_dir(path).unwrap();
        fs::write(path.join("PG_VERSION"), major).unwrap();
    }

    #[tokio::test]
    async fn an_upgrade_cut_short_before_its_exchange_is_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("postgres");
        directory(&data, "15");
        directory(&beside(&data, ".upgrade"), "17");
        directory(&beside(&data, ".new"), "17");
        settle(&data, &account()).await.unwrap();
        assert_eq!(major_of(&data, &account()).unwrap(), Some(15));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn an_upgrade_cut_short_after_its_exchange_keeps_the_old_data() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("postgres");
        directory(&data, "17");
        directory(&beside(&data, ".upgrade"), "15");
        directory(&beside(&data, ".15.bak"), "15");
        settle(&data, &account()).await.unwrap();
        assert_eq!(major_of(&data, &account()).unwrap(), Some(17));
        assert_eq!(
            major_of(&beside(&data, ".15.bak2"), &account()).unwrap(),
            Some(15)
        );
    }

    #[test]
    fn an_exchange_is_one_step_and_keeps_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("postgres");
        directory(&data, "15");
        let fresh = beside(&data, ".upgrade");
        directory(&fresh, "17");
        let backup = exchange(&fresh, &data, 15).unwrap();
        assert_eq!(backup, beside(&data, ".15.bak"));
        assert_eq!(major_of(&data, &account()).unwrap(), Some(17));
        assert_eq!(major_of(&backup, &account()).unwrap(), Some(15));
        assert!(!fresh.exists());
    }
}
