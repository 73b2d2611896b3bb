//! The sandbox with real processes: what must not work inside (and does outside), what must.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kit;
mod start;
