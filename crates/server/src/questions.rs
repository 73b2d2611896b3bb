//! Questions of other servers to runners that have their link here.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::AppState;

/// Questions that are put at a time: each waits for a runner, and holds no connection to the database
/// meanwhile.
const AT_ONCE: usize = 16;

/// Takes them until the server stops.
pub(crate) async fn run(state: AppState) {
    let mut waiter = state.wakeups.waiter();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let taking = async {
        loop {
            // A hint that was lost is said again by whoever asked.
            let tenant = waiter.question().await;
            if !state.connections.has(tenant) {
                continue;
            }
            let Ok(place) = room.clone().acquire_owned().await else {
                return;
            };
            let state = state.clone();
            state.tasks.clone().spawn(async move {
                let _place = place;
                let answering = async {
                    while state.connections.has(tenant)
                        && let Some(question) = state.engine.question_take(tenant).await?
                    {
                        // Whoever asked says it again: not before.
                        if !state.engine.question_put(tenant, question).await? {
                            break;
                        }
                    }
                    Ok::<_, freehold_engine::Error>(())
                };
                tokio::select! {
                    () = state.stop.cancelled() => {}
                    done = state.pulse.while_it_beats(answering) => {
                        if let Some(Err(error)) = done {
                            tracing::warn!(%error, %tenant, "a question of another server has no answer");
                        }
                    }
                }
            });
        }
    };
    tokio::select! {
        () = taking => {}
        () = state.stop.cancelled() => {}
    }
}
