//! The gateway in front of real servers: the scripted model, and raw sockets that misbehave.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod faults;
mod passing;
mod ping;
mod support;
mod usage;
