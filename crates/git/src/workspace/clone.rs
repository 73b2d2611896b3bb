//! Workspaces as clones of a base: where no overlay can be mounted and the file system lets files
//! share their blocks (btrfs, XFS), each file costs an entry and no data (ioctl_ficlone(2)). What is
//! written in a clone is its own from then on.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::libc;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

/// Copies a tree of folders, plain files and links, sharing the files' blocks. Times of files stay:
/// a base's index vouches for them. `to` must be absent; what is there after an error is a part.
/// Neither side may be somebody else's meanwhile. Blocks.
pub(super) fn clone_tree(from: &Path, to: &Path) -> io::Result<()> {
    let mut open = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = open.pop() {
        fs::DirBuilder::new()
            .mode(mode(&fs::symlink_metadata(&from)?) | 0o700)
            .create(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let meta = entry.metadata()?;
            if meta.is_dir() {
                open.push((source, target));
            } else if meta.is_symlink() {
                symlink(fs::read_link(&source)?, &target)?;
                keep_time(&target, &meta)?;
            } else {
                clone_file(&source, &target, mode(&meta))?;
                keep_time(&target, &meta)?;
            }
        }
    }
    Ok(())
}

fn mode(meta: &Metadata) -> u32 {
    meta.mode() & 0o777
}

fn clone_file(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let source = File::open(from)?;
    let target = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(to)?;
    #[expect(
        unsafe_code,
        reason = "nothing safe in reach wraps this call; both descriptors are open files of ours"
    )]
    // SAFETY: FICLONE takes a descriptor by value and touches no memory of this process.
    let done = unsafe { libc::ioctl(target.as_raw_fd(), libc::FICLONE, source.as_raw_fd()) };
    nix::errno::Errno::result(done)?;
    Ok(())
}

fn keep_time(path: &Path, meta: &Metadata) -> io::Result<()> {
    let access = TimeSpec::new(meta.atime(), meta.atime_nsec());
    let change = TimeSpec::new(meta.mtime(), meta.mtime_nsec());
    let flags = UtimensatFlags::NoFollowSymlink;
    Ok(utimensat(AT_FDCWD, path, &access, &change, flags)?)
}

/// Whether the file system of a folder, which is made, lets files share blocks.
pub(super) fn is_possible(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let (from, to): (PathBuf, PathBuf) = (dir.join("from"), dir.join("to"));
    fs::write(&from, b"shared")?;
    clone_file(&from, &to, 0o600)
}
