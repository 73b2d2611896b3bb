//! Runs of whoever is a member no more: they end with the membership, in its transaction where they are few
//! enough, in others behind it where they are many. What a server left that died between those, or that could
//! not be ended at that moment, a reconciler ends.

use freehold_model::run::{Command, Effect};
use freehold_model::{RunId, RunnerId, TenantId, UserId};
use freehold_store::Tx;
use freehold_wire::link::{Down, RunRef};

use crate::audit::own;
use crate::{Caller, Engine, Hint, Result};

/// Runs that are ended in one transaction: each is some writes, and who changes members waits for it.
const AT_ONCE: i64 = 200;
/// What audit entries about it are for.
const PURPOSE: &str = "run";

/// Runs that a transaction ended, and whose runners are told once it is committed.
#[derive(Default)]
pub(crate) struct Ended {
    looked_at: usize,
    runs: Vec<RunId>,
    told: Vec<(RunnerId, RunRef)>,
}

impl Ended {
    /// Whether there may be more of them than one transaction looked at, and it is worth going on: of what
    /// cannot be ended now there is no end.
    pub(crate) fn may_be_more(&self) -> bool {
        !self.runs.is_empty() && self.looked_at == usize::try_from(AT_ONCE).unwrap_or(usize::MAX)
    }
}

impl Engine {
    /// Ends runs that somebody started who is a member no more.
    pub(crate) async fn runs_end(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        user: UserId,
    ) -> Result<Ended> {
        let runs = tx.run_live_of_user(user, AT_ONCE).await?;
        let ended = self.these_end(tx, runs).await?;
        for run in &ended.runs {
            self.audit(tx, caller, "run.cancel", &run.to_string(), PURPOSE)
                .await?;
        }
        Ok(ended)
    }

    /// The same in transactions of their own, until there is none.
    pub(crate) async fn runs_end_all(&self, caller: &Caller, user: UserId) -> Result<()> {
        loop {
            let mut tx = self.store().begin(caller.tenant).await?;
            let ended = self.runs_end(&mut tx, caller, user).await?;
            tx.commit().await?;
            let goes_on = ended.may_be_more();
            self.runs_stop(ended);
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Ends what is left of runs of former members in a tenant. Gives how many it were.
    pub(crate) async fn runs_end_of_former(&self, tenant: TenantId) -> Result<u64> {
        let mut count = 0;
        loop {
            let mut tx = self.store().begin(tenant).await?;
            let runs = tx.run_live_of_former(AT_ONCE).await?;
            let ended = self.these_end(&mut tx, runs).await?;
            for run in &ended.runs {
                tx.audit_insert(own(self.now(), "run.cancel", run.to_string(), PURPOSE));
            }
            tx.commit().await?;
            count += u64::try_from(ended.runs.len()).unwrap_or(u64::MAX);
            let goes_on = ended.may_be_more();
            self.runs_stop(ended);
            if !goes_on {
                return Ok(count);
            }
        }
    }

    async fn these_end(&self, tx: &mut Tx, runs: Vec<RunId>) -> Result<Ended> {
        let mut ended = Ended {
            looked_at: runs.len(),
            ..Ended::default()
        };
        for run in runs {
            let Some(mut row) = tx.run_lock(run).await? else {
                continue;
            };
            // One that lands at this moment was approved: it does.
            let Ok(effects) = self.advance(tx, &mut row, Command::Cancel).await else {
                continue;
            };
            if effects.is_empty() {
                continue;
            }
            ended.runs.push(row.id);
            let lease = row.life.lease.as_ref();
            if let Some(lease) = lease.filter(|_| effects.contains(&Effect::Stop)) {
                tx.hint(Hint::Link(lease.runner));
                let at = RunRef {
                    run: row.id,
                    epoch: row.life.epoch,
                };
                ended.told.push((lease.runner, at));
            }
        }
        Ok(ended)
    }

    /// Tells runners to stop what a committed transaction ended.
    pub(crate) fn runs_stop(&self, ended: Ended) {
        for (runner, run) in ended.told {
            self.hub().send(runner, Down::Cancel(run));
        }
    }
}
