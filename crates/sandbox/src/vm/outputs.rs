//! What a guest sends back becomes files, strictly: the guest may be what an attacker made of it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use ring::digest::{Context, SHA256};

use super::archive::{self, Entry, FILE, FOLDER, TYPE};
use crate::error::SandboxError;

/// Files and folders in all outputs of a job.
const MAX_ENTRIES: usize = 10_000;
/// A file's contents go through this much memory.
const BUFFER: usize = 64 * 1024;

/// A file that a job has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Below the folder of the outputs, with `/` between its parts.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Where outputs go, and what is taken.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// An existing folder of ours.
    pub(crate) folder: PathBuf,
    /// Files or folders below the job's working directory.
    pub(crate) names: Vec<String>,
    /// The most bytes, all files together.
    pub(crate) bytes: u64,
}

/// Whether a name can be asked for: relative, and of plain parts.
pub(crate) fn check(name: &str) -> Result<(), SandboxError> {
    match is_plain(name) {
        true => Ok(()),
        false => Err(SandboxError::Invalid {
            what: format!(
                "output `{name}`: name a file or folder below the working directory, such as `out/report.txt`"
            ),
        }),
    }
}

fn is_plain(name: &str) -> bool {
    let is_normal = |part| matches!(part, Component::Normal(_));
    let parts: Vec<Component<'_>> = Path::new(name).components().collect();
    // What the library would make even (`a//b`, `a/`, `./a`) is another spelling of the same file.
    !parts.is_empty()
        && parts.into_iter().all(is_normal)
        && !name.split('/').any(|part| part.is_empty() || part == ".")
        && !name.chars().any(char::is_control)
}

/// Reads an archive to its end and moves what it holds into place; nothing of it stays otherwise.
/// Blocks. What was wanted and is not in it is not an error here.
pub(crate) fn unpack(from: impl Read, wanted: &Wanted) -> Result<Vec<Output>, SandboxError> {
    let staging = wanted
        .folder
        .join(format!(".freehold-outputs-{}", std::process::id()));
    let io = || SandboxError::io("keep the outputs");
    DirBuilder::new()
        .mode(0o700)
        .create(&staging)
        .map_err(io())?;
    let unpacked = entries(from, &staging, wanted).and_then(|outputs| {
        wanted
            .names
            .iter()
            .try_for_each(|name| settle(&staging, &wanted.folder, name))?;
        Ok(outputs)
    });
    let removed = fs::remove_dir_all(&staging).map_err(io());
    let outputs = unpacked?;
    removed.map(|()| outputs)
}

fn entries(
    mut from: impl Read,
    staging: &Path,
    wanted: &Wanted,
) -> Result<Vec<Output>, SandboxError> {
    let mut outputs = Vec::new();
    let mut left = wanted.bytes;
    let mut count = 0;
    while let Some(entry) = archive::next(&mut from).map_err(broken)? {
        count += 1;
        if count > MAX_ENTRIES {
            return refuse(format!(
                "there are more than {MAX_ENTRIES} files and folders"
            ));
        }
        let name = entry.name.clone();
        let is_below = |wanted: &String| {
            name == *wanted
                || name
                    .strip_prefix(wanted.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        if !is_plain(&name) || !wanted.names.iter().any(is_below) {
            return refuse(format!("`{}` was not asked for", name.escape_debug()));
        }
        left = left.checked_sub(entry.size).map_or_else(
            || {
                refuse(format!(
                    "they have more than {} bytes together",
                    wanted.bytes
                ))
            },
            Ok,
        )?;
        let path = staging.join(&name);
        if wanted.names.contains(&name) {
            let parent = path.parent().unwrap_or(staging);
            fs::create_dir_all(parent).map_err(SandboxError::io("keep the outputs"))?;
        }
        match entry.mode & TYPE {
            FILE => outputs.push(file(&mut from, &path, entry)?),
            FOLDER if entry.size == 0 => {
                fs::create_dir(&path).map_err(|error| twice(&name, &error))?;
            }
            _ => {
                return refuse(format!(
                    "`{}` is neither a file nor a folder",
                    name.escape_debug()
                ));
            }
        }
    }
    let mut rest = [0];
    match from.read(&mut rest) {
        Ok(0) => Ok(outputs),
        _ => refuse("something follows their end".to_owned()),
    }
}

fn file(mut from: impl Read, path: &Path, entry: Entry) -> Result<Output, SandboxError> {
    let mode = if entry.mode & 0o111 == 0 {
        0o644
    } else {
        0o755
    };
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(|error| twice(&entry.name, &error))?;
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; BUFFER];
    let mut left = entry.size;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
        from.read_exact(&mut buffer[..part]).map_err(broken)?;
        digest.update(&buffer[..part]);
        to.write_all(&buffer[..part])
            .map_err(SandboxError::io("keep the outputs"))?;
        left -= part as u64;
    }
    archive::skip_padding(from, entry.size).map_err(broken)?;
    let digest = digest.finish();
    let sha256 = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(Output {
        name: entry.name,
        bytes: entry.size,
        sha256,
    })
}

/// Moves one output from the staging folder to its place, which must be free.
fn settle(staging: &Path, folder: &Path, name: &str) -> Result<(), SandboxError> {
    let (from, to) = (staging.join(name), folder.join(name));
    if from.symlink_metadata().is_err() {
        return Ok(());
    }
    if to.symlink_metadata().is_ok() {
        return refuse(format!(
            "{} is there already; remove it or choose another folder",
            to.display()
        ));
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(SandboxError::io("keep the outputs"))?;
    }
    fs::rename(from, to).map_err(SandboxError::io("keep the outputs"))
}

fn refuse<T>(what: String) -> Result<T, SandboxError> {
    Err(SandboxError::Outputs { what })
}

fn broken(error: io::Error) -> SandboxError {
    let what = match error.kind() {
        io::ErrorKind::UnexpectedEof => "they end in the middle".to_owned(),
        _ => error.to_string(),
    };
    SandboxError::Outputs { what }
}

fn twice(name: &str, error: &io::Error) -> SandboxError {
    let what = format!("`{}` cannot be made: {error}", name.escape_debug());
    SandboxError::Outputs { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, mode, contents) in entries {
            archive::put(&mut bytes, name, *mode, contents).unwrap();
        }
        archive::end(&mut bytes).unwrap();
        bytes
    }

    fn try_with(bytes: &[u8], names: &[&str]) -> (Result<Vec<Output>, SandboxError>, Vec<String>) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("outputs");
        fs::create_dir(&folder).unwrap();
        let wanted = Wanted {
            folder: folder.clone(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            bytes: 1000,
        };
        let unpacked = unpack(bytes, &wanted);
        let beside = fs::read_dir(parent.path()).unwrap().count();
        assert_eq!(beside, 1, "something was made beside the folder");
        let names = fs::read_dir(&folder).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        (unpacked, names.collect())
    }

    #[test]
    fn outputs_are_files_with_their_hashes() {
        let bytes = archive(&[
            ("out", FOLDER | 0o755, b""),
            ("out/a", FILE | 0o755, b"hello"),
            ("deep/b", FILE | 0o600, b""),
        ]);
        let (outputs, mut names) = try_with(&bytes, &["out", "deep/b", "missing"]);
        let outputs = outputs.unwrap();
        names.sort();
        assert_eq!(names, ["deep", "out"]);
        // printf hello | sha256sum
        let known = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!((outputs[0].name.as_str(), outputs[0].bytes), ("out/a", 5));
        assert_eq!(outputs[0].sha256, known);
        assert_eq!(outputs[1].name, "deep/b");
    }

    #[test]
    fn a_hostile_archive_is_refused_whole() {
        const LINK: u32 = 0o120_777;
        let good: (&str, u32, &[u8]) = ("out", FOLDER | 0o755, b"");
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("climbs", archive(&[good, ("out/../../evil", FILE, b"x")])),
            (
                "absolute",
                archive(&[good, ("/tmp/freehold-evil", FILE, b"x")]),
            ),
            ("another name", archive(&[("other", FILE, b"x")])),
            (
                "a name that begins alike",
                archive(&[("outer", FILE, b"x")]),
            ),
            ("another spelling", archive(&[good, ("out//a", FILE, b"x")])),
            ("a link", archive(&[good, ("out/l", LINK, b"/etc/passwd")])),
            (
                "a way through a link",
                archive(&[("out", LINK, b"/tmp"), ("out/a", FILE, b"x")]),
            ),
            ("a device", archive(&[good, ("out/d", 0o020_666, b"")])),
            ("a pipe", archive(&[good, ("out/p", 0o010_666, b"")])),
            (
                "twice",
                archive(&[good, ("out/a", FILE, b"x"), ("out/a", FILE, b"y")]),
            ),
            (
                "a file as a folder",
                archive(&[("out", FILE, b"x"), ("out/a", FILE, b"y")]),
            ),
            ("no folder", archive(&[("out/a/b", FILE, b"y")])),
            ("a folder with contents", archive(&[("out", FOLDER, b"x")])),
            (
                "a control character",
                archive(&[good, ("out/\x1b[2J", FILE, b"")]),
            ),
            ("too large", archive(&[good, ("out/a", FILE, &[0; 1001])])),
            (
                "too large together",
                archive(&[good, ("out/a", FILE, &[0; 600]), ("out/b", FILE, &[0; 600])]),
            ),
        ];
        for (what, bytes) in cases {
            let (unpacked, left) = try_with(&bytes, &["out"]);
            assert!(
                matches!(unpacked, Err(SandboxError::Outputs { .. })),
                "{what}: {unpacked:?}"
            );
            assert!(left.is_empty(), "{what}: {left:?} is left");
        }
        let mut longer = archive(&[good]);
        longer.extend(b"more");
        assert!(
            try_with(&longer, &["out"]).0.is_err(),
            "something after the end"
        );
        let whole = archive(&[good, ("out/a", FILE, b"hello")]);
        for cut in 0..whole.len() {
            assert!(try_with(&whole[..cut], &["out"]).0.is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_size_that_lies_takes_no_memory() {
        let mut bytes = Vec::new();
        let entry = Entry {
            name: "out".to_owned(),
            mode: FILE,
            size: u64::from(u32::MAX),
        };
        archive::head(&mut bytes, &entry, (0, 0)).unwrap();
        assert!(try_with(&bytes, &["out"]).0.is_err());
    }

    #[test]
    fn names_that_can_be_asked_for() {
        assert!(["a", "a/b", "a b", "ä"].into_iter().all(is_plain));
        let bad = ["", "/a", "..", "a/..", "./a", "a/", "a//b", "a\nb", "."];
        assert!(!bad.into_iter().any(is_plain));
    }
}
