//! What this machine is and can do, found by trying: people see it where they look at runners.

use std::path::PathBuf;
use std::time::Duration;

use freehold_agents::{Preset, discover};
use freehold_model::Isolation;
use freehold_sandbox::{Init, Limits, SandboxError, Spec, Stdin, Tier, User, host_root};
use freehold_wire::api::Machine;

use crate::context::Context;
use crate::failure::chain;
use crate::policy::Policy;

/// A sandbox that does not start within this time, on a machine that is busy, is not one that works.
const PROOF_TIMEOUT: Duration = Duration::from_secs(60);
/// Nor does one that boots longer than this; without hardware support it takes many seconds.
const BOOT_TIMEOUT: Duration = Duration::from_secs(60);

/// Looks once, when it is first asked: what is installed later shows after a restart.
pub(crate) async fn look(context: &Context) -> Machine {
    let found = context
        .machine
        .get_or_init(|| async {
            let proof = tokio::time::timeout(PROOF_TIMEOUT, freehold_sandbox::probe(&context.init));
            let sandbox_error = match proof.await {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(chain(&error)),
                Err(_) => Some("the sandbox did not start in time".to_owned()),
            };
            let mut isolation = Vec::new();
            if sandbox_error.is_none() {
                isolation.push(Isolation::Sandbox.name().to_owned());
            }
            // A boot takes seconds of a processor: only where the owner of the machine wants one.
            let policy = Policy::load(&context.policy_file());
            let boots = policy.as_ref().is_ok_and(Policy::boots);
            let wanted = policy.as_ref().map_or(None, Policy::container_runtime);
            let firecracker = policy.ok().and_then(|policy| policy.firecracker());
            let container = async {
                let proof = freehold_sandbox::probe_container(&context.init, wanted).await;
                proof.map(|_| true)
            };
            holds(
                &mut isolation,
                Isolation::Container,
                PROOF_TIMEOUT,
                container,
            )
            .await;
            if boots {
                // Boxed: few machines try it, and every caller's future would carry it.
                let vm = Box::pin(boots_one(&context.init, firecracker));
                holds(&mut isolation, Isolation::Vm, BOOT_TIMEOUT, vm).await;
            }
            let path = context.environment.path();
            let agents = Preset::ALL
                .into_iter()
                .filter(|preset| discover(*preset, path).is_some())
                .map(|preset| preset.to_string())
                .collect();
            Machine {
                os: os_name(&read("/etc/os-release")),
                arch: std::env::consts::ARCH.to_owned(),
                cpus: std::thread::available_parallelism()
                    .map_or(0, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
                memory: crate::memory::there_is(),
                isolation,
                sandbox_error,
                agents,
                // The server's to say.
                clock_ahead_s: None,
            }
        })
        .await;
    let policy = Policy::load(&context.policy_file()).ok();
    with_plain(found.clone(), policy.as_ref())
}

/// What needs nothing of a machine but its owner's word, as it is now; nothing where that cannot be read.
fn with_plain(machine: Machine, policy: Option<&Policy>) -> Machine {
    let plain = [Isolation::None, Isolation::Worktree].into_iter();
    let allowed =
        plain.filter(|plain| policy.is_some_and(|policy| policy.allows_isolation(*plain).is_ok()));
    let allowed = allowed.map(|plain| plain.name().to_owned());
    Machine {
        isolation: allowed.chain(machine.isolation).collect(),
        ..machine
    }
}

/// Adds a tier that was found to hold, and says of another why not.
async fn holds(
    isolation: &mut Vec<String>,
    tier: Isolation,
    within: Duration,
    tried: impl Future<Output = Result<bool, SandboxError>>,
) {
    match tokio::time::timeout(within, tried).await {
        Ok(Ok(true)) => isolation.push(tier.name().to_owned()),
        Ok(Ok(false)) => tracing::info!(%tier, "nothing can be started in it here"),
        Ok(Err(error)) => tracing::info!(%tier, error = chain(&error), "not on this machine"),
        Err(_) => tracing::info!(%tier, "did not start in time"),
    }
}

/// Whether a program of this machine runs to its end in a virtual one.
async fn boots_one(init: &Init, hypervisor: Option<PathBuf>) -> Result<bool, SandboxError> {
    let spec = Spec {
        tier: Tier::Vm,
        program: "true".into(),
        args: vec![],
        env: [("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())].into(),
        cwd: "/".into(),
        mounts: host_root(),
        ports: vec![],
        limits: Limits::default(),
        stdin: Stdin::Null,
        terminal: None,
        image: None,
        hypervisor,
        runtime: None,
        user: User::Own,
        init: init.clone(),
    };
    let mut child = freehold_sandbox::start(&spec).await?;
    // It says nothing; and nobody is to wait for a reader.
    drop((child.stdout.take(), child.stderr.take()));
    Ok(child.wait().await?.success())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// `PRETTY_NAME` of os-release(5).
fn os_name(text: &str) -> String {
    text.lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map_or("Linux", |name| name.trim_matches('"'))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_without_a_sandbox_are_offered_on_the_owner_s_word_alone() {
        let machine = || Machine {
            isolation: vec!["sandbox".into()],
            ..Machine::default()
        };
        let offered =
            |text: &str| with_plain(machine(), Policy::parse(text).ok().as_ref()).isolation;
        assert_eq!(offered(""), ["sandbox"]);
        assert_eq!(offered("isolation = 'moat'"), ["sandbox"]);
        assert_eq!(offered("isolation = 'worktree'"), ["worktree", "sandbox"]);
        let all = ["none", "worktree", "sandbox"];
        assert_eq!(offered("isolation = 'none'"), all);
    }

    #[test]
    fn what_the_system_says_of_itself() {
        assert_eq!(os_name("ID=x\nPRETTY_NAME=\"Some OS 12\"\n"), "Some OS 12");
        assert_eq!(os_name("nothing of use"), "Linux");
    }
}
