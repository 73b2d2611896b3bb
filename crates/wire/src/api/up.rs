//! What `freehold up --json` prints.

use serde::{Deserialize, Serialize};

/// What `freehold up --json` prints when it is ready, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Up {
    /// Where the API is.
    pub url: String,
    /// The owner's token.
    pub token: String,
    /// A link that signs one browser in, once.
    pub sign_in: String,
    /// The supervisor's process.
    pub pid: u32,
    /// The processes that it keeps alive.
    pub pids: UpPids,
}

/// The processes of `freehold up`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpPids {
    /// The server.
    pub server: u32,
    /// The runner.
    pub runner: u32,
    /// PostgreSQL's first process.
    pub postgres: u32,
}
