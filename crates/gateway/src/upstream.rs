//! A model endpoint: its kind, where it is, and the key to it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// What an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// OpenAI, and the many that speak its protocols.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Ollama: its own protocol, and OpenAI's and Anthropic's beside it.
    Ollama,
}

impl FromStr for Kind {
    type Err = UrlError;

    /// Reads `openai`, `anthropic` or `ollama`.
    fn from_str(text: &str) -> Result<Self, UrlError> {
        match text {
            "openai" => Ok(Self::OpenAi),
            "anthropic" => Ok(Self::Anthropic),
            "ollama" => Ok(Self::Ollama),
            _ => Err(UrlError::Kind),
        }
    }
}

/// A model endpoint. `Debug` shows no key.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// What it speaks.
    pub kind: Kind,
    /// Where it is.
    pub base_url: BaseUrl,
    /// The real key; none for an endpoint that asks for none.
    pub key: Option<Secret>,
}

/// Whether an endpoint may be spoken to without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// Only on this machine and in private networks (an address, or `localhost`).
    #[default]
    LocalOnly,
    /// Anywhere: prompts and the key cross the network readable.
    Anywhere,
}

/// The parsed base URL of an endpoint: http or https, a host, a path; no user, no query, no fragment.
///
/// It may or may not end in a version (`https://api.openai.com`, `https://api.openai.com/v1`): clients call `/v1/…`, and
/// both mean the same place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// A base URL that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL.
    #[error(
        "the base URL cannot be read; write it like https://api.openai.com/v1 or http://127.0.0.1:11434"
    )]
    Syntax,
    /// Another scheme.
    #[error(
        "the base URL must begin with https:// (or http:// on this machine and in private networks)"
    )]
    Scheme,
    /// A user or password in it.
    #[error(
        "the base URL holds a user name or password; take it out and give the key as a file or a variable"
    )]
    Credentials,
    /// A query or fragment in it.
    #[error("the base URL must end with its path; take away what follows `?` or `#`")]
    Query,
    /// Plain HTTP to somewhere else.
    #[error(
        "http:// to {0} would send prompts and the key readable over the network; use https://, or allow plain HTTP for this endpoint"
    )]
    Plain(String),
    /// No kind of this name.
    #[error("the kind of an endpoint is openai, anthropic or ollama")]
    Kind,
}

impl BaseUrl {
    /// Reads a base URL. Nothing is looked up.
    ///
    /// # Errors
    /// See [`UrlError`]; none of them repeats credentials.
    pub fn parse(text: &str, plain: PlainHttp) -> Result<Self, UrlError> {
        let url = Url::parse(text.trim()).map_err(|_| UrlError::Syntax)?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(UrlError::Scheme)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(UrlError::Query);
        }
        match url.scheme() {
            "https" => {}
            "http" if plain == PlainHttp::Anywhere || is_local(host) => {}
            "http" => return Err(UrlError::Plain(host.to_owned())),
            _ => return Err(UrlError::Scheme),
        }
        Ok(Self(url))
    }

    /// The address of what a client calls `path` (absolute, `/v1/…` or `/api/…`), with its query.
    pub(crate) fn join(&self, path: &str, query: Option<&str>) -> Url {
        let base = self.0.path().trim_end_matches('/');
        let (before, version) = base.rsplit_once('/').unwrap_or(("", ""));
        let joined = match path.strip_prefix("/v1") {
            // The base names the version: `…/v1`, or what an OpenAI-compatible vendor has in its place (`…/v4`).
            Some(rest) if is_version(version) => format!("{base}{rest}"),
            Some(_) => format!("{base}{path}"),
            None if is_version(version) => format!("{before}{path}"),
            None => format!("{base}{path}"),
        };
        let mut url = self.0.clone();
        url.set_path(&joined);
        url.set_query(query);
        url
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// This machine or a private network, as far as an address says so by itself. Names are not looked up: what they mean
/// can change.
fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => {
            ip == Ipv6Addr::LOCALHOST || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BaseUrl, UrlError> {
        BaseUrl::parse(text, PlainHttp::LocalOnly)
    }

    #[test]
    fn joins_with_and_without_a_version() {
        let joined = |base: &str, path: &str| {
            parse(base)
                .unwrap()
                .join(path, Some("beta=true"))
                .to_string()
        };
        for base in ["https://h/v1", "https://h/v1/", "https://h", "https://h/"] {
            assert_eq!(joined(base, "/v1/models"), "https://h/v1/models?beta=true");
        }
        assert_eq!(
            joined("https://h/openai/v1", "/v1/responses"),
            "https://h/openai/v1/responses?beta=true"
        );
        assert_eq!(
            joined("https://h/paas/v4", "/v1/chat/completions"),
            "https://h/paas/v4/chat/completions?beta=true"
        );
        assert_eq!(
            joined("https://h/vpn", "/v1/models"),
            "https://h/vpn/v1/models?beta=true"
        );
        assert_eq!(
            joined("http://localhost:11434/v1", "/api/chat"),
            "http://localhost:11434/api/chat?beta=true"
        );
    }

    #[test]
    fn plain_http_stays_at_home() {
        for local in [
            "http://127.0.0.1:1",
            "http://localhost/v1",
            "http://[::1]:80",
            "http://192.168.1.4",
            "http://10.0.0.1",
        ] {
            assert!(parse(local).is_ok(), "{local}");
        }
        for far in [
            "http://example.com",
            "http://8.8.8.8/v1",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
        ] {
            assert!(matches!(parse(far), Err(UrlError::Plain(_))), "{far}");
        }
        assert!(BaseUrl::parse("http://example.com", PlainHttp::Anywhere).is_ok());
    }

    #[test]
    fn refuses_what_is_not_a_base_url() {
        assert_eq!(
            parse("https://me:sk-secret@h/v1"),
            Err(UrlError::Credentials)
        );
        assert_eq!(parse("https://h/v1?key=sk"), Err(UrlError::Query));
        assert_eq!(parse("ftp://h"), Err(UrlError::Scheme));
        assert_eq!(parse("file:///etc/passwd"), Err(UrlError::Scheme));
        assert_eq!(parse("api.openai.com"), Err(UrlError::Syntax));
    }
}
