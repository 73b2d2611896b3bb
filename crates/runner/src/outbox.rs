//! What the server must hear, kept until it has said that it did. Bounded: whoever produces output
//! waits when it is full, and nothing is dropped. State frames are few and have room of their own.

use freehold_model::LineageId;
use freehold_wire::link::{Acked, JobRef, Up};
use sqlx::Row as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, watch};

use crate::writer::{Change, Database, Level, Stopping};

/// Most bytes of frames that wait for the server before output waits too: about half a minute of a
/// flooding agent, and small beside any disk.
pub const OUTBOX_MAX: usize = 64 << 20;
/// The same while the server is there, on a line that has not shown that it is quick: what a line of 64 kbit/s carries in
/// about a minute. Behind it stands how a job ended.
const OUTBOX_SLOW: usize = 512 << 10;
/// Jobs in one heartbeat whose end is not heard of yet: no machine works on more at once.
const UNSAID_MAX: i64 = 1000;
/// Frames that are read from disk at a time: at most 4 MiB in memory.
const READ_FRAMES: i64 = 16;

/// The queue to the server. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    database: Database,
    level: watch::Receiver<Level>,
    /// One waiter at a time looks at the level, so that many cannot overfill it together.
    turn: Arc<Mutex<()>>,
    /// How many bytes were ever asked to be written.
    asked: Arc<AtomicU64>,
    most: usize,
    /// As much of it as the line is good for.
    now: watch::Sender<usize>,
}

/// The queue cannot take or give a frame.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The program is ending.
    #[error(transparent)]
    Stopping(#[from] Stopping),
    /// The file cannot be read.
    #[error("the runner's outbox cannot be read")]
    Read(#[source] sqlx::Error),
    /// A frame cannot be written as JSON: a defect.
    #[error("a frame cannot be encoded")]
    Encode(#[source] serde_json::Error),
}

impl Outbox {
    /// The outbox in this file, holding at most [`OUTBOX_MAX`] bytes of output.
    #[must_use]
    pub(crate) fn new(database: &Database) -> Self {
        Self::bounded(database, OUTBOX_MAX)
    }

    /// As [`Outbox::new`] with another bound.
    #[must_use]
    pub(crate) fn bounded(database: &Database, most: usize) -> Self {
        Self {
            level: database.level(),
            database: database.clone(),
            turn: Arc::default(),
            asked: Arc::default(),
            most,
            now: watch::Sender::new(most),
        }
    }

    /// Queues an event, behind all that was queued before. Waits while the outbox is full.
    /// Cancelling it queues nothing or the whole frame. Written soon, not yet when it returns.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub(crate) async fn put(&self, of: Option<JobRef>, body: &Up) -> Result<(), OutboxError> {
        let frame = encode(body)?;
        let _turn = self.turn.lock().await;
        let mut level = self.level.clone();
        let mut now = self.now.subscribe();
        let queued = |level: &Level| {
            let asked = self.asked.load(Ordering::Relaxed);
            usize::try_from(asked.saturating_sub(level.brought))
        };
        loop {
            let room = now.borrow_and_update().saturating_sub(frame.len());
            let fits =
                |level: &Level| level.bytes + queued(level).unwrap_or(usize::MAX / 2) <= room;
            tokio::select! {
                there_is = level.wait_for(fits) => {
                    there_is.map_err(|_| Stopping)?;
                    break;
                }
                // The sender is our own.
                _ = now.changed() => {}
            }
        }
        self.ask(of, frame).await
    }

    /// As [`Outbox::put`] for frames that say where a run is: they never wait for room.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub(crate) async fn put_state(&self, of: Option<JobRef>, body: &Up) -> Result<(), OutboxError> {
        self.ask(of, encode(body)?).await
    }

    async fn ask(&self, of: Option<JobRef>, frame: Vec<u8>) -> Result<(), OutboxError> {
        let bytes = frame.len() as u64;
        self.database.ask(Change::Put { of, frame }).await?;
        self.asked.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Frames behind `after` in their order, a few at a time; none when there are no more.
    ///
    /// # Errors
    /// [`OutboxError::Read`].
    pub(crate) async fn since(&self, after: u64) -> Result<Vec<(u64, Vec<u8>)>, OutboxError> {
        let rows =
            sqlx::query("SELECT seq, frame FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2")
                .bind(after.cast_signed())
                .bind(READ_FRAMES)
                .fetch_all(&self.database.reader)
                .await
                .map_err(OutboxError::Read)?;
        Ok(rows
            .into_iter()
            .map(|row| (row.get::<i64, _>(0).cast_unsigned(), row.get(1)))
            .collect())
    }

    /// Jobs that have ended here, and of which the server has not heard all: on a slow line that takes longer than a lease
    /// lasts, and they are still this runner's.
    ///
    /// # Errors
    /// [`OutboxError::Read`].
    pub(crate) async fn unsaid(&self) -> Result<Vec<JobRef>, OutboxError> {
        let rows = sqlx::query(
            "SELECT job, run, epoch FROM jobs j WHERE held = 0
             AND EXISTS (SELECT 1 FROM outbox o WHERE o.run = j.run AND o.epoch = j.epoch) LIMIT ?1",
        )
        .bind(UNSAID_MAX)
        .fetch_all(&self.database.reader)
        .await
        .map_err(OutboxError::Read)?;
        let job = |row: &sqlx::sqlite::SqliteRow| {
            Some(JobRef {
                job: row.get::<String, _>(0).parse().ok()?,
                run: row.get::<String, _>(1).parse().ok()?,
                epoch: row.get(2),
            })
        };
        Ok(rows.iter().filter_map(job).collect())
    }

    /// The server has everything up to `seq` for good.
    ///
    /// # Errors
    /// [`OutboxError::Stopping`].
    pub(crate) async fn ack(&self, seq: u64) -> Result<(), OutboxError> {
        Ok(self.database.ask(Change::Ack(seq)).await?)
    }

    /// At the start of a connection the server says what it has; numbers go on behind it.
    ///
    /// # Errors
    /// [`OutboxError::Stopping`].
    pub(crate) async fn resume(&self, seq: u64) -> Result<(), OutboxError> {
        self.database.commit(Change::Resume(seq)).await?;
        Ok(())
    }

    /// The server's database is on this line of history.
    ///
    /// # Errors
    /// [`OutboxError::Stopping`].
    pub(crate) async fn on_line(&self, lineage: LineageId) -> Result<(), OutboxError> {
        let line = Change::Line(lineage.to_string());
        self.database.commit(line).await?;
        Ok(())
    }

    /// The most that a server has said it has for good; nothing of one that does not say which line
    /// its database is on.
    ///
    /// # Errors
    /// [`OutboxError::Read`].
    pub(crate) async fn acked(&self) -> Result<Option<Acked>, OutboxError> {
        let row = sqlx::query("SELECT lineage, acked FROM server")
            .fetch_optional(&self.database.reader)
            .await
            .map_err(OutboxError::Read)?;
        Ok(row.and_then(|row| {
            Some(Acked {
                lineage: row.get::<String, _>(0).parse().ok()?,
                seq: row.get::<i64, _>(1).cast_unsigned(),
            })
        }))
    }

    /// The server is there. Output waits sooner where the line has not shown that it is quick, so that what is said
    /// after it comes in a minute or so, and not in hours.
    pub(crate) fn line_is_quick(&self, is_quick: bool) {
        let most = match is_quick {
            true => self.most,
            false => self.most.min(OUTBOX_SLOW),
        };
        self.now
            .send_if_modified(|now| std::mem::replace(now, most) != most);
    }

    /// Nobody is there: all of it is for what is said meanwhile.
    pub(crate) fn line_is_gone(&self) {
        self.line_is_quick(true);
    }

    /// Changes when frames are committed or acknowledged.
    pub(crate) fn level(&self) -> watch::Receiver<Level> {
        self.level.clone()
    }
}

/// A frame's body as it is kept.
pub(crate) fn encode(body: &Up) -> Result<Vec<u8>, OutboxError> {
    serde_json::to_vec(body).map_err(OutboxError::Encode)
}

/// The text of a kept frame with its number. A body is one JSON object, never empty (`t` is always
/// there), so that the number can be put at its head without reading it again.
pub(crate) fn numbered(seq: u64, frame: &[u8]) -> Option<String> {
    let rest = std::str::from_utf8(frame).ok()?.strip_prefix('{')?;
    Some(format!("{{\"seq\":{seq},{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_wire::link::Frame;
    use std::time::Duration;

    fn frames(n: u64) -> Up {
        Up::Nack(freehold_wire::link::Nack {
            code: "test".into(),
            message: n.to_string(),
        })
    }

    async fn all(outbox: &Outbox, count: usize) -> Vec<(u64, Vec<u8>)> {
        let mut level = outbox.level();
        level.wait_for(|level| level.frames >= count).await.unwrap();
        let mut found: Vec<(u64, Vec<u8>)> = vec![];
        loop {
            let after = found.last().map_or(0, |(seq, _)| *seq);
            let more = outbox.since(after).await.unwrap();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    #[tokio::test]
    async fn frames_keep_their_order_and_number_over_a_restart() {
        let data = tempfile::tempdir().unwrap();
        for life in 0..3 {
            let database = Database::open(data.path()).await.unwrap();
            let outbox = Outbox::new(&database);
            outbox.resume(0).await.unwrap();
            for n in 0..40 {
                outbox.put(None, &frames(life * 40 + n)).await.unwrap();
            }
            let found = all(&outbox, usize::try_from(life + 1).unwrap() * 40).await;
            for (index, (seq, frame)) in found.iter().enumerate() {
                assert_eq!(*seq, index as u64 + 1);
                let text = numbered(*seq, frame).unwrap();
                let frame: Frame<Up> = serde_json::from_str(&text).unwrap();
                assert_eq!(frame.seq, Some(*seq));
                assert_eq!(frame.body, frames(index as u64));
            }
        }
    }

    #[tokio::test]
    async fn what_is_acknowledged_is_gone_and_its_numbers_are_not_used_again() {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(data.path()).await.unwrap();
        let outbox = Outbox::new(&database);
        for n in 0..3 {
            outbox.put(None, &frames(n)).await.unwrap();
        }
        outbox.resume(0).await.unwrap();
        outbox.ack(3).await.unwrap();
        outbox.put(None, &frames(9)).await.unwrap();
        let mut level = outbox.level();
        level.wait_for(|level| level.last == 4).await.unwrap();
        assert_eq!(all(&outbox, 1).await, [(4, encode(&frames(9)).unwrap())]);
        assert_eq!(level.borrow().bytes, encode(&frames(9)).unwrap().len());
    }

    #[tokio::test]
    async fn what_a_server_said_is_remembered_for_the_line_that_it_is_on() {
        let data = tempfile::tempdir().unwrap();
        let line = |n| LineageId::at(chrono::DateTime::UNIX_EPOCH, [n; 10]);
        for life in 0..2 {
            let database = Database::open(data.path()).await.unwrap();
            let outbox = Outbox::new(&database);
            if life == 0 {
                assert_eq!(outbox.acked().await.unwrap(), None);
            }
            outbox.on_line(line(1)).await.unwrap();
            outbox.resume(2).await.unwrap();
            outbox.ack(7).await.unwrap();
            // A server that has less does not make it forget what it was told.
            outbox.resume(3).await.unwrap();
            let said = Acked {
                lineage: line(1),
                seq: 7,
            };
            assert_eq!(outbox.acked().await.unwrap(), Some(said));
        }
        let database = Database::open(data.path()).await.unwrap();
        let outbox = Outbox::new(&database);
        outbox.on_line(line(2)).await.unwrap();
        outbox.resume(3).await.unwrap();
        let said = Acked {
            lineage: line(2),
            seq: 3,
        };
        assert_eq!(outbox.acked().await.unwrap(), Some(said));
    }

    #[tokio::test]
    async fn numbers_that_a_power_cut_took_back_are_skipped() {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(data.path()).await.unwrap();
        let outbox = Outbox::new(&database);
        outbox.put(None, &frames(0)).await.unwrap();
        outbox.put(None, &frames(1)).await.unwrap();
        // The server has seen ten frames of a life that this file has forgotten.
        outbox.resume(10).await.unwrap();
        outbox.put(None, &frames(2)).await.unwrap();
        let seqs: Vec<u64> = all(&outbox, 3).await.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, [11, 12, 13]);
        outbox.resume(12).await.unwrap();
        assert_eq!(all(&outbox, 1).await[0].0, 13);
    }

    #[tokio::test]
    async fn on_a_slow_line_output_waits_sooner_and_an_end_never_does() {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(data.path()).await.unwrap();
        let outbox = Outbox::new(&database);
        outbox.resume(0).await.unwrap();
        let large = |size: usize| {
            Up::Nack(freehold_wire::link::Nack {
                code: "test".into(),
                message: "x".repeat(size),
            })
        };
        outbox.line_is_quick(false);
        outbox.put(None, &large(OUTBOX_SLOW / 2)).await.unwrap();
        let producer = {
            let outbox = outbox.clone();
            tokio::spawn(async move { outbox.put(None, &large(OUTBOX_SLOW / 2)).await })
        };
        outbox.put_state(None, &frames(1)).await.unwrap();
        assert_eq!(all(&outbox, 2).await.len(), 2);
        assert!(!producer.is_finished());
        // It is quick after all, or gone: there is room at once.
        outbox.line_is_gone();
        producer.await.unwrap().unwrap();
        assert_eq!(all(&outbox, 3).await.len(), 3);
    }

    #[tokio::test]
    async fn a_full_outbox_makes_its_producer_wait_and_loses_nothing() {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(data.path()).await.unwrap();
        let outbox = Outbox::bounded(&database, 400);
        outbox.resume(0).await.unwrap();
        let producer = {
            let outbox = outbox.clone();
            tokio::spawn(async move {
                for n in 0..50 {
                    outbox.put(None, &frames(n)).await.unwrap();
                }
            })
        };
        let mut seen = 0;
        let consume = async {
            while seen < 50 {
                let found = outbox.since(seen).await.unwrap();
                if found.is_empty() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                }
                assert!(found.len() <= 12, "{} frames waited", found.len());
                for (seq, frame) in found {
                    seen += 1;
                    assert_eq!(seq, seen);
                    assert_eq!(frame, encode(&frames(seen - 1)).unwrap());
                }
                outbox.ack(seen).await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), consume)
            .await
            .unwrap();
        producer.await.unwrap();
    }
}
