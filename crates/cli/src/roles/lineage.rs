//! What this server remembers of its database, in a file that the database's losses do not reach.

use std::path::PathBuf;
use std::time::Duration;

use freehold_model::LineageId;
use freehold_model::lineage::{Position, Verdict, judge};
use freehold_store::{Lineage, Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::data::{Data, read_json, write_json};
use crate::failure::{Exit, Failure};
use crate::world::{SystemClock, SystemEntropy};

/// Between two looks: what a replica had not got, and was committed longer ago than this, is missed
/// for sure. An installation at rest writes nothing for it.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The database ends a statement after 15 seconds; a session that says nothing for longer is dead.
const LOOK_WITHIN: Duration = Duration::from_secs(20);

/// The file, and what stands in it.
pub(super) struct Memory {
    path: PathBuf,
    seen: Option<Position>,
}

impl Memory {
    /// Reads it.
    pub(super) fn of(data: &Data) -> Result<Self, Failure> {
        let path = data.lineage();
        let seen = read_json(&path)?;
        Ok(Self { path, seen })
    }

    /// Compares, before anything is written or served; on a person's word, goes on all the same.
    ///
    /// # Errors
    /// `database_went_back`.
    pub(super) async fn check(&mut self, store: &Store, accept_older: bool) -> anyhow::Result<()> {
        let now = store.lineage().await?;
        match judge(self.seen.as_ref(), &now.at, now.before) {
            Verdict::Same | Verdict::PutBack => {}
            Verdict::WentBack if accept_older => {
                let line = LineageId::new(&SystemClock, &SystemEntropy);
                store.lineage_begin(line).await?;
                tracing::warn!(remembered = ?self.seen, found = ?now.at, "database_went_back: an older database is used, as was asked for");
            }
            Verdict::WentBack => return Err(self.went_back(&now).into()),
        }
        let now = store.lineage_advance().await?;
        Ok(self.remember(now.at)?)
    }

    /// Looks again and again until `stop`, or until the database has lost what was seen.
    pub(super) async fn watch(
        &mut self,
        store: &Store,
        stop: &CancellationToken,
    ) -> Option<Failure> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let look = async {
                let now = store.lineage().await?;
                match judge(self.seen.as_ref(), &now.at, now.before) {
                    Verdict::WentBack => Ok((Verdict::WentBack, now)),
                    fine => store.lineage_advance().await.map(|now| (fine, now)),
                }
            };
            // One that is away, or a session that is dead, is no reason not to end, and is looked at when it is back.
            let looked = tokio::select! {
                looked = tokio::time::timeout(LOOK_WITHIN, look) => looked,
                () = stop.cancelled() => return None,
            };
            let Ok(Ok::<_, StoreError>((verdict, now))) = looked else {
                continue;
            };
            if verdict == Verdict::WentBack {
                return Some(self.went_back(&now));
            }
            if let Err(failure) = self.remember(now.at) {
                // A full disk: less is remembered, and nothing wrong.
                tracing::warn!(%failure, "how far the database has come cannot be written down");
            }
        }
    }

    fn remember(&mut self, at: Position) -> Result<(), Failure> {
        if self.seen != Some(at) {
            write_json(&self.path, &at)?;
            self.seen = Some(at);
        }
        Ok(())
    }

    fn went_back(&self, now: &Lineage) -> Failure {
        let line = |at: &Position| format!("{} of {}", at.seq, at.line);
        let known = self.seen.as_ref().map(line).unwrap_or_default();
        tracing::error!(remembered = ?self.seen, found = ?now.at, "database_went_back");
        Failure::new(
            Exit::Failed,
            "database_went_back",
            format!(
                "the database has lost what it had committed: this server has seen it at {known}, and it is at {}. It was restored from a backup, or a replica without the last transactions took its place",
                line(&now.at)
            ),
            "bring the newer database back; or, to go on with this one: start once with `--accept-older-database`, and look at the runs marked `database_went_back`",
        )
    }
}
