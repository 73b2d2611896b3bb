//! Packet lines (gitprotocol-common(5)) of a client that is not trusted: strict and bounded.

use crate::{GitError, Oid, Result};

/// Longest packet line, by the protocol.
const LINE_MAX: usize = 65_520;
/// Most lines of one request; git asks with some hundred commits at a time.
const LINES_MAX: usize = 20_000;
/// Longest list of capabilities.
const CAPABILITIES_MAX: usize = 1_000;

/// A line, or the flush that ends a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    Line(&'a [u8]),
    Flush,
}

/// For requests that no git sends.
pub(crate) fn bad(why: impl Into<String>) -> GitError {
    GitError::BadRequest { why: why.into() }
}

/// Reads one packet; gives it with what follows, `None` at the end.
pub(crate) fn next(bytes: &[u8]) -> Result<Option<(Packet<'_>, &[u8])>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let short = || bad("a packet line is cut off");
    let digits = bytes.get(..4).ok_or_else(short)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(bad("a packet line has no length"));
    }
    let text = std::str::from_utf8(digits).map_err(|_| short())?;
    let length = usize::from_str_radix(text, 16).map_err(|_| short())?;
    match length {
        0 => Ok(Some((Packet::Flush, bytes.get(4..).unwrap_or_default()))),
        4..=LINE_MAX => {
            let line = bytes.get(4..length).ok_or_else(short)?;
            let rest = bytes.get(length..).unwrap_or_default();
            Ok(Some((Packet::Line(line), rest)))
        }
        _ => Err(bad("a packet line has a length that means nothing here")),
    }
}

/// A packet line with this content.
pub(crate) fn line(content: &[u8]) -> Vec<u8> {
    let mut packet = format!("{:04x}", content.len() + 4).into_bytes();
    packet.extend_from_slice(content);
    packet
}

/// What ends a list.
pub(crate) const FLUSH: &[u8] = b"0000";

/// Checks what a client of git-upload-pack asks, word by word (gitprotocol-pack(5), version 0).
///
/// # Errors
/// [`GitError::BadRequest`].
pub(crate) fn check_fetch(mut bytes: &[u8], sha256: bool) -> Result<()> {
    let oid = |text: &str| {
        let known = Oid::parse(text).is_ok_and(|oid| (oid.as_str().len() == 64) == sha256);
        known
            .then_some(())
            .ok_or_else(|| bad("an object name is none"))
    };
    let mut lines = 0;
    while let Some((packet, rest)) = next(bytes)? {
        bytes = rest;
        lines += 1;
        if lines > LINES_MAX {
            return Err(bad(format!("it has more than {LINES_MAX} lines")));
        }
        let Packet::Line(line) = packet else { continue };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| bad("a line is not text"))?;
        let (word, value) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "want" => {
                let (name, capabilities) = value.split_once(' ').unwrap_or((value, ""));
                oid(name)?;
                check_capabilities(capabilities)?;
            }
            "have" | "shallow" => oid(value)?,
            "deepen"
                if (1..10).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit()) => {}
            "done" if value.is_empty() => {}
            _ => return Err(bad("a line asks for something that is not supported")),
        }
    }
    Ok(())
}

pub(crate) fn check_capabilities(text: &str) -> Result<()> {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if printable && text.len() <= CAPABILITIES_MAX {
        Ok(())
    } else {
        Err(bad("its capabilities are none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_to_their_end_and_no_further() {
        assert_eq!(next(b"").unwrap(), None);
        assert_eq!(
            next(b"0000rest").unwrap(),
            Some((Packet::Flush, &b"rest"[..]))
        );
        let packet = line(b"hello\n");
        assert_eq!(
            next(&packet).unwrap(),
            Some((Packet::Line(b"hello\n"), &b""[..]))
        );
        for bad in [
            &b"00"[..],
            b"zzzz",
            b"0001",
            b"0003abc",
            b"fff1",
            b"0009ab",
            b"+004",
        ] {
            assert!(next(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn only_what_a_fetch_needs_is_let_through() {
        let oid = "a".repeat(40);
        let ask = |lines: &[&str]| {
            let all: Vec<u8> = lines
                .iter()
                .flat_map(|text| line(text.as_bytes()))
                .collect();
            check_fetch(&all, false)
        };
        let want = format!("want {oid} multi_ack_detailed side-band-64k agent=git/2.47\n");
        assert!(ask(&[&want, &format!("have {oid}\n"), "deepen 1\n", "done\n"]).is_ok());
        for odd in [
            "want abc\n".to_owned(),
            format!("want {}\n", "a".repeat(64)),
            format!("want {oid} \u{1b}[31m\n"),
            format!("want {oid} {}\n", "x".repeat(CAPABILITIES_MAX + 1)),
            "filter blob:none\n".into(),
            "deepen-since 0\n".into(),
            "deepen -1\n".into(),
            "deepen \n".into(),
            "deepen\n".into(),
            "command=ls-refs\n".into(),
            "done now\n".into(),
        ] {
            assert!(ask(&[&odd]).is_err(), "{odd}");
        }
        let many = line(format!("have {oid}\n").as_bytes()).repeat(LINES_MAX + 1);
        assert!(check_fetch(&many, false).is_err());
    }

    #[test]
    fn any_bytes_are_an_answer_and_never_a_fault() {
        let mut state = 0x9e37_79b9_u64;
        for _ in 0..2_000 {
            let mut bytes = b"0032want ".to_vec();
            for _ in 0..60 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                bytes.push((state >> 33) as u8);
            }
            let _answer = check_fetch(&bytes, false);
        }
    }
}
