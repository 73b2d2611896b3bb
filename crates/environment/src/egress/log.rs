//! What went through, per destination: counts, never contents.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::policy::Refusal;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Connected.
    Allowed,
    /// Refused by the policy.
    Refused(Refusal),
    /// Allowed, but the host could not be reached.
    Unreachable,
    /// Not a request that a proxy takes.
    Malformed,
}

/// All connections to one destination with one verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The host as it was parsed; empty for a malformed request.
    pub host: String,
    /// Its port; 0 for a malformed request.
    pub port: u16,
    /// What became of them.
    pub verdict: Verdict,
    /// How many there were.
    pub connections: u64,
    /// Bytes from the run to the host.
    pub up: u64,
    /// Bytes from the host to the run.
    pub down: u64,
}

/// The log of one run, ordered by destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// At most [`Options::log_entries`](super::Options::log_entries).
    pub entries: Vec<Entry>,
    /// Connections to destinations beyond that bound; they are in no entry.
    pub beyond: u64,
}

impl Log {
    /// Hosts that were refused by the policy, with the reason: what a failed setup should name.
    pub fn refused(&self) -> impl Iterator<Item = (&Entry, Refusal)> {
        self.entries.iter().filter_map(|entry| match entry.verdict {
            Verdict::Refused(why) => Some((entry, why)),
            _ => None,
        })
    }

    /// What to tell a person whose setup or check failed: a sentence for each destination that was
    /// refused or not reached, at most [`MAX_ADVICE`]. Most clients hide what the proxy answered.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        let sentence = |entry: &Entry| match entry.verdict {
            Verdict::Refused(why) => {
                Some(format!("{}:{} was refused: {why}.", entry.host, entry.port))
            }
            Verdict::Unreachable => Some(format!(
                "{}:{} is allowed, but the runner's machine could not reach it.",
                entry.host, entry.port
            )),
            Verdict::Allowed | Verdict::Malformed => None,
        };
        self.entries
            .iter()
            .filter_map(sentence)
            .take(MAX_ADVICE)
            .collect()
    }
}

/// More sentences are not read.
pub const MAX_ADVICE: usize = 5;

/// Live counters of one destination.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) up: AtomicU64,
    pub(super) down: AtomicU64,
}

#[derive(Debug, Default)]
struct Pages {
    entries: BTreeMap<(String, u16, Verdict), Arc<Counters>>,
    beyond: u64,
}

#[derive(Debug)]
pub(super) struct Book {
    limit: usize,
    pages: Mutex<Pages>,
}

impl Book {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            pages: Mutex::default(),
        }
    }

    /// Counts a connection and gives the counters for its bytes.
    pub(super) fn enter(&self, host: String, port: u16, verdict: Verdict) -> Arc<Counters> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (host, port, verdict);
        if pages.entries.len() >= self.limit && !pages.entries.contains_key(&key) {
            pages.beyond += 1;
            return Arc::default();
        }
        let counters = Arc::clone(pages.entries.entry(key).or_default());
        counters.connections.fetch_add(1, Ordering::Relaxed);
        counters
    }

    pub(super) fn read(&self) -> Log {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = pages
            .entries
            .iter()
            .map(|((host, port, verdict), counters)| Entry {
                host: host.clone(),
                port: *port,
                verdict: *verdict,
                connections: counters.connections.load(Ordering::Relaxed),
                up: counters.up.load(Ordering::Relaxed),
                down: counters.down.load(Ordering::Relaxed),
            });
        Log {
            entries: entries.collect(),
            beyond: pages.beyond,
        }
    }
}
