//! Which process is which. A process id alone says nothing after a crash: the kernel gives it to someone else.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// One process, never another that came by its id later: the start is counted from the boot that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// Clock ticks from boot to the process's start (`proc(5)`, field 22 of `stat`).
    pub(crate) start: u64,
    pub(crate) boot: String,
}

impl Identity {
    /// Of a process that lives; a zombie does not.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (state, start) = parse_stat(&stat)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()?
            .trim()
            .to_owned();
        (state != 'Z' && state != 'X').then_some(Self { pid, start, boot })
    }

    pub(crate) fn lives(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// Processes named `postgres` whose working directory is `dir`: a server, whatever its pid file says, and its backends.
pub(crate) fn servers_in(dir: &Path) -> Vec<Identity> {
    let Ok(place) = fs::metadata(dir) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let there = fs::metadata(format!("/proc/{pid}/cwd"));
            there.is_ok_and(|d| d.dev() == place.dev() && d.ino() == place.ino())
                && is_postgres(*pid)
        })
        .filter_map(Identity::of)
        .collect()
}

fn is_postgres(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == "postgres")
}

/// State and start. The name in parentheses may hold spaces and parentheses itself.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_a_name_with_parentheses() {
        let stat = "42 (a) (b) c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2";
        assert_eq!(parse_stat(stat), Some(('S', 987_654)));
        assert_eq!(parse_stat("42 (a) S 1"), None);
    }

    #[test]
    fn a_later_holder_of_the_same_id_is_someone_else() {
        let us = Identity::of(std::process::id().cast_signed()).unwrap();
        assert!(us.lives());
        assert!(
            !Identity {
                start: us.start + 1,
                ..us.clone()
            }
            .lives()
        );
        assert!(
            !Identity {
                boot: "another".into(),
                ..us
            }
            .lives()
        );
    }
}
