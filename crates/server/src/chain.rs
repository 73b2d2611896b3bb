//! Each second: entries of the audit log get their places in their organizations' chains.

use std::time::Duration;

use crate::AppState;

/// How long an entry waits for its place, about.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until the server stops.
pub(crate) async fn run(state: AppState) {
    while !state.stop.is_cancelled() {
        let chained = state
            .pulse
            .while_it_answers(state.engine.audit_chain())
            .await;
        if let Some(Err(error)) = chained {
            tracing::warn!(%error, "entries of the audit log have no place yet; it is tried again shortly");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = state.stop.cancelled() => {}
        }
    }
}
