//! Wakes the reconcilers: for a tenant as soon as something of it is hinted at, and every second for
//! all that have something to do, whoever they are. A tenant with nothing to do costs nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use freehold_engine::{Due, Error, Hint, StoreError};
use freehold_model::{RunnerId, TenantId};
use tokio::time::Instant;

use crate::AppState;

/// How often all tenants are asked for, hints or not.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often refs of ended runs are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Tenants asked for at a time.
const TENANTS: i32 = 500;
/// From a pass to the next it is a second, unless this process or the database stood still.
const STOOD_STILL: Duration = Duration::from_secs(10);
/// The database's clock and ours run alike to within this, unless one of them jumped. Leases are renewed
/// twice in their time: less costs none.
const JUMPED: TimeDelta = TimeDelta::seconds(10);

/// Runs until the server stops.
pub(crate) async fn run(state: AppState) {
    let mut waiter = state.wakeups.waiter();
    let mut swept = Instant::now();
    let mut looked = Instant::now();
    let mut passed = Instant::now();
    let mut hinted = BTreeSet::new();
    let mut clock = None;
    // At the start all are looked at.
    let mut look = true;
    while !state.stop.is_cancelled() {
        let sweep = swept.elapsed() >= SWEEP_EVERY;
        if passed.elapsed() >= STOOD_STILL {
            state.engine.was_deaf();
        }
        let hinted_at = std::mem::take(&mut hinted);
        let pass = Box::pin(pass(&state, hinted_at, &mut clock, look, sweep));
        match state.pulse.while_it_beats(pass).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::warn!(%error, "a reconciler failed; it looks again shortly");
                state.engine.was_deaf();
            }
            None => state.engine.was_deaf(),
        }
        passed = Instant::now();
        if look {
            looked = passed;
        }
        if sweep {
            swept = Instant::now();
        }
        let fits = |hint| matches!(hint, Hint::Queue | Hint::Link(_));
        let mut heard = tokio::select! {
            heard = waiter.wait(fits) => heard,
            () = state.stop.cancelled() => None,
        };
        // Hints were lost, or there was none for long enough.
        look = heard.is_none() || looked.elapsed() >= LOOK_EVERY;
        while let Some((tenant, hint)) = heard {
            match hint {
                Hint::Link(runner) => tell(&state, runner).await,
                _ => {
                    hinted.insert(tenant);
                }
            }
            heard = waiter.there(fits);
        }
    }
}

/// Tells a runner what there is to tell, where its link is ours.
async fn tell(state: &AppState, runner: RunnerId) {
    let Some(tenant) = state.connections.tenant_of(runner) else {
        return;
    };
    let told = state
        .pulse
        .while_it_answers(state.engine.remind(tenant, runner));
    if let Some(Err(error)) = told.await {
        tracing::warn!(%error, %runner, "a runner could not be told; it is repeated shortly");
    }
}

async fn pass(
    state: &AppState,
    hinted: BTreeSet<TenantId>,
    clock: &mut Option<Clocks>,
    look: bool,
    sweep: bool,
) -> freehold_engine::Result<()> {
    // What was hinted at somebody waits for. Leases run out by the clock: the look each second sees them.
    let hint = |tenant| Due {
        tenant,
        ready: true,
        expired: false,
        places: true,
    };
    in_turns(state, hinted.iter().copied().map(hint).collect()).await?;
    if look {
        look_at_all(state, &hinted, clock).await?;
    }
    if sweep {
        for tenant in state.connections.tenants() {
            alone(tenant, answered(state, state.engine.sweep(tenant)).await)?;
        }
    }
    Ok(())
}

/// The database's time, and when it was told by a clock that never jumps.
type Clocks = (DateTime<Utc>, Instant);

/// Whether the database's clock went on otherwise than ours since it was last looked at.
fn has_jumped(before: &mut Option<Clocks>, now: Option<Clocks>) -> bool {
    let (Some((then, at)), Some((time, now))) = (std::mem::replace(before, now), now) else {
        return false;
    };
    let passed = TimeDelta::from_std(now.duration_since(at)).unwrap_or(TimeDelta::MAX);
    (time - then - passed).abs() > JUMPED
}

/// Looks after all tenants that have something to do, but those that were just looked after.
async fn look_at_all(
    state: &AppState,
    already: &BTreeSet<TenantId>,
    clock: &mut Option<Clocks>,
) -> freehold_engine::Result<()> {
    let mut after = None;
    loop {
        let store = state.engine.store();
        let page = async { Ok(store.queue_tenants(after, TENANTS).await?) };
        let mut due = answered(state, page).await?;
        // After what was found by that clock, and before anything is done about it.
        if after.is_none() {
            let now = answered(state, async { Ok(store.clock().await?) }).await?;
            let now = now.map(|time| (time, Instant::now()));
            if has_jumped(clock, now) {
                tracing::warn!("the database's clock jumped; leases are given time to be renewed");
                state.engine.was_deaf();
            }
        }
        let Some(last) = due.last() else {
            return Ok(());
        };
        after = Some(last.tenant);
        due.retain(|due| due.expired || !already.contains(&due.tenant));
        in_turns(state, due).await?;
    }
}

/// What is done in one go. Where its session is dead, nobody can say what became of it.
async fn answered<T>(
    state: &AppState,
    work: impl Future<Output = freehold_engine::Result<T>>,
) -> freehold_engine::Result<T> {
    let done = state.pulse.while_it_answers(work).await;
    done.unwrap_or_else(|| Err(Error::Store(StoreError::gone())))
}

/// Looks after each in turn, and again after those who have more to do than fits into one turn: no
/// tenant's thousands hold up another's one.
async fn in_turns(state: &AppState, mut due: Vec<Due>) -> freehold_engine::Result<()> {
    let began = Instant::now();
    // What is left over is looked at with the next pass: others' leases must not wait for it.
    while !due.is_empty() && began.elapsed() < LOOK_EVERY && !state.stop.is_cancelled() {
        let mut again = Vec::new();
        for one in due {
            let has_more = answered(state, Box::pin(state.engine.reconcile(&one))).await;
            if alone(one.tenant, has_more)?.unwrap_or(false) {
                again.push(one);
            }
        }
        due = again;
    }
    Ok(())
}

/// A tenant's own trouble is no other tenant's; that of the database is everybody's.
fn alone<T>(
    tenant: TenantId,
    done: freehold_engine::Result<T>,
) -> freehold_engine::Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Error::Store(error)) if error.is_away() => Err(Error::Store(error)),
        Err(error) => {
            tracing::error!(%tenant, %error, "a tenant cannot be looked after");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_seen_in_either_direction_and_one_that_runs_is_not() {
        let began = Instant::now();
        let at = |database: i64, ours: u64| {
            let time = DateTime::from_timestamp(1_000_000 + database, 0)?;
            Some((time, began + Duration::from_secs(ours)))
        };
        let mut clock = None;
        assert!(!has_jumped(&mut clock, at(0, 0)), "nothing was before it");
        assert!(!has_jumped(&mut clock, at(3605, 3600)), "a little fast");
        for (database, ours) in [(7200, 3601), (3600, 3602), (3612, 3603)] {
            assert!(has_jumped(&mut clock, at(database, ours)), "{database}");
            assert!(!has_jumped(&mut clock, at(database + 1, ours + 1)));
        }
        // Where a test turns the time, nobody knows.
        assert!(!has_jumped(&mut clock, None));
        assert!(!has_jumped(&mut clock, at(0, 9000)));
    }
}
