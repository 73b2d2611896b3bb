//! How much memory there is for this process and all that it starts: the machine's, or what the control groups that it is
//! in leave of it. Who counted on the machine's would be killed where an operator allows less.

use std::path::Path;

const GIB: u64 = 1 << 30;
/// Where groups of either version are mounted (file-hierarchy(7); a container sees its own there).
const GROUPS: &str = "/sys/fs/cgroup";

/// In bytes; 0 where it is not known.
pub(crate) fn there_is() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let machine = of_machine(&read("/proc/meminfo"));
    match of_groups(&read("/proc/self/cgroup"), read) {
        Some(groups) if machine == 0 || groups < machine => groups,
        _ => machine,
    }
}

/// Jobs at once of those that were asked for: with less than a GiB for each, all of them would be slow, or killed. What does
/// not fit waits in the queue.
pub(crate) fn jobs(asked: u32, memory: u64) -> u32 {
    let fit = match memory {
        0 => u32::MAX,
        known => u32::try_from(known / GIB).unwrap_or(u32::MAX),
    };
    asked.min(fit).max(1)
}

/// `MemTotal` of proc_meminfo(5); 0 where it does not say.
fn of_machine(text: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes.saturating_mul(1024))
}

/// The least that the groups of this process (cgroups(7)) allow, where one does.
fn of_groups(own: &str, read: impl Fn(&str) -> String) -> Option<u64> {
    let groups = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        Some((controllers, path))
    });
    let mut least = None::<u64>;
    for (controllers, path) in groups {
        let found = if controllers.split(',').any(|name| name == "memory") {
            // Of this group and all above it.
            let text = read(&format!("{GROUPS}/memory{path}/memory.stat"));
            let limit = text
                .lines()
                .find_map(|line| line.strip_prefix("hierarchical_memory_limit "));
            limit.and_then(|bytes| bytes.trim().parse().ok())
        } else if controllers.is_empty() {
            let limit = |group: &Path| {
                let file = format!("{GROUPS}{}/memory.max", group.display());
                read(&file).trim().parse().ok()
            };
            Path::new(path).ancestors().filter_map(limit).min()
        } else {
            None
        };
        least = least.into_iter().chain(found).min();
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_that_a_group_allows_counts_in_both_versions() {
        let files = |known: &'static [(&'static str, &'static str)]| {
            move |path: &str| {
                let found = known.iter().find(|(name, _)| *name == path);
                found.map_or_else(String::new, |(_, text)| (*text).to_owned())
            }
        };
        let first = files(&[(
            "/sys/fs/cgroup/memory/a/b/memory.stat",
            "cache 1\nhierarchical_memory_limit 268435456\n",
        )]);
        let own = "4:cpu,memory:/a/b\n1:name=systemd:/a\n0::/\n";
        assert_eq!(of_groups(own, first), Some(256 << 20));
        let second = files(&[
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/memory.max", "1073741824\n"),
        ]);
        assert_eq!(of_groups("0::/a/b\n", second), Some(1 << 30));
        assert_eq!(of_groups("0::/\n", files(&[])), None);
        assert_eq!(of_groups("", files(&[])), None);
    }

    #[test]
    fn jobs_are_as_many_as_there_is_memory_for_and_at_least_one() {
        assert_eq!(jobs(8, 4 * GIB), 4);
        assert_eq!(jobs(2, 64 * GIB), 2);
        assert_eq!(jobs(4, 256 << 20), 1);
        assert_eq!((jobs(3, 0), jobs(0, 0)), (3, 1));
    }

    #[test]
    fn what_the_machine_says_of_itself() {
        let text = "MemTotal:       2048 kB\nMemFree: 1 kB\n";
        assert_eq!(of_machine(text), 2048 * 1024);
        assert_eq!((of_machine(""), of_machine("MemTotal: much")), (0, 0));
    }
}
