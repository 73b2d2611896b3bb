//! The process that a runtime with a kernel of its own has it in: what holds it, seen from outside.
//!
//! A program in such a container meets none of this machine's kernel, and so none of its namespaces
//! and no Landlock; what stands in their place is this process. It is looked at before the program is
//! started, each time.

use std::fs;

use crate::error::SandboxError;

/// It shares the pid namespace, in which it traces the processes that carry out the program's
/// instructions; the program sees the numbers of its own kernel.
const APART: [&str; 5] = ["user", "mnt", "net", "ipc", "uts"];
/// `Seccomp:` of `/proc/<pid>/status` with a filter in force.
const FILTERED: &str = "2";
/// `NoNewPrivs:` of the same.
const NO_NEW: &str = "1";

/// Holds it to be confined: filters on what it may ask of this machine's kernel, nothing of the
/// caller's namespaces but the one named above, and not the caller's user.
///
/// # Errors
/// [`SandboxError::Unproven`] names what is missing, or that it cannot be looked at.
pub(crate) fn confined(pid: i32) -> Result<(), SandboxError> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let namespace = |of: &str, name: &str| fs::read_link(format!("/proc/{of}/ns/{name}")).ok();
    let seen = APART.map(|name| {
        let (own, theirs) = (namespace("self", name), namespace(&pid.to_string(), name));
        (name, own.is_some() && theirs.is_some() && own != theirs)
    });
    judge(&read("status"), &seen)
}

/// `apart`: each namespace and whether it is another.
fn judge(status: &str, apart: &[(&str, bool)]) -> Result<(), SandboxError> {
    let unproven = |what: String| {
        Err(SandboxError::Unproven {
            what: format!("of the runtime's own kernel: {what}"),
        })
    };
    let line = |name: &str| {
        let mut pairs = status.lines().filter_map(|line| line.split_once(':'));
        pairs
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.trim())
    };
    for (name, wanted) in [("Seccomp", FILTERED), ("NoNewPrivs", NO_NEW)] {
        let found = line(name).unwrap_or_default();
        if found != wanted {
            return unproven(format!("{name} is `{found}`, not `{wanted}`"));
        }
    }
    let ids = line("Uid").unwrap_or_default();
    if ids.is_empty() || ids.split_whitespace().any(|id| id == "0") {
        return unproven(format!("its user is `{ids}`"));
    }
    match apart.iter().find(|(_, other)| !other) {
        Some((name, _)) => unproven(format!("its {name} namespace is not another")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_wall_is_needed() {
        let good = "Name:\texe\nUid:\t65534\t65534\t65534\t65534\nNoNewPrivs:\t1\nSeccomp:\t2\n";
        let apart = APART.map(|name| (name, true));
        judge(good, &apart).unwrap();
        for (from, to) in [
            ("Seccomp:\t2", "Seccomp:\t0"),
            ("NoNewPrivs:\t1", "NoNewPrivs:\t0"),
            ("Uid:\t65534", "Uid:\t0"),
            ("Uid:", "Gid:"),
            ("Seccomp:", "Other:"),
        ] {
            assert!(judge(&good.replace(from, to), &apart).is_err(), "{from}");
        }
        for at in 0..APART.len() {
            let mut shared = apart;
            shared[at].1 = false;
            assert!(judge(good, &shared).is_err(), "{}", APART[at]);
        }
        // This process is confined by nothing.
        assert!(confined(std::process::id().cast_signed()).is_err());
    }
}
