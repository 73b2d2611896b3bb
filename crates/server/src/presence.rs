//! How many servers share this database: each grants its share of what may be asked for.

use std::time::Duration;

use crate::AppState;

/// How often they are counted: for so long a server that came or went is not reckoned with.
const EVERY: Duration = Duration::from_secs(5);

/// Counts until the server stops.
pub(crate) async fn run(state: AppState) {
    while !state.stop.is_cancelled() {
        let counted = state
            .pulse
            .while_it_answers(state.engine.servers_count())
            .await;
        if let Some(Err(error)) = counted {
            tracing::debug!(%error, "the servers could not be counted; as many as before are reckoned with");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = state.stop.cancelled() => {}
        }
    }
}
