//! Going through a tree that somebody hostile may have made, and may be changing.
//!
//! Every folder is opened by its name from the folder above, never by a path and never through a
//! link or into another file system: how deep it is does not matter (a path ends at 4096 bytes, a nest
//! of folders does not), and neither a rename nor a mount leads out of the tree. A bounded number of
//! descriptors is held, however deep it goes.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, fstat};

/// Folders that are held open on the way down; those further up are opened again on the way back.
const HELD: usize = 64;

/// What is done on the way through a tree.
pub trait Visit {
    /// An entry of `folder`, told before what is below it. A break ends the walk at once.
    fn entry(&mut self, folder: BorrowedFd<'_>, name: &OsStr, meta: &Metadata) -> ControlFlow<()>;

    /// The folder `name` of `folder` was gone through.
    fn left(&mut self, folder: BorrowedFd<'_>, name: &OsStr) {
        let _ = (folder, name);
    }

    /// The folder `name` of `folder`, which may be the root itself, may not be read: opened all the same, or not.
    fn shut(&mut self, folder: BorrowedFd<'_>, name: &OsStr) -> Option<OwnedFd> {
        let _ = (folder, name);
        None
    }
}

/// A folder that is being gone through.
struct Level {
    name: OsString,
    held: Option<OwnedFd>,
    /// Its device and number.
    is: (u64, u64),
    todo: Vec<OsString>,
}

/// Goes through everything below `root`, which need not be there; what vanishes meanwhile or cannot
/// be read is passed over. Blocks. False where the visitor ended it.
pub fn walk(root: &Path, visit: &mut impl Visit) -> bool {
    let mut levels: Vec<Level> = Vec::new();
    let mut next = top(root, visit).map(|top| (top, OsString::new()));
    loop {
        if let Ok((opened, name)) = next {
            match list(opened, name, visit) {
                Ok(Some(level)) => levels.push(level),
                Ok(None) => return false,
                Err(error) => tracing::debug!(%error, "a folder was passed over"),
            }
            if let Some(far) = levels.len().checked_sub(HELD + 1) {
                levels[far].held = None;
            }
        }
        let Some(Level { held, todo, .. }) = levels.last_mut() else {
            return true;
        };
        next = match (held, todo.pop()) {
            (Some(held), Some(name)) => {
                let held = held.as_fd();
                below(held, &name)
                    .or_else(|errno| shut(errno, held, &name, visit))
                    .map(|opened| (opened, name))
            }
            _ => {
                back(root, &mut levels, visit);
                Err(Errno::ENOENT)
            }
        };
    }
}

/// The folder that the walk begins in. A link in its place is none.
fn top(root: &Path, visit: &mut impl Visit) -> nix::Result<OwnedFd> {
    folder(root).or_else(|errno| {
        let (Some(above), Some(name)) = (root.parent(), root.file_name()) else {
            return Err(errno);
        };
        shut(errno, folder(above)?.as_fd(), name, visit)
    })
}

/// What the visitor makes of a folder that may not be read.
fn shut(
    errno: Errno,
    at: BorrowedFd<'_>,
    name: &OsStr,
    visit: &mut impl Visit,
) -> nix::Result<OwnedFd> {
    match errno {
        Errno::EACCES => visit.shut(at, name).ok_or(errno),
        _ => Err(errno),
    }
}

/// Tells every entry of a folder; none where the visitor has seen enough.
fn list(held: OwnedFd, name: OsString, visit: &mut impl Visit) -> io::Result<Option<Level>> {
    let found = fstat(&held)?;
    let mut todo = Vec::new();
    for entry in fs::read_dir(path_of(held.as_fd()))? {
        let Ok(entry) = entry else { break };
        // Of the entry itself, asked from the folder: no path, no link.
        let Ok(meta) = entry.metadata() else { continue };
        let name = entry.file_name();
        if visit.entry(held.as_fd(), &name, &meta).is_break() {
            return Ok(None);
        }
        if meta.is_dir() {
            todo.push(name);
        }
    }
    Ok(Some(Level {
        name,
        held: Some(held),
        is: (found.st_dev, found.st_ino),
        todo,
    }))
}

/// Leaves the lowest folder for the next one above it that can be reached.
fn back(root: &Path, levels: &mut Vec<Level>, visit: &mut impl Visit) {
    let Some(done) = levels.pop() else { return };
    let mut below = done.held;
    let mut is_above = true;
    loop {
        let opened = match levels.last() {
            None => return,
            Some(Level { held: Some(_), .. }) => None,
            Some(above) => below
                .take()
                .and_then(|below| parent(&below, above.is))
                .or_else(|| again(root, levels)),
        };
        let Some(above) = levels.last_mut() else {
            return;
        };
        above.held = opened.or(above.held.take());
        if let Some(held) = &above.held {
            if is_above {
                visit.left(held.as_fd(), &done.name);
            }
            return;
        }
        // It was moved away: what is left of it is seen by the next walk.
        levels.pop();
        is_above = false;
    }
}

/// The folder above, where it is the one that it was.
fn parent(held: &OwnedFd, is: (u64, u64)) -> Option<OwnedFd> {
    let above = below(held.as_fd(), OsStr::new("..")).ok()?;
    let found = fstat(&above).ok()?;
    ((found.st_dev, found.st_ino) == is).then_some(above)
}

/// The lowest of the levels, name by name from the root.
fn again(root: &Path, levels: &[Level]) -> Option<OwnedFd> {
    let mut names = levels.iter().skip(1).map(|level| level.name.as_os_str());
    names.try_fold(folder(root).ok()?, |at, name| below(at.as_fd(), name).ok())
}

const FOLDER: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// Opens a folder by a path of ours.
pub(crate) fn folder(path: &Path) -> nix::Result<OwnedFd> {
    openat(AT_FDCWD, path, FOLDER, Mode::empty())
}

/// Opens a folder of a folder: no link, and nothing that is mounted there.
pub(crate) fn below(at: BorrowedFd<'_>, name: &OsStr) -> nix::Result<OwnedFd> {
    let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS;
    openat2(at, name, OpenHow::new().flags(FOLDER).resolve(resolve))
}

/// A path that is good while the descriptor is.
fn path_of(held: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

/// Opens a folder of this user's that is shut to its owner too, and leaves its modes as they were.
///
/// Where it is a folder: what stands there by now may be anything, a link too.
pub fn peek(at: BorrowedFd<'_>, name: &OsStr) -> Option<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let held = openat(at, name, flags, Mode::empty()).ok()?;
    let path = path_of(held.as_fd());
    let modes = fs::metadata(&path).ok()?.permissions();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).ok()?;
    let opened = below(at, name);
    fs::set_permissions(&path, modes).ok()?;
    opened.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::mkdirat;

    #[derive(Default)]
    struct Count {
        entries: u64,
        left: u64,
        most: Option<u64>,
    }

    impl Visit for Count {
        fn entry(&mut self, _: BorrowedFd<'_>, _: &OsStr, _: &Metadata) -> ControlFlow<()> {
            self.entries += 1;
            match self.most.is_some_and(|most| self.entries > most) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }

        fn left(&mut self, _: BorrowedFd<'_>, _: &OsStr) {
            self.left += 1;
        }
    }

    /// A folder in a folder, so many times, each with a brother that is seen on the way back.
    fn nest(dir: &Path, depth: usize) {
        let mut at = folder(dir).unwrap();
        for _ in 0..depth {
            mkdirat(&at, "0-brother", Mode::S_IRWXU).unwrap();
            mkdirat(&at, "a-folder-with-a-name", Mode::S_IRWXU).unwrap();
            at = below(at.as_fd(), OsStr::new("a-folder-with-a-name")).unwrap();
        }
    }

    #[test]
    fn a_nest_that_no_path_reaches_is_gone_through() {
        let data = tempfile::tempdir().unwrap();
        let dir = data.path().join("nest");
        fs::create_dir(&dir).unwrap();
        let depth = 2000;
        nest(&dir, depth);
        let mut count = Count::default();
        assert!(walk(&dir, &mut count));
        let all = 2 * u64::try_from(depth).unwrap();
        assert_eq!((count.entries, count.left), (all, all));
        crate::remove_tree(&dir).unwrap();
    }

    #[test]
    fn links_lead_nowhere_and_a_visitor_ends_it() {
        let data = tempfile::tempdir().unwrap();
        let (inside, outside) = (data.path().join("in"), data.path().join("out"));
        fs::create_dir_all(inside.join("a/b")).unwrap();
        fs::create_dir_all(outside.join("kept")).unwrap();
        std::os::unix::fs::symlink("../../out", inside.join("a/link")).unwrap();
        let mut count = Count::default();
        assert!(walk(&inside, &mut count));
        assert_eq!(count.entries, 3);
        let most = Some(1);
        assert!(!walk(
            &inside,
            &mut Count {
                most,
                ..Count::default()
            }
        ));
        assert!(walk(&data.path().join("none"), &mut Count::default()));
    }

    #[test]
    fn a_shut_folder_is_looked_into_and_stays_shut() {
        let data = tempfile::tempdir().unwrap();
        let shut = data.path().join("shut");
        fs::create_dir_all(shut.join("in")).unwrap();
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o000)).unwrap();
        std::os::unix::fs::symlink("shut", data.path().join("link")).unwrap();
        let above = folder(data.path()).unwrap();
        let opened = peek(above.as_fd(), OsStr::new("shut")).unwrap();
        assert!(below(opened.as_fd(), OsStr::new("in")).is_ok());
        assert_eq!(fs::metadata(&shut).unwrap().permissions().mode() & 0o777, 0);
        assert!(peek(above.as_fd(), OsStr::new("link")).is_none());
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_folder_that_is_moved_away_leads_nobody_out() {
        /// Moves the lowest folder elsewhere when it is seen, beyond what is held open.
        struct Mover<'a>(&'a Path, u64, Vec<OsString>);
        impl Visit for Mover<'_> {
            fn entry(&mut self, _: BorrowedFd<'_>, name: &OsStr, _: &Metadata) -> ControlFlow<()> {
                self.1 += 1;
                self.2.push(name.to_owned());
                if name == "last" {
                    fs::rename(self.0.join("in/m"), self.0.join("out/m")).unwrap();
                }
                ControlFlow::Continue(())
            }
        }
        let data = tempfile::tempdir().unwrap();
        let mut deep = data.path().join("in/m");
        for _ in 0..HELD + 10 {
            deep.push("d");
        }
        fs::create_dir_all(deep.join("last")).unwrap();
        fs::create_dir_all(data.path().join("out/secret")).unwrap();
        fs::create_dir_all(data.path().join("in/0-brother/below")).unwrap();
        let mut mover = Mover(data.path(), 0, vec![]);
        assert!(walk(&data.path().join("in"), &mut mover));
        assert!(!mover.2.contains(&"secret".into()), "{:?}", mover.2);
    }
}
