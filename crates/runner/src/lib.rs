//! The runner: link, orders, execution, landing.
//!
//! ```text
//! server ══ link ══▶ dispatch ──▶ orders (the only door in) ──▶ execute ──▶ stage · setup · agent · collect · check · park
//!            ▲                                             └──▶ land
//!            └── outbox ◀── journal, report ◀──────────────────────┘
//! ```
//!
//! It dials out and opens no TCP port. It acts on nothing but orders that the key it pinned at
//! enrolment has signed, and that the policy file on its own disk allows. What must not be lost is in
//! its SQLite file before it is said; what is claimed is claimed on the client's own git remote.
//!
//! [`Options`] → [`Runner::build`] → [`Runner::run`] → [`Handle`]. [`enrol`] comes first, once.
#![cfg(target_os = "linux")]

mod broker;
mod changes;
mod context;
mod dispatch;
mod enrol;
mod environment;
mod errand;
mod execute;
mod failure;
#[cfg(test)]
mod fakes;
mod follow;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod identity;
mod jobs;
mod journal;
mod land;
mod leftovers;
mod limits;
mod link;
mod machine;
mod memory;
mod options;
mod orders;
mod outbox;
mod places;
mod policy;
mod probe;
mod process;
mod provider;
mod report;
mod runner;
mod surroundings;
mod user;
mod vault;
mod writer;

pub use enrol::{EnrolError, enrol};
pub use errand::{Errand, ErrandError, Prepared};
pub use http::HttpError;
pub use identity::{Identity, IdentityError};
pub use link::{LinkError, Pace};
pub use options::{AgentHelper, DRAIN, Options, RunnerEnv};
pub use outbox::{OUTBOX_MAX, OutboxError};
pub use policy::{check_policy, container_runtime, policy_file, policy_firecracker};
pub use runner::{BuildError, Handle, RunError, Runner, Status};
pub use vault::VaultError;
pub use writer::{DatabaseError, Stopping};
