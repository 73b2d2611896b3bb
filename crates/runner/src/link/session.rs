//! One connection: two loops that do not wait for each other, one reads and one writes.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use freehold_wire::link::{Down, Frame, Heartbeat, Nack, Up, clock_off};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::backoff::Backoff;
use super::handshake::{self, Socket, ping, text};
use super::window::Window;
use super::{CONNECT_WITHIN, Hear, LinkError};
use crate::context::Context;
use crate::outbox::{Outbox, OutboxError, numbered};

/// A frame that is not gone by then never will be.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// Heartbeats without a sign of the server after which it is gone.
const SILENCE: u32 = 3;

/// Connects and stays until the connection ends.
pub(super) async fn run(
    context: &Context,
    hear: &impl Hear,
    backoff: &mut Backoff<'_>,
) -> Result<(), LinkError> {
    let (socket, welcome) = timeout(CONNECT_WITHIN, Box::pin(handshake::connect(context)))
        .await
        .map_err(|_| LinkError::Silent(CONNECT_WITHIN))??;
    context
        .vault
        .unwrap_keys(&context.identity.seal_key(), &welcome.keys)?;
    let ours = context.clock.now();
    let off = welcome.now.and_then(|now| clock_off(ours, now));
    if let Some(ahead) = off {
        tracing::warn!(
            seconds_ahead = ahead.num_seconds(),
            "this host's clock is off by {}: set it, for instance with `timedatectl set-ntp true`; until then times of what it says are corrected by the server",
            in_words(ahead)
        );
    }
    if let Some(lineage) = welcome.lineage {
        context.outbox.on_line(lineage).await?;
    }
    context.outbox.resume(welcome.last_acked).await?;
    backoff.reset();
    context.link.session.send_replace(Some(welcome.session));
    context.status.send_modify(|status| {
        status.connected = true;
        status.trouble = None;
        status.clock_ahead_s = off.map(|ahead| ahead.num_seconds());
    });
    tracing::info!(resumed_behind = welcome.last_acked, "link up");
    let (sink, stream) = socket.split();
    let acked = watch::Sender::new(welcome.last_acked);
    let write = Write {
        context,
        sink,
        acked: acked.subscribe(),
        cursor: welcome.last_acked,
        window: Window::new(),
    };
    let mut queued = context.link.queued.lock().await;
    tokio::select! {
        ended = read(context, hear, stream, &acked) => ended,
        ended = write.run(&mut queued) => ended,
    }
}

/// The size of it: people want to know whether it is minutes, a time zone or a day.
fn in_words(off: TimeDelta) -> String {
    let minutes = off.num_minutes().abs();
    let way = if off < TimeDelta::zero() {
        "behind"
    } else {
        "ahead"
    };
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    format!("{days} d {hours} h {minutes} min ({way})")
}

async fn read(
    context: &Context,
    hear: &impl Hear,
    mut stream: SplitStream<Socket>,
    acked: &watch::Sender<u64>,
) -> Result<(), LinkError> {
    let silence = context.pace.heartbeat * SILENCE;
    loop {
        let message = timeout(silence, stream.next())
            .await
            .map_err(|_| LinkError::Silent(silence))?;
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_))) | None => return Err(LinkError::Closed),
            Some(Ok(_)) => {
                nack(context, None, "malformed", "a frame that is not text").await;
                continue;
            }
            Some(Err(error)) => return Err(error.into()),
        };
        match serde_json::from_str::<Frame<Down>>(&text) {
            Ok(frame) => take(context, hear, frame, acked).await?,
            Err(error) => unreadable(context, &text, &error).await,
        }
    }
}

async fn take(
    context: &Context,
    hear: &impl Hear,
    frame: Frame<Down>,
    acked: &watch::Sender<u64>,
) -> Result<(), LinkError> {
    if let Some(ack) = frame.ack
        && acked.send_if_modified(|last| std::mem::replace(last, ack.max(*last)) < ack)
    {
        context.outbox.ack(ack).await?;
    }
    match frame.body {
        Down::Ack {} => {}
        Down::Nack(nack) if nack.code == "protocol" => {
            return Err(LinkError::Refused {
                code: nack.code,
                message: nack.message,
            });
        }
        Down::Nack(nack) => tracing::warn!(nack.code, nack.message, "the server refused a frame"),
        Down::Challenge(_) | Down::Welcome(_) => {
            nack(context, frame.id, "malformed", "only at the start").await;
        }
        body => hear.hear(frame.id, body).await,
    }
    Ok(())
}

async fn unreadable(context: &Context, text: &str, error: &serde_json::Error) {
    #[derive(serde::Deserialize)]
    struct Head {
        t: String,
        id: Option<String>,
    }
    const KNOWN: [&str; 11] = [
        "challenge",
        "welcome",
        "ack",
        "offer",
        "cancel",
        "drop",
        "probe",
        "sweep",
        "environment_start",
        "environment_stop",
        "nack",
    ];
    let (code, id) = match serde_json::from_str::<Head>(text) {
        Ok(head) if KNOWN.contains(&head.t.as_str()) => ("malformed", head.id),
        Ok(head) => ("unknown", head.id),
        Err(_) => ("malformed", None),
    };
    // Only the shape of the mistake: the frame may hold content.
    let message = format!("{:?} at column {}", error.classify(), error.column());
    nack(context, id, code, &message).await;
}

async fn nack(context: &Context, id: Option<String>, code: &str, message: &str) {
    let body = Up::Nack(Nack {
        code: code.to_owned(),
        message: message.to_owned(),
    });
    let frame = Frame {
        id,
        ..Frame::new(body)
    };
    context.link.say(frame).await;
}

struct Write<'a> {
    context: &'a Context,
    sink: SplitSink<Socket, Message>,
    acked: watch::Receiver<u64>,
    cursor: u64,
    window: Window,
}

impl Write<'_> {
    async fn run(mut self, queued: &mut mpsc::Receiver<Frame<Up>>) -> Result<(), LinkError> {
        let context = self.context;
        if context.status.borrow().draining {
            // Said on an earlier connection, and forgotten with it.
            self.send(text(&Frame::new(Up::Draining {}))?).await?;
        }
        let mut heartbeat = interval(context.pace.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.look_at_acked();
            let room = self.window.has_room();
            tokio::select! {
                biased;
                _ = heartbeat.tick() => {
                    let mut jobs = context.jobs.list();
                    jobs.extend(context.outbox.unsaid().await?);
                    let environments = Some(context.environments.held());
                    let heartbeat = Heartbeat { jobs, environments };
                    self.send(text(&Frame::new(Up::Heartbeat(heartbeat)))?).await?;
                    self.send(ping()).await?;
                }
                Some(frame) = queued.recv() => self.send(text(&frame)?).await?,
                changed = self.acked.changed(), if !room => changed.map_err(|_| LinkError::Closed)?,
                batch = batch(&context.outbox, self.cursor), if room => self.send_batch(batch?).await?,
            }
        }
    }

    fn look_at_acked(&mut self) {
        let acked = *self.acked.borrow_and_update();
        self.window.acked(acked, Instant::now());
        self.context.outbox.line_is_quick(self.window.is_quick());
    }

    async fn send_batch(&mut self, batch: Batch) -> Result<(), LinkError> {
        for (seq, frame) in batch.frames {
            // What is left is read again: before it goes, a heartbeat may have to.
            if !self.window.has_room() {
                return Ok(());
            }
            self.cursor = seq;
            let Some(text) = numbered(seq, &frame) else {
                tracing::error!(seq, "a damaged frame in the outbox is skipped");
                continue;
            };
            self.window.sent(seq, text.len(), Instant::now());
            self.send(Message::Text(text.into())).await?;
        }
        self.cursor = batch.through;
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), LinkError> {
        timeout(SEND_WITHIN, self.sink.send(message))
            .await
            .map_err(|_| LinkError::Silent(SEND_WITHIN))??;
        Ok(())
    }
}

struct Batch {
    frames: Vec<(u64, Vec<u8>)>,
    /// Nothing up to here is left to be sent.
    through: u64,
}

/// Frames behind `cursor`, as soon as there are any. Cancel-safe.
async fn batch(outbox: &Outbox, cursor: u64) -> Result<Batch, OutboxError> {
    let mut level = outbox.level();
    let last = level
        .wait_for(|level| level.last > cursor)
        .await
        .map_err(|_| crate::writer::Stopping)?
        .last;
    let frames = outbox.since(cursor).await?;
    // Numbers without a frame were purged.
    let through = frames.last().map_or(last, |(seq, _)| *seq);
    Ok(Batch { frames, through })
}
