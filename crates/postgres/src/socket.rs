//! Where the socket lives. A socket's path has room for 107 bytes (`unix(7)`), a data directory's for more.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{PostgresError, Result};
use crate::files::make_private_dir;
use crate::options::PORT;

/// `sun_path` without its final NUL.
const LONGEST: usize = 107;
/// The socket's directory inside the data directory, which the server takes relative to it.
const INSIDE: &str = "socket";

/// A directory that only the server's user and root can enter.
#[derive(Clone, Debug)]
pub(crate) struct SocketDir {
    /// For clients.
    pub(crate) path: PathBuf,
    /// For `unix_socket_directories`.
    pub(crate) argument: String,
    /// Outside the data directory: removed at the end.
    pub(crate) outside: bool,
}

impl SocketDir {
    pub(crate) fn prepare(data: &Path, runtime: Option<&Path>, account: &Account) -> Result<Self> {
        let inside = data.join(INSIDE);
        let (path, argument, outside) = if fits(&inside) {
            (inside, INSIDE.to_owned(), false)
        } else {
            let path = short(data, runtime, account)?;
            let argument = path.to_string_lossy().into_owned();
            (path, argument, true)
        };
        match make_private_dir(&path, account) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => check(&path, account)?,
            other => other.map_err(PostgresError::io("make", &path))?,
        }
        Ok(Self {
            path,
            argument,
            outside,
        })
    }

    /// Whether a socket in `dir` is one of the server of `data`.
    pub(crate) fn is_of(data: &Path, dir: &Path) -> bool {
        let named = short_name(data).ok();
        dir == data.join(INSIDE) || named.is_some_and(|name| dir.ends_with(name))
    }

    pub(crate) fn remove(&self) {
        if self.outside {
            drop(fs::remove_dir_all(&self.path));
        }
    }

    /// `postgres:///DATABASE?host=…`, every byte of the path that is not plain escaped.
    pub(crate) fn url(&self, database: &str, role: &str) -> String {
        use std::fmt::Write;
        use std::os::unix::ffi::OsStrExt;
        let mut url = format!("postgres:///{database}?host=");
        for byte in self.path.as_os_str().as_bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
                url.push(char::from(*byte));
            } else {
                let _ = write!(url, "%{byte:02X}");
            }
        }
        let _ = write!(url, "&port={PORT}&user={role}");
        url
    }
}

/// The path must also be UTF-8, for it goes into an URL, and free of commas, which separate hosts for `libpq`.
fn fits(dir: &Path) -> bool {
    let name = format!("/.s.PGSQL.{PORT}");
    dir.to_str()
        .is_some_and(|dir| dir.len() + name.len() <= LONGEST && !dir.contains(','))
}

/// A name from the data directory's inode: short, the same at the next start, and no one else's.
fn short(data: &Path, runtime: Option<&Path>, account: &Account) -> Result<PathBuf> {
    let name = short_name(data).map_err(PostgresError::io("look at", data))?;
    let of_user = PathBuf::from(format!("/run/user/{}", account.server.uid));
    let private: Vec<&Path> = if account.change {
        vec![Path::new("/run")]
    } else {
        runtime.into_iter().chain([of_user.as_path()]).collect()
    };
    let ours = nix::unistd::Uid::effective().as_raw();
    let base = private.into_iter().find(|dir| {
        fs::metadata(dir).is_ok_and(|m| m.is_dir() && m.uid() == ours) && fits(&dir.join(&name))
    });
    Ok(base.unwrap_or(Path::new("/tmp")).join(name))
}

fn short_name(data: &Path) -> io::Result<String> {
    let id = fs::metadata(data)?;
    Ok(format!("freehold-pg-{:x}-{:x}", id.dev(), id.ino()))
}

/// `/tmp` is everyone's: what lies there under our name must be ours, and no link.
fn check(path: &Path, account: &Account) -> Result<()> {
    let found = fs::symlink_metadata(path).map_err(PostgresError::io("look at", path))?;
    let private = found.permissions().mode() & 0o077 == 0;
    if found.is_dir() && found.uid() == account.server.uid.as_raw() && private {
        return Ok(());
    }
    let why = io::Error::new(
        io::ErrorKind::PermissionDenied,
        "it belongs to or is open to someone else; remove it",
    );
    Err(PostgresError::io("use", path)(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_up_to_the_last_byte() {
        let room = LONGEST - "/.s.PGSQL.5432".len();
        assert!(fits(Path::new(&"a".repeat(room))));
        assert!(!fits(Path::new(&"a".repeat(room + 1))));
        assert!(!fits(Path::new("/a,b")));
    }

    #[test]
    fn an_url_escapes_the_path() {
        let dir = SocketDir {
            path: "/data dir/é&x".into(),
            argument: String::new(),
            outside: false,
        };
        assert_eq!(
            dir.url("freehold", "me"),
            "postgres:///freehold?host=%2Fdata%20dir%2F%C3%A9%26x&port=5432&user=me"
        );
    }

    #[test]
    fn a_directory_of_someone_else_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let account = Account::resolve(None, None).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        assert!(check(&link, &account).is_err());
        assert!(check(Path::new("/"), &account).is_err() || account.server.uid.is_root());
    }
}
