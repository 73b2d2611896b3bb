//! The guest's file tree and the limits of all its processes.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::Pid;

use super::super::hypervisor::Device;
use super::super::initramfs::{LIVE_TAG, nine_p};
use super::super::wire::{LIVE_PORT, Setup};
use crate::sys::vsock;

/// Sockets of the ports.
pub(super) const RUN: &str = "/.freehold/run";
/// What the host shares, where the root is the operator's.
pub(super) const HOST: &str = "/.host";
/// What of it can be written, until it is where it belongs.
const LIVE: &str = "/.freehold/live";
const CGROUP: &str = "/sys/fs/cgroup";
const LIMITED: &str = "/sys/fs/cgroup/run";
/// Sockets and nothing else.
const RUN_BYTES: u64 = 64 * 1024;

type Step = (&'static str, io::Error);

fn at<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> Step {
    move |error| (step, error.into())
}

/// Everything that the set-up says, over what the script has mounted.
pub(super) fn all(setup: &Setup, own_root: bool, device: Device) -> Result<(), Step> {
    devices().map_err(at("make the devices"))?;
    if own_root {
        let places = setup.tmpfs.iter().map(|(path, _)| path.as_str());
        let places = places.chain(setup.disk.as_deref()).chain([RUN, LIVE]);
        for place in places {
            fs::create_dir_all(place).map_err(at("make a folder to mount on"))?;
        }
        for path in &setup.shown {
            show(&format!("{HOST}{path}"), path).map_err(at("show what the host shares"))?;
        }
    }
    tmpfs(RUN, RUN_BYTES, "0711").map_err(at("mount a folder in memory"))?;
    for (path, size) in &setup.tmpfs {
        tmpfs(path, *size, "1777").map_err(at("mount a folder in memory"))?;
    }
    if !setup.live.is_empty() {
        live(&setup.live, device).map_err(at("mount what can be written"))?;
    }
    if let Some(path) = &setup.disk {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(
            Some("/dev/vda"),
            path.as_str(),
            Some("ext4"),
            flags,
            None::<&str>,
        )
        .map_err(at("mount the disk"))?;
    }
    Ok(())
}

/// What programs expect beside the kernel's own devices.
fn devices() -> io::Result<()> {
    let links = [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
        ("pts/ptmx", "/dev/ptmx"),
    ];
    fs::create_dir_all("/dev/pts")?;
    fs::create_dir_all("/dev/shm")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = Some("newinstance,ptmxmode=0666,mode=0620");
    mount(Some("devpts"), "/dev/pts", Some("devpts"), flags, options)?;
    for (points_to, path) in links {
        let _ = fs::remove_file(path);
        std::os::unix::fs::symlink(points_to, path)?;
    }
    Ok(())
}

fn tmpfs(path: &str, bytes: u64, mode: &str) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let options = format!("size={bytes},mode={mode}");
    mount(
        Some("tmpfs"),
        path,
        Some("tmpfs"),
        flags,
        Some(options.as_str()),
    )?;
    Ok(())
}

/// A second mount of the same tree, whose caches are written through, for what can be written.
fn live(paths: &[String], device: Device) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    // The kernel keeps it open for as long as it is mounted.
    let open = match device {
        Device::Serial => None,
        Device::Vsock => Some(vsock::connect(LIVE_PORT)?),
    };
    let number = open.as_ref().map_or(-1, AsRawFd::as_raw_fd);
    let options = format!("{},cache=mmap", nine_p(device, number));
    mount(
        Some(LIVE_TAG),
        LIVE,
        Some("9p"),
        flags,
        Some(options.as_str()),
    )?;
    for path in paths {
        let source = format!("{LIVE}{path}");
        mount(
            Some(source.as_str()),
            path.as_str(),
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )?;
    }
    // It stays mounted where it was bound, and is nowhere as a whole.
    umount2(LIVE, MntFlags::MNT_DETACH)?;
    Ok(())
}

/// Shows a part of the host's tree in the operator's.
fn show(source: &str, target: &str) -> io::Result<()> {
    let found = fs::symlink_metadata(source)?;
    if let Some(parent) = Path::new(target).parent() {
        fs::create_dir_all(parent)?;
    }
    if found.is_symlink() {
        let _ = fs::remove_file(target);
        return std::os::unix::fs::symlink(fs::read_link(source)?, target);
    }
    if found.is_dir() {
        fs::create_dir_all(target)?;
    } else {
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(target)?;
    }
    mount(
        Some(source),
        target,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )?;
    Ok(())
}

/// A control group for the program and all it starts, if a limit is to be held.
pub(super) fn limit(setup: &Setup) -> io::Result<bool> {
    if setup.tasks.is_none() && setup.memory.is_none() {
        return Ok(false);
    }
    mount(
        Some("cgroup2"),
        CGROUP,
        Some("cgroup2"),
        MsFlags::empty(),
        None::<&str>,
    )?;
    fs::write(format!("{CGROUP}/cgroup.subtree_control"), "+pids +memory")?;
    fs::create_dir(LIMITED)?;
    if let Some(tasks) = setup.tasks {
        fs::write(format!("{LIMITED}/pids.max"), tasks.to_string())?;
    }
    if let Some(bytes) = setup.memory {
        fs::write(format!("{LIMITED}/memory.max"), bytes.to_string())?;
    }
    Ok(true)
}

/// Puts the helper there. It has started nothing yet: its instructions come later.
pub(super) fn admit(limited: bool, helper: Pid) -> io::Result<()> {
    match limited {
        true => fs::write(format!("{LIMITED}/cgroup.procs"), helper.to_string()),
        false => Ok(()),
    }
}
