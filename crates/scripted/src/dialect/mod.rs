//! The protocols: each reads a request into an `Ask` and puts an `Answer` into its own words.

mod anthropic;
mod chat;
mod gemini;
mod ollama;
mod responses;

use std::time::Duration;

use serde_json::{Value, json};

pub(crate) use anthropic::Anthropic;
pub(crate) use chat::Chat;
pub(crate) use gemini::Gemini;
pub(crate) use ollama::Ollama;
pub(crate) use responses::Responses;

use crate::ask::Ask;
use crate::play::{Answer, Play};

/// One protocol.
pub(crate) trait Dialect: Sync {
    /// Content type of a streamed answer.
    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }
    /// Reads a request; what is missing or odd in it is left out.
    fn read(&self, body: &Value) -> Ask;
    /// The answer in one piece. Faults and silences are not its business.
    fn whole(&self, reply: &Reply<'_>) -> Value;
    /// The answer as a stream. Ends early where the answer has a fault.
    fn stream(&self, reply: &Reply<'_>) -> Vec<Out>;
    /// The protocol's error object.
    fn error(&self, status: u16, message: &str) -> Value;
}

/// An answer and what its words need besides.
pub(crate) struct Reply<'a> {
    pub(crate) answer: &'a Answer,
    pub(crate) input_tokens: usize,
    /// Silence between two pieces of text.
    pub(crate) pace: Duration,
    /// See [`Ask::stream_usage`].
    pub(crate) stream_usage: bool,
}

impl Reply<'_> {
    fn output_tokens(&self) -> usize {
        self.answer.tokens()
    }

    fn id(&self, prefix: &str) -> String {
        crate::ask::id_at(prefix, self.answer.place, 0)
    }
}

/// What goes over the wire next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Out {
    Bytes(String),
    Wait(Duration),
    /// What was said so far leaves before anything else happens.
    Flush,
    /// The connection is dropped.
    Cut,
}

/// How a protocol words the parts of a stream that differ; `walk` does what is common.
trait Wording {
    fn text(&mut self, at: usize, text: &str) -> Vec<Out>;
    fn call(&mut self, at: usize, id: &str, call: &crate::tools::Call) -> Vec<Out>;
    /// An error after the stream has begun; empty where the protocol knows none.
    fn error(&mut self, status: u16, message: &str, body: Option<&Value>) -> Vec<Out>;
}

/// Words every play of an answer. `false`: a fault ended it, and nothing may follow.
fn walk(answer: &Answer, wording: &mut dyn Wording, out: &mut Vec<Out>) -> bool {
    for (at, play) in answer.plays.iter().enumerate() {
        match play {
            Play::Text(text) => out.extend(wording.text(at, text)),
            Play::Call { id, call } => out.extend(wording.call(at, id, call)),
            Play::Stall(time) => out.push(Out::Wait(*time)),
            Play::Error {
                status,
                message,
                body,
                ..
            } => {
                out.extend(wording.error(*status, message, body.as_ref()));
                return false;
            }
            Play::HangUp => {
                out.extend([Out::Flush, Out::Cut]);
                return false;
            }
            Play::Garbage(text) => {
                out.push(Out::Bytes(text.clone()));
                return false;
            }
        }
    }
    true
}

/// A text in the pieces in which it streams: its words with the space behind each.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(char::is_whitespace)
}

/// Words each piece, with the pace between them.
fn paced<'a>(
    pace: Duration,
    pieces: impl Iterator<Item = &'a str>,
    word: impl FnMut(&'a str) -> Out,
) -> Vec<Out> {
    let mut out = Vec::new();
    for piece in pieces.map(word) {
        if !out.is_empty() && !pace.is_zero() {
            out.push(Out::Wait(pace));
        }
        out.push(piece);
    }
    out
}

/// A named server-sent event whose data carries its name as `type`.
fn event(name: &str, mut data: Value) -> Out {
    if let Some(object) = data.as_object_mut() {
        object.insert("type".into(), json!(name));
    }
    Out::Bytes(format!("event: {name}\ndata: {data}\n\n"))
}

/// A nameless server-sent event.
fn data(value: &Value) -> Out {
    Out::Bytes(format!("data: {value}\n\n"))
}
