//! Files in a directory that a less trusted user owns: never follow a link, never wait on a pipe, never read without a bound.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::libc;

use crate::account::Account;
use crate::error::{PostgresError, Result};

/// PostgreSQL's small files (`PG_VERSION`, `postmaster.pid`) are far below this.
const SMALL: u64 = 16 * 1024;

/// The first [`SMALL`] bytes of a regular file; `None` when there is none.
pub(crate) fn read_small(path: &Path) -> io::Result<Option<String>> {
    match open_plain(path) {
        Ok(file) => text(file.take(SMALL)).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The last `limit` bytes of a regular file, or nothing.
pub(crate) fn read_end(path: &Path, limit: u64) -> String {
    let end = || {
        let mut file = open_plain(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(limit)))?;
        text(file.take(limit))
    };
    end().unwrap_or_default()
}

/// Puts a file of the server's own, mode 0600, in place of whatever has that name.
pub(crate) fn replace(dir: &Path, name: &str, content: &str, account: &Account) -> Result<()> {
    let path = dir.join(name);
    let temporary = dir.join(format!(".{name}.new"));
    let write = || {
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(content.as_bytes())?;
        own(&file, account)?;
        file.sync_data()?;
        fs::rename(&temporary, &path)
    };
    write().map_err(PostgresError::io("write", path.clone()))
}

/// Makes `dir` (and not its parents) for the server alone. It must not exist.
pub(crate) fn make_private_dir(dir: &Path, account: &Account) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(dir)?;
    own(&File::open(dir)?, account)
}

/// Removes a tree. That there is none is fine.
pub(crate) fn remove_tree(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(PostgresError::io("remove", dir)(e)),
        _ => Ok(()),
    }
}

/// `path` with a suffix on its last component.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn own(file: &File, account: &Account) -> io::Result<()> {
    match account.ids() {
        Some((uid, gid)) => fchown(file, Some(uid.as_raw()), Some(gid.as_raw())),
        None => Ok(()),
    }
}

fn open_plain(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(file)
}

fn text(mut from: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_pipes_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::write(&target, "15\n").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();

        assert_eq!(read_small(&target).unwrap().as_deref(), Some("15\n"));
        assert_eq!(read_small(&dir.path().join("none")).unwrap(), None);
        assert!(read_small(&link).is_err());
        assert!(read_small(&pipe).is_err());
        assert_eq!(read_end(&target, 2), "5\n");
        assert_eq!(read_end(&link, 2), "");
    }

    #[test]
    fn a_link_in_the_place_of_a_file_is_replaced_and_its_target_kept() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::write(&target, "mine").unwrap();
        for name in ["pg_hba.conf", ".pg_hba.conf.new"] {
            std::os::unix::fs::symlink(&target, dir.path().join(name)).unwrap();
        }
        replace(
            dir.path(),
            "pg_hba.conf",
            "local",
            &Account::resolve(None, None).unwrap(),
        )
        .unwrap();

        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
        assert_eq!(
            read_small(&dir.path().join("pg_hba.conf"))
                .unwrap()
                .as_deref(),
            Some("local")
        );
    }
}
