//! Files in a row: the `newc` format of cpio, which the kernel reads as the first root, and in
//! which a guest sends its outputs back.
//!
//! The format: `Documentation/driver-api/early-userspace/buffer-format.rst` of Linux.

use std::io::{self, Read, Write};

const MAGIC: &[u8; 6] = b"070701";
const TRAILER: &str = "TRAILER!!!";
/// Head of an entry: the magic and 13 numbers of eight hexadecimal digits.
const HEAD: usize = 6 + 13 * 8;
/// Linux's own bound of a path.
const MAX_NAME: usize = 4096;

/// The type bits of a mode.
pub(crate) const TYPE: u32 = 0o170_000;
pub(crate) const FILE: u32 = 0o100_000;
pub(crate) const FOLDER: u32 = 0o040_000;
pub(crate) const CHARACTER_DEVICE: u32 = 0o020_000;

/// One entry, before its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) mode: u32,
    pub(crate) size: u64,
}

/// Writes the head of an entry; its `size` bytes are to follow, then [`pad`].
pub(crate) fn head(mut to: impl Write, entry: &Entry, device: (u32, u32)) -> io::Result<()> {
    let name = entry.name.as_bytes();
    let size = u32::try_from(entry.size).map_err(io::Error::other)?;
    let name_size = u32::try_from(name.len() + 1).map_err(io::Error::other)?;
    let links = 1 + u32::from(entry.mode & TYPE == FOLDER);
    let fields = [
        0, entry.mode, 0, 0, links, 0, size, 0, 0, device.0, device.1, name_size, 0,
    ];
    let mut bytes = MAGIC.to_vec();
    for field in fields {
        bytes.extend(format!("{field:08x}").bytes());
    }
    bytes.extend(name);
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    to.write_all(&bytes)
}

/// Fills up after `size` bytes of contents.
pub(crate) fn pad(mut to: impl Write, size: u64) -> io::Result<()> {
    to.write_all(&[0; 3][..padding(size)])
}

fn padding(size: u64) -> usize {
    [0, 3, 2, 1][usize::try_from(size % 4).unwrap_or(0)]
}

/// Ends the archive.
pub(crate) fn end(to: impl Write) -> io::Result<()> {
    let entry = Entry {
        name: TRAILER.to_owned(),
        mode: 0,
        size: 0,
    };
    head(to, &entry, (0, 0))
}

/// A whole small entry.
pub(crate) fn put(mut to: impl Write, name: &str, mode: u32, contents: &[u8]) -> io::Result<()> {
    let entry = Entry {
        name: name.to_owned(),
        mode,
        size: contents.len() as u64,
    };
    head(&mut to, &entry, (0, 0))?;
    to.write_all(contents)?;
    pad(to, entry.size)
}

/// The next entry; `None` at the end of the archive. After its contents, [`skip_padding`].
pub(crate) fn next(mut from: impl Read) -> io::Result<Option<Entry>> {
    let mut bytes = [0; HEAD];
    from.read_exact(&mut bytes)?;
    let (magic, fields) = bytes.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(bad("an entry does not begin as one"));
    }
    let field = |number: usize| -> io::Result<u32> {
        let digits = &fields[number * 8..][..8];
        let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
        let text = std::str::from_utf8(digits).ok().filter(|_| is_hexadecimal);
        text.and_then(|text| u32::from_str_radix(text, 16).ok())
            .ok_or_else(|| bad("a number is none"))
    };
    let (mode, links, size) = (field(1)?, field(4)?, field(6)?);
    let name_size = usize::try_from(field(11)?).map_err(io::Error::other)?;
    if !(2..=MAX_NAME).contains(&name_size) {
        return Err(bad("a name is too long or empty"));
    }
    let mut name = vec![0; name_size];
    from.read_exact(&mut name)?;
    let mut filling = [0; 3];
    let filled = (HEAD + name_size).next_multiple_of(4) - HEAD - name_size;
    from.read_exact(&mut filling[..filled])?;
    if name.pop() != Some(0) || name.contains(&0) {
        return Err(bad("a name holds a NUL byte"));
    }
    let name = String::from_utf8(name).map_err(|_| bad("a name is not UTF-8"))?;
    if name == TRAILER {
        return Ok(None);
    }
    if mode & TYPE == FILE && links > 1 {
        return Err(bad("a file has several names"));
    }
    Ok(Some(Entry {
        name,
        mode,
        size: size.into(),
    }))
}

/// Reads over what [`pad`] wrote.
pub(crate) fn skip_padding(mut from: impl Read, size: u64) -> io::Result<()> {
    from.read_exact(&mut [0; 3][..padding(size)])
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        put(&mut bytes, "a", FOLDER | 0o755, b"").unwrap();
        put(&mut bytes, "a/b", FILE | 0o644, b"hello").unwrap();
        end(&mut bytes).unwrap();
        let mut from = bytes.as_slice();
        assert_eq!(next(&mut from).unwrap().unwrap().mode, FOLDER | 0o755);
        let file = next(&mut from).unwrap().unwrap();
        assert_eq!((file.name.as_str(), file.size), ("a/b", 5));
        let mut contents = [0; 5];
        from.read_exact(&mut contents).unwrap();
        assert_eq!(&contents, b"hello");
        skip_padding(&mut from, 5).unwrap();
        assert_eq!(next(&mut from).unwrap(), None);
        assert!(from.is_empty());
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        let mut good = Vec::new();
        put(&mut good, "a", FILE | 0o644, b"").unwrap();
        for cut in 0..good.len() {
            assert!(next(&good[..cut]).is_err(), "cut at {cut}");
        }
        let mut odd = good.clone();
        odd[0] = b'1';
        assert!(next(odd.as_slice()).is_err());
        let mut signed = good.clone();
        signed[6 + 8] = b'+';
        assert!(next(signed.as_slice()).is_err(), "a sign is no digit");
        let mut linked = good;
        linked[6 + 4 * 8 + 7] = b'2';
        assert!(next(linked.as_slice()).is_err());
        let mut long = Vec::new();
        put(&mut long, &"x".repeat(MAX_NAME), FILE, b"").unwrap();
        assert!(next(long.as_slice()).is_err());
    }
}
