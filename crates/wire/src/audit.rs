//! The audit log as it leaves the server: a chain of entries, one JSON document a line, that anyone can
//! check with no server and little code.
//!
//! Each entry has a hash over the one before and over its own words, so that none can be changed, left
//! out or put in between without all behind it being written anew; signed checkpoints say how far the
//! chain had come, so that that shows too. What is hashed is a sequence of netstrings
//! (<https://cr.yp.to/proto/netstrings.txt>): every word with its length before it, so that no two
//! sequences of words give the same bytes.
//!
//! The first line of a file names the format, the tenant, the key that signs, and the place in the chain
//! that the file goes on from. An entry's line has its number (`n`, from 1, without gaps) and its hash; a
//! checkpoint's line has a DSSE envelope. Where what was before that place was let go, the second line is a
//! signed cut that says so. What is let go, and what of it stays: `kept`.

mod kept;

pub use kept::{CUT, Class, Cut, Gone, Sealed};

use chrono::{DateTime, SecondsFormat, Utc};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};

use crate::base64url;
use crate::dsse::{Envelope, EnvelopeError};

/// The name and version of the format that files are written in.
pub const FORMAT: &str = kept::FORMAT;
/// The format before, and of entries that were written in it: their words are hashed without a digest.
pub const FIRST_FORMAT: &str = "freehold-audit/1";
/// What is signed of a checkpoint.
pub const CHECKPOINT: &str = "application/vnd.freehold.audit-checkpoint.v1+json";
/// The longest line that is read: far more than the longest entry has.
const LINE_MAX: usize = 64 * 1024;

/// A place in the chain: SHA-256 in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Hash {
    /// Before the first entry.
    #[must_use]
    pub fn nothing() -> Self {
        Self("0".repeat(64))
    }

    /// From its 32 bytes, as the database keeps it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let hex = || bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        (bytes.len() == 32).then(|| Self(hex()))
    }

    /// Its 32 bytes; none where it is no hash.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let pairs = self.0.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> = pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        bytes.filter(|bytes| bytes.len() == 32)
    }

    /// In hex.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What somebody did, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When, to the microsecond.
    #[serde(with = "micros")]
    pub at: DateTime<Utc>,
    /// Who: a person's, a token's or a runner's id.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what: an id.
    pub resource: String,
    /// What for.
    pub purpose: String,
    /// What came of it: `done`, `refused`.
    pub outcome: String,
    /// The request's word in the server's log; empty where there was no request.
    pub correlation: String,
    /// The address that it came from; empty where there was none.
    pub address: String,
}

impl Act {
    /// The hash of the entry that is the `n`th of the tenant's, behind `before`, in the first format.
    #[must_use]
    pub fn hash(&self, tenant: &str, n: u64, before: &Hash) -> Hash {
        let (n, at) = (n.to_string(), micros::text(&self.at));
        kept::hash_of(&[
            FIRST_FORMAT,
            before.as_str(),
            tenant,
            &n,
            &at,
            &self.actor,
            &self.action,
            &self.resource,
            &self.purpose,
            &self.outcome,
            &self.correlation,
            &self.address,
        ])
    }
}

/// An entry's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the tenant's chain, from 1.
    pub n: u64,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
    /// Its class; none in the first format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// What its words are hashed with; none in the first format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// Its hash.
    pub hash: Hash,
}

/// How far a chain has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The last entry's number; 0 before the first.
    pub n: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What a checkpoint's envelope says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose chain.
    pub tenant: String,
    /// How far it had come.
    #[serde(flatten)]
    pub place: Place,
    /// When.
    #[serde(with = "micros")]
    pub at: DateTime<Utc>,
}

/// A file's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// Whose chain.
    pub tenant: String,
    /// The Ed25519 key that signs its checkpoints.
    #[serde(with = "base64url")]
    pub key: Vec<u8>,
    /// The place that the file goes on from.
    pub after: Place,
}

/// Any line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// The first.
    Head(Head),
    /// An entry.
    Entry(Box<Entry>),
    /// An entry whose words are gone.
    Gone(Gone),
    /// The second, where the log does not begin with its first entry.
    Cut {
        /// Signed.
        cut: Envelope,
    },
    /// A checkpoint.
    Checkpoint {
        /// Signed.
        checkpoint: Envelope,
    },
}

/// Why a file does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Broken {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

/// Reads the lines of one or more files, each of which goes on from the one before, and says whether
/// they hold.
#[derive(Debug, Default)]
pub struct Verifier {
    pinned: Option<[u8; 32]>,
    head: Option<Head>,
    place: Option<Place>,
    line: usize,
    /// What was seen so far.
    pub seen: Seen,
}

/// What a verifier has seen.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Entries.
    pub entries: u64,
    /// Checkpoints whose signature holds.
    pub checkpoints: u64,
    /// The last entry that a checkpoint covers.
    pub signed_to: u64,
    /// Entries whose words are gone, of those.
    pub gone: u64,
    /// The number of the entry that the first file begins with.
    pub begins: u64,
    /// What was let go before the first.
    pub cut: Option<Cut>,
}

impl Verifier {
    /// One that takes checkpoints of this key alone; of the key that the file names where silent.
    #[must_use]
    pub fn new(pinned: Option<[u8; 32]>) -> Self {
        Self {
            pinned,
            ..Self::default()
        }
    }

    /// The next file begins.
    pub fn next_file(&mut self) {
        self.line = 0;
    }

    /// The tenant and the key, once a first line was read.
    #[must_use]
    pub const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// How far the chain has come.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// [`Broken`]: what was read so far holds, and nothing from here on can be trusted.
    pub fn take(&mut self, text: &str) -> Result<(), Broken> {
        self.line += 1;
        let (line, is_first) = (self.line, self.line == 1);
        let broken = |why: String| Broken { line, why };
        if text.len() > LINE_MAX {
            return Err(broken(format!("longer than {LINE_MAX} bytes")));
        }
        let read: Line = serde_json::from_str(text)
            .map_err(|_| broken("neither a head, an entry nor a checkpoint".into()))?;
        match (read, is_first) {
            (Line::Head(head), true) => self.begin(head).map_err(broken),
            (Line::Entry(entry), false) => self.entry(&entry).map_err(broken),
            (Line::Gone(gone), false) => self.gone(&gone).map_err(broken),
            (Line::Cut { cut }, false) => self.cut(&cut, line).map_err(broken),
            (Line::Checkpoint { checkpoint }, false) => {
                self.checkpoint(&checkpoint).map_err(broken)
            }
            (_, true) => Err(broken("a file begins with its head".into())),
            (Line::Head(_), false) => Err(broken("a head in the middle of a file".into())),
        }
    }

    fn begin(&mut self, head: Head) -> Result<(), String> {
        if head.format != FORMAT && head.format != FIRST_FORMAT {
            return Err(format!("the format is not {FORMAT}"));
        }
        let key = <[u8; 32]>::try_from(head.key.as_slice());
        let key = key.map_err(|_| "the key is no Ed25519 key".to_owned())?;
        if self.pinned.is_some_and(|pinned| pinned != key) {
            return Err("another key signs here than the one that was given".into());
        }
        if let Some(before) = &self.head
            && (before.tenant != head.tenant || before.key != head.key)
        {
            return Err("another organization's, or another key's, than the file before".into());
        }
        if let Some(place) = &self.place
            && *place != head.after
        {
            let why = "does not go on where the file before ended";
            return Err(format!("{why}: {} there, {} here", place.n, head.after.n));
        }
        if head.after.n == 0 && head.after.hash != Hash::nothing() {
            return Err("something stands before the first entry".into());
        }
        if self.head.is_none() {
            self.seen.begins = head.after.n.saturating_add(1);
        }
        self.place = Some(head.after.clone());
        self.head = Some(head);
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), String> {
        let n = entry.n;
        match (entry.class, &entry.salt) {
            (None, None) => self.goes_on(n, &entry.hash, |tenant, before| {
                entry.act.hash(tenant, n, before)
            }),
            (Some(class), Some(salt)) => {
                let sealed = Sealed::of(&entry.act, salt);
                if sealed.class != class {
                    return Err(format!(
                        "entry {n} is not of the class {}, which it names",
                        class.word()
                    ));
                }
                self.goes_on(n, &entry.hash, |tenant, before| {
                    sealed.hash(tenant, n, before)
                })
            }
            _ => Err(format!("entry {n} has a class and no salt, or no class")),
        }
    }

    fn gone(&mut self, gone: &Gone) -> Result<(), String> {
        let n = gone.n;
        if gone.class != Class::Reading {
            return Err(format!(
                "entry {n} is of the class {}, whose words go with their place alone",
                gone.class.word()
            ));
        }
        let sealed = Sealed {
            at: gone.at,
            class: gone.class,
            digest: gone.digest.clone(),
        };
        self.goes_on(n, &gone.hash, |tenant, before| {
            sealed.hash(tenant, n, before)
        })?;
        self.seen.gone += 1;
        Ok(())
    }

    /// The chain goes on with the `n`th entry.
    fn goes_on(
        &mut self,
        n: u64,
        hash: &Hash,
        of: impl FnOnce(&str, &Hash) -> Hash,
    ) -> Result<(), String> {
        let (Some(head), Some(place)) = (&self.head, &self.place) else {
            return Err("an entry before the head".into());
        };
        if Some(n) != place.n.checked_add(1) {
            return Err(format!("entry {n} follows entry {}", place.n));
        }
        if of(&head.tenant, &place.hash) != *hash {
            return Err(format!("entry {n} is not as it was written"));
        }
        self.place = Some(Place {
            n,
            hash: hash.clone(),
        });
        self.seen.entries += 1;
        Ok(())
    }

    fn cut(&mut self, envelope: &Envelope, line: usize) -> Result<(), String> {
        let (Some(head), Some(place)) = (&self.head, &self.place) else {
            return Err("a cut before the head".into());
        };
        if line != 2 {
            return Err("a cut in the middle of a file".into());
        }
        let cut: Cut = signed_by(head, CUT, envelope)
            .map_err(|error| format!("the cut does not hold: {error}"))?;
        if cut.tenant != head.tenant {
            return Err("the cut is of another organization".into());
        }
        if cut.place != *place {
            return Err(format!(
                "the cut is behind entry {}, and the file begins behind entry {}",
                cut.place.n, place.n
            ));
        }
        if self.seen.entries == 0 {
            self.seen.cut = Some(cut);
        }
        Ok(())
    }

    fn checkpoint(&mut self, envelope: &Envelope) -> Result<(), String> {
        let (Some(head), Some(place)) = (&self.head, &self.place) else {
            return Err("a checkpoint before the head".into());
        };
        let checkpoint: Checkpoint = signed_by(head, CHECKPOINT, envelope)
            .map_err(|error| format!("the checkpoint does not hold: {error}"))?;
        if checkpoint.tenant != head.tenant {
            return Err("the checkpoint is of another organization".into());
        }
        if checkpoint.place != *place {
            return Err(format!(
                "the checkpoint of entry {} was signed over another chain",
                checkpoint.place.n
            ));
        }
        self.seen.checkpoints += 1;
        self.seen.signed_to = place.n;
        Ok(())
    }
}

/// What an envelope says, where the key that the head names has signed it.
fn signed_by<T: serde::de::DeserializeOwned>(
    head: &Head,
    kind: &'static str,
    envelope: &Envelope,
) -> Result<T, String> {
    let key = <[u8; 32]>::try_from(head.key.as_slice()).unwrap_or_default();
    let key = VerifyingKey::from_bytes(&key).map_err(|_| "the key is no Ed25519 key")?;
    envelope
        .verify(kind, &key)
        .map_err(|error: EnvelopeError| error.to_string())
}

/// Times to the microsecond, always with six digits: what is hashed is what is written.
mod micros {
    use super::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn text(at: &DateTime<Utc>) -> String {
        at.to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    pub(super) fn serialize<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(from)?;
        let at: DateTime<Utc> = text.parse().map_err(serde::de::Error::custom)?;
        match self::text(&at) == text {
            true => Ok(at),
            false => Err(serde::de::Error::custom("not to the microsecond")),
        }
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
