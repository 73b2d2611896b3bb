//! Does the sandbox hold on this machine? Asked of a real process in each tier.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::bubblewrap;
use crate::child::{Child, InForce};
use crate::container::Runtime;
use crate::error::SandboxError;
use crate::init::{NAMESPACES, PROVE, PROVE_MEMORY, PROVE_TASKS, Seen};
use crate::launch::start;
use crate::spec::{Init, Limits, Mount, Spec, Stdin, Tier, User};

/// The whole of one proof; it is one start and one read of `/proc`.
const PROVE_WITHIN: Duration = Duration::from_secs(60);
/// Limits that the helper goes over: far less than it asks for, and enough for it to start.
const MEMORY_BYTES: u64 = 32 << 20;
const TASKS: u64 = 32;
/// Some twenty short lines.
const MAX_PROOF_BYTES: u64 = 64 * 1024;

/// What was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The launcher.
    pub bubblewrap: PathBuf,
    /// What it says of its version, such as `bubblewrap 0.8.0`.
    pub version: String,
    /// The version of Landlock's interface that holds programs; `None` where the kernel has none.
    pub landlock: Option<u32>,
    /// Where limits for all processes together are held: `v1`, `v2`, or nowhere. Where they are, a
    /// program that went over each of them was stopped.
    pub cgroup: Option<&'static str>,
    /// From the call to the end of a program in a plain process.
    pub plain_start: Duration,
    /// From the call to the end of the same program in the sandbox.
    pub sandbox_start: Duration,
}

/// Runs the helper itself in a plain process and in the sandbox, and compares what each sees: every
/// namespace must be another, no capability left, the filters on and each with its answer, Landlock
/// between the program and the first process, the network empty. Then it goes over the limits of
/// memory and of tasks, within bounds of its own, and must be stopped by those that are held.
///
/// # Errors
/// As [`start`]: it names the failing step and the package or setting that mends it.
/// [`SandboxError::Unproven`] when a process ran inside but a wall was not there.
pub async fn probe(init: &Init) -> Result<Proof, SandboxError> {
    let (plain, _, plain_start) = ask(init, Tier::None.into()).await?;
    let (inside, in_force, sandbox_start) = ask(init, Tier::Sandbox.into()).await?;
    judge(&plain, &inside, in_force.landlock)?;
    go_over(init, Tier::Sandbox.into(), MEMORY_BYTES, TASKS).await?;
    let launcher = bubblewrap::find().await?;
    Ok(Proof {
        bubblewrap: launcher.path.clone(),
        version: launcher.version.clone(),
        landlock: in_force.landlock,
        cgroup: in_force.cgroup,
        plain_start,
        sandbox_start,
    })
}

/// Where something is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) tier: Tier,
    pub(crate) runtime: Option<Runtime>,
}

impl From<Tier> for Place {
    fn from(tier: Tier) -> Self {
        Self {
            tier,
            runtime: None,
        }
    }
}

/// Goes over the limits of memory and of tasks, within bounds of its own: those that are held stop it.
pub(crate) async fn go_over(
    init: &Init,
    place: Place,
    memory_bytes: u64,
    tasks: u64,
) -> Result<(), SandboxError> {
    let memory = Limits {
        total_memory_bytes: Some(memory_bytes),
        ..Limits::default()
    };
    let tasks = Limits {
        total_tasks: Some(tasks),
        ..Limits::default()
    };
    exceed(init, place, PROVE_MEMORY, memory).await?;
    exceed(init, place, PROVE_TASKS, tasks).await
}

/// The helper as the program, told to do `word`.
fn spec(init: &Init, Place { tier, runtime }: Place, word: &str, limits: Limits) -> Spec {
    let program = if tier.is_sandboxed() {
        "/probe".into()
    } else {
        init.program.clone()
    };
    let mut mounts = crate::host_root();
    mounts.push(Mount::ReadOnly {
        source: init.program.clone(),
        target: "/probe".into(),
    });
    let mut args = init.args.clone();
    args.push(word.into());
    Spec {
        tier,
        program: program.into(),
        args,
        env: BTreeMap::new(),
        cwd: "/".into(),
        mounts,
        ports: Vec::new(),
        limits,
        stdin: Stdin::Null,
        terminal: None,
        image: None,
        hypervisor: None,
        runtime,
        user: User::Own,
        init: init.clone(),
    }
}

pub(crate) async fn ask(
    init: &Init,
    place: Place,
) -> Result<(Seen, InForce, Duration), SandboxError> {
    let begun = Instant::now();
    let mut child = start(&spec(init, place, PROVE, Limits::default())).await?;
    let told = within(&mut child, read).await??;
    Ok((
        Seen::parse(&told),
        child.in_force().clone(),
        begun.elapsed(),
    ))
}

/// Does `word`, which goes over `limits`. A limit that is held must stop it, and be named.
async fn exceed(init: &Init, place: Place, word: &str, limits: Limits) -> Result<(), SandboxError> {
    let mut child = start(&spec(init, place, word, limits)).await?;
    let held = child.in_force().limits == limits;
    let exit = within(&mut child, async |child| child.wait().await).await??;
    // Version 1 counts a kill in the victim's own group, which a container's runtime removes; and what
    // a runtime's own kernel refuses is not counted.
    let told = exit.hit.is_some() || place.tier == Tier::Container;
    if held && (exit.success() || !told) {
        return Err(SandboxError::Unproven {
            what: format!("a limit is set and does not hold ({word}: {exit:?})"),
        });
    }
    Ok(())
}

/// What `work` answers; a child that takes too long is ended.
async fn within<T>(
    child: &mut Child,
    work: impl AsyncFnOnce(&mut Child) -> T,
) -> Result<T, SandboxError> {
    match timeout(PROVE_WITHIN, work(child)).await {
        Ok(done) => Ok(done),
        Err(_) => {
            child.kill().await?;
            Err(SandboxError::Timeout {
                step: "prove",
                seconds: PROVE_WITHIN.as_secs(),
            })
        }
    }
}

async fn read(child: &mut Child) -> Result<String, SandboxError> {
    let mut told = String::new();
    if let Some(stdout) = child.stdout.take() {
        let read = stdout.take(MAX_PROOF_BYTES).read_to_string(&mut told).await;
        read.map_err(SandboxError::io("read the proof"))?;
    }
    let exit = child.wait().await?;
    if exit.success() {
        return Ok(told);
    }
    Err(SandboxError::Unproven {
        what: format!("the proof itself failed ({exit:?})"),
    })
}

/// The plain process is the control: what differs from it is what the sandbox did.
pub(crate) fn judge(
    plain: &Seen,
    inside: &Seen,
    landlock: Option<u32>,
) -> Result<(), SandboxError> {
    for name in NAMESPACES {
        let name = format!("ns/{name}");
        let (outer, inner) = (plain.get(&name), inside.get(&name));
        if outer.is_empty() || inner.is_empty() || outer == inner {
            return unproven(format!("{name} is not a namespace of its own ({inner})"));
        }
    }
    judge_program(inside)?;
    let first = landlock.map_or(inside.get("first process"), |_| "closed");
    agrees(inside, "first process", first)
}

/// Holds one against what there is without any wall, in a kernel of a runtime's own: what stands in
/// the place of namespaces and Landlock is looked at from outside, at each start.
pub(crate) fn judge_own_kernel(plain: &Seen, inside: &Seen) -> Result<(), SandboxError> {
    let (outer, inner) = (plain.get("kernel"), inside.get("kernel"));
    if outer.is_empty() || inner.is_empty() || outer == inner {
        return unproven(format!("the kernel is not another ({inner})"));
    }
    judge_program(inside)
}

/// What every contained program is, whatever the kernel.
fn judge_program(inside: &Seen) -> Result<(), SandboxError> {
    for name in ["CapPrm", "CapEff", "CapBnd"] {
        if inside.get(name).chars().any(|digit| digit != '0') || inside.get(name).is_empty() {
            return unproven(format!(
                "capabilities are left ({name} {})",
                inside.get(name)
            ));
        }
    }
    let user = format!("{uid} {uid} {uid} {uid}", uid = crate::floor::UID);
    let wanted = [
        ("Uid", user.as_str()),
        ("Gid", user.as_str()),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("interfaces", "lo"),
        ("call/clone3", "ENOSYS"),
        ("call/keyctl", "EPERM"),
    ];
    let mut all = wanted.into_iter();
    all.try_for_each(|(name, wanted)| agrees(inside, name, wanted))
}

fn agrees(inside: &Seen, name: &str, wanted: &str) -> Result<(), SandboxError> {
    let found = inside.get(name);
    if found == wanted {
        return Ok(());
    }
    unproven(format!("{name} is `{found}`, not `{wanted}`"))
}

fn unproven(what: String) -> Result<(), SandboxError> {
    Err(SandboxError::Unproven { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> (Seen, Seen) {
        let facts = |namespace: &str, rest: &[(&str, &str)]| {
            let mut all: BTreeMap<String, String> = NAMESPACES
                .iter()
                .map(|name| (format!("ns/{name}"), format!("{name}:[{namespace}]")))
                .collect();
            all.extend(
                rest.iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
            );
            Seen(all)
        };
        let user = "1000 1000 1000 1000";
        let none = "0000000000000000";
        let inside = [
            ("CapPrm", none),
            ("CapEff", none),
            ("CapBnd", none),
            ("Uid", user),
            ("Gid", user),
            ("NoNewPrivs", "1"),
            ("Seccomp", "2"),
            ("interfaces", "lo"),
            ("call/clone3", "ENOSYS"),
            ("call/keyctl", "EPERM"),
            ("first process", "closed"),
        ];
        (facts("1", &[]), facts("2", &inside))
    }

    #[test]
    fn every_single_fact_is_needed() {
        let (plain, inside) = good();
        judge(&plain, &inside, Some(6)).unwrap();
        for name in inside.0.keys() {
            let mut worse = inside.clone();
            worse.0.remove(name);
            assert!(
                judge(&plain, &worse, Some(6)).is_err(),
                "{name} was not looked at"
            );
            worse.0.insert(name.clone(), plain.get(name).to_owned());
            assert!(
                judge(&plain, &worse, Some(6)).is_err(),
                "{name} as outside was accepted"
            );
        }
        // A kernel without Landlock lets the first process be looked into.
        let mut older = inside.clone();
        older.0.insert("first process".into(), "open".into());
        judge(&plain, &older, None).unwrap();
    }

    #[test]
    fn a_kernel_of_its_own_is_another_one() {
        let (mut plain, mut inside) = good();
        inside.0.retain(|name, _| !name.starts_with("ns/"));
        assert!(judge_own_kernel(&plain, &inside).is_err(), "none is told");
        plain.0.insert("kernel".into(), "Linux 6".into());
        inside.0.insert("kernel".into(), "Linux 6".into());
        assert!(judge_own_kernel(&plain, &inside).is_err(), "the same");
        inside.0.insert("kernel".into(), "Linux 4".into());
        judge_own_kernel(&plain, &inside).unwrap();
        for name in ["CapEff", "Uid", "Seccomp", "interfaces", "call/keyctl"] {
            let mut worse = inside.clone();
            worse.0.remove(name);
            assert!(judge_own_kernel(&plain, &worse).is_err(), "{name}");
        }
    }
}
