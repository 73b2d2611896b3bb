//! Whether the database answers. A connection to one that stands still (frozen, or behind a network that
//! swallows everything) waits for ever, and whoever waits for it with it: so it is asked once a second,
//! over a connection of its own, and when it has not answered for some seconds all work that needs it is
//! let go of at once and said to be unavailable, until it answers again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::AppState;

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A database that has not answered for so long does not answer. With the pause before it, whoever asks
/// hears within ten seconds; a checkpoint on a slow disk takes less.
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// The database ends a statement after 15 seconds. Work of a few of them that has not ended after this waits for a
/// session that is dead, of which nobody was told: whatever lies between forgot the connection.
const DEAD_AFTER: Duration = Duration::from_secs(25);

/// The last that was heard. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pulse(Arc<watch::Sender<bool>>);

impl Pulse {
    /// Of a database that answered a moment ago.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(true)))
    }

    /// Whether it answered last time.
    pub(crate) fn beats(&self) -> bool {
        *self.0.borrow()
    }

    /// Does `work` while the database answers. `None` when it does not, or ceases to: `work` is dropped
    /// then, and what it had sent may or may not have been done.
    pub(crate) async fn while_it_beats<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut heard = self.0.subscribe();
        tokio::select! {
            biased;
            // The sender is this very value: it outlives the wait.
            _ = heard.wait_for(|beats| !beats) => None,
            done = work => Some(done),
        }
    }

    /// The same for work of a few statements, which is given up as well when its own session does not answer: that
    /// the database does on another one says nothing of this.
    pub(crate) async fn while_it_answers<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.for_so_long(DEAD_AFTER, work).await
    }

    async fn for_so_long<T>(&self, most: Duration, work: impl Future<Output = T>) -> Option<T> {
        let done = timeout(most, self.while_it_beats(work)).await;
        done.unwrap_or_else(|_| {
            tracing::warn!(
                "a session of the database does not answer; what waited for it begins anew"
            );
            None
        })
    }

    fn set(&self, beats: bool) {
        let changed = self
            .0
            .send_if_modified(|before| std::mem::replace(before, beats) != beats);
        match (changed, beats) {
            (true, true) => tracing::info!("the database answers again"),
            (true, false) => tracing::warn!("the database does not answer"),
            (false, _) => {}
        }
    }
}

/// Asks until the server stops.
pub(crate) async fn run(state: AppState) {
    let asking = async {
        loop {
            let alive = timeout(SILENT_AFTER, state.engine.store().alive()).await;
            state.pulse.set(alive == Ok(true));
            sleep(ASK_EVERY).await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = state.stop.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_that_is_dead_is_given_up_though_the_database_lives() {
        let pulse = Pulse::new();
        let stuck = pulse.for_so_long(Duration::from_millis(20), std::future::pending::<()>());
        assert_eq!(stuck.await, None);
        assert!(pulse.beats());
        assert_eq!(pulse.while_it_answers(async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn work_goes_on_until_the_database_falls_silent() {
        let pulse = Pulse::new();
        assert_eq!(pulse.while_it_beats(async { 7 }).await, Some(7));
        let other = pulse.clone();
        let stuck =
            tokio::spawn(async move { other.while_it_beats(std::future::pending::<()>()).await });
        tokio::task::yield_now().await;
        pulse.set(false);
        assert_eq!(stuck.await.unwrap(), None);
        assert!(!pulse.beats());
        // Nothing is begun while it is silent.
        let begun = async { panic!("it was begun") };
        assert_eq!(pulse.while_it_beats(begun).await, None::<()>);
        pulse.set(true);
        assert_eq!(pulse.while_it_beats(async { 8 }).await, Some(8));
    }
}
