//! A folder held open, whose entries are reached one name at a time and never through a link.
//!
//! Component by component with `O_NOFOLLOW`: what `openat2(RESOLVE_NO_SYMLINKS)` does, on kernels and
//! in sandboxes that lack it too.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Component, Path};

use nix::fcntl::{AtFlags, OFlag, openat, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, UtimensatFlags, fchmod, fstat, fstatat, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchownat, symlinkat};

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

const OPEN: OFlag = OFlag::O_DIRECTORY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

impl Folder {
    /// Opens a folder of ours by its path; links above it are followed, it itself is none.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(nix::fcntl::open(path, OPEN, Mode::empty())?))
    }

    pub(crate) fn sub(&self, name: &OsStr) -> io::Result<Self> {
        Ok(Self(openat(&self.0, name, OPEN, Mode::empty())?))
    }

    /// Walks down a relative path of plain names; makes what is missing if `make`.
    pub(crate) fn descend(&self, path: &Path, make: bool) -> io::Result<Self> {
        let mut folder = Self(self.0.try_clone()?);
        for part in path.components() {
            let Component::Normal(name) = part else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            folder = match folder.sub(name) {
                Err(error) if make && error.kind() == io::ErrorKind::NotFound => {
                    folder.make(name, 0o755)?
                }
                other => other?,
            };
        }
        Ok(folder)
    }

    pub(crate) fn make(&self, name: &OsStr, mode: u32) -> io::Result<Self> {
        mkdirat(&self.0, name, Mode::from_bits_truncate(mode))?;
        self.sub(name)
    }

    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let path = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }

    /// About an entry, a link as itself; `None` where there is none.
    pub(crate) fn stat(&self, name: &OsStr) -> io::Result<Option<FileStat>> {
        match fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(nix::errno::Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn own_stat(&self) -> io::Result<FileStat> {
        Ok(fstat(&self.0)?)
    }

    pub(crate) fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
        Ok(readlinkat(&self.0, name)?)
    }

    pub(crate) fn link(&self, name: &OsStr, points_to: &OsStr) -> io::Result<()> {
        Ok(symlinkat(points_to, &self.0, name)?)
    }

    /// Opens a plain file to read; a pipe or device in its place does not block and is an error.
    pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(openat(&self.0, name, flags, Mode::empty())?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    /// Makes a plain file that did not exist.
    pub(crate) fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(File::from(openat(
            &self.0,
            name,
            flags,
            Mode::from_bits_truncate(0o600),
        )?))
    }

    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    pub(crate) fn chmod(&self, mode: u32) -> io::Result<()> {
        Ok(fchmod(self.0.as_fd(), Mode::from_bits_truncate(mode))?)
    }

    pub(crate) fn own(&self, name: &OsStr, (uid, gid): (u32, u32)) -> io::Result<()> {
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        Ok(fchownat(
            &self.0,
            name,
            uid,
            gid,
            AtFlags::AT_SYMLINK_NOFOLLOW,
        )?)
    }

    /// Gives an entry the times of another: build tools compare them.
    pub(crate) fn set_times(&self, name: &OsStr, stat: &FileStat) -> io::Result<()> {
        let access = TimeSpec::new(stat.st_atime, stat.st_atime_nsec);
        let change = TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec);
        Ok(utimensat(
            &self.0,
            name,
            &access,
            &change,
            UtimensatFlags::NoFollowSymlink,
        )?)
    }

    /// Removes an entry with all below it, read-only folders too. Absent is done.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        let path = Path::new("/proc/self/fd")
            .join(self.0.as_raw_fd().to_string())
            .join(name);
        match self.stat(name)? {
            None => Ok(()),
            Some(stat) if kind(&stat) == Kind::Folder => {
                // The standard removal follows no link either.
                fs::remove_dir_all(&path).or_else(|_| {
                    self.unlock(name)?;
                    fs::remove_dir_all(&path)
                })
            }
            Some(_) => fs::remove_file(&path),
        }
    }

    fn unlock(&self, name: &OsStr) -> io::Result<()> {
        let folder = self.sub(name)?;
        folder.chmod(0o700)?;
        for name in folder.names()? {
            if folder
                .stat(&name)?
                .is_some_and(|stat| kind(&stat) == Kind::Folder)
            {
                folder.unlock(&name)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File,
    Link,
    Other,
}

pub(crate) fn kind(stat: &FileStat) -> Kind {
    match stat.st_mode & 0o170_000 {
        0o040_000 => Kind::Folder,
        0o100_000 => Kind::File,
        0o120_000 => Kind::Link,
        _ => Kind::Other,
    }
}
