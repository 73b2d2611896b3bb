//! The runners' end of the server: enrolment, the link, blobs.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{get, post};
use freehold_engine::runner::Known;
use freehold_engine::{Connected, Error};
use freehold_model::world::random;
use freehold_model::{BlobId, EnvironmentId, RunId, TenantId};
use freehold_wire::api::{Enrol, Enrolled};
use freehold_wire::link::{
    Challenge, Down, FRAME_MAX, Frame, Hello, Nack, PROTOCOL, SILENT_S, SUBPROTOCOL, Up, Welcome,
};
use freehold_wire::token::{Kind, Token};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

use crate::AppState;
use crate::answer::{Answer, Body, Refused};
use crate::gate::{Access, Routes, RunnerSession, unguarded};
use crate::hub::Registered;

/// Largest blob: the store's bound and room for sealing.
pub(crate) const BLOB_LIMIT: usize = 65 * 1024 * 1024;
/// Where runners put them, in the API.
pub(crate) const BLOBS: &str = "/api/v1/link/blobs";
/// A connection that has not said who it is by then is closed.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// A runner that has said nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(SILENT_S);
/// Frames taken in one transaction at most, in number and bytes.
const BATCH_FRAMES: usize = 128;
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// What a connection keeps for reading and for writing, in bytes. Most runners are idle, and say and hear
/// a few hundred bytes every 15 seconds; larger frames are read in several goes.
const READ_BUFFER: usize = 1024;
const WRITE_BUFFER: usize = 4 * 1024;
/// A runner that does not take a frame for so long is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(15);

/// Between a runner and us. Who it is comes in its first frame, signed, or with a token in the body.
pub(crate) fn routes() -> Routes {
    let blobs = post(blob_put).layer(DefaultBodyLimit::max(BLOB_LIMIT));
    Routes::new()
        .hidden(Access::Public, Method::GET, "/link", get(connect))
        .hidden(Access::Public, Method::POST, "/link/enrol", post(enrol))
        .hidden(Access::Runner, Method::POST, "/link/blobs", blobs)
        .hidden(
            Access::Runner,
            Method::GET,
            "/link/blobs/{blob}",
            get(blob_get),
        )
}

async fn enrol(State(state): State<AppState>, Body(enrol): Body<Enrol>) -> Answer<Json<Enrolled>> {
    Ok(Json(state.engine.runner_enrol(enrol).await?))
}

impl<S: Send + Sync> FromRequestParts<S> for RunnerSession {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let found = parts.extensions.get::<Self>();
        found.copied().ok_or_else(unguarded)
    }
}

#[derive(Deserialize)]
struct ForRun {
    run: RunId,
}

#[derive(Serialize)]
struct Stored {
    id: BlobId,
}

async fn blob_put(
    State(state): State<AppState>,
    session: RunnerSession,
    Query(target): Query<ForRun>,
    bytes: Bytes,
) -> Answer<Json<Stored>> {
    let RunnerSession { tenant, runner } = session;
    let id = state
        .engine
        .blob_put(tenant, runner, target.run, bytes.to_vec())
        .await?;
    Ok(Json(Stored { id }))
}

async fn blob_get(
    State(state): State<AppState>,
    session: RunnerSession,
    Path(blob): Path<BlobId>,
) -> Answer<Vec<u8>> {
    Ok(state
        .engine
        .blob_get(session.tenant, session.runner, blob)
        .await?)
}

async fn connect(State(state): State<AppState>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(FRAME_MAX)
        .max_frame_size(FRAME_MAX)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .on_upgrade(move |socket| {
            let tracker = state.tasks.clone();
            tracker.track_future(async move {
                let mut line = Line { state, socket };
                if let Err(end) = line.serve().await {
                    Box::pin(line.close(end)).await;
                }
            })
        })
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// The other side is gone, or closed.
    Gone,
    /// We stop.
    Stopping,
    /// Another connection of the same runner took over.
    Replaced,
    /// It will not be served; the words go to the runner.
    Refused(&'static str, String),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Problem(problem) => Self::Refused("refused", problem.detail),
            // The runner connects again and resumes; by then the database may be back.
            other => {
                tracing::warn!(error = %other, "a link ends: its frames cannot be taken now");
                Self::Gone
            }
        }
    }
}

/// One connection. There are thousands that wait: what is only done now and then (to greet, to take
/// frames) is boxed, so that its state takes room while it lasts and not as long as the connection.
struct Line {
    state: AppState,
    socket: WebSocket,
}

impl Line {
    async fn serve(&mut self) -> Result<(), End> {
        let pulse = self.state.pulse.clone();
        let greeted = pulse.while_it_beats(timeout(HELLO_TIMEOUT, Box::pin(self.greet())));
        let (hello, tenant) = (greeted.await.ok_or(End::Gone)?).map_err(|_| End::Gone)??;
        let heard = Instant::now();
        let turn = wait_for_turn(&self.state).await?;
        // Whoever waited for too long is gone, and comes again.
        if let Some(message) = futures_util::FutureExt::now_or_never(self.socket.recv()) {
            text_of(message)?;
        }
        let engine = self.state.engine.clone();
        let known = timeout(
            HELLO_TIMEOUT,
            Box::pin(engine.runner_hello(tenant, &hello, heard.elapsed())),
        );
        let known = pulse.while_it_beats(known).await.ok_or(End::Gone)?;
        let known = known.map_err(|_| End::Gone)??;
        let connected = Connected {
            runner: hello.runner,
            labels: hello.labels,
            // A tier that this version does not know is none that it can ask for.
            isolation: hello.machine.map(|machine| {
                let names = machine.isolation.iter();
                names.filter_map(|name| name.parse().ok()).collect()
            }),
            capacity: hello.capacity,
            draining: false,
            environments: hello.environments.is_some(),
        };
        let environments = hello.environments;
        let session = Token::generate(Kind::Session, &*self.state.entropy);
        let hash = session.hash();
        let begun = self.state.engine.runner_joined(&known, &hash);
        let stands = pulse.while_it_answers(Box::pin(begun)).await;
        if !stands.ok_or(End::Gone)?? {
            return Err(End::Replaced);
        }
        let mut registered = self.state.connections.register(known.tenant, connected);
        let (runner, generation) = (registered.runner, registered.generation);
        tracing::info!(%runner, tenant = %known.tenant, "a runner is connected");
        let served = self
            .talk(
                &known,
                &session,
                environments.as_deref(),
                &mut registered,
                turn,
            )
            .await;
        self.state.connections.unregister(runner, generation);
        let _turn = wait_for_turn(&self.state).await.ok();
        let told = pulse.while_it_answers(Box::pin(self.state.engine.runner_left(
            known.tenant,
            runner,
            &hash,
        )));
        if let Some(Err(error)) = told.await {
            tracing::debug!(%error, "nobody was told that a runner left");
        }
        tracing::info!(%runner, end = ?served.as_ref().err(), "a runner is disconnected");
        served
    }

    /// Who is there?
    async fn greet(&mut self) -> Result<(Box<Hello>, TenantId), End> {
        let nonce: [u8; 32] = random(&*self.state.entropy);
        self.send(&Frame::new(Down::Challenge(Challenge {
            nonce: nonce.to_vec(),
        })))
        .await?;
        let frame = self.receive().await?;
        let Some(Frame {
            body: Up::Hello(hello),
            ..
        }) = frame
        else {
            return Err(End::Refused(
                "protocol",
                "the first frame must be hello".into(),
            ));
        };
        let tenant = self.state.engine.runner_identify(&nonce, &hello).await?;
        Ok((Box::new(hello), tenant))
    }

    async fn talk(
        &mut self,
        known: &Known,
        session: &Token,
        environments: Option<&[EnvironmentId]>,
        registered: &mut Registered,
        turn: OwnedSemaphorePermit,
    ) -> Result<(), End> {
        let welcome = Welcome {
            protocol: PROTOCOL,
            tenant: known.tenant,
            last_acked: known.last_acked,
            lineage: Some(known.lineage),
            now: Some(known.at),
            session: session.to_string(),
            keys: known.keys.clone(),
        };
        self.send(&Frame::new(Down::Welcome(welcome))).await?;
        let pulse = self.state.pulse.clone();
        let reminded = pulse.while_it_answers(Box::pin(
            self.state.engine.remind(known.tenant, known.runner),
        ));
        reminded.await.ok_or(End::Gone)?.map_err(End::from)?;
        let environments = pulse.while_it_answers(Box::pin(self.environments(known, environments)));
        environments.await.ok_or(End::Gone)??;
        drop(turn);
        let stop = self.state.stop.clone();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(End::Stopping),
                frame = registered.frames.recv() => match frame {
                    Some(frame) => Box::pin(self.send(&frame)).await?,
                    None => return Err(End::Replaced),
                },
                message = unless_silent(heard, self.socket.recv()) => {
                    // What cannot be taken now the runner says again, on another connection.
                    let taken = pulse.while_it_answers(Box::pin(self.take(known, message?)));
                    taken.await.ok_or(End::Gone)??;
                    heard = Instant::now();
                }
            }
        }
    }

    /// Takes a message and, in the same transaction, those that have arrived behind it.
    async fn take(
        &mut self,
        known: &Known,
        first: Option<Result<Message, axum::Error>>,
    ) -> Result<(), End> {
        let mut lasting: Vec<(u64, Up)> = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            let Some(text) = text_of(message)? else {
                next = self.arrived(lasting.len(), bytes);
                continue;
            };
            bytes += text.len();
            match serde_json::from_str::<Frame<Up>>(&text) {
                Ok(Frame {
                    seq: Some(seq),
                    body,
                    ..
                }) => lasting.push((seq, body)),
                Ok(frame) => self.passing(known, frame).await?,
                Err(error) => {
                    let nack = Nack {
                        code: "unknown".into(),
                        message: error.to_string(),
                    };
                    self.send(&Frame::new(Down::Nack(nack))).await?;
                }
            }
            next = self.arrived(lasting.len(), bytes);
        }
        if lasting.is_empty() {
            return Ok(());
        }
        let taken = self.state.engine.take(known, &lasting).await?;
        for down in taken.say {
            self.send(&Frame::new(down)).await?;
        }
        self.send(&Frame {
            ack: Some(taken.acked),
            ..Frame::new(Down::Ack {})
        })
        .await
    }

    /// A message that is there already, if the batch has room for it.
    fn arrived(
        &mut self,
        frames: usize,
        bytes: usize,
    ) -> Option<Option<Result<Message, axum::Error>>> {
        if frames >= BATCH_FRAMES || bytes >= BATCH_BYTES {
            return None;
        }
        futures_util::FutureExt::now_or_never(self.socket.recv())
    }

    /// A frame that may be lost.
    async fn passing(&mut self, known: &Known, frame: Frame<Up>) -> Result<(), End> {
        let Known { tenant, runner, .. } = *known;
        match frame.body {
            Up::Heartbeat(heartbeat) => {
                let engine = self.state.engine.clone();
                let heard = engine.heartbeat(tenant, runner, &heartbeat.jobs).await?;
                for down in heard.say {
                    self.send(&Frame::new(down)).await?;
                }
                if heard.is_behind {
                    engine.remind(tenant, runner).await?;
                }
                let held = heartbeat.environments.as_deref();
                if heard.has_environments || held.is_some_and(|held| !held.is_empty()) {
                    self.environments(known, held).await?;
                }
                self.send(&Frame::new(Down::Ack {})).await
            }
            Up::Probed(probed) => {
                if let Some(id) = &frame.id {
                    self.state.connections.answered(runner, id, probed);
                }
                Ok(())
            }
            Up::Swept(swept) => Ok(self.state.engine.swept(tenant, &swept.runs).await?),
            Up::Draining {} => {
                self.state.connections.set_draining(runner);
                Ok(())
            }
            Up::Nack(nack) => {
                tracing::warn!(%runner, code = %nack.code, message = %nack.message, "a runner refused a frame");
                Ok(())
            }
            Up::Hello(_)
            | Up::Accepted(_)
            | Up::Event(_)
            | Up::Finished(_)
            | Up::Environment(_) => Err(End::Refused(
                "protocol",
                "this frame must carry seq, or comes too late".into(),
            )),
        }
    }

    /// Takes what a runner says of its environments, and tells it which to begin and to clear.
    async fn environments(
        &mut self,
        known: &Known,
        held: Option<&[EnvironmentId]>,
    ) -> Result<(), End> {
        let engine = self.state.engine.clone();
        let say = engine.environments_heard(known.tenant, known.runner, held);
        for down in say.await? {
            self.send(&Frame::new(down)).await?;
        }
        Ok(())
    }

    async fn send(&mut self, frame: &Frame<Down>) -> Result<(), End> {
        let text = serde_json::to_string(frame).map_err(|_| End::Gone)?;
        timeout(SEND_TIMEOUT, self.socket.send(Message::Text(text.into())))
            .await
            .map_err(|_| End::Gone)?
            .map_err(|_| End::Gone)
    }

    async fn receive(&mut self) -> Result<Option<Frame<Up>>, End> {
        loop {
            if let Some(text) = text_of(self.socket.recv().await)? {
                return Ok(serde_json::from_str(&text).ok());
            }
        }
    }

    async fn close(&mut self, end: End) {
        let (code, reason) = match end {
            End::Gone => return,
            End::Stopping => (close_code::RESTART, "the server stops".to_owned()),
            End::Replaced => (
                close_code::POLICY,
                "another connection took over".to_owned(),
            ),
            End::Refused(code, message) => {
                let nack = Nack {
                    code: code.to_owned(),
                    message: message.clone(),
                };
                // The close frame says the same; a runner that is gone needs neither.
                let _told = self.send(&Frame::new(Down::Nack(nack))).await;
                (close_code::POLICY, message)
            }
        };
        let reason: String = reason.chars().take(100).collect();
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let _closed = timeout(SEND_TIMEOUT, self.socket.send(Message::Close(Some(frame)))).await;
    }
}

/// Waits for a turn at the database, however many want one.
async fn wait_for_turn(state: &AppState) -> Result<OwnedSemaphorePermit, End> {
    tokio::select! {
        turn = state.greetings.clone().acquire_owned() => turn.map_err(|_| End::Gone),
        () = state.stop.cancelled() => Err(End::Stopping),
    }
}

/// What comes next, unless nothing has been heard for too long. What we send meanwhile is no sign
/// of the other side.
async fn unless_silent<T>(heard: Instant, next: impl Future<Output = T>) -> Result<T, End> {
    timeout_at(heard + SILENCE, next)
        .await
        .map_err(|_| End::Gone)
}

/// The text of a message; none for pings.
fn text_of(message: Option<Result<Message, axum::Error>>) -> Result<Option<String>, End> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(Some(text.to_string())),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => Ok(None),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_we_send_does_not_make_up_for_a_runner_s_silence() {
        let never = std::future::pending::<()>();
        // As after a reminder that was sent into a line that has been dead for so long.
        let silent = unless_silent(Instant::now() - SILENCE, never);
        let ended = timeout(Duration::from_secs(5), silent).await;
        assert!(matches!(ended, Ok(Err(End::Gone))), "{ended:?}");
    }
}
