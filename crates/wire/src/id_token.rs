//! ID tokens of OpenID Connect: whether one is good, and what it says of whom.
//!
//! A token is a JWS in its compact form (RFC 7515). What signs it is a key of the provider, chosen by the
//! token's `kid`, and the algorithm must be the one that fits this key: `none` and everything that is keyed
//! with a shared secret are not known here, so that a provider's public key is never taken for one. What it
//! says is believed when it was made by the issuer that was asked, for us, now, and for this one question
//! (OpenID Connect Core 1.0, 3.1.3.7).

use chrono::{DateTime, TimeDelta, Utc};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::base64url;

/// Longest token that is looked at: one with hundreds of groups is a tenth of it.
const TOKEN_MAX: usize = 128 * 1024;
/// Keys of a provider that are looked at; they have two to five.
const KEYS_MAX: usize = 64;
/// How far a provider's clock may be from ours.
pub const SKEW: TimeDelta = TimeDelta::seconds(60);
/// A token that was made longer ago answers no question that was asked just now.
const AGE_MAX: TimeDelta = TimeDelta::minutes(15);
/// Longest subject (OpenID Connect Core 1.0, 2).
const SUBJECT_MAX: usize = 255;
/// Groups that are looked at: Entra sends 200 at most. Of a longer list nothing is believed.
const GROUPS_MAX: usize = 1000;
/// Longest name of a group.
pub const GROUP_NAME_MAX: usize = 256;

/// Why a token is not believed. None of them repeats what the token says: it ends up in logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGood {
    /// Not three parts, or not of what they must be.
    #[error("the ID token is malformed")]
    Malformed,
    /// An algorithm that is none of those that a provider's own key signs with.
    #[error("the ID token is not signed in a way that is taken")]
    Algorithm,
    /// The provider names no such key, or several: its keys may have changed.
    #[error("the ID token is signed with a key that the provider does not name")]
    Key,
    /// The signature is not the key's.
    #[error("the ID token's signature is wrong")]
    Signature,
    /// Another issuer's.
    #[error("the ID token is of another issuer")]
    Issuer,
    /// Made for another client.
    #[error("the ID token is for another client")]
    Audience,
    /// Too old, or of another time.
    #[error("the ID token has expired, or is of another time")]
    Time,
    /// The answer to another question.
    #[error("the ID token answers another request")]
    Nonce,
    /// Names nobody.
    #[error("the ID token names nobody")]
    Subject,
}

/// What a token must be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Who made it, letter by letter.
    pub issuer: &'a str,
    /// For whom.
    pub client: &'a str,
    /// For which question.
    pub nonce: &'a str,
    /// The time.
    pub now: DateTime<Utc>,
    /// The claim that lists groups, where any is looked at.
    pub groups: Option<&'a str>,
    /// That it is not there means that somebody is in no group. Some providers leave it out then; others do
    /// when there are too many, or when somebody took it out of the client.
    pub no_claim_is_no_group: bool,
}

/// Whom a token tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Their name at the issuer, which is never given to another.
    pub subject: String,
    /// An address, as the provider writes it.
    pub email: Option<String>,
    /// Whether the provider has seen that the address is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<String>,
    /// The groups that they are in. Nothing where the token does not say: that is not to be in none.
    pub groups: Option<Vec<String>>,
}

/// The keys of a provider (a JWK Set, RFC 7517).
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    /// The one algorithm that it is for, where its provider says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct RawKeys {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a set. A key of a kind that is not known is left out, as RFC 7517 section 5 says; shared
    /// secrets are of such a kind.
    #[must_use]
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        let raw: RawKeys = serde_json::from_slice(bytes).ok()?;
        let keys = raw.keys.into_iter().take(KEYS_MAX);
        let keys = keys.filter_map(|value| serde_json::from_value::<RawKey>(value).ok()?.read());
        Some(Self(keys.collect()))
    }

    /// The key that this header means: of its name, and of the kind that its algorithm takes.
    fn find(&self, header: &Header) -> Result<&Key, NotGood> {
        let fits = |key: &&Key| {
            let named = header.kid.is_none() || header.kid == key.id;
            let meant = key.algorithm.as_ref().is_none_or(|alg| *alg == header.alg);
            named && meant && key.material.takes(&header.alg).is_some()
        };
        let mut found = self.0.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(NotGood::Key),
        }
    }
}

impl RawKey {
    fn read(self) -> Option<Key> {
        if self.purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let part = |text: Option<String>| base64url::decode(&text?);
        let point = |x: Option<String>, y: Option<String>, size: usize| {
            let (x, y) = (part(x)?, part(y)?);
            // SEC 1, 2.3.3: an uncompressed point.
            (x.len() == size && y.len() == size).then(|| [&[4], &x[..], &y[..]].concat())
        };
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::Rsa {
                n: part(self.n)?,
                e: part(self.e)?,
            },
            ("EC", Some("P-256")) => Material::P256(point(self.x, self.y, 32)?),
            ("EC", Some("P-384")) => Material::P384(point(self.x, self.y, 48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(part(self.x)?),
            _ => return None,
        };
        Some(Key {
            id: self.kid,
            algorithm: self.alg,
            material,
        })
    }
}

/// How a signature is verified.
enum How {
    Rsa(&'static RsaParameters),
    Other(&'static dyn VerificationAlgorithm),
}

impl Material {
    /// How this key verifies what was signed by the algorithm of that name, if it does.
    fn takes(&self, algorithm: &str) -> Option<How> {
        Some(match (self, algorithm) {
            (Self::Rsa { .. }, "RS256") => How::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            (Self::Rsa { .. }, "RS384") => How::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            (Self::Rsa { .. }, "RS512") => How::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            (Self::Rsa { .. }, "PS256") => How::Rsa(&RSA_PSS_2048_8192_SHA256),
            (Self::Rsa { .. }, "PS384") => How::Rsa(&RSA_PSS_2048_8192_SHA384),
            (Self::Rsa { .. }, "PS512") => How::Rsa(&RSA_PSS_2048_8192_SHA512),
            (Self::P256(_), "ES256") => How::Other(&ECDSA_P256_SHA256_FIXED),
            (Self::P384(_), "ES384") => How::Other(&ECDSA_P384_SHA384_FIXED),
            (Self::Ed25519(_), "EdDSA" | "Ed25519") => How::Other(&ED25519),
            _ => return None,
        })
    }

    fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Result<(), NotGood> {
        let verified = match (self, self.takes(algorithm)) {
            (Self::Rsa { n, e }, Some(How::Rsa(how))) => {
                RsaPublicKeyComponents { n, e }.verify(how, message, signature)
            }
            (
                Self::P256(point) | Self::P384(point) | Self::Ed25519(point),
                Some(How::Other(how)),
            ) => UnparsedPublicKey::new(how, point).verify(message, signature),
            _ => return Err(NotGood::Algorithm),
        };
        verified.map_err(|_| NotGood::Signature)
    }
}

/// Algorithms that a provider's own key signs with.
const ALGORITHMS: [&str; 10] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519",
];

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What a reader must understand: nothing of it is understood here.
    crit: Option<Value>,
}

/// Believes a token, or says why not.
///
/// # Errors
/// [`NotGood`]. After [`NotGood::Key`] it is worth asking the provider for its keys once more.
pub fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, NotGood> {
    if token.len() > TOKEN_MAX {
        return Err(NotGood::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(NotGood::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(NotGood::Malformed)?;
    let decode = |part: &str| base64url::decode(part).ok_or(NotGood::Malformed);
    let header: Header =
        serde_json::from_slice(&decode(header)?).map_err(|_| NotGood::Malformed)?;
    if header.crit.is_some() || !ALGORITHMS.contains(&header.alg.as_str()) {
        return Err(NotGood::Algorithm);
    }
    let key = keys.find(&header)?;
    key.material
        .verify(&header.alg, signed.as_bytes(), &decode(signature)?)?;
    let said: Map<String, Value> =
        serde_json::from_slice(&decode(payload)?).map_err(|_| NotGood::Malformed)?;
    check(&said, expected)?;
    claims(&said, expected)
}

/// What a code verifier hashes to (RFC 7636, 4.2, `S256`).
#[must_use]
pub fn challenge(verifier: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    base64url::encode(digest.as_ref())
}

fn text<'a>(said: &'a Map<String, Value>, claim: &str) -> Option<&'a str> {
    said.get(claim)?.as_str()
}

/// A time, in whole seconds; some write fractions.
fn time(said: &Map<String, Value>, claim: &str) -> Result<Option<DateTime<Utc>>, NotGood> {
    let Some(value) = said.get(claim) else {
        return Ok(None);
    };
    let number = value.as_number().ok_or(NotGood::Malformed)?.to_string();
    // One with an exponent is no number of seconds that anybody writes, and is not read as one.
    let whole = number.split('.').next().unwrap_or_default();
    let seconds: i64 = whole.parse().map_err(|_| NotGood::Malformed)?;
    let at = DateTime::from_timestamp(seconds, 0).ok_or(NotGood::Malformed)?;
    Ok(Some(at))
}

fn check(said: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), NotGood> {
    if text(said, "iss") != Some(expected.issuer) {
        return Err(NotGood::Issuer);
    }
    let party = text(said, "azp");
    let for_us = match said.get("aud") {
        Some(Value::String(one)) => one == expected.client,
        // One that others take as well names the one that it was made for.
        Some(Value::Array(several)) => {
            several.iter().any(|one| one == expected.client)
                && (several.len() == 1 || party.is_some())
        }
        _ => false,
    };
    if !for_us || party.is_some_and(|party| party != expected.client) {
        return Err(NotGood::Audience);
    }
    let now = expected.now;
    let until = time(said, "exp")?.ok_or(NotGood::Time)?;
    let made = time(said, "iat")?.ok_or(NotGood::Time)?;
    let from = time(said, "nbf")?.unwrap_or(made);
    let fits =
        until + SKEW > now && made <= now + SKEW && from <= now + SKEW && made > now - AGE_MAX;
    if !fits {
        return Err(NotGood::Time);
    }
    let nonce = text(said, "nonce").unwrap_or_default();
    // It is no secret any more: comparing it takes no care.
    match !expected.nonce.is_empty() && nonce == expected.nonce {
        true => Ok(()),
        false => Err(NotGood::Nonce),
    }
}

/// The groups that a token lists, if it says all of them: a claim that is not there, is said to be elsewhere
/// (OpenID Connect Core 1.0, 5.6.2), is no list of names, or a longer one than is looked at, says nothing.
fn groups(said: &Map<String, Value>, expected: &Expected<'_>) -> Option<Vec<String>> {
    let claim = expected.groups?;
    let elsewhere = said.get("_claim_names");
    if elsewhere.is_some_and(|names| names.get(claim).is_some()) {
        return None;
    }
    let listed = match said.get(claim) {
        None | Some(Value::Null) => return expected.no_claim_is_no_group.then(Vec::new),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) if several.len() <= GROUPS_MAX => several
            .iter()
            .map(|one| one.as_str().map(str::to_owned))
            .collect::<Option<Vec<String>>>()?,
        Some(_) => return None,
    };
    // What cannot be a name is nothing in any organization.
    let is_name = |group: &String| !group.is_empty() && group.len() <= GROUP_NAME_MAX;
    Some(listed.into_iter().filter(is_name).collect())
}

fn claims(said: &Map<String, Value>, expected: &Expected<'_>) -> Result<Claims, NotGood> {
    let subject = text(said, "sub").unwrap_or_default();
    let is_one = (1..=SUBJECT_MAX).contains(&subject.len())
        && subject.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if !is_one {
        return Err(NotGood::Subject);
    }
    // Some write it as text. What is missing is a no.
    let verified = said.get("email_verified");
    let email_verified = verified.is_some_and(|said| *said == true || *said == "true");
    Ok(Claims {
        subject: subject.to_owned(),
        email: text(said, "email").map(str::to_owned),
        email_verified,
        name: text(said, "name").map(str::to_owned),
        groups: groups(said, expected),
    })
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;
