//! Whether this process may make others into other users of the host at all.

use std::fs;

use nix::unistd::geteuid;

use super::{COUNT, FIRST};

/// What it takes (linux/capability.h): to reach files and processes of other users, to end them, to
/// become them, and to mount for them.
const NEEDED: [(&str, u32); 7] = [
    ("CAP_DAC_OVERRIDE", 1),
    ("CAP_KILL", 5),
    ("CAP_SETGID", 6),
    ("CAP_SETUID", 7),
    ("CAP_SETPCAP", 8),
    ("CAP_SYS_PTRACE", 19),
    ("CAP_SYS_ADMIN", 21),
];

/// The host's root, with all of its powers that changing users takes. It is what the process is that
/// decides, never whether a step went well.
pub(super) fn may_change_users() -> bool {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    geteuid().is_root()
        && has_capabilities(&read("status"))
        && ["uid_map", "gid_map"]
            .iter()
            .all(|map| holds_range(&read(map)))
}

/// Of `/proc/self/status`.
fn has_capabilities(status: &str) -> bool {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|number| u64::from_str_radix(number.trim(), 16).ok());
    let Some(effective) = effective else {
        return false;
    };
    let missing = NEEDED.iter().find(|(_, bit)| effective & (1 << bit) == 0);
    if let Some((name, _)) = missing {
        tracing::warn!(
            name,
            "root without a power that it takes to change users: all that is started is this user to the kernel"
        );
    }
    missing.is_none()
}

/// Of `/proc/self/uid_map`: `<here> <in the namespace above> <how many>`.
fn holds_range(map: &str) -> bool {
    let end = u64::from(FIRST) + u64::from(COUNT);
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u64>);
        let mut next = || numbers.next()?.ok();
        match (next(), next(), next()) {
            (Some(here), Some(_), Some(count)) => here <= FIRST.into() && here + count >= end,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_of_a_container_is_one_user() {
        assert!(holds_range("         0          0 4294967295\n"));
        assert!(!holds_range("         0     100000      65536\n"));
        assert!(!holds_range("0 1000 1\n1 100000 65536\n"));
        assert!(!holds_range(""));
        assert!(has_capabilities("Name:\tx\nCapEff:\t000001ffffffffff\n"));
        // As an engine starts containers.
        assert!(!has_capabilities("CapEff:\t00000000a80425fb\n"));
        assert!(!has_capabilities("CapEff:\t0000000000000000\n"));
        assert!(!has_capabilities(""));
    }
}
