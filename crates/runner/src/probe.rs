//! Trying things for a person: whether a remote can be read, whether a provider answers. And
//! deleting what runs left on a remote.

use freehold_git::{BranchName, Claim, GitError, Remote, RunRef};
use freehold_wire::link::{Probe, Probed, Sweep, Swept};

use crate::context::Context;
use crate::failure::chain;
use crate::policy::Policy;
use crate::{leftovers, provider};

/// Runs in one sweep that are looked at; the server asks again for the rest.
const SWEEP_MAX: usize = 100;

/// Tries it and says how it went.
pub(crate) async fn probe(context: &Context, probe: Probe) -> Probed {
    match probe {
        Probe::Remote { remote, target } => remote_probe(context, &remote, target.as_deref())
            .await
            .unwrap_or_else(|error| Probed::Failed {
                message: chain(&error),
                next: error.next().to_owned(),
            }),
        Probe::Provider { provider } => provider::probe(context, &provider).await,
    }
}

/// Whether the machine's policy allows a remote; the rule that it breaks, in words.
fn allowed(context: &Context, remote: &str) -> Result<(), String> {
    let policy = Policy::load(&context.policy_file()).map_err(|error| chain(&error))?;
    policy.allows_remote(remote)
}

async fn remote_probe(
    context: &Context,
    remote: &str,
    target: Option<&str>,
) -> Result<Probed, GitError> {
    if let Err(rule) = allowed(context, remote) {
        let next =
            "change policy.toml in the runner's data directory, or use another remote".to_owned();
        return Ok(Probed::Failed {
            message: rule,
            next,
        });
    }
    let remote = Remote::parse(remote)?;
    let target = target.map(BranchName::parse).transpose()?;
    let info = context.git.probe(&remote, target.as_ref()).await?;
    Ok(Probed::Remote {
        head: info.head.map(|head| head.to_string()),
        target: info.target.is_some(),
        commit: info.target.map(|commit| commit.to_string()),
        empty: info.empty,
    })
}

/// Deletes all refs of runs on a remote, and their folders here. Names the runs that have none left.
pub(crate) async fn sweep(context: &Context, sweep: Sweep) -> Swept {
    let mut runs = vec![];
    if let Err(rule) = allowed(context, &sweep.remote) {
        tracing::warn!(rule, "a sweep is not allowed");
        return Swept { runs };
    }
    for run in sweep.runs.into_iter().take(SWEEP_MAX) {
        if context.jobs.holds_run(run) {
            continue;
        }
        match sweep_run(context, &sweep.remote, &run.to_string()).await {
            Ok(()) => {
                leftovers::remove(&context.run_dir(run)).await;
                runs.push(run);
            }
            Err(error) => {
                tracing::warn!(%run, error = chain(&error), "refs of a run could not be deleted")
            }
        }
    }
    Swept { runs }
}

/// Whoever claims the last epoch there can be ends all others; then it is given back.
async fn sweep_run(context: &Context, remote: &str, run: &str) -> Result<(), GitError> {
    let remote = Remote::parse(remote)?;
    let store = context
        .git
        .store(&context.store_dir(&remote), &remote)
        .await?;
    let last = RunRef::new(run, u32::MAX)?;
    match store.claim(run, u32::MAX, None, &[]).await? {
        Claim::Held(_) | Claim::Taken { .. } => store.delete_runs(&[last]).await,
    }
}
