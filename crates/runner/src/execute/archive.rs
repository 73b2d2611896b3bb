//! A home as one piece: a line of JSON, then the files' bytes one after the other.
//!
//! Packed from a folder that an agent wrote, and unpacked from bytes that came over a server: neither
//! is trusted. Links and special files are left out, paths that lead anywhere but below the home are
//! refused, and everything is bounded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use freehold_agents::Session;
use serde::{Deserialize, Serialize};

/// Most bytes of files in one archive. Conversations have some hundred kilobytes.
pub(crate) const BYTES_MAX: u64 = 32 << 20;
/// Most files.
const FILES_MAX: usize = 20_000;
/// Deepest folder.
const DEPTH_MAX: usize = 40;
/// What every format after this one changes.
const FORMAT: u32 = 1;
/// Caches: fetched again, never missed.
const SKIPPED: [&str; 8] = [
    ".cache",
    ".npm",
    ".cargo",
    ".rustup",
    "go",
    ".gradle",
    ".m2",
    ".local/share/pnpm",
];

/// What goes with the files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) session: Option<Session>,
}

#[derive(Serialize, Deserialize)]
struct Index {
    format: u32,
    head: Head,
    files: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    path: String,
    mode: u32,
    size: u64,
}

/// An archive and what became of its making.
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    /// Files that did not fit.
    pub(crate) left_out: usize,
}

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error("the parked conversation is not one that this version can read")]
    Format,
    #[error("the parked conversation holds a path that leads out of its home")]
    Path,
    #[error("the parked conversation cannot be laid into the home")]
    Io(#[from] io::Error),
}

/// Packs the files below `home`: those in `only`, or all but caches where `only` is empty. Blocks.
pub(crate) fn pack(home: &Path, only: &[&str], head: &Head) -> io::Result<Packed> {
    let mut found = vec![];
    if only.is_empty() {
        walk(home, PathBuf::new(), &mut found);
    }
    for path in only {
        walk(home, PathBuf::from(path), &mut found);
    }
    found.sort();
    found.dedup();
    let mut index = Index {
        format: FORMAT,
        head: head.clone(),
        files: vec![],
    };
    let mut body: Vec<u8> = vec![];
    let mut left_out = 0;
    for path in found {
        let Some(name) = path.to_str() else {
            left_out += 1;
            continue;
        };
        match read(&home.join(&path), BYTES_MAX - body.len() as u64) {
            Ok(Some((mode, bytes))) if index.files.len() < FILES_MAX => {
                index.files.push(Entry {
                    path: name.to_owned(),
                    mode,
                    size: bytes.len() as u64,
                });
                body.extend(bytes);
            }
            Ok(None) => {}
            _ => left_out += 1,
        }
    }
    let mut bytes = serde_json::to_vec(&index)?;
    bytes.push(b'\n');
    bytes.extend(body);
    Ok(Packed { bytes, left_out })
}

fn walk(home: &Path, path: PathBuf, found: &mut Vec<PathBuf>) {
    let skipped = SKIPPED.iter().any(|skip| path == Path::new(skip));
    let Ok(meta) = fs::symlink_metadata(home.join(&path)) else {
        return;
    };
    if meta.is_file() {
        found.push(path);
        return;
    }
    if !meta.is_dir() || skipped || path.components().count() > DEPTH_MAX || found.len() > FILES_MAX
    {
        return;
    }
    for entry in fs::read_dir(home.join(&path))
        .into_iter()
        .flatten()
        .flatten()
    {
        walk(home, path.join(entry.file_name()), found);
    }
}

/// A plain file's mode and bytes; `None` where it is no plain file; an error beyond `room`.
fn read(path: &Path, room: u64) -> io::Result<Option<(u32, Vec<u8>)>> {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(None);
    }
    if meta.size() > room {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![];
    let read = file.take(room + 1).read_to_end(&mut bytes)?;
    if read as u64 > room {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some((meta.mode() & 0o777, bytes)))
}

/// Lays an archive into `home`, which nobody has written to yet. Blocks.
pub(crate) fn unpack(bytes: &[u8], home: &Path) -> Result<Head, ArchiveError> {
    let line = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or(ArchiveError::Format)?;
    let (index, mut body) = (&bytes[..line], &bytes[line + 1..]);
    let index: Index = serde_json::from_slice(index).map_err(|_| ArchiveError::Format)?;
    if index.format != FORMAT || index.files.len() > FILES_MAX {
        return Err(ArchiveError::Format);
    }
    for entry in &index.files {
        let path = below(&entry.path).ok_or(ArchiveError::Path)?;
        let size = usize::try_from(entry.size).map_err(|_| ArchiveError::Format)?;
        let (contents, rest) = body.split_at_checked(size).ok_or(ArchiveError::Format)?;
        body = rest;
        place(home, &path, contents, entry.mode & 0o777)?;
    }
    if body.is_empty() {
        Ok(index.head)
    } else {
        Err(ArchiveError::Format)
    }
}

/// A relative path of plain names.
fn below(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(path);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let depth = path.components().count();
    (plain && depth > 0 && depth <= DEPTH_MAX).then_some(path)
}

/// Writes a file below `home`, whatever an agent put in its way: a link on the path is removed, never
/// followed. Only while no process of the run lives.
pub(crate) fn place(home: &Path, path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let mut dir = home.to_owned();
    let parent = path.parent().unwrap_or(Path::new(""));
    for part in parent.components() {
        let Component::Normal(name) = part else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        dir.push(name);
        match fs::symlink_metadata(&dir) {
            Ok(meta) if meta.is_dir() => continue,
            Ok(_) => fs::remove_file(&dir)?,
            Err(_) => {}
        }
        fs::create_dir(&dir)?;
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let file = dir.join(name);
    match fs::symlink_metadata(&file) {
        Ok(meta) if meta.is_dir() => freehold_git::remove_tree(&file)?,
        Ok(_) => fs::remove_file(&file)?,
        Err(_) => {}
    }
    let mut written: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)?;
    written.write_all(contents)?;
    written.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(home: &Path, only: &[&str]) -> Vec<u8> {
        let head = Head {
            session: Some(Session {
                id: "s1".into(),
                agent_version: None,
            }),
        };
        pack(home, only, &head).unwrap().bytes
    }

    #[test]
    fn a_home_comes_back_without_links_and_caches() {
        let home = tempfile::tempdir().unwrap();
        let at = home.path();
        fs::create_dir_all(at.join(".agent/sessions")).unwrap();
        fs::create_dir_all(at.join(".cache/x")).unwrap();
        fs::write(at.join(".agent/sessions/1.json"), b"\x00\xffturn").unwrap();
        fs::write(at.join(".cache/x/big"), "cache").unwrap();
        fs::write(at.join("empty"), "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at.join("link")).unwrap();
        let into = tempfile::tempdir().unwrap();
        let head = unpack(&packed(at, &[]), into.path()).unwrap();
        assert_eq!(head.session.unwrap().id, "s1");
        assert_eq!(
            fs::read(into.path().join(".agent/sessions/1.json")).unwrap(),
            b"\x00\xffturn"
        );
        assert!(into.path().join("empty").exists());
        assert!(!into.path().join(".cache").exists());
        assert!(fs::symlink_metadata(into.path().join("link")).is_err());
        let some = tempfile::tempdir().unwrap();
        unpack(&packed(at, &[".agent", "absent"]), some.path()).unwrap();
        assert!(!some.path().join("empty").exists());
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_counted() {
        let home = tempfile::tempdir().unwrap();
        let big = File::create(home.path().join("a-big")).unwrap();
        big.set_len(BYTES_MAX + 1).unwrap();
        fs::write(home.path().join("b-small"), "x").unwrap();
        let packed = pack(home.path(), &[], &Head::default()).unwrap();
        assert_eq!(packed.left_out, 1);
        let into = tempfile::tempdir().unwrap();
        unpack(&packed.bytes, into.path()).unwrap();
        assert!(into.path().join("b-small").exists());
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for path in ["/etc/x", "../x", "a/../../x", "", ".", "a/./../b"] {
            let index = Index {
                format: FORMAT,
                head: Head::default(),
                files: vec![Entry {
                    path: path.into(),
                    mode: 0o600,
                    size: 1,
                }],
            };
            let mut bytes = serde_json::to_vec(&index).unwrap();
            bytes.extend(b"\nx");
            let into = tempfile::tempdir().unwrap();
            assert!(unpack(&bytes, into.path()).is_err(), "{path}");
            assert_eq!(fs::read_dir(into.path()).unwrap().count(), 0);
        }
        let into = tempfile::tempdir().unwrap();
        assert!(unpack(b"{}", into.path()).is_err());
        let whole = packed(into.path(), &[]);
        assert!(unpack(&[whole, b"more".to_vec()].concat(), into.path()).is_err());
    }

    #[test]
    fn a_link_on_the_way_is_removed_and_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), home.path().join(".config")).unwrap();
        place(home.path(), Path::new(".config/agent/x"), b"1", 0o600).unwrap();
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert_eq!(fs::read(home.path().join(".config/agent/x")).unwrap(), b"1");
        let target = outside.path().join("victim");
        fs::write(&target, "safe").unwrap();
        fs::remove_file(home.path().join(".config/agent/x")).unwrap();
        std::os::unix::fs::symlink(&target, home.path().join(".config/agent/x")).unwrap();
        place(home.path(), Path::new(".config/agent/x"), b"2", 0o600).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"safe");
    }
}
