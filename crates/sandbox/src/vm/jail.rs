//! The hypervisor's own sandbox, and in it the tree that the guest sees.
//!
//! A guest that breaks out of its machine stands where a program of the tier `sandbox` stands, and
//! sees what it was shown anyway. What may be written is decided there, by read-only mounts, and
//! not by anything that the guest's kernel is asked to respect.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::guest;
use super::initramfs::SYSTEM;
use super::wire::Setup;
use crate::error::SandboxError;
use crate::floor::{KVM, OURS};
use crate::host::host_root;
use crate::spec::{Limits, Mount, Spec, Stdin, Tier};

/// The guest's tree, as the hypervisor sees it.
pub(crate) const GUEST: &str = "/guest";
/// Kernel, disk and sockets.
pub(crate) const MACHINE: &str = "/machine";
/// An empty folder costs its page.
const PLACE_BYTES: u64 = 64 * 1024;
/// What the hypervisor takes beside the guest's memory: its program, translated code, buffers of
/// the shared folders.
const OWN_MEMORY: u64 = 768 << 20;
/// `/tmp` and `/dev/shm` of a guest that says nothing of it: a part of its memory.
const TMP_PART: u64 = 2;
/// Each file that the guest has open is open in the hypervisor.
const OPEN_FILES: u64 = 65_536;

/// What the machine is made of on the host, each shown in [`MACHINE`] under its name.
pub(crate) struct Parts {
    pub(crate) kernel: PathBuf,
    pub(crate) initramfs: Vec<u8>,
    pub(crate) disk: Option<PathBuf>,
    /// Names and sockets.
    pub(crate) sockets: Vec<(String, PathBuf)>,
    pub(crate) memory_bytes: u64,
    /// The device of the processor's help, where that is used.
    pub(crate) kvm: Option<PathBuf>,
    /// The root is the operator's, so that the helper's libraries come apart from it.
    pub(crate) is_own_root: bool,
}

/// Where a part of the machine is for the hypervisor.
pub(crate) fn part(name: &str) -> PathBuf {
    Path::new(MACHINE).join(name)
}

/// The specification of the hypervisor's process. `arguments` are those of the hypervisor.
pub(crate) fn outer(spec: &Spec, parts: Parts, program: &Path, arguments: Vec<OsString>) -> Spec {
    let mut mounts = host_root();
    let read_only = |source: PathBuf, target: PathBuf| Mount::ReadOnly { source, target };
    mounts.push(read_only(parts.kernel, part("kernel")));
    mounts.push(Mount::File {
        contents: parts.initramfs,
        target: part("initramfs"),
    });
    for (name, socket) in parts.sockets {
        mounts.push(read_only(socket, part(&name)));
    }
    if let Some(source) = parts.kvm {
        let target = KVM.into();
        mounts.push(Mount::ReadWrite { source, target });
    }
    if let Some(source) = parts.disk {
        let target = part("disk");
        mounts.push(Mount::ReadWrite { source, target });
    }
    for place in [
        "/proc",
        "/sys",
        "/dev",
        "/tmp",
        "/.freehold/run",
        "/.freehold/live",
    ] {
        mounts.push(empty(Path::new(place), PLACE_BYTES));
    }
    mounts.extend(
        spec.mounts
            .iter()
            .enumerate()
            .map(|(at, mount)| inside(mount, is_bare(&spec.mounts, at))),
    );
    if parts.is_own_root {
        let system = host_root()
            .into_iter()
            .filter(|mount| !mount.target().starts_with("/etc"));
        mounts.extend(system.map(|mount| inside(&moved(mount), true)));
    }
    mounts.push(read_only(
        spec.init.program.clone(),
        within(&Path::new(OURS).join("init")),
    ));
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
            total_memory_bytes: Some(parts.memory_bytes.saturating_add(OWN_MEMORY)),
            tmp_bytes: Some(PLACE_BYTES),
            together: spec.limits.together,
            required: spec.limits.required && spec.limits.together.is_some(),
            ..Limits::default()
        },
        stdin: Stdin::Null,
        terminal: None,
        image: None,
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
