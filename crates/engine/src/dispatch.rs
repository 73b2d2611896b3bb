//! Reconcilers: give waiting jobs to runners, take them back from the lost, repeat what a
//! connection may have lost, and ask for refs to be swept. None takes an input but the tenant and
//! what is due; each looks at the world afresh and may be run any number of times.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::priority::rank;
use freehold_model::run::{Command, Effect, JobKind};
use freehold_model::schedule::{Offer as Room, Placement, Share, Wanted, place};
use freehold_model::webhook::Event;
use freehold_model::{CardId, EnvironmentId, JobId, ProjectId, Reason, RunId, RunnerId, TenantId};
use freehold_store::{Around, Due, EnvironmentRow, RunRow, StoreError, Tx};
use freehold_wire::link::{Down, LEASE_S, Offer, RunRef, Sweep};

use crate::environment::Terms;
use crate::runner::SILENT_AFTER;
use crate::{Connected, Engine, Error, Result, environment_keep};

/// Jobs looked at in one transaction.
const BATCH: i64 = 200;
/// Of these, of one project: so that a project with a thousand in line hides nobody's.
const OF_EACH_PROJECT: i64 = 50;
/// Jobs that may go on waiting before a tenant's turn is over.
const LOOKED_AT_MOST: usize = 2000;
/// What no runner could take is looked at again after so long, though nothing said that it should be.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(5);
/// Refs of a run stay this long after its end, so that a person can still fetch them.
const REFS_KEPT: TimeDelta = TimeDelta::days(1);
/// Runs swept in one request to a runner.
const SWEEP_BATCH: i64 = 200;

impl Engine {
    /// One pass over a tenant: expired leases first, then placement, then repetition. True where there
    /// is more to place and room for it: whoever looks after many tenants comes back to it after the
    /// others.
    ///
    /// # Errors
    /// [`Error`]; the next pass starts afresh.
    pub async fn reconcile(&self, due: &Due) -> Result<bool> {
        let tenant = due.tenant;
        if due.expired {
            self.expire(tenant).await?;
        }
        // Somebody waits for this; for the rest nobody does.
        let mut has_more = false;
        if due.ready || due.expired {
            has_more = self.dispatch(tenant).await?;
        }
        if due.places {
            self.environments_keep(tenant).await?;
            self.environments_place(tenant).await?;
        }
        Ok(has_more)
    }

    /// Nobody could be heard for a while (we, or the database, stood still): whatever runners said
    /// meanwhile was lost with no fault of theirs, and they have a lease's time to say it again.
    pub fn was_deaf(&self) {
        *self.hearing() = None;
    }

    /// Since when runners could renew their leases, by the database's clock, whose `now` is: since the
    /// first look, of whatever kind. Never later than now, though the clock stepped back.
    pub(crate) fn hearing_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut hearing = self.hearing();
        let since = hearing.get_or_insert(now);
        *since = now.min(*since);
        *since
    }

    fn hearing(&self) -> std::sync::MutexGuard<'_, Option<DateTime<Utc>>> {
        self.hears_since
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes back what runners no longer renew though they could.
    async fn expire(&self, tenant: TenantId) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        let (now, lease) = (tx.time(), TimeDelta::seconds(LEASE_S));
        tx.queue_shorten(now, lease).await?;
        let is_heard = now - self.hearing_since(now) >= lease;
        let expired = match is_heard {
            true => tx.queue_expired(now, BATCH).await?,
            false => Vec::new(),
        };
        tx.commit().await?;
        for id in expired {
            let mut tx = self.store().begin(tenant).await?;
            let mut row = match tx.run_lock_lease(id).await {
                Ok(Some(row)) => row,
                Ok(None) => continue,
                Err(why @ StoreError::Inconsistent { .. }) => {
                    left_alone(tenant, id, &why);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let holder = row.life.lease.as_ref().map(|lease| lease.runner);
            let epoch = row.life.epoch;
            let effects = self
                .advance(&mut tx, &mut row, Command::Expire(now))
                .await?;
            if let Some(runner) = holder.filter(|_| effects.contains(&Effect::Lost)) {
                let facts = serde_json::json!({ "runner": runner, "run": id, "epoch": epoch });
                self.happened(&mut tx, Event::RunnerLost, facts);
            }
            tx.commit().await?;
            if let (Some(runner), false) = (holder, effects.is_empty()) {
                tracing::warn!(%tenant, run = %id, %runner, epoch, "lease expired");
                self.hub()
                    .send(runner, Down::Drop(RunRef { run: id, epoch }));
            }
        }
        Ok(())
    }

    /// Gives waiting jobs to runners while these have room. Those that cannot start now do not stand in
    /// the way of those behind them.
    async fn dispatch(&self, tenant: TenantId) -> Result<bool> {
        let (mut waiting, mut given) = (Vec::new(), 0);
        while waiting.len() < LOOKED_AT_MOST {
            let before = waiting.len();
            let Some(some) = self.dispatch_some(tenant, &mut waiting).await? else {
                return Ok(false);
            };
            given += some;
            if some == 0 && waiting.len() == before {
                return Ok(false);
            }
        }
        // Those behind them are looked at next, and these after a while.
        let mut tx = self.store().begin(tenant).await?;
        tx.queue_later(&waiting, LOOK_AGAIN).await?;
        tx.commit().await?;
        Ok(given > 0)
    }

    /// Gives those that are first in line, and not among `waiting`, to runners; adds those that go on
    /// waiting. Gives how many it gave; nothing when there are no others or no room for them.
    async fn dispatch_some(
        &self,
        tenant: TenantId,
        waiting: &mut Vec<RunId>,
    ) -> Result<Option<usize>> {
        // The gate before anything is read: what is counted then stays true.
        let mut tx = self.store().begin_at_gate(tenant).await?;
        tx.gather_lives();
        self.hearing_since(tx.time());
        let line = tx.queue_line(waiting, OF_EACH_PROJECT, BATCH).await?;
        let unreadable: Vec<RunId> = line.unreadable.iter().map(|(run, _)| *run).collect();
        if !unreadable.is_empty() {
            for (run, why) in line.unreadable {
                left_alone(tenant, run, &why);
            }
            // By itself: what is looked at next goes on as if they were not there.
            tx.queue_later(&unreadable, LOOK_AGAIN).await?;
            tx.commit().await?;
            waiting.extend(unreadable);
            return Ok(Some(0));
        }
        let mut rows = line.rows;
        if rows.is_empty() {
            return Ok(None);
        }
        // Somebody may have cancelled one between the look and its lock.
        rows.retain(|row| row.life.wants().is_some());
        let connected = self.hub().connected(tenant);
        let here: Vec<RunnerId> = connected.iter().map(|one| one.runner).collect();
        let lately = tx.time() - SILENT_AFTER;
        if here.is_empty() && tx.runner_elsewhere(lately, &here).await? {
            // Another server has its runners, and places its jobs.
            return Ok(None);
        }
        let live = tx.environment_live().await?;
        let around = around(&mut tx, &rows).await?;
        let mut allowance = Terms::of(&mut tx).await?.allowance(&live);
        allowance.jobs_most = self.runs_per_tenant();
        allowance.jobs = around.held.iter().map(|(_, _, count)| count).sum();
        let rooms = rooms(connected, &live, &around.held);
        let wanted = wanted(&around, &rows);
        let shares = shares(&around);
        let mut rows: BTreeMap<RunId, RunRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut room = rooms.iter().map(|room| room.free).sum::<u32>();
        if let Some(most) = allowance.jobs_most {
            room = room.min(most.saturating_sub(allowance.jobs));
        }
        let (mut given, mut later) = (Vec::new(), Vec::new());
        let mut ensured = BTreeMap::new();
        let mut without_room = BTreeSet::new();
        let plan = place(&wanted, &rooms, &allowance, &shares);
        let is_lacking = |placement: &Placement| matches!(placement, Placement::Wait(reason, _) if lacks_a_runner(*reason));
        // What no runner of ours could take, one of another server's may: that is for it to say.
        let is_elsewhere = plan.iter().any(|(_, placement)| is_lacking(placement))
            && tx.runner_elsewhere(lately, &here).await?;
        for (id, placement) in plan {
            let Some(row) = rows.get_mut(&id) else {
                continue;
            };
            match placement {
                Placement::Place(runner) => {
                    let place = (row.project, runner);
                    let environment = match ensured.get(&place) {
                        Some(known) => *known,
                        None => self.environment_ensure(&mut tx, &live, row, runner).await?,
                    };
                    ensured.insert(place, environment);
                    if environment.is_some() {
                        self.lease(&mut tx, row, runner).await?;
                        given.push(id);
                        room = room.saturating_sub(1);
                    } else {
                        waiting.push(id);
                    }
                }
                Placement::Wait(reason, note) => {
                    waiting.push(id);
                    let is_theirs = lacks_a_runner(reason) && is_elsewhere;
                    if is_theirs && row.wait_note.is_some() {
                        continue;
                    }
                    if lacks_a_runner(reason) && !is_theirs || reason == Reason::DependencyUnmet {
                        later.push(id);
                    }
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
        if !later.is_empty() {
            tx.queue_later(&later, LOOK_AGAIN).await?;
        }
        let given: Vec<&RunRow> = given.iter().filter_map(|id| rows.get(id)).collect();
        let offers = offers(&mut tx, &given, ensured).await?;
        let given = given.len();
        tx.commit().await?;
        for (runner, offer) in offers {
            self.hub().send(runner, Down::Offer(Box::new(offer)));
        }
        self.environments_make_room(tenant, without_room.len())
            .await?;
        Ok((room > 0).then_some(given))
    }

    async fn lease(&self, tx: &mut Tx, row: &mut RunRow, runner: RunnerId) -> Result<()> {
        let job: JobId = self.new_id();
        let until = tx.time() + TimeDelta::seconds(LEASE_S);
        self.advance(tx, row, Command::Dispatch { job, runner, until })
            .await?;
        Ok(())
    }

    /// Repeats to a connected runner what it may have missed: offers that it has not accepted,
    /// and cancellations of what it holds.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remind(&self, tenant: TenantId, runner: RunnerId) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        if tx.runner_is_revoked(runner).await? {
            // At another server, perhaps: its link here ends as well.
            self.hub().dismiss(runner);
            return Ok(());
        }
        let held = tx.run_held_by(runner).await?;
        for (run, why) in &held.unreadable {
            left_alone(tenant, *run, why);
        }
        let rows = held.rows;
        let untaken = |row: &&RunRow| row.life.lease.as_ref().is_some_and(|lease| !lease.accepted);
        let untaken: Vec<&RunRow> = rows.iter().filter(untaken).collect();
        for (runner, offer) in offers(&mut tx, &untaken, BTreeMap::new()).await? {
            self.hub().send(runner, Down::Offer(Box::new(offer)));
        }
        for row in rows {
            let run = RunRef {
                run: row.id,
                epoch: row.life.epoch,
            };
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
        // In the time that all servers share: one whose clock is a day ahead would delete what was promised for a day.
        let before = tx.time() - REFS_KEPT;
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

/// A run that cannot be read here is left to a server that can, and to a person who is told where to look; others go on.
fn left_alone(tenant: TenantId, run: RunId, why: &StoreError) {
    tracing::error!(%tenant, %run, %why, "a run cannot be read and is left alone: a later version wrote it, or other hands did");
}

/// What connected runners have room for, and which projects are warm there.
pub(crate) fn rooms(
    connected: Vec<Connected>,
    live: &[EnvironmentRow],
    held: &[(RunnerId, ProjectId, u32)],
) -> Vec<Room> {
    let mut busy: BTreeMap<RunnerId, u32> = BTreeMap::new();
    for (runner, _, count) in held {
        *busy.entry(*runner).or_default() += count;
    }
    let open = connected
        .into_iter()
        .filter(|connected| !connected.draining);
    open.map(|connected| {
        let busy = busy.get(&connected.runner).copied().unwrap_or(0);
        let mut room = Room {
            runner: connected.runner,
            labels: connected.labels,
            isolation: connected.isolation,
            free: connected.capacity.saturating_sub(busy),
            warm: BTreeSet::new(),
            closing: BTreeSet::new(),
        };
        environment_keep::at(live, &mut room);
        room
    })
    .collect()
}

/// Whether no runner that is connected here could take it, busy or not: looking again every moment is
/// in vain. What changes that says so ([`Tx::queue_look`]).
const fn lacks_a_runner(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NoRunner | Reason::NoRunnerWithLabel | Reason::NoRunnerWithIsolation
    )
}

/// Whether a run wants to begin something: landing needs no label and waits for no card, the work is done.
fn begins(row: &RunRow) -> bool {
    row.life.wants() != Some(JobKind::Land)
}

/// What stands around these runs.
async fn around(tx: &mut Tx, rows: &[RunRow]) -> Result<Around> {
    let projects: BTreeSet<ProjectId> = rows.iter().map(|row| row.project).collect();
    let projects: Vec<ProjectId> = projects.into_iter().collect();
    let cards: Vec<CardId> = rows
        .iter()
        .filter(|row| begins(row))
        .map(|row| row.card)
        .collect();
    Ok(tx.queue_around(&projects, &cards).await?)
}

/// What these runs want.
fn wanted(around: &Around, rows: &[RunRow]) -> Vec<Wanted> {
    let wanted = rows.iter().map(|row| {
        let begins = begins(row);
        let of_it = |pair: &&(CardId, CardId)| begins && pair.0 == row.card;
        let unmet = around.unmet.iter().filter(of_it);
        Wanted {
            run: row.id,
            project: row.project,
            rank: rank(row.created_at, row.priority),
            labels: if begins {
                row.labels.clone()
            } else {
                BTreeMap::new()
            },
            isolation: row.isolation_asked,
            unmet: unmet.map(|(_, other)| *other).collect(),
        }
    });
    wanted.collect()
}

/// What projects may have, and have.
fn shares(around: &Around) -> BTreeMap<ProjectId, Share> {
    let of = |project: ProjectId| {
        let its = around.held.iter().filter(|(_, of, _)| *of == project);
        its.map(|(_, _, count)| count).sum()
    };
    let shares = around.shares.iter();
    shares
        .map(|(project, share)| {
            let (share, held) = (*share, of(*project));
            (*project, Share { share, held })
        })
        .collect()
}

/// Where a project's environment on a runner is, as far as it is known.
type Places = BTreeMap<(ProjectId, RunnerId), Option<EnvironmentId>>;

/// What runners need to know of the jobs that they hold, with whose each is.
async fn offers(
    tx: &mut Tx,
    rows: &[&RunRow],
    mut environments: Places,
) -> Result<Vec<(RunnerId, Offer)>> {
    let mut leases = Vec::with_capacity(rows.len());
    for row in rows {
        let lease = row.life.lease.as_ref();
        let none = || Error::Internal(format!("{} has no lease to offer", row.id));
        leases.push((*row, lease.ok_or_else(none)?));
    }
    let wanted: Vec<(RunId, JobKind)> = leases.iter().map(|(row, l)| (row.id, l.kind)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut orders: BTreeMap<_, _> = tx.orders_latest(&wanted).await?.into_iter().collect();
    let mut offers = Vec::with_capacity(leases.len());
    for (row, lease) in leases {
        let order = orders
            .remove(&row.id)
            .ok_or_else(|| Error::Internal(format!("{} has no order", row.id)))?;
        let place = (row.project, lease.runner);
        let environment = match environments.get(&place) {
            Some(known) => *known,
            None => tx.environment_at(row.project, lease.runner).await?,
        };
        environments.insert(place, environment);
        let offer = Offer {
            job: lease.job,
            run: row.id,
            epoch: row.life.epoch,
            attempt: row.life.attempt,
            kind: lease.kind,
            order: order.envelope,
            turn: u32::try_from(order.turn).unwrap_or(0),
            work: row.life.work.clone(),
            transcript: row.transcript,
            environment,
            known_epoch: row.life.known_epoch,
        };
        offers.push((lease.runner, offer));
    }
    Ok(offers)
}
