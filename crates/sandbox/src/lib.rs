//! Starts a process isolated by tier, proves the tier, meters it. Knows nothing of runs.
//!
//! One call, [`start`], takes a [`Spec`] and gives back a [`Child`]. The [`Tier`] says what stands
//! between the process and the machine:
//!
//! * [`Tier::None`] and [`Tier::Worktree`]: a plain process. It is trusted, and whoever shows it
//!   must label it unsandboxed. It still gets a whole environment of its own, its limits, no
//!   inherited descriptor, and an end that takes its daemons with it.
//! * [`Tier::Sandbox`]: [bubblewrap](https://github.com/containers/bubblewrap). The floor is fixed
//!   and not an option: an empty read-only root with only the chosen mounts; user, pid, ipc, uts,
//!   cgroup and network namespaces; a new session; a uid that is not 0; no capability,
//!   `no_new_privs`, no further namespace; system calls by an allow-list; Landlock; a fresh `/proc`,
//!   a minimal `/dev`, an own `/tmp`; no core dump. The network namespace is empty: a [`Port`] is the
//!   only way out. Debuggers and tracers do not work inside.
//!
//! * [`Tier::Container`]: the same specification and the same floor as an OCI bundle, run by `runc`,
//!   `crun` or gVisor's `runsc` ([`Runtime`]): over an [`Image`], or in an empty root as in the sandbox.
//!   Nothing of a container engine's defaults comes in, and no tier lets an engine's socket in. `runsc`
//!   has a kernel of its own, and so no Landlock; what holds that one is looked at at each start.
//!
//! * [`Tier::Vm`]: the same specification in a machine with a kernel of its own, see [`vm`].
//!
//! **It fails closed.** A step of the set-up that fails starts nothing, and the error names the step
//! and what mends it. There is no fallback to a weaker tier.
//!
//! # The first process inside
//!
//! Every tier runs the program under a small helper of ours, [`init`]. It opens the loopback
//! listeners of the ports, collects orphans, starts the program and reports how it ended. Its
//! instructions, the program's environment among them, come over an inherited socket: neither the
//! launcher nor the helper has anything in its `argv` or environment that could be read in `/proc`.
//!
//! ```text
//! runner ── bwrap (outer) ── bwrap (pid 1 inside) ── init (2) ── the program (3)
//!    └──────────── control socket ─────────────────────┘
//! ```
//!
//! Between fork and exec of the program, init puts it behind Landlock and the system-call filters.
//! Landlock repeats the mounts, and its scopes keep the program's signals, its traces and its abstract
//! sockets from whatever is outside, init included. Unknown system calls do not exist (`ENOSYS`), so
//! that programs fall back; dangerous ones are not permitted (`EPERM`).
//!
//! # What depends on the machine
//!
//! Everything above is there or nothing starts. Four things are used where the machine has them, and
//! [`Child::in_force`] tells what a start really got:
//!
//! * **Landlock**, from its second version on (Linux 5.19). A kernel that has it and refuses is an
//!   error.
//! * **Control groups**, for [limits](Limits) and peaks of all processes together: version 1 where
//!   this process may make groups below its own; version 2 in a group that was delegated to it
//!   (`systemd-run --user --scope -p Delegate=yes ...`, or `Delegate=yes` in a unit), in which the
//!   first start moves this process and its children to a group `freehold-runner`. A group lives as
//!   long as its start; what a killed runner left goes at the first start of the next.
//! * **A user of its own** on the host for each start, or for several by choice ([`User`]), when this
//!   process is the host's root: what is written belongs to root on the disk, and nothing starts where
//!   it cannot be had, because a folder to write in lies on a file system that cannot be mounted with
//!   changed owners (an overlay can be made so that it is its user's: [`HostUser::overlay`]). Else, to
//!   the kernel, the user inside is the user that the runner runs as. Not in [`Tier::Container`].
//! * **KVM** for machines, where one that was tried with it came up within 20 seconds; else their
//!   instructions are translated. The verdict is kept until the next boot, in `freehold-kvm` in the
//!   user's own folder below `/run`: without the file the next machine tries again.
//!
//! The calling process shuts itself with [`harden_self`].
#![cfg(target_os = "linux")]

mod bubblewrap;
mod cgroup;
mod check;
mod child;
mod container;
mod control;
mod ending;
mod engine;
mod error;
mod floor;
#[doc(hidden)]
pub mod fuzzing;
mod host;
pub mod init;
mod launch;
pub mod obstacle;
mod probe;
mod processes;
mod seccomp;
mod spawn;
mod spec;
mod streams;
mod sys;
mod user;
mod version;
pub mod vm;

pub use child::{Child, Exit, Hit, InForce, Input, Limit, Output, Usage};
pub use container::{
    ContainerProof, Runtime, UnpackedImage, is_packed, partly_unpacked, probe_container,
    unpack_archive, unpack_image,
};
pub use error::SandboxError;
pub use host::{HOME, USER, host_root};
pub use launch::{harden_self, start};
pub use probe::{Proof, probe};
pub use processes::{is_alive, processes_below};
pub use spec::{Image, Init, Limits, Mount, Port, Spec, Stdin, Terminal, Tier, Together, User};
pub use user::{HostUser, as_owner};
