//! What can go wrong between planning an agent and hearing its last word.

use std::io;

use freehold_sandbox::SandboxError;

/// Why an agent could not be planned, or did not finish its turn.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The configuration cannot work; nothing was started.
    #[error("{what}; {next}")]
    Config {
        /// What is wrong.
        what: String,
        /// What to do about it.
        next: String,
    },
    /// The process ended before it had finished its turn.
    #[error(
        "the agent ended before it was done: {how} while {step}{}; see the run's logs",
        quoted(stderr)
    )]
    Died {
        /// Its exit code or signal, in words.
        how: String,
        /// What it was doing for us.
        step: &'static str,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// What the agent said is not the protocol it was to speak.
    #[error(
        "the agent does not speak its protocol: {what}{}; check that its command starts it in the right mode",
        quoted(stderr)
    )]
    Protocol {
        /// What was wrong, with the beginning of the line.
        what: String,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// The agent did not answer in time and was ended.
    #[error(
        "the agent did not answer within {seconds} s while {step}{}; see the run's logs",
        quoted(stderr)
    )]
    Timeout {
        /// What it was to do.
        step: &'static str,
        /// The bound.
        seconds: u64,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// The agent answered a request with an error.
    #[error(
        "the agent refused while {step}: {message} (code {code}){}",
        quoted(stderr)
    )]
    Answered {
        /// What it was to do.
        step: &'static str,
        /// The code of its JSON-RPC error.
        code: i64,
        /// The message of its error, and of its data.
        message: String,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// The agent could not get an answer from its model.
    #[error("{message}")]
    Model {
        /// What happened and what to do, in full sentences.
        message: String,
    },
    /// The process could not be followed.
    #[error("the agent's process could not be followed")]
    Sandbox(#[from] SandboxError),
    /// A pipe of the process failed.
    #[error("the agent's {pipe} could not be read")]
    Pipe {
        /// Which one.
        pipe: &'static str,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
    /// Nobody takes the events any more; the process was ended.
    #[error("nobody listens to the agent any more, so it was ended")]
    Unheard,
}

impl AgentError {
    pub(crate) fn config(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Config {
            what: what.into(),
            next: next.into(),
        }
    }
}

/// The tail of standard error as a clause, or nothing.
fn quoted(stderr: &str) -> String {
    let text = stderr.trim();
    if text.is_empty() {
        String::new()
    } else {
        format!("; it wrote: {text}")
    }
}
