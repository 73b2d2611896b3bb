//! What stands between a run and this machine, tier by tier, found by trying each.

use std::path::{Path, PathBuf};
use std::time::Duration;

use freehold_sandbox::obstacle::{self, Facts};
use freehold_sandbox::{Init, Proof, Runtime, SandboxError};
use tokio::time::timeout;

use super::Finding;
use crate::SANDBOX_INIT;
use crate::failure::Failure;

/// A tier that is not there within this time, on a machine that is busy, is not one that works.
const TRY_WITHIN: Duration = Duration::from_secs(60);
/// Two boots: one to see whether the processor helps, and one without that.
const BOOT_WITHIN: Duration = Duration::from_secs(300);

/// The sandbox, control groups, containers and machines. A machine is booted only when `boot` says
/// so: it takes seconds to minutes of a processor. It is one of `firecracker`, where the machine's
/// owner names that; containers are run by the `runtime` that is wanted.
pub(super) async fn all(
    boot: bool,
    runtime: Option<Runtime>,
    firecracker: Option<PathBuf>,
) -> Vec<Finding> {
    let init = match std::env::current_exe() {
        Ok(program) => Init {
            program,
            args: vec![SANDBOX_INIT.into()],
        },
        Err(error) => {
            let mend = "start `freehold` from where it is installed";
            return vec![Finding::missing("sandbox", error.to_string(), mend)];
        }
    };
    // One after the other: each measures a start.
    let proof = within(TRY_WITHIN, freehold_sandbox::probe(&init)).await;
    let groups = proof.as_ref().map(|proof| proof.cgroup);
    let groups = groups.map_or_else(|_| Vec::new(), |groups| vec![control_groups(groups)]);
    let mut items = vec![sandbox(proof)];
    items.extend(groups);
    items.push(containers(&init, runtime).await);
    items.push(machines(&init, boot, firecracker).await);
    items
}

/// What was tried, or why it was not to be had.
async fn within<T>(
    time: Duration,
    tried: impl Future<Output = Result<T, SandboxError>>,
) -> Result<T, SandboxError> {
    let late = SandboxError::Timeout {
        step: "try it",
        seconds: time.as_secs(),
    };
    timeout(time, tried).await.unwrap_or(Err(late))
}

fn sandbox(proof: Result<Proof, SandboxError>) -> Finding {
    let mend = "apt-get install bubblewrap; in a container, allow user namespaces";
    match proof {
        Ok(proof) => Finding::ok(
            "sandbox",
            format!(
                "{} at {}; proven: a process starts isolated in {} ms (plain: {} ms)",
                proof.version,
                proof.bubblewrap.display(),
                proof.sandbox_start.as_millis(),
                proof.plain_start.as_millis()
            ),
        ),
        Err(error) => {
            let obstacles = obstacle::diagnose(&error, &Facts::read(Path::new("/")));
            let failure = Failure::caused("sandbox", &error, mend);
            let next = match obstacles.first() {
                Some(obstacle) => format!("{}: `freehold doctor --fix` mends it", obstacle.what),
                None => failure.next,
            };
            Finding {
                obstacles,
                ..Finding::missing("sandbox", failure.message, next)
            }
        }
    }
}

fn control_groups(found: Option<&str>) -> Finding {
    let name = "control groups";
    match found {
        Some(version) => Finding::ok(
            name,
            format!("{version}; proven: what goes over its memory or its tasks is stopped"),
        ),
        None => Finding::warn(
            name,
            "none can be made here: a run's memory and tasks are not held, and its record says so",
            "start the runner where a group is delegated to it: `systemd-run --user --scope -p Delegate=yes freehold up`, or `Delegate=yes` in its unit",
        ),
    }
}

async fn containers(init: &Init, runtime: Option<Runtime>) -> Finding {
    let name = "containers";
    match within(TRY_WITHIN, freehold_sandbox::probe_container(init, runtime)).await {
        Ok(proof) => {
            let whose = match (proof.rootless, &proof.own_kernel) {
                (true, _) => ", by an ordinary user",
                (false, Some(_)) => ", with a kernel of its own and no Landlock",
                (false, None) => "",
            };
            let found = format!(
                "{} at {}{whose}; proven: a process starts in one in {} ms",
                proof.version,
                proof.runtime.display(),
                proof.start.as_millis()
            );
            match proof.lacks {
                None => Finding::ok(name, found),
                Some(lacks) => Finding::warn(
                    name,
                    format!("{found}; {lacks}"),
                    "install a newer runsc, or runc: apt-get install runc, and `container_runtime = \"runc\"` in the policy file",
                ),
            }
        }
        Err(error) => {
            let mend = "only agents with the isolation `container` need it: apt-get install runc";
            Finding::warn(name, Failure::caused("", &error, "").message, mend)
        }
    }
}

async fn machines(init: &Init, boot: bool, firecracker: Option<PathBuf>) -> Finding {
    let name = "machines";
    let lacking = |error: &SandboxError| {
        let mend = match firecracker {
            None => {
                "only agents with the isolation `vm` need it: apt-get install qemu-system-x86 linux-image-amd64"
            }
            Some(_) => {
                "only agents with the isolation `vm` need it: correct the line `firecracker` in the runner's policy.toml, give its user /dev/kvm, and install a kernel (linux-image-amd64); without the line QEMU is used"
            }
        };
        Finding::warn(name, Failure::caused("", error, "").message, mend)
    };
    if !boot {
        return match freehold_sandbox::vm::present(firecracker.as_deref()).await {
            Ok(present) => Finding::ok(
                name,
                format!("{present}; not tried: `freehold doctor --boot` boots one"),
            ),
            Err(error) => lacking(&error),
        };
    }
    let proof = Box::pin(freehold_sandbox::vm::probe_vm(
        init,
        None,
        firecracker.clone(),
    ));
    match within(BOOT_WITHIN, proof).await {
        Ok(proof) => Finding::ok(
            name,
            format!(
                "{}; proven: a program runs in one after {:.1} s{}",
                proof.held_by,
                proof.boot.as_secs_f64(),
                proof
                    .why
                    .map(|why| format!("; translated, some ten times slower: {why}"))
                    .unwrap_or_default()
            ),
        ),
        Err(error) => lacking(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::doctor::Standing;

    #[test]
    fn a_machine_that_holds_no_limits_is_told_so_with_what_helps() {
        assert_eq!(control_groups(Some("v1")).state, Standing::Ok);
        let none = control_groups(None);
        assert_eq!(none.state, Standing::Warn);
        assert!(none.mend.unwrap().contains("Delegate=yes"));
    }
}
