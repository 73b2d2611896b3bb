//! The real program against a small server that answers with documents of the wire's own
//! types, in a sealed home with an empty environment.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod access;
mod audit;
mod board;
mod decide;
mod devices;
mod documents;
mod e2e;
mod edits;
mod flows;
mod follow;
mod help;
mod people;
mod program;
mod runs;
mod sandbox;
mod server;
mod up;
mod webhooks;
