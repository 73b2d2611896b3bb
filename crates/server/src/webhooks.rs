//! Sends what webhooks are told, each tenant in turn: nobody's slow receivers keep another's waiting.

use std::collections::HashMap;
use std::time::Duration;

use freehold_engine::Error;
use freehold_model::TenantId;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::AppState;

/// How often what is due is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon it is looked again when some were sent and more may be due: one tenant's thousands are sent
/// no faster than its share, and the database is not asked all the time.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Deliveries on their way at a time; each is a socket and some kilobytes.
const AT_ONCE: usize = 256;
/// Of them, of one tenant at most: as many of its webhooks may hang as it likes.
const OF_A_TENANT: usize = 8;
/// Tenants asked for at a time.
const TENANTS: i32 = 500;

/// What is on its way.
#[derive(Default)]
struct Flying {
    tasks: JoinSet<()>,
    whose: HashMap<Id, TenantId>,
    of: HashMap<TenantId, usize>,
}

impl Flying {
    fn landed(&mut self, landed: Result<(Id, ()), JoinError>) {
        let id = landed.map_or_else(|error| error.id(), |(id, ())| id);
        let Some(tenant) = self.whose.remove(&id) else {
            return;
        };
        if let Some(count) = self.of.get_mut(&tenant) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(&tenant);
            }
        }
    }

    fn of(&self, tenant: TenantId) -> usize {
        self.of.get(&tenant).copied().unwrap_or(0)
    }

    /// How many a tenant may have on their way while `many` have something to send: its part of what is
    /// free, and one at least.
    fn share(&self, many: usize) -> usize {
        share(AT_ONCE.saturating_sub(self.tasks.len()), many)
    }
}

fn share(free: usize, many: usize) -> usize {
    (free / many.max(1)).clamp(1, OF_A_TENANT)
}

/// Runs until the server stops. What is on its way then is given the time that the server gives.
pub(crate) async fn run(state: AppState) {
    let mut flying = Flying::default();
    let mut after = None;
    while !state.stop.is_cancelled() {
        let looked = Instant::now();
        let pass = state
            .pulse
            .while_it_answers(look(&state, &mut flying, after))
            .await;
        let has_more = match pass {
            Some(Ok(next)) => {
                after = next;
                next.is_some()
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "webhooks could not be looked after; it is tried again shortly");
                false
            }
            None => false,
        };
        let again = looked + if has_more { LOOK_AGAIN } else { LOOK_EVERY };
        wait(&state, &mut flying, looked + LOOK_AGAIN, again).await;
    }
    while let Some(done) = flying.tasks.join_next().await {
        drop(done);
    }
}

/// Until it is time to look again: sooner where something landed, and so made room.
async fn wait(state: &AppState, flying: &mut Flying, soonest: Instant, latest: Instant) {
    let mut until = latest;
    loop {
        tokio::select! {
            Some(landed) = flying.tasks.join_next_with_id() => {
                flying.landed(landed);
                until = until.min(soonest);
            }
            () = tokio::time::sleep_until(until) => return,
            () = state.stop.cancelled() => return,
        }
    }
}

/// Takes what is due of each tenant behind `after`. Gives where to go on, where there was no room for
/// all.
async fn look(
    state: &AppState,
    flying: &mut Flying,
    after: Option<TenantId>,
) -> freehold_engine::Result<Option<TenantId>> {
    let tenants = state.engine.store().webhook_tenants(after, TENANTS).await?;
    let share = flying.share(tenants.len());
    let mut last = None;
    for tenant in &tenants {
        if flying.tasks.len() >= AT_ONCE {
            return Ok(last.or(after));
        }
        last = Some(*tenant);
        let room = share.saturating_sub(flying.of(*tenant));
        let Ok(room @ 1..) = u32::try_from(room) else {
            continue;
        };
        let taken = match state.engine.webhook_take(*tenant, room).await {
            Ok(taken) => taken,
            Err(Error::Store(error)) if error.is_away() => return Err(error.into()),
            Err(error) => {
                // A tenant's own trouble is no other tenant's.
                tracing::error!(%tenant, %error, "a tenant's webhooks cannot be looked after");
                continue;
            }
        };
        for delivery in taken {
            *flying.of.entry(*tenant).or_default() += 1;
            let (engine, tenant) = (state.engine.clone(), *tenant);
            let task = flying.tasks.spawn(async move {
                if let Err(error) = engine.webhook_deliver(tenant, delivery).await {
                    tracing::warn!(%tenant, %error, "what came of a delivery is not known; it is sent again");
                }
            });
            flying.whose.insert(task.id(), tenant);
        }
    }
    let has_more = tenants.len() >= usize::try_from(TENANTS).unwrap_or(usize::MAX);
    Ok(last.filter(|_| has_more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_alone_has_its_bound_and_many_share_what_is_free() {
        assert_eq!(share(AT_ONCE, 1), OF_A_TENANT);
        assert_eq!(share(AT_ONCE, 64), 4);
        assert_eq!(share(10, 500), 1);
        assert_eq!(share(0, 0), 1);
    }
}
