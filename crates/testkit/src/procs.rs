//! Processes as the kernel shows them. Everything that a test starts is known by the name of its
//! temporary directory, which nothing else on the machine has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than anything here may take on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `found` gives something.
///
/// # Panics
/// With `what` when it never does.
pub fn until<T>(what: &str, found: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, what, found)
}

/// The same, with a deadline of its own.
///
/// # Panics
/// With `what` past the deadline.
pub fn within<T>(deadline: Duration, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(begun.elapsed() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends a process at once, as the kernel does to one that takes too much memory.
pub fn kill_9(pid: u32) {
    signal(pid, Signal::SIGKILL);
}

/// Sends it; a process that is gone is fine.
pub fn signal(pid: u32, signal: Signal) {
    // It may be gone by itself; who needs to know looks.
    let _ = kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal);
}

/// Whether it is there, and not only its exit code.
pub fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
}

/// All live processes.
pub fn all() -> Vec<u32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter(|pid| is_alive(*pid))
        .collect()
}

/// The arguments, joined by spaces.
pub fn words(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<_> = bytes
        .split(|byte| *byte == 0)
        .map(String::from_utf8_lossy)
        .collect();
    words.join(" ").trim().to_owned()
}

/// The file name of the program.
pub fn program(pid: u32) -> String {
    fs::read_link(format!("/proc/{pid}/exe"))
        .ok()
        .and_then(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .unwrap_or_default()
}

/// Whose child it is.
pub fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

/// Live processes whose arguments, environment, working directory or mounts name `mark`: a
/// sandboxed process is known by what is mounted into it.
pub fn marked(mark: &str) -> Vec<u32> {
    let names = |bytes: &[u8]| {
        bytes
            .windows(mark.len())
            .any(|part| part == mark.as_bytes())
    };
    let ours = std::process::id();
    all()
        .into_iter()
        .filter(|pid| *pid != ours)
        .filter(|pid| {
            let files: &[&str] = match is_inside(*pid) {
                true => &["cmdline", "environ", "mountinfo"],
                false => &["cmdline", "environ"],
            };
            files
                .iter()
                .any(|file| fs::read(format!("/proc/{pid}/{file}")).is_ok_and(|b| names(&b)))
                || fs::read_link(format!("/proc/{pid}/cwd"))
                    .is_ok_and(|cwd| names(cwd.as_os_str().as_encoded_bytes()))
        })
        .collect()
}

/// Whether its root is a sandbox's.
fn is_inside(pid: u32) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    process.join("root").join(".freehold").exists()
}

/// Live processes inside a sandbox that has `mark` mounted; without `freehold` and `bwrap`
/// themselves, which hold the sandbox. A workspace is mounted on the host too, where everybody sees
/// it: only who has the root of a sandbox is inside one.
pub fn sandboxed(mark: &str) -> Vec<u32> {
    all()
        .into_iter()
        .filter(|pid| is_inside(*pid))
        .filter(|pid| {
            fs::read_to_string(format!("/proc/{pid}/mountinfo"))
                .is_ok_and(|mounts| mounts.contains(mark))
        })
        .filter(|pid| !["freehold", "bwrap"].contains(&program(*pid).as_str()))
        .collect()
}

/// A process and all below it.
pub fn tree(root: u32) -> BTreeSet<u32> {
    let parents: Vec<_> = all()
        .into_iter()
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    let mut tree = BTreeSet::from([root]);
    loop {
        let below: Vec<_> = parents
            .iter()
            .filter(|(pid, parent)| tree.contains(parent) && !tree.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if below.is_empty() {
            return tree;
        }
        tree.extend(below);
    }
}

/// What they are, for messages.
pub fn described(pids: impl IntoIterator<Item = u32>) -> String {
    pids.into_iter()
        .map(|pid| format!("  {pid} {}: {}\n", program(pid), words(pid)))
        .collect()
}
