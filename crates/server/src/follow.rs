//! Streams of a run: its events, and the agent's own output.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_engine::event::Reader;
use freehold_wire::api::Event;
use futures_util::Stream;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::AppState;
use crate::answer::{Answer, Params, SignedIn};
use crate::wake::Waiter;

/// Events read at once: bounds what one follower makes the server hold.
const BATCH: u32 = 200;
/// How often it is asked whether the token still stands, whatever was heard.
const RECHECK: Duration = Duration::from_secs(15);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct From {
    /// The last `seq` that was seen; from the first event on where silent.
    after: Option<u64>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Logs {
    /// Go on until the run has ended.
    #[serde(default)]
    follow: bool,
    /// Only about the last so many bytes.
    tail: Option<u64>,
}

/// The server stops, the database is gone, or the token is void: resuming tells which.
#[derive(Debug, thiserror::Error)]
#[error("the stream broke off; resume it")]
struct BrokenOff;

/// Reads a run's events batch after batch, and waits for more.
struct Follower {
    state: AppState,
    session: SignedIn,
    recheck_at: Instant,
    reader: Reader,
    waiter: Waiter,
    after: u64,
    end: bool,
}

impl Follower {
    fn new(state: AppState, session: SignedIn, reader: Reader, after: u64) -> Self {
        let waiter = state.wakeups.waiter();
        Self {
            state,
            session,
            recheck_at: Instant::now() + RECHECK,
            reader,
            waiter,
            after,
            end: false,
        }
    }

    /// The next events; none when the run has ended, or where there are none yet and `follow` is
    /// not asked for.
    ///
    /// # Errors
    /// When the server stops, the database is gone or the person has signed out: the client must
    /// see a broken stream, not an end, and resume.
    async fn next(&mut self, follow: bool) -> Result<Option<Vec<Event>>, BrokenOff> {
        loop {
            if self.end {
                return Ok(None);
            }
            if self.state.stop.is_cancelled() {
                return Err(BrokenOff);
            }
            // Who is kept busy by what happens waits for no hint, and must hear of this one all the same.
            if self.waiter.signed_out() {
                self.recheck_at = Instant::now();
            }
            self.check_token().await?;
            let batch = match self
                .reader
                .next(&self.state.engine, self.after, BATCH)
                .await
            {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::warn!(%error, run = %self.reader.run(), "a stream of events broke off");
                    return Err(BrokenOff);
                }
            };
            self.end = batch.end;
            if let Some(last) = batch.events.last() {
                self.after = last.seq;
                return Ok(Some(batch.events));
            }
            if !follow {
                return Ok(None);
            }
            tokio::select! {
                signed_out = self.waiter.run(self.reader.run()) => if signed_out {
                    self.recheck_at = Instant::now();
                },
                () = self.state.stop.cancelled() => {}
            }
        }
    }

    /// Whoever signed out, or was locked out, reads nothing more.
    async fn check_token(&mut self) -> Result<(), BrokenOff> {
        if Instant::now() < self.recheck_at {
            return Ok(());
        }
        self.recheck_at = Instant::now() + RECHECK;
        let stands = self.session.stands(&self.state.engine).await;
        stands.map_err(|_| BrokenOff)
    }
}

/// Streams what happens in a run, from `after` or the `Last-Event-ID` on; ends when the run has ended.
#[utoipa::path(
    get, path = "/runs/{run}/events/stream", tag = "runs",
    params(From, ("last-event-id" = Option<u64>, Header,
        description = "As `after`, which it goes before: what a browser sends when it resumes.")),
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "One `Event` each, as JSON in `data`; `id` is its `seq`.")),
)]
pub(crate) async fn event_follow(
    State(state): State<AppState>,
    session: SignedIn,
    Path(run): Path<String>,
    Params(from): Params<From>,
    headers: HeaderMap,
) -> Answer<Response> {
    let resumed = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.parse().ok());
    let after = resumed.or(from.after).unwrap_or(0);
    let reader = state.engine.events(&session.session.caller, &run).await?;
    let follower = Follower::new(state, session, reader, after);
    let stream = futures_util::stream::unfold(
        (follower, Vec::new().into_iter()),
        |(mut follower, mut ready)| async move {
            loop {
                if let Some(event) = ready.next() {
                    return Some((Ok(sse(&event)), (follower, ready)));
                }
                match follower.next(true).await {
                    Ok(events) => ready = events?.into_iter(),
                    Err(broken) => return Some((Err(broken), (follower, ready))),
                }
            }
        },
    );
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::default())
        .into_response())
}

fn sse(event: &Event) -> axum::response::sse::Event {
    let line = serde_json::to_string(event).unwrap_or_default();
    axum::response::sse::Event::default()
        .id(event.seq.to_string())
        .data(line)
}

/// Streams the agent's own output, byte for byte.
#[utoipa::path(
    get, path = "/runs/{run}/logs", tag = "runs", params(Logs),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream",
        description = "The bytes, as the agent wrote them.")),
)]
pub(crate) async fn run_logs(
    State(state): State<AppState>,
    session: SignedIn,
    Path(run): Path<String>,
    Params(query): Params<Logs>,
) -> Answer<Response> {
    let reader = state.engine.events(&session.session.caller, &run).await?;
    let after = match query.tail {
        Some(bytes) => state.engine.event_tail(&reader, bytes).await?,
        None => 0,
    };
    let stream = output(Follower::new(state, session, reader, after), query.follow);
    let headers = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((headers, Body::from_stream(stream)).into_response())
}

fn output(follower: Follower, follow: bool) -> impl Stream<Item = Result<Bytes, BrokenOff>> {
    futures_util::stream::unfold(follower, move |mut follower| async move {
        match follower.next(follow).await {
            Ok(events) => {
                let bytes: Vec<u8> = events?.iter().filter_map(agent_output).flatten().collect();
                Some((Ok(bytes.into()), follower))
            }
            Err(broken) => Some((Err(broken), follower)),
        }
    })
}

fn agent_output(event: &Event) -> Option<Vec<u8>> {
    let text = |key: &str| event.payload.get(key).and_then(serde_json::Value::as_str);
    if event.kind != "output" || text("step") != Some("agent") {
        return None;
    }
    match (text("text"), text("base64")) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, Some(coded)) => STANDARD.decode(coded).ok(),
        (None, None) => None,
    }
}
