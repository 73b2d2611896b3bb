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

impl Verdict {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused(_) => "refused",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
        }
    }
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

/// What all entries come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Connections with any verdict.
    pub connections: u64,
    /// Those that the policy or a budget refused or cut.
    pub refused: u64,
    /// Bytes from the run.
    pub up: u64,
    /// Bytes to the run.
    pub down: u64,
}

impl Log {
    /// The sum of all entries, and of what is in none.
    #[must_use]
    pub fn total(&self) -> Total {
        let none = Total {
            connections: self.beyond,
            ..Total::default()
        };
        self.entries.iter().fold(none, |sum, entry| {
            let refused = matches!(entry.verdict, Verdict::Refused(_));
            Total {
                connections: sum.connections + entry.connections,
                refused: sum.refused + if refused { entry.connections } else { 0 },
                up: sum.up + entry.up,
                down: sum.down + entry.down,
            }
        })
    }

    /// The entries that a reader wants to see first, at most `most`: what did not work, then what
    /// moved most. The rest is in `beyond`.
    #[must_use]
    pub fn shortened(&self, most: usize) -> Self {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| {
            let worked = matches!(entry.verdict, Verdict::Allowed);
            (worked, std::cmp::Reverse(entry.up + entry.down))
        });
        let cut = entries.split_off(entries.len().min(most));
        let beyond = cut.iter().map(|entry| entry.connections).sum::<u64>();
        Self {
            entries,
            beyond: self.beyond + beyond,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(host: &str, verdict: Verdict, connections: u64, up: u64) -> Entry {
        Entry {
            host: host.to_owned(),
            port: 443,
            verdict,
            connections,
            up,
            down: 1,
        }
    }

    #[test]
    fn what_failed_comes_first_and_nothing_is_lost() {
        let log = Log {
            entries: vec![
                entry("a", Verdict::Allowed, 1, 5),
                entry("b", Verdict::Allowed, 2, 50),
                entry("c", Verdict::Refused(Refusal::NotListed), 3, 0),
                entry("d", Verdict::Allowed, 4, 7),
            ],
            beyond: 10,
        };
        let short = log.shortened(2);
        let hosts: Vec<_> = short.entries.iter().map(|entry| &entry.host).collect();
        assert_eq!(
            (hosts.as_slice(), short.beyond),
            (&[&"c".to_owned(), &"b".to_owned()][..], 15)
        );
        let total = log.total();
        assert_eq!(
            (total.connections, total.refused, total.up, total.down),
            (20, 3, 62, 4)
        );
        assert_eq!(short.total().connections, 20);
        assert_eq!(log.shortened(9).entries.len(), 4);
    }
}
