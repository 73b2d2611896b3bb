//! An e-mail address, as we take it: one spelling per person, and nothing that could be more than an
//! address where mail is written (RFC 5321 section 4.1.2, without quoted parts and literals).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest address, in bytes: a path of 256 without its brackets (RFC 5321 section 4.5.3.1.3).
pub const EMAIL_MAX: usize = 254;
/// Longest part before the `@` (RFC 5321 section 4.5.3.1.1).
const LOCAL_MAX: usize = 64;
/// Longest name between two dots of a domain (RFC 1035 section 2.3.4).
const LABEL_MAX: usize = 63;
/// What a part before the `@` is made of besides letters, digits and dots (RFC 5322 section 3.2.3).
const ATEXT: &str = "!#$%&'*+-/=?^_`{|}~";

/// An address in its one spelling: without space around it, in lower case. Mail servers that tell upper
/// from lower case before the `@` are all but extinct, and two accounts that look alike are a trap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// Not an address that we write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "that is no e-mail address that mail can be sent to: it is NAME@DOMAIN in ASCII (a domain in other letters is written as xn--…)"
)]
pub struct NotAnEmail;

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;

    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        let text = text.trim_matches(' ');
        let (local, domain) = text.split_once('@').ok_or(NotAnEmail)?;
        let fits = text.len() <= EMAIL_MAX && is_local(local) && is_domain(domain);
        match fits {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(NotAnEmail),
        }
    }
}

fn is_local(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ATEXT.contains(c))
    };
    local.len() <= LOCAL_MAX && local.split('.').all(is_atom)
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let bytes = label.as_bytes();
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        !bytes.is_empty()
            && bytes.len() <= LABEL_MAX
            && bytes.iter().all(is_inner)
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    })
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_person_has_one_spelling() {
        let spelt = |text: &str| text.parse::<Email>().unwrap().to_string();
        assert_eq!(
            spelt(" Ada.Lovelace+x@Example.ORG "),
            "ada.lovelace+x@example.org"
        );
        assert_eq!(spelt("a@localhost"), "a@localhost");
        assert_eq!(spelt("a@xn--bcher-kva.example"), "a@xn--bcher-kva.example");
    }

    #[test]
    fn what_could_be_more_than_an_address_is_none() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longer = format!("a@{}", vec!["b".repeat(63); 4].join("."));
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@b\r\nBcc: x@y",
            "a\r\n@b",
            "a\n@b.c",
            "a@b.c\n",
            "\ta@b",
            "a@b\0",
            "<a@b>",
            "\"a b\"@c",
            "a@[127.0.0.1]",
            "a@-b",
            "a@b-",
            "a@b..c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a,b@c",
            "a;b@c",
            "a(b)@c",
            "ä@b.c",
            "a@bücher.example",
            "a@\u{202e}gro.elpmaxe",
            "\u{feff}a@b.c",
            &long,
            &longer,
        ] {
            assert_eq!(text.parse::<Email>(), Err(NotAnEmail), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_one_line_of_ascii_and_stays_itself(text in "[ -~\r\n\u{80}-\u{ff}@.]{0,40}") {
            if let Ok(email) = text.parse::<Email>() {
                let text = email.to_string();
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[],;:\\\"".contains(&byte)));
                prop_assert_eq!(text.matches('@').count(), 1);
                prop_assert_eq!(text.parse::<Email>(), Ok(email));
            }
        }
    }
}
