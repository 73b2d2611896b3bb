//! What the built-in agent prints, a line of JSON each.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(crate) enum Report {
    Started {
        version: String,
        session: String,
    },
    Message {
        text: String,
    },
    Tool {
        id: String,
        title: String,
        kind: String,
        status: String,
        paths: Vec<String>,
    },
    Usage {
        input_tokens: u64,
        output_tokens: u64,
        context_tokens: u64,
    },
    Ended {
        stop: Ended,
    },
    Failed {
        message: String,
    },
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ended {
    Done,
    Refused,
    MaxTokens,
    MaxTurns,
}

/// Prints a line. Nobody left to read it means that nobody wants the rest either.
pub(super) fn print(report: &Report) {
    let mut out = io::stdout().lock();
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}
