//! Bytes as they are: an agent's output, a diff. A broken connection is taken up where it
//! broke; what was already printed is skipped, because what is written stays written.

use crate::client::backoff::Backoff;
use crate::client::{Client, PATIENCE, Route, Trouble};
use crate::failure::Failure;
use crate::print::Printer;

/// Copies the stream at `route` to standard output.
pub(super) async fn copy(route: &Route, client: &Client, printer: Printer) -> Result<(), Failure> {
    let mut printed: u64 = 0;
    let mut backoff = Backoff::patient(PATIENCE);
    loop {
        let mut response = match client.open(route, "*/*").await {
            Ok(response) => response,
            // Nothing was printed yet: whoever asked learns at once that nobody is there.
            Err(trouble) if printed > 0 && trouble.is_passing() => {
                backoff.wait(trouble).await?;
                continue;
            }
            Err(trouble) => return Err(trouble.into()),
        };
        let mut skip = printed;
        let lost = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let seen = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
                    skip -= seen as u64;
                    let Some(fresh) = chunk.get(seen..).filter(|fresh| !fresh.is_empty()) else {
                        continue;
                    };
                    if printer.stream(fresh)?.is_break() {
                        return Ok(());
                    }
                    printed += fresh.len() as u64;
                    backoff.good();
                }
                Ok(None) => return Ok(()),
                Err(error) => break error.to_string(),
            }
        };
        backoff.wait(Trouble::Lost(lost)).await?;
    }
}
