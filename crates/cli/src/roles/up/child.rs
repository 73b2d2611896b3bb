//! The program itself, started again in another role.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child as Process, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::log::Log;
use crate::failure::{Exit, Failure};

/// A ready line has two short values.
const READY_MAX: u64 = 16 * 1024;
/// After a child's end its last words are in the pipe already.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Lines of a log that an error shows.
const SHOWN_LINES: usize = 5;

/// What to start.
#[derive(Debug, Clone)]
pub(super) struct Role {
    /// What people call it.
    pub(super) name: &'static str,
    /// The words after the program's name.
    pub(super) args: Vec<OsString>,
    /// Whether it gets our environment; else it gets none.
    pub(super) environment: bool,
    /// What it reads on standard input; shorter than a pipe's buffer.
    pub(super) input: Option<String>,
}

/// A child. Dropping it kills it; so does the kernel when this process dies.
#[derive(Debug)]
pub(super) struct Child {
    name: &'static str,
    process: Process,
    pid: u32,
    output: Option<ChildStdout>,
    log: Log,
    logging: JoinHandle<()>,
}

#[derive(Deserialize)]
struct Said {
    error: SaidFailure,
}

#[derive(Deserialize)]
struct SaidFailure {
    code: String,
    message: String,
    next: String,
}

impl Child {
    /// Starts it, in a process group of its own: a Ctrl-C at the terminal is for us alone.
    ///
    /// To be called on the main thread, which lives as long as the process: see
    /// [`crate::roles::process::end_with`].
    pub(super) async fn start(role: Role, log: &Log) -> Result<Self, Failure> {
        let name = role.name;
        log.begin();
        let mut process = command(&role).spawn().map_err(|error| {
            let message = format!("the {name} cannot be started: {error}");
            Failure::new(Exit::Failed, "start", message, "see `freehold doctor`")
        })?;
        let pid = process.id().unwrap_or_default();
        if let (Some(mut stdin), Some(input)) = (process.stdin.take(), role.input) {
            // One that ended at once is seen by whoever waits for it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = process.stdout.take();
        let said = process.stderr.take();
        let logging = tokio::spawn({
            let log = log.clone();
            async move {
                if let Some(said) = said {
                    log.take(said).await;
                }
            }
        });
        Ok(Self {
            name,
            process,
            pid,
            output,
            log: log.clone(),
            logging,
        })
    }

    /// Its process.
    pub(super) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the one line that it prints when it is ready.
    ///
    /// # Errors
    /// What it said, when it ended before; the end of its log, when it never said anything.
    pub(super) async fn ready<T: DeserializeOwned>(
        &mut self,
        limit: Duration,
    ) -> Result<T, Failure> {
        let mut line = String::new();
        if let Some(output) = self.output.take() {
            let mut output = BufReader::new(output.take(READY_MAX));
            if timeout(limit, output.read_line(&mut line)).await.is_err() {
                let what = format!("was not ready within {} s", limit.as_secs());
                return Err(self.failure(&what));
            }
        }
        if let Ok(ready) = serde_json::from_str(&line) {
            return Ok(ready);
        }
        let how = timeout(LAST_WORDS, self.wait()).await;
        let how = how.unwrap_or_else(|_| "did not say that it is ready".to_owned());
        Err(self.failure(&how))
    }

    /// How it ended, in words. Cancel safe.
    pub(super) async fn wait(&mut self) -> String {
        let status = self.process.wait().await;
        let _ = timeout(LAST_WORDS, &mut self.logging).await;
        match status {
            Ok(status) => ended(status),
            Err(error) => format!("was lost ({error})"),
        }
    }

    /// Asks it to end and waits; past the limit it is killed, and `hurry` may ask it again.
    pub(super) async fn stop(mut self, limit: Duration, hurry: impl Future<Output = Duration>) {
        self.signal(Signal::SIGTERM);
        let within = tokio::select! {
            _ = self.process.wait() => return,
            () = tokio::time::sleep(limit) => Duration::ZERO,
            within = hurry => within,
        };
        self.signal(Signal::SIGTERM);
        if timeout(within, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }

    fn signal(&self, signal: Signal) {
        // `id` is `None` once it is reaped: until then the number is its own.
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Its own words where it said any; else how it ended and the end of its log.
    pub(super) fn failure(&self, how: &str) -> Failure {
        let tail = self.log.tail();
        let said = tail
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str::<Said>(line).ok());
        if let Some(Said { error }) = said {
            return Failure::new(Exit::Failed, &error.code, error.message, error.next);
        }
        let lines: Vec<&str> = tail.lines().collect();
        let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        let said = match last.is_empty() {
            true => String::new(),
            false => format!("; it said:\n{}", last.join("\n")),
        };
        Failure::new(
            Exit::Failed,
            "start",
            format!("the {} {how}{said}", self.name),
            format!("see {}", self.log.path().display()),
        )
    }
}

fn command(role: &Role) -> Command {
    // The running program's own file, even when another was installed in its place meanwhile.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("freehold")
        .args(&role.args)
        .arg("--json")
        .arg("--parent")
        .arg(std::process::id().to_string())
        .stdin(match role.input {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if !role.environment {
        command.env_clear();
    }
    command
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended (exit code {code})"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
