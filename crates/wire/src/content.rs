//! Content: titles, prompts, events, diffs, logs. Always encrypted under a key of the tenant
//! (AES-256-GCM), bound by its associated data to the one place where it belongs, so that a
//! server can neither read it nor move it.
//!
//! Layout: `1 | key id (u32, big endian) | nonce (12) | ciphertext | tag (16)`.
//!
//! Nonces are random: a key may seal 2^32 messages before the chance of a repetition passes
//! 2^-32 (NIST SP 800-38D, 8.3). Tenants rotate long before.

use std::fmt;

use freehold_model::world::{Entropy, random};
use freehold_model::{Id, TenantId, id::Kind};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEAD: usize = 1 + 4 + NONCE;

/// Sealed bytes. Opaque to whoever holds no key.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Vec<u8>);

impl Content {
    /// Bytes as they were stored or received. Nothing is checked until they are opened.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To store or to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// To store or to send.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// The one place where a piece of content belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    tenant: TenantId,
    entity: String,
    field: String,
    version: u64,
}

impl Place {
    /// Field `field` of `entity`, in its `version`th edition.
    #[must_use]
    pub fn new<K: Kind>(tenant: TenantId, entity: Id<K>, field: &str, version: u64) -> Self {
        Self {
            tenant,
            entity: entity.to_string(),
            field: field.to_owned(),
            version,
        }
    }

    /// The associated data: length-prefixed, so that no two places collide.
    fn aad(&self) -> Vec<u8> {
        let tenant = self.tenant.to_string();
        let mut aad = b"freehold/content/1".to_vec();
        for part in [tenant.as_str(), &self.entity, &self.field] {
            aad.extend((part.len() as u64).to_be_bytes());
            aad.extend(part.as_bytes());
        }
        aad.extend(self.version.to_be_bytes());
        aad
    }
}

/// Content that does not open: another key, another place, or altered bytes. Which of them is
/// not knowable, by design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("content does not open with this key in this place")]
pub struct DoesNotOpen;

/// A tenant's content key. Wiped on drop; `Debug` shows its number only.
#[derive(Clone)]
pub struct ContentKey {
    id: u32,
    bytes: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentKey({})", self.id)
    }
}

impl ContentKey {
    /// A fresh key with this number.
    #[must_use]
    pub fn generate(id: u32, entropy: &dyn Entropy) -> Self {
        Self {
            id,
            bytes: Zeroizing::new(random(entropy)),
        }
    }

    /// A key that was unwrapped.
    #[must_use]
    pub fn from_bytes(id: u32, bytes: [u8; 32]) -> Self {
        Self {
            id,
            bytes: Zeroizing::new(bytes),
        }
    }

    /// Its number within the tenant.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The key itself, to be wrapped for a recipient and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn aead(&self) -> Result<LessSafeKey, DoesNotOpen> {
        UnboundKey::new(&AES_256_GCM, self.bytes.as_ref())
            .map(LessSafeKey::new)
            .map_err(|_| DoesNotOpen)
    }

    /// Seals `plain` for `place`.
    ///
    /// # Errors
    /// Only when `plain` exceeds what AES-GCM can seal (64 GiB).
    pub fn seal(
        &self,
        place: &Place,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Content, DoesNotOpen> {
        let nonce: [u8; NONCE] = random(entropy);
        let mut bytes = Vec::with_capacity(HEAD + plain.len() + TAG);
        bytes.push(VERSION);
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(nonce);
        bytes.extend(plain);
        let tag = self
            .aead()?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.aad()),
                &mut bytes[HEAD..],
            )
            .map_err(|_| DoesNotOpen)?;
        bytes.extend(tag.as_ref());
        Ok(Content(bytes))
    }

    /// Opens what was sealed with this key for `place`.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn open(&self, place: &Place, content: &Content) -> Result<Vec<u8>, DoesNotOpen> {
        let bytes = &content.0;
        if bytes.len() < HEAD + TAG || bytes[0] != VERSION || bytes[1..5] != self.id.to_be_bytes() {
            return Err(DoesNotOpen);
        }
        let nonce = Nonce::try_assume_unique_for_key(&bytes[5..HEAD]).map_err(|_| DoesNotOpen)?;
        let mut sealed = bytes[HEAD..].to_vec();
        let length = self
            .aead()?
            .open_in_place(nonce, Aad::from(place.aad()), &mut sealed)
            .map_err(|_| DoesNotOpen)?
            .len();
        sealed.truncate(length);
        Ok(sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use freehold_model::CardId;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }
    fn tenant(n: u8) -> TenantId {
        TenantId::at(DateTime::UNIX_EPOCH, [n; 10])
    }
    fn card() -> CardId {
        CardId::at(DateTime::UNIX_EPOCH, [1; 10])
    }

    #[test]
    fn opens_in_its_place_and_nowhere_else() {
        let key = ContentKey::generate(3, &Fixed);
        let place = Place::new(tenant(1), card(), "title", 1);
        let sealed = key.seal(&place, b"Add a login form", &Fixed).unwrap();
        assert_eq!(key.open(&place, &sealed).unwrap(), b"Add a login form");
        for elsewhere in [
            Place::new(tenant(2), card(), "title", 1),
            Place::new(tenant(1), card(), "body", 1),
            Place::new(tenant(1), card(), "title", 2),
        ] {
            assert_eq!(key.open(&elsewhere, &sealed), Err(DoesNotOpen));
        }
        let other = ContentKey::from_bytes(3, [9; 32]);
        assert_eq!(other.open(&place, &sealed), Err(DoesNotOpen));
    }

    #[test]
    fn every_altered_byte_is_noticed_and_the_plain_text_is_not_there() {
        let key = ContentKey::generate(1, &Fixed);
        let place = Place::new(tenant(1), card(), "body", 1);
        let sealed = key.seal(&place, b"MARKER", &Fixed).unwrap();
        assert!(!sealed.as_bytes().windows(6).any(|w| w == b"MARKER"));
        for at in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert_eq!(
                key.open(&place, &Content::from_bytes(bytes)),
                Err(DoesNotOpen),
                "byte {at}"
            );
        }
        assert_eq!(
            key.open(&place, &Content::from_bytes(vec![1; 8])),
            Err(DoesNotOpen)
        );
    }
}
