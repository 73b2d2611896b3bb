//! What a webhook is sent, signed as Standard Webhooks says
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>): its
//! receivers verify it with libraries that there are.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use freehold_model::webhook::Event;
use freehold_model::world::{Entropy, random};
use freehold_model::{DeliveryId, TenantId};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

/// The header with the delivery's id: the same however often it is sent.
pub const ID: &str = "webhook-id";
/// The header with when it was sent: seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures, with spaces between.
pub const SIGNATURE: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
/// As many bytes as the hash has; the specification wants 24 to 64.
const LENGTH: usize = 32;

/// What signs. Wiped on drop, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// No secret of a webhook is written like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's secret is `whsec_` and base64")]
pub struct NotASecret;

impl Secret {
    /// A new one.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random::<LENGTH>(entropy).to_vec()))
    }

    /// As people and receivers write it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }

    /// Reads what [`Self::expose`] wrote.
    ///
    /// # Errors
    /// [`NotASecret`].
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
        match bytes.len() {
            24..=64 => Ok(Self(Zeroizing::new(bytes))),
            _ => Err(NotASecret),
        }
    }

    /// The signature of a body that is sent then under that id.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign().as_ref()))
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What a webhook is told. No content: whoever is told asks the API for what they may see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// What happened.
    #[serde(rename = "type")]
    pub event: Event,
    /// When it happened.
    #[serde(serialize_with = "millis")]
    pub timestamp: DateTime<Utc>,
    /// The organization.
    pub organization: TenantId,
    /// Counts up for each thing that this webhook is told of; what was left out leaves a gap.
    pub sequence: u64,
    /// Ids, numbers and words of ours.
    pub data: Value,
}

fn millis<S: serde::Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl Told {
    /// The bytes that are sent and signed.
    ///
    /// # Errors
    /// When `data` cannot be written; what was read from a database can.
    pub fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// What is sent as [`SIGNATURE`]: by each secret that is good.
#[must_use]
pub fn signatures(secrets: &[&Secret], id: DeliveryId, timestamp: i64, body: &[u8]) -> String {
    let id = id.to_string();
    let signed: Vec<String> = secrets
        .iter()
        .map(|secret| secret.sign(&id, timestamp, body))
        .collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_published_libraries_do() {
        // From the specification's own libraries: their tests sign these words.
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        let written = secret.expose();
        assert_eq!(Secret::parse(&written), Ok(secret));
        for none in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_AAAA",
            "whsec_?",
        ] {
            assert_eq!(Secret::parse(none), Err(NotASecret), "{none}");
        }
    }

    #[test]
    fn what_is_told_is_written_like_this() {
        let told = Told {
            event: Event::RunLanded,
            timestamp: DateTime::UNIX_EPOCH,
            organization: TenantId::at(DateTime::UNIX_EPOCH, [0; 10]),
            sequence: 7,
            data: serde_json::json!({ "epoch": 1 }),
        };
        let body = String::from_utf8(told.body().unwrap()).unwrap();
        assert_eq!(
            body,
            r#"{"type":"run.landed","timestamp":"1970-01-01T00:00:00.000Z","organization":"ten_0000000000e008000000000000","sequence":7,"data":{"epoch":1}}"#
        );
        assert_eq!(serde_json::from_str::<Told>(&body).unwrap(), told);
    }
}
