//! SOCKS5 (RFC 1928): `CONNECT` without authentication, names read as strictly as everywhere.

use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::request::RequestError;
use crate::endpoint::{EndpointError, Host, HostPort};

/// The first byte of every message; no HTTP method begins with it.
pub(super) const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NO_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
/// The longest request: four bytes, a length, a name of 255, a port.
const MAX_REQUEST: usize = 4 + 1 + 255 + 2;

/// What is answered (RFC 1928, section 6). SOCKS has no words: they are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Granted = 0,
    Failed = 1,
    NotAllowed = 2,
    Unreachable = 4,
    NoSuchCommand = 7,
    NoSuchAddress = 8,
}

/// Reads greeting and request, answering the greeting. The first byte has been read already.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Result<HostPort, RequestError> {
    let methods = usize::from(byte(stream).await?);
    let mut offered = [0; 255];
    let offered = offered.get_mut(..methods).unwrap_or_default();
    exact(stream, offered).await?;
    let open = offered.contains(&NO_AUTHENTICATION);
    let method = if open { NO_AUTHENTICATION } else { NO_METHOD };
    write(stream, &[VERSION, method]).await?;
    if !open {
        return Err(RequestError::SocksMethod);
    }
    let mut request = Vec::with_capacity(MAX_REQUEST);
    loop {
        match parse(&request) {
            Ok(Some(at)) => return Ok(at),
            Ok(None) => request.push(byte(stream).await?),
            Err((reply, error)) => {
                answer(stream, reply).await?;
                return Err(error);
            }
        }
    }
}

/// Reads a request as far as it has come; `None` when there is more to come. Byte by byte, so that
/// what follows the request is never taken for a part of it.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<HostPort>, (Reply, RequestError)> {
    let shape = |reply| Err((reply, RequestError::SocksShape));
    let rest = match bytes {
        [] | [VERSION] | [VERSION, CONNECT] | [VERSION, CONNECT, 0] => return Ok(None),
        [VERSION, CONNECT, 0, rest @ ..] => rest,
        [VERSION, CONNECT, ..] => return shape(Reply::Failed),
        [VERSION, ..] => return shape(Reply::NoSuchCommand),
        _ => return shape(Reply::Failed),
    };
    let (host, port) = match rest {
        [1, a, b, c, d, port @ ..] => (Ok(Host::Ip(Ipv4Addr::new(*a, *b, *c, *d).into())), port),
        [4, rest @ ..] => match rest.split_first_chunk::<16>() {
            Some((ip, port)) => (Ok(Host::Ip(Ipv6Addr::from(*ip).into())), port),
            None => return Ok(None),
        },
        [3, length, rest @ ..] => match rest.split_at_checked(usize::from(*length)) {
            Some((name, port)) => (named(name), port),
            None => return Ok(None),
        },
        [1 | 3, ..] => return Ok(None),
        _ => return shape(Reply::NoSuchAddress),
    };
    let port = match port {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => return Ok(None),
    };
    let refused = |error| (Reply::NotAllowed, RequestError::Destination(error));
    let host = host.map_err(refused)?;
    if port == 0 {
        return Err(refused(EndpointError::BadPort));
    }
    Ok(Some(HostPort { host, port }))
}

/// A name, judged as a whole: what stands after a NUL is a part of it, not a comment.
fn named(bytes: &[u8]) -> Result<Host, EndpointError> {
    let text = std::str::from_utf8(bytes).map_err(|_| EndpointError::BadName)?;
    if text.starts_with('[') {
        return Err(EndpointError::BadName);
    }
    Host::parse(text)
}

/// Answers a request. The bound address is not told: nothing inside could use it.
pub(super) async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    reply: Reply,
) -> Result<(), RequestError> {
    write(stream, &[VERSION, reply as u8, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), RequestError> {
    stream
        .write_all(bytes)
        .await
        .map_err(|_| RequestError::Ended)
}

async fn byte(stream: &mut (impl AsyncRead + Unpin)) -> Result<u8, RequestError> {
    stream.read_u8().await.map_err(|_| RequestError::Ended)
}

async fn exact(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
) -> Result<(), RequestError> {
    let read = stream.read_exact(buffer).await;
    read.map(|_| ()).map_err(|_| RequestError::Ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(host: &[u8], port: u16) -> Vec<u8> {
        let mut bytes = vec![5, 1, 0, 3, u8::try_from(host.len()).unwrap()];
        bytes.extend(host);
        bytes.extend(port.to_be_bytes());
        bytes
    }

    #[test]
    fn names_and_addresses() {
        let at = |text: &str| Some(HostPort::parse(text).unwrap());
        for (bytes, expected) in [
            (name(b"Pkg.Example.", 443), at("pkg.example:443")),
            (name(b"127.0.0.1", 80), at("127.0.0.1:80")),
            (vec![5, 1, 0, 1, 10, 0, 0, 1, 0, 80], at("10.0.0.1:80")),
            (
                [vec![5, 1, 0, 4], vec![0; 15], vec![1, 1, 187]].concat(),
                at("[::1]:443"),
            ),
        ] {
            assert_eq!(parse(&bytes).unwrap(), expected, "{bytes:?}");
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]).unwrap(), None, "{bytes:?}");
            }
        }
    }

    #[test]
    fn tricks_are_refused() {
        for host in [
            &b"evil.example\0.google.com"[..],
            b"evil\0.google.com",
            b"google.com\0",
            b"\0",
            b"",
            b"a b",
            b"a:443",
            b"user@a.example",
            b"0x7f.1",
            b"2130706433",
            b"[::1]",
            b"::1",
            b"a.example/",
            b"\xff\xfe",
            b"a..example",
        ] {
            let (reply, _) = parse(&name(host, 443)).unwrap_err();
            assert_eq!(reply, Reply::NotAllowed, "{host:?}");
        }
        assert!(parse(&name(b"a.example", 0)).is_err());
        for (bytes, reply) in [
            (&[4, 1, 0][..], Reply::Failed),
            (&[5, 2, 0, 1], Reply::NoSuchCommand),
            (&[5, 3, 0, 3], Reply::NoSuchCommand),
            (&[5, 1, 1, 1], Reply::Failed),
            (&[5, 1, 0, 2], Reply::NoSuchAddress),
            (&[5, 1, 0, 0], Reply::NoSuchAddress),
        ] {
            assert_eq!(parse(bytes).unwrap_err().0, reply, "{bytes:?}");
        }
    }
}
