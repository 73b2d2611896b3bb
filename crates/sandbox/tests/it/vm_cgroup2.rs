//! Limits on a machine that has control groups of version 2 alone: the tests of [`crate::limits`] and
//! of containers, run by this very program in a machine that is booted for them. Once as root, and
//! once as an ordinary user in a group that was delegated to it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::vm::kernel;

/// The machine's processors translate instructions, on a machine that does much else.
const WITHIN: Duration = Duration::from_secs(420);
const ROUND: Duration = Duration::from_millis(200);
/// The tests with limits of 64 MiB, and what is around them.
const MEMORY_MIB: &str = "1024";
const DISK_BYTES: u64 = 2 << 30;

/// What is run as root, and how many tests that is: memory whose peak is named, tasks, what is left.
const AS_ROOT: (&str, usize) = (
    "limits::what_lies_in_tmp limits::forking container::limits_for_all",
    3,
);
/// The same by an ordinary user.
const AS_USER: (&str, usize) = ("limits::what_lies_in_tmp limits::forking", 2);
/// By the other runtime, which refuses machines with both versions, and so most that tests are run on.
const BY_CRUN: (&str, usize) = ("container::limits_for_all container::a_killed_runtime", 2);

/// The first program: it makes the host's root its own, read-only, with a disk for what is written.
const INIT: &str = r#"#!/bin/busybox sh
b() { /bin/busybox "$@"; }
stop() { echo "machine: could not $1"; b poweroff -f; }
b mount -t proc proc /proc
b mount -t sysfs sys /sys
b mount -t devtmpfs dev /dev
# Whichever needs another comes later: what could not be loaded is tried again.
for round in 1 2 3 4 5; do for module in /modules/*; do b insmod "$module" 2>/dev/null; done; done
b ip link set lo up
b mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,access=any,cache=loose,ro root /host || stop 'mount the root'
b mount -t ext4 /dev/vda /host/mnt || stop 'mount the disk'
b chmod 1777 /host/mnt
b mount -t tmpfs run /host/run
for there in proc sys dev; do b mount --move /$there /host/$there || stop 'move the mounts'; done
b cp /script /host/run/script
exec /bin/busybox switch_root /host /bin/sh /run/script
stop 'go on'
"#;

/// What is done in it. `$1` of `tests` is the name of a round; the others are filters.
const SCRIPT: &str = r#"
export PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/mnt RUST_BACKTRACE=0
mount -t cgroup2 cgroup2 /sys/fs/cgroup || echo 'no control groups'
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm
cp @TESTS@ /mnt/tests; cp @INIT@ /mnt/first; chmod 755 /mnt/tests /mnt/first
export FREEHOLD_TEST_INIT=/mnt/first FREEHOLD_TEST_CGROUP=v2
tests() { echo "begin: $1"; shift; /mnt/tests --color=never --test-threads=1 "$@" 2>&1; }
tests root @AS_ROOT@
FREEHOLD_TEST_RUNTIME=crun tests crun @BY_CRUN@
echo '+cpu +memory +pids' > /sys/fs/cgroup/cgroup.subtree_control
given=/sys/fs/cgroup/given.scope
mkdir $given && chown 1000 $given $given/cgroup.procs $given/cgroup.subtree_control $given/cgroup.threads
begin() { echo 0 > $given/cgroup.procs; exec setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
echo 'begin: user'
(begin /mnt/tests --color=never --test-threads=1 @AS_USER@ 2>&1)
left=$(find /sys/fs/cgroup -mindepth 1 -type d ! -path $given ! -path $given/freehold-runner)
echo "begin: end"
echo "groups left: [$left]"
poweroff -f || busybox poweroff -f
"#;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .flat_map(|entry| match entry.file_type().unwrap().is_dir() {
            true => files_below(&entry.path()),
            false => vec![entry.path()],
        })
        .collect()
}

/// The first root, as the kernel unpacks it.
fn initramfs(kernel: &Path, at: &Path, script: &str) -> PathBuf {
    let root = at.join("root");
    for below in ["bin", "dev", "proc", "sys", "host", "modules"] {
        fs::create_dir_all(root.join(below)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    symlink("busybox", root.join("bin/sh")).unwrap();
    fs::write(root.join("init"), INIT).unwrap();
    fs::write(root.join("script"), script).unwrap();
    let modules = files_below(&kernel.join("lib/modules"));
    for module in modules
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "ko"))
    {
        fs::copy(
            module,
            root.join("modules").join(module.file_name().unwrap()),
        )
        .unwrap();
    }
    let archive = at.join("initramfs");
    let made = Command::new("/bin/busybox")
        .args(["sh", "-c", "chmod 755 init && find . | cpio -o -H newc"])
        .current_dir(&root)
        .stdout(fs::File::create(&archive).unwrap())
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    archive
}

/// What came between `begin: NAME` and the next such line.
fn round<'a>(told: &'a str, name: &str) -> &'a str {
    let begin = format!("begin: {name}");
    let (_, rest) = told
        .split_once(&begin)
        .ok_or_else(|| format!("{name} was not begun:\n{told}"))
        .unwrap();
    rest.split_once("begin: ").map_or(rest, |(round, _)| round)
}

/// Every test of the round passed, and there were as many as there should be.
#[track_caller]
fn passed(told: &str, name: &str, count: usize) {
    let round = round(told, name);
    let good = round.contains(&format!("test result: ok. {count} passed; 0 failed"));
    assert!(good, "{name}, not {count} good ones:\n{round}");
}

#[test]
fn limits_hold_where_there_are_groups_of_version_2_alone() {
    let Some(kernel) = kernel() else {
        return;
    };
    // Below no folder that the machine has a disk of its own for.
    let at = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tests = std::env::current_exe().unwrap();
    let script = SCRIPT
        .replace("@TESTS@", tests.to_str().unwrap())
        .replace("@INIT@", crate::kit::init().program.to_str().unwrap())
        .replace("@AS_ROOT@", AS_ROOT.0)
        .replace("@AS_USER@", AS_USER.0)
        .replace("@BY_CRUN@", BY_CRUN.0);
    let initramfs = initramfs(&kernel, at.path(), &script);
    let disk = at.path().join("disk");
    fs::File::create(&disk)
        .unwrap()
        .set_len(DISK_BYTES)
        .unwrap();
    let formatted = Command::new("/sbin/mke2fs")
        .args(["-q", "-F", "-t", "ext4"])
        .arg(&disk)
        .status();
    assert!(formatted.unwrap().success());
    let boot = files_below(&kernel.join("boot"));
    let disk = format!("file={},if=virtio,format=raw", disk.display());
    let told = at.path().join("told");
    let begun = Instant::now();
    let mut machine = Command::new("/usr/bin/qemu-system-x86_64")
        .args([
            "-nodefaults",
            "-no-reboot",
            "-display",
            "none",
            "-accel",
            "tcg",
        ])
        .args([
            "-cpu", "max", "-smp", "2", "-m", MEMORY_MIB, "-serial", "stdio",
        ])
        .arg("-kernel")
        .arg(&boot[0])
        .arg("-initrd")
        .arg(&initramfs)
        .args([
            "-append",
            "console=ttyS0 quiet panic=-1 no_timer_check rdinit=/init",
        ])
        .args([
            "-fsdev",
            "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
        ])
        .args(["-device", "virtio-9p-pci,fsdev=root,mount_tag=root"])
        .args(["-drive", &disk])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(fs::File::create(&told).unwrap())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    while machine.try_wait().unwrap().is_none() {
        if begun.elapsed() > WITHIN {
            machine.kill().unwrap();
            machine.wait().unwrap();
            panic!(
                "not done in time:\n{}",
                fs::read_to_string(&told).unwrap_or_default()
            );
        }
        std::thread::sleep(ROUND);
    }
    let told = String::from_utf8_lossy(&fs::read(&told).unwrap()).replace('\r', "");
    passed(&told, "root", AS_ROOT.1);
    passed(&told, "crun", BY_CRUN.1);
    passed(&told, "user", AS_USER.1);
    assert!(round(&told, "end").contains("groups left: []"), "{told}");
}
