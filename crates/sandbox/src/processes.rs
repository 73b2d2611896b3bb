//! The tree of processes, as `/proc` shows it.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The parent of `pid` and whether it has ended and only waits to be collected.
pub(crate) fn parent(pid: i32) -> Option<(i32, bool)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses can hold anything, parentheses and spaces too: proc_pid_stat(5).
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    Some((fields.next()?.parse().ok()?, ended))
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

/// Sends `SIGKILL` to everything below `root` that is there now, then to `root`.
///
/// A fallback for what can no longer be asked to end itself: a process that forks meanwhile or has
/// left the tree may escape. A pid namespace lets nothing escape.
pub(crate) fn kill_tree(root: i32) {
    // Stopped, the root cannot collect its children, so no number below is used again meanwhile.
    let _ = kill(Pid::from_raw(root), Signal::SIGSTOP);
    for pid in descendants(root) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let _ = kill(Pid::from_raw(root), Signal::SIGKILL);
}
