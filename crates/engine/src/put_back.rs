//! A database that was put back to an earlier time. What happened since is not known here: live runs
//! are marked, and go on behind every epoch that somebody may have been given meanwhile.

use freehold_model::run::Command;
use std::collections::BTreeMap;

use freehold_model::{LineageId, RunId, RunnerId, TenantId};
use freehold_store::{RunRow, Tx};
use freehold_wire::link::{Acked, Hello, JobRef};

use crate::audit::own;
use crate::{Engine, Result};

/// Runs that are looked at in one go.
const BATCH: i64 = 100;
/// Runs that a runner may say that it holds: no machine works on more at once.
const HOLDS_MOST: usize = 1000;

impl Engine {
    /// Marks every live run of every tenant, where the database was put back and that has not been done
    /// yet. One server does it; killed half-way, the next one does it again. Gives how many.
    ///
    /// # Errors
    /// [`crate::Error`]; then it has still to be done.
    pub async fn put_back(&self) -> Result<usize> {
        let Some(right) = self.store().putting_back().await? else {
            return Ok(0);
        };
        let mut marked = 0;
        for tenant in self.store().tenants().await? {
            marked += self.put_back_of(tenant).await?;
        }
        right.done().await?;
        tracing::warn!(
            runs = marked,
            "database_went_back: the database was put back to an earlier time, and its live runs are marked"
        );
        Ok(marked)
    }

    async fn put_back_of(&self, tenant: TenantId) -> Result<usize> {
        let mut marked = 0;
        let mut after = None;
        loop {
            let mut tx = self.store().begin(tenant).await?;
            let ids = tx.run_live(None, after, BATCH).await?;
            after = ids.last().copied();
            if after.is_none() {
                // What the log had of the time since is gone with it: it says that there was such a time.
                let what = format!("{marked} live runs marked");
                tx.audit_insert(own(self.now(), "database.put_back", what, "restore"));
                tx.commit().await?;
                return Ok(marked);
            }
            for id in ids {
                if let Some(mut row) = tx.run_lock(id).await? {
                    self.advance(&mut tx, &mut row, Command::PutBack).await?;
                    marked += 1;
                }
            }
            tx.commit().await?;
        }
    }

    /// What a runner may go on behind. One that was told more than is here is the proof that committed
    /// transactions are lost: its runs are marked. It speaks for its own runs alone, so that no runner
    /// can stop a server, or another's work.
    pub(crate) async fn what_it_was_told(
        &self,
        tx: &mut Tx,
        hello: &Hello,
        line: LineageId,
        last: u64,
    ) -> Result<u64> {
        let Some(Acked { lineage, seq }) = hello.acked else {
            return Ok(last);
        };
        // On another line it was told of things that were put back on purpose, and are marked.
        if lineage != line || seq <= last {
            return Ok(last);
        }
        let mut marked = self.put_back_with(tx, hello.runner).await?;
        let holds: BTreeMap<RunId, &JobRef> =
            hello.holds.iter().map(|one| (one.run, one)).collect();
        for held in holds.into_values().take(HOLDS_MOST) {
            let row = tx.run_lock(held.run).await?;
            let is_its_own = |row: &RunRow| match &row.life.lease {
                Some(lease) => lease.runner == hello.runner,
                None => row.life.epoch <= held.epoch,
            };
            if let Some(mut row) = row.filter(is_its_own) {
                self.advance(tx, &mut row, Command::PutBack).await?;
                marked += 1;
            }
        }
        tracing::error!(
            runner = %hello.runner, acknowledged = seq, has = last, runs = marked,
            "database_went_back: this runner was told of more than the database has; its live runs are marked"
        );
        let what = format!("{} was told of {seq}, here is {last}", hello.runner);
        tx.audit_insert(own(self.now(), "database.went_back", what, "restore"));
        tx.runner_taken(hello.runner, i64::try_from(seq).unwrap_or(i64::MAX))
            .await?;
        Ok(seq)
    }

    async fn put_back_with(&self, tx: &mut Tx, runner: RunnerId) -> Result<usize> {
        let mut marked = 0;
        let mut after = None;
        loop {
            let ids = tx.run_live(Some(runner), after, BATCH).await?;
            after = ids.last().copied();
            if after.is_none() {
                return Ok(marked);
            }
            for id in ids {
                if let Some(mut row) = tx.run_lock(id).await? {
                    self.advance(tx, &mut row, Command::PutBack).await?;
                    marked += 1;
                }
            }
        }
    }
}
