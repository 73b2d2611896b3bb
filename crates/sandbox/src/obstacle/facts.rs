//! What a host says of itself, as far as it decides whether a sandbox can be set up. Read, not tried.

use std::fs;
use std::path::Path;

/// A file of `/proc` that holds more than this is not one of those that are read here.
const MAX_BYTES: u64 = 256 * 1024;

/// What was read. `None` is a setting that this kernel does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Whether the process runs as root, as the kernel counts.
    pub root: bool,
    /// `kernel.unprivileged_userns_clone`, of Debian's kernels up to 10.
    pub userns_clone: Option<u64>,
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Option<u64>,
    /// `kernel.apparmor_restrict_unprivileged_userns`, of Ubuntu from 23.10 on.
    pub apparmor_restricts: Option<u64>,
    /// The container that this process itself is in, if files tell of one.
    pub container: Option<Container>,
    /// A system-call filter is on already: somebody else's.
    pub filtered: bool,
    /// Parts of `/proc` are covered, so that the kernel lets nobody mount another one.
    pub proc_covered: bool,
    /// How control groups are mounted.
    pub cgroups: Cgroups,
}

/// What a container engine calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Docker.
    Docker,
    /// Podman, `CRI-O`.
    Podman,
    /// A pod of Kubernetes.
    Kubernetes,
}

/// How control groups are mounted (cgroups(7)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cgroups {
    /// Not at all.
    #[default]
    None,
    /// The first version alone.
    V1,
    /// The second version alone.
    V2,
    /// The first one's controllers, and the second one beside them without any.
    Hybrid,
}

impl Facts {
    /// Reads them, below `root` in place of `/`: for tests.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let text = |path: &str| read(&root.join(path));
        let number = |path: &str| text(path).trim().parse().ok();
        let status = text("proc/self/status");
        let field = |name: &str| {
            let found = status.lines().find_map(|line| line.strip_prefix(name));
            found.unwrap_or_default().trim().to_owned()
        };
        let mounts = text("proc/self/mountinfo");
        Self {
            root: field("Uid:").split_whitespace().nth(1) == Some("0"),
            userns_clone: number("proc/sys/kernel/unprivileged_userns_clone"),
            max_user_namespaces: number("proc/sys/user/max_user_namespaces"),
            apparmor_restricts: number("proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            container: container(root),
            filtered: field("Seccomp:") == "2",
            proc_covered: covered(&mounts),
            cgroups: cgroups(&mounts),
        }
    }
}

fn read(path: &Path) -> String {
    use std::io::Read;
    let mut text = Vec::new();
    // What cannot be read says nothing.
    if let Ok(file) = fs::File::open(path) {
        let _ = file.take(MAX_BYTES).read_to_end(&mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn container(root: &Path) -> Option<Container> {
    [
        (
            "var/run/secrets/kubernetes.io/serviceaccount",
            Container::Kubernetes,
        ),
        ("run/.containerenv", Container::Podman),
        (".dockerenv", Container::Docker),
    ]
    .into_iter()
    .find_map(|(path, container)| root.join(path).exists().then_some(container))
}

/// Mount points and types of `mountinfo` (proc(5)): the fifth field, and the one after the dash.
fn mounted(mountinfo: &str) -> impl Iterator<Item = (&str, &str)> {
    mountinfo.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?;
        Some((point, after.split(' ').next()?))
    })
}

/// The kernel refuses a fresh `/proc` in a user namespace unless the one there is fully seen. What
/// `binfmt_misc` and autofs put there covers nothing.
fn covered(mountinfo: &str) -> bool {
    mounted(mountinfo).any(|(point, kind)| {
        point.starts_with("/proc/") && !matches!(kind, "binfmt_misc" | "autofs" | "nfsd")
    })
}

fn cgroups(mountinfo: &str) -> Cgroups {
    let has = |wanted: &str| mounted(mountinfo).any(|(_, kind)| kind == wanted);
    match (has("cgroup"), has("cgroup2")) {
        (true, true) => Cgroups::Hybrid,
        (true, false) => Cgroups::V1,
        (false, true) => Cgroups::V2,
        (false, false) => Cgroups::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(Facts::read(dir.path()), Facts::default());
        write("proc/self/status", "Uid:\t1000\t0\t0\t0\nSeccomp:\t2\n");
        write("proc/sys/user/max_user_namespaces", "0\n");
        write(
            "proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1\n",
        );
        write(".dockerenv", "");
        write(
            "proc/self/mountinfo",
            "22 1 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n\
             23 22 0:30 / /proc/kcore rw - tmpfs tmpfs rw\n\
             30 1 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
             31 1 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        );
        let facts = Facts::read(dir.path());
        let wanted = Facts {
            root: true,
            max_user_namespaces: Some(0),
            apparmor_restricts: Some(1),
            container: Some(Container::Docker),
            filtered: true,
            proc_covered: true,
            cgroups: Cgroups::Hybrid,
            ..Facts::default()
        };
        assert_eq!(facts, wanted);
    }

    #[test]
    fn what_covers_nothing_is_not_held_against_a_host() {
        let line = |point: &str, kind: &str| format!("1 2 0:3 / {point} rw - {kind} {kind} rw\n");
        assert!(!covered(&line("/proc", "proc")));
        assert!(!covered(&line("/proc/sys/fs/binfmt_misc", "autofs")));
        assert!(covered(&line("/proc/sys", "proc")));
    }
}
