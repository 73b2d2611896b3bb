//! The tree of processes, as `/proc` shows it.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sys;

/// A signal to stop is heeded at the next return from the kernel; only one stuck there takes long.
const STOP_WITHIN: Duration = Duration::from_millis(200);
const STOP_ROUND: Duration = Duration::from_micros(50);

/// The parent of `pid` and whether it has ended and only waits to be collected.
pub(crate) fn parent(pid: i32) -> Option<(i32, bool)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses can hold anything, parentheses and spaces too: proc_pid_stat(5).
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    Some((fields.next()?.parse().ok()?, ended))
}

/// When `pid` was started, in ticks since the machine was: with it, a number names one process only.
pub(crate) fn born(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    // The 22nd field of proc_pid_stat(5); the state, the first after the name, is the third.
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// All living processes below `root`, parents before children; `root` is not among them.
pub(crate) fn descendants(root: i32) -> Vec<i32> {
    let all: Vec<(i32, i32, bool)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let (parent, ended) = parent(pid)?;
            Some((pid, parent, ended))
        })
        .collect();
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&current) = found.get(at) {
        found.extend(
            all.iter()
                .filter(|(_, parent, ended)| *parent == current && !ended)
                .map(|(pid, ..)| *pid),
        );
        at += 1;
    }
    found.remove(0);
    found
}

/// Whether `process` is there and runs; one that has ended and only waits to be collected does not.
#[must_use]
pub fn is_alive(process: u32) -> bool {
    parent(process.cast_signed()).is_some_and(|(_, ended)| !ended)
}

/// All living processes below `process` at this moment, itself not among them; of a started child,
/// everything that is inside. Blocks for about a millisecond.
#[must_use]
pub fn processes_below(process: u32) -> Vec<u32> {
    let below = descendants(process.cast_signed());
    below.into_iter().map(i32::cast_unsigned).collect()
}

/// Sends `SIGKILL` to everything below `root` that is there now, then to `root`, a child of this
/// process that it has not collected. Blocks for some microseconds, at most [`STOP_WITHIN`].
///
/// A fallback for what can no longer be asked to end itself: what has left the tree may escape. A
/// pid namespace lets nothing escape.
pub(crate) fn kill_tree(root: i32) {
    // Stopped, the root makes no more children and collects none, so that no number below it is
    // used again meanwhile. Only once it is seen stopped is a fork that was under way in the list.
    let _ = kill(Pid::from_raw(root), Signal::SIGSTOP);
    let begun = Instant::now();
    while !is_still(root) && begun.elapsed() < STOP_WITHIN {
        std::thread::sleep(STOP_ROUND);
    }
    for pid in descendants(root) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let _ = kill(Pid::from_raw(root), Signal::SIGKILL);
}

/// Stopped, ended or gone.
fn is_still(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_none_or(|state| matches!(state, 'T' | 't' | 'Z' | 'X'))
}

/// Kills the first processes of sandboxes whose launcher is gone, of this user and of any runner.
///
/// They end with their launcher, but for a moment at its start: until it has told the new process
/// to go on, that one waits, and would wait for ever (bubblewrap 0.8 sets "die with parent" later).
/// They have run nothing yet. `command` is their command line, each argument ended by a NUL.
pub(crate) fn kill_orphans(command: &[u8]) {
    let is_ours = |pid: i32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(command))
    };
    let here = namespaces_deep(std::process::id().cast_signed());
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids.filter(|pid| is_ours(*pid) && namespaces_deep(*pid) > here) {
        let Ok(handle) = sys::pidfd_open(pid) else {
            continue;
        };
        // Asked again now that the number cannot change hands.
        let orphaned = parent(pid).is_some_and(|(parent, ended)| !ended && !is_ours(parent));
        if is_ours(pid) && namespaces_deep(pid) > here && orphaned {
            let _ = sys::pidfd_kill(&handle);
        }
    }
}

/// How many pid namespaces a process is in; 0 when it is gone.
fn namespaces_deep(pid: i32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    line.map_or(0, |pids| pids.split_whitespace().count())
}
