//! What changed in a tenant, as a stream: one for a browser, however many pages it shows.
//!
//! The stream tells that something changed, not what it is now: whoever sees a hint asks for what
//! it shows. So nothing has to be replayed after a break; on connecting, look at everything.

use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use freehold_engine::change::Pending;
use freehold_wire::api::Change;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::AppState;
use crate::answer::{Answer, SignedIn};
use crate::wake::Waiter;

/// Hints that come within this time of the last message are told in one: a run that prints
/// without end is twenty messages a second to a watcher, not thousands.
const GATHER: Duration = Duration::from_millis(50);
/// How often it is asked whether the token still stands, whatever was heard.
const RECHECK: Duration = Duration::from_secs(15);
/// How often a comment keeps the connection open through proxies.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct Watcher {
    state: AppState,
    session: SignedIn,
    waiter: Waiter,
    /// No message before this.
    quiet_until: Instant,
    recheck_at: Instant,
    ready: Vec<Change>,
    end: bool,
}

/// The stream broke off; the client connects again.
#[derive(Debug, thiserror::Error)]
#[error("the stream broke off; connect again")]
struct BrokenOff;

impl Watcher {
    /// The next message. `None` after `signed_out`.
    async fn next(&mut self) -> Result<Option<Change>, BrokenOff> {
        loop {
            if let Some(change) = self.ready.pop() {
                return Ok(Some(change));
            }
            if self.end {
                return Ok(None);
            }
            let pending = self.gather().await?;
            if pending.concerns_tokens() || Instant::now() >= self.recheck_at {
                self.recheck_at = Instant::now() + RECHECK;
                match self.session.stands(&self.state.engine).await {
                    Ok(()) => {}
                    Err(freehold_engine::Error::Problem(_)) => {
                        self.end = true;
                        return Ok(Some(Change::SignedOut));
                    }
                    Err(_) => return Err(BrokenOff),
                }
            }
            let changes = self
                .state
                .engine
                .changes(&self.session.session.caller, pending)
                .await;
            let mut changes = changes.map_err(|error| {
                tracing::warn!(%error, "a stream of changes broke off");
                BrokenOff
            })?;
            changes.reverse();
            self.ready = changes;
            self.quiet_until = Instant::now() + GATHER;
        }
    }

    /// Waits for a hint, then for what comes with it; or until the token is to be looked at.
    async fn gather(&mut self) -> Result<Pending, BrokenOff> {
        let tenant = self.session.session.caller.tenant;
        let stop = self.state.stop.clone();
        let mut pending = Pending::default();
        let mut take = |hint| match hint {
            Some(hint) => pending.add(hint),
            None => pending.lost(),
        };
        tokio::select! {
            hint = self.waiter.of(tenant) => take(hint),
            () = sleep_until(self.recheck_at) => {}
            () = stop.cancelled() => return Err(BrokenOff),
        }
        while let Ok(hint) = timeout_at(self.quiet_until, self.waiter.of(tenant)).await {
            take(hint);
        }
        Ok(pending)
    }
}

/// Streams what changes, as it does.
///
/// Hints, not history: after connecting, and after `resync`, look at everything that is shown. The
/// first message is `hello`; a comment comes every 15 seconds where nothing else does.
#[utoipa::path(
    get, path = "/changes", tag = "inbox",
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "One `Change` each, as JSON in `data`; `event` is its `change`.")),
)]
pub(crate) async fn changes(State(state): State<AppState>, session: SignedIn) -> Answer<Response> {
    let now = Instant::now();
    let watcher = Watcher {
        // From here on no hint is missed; what changed before is what the client asks for next.
        waiter: state.wakeups.waiter(),
        ready: vec![Change::Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: state.engine.now(),
        }],
        state,
        session,
        quiet_until: now,
        recheck_at: now + RECHECK,
        end: false,
    };
    let stream = futures_util::stream::unfold(watcher, |mut watcher| async move {
        match watcher.next().await {
            Ok(change) => Some((Ok(message(&change?)), watcher)),
            Err(broken) => {
                watcher.end = true;
                watcher.ready.clear();
                Some((Err(broken), watcher))
            }
        }
    });
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response())
}

fn message(change: &Change) -> Event {
    let name = match change {
        Change::Hello { .. } => "hello",
        Change::Run { .. } => "run",
        Change::Card { .. } => "card",
        Change::Settings { .. } => "settings",
        Change::Resync => "resync",
        Change::SignedOut => "signed_out",
    };
    let line = serde_json::to_string(change).unwrap_or_default();
    Event::default().event(name).data(line)
}
