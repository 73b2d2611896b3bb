//! Sealing to a recipient: HPKE (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! AES-256-GCM in base mode. Wraps content keys for runners, edges and, in a managed tenant,
//! the server.

use std::convert::Infallible;
use std::fmt;

use freehold_model::world::{Entropy, random};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

const INFO: &[u8] = b"freehold/seal/1";
const ENCAPPED: usize = 32;

/// A recipient's public key.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct SealTo(#[serde(with = "crate::base64url")] pub Vec<u8>);

/// A recipient's private key. Wiped on drop, never printed.
#[derive(Clone)]
pub struct SealKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(***)")
    }
}

/// The key is malformed, or the sealed bytes are not for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sealed to this key for this purpose")]
pub struct NotForUs;

struct Rng<'a>(&'a dyn Entropy);

impl hpke::rand_core::TryRng for Rng<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(random(self.0)))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(random(self.0)))
    }
    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(buffer);
        Ok(())
    }
}
impl hpke::rand_core::TryCryptoRng for Rng<'_> {}

impl SealKey {
    /// The key pair that 32 secret bytes stand for; store the bytes, not the key.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Zeroizing::new(seed))
    }

    fn private(&self) -> <X25519HkdfSha256 as Kem>::PrivateKey {
        X25519HkdfSha256::derive_keypair(self.0.as_ref()).0
    }

    /// What others seal to.
    #[must_use]
    pub fn public(&self) -> SealTo {
        let (_, public) = X25519HkdfSha256::derive_keypair(self.0.as_ref());
        SealTo(public.to_bytes().to_vec())
    }

    /// Opens what was sealed to this key for `purpose`.
    ///
    /// # Errors
    /// [`NotForUs`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotForUs> {
        let (encapped, ciphertext) = sealed.split_at_checked(ENCAPPED).ok_or(NotForUs)?;
        let encapped =
            <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapped).map_err(|_| NotForUs)?;
        hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private(),
            &encapped,
            INFO,
            ciphertext,
            purpose.as_bytes(),
        )
        .map(Zeroizing::new)
        .map_err(|_| NotForUs)
    }
}

impl SealTo {
    /// Seals `plain` so that only the holder of the private key opens it, for `purpose` only.
    ///
    /// # Errors
    /// When the public key is malformed.
    pub fn seal(
        &self,
        purpose: &str,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, NotForUs> {
        let public =
            <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&self.0).map_err(|_| NotForUs)?;
        let (encapped, ciphertext) =
            hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Base,
                &public,
                INFO,
                plain,
                purpose.as_bytes(),
                &mut Rng(entropy),
            )
            .map_err(|_| NotForUs)?;
        let mut sealed = encapped.to_bytes().to_vec();
        sealed.extend(ciphertext);
        Ok(sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(5);
        }
    }

    #[test]
    fn only_the_recipient_and_only_for_the_purpose() {
        let key = SealKey::from_seed([1; 32]);
        let sealed = key
            .public()
            .seal("content-key/1", b"secret", &Fixed)
            .unwrap();
        assert_eq!(
            key.open("content-key/1", &sealed).unwrap().as_slice(),
            b"secret"
        );
        assert!(key.open("content-key/2", &sealed).is_err());
        assert!(
            SealKey::from_seed([2; 32])
                .open("content-key/1", &sealed)
                .is_err()
        );
        assert!(key.open("content-key/1", &sealed[..20]).is_err());
    }
}
