//! What the parts of `up` share: addresses, roles to start, and who runs.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::Utc;
use freehold_runner::Identity;
use freehold_wire::api::{EnrolToken, UpPids};
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::child::Role;
use super::lock::{Holder, Lock};
use super::log::Log;
use crate::client::target::Target;
use crate::client::{Client, Route};
use crate::environment::Secret;
use crate::failure::{Exit, Failure};
use crate::print::{Printer, safe};
use crate::roles::data::Data;
use crate::words::{AuditKeepWords, Keep};

/// Shared by all that `up` does.
pub(super) type State = Arc<Shared>;

/// Which process.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pid {
    Server,
    Runner,
    Postgres,
}

/// See the module.
pub(super) struct Shared {
    pub(super) data: Data,
    pub(super) printer: Printer,
    /// How PostgreSQL is started.
    pub(super) postgres: freehold_postgres::Options,
    /// Tells all that stop to stop faster.
    pub(super) hurry: CancellationToken,
    /// What was started again, and why.
    pub(super) log: Log,
    pub(super) server_log: Log,
    pub(super) runner_log: Log,
    pub(super) lock: Lock,
    /// A person says that an older database shall be used: now, and not when the server is started again.
    pub(super) accepts_older: AtomicBool,
    /// How long what happened in runs is kept.
    pub(super) keep_events: Keep,
    /// How long the audit log is kept.
    pub(super) keep_audit: AuditKeepWords,
    /// Where the server was asked to listen.
    pub(super) listen: SocketAddr,
    /// Where it listens, as a link and as an address.
    pub(super) serves: OnceLock<(String, SocketAddr)>,
    pub(super) pids: Mutex<UpPids>,
}

impl Shared {
    /// Where the server listens; the port is the same in its next life.
    pub(super) fn address(&self) -> SocketAddr {
        self.serves
            .get()
            .map_or(self.listen, |(_, address)| *address)
    }

    /// The server as a process. It gets no environment: it needs none of what is in ours.
    pub(super) fn server_role(&self, listen: SocketAddr) -> Role {
        let mut args: Vec<OsString> = vec![
            "server".into(),
            "--data".into(),
            self.data.root().into(),
            "--listen".into(),
            listen.to_string().into(),
            "--keep-events".into(),
            self.keep_events.to_string().into(),
            "--keep-audit".into(),
            self.keep_audit.keep_audit.to_string().into(),
            "--keep-audit-reading".into(),
            self.keep_audit.keep_audit_reading.to_string().into(),
            // One person's machine: whoever comes in has a link of theirs.
            "--registration".into(),
            "closed".into(),
            "--webhooks-to-loopback".into(),
        ];
        if self.accepts_older.swap(false, Ordering::Relaxed) {
            args.push("--accept-older-database".into());
        }
        Role {
            name: "server",
            args,
            environment: false,
            input: None,
        }
    }

    /// The runner as a process, with a token while it is nobody yet. It gets our environment:
    /// providers' keys, and what package clients are configured by.
    pub(super) async fn runner_role(&self) -> Result<Role, Failure> {
        let data = self.data.runner();
        let input = match Identity::load(&data) {
            Ok(_) => None,
            Err(_) => Some(self.enrol_token().await?),
        };
        let mut args = vec![
            "runner".into(),
            "serve".into(),
            "--server".into(),
            format!("http://{}", self.address()).into(),
            "--data".into(),
            data.into(),
            "--consent".into(),
            self.data.consent().into(),
        ];
        if input.is_some() {
            args.extend(["--token-file".into(), "-".into()]);
        }
        Ok(Role {
            name: "runner",
            args,
            environment: true,
            input,
        })
    }

    async fn enrol_token(&self) -> Result<String, Failure> {
        let route = Route::to("runners").then("tokens");
        let token: EnrolToken = self.client()?.post(&route, &()).await?;
        Ok(token.token)
    }

    /// Speaks to the server as the owner.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let url = Url::parse(&format!("http://{}", self.address()))
            .map_err(|error| Failure::unreachable(error.to_string(), "see `--listen`"))?;
        Client::new(&Target {
            url,
            loopback: true,
            token: Secret(self.token()?),
        })
    }

    /// The owner's token.
    pub(super) fn token(&self) -> Result<String, Failure> {
        let client = self.data.client()?.ok_or_else(|| {
            let message = "the server left no client.json";
            Failure::new(Exit::Failed, "start", message, "start `freehold up` again")
        })?;
        Ok(client.token)
    }

    /// Who runs now.
    pub(super) fn pids(&self) -> UpPids {
        let pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        pids.clone()
    }

    /// Remembers who runs now, and writes it down for others.
    pub(super) fn set_pid(&self, which: Pid, pid: u32) {
        {
            let mut pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
            match which {
                Pid::Server => pids.server = pid,
                Pid::Runner => pids.runner = pid,
                Pid::Postgres => pids.postgres = pid,
            }
        }
        let holder = Holder {
            pid: std::process::id(),
            url: self.serves.get().map(|(url, _)| url.clone()),
            pids: Some(self.pids()),
        };
        // For people's information; nothing depends on it.
        let _ = self.lock.write(&holder);
    }

    /// Tells a person that something ended that should not have.
    pub(super) fn note(&self, what: &str, failure: &Failure) {
        let line = format!("{what}: {}; starting it again", failure.message);
        let line = safe::line(&line);
        self.log
            .note(&format!("{} {line}", Utc::now().to_rfc3339()));
        self.printer.progress(&line);
    }
}
