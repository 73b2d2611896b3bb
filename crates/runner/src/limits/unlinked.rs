//! Files that have no name any more and are kept by whoever has them open or mapped.
//!
//! No walk of folders finds them, so the kernel's word for each process is read: its descriptors
//! (each thread may have its own) and, where this user may look at them, its mappings. Only what lies
//! on a file system that the process can write to counts: files in memory are part of the memory, and
//! a program of the machine that was replaced while it runs is not the run's.
//!
//! What is left over, plainly: a descriptor that was sent to a socket and not yet received is in no
//! process; and mappings of closed files are seen by root alone.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::disk::Held;

/// Descriptors and mappings that are looked at in one round: what a run has open is bounded by the
/// kernel for each process, and processes by their limit.
const LOOKED_MAX: usize = 1_000_000;
/// stat(2) counts in these, whatever the file system.
const BLOCK: u64 = 512;
/// How /proc writes the name of a file that has none any more.
const DELETED: &str = " (deleted)";
/// File systems that are memory, or nothing.
const MEMORY: [&str; 5] = ["tmpfs", "ramfs", "devtmpfs", "hugetlbfs", "proc"];

/// What is kept by the processes below `process` and itself. Blocks.
pub(super) fn held_below(process: u32) -> Held {
    let mut looking = Looking::default();
    for pid in freehold_sandbox::processes_below(process)
        .into_iter()
        .chain([process])
    {
        if looking.looked > LOOKED_MAX {
            break;
        }
        looking.process(pid);
    }
    looking.held
}

#[derive(Default)]
struct Looking {
    /// Devices that can be written to, by mount namespace.
    writable: HashMap<u64, Mounts>,
    counted: HashSet<(u64, u64)>,
    looked: usize,
    held: Held,
}

/// The mounts of one mount namespace that are on a disk and can be written to, by their number.
type Mounts = HashSet<u64>;

impl Looking {
    fn process(&mut self, pid: u32) {
        let proc = Path::new("/proc").join(pid.to_string());
        let Ok(namespace) = fs::metadata(proc.join("ns/mnt")) else {
            return;
        };
        let mounts = self
            .writable
            .remove(&namespace.ino())
            .unwrap_or_else(|| writable(&read(&proc.join("mountinfo"))));
        for thread in names(&proc.join("task")) {
            self.descriptors(&proc.join("task").join(thread), &mounts);
        }
        self.mappings(&proc);
        self.writable.insert(namespace.ino(), mounts);
    }

    fn descriptors(&mut self, thread: &Path, mounts: &Mounts) {
        for number in names(&thread.join("fd")) {
            let link = thread.join("fd").join(&number);
            if self.is_deleted(&link)
                && mount(&read(&thread.join("fdinfo").join(&number)))
                    .is_some_and(|mount| mounts.contains(&mount))
            {
                self.count(&link);
            }
        }
    }

    /// Of what is mapped the mount is not told: a library of the machine that was replaced meanwhile
    /// counts too, which is some megabytes at most.
    fn mappings(&mut self, proc: &Path) {
        for range in names(&proc.join("map_files")) {
            let link = proc.join("map_files").join(range);
            if self.is_deleted(&link) && !is_in_memory(&link) {
                self.count(&link);
            }
        }
    }

    fn is_deleted(&mut self, link: &Path) -> bool {
        self.looked += 1;
        self.looked <= LOOKED_MAX
            && fs::read_link(link).is_ok_and(|to| {
                to.as_os_str()
                    .as_encoded_bytes()
                    .ends_with(DELETED.as_bytes())
            })
    }

    fn count(&mut self, link: &Path) {
        // Through the link to the open file itself: its name leads nowhere.
        let Ok(meta) = fs::metadata(link) else { return };
        if meta.is_file() && meta.nlink() == 0 && self.counted.insert((meta.dev(), meta.ino())) {
            let bytes = meta.blocks().saturating_mul(BLOCK);
            self.held.files += 1;
            self.held.bytes = self.held.bytes.saturating_add(bytes);
        }
    }
}

fn is_in_memory(link: &Path) -> bool {
    use nix::sys::statfs::{HUGETLBFS_MAGIC, TMPFS_MAGIC, statfs};
    statfs(link)
        .is_ok_and(|found| [HUGETLBFS_MAGIC, TMPFS_MAGIC].contains(&found.filesystem_type()))
}

fn names(dir: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// `mnt_id` of proc_pid_fdinfo(5).
fn mount(info: &str) -> Option<u64> {
    let line = info.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    line?.trim().parse().ok()
}

/// proc_pid_mountinfo(5): number, parent, device, root, point, options, ... - type, source, options.
fn writable(mounts: &str) -> Mounts {
    let number = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let kind = right.split(' ').next()?;
        let mut fields = left.split(' ');
        let (number, options) = (fields.next()?.parse().ok()?, fields.nth(4)?);
        let can_be = options.split(',').any(|option| option == "rw");
        (can_be && !MEMORY.contains(&kind)).then_some(number)
    };
    mounts.lines().filter_map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_on_a_disk_that_can_be_written_to() {
        let text = "\
            36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw\n\
            37 35 98:0 / /usr ro,nosuid - ext3 /dev/root rw\n\
            38 35 0:50 / /tmp rw - tmpfs tmpfs rw\n\
            39 35 0:51 / /workspace rw,nosuid - overlay overlay rw\nodd\n";
        assert_eq!(writable(text), HashSet::from([36, 39]));
        assert_eq!(mount("pos:\t0\nmnt_id:\t39\nino:\t1\n"), Some(39));
        assert_eq!(mount(""), None);
    }
}
