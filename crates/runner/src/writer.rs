//! The one writer of the runner's SQLite file. Changes are queued to it and committed in groups,
//! in the order in which they were asked for.
//!
//! WAL with `synchronous = NORMAL`: a commit outlives this process however it ends, which is what
//! a resend needs. A power cut may take the last commits back, and takes every run with it too; the
//! numbers that were used and forgotten are skipped when the server says how far it has come
//! ([`Change::Resume`]). Waiting for the disk at each commit would cost every line of an agent's
//! output milliseconds and win nothing.

use std::path::Path;
use std::time::Duration;

use freehold_model::run::JobKind;
use freehold_wire::link::{JobRef, RunRef};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Connection as _, Row as _};

use tokio::sync::{mpsc, oneshot, watch};

use crate::changes;
use crate::journal::Entered;

/// The file's name in the data directory.
pub(crate) const FILE: &str = "runner.db";
/// Changes that may wait for the writer; more than it takes in one group buys nothing.
const QUEUE: usize = 128;
/// Most bytes of frames in one transaction, so that a state frame never waits long behind output.
const GROUP_BYTES: usize = 1 << 20;
/// How long a change that failed (a full disk) waits before it is tried again.
const RETRY: Duration = Duration::from_millis(500);
/// Room that the file and its log keep: what runs have to say about a full disk must fit on it. Twice
/// what SQLite lets a log grow to before it starts over (1000 pages of 4 KiB).
const RESERVE: i64 = 8 << 20;
/// Who may read at once: the link, and what looks at the journal.
const READERS: u32 = 2;

/// Why the file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Not readable, not writable, damaged, or made by a newer version.
    #[error(
        "the runner's journal cannot be used; free space on its disk, or move the data directory away and enrol again"
    )]
    Open(#[source] sqlx::Error),
    /// Made by a newer version, or a step towards this version failed.
    #[error("the runner's journal was not made by this version; use the version that made it")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

/// Something to be committed.
#[derive(Debug)]
pub(crate) enum Change {
    /// Queues a frame for the server.
    Put { of: Option<JobRef>, frame: Vec<u8> },
    /// Everything up to here is the server's.
    Ack(u64),
    /// The server's last number at the start of a connection.
    Resume(u64),
    /// The line of history that the server's database is on.
    Line(String),
    /// Takes a job unless it, or a later epoch of its run, was taken before. Answers whether.
    Take {
        job: JobRef,
        kind: JobKind,
        at: String,
        frame: Vec<u8>,
    },
    /// What the job is at, for a later life to read.
    Step {
        job: JobRef,
        step: Entered,
        at: String,
    },
    /// The id of the order, once it was opened.
    Order { job: JobRef, order: String },
    /// A process of the job.
    Process { job: JobRef, pid: u32, started: u64 },
    /// The job is over, and this is what the server hears of it. Answers whether it was held.
    End {
        job: JobRef,
        at: String,
        frame: Vec<u8>,
    },
    /// The job is somebody else's: nothing more of it is sent.
    Forget { run: RunRef, at: String },
}

impl Change {
    /// What it weighs in a group.
    fn bytes(&self) -> usize {
        match self {
            Self::Put { frame, .. } | Self::Take { frame, .. } | Self::End { frame, .. } => {
                frame.len()
            }
            _ => 0,
        }
    }
}

type Request = (Change, Option<oneshot::Sender<bool>>);

/// How full the outbox is and how far it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Level {
    /// The last number that was given.
    pub(crate) last: u64,
    /// Frames' bytes that wait for an acknowledgement.
    pub(crate) bytes: usize,
    /// Frames that wait for an acknowledgement.
    pub(crate) frames: usize,
    /// Bytes of all frames that [`Change::Put`] brought in this life.
    pub(crate) brought: u64,
}

/// A handle on the file. Cheap to clone; the writer ends when the last clone is gone.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    changes: mpsc::Sender<Request>,
    level: watch::Receiver<Level>,
    pub(crate) reader: SqlitePool,
}

/// The writer is gone: the program is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the runner is stopping")]
pub struct Stopping;

impl Database {
    /// Opens the file in `data`, making it or bringing it up to date, and starts the writer.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) async fn open(data: &Path) -> Result<Self, DatabaseError> {
        let options = SqliteConnectOptions::new()
            .filename(data.join(FILE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10))
            // What a statement needs besides wants neither a file nor room on the disk.
            .pragma("temp_store", "MEMORY");
        let open = DatabaseError::Open;
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .map_err(open)?;
        sqlx::migrate!()
            .run(&mut connection)
            .await
            .map_err(DatabaseError::Migrate)?;
        reserve(&mut connection).await.map_err(open)?;
        // Open from the start and for good: a machine with no file left has none for another one, and whoever
        // cannot read the outbox breaks the link.
        let reader = SqlitePoolOptions::new()
            .min_connections(READERS)
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone().read_only(true))
            .await
            .map_err(open)?;
        let level = level(&mut connection).await.map_err(open)?;
        let (changes, requests) = mpsc::channel(QUEUE);
        let (report, watched) = watch::channel(level);
        let writer = Writer {
            connection,
            options,
            unsure: Some(level.last),
            report,
        };
        tokio::spawn(writer.run(requests));
        Ok(Self {
            changes,
            level: watched,
            reader,
        })
    }

    /// Queues a change; returns when there was room for it in the queue, before it is committed.
    pub(crate) async fn ask(&self, change: Change) -> Result<(), Stopping> {
        self.changes
            .send((change, None))
            .await
            .map_err(|_| Stopping)
    }

    /// Queues a change and waits until it is committed.
    pub(crate) async fn commit(&self, change: Change) -> Result<bool, Stopping> {
        let (done, answer) = oneshot::channel();
        let request = (change, Some(done));
        self.changes.send(request).await.map_err(|_| Stopping)?;
        answer.await.map_err(|_| Stopping)
    }

    /// How full the outbox is, as it changes.
    pub(crate) fn level(&self) -> watch::Receiver<Level> {
        self.level.clone()
    }
}

async fn level(connection: &mut SqliteConnection) -> Result<Level, sqlx::Error> {
    let row = sqlx::query(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0),
                count(*), coalesce(sum(length(frame)), 0) FROM outbox",
    )
    .fetch_one(connection)
    .await?;
    Ok(Level {
        last: row.get::<i64, _>(0).cast_unsigned(),
        frames: usize::try_from(row.get::<i64, _>(1)).unwrap_or(0),
        bytes: usize::try_from(row.get::<i64, _>(2)).unwrap_or(0),
        brought: 0,
    })
}

/// Writes what is then given back: SQLite keeps the pages in the file, and the log's length, and
/// writes to both where a full disk has no more room for others.
async fn reserve(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("DROP TABLE IF EXISTS reserve; CREATE TABLE reserve (room BLOB)")
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO reserve VALUES (zeroblob(?))")
        .bind(RESERVE)
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(PASSIVE); DROP TABLE reserve")
        .execute(connection)
        .await?;
    Ok(())
}

struct Writer {
    connection: SqliteConnection,
    options: SqliteConnectOptions,
    /// The last number of the life before, until the server has said how far it has come.
    unsure: Option<u64>,
    report: watch::Sender<Level>,
}

impl Writer {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.recv().await {
            let group = gather(first, &mut requests);
            let answers = loop {
                match self.apply(&group).await {
                    Ok(answers) => break answers,
                    Err(error) => {
                        tracing::warn!(%error, "the journal cannot be written; trying again");
                        tokio::time::sleep(RETRY).await;
                        self.reconnect().await;
                    }
                }
            };
            for ((_, asked), answer) in group.into_iter().zip(answers) {
                asked.map(|asked| asked.send(answer));
            }
        }
    }

    /// On a full disk SQLite takes a transaction back by itself, and the connection's own count of
    /// transactions is wrong from then on: a new one counts from nothing.
    async fn reconnect(&mut self) {
        match SqliteConnection::connect_with(&self.options).await {
            Ok(fresh) => {
                let old = std::mem::replace(&mut self.connection, fresh);
                // It is of no use any more, however it ends.
                let _ = old.close_hard().await;
            }
            Err(error) => tracing::warn!(%error, "the journal cannot be opened again"),
        }
    }

    async fn apply(&mut self, group: &[Request]) -> Result<Vec<bool>, sqlx::Error> {
        let mut unsure = self.unsure;
        let mut level_now = *self.report.borrow();
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut answers = Vec::with_capacity(group.len());
        for (change, _) in group {
            let known = unsure.unwrap_or(level_now.last);
            answers.push(changes::apply(&mut transaction, change, known, &mut level_now).await?);
            if matches!(change, Change::Resume(_)) {
                unsure = None;
            }
        }
        transaction.commit().await?;
        self.unsure = unsure;
        self.report.send_replace(level_now);
        Ok(answers)
    }
}

fn gather(first: Request, requests: &mut mpsc::Receiver<Request>) -> Vec<Request> {
    let mut bytes = first.0.bytes();
    let mut group = vec![first];
    while bytes < GROUP_BYTES && group.len() < QUEUE {
        let Ok(next) = requests.try_recv() else { break };
        bytes += next.0.bytes();
        group.push(next);
    }
    group
}
