//! Paths of the API. A name in a path stays one segment whatever it is made of.

use std::fmt::{Display, Write as _};

use reqwest::Url;

use crate::failure::Failure;

/// A path below `/api/v1`, with its query.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    path: String,
    query: Vec<(&'static str, String)>,
}

impl Route {
    /// The path of a noun.
    pub(crate) fn to(noun: &'static str) -> Self {
        Self {
            path: format!("/api/v1/{noun}"),
            query: Vec::new(),
        }
    }

    /// The thing of that id or name.
    ///
    /// # Errors
    /// For what cannot be a segment of a URL's path: nothing, `.` and `..`.
    pub(crate) fn of(noun: &'static str, name: &str) -> Result<Self, Failure> {
        Self::to(noun).at(name)
    }

    /// The thing of that id or name below it.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(crate) fn at(mut self, name: &str) -> Result<Self, Failure> {
        // RFC 3986 section 5.2.4: dot segments are taken out, even when they are escaped.
        if matches!(name, "" | "." | "..") {
            return Err(Failure::usage(
                format!("`{name}` is neither an id nor a name"),
                format!(
                    "list what there is under `{}`, and use its id or its name",
                    self.path.trim_start_matches("/api/v1/")
                ),
            ));
        }
        self.path.push('/');
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    self.path.push(char::from(byte));
                }
                // Writing to a `String` cannot fail.
                _ => drop(write!(self.path, "%{byte:02X}")),
            }
        }
        Ok(self)
    }

    /// Something below it.
    pub(crate) fn then(mut self, word: &'static str) -> Self {
        self.path.push('/');
        self.path.push_str(word);
        self
    }

    /// With a parameter.
    pub(crate) fn query(mut self, name: &'static str, value: impl Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// With a parameter, if there is a value.
    pub(crate) fn filter(self, name: &'static str, value: Option<&String>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// At that server.
    pub(super) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        let path = format!("{}{}", base.path().trim_end_matches('/'), self.path);
        url.set_path(&path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(name: &str) -> String {
        let base = Url::parse("http://localhost:1/").unwrap();
        Route::of("runs", name)
            .unwrap()
            .then("diff")
            .url(&base)
            .into()
    }

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(
            url("a/../b"),
            "http://localhost:1/api/v1/runs/a%2F..%2Fb/diff"
        );
        assert_eq!(
            url("a?b#c"),
            "http://localhost:1/api/v1/runs/a%3Fb%23c/diff"
        );
        assert_eq!(
            url("%2e%2e"),
            "http://localhost:1/api/v1/runs/%252e%252e/diff"
        );
        assert_eq!(
            url("ä b\n"),
            "http://localhost:1/api/v1/runs/%C3%A4%20b%0A/diff"
        );
        for none in ["", ".", ".."] {
            assert_eq!(Route::of("runs", none).unwrap_err().exit(), 2, "{none}");
        }
    }

    #[test]
    fn a_server_may_live_below_a_path_and_queries_are_escaped() {
        let base = Url::parse("https://example.org/fh/").unwrap();
        let route = Route::to("cards").query("project", "a&b=c");
        assert_eq!(
            route.url(&base).as_str(),
            "https://example.org/fh/api/v1/cards?project=a%26b%3Dc"
        );
    }
}
