//! A data directory of a test's own, and `psql` as any user.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use freehold_postgres::{Options, Postgres, Search, find_binaries, start};
use nix::unistd::{Gid, Uid, User};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Nothing here takes seconds; a busy machine may.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) data: PathBuf,
}

impl Place {
    /// Two closed directories above the data, as under a home of root's.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data/postgres");
        Self { dir, data }
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            durable: false,
            ..Options::new(&self.data)
        }
    }

    pub(crate) async fn start(&self) -> Postgres {
        start(self.options(), CancellationToken::new())
            .await
            .unwrap()
    }
}

/// Rows as `psql` prints them, unaligned; or its error.
pub(crate) fn query(postgres: &Postgres, role: &str, sql: &str) -> Result<String, String> {
    query_as(None, postgres, role, "freehold", sql)
}

pub(crate) fn query_as(
    user: Option<&User>,
    postgres: &Postgres,
    role: &str,
    database: &str,
    sql: &str,
) -> Result<String, String> {
    let host = postgres.socket_dir().to_str().unwrap();
    let mut command = psql();
    command.args([
        "-XqAt",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        host,
        "-U",
        role,
        "-d",
        database,
        "-c",
        sql,
    ]);
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    answer(command.output().unwrap())
}

fn psql() -> Command {
    // The relocatable binaries have no psql; a Debian major beside them does.
    let search = Search {
        path: Options::new("x").search_path,
        ..Search::default()
    };
    let mut command = Command::new(find_binaries(&search).unwrap().dir.join("psql"));
    command.env_clear().env("LC_ALL", "C").current_dir("/");
    command
}

fn answer(output: Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

pub(crate) fn signal(pid: u32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

pub(crate) fn root() -> bool {
    Uid::effective().is_root()
}

pub(crate) fn user(name: &str) -> User {
    User::from_name(name).unwrap().unwrap()
}

/// Runs one test of this program again in a process of its own, as another user where one is given, with `dir` for its data.
pub(crate) fn again(test: &str, dir: &Path, as_user: Option<&str>) -> Command {
    let program = dir.join("tests");
    if !program.exists() {
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(program);
    command.args([test, "--exact", "--ignored", "--nocapture"]);
    command.env_clear().current_dir("/");
    if let Some(name) = as_user {
        let user = user(name);
        chown(dir, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        drop_to(&mut command, user.uid, user.gid);
    }
    command
}

fn drop_to(command: &mut Command, uid: Uid, gid: Gid) {
    command.uid(uid.as_raw()).gid(gid.as_raw());
}

/// The data directory beside the copy of this program that [`again`] made.
pub(crate) fn given() -> PathBuf {
    std::env::current_exe()
        .unwrap()
        .with_file_name("data")
        .join("postgres")
}
