//! How long entries are kept, and what stays of those that were let go.
//!
//! An entry's class says how long it is kept. Words of the class `reading` go first: of such an entry its
//! number, time, class, the digest of its words and its hash stay, so that the chain holds through it. That
//! is why an entry's hash is over the digest, and the digest over a salt that goes with the words: without
//! it, what was there could be guessed and tried. Later the beginning of the chain goes as a whole; a signed
//! cut stays, which names the place that the log now begins behind.
//!
//! Class and time are hashed with the digest: whoever lets words go can neither call another class by this
//! name, nor an entry older than it is.

use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{Act, Hash, Place, micros};

/// The format that has classes, cuts, and entries whose words are gone.
pub(super) const FORMAT: &str = "freehold-audit/2";
/// What is signed of a cut.
pub const CUT: &str = "application/vnd.freehold.audit-cut.v1+json";
/// The acts of the class `reading`: part of the format. All others are of the class `security`.
const READING: [&str; 1] = ["content.open"];

/// What an entry is about, which says how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Who may do what, and what was done: kept long.
    Security,
    /// Who looked at what: kept shorter, as it grows most and tells most of people's days.
    Reading,
}

impl Class {
    /// The class of an act.
    #[must_use]
    pub fn of(action: &str) -> Self {
        match READING.contains(&action) {
            true => Self::Reading,
            false => Self::Security,
        }
    }

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Reading => "reading",
        }
    }
}

/// What stands for an entry's words once they are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// When it was done.
    pub at: DateTime<Utc>,
    /// Its class.
    pub class: Class,
    /// Of its words.
    pub digest: Hash,
}

impl Sealed {
    /// Of an entry, with the salt that goes when its words go.
    #[must_use]
    pub fn of(act: &Act, salt: &str) -> Self {
        let words = [
            FORMAT,
            salt,
            &act.actor,
            &act.action,
            &act.resource,
            &act.purpose,
            &act.outcome,
            &act.correlation,
            &act.address,
        ];
        Self {
            at: act.at,
            class: Class::of(&act.action),
            digest: hash_of(&words),
        }
    }

    /// The hash of the entry that is the `n`th of the tenant's, behind `before`.
    #[must_use]
    pub fn hash(&self, tenant: &str, n: u64, before: &Hash) -> Hash {
        hash_of(&[
            FORMAT,
            before.as_str(),
            tenant,
            &n.to_string(),
            &micros::text(&self.at),
            self.class.word(),
            self.digest.as_str(),
        ])
    }
}

/// The line of an entry whose words are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Its number.
    pub n: u64,
    /// When it was done.
    #[serde(with = "micros")]
    pub at: DateTime<Utc>,
    /// Its class.
    pub class: Class,
    /// Of the words that it had.
    pub digest: Hash,
    /// When they were let go; what the server says, and nothing that is hashed.
    pub gone: DateTime<Utc>,
    /// Its hash.
    pub hash: Hash,
}

/// What a cut's envelope says: all up to a place was let go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Whose chain.
    pub tenant: String,
    /// The last entry that went, and its hash: the log now begins behind it.
    #[serde(flatten)]
    pub place: Place,
    /// The first entry that went this time; what was before it went earlier.
    pub first: u64,
    /// All that went was older than this.
    #[serde(with = "micros")]
    pub before: DateTime<Utc>,
    /// When it went.
    #[serde(with = "micros")]
    pub at: DateTime<Utc>,
}

/// SHA-256 over words as netstrings.
pub(super) fn hash_of(words: &[&str]) -> Hash {
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend(format!("{}:{word},", word.len()).into_bytes());
    }
    let hash = digest(&SHA256, &bytes);
    Hash(hash.as_ref().iter().map(|b| format!("{b:02x}")).collect())
}
