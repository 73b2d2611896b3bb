//! Copies a tree: folders, plain files and links as they are; pipes, sockets and devices are left out.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use nix::sys::stat::FileStat;
use tokio_util::sync::CancellationToken;

use super::CacheError;
use super::folder::{Folder, Kind, kind};

/// Deeper trees than any package manager makes.
const MAX_DEPTH: u64 = 200;

/// What is copied so far, against its bounds.
pub(super) struct Budget<'a> {
    pub(super) max_bytes: u64,
    pub(super) max_files: u64,
    pub(super) bytes: u64,
    pub(super) files: u64,
    pub(super) cancel: &'a CancellationToken,
}

impl Budget<'_> {
    fn spend(&mut self, bytes: u64) -> Result<(), CacheError> {
        if self.cancel.is_cancelled() {
            return Err(CacheError::Cancelled);
        }
        self.files += 1;
        self.bytes += bytes;
        if self.files > self.max_files {
            return Err(CacheError::TooBig {
                limit: self.max_files,
                what: "files",
            });
        }
        if self.bytes > self.max_bytes {
            return Err(CacheError::TooBig {
                limit: self.max_bytes,
                what: "bytes",
            });
        }
        Ok(())
    }
}

/// Copies the entry `name` of `from` to `as_name` of `to`, which must not be there.
pub(super) fn copy(
    from: &Folder,
    name: &OsStr,
    to: &Folder,
    as_name: &OsStr,
    budget: &mut Budget<'_>,
) -> Result<(), CacheError> {
    copy_at(from, name, to, as_name, budget, 0)
}

fn copy_at(
    from: &Folder,
    name: &OsStr,
    to: &Folder,
    as_name: &OsStr,
    budget: &mut Budget<'_>,
    depth: u64,
) -> Result<(), CacheError> {
    if depth > MAX_DEPTH {
        return Err(CacheError::TooBig {
            limit: MAX_DEPTH,
            what: "levels",
        });
    }
    let failed = || CacheError::io(name);
    let Some(stat) = from.stat(name).map_err(failed())? else {
        return Ok(());
    };
    budget.spend(if kind(&stat) == Kind::File {
        u64::try_from(stat.st_size).unwrap_or(0)
    } else {
        0
    })?;
    match kind(&stat) {
        Kind::Folder => {
            let source = from.sub(name).map_err(failed())?;
            let target = to.make(as_name, 0o700).map_err(failed())?;
            for inner in source.names().map_err(failed())? {
                copy_at(&source, &inner, &target, &inner, budget, depth + 1)?;
            }
            target.chmod(permissions(&stat)).map_err(failed())?;
        }
        Kind::File => copy_file(from, name, to, as_name, &stat).map_err(failed())?,
        Kind::Link => {
            let points_to = from.read_link(name).map_err(failed())?;
            to.link(as_name, &points_to).map_err(failed())?;
        }
        Kind::Other => return Ok(()),
    }
    to.set_times(as_name, &stat).map_err(failed())
}

fn copy_file(
    from: &Folder,
    name: &OsStr,
    to: &Folder,
    as_name: &OsStr,
    stat: &FileStat,
) -> io::Result<()> {
    let mut source = from.file(name)?;
    let mut target = to.create(as_name)?;
    // The standard copy uses `copy_file_range`, which shares blocks where the file system can.
    io::copy(&mut source, &mut target)?;
    target.set_permissions(std::fs::Permissions::from_mode(permissions(stat)))
}

/// Without set-user-id, set-group-id and sticky.
fn permissions(stat: &FileStat) -> u32 {
    stat.st_mode & 0o777
}
