//! What becomes of environments by itself: they begin where jobs and people want them, end when
//! nobody uses them, and follow what their runners say. Each pass looks at the world afresh and may be
//! run any number of times; `model::environment::next` decides.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::environment::{
    Command, Environment as Life, Host, Seen, State, Why, apply, next, seconds_by_day,
};
use freehold_model::schedule::{Offer as Room, Placement, begin};
use freehold_model::{EnvironmentId, ProjectId, Reason, RunnerId, TenantId};
use freehold_store::{EnvironmentRow, Hint, RunRow, Tx};
use freehold_wire::link::{
    Down, EnvironmentNews, EnvironmentStart, EnvironmentState, EnvironmentStop, LEASE_S,
};
use freehold_wire::problem::{Code, Problem};

use crate::dispatch::rooms;
use crate::environment::Terms;
use crate::{Connected, Engine, Error, Result};

/// Steps of one environment in one pass: ended and cleared is two.
const STEPS_MAX: usize = 4;
/// The longest time between two signs of a runner that counts as activity: as long as a lease.
const COUNTED_MAX: TimeDelta = TimeDelta::seconds(LEASE_S);
/// Workspaces that one environment may say it kept.
const KEPT_MAX: usize = 1000;

impl Engine {
    /// The one way in which an environment's life changes: applies `command` to the locked row,
    /// counts what it was active when it ends, writes it, and leaves hints. True when it changed.
    pub(crate) async fn environment_advance(
        &self,
        tx: &mut Tx,
        row: &mut EnvironmentRow,
        command: Command,
    ) -> Result<bool> {
        let now = tx.time();
        let before = row.life.clone();
        let changed = apply(&mut row.life, command, now)
            .map_err(|refusal| Error::from(Problem::new(Code::Conflict, refusal.to_string())))?;
        if !changed {
            return Ok(false);
        }
        if row.life.state.is_terminal() {
            count(tx, row, now, false).await?;
        }
        tx.environment_set_life(row.id, &row.life).await?;
        if before.state != row.life.state {
            tracing::info!(environment = %row.id, from = %before.state, to = %row.life.state, why = ?row.life.why.map(Why::code), "an environment");
            tx.hint(Hint::Queue);
        }
        Ok(true)
    }

    fn seen(
        &self,
        row: &EnvironmentRow,
        connected: &[Connected],
        terms: &Terms,
        now: DateTime<Utc>,
    ) -> Seen {
        let there = connected.iter().find(|c| Some(c.runner) == row.life.runner);
        let host = match there {
            _ if row.runner_revoked => Host::Revoked,
            Some(c) if c.draining => Host::Draining,
            Some(c) if !c.environments => Host::Unaware,
            Some(_) => Host::There,
            // Whoever could not be heard because nobody listened is not away for that.
            None => {
                let heard = row.seen_at.unwrap_or(row.life.last_active_at);
                Host::Away(heard.max(self.hearing_since(now)))
            }
        };
        Seen {
            jobs: u32::try_from(row.held).unwrap_or(0),
            offered: u32::try_from(row.offered).unwrap_or(0),
            host,
            by_hand: row.envelope.is_some(),
            idle: terms.idle,
        }
    }

    /// Brings each environment of a tenant to where it should be now.
    ///
    /// # Errors
    /// [`Error`]; the next pass starts afresh.
    pub async fn environments_keep(&self, tenant: TenantId) -> Result<()> {
        let connected = self.hub().connected(tenant);
        let mut tx = self.store().begin(tenant).await?;
        let rows = tx.environment_live().await?;
        if rows.is_empty() {
            return Ok(());
        }
        let terms = Terms::of(&mut tx).await?;
        let now = tx.time();
        drop(tx);
        for row in rows {
            let seen = self.seen(&row, &connected, &terms, now);
            if next(&row.life, &seen, now).is_some() {
                self.environment_keep(tenant, row.id, &connected, &terms)
                    .await?;
            }
        }
        Ok(())
    }

    async fn environment_keep(
        &self,
        tenant: TenantId,
        id: EnvironmentId,
        connected: &[Connected],
        terms: &Terms,
    ) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        let Some(mut row) = tx.environment_lock(id).await? else {
            return Ok(());
        };
        for _ in 0..STEPS_MAX {
            let seen = self.seen(&row, connected, terms, tx.time());
            let Some(command) = next(&row.life, &seen, tx.time()) else {
                break;
            };
            self.environment_advance(&mut tx, &mut row, command).await?;
        }
        tx.commit().await?;
        self.environment_tell(&row);
        Ok(())
    }

    /// Tells the runner of an environment that is to be cleared. What is lost is said again when the
    /// runner is next heard of.
    pub(crate) fn environment_tell(&self, row: &EnvironmentRow) {
        if let Some(runner) = row.life.runner
            && is_to_be_cleared(row)
        {
            let stop = EnvironmentStop {
                environment: row.id,
            };
            self.hub().send(runner, Down::EnvironmentStop(stop));
        }
    }

    /// Jobs of a project began or ended on a runner: its environment there follows at once, however
    /// short they were. `began` where one began, whatever has become of it since.
    pub(crate) async fn environment_follow(
        &self,
        tx: &mut Tx,
        runner: RunnerId,
        project: ProjectId,
        began: bool,
    ) -> Result<()> {
        let Some(mut row) = tx.environment_lock_at(project, runner).await? else {
            return Ok(());
        };
        let held = u32::try_from(row.held).unwrap_or(0);
        let seen = if began { held.max(1) } else { held };
        for jobs in [seen, held] {
            if row.life.state.is_placed() {
                self.environment_advance(tx, &mut row, Command::Jobs(jobs))
                    .await?;
            }
        }
        Ok(())
    }

    /// Gives environments that people asked for to runners.
    pub(crate) async fn environments_place(&self, tenant: TenantId) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        if !has_requested(&tx.environment_live().await?) {
            return Ok(());
        }
        tx.environment_gate().await?;
        let live = tx.environment_live().await?;
        let mut allowance = Terms::of(&mut tx).await?.allowance(&live);
        let held = tx.queue_held().await?;
        let mut rooms = rooms(self.hub().connected(tenant), &live, &held);
        let aware = self.hub().connected(tenant).into_iter();
        let aware: BTreeSet<RunnerId> =
            aware.filter(|c| c.environments).map(|c| c.runner).collect();
        rooms.retain(|room| aware.contains(&room.runner));
        let mut starts = Vec::new();
        let mut without_room = 0;
        for wish in live.iter().filter(|row| row.life.state == State::Requested) {
            let Some(mut row) = tx.environment_lock(wish.id).await? else {
                continue;
            };
            if row.life.state != State::Requested {
                continue;
            }
            match begin(row.project, &rooms, &allowance) {
                Placement::Place(runner) => {
                    let assign = Command::Assign(runner);
                    self.environment_advance(&mut tx, &mut row, assign).await?;
                    allowance.placed += 1;
                    let room = rooms.iter_mut().find(|room| room.runner == runner);
                    room.map(|room| room.warm.insert(row.project));
                    starts.extend(start(&row).map(|start| (runner, start)));
                }
                Placement::Wait(reason, note) => {
                    without_room += usize::from(reason == Reason::EnvironmentLimit);
                    if row.wait.as_ref().is_none_or(|(_, known)| *known != note) {
                        tx.environment_set_wait(row.id, reason.code(), &note)
                            .await?;
                    }
                }
            }
        }
        tx.commit().await?;
        for (runner, start) in starts {
            self.hub().send(runner, start);
        }
        self.environments_make_room(tenant, without_room).await
    }

    /// Stops idle environments, the longest unused first, for as many that cannot begin at the limit;
    /// those that end already are counted.
    pub(crate) async fn environments_make_room(
        &self,
        tenant: TenantId,
        wanted: usize,
    ) -> Result<()> {
        if wanted == 0 {
            return Ok(());
        }
        let mut tx = self.store().begin(tenant).await?;
        let live = tx.environment_live().await?;
        let ending = live.iter().filter(|row| is_to_be_cleared(row)).count();
        let mut quiet: Vec<&EnvironmentRow> = live.iter().filter(|row| is_quiet(row)).collect();
        quiet.sort_by_key(|row| (row.life.last_active_at, row.id));
        let mut told = Vec::new();
        for row in quiet.into_iter().take(wanted.saturating_sub(ending)) {
            let Some(mut row) = tx.environment_lock(row.id).await? else {
                continue;
            };
            if is_quiet(&row) {
                self.environment_advance(&mut tx, &mut row, Command::Stop(Why::MadeRoom))
                    .await?;
                told.push(row);
            }
        }
        tx.commit().await?;
        told.iter().for_each(|row| self.environment_tell(row));
        Ok(())
    }

    /// The environment of a run that is about to go to `runner`: the one there, the one that a person
    /// asked for, or a new one. None when the one there just closed; then the run waits for a moment.
    pub(crate) async fn environment_ensure(
        &self,
        tx: &mut Tx,
        live: &[EnvironmentRow],
        run: &RunRow,
        runner: RunnerId,
    ) -> Result<Option<EnvironmentId>> {
        let of_it = |row: &&EnvironmentRow| row.project == run.project;
        let there = live.iter().filter(of_it);
        let there = there
            .clone()
            .find(|row| row.life.runner == Some(runner))
            .or_else(|| there.clone().find(|row| row.life.state == State::Requested));
        if let Some(known) = there
            && let Some(mut row) = tx.environment_lock_alone(known.id).await?
        {
            let command = match row.life.state {
                State::Requested => Command::Assign(runner),
                state if state.is_open() => Command::Touch,
                _ => return Ok(None),
            };
            self.environment_advance(tx, &mut row, command).await?;
            return Ok(Some(row.id));
        }
        // An earlier run of the same pass may have begun it.
        if let Some(known) = tx.environment_at(run.project, runner).await? {
            return Ok(Some(known));
        }
        let mut life = Life::new(tx.time());
        apply(&mut life, Command::Assign(runner), tx.time())
            .map_err(|refusal| Error::Internal(refusal.to_string()))?;
        let id = self.new_id();
        tx.environment_insert(id, run.project, None, &life, None)
            .await?;
        Ok(Some(id))
    }

    /// A runner was heard of, and says which environments it has a place for; `None` of one that knows
    /// of none. Counts what they were active, and gives what to tell it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn environments_heard(
        &self,
        tenant: TenantId,
        runner: RunnerId,
        held: Option<&[EnvironmentId]>,
    ) -> Result<Vec<Down>> {
        let mut tx = self.store().begin(tenant).await?;
        let here = tx.environments_of_runner(runner).await?;
        if here.is_empty() && held.is_none_or(<[_]>::is_empty) {
            return Ok(Vec::new());
        }
        let mut say = Vec::new();
        for id in here {
            let Some(mut row) = tx.environment_lock(id).await? else {
                continue;
            };
            if row.life.state.is_terminal() {
                continue;
            }
            let now = tx.time();
            count(&mut tx, &row, now, true).await?;
            let has_it = held.is_none_or(|held| held.contains(&id));
            match row.life.state {
                // Begun by hand: said again until it is ready. What is under way is not begun twice.
                State::Starting => say.extend(start(&row)),
                State::Ready | State::Idle if !has_it && row.offered == 0 => {
                    let gone = Command::Stop(Why::PlaceGone);
                    self.environment_advance(&mut tx, &mut row, gone).await?;
                }
                _ => {}
            }
            if held.is_some() && is_to_be_cleared(&row) {
                say.push(Down::EnvironmentStop(EnvironmentStop { environment: id }));
            }
        }
        let orphans = self
            .orphans(&mut tx, runner, held.unwrap_or_default())
            .await?;
        say.extend(
            orphans.map(|environment| Down::EnvironmentStop(EnvironmentStop { environment })),
        );
        tx.commit().await?;
        Ok(say)
    }

    /// Of what a runner has a place for, what nobody knows of. What ended because the runner was away
    /// or left is not one yet: it is warm, and the project's next run there takes it over.
    async fn orphans(
        &self,
        tx: &mut Tx,
        runner: RunnerId,
        held: &[EnvironmentId],
    ) -> Result<impl Iterator<Item = EnvironmentId> + use<>> {
        let known = tx.environment_some(held).await?;
        let (terms, now) = (Terms::of(tx).await?, tx.time());
        let stays = |row: &EnvironmentRow| {
            let left = matches!(row.life.why, Some(Why::RunnerDraining | Why::RunnerGone));
            let lately = |at: DateTime<Utc>| now - at < terms.idle;
            row.life.runner == Some(runner)
                && row.life.stopped_at.is_none_or(|at| left && lately(at))
        };
        let staying: BTreeSet<EnvironmentId> = known
            .iter()
            .filter(|row| stays(row))
            .map(|row| row.id)
            .collect();
        let held = held.to_vec();
        Ok(held.into_iter().filter(move |id| !staying.contains(id)))
    }

    /// What became of an environment, as its runner says.
    pub(crate) async fn environment_news(
        &self,
        tx: &mut Tx,
        runner: RunnerId,
        news: &EnvironmentNews,
    ) -> Result<()> {
        let id = news.environment;
        let Some(mut row) = tx.environment_lock(id).await? else {
            return Ok(());
        };
        if row.life.runner != Some(runner) {
            tracing::warn!(%runner, environment = %id, "another runner's environment; not taken");
            return Ok(());
        }
        let command = match &news.state {
            EnvironmentState::Ready {} => Command::Ready,
            EnvironmentState::Stopped { kept } => {
                let kept: Vec<_> = kept.iter().take(KEPT_MAX).copied().collect();
                tx.environment_set_end(id, None, &kept).await?;
                Command::Stopped
            }
            EnvironmentState::Failed { reason, detail } => {
                tx.environment_set_end(id, detail.as_deref(), &row.kept)
                    .await?;
                Command::Fail(Why::Start(*reason))
            }
        };
        match self.environment_advance(tx, &mut row, command).await {
            Err(Error::Problem(problem)) => {
                tracing::info!(environment = %id, problem = %problem.detail, "news that do not fit; dropped");
                Ok(())
            }
            other => other.map(drop),
        }
    }
}

fn has_requested(live: &[EnvironmentRow]) -> bool {
    live.iter().any(|row| row.life.state == State::Requested)
}

/// Whether nothing is in it or on its way to it.
fn is_quiet(row: &EnvironmentRow) -> bool {
    matches!(row.life.state, State::Ready | State::Idle) && row.offered == 0
}

/// Whether its runner may clear the place now. One that drains keeps it for its next life.
fn is_to_be_cleared(row: &EnvironmentRow) -> bool {
    row.life.state == State::Stopping
        && row.offered == 0
        && row.life.why != Some(Why::RunnerDraining)
}

/// What to tell the runner of an environment that a person asked for.
fn start(row: &EnvironmentRow) -> Option<Down> {
    let order = row.envelope.clone()?;
    Some(Down::EnvironmentStart(Box::new(EnvironmentStart {
        environment: row.id,
        order,
    })))
}

/// Counts what an environment was active until now.
async fn count(tx: &mut Tx, row: &EnvironmentRow, now: DateTime<Utc>, heard: bool) -> Result<()> {
    let seen = heard.then_some(now);
    let Some(from) = row.counted_until.or(row.life.started_at) else {
        return Ok(tx.environment_count(row, &[], None, seen).await?);
    };
    let (days, until) = seconds_by_day(from, now, COUNTED_MAX);
    Ok(tx.environment_count(row, &days, Some(until), seen).await?)
}

/// Where a project's environments are, for the placement of its jobs.
pub(crate) fn at(live: &[EnvironmentRow], room: &mut Room) {
    let here = |row: &&EnvironmentRow| row.life.runner == Some(room.runner);
    let of = |fits: fn(State) -> bool| -> BTreeSet<ProjectId> {
        let here = live.iter().filter(here);
        here.filter(|row| fits(row.life.state))
            .map(|row| row.project)
            .collect()
    };
    let (warm, closing) = (of(State::is_open), of(|state| state == State::Stopping));
    (room.warm, room.closing) = (warm, closing);
}
