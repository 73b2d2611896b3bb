//! Does the container tier hold on this machine? Asked of a real process in it.

use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::geteuid;

use crate::container::runtime;
use crate::error::SandboxError;
use crate::probe::{ask, go_over, judge};
use crate::spec::{Init, Tier};

/// Limits that the helper goes over. The runtime is within them too, and takes some 20 MiB and a
/// dozen threads for itself.
const MEMORY_BYTES: u64 = 64 << 20;
const TASKS: u64 = 64;

/// What was found to hold of the container tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerProof {
    /// The runtime.
    pub runtime: PathBuf,
    /// What it says of its version, such as `runc 1.1.5`.
    pub version: String,
    /// Started by an ordinary user.
    pub rootless: bool,
    /// The version of Landlock's interface that holds programs; `None` where the kernel has none.
    pub landlock: Option<u32>,
    /// Where limits for all processes together are held: `v1`, `v2`, or nowhere.
    pub cgroup: Option<&'static str>,
    /// From the call to the end of a program in a container.
    pub start: Duration,
}

/// As [`probe`](crate::probe), for [`Tier::Container`]: the helper in a plain process and in a
/// container, what each sees compared, and the limits that are held gone over.
///
/// # Errors
/// As [`start`](crate::start): it names the failing step and the package or setting that mends it.
/// [`SandboxError::Unproven`] when a process ran inside but a wall was not there.
pub async fn probe_container(init: &Init) -> Result<ContainerProof, SandboxError> {
    let (plain, _, _) = ask(init, Tier::None).await?;
    let (inside, in_force, start) = ask(init, Tier::Container).await?;
    judge(&plain, &inside, in_force.landlock)?;
    go_over(init, Tier::Container, MEMORY_BYTES, TASKS).await?;
    let runtime = runtime::find().await?;
    Ok(ContainerProof {
        runtime: runtime.path.clone(),
        version: runtime.version.clone(),
        rootless: !geteuid().is_root(),
        landlock: in_force.landlock,
        cgroup: in_force.cgroup,
        start,
    })
}
