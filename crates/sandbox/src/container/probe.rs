//! Does the container tier hold on this machine? Asked of a real process in it.

use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::geteuid;

use crate::container::runtime;
use crate::container::runtime::Runtime;
use crate::error::SandboxError;
use crate::init::AUTOMOUNT;
use crate::probe::{Place, ask, go_over, judge, judge_own_kernel};
use crate::spec::{Init, Tier};

/// Limits that the helper goes over. The runtime is within them too, and takes some 20 MiB and a
/// dozen threads for itself; one with a kernel of its own twice as much.
const MEMORY_BYTES: u64 = 64 << 20;
const OWN_KERNEL_BYTES: u64 = 112 << 20;
const TASKS: u64 = 64;

const LACKS: &str = "its kernel refuses AT_NO_AUTOMOUNT: `ls` and `stat` of coreutils 9 fail in it";

/// What was found to hold of the container tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerProof {
    /// The runtime.
    pub runtime: PathBuf,
    /// What it says of its version, such as `runc 1.1.5`.
    pub version: String,
    /// What the kernel says that is the runtime's own, under the program; `None` where it is the
    /// machine's.
    pub own_kernel: Option<String>,
    /// What ordinary programs ask of a kernel and do not get here, in words.
    pub lacks: Option<&'static str>,
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
/// container, what each sees compared, and the limits that are held gone over. `wanted` as
/// [`Spec::runtime`](crate::Spec::runtime).
///
/// # Errors
/// As [`start`](crate::start): it names the failing step and the package or setting that mends it.
/// [`SandboxError::Unproven`] when a process ran inside but a wall was not there.
pub async fn probe_container(
    init: &Init,
    wanted: Option<Runtime>,
) -> Result<ContainerProof, SandboxError> {
    let place = Place {
        tier: Tier::Container,
        runtime: wanted,
    };
    let (plain, _, _) = ask(init, Tier::None.into()).await?;
    let (inside, in_force, start) = ask(init, place).await?;
    let runtime = runtime::find(wanted).await?;
    let own_kernel = runtime.kind.has_own_kernel();
    let memory_bytes = if own_kernel {
        judge_own_kernel(&plain, &inside)?;
        OWN_KERNEL_BYTES
    } else {
        judge(&plain, &inside, in_force.landlock)?;
        MEMORY_BYTES
    };
    go_over(init, place, memory_bytes, TASKS).await?;
    Ok(ContainerProof {
        runtime: runtime.path.clone(),
        version: runtime.version.clone(),
        own_kernel: own_kernel.then(|| inside.get("kernel").to_owned()),
        lacks: (inside.get(AUTOMOUNT) != plain.get(AUTOMOUNT)).then_some(LACKS),
        rootless: !geteuid().is_root(),
        landlock: in_force.landlock,
        cgroup: in_force.cgroup,
        start,
    })
}
