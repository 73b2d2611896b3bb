//! Wakes the reconcilers: on a hint, and every second in any case.

use std::time::Duration;

use freehold_engine::{Error, Hint, StoreError};
use freehold_model::{RunnerId, TenantId};
use tokio::time::Instant;

use crate::AppState;

/// How often connected runners are reminded of what they may have missed.
const REMIND_EVERY: Duration = Duration::from_secs(10);
/// How often refs of ended runs are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Between two looks there is a second, unless this process or the database stood still.
const STOOD_STILL: Duration = Duration::from_secs(10);

/// Runs until the server stops.
pub(crate) async fn run(state: AppState) {
    let mut waiter = state.wakeups.waiter();
    let mut reminded = Instant::now();
    let mut swept = Instant::now();
    let mut looked = Instant::now();
    while !state.stop.is_cancelled() {
        let remind = reminded.elapsed() >= REMIND_EVERY;
        let sweep = swept.elapsed() >= SWEEP_EVERY;
        if looked.elapsed() >= STOOD_STILL {
            state.engine.was_deaf();
        }
        looked = Instant::now();
        match state
            .pulse
            .while_it_beats(pass(&state, remind, sweep))
            .await
        {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::warn!(%error, "a reconciler failed; it looks again shortly");
                state.engine.was_deaf();
            }
            None => state.engine.was_deaf(),
        }
        if remind {
            reminded = Instant::now();
        }
        if sweep {
            swept = Instant::now();
        }
        let fits = |hint| matches!(hint, Hint::Queue | Hint::Link(_));
        tokio::select! {
            heard = waiter.wait(fits) => {
                if let Some(Hint::Link(runner)) = heard {
                    tell(&state, runner).await;
                }
            }
            () = state.stop.cancelled() => {}
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

async fn pass(state: &AppState, remind: bool, sweep: bool) -> freehold_engine::Result<()> {
    for tenant in state.engine.store().tenants().await? {
        match pass_of(state, tenant, remind, sweep).await {
            Err(error @ Error::Store(StoreError::Unavailable(_))) => return Err(error),
            // Its own trouble is no other tenant's.
            Err(error) => tracing::error!(%tenant, %error, "a tenant cannot be looked after"),
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn pass_of(
    state: &AppState,
    tenant: TenantId,
    remind: bool,
    sweep: bool,
) -> freehold_engine::Result<()> {
    state.engine.reconcile(tenant).await?;
    if remind {
        for runner in state.connections.of(tenant) {
            state.engine.remind(tenant, runner).await?;
        }
    }
    if sweep {
        state.engine.sweep(tenant).await?;
    }
    Ok(())
}
