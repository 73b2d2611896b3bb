//! What clients asked, kept for assertions.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Requests kept; the oldest go first. Far beyond any one test, and a demo left running for days stays small.
const MAX_REQUESTS: usize = 4096;

/// Bytes of bodies kept: a long conversation repeats itself in each request.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// HTTP method.
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// Names in lower case, in order of arrival, nothing redacted: keys that reach this server are part of a test.
    pub headers: Vec<(String, String)>,
    /// The parsed body; a string where it was no JSON, null where there was none.
    pub body: Value,
}

impl Recorded {
    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<(usize, Recorded)>,
    bytes: usize,
}

impl Records {
    pub(crate) fn push(&self, size: usize, request: Recorded) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += size;
        kept.requests.push_back((size, request));
        while kept.requests.len() > MAX_REQUESTS || kept.bytes > MAX_BYTES {
            let Some((size, _)) = kept.requests.pop_front() else {
                return;
            };
            kept.bytes -= size;
        }
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.requests
            .iter()
            .map(|(_, request)| request.clone())
            .collect()
    }
}
