//! Execute: one turn of a run, in numbered and named steps.
//!
//! 1. `stage`: fetch, claim the epoch, fill the workspace.
//! 2. `setup`: what the project's file says, or its cached result.
//! 3. `agent`: one conversation turn in the sandbox.
//! 4. `collect`: the agent's commits, through a bundle, onto the run's ref.
//! 5. `check`: the project's checks, on a clean copy of the result.
//! 6. `park`: diff and conversation as sealed blobs, so that another runner can go on.

pub(crate) mod agent;
pub(crate) mod archive;
pub(crate) mod card;
mod check;
mod collect;
pub(crate) mod devcontainer;
mod ear;
mod installed;
mod instructions;
pub(crate) mod lfs;
pub(crate) mod local;
mod locks;
mod moved;
mod park;
mod pass_over;
pub(crate) mod project;
pub(crate) mod setup;
pub(crate) mod stage;
pub(crate) mod step;

use freehold_git::Oid;
use freehold_model::Reason;
use freehold_model::run::{Outcome, Work};
use freehold_wire::link::{Finished, Offer};
use freehold_wire::order::{Execute, Order};

use crate::failure::Halt;
use crate::journal::finished;
use crate::report::Report;

pub(crate) use check::{Checked, check};
pub(crate) use park::DIFF_MAX;
pub(crate) use step::{Name, Step};

/// What all steps of a job work on.
pub(crate) struct Desk<'a> {
    pub(crate) report: &'a Report,
    pub(crate) order: &'a Order,
    pub(crate) task: &'a Execute,
    pub(crate) offer: &'a Offer,
}

/// Does the job. `Err` is an end without work.
pub(crate) async fn run(
    report: &Report,
    order: &Order,
    task: &Execute,
    offer: &Offer,
) -> Result<Finished, Halt> {
    let desk = Desk {
        report,
        order,
        task,
        offer,
    };
    let isolation = report.walls.isolation;
    if !isolation.is_sandboxed() {
        report
            .note(format!(
                "unsandboxed ({isolation}): this run may do what the runner's user may do"
            ))
            .await?;
    }
    let step = Step::begin(report, Name::Stage).await?;
    let staged = Box::pin(step.until_stopped(stage::stage(&desk))).await;
    // Up to here a remote that is away costs nothing, and the job waits for it in the queue.
    let staged = step.end(staged).await?;
    let done = Box::pin(after_stage(desk, staged)).await;
    done.map_err(Halt::for_good)
}

/// The rest, which a person may have to pay for a second time if it is not brought to its end.
async fn after_stage(desk: Desk<'_>, mut staged: stage::Staged) -> Result<Finished, Halt> {
    let Desk { report, order, .. } = desk;
    let isolation = report.walls.isolation;
    let step = Step::begin(report, Name::Setup).await?;
    let ready = Box::pin(setup::setup(&desk, &staged)).await;
    let (project, chosen) = step.end(ready).await?;
    let report = &chosen;
    let desk = Desk { report, ..desk };

    let mut step = Step::begin(report, Name::Agent).await?;
    let spoken = Box::pin(agent::agent(&desk, &staged, &mut step)).await;
    let spoken = step.end(spoken).await?;
    staged.shown = spoken.shown;
    if let Some(pushed) = spoken.pushed {
        staged.claimed = pushed;
    }

    let step = Step::begin(report, Name::Collect).await?;
    let collected = Box::pin(collect::collect(&desk, &staged, &project)).await;
    let collected = step.end(collected).await?;
    staged.session = spoken.session.or(staged.session);
    if collected.as_ref().is_some_and(|work| work.caught_up) {
        staged.base = staged.moved.take();
    }

    let work = collected
        .as_ref()
        .map(|collected| work(&desk, &staged, collected));
    let mut checked = Checked::default();
    if let Some(work) = &work {
        let step = Step::begin(report, Name::Check).await?;
        let head = Oid::parse(&work.commit)?;
        let ran = Box::pin(check(report, order, &staged.store, &project, &head)).await;
        checked = step.end(ran).await?;
    }
    let step = Step::begin(report, Name::Park).await?;
    let parked = Box::pin(step.until_stopped(park::park(&desk, &staged, work.as_ref()))).await;
    let parked = step.end(parked).await?;
    if !isolation.is_sandboxed() {
        crate::leftovers::remove(&staged.dir).await;
    }
    let outcome = match work {
        None => Outcome::Unchanged {
            base: staged.base.as_ref().map(ToString::to_string),
        },
        Some(work) if checked.red.is_empty() => Outcome::Work(work),
        Some(work) => Outcome::ChecksFailed(work),
    };
    Ok(Finished {
        detail: checked.detail().and_then(|text| report.detail(&text)),
        checks: checked.checks,
        diff: parked.diff,
        transcript: parked.transcript,
        agent_version: spoken.version,
        ..finished(report.job, outcome)
    })
}

fn work(desk: &Desk<'_>, staged: &stage::Staged, collected: &collect::Collected) -> Work {
    Work {
        base: staged.base.as_ref().map(ToString::to_string),
        commit: collected.head.to_string(),
        digest: collected.digest.clone(),
        epoch: desk.report.job.epoch,
    }
}

/// A halt for the agent's commits that git will not take.
pub(crate) fn import_refused(detail: impl Into<String>) -> Halt {
    Halt::failed(Reason::ImportRefused, detail)
}
