//! What runs a machine: one door. QEMU is behind it; others would have to run the same [`Machine`].
//!
//! Firecracker does not: it has neither 9p nor virtio's serial ports, by which the guest sees its
//! mounts and speaks to us. It would need files that come as a disk and channels over vsock, another
//! `Machine` than this one, and a host with KVM to be tried on. Until then nothing pretends to it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::SandboxError;

/// How the guest's instructions are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceleration {
    /// By the processor itself.
    Kvm,
    /// Translated: some ten times slower, and works everywhere.
    Tcg,
}

impl Acceleration {
    /// As QEMU calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// A machine, with the paths as the hypervisor sees them in its own sandbox. It has no network
/// device: there is no field for one.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) acceleration: Acceleration,
    pub(crate) cpus: u32,
    pub(crate) memory_bytes: u64,
    pub(crate) kernel: PathBuf,
    pub(crate) initramfs: PathBuf,
    pub(crate) command_line: String,
    /// The tree that the guest sees; the sandbox around decides what of it can be written.
    pub(crate) shared: PathBuf,
    /// Serial channels by name, each with a listening socket.
    pub(crate) channels: Vec<(String, PathBuf)>,
    /// The socket that takes the console.
    pub(crate) console: PathBuf,
    /// A raw image.
    pub(crate) disk: Option<PathBuf>,
}

/// A program that runs a [`Machine`].
pub(crate) trait Hypervisor {
    /// The program on the host.
    fn program(&self) -> &Path;
    /// Its arguments. An error when it cannot run such a machine; never a weaker one.
    fn arguments(&self, machine: &Machine) -> Result<Vec<OsString>, SandboxError>;
}
