//! Layers of an image, one over the other, with the marks for what a layer takes away.
//!
//! The marks are those of the OCI image specification (`layer.md`, "Whiteouts"): `.wh.NAME` takes
//! NAME of the layers below away, `.wh..wh..opq` all that they have in its folder. Wherever in its
//! stream a mark stands, it does not touch what its own layer brings.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::openat;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::unpack::{FOLDER, refused};

const MARK: &[u8] = b".wh.";
/// Takes away all of a folder.
const ALL: &[u8] = b".wh..wh..opq";
/// Other names of the file system that marks came from; they say nothing here.
const OF_A_TOOL: &[u8] = b".wh..wh.";

/// Bytes of all paths that are kept of one layer. The largest images have some hundred megabytes of
/// them.
pub(super) const MAX_PATHS: usize = 1 << 30;

/// What one layer has brought so far, with the folders that lead there.
#[derive(Debug)]
pub(super) struct Brought {
    paths: HashSet<PathBuf>,
    /// Bytes that further paths may have.
    left: usize,
}

/// What a name in a layer is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// A file of the image.
    File,
    /// Takes this one of the layers below away.
    Gone(&'a OsStr),
    /// Takes away all that the layers below have here.
    AllGone,
    /// Of no meaning.
    Nothing,
}

/// Tells a mark from a file.
pub(super) fn name(of: &OsStr) -> Name<'_> {
    let bytes = of.as_bytes();
    match bytes.strip_prefix(MARK) {
        None => Name::File,
        Some(_) if bytes == ALL => Name::AllGone,
        Some(_) if bytes.starts_with(OF_A_TOOL) => Name::Nothing,
        Some(b"" | b"." | b"..") => Name::Nothing,
        Some(gone) => Name::Gone(OsStr::from_bytes(gone)),
    }
}

impl Brought {
    /// Nothing yet; keeps paths of as many bytes.
    pub(super) fn new(left: usize) -> Self {
        Self {
            paths: HashSet::new(),
            left,
        }
    }

    pub(super) fn add(&mut self, path: &Path) -> io::Result<()> {
        for path in path.ancestors() {
            if path.as_os_str().is_empty() || self.paths.contains(path) {
                break;
            }
            self.left = self
                .left
                .checked_sub(path.as_os_str().len())
                .ok_or_else(|| refused("a layer has too many long paths", path))?;
            self.paths.insert(path.to_owned());
        }
        Ok(())
    }

    /// Takes `path`, which is `name` in `at`, away, but for what this layer brought.
    pub(super) fn take_away(&self, at: &OwnedFd, name: &Path, path: &Path) -> io::Result<()> {
        if self.paths.contains(path) {
            return self.empty(at, name, path);
        }
        remove(at, name)
    }

    /// Takes away all in the folder `path`, which is `name` in `at`, that this layer did not bring.
    pub(super) fn empty(&self, at: &OwnedFd, name: &Path, path: &Path) -> io::Result<()> {
        let folder = match openat(at, name, FOLDER, Mode::empty()) {
            Ok(folder) => folder,
            // A file or a link of this layer's, or nothing.
            Err(Errno::ENOTDIR | Errno::ELOOP | Errno::ENOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for inner in names(&folder)? {
            self.take_away(&folder, &inner, &path.join(&inner))?;
        }
        Ok(())
    }
}

/// Removes a file, a link, or a folder with all that is in it; what is not there is removed. No link
/// is followed. As deep as paths that were unpacked, no deeper.
pub(super) fn remove(at: &OwnedFd, name: &Path) -> io::Result<()> {
    match unlinkat(at, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(error) => return Err(error.into()),
    }
    let folder = openat(at, name, FOLDER, Mode::empty())
        .map_err(|_| refused("it cannot be taken away", name))?;
    for inner in names(&folder)? {
        remove(&folder, &inner)?;
    }
    unlinkat(at, name, UnlinkatFlags::RemoveDir)?;
    Ok(())
}

fn names(folder: &OwnedFd) -> io::Result<Vec<PathBuf>> {
    let place = format!("/proc/self/fd/{}", folder.as_raw_fd());
    let entries = std::fs::read_dir(place)?;
    entries
        .map(|entry| Ok(PathBuf::from(entry?.file_name())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_kept_within_a_bound() {
        // `a/b/c`, `a/b` and `a`, each once.
        let mut brought = Brought::new(9 + 5);
        brought.add(Path::new("a/b/c")).unwrap();
        brought.add(Path::new("a/b/c")).unwrap();
        brought.add(Path::new("a/b/d")).unwrap();
        let why = brought.add(Path::new("e")).unwrap_err().to_string();
        assert!(why.contains("too many long paths"), "{why}");
    }
}
