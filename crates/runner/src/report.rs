//! What a job says while it works: numbered, sealed, in order.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_sandbox::SandboxError;
use freehold_wire::api::InForce;
use freehold_wire::link::{CHUNK_MAX, Finished, IN_FORCE_MAX, JobRef, RunEvent, Up};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

use crate::context::Context;
use crate::failure::Halt;
use crate::jobs::Stop;
use crate::limits::Walls;
use crate::user::{JobOwner, JobUser};

/// Under a flood, one event of output in this time: 200 a second, each as large as it may be.
const PAUSE: Duration = Duration::from_millis(5);
/// Pieces of output that wait to be put together; with [`CHUNK_MAX`], what they may hold in memory.
const PIECES: usize = 16;

/// The epoch of what is done beside the runs: epochs of runs count from 1. Nobody hears what it says.
pub(crate) const ASIDE: u32 = 0;

/// Says what happens in one job. Cheap to clone; all clones count together.
#[derive(Clone)]
pub(crate) struct Report {
    pub(crate) context: Arc<Context>,
    pub(crate) job: JobRef,
    pub(crate) stop: Stop,
    count: Arc<Mutex<u64>>,
    stood: Arc<std::sync::Mutex<Vec<InForce>>>,
    /// What stands around all its steps.
    pub(crate) walls: Arc<Walls>,
    user: Arc<JobUser>,
}

impl Report {
    pub(crate) fn new(context: Arc<Context>, job: JobRef, stop: Stop) -> Self {
        Self {
            context,
            job,
            stop,
            count: Arc::default(),
            stood: Arc::default(),
            walls: Arc::default(),
            user: Arc::default(),
        }
    }

    /// Whose its processes and its workspaces are; none where they are the runner's own.
    ///
    /// # Errors
    /// As [`JobUser::get`].
    pub(crate) async fn owner(&self) -> Result<Option<&JobOwner>, SandboxError> {
        match self.walls.has_own_user() {
            true => self.user.get().await,
            false => Ok(None),
        }
    }

    /// The same job, once it is known what is to stand around its steps.
    pub(crate) fn within(&self, walls: Walls) -> Self {
        Self {
            walls: Arc::new(walls),
            ..self.clone()
        }
    }

    /// Keeps what stood around a step, for the end of the job.
    pub(crate) fn stood(&self, step: InForce) {
        let mut all = self.stood.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < IN_FORCE_MAX {
            all.push(step);
        }
    }

    /// Adds what stood around the job's steps, however it ended: nothing where none was started.
    pub(crate) fn with_facts(&self, finished: Finished) -> Finished {
        let in_force = self
            .stood
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let weakest = in_force.iter().map(|step| step.isolation).min();
        Finished {
            isolation: weakest.map(|isolation| isolation.name().to_owned()),
            in_force,
            ..finished
        }
    }

    /// Says a fact that never waits for room. `meta` is for the server to read, `content` is not.
    pub(crate) async fn state(
        &self,
        kind: &str,
        meta: Value,
        content: Option<Value>,
    ) -> Result<(), Halt> {
        if self.job.epoch == ASIDE {
            return Ok(());
        }
        let mut count = self.count.lock().await;
        let event = self.event(*count + 1, kind, meta, content)?;
        self.context
            .outbox
            .put_state(Some(self.job), &event)
            .await?;
        *count += 1;
        Ok(())
    }

    /// Says something that waits while the outbox is full, unless the job is told to stop.
    pub(crate) async fn say(
        &self,
        kind: &str,
        meta: Value,
        content: Option<Value>,
    ) -> Result<(), Halt> {
        if self.job.epoch == ASIDE {
            return Ok(());
        }
        let mut count = self.count.lock().await;
        let event = self.event(*count + 1, kind, meta, content)?;
        tokio::select! {
            biased;
            done = self.context.outbox.put(Some(self.job), &event) => done?,
            () = self.stop.token().cancelled() => return Err(Halt::Stopped),
        }
        *count += 1;
        Ok(())
    }

    /// A remark for people.
    pub(crate) async fn note(&self, text: impl Into<String>) -> Result<(), Halt> {
        let text: String = text.into();
        self.state("note", json!({}), Some(json!({ "text": text })))
            .await
    }

    /// The detail of a job's end, sealed; none when there is no key to seal it with.
    pub(crate) fn detail(&self, text: &str) -> Option<Vec<u8>> {
        let JobRef { run, epoch, .. } = self.job;
        self.context
            .vault
            .seal(run, "detail", epoch.into(), text.as_bytes())
            .ok()
    }

    fn event(&self, n: u64, kind: &str, meta: Value, content: Option<Value>) -> Result<Up, Halt> {
        let JobRef { run, epoch, .. } = self.job;
        let content = match content {
            None => None,
            Some(value) => {
                let plain = serde_json::to_vec(&value).map_err(std::io::Error::other)?;
                Some(
                    self.context
                        .vault
                        .seal(run, &format!("event/{epoch}"), n, &plain)?,
                )
            }
        };
        Ok(Up::Event(RunEvent {
            run,
            epoch,
            n,
            ts: self.context.clock.now(),
            kind: kind.to_owned(),
            meta,
            content,
        }))
    }

    /// Takes the raw output of a step and says it as `output` events: at once when it is quiet, in
    /// large pieces under a flood. Ends when all senders are gone and everything was said.
    pub(crate) fn output(
        &self,
        step: &str,
    ) -> (
        mpsc::Sender<Piece>,
        impl Future<Output = Result<(), Halt>> + use<>,
    ) {
        let (sender, pieces) = mpsc::channel(PIECES);
        let pump = Pump {
            report: self.clone(),
            step: step.to_owned(),
            stdout: Carry::default(),
            stderr: Carry::default(),
        };
        (sender, pump.run(pieces))
    }
}

/// Raw output of a program.
#[derive(Debug)]
pub(crate) struct Piece {
    /// `stdout`, `stderr`, or `protocol`: a standard output that is spoken with, not read.
    pub(crate) stream: &'static str,
    pub(crate) bytes: Vec<u8>,
}

struct Pump {
    report: Report,
    step: String,
    stdout: Carry,
    stderr: Carry,
}

impl Pump {
    async fn run(mut self, mut pieces: mpsc::Receiver<Piece>) -> Result<(), Halt> {
        let mut waiting: Option<Piece> = None;
        let mut last: Option<Instant> = None;
        loop {
            let next = match waiting.take() {
                Some(piece) => Some(piece),
                None => pieces.recv().await,
            };
            let Some(mut piece) = next else { break };
            if let Some(rest) = last.and_then(|last| PAUSE.checked_sub(last.elapsed())) {
                waiting = gather(&mut piece, &mut pieces, rest).await;
            }
            self.say(piece.stream, &piece.bytes, false).await?;
            last = Some(Instant::now());
        }
        self.say("stdout", &[], true).await?;
        self.say("stderr", &[], true).await
    }

    async fn say(&mut self, stream: &'static str, bytes: &[u8], end: bool) -> Result<(), Halt> {
        let carry = if stream == "stderr" {
            &mut self.stderr
        } else {
            &mut self.stdout
        };
        for chunk in carry.chunks(bytes, end) {
            let meta = json!({ "step": self.step, "stream": stream, "bytes": chunk.len() });
            self.report
                .say("output", meta, Some(readable(&chunk)))
                .await?;
        }
        Ok(())
    }
}

/// Adds what comes of the same stream until the piece is full or the time is over. The first piece
/// that does not belong to it is given back.
async fn gather(
    piece: &mut Piece,
    pieces: &mut mpsc::Receiver<Piece>,
    rest: Duration,
) -> Option<Piece> {
    let over = sleep(rest);
    tokio::pin!(over);
    while piece.bytes.len() < CHUNK_MAX {
        tokio::select! {
            biased;
            next = pieces.recv() => match next {
                Some(next) if next.stream == piece.stream && piece.bytes.len() + next.bytes.len() <= CHUNK_MAX => {
                    piece.bytes.extend(next.bytes);
                }
                other => return other,
            },
            () = &mut over => return None,
        }
    }
    None
}

/// As text where it is text and that is no longer than base64; every byte survives either way.
fn readable(bytes: &[u8]) -> Value {
    if let Ok(text) = std::str::from_utf8(bytes) {
        // A control character takes six bytes as JSON.
        let escaped = bytes
            .iter()
            .filter(|byte| **byte < 0x20 && !matches!(**byte, b'\n' | b'\t' | b'\r'));
        if escaped.count() * 5 <= bytes.len() / 3 {
            return json!({ "text": text });
        }
    }
    json!({ "base64": STANDARD.encode(bytes) })
}

/// The beginning of a character whose end has not come yet.
#[derive(Default)]
struct Carry(Vec<u8>);

impl Carry {
    /// Cuts into events' worth, at character borders where there are any.
    fn chunks(&mut self, bytes: &[u8], end: bool) -> Vec<Vec<u8>> {
        let mut all = std::mem::take(&mut self.0);
        all.extend(bytes);
        if !end {
            let whole = all.len() - incomplete(&all);
            self.0 = all.split_off(whole);
        }
        let mut chunks = Vec::new();
        while !all.is_empty() {
            let mut cut = all.len().min(CHUNK_MAX);
            if cut < all.len() {
                cut -= incomplete(&all[..cut]);
            }
            let rest = all.split_off(cut);
            chunks.push(std::mem::replace(&mut all, rest));
        }
        chunks
    }
}

/// How many bytes at the end begin a UTF-8 character that is not complete.
fn incomplete(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let needs = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if needs > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: &Value) -> Vec<u8> {
        value["text"].as_str().map_or_else(
            || STANDARD.decode(value["base64"].as_str().unwrap()).unwrap(),
            |text| text.as_bytes().to_vec(),
        )
    }

    #[test]
    fn characters_are_not_cut_and_no_byte_is_lost() {
        let text = "aä€😀\n".repeat(40_000);
        for step in [1, 2, 3, 5, 4096, CHUNK_MAX, CHUNK_MAX + 1] {
            let mut carry = Carry::default();
            let mut seen = Vec::new();
            let pieces: Vec<_> = text.as_bytes().chunks(step).take(30_000).collect();
            let sent = pieces.concat();
            for (index, piece) in pieces.iter().enumerate() {
                for chunk in carry.chunks(piece, index + 1 == pieces.len()) {
                    assert!(chunk.len() <= CHUNK_MAX);
                    let value = readable(&chunk);
                    if index + 1 < pieces.len() {
                        assert!(value["text"].is_string(), "cut inside a character");
                    }
                    seen.extend(bytes(&value));
                }
            }
            assert!(seen == sent, "step {step}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let odd: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let mut carry = Carry::default();
        let mut seen = Vec::new();
        for chunk in carry
            .chunks(&odd, false)
            .into_iter()
            .chain(carry.chunks(&[], true))
        {
            seen.extend(bytes(&readable(&chunk)));
        }
        assert_eq!(seen, odd);
        // Text that would grow sixfold goes as base64, so that a frame stays below its bound.
        assert!(readable(&[1; 1000])["base64"].is_string());
        assert!(readable(b"\x1b[1mbold\x1b[0m plain text and more of it\n")["text"].is_string());
    }
}
