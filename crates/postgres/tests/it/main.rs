//! A real PostgreSQL, started, killed, upgraded.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod first;
mod holders;
mod support;
mod upgrade;
