//! Real git against real remotes: bare repositories on disk and `git http-backend`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod broker;
mod clone;
mod dates;
mod fence;
mod host;
mod hostile;
mod http;
mod import;
mod lfs;
mod lost;
mod named;
mod remote;
mod review;
mod sealed;
mod serve;
mod shape;
mod stage;
mod store;
mod workspace;
mod world;
