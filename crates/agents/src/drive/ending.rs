//! Makes an agent's process end, politely first.

use std::time::Duration;

use freehold_sandbox::{Child, Exit, SandboxError};
use tokio::time::timeout;

use super::Fault;
use crate::event::Outcome;

/// After its turn an agent writes its conversation to disk and goes when its input ends.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// After a `SIGTERM`: what builds and servers below it need to clean up.
pub(super) const TERMINATE_WITHIN: Duration = Duration::from_secs(10);

/// Waits for the process, asks it to end, kills it: whichever is enough.
///
/// The conversation is over and its writer dropped, so the agent's input has ended.
pub(super) async fn end(
    child: &mut Child,
    result: &Result<Outcome, Fault>,
    cancelled: bool,
) -> Result<Exit, SandboxError> {
    let hopeless = matches!(
        result,
        Err(Fault::Timeout { .. } | Fault::Nonsense { .. } | Fault::Unheard)
    );
    if !cancelled
        && !hopeless
        && let Ok(exit) = timeout(LEAVE_WITHIN, child.wait()).await
    {
        return exit;
    }
    child.terminate();
    if let Ok(exit) = timeout(TERMINATE_WITHIN, child.wait()).await {
        return exit;
    }
    child.kill().await?;
    child.wait().await
}

/// How a process ended, in words.
pub(super) fn words(exit: &Exit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("it exited with {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "nobody saw how it ended".to_owned(),
    }
}
