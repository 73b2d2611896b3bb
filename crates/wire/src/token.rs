//! Access tokens: a prefix per kind, 160 random bits, and a checksum that is verified before
//! any look-up. The server keeps a hash.

use std::fmt;
use std::str::FromStr;

use freehold_model::world::{Entropy, random};
use zeroize::Zeroizing;

use crate::base64url;
use crate::dsse::fingerprint;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person's, for the API.
    User,
    /// Enrols one runner, once.
    Enrolment,
    /// A runner's session over one connection.
    Session,
    /// Signs one browser in, once.
    SignIn,
    /// A browser's session, for the API.
    Browser,
    /// A person's, for the API, with limits.
    Personal,
    /// An organization's, for the API, with limits.
    Service,
    /// What a device asks with whether it was approved.
    Device,
    /// Confirms that an address is its person's, once.
    Confirmation,
    /// Sets a new password, once.
    Reset,
    /// Accepts an invitation, once.
    Invitation,
    /// Confirms one destructive act, once.
    Act,
    /// Brings the answer of a provider of identities back, once: the browser's that set out.
    Begun,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::User,
        Self::Enrolment,
        Self::Session,
        Self::SignIn,
        Self::Browser,
        Self::Personal,
        Self::Service,
        Self::Device,
        Self::Confirmation,
        Self::Reset,
        Self::Invitation,
        Self::Act,
        Self::Begun,
    ];

    const fn prefix(self) -> &'static str {
        match self {
            Self::User => "fhu",
            Self::Enrolment => "fhe",
            Self::Session => "fhr",
            Self::SignIn => "fhs",
            Self::Browser => "fhb",
            Self::Personal => "fhp",
            Self::Service => "fht",
            Self::Device => "fhd",
            Self::Confirmation => "fhc",
            Self::Reset => "fhw",
            Self::Invitation => "fhi",
            Self::Act => "fha",
            Self::Begun => "fho",
        }
    }
}

const SECRET: usize = 20;
const CHECKSUM: usize = 6;
/// Longest text that is looked at: twice a token's own.
const TEXT_MAX: usize = 96;

/// A token in the clear. Wiped on drop; `Debug` hides it; `Display` shows it, to be shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: Kind,
    text: Zeroizing<String>,
}

/// Not a token of ours: mistyped, cut, or of another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid token")]
pub struct NotAToken;

fn checksum(body: &str) -> String {
    fingerprint(body.as_bytes())[..CHECKSUM].to_owned()
}

impl Token {
    /// A fresh token.
    #[must_use]
    pub fn generate(kind: Kind, entropy: &dyn Entropy) -> Self {
        let secret: [u8; SECRET] = random(entropy);
        let body = format!("{}_{}", kind.prefix(), base64url::encode(&secret));
        let text = format!("{body}.{}", checksum(&body));
        Self {
            kind,
            text: Zeroizing::new(text),
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> Vec<u8> {
        ring::digest::digest(&ring::digest::SHA256, self.text.as_bytes())
            .as_ref()
            .to_vec()
    }

    /// Another secret that is made of this one, for a purpose: whoever sees it learns nothing of the
    /// token, nor of what is made of it for another. 256 bits, as unpadded base64url.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> String {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.text.as_bytes());
        base64url::encode(ring::hmac::sign(&key, purpose.as_bytes()).as_ref())
    }
}

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let text = text.trim();
        if text.len() > TEXT_MAX {
            return Err(NotAToken);
        }
        let (body, sum) = text.rsplit_once('.').ok_or(NotAToken)?;
        let (prefix, secret) = body.split_once('_').ok_or(NotAToken)?;
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.prefix() == prefix)
            .ok_or(NotAToken)?;
        let well_formed = base64url::decode(secret).is_some_and(|bytes| bytes.len() == SECRET);
        if !well_formed || sum != checksum(body) {
            return Err(NotAToken);
        }
        Ok(Self {
            kind,
            text: Zeroizing::new(text.to_owned()),
        })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}_***)", self.kind.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(std::sync::atomic::AtomicU8);
    impl Entropy for Counter {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0.fetch_add(37, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn a_token_survives_its_text_and_a_slip_does_not() {
        let token = Token::generate(Kind::User, &Counter(1.into()));
        let text = token.to_string();
        assert!(text.starts_with("fhu_"));
        assert_eq!(text.parse::<Token>().unwrap(), token);
        let slip = text.replacen("fhu_", "fhu_A", 1);
        assert!(slip.parse::<Token>().is_err());
        assert!(text.replacen("fhu", "fhe", 1).parse::<Token>().is_err());
        assert!(!format!("{token:?}").contains(&text[5..12]));
    }

    #[test]
    fn each_kind_has_a_prefix_of_its_own_and_what_is_no_token_is_refused() {
        for kind in Kind::ALL {
            let text = Token::generate(kind, &Counter(3.into())).to_string();
            assert_eq!(text.parse::<Token>().map(|token| token.kind()), Ok(kind));
            for cut in 0..text.len() {
                assert!(text[..cut].parse::<Token>().is_err(), "cut at {cut}");
            }
        }
        let huge = "x".repeat(1 << 20);
        for odd in [
            "",
            ".",
            "fhu_",
            "fhu_.",
            "fhu_\0.",
            "fhu_é.é",
            "\"fhu_x\"",
            &huge,
        ] {
            assert!(odd.parse::<Token>().is_err());
        }
    }
}
