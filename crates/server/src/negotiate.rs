//! What a request's headers ask for: RFC 9110, sections 12.5 and 13.1.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether the request asks for a page by name. `*/*` is what scripts and tools send: they are
/// better served with a status and a problem than with a page.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    items(headers, &header::ACCEPT).any(|(range, weight)| {
        weight > 0.0
            && (range.eq_ignore_ascii_case("text/html")
                || range.eq_ignore_ascii_case("application/xhtml+xml"))
    })
}

/// Whether a compressed answer is welcome, and not less than a plain one.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let weight = |name: &str| {
        items(headers, &header::ACCEPT_ENCODING)
            .find(|(coding, _)| coding.eq_ignore_ascii_case(name))
            .map(|(_, weight)| weight)
    };
    let any = weight("*");
    let gzip = weight("gzip").or(weight("x-gzip")).or(any).unwrap_or(0.0);
    // A plain answer is always fine unless it is refused by name.
    gzip > 0.0 && gzip >= weight("identity").unwrap_or(0.0)
}

/// Whether the client holds this version already. `tag` is an entity tag with its quotes.
pub(crate) fn holds(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}

/// The items of a list header with their weights; what cannot be read weighs nothing.
fn items<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'a str, f32)> + use<'a> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            (name, weight.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_browser_wants_pages_and_a_tool_does_not() {
        let wants = |value| wants_page(&headers(header::ACCEPT, value));
        assert!(wants(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(!wants("*/*") && !wants("application/json") && !wants("text/html;q=0"));
        assert!(!wants_page(&HeaderMap::new()));
    }

    #[test]
    fn compression_is_used_where_it_is_welcome() {
        let takes = |value| takes_gzip(&headers(header::ACCEPT_ENCODING, value));
        for yes in [
            "gzip",
            "gzip, deflate, br, zstd",
            "br;q=1.0, GZIP;q=0.5",
            "*",
            "identity;q=0, *",
        ] {
            assert!(takes(yes), "{yes}");
        }
        for no in [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "gzip;q=0, *",
            "gzip;q=0.1, identity;q=0.5",
            "gzip;q=x",
        ] {
            assert!(!takes(no), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_version_that_is_held_is_known_again() {
        let held = |value| holds(&headers(header::IF_NONE_MATCH, value), "\"a\"");
        assert!(held("\"a\"") && held("W/\"a\"") && held("\"b\", \"a\"") && held("*"));
        assert!(!held("\"b\"") && !held("a") && !held(""));
    }
}
