//! Going through a tree that somebody hostile may have made, and may be changing.
//!
//! Every folder is opened by its name from the folder above, never by a path and never through a
//! link: how deep it is does not matter (a path ends at 4096 bytes, a nest of folders does not), and
//! no rename leads out of the tree. A bounded number of descriptors is held, however deep it goes.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};

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

    /// The folder `name` of `folder` may not be read: whether to try again.
    fn shut(&mut self, folder: BorrowedFd<'_>, name: &OsStr) -> bool {
        let _ = (folder, name);
        false
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
    let mut next = folder(AT_FDCWD, root.as_os_str()).map(|top| (top, OsString::new()));
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
                let again = |errno| match errno == Errno::EACCES && visit.shut(held, &name) {
                    true => folder(held, &name),
                    false => Err(errno),
                };
                folder(held, &name)
                    .or_else(again)
                    .map(|opened| (opened, name))
            }
            _ => {
                back(root, &mut levels, visit);
                Err(Errno::ENOENT)
            }
        };
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
fn parent(below: &OwnedFd, is: (u64, u64)) -> Option<OwnedFd> {
    let above = folder(below.as_fd(), OsStr::new("..")).ok()?;
    let found = fstat(&above).ok()?;
    ((found.st_dev, found.st_ino) == is).then_some(above)
}

/// The lowest of the levels, name by name from the root.
fn again(root: &Path, levels: &[Level]) -> Option<OwnedFd> {
    let top = folder(AT_FDCWD, root.as_os_str()).ok()?;
    let below = levels.iter().skip(1);
    below
        .map(|level| level.name.as_os_str())
        .try_fold(top, |at, name| folder(at.as_fd(), name).ok())
}

fn folder(at: BorrowedFd<'_>, name: &OsStr) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(at, name, flags, Mode::empty())
}

/// A path that is good while the descriptor is.
fn path_of(held: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

/// Opens a folder to its owner, whatever its modes; whether that could be done.
///
/// Where it is one: what stands there by now may be anything, a link too.
pub fn open_up(folder: BorrowedFd<'_>, name: &OsStr) -> bool {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(folder, name, flags, Mode::empty()).is_ok_and(|held| {
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(path_of(held.as_fd()), mode).is_ok()
    })
}

/// Removes a folder with all that is below it, whatever the modes and however deep; one that is not
/// there is removed. Mounts below it must be gone: they are not emptied, and it stays. Blocks.
///
/// # Errors
/// The first thing that could not be removed; as much as can be is.
pub fn remove(dir: &Path) -> io::Result<()> {
    struct Remove(Option<Errno>);
    impl Visit for Remove {
        fn entry(&mut self, at: BorrowedFd<'_>, name: &OsStr, meta: &Metadata) -> ControlFlow<()> {
            if !meta.is_dir() {
                let unlink = || unlinkat(at, name, UnlinkatFlags::NoRemoveDir);
                // A folder that was made read-only cannot be emptied by an ordinary user.
                let done = unlink().or_else(|_| {
                    fchmod(at, Mode::S_IRWXU)?;
                    unlink()
                });
                self.keep(done);
            }
            ControlFlow::Continue(())
        }

        fn left(&mut self, at: BorrowedFd<'_>, name: &OsStr) {
            let unlink = || unlinkat(at, name, UnlinkatFlags::RemoveDir);
            let done = unlink().or_else(|errno| match errno {
                Errno::EACCES => {
                    fchmod(at, Mode::S_IRWXU)?;
                    unlink()
                }
                errno => Err(errno),
            });
            self.keep(done);
        }

        fn shut(&mut self, at: BorrowedFd<'_>, name: &OsStr) -> bool {
            open_up(at, name)
        }
    }
    impl Remove {
        fn keep(&mut self, done: nix::Result<()>) {
            if let Err(errno) = done
                && errno != Errno::ENOENT
            {
                self.0.get_or_insert(errno);
            }
        }
    }
    if let (Some(above), Some(name)) = (dir.parent(), dir.file_name())
        && let Ok(above) = folder(AT_FDCWD, above.as_os_str())
        && folder(above.as_fd(), name).is_err_and(|errno| errno == Errno::EACCES)
    {
        open_up(above.as_fd(), name);
    }
    let mut removing = Remove(None);
    walk(dir, &mut removing);
    match fs::remove_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(removing.0.map_or(error, io::Error::from)),
        Ok(()) => Ok(()),
    }
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
        let mut at = folder(AT_FDCWD, dir.as_os_str()).unwrap();
        for _ in 0..depth {
            mkdirat(&at, "0-brother", Mode::S_IRWXU).unwrap();
            mkdirat(&at, "a-folder-with-a-name", Mode::S_IRWXU).unwrap();
            at = folder(at.as_fd(), OsStr::new("a-folder-with-a-name")).unwrap();
        }
    }

    #[test]
    fn a_nest_that_no_path_reaches_is_gone_through_and_removed() {
        let data = tempfile::tempdir().unwrap();
        let dir = data.path().join("nest");
        fs::create_dir(&dir).unwrap();
        let depth = 2000;
        nest(&dir, depth);
        let mut count = Count::default();
        assert!(walk(&dir, &mut count));
        let all = 2 * u64::try_from(depth).unwrap();
        assert_eq!((count.entries, count.left), (all, all));
        remove(&dir).unwrap();
        assert!(!dir.exists());
        remove(&dir).unwrap();
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
        remove(&inside).unwrap();
        assert!(outside.join("kept").is_dir());
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
