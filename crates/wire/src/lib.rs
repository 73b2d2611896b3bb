//! What crosses a border: the API's documents, the link's frames, signed envelopes, sealed
//! content, tokens and error codes. Versioned, and nothing here decides anything.

pub mod answer;
pub mod api;
pub mod audit;
pub mod content;
pub mod dsse;
pub mod id_token;
pub mod link;
pub mod order;
pub mod problem;
pub mod schema;
pub mod seal;
pub mod token;
pub mod webhook;

/// Serde helper: bytes as unpadded base64url text.
pub mod base64url {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Bytes to text.
    #[must_use]
    pub fn encode(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Text to bytes; `None` when it is not base64url.
    #[must_use]
    pub fn decode(text: &str) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(text).ok()
    }

    /// For `#[serde(with)]`.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(bytes))
    }

    /// For `#[serde(with)]`.
    ///
    /// # Errors
    /// When the text is not base64url.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        decode(&text).ok_or_else(|| serde::de::Error::custom("not base64url"))
    }
}
