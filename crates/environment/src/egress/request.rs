//! The head of a proxy request, read strictly. What is not plainly one of two shapes is an error.

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::endpoint::{EndpointError, HostPort, Url};

/// The longest head: package clients send a few hundred bytes, and a long token at most.
const MAX_HEAD: usize = 32 * 1024;

/// Headers that speak to the proxy, or about the connection to it: not for the host.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "keep-alive",
    "upgrade",
    "te",
    "host",
];

/// What a client asks of the proxy, taken from the head alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// A tunnel.
    Tunnel { at: HostPort },
    /// One plain HTTP request.
    Plain(Plain),
}

impl Request {
    pub(super) fn at(&self) -> &HostPort {
        match self {
            Self::Tunnel { at } | Self::Plain(Plain { at, .. }) => at,
        }
    }
}

/// One HTTP request as its host gets it. The host's name comes from what was judged, and the
/// connection is closed after the answer, so that nothing can follow that was not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) at: HostPort,
    pub(super) method: String,
    /// Path and query.
    pub(super) path: String,
    /// Whole lines, in their order, without those that are for the proxy.
    pub(super) headers: Vec<String>,
    /// How many bytes follow the head.
    pub(super) body: u64,
}

impl Plain {
    /// The head for the host, `authorization` in the place of what the client may have sent as such.
    pub(super) fn head(&self, usual_port: u16, authorization: Option<&str>) -> Vec<u8> {
        let host = if self.at.port == usual_port {
            self.at.host.to_string()
        } else {
            self.at.to_string()
        };
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n",
            self.method, self.path
        );
        let kept = self
            .headers
            .iter()
            .filter(|line| authorization.is_none() || !is_named(line, "authorization"));
        for line in kept {
            head.push_str(line);
            head.push_str("\r\n");
        }
        if let Some(value) = authorization {
            head.push_str(&format!("Authorization: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// Why a request was not understood. The texts go to the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    #[error("the connection ended before the request did")]
    Ended,
    #[error("the head of the request is too long")]
    TooLong,
    #[error("this is not a proxy request: use CONNECT host:port, or an absolute http:// address")]
    Shape,
    #[error("this is not a request to the host of the tunnel")]
    OtherHost,
    #[error(
        "the length of its body is said in two ways, or in none that is taken here: send one Content-Length"
    )]
    Length,
    #[error("the destination of the request is refused: {0}")]
    Destination(#[source] EndpointError),
    #[error("https goes through CONNECT, never through the proxy in clear")]
    HttpsInClear,
    #[error("the SOCKS client wants to log in; this proxy takes no log-in")]
    SocksMethod,
    #[error("this is not a SOCKS5 CONNECT request")]
    SocksShape,
}

/// A head, and what came after it.
pub(super) type Heard = (Vec<u8>, Vec<u8>);

/// Reads up to the end of the head, with what has been read of it already; the rest is kept.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    mut buffer: Vec<u8>,
) -> Result<Heard, RequestError> {
    let mut looked = 0;
    loop {
        if let Some(end) = find_end(&buffer, looked) {
            let rest = buffer.split_off(end);
            return Ok((buffer, rest));
        }
        if buffer.len() >= MAX_HEAD {
            return Err(RequestError::TooLong);
        }
        // A client that sends byte by byte costs one look at each.
        looked = buffer.len().saturating_sub(3);
        let read = stream
            .read_buf(&mut buffer)
            .await
            .map_err(|_| RequestError::Ended)?;
        if read == 0 {
            return Err(RequestError::Ended);
        }
    }
}

fn find_end(buffer: &[u8], from: usize) -> Option<usize> {
    buffer
        .get(from..)?
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| from + at + 4)
}

/// A head taken apart, nothing of it judged but its shape.
struct Head<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<&'a str>,
}

impl<'a> Head<'a> {
    fn read(head: &'a [u8]) -> Result<Self, RequestError> {
        let text = std::str::from_utf8(head).map_err(|_| RequestError::Shape)?;
        let text = text.strip_suffix("\r\n\r\n").ok_or(RequestError::Shape)?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(RequestError::Shape);
        };
        let known = matches!(version, "HTTP/1.1" | "HTTP/1.0");
        let upper = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
        // A tab or a line's end in the target would be the end of a request to some readers, and the
        // rest another one, with the log-in that is added behind it.
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if !known || method.is_empty() || !method.bytes().all(upper) || !target.bytes().all(plain) {
            return Err(RequestError::Shape);
        }
        let headers: Vec<&str> = lines.collect();
        // A lone CR or LF, a NUL or a folded line is read differently by different hosts.
        let control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
        if headers
            .iter()
            .any(|line| line.bytes().any(control) || !is_header(line))
        {
            return Err(RequestError::Shape);
        }
        Ok(Self {
            method,
            target,
            headers,
        })
    }

    /// The request for a host that was judged, with the body's length as the headers say it.
    fn plain(&self, at: HostPort, path: String) -> Result<Plain, RequestError> {
        let kept = |line: &&&str| !HOP_BY_HOP.iter().any(|name| is_named(line, name));
        Ok(Plain {
            at,
            method: self.method.to_owned(),
            path,
            headers: self
                .headers
                .iter()
                .filter(kept)
                .map(|line| (*line).to_owned())
                .collect(),
            body: self.body()?,
        })
    }

    /// One plain `Content-Length` or none: two readers that count differently see two requests in one
    /// (RFC 9112, section 11.2). Chunks are not taken, because their end would have to be found.
    fn body(&self) -> Result<u64, RequestError> {
        let values = |name| {
            self.headers
                .iter()
                .filter(move |line| is_named(line, name))
                .map(|line| line.split_once(':').map_or("", |(_, value)| value.trim()))
        };
        let mut lengths = values("content-length");
        match (
            values("transfer-encoding").next(),
            lengths.next(),
            lengths.next(),
        ) {
            (None, None, None) => Ok(0),
            (None, Some(length), None) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                length.parse().map_err(|_| RequestError::Length)
            }
            _ => Err(RequestError::Length),
        }
    }
}

/// A request to the proxy itself: `CONNECT host:port`, or an absolute `http` address.
pub(super) fn parse(head: &[u8]) -> Result<Request, RequestError> {
    let head = Head::read(head)?;
    if head.method == "CONNECT" {
        let at = HostPort::parse(head.target).map_err(RequestError::Destination)?;
        return Ok(Request::Tunnel { at });
    }
    if head.target.starts_with('/') || head.target == "*" {
        return Err(RequestError::Shape);
    }
    let url = Url::parse(head.target).map_err(RequestError::Destination)?;
    if url.had_credentials {
        return Err(RequestError::Destination(EndpointError::UserInfo));
    }
    if url.https {
        return Err(RequestError::HttpsInClear);
    }
    head.plain(url.at, url.path).map(Request::Plain)
}

/// A request within a tunnel to `at`, in the form that a host gets.
pub(super) fn parse_within(head: &[u8], at: &HostPort) -> Result<Plain, RequestError> {
    let head = Head::read(head)?;
    if !head.target.starts_with('/') || head.method == "CONNECT" {
        return Err(RequestError::Shape);
    }
    // Whoever asks for another host through this tunnel gets nothing.
    let mut hosts = head.headers.iter().filter(|line| is_named(line, "host"));
    let (host, more) = (hosts.next(), hosts.next());
    let named = host
        .and_then(|line| line.split_once(':'))
        .map(|(_, value)| value.trim())
        .and_then(|value| {
            HostPort::parse(value)
                .or_else(|_| HostPort::parse(&format!("{value}:443")))
                .ok()
        });
    if more.is_some() || named.as_ref() != Some(at) {
        return Err(RequestError::OtherHost);
    }
    let path = head.target.split('#').next().unwrap_or_default();
    head.plain(at.clone(), path.to_owned())
}

fn is_named(line: &str, name: &str) -> bool {
    line.split(':')
        .next()
        .is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn is_header(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Request, RequestError> {
        parse(text.as_bytes())
    }

    fn at(text: &str) -> HostPort {
        HostPort::parse(text).unwrap()
    }

    fn plain(text: &str) -> Plain {
        match parsed(text).unwrap() {
            Request::Plain(plain) => plain,
            Request::Tunnel { .. } => panic!("not plain"),
        }
    }

    #[test]
    fn a_tunnel() {
        let request =
            parsed("CONNECT Pkg.Example.:443 HTTP/1.1\r\nHost: other.example\r\n\r\n").unwrap();
        assert_eq!(
            request,
            Request::Tunnel {
                at: at("pkg.example:443")
            }
        );
    }

    #[test]
    fn a_plain_request_is_rewritten_for_the_host() {
        let text = "GET http://Pkg.Example:8080/a?b#c HTTP/1.1\r\nhost: evil.example\r\nProxy-Authorization: Basic eDp5\r\n\
                    Accept: */*\r\nProxy-Connection: keep-alive\r\n\r\n";
        let plain = plain(text);
        assert_eq!(plain.at, at("pkg.example:8080"));
        let head = String::from_utf8(plain.head(80, None)).unwrap();
        assert_eq!(
            head,
            "GET /a?b HTTP/1.1\r\nHost: pkg.example:8080\r\nConnection: close\r\nAccept: */*\r\n\r\n"
        );
    }

    #[test]
    fn a_target_that_some_read_as_two_requests_is_refused() {
        let within = |target: &str| {
            let text = format!("GET {target} HTTP/1.1\r\nHost: pkg.example\r\n\r\n");
            parse_within(text.as_bytes(), &at("pkg.example:443"))
        };
        assert!(within("/a%20b?c=d~e").is_ok());
        for odd in ["\t", "\n", "\r", "\0", "\\", "\x0b", "\x7f", "é"] {
            let two = format!("/x{odd}HTTP/1.1{odd}Host:h{odd}{odd}PUT{odd}/evil");
            assert!(within(&two).is_err(), "{two:?}");
        }
    }

    #[test]
    fn a_body_has_one_length() {
        let post = |headers: &str| {
            parsed(&format!(
                "POST http://pkg.example/ HTTP/1.1\r\n{headers}\r\n"
            ))
        };
        for (headers, length) in [
            ("", 0),
            ("content-length: 7\r\n", 7),
            ("Content-Length:0\r\n", 0),
        ] {
            assert!(
                matches!(post(headers), Ok(Request::Plain(Plain { body, .. })) if body == length),
                "{headers:?}"
            );
        }
        for headers in [
            "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\n",
            "transfer-encoding: identity\r\n",
            "Content-Length: 7\r\nContent-Length: 7\r\n",
            "Content-Length: 7\r\ncontent-length: 8\r\n",
            "Content-Length: 7, 7\r\n",
            "Content-Length: +7\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 0x7\r\n",
            "Content-Length: \r\n",
            "Content-Length: 18446744073709551616\r\n",
        ] {
            assert_eq!(post(headers), Err(RequestError::Length), "{headers:?}");
        }
    }

    #[test]
    fn an_authorization_takes_the_place_of_the_clients() {
        let text = "GET http://a.example/ HTTP/1.1\r\nauthorization: Basic eDp5\r\nA: b\r\n\r\n";
        let head = |own| String::from_utf8(plain(text).head(80, own)).unwrap();
        assert!(head(None).contains("authorization: Basic eDp5\r\n"));
        assert!(head(Some("Bearer z")).ends_with("A: b\r\nAuthorization: Bearer z\r\n\r\n"));
        assert!(!head(Some("Bearer z")).contains("eDp5"));
    }

    #[test]
    fn within_a_tunnel_only_its_own_host_is_spoken_to() {
        let to = at("pkg.example:443");
        let within = |text: &str| parse_within(text.as_bytes(), &to);
        for host in ["pkg.example", "Pkg.Example:443", "pkg.example."] {
            let text = format!("GET /a?b HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let head = within(&text).unwrap().head(443, None);
            assert!(head.starts_with(b"GET /a?b HTTP/1.1\r\nHost: pkg.example\r\n"));
        }
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: pkg.example:8443\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: pkg.example\r\nHost: pkg.example\r\n\r\n",
            "GET https://pkg.example/ HTTP/1.1\r\nHost: pkg.example\r\n\r\n",
            "CONNECT pkg.example:443 HTTP/1.1\r\nHost: pkg.example\r\n\r\n",
        ] {
            assert!(within(text).is_err(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_head_is_read_to_its_end_and_no_further() {
        let mut bytes: &[u8] = b"T / HTTP/1.1\r\nA: b\r\n\r\nbody\r\n\r\n";
        let (head, rest) = read(&mut bytes, b"GE".to_vec()).await.unwrap();
        assert_eq!(head, b"GET / HTTP/1.1\r\nA: b\r\n\r\n");
        assert_eq!(rest, b"body\r\n\r\n");
        let huge = vec![b'a'; 2 * MAX_HEAD];
        assert_eq!(
            read(&mut huge.as_slice(), Vec::new()).await,
            Err(RequestError::TooLong)
        );
    }

    #[test]
    fn tricks_are_refused() {
        for text in [
            "CONNECT evil.example\0.pkg.example:443 HTTP/1.1\r\n\r\n",
            "CONNECT pkg.example:443@evil.example:443 HTTP/1.1\r\n\r\n",
            "CONNECT user@pkg.example:443 HTTP/1.1\r\n\r\n",
            "CONNECT pkg.example HTTP/1.1\r\n\r\n",
            "CONNECT http://pkg.example:443/ HTTP/1.1\r\n\r\n",
            "CONNECT pkg.example:443  HTTP/1.1\r\n\r\n",
            "CONNECT pkg.example:443\tHTTP/1.1\r\n\r\n",
            "CONNECT pkg.example:443 HTTP/2.0\r\n\r\n",
            "GET http://user:pass@pkg.example/ HTTP/1.1\r\n\r\n",
            "GET http://pkg.example\\@evil.example/ HTTP/1.1\r\n\r\n",
            "GET https://pkg.example/ HTTP/1.1\r\n\r\n",
            "GET /just/a/path HTTP/1.1\r\nHost: pkg.example\r\n\r\n",
            "GET ftp://pkg.example/ HTTP/1.1\r\n\r\n",
            "GET http://pkg.example/ HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n",
            "GET http://pkg.example/ HTTP/1.1\r\nA: b\rHost: c\r\n\r\n",
            "GET http://pkg.example/ HTTP/1.1\r\nHost : c\r\n\r\n",
            "GET http://pkg.example/ HTTP/1.1\nA: b\r\n\r\n",
            "GET http://pkg.example/ HTTP/1.1\r\nA: b\nHost: c\r\n\r\n",
            "GET http://pkg.example/ HTTP/1.1\r\nA: b\n\nGET http://evil.example/ HTTP/1.1\r\n\r\n",
            "GET http://pkg.example/\u{e4} HTTP/1.1\r\n\r\n",
            "\r\n\r\n",
        ] {
            assert!(parsed(text).is_err(), "{text:?}");
        }
    }
}
