//! A scripted model: speaks the real protocols, plays a script, says that it is one.
//!
//! The bundled demo runs against it, and so do the tests: an agent that works here talks to a real endpoint in the same
//! words. It answers Anthropic Messages, OpenAI Chat Completions and Responses, Ollama and Gemini, streaming and not.
//!
//! A [`Script`] is a list of turns; a turn is text, tool calls and faults. Which turn is next is read from the request
//! alone, because a request carries its whole conversation: any number of runs share one server, and none takes a turn
//! from another. Tool calls are written once (`shell`, `read_file`, `write_file`, `edit_file`, `list_files`) and become
//! whichever tool the client offered for it.
//!
//! It never pretends: the model is called [`MODEL`], ids begin with `scripted`, and every answer carries the header
//! [`HEADER`].
//!
//! To add a protocol: one file in `dialect/` that implements `Dialect`, one route in `routes.rs`, one test.

mod ask;
mod demo;
mod dialect;
mod play;
mod record;
mod routes;
mod script;
mod server;
mod speech;
mod tools;

pub use record::Recorded;
pub use script::{Fault, Script, ScriptError, Step, ToolCall, Turn, When};
pub use server::{Handle, Listen, ScriptedModel, StartError};

/// The name under which the scripted model answers, in every protocol.
pub const MODEL: &str = "scripted";

/// Present, with the value `1`, on every response of a scripted model.
pub const HEADER: &str = "x-freehold-scripted";
