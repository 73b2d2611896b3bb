//! What every sandbox has, and the mounts on top of it, as arguments for the launcher.

use std::ffi::{OsStr, OsString};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::error::SandboxError;
use crate::spec::{Mount, Spec};
use crate::sys;
use crate::user::{HostUser, Stage};

/// The user and group inside, also when the host's is root.
pub(crate) const UID: u32 = 1000;
/// The name of the machine inside.
pub(crate) const HOSTNAME: &str = "freehold";
/// Where the helper and the sockets of the ports are seen inside.
pub(crate) const OURS: &str = "/.freehold";
/// The helper among it.
pub(crate) const INIT: &str = "/.freehold/init";
/// The one device of the machine that a start can be shown, at this very place: a hypervisor's.
pub(crate) const KVM: &str = "/dev/kvm";

/// Build tools write gigabytes there, and it is memory.
pub(crate) const TMP_BYTES: u64 = 2 << 30;
/// In `/proc`, of the machine and not of the processes inside: memory, keys, the kernel's insides.
pub(crate) const MASKED_FILES: [&str; 12] = [
    "kcore",
    "keys",
    "kmsg",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "sched_debug",
    "slabinfo",
    "sysrq-trigger",
    "timer_list",
    "vmallocinfo",
];
pub(crate) const MASKED_FOLDERS: [&str; 4] = ["acpi", "asound", "irq", "scsi"];

/// What the launcher is told, and the descriptors that go with it.
pub(crate) struct Orders {
    /// Arguments for `--args`, each ended by a NUL: on the command line everyone could read them.
    pub(crate) arguments: Vec<u8>,
    /// To be passed from number `first_fd` on.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// The helper as seen inside.
    pub(crate) init: PathBuf,
    /// The ports and their sockets as seen inside.
    pub(crate) ports: Vec<(u16, PathBuf)>,
}

/// Translates a specification; descriptors are numbered from `first_fd` on. With a user of its own,
/// what is shown is where its stage has it.
pub(crate) fn orders(
    spec: &Spec,
    cast: Option<&(HostUser, Stage)>,
    info_fd: RawFd,
    first_fd: RawFd,
) -> Result<Orders, SandboxError> {
    let mut orders = Builder {
        words: Vec::new(),
        descriptors: Vec::new(),
        first_fd,
        stage: cast.map(|(_, stage)| stage),
    };
    orders.user(cast.map(|(user, _)| user))?;
    orders.floor(spec, info_fd)?;
    for mount in visible(&spec.mounts) {
        orders.mount(mount)?;
    }
    let ours = Path::new(OURS);
    let init = PathBuf::from(INIT);
    orders.bind("--ro-bind", &spec.init.program, &init)?;
    let mut ports = Vec::new();
    for port in &spec.ports {
        let inside = ours.join(format!("port-{}", port.port));
        orders.bind("--ro-bind", &port.socket, &inside)?;
        ports.push((port.port, inside));
    }
    // Last: until here the launcher itself has to make the places to mount on.
    orders.say(["--remount-ro", "/dev", "--remount-ro", "/"]);
    let Builder {
        words, descriptors, ..
    } = orders;
    Ok(Orders {
        arguments: joined(words),
        descriptors,
        init,
        ports,
    })
}

/// The places inside that can be written.
pub(crate) fn writable(spec: &Spec) -> Vec<PathBuf> {
    let given = visible(&spec.mounts).filter_map(|mount| match mount {
        Mount::ReadWrite { target, .. } | Mount::Tmpfs { target, .. } => Some(target.clone()),
        _ => None,
    });
    let own = ["/tmp", "/dev/shm"].map(PathBuf::from);
    own.into_iter().chain(given).collect()
}

/// Without those that a later one on the very same place hides: the launcher cannot mount over a
/// link or over a file that it made.
pub(crate) fn visible(mounts: &[Mount]) -> impl Iterator<Item = &Mount> {
    let later = |at: usize, target: &Path| {
        mounts[at + 1..]
            .iter()
            .any(|mount| mount.target() == target)
    };
    mounts
        .iter()
        .enumerate()
        .filter(move |(at, mount)| !later(*at, mount.target()))
        .map(|(_, mount)| mount)
}

fn joined(words: Vec<OsString>) -> Vec<u8> {
    words
        .into_iter()
        .flat_map(|word| {
            let mut bytes = word.into_vec();
            bytes.push(0);
            bytes
        })
        .collect()
}

struct Builder<'a> {
    words: Vec<OsString>,
    descriptors: Vec<OwnedFd>,
    first_fd: RawFd,
    stage: Option<&'a Stage>,
}

impl Builder<'_> {
    fn say<W: AsRef<OsStr>>(&mut self, words: impl IntoIterator<Item = W>) {
        self.words
            .extend(words.into_iter().map(|word| word.as_ref().to_owned()));
    }

    /// Passes `contents` in a descriptor and returns its number inside the launcher.
    fn pass(&mut self, contents: &[u8]) -> Result<String, SandboxError> {
        let file = sys::memory_file(contents).map_err(SandboxError::io("make a file in memory"))?;
        Ok(self.pass_open(file))
    }

    fn pass_open(&mut self, descriptor: OwnedFd) -> String {
        let number = self.first_fd as usize + self.descriptors.len();
        self.descriptors.push(descriptor);
        number.to_string()
    }

    /// A user namespace, in which no further one can be made.
    fn user(&mut self, own: Option<&HostUser>) -> Result<(), SandboxError> {
        if let Some(own) = own {
            let namespace = own
                .namespace()
                .map_err(SandboxError::io("pass a user namespace"))?;
            let namespace = self.pass_open(namespace);
            self.say(["--userns", &namespace, "--assert-userns-disabled"]);
        } else {
            self.say(["--unshare-user", "--disable-userns"]);
        }
        Ok(())
    }

    /// What every sandbox has, whatever was asked for.
    fn floor(&mut self, spec: &Spec, info_fd: RawFd) -> Result<(), SandboxError> {
        self.say(["--unshare-pid", "--unshare-ipc", "--unshare-uts"]);
        self.say(["--unshare-cgroup", "--unshare-net", "--new-session"]);
        self.say([
            "--die-with-parent",
            "--clearenv",
            "--hostname",
            HOSTNAME,
            "--chdir",
            "/",
        ]);
        let uid = UID.to_string();
        self.say(["--uid", &uid, "--gid", &uid, "--cap-drop", "ALL"]);
        self.say(["--info-fd", &info_fd.to_string()]);
        let size = spec.limits.tmp_bytes.unwrap_or(TMP_BYTES).to_string();
        self.proc();
        self.say(["--dev", "/dev"]);
        self.say(["--perms", "1777", "--size", &size, "--tmpfs", "/dev/shm"]);
        self.say(["--perms", "1777", "--size", &size, "--tmpfs", "/tmp"]);
        Ok(())
    }

    /// A fresh `/proc` that nothing can be written in. To the kernel the user inside is the one
    /// outside: were that root, its files would be open for writing, `sys/kernel/core_pattern` too.
    fn proc(&mut self) {
        self.say(["--proc", "/proc"]);
        for file in MASKED_FILES.map(|name| Path::new("/proc").join(name)) {
            if file.exists() {
                self.say([Path::new("--ro-bind"), Path::new("/dev/null"), &file]);
            }
        }
        for folder in MASKED_FOLDERS.map(|name| Path::new("/proc").join(name)) {
            if folder.exists() {
                self.say([
                    Path::new("--tmpfs"),
                    &folder,
                    Path::new("--remount-ro"),
                    &folder,
                ]);
            }
        }
        self.say(["--remount-ro", "/proc"]);
    }

    fn bind(&mut self, option: &str, source: &Path, target: &Path) -> Result<(), SandboxError> {
        source
            .metadata()
            .map_err(|cause| SandboxError::MountSource {
                path: source.to_path_buf(),
                target: target.to_path_buf(),
                cause,
            })?;
        let source = self.stage.map_or(source, |stage| stage.place(source));
        self.say([OsStr::new(option), source.as_os_str(), target.as_os_str()]);
        Ok(())
    }

    /// The device itself is on a file system whose owners cannot be changed: it is shown as it is.
    fn device(&mut self, source: &Path, target: &Path) -> Result<(), SandboxError> {
        if source != Path::new(KVM) {
            return self.bind("--dev-bind", source, target);
        }
        let stage = self.stage.take();
        let bound = self.bind("--dev-bind", source, target);
        self.stage = stage;
        bound
    }

    fn mount(&mut self, mount: &Mount) -> Result<(), SandboxError> {
        match mount {
            Mount::ReadOnly { source, target } => self.bind("--ro-bind", source, target)?,
            Mount::ReadWrite { source, target } if target == Path::new(KVM) => {
                self.device(source, target)?;
            }
            Mount::ReadWrite { source, target } => self.bind("--bind", source, target)?,
            Mount::Tmpfs { target, size_bytes } => {
                let size = size_bytes.to_string();
                self.say(["--size", &size, "--tmpfs"]);
                self.say([target]);
            }
            Mount::Symlink { points_to, target } => {
                self.say(["--symlink"]);
                self.say([points_to, target]);
            }
            Mount::File { contents, target } => {
                let number = self.pass(contents)?;
                self.say(["--perms", "0444", "--ro-bind-data", &number]);
                self.say([target]);
            }
        }
        Ok(())
    }
}
