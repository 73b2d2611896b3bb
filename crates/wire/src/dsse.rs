//! DSSE envelopes (secure-systems-lab/dsse, protocol v1) signed with Ed25519: what a runner
//! acts on. The payload's type is part of what is signed, so that an envelope of one kind is
//! never taken for another.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base64url;

/// The signature scheme's key types.
pub mod ed25519 {
    pub use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
}

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The signed bytes.
    #[serde(with = "base64url")]
    pub payload: Vec<u8>,
    /// At least one.
    pub signatures: Vec<Signed>,
}

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// A hint at the key, never trusted.
    pub keyid: String,
    /// Ed25519 over the pre-authentication encoding.
    #[serde(with = "base64url")]
    pub sig: Vec<u8>,
}

/// Why an envelope is not acted on.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// No signature by the trusted key.
    #[error("no valid signature by the trusted key")]
    Signature,
    /// Another type of payload than the reader wants.
    #[error("payload type is not {wanted}")]
    Type {
        /// What was expected.
        wanted: &'static str,
    },
    /// Signed, but not readable by this version.
    #[error("the signed payload cannot be read")]
    Payload(#[source] serde_json::Error),
}

/// The pre-authentication encoding of the DSSE specification.
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    )
    .into_bytes();
    out.extend(payload);
    out
}

/// The name of a key: the first 16 hex digits of the SHA-256 of its bytes.
#[must_use]
pub fn key_id(key: &VerifyingKey) -> String {
    fingerprint(key.as_bytes())[..16].to_owned()
}

/// SHA-256 in hex.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Envelope {
    /// Signs `payload` as JSON of type `payload_type`.
    ///
    /// # Errors
    /// When the payload cannot be written as JSON.
    pub fn sign<T: Serialize>(
        payload_type: &str,
        payload: &T,
        key: &SigningKey,
    ) -> Result<Self, serde_json::Error> {
        let payload = serde_json::to_vec(payload)?;
        let sig = key.sign(&pae(payload_type, &payload)).to_bytes().to_vec();
        let keyid = key_id(&key.verifying_key());
        Ok(Self {
            payload_type: payload_type.to_owned(),
            payload,
            signatures: vec![Signed { keyid, sig }],
        })
    }

    /// The payload, if `key` signed it as `wanted`. Checks the signature before it reads a byte
    /// of the payload.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn verify<T: DeserializeOwned>(
        &self,
        wanted: &'static str,
        key: &VerifyingKey,
    ) -> Result<T, EnvelopeError> {
        if self.payload_type != wanted {
            return Err(EnvelopeError::Type { wanted });
        }
        let message = pae(&self.payload_type, &self.payload);
        let signed = self.signatures.iter().any(|s| {
            Signature::from_slice(&s.sig).is_ok_and(|sig| key.verify_strict(&message, &sig).is_ok())
        });
        if !signed {
            return Err(EnvelopeError::Signature);
        }
        serde_json::from_slice(&self.payload).map_err(EnvelopeError::Payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_specification_s() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn another_key_another_type_or_another_byte_is_refused() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let envelope = Envelope::sign("a/1", &"hello", &key).unwrap();
        let good: String = envelope.verify("a/1", &key.verifying_key()).unwrap();
        assert_eq!(good, "hello");
        let stranger = SigningKey::from_bytes(&[4; 32]).verifying_key();
        assert!(matches!(
            envelope.verify::<String>("a/1", &stranger),
            Err(EnvelopeError::Signature)
        ));
        assert!(
            envelope
                .verify::<String>("a/2", &key.verifying_key())
                .is_err()
        );
        let renamed = Envelope {
            payload_type: "a/2".into(),
            ..envelope.clone()
        };
        assert!(
            renamed
                .verify::<String>("a/2", &key.verifying_key())
                .is_err()
        );
        let mut altered = envelope;
        altered.payload[1] ^= 1;
        assert!(
            altered
                .verify::<String>("a/1", &key.verifying_key())
                .is_err()
        );
    }
}
