//! The jail of the tools: which path a model means, opened by the kernel below the workspace or not
//! at all.
//!
//! Every path is resolved by `openat2(2)` from a descriptor of the workspace's root, with
//! `RESOLVE_BENEATH` and `RESOLVE_NO_MAGICLINKS`. Nothing here compares strings, and nothing is
//! looked at first and opened later, so a link that is swapped in between changes nothing.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, mkdirat};

/// The kernel asks to try again when a rename elsewhere disturbed the look-up (`EAGAIN`).
const TRIES: usize = 32;
/// What is between two slashes of a path that is made; the kernel's own bound on a path is near.
const FOLDERS_MAX: usize = 128;

/// The workspace, held open.
pub(super) struct Place {
    root: OwnedFd,
    path: PathBuf,
}

impl Place {
    pub(super) fn new(workspace: &Path) -> io::Result<Self> {
        let path = std::fs::canonicalize(workspace)?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(&path, flags, Mode::empty())?;
        Ok(Self { root, path })
    }

    pub(super) fn root(&self) -> &Path {
        &self.path
    }

    /// A regular file to read. Never waits, whatever stands there.
    pub(super) fn read(&self, path: &str) -> Result<File, String> {
        self.regular(path, OFlag::O_RDONLY)
    }

    /// A regular file to read and change in place.
    pub(super) fn change(&self, path: &str) -> Result<File, String> {
        self.regular(path, OFlag::O_RDWR)
    }

    /// A regular file to write anew; it and its folders are made where they are missing.
    pub(super) fn create(&self, path: &str) -> Result<File, String> {
        let relative = self.relative(path)?;
        if let Some(parent) = relative.parent() {
            self.folders(path, parent)?;
        }
        self.regular(path, OFlag::O_WRONLY | OFlag::O_CREAT)
    }

    /// A folder, by a path that stays good while the handle lives.
    pub(super) fn folder(&self, path: &str) -> Result<Folder, String> {
        let relative = self.relative(path)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        self.open(&relative, flags)
            .map(Folder)
            .map_err(|errno| told(path, errno))
    }

    /// The folder that holds `path`, which need not exist, and its name there.
    pub(super) fn entry(&self, path: &str) -> Result<(Folder, OsString), String> {
        let relative = self.relative(path)?;
        let named = || format!("`{path}` names no file or folder below the workspace");
        let name = match relative.components().next_back() {
            Some(Component::Normal(name)) => name.to_owned(),
            _ => return Err(named()),
        };
        let parent = relative.parent().ok_or_else(named)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let folder = self
            .open(parent, flags)
            .map_err(|errno| told(path, errno))?;
        Ok((Folder(folder), name))
    }

    /// Makes the folder `dir` and those above it; `path` is what the model asked for.
    pub(super) fn folders(&self, path: &str, dir: &Path) -> Result<(), String> {
        let mut missing = Vec::new();
        let mut at = dir;
        let mut parent = loop {
            match self.open(at, OFlag::O_RDONLY | OFlag::O_DIRECTORY) {
                Ok(found) => break found,
                Err(Errno::ENOENT) if missing.len() < FOLDERS_MAX => {}
                Err(errno) => return Err(told(path, errno)),
            }
            match (at.components().next_back(), at.parent()) {
                (Some(Component::Normal(name)), Some(above)) => {
                    missing.push(name);
                    at = above;
                }
                _ => return Err(told(path, Errno::ENOENT)),
            }
        };
        for name in missing.into_iter().rev() {
            match mkdirat(&parent, name, Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(told(path, errno)),
            }
            parent = beneath(
                &parent,
                Path::new(name),
                OFlag::O_RDONLY | OFlag::O_DIRECTORY,
            )
            .map_err(|errno| told(path, errno))?;
        }
        Ok(())
    }

    fn regular(&self, path: &str, flags: OFlag) -> Result<File, String> {
        let relative = self.relative(path)?;
        // A pipe that nobody reads or writes would hold the tool for ever.
        let flags = flags | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = self.open(&relative, flags).map_err(|errno| match errno {
            Errno::ENXIO | Errno::EISDIR => "that is no regular file".to_owned(),
            errno => told(path, errno),
        })?;
        let file = File::from(file);
        let meta = file
            .metadata()
            .map_err(|error| format!("`{path}`: {error}"))?;
        if meta.is_file() {
            Ok(file)
        } else {
            Err("that is no regular file".into())
        }
    }

    fn open(&self, relative: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        beneath(&self.root, relative, flags)
    }

    /// `path` as seen from the root. An absolute one has to lead through the workspace's own.
    fn relative(&self, path: &str) -> Result<PathBuf, String> {
        let wanted = Path::new(path);
        let relative = if wanted.is_absolute() {
            wanted.strip_prefix(&self.path).map_err(|_| outside(path))?
        } else {
            wanted
        };
        Ok(if relative.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            relative.to_path_buf()
        })
    }
}

/// An open folder.
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// A name of the open folder itself, whatever happens to the path that led there.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }

    /// Opens what is below it, without following a link anywhere.
    pub(super) fn open(&self, name: &OsStr, flags: OFlag) -> Result<OwnedFd, Errno> {
        let how = how(flags).resolve(
            ResolveFlag::RESOLVE_BENEATH
                | ResolveFlag::RESOLVE_NO_MAGICLINKS
                | ResolveFlag::RESOLVE_NO_SYMLINKS,
        );
        openat2(&self.0, Path::new(name), how)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Folder {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

fn how(flags: OFlag) -> OpenHow {
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC);
    if flags.contains(OFlag::O_CREAT) {
        how.mode(Mode::from_bits_truncate(0o644))
    } else {
        how
    }
}

fn beneath(from: &OwnedFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    let how = how(flags).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    for _ in 1..TRIES {
        match openat2(from, path, how) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            answer => return answer,
        }
    }
    openat2(from, path, how)
}

fn outside(path: &str) -> String {
    format!("`{path}` is outside the workspace")
}

/// A failed look-up in words for the model.
pub(super) fn told(path: &str, errno: Errno) -> String {
    match errno {
        Errno::EXDEV | Errno::ELOOP => outside(path),
        errno => format!("`{path}`: {}", io::Error::from(errno)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    fn world() -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("workspace");
        fs::create_dir_all(root.join("src")).unwrap();
        fs::create_dir_all(dir.path().join("workspace_evil")).unwrap();
        fs::write(root.join("src/a"), "inside").unwrap();
        fs::write(dir.path().join("secret"), "outside").unwrap();
        fs::write(dir.path().join("workspace_evil/secret"), "outside").unwrap();
        symlink(dir.path(), root.join("out")).unwrap();
        symlink("../../secret", root.join("src/link")).unwrap();
        symlink("src", root.join("in")).unwrap();
        symlink("/nowhere", root.join("dangling")).unwrap();
        symlink("/proc/self/cwd", root.join("magic")).unwrap();
        let place = Place::new(&root).unwrap();
        (dir, place)
    }

    #[test]
    fn stays_inside_whatever_the_path_says() {
        let (_dir, place) = world();
        let absolute = place.root().join("src/a");
        for path in [
            "src/a",
            "./src/../src/a",
            "in/a",
            "in/../src/a",
            absolute.to_str().unwrap(),
        ] {
            let mut text = String::new();
            place.read(path).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "inside", "{path}");
        }
        let twin = format!("{}_evil/secret", place.root().display());
        for path in [
            "..",
            "../secret",
            "/etc/passwd",
            "out/secret",
            "src/link",
            "in/../../secret",
            "dangling",
            "magic/secret",
            "../workspace_evil/secret",
            twin.as_str(),
        ] {
            let error = place.read(path).unwrap_err();
            assert!(error.contains("outside the workspace"), "{path}: {error}");
            assert!(place.create(path).is_err(), "{path}");
        }
    }

    #[test]
    fn folders_are_made_inside_only() {
        let (dir, place) = world();
        place.create("new/deep/file").unwrap();
        assert!(place.root().join("new/deep/file").is_file());
        place.create("in/made").unwrap();
        assert!(place.root().join("src/made").is_file());
        assert!(place.create("out/new/file").is_err());
        assert!(place.create("new/../../escaped/file").is_err());
        assert!(!dir.path().join("new").exists() && !dir.path().join("escaped").exists());
    }

    /// A link that changes while it is looked at: with a look first and an open later, some of
    /// these reads would be of the file outside.
    #[test]
    fn a_link_that_is_swapped_meanwhile_never_leads_out() {
        let (dir, place) = world();
        let root = place.root().to_path_buf();
        fs::create_dir(root.join("good")).unwrap();
        fs::write(root.join("good/secret"), "inside").unwrap();
        let outside = dir.path().to_path_buf();
        let swapping = std::thread::spawn(move || {
            for n in 0..2_000 {
                let new = root.join("new-link");
                let to = if n % 2 == 0 {
                    root.join("good")
                } else {
                    outside.clone()
                };
                let to = if n % 2 == 0 {
                    PathBuf::from("good")
                } else {
                    to
                };
                symlink(to, &new).unwrap();
                fs::rename(&new, root.join("link")).unwrap();
            }
        });
        let mut inside = 0;
        while !swapping.is_finished() {
            if let Ok(mut file) = place.read("link/secret") {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text, "inside");
                inside += 1;
            }
        }
        swapping.join().unwrap();
        assert!(inside > 0, "no read ever succeeded: this proves nothing");
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let (_dir, place) = world();
        let pipe = place.root().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
        for path in ["pipe", "src"] {
            assert!(place.read(path).unwrap_err().contains("no regular file"));
            assert!(place.create(path).unwrap_err().contains("no regular file"));
        }
    }
}
