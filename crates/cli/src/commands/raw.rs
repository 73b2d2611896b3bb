//! Bytes as they are: an agent's output, a diff. A broken connection is taken up where it
//! broke; what was already printed is skipped, because what is written stays written.

use std::ops::ControlFlow;

use freehold_wire::api::Run;
use reqwest::Response;

use crate::client::backoff::Backoff;
use crate::client::{Client, PATIENCE, Route, Trouble};
use crate::failure::Failure;
use crate::print::Printer;

/// Prints the agent's own output; with `follow` until the run has ended, with `tail` only about
/// the last so many bytes.
pub(super) async fn logs(
    name: &str,
    follow: bool,
    tail: Option<u64>,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let run = Route::of("runs", name)?;
    let route = run.clone().then("logs");
    let route = match follow {
        true => route.query("follow", true),
        false => route,
    };
    match tail {
        Some(bytes) => end_of(&route.query("tail", bytes), client, printer).await,
        None => copy(&route, follow.then_some(&run), client, printer).await,
    }
}

/// Prints a stream that begins somewhere else each time, and cannot be taken up where it broke.
async fn end_of(route: &Route, client: &Client, printer: Printer) -> Result<(), Failure> {
    let response = client.open(route, "*/*").await?;
    match drain(response, &mut 0, printer).await? {
        End::Whole | End::NobodyReads => Ok(()),
        End::Lost(trouble) => Err(trouble.into()),
    }
}

/// Prints the work as a diff.
pub(super) async fn diff(name: &str, client: &Client, printer: Printer) -> Result<(), Failure> {
    let route = Route::of("runs", name)?.then("diff");
    copy(&route, None, client, printer).await
}

/// Copies the stream at `route` to standard output. With `until` the stream is whole only when
/// that run has ended: a server that stops ends its streams politely.
async fn copy(
    route: &Route,
    until: Option<&Route>,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    let mut printed: u64 = 0;
    let mut opened = false;
    let mut backoff = Backoff::patient(PATIENCE);
    loop {
        let response = match client.open(route, "*/*").await {
            Ok(response) => response,
            // At first, whoever asked learns at once that nobody is there.
            Err(trouble) if opened && trouble.is_passing() => {
                backoff.wait(trouble).await?;
                continue;
            }
            Err(trouble) => return Err(trouble.into()),
        };
        opened = true;
        let before = printed;
        let end = drain(response, &mut printed, printer).await?;
        if printed > before {
            backoff.good();
        }
        let look = match (end, until) {
            (End::NobodyReads, _) | (End::Whole, None) => return Ok(()),
            (End::Lost(trouble), _) => Err(trouble),
            (End::Whole, Some(run)) => client.try_get::<Run>(run).await,
        };
        match look {
            Ok(run) if run.state.is_terminal() => return Ok(()),
            Ok(_) => backoff.pause().await,
            Err(trouble) if trouble.is_passing() => backoff.wait(trouble).await?,
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

enum End {
    Whole,
    NobodyReads,
    Lost(Trouble),
}

/// Prints what comes beyond the first `printed` bytes, and counts it.
async fn drain(
    mut response: Response,
    printed: &mut u64,
    printer: Printer,
) -> Result<End, Failure> {
    let mut skip = *printed;
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(End::Whole),
            Err(error) => return Ok(End::Lost(Trouble::lost(error))),
        };
        let seen = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
        skip -= seen as u64;
        let Some(fresh) = chunk.get(seen..).filter(|fresh| !fresh.is_empty()) else {
            continue;
        };
        if let ControlFlow::Break(()) = printer.stream(fresh)? {
            return Ok(End::NobodyReads);
        }
        *printed += fresh.len() as u64;
    }
}
