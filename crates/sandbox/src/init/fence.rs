//! What the program is shut in with, over and above the mounts: Landlock and the system-call filters.
//!
//! Landlock repeats the mounts, so that a mount that became writable by a defect still cannot be
//! written. It only ever adds up: a read-only mount below a writable one is held by the mount alone.
//! Ports are not its business here: the network namespace is empty, and every port of the own
//! loopback must work. Its scopes shut the program off from abstract sockets and signals of whatever
//! is outside, this process included.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc;

use crate::sys::fence::{Ruleset, landlock_allow, landlock_ruleset, landlock_version};

/// The first version refuses every rename between two folders, which no build survives: it counts
/// as no Landlock.
const OLDEST: u32 = 2;
/// The newest version whose rights are named here; a newer kernel holds to this one.
const NEWEST: u32 = 7;

// linux/landlock.h
const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;
/// Abstract unix sockets, and signals.
const SCOPES: u64 = 1 | 1 << 1;

const READ: u64 = EXECUTE | READ_FILE | READ_DIR;
/// What can be allowed on a file; the rest is about folders.
const OF_A_FILE: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/// All rights on files that this version knows.
fn known(version: u32) -> u64 {
    match version {
        0 | 1 => REFER - 1,
        2 => REFER | (REFER - 1),
        3 | 4 => TRUNCATE | (TRUNCATE - 1),
        _ => IOCTL_DEV | (IOCTL_DEV - 1),
    }
}

/// Walls that are ready to be put up.
pub(super) struct Fence {
    pub(super) ruleset: Option<OwnedFd>,
    /// What [`crate::child::InForce`] tells.
    pub(super) landlock: Option<u32>,
}

impl Fence {
    /// No walls, for a plain tier.
    pub(super) fn none() -> Self {
        Self {
            ruleset: None,
            landlock: None,
        }
    }

    /// Allows reading everything that is mounted and writing below `writable`. An error when the
    /// kernel has Landlock and refuses; no ruleset when it has none.
    pub(super) fn around(writable: &[PathBuf]) -> io::Result<Self> {
        let version = landlock_version()?.filter(|version| *version >= OLDEST);
        let Some(version) = version.map(|version| version.min(NEWEST)) else {
            return Ok(Self::none());
        };
        let named = known(version);
        let ruleset = landlock_ruleset(&Ruleset {
            files: named,
            network: 0,
            scope: if version >= 6 { SCOPES } else { 0 },
        })?;
        let allow = |path: &Path, rights: u64| {
            let mut options = OpenOptions::new();
            let place = options.read(true).custom_flags(libc::O_PATH).open(path)?;
            let rights = if place.metadata()?.is_dir() {
                rights
            } else {
                rights & OF_A_FILE
            };
            landlock_allow(&ruleset, place.as_fd(), rights & named)
        };
        allow(Path::new("/"), READ)?;
        // Devices and terminals; nothing is made among them.
        allow(Path::new("/dev"), READ | WRITE_FILE | TRUNCATE | IOCTL_DEV)?;
        for path in writable {
            match allow(path, named & !(MAKE_CHAR | MAKE_BLOCK)) {
                // A later mount lies over it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                allowed => allowed?,
            }
        }
        Ok(Self {
            ruleset: Some(ruleset),
            landlock: Some(version),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::sys::fence::confine;

    use super::*;

    #[test]
    fn only_what_is_named_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("open")).unwrap();
        fs::create_dir(at("closed")).unwrap();
        fs::write(at("closed/file"), "as it was").unwrap();
        fs::write(at("single"), "").unwrap();
        let fence = Fence::around(&[at("open"), at("single"), at("absent")]).unwrap();
        let Some(ruleset) = fence.ruleset else {
            return; // A kernel without Landlock.
        };
        // The control: before, all of it can be written.
        let closed = ["closed/new", "closed/file"].map(at);
        fs::write(&closed[0], "").unwrap();
        fs::remove_file(&closed[0]).unwrap();
        // Rules are of a thread and end with it.
        let inside = || {
            confine(Some(&ruleset), &[]).unwrap();
            fs::create_dir(at("open/a")).unwrap();
            fs::write(at("open/a/x"), "1").unwrap();
            fs::rename(at("open/a/x"), at("open/y")).unwrap();
            fs::write(at("single"), "1").unwrap();
            assert_eq!(fs::read(&closed[1]).unwrap(), b"as it was");
            for path in &closed {
                let refused = fs::write(path, "2").unwrap_err();
                assert_eq!(refused.raw_os_error(), Some(libc::EACCES), "{path:?}");
            }
            for done in [
                fs::remove_file(&closed[1]),
                fs::rename(&closed[1], at("open/z")),
                fs::hard_link(at("open/y"), at("closed/y")),
                fs::create_dir(at("closed/d")),
                fs::rename(at("open"), at("other")),
            ] {
                assert!(done.is_err());
            }
        };
        std::thread::scope(|scope| scope.spawn(inside).join()).unwrap();
    }

    #[test]
    fn each_version_names_what_it_knows_and_no_more() {
        // The counts are those of Documentation/userspace-api/landlock.rst.
        let counts = [1, 2, 3, 4, 5, 6, 7].map(|version| known(version).count_ones());
        assert_eq!(counts, [13, 14, 15, 15, 16, 16, 16]);
        assert_eq!(known(1) & REFER, 0);
        assert_eq!(OF_A_FILE & !known(NEWEST), 0);
    }
}
