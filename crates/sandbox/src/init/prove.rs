//! What a process sees of its own walls, told by itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

/// Makes init print what it sees and end, instead of supervising.
pub(crate) const PROVE: &str = "prove";
/// The namespaces of the floor.
pub(crate) const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
/// The lines of `/proc/self/status` that tell of privileges.
const STATUS: [&str; 7] = [
    "Uid",
    "Gid",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "NoNewPrivs",
    "Seccomp",
];

/// Facts by name: `ns/pid` and the identity of the namespace, `CapEff` and its mask, and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen(pub(crate) BTreeMap<String, String>);

impl Seen {
    /// What the calling process sees.
    pub(crate) fn by_this_process() -> io::Result<Self> {
        let mut facts = BTreeMap::new();
        for name in NAMESPACES {
            let identity = fs::read_link(format!("/proc/self/ns/{name}"))?;
            facts.insert(
                format!("ns/{name}"),
                identity.to_string_lossy().into_owned(),
            );
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
        let interfaces = fs::read_to_string("/proc/net/dev")?;
        let names = interfaces
            .lines()
            .skip(2)
            .filter_map(|line| Some(line.split_once(':')?.0.trim()));
        facts.insert("interfaces".into(), names.collect::<Vec<_>>().join(" "));
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
