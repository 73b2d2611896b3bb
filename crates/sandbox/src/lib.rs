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
//!   `no_new_privs`, no further user namespace; a system-call filter with an architecture check;
//!   a fresh `/proc`, a minimal `/dev`, an own `/tmp`; no core dump. The network namespace is
//!   empty: a [`Port`] is the only way out.
//!
//! * [`Tier::Container`]: the same specification and the same floor as an OCI bundle, run by `runc`
//!   or `crun`: over an [`Image`], or in an empty root as in the sandbox. Nothing of a container
//!   engine's defaults comes in, and no tier lets an engine's socket in.
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
//! # What is not here yet
//!
//! Landlock, cgroup limits and a uid of its own on the host for each run: until then, to the kernel
//! the user inside is the user that the runner runs as, so do not run it as root without need. The system-call filter
//! denies what is dangerous rather than allowing what is known.
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
pub mod vm;

pub use child::{Child, Exit, Hit, InForce, Input, Limit, Output, Usage};
pub use container::{ContainerProof, UnpackedImage, probe_container, unpack_image};
pub use error::SandboxError;
pub use host::{HOME, USER, host_root};
pub use launch::{harden_self, start};
pub use probe::{Proof, probe};
pub use spec::{Image, Init, Limits, Mount, Port, Spec, Stdin, Terminal, Tier};
