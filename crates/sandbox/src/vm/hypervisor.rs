//! What runs a machine: one door. QEMU is behind it, and Firecracker where the operator brings it.
//!
//! They differ in how a machine and its host reach each other, see [`Ways`]: that decides which
//! modules the guest's kernel loads, what its first script mounts, and who serves its files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{firecracker, qemu};
use crate::error::SandboxError;
use crate::spec::Mount;

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

/// The device by which a guest speaks to its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// Virtio's serial ports; the hypervisor itself serves the files, by 9p.
    Serial,
    /// Virtio's sockets. Each channel is a port of the host, and so is each tree of files.
    Vsock,
}

/// How the machine and the host reach each other, with the paths as the hypervisor sees them.
#[derive(Debug, Clone)]
pub(crate) enum Ways {
    /// By [`Device::Serial`].
    Serial {
        /// The tree that the guest sees; the sandbox around decides what of it can be written.
        shared: PathBuf,
        /// Serial channels by name, each with a listening socket.
        channels: Vec<(String, PathBuf)>,
        /// The socket that takes the console.
        console: PathBuf,
    },
    /// By [`Device::Vsock`]: a connection of the guest to port N goes to the socket `PATH_N`. The
    /// console comes on the hypervisor's standard output.
    Vsock(PathBuf),
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
    pub(crate) ways: Ways,
    /// A raw image.
    pub(crate) disk: Option<PathBuf>,
}

/// A program that runs a [`Machine`].
pub(crate) trait Hypervisor: Send + Sync {
    /// Its name and number, such as `QEMU 7.2.22`.
    fn version(&self) -> &str;
    /// The program, as seen in its sandbox, which has the system directories and [`Self::mounts`].
    fn program(&self) -> &Path;
    /// What else it needs to see.
    fn mounts(&self) -> Vec<Mount>;
    /// The device that its machines have; [`Machine::ways`] is to be of it.
    fn device(&self) -> Device;
    /// Its arguments. An error when it cannot run such a machine; never a weaker one.
    fn arguments(&self, machine: &Machine) -> Result<Vec<OsString>, SandboxError>;
    /// The contents of its file of settings, if it reads one: at [`super::jail::SETTINGS`].
    fn settings(&self, machine: &Machine) -> Result<Option<Vec<u8>>, SandboxError>;
}

/// The operator's, by its path; QEMU where none is named. One that is named and cannot be used is
/// an error: another in its place would be another wall than the one that was chosen.
pub(crate) async fn find(named: Option<&Path>) -> Result<Arc<dyn Hypervisor>, SandboxError> {
    Ok(match named {
        None => Arc::new(qemu::find().await?.clone()),
        Some(path) => Arc::new(firecracker::find(path).await?),
    })
}
