//! Freehold's own agent: a loop over a model endpoint, with file and shell tools.
//!
//! It runs inside the sandbox as a program like any other. Its first line of standard input is an
//! [`Opening`] (so the run's token is in no argument, variable or file that the model's tools could
//! read); on standard output it prints a [`report::Report`] a line. The conversation is kept in
//! `HOME/.freehold-agent/transcript.json`, and a reply goes on from there.

mod agent;
pub(crate) mod dialect;
mod http;
pub(crate) mod report;
pub(crate) mod transcript;

use std::io::{self, BufRead, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::config::ProviderKind;
use report::Report;

/// A prompt of 2 MB and what JSON makes of it.
const OPENING_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// All that the built-in agent is told when it starts.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) base_url: String,
    pub(crate) token: String,
    pub(crate) kind: ProviderKind,
    pub(crate) model: String,
    pub(crate) workspace: PathBuf,
    pub(crate) home: PathBuf,
    /// What to say where there is no conversation to go on with.
    pub(crate) prompt: String,
    /// What to say in the conversation `session`, if it is there.
    pub(crate) resumed: Option<Resumed>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Resumed {
    pub(crate) session: String,
    pub(crate) words: String,
}

/// Runs the built-in agent to its end: reads the opening from standard input, reports on standard
/// output. Exits with 0 when the turn is over, with 1 when the model could not be reached or
/// understood, with 2 when it was started in another way.
#[must_use]
pub fn main() -> ExitCode {
    let Some(opening) = read_opening() else {
        report::print(&Report::Failed {
            message: "the built-in agent was started without its opening line; it is started by `freehold`, not by hand".into(),
        });
        return ExitCode::from(2);
    };
    // The endpoint is loopback without TLS; the client library wants a provider all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            report::print(&Report::Failed {
                message: format!("the built-in agent could not start: {error}"),
            });
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(agent::run(opening)) {
        Ok(stop) => {
            report::print(&Report::Ended { stop });
            ExitCode::SUCCESS
        }
        Err(message) => {
            report::print(&Report::Failed { message });
            ExitCode::FAILURE
        }
    }
}

fn read_opening() -> Option<Opening> {
    let mut line = Vec::new();
    io::stdin()
        .lock()
        .take(OPENING_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .ok()?;
    serde_json::from_slice(&line).ok()
}
