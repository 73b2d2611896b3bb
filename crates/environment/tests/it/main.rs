//! The rooms of the environment against the real thing: sockets, package clients, sandboxes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cache;
mod egress;
mod end_to_end;
mod hostile;
mod kit;
mod log_ins;
mod policy;
mod registries;
mod socks;
mod way_out;
