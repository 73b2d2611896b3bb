//! Names in a diff: bare, or quoted as C does (git-config(1), `core.quotePath`).

use std::borrow::Cow;

/// A name as bytes; owned where it was quoted.
pub(super) type Name<'a> = Cow<'a, [u8]>;

/// The two names of a `diff --git` line, without their prefixes. It serves where no other line
/// names the file: then both names are one, and that is where the line can be parted although
/// the name holds spaces.
pub(super) fn pair(line: &[u8]) -> Option<(Name<'_>, Name<'_>)> {
    if line.first() == Some(&b'"') || line.last() == Some(&b'"') {
        return quoted_pair(line);
    }
    let half = line.len().checked_sub(1)? / 2;
    let (old, new) = (line.get(..half)?, line.get(half + 1..)?);
    if line.get(half) == Some(&b' ') && bare(old, b"a/") == bare(new, b"b/") {
        return Some((old_name(old), new_name(new)));
    }
    // Not git's: any parting is a guess.
    let at = line.windows(3).position(|part| part == b" b/")?;
    Some((old_name(line.get(..at)?), new_name(line.get(at + 1..)?)))
}

fn quoted_pair(line: &[u8]) -> Option<(Name<'_>, Name<'_>)> {
    let at = match line.first() {
        Some(b'"') => closing(line)? + 1,
        _ => line.windows(2).position(|part| part == b" \"")?,
    };
    let new = line.get(at..)?.strip_prefix(b" ")?;
    Some((old_name(line.get(..at)?), new_name(new)))
}

/// A name that stands alone in its line, with the prefix `a/`.
pub(super) fn old_name(name: &[u8]) -> Name<'_> {
    without(name, b"a/")
}

/// A name that stands alone in its line, with the prefix `b/`.
pub(super) fn new_name(name: &[u8]) -> Name<'_> {
    without(name, b"b/")
}

/// A name that stands alone in its line, as it is.
pub(super) fn whole(name: &[u8]) -> Name<'_> {
    match name.split_first() {
        Some((b'"', rest)) => Cow::Owned(unquoted(rest)),
        _ => Cow::Borrowed(name),
    }
}

fn without<'a>(name: &'a [u8], prefix: &[u8]) -> Name<'a> {
    match whole(name) {
        Cow::Borrowed(name) => Cow::Borrowed(bare(name, prefix)),
        Cow::Owned(mut name) => {
            if name.starts_with(prefix) {
                name.drain(..prefix.len());
            }
            Cow::Owned(name)
        }
    }
}

fn bare<'a>(name: &'a [u8], prefix: &[u8]) -> &'a [u8] {
    name.strip_prefix(prefix).unwrap_or(name)
}

/// Where the quoted name that the line begins with ends.
fn closing(line: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in line.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// What stands between the quotes; `rest` begins after the first one.
fn unquoted(rest: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => {}
            _ => {
                name.push(byte);
                continue;
            }
        }
        let Some(escape) = bytes.next() else { break };
        name.push(match escape {
            b'a' => 0x07,
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 0x0b,
            b'f' => 0x0c,
            b'r' => b'\r',
            b'0'..=b'7' => {
                let mut octal = escape - b'0';
                for _ in 0..2 {
                    let digit = bytes.next_if(|byte| (b'0'..=b'7').contains(byte));
                    let Some(digit) = digit else { break };
                    octal = octal.wrapping_mul(8).wrapping_add(digit - b'0');
                }
                octal
            }
            other => other,
        });
    }
    name
}
