//! What a driver reports while an agent works.

use crate::config::Session;

/// The pipe that a piece of raw output came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One thing that an agent did or said.
///
/// Every text is bounded (64 KiB, titles 1 KiB) and cut at a character where it is longer; the
/// uncut original is in [`AgentEvent::Output`], which always carries everything.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentEvent {
    /// The agent is there and can be talked to.
    Started {
        /// Its name as it says it.
        agent: Option<String>,
        /// Its version as it says it.
        agent_version: Option<String>,
    },
    /// Raw output as it came: unmodified, complete, in order within its stream.
    Output {
        /// Which pipe.
        stream: Stream,
        /// At most [`crate::OUTPUT_BYTES_MAX`] bytes; may end in the middle of a line or character.
        bytes: Vec<u8>,
    },
    /// A piece of what the agent says to the person; pieces are joined without a separator.
    Message {
        /// The piece.
        text: String,
    },
    /// A piece of what the agent says to itself.
    Thought {
        /// The piece.
        text: String,
    },
    /// A tool call began or changed; the last event with an id is its state.
    ToolCall {
        /// The agent's own id of the call.
        id: String,
        /// What it does, in words for a person.
        title: String,
        /// `read`, `edit`, `delete`, `move`, `search`, `execute`, `think`, `fetch`, `other`, …
        kind: String,
        /// `pending`, `in_progress`, `completed`, `failed`.
        status: String,
        /// The paths that it touches, as the agent names them; at most 32.
        paths: Vec<String>,
    },
    /// The agent's plan, whole; it replaces the one before.
    Plan {
        /// At most 100 entries.
        entries: Vec<PlanEntry>,
    },
    /// The agent asked for a permission; it was answered by policy.
    Permission {
        /// What it wants to do.
        title: String,
        /// The kinds of answers that it offered, such as `allow_once`.
        options: Vec<String>,
        /// The kind that was given; `cancelled` where none fits or the run is being cancelled.
        answered: String,
    },
    /// What the turn has used so far.
    Usage(Usage),
    /// The conversation has this name: keep it with the run.
    Session(Session),
}

/// One line of an agent's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanEntry {
    /// What is to be done.
    pub content: String,
    /// `pending`, `in_progress` or `completed`.
    pub status: String,
}

/// Tokens, as the agent counts them; zero where it does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens sent to the model, cached ones among them.
    pub input_tokens: u64,
    /// Tokens that the model wrote.
    pub output_tokens: u64,
    /// How much of the model's window is in use.
    pub context_tokens: u64,
    /// The size of the model's window.
    pub context_tokens_max: u64,
}

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The agent says that it is done, or its program exited with 0.
    Done,
    /// The model refused.
    Refused,
    /// The model's output or window was used up.
    MaxTokens,
    /// The agent's own bound of model calls in one turn was reached.
    MaxTurns,
    /// The caller cancelled it.
    Cancelled,
    /// A program of the `command` driver ended otherwise than with 0.
    Exited {
        /// Its exit code, if it exited.
        code: Option<i32>,
        /// The signal that ended it, if one did.
        signal: Option<i32>,
    },
}

/// How a turn went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why it ended.
    pub stop: Stop,
    /// The conversation, if the agent can go on with it.
    pub session: Option<Session>,
    /// What it used, if the agent says.
    pub usage: Option<Usage>,
}

/// The most of one text in an event.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The most of a title.
pub(crate) const TITLE_BYTES_MAX: usize = 1024;

/// Cuts at a character so that at most `max` bytes stay.
pub(crate) fn bounded(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
