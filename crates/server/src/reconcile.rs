//! Wakes the reconcilers: for a tenant as soon as something of it is hinted at, and every second for
//! all that have something to do, whoever they are. A tenant with nothing to do costs nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use freehold_engine::{Due, Error, Hint};
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

/// Runs until the server stops.
pub(crate) async fn run(state: AppState) {
    let mut waiter = state.wakeups.waiter();
    let mut swept = Instant::now();
    let mut looked = Instant::now();
    let mut passed = Instant::now();
    let mut hinted = BTreeSet::new();
    // At the start all are looked at.
    let mut look = true;
    while !state.stop.is_cancelled() {
        let sweep = swept.elapsed() >= SWEEP_EVERY;
        if passed.elapsed() >= STOOD_STILL {
            state.engine.was_deaf();
        }
        let pass = pass(&state, std::mem::take(&mut hinted), look, sweep);
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
        .while_it_beats(state.engine.remind(tenant, runner));
    if let Some(Err(error)) = told.await {
        tracing::warn!(%error, %runner, "a runner could not be told; it is repeated shortly");
    }
}

async fn pass(
    state: &AppState,
    hinted: BTreeSet<TenantId>,
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
        look_at_all(state, &hinted).await?;
    }
    if sweep {
        for tenant in state.connections.tenants() {
            alone(tenant, state.engine.sweep(tenant).await)?;
        }
    }
    Ok(())
}

/// Looks after all tenants that have something to do, but those that were just looked after.
async fn look_at_all(
    state: &AppState,
    already: &BTreeSet<TenantId>,
) -> freehold_engine::Result<()> {
    let mut after = None;
    loop {
        let store = state.engine.store();
        let mut due = store.queue_tenants(after, TENANTS).await?;
        let Some(last) = due.last() else {
            return Ok(());
        };
        after = Some(last.tenant);
        due.retain(|due| due.expired || !already.contains(&due.tenant));
        in_turns(state, due).await?;
    }
}

/// Looks after each in turn, and again after those who have more to do than fits into one turn: no
/// tenant's thousands hold up another's one.
async fn in_turns(state: &AppState, mut due: Vec<Due>) -> freehold_engine::Result<()> {
    let began = Instant::now();
    // What is left over is looked at with the next pass: others' leases must not wait for it.
    while !due.is_empty() && began.elapsed() < LOOK_EVERY && !state.stop.is_cancelled() {
        let mut again = Vec::new();
        for one in due {
            let has_more = state.engine.reconcile(&one).await;
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
