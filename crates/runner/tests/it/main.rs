//! The runner against a server that speaks its link, real git remotes and real sandboxes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod broker;
mod directory;
mod egress;
mod enrol;
mod execute;
mod kit;
mod land;
mod lfs;
mod limits;
mod link;
mod local;
mod lost;
mod model;
mod output;
mod server;
mod setup;
mod together;
mod unsandboxed;
mod upgrade;
