//! The hypervisor's own sandbox, and in it the tree that the guest sees; or that one in a sandbox of
//! the server of files, where the hypervisor has none: then it sees nothing but the machine's parts.
//!
//! A guest that breaks out of its machine stands where a program of the tier `sandbox` stands, and
//! sees what it was shown anyway. What may be written is decided there, by read-only mounts, and
//! not by anything that the guest's kernel is asked to respect.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::initramfs::SYSTEM;
use super::wire::Setup;
use super::{files, guest};
use crate::error::SandboxError;
use crate::floor::{INIT, KVM, OURS};
use crate::host::host_root;
use crate::spec::{Limits, Mount, Spec, Stdin, Tier};

/// The guest's tree, as the hypervisor sees it.
pub(crate) const GUEST: &str = "/guest";
/// Kernel, disk and sockets.
pub(crate) const MACHINE: &str = "/machine";
/// The hypervisor itself, where it is the operator's, and its file of settings.
pub(crate) const HYPERVISOR: &str = "/machine/hypervisor";
pub(crate) const SETTINGS: &str = "/machine/settings.json";
/// Where a hypervisor makes the socket of its guest's sockets.
pub(crate) const SOCKETS: &str = "/machine/sockets";
/// An empty folder costs its page.
const PLACE_BYTES: u64 = 64 * 1024;
/// What the hypervisor takes beside the guest's memory: its program, translated code, buffers of
/// the shared folders.
const OWN_MEMORY: u64 = 768 << 20;
/// `/tmp` and `/dev/shm` of a guest that says nothing of it: a part of its memory.
const TMP_PART: u64 = 2;
/// What the server of files takes: names of what the guest has in hand, and a message.
const SERVER_MEMORY: u64 = 512 << 20;
/// Each file that the guest has open is open in the hypervisor, or in the server of its files.
const OPEN_FILES: u64 = 65_536;

/// Where a part of the machine is for the hypervisor.
pub(crate) fn part(name: &str) -> PathBuf {
    Path::new(MACHINE).join(name)
}

/// What is shown read-only under a name in [`MACHINE`].
pub(crate) fn shown(source: PathBuf, name: &str) -> Mount {
    Mount::ReadOnly {
        source,
        target: part(name),
    }
}

/// The device of the processor's help.
pub(crate) fn device(source: PathBuf) -> Mount {
    Mount::ReadWrite {
        source,
        target: KVM.into(),
    }
}

/// The guest's tree. With `is_own_root` the root is the operator's, so that the helper's libraries
/// come apart from it.
pub(crate) fn tree(spec: &Spec, is_own_root: bool) -> Vec<Mount> {
    let places = [
        "/proc",
        "/sys",
        "/dev",
        "/tmp",
        "/.freehold/run",
        "/.freehold/live",
    ];
    let mut mounts: Vec<Mount> = places
        .iter()
        .map(|place| empty(Path::new(place), PLACE_BYTES))
        .collect();
    mounts.extend(
        spec.mounts
            .iter()
            .enumerate()
            .map(|(at, mount)| inside(mount, is_bare(&spec.mounts, at))),
    );
    if is_own_root {
        let system = host_root()
            .into_iter()
            .filter(|mount| !mount.target().starts_with("/etc"));
        mounts.extend(system.map(|mount| inside(&moved(mount), true)));
    }
    mounts.push(Mount::ReadOnly {
        source: spec.init.program.clone(),
        target: within(&Path::new(OURS).join("init")),
    });
    mounts
}

/// The specification of the hypervisor's process: `machine` is what it sees beside the system
/// directories.
pub(crate) fn hypervisor(
    spec: &Spec,
    machine: Vec<Mount>,
    memory_bytes: u64,
    program: &Path,
    arguments: Vec<OsString>,
) -> Spec {
    let memory = memory_bytes.saturating_add(OWN_MEMORY);
    outer(spec, machine, memory, program, arguments)
}

/// The specification of the server of files, which connects to `sockets`: names in [`MACHINE`].
pub(crate) fn server(spec: &Spec, tree: Vec<Mount>, sockets: &[(&str, PathBuf)]) -> Spec {
    let mut mounts = tree;
    let mut arguments = spec.init.args.clone();
    arguments.extend([files::WORD.into(), GUEST.into()]);
    for (name, path) in sockets {
        mounts.push(shown(path.clone(), name));
        arguments.push(part(name).into());
    }
    outer(spec, mounts, SERVER_MEMORY, Path::new(INIT), arguments)
}

fn outer(
    spec: &Spec,
    shown: Vec<Mount>,
    memory_bytes: u64,
    program: &Path,
    arguments: Vec<OsString>,
) -> Spec {
    let mut mounts = host_root();
    mounts.extend(shown);
    Spec {
        tier: Tier::Sandbox,
        program: program.into(),
        args: arguments,
        env: BTreeMap::new(),
        cwd: "/".into(),
        mounts,
        ports: Vec::new(),
        limits: Limits {
            open_files: Some(OPEN_FILES),
            total_memory_bytes: Some(memory_bytes),
            tmp_bytes: Some(PLACE_BYTES),
            together: spec.limits.together,
            required: spec.limits.required && spec.limits.together.is_some(),
            ..Limits::default()
        },
        stdin: Stdin::Null,
        terminal: None,
        image: None,
        hypervisor: None,
        runtime: None,
        user: spec.user.clone(),
        init: spec.init.clone(),
    }
}

/// What the guest is to do with it.
pub(crate) fn setup(spec: &Spec, memory_bytes: u64) -> Result<Setup, SandboxError> {
    let tmp_bytes = spec.limits.tmp_bytes.unwrap_or(memory_bytes / TMP_PART);
    let mut setup = Setup {
        tmpfs: vec![("/tmp".into(), tmp_bytes), ("/dev/shm".into(), tmp_bytes)],
        tasks: spec.limits.total_tasks,
        memory: spec.limits.total_memory_bytes,
        ports: spec.ports.iter().map(|port| port.port).collect(),
        ..Setup::default()
    };
    for (at, mount) in spec.mounts.iter().enumerate() {
        let target = text(mount.target())?;
        match mount {
            Mount::Tmpfs { size_bytes, .. } if is_bare(&spec.mounts, at) => {
                setup.tmpfs.push((target.clone(), *size_bytes));
            }
            Mount::ReadWrite { .. } => setup.live.push(target.clone()),
            _ => {}
        }
    }
    for arg in &spec.init.args {
        setup.init_args.push(text(Path::new(arg))?);
    }
    Ok(setup)
}

/// Where the helper listens for a port inside: as `Instructions` are told it.
pub(crate) fn ports(spec: &Spec) -> Vec<(u16, PathBuf)> {
    let numbers = spec.ports.iter().map(|port| port.port);
    numbers
        .map(|port| (port, guest::socket(port).into()))
        .collect()
}

/// Whether nothing later lies in this place: then an empty folder can be the guest's own memory.
fn is_bare(mounts: &[Mount], at: usize) -> bool {
    let target = mounts[at].target();
    !mounts[at + 1..]
        .iter()
        .any(|later| later.target().starts_with(target))
}

fn moved(mut mount: Mount) -> Mount {
    match &mut mount {
        Mount::ReadOnly { target, .. }
        | Mount::ReadWrite { target, .. }
        | Mount::Tmpfs { target, .. }
        | Mount::Symlink { target, .. }
        | Mount::File { target, .. } => *target = below(SYSTEM, target),
    }
    mount
}

fn below(folder: &str, target: &Path) -> PathBuf {
    Path::new(folder).join(target.strip_prefix("/").unwrap_or(target))
}

fn within(target: &Path) -> PathBuf {
    below(GUEST, target)
}

fn empty(target: &Path, size_bytes: u64) -> Mount {
    Mount::Tmpfs {
        target: within(target),
        size_bytes,
    }
}

fn inside(mount: &Mount, is_bare: bool) -> Mount {
    let mut mount = mount.clone();
    match &mut mount {
        Mount::Tmpfs { target, size_bytes } => {
            *target = within(target);
            if is_bare {
                *size_bytes = PLACE_BYTES;
            }
        }
        Mount::ReadOnly { target, .. }
        | Mount::ReadWrite { target, .. }
        | Mount::Symlink { target, .. }
        | Mount::File { target, .. } => *target = within(target),
    }
    mount
}

/// The guest is told paths as text.
pub(crate) fn text(path: &Path) -> Result<String, SandboxError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| SandboxError::Invalid {
        what: format!(
            "{}: in a virtual machine, names must be UTF-8",
            path.display()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_memory_is_the_guests_own_unless_something_lies_in_it() {
        let tmpfs = |target: &str| Mount::Tmpfs {
            target: target.into(),
            size_bytes: 1 << 30,
        };
        let mounts = [
            tmpfs("/home"),
            Mount::ReadWrite {
                source: "/a".into(),
                target: "/home/a".into(),
            },
            tmpfs("/var"),
        ];
        assert!(!is_bare(&mounts, 0) && is_bare(&mounts, 2));
        let Mount::Tmpfs { target, size_bytes } = inside(&mounts[2], true) else {
            panic!("a tmpfs stays one");
        };
        assert_eq!(target, Path::new("/guest/var"));
        assert!(size_bytes < 1 << 30, "the host's memory is not taken twice");
    }
}
