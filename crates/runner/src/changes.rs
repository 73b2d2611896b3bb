//! What each change means in SQL. Every function runs inside the writer's transaction.

use freehold_model::run::JobKind;
use freehold_wire::link::{JobRef, RunRef};
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::writer::{Change, Level};

/// Jobs that are remembered after their end, to know a repeated offer. Newest first.
const REMEMBERED: i64 = 1000;

/// Applies a change; answers as [`Change`] says. `known` is the last number that the server can have
/// seen from what this file remembers.
pub(crate) async fn apply(
    on: &mut SqliteConnection,
    change: &Change,
    known: u64,
    level: &mut Level,
) -> Result<bool, sqlx::Error> {
    match change {
        Change::Put { of, frame } => {
            level.brought += frame.len() as u64;
            put(on, *of, frame, level).await
        }
        Change::Ack(seq) => ack(on, *seq, level).await,
        Change::Resume(seq) => resume(on, *seq, known, level).await,
        Change::Line(lineage) => {
            // What was said on another line says nothing about this one.
            sqlx::query(
                "INSERT INTO server (one, lineage, acked) VALUES (1, ?1, 0)
                 ON CONFLICT (one) DO UPDATE SET lineage = ?1, acked = 0 WHERE lineage <> ?1",
            )
            .bind(lineage)
            .execute(on)
            .await?;
            Ok(true)
        }
        Change::Take {
            job,
            kind,
            at,
            frame,
        } => {
            let kind = match kind {
                JobKind::Execute => "execute",
                JobKind::Land => "land",
            };
            let fresh = take(on, *job, kind, at).await?;
            if fresh {
                put(on, Some(*job), frame, level).await?;
            }
            Ok(fresh)
        }
        Change::Step { job, step, at } => {
            sqlx::query("UPDATE jobs SET step = ?3, changed_at = ?4 WHERE run = ?1 AND epoch = ?2")
                .bind(job.run.to_string())
                .bind(job.epoch)
                .bind(&step.name)
                .bind(at)
                .execute(&mut *on)
                .await?;
            sqlx::query(
                "INSERT OR IGNORE INTO steps (run, epoch, number, name, version, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .bind(job.run.to_string())
            .bind(job.epoch)
            .bind(step.number)
            .bind(&step.name)
            .bind(&step.version)
            .bind(at)
            .execute(on)
            .await?;
            Ok(true)
        }
        Change::Order { job, order } => {
            sqlx::query("UPDATE jobs SET order_id = ?3 WHERE run = ?1 AND epoch = ?2")
                .bind(job.run.to_string())
                .bind(job.epoch)
                .bind(order)
                .execute(on)
                .await?;
            Ok(true)
        }
        Change::Process { job, pid, started } => {
            sqlx::query("INSERT OR IGNORE INTO processes (run, epoch, pid, started) VALUES (?1, ?2, ?3, ?4)")
                .bind(job.run.to_string())
                .bind(job.epoch)
                .bind(pid)
                .bind(started.cast_signed())
                .execute(on)
                .await?;
            Ok(true)
        }
        Change::End { job, at, frame } => {
            let which = RunRef {
                run: job.run,
                epoch: job.epoch,
            };
            let held = end(on, which, at).await?;
            if held {
                put(on, Some(*job), frame, level).await?;
            }
            Ok(held)
        }
        Change::Forget { run, at } => {
            end(on, *run, at).await?;
            let gone = sqlx::query(
                "DELETE FROM outbox WHERE run = ?1 AND epoch = ?2 RETURNING length(frame)",
            )
            .bind(run.run.to_string())
            .bind(run.epoch)
            .fetch_all(on)
            .await?;
            level.remove(gone.iter().map(|row| row.get::<i64, _>(0)));
            Ok(true)
        }
    }
}

impl Level {
    fn remove(&mut self, gone: impl Iterator<Item = i64>) {
        for length in gone {
            self.frames = self.frames.saturating_sub(1);
            let length = usize::try_from(length).unwrap_or(0);
            self.bytes = self.bytes.saturating_sub(length);
        }
    }
}

async fn put(
    on: &mut SqliteConnection,
    of: Option<JobRef>,
    frame: &[u8],
    level: &mut Level,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("INSERT INTO outbox (run, epoch, frame) VALUES (?1, ?2, ?3)")
        .bind(of.map(|job| job.run.to_string()))
        .bind(of.map(|job| job.epoch))
        .bind(frame)
        .execute(on)
        .await?;
    level.last = done.last_insert_rowid().cast_unsigned();
    level.frames += 1;
    level.bytes += frame.len();
    Ok(true)
}

async fn ack(on: &mut SqliteConnection, seq: u64, level: &mut Level) -> Result<bool, sqlx::Error> {
    sqlx::query("UPDATE server SET acked = max(acked, ?1)")
        .bind(i64::try_from(seq).unwrap_or(i64::MAX))
        .execute(&mut *on)
        .await?;
    let gone = sqlx::query("DELETE FROM outbox WHERE seq <= ?1 RETURNING length(frame)")
        .bind(i64::try_from(seq).unwrap_or(i64::MAX))
        .fetch_all(on)
        .await?;
    level.remove(gone.iter().map(|row| row.get::<i64, _>(0)));
    Ok(true)
}

/// `known` is the last number that the server can have seen from what this file remembers. When
/// it has seen more, an earlier life used numbers that a power cut took back: frames behind
/// `known` would be taken for repetitions, so they move behind what the server has seen.
async fn resume(
    on: &mut SqliteConnection,
    acked: u64,
    known: u64,
    level: &mut Level,
) -> Result<bool, sqlx::Error> {
    if acked <= known {
        return ack(on, acked, level).await;
    }
    ack(&mut *on, known, level).await?;
    sqlx::query("UPDATE server SET acked = max(acked, ?1)")
        .bind(i64::try_from(acked).unwrap_or(i64::MAX))
        .execute(&mut *on)
        .await?;
    let shift = i64::try_from(acked - known).unwrap_or(0);
    let known_row = known.cast_signed();
    // Through negative numbers, so that no row meets another on its way.
    sqlx::query("UPDATE outbox SET seq = -(seq + ?1) WHERE seq > ?2")
        .bind(shift)
        .bind(known_row)
        .execute(&mut *on)
        .await?;
    sqlx::query("UPDATE outbox SET seq = -seq WHERE seq < 0")
        .execute(&mut *on)
        .await?;
    level.last += acked - known;
    sqlx::query("INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'outbox')")
        .execute(&mut *on)
        .await?;
    sqlx::query("UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'outbox'")
        .bind(level.last.cast_signed())
        .execute(on)
        .await?;
    Ok(true)
}

async fn take(
    on: &mut SqliteConnection,
    job: JobRef,
    kind: &str,
    at: &str,
) -> Result<bool, sqlx::Error> {
    let run = job.run.to_string();
    let done = sqlx::query(
        "INSERT INTO jobs (run, epoch, job, kind, step, held, changed_at)
         SELECT ?1, ?2, ?3, ?4, 'taken', 1, ?5
         WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE run = ?1 AND epoch >= ?2)",
    )
    .bind(&run)
    .bind(job.epoch)
    .bind(job.job.to_string())
    .bind(kind)
    .bind(at)
    .execute(on)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn end(on: &mut SqliteConnection, which: RunRef, at: &str) -> Result<bool, sqlx::Error> {
    let run = which.run.to_string();
    let done = sqlx::query(
        "UPDATE jobs SET held = 0, step = 'ended', changed_at = ?3
         WHERE run = ?1 AND epoch = ?2 AND held = 1",
    )
    .bind(&run)
    .bind(which.epoch)
    .bind(at)
    .execute(&mut *on)
    .await?;
    for gone in [
        "DELETE FROM processes WHERE run = ?1 AND epoch = ?2",
        "DELETE FROM steps WHERE run = ?1 AND epoch = ?2",
    ] {
        sqlx::query(gone)
            .bind(&run)
            .bind(which.epoch)
            .execute(&mut *on)
            .await?;
    }
    sqlx::query(
        "DELETE FROM jobs WHERE held = 0 AND rowid NOT IN
         (SELECT rowid FROM jobs ORDER BY changed_at DESC LIMIT ?1)",
    )
    .bind(REMEMBERED)
    .execute(on)
    .await?;
    Ok(done.rows_affected() == 1)
}
