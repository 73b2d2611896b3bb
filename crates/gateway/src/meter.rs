//! What a run used, read from the responses as they pass.
//!
//! Nothing is held back for it: lines that mention usage are set aside, and parsed when the response is over. A stream
//! names its usage at the end (Anthropic: the input at the beginning, the output at the end).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::redact::find;

/// Longest line, or whole JSON response, that is looked at; the last event of a Responses stream repeats the whole
/// answer. What is longer passes all the same, uncounted.
const MAX_LOOKED_AT: usize = 8 * 1024 * 1024;

/// What went through a grant so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// Calls that were let through to the upstream.
    pub requests: u64,
    /// Tokens read by the model, cached ones included, as the upstream reports them.
    pub input_tokens: u64,
    /// Tokens written by the model, as the upstream reports them.
    pub output_tokens: u64,
    /// Bytes of request and response bodies.
    pub bytes: u64,
    /// Calls that the upstream failed: not reached, broken off, too slow, or answered with an error status.
    pub errors: u64,
}

/// The counters behind a [`Usage`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) input_tokens: AtomicU64,
    pub(crate) output_tokens: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) errors: AtomicU64,
}

impl Counters {
    pub(crate) fn usage(&self) -> Usage {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Usage {
            requests: read(&self.requests),
            input_tokens: read(&self.input_tokens),
            output_tokens: read(&self.output_tokens),
            bytes: read(&self.bytes),
            errors: read(&self.errors),
        }
    }

    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        // An endpoint may say any number: a sum that wraps would open a budget again.
        counter.update(Ordering::Relaxed, Ordering::Relaxed, |sum| {
            sum.saturating_add(count)
        });
    }
}

/// Reads one response. Counts when it is dropped: at its end, or when the client has gone.
pub(crate) struct Meter {
    counters: Arc<Counters>,
    /// Lines of a stream, or else one JSON document.
    lines: bool,
    line: Vec<u8>,
    overlong: bool,
    first: Option<Vec<u8>>,
    last: Option<Vec<u8>>,
}

impl Meter {
    pub(crate) fn new(counters: Arc<Counters>, content_type: Option<&str>) -> Self {
        let lines = content_type
            .is_some_and(|it| it.starts_with("text/event-stream") || it.contains("ndjson"));
        Self {
            counters,
            lines,
            line: Vec::new(),
            overlong: false,
            first: None,
            last: None,
        }
    }

    /// Looks at a chunk that goes out.
    pub(crate) fn feed(&mut self, chunk: &Bytes) {
        Counters::add(&self.counters.bytes, chunk.len() as u64);
        if !self.lines {
            return self.gather(chunk);
        }
        let mut rest = &chunk[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            self.gather(line);
            self.end_line();
            rest = &after[1..];
        }
        self.gather(rest);
    }

    fn gather(&mut self, part: &[u8]) {
        self.overlong |= self.line.len() + part.len() > MAX_LOOKED_AT;
        if self.overlong {
            self.line = Vec::new();
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end_line(&mut self) {
        if !std::mem::take(&mut self.overlong) && names_usage(&self.line) {
            let line = std::mem::take(&mut self.line);
            let place = if self.first.is_none() {
                &mut self.first
            } else {
                &mut self.last
            };
            *place = Some(line);
        }
        self.line.clear();
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.end_line();
        let counts = [self.first.take(), self.last.take()]
            .into_iter()
            .flatten()
            .filter_map(|line| counted(&line));
        let (input, output) = counts.fold((0, 0), |(input, output), (i, o)| {
            (input.max(i), output.max(o))
        });
        Counters::add(&self.counters.input_tokens, input);
        Counters::add(&self.counters.output_tokens, output);
    }
}

/// Worth parsing. A model that quotes the word in its text has its quotes escaped.
fn names_usage(line: &[u8]) -> bool {
    let named = [&b"\"usage\""[..], b"\"prompt_eval_count\""]
        .iter()
        .any(|name| find(line, name).is_some());
    named && find(line, b"\"usage\":null").is_none() && find(line, b"\"usage\": null").is_none()
}

/// Input and output tokens that a line of any of the protocols names.
fn counted(line: &[u8]) -> Option<(u64, u64)> {
    let json = line.strip_prefix(b"data:").unwrap_or(line);
    let value: Value = serde_json::from_slice(json).ok()?;
    let places = ["/usage", "/message/usage", "/response/usage", ""];
    let usage = places
        .iter()
        .find_map(|place| value.pointer(place).filter(|it| it.is_object()))?;
    let count = |name: &str| usage.get(name).and_then(Value::as_u64);
    let first = |names: &[&str]| names.iter().find_map(|name| count(name)).unwrap_or(0);
    // Anthropic counts what it read from and wrote to its cache beside `input_tokens`; OpenAI counts it within.
    let cached = count("cache_read_input_tokens").unwrap_or(0)
        + count("cache_creation_input_tokens").unwrap_or(0);
    let input = first(&["input_tokens", "prompt_tokens", "prompt_eval_count"]);
    Some((
        input + cached,
        first(&["output_tokens", "completion_tokens", "eval_count"]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metered(content_type: &str, text: &str) -> (u64, u64) {
        // The border of a chunk may fall anywhere.
        let counts = [1, 7, 64, usize::MAX].map(|size| {
            let counters = Arc::new(Counters::default());
            let mut meter = Meter::new(counters.clone(), Some(content_type));
            text.as_bytes()
                .chunks(size.min(text.len()))
                .for_each(|chunk| meter.feed(&Bytes::copy_from_slice(chunk)));
            drop(meter);
            assert_eq!(counters.usage().bytes, text.len() as u64);
            (
                counters.usage().input_tokens,
                counters.usage().output_tokens,
            )
        });
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
        counts[0]
    }

    #[test]
    fn a_sum_beyond_all_numbers_stays_the_largest_one() {
        let counters = Counters::default();
        Counters::add(&counters.input_tokens, u64::MAX);
        Counters::add(&counters.input_tokens, 7);
        assert_eq!(counters.usage().input_tokens, u64::MAX);
    }

    #[test]
    fn every_protocol_is_counted() {
        let sse = "text/event-stream; charset=utf-8";
        let anthropic = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":7,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"usage\":{\"output_tokens\":9}}\n\n";
        assert_eq!(metered(sse, anthropic), (12, 9));
        let chat = "data: {\"choices\":[],\"usage\":null}\n\ndata: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n";
        assert_eq!(metered(sse, chat), (3, 4));
        let responses = "data: {\"response\":{\"usage\":null}}\n\ndata: {\"response\":{\"usage\":{\"input_tokens\":8,\"output_tokens\":2}}}\n\n";
        assert_eq!(metered(sse, responses), (8, 2));
        let ollama = "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"done\":true,\"prompt_eval_count\":6,\"eval_count\":1}\n";
        assert_eq!(metered("application/x-ndjson", ollama), (6, 1));
        assert_eq!(
            metered(
                "application/json",
                "{\n\"usage\": {\"input_tokens\": 2, \"output_tokens\": 3}}"
            ),
            (2, 3)
        );
        assert_eq!(
            metered("application/json", "<html>\"usage\"</html>"),
            (0, 0)
        );
    }

    #[test]
    fn text_that_talks_of_usage_is_not_counted() {
        let text = r#"data: {"delta":{"text":"{\"usage\":{\"input_tokens\":99}}"}}"#;
        assert_eq!(metered("text/event-stream", text), (0, 0));
    }
}
