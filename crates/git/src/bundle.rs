//! The head of a bundle file (gitformat-bundle(5)), read without git: the file is an agent's.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use crate::{GitError, ImportLimits, Oid, Result};

/// Longest head: a version line, a few capabilities, one ref and its prerequisites.
const MAX_HEAD: u64 = 64 << 10;

/// A bundle that is open at its pack.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// Positioned at the pack's first byte.
    pub(crate) pack: File,
    pub(crate) head: Oid,
}

pub(crate) fn bad(why: impl Into<String>) -> GitError {
    GitError::BadBundle { why: why.into() }
}

impl Bundle {
    /// Opens and checks what can be checked before git sees a byte: a regular file (never a link,
    /// a pipe or a device), its size, exactly one commit to import, and the number of objects.
    pub(crate) fn open(path: &Path, limits: &ImportLimits, sha256: bool) -> Result<Self> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(path)
            .map_err(GitError::io("opening the bundle"))?;
        let meta = file
            .metadata()
            .map_err(GitError::io("opening the bundle"))?;
        if !meta.is_file() {
            return Err(bad("the bundle is not a regular file"));
        }
        if meta.len() > limits.bytes {
            return Err(GitError::TooLarge {
                what: "the bundle",
                limit: limits.bytes,
                found: Some(meta.len()),
            });
        }
        let mut reader = BufReader::new(file.take(MAX_HEAD));
        let (head, length) = read_head(&mut reader, sha256)?;
        let mut pack = reader.into_inner().into_inner();
        let io = || GitError::io("reading the bundle");
        pack.seek(SeekFrom::Start(length)).map_err(io())?;
        Self::of_pack(pack, head, limits)
    }

    /// A file that is positioned at a pack's first byte.
    pub(crate) fn of_pack(mut pack: File, head: Oid, limits: &ImportLimits) -> Result<Self> {
        let mut intro = [0; 12];
        pack.read_exact(&mut intro)
            .map_err(|_| bad("the bundle ends before its pack"))?;
        check_pack(intro, limits)?;
        pack.seek(SeekFrom::Current(-12))
            .map_err(GitError::io("reading the bundle"))?;
        Ok(Self { pack, head })
    }
}

pub(crate) fn read_head(reader: &mut impl BufRead, sha256: bool) -> Result<(Oid, u64)> {
    let mut length = 0;
    let mut heads: Vec<Oid> = Vec::new();
    let mut first = true;
    loop {
        let mut line = Vec::new();
        let n = reader
            .read_until(b'\n', &mut line)
            .map_err(GitError::io("reading the bundle"))?;
        if line.pop() != Some(b'\n') {
            return Err(bad("the bundle has no proper head"));
        }
        length += n as u64;
        if std::mem::take(&mut first) {
            if line != b"# v2 git bundle" && line != b"# v3 git bundle" {
                return Err(bad("it is not a git bundle"));
            }
            continue;
        }
        match line.first() {
            None => break,
            Some(b'@') => check_capability(&line, sha256)?,
            Some(b'-') => {}
            Some(_) => heads.push(head_of(&line)?),
        }
    }
    heads.dedup();
    match &heads[..] {
        [one] if (one.as_str().len() == 64) == sha256 => Ok((one.clone(), length)),
        [_] => Err(bad("the bundle's object format is another")),
        _ => Err(bad("the bundle must hold exactly one commit to import")),
    }
}

fn check_capability(line: &[u8], sha256: bool) -> Result<()> {
    let format: &[u8] = if sha256 {
        b"@object-format=sha256"
    } else {
        b"@object-format=sha1"
    };
    if line == format {
        Ok(())
    } else {
        Err(bad("the bundle asks for something that is not supported"))
    }
}

fn head_of(line: &[u8]) -> Result<Oid> {
    let oid = line.split(|b| *b == b' ').next().unwrap_or_default();
    let oid = std::str::from_utf8(oid).ok().map(Oid::parse);
    oid.and_then(Result::ok)
        .ok_or_else(|| bad("the bundle's head is no object name"))
}

fn check_pack(intro: [u8; 12], limits: &ImportLimits) -> Result<()> {
    let [b'P', b'A', b'C', b'K', _, _, _, 2 | 3, a, b, c, d] = intro else {
        return Err(bad("the bundle holds no pack"));
    };
    let objects = u64::from(u32::from_be_bytes([a, b, c, d]));
    if objects > limits.objects {
        return Err(GitError::TooLarge {
            what: "the number of objects",
            limit: limits.objects,
            found: Some(objects),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &[u8]) -> Result<(Oid, u64)> {
        read_head(&mut &text[..], false)
    }

    #[test]
    fn one_commit_and_nothing_strange() {
        let oid = "a".repeat(40);
        let good = format!("# v2 git bundle\n-{oid} base\n{oid} HEAD\n{oid} refs/heads/x\n\nPACK");
        assert_eq!(
            head(good.as_bytes()).unwrap(),
            (Oid::parse(&oid).unwrap(), good.len() as u64 - 4)
        );
        let v3 = format!("# v3 git bundle\n@object-format=sha1\n{oid} HEAD\n\n");
        assert!(head(v3.as_bytes()).is_ok());
        let other = "b".repeat(40);
        for bad in [
            String::new(),
            "# v2 git bundle\n".into(),
            "# v2 git bundle\n\n".into(),
            format!("# v2 git bundle\n{oid} a\n{other} b\n\n"),
            format!("# v3 git bundle\n@filter=blob:none\n{oid} a\n\n"),
            format!("# v4 git bundle\n{oid} a\n\n"),
            format!("# v2 git bundle\n{oid} a"),
            "# v2 git bundle\nxyz a\n\n".into(),
            format!("# v2 git bundle\n\t{oid} a\n\n"),
        ] {
            assert!(
                matches!(head(bad.as_bytes()), Err(GitError::BadBundle { .. })),
                "{bad}"
            );
        }
    }
}
