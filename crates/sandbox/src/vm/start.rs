//! The tier `vm` of a specification.

use std::path::{Path, PathBuf};

use super::boot::{Plan, boot};
use super::hypervisor::{self, Device};
use super::{acceleration, kernel};
use crate::child::Child;
use crate::error::SandboxError;
use crate::spec::{Image, Spec};

/// Memory for a program that names no limit.
const MEMORY_BYTES: u64 = 2 << 30;
/// What the guest's kernel takes for itself.
const KERNEL_BYTES: u64 = 128 << 20;
/// Below it Debian's kernel does not come up.
pub(crate) const LEAST_MEMORY: u64 = 160 << 20;
/// Processors for a program that names no limit.
const CPUS: u64 = 2;
/// What the machine type can have.
const MAX_CPUS: u64 = 64;

/// Starts the program of `spec` in a machine of its own, with the newest kernel of this host, or
/// of the folder that `spec.image` names: the root of an unpacked package `linux-image-…`.
pub(crate) async fn start(spec: &Spec) -> Result<Child, SandboxError> {
    let root = match &spec.image {
        None => PathBuf::from("/"),
        Some(Image::Directory(folder)) => folder.clone(),
        Some(Image::Name(name)) => {
            let what =
                format!("image {name}: a virtual machine starts from a folder with a kernel");
            return Err(SandboxError::Invalid { what });
        }
    };
    let memory = spec.limits.total_memory_bytes.unwrap_or(MEMORY_BYTES);
    let cpus = spec
        .limits
        .cpu_milli
        .map_or(CPUS, |milli| milli.div_ceil(1000));
    let hypervisor = hypervisor::find(spec.hypervisor.as_deref()).await?;
    let kernel = find(root, hypervisor.device()).await?;
    let acceleration = acceleration::of(&*hypervisor, &spec.init, &kernel)
        .await
        .acceleration;
    let plan = Plan {
        hypervisor,
        kernel,
        initramfs: None,
        acceleration,
        cpus: u32::try_from(cpus.clamp(1, MAX_CPUS)).unwrap_or(1),
        memory_bytes: memory.saturating_add(KERNEL_BYTES).max(LEAST_MEMORY),
        disk: None,
        outputs_in: "/".to_owned(),
        outputs: Vec::new(),
    };
    Ok(boot(spec, plan).await?.child)
}

/// Off the runtime's threads: it reads some megabytes.
pub(crate) async fn find(place: PathBuf, device: Device) -> Result<kernel::Kernel, SandboxError> {
    let look = move || match place.is_dir() {
        true => kernel::find(&place, device),
        false => kernel::at(Path::new(&place), device),
    };
    tokio::task::spawn_blocking(look)
        .await
        .map_err(|_| SandboxError::io("find a kernel")(std::io::ErrorKind::Other))?
}
