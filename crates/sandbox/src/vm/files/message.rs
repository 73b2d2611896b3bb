//! Messages of 9P2000.L, as the kernel's client sends them: a length of four bytes, a kind, a tag,
//! and fields, all little-endian; a text is its length in two bytes and as many bytes.
//!
//! The protocol: `net/9p/protocol.c` and `include/net/9p/9p.h` of Linux.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;

/// The largest message either way: a payload of 128 KiB and the longest head, as the guest is told.
pub(crate) const MAX_MESSAGE: usize = (128 << 10) + 24;
/// Length, kind and tag.
pub(super) const HEAD: usize = 7;

/// A request, of which fields are taken from the front.
pub(super) struct Request<'a> {
    pub(super) kind: u8,
    pub(super) tag: [u8; 2],
    fields: &'a [u8],
}

/// Reads one message into `buffer`; `false` at the end of the connection.
pub(super) fn read(mut from: impl Read, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    if let Err(error) = from.read_exact(&mut length) {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Ok(false),
            _ => Err(error),
        };
    }
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
    if !(HEAD..=MAX_MESSAGE).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    buffer.resize(length - 4, 0);
    from.read_exact(buffer)?;
    Ok(true)
}

impl<'a> Request<'a> {
    /// What [`read`] has read.
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let (head, fields) = message.split_first_chunk::<3>()?;
        let [kind, low, high] = *head;
        Some(Self {
            kind,
            tag: [low, high],
            fields,
        })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Errno> {
        let (taken, rest) = self.fields.split_first_chunk::<N>().ok_or(Errno::EINVAL)?;
        self.fields = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Errno> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn short(&mut self) -> Result<u16, Errno> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn int(&mut self) -> Result<u32, Errno> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn long(&mut self) -> Result<u64, Errno> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Errno> {
        let (taken, rest) = self.fields.split_at_checked(count).ok_or(Errno::EINVAL)?;
        self.fields = rest;
        Ok(taken)
    }

    pub(super) fn text(&mut self) -> Result<&'a OsStr, Errno> {
        let length = self.short()?;
        let bytes = self.bytes(length.into())?;
        match bytes.contains(&0) {
            true => Err(Errno::EINVAL),
            false => Ok(OsStr::from_bytes(bytes)),
        }
    }

    /// One part of a path, of something below: neither empty, nor this folder, nor the one above.
    pub(super) fn name(&mut self) -> Result<OsString, Errno> {
        let name = self.text()?.as_bytes();
        match name {
            b"" | b"." | b".." => Err(Errno::EINVAL),
            _ if name.contains(&b'/') => Err(Errno::EINVAL),
            _ => Ok(OsString::from_vec(name.to_vec())),
        }
    }
}

/// The fields of an answer.
#[derive(Default)]
pub(super) struct Answer(pub(super) Vec<u8>);

impl Answer {
    pub(super) fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(super) fn short(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn int(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn long(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.extend(value);
        self
    }

    pub(super) fn text(self, value: &OsStr) -> Result<Self, Errno> {
        let length = u16::try_from(value.len()).map_err(|_| Errno::ENAMETOOLONG)?;
        Ok(self.short(length).bytes(value.as_bytes()))
    }
}

/// Sends an answer in one piece.
pub(super) fn write(mut to: impl Write, kind: u8, tag: [u8; 2], answer: &Answer) -> io::Result<()> {
    let length = u32::try_from(HEAD + answer.0.len()).map_err(io::Error::other)?;
    let mut message = length.to_le_bytes().to_vec();
    message.push(kind);
    message.extend(tag);
    message.extend(&answer.0);
    to.write_all(&message)
}
