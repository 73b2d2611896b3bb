//! Removing what somebody else filled: whatever its depth, its modes and its names.
//!
//! The standard removal holds a descriptor for each level that it is in, so that a nest of some
//! thousand folders takes all that the process may have, from its other threads too. Here folders
//! below [`LEVELS`] are first moved up to the top, so that the cost is bounded in descriptors and stack.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::walk::{below, folder};

/// Levels that are entered at once, each with one descriptor. Few trees that people make are deeper.
const LEVELS: usize = 32;
/// Names that are held of one folder at a time: a folder may have millions.
const BATCH: usize = 4096;

/// Removes a folder with all below it: workspaces that are mounted in it are unmounted, folders that
/// cannot be entered are opened, no link is followed, and nothing else that is mounted there is gone into.
/// What is absent is done. Takes a fixed number of descriptors however deep it is. Blocks.
///
/// # Errors
/// The mount's or the disk's, `EXDEV` where something else is mounted; the rest of the tree is there still.
pub fn remove_tree(dir: &Path) -> io::Result<()> {
    if fs::symlink_metadata(dir).is_ok_and(|found| found.is_symlink()) {
        return fs::remove_file(dir);
    }
    super::release(dir)?;
    let top = match enter(None, dir.as_os_str()) {
        Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::ENOTDIR | Errno::ELOOP) => return fs::remove_file(dir),
        top => top?,
    };
    let mut lift = Lift { top: &top, next: 0 };
    // Each round takes as many levels away; what it moved up is the next round's.
    while empty(&top, 0, &mut lift)? {}
    fs::remove_dir(dir)
}

/// Where too deep folders go.
struct Lift<'a> {
    top: &'a OwnedFd,
    next: u64,
}

impl Lift<'_> {
    fn take(&mut self, parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
        // A folder that moves must be writable itself.
        allow(Some(parent), name)?;
        loop {
            let to = format!(".removed-{}", self.next);
            self.next += 1;
            match renameat(parent, name, self.top, to.as_str()) {
                // Somebody used that name.
                Err(Errno::ENOTEMPTY | Errno::EEXIST | Errno::ENOTDIR) => {}
                done => return Ok(done?),
            }
        }
    }
}

/// Removes what is in a folder, or moves it up; whether anything was there.
fn empty(folder: &OwnedFd, level: usize, lift: &mut Lift<'_>) -> io::Result<bool> {
    let mut any = false;
    loop {
        let entries = entries(folder)?;
        if entries.is_empty() {
            return Ok(any);
        }
        any = true;
        for (name, is_folder) in entries {
            if !is_folder {
                gone(unlinkat(
                    folder,
                    name.as_os_str(),
                    UnlinkatFlags::NoRemoveDir,
                ))?;
            } else if level + 1 < LEVELS {
                let inner = enter(Some(folder), &name)?;
                empty(&inner, level + 1, lift)?;
                drop(inner);
                gone(unlinkat(folder, name.as_os_str(), UnlinkatFlags::RemoveDir))?;
            } else {
                lift.take(folder, &name)?;
            }
        }
        if level == 0 {
            // What was moved here is looked at in a round of its own.
            return Ok(true);
        }
    }
}

fn gone(done: nix::Result<()>) -> io::Result<()> {
    match done {
        Err(Errno::ENOENT) => Ok(()),
        done => Ok(done?),
    }
}

/// Some of what is in a folder, each with whether it is a folder itself.
fn entries(folder: &OwnedFd) -> io::Result<Vec<(OsString, bool)>> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name(), entry.file_type()?.is_dir()))
    };
    fs::read_dir(path)?.take(BATCH).map(entry).collect()
}

/// Opens a folder so that it can be read and written, as far as its owner can.
fn enter(parent: Option<&OwnedFd>, name: &OsStr) -> nix::Result<OwnedFd> {
    let try_it = || match parent {
        Some(parent) => below(parent.as_fd(), name),
        None => folder(Path::new(name)),
    };
    let opened = match try_it() {
        Err(Errno::EACCES) => {
            allow(parent, name)?;
            try_it()?
        }
        opened => opened?,
    };
    if fstat(&opened)?.st_mode & 0o700 != 0o700 {
        fchmod(&opened, Mode::S_IRWXU)?;
    }
    Ok(opened)
}

fn allow(parent: Option<&OwnedFd>, name: &OsStr) -> nix::Result<()> {
    let flags = FchmodatFlags::NoFollowSymlink;
    match parent {
        Some(parent) => fchmodat(parent, name, Mode::S_IRWXU, flags),
        None => fchmodat(AT_FDCWD, name, Mode::S_IRWXU, flags),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use nix::fcntl::{OFlag, openat};
    use nix::sys::stat::mkdirat;

    fn nest(at: &Path, name: &str, levels: usize) {
        let mut folder = folder(at).unwrap();
        for _ in 0..levels {
            mkdirat(&folder, name, Mode::S_IRWXU).unwrap();
            folder = below(folder.as_fd(), OsStr::new(name)).unwrap();
        }
        let file = OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        openat(&folder, "leaf", file, Mode::S_IRUSR).unwrap();
    }

    /// The most descriptors of this process above what it has, while something is done.
    fn peak(done: impl FnOnce() + Send) -> usize {
        use std::sync::atomic::{AtomicBool, Ordering};
        let count = || fs::read_dir("/proc/self/fd").unwrap().count();
        let (before, over) = (count(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut most = before;
                while !over.load(Ordering::Relaxed) {
                    most = most.max(count());
                    std::thread::yield_now();
                }
                most
            });
            done();
            over.store(true, Ordering::Relaxed);
            watch.join().unwrap() - before
        })
    }

    #[test]
    fn a_nest_of_thousands_of_folders_goes_with_few_descriptors() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir(&tree).unwrap();
        // Names that make the whole path far longer than any path may be.
        nest(&tree, &"d".repeat(200), 5_000);
        fs::create_dir(tree.join(".removed-0")).unwrap();
        fs::write(tree.join(".removed-0/x"), "").unwrap();
        fs::write(tree.join(".removed-1"), "").unwrap();
        let most = peak(|| remove_tree(&tree).unwrap());
        assert!(!tree.exists());
        assert!(most < 3 * LEVELS, "{most} descriptors");
    }

    #[test]
    fn a_folder_of_more_names_than_are_held_goes() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("a")).unwrap();
        for n in 0..=BATCH {
            fs::write(tree.join(format!("a/{n}")), "").unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn links_are_removed_and_not_followed_and_locked_folders_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, other) = (dir.path().join("tree"), dir.path().join("other"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("stays"), "x").unwrap();
        symlink(&other, tree.join("a/out")).unwrap();
        symlink("nowhere", tree.join("a/b/dangling")).unwrap();
        for (path, mode) in [("a/b", 0o000), ("a", 0o500)] {
            fs::set_permissions(tree.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        remove_tree(&tree).unwrap();
        assert!(!tree.exists() && other.join("stays").exists());
        // A link in the folder's place goes, and what it points to stays.
        symlink(&other, &tree).unwrap();
        remove_tree(&tree).unwrap();
        assert!(tree.symlink_metadata().is_err() && other.join("stays").exists());
        remove_tree(&tree).unwrap();
    }
    #[test]
    fn what_is_mounted_in_it_is_not_emptied() {
        // A mount needs root, and belongs to a namespace of this thread's own.
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        std::thread::spawn(|| {
            use nix::mount::{MsFlags, mount};
            nix::sched::unshare(
                nix::sched::CloneFlags::CLONE_NEWNS | nix::sched::CloneFlags::CLONE_FS,
            )
            .unwrap();
            let none = None::<&str>;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            let dir = tempfile::tempdir().unwrap();
            let (tree, other) = (dir.path().join("tree"), dir.path().join("other"));
            fs::create_dir_all(tree.join("a/dev")).unwrap();
            fs::create_dir(&other).unwrap();
            fs::write(other.join("stays"), "x").unwrap();
            let bind = |from: &Path, to: &Path| mount(Some(from), to, none, MsFlags::MS_BIND, none);
            bind(&other, &tree.join("a/dev")).unwrap();
            let seen = std::cell::RefCell::new(Vec::new());
            struct Names<'a>(&'a std::cell::RefCell<Vec<OsString>>);
            impl crate::walk::Visit for Names<'_> {
                fn entry(
                    &mut self,
                    _: std::os::fd::BorrowedFd<'_>,
                    name: &OsStr,
                    _: &fs::Metadata,
                ) -> std::ops::ControlFlow<()> {
                    self.0.borrow_mut().push(name.to_owned());
                    std::ops::ControlFlow::Continue(())
                }
            }
            assert!(crate::walk::walk(&tree, &mut Names(&seen)));
            assert_eq!(*seen.borrow(), ["a", "dev"]);
            let error = remove_tree(&tree).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::EXDEV as i32), "{error}");
            assert!(other.join("stays").exists());
            nix::mount::umount2(&tree.join("a/dev"), nix::mount::MntFlags::MNT_DETACH).unwrap();
            remove_tree(&tree).unwrap();
            assert!(!tree.exists() && other.join("stays").exists());
        })
        .join()
        .unwrap();
    }
}
