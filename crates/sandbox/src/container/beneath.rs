//! Places to mount on in folders that an earlier run may have written: no link in them is followed.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstatat, mkdirat};
use nix::unistd::symlinkat;

use crate::container::points::Point;

/// Makes `below` in `folder` unless it is there already; what is there and is something else, or a
/// link on the way, is an error.
pub(super) fn make(folder: &Path, below: &Path, point: Point<'_>) -> io::Result<()> {
    let walk = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut at: OwnedFd = openat(AT_FDCWD, folder, walk, Mode::empty())?;
    let mut parts = below.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(part) = part else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let part = Path::new(part);
        if parts.peek().is_none() {
            return last(&at, part, point);
        }
        folder_at(&at, part)?;
        at = openat(&at, part, walk | OFlag::O_NOFOLLOW, Mode::empty())?;
    }
    Ok(())
}

fn folder_at(at: &OwnedFd, part: &Path) -> io::Result<()> {
    match mkdirat(at, part, Mode::from_bits_truncate(0o755)) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn last(at: &OwnedFd, part: &Path, point: Point<'_>) -> io::Result<()> {
    match point {
        Point::Folder => folder_at(at, part)?,
        Point::File => {
            let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
            match openat(at, part, flags, Mode::from_bits_truncate(0o644)) {
                Ok(_) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Point::Link(points_to) => match symlinkat(points_to, at, part) {
            Err(Errno::EEXIST) if readlinkat(at, part)? == points_to => {}
            made => made?,
        },
    }
    let found = fstatat(at, part, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    let kind = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT;
    let fits = match point {
        Point::Folder => kind == SFlag::S_IFDIR,
        Point::File => kind != SFlag::S_IFDIR && kind != SFlag::S_IFLNK,
        Point::Link(_) => kind == SFlag::S_IFLNK,
    };
    if fits {
        Ok(())
    } else {
        Err(io::Error::other("something else is there already"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_is_followed_and_nothing_is_made_outside() {
        let base = tempfile::tempdir().unwrap();
        let (folder, outside) = (base.path().join("folder"), base.path().join("outside"));
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&outside).unwrap();
        make(&folder, Path::new("a/b/c"), Point::Folder).unwrap();
        make(&folder, Path::new("a/b/c"), Point::Folder).unwrap();
        make(&folder, Path::new("a/file"), Point::File).unwrap();
        assert!(folder.join("a/b/c").is_dir() && folder.join("a/file").is_file());
        symlink(&outside, folder.join("link")).unwrap();
        for (below, point) in [
            ("link/x", Point::Folder),
            ("link", Point::Folder),
            ("link", Point::File),
            ("link/x", Point::File),
            ("a/file/x", Point::Folder),
            ("a/file", Point::Folder),
            ("a/b", Point::File),
            ("../outside/x", Point::Folder),
        ] {
            assert!(make(&folder, Path::new(below), point).is_err(), "{below}");
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        let to = Path::new("elsewhere");
        make(&folder, Path::new("own"), Point::Link(to)).unwrap();
        make(&folder, Path::new("own"), Point::Link(to)).unwrap();
        assert!(make(&folder, Path::new("link"), Point::Link(to)).is_err());
    }
}
