//! Agent drivers and presets: plans how an agent is started and speaks with it. Knows nothing of runs.
//!
//! An agent is always **one process inside the sandbox**, whatever the driver. The caller does three
//! things: [`plan`] turns a configuration into a [`Launch`] (a pure function); the caller starts it
//! with `freehold_sandbox`; [`drive`] holds one conversation turn with it over its pipes and reports
//! what it does as [`AgentEvent`]s.
//!
//! * [`Driver::Command`]: any program. Exit 0 is done.
//! * [`Driver::Acp`]: the [Agent Client Protocol](https://agentclientprotocol.com), version 1.
//! * [`Driver::Builtin`]: our own loop, [`builtin::main`], run inside as a program like any other.
//!
//! A [`Preset`] knows one agent of the field: how it is pointed at a model endpoint, isolated from
//! its user's own settings, asked for its version, and where it keeps the conversation.
//!
//! **What the agent holds.** The address of the runner's gateway and a token that is worth something
//! only there and only during this run. Never a provider's key.
#![cfg(target_os = "linux")]

mod acp;
pub mod builtin;
mod config;
mod discover;
mod drive;
mod error;
mod event;
#[doc(hidden)]
pub mod fuzzing;
pub mod mcp;
mod plan;
mod preset;
mod tools;

pub use config::{AgentConfig, Driver, Endpoint, ProviderKind, Session, Token, Turn};
pub use discover::{Installation, discover, discover_for};
pub use drive::{OUTPUT_BYTES_MAX, drive};
pub use error::AgentError;
pub use event::{AgentEvent, Outcome, PlanEntry, Stop, Stream, Usage};
pub use plan::{Helper, HomeFile, Inside, Launch, plan};
pub use preset::Preset;
