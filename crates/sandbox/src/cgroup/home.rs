//! Where on this machine groups of ours can be made.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::files::{has_process_of_others, write};

/// The runner's own group below a delegated one: version 2 has no processes in inner groups.
const RUNNER: &str = "freehold-runner";
/// What is asked of version 2 for groups of ours.
pub(super) const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// The groups below which ours are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Home {
    /// One hierarchy for each controller, as far as it is there and lets us.
    V1 {
        memory: Option<PathBuf>,
        pids: Option<PathBuf>,
        cpu: Option<PathBuf>,
    },
    /// One for all.
    V2 { below: PathBuf },
}

impl Home {
    /// Looks at what the calling process is in. In version 2 it may move this process, and its
    /// children, into a group of their own below the one they are in.
    pub(super) fn find() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let v1 = |controller| place(&mounts, &own, Some(controller)).filter(|path| is_open(path));
        let (memory, pids) = (v1("memory"), v1("pids"));
        if memory.is_some() || pids.is_some() {
            let cpu = v1("cpu");
            return Some(Self::V1 { memory, pids, cpu });
        }
        let own = place(&mounts, &own, None).filter(|path| is_open(path))?;
        delegated(own).map(|below| Self::V2 { below })
    }

    /// The folders in which groups of ours lie.
    pub(super) fn folders(&self) -> Vec<&Path> {
        match self {
            Self::V1 { memory, pids, cpu } => [memory, pids, cpu]
                .into_iter()
                .flatten()
                .map(PathBuf::as_path)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            Self::V2 { below } => vec![below],
        }
    }
}

fn is_open(path: &Path) -> bool {
    access(path, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// The folder of the group that `own` (`/proc/self/cgroup`) tells, as `mounts` show it: of a
/// controller of version 1, or of version 2.
fn place(mounts: &str, own: &str, controller: Option<&str>) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        // cgroups(7): number, controllers, path; the path itself may hold colons.
        let mut fields = line.splitn(3, ':');
        let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match controller {
            Some(controller) => controllers.split(',').any(|name| name == controller),
            None => number == "0" && controllers.is_empty(),
        };
        is_it.then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        // proc_pid_mountinfo(5): ... root, mount point, ... - type, source, options.
        let (left, right) = line.split_once(" - ")?;
        let (mut left, mut right) = (left.split(' '), right.split(' '));
        let (root, at) = (left.nth(3)?, left.next()?);
        let (kind, options) = (right.next()?, right.nth(1)?);
        let is_it = match controller {
            Some(controller) => {
                kind == "cgroup" && options.split(',').any(|option| option == controller)
            }
            None => kind == "cgroup2",
        };
        // A mount that begins elsewhere does not show our group.
        let below = Path::new(path).strip_prefix(root).ok().filter(|_| is_it)?;
        let plain = !at.contains('\\') && !path.contains("..");
        plain.then(|| Path::new(at).join(below))
    })
}

/// Makes a group of version 2 one that can have groups with limits below it: a group that was given
/// to this process and its children alone, or the root.
fn delegated(own: PathBuf) -> Option<PathBuf> {
    if own.file_name().is_some_and(|name| name == RUNNER) {
        return own.parent().map(Path::to_path_buf);
    }
    let has = fs::read_to_string(own.join("cgroup.controllers")).ok()?;
    let has: Vec<&str> = has.split_whitespace().collect();
    let wanted: Vec<String> = CONTROLLERS
        .iter()
        .filter(|name| has.contains(name))
        .map(|name| format!("+{name}"))
        .collect();
    if !has.contains(&"memory") && !has.contains(&"pids") {
        return None;
    }
    // Only the root has no type, and only it may hold processes beside groups.
    if own.join("cgroup.type").exists() {
        let processes = fs::read_to_string(own.join("cgroup.procs")).ok()?;
        // Somebody else's session, or a service that was not given to us: not ours to rearrange.
        if has_process_of_others(&processes) {
            return None;
        }
        let runner = own.join(RUNNER);
        let made = fs::create_dir(&runner);
        let moved = processes
            .split_whitespace()
            .all(|pid| write(&runner.join("cgroup.procs"), pid).is_ok());
        if made.is_err() || !moved {
            return None;
        }
    }
    write(&own.join("cgroup.subtree_control"), &wanted.join(" ")).ok()?;
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_machine_has_one_place_for_each_controller() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
             32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n\
             35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
             41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let own = "4:memory:/some/session\n2:cpu,cpuacct:/\n0::/a:b\n";
        let found = |controller| place(mounts, own, controller);
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(
            found(Some("memory")),
            path("/sys/fs/cgroup/memory/some/session")
        );
        assert_eq!(found(Some("cpu")), path("/sys/fs/cgroup/cpu,cpuacct/"));
        assert_eq!(found(Some("pids")), None);
        assert_eq!(found(None), path("/sys/fs/cgroup/unified/a:b"));
    }

    #[test]
    fn in_a_container_the_mount_begins_at_its_own_group() {
        let mounts = "35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        let found = |own| place(mounts, own, Some("memory"));
        let here = Some(PathBuf::from("/sys/fs/cgroup/memory/"));
        assert_eq!(found("4:memory:/docker/1\n"), here);
        assert_eq!(
            found("4:memory:/docker/1/x\n"),
            here.map(|here| here.join("x"))
        );
        assert_eq!(found("4:memory:/docker/2\n"), None);
        assert_eq!(found("4:memory:/docker/1/../2\n"), None);
    }
}
