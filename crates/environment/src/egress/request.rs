//! The head of a proxy request, read strictly. What is not plainly one of two shapes is an error.

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::endpoint::{HostPort, Url};

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

/// What a client asks of the proxy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A tunnel. `early` is what the client sent ahead of the answer.
    Tunnel { at: HostPort, early: Vec<u8> },
    /// One plain HTTP request: `head` in the form that the host expects, and the start of its body.
    Plain {
        at: HostPort,
        head: Vec<u8>,
        body: Vec<u8>,
    },
}

impl Request {
    pub(super) fn at(&self) -> &HostPort {
        match self {
            Self::Tunnel { at, .. } | Self::Plain { at, .. } => at,
        }
    }
}

/// Why a request was not understood. The texts go to the client.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("the connection ended before the request did")]
    Ended,
    #[error("the head of the request is too long")]
    TooLong,
    #[error("this is not a proxy request: use CONNECT host:port, or an absolute http:// address")]
    Shape,
    #[error("the destination of the request is refused: {0}")]
    Destination(#[source] crate::endpoint::EndpointError),
    #[error("https goes through CONNECT, never through the proxy in clear")]
    HttpsInClear,
}

/// Reads up to the end of the head; what follows is kept for the body.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Request, RequestError> {
    let mut buffer = Vec::with_capacity(1024);
    loop {
        if let Some(end) = find_end(&buffer) {
            let rest = buffer.split_off(end);
            return parse(&buffer, rest);
        }
        if buffer.len() >= MAX_HEAD {
            return Err(RequestError::TooLong);
        }
        let read = stream
            .read_buf(&mut buffer)
            .await
            .map_err(|_| RequestError::Ended)?;
        if read == 0 {
            return Err(RequestError::Ended);
        }
    }
}

fn find_end(buffer: &[u8]) -> Option<usize> {
    buffer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map(|at| at + 4)
}

fn parse(head: &[u8], rest: Vec<u8>) -> Result<Request, RequestError> {
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
    if !known
        || method.is_empty()
        || !method
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-')
    {
        return Err(RequestError::Shape);
    }
    let headers: Vec<&str> = lines.collect();
    // A lone CR, a NUL or a folded line is read differently by different hosts.
    if headers.iter().any(|line| {
        line.bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\t')
            || !is_header(line)
    }) {
        return Err(RequestError::Shape);
    }
    if method == "CONNECT" {
        let at = HostPort::parse(target).map_err(RequestError::Destination)?;
        return Ok(Request::Tunnel { at, early: rest });
    }
    plain(method, target, &headers, rest)
}

fn is_header(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b':')
    })
}

fn plain(
    method: &str,
    target: &str,
    headers: &[&str],
    body: Vec<u8>,
) -> Result<Request, RequestError> {
    if target.starts_with('/') || target == "*" {
        return Err(RequestError::Shape);
    }
    let url = Url::parse(target).map_err(RequestError::Destination)?;
    if url.had_credentials {
        return Err(RequestError::Destination(
            crate::endpoint::EndpointError::UserInfo,
        ));
    }
    if url.https {
        return Err(RequestError::HttpsInClear);
    }
    // One request per connection: the host closes after its answer, so nothing else can follow
    // that would have to be judged anew. The host's name comes from what was judged.
    let host = if url.at.port == 80 {
        url.at.host.to_string()
    } else {
        url.at.to_string()
    };
    let mut head = format!(
        "{method} {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n",
        url.path
    );
    for line in headers {
        let name = line.split(':').next().unwrap_or_default();
        if !HOP_BY_HOP
            .iter()
            .any(|skipped| name.eq_ignore_ascii_case(skipped))
        {
            head.push_str(line);
            head.push_str("\r\n");
        }
    }
    head.push_str("\r\n");
    Ok(Request::Plain {
        at: url.at,
        head: head.into_bytes(),
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Request, RequestError> {
        let end = find_end(text.as_bytes()).unwrap();
        parse(&text.as_bytes()[..end], text.as_bytes()[end..].to_vec())
    }

    fn at(text: &str) -> HostPort {
        HostPort::parse(text).unwrap()
    }

    #[test]
    fn a_tunnel() {
        let request =
            parsed("CONNECT Pkg.Example.:443 HTTP/1.1\r\nHost: other.example\r\n\r\nearly")
                .unwrap();
        assert_eq!(
            request,
            Request::Tunnel {
                at: at("pkg.example:443"),
                early: b"early".to_vec()
            }
        );
    }

    #[test]
    fn a_plain_request_is_rewritten_for_the_host() {
        let text = "GET http://Pkg.Example:8080/a?b#c HTTP/1.1\r\nhost: evil.example\r\nProxy-Authorization: Basic eDp5\r\n\
                    Accept: */*\r\nProxy-Connection: keep-alive\r\n\r\n";
        let Request::Plain { at: to, head, .. } = parsed(text).unwrap() else {
            panic!("not plain")
        };
        assert_eq!(to, at("pkg.example:8080"));
        let head = String::from_utf8(head).unwrap();
        assert_eq!(
            head,
            "GET /a?b HTTP/1.1\r\nHost: pkg.example:8080\r\nConnection: close\r\nAccept: */*\r\n\r\n"
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
            "\r\n\r\n",
        ] {
            assert!(parsed(text).is_err(), "{text:?}");
        }
    }
}
