//! As much of HTTP/1.1 (RFC 9112) as git's client speaks, from a client that is not trusted: one
//! request for each connection, bounded in head, body and time.

use std::io;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};

/// Longest request line and headers together.
const HEAD_MAX: u64 = 16 << 10;
/// Longest line that gives the size of a chunk.
const CHUNK_LINE_MAX: u64 = 64;

/// A request before its body is read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    length: Option<u64>,
    chunked: bool,
    expects: bool,
    pub(crate) encoded: bool,
}

/// A malformed or oversized request.
fn bad(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Reads a request's head.
pub(crate) async fn head(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(Head, Vec<u8>)> {
    let mut reader = BufReader::new(from.take(HEAD_MAX));
    let mut text = Vec::new();
    loop {
        let before = text.len();
        if reader.read_until(b'\n', &mut text).await? == 0 {
            return Err(bad("the head does not end"));
        }
        let line = text.get(before..).unwrap_or_default();
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
    }
    let rest = reader.buffer().to_vec();
    Ok((parse(&text)?, rest))
}

fn parse(text: &[u8]) -> io::Result<Head> {
    let text = std::str::from_utf8(text).map_err(|_| bad("the head is not text"))?;
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("it is no request"));
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut head = Head {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        ..Head::default()
    };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| bad("a header is none"))?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                // `parse` alone would take a sign.
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let length = value.parse().ok().filter(|_| digits);
                let length = length.ok_or_else(|| bad("a length is none"))?;
                if head.length.replace(length).is_some() {
                    return Err(bad("it has two lengths"));
                }
            }
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => head.chunked = true,
            "transfer-encoding" => return Err(bad("its transfer encoding is not supported")),
            "content-encoding" => head.encoded = !value.eq_ignore_ascii_case("identity"),
            "expect" => head.expects = true,
            _ => {}
        }
    }
    if head.chunked && head.length.is_some() {
        return Err(bad("it has two lengths"));
    }
    Ok(head)
}

/// Copies a request's body, at most `limit` bytes of it.
///
/// # Errors
/// `FileTooLarge` beyond the limit, and what came is of no use.
pub(crate) async fn body(
    head: &Head,
    first: Vec<u8>,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    limit: u64,
) -> io::Result<()> {
    if head.expects {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut reader = BufReader::new(io::Cursor::new(first).chain(stream));
    let Some(length) = head.length.filter(|_| !head.chunked) else {
        return match head.chunked {
            true => chunks(&mut reader, to, limit).await,
            false => Ok(()),
        };
    };
    if length > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    copy(&mut reader, to, length).await
}

async fn chunks(
    reader: &mut (impl tokio::io::AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    limit: u64,
) -> io::Result<()> {
    let mut total = 0u64;
    loop {
        let mut line = String::new();
        reader.take(CHUNK_LINE_MAX).read_line(&mut line).await?;
        let digits = line.split([';', '\r', '\n']).next().unwrap_or_default();
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(digits, 16)
            .ok()
            .filter(|_| plain && line.ends_with('\n'))
            .ok_or_else(|| bad("a chunk has no size"))?;
        total = total.saturating_add(size);
        if total > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if size > 0 {
            copy(reader, to, size).await?;
        }
        let mut end = [0; 2];
        reader.read_exact(&mut end).await?;
        if end != *b"\r\n" {
            return Err(bad("a chunk does not end"));
        }
        if size == 0 {
            return Ok(());
        }
    }
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    length: u64,
) -> io::Result<()> {
    let copied = tokio::io::copy(&mut from.take(length), to).await?;
    if copied == length {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// The head of an answer; the connection ends with it.
pub(crate) fn answer(status: &str, kind: &str, length: u64) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &[u8], limit: u64) -> io::Result<(Head, Vec<u8>)> {
        let (mut theirs, mut ours) = tokio::io::duplex(1 << 20);
        theirs.write_all(text).await.unwrap();
        theirs.shutdown().await.unwrap();
        let (head, first) = head(&mut ours).await?;
        let mut bytes = Vec::new();
        body(&head, first, &mut ours, &mut bytes, limit).await?;
        Ok((head, bytes))
    }

    #[tokio::test]
    async fn bodies_come_by_length_or_in_chunks() {
        let (head, bytes) = read(
            b"POST /repo/x?a=b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            10,
        )
        .await
        .unwrap();
        assert_eq!(
            (
                head.method.as_str(),
                head.path.as_str(),
                head.query.as_str()
            ),
            ("POST", "/repo/x", "a=b")
        );
        assert_eq!(bytes, b"hello");
        let chunked = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
        assert_eq!(read(chunked, 10).await.unwrap().1, b"hello!");
        assert_eq!(read(b"GET /x HTTP/1.1\r\n\r\n", 0).await.unwrap().1, b"");
    }

    #[tokio::test]
    async fn what_is_too_big_or_twofold_is_refused() {
        let long = format!("GET /x HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(20_000));
        for odd in [
            &b"POST /x HTTP/1.1\r\nContent-Length: 11\r\n\r\nhello"[..],
            b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell",
            b"POST /x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            b"POST /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
            b"POST /x HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello",
            b"POST /x HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello",
            b"POST /x HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
            b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
            b"GET /x HTTP/2\r\n\r\n",
            b"GET /x\r\n\r\n",
            b"GET /x HTTP/1.1\r\nno header\r\n\r\n",
            b"GET /x HTTP/1.1\r\n",
            long.as_bytes(),
        ] {
            assert!(
                read(odd, 10).await.is_err(),
                "{}",
                String::from_utf8_lossy(odd)
            );
        }
    }
}
