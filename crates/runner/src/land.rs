//! Land: approved work comes onto the target, once, as it was approved.

use freehold_git::{BranchName, GitError, Land as Landing, Merge, Oid, Signature, Store};
use freehold_model::run::{JobKind, Outcome, Work};
use freehold_model::{BlobId, Reason};
use freehold_wire::link::Finished;
use freehold_wire::order::{Land, Order};

use crate::execute::{self, Checked, Name, Step, card, project, stage};
use crate::failure::Halt;
use crate::journal::finished;
use crate::report::Report;

/// How often a target that moves while we land is followed.
const ROUNDS: u32 = 5;

struct Desk<'a> {
    report: &'a Report,
    order: &'a Order,
    land: &'a Land,
    store: Store,
    target: BranchName,
    head: Oid,
    base: Option<Oid>,
    claimed: Oid,
}

/// What became of one round.
enum Round {
    Landed(Oid),
    /// On the target as it is now, the work is another change than the approved one.
    Changed(Changed),
    /// The target moved while we were at it.
    Again,
}

/// What the work became, on the run's ref.
struct Changed {
    work: Work,
    diff: Option<BlobId>,
    detail: String,
}

/// How a landing ends that was not refused.
enum Ended {
    Landed(Oid),
    Changed(Changed),
}

/// Does the job. A failure is a refusal, and both commits stay for a person to decide on; a remote that is
/// away is asked again later, by whoever has the job then, and what became of a push is read from it.
pub(crate) async fn run(
    report: &Report,
    order: &Order,
    land: &Land,
    work: &Work,
    known_epoch: Option<u32>,
) -> Result<Finished, Halt> {
    let step = Step::begin(report, Name::Land).await?;
    let mut checked = Checked::default();
    let done = Box::pin(land_it(
        report,
        order,
        land,
        work,
        known_epoch,
        &mut checked,
    ))
    .await;
    let landed = match step.end(done).await {
        Ok(Ended::Landed(landed)) => landed,
        Ok(Ended::Changed(changed)) => {
            return Ok(Finished {
                detail: report.detail(&changed.detail),
                checks: checked.checks,
                diff: changed.diff,
                ..finished(report.job, Outcome::Changed(changed.work))
            });
        }
        Err(Halt::Failed(failure)) => {
            return Ok(Finished {
                detail: report.detail(&failure.detail),
                checks: checked.checks,
                ..finished(report.job, failure.outcome(JobKind::Land))
            });
        }
        Err(halt) => return Err(halt),
    };
    let outcome = Outcome::Landed {
        commit: landed.to_string(),
    };
    Ok(Finished {
        checks: checked.checks,
        ..finished(report.job, outcome)
    })
}

async fn land_it(
    report: &Report,
    order: &Order,
    land: &Land,
    work: &Work,
    known_epoch: Option<u32>,
    checked: &mut Checked,
) -> Result<Ended, Halt> {
    let (store, target) = stage::open(&report.context, &order.project).await?;
    if known_epoch.is_some() {
        // The server's database was put back to an earlier time: it may have landed since.
        if let Some(landed) = landed_since(&store, &target, work).await? {
            let said = "the work is on the target already: it landed in a time that the server's database has lost";
            report.note(said).await?;
            return Ok(Ended::Landed(landed));
        }
        stage::look_for_forgotten(&store, report, known_epoch).await?;
    }
    let head = stage::checkpoint(&store, report, work.epoch, &work.commit).await?;
    let claimed = stage::claim(&store, report, Some(&head), Some(work.epoch)).await?;
    let base = land.base.as_deref().map(Oid::parse).transpose()?;
    let desk = Desk {
        report,
        order,
        land,
        store,
        target,
        head,
        base,
        claimed,
    };
    for _ in 0..ROUNDS {
        if report.stop.why().is_some() {
            return Err(Halt::Stopped);
        }
        match round(&desk, checked).await? {
            Round::Landed(commit) => return Ok(Ended::Landed(commit)),
            Round::Changed(changed) => return Ok(Ended::Changed(changed)),
            Round::Again => {
                report
                    .note("the target moved while landing; trying again on what it is now")
                    .await?
            }
        }
    }
    Err(Halt::failed(
        Reason::TargetBusy,
        format!(
            "{} moved {ROUNDS} times while the work was being landed",
            desk.target
        ),
    ))
}

/// The commit that brought exactly this work onto the target, if it is there.
async fn landed_since(
    store: &Store,
    target: &BranchName,
    work: &Work,
) -> Result<Option<Oid>, Halt> {
    let Some(tip) = store.fetch(target).await? else {
        return Ok(None);
    };
    match store.find_landing(&tip, &Oid::parse(&work.commit)?).await {
        // A commit that did not come with the target's history is not in it.
        Err(GitError::Failed { .. }) => Ok(None),
        other => Ok(other?),
    }
}

async fn round(desk: &Desk<'_>, checked: &mut Checked) -> Result<Round, Halt> {
    let Desk {
        report,
        order,
        land,
        store,
        target,
        head,
        ..
    } = desk;
    let tip = store.fetch(target).await?;
    let message = card::message(order, &land.card, &[("Approved-By", &land.approved_by)]);
    let author = Signature {
        name: "Freehold".into(),
        email: "freehold@freehold.invalid".into(),
        seconds: u64::try_from(order.at.timestamp()).unwrap_or(0),
    };
    let merged = store.merge(tip.as_ref(), head, &message, &author).await?;
    let commit = match merged {
        Merge::AlreadyContained { landed } => return Ok(Round::Landed(landed)),
        Merge::FastForward(commit) => {
            // A target that was set back, or that has a part of the work already, is another base.
            if tip != desk.base
                && let Some(changed) = changed(desk, tip.as_ref(), &commit).await?
            {
                return Ok(Round::Changed(changed));
            }
            report
                .note("fast-forward: the commit that lands is the one that was checked")
                .await?;
            commit
        }
        Merge::Commit(commit) => {
            recheck(desk, tip.as_ref(), &commit, checked).await?;
            if let Some(changed) = changed(desk, tip.as_ref(), &commit).await? {
                return Ok(Round::Changed(changed));
            }
            commit
        }
        Merge::Conflict { paths } => return Err(conflict(target, &paths)),
    };
    push(desk, tip.as_ref(), &commit).await
}

/// A fast-forward is the approved difference when the target is still where it was seen; everything
/// else is compared. Another difference is put where a person can look at it and approve it.
async fn changed(
    desk: &Desk<'_>,
    tip: Option<&Oid>,
    commit: &Oid,
) -> Result<Option<Changed>, Halt> {
    let Desk { report, store, .. } = desk;
    let digest = store.diff_digest(tip, commit).await?;
    if digest == desk.land.digest {
        return Ok(None);
    }
    let (run, epoch) = (report.job.run, report.job.epoch);
    if *commit != desk.claimed {
        store
            .checkpoint(&run.to_string(), epoch, &desk.claimed, commit)
            .await?;
    }
    let context = &report.context;
    let diff = match store.diff(tip, commit, execute::DIFF_MAX).await {
        Ok(diff) => {
            let sealed = context.vault.seal(run, "diff", epoch.into(), &diff)?;
            Some(context.blobs.put(run, sealed).await?)
        }
        Err(GitError::TooLarge { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let name = |oid: Option<&Oid>| oid.map_or("nothing".to_owned(), ToString::to_string);
    let detail = format!(
        "{} moved from {} to {}; landed on it, the change is another one than the one that was \
         approved. It is the run's diff now: look at it, and approve it anew",
        desk.target,
        name(desk.base.as_ref()),
        name(tip),
    );
    let work = Work {
        base: tip.map(ToString::to_string),
        commit: commit.to_string(),
        digest,
        epoch,
    };
    Ok(Some(Changed { work, diff, detail }))
}

async fn recheck(
    desk: &Desk<'_>,
    tip: Option<&Oid>,
    commit: &Oid,
    checked: &mut Checked,
) -> Result<(), Halt> {
    let Desk {
        report,
        order,
        store,
        ..
    } = desk;
    let project = project::of_target(report, store, tip, &order.project).await?;
    let report = &execute::devcontainer::within(report, order, &project).await?;
    *checked = execute::check(report, order, store, &project, commit).await?;
    match checked.detail() {
        None => Ok(()),
        Some(detail) => Err(Halt::failed(Reason::ChecksOnResult, detail)),
    }
}

fn conflict(target: &BranchName, paths: &[Vec<u8>]) -> Halt {
    const SHOWN: usize = 50;
    let mut lines: Vec<String> = paths
        .iter()
        .take(SHOWN)
        .map(|path| String::from_utf8_lossy(path).escape_debug().to_string())
        .collect();
    if paths.len() > SHOWN {
        lines.push(format!("and {} more", paths.len() - SHOWN));
    }
    let detail = format!(
        "{target} moved, and both sides changed:\n  {}",
        lines.join("\n  ")
    );
    Halt::failed(Reason::Conflict, detail)
}

/// From here on nothing is stopped half-way: the push is one transaction, and its outcome is read
/// from the remote when its answer is lost.
async fn push(desk: &Desk<'_>, tip: Option<&Oid>, commit: &Oid) -> Result<Round, Halt> {
    let Desk {
        report,
        store,
        target,
        claimed,
        ..
    } = desk;
    let run = report.job.run.to_string();
    match store
        .land(&run, report.job.epoch, claimed, target, tip, commit)
        .await?
    {
        Landing::Done => Ok(Round::Landed(commit.clone())),
        Landing::Moved { .. } => Ok(Round::Again),
        Landing::Fenced => Err(Halt::Fenced),
        Landing::Refused { text } => Err(Halt::failed(
            Reason::RemoteRefused,
            format!("the remote refused to take the work onto {target}. Its own words:\n{text}"),
        )),
    }
}
