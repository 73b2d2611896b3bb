//! Running the programs: one to its end, the server until it is ready.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::binaries::Binaries;
use crate::error::{PostgresError, Result};
use crate::files::{read_end, read_small};
use crate::options::{FAST_STOP_LIMIT, IMMEDIATE_STOP_LIMIT, POLL, PORT, START_LIMIT};
use crate::process::{Exit, Input, Process, Spec};
use crate::socket::SocketDir;

/// How much of a log an error shows.
const SHOWN_LOG: u64 = 2 * 1024;

/// The inherited directory's path as the child sees it. The server's user may then not be able to enter the directory's
/// parents, which are the caller's own.
pub(crate) fn inherited(directory: &File) -> String {
    format!("/proc/self/fd/{}", directory.as_raw_fd())
}

/// Runs a program to its end.
pub(crate) async fn run(spec: Spec, limit: Duration, cancel: &CancellationToken) -> Result<()> {
    let program = spec
        .program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let start = PostgresError::io("start", spec.program.clone());
    let mut process = Process::spawn(spec).await.map_err(start)?;
    let outcome = tokio::select! {
        exit = process.wait() => {
            if exit.success() {
                return Ok(());
            }
            exit.to_string()
        }
        () = cancel.cancelled() => {
            end(&mut process, Signal::SIGTERM, IMMEDIATE_STOP_LIMIT).await;
            return Err(PostgresError::Cancelled);
        }
        () = tokio::time::sleep(limit) => {
            end(&mut process, Signal::SIGTERM, IMMEDIATE_STOP_LIMIT).await;
            format!("no end after {} s", limit.as_secs())
        }
    };
    let words = process.words();
    Err(PostgresError::Program {
        program,
        outcome,
        next: advice(&words),
        said: said(&words),
    })
}

/// A server to launch.
#[derive(Clone, Copy)]
pub(crate) struct Server<'a> {
    pub(crate) binaries: &'a Binaries,
    pub(crate) account: &'a Account,
    pub(crate) data: &'a Path,
    pub(crate) socket: &'a SocketDir,
    pub(crate) durable: bool,
    /// Another name for `pg_hba.conf` and `pg_ident.conf`, in the data directory.
    pub(crate) admission: Option<(&'a str, &'a str)>,
}

impl Server<'_> {
    /// Spawns the server. It is not ready yet.
    pub(crate) async fn spawn(&self) -> Result<Process> {
        let directory =
            Arc::new(File::open(self.data).map_err(PostgresError::io("open", self.data))?);
        let program = self.binaries.dir.join("postgres");
        let spec = Spec {
            program: program.clone(),
            args: self.arguments(&inherited(&directory)),
            ids: self.account.ids(),
            directory: Some(directory),
            env: None,
            input: Input::Nothing,
            output: None,
            farewell: Signal::SIGINT,
        };
        Process::spawn(spec)
            .await
            .map_err(PostgresError::io("start", program))
    }

    /// Waits until it accepts connections, which it writes into its pid file for `pg_ctl` to see.
    pub(crate) async fn ready(
        &self,
        process: &mut Process,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        let outcome = loop {
            let pid_file = read_small(&self.data.join("postmaster.pid"))
                .ok()
                .flatten()
                .unwrap_or_default();
            if is_ready(&pid_file, process.pid().as_raw()) {
                return Ok(());
            }
            tokio::select! {
                exit = process.wait() => break exit.to_string(),
                () = cancel.cancelled() => {
                    stop(process).await;
                    return Err(PostgresError::Cancelled);
                }
                () = tokio::time::sleep(POLL) => {}
            }
            if Instant::now() > deadline {
                stop(process).await;
                break format!("not ready after {} s", START_LIMIT.as_secs());
            }
        };
        let log = self.data.join("log");
        let words = [process.words(), newest_log(&log)].join("\n");
        Err(PostgresError::NotStarted {
            outcome,
            said: said(&words),
            log,
        })
    }

    /// What may not be changed by the configuration file: who reaches the server, and whether an answer is durable.
    fn arguments(&self, data: &str) -> Vec<OsString> {
        let mut settings = vec![
            "listen_addresses=".to_owned(),
            format!("unix_socket_directories={}", self.socket.argument),
            "unix_socket_permissions=0700".to_owned(),
            format!("port={PORT}"),
            "cluster_name=freehold".to_owned(),
            "logging_collector=on".to_owned(),
            "log_directory=log".to_owned(),
        ];
        let (hba, ident) = self.admission.unwrap_or(("pg_hba.conf", "pg_ident.conf"));
        settings.push(format!("hba_file={data}/{hba}"));
        settings.push(format!("ident_file={data}/{ident}"));
        let durability = ["fsync", "synchronous_commit", "full_page_writes"];
        let value = if self.durable { "on" } else { "off" };
        settings.extend(durability.map(|name| format!("{name}={value}")));
        let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
        for setting in settings {
            arguments.extend(["-c".into(), setting.into()]);
        }
        arguments
    }
}

/// Fast, then immediate, then killed, each with its limit. Returns when it has ended.
pub(crate) async fn stop(process: &mut Process) -> Exit {
    if let Some(exit) = end(process, Signal::SIGINT, FAST_STOP_LIMIT).await {
        return exit;
    }
    tracing::warn!(
        pid = process.pid().as_raw(),
        "PostgreSQL did not stop in time; stopping at once, it recovers at its next start"
    );
    if let Some(exit) = end(process, Signal::SIGQUIT, IMMEDIATE_STOP_LIMIT).await {
        return exit;
    }
    process.signal(Signal::SIGKILL);
    process.wait().await
}

async fn end(process: &mut Process, signal: Signal, limit: Duration) -> Option<Exit> {
    process.signal(signal);
    let exit = process.wait_within(limit).await;
    if exit.is_none() && signal == Signal::SIGTERM {
        process.signal(Signal::SIGKILL);
        return Some(process.wait().await);
    }
    exit
}

/// Line 1 of `postmaster.pid` is the process, line 8 its status (`miscadmin.h`, `LOCK_FILE_LINE_PM_STATUS`).
fn is_ready(pid_file: &str, pid: i32) -> bool {
    let mut lines = pid_file.lines();
    lines.next().and_then(|l| l.trim().parse().ok()) == Some(pid)
        && lines.nth(6).is_some_and(|l| l.trim() == "ready")
}

fn newest_log(dir: &Path) -> String {
    let logs = fs::read_dir(dir)
        .map(|entries| entries.flatten().collect::<Vec<_>>())
        .unwrap_or_default();
    let newest = logs
        .into_iter()
        .max_by_key(|e| e.metadata().and_then(|m| m.modified()).ok());
    newest
        .map(|e| read_end(&e.path(), SHOWN_LOG))
        .unwrap_or_default()
}

/// The lines that say why; without such a line, the last ones.
fn said(words: &str) -> String {
    const LINES: usize = 6;
    let lines: Vec<&str> = words
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let mut telling: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|l| {
            ["FATAL", "PANIC", "ERROR", "error:", "HINT"]
                .iter()
                .any(|w| l.contains(w))
        })
        .collect();
    if telling.is_empty() {
        telling = lines;
    }
    let start = telling.len().saturating_sub(LINES);
    match telling.get(start..) {
        Some([]) | None => String::new(),
        Some(last) => format!(": {}", last.join("; ")),
    }
}

fn advice(words: &str) -> String {
    let next = if words.contains("No space left on device") {
        ". The disk is full: free some space, then start again"
    } else if words.contains("Permission denied") {
        ". PostgreSQL's user must be able to read its binaries and write its data directory"
    } else {
        ""
    };
    next.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_this_server_and_not_the_one_before() {
        let file = "42\n/data\n1795233229\n5432\nsocket\n\n 10010832         6\nready   \n";
        assert!(is_ready(file, 42));
        assert!(!is_ready(file, 43));
        assert!(!is_ready(&file.replace("ready   ", "starting"), 42));
        assert!(!is_ready("42\n", 42));
    }

    #[test]
    fn an_error_shows_the_lines_that_say_why() {
        let words =
            "LOG:  starting\nFATAL:  could not write: No space left on device\nLOG:  shut down\n";
        assert_eq!(
            said(words),
            ": FATAL:  could not write: No space left on device"
        );
        assert!(advice(words).contains("disk is full"));
        assert_eq!(said("a\n\nb\n"), ": a; b");
        assert_eq!(said(""), "");
    }
}
