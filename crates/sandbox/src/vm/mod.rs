//! A virtual machine around the process: a kernel of its own, under a hypervisor that is itself in
//! the sandbox.
//!
//! ```text
//! runner ── bwrap ── init ── qemu ─┤ guest: vm-guest (1) ── init ── the program
//!    └─ control, streams, ports: virtio-serial ─┘    └─ files: 9p, from qemu's own sandbox
//!
//! runner ── bwrap ── init ── firecracker ─┤ guest: the same
//!    ├─ control, streams, ports: vsock ─────┘    │
//!    └─ bwrap ── init ── vm-files ── files: 9p, over vsock
//! ```
//!
//! QEMU is the hypervisor, unless a start names Firecracker's program: [`Spec::hypervisor`]. That one
//! has neither serial ports for a guest nor a server of files, so that all goes over its sockets, and
//! files come from a sandbox of their own: its own one sees nothing of them.
//!
//! [`Spec::hypervisor`]: crate::Spec::hypervisor
//!
//! * The hypervisor runs as a program of the tier `sandbox`: no network, no capability, the
//!   system-call filter, the limits, and an end with whoever started it. See [`jail`].
//! * The guest has no network device. A [`Port`](crate::Port) is carried over its device.
//! * The guest sees the same mounts at the same places, by 9p. What can be written is written
//!   through to the host's own files: nothing has to be copied back, and nothing is lost when the
//!   machine is killed but what the guest had not written yet. In what cannot be written, changes
//!   that the host makes meanwhile may not be seen.
//! * Inside, the helper of every tier starts the program, as the same user without privileges.

mod acceleration;
pub(crate) mod archive;
mod boot;
pub(crate) mod files;
mod firecracker;
mod folder;
pub(crate) mod guest;
mod hypervisor;
mod initramfs;
mod jail;
mod job;
mod kernel;
mod opener;
pub(crate) mod outputs;
mod probe;
mod pump;
mod qemu;
mod reach;
mod start;
mod vmlinux;
pub(crate) mod wire;

pub use hypervisor::Acceleration;
pub use job::{Done, Event, Job, run};
pub use outputs::Output;
pub use probe::{VmProof, present, probe_vm};
pub(crate) use start::start;
