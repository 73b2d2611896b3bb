//! A client of the [Agent Client Protocol](https://agentclientprotocol.com), version 1.
//!
//! It offers the agent neither files nor terminals: the agent is inside the sandbox with the
//! workspace and has both itself. Whatever it does not know is answered, or passed over, as the
//! protocol asks: unknown requests get -32601, unknown notifications and updates are ignored.

mod client;
mod prompt;
pub(crate) mod rpc;
pub(crate) mod update;

pub(crate) use prompt::converse;
