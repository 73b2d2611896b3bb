//! A database into a file and back, with `pg_dump` and `pg_restore`.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;

use crate::binaries::{Search, tools};
use crate::error::{PostgresError, Result};
use crate::files::beside;
use crate::launch::run;
use crate::options::{COPY_LIMIT, Options};
use crate::process::{Input, Spec};
use crate::socket::SocketDir;

/// The name by which the programs find the address in a file that only we can read: a password
/// must stand neither on a command line nor in an environment.
const SERVICE: &str = "freehold";
/// How long a dump waits for a table that somebody changes, in milliseconds.
const LOCK_WAIT: &str = "--lock-wait-timeout=10000";
/// What of an address is passed on, as libpq calls it.
const PARAMETERS: [&str; 12] = [
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "connect_timeout",
    "target_session_attrs",
];

/// Where `pg_dump` and `pg_restore` are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    dir: PathBuf,
}

impl Tools {
    /// The newest on this machine that can read a database of this major. Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`PostgresError::NoTools`] names the package.
    pub fn find(options: &Options, major: u32) -> Result<Self> {
        tools(&Search::from(options))
            .into_iter()
            .filter(|(_, found)| *found >= major)
            .max_by_key(|(_, found)| *found)
            .map(|(dir, _)| Self { dir })
            .ok_or(PostgresError::NoTools { major })
    }
}

/// Whether `url` is the address of the server that [`crate::start`] starts in the data directory `data`,
/// which is named by its real path.
#[must_use]
pub fn is_own(data: &Path, url: &str) -> bool {
    let parts = parameters(url).unwrap_or_default();
    let host = parts.iter().find(|(name, _)| name == "host");
    host.is_some_and(|(_, host)| SocketDir::is_of(data, Path::new(host)))
}

/// Writes the database at `url` into the new file `to`, as the snapshot of that name shows it. The role
/// is subject to row-level security: `setting` is what makes its session see all rows. What a failure
/// leaves of the file is removed.
///
/// # Errors
/// [`PostgresError::Program`] with what `pg_dump` said.
pub async fn dump(
    tools: &Tools,
    url: &str,
    snapshot: &str,
    setting: &str,
    to: &Path,
    cancel: &CancellationToken,
) -> Result<()> {
    let service = Service::write(url, Some(setting), &beside(to, ".service.partial"))?;
    let mut file = OsString::from("--file=");
    file.push(to);
    let args = vec![
        "--format=custom".into(),
        "--no-password".into(),
        "--enable-row-security".into(),
        LOCK_WAIT.into(),
        format!("--snapshot={snapshot}").into(),
        file,
        format!("--dbname=service={SERVICE}").into(),
    ];
    let done = run(service.program(tools, "pg_dump", args), COPY_LIMIT, cancel).await;
    if done.is_err() {
        drop(fs::remove_file(to)); // The first error is the one to tell.
    }
    done
}

/// Reads the file that [`dump`] wrote into the empty database at `url`: all of it or nothing.
///
/// # Errors
/// [`PostgresError::Program`] with what `pg_restore` said.
pub async fn restore(
    tools: &Tools,
    url: &str,
    from: &Path,
    cancel: &CancellationToken,
) -> Result<()> {
    let service = Service::write(url, None, &beside(from, ".service"))?;
    let args = vec![
        "--no-password".into(),
        "--exit-on-error".into(),
        "--single-transaction".into(),
        format!("--dbname=service={SERVICE}").into(),
        from.into(),
    ];
    let spec = service.program(tools, "pg_restore", args);
    run(spec, COPY_LIMIT, cancel).await
}

/// An address in libpq's service file (PGSERVICEFILE); removed when dropped.
struct Service {
    path: PathBuf,
}

impl Service {
    fn write(url: &str, setting: Option<&str>, path: &Path) -> Result<Self> {
        let mut text = format!("[{SERVICE}]\n");
        for (name, value) in parameters(url)? {
            text.push_str(&format!("{name}={value}\n"));
        }
        if let Some(setting) = setting {
            text.push_str(&format!("options=-c {setting}\n"));
        }
        let service = Self {
            path: path.to_owned(),
        };
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(PostgresError::io("write", path))?;
        Ok(service)
    }

    fn program(&self, tools: &Tools, name: &str, args: Vec<OsString>) -> Spec {
        Spec {
            program: tools.dir.join(name),
            args,
            ids: None,
            directory: None,
            env: Some(("PGSERVICEFILE", self.path.clone().into())),
            input: Input::Nothing,
            output: None,
            farewell: Signal::SIGTERM,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// The parts of `postgres://user:password@host:port/database?name=value` by libpq's names.
fn parameters(url: &str) -> Result<Vec<(String, String)>> {
    let bad = |why: &str| PostgresError::Address { why: why.into() };
    let rest = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
        .ok_or_else(|| bad("it does not begin with postgres://"))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let (who, where_) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (host, port) = match where_.rsplit_once(':') {
        // The last colon of an IPv6 address is its own.
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (where_, ""),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut found: Vec<(&str, &str)> = [
        ("user", user),
        ("password", password),
        ("host", host),
        ("port", port),
        ("dbname", database),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect();
    found.extend(query.split('&').filter_map(|pair| pair.split_once('=')));
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in found {
        // The driver's spellings, and what only it knows.
        let name = match name {
            "ssl-mode" => "sslmode",
            "ssl-root-cert" | "ssl-ca" => "sslrootcert",
            "ssl-cert" => "sslcert",
            "ssl-key" => "sslkey",
            other => other,
        };
        if !PARAMETERS.contains(&name) {
            continue;
        }
        let value = decoded(value).ok_or_else(|| bad("a part of it is not escaped rightly"))?;
        if value.contains(['\n', '\r']) {
            return Err(bad("a part of it holds a line break"));
        }
        all.retain(|(known, _)| known != name);
        all.push((name.to_owned(), value));
    }
    Ok(all)
}

/// Percent-decoding (RFC 3986).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> String {
        let pairs = parameters(url).unwrap();
        let pairs: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join(" ")
    }

    #[test]
    fn an_address_is_taken_apart() {
        assert_eq!(
            parsed("postgres:///freehold?host=%2Fdata%20dir&port=5432&user=freehold_owner"),
            "dbname=freehold host=/data dir port=5432 user=freehold_owner"
        );
        assert_eq!(
            parsed(
                "postgresql://ada:p%40ss%3A@db.example:6432/main?ssl-mode=verify-full&statement-cache-capacity=1"
            ),
            "user=ada password=p@ss: host=db.example port=6432 dbname=main sslmode=verify-full"
        );
        assert_eq!(parsed("postgres://u@[::1]/d"), "user=u host=::1 dbname=d");
        assert_eq!(
            parsed("postgres://u@[::1]:7/d"),
            "user=u host=::1 port=7 dbname=d"
        );
    }

    #[test]
    fn an_address_that_would_say_more_in_a_file_is_refused_and_not_shown() {
        for url in [
            "postgres://u:a%0Ahost=evil@h/d",
            "postgres://u:%zz@h/d",
            "mysql://u:secret@h/d",
        ] {
            let error = parameters(url).unwrap_err().to_string();
            assert!(
                !error.contains("secret") && !error.contains("evil"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_address_is_the_clusters_own_by_its_socket_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("postgres");
        fs::create_dir(&data).unwrap();
        let at = |host: &Path| {
            let host = host.to_str().unwrap().replace('/', "%2F");
            is_own(&data, &format!("postgres:///freehold?host={host}&user=me"))
        };
        assert!(at(&data.join("socket")));
        for other in ["other/socket", "postgres/socket/x", "socket", "postgres"] {
            assert!(!at(&dir.path().join(other)), "{other}");
        }
        // Where the path is too long for a socket, the directory's number stands in a name elsewhere.
        use std::os::unix::fs::MetadataExt as _;
        let id = fs::metadata(&data).unwrap();
        let short = |ino| format!("/tmp/freehold-pg-{:x}-{ino:x}", id.dev());
        assert!(at(Path::new(&short(id.ino()))));
        assert!(!at(Path::new(&short(id.ino() + 1))));
        for far in [
            "postgres://me@db.example/freehold",
            "postgres:///freehold",
            "",
        ] {
            assert!(!is_own(&data, far), "{far}");
        }
    }

    #[test]
    fn the_file_with_the_address_is_ours_alone_and_gone_afterwards() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.service");
        let service =
            Service::write("postgres://u:secret@h/d", Some("app.backup=on"), &path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "[freehold]\nuser=u\npassword=secret\nhost=h\ndbname=d\noptions=-c app.backup=on\n"
        );
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(service);
        assert!(!path.exists());
    }
}
