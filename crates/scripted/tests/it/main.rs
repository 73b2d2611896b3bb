//! The scripted model over HTTP, and real agents against it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod agents;
mod conversation;
mod faults;
mod protocols;
mod support;
