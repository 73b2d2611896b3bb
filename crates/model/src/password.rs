//! Which passwords are taken: long ones, of anything, that are not the first that somebody would try
//! (NIST SP 800-63B section 3.1.1: a length, no rules of composition, a list of what is known).

use crate::email::Email;

/// Fewest characters.
pub const PASSWORD_MIN: usize = 12;
/// Most bytes: what is hashed has a bound, which no passphrase comes near.
pub const PASSWORD_MAX: usize = 1024;
/// A password of fewer different characters is a rhythm on one key.
const DIFFERENT_MIN: usize = 4;
/// What lists of leaked passwords begin with, of those that are long enough; and our own name.
const KNOWN: &[&str] = &[
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789012345",
    "1234567890123456",
    "0123456789012",
    "012345678910",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "qwertyuiopasdf",
    "asdfghjkl123",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "q1w2e3r4t5y6",
    "iloveyou1234",
    "letmeinletmein",
    "administrator",
    "administrator1",
    "changeme1234",
    "changemechangeme",
    "welcome12345",
    "welcomewelcome",
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "trustno1trustno1",
    "freeholdfreehold",
    "freehold1234",
    "abcdefghijkl",
    "abcdefghijklmnop",
    "abcdefghijklmnopqrstuvwxyz",
];

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too short.
    #[error(
        "the password is shorter than {PASSWORD_MIN} characters; three or four words in a row are a good one"
    )]
    Short,
    /// Longer than can be.
    #[error("the password is longer than {PASSWORD_MAX} bytes")]
    Long,
    /// The address, or a part of it.
    #[error("the password is the e-mail address or a part of it")]
    Address,
    /// The first that somebody would try.
    #[error("the password is among the first that somebody would try")]
    Known,
}

/// Whether `password` is one that a person with this address may choose. Space and any letters count
/// like all others; nothing is cut off or changed.
///
/// # Errors
/// [`Weak`], in words for the person.
pub fn check(password: &str, email: &Email) -> Result<(), Weak> {
    if password.len() > PASSWORD_MAX {
        return Err(Weak::Long);
    }
    if password.chars().count() < PASSWORD_MIN {
        return Err(Weak::Short);
    }
    let lower = password.to_lowercase();
    let bare = lower.trim();
    if bare == email.as_str() || bare == email.local() || bare == email.local().repeat(2) {
        return Err(Weak::Address);
    }
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if KNOWN.contains(&bare) || different.len() < DIFFERENT_MIN {
        return Err(Weak::Known);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_one_of_anything_is_taken_and_an_obvious_one_is_not() {
        let email: Email = "ada.lovelace@example.org".parse().unwrap();
        let of = |password: &str| check(password, &email);
        for good in [
            "a tall blue horse",
            "äöüäöüß€漢字仮名",
            "            abcd",
            "wX9-wX9-wX9-",
        ] {
            assert_eq!(of(good), Ok(()), "{good}");
        }
        assert_eq!(of("elevenchars"), Err(Weak::Short));
        assert_eq!(
            of("äöüäöüäöüäö"),
            Err(Weak::Short),
            "characters count, not bytes"
        );
        assert_eq!(of(&"ab cd".repeat(205)), Err(Weak::Long));
        assert_eq!(of(&"xyz-".repeat(256)), Ok(()));
        for address in [
            "ada.lovelace@example.org",
            "ADA.Lovelace@example.org ",
            "ada.lovelace",
        ] {
            assert_eq!(of(address), Err(Weak::Address), "{address}");
        }
        for known in [
            "Password1234",
            "aaaaaaaaaaaaaaaa",
            "121212121212",
            "correct horse battery staple",
        ] {
            assert_eq!(of(known), Err(Weak::Known), "{known}");
        }
        for known in KNOWN {
            assert!(
                known.chars().count() >= PASSWORD_MIN,
                "{known} is refused as too short anyway"
            );
        }
    }
}
