//! A string that is not shown and not left behind.

use std::fmt;

use axum::http::HeaderValue;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A key or token. `Debug` prints `***`, there is no `Display`, and the memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the secret over. Space around it (the newline at the end of a key file) is not part of it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// Nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in a time that depends on the lengths only.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As the value of a header, behind `scheme`; `None` where it holds what no header can.
    pub(crate) fn header(&self, scheme: &str) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("{scheme}{}", *self.0));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_whole_secrets_and_never_shows_them() {
        let secret = Secret::new("sk-1\n");
        assert!(secret.matches(b"sk-1"));
        assert!(!secret.matches(b"sk-") && !secret.matches(b"sk-12") && !secret.matches(b""));
        assert_eq!(
            format!("{secret:?} {:?}", secret.header("Bearer ")),
            "*** Some(Sensitive)"
        );
        assert!(Secret::new("a\nb").header("").is_none());
    }
}
