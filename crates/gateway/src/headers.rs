//! Which headers pass, and which one carries the token or the key.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::secret::Secret;
use crate::upstream::{Kind, Upstream};

/// Headers that belong to one connection (RFC 9110 section 7.6.1, and those of proxies).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where clients put their key.
const CREDENTIALS: [&str; 3] = ["authorization", "x-api-key", "x-goog-api-key"];

/// Set anew for the next connection. `accept-encoding`: usage is read from the stream as it passes, so it must not be
/// compressed; over loopback that costs nothing.
const REWRITTEN: [&str; 4] = ["host", "content-length", "expect", "accept-encoding"];

/// Whether one of the headers in which clients carry a key holds `token`.
pub(crate) fn carries(headers: &HeaderMap, token: &Secret) -> bool {
    let values = CREDENTIALS.iter().flat_map(|name| headers.get_all(*name));
    // No short cut: every value is compared.
    values.fold(false, |found, value| {
        found | token.matches(bare(value.as_bytes()))
    })
}

/// A credential without its scheme. Schemes are case-insensitive (RFC 9110 section 11.1).
fn bare(value: &[u8]) -> &[u8] {
    match value.split_first_chunk::<7>() {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer ") => rest.trim_ascii(),
        _ => value.trim_ascii(),
    }
}

/// The header that shows the key to the upstream: `Err` where the key cannot be one.
pub(crate) fn key_header(upstream: &Upstream) -> Result<Option<(HeaderName, HeaderValue)>, ()> {
    let Some(key) = upstream.key.as_ref().filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    let (name, scheme) = match upstream.kind {
        Kind::Anthropic => (HeaderName::from_static("x-api-key"), ""),
        Kind::OpenAi | Kind::Ollama => (header::AUTHORIZATION, "Bearer "),
    };
    Ok(Some((name, key.header(scheme).ok_or(())?)))
}

/// The client's headers as they go to the upstream, without credentials.
pub(crate) fn towards_upstream(headers: &HeaderMap) -> HeaderMap {
    let dropped = |name: &str| CREDENTIALS.contains(&name) || REWRITTEN.contains(&name);
    let mut passed = without(headers, dropped);
    passed.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    passed
}

/// The upstream's headers as they go to the client, without any that holds the key.
pub(crate) fn towards_client(headers: &HeaderMap, key: Option<&Secret>) -> HeaderMap {
    let mut passed = without(headers, |_| false);
    let Some(key) = key.filter(|key| !key.is_empty()).map(Secret::bytes) else {
        return passed;
    };
    let holds = |value: &HeaderValue| {
        value
            .as_bytes()
            .windows(key.len())
            .any(|window| window == key)
    };
    let leaking: Vec<_> = passed
        .iter()
        .filter(|(_, value)| holds(value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in leaking {
        passed.remove(name);
    }
    passed
}

fn without(headers: &HeaderMap, dropped: impl Fn(&str) -> bool) -> HeaderMap {
    let connection = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let named: Vec<_> = connection
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let passes = |name: &str| {
        !HOP_BY_HOP.contains(&name) && !dropped(name) && !named.iter().any(|it| it == name)
    };
    headers
        .iter()
        .filter(|(name, _)| passes(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        headers.iter().map(header).collect()
    }

    #[test]
    fn what_is_unknown_passes_and_what_is_the_connections_does_not() {
        let passed = towards_upstream(&map(&[
            ("anthropic-beta", "a"),
            ("anthropic-beta", "b"),
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("authorization", "Bearer t"),
            ("x-api-key", "t"),
            ("host", "localhost"),
            ("te", "trailers"),
        ]));
        assert_eq!(passed.get_all("anthropic-beta").iter().count(), 2);
        assert_eq!(passed.len(), 3, "{passed:?}");
    }

    #[test]
    fn the_token_may_stand_in_any_of_the_usual_headers() {
        let token = Secret::new("t0");
        for (name, value) in [
            ("authorization", "bearer t0"),
            ("x-api-key", "t0"),
            ("x-goog-api-key", "t0"),
        ] {
            assert!(carries(&map(&[(name, value)]), &token), "{name}");
        }
        assert!(!carries(
            &map(&[("authorization", "Bearer t"), ("cookie", "t0")]),
            &token
        ));
        assert!(!carries(&HeaderMap::new(), &token));
    }

    #[test]
    fn a_header_that_echoes_the_key_is_dropped() {
        let key = Secret::new("sk-1");
        let passed = towards_client(&map(&[("x-echo", "key=sk-1;"), ("x-ok", "1")]), Some(&key));
        assert_eq!(passed.len(), 1);
    }
}
