//! Heartbeats: a runner is alive and still on its jobs. They come all the time and from everybody, so
//! they are written many at once, and touch nothing but who was heard of and until when leases go.

use chrono::TimeDelta;
use freehold_model::{RunnerId, TenantId};
use freehold_store::{Heard, Store, StoreError, Tell};
use freehold_wire::link::{Down, JobRef, LEASE_S, RunRef};

use crate::group::Commit;
use crate::{Engine, Error, Result};

/// What a runner is to be told after it was heard of.
#[derive(Debug, Default, PartialEq)]
pub struct Answered {
    /// To be said at once.
    pub say: Vec<Down>,
    /// There is something that it may have missed: see [`Engine::remind`].
    pub is_behind: bool,
    /// It has environments: see [`Engine::environments_heard`].
    pub has_environments: bool,
}

/// Writes the heartbeats that have gathered.
pub(crate) struct Beats(pub(crate) Store);

impl Commit for Beats {
    type Item = Heard;
    type Answer = Tell;

    async fn commit(&self, items: &[Heard]) -> std::result::Result<Vec<Tell>, StoreError> {
        self.0.queue_heard(items, TimeDelta::seconds(LEASE_S)).await
    }
}

impl Engine {
    /// A runner is alive and still on these jobs: its leases go on, as `Command::Renew` says, under the
    /// fence of runner and epoch. Gives what to tell it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn heartbeat(
        &self,
        tenant: TenantId,
        runner: RunnerId,
        jobs: &[JobRef],
    ) -> Result<Answered> {
        let heard = Heard {
            tenant,
            runner,
            jobs: jobs.iter().map(|job| (job.run, job.epoch)).collect(),
        };
        let tell = self.beats.put(heard).await;
        let tell = tell.map_err(|error| Error::Store(StoreError::Shared(error)))?;
        let lost = tell.lost.into_iter();
        Ok(Answered {
            say: lost
                .map(|(run, epoch)| Down::Drop(RunRef { run, epoch }))
                .collect(),
            is_behind: tell.untold,
            has_environments: tell.placed,
        })
    }
}
