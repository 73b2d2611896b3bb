//! One turn with a running agent, whatever it speaks.
//!
//! Three things run side by side: two pumps that pass on all output, and the conversation, which
//! reads whole lines from the first pump. The pumps wait for the caller to take each event, so a slow
//! caller makes the agent's pipes fill and the agent wait: nothing is lost and nothing piles up.

mod builtin;
mod ending;
mod headless;
mod pump;
mod writer;

use freehold_sandbox::{Child, Exit};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::acp;
use crate::config::{Session, Turn};
use crate::error::AgentError;
use crate::event::{AgentEvent, Outcome, Stop, Stream};
use crate::plan::{Launch, Speech};

pub use pump::OUTPUT_BYTES_MAX;
pub(crate) use pump::{Line, Lines};
pub(crate) use writer::Writer;

/// What went wrong in a conversation; [`drive`] adds how the process ended and what it wrote.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The output ended in the middle of it.
    Ended { step: &'static str },
    /// Something that is not the protocol.
    Nonsense { what: String },
    /// No answer in time.
    Timeout { step: &'static str, seconds: u64 },
    /// An error for an answer.
    Answered {
        step: &'static str,
        code: i64,
        message: String,
    },
    /// The built-in agent's own account of its failure.
    Model { message: String },
    /// Cancelled before there was a turn to cancel.
    Cancelled,
    /// The events' receiver is gone.
    Unheard,
}

/// What a conversation works with.
pub(crate) struct Talk<'a> {
    pub(crate) lines: Lines,
    pub(crate) writer: Writer,
    pub(crate) events: &'a mpsc::Sender<AgentEvent>,
    pub(crate) cancel: &'a CancellationToken,
}

impl Talk<'_> {
    pub(crate) async fn report(&self, event: AgentEvent) -> Result<(), Fault> {
        self.events.send(event).await.map_err(|_| Fault::Unheard)
    }
}

/// Holds one turn with `child`, which was started from `launch`, and ends the process.
///
/// Each event waits until the receiver takes it: the channel's capacity times
/// [`OUTPUT_BYTES_MAX`] is the memory that output can take. The receiver has to be read until
/// `drive` returns, after a cancel too. When `drive` returns, all output was reported, the process
/// and all that it had started are gone.
///
/// On `cancel` the agent is asked to stop, in its protocol and then by `SIGTERM`, and killed after
/// ten seconds each; the outcome is [`Stop::Cancelled`]. There is no timeout on the turn itself: the
/// caller knows what is a stall, and cancels.
///
/// Not cancel-safe: a dropped future leaves the process without readers. Drop the child too.
///
/// # Errors
///
/// [`AgentError`] when the agent died, hung before its turn, spoke nonsense or said that it failed.
/// A program of the `command` driver that exits with another code than 0 is an outcome, not an error.
pub async fn drive(
    launch: &Launch,
    child: &mut Child,
    turn: &Turn,
    resume: Option<&Session>,
    events: &mpsc::Sender<AgentEvent>,
    cancel: &CancellationToken,
) -> Result<Outcome, AgentError> {
    let (line_sender, lines) = pump::lines(!matches!(launch.speech, Speech::Raw { prompt: false }));
    let (writer, writing) = writer::writer(child.stdin.take());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut tail = pump::Tail::default();
    // A pump that cannot report stops the rest: there is nobody to work for.
    let unheard = CancellationToken::new();
    let talk = Talk {
        lines,
        writer,
        events,
        cancel,
    };
    let conversation = async {
        let result = tokio::select! {
            result = converse(launch, child, turn, resume, talk) => result,
            () = unheard.cancelled() => Err(Fault::Unheard),
        };
        let exit = ending::end(child, &result, cancel.is_cancelled()).await;
        (result, exit)
    };
    let ((result, exit), (), out, err) = tokio::join!(
        conversation,
        writing,
        pump::pump(
            stdout,
            Stream::Stdout,
            events,
            &unheard,
            pump::Keep::Lines(line_sender)
        ),
        pump::pump(
            stderr,
            Stream::Stderr,
            events,
            &unheard,
            pump::Keep::Tail(&mut tail)
        ),
    );
    let exit = exit?;
    let outcome = result.map_err(|fault| explain(fault, &exit, tail.text()));
    if let Err(AgentError::Unheard) = outcome {
        return outcome;
    }
    out?;
    err?;
    outcome.or_else(|error| cancelled_anyway(error, cancel))
}

async fn converse(
    launch: &Launch,
    child: &mut Child,
    turn: &Turn,
    resume: Option<&Session>,
    talk: Talk<'_>,
) -> Result<Outcome, Fault> {
    match &launch.speech {
        Speech::Raw { prompt } => headless::converse(*prompt, child, turn, resume, talk).await,
        Speech::Acp { servers } => acp::converse(&launch.cwd, servers, turn, resume, talk).await,
        Speech::Builtin(opening) => builtin::converse(opening, turn, resume, talk).await,
    }
}

fn explain(fault: Fault, exit: &Exit, stderr: String) -> AgentError {
    match fault {
        Fault::Ended { step } => AgentError::Died {
            how: ending::words(exit),
            step,
            stderr,
        },
        Fault::Nonsense { what } => AgentError::Protocol { what, stderr },
        Fault::Timeout { step, seconds } => AgentError::Timeout {
            step,
            seconds,
            stderr,
        },
        Fault::Answered {
            step,
            code,
            message,
        } => AgentError::Answered {
            step,
            code,
            message,
            stderr,
        },
        Fault::Model { message } => AgentError::Model { message },
        Fault::Cancelled => AgentError::Died {
            how: "it was cancelled".into(),
            step: "starting",
            stderr,
        },
        Fault::Unheard => AgentError::Unheard,
    }
}

/// Whatever went wrong after a cancel went wrong because of it.
fn cancelled_anyway(error: AgentError, cancel: &CancellationToken) -> Result<Outcome, AgentError> {
    if cancel.is_cancelled() && !matches!(error, AgentError::Unheard) {
        tracing::debug!(error = %error, "agent failed while it was cancelled");
        return Ok(Outcome {
            stop: Stop::Cancelled,
            session: None,
            usage: None,
        });
    }
    Err(error)
}
