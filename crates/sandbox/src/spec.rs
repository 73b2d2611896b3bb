//! What to start, and behind which walls.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::container::Runtime;
use crate::user::HostUser;

/// What stands between a process and the machine it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// A plain process, trusted with everything its user may do. Show it as unsandboxed.
    None,
    /// As [`Tier::None`], in a working tree of its own. Show it as unsandboxed.
    Worktree,
    /// An empty root, namespaces, no capability, no network but the ports.
    Sandbox,
    /// An OCI container with the same mounts and ports: another runtime, an image where one is named.
    Container,
    /// A virtual machine with a kernel of its own.
    Vm,
}

impl Tier {
    /// Whether the kernel holds the process to its mounts and ports.
    #[must_use]
    pub fn is_sandboxed(self) -> bool {
        self >= Self::Sandbox
    }

    /// Its name, in configuration, on the wire and in print.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Worktree => "worktree",
            Self::Sandbox => "sandbox",
            Self::Container => "container",
            Self::Vm => "vm",
        }
    }
}

/// A process to start. Every field counts; nothing is inherited from the caller.
#[derive(Clone)]
pub struct Spec {
    /// What stands between the process and the machine.
    pub tier: Tier,
    /// The program: a path inside, or a name looked up in the `PATH` of `env`.
    pub program: OsString,
    /// Its arguments, without the name of the program.
    pub args: Vec<OsString>,
    /// The whole environment of the process inside.
    pub env: BTreeMap<OsString, OsString>,
    /// The working directory, as seen inside. It must exist.
    pub cwd: PathBuf,
    /// What of the machine is seen inside, later over earlier. Plain tiers see all and ignore it.
    pub mounts: Vec<Mount>,
    /// The ways out of the empty network. In a plain tier they listen on the loopback of the host, for
    /// processes of the same user alone.
    pub ports: Vec<Port>,
    /// What the process may use up.
    pub limits: Limits,
    /// Where its standard input comes from.
    pub stdin: Stdin,
    /// A terminal for all three streams, in place of pipes; `stdin` counts no more, and all output
    /// comes on [`Child::stdout`](crate::Child::stdout).
    pub terminal: Option<Terminal>,
    /// What [`Tier::Container`] starts from; `None` is an empty root, as in [`Tier::Sandbox`].
    /// For [`Tier::Vm`], a directory with `boot/vmlinuz-VERSION` and `lib/modules/VERSION`: the
    /// kernel; `None` is this machine's newest. The other tiers refuse one.
    pub image: Option<Image>,
    /// The program that runs the machine of [`Tier::Vm`]: the path of a Firecracker that the operator
    /// brings; `None` is QEMU. Other tiers ignore it.
    pub hypervisor: Option<PathBuf>,
    /// What runs [`Tier::Container`]: this one and no other. `None` is the first that there is, in
    /// the order of [`Runtime`]. The other tiers have no use for it.
    pub runtime: Option<Runtime>,
    /// The user of the host that it is.
    pub user: User,
    /// The helper that runs as the first process inside.
    pub init: Init,
}

/// The user of the host that a sandboxed process is, in [`Tier::Sandbox`] and [`Tier::Container`] and
/// around [`Tier::Vm`].
///
/// It is another than the caller's where the caller is the host's root and may change users: where
/// that cannot be, nothing starts. Any other caller, root of a container among them, is to the kernel
/// one user, and what it starts is the same; [`InForce::uid`](crate::InForce::uid) is `None` then.
#[derive(Debug, Clone, Default)]
pub enum User {
    /// One that no other start has.
    #[default]
    Own,
    /// One that several starts have, and nobody else.
    Shared(HostUser),
}

impl fmt::Debug for Spec {
    /// Shows names of variables, never their values: they hold tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("tier", &self.tier)
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("cwd", &self.cwd)
            .field("mounts", &self.mounts)
            .field("ports", &self.ports)
            .field("limits", &self.limits)
            .field("stdin", &self.stdin)
            .finish_non_exhaustive()
    }
}

/// One piece of the file tree inside. All are `nosuid`, and `nodev` but for the minimal `/dev`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A file or folder of the host that can be read.
    ReadOnly {
        /// Its path on the host; it must exist.
        source: PathBuf,
        /// Its path inside.
        target: PathBuf,
    },
    /// A file or folder of the host that can be changed. It cannot itself be renamed or removed.
    ReadWrite {
        /// Its path on the host; it must exist.
        source: PathBuf,
        /// Its path inside.
        target: PathBuf,
    },
    /// An empty folder in memory that goes with the process.
    Tmpfs {
        /// Its path inside.
        target: PathBuf,
        /// The most it can hold.
        size_bytes: u64,
    },
    /// A symbolic link.
    Symlink {
        /// What the link says, as it is.
        points_to: PathBuf,
        /// Its path inside.
        target: PathBuf,
    },
    /// A read-only file with these contents, which need not exist on the host.
    File {
        /// What can be read in it.
        contents: Vec<u8>,
        /// Its path inside.
        target: PathBuf,
    },
}

impl Mount {
    /// Where it is seen inside.
    #[must_use]
    pub fn target(&self) -> &Path {
        match self {
            Self::ReadOnly { target, .. }
            | Self::ReadWrite { target, .. }
            | Self::Tmpfs { target, .. }
            | Self::Symlink { target, .. }
            | Self::File { target, .. } => target,
        }
    }

    /// The path on the host that it shows, if it shows one.
    #[must_use]
    pub fn source(&self) -> Option<&Path> {
        match self {
            Self::ReadOnly { source, .. } | Self::ReadWrite { source, .. } => Some(source),
            Self::Tmpfs { .. } | Self::Symlink { .. } | Self::File { .. } => None,
        }
    }
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// The file tree that a container starts from. Mounts lie over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// An unpacked root file system of this machine; it is shown read-only.
    Directory(PathBuf),
    /// A name that a container engine of this machine knows or can pull, `registry/name@digest`.
    Name(String),
}

/// A way out of the empty network: `127.0.0.1:port` inside reaches `socket` on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The port that listens on `127.0.0.1` inside.
    pub port: u16,
    /// A listening unix stream socket of the host; it must exist when the process starts.
    pub socket: PathBuf,
}

/// What a process and each of its children may use up; `None` is what the caller has itself.
///
/// A value above the caller's own hard limit is lowered to it. Core dumps are always off. One that
/// cannot be held on this machine keeps nothing from starting: whoever must have it compares
/// [`InForce::limits`](crate::InForce::limits).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Open descriptors per process (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// The largest file that can be written (`RLIMIT_FSIZE`).
    pub file_bytes: Option<u64>,
    /// Processor time per process (`RLIMIT_CPU`); past it the process gets `SIGXCPU`, two seconds
    /// later `SIGKILL`.
    pub cpu_seconds: Option<u64>,
    /// Address space per process (`RLIMIT_AS`). Many runtimes reserve far more than they use.
    pub memory_bytes: Option<u64>,
    /// Processes and threads of the user (`RLIMIT_NPROC`). The kernel exempts the host's root.
    pub processes: Option<u64>,
    /// Memory of all its processes together, `/tmp` included, without swap; what goes over is killed.
    /// Needs a control group.
    pub total_memory_bytes: Option<u64>,
    /// Processes and threads, all together; the launcher's and the helper's, six to eight, count.
    /// Needs a control group; without one, `processes` takes this value in [`Tier::Sandbox`].
    pub total_tasks: Option<u64>,
    /// Processors that it may keep busy, in thousandths. Needs a control group.
    pub cpu_milli: Option<u64>,
    /// The size of `/tmp` inside, and of `/dev/shm`; `None` is 2 GiB. Sandbox only.
    pub tmp_bytes: Option<u64>,
    /// Whether nothing is started where a limit for all its processes together cannot be held. A
    /// virtual machine always holds its own.
    pub required: bool,
    /// What it and every other start of the same owner may use up together.
    pub together: Option<Together>,
}

/// What all starts of this process for one owner may use up together, without swap. Needs control
/// groups. Starts with the same value are counted together, and no others: a start with changed
/// limits is not counted with those that began before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Together {
    /// Whose: any number that no other owner has.
    pub owner: u128,
    /// Memory in bytes; of a virtual machine all that it has.
    pub memory_bytes: Option<u64>,
    /// Processes and threads; of a virtual machine those that run it, not those inside.
    pub tasks: Option<u64>,
    /// Processors in thousandths.
    pub cpu_milli: Option<u64>,
}

impl Together {
    pub(crate) const fn is_empty(&self) -> bool {
        self.memory_bytes.is_none() && self.tasks.is_none() && self.cpu_milli.is_none()
    }
}

/// Where the standard input comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stdin {
    /// At its end from the start.
    #[default]
    Null,
    /// What is written to [`Child::stdin`](crate::Child::stdin).
    Piped,
}

/// How to run [`init::main`](crate::init::main): the helper that is the first process inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// A program of the host that calls it. Mounted read-only; its libraries come with the mounts.
    pub program: PathBuf,
    /// The arguments that make the program call it, such as a hidden subcommand.
    pub args: Vec<OsString>,
}
