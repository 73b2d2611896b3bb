//! The readers of bytes from inside, for fuzzing: each panics when what it promises does not hold.

use super::request::{self, Request};
use super::socks;
use crate::endpoint::{HostPort, Url};

/// A request to the proxy. What is taken and printed is read again as the same.
///
/// # Panics
/// A promise is broken.
pub fn http_request(bytes: &[u8]) {
    let Ok(Request::Plain(plain)) = request::parse(bytes) else {
        return;
    };
    let head = plain.head(80, None);
    let within = request::parse_within(&head, &plain.at);
    if plain.at.port == 443 || plain.at.port == 80 {
        return;
    }
    assert_eq!(within.as_ref().map(|again| &again.path), Ok(&plain.path));
    assert_eq!(within.map(|again| again.headers), Ok(plain.headers));
}

/// A SOCKS request. Every beginning of one that is taken asks for more.
///
/// # Panics
/// A promise is broken.
pub fn socks_request(bytes: &[u8]) {
    if let Ok(Some(at)) = socks::parse(bytes) {
        assert_eq!(HostPort::parse(&at.to_string()), Ok(at));
        for end in 0..bytes.len() {
            let begun = bytes.get(..end).unwrap_or_default();
            assert_eq!(socks::parse(begun), Ok(None));
        }
    }
}

/// Hosts, ports and URLs. What is taken and printed is read again as the same.
///
/// # Panics
/// A promise is broken.
pub fn endpoints(text: &str) {
    if let Ok(at) = HostPort::parse(text) {
        assert_eq!(HostPort::parse(&at.to_string()), Ok(at));
    }
    if let Ok(url) = Url::parse(text) {
        let again = Url::parse(&url.to_string());
        let plain = Url {
            had_credentials: false,
            ..url
        };
        assert_eq!(again, Ok(plain));
    }
}
