//! Hosts, ports and URLs, taken apart once and strictly.
//!
//! Whatever is compared in this crate is compared as a [`HostPort`]. What a lenient reader would
//! mend (a NUL, a space, user information, a number that some resolvers take for an address) is an
//! error here, so that two readers can never see two hosts in one string.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name that DNS carries (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;
/// The longest label of such a name.
const MAX_LABEL: usize = 63;

/// Why a host, port or URL was not taken. The texts are for people and never quote the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No host at all.
    #[error("it names no host")]
    NoHost,
    /// A character that no host name has.
    #[error("its host name has a character that no host name has")]
    BadName,
    /// A number that some resolvers read as an address, such as `0x7f.1`.
    #[error("its host is a number that is not a plain IP address")]
    NumberName,
    /// No port where there must be one, or not a port.
    #[error("its port is not a number from 1 to 65535")]
    BadPort,
    /// User information where none is allowed.
    #[error("it carries a user name or password")]
    UserInfo,
    /// Not `http` or `https`.
    #[error("it is not an http or https address")]
    BadScheme,
}

/// A host: a name in lower case without a trailing dot, or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A DNS name of letters, digits, `-` and `_`.
    Name(String),
    /// An address, written as one.
    Ip(IpAddr),
}

impl Host {
    /// Reads a host as it stands in an authority: `example.org`, `192.0.2.1`, `[2001:db8::1]`.
    ///
    /// # Errors
    /// Anything that is not plainly one of the three.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if let Some(inner) = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            return inner
                .parse::<Ipv6Addr>()
                .map(|ip| Self::Ip(ip.into()))
                .map_err(|_| EndpointError::BadName);
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        match name.len() {
            0 => return Err(EndpointError::NoHost),
            len if len > MAX_NAME => return Err(EndpointError::BadName),
            _ => {}
        }
        if !name.split('.').all(is_label) {
            return Err(EndpointError::BadName);
        }
        if name.rsplit('.').next().is_some_and(is_number) {
            return Err(EndpointError::NumberName);
        }
        Ok(Self::Name(name))
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
        })
}

/// What `inet_aton` takes for a part of an address.
fn is_number(label: &str) -> bool {
    let hex = label
        .strip_prefix("0x")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || label.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// One service of one host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The TCP port, never 0.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port`; the port must be there.
    ///
    /// # Errors
    /// See [`EndpointError`]; user information is one.
    pub fn parse(authority: &str) -> Result<Self, EndpointError> {
        Self::with_default(authority, None)
    }

    fn with_default(authority: &str, default: Option<u16>) -> Result<Self, EndpointError> {
        if authority.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let after_ip = authority.rfind(']').map_or(0, |at| at + 1);
        let colon = authority
            .get(after_ip..)
            .and_then(|rest| rest.find(':'))
            .map(|at| at + after_ip);
        let (host, port) = match colon {
            Some(at) => {
                let (host, port) = authority.split_at(at);
                (host, parse_port(port.get(1..).unwrap_or_default())?)
            }
            None => (authority, default.ok_or(EndpointError::BadPort)?),
        };
        Ok(Self {
            host: Host::parse(host)?,
            port,
        })
    }
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EndpointError::BadPort);
    }
    text.parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or(EndpointError::BadPort)
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// An `http` or `https` URL, without what it might hold of secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether the connection is encrypted.
    pub https: bool,
    /// Where it goes.
    pub at: HostPort,
    /// Whether user information stood in it. It is not kept.
    pub had_credentials: bool,
    /// The path with its query, starting with `/`. No fragment.
    pub path: String,
}

impl Url {
    /// Reads an absolute URL.
    ///
    /// # Errors
    /// See [`EndpointError`]. User information is dropped, not an error: see `had_credentials`.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b' ' || byte == b'\\')
        {
            return Err(EndpointError::BadName);
        }
        let (scheme, rest) = text.split_once("://").ok_or(EndpointError::BadScheme)?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(EndpointError::BadScheme),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (had_credentials, authority) = match authority.rsplit_once('@') {
            Some((_, host)) => (true, host),
            None => (false, authority),
        };
        let at = HostPort::with_default(authority, Some(if https { 443 } else { 80 }))?;
        let tail = tail.split('#').next().unwrap_or_default();
        let path = if tail.starts_with('/') {
            tail.to_owned()
        } else {
            format!("/{tail}")
        };
        Ok(Self {
            https,
            at,
            had_credentials,
            path,
        })
    }
}

/// The user name and password of a URL, decoded; none where it has no user information. Kept apart
/// from [`Url`], which is shown.
pub(crate) fn user_info(text: &str) -> Option<(String, String)> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (info, _) = authority.rsplit_once('@')?;
    let (user, password) = info.split_once(':').unwrap_or((info, ""));
    Some((decoded(user)?, decoded(password)?))
}

/// Percent-decoded (RFC 3986, section 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

impl fmt::Display for Url {
    /// The URL without credentials; the port only where it is not the usual one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        match self.at.port == usual {
            true => write!(f, "{scheme}://{}{}", self.at.host, self.path),
            false => write!(f, "{scheme}://{}{}", self.at, self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_spelling() {
        let plain = HostPort::parse("pkg.example:443").unwrap();
        assert_eq!(HostPort::parse("PKG.Example:443").unwrap(), plain);
        assert_eq!(HostPort::parse("pkg.example.:443").unwrap(), plain);
        assert_eq!(Url::parse("https://pkg.example/x").unwrap().at, plain);
        assert_ne!(HostPort::parse("pkg.example:80").unwrap(), plain);
    }

    #[test]
    fn tricks_are_errors() {
        for (text, why) in [
            ("evil.example\0.pkg.example:443", EndpointError::BadName),
            ("pkg.example\t:443", EndpointError::BadName),
            ("pkg.example@evil.example:443", EndpointError::UserInfo),
            ("evil.example#.pkg.example:443", EndpointError::BadName),
            ("evil.example%00.pkg.example:443", EndpointError::BadName),
            ("pkg.example..:443", EndpointError::BadName),
            (".pkg.example:443", EndpointError::BadName),
            ("pkg.exämple:443", EndpointError::BadName),
            ("2130706433:80", EndpointError::NumberName),
            ("0x7f.1:80", EndpointError::NumberName),
            ("0177.0.0.1:80", EndpointError::NumberName),
            ("::1:80", EndpointError::BadPort),
            ("pkg.example", EndpointError::BadPort),
            ("pkg.example:0", EndpointError::BadPort),
            ("pkg.example:+80", EndpointError::BadPort),
            ("pkg.example:65536", EndpointError::BadPort),
            (":443", EndpointError::NoHost),
        ] {
            assert_eq!(HostPort::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn addresses_are_addresses() {
        assert_eq!(
            Host::parse("127.0.0.1").unwrap(),
            Host::Ip(Ipv4Addr::LOCALHOST.into())
        );
        assert_eq!(
            HostPort::parse("[::1]:80").unwrap().host,
            Host::Ip(Ipv6Addr::LOCALHOST.into())
        );
        assert_eq!(HostPort::parse("[::1]:80").unwrap().to_string(), "[::1]:80");
    }

    #[test]
    fn user_information_is_decoded() {
        let both = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        for (text, expected) in [
            ("https://me:a%40b%3a@pkg.example/x", both("me", "a@b:")),
            ("https://token@pkg.example", both("token", "")),
            ("https://:x@pkg.example", both("", "x")),
            ("https://pkg.example/@me:x", None),
            ("https://me:%4@pkg.example/", None),
            ("https://me:%ff@pkg.example/", None),
        ] {
            assert_eq!(user_info(text), expected, "{text}");
        }
    }

    #[test]
    fn a_url_loses_its_credentials_and_says_so() {
        let url = Url::parse("https://me:secret@pkg.example:8443/simple?x#frag").unwrap();
        assert!(url.had_credentials);
        assert_eq!(url.to_string(), "https://pkg.example:8443/simple?x");
        assert_eq!(
            Url::parse("HTTP://pkg.example").unwrap().to_string(),
            "http://pkg.example/"
        );
        assert_eq!(
            Url::parse("file:///etc/passwd"),
            Err(EndpointError::BadScheme)
        );
        assert_eq!(
            Url::parse("https://a.example\\@b.example/"),
            Err(EndpointError::BadName)
        );
    }
}
