//! The files of control groups: small, and each read and written at once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::processes;

/// A group whose processes were killed empties within some milliseconds; one with a process that is
/// stuck in the kernel stays, and the next start of a runner removes it.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);
const REMOVE_ROUND: Duration = Duration::from_micros(200);
/// Groups within groups that are removed: a container makes one or two.
const MAX_DEPTH: usize = 8;

/// In one write, as the kernel takes it. Never makes a file.
pub(super) fn write(path: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(value.as_bytes())
}

/// A file that holds one number; `None` also for `max`.
pub(super) fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number after `key` in a file of such lines.
pub(super) fn keyed(path: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = pairs.find(|(name, _)| *name == key)?;
    value.trim().parse().ok()
}

/// Whether a list of pids has one that is neither this process nor below it. One that is gone, or
/// that this process cannot see (0), counts as another's.
pub(super) fn has_process_of_others(pids: &str) -> bool {
    let own = std::process::id().cast_signed();
    let mine = processes::descendants(own);
    let mut pids = pids.split_whitespace().map(str::parse::<i32>);
    pids.any(|pid| pid.is_ok_and(|pid| pid != own && !mine.contains(&pid)))
}

/// Ends every process in the group at `path` and removes it and what is below it. Blocks, for some
/// hundred microseconds when it is empty already. Whether it is gone.
pub(super) fn remove(path: &Path) -> bool {
    let begun = Instant::now();
    loop {
        match fs::remove_dir(path) {
            Ok(()) => return true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
            Err(_) if begun.elapsed() > REMOVE_WITHIN => return false,
            Err(_) => {}
        }
        clear(path, MAX_DEPTH);
        sleep(REMOVE_ROUND);
    }
}

fn clear(path: &Path, depth: usize) {
    let pids = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    for pid in pids.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        // 0 is a process that cannot be seen from here, and to `kill` the caller's own group.
        if pid > 0 {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    let below = fs::read_dir(path).into_iter().flatten().flatten();
    for folder in below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        if depth > 0 {
            clear(&folder.path(), depth - 1);
            let _ = fs::remove_dir(folder.path());
        }
    }
}
