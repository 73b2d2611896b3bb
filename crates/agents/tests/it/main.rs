//! Agents in the real sandbox: any program, a misbehaving one, our own, and the field's.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the directory of the installed agents is a variable"
)]

mod acp;
mod builtin;
mod command;
mod kit;
mod mcp;
mod plan;
mod real;
