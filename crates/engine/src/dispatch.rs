//! Reconcilers: give waiting jobs to runners, take them back from the lost, repeat what a
//! connection may have lost, and ask for refs to be swept. None takes an input but the tenant;
//! each looks at the world afresh and may be run any number of times.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::run::{Command, JobKind};
use freehold_model::schedule::{Offer as Room, Placement, Wanted, place};
use freehold_model::{JobId, Reason, RunId, RunnerId, TenantId};
use freehold_store::{EnvironmentRow, RunRow, Tx};
use freehold_wire::link::{Down, LEASE_S, Offer, RunRef, Sweep};

use crate::environment::Terms;
use crate::{Engine, Error, Result, environment_keep};

/// Jobs looked at in one transaction.
const BATCH: i64 = 100;
/// Refs of a run stay this long after its end, so that a person can still fetch them.
const REFS_KEPT: TimeDelta = TimeDelta::days(1);
/// Runs swept in one request to a runner.
const SWEEP_BATCH: i64 = 200;

impl Engine {
    /// One pass over a tenant: expired leases first, then placement, then repetition.
    ///
    /// # Errors
    /// [`Error`]; the next pass starts afresh.
    pub async fn reconcile(&self, tenant: TenantId) -> Result<()> {
        self.expire(tenant).await?;
        self.environments_keep(tenant).await?;
        self.dispatch(tenant).await?;
        self.environments_place(tenant).await
    }

    /// Nobody could be heard for a while (we, or the database, stood still): whatever runners said
    /// meanwhile was lost with no fault of theirs, and they have a lease's time to say it again.
    pub fn was_deaf(&self) {
        *self.hearing() = None;
    }

    /// Since when runners could renew their leases, by the database's clock, whose `now` is.
    pub(crate) fn hearing_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        *self.hearing().get_or_insert(now)
    }

    fn hearing(&self) -> std::sync::MutexGuard<'_, Option<DateTime<Utc>>> {
        self.hears_since
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes back what runners no longer renew though they could.
    async fn expire(&self, tenant: TenantId) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        let now = tx.time();
        if now - self.hearing_since(now) < TimeDelta::seconds(LEASE_S) {
            return Ok(());
        }
        let expired = tx.run_expired(now, BATCH).await?;
        drop(tx);
        for id in expired {
            let mut tx = self.store().begin(tenant).await?;
            let Some(mut row) = tx.run_lock(id).await? else {
                continue;
            };
            let holder = row.life.lease.as_ref().map(|lease| lease.runner);
            let epoch = row.life.epoch;
            let effects = self
                .advance(&mut tx, &mut row, Command::Expire(now))
                .await?;
            tx.commit().await?;
            if let (Some(runner), false) = (holder, effects.is_empty()) {
                tracing::warn!(%tenant, run = %id, %runner, epoch, "lease expired");
                self.hub()
                    .send(runner, Down::Drop(RunRef { run: id, epoch }));
            }
        }
        Ok(())
    }

    /// Gives waiting jobs to runners. Looks at all of them: those that cannot start now must not
    /// stand in the way of those behind them.
    async fn dispatch(&self, tenant: TenantId) -> Result<()> {
        let mut after = None;
        loop {
            after = self.dispatch_behind(tenant, after).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Gives the waiting jobs behind `after` to runners, and says behind which one there are more.
    async fn dispatch_behind(
        &self,
        tenant: TenantId,
        after: Option<RunId>,
    ) -> Result<Option<RunId>> {
        let mut tx = self.store().begin(tenant).await?;
        let rows = tx.run_wanting(after, BATCH).await?;
        let full = i64::try_from(rows.len()).is_ok_and(|count| count >= BATCH);
        let Some(last) = rows.last().map(|row| row.id) else {
            return Ok(None);
        };
        tx.environment_gate().await?;
        let live = tx.environment_live().await?;
        let mut allowance = Terms::of(&mut tx).await?.allowance(&live);
        allowance.jobs_most = self.runs_per_tenant();
        allowance.jobs = u32::try_from(tx.runs_under_way().await?).unwrap_or(u32::MAX);
        let rooms = self.rooms(&mut tx, tenant, &live).await?;
        let mut wanted = Vec::with_capacity(rows.len());
        for row in &rows {
            wanted.push(self.wanted(&mut tx, row).await?);
        }
        let mut rows: BTreeMap<RunId, RunRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut offers = Vec::new();
        let mut without_room = BTreeSet::new();
        for (id, placement) in place(&wanted, &rooms, &allowance) {
            let Some(row) = rows.get_mut(&id) else {
                continue;
            };
            match placement {
                Placement::Place(runner) => {
                    if self.environment_ensure(&mut tx, &live, row, runner).await? {
                        offers.push((runner, self.lease(&mut tx, row, runner).await?));
                    }
                }
                Placement::Wait(reason, note) => {
                    if reason == Reason::EnvironmentLimit {
                        without_room.insert(row.project);
                    }
                    if row.wait_note.as_deref() != Some(note.as_str()) {
                        tx.run_set_wait(id, reason.code(), &note).await?;
                        tx.hint(freehold_store::Hint::Run(id));
                    }
                }
            }
        }
        tx.commit().await?;
        for (runner, offer) in offers {
            self.hub().send(runner, Down::Offer(Box::new(offer)));
        }
        self.environments_make_room(tenant, without_room.len())
            .await?;
        Ok(full.then_some(last))
    }

    /// What connected runners have room for, and which projects are warm there.
    pub(crate) async fn rooms(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        live: &[EnvironmentRow],
    ) -> Result<Vec<Room>> {
        let mut rooms = Vec::new();
        for connected in self.hub().connected(tenant) {
            if connected.draining {
                continue;
            }
            let busy = u32::try_from(tx.runner_busy(connected.runner).await?).unwrap_or(u32::MAX);
            let mut room = Room {
                runner: connected.runner,
                labels: connected.labels,
                isolation: connected.isolation,
                free: connected.capacity.saturating_sub(busy),
                warm: BTreeSet::new(),
                closing: BTreeSet::new(),
            };
            environment_keep::at(live, &mut room);
            rooms.push(room);
        }
        Ok(rooms)
    }

    /// Landing needs no label and waits for no card: the work is done.
    async fn wanted(&self, tx: &mut Tx, row: &RunRow) -> Result<Wanted> {
        if row.life.wants() == Some(JobKind::Land) {
            return Ok(Wanted {
                run: row.id,
                project: row.project,
                labels: BTreeMap::new(),
                isolation: row.isolation_asked,
                unmet: Vec::new(),
            });
        }
        let unmet = tx.card_unmet(row.card).await?;
        Ok(Wanted {
            run: row.id,
            project: row.project,
            labels: row.labels.clone(),
            isolation: row.isolation_asked,
            unmet,
        })
    }

    async fn lease(&self, tx: &mut Tx, row: &mut RunRow, runner: RunnerId) -> Result<Offer> {
        let job: JobId = self.new_id();
        let until = tx.time() + TimeDelta::seconds(LEASE_S);
        self.advance(tx, row, Command::Dispatch { job, runner, until })
            .await?;
        offer(tx, row).await
    }

    /// Repeats to a connected runner what it may have missed: offers that it has not accepted,
    /// and cancellations of what it holds.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remind(&self, tenant: TenantId, runner: RunnerId) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        for row in tx.run_held_by(runner).await? {
            let run = RunRef {
                run: row.id,
                epoch: row.life.epoch,
            };
            if row.life.lease.as_ref().is_some_and(|lease| !lease.accepted) {
                let offer = offer(&mut tx, &row).await?;
                self.hub().send(runner, Down::Offer(Box::new(offer)));
            }
            // Behind the offer: a runner that never saw the job must take it to say that it ended.
            if row.life.cancel_requested {
                self.hub().send(runner, Down::Cancel(run));
            }
        }
        Ok(())
    }

    /// Asks a connected runner to delete the refs of runs that ended a day ago.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn sweep(&self, tenant: TenantId) -> Result<()> {
        let Some(runner) = self
            .hub()
            .connected(tenant)
            .into_iter()
            .find(|c| !c.draining)
        else {
            return Ok(());
        };
        let mut tx = self.store().begin(tenant).await?;
        let before = self.now() - REFS_KEPT;
        let mut by_remote: BTreeMap<String, Vec<RunId>> = BTreeMap::new();
        for (run, remote) in tx.run_to_sweep(before, SWEEP_BATCH).await? {
            by_remote.entry(remote).or_default().push(run);
        }
        for (remote, runs) in by_remote {
            self.hub()
                .send(runner.runner, Down::Sweep(Sweep { remote, runs }));
        }
        Ok(())
    }
}

/// What a runner needs to know of a job that it holds.
async fn offer(tx: &mut Tx, row: &RunRow) -> Result<Offer> {
    let lease = row
        .life
        .lease
        .as_ref()
        .ok_or_else(|| Error::Internal(format!("{} has no lease to offer", row.id)))?;
    let order = tx
        .order_latest(row.id, lease.kind)
        .await?
        .ok_or_else(|| Error::Internal(format!("{} has no order", row.id)))?;
    Ok(Offer {
        job: lease.job,
        run: row.id,
        epoch: row.life.epoch,
        attempt: row.life.attempt,
        kind: lease.kind,
        order: order.envelope,
        turn: u32::try_from(order.turn).unwrap_or(0),
        work: row.life.work.clone(),
        transcript: row.transcript,
        environment: tx.environment_at(row.project, lease.runner).await?,
    })
}
