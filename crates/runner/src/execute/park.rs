//! Step 6: what the server keeps for people and for the next runner, sealed.

use std::fs;

use freehold_agents::Preset;
use freehold_git::{GitError, Oid};
use freehold_model::BlobId;
use freehold_model::run::Work;

use super::Desk;
use super::archive::{self, Head};
use super::stage::{Kept, Staged};
use crate::failure::Halt;

/// Largest diff that is kept; a person reads less, and the commits hold all of it.
pub(crate) const DIFF_MAX: usize = 48 << 20;

/// What is parked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parked {
    pub(super) diff: Option<BlobId>,
    pub(super) transcript: Option<BlobId>,
}

pub(super) async fn park(
    desk: &Desk<'_>,
    staged: &Staged,
    work: Option<&Work>,
) -> Result<Parked, Halt> {
    // Without work the run ends, or goes on from the parked state that it has.
    let parked = match work {
        Some(work) => Parked {
            diff: diff(desk, staged, work).await?,
            transcript: transcript(desk, staged).await?,
        },
        None if desk.offer.work.is_some() => Parked {
            diff: None,
            transcript: transcript(desk, staged).await?,
        },
        None => return Ok(Parked::default()),
    };
    if !desk.report.walls.isolation.is_sandboxed() {
        // Whatever still runs on the machine may have written to it since: the next turn begins anew.
        return Ok(parked);
    }
    let work = work.or(desk.offer.work.as_ref());
    let kept = Kept {
        commit: work.map(|work| work.commit.clone()),
        epoch: work.map(|work| work.epoch),
        transcript: parked.transcript,
        session: staged.session.clone(),
    };
    fs::write(
        staged.dir.join("kept.json"),
        serde_json::to_vec(&kept).map_err(std::io::Error::other)?,
    )?;
    Ok(parked)
}

async fn diff(desk: &Desk<'_>, staged: &Staged, work: &Work) -> Result<Option<BlobId>, Halt> {
    let Desk { report, .. } = desk;
    let head = Oid::parse(&work.commit)?;
    let diff = match staged
        .store
        .diff(staged.base.as_ref(), &head, DIFF_MAX)
        .await
    {
        Ok(diff) => diff,
        Err(GitError::TooLarge { .. }) => {
            report
                .note(format!(
                    "the diff is larger than {DIFF_MAX} bytes and is not kept; see the commits"
                ))
                .await?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    put(desk, "diff", &diff).await.map(Some)
}

async fn transcript(desk: &Desk<'_>, staged: &Staged) -> Result<Option<BlobId>, Halt> {
    let Desk { report, task, .. } = desk;
    let preset = task
        .agent
        .preset
        .as_deref()
        .and_then(|name| name.parse::<Preset>().ok());
    let only = preset.map(Preset::transcripts).unwrap_or_default();
    let home = staged.folder.home.clone();
    let head = Head {
        session: staged.session.clone(),
    };
    let packed = tokio::task::spawn_blocking(move || archive::pack(&home, only, &head)).await;
    let packed = packed.map_err(std::io::Error::other)??;
    if packed.left_out > 0 {
        report
            .note(format!(
                "{} files of the agent's home are too large to be kept for another runner",
                packed.left_out
            ))
            .await?;
    }
    put(desk, "transcript", &packed.bytes).await.map(Some)
}

async fn put(desk: &Desk<'_>, field: &str, plain: &[u8]) -> Result<BlobId, Halt> {
    let Desk { report, .. } = desk;
    let (run, epoch) = (report.job.run, report.job.epoch);
    let sealed = report.context.vault.seal(run, field, epoch.into(), plain)?;
    Ok(report.context.blobs.put(run, sealed).await?)
}
