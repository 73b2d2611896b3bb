//! An id type per entity: a UUIDv7 (RFC 9562) behind a typed prefix. On the wire `run_` and 26
//! lower-case Crockford base32 digits; in the database a `uuid`. Whoever creates a thing makes
//! its id, so that sealing can bind it before any server has seen it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::world::{Clock, Entropy, random};

/// The registry of prefixes. Append only: a prefix never changes its meaning.
pub trait Kind: 'static {
    /// What stands before the underscore.
    const PREFIX: &'static str;
}

/// An id of one kind of entity. Ordered by creation time to the millisecond.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

macro_rules! kinds {
    ($($kind:ident $alias:ident $prefix:literal $doc:literal;)*) => {
        /// The kinds of entity that have ids.
        pub mod kind {
            $(#[doc = $doc] #[derive(Debug)] pub enum $kind {}
            impl super::Kind for $kind { const PREFIX: &'static str = $prefix; })*
        }
        $(#[doc = concat!("Id of ", $doc)] pub type $alias = Id<kind::$kind>;)*
    };
}

kinds! {
    Tenant TenantId "ten" "a tenant (Organization in the UI).";
    User UserId "user" "a person.";
    Project ProjectId "proj" "a project.";
    Repository RepositoryId "repo" "a repository of a project.";
    Card CardId "card" "a card on the board.";
    Run RunId "run" "one execution of a card.";
    Job JobId "job" "what one runner holds under a lease.";
    Order OrderId "ord" "a signed order.";
    Agent AgentId "agent" "a registered agent.";
    Provider ProviderId "prov" "a model provider.";
    Runner RunnerId "rnr" "an enrolled runner.";
    Token TokenId "tok" "an access token.";
    Blob BlobId "blob" "a sealed blob.";
    Environment EnvironmentId "env" "a project's environment on a runner.";
    Intent IntentId "int" "a change to be written into the record.";
    Lineage LineageId "lin" "a database's line of history.";
    Attempt AttemptId "att" "an attempt at a request that came with a key.";
    Question QuestionId "ask" "what one server asks a runner of another.";
    Invitation InvitationId "inv" "an invitation to an organization.";
    Mail MailId "mail" "a mail that is to be sent.";
    Webhook WebhookId "whk" "where an organization is told of what happens.";
    Happening HappeningId "hap" "something that webhooks are told of.";
    Delivery DeliveryId "msg" "what one webhook is told of one thing that happened.";
}

/// Crockford's alphabet: no i, l, o, u.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in 5-bit digits.
const LENGTH: usize = 26;

impl<K> Id<K> {
    /// A fresh id for something created now.
    pub fn new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        Self::at(clock.now(), random(entropy))
    }

    /// The id made of an instant (milliseconds count) and 80 random bits.
    #[must_use]
    pub fn at(created: DateTime<Utc>, random: [u8; 10]) -> Self {
        let millis = u64::try_from(created.timestamp_millis()).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self(uuid, PhantomData)
    }

    /// When the thing was made, by the clock of whoever made it; to the millisecond.
    #[must_use]
    pub fn created(self) -> DateTime<Utc> {
        let millis = i64::try_from(self.0.as_u128() >> 80).unwrap_or(i64::MAX);
        DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The id of a database row.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// As the database keeps it.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0.as_u128();
        let digits: String = (0..LENGTH)
            .rev()
            .map(|at| char::from(DIGITS[((value >> (5 * at)) & 31) as usize]))
            .collect();
        write!(f, "{}_{digits}", K::PREFIX)
    }
}

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form {prefix}_ and 26 digits")]
pub struct NotAnId {
    text: String,
    prefix: &'static str,
}

impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let parse = || {
            let digits = text.strip_prefix(K::PREFIX)?.strip_prefix('_')?;
            if digits.len() != LENGTH || digits.as_bytes()[0] > b'7' {
                return None;
            }
            digits.bytes().try_fold(0u128, |value, byte| {
                let digit = DIGITS.iter().position(|&d| d == byte)?;
                Some((value << 5) | digit as u128)
            })
        };
        parse()
            .map(|value| Self::from_uuid(Uuid::from_u128(value)))
            .ok_or_else(|| NotAnId {
                text: text.chars().take(64).collect(),
                prefix: K::PREFIX,
            })
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let at = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        let id = RunId::at(at, [7; 10]);
        assert_eq!(id.to_string().parse::<RunId>().unwrap(), id);
        assert!(id.to_string().starts_with("run_0"));
        assert_eq!(id.to_string().len(), "run_".len() + LENGTH);
    }

    #[test]
    fn an_id_says_when_it_was_made() {
        let at = DateTime::from_timestamp_millis(1_790_000_000_123).unwrap();
        assert_eq!(RunId::at(at, [0xff; 10]).created(), at);
        // One that no clock of ours made has some time all the same.
        let wild = RunId::from_uuid(uuid::Uuid::from_u128(u128::MAX)).created();
        assert!(wild > at);
    }

    #[test]
    fn another_kind_or_a_slip_is_refused() {
        let id = CardId::at(DateTime::UNIX_EPOCH, [0xff; 10]).to_string();
        assert!(id.parse::<RunId>().is_err());
        assert!(id.replace('_', "-").parse::<CardId>().is_err());
        assert!(format!("{id}0").parse::<CardId>().is_err());
        assert!("card_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<CardId>().is_err());
    }

    #[test]
    fn later_ids_sort_later_as_text_too() {
        let early = RunId::at(DateTime::from_timestamp_millis(1_000).unwrap(), [0xff; 10]);
        let late = RunId::at(DateTime::from_timestamp_millis(1_001).unwrap(), [0; 10]);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }
}
