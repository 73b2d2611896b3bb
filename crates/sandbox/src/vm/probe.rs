//! Does a machine come up here, and do its walls stand? Asked of a real one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::start::{find, start};
use super::{acceleration, hypervisor};
use crate::error::SandboxError;
use crate::host::host_root;
use crate::init::{PROVE, Seen};
use crate::spec::{Image, Init, Limits, Mount, Spec, Stdin, Tier, User};

/// One short program, after the boot, which has a bound of its own.
const PROVE_WITHIN: Duration = Duration::from_secs(60);
/// Some twenty short lines.
const MAX_PROOF_BYTES: u64 = 64 * 1024;
/// Room for one small program.
const MEMORY_BYTES: u64 = 128 << 20;

/// What was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmProof {
    /// What holds a machine, such as `QEMU 7.2.22 (tcg) in bubblewrap 0.8.0`.
    pub held_by: String,
    /// From the call to the running program.
    pub boot: Duration,
    /// Why its instructions are translated; `None` where the processor carries them out.
    pub why: Option<String>,
}

/// Boots a machine, runs the helper in it, and looks at what that one sees: an ordinary user
/// without capabilities, behind the filter, with no network device.
///
/// `kernel` is the root of an unpacked package `linux-image-…`; `None` is this machine's own.
/// `hypervisor` is as [`Spec::hypervisor`].
/// Takes seconds to a minute. Dropping the future ends the machine.
///
/// # Errors
/// [`SandboxError::HypervisorMissing`] and [`SandboxError::Kernel`] name what to install, and
/// [`SandboxError::Hypervisor`] what was named instead; [`SandboxError::Guest`] when no machine came up; [`SandboxError::Unproven`] when a wall was not
/// there.
pub async fn probe_vm(
    init: &Init,
    kernel: Option<PathBuf>,
    hypervisor: Option<PathBuf>,
) -> Result<VmProof, SandboxError> {
    let runs = hypervisor::find(hypervisor.as_deref()).await?;
    let place = kernel.clone().unwrap_or_else(|| "/".into());
    let found = find(place, runs.device()).await?;
    let why = acceleration::of(&*runs, init, &found).await.why;
    let begun = Instant::now();
    let spec = spec(init, kernel, hypervisor);
    // Boxed: a boot holds far more than a caller's future should carry.
    let mut child = Box::pin(start(&spec)).await?;
    let boot = begun.elapsed();
    let held_by = child.in_force().launcher.clone().unwrap_or_default();
    let mut told = String::new();
    let asked = async {
        if let Some(stdout) = child.stdout.take() {
            let read = stdout.take(MAX_PROOF_BYTES).read_to_string(&mut told).await;
            read.map_err(SandboxError::io("read the proof"))?;
        }
        child.wait().await
    };
    let Ok(ended) = timeout(PROVE_WITHIN, asked).await else {
        child.kill().await?;
        let seconds = PROVE_WITHIN.as_secs();
        return Err(SandboxError::Timeout {
            step: "prove",
            seconds,
        });
    };
    if !ended?.success() {
        let what = "the proof itself failed in a virtual machine".to_owned();
        return Err(SandboxError::Unproven { what });
    }
    judge(&Seen::parse(&told))?;
    Ok(VmProof { held_by, boot, why })
}

/// The helper as the program of a machine, told to say what it sees.
pub(super) fn spec(init: &Init, kernel: Option<PathBuf>, hypervisor: Option<PathBuf>) -> Spec {
    let mut mounts = host_root();
    mounts.push(Mount::ReadOnly {
        source: init.program.clone(),
        target: "/probe".into(),
    });
    let mut args = init.args.clone();
    args.push(PROVE.into());
    Spec {
        tier: Tier::Vm,
        program: "/probe".into(),
        args,
        env: BTreeMap::new(),
        cwd: "/".into(),
        mounts,
        ports: Vec::new(),
        limits: Limits {
            total_memory_bytes: Some(MEMORY_BYTES),
            ..Limits::default()
        },
        stdin: Stdin::Null,
        terminal: None,
        image: kernel.map(Image::Directory),
        hypervisor,
        runtime: None,
        user: User::Own,
        init: init.clone(),
    }
}

/// Whether what a machine needs is installed; boots none. Gives its hypervisor, such as
/// `QEMU 7.2.22`.
///
/// # Errors
/// As [`probe_vm`], without [`SandboxError::Guest`].
pub async fn present(hypervisor: Option<&Path>) -> Result<String, SandboxError> {
    let hypervisor = hypervisor::find(hypervisor).await?;
    find("/".into(), hypervisor.device()).await?;
    Ok(hypervisor.version().to_owned())
}

fn judge(inside: &Seen) -> Result<(), SandboxError> {
    let user = format!("{uid} {uid} {uid} {uid}", uid = crate::floor::UID);
    let wanted = [
        ("Uid", user.as_str()),
        ("Gid", user.as_str()),
        ("CapPrm", "0000000000000000"),
        ("CapEff", "0000000000000000"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("interfaces", "lo"),
    ];
    for (name, wanted) in wanted {
        if inside.get(name) != wanted {
            let found = inside.get(name);
            let what = format!("in a virtual machine, {name} is `{found}`, not `{wanted}`");
            return Err(SandboxError::Unproven { what });
        }
    }
    Ok(())
}
