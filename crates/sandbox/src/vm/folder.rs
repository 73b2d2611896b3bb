//! A machine's folder on the host: sockets until the hypervisor has them, a disk until it is open.
//!
//! Its name says whose it is. A runner that was killed removes nothing; the next machine does.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::unistd::geteuid;

use crate::error::SandboxError;

const PREFIX: &str = "freehold-vm-";
/// More than that in one place are not looked at.
const MAX_LEFTOVERS: usize = 10_000;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Removed with everything in it when it is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// One for sockets, whose paths must be short, where what is there goes with the machine's boot.
    pub(crate) fn make() -> Result<Self, SandboxError> {
        Self::within(&place())
    }

    /// One in `parent`, after removing what earlier owners have left there.
    pub(crate) fn within(parent: &Path) -> Result<Self, SandboxError> {
        sweep(parent);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = std::process::id();
        let begun = started(own).unwrap_or(0);
        let path = parent.join(format!("{PREFIX}{own}-{begun}-{number}"));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(SandboxError::io("make a folder for a machine"))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The folder is ours alone; in its sandbox the hypervisor may be another user and sees
    /// the sockets only.
    pub(crate) fn open_to_all(&self, sockets: &[(String, PathBuf)]) -> Result<(), SandboxError> {
        sockets
            .iter()
            .try_for_each(|(_, path)| fs::set_permissions(path, Permissions::from_mode(0o666)))
            .map_err(SandboxError::io("open the sockets of a machine"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a machine's folder is left");
        }
    }
}

/// `/run` goes with a reboot. Where this user has no place there, `/tmp` serves.
fn place() -> PathBuf {
    run().unwrap_or_else(|| "/tmp".into())
}

/// This user's own place in `/run`.
pub(super) fn run() -> Option<PathBuf> {
    let user = geteuid();
    let run = match user.is_root() {
        true => PathBuf::from("/run"),
        false => PathBuf::from(format!("/run/user/{user}")),
    };
    let is_ours = run
        .metadata()
        .is_ok_and(|found| found.is_dir() && found.uid() == user.as_raw());
    is_ours.then_some(run)
}

/// Removes the folders in `parent` whose owner is gone. Their machines ended with it: the kernel
/// kills the hypervisor's launcher together with whoever started it.
pub(crate) fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.take(MAX_LEFTOVERS) {
        let name = entry.file_name();
        let Some((pid, begun)) = name.to_str().and_then(owner) else {
            continue;
        };
        let is_ours = entry
            .metadata()
            .is_ok_and(|found| found.uid() == geteuid().as_raw());
        if is_ours && started(pid) != Some(begun) {
            let removed = fs::remove_dir_all(entry.path());
            tracing::info!(folder = %entry.path().display(), gone = removed.is_ok(), "a machine's folder was left by a process that is gone");
        }
    }
}

/// The process that made a folder of this name, and when that one started.
fn owner(name: &str) -> Option<(u32, u64)> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    let owner = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?.parse::<u64>().ok()?;
    parts.next().is_none().then_some(owner)
}

/// When a process started, in the kernel's ticks since boot: with its number, it is that process
/// and no later one. `None` when there is none.
fn started(pid: u32) -> Option<u64> {
    let stat: io::Result<String> = fs::read_to_string(format!("/proc/{pid}/stat"));
    let stat = stat.ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_owner_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let own = std::process::id();
        let begun = started(own).unwrap();
        let there = |name: &str| parent.path().join(name).exists();
        let earlier = format!("{PREFIX}{own}-{}-0", begun - 1);
        let gone = format!("{PREFIX}4194305-1-0");
        let others = ["something-1-2-3".to_owned(), format!("{PREFIX}x-1-2")];
        for name in [&earlier, &gone].into_iter().chain(&others) {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        let folder = Folder::within(parent.path()).unwrap();
        let kept = folder.path().to_owned();
        sweep(parent.path());
        assert!(kept.exists(), "a living owner's is kept");
        assert!(
            !there(&earlier),
            "a number that is used again is another process"
        );
        assert!(!there(&gone));
        assert!(others.iter().all(|name| there(name)));
        drop(folder);
        assert!(!kept.exists());
    }
}
