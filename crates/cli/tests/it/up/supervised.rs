//! A running `up`, looked at from outside.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::wait;

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits for a condition.
pub(super) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < DEADLINE, "{what} did not happen");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A home with a data directory in it.
pub(super) struct House {
    dir: TempDir,
}

impl House {
    pub(super) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        Self { dir }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The program, in an environment of its own.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freehold"));
        self.seal(&mut command)
            .arg("--data")
            .arg(self.data())
            .args(args);
        command
    }

    pub(super) fn seal<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TERM", "dumb")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
    }

    /// What it prints, which is JSON.
    pub(super) fn json(&self, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {error}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The error that it ends with, which is one line of JSON, and its exit code.
    pub(super) fn error(&self, args: &[&str]) -> (i32, Value) {
        let output = self.command(args).arg("--json").output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let line = text.lines().last().unwrap_or_default();
        let document: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{text}"));
        (output.status.code().unwrap(), document["error"].clone())
    }

    /// `up`, ready.
    pub(super) fn up(&self) -> Supervised<'_> {
        let command = self.command(&["up", "--listen", "127.0.0.1:0", "--json"]);
        let mut up = Supervised::start(self, command);
        let line = up.line();
        up.ready = serde_json::from_str(&line).unwrap_or_else(|_| {
            let mut error = String::new();
            let mut stderr = up.child.stderr.take().unwrap();
            stderr.read_to_string(&mut error).unwrap();
            panic!("`up` said {line:?} and {error}")
        });
        up
    }
}

/// A process that is ended with the test.
pub(super) struct Supervised<'a> {
    house: &'a House,
    pub(super) child: Child,
    output: Option<BufReader<ChildStdout>>,
    /// The line that it said.
    pub(super) ready: Value,
}

impl<'a> Supervised<'a> {
    pub(super) fn start(house: &'a House, mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            house,
            child,
            output: Some(output),
            ready: Value::Null,
        }
    }

    /// The next line on standard output.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        let output = self.output.as_mut().unwrap();
        output.read_line(&mut line).unwrap();
        line
    }

    /// Standard output, for somebody else to read.
    pub(super) fn child_output(&mut self) -> BufReader<ChildStdout> {
        self.output.take().unwrap()
    }

    pub(super) fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    /// Who runs now, as `up` writes it down for others.
    pub(super) fn pid(&self, which: &str) -> u32 {
        until("the lock names the processes", || {
            let text = fs::read_to_string(self.house.data().join("up.lock")).unwrap();
            let holder: Value = serde_json::from_str(&text).ok()?;
            u32::try_from(holder["pids"][which].as_u64()?).ok()
        })
    }

    /// All three.
    pub(super) fn pids(&self) -> [u32; 3] {
        ["server", "runner", "postgres"].map(|which| self.pid(which))
    }

    /// The server's health, if it answers.
    pub(super) fn health(&self) -> Option<Value> {
        let address = self.url().strip_prefix("http://")?;
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let request =
            format!("GET /api/v1/health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// Waits until everything is well.
    pub(super) fn is_well(&self) {
        until("everything is well", || {
            let health = self.health()?;
            (health["database"] == true && health["runners"] == 1).then_some(())
        });
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Ctrl-C; nothing is left.
    pub(super) fn stop(mut self) {
        let pids = self.pids();
        self.signal(Signal::SIGINT);
        assert_eq!(wait(&mut self.child), 0);
        for pid in pids {
            assert!(!is_alive(pid), "{pid} is left");
        }
    }
}

impl Drop for Supervised<'_> {
    fn drop(&mut self) {
        // Its children end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process is there and is more than a remainder that nobody asked for.
pub(super) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}

/// `kill -9`, and it is gone.
pub(super) fn kill_9(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
    until("a killed process is gone", || {
        (!is_alive(pid)).then_some(())
    });
}

/// git in a directory, by a person without settings.
pub(super) fn git(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args([
            "-c",
            "user.name=Ada",
            "-c",
            "user.email=ada@example.invalid",
        ])
        .args(args)
        .current_dir(directory)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}
