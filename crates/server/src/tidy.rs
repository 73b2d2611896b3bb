//! Now and then: what only grows is kept in bounds.

use std::time::Duration;

use chrono::TimeDelta;
use freehold_engine::audit_keep::LetGo;
use freehold_engine::retention::Tidied;

use crate::AppState;

/// How often. Months are made two ahead, and what is kept is counted in days.
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// After a pass that failed: a table was held, or the database was away.
const AGAIN: Duration = Duration::from_secs(60);

/// Runs until the server stops.
pub(crate) async fn run(state: AppState, keep: Option<TimeDelta>) {
    while !state.stop.is_cancelled() {
        let pass = async {
            let tidied = state.engine.tidy(keep).await?;
            let went = state.engine.audit_let_go(state.keep_audit).await?;
            Ok::<_, freehold_engine::Error>((tidied, went))
        };
        let pause = match state.pulse.while_it_beats(pass).await {
            Some(Ok((tidied, went))) => {
                if went != LetGo::default() {
                    let LetGo { entries, words } = went;
                    tracing::info!(
                        entries,
                        words,
                        "entries of audit logs, and words of some, let go"
                    );
                }
                if tidied != Tidied::default() {
                    let Tidied {
                        made,
                        dropped,
                        keys,
                        tokens,
                        deliveries,
                        runs,
                    } = tidied;
                    tracing::info!(
                        made,
                        ?dropped,
                        keys,
                        tokens,
                        deliveries,
                        runs,
                        "months made and dropped; keys, void tokens and deliveries forgotten; runs of former members ended"
                    );
                }
                EVERY
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "what is old could not be cleared; it is tried again in a minute");
                AGAIN
            }
            None => AGAIN,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = state.stop.cancelled() => {}
        }
    }
}
