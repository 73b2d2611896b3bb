//! What a process sees of its own walls, and how far it gets against them, told by itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Barrier};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc;
use nix::sys::prctl::get_no_new_privs;
use nix::sys::stat::fstatat;

use crate::sys;

/// Makes init print what it sees and end, instead of supervising.
pub(crate) const PROVE: &str = "prove";
/// Makes init use memory up to [`MEMORY_BYTES`], far beyond the limit that the probe sets.
pub(crate) const PROVE_MEMORY: &str = "prove-memory";
/// Makes init start threads up to [`THREADS`], likewise.
pub(crate) const PROVE_TASKS: &str = "prove-tasks";
/// Where it stops by itself when there is no limit after all.
const MEMORY_BYTES: usize = 128 << 20;
const THREADS: usize = 128;
/// Calls with arguments that are wrong in themselves, so that the answer tells who looked at them.
const CALLS: [(&str, i64); 2] = [
    ("call/clone3", libc::SYS_clone3),
    ("call/keyctl", libc::SYS_keyctl),
];
/// The fact whether a file is told of to whoever says what `ls` of coreutils 9 says.
pub(crate) const AUTOMOUNT: &str = "stat without automount";
/// The namespaces of the floor.
pub(crate) const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
/// The lines of `/proc/self/status` that tell of privileges.
const STATUS: [&str; 6] = ["Uid", "Gid", "CapPrm", "CapEff", "CapBnd", "Seccomp"];

/// Facts by name: `ns/pid` and the identity of the namespace, `CapEff` and its mask, and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen(pub(crate) BTreeMap<String, String>);

impl Seen {
    /// What the calling process sees.
    pub(crate) fn by_this_process() -> io::Result<Self> {
        let mut facts = BTreeMap::new();
        for name in NAMESPACES {
            // What is not told is not there to whoever judges.
            if let Ok(identity) = fs::read_link(format!("/proc/self/ns/{name}")) {
                let identity = identity.to_string_lossy().into_owned();
                facts.insert(format!("ns/{name}"), identity);
            }
        }
        for line in fs::read_to_string("/proc/self/status")?.lines() {
            if let Some((name, value)) = line
                .split_once(':')
                .filter(|(name, _)| STATUS.contains(name))
            {
                facts.insert(
                    name.to_owned(),
                    value.split_whitespace().collect::<Vec<_>>().join(" "),
                );
            }
        }
        // A kernel may have the flag and no line for it.
        let no_new = get_no_new_privs()?;
        facts.insert("NoNewPrivs".into(), u8::from(no_new).to_string());
        let kernel = fs::read_to_string("/proc/version")?;
        facts.insert("kernel".into(), kernel.trim().to_owned());
        // As `ls` asks; a kernel that does not know the word refuses the whole question.
        let asked = fstatat(AT_FDCWD, "/", AtFlags::AT_NO_AUTOMOUNT);
        let answer = if asked.is_ok() { "answered" } else { "refused" };
        facts.insert(AUTOMOUNT.into(), answer.into());
        let interfaces = fs::read_to_string("/proc/net/dev")?;
        let names = interfaces
            .lines()
            .skip(2)
            .filter_map(|line| Some(line.split_once(':')?.0.trim()));
        facts.insert("interfaces".into(), names.collect::<Vec<_>>().join(" "));
        for (name, number) in CALLS {
            let said = sys::refusal(number).map(|error| format!("{error:?}"));
            facts.insert(name.into(), said.unwrap_or_default());
        }
        // The first process has the same user; only Landlock keeps a look at its files away.
        let looked = fs::read_link("/proc/1/cwd").map_err(|error| error.kind());
        let looked = if looked.is_ok() { "open" } else { "closed" };
        facts.insert("first process".into(), looked.into());
        Ok(Self(facts))
    }

    /// Reads what [`prove`] printed.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }

    /// One fact; empty when it was not told.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

pub(super) fn prove() -> ExitCode {
    let told = Seen::by_this_process().and_then(|seen| {
        let mut out = io::stdout();
        seen.0
            .iter()
            .try_for_each(|(name, value)| writeln!(out, "{name}={value}"))
    });
    if told.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Succeeds when nothing stopped it.
pub(super) fn use_memory() -> ExitCode {
    let used = vec![1_u8; MEMORY_BYTES];
    // Looked at, so that the pages are really there.
    let pages = used.iter().step_by(4096).filter(|byte| **byte == 1).count();
    ExitCode::from(u8::from(pages == 0))
}

/// Succeeds when nothing stopped it; fails when the kernel refused a thread.
pub(super) fn start_threads() -> ExitCode {
    // All wait for the last, so that they are there at once.
    let last = Arc::new(Barrier::new(THREADS + 1));
    for _ in 0..THREADS {
        let last = Arc::clone(&last);
        let thread = std::thread::Builder::new().stack_size(16 * 1024);
        if thread.spawn(move || last.wait()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    last.wait();
    ExitCode::SUCCESS
}
