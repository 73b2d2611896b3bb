//! The control groups that a runtime makes for a container. It removes them itself, unless it was
//! killed before it had noted them down.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the hierarchies are mounted (`cgroups(7)`).
const MOUNTED: &str = "/sys/fs/cgroup";
/// The killed leave a group within milliseconds.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
const LEAVE_ROUND: Duration = Duration::from_millis(1);

/// Where the groups of container `id` will be, from what `/proc/self/cgroup` says: runtimes make them
/// below the caller's own, in each hierarchy.
pub(super) fn of(id: &str) -> Vec<PathBuf> {
    places(
        &fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
        id,
    )
}

fn places(told: &str, id: &str) -> Vec<PathBuf> {
    let lines = told.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    });
    let each = lines.flat_map(|(controllers, own)| {
        let own = Path::new(own.trim_start_matches('/')).join(id);
        let hierarchies = match controllers {
            // Version 2: alone, or beside version 1.
            "" => vec![String::new(), "unified".to_owned()],
            named => vec![named.trim_start_matches("name=").to_owned()],
        };
        hierarchies
            .into_iter()
            .map(move |hierarchy| Path::new(MOUNTED).join(hierarchy).join(&own))
    });
    each.collect()
}

/// Removes those that are there, as soon as all processes are gone from them.
pub(super) fn remove(groups: &[PathBuf]) {
    let begun = Instant::now();
    for group in groups {
        while let Err(error) = fs::remove_dir(group) {
            if error.kind() != io::ErrorKind::ResourceBusy || begun.elapsed() > LEAVE_WITHIN {
                break;
            }
            std::thread::sleep(LEAVE_ROUND);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_found_where_this_process_is() {
        let told = "9:name=systemd:/\n4:cpu,cpuacct:/a/b\n0::/user.slice\n";
        let found = places(told, "id");
        let wanted = [
            "/sys/fs/cgroup/systemd/id",
            "/sys/fs/cgroup/cpu,cpuacct/a/b/id",
            "/sys/fs/cgroup/user.slice/id",
            "/sys/fs/cgroup/unified/user.slice/id",
        ];
        assert_eq!(found, wanted.map(PathBuf::from));
    }
}
