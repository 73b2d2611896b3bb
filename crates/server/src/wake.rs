//! Hints from the database, fanned out to whoever waits in this process. A hint may be lost;
//! whoever waits looks again after a while anyway.

use std::time::Duration;

use freehold_engine::{Hint, Noun};
use freehold_model::{RunId, TenantId};
use tokio::sync::broadcast;
use tokio::time::{sleep, timeout};

use crate::AppState;

/// Hints that a slow waiter may be behind before it is told to look at everything.
const BACKLOG: usize = 1024;
/// How long a waiter trusts that no hint was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Between attempts to listen again.
const RETRY: Duration = Duration::from_secs(1);

/// Where hints are given out. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Wakeups {
    sender: broadcast::Sender<Heard>,
}

/// A hint and whose it is; `None` when some were lost on their way to this process.
pub(crate) type Heard = Option<(TenantId, Hint)>;

/// Waits for hints.
pub(crate) struct Waiter(broadcast::Receiver<Heard>);

impl Wakeups {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::channel(BACKLOG).0,
        }
    }

    /// From now on no hint is missed without `wait` returning.
    pub(crate) fn waiter(&self) -> Waiter {
        Waiter(self.sender.subscribe())
    }
}

impl Waiter {
    /// Returns when a hint fits, when hints were lost, or after a while. Gives the hint, and whose it is.
    pub(crate) async fn wait(&mut self, fits: impl Fn(Hint) -> bool) -> Heard {
        let hinted = async {
            loop {
                match self.0.recv().await {
                    Ok(Some((_, hint))) if !fits(hint) => {}
                    Ok(heard) => return heard,
                    Err(broadcast::error::RecvError::Lagged(_)) => return None,
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        timeout(LOOK_AGAIN, hinted).await.unwrap_or(None)
    }

    /// The next hint that has come already and fits; `None` when there is no other.
    pub(crate) fn there(&mut self, fits: impl Fn(Hint) -> bool) -> Option<(TenantId, Hint)> {
        loop {
            match self.0.try_recv() {
                Ok(Some((tenant, hint))) if fits(hint) => return Some((tenant, hint)),
                Ok(_) => {}
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return None,
            }
        }
    }

    /// Whether somebody may have signed out, of what has come already; nothing of that is given again. To be
    /// asked before one looks at what the other hints were of.
    pub(crate) fn signed_out(&mut self) -> bool {
        let mut signed_out = false;
        loop {
            match self.0.try_recv() {
                Ok(Some((_, hint))) => signed_out |= hint == Hint::Settings(Noun::Token),
                Ok(None) | Err(broadcast::error::TryRecvError::Lagged(_)) => signed_out = true,
                Err(_) => return signed_out,
            }
        }
    }

    /// The next hint for a tenant; `None` when some were lost. Cancellation safe.
    pub(crate) async fn of(&mut self, tenant: TenantId) -> Option<Hint> {
        loop {
            match self.0.recv().await {
                Ok(Some((of, hint))) if of == tenant => return Some(hint),
                Ok(Some(_)) => {}
                Ok(None) | Err(broadcast::error::RecvError::Lagged(_)) => return None,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// The tenant that a question is put for. Cancellation safe; those that were lost it does not wait for.
    pub(crate) async fn question(&mut self) -> TenantId {
        loop {
            match self.0.recv().await {
                Ok(Some((tenant, Hint::Question))) => return tenant,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Waits for news of one run; true when it may be that somebody signed out instead.
    pub(crate) async fn run(&mut self, run: RunId) -> bool {
        let token = Hint::Settings(Noun::Token);
        let heard = self.wait(|hint| hint == Hint::Run(run) || hint == token);
        heard.await.is_some_and(|(_, hint)| hint == token)
    }
}

/// Gives hints out until the connection ends.
async fn listen(state: &AppState) {
    match state.engine.store().listen().await {
        Ok(mut listener) => {
            // What was said before, nobody heard: whoever watches looks at everything.
            let _receivers = state.wakeups.sender.send(None);
            while let Ok(hint) = listener.next().await {
                // No receiver is no error: nobody waits.
                let _receivers = state.wakeups.sender.send(hint);
            }
        }
        Err(error) => tracing::warn!(%error, "cannot listen for hints; polling meanwhile"),
    }
}

/// Listens until the server stops.
pub(crate) async fn run(state: AppState) {
    let listening = async {
        loop {
            // A connection that stands still says no hint, nor that it does not: begin anew then.
            let _done = state.pulse.while_it_beats(listen(&state)).await;
            sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = listening => {}
        () = state.stop.cancelled() => {}
    }
}
