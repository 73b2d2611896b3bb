//! Which jobs this runner has taken and how far each came, so that a later life of the program
//! reports what was lost, cleans up after it, and does nothing twice.

use freehold_model::run::{JobKind, Outcome};
use freehold_model::{Clock, OrderId};
use freehold_wire::link::{Finished, JobRef, RunRef, Up};
use sqlx::Row as _;
use std::sync::Arc;

use crate::outbox::{OutboxError, encode};
use crate::writer::{Change, Database, Stopping};

/// The jobs of this runner. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Journal {
    database: Database,
    clock: Arc<dyn Clock>,
    version: &'static str,
}

/// A job that an earlier life of this program held when it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// The job.
    pub job: JobRef,
    /// What it is.
    pub kind: JobKind,
    /// The step that it was in.
    pub step: String,
    /// The steps that it had entered.
    pub steps: Vec<Entered>,
    /// Processes it had started: number and start time, as the kernel counts them.
    pub processes: Vec<(u32, u64)>,
}

/// A step that a job entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entered {
    /// Its place among the job's steps, from 1.
    pub number: u32,
    /// What the program called it.
    pub name: String,
    /// The program's version.
    pub version: String,
}

impl Journal {
    /// The journal in this file, of this version of the program.
    #[must_use]
    pub(crate) fn new(database: &Database, clock: Arc<dyn Clock>, version: &'static str) -> Self {
        Self {
            database: database.clone(),
            clock,
            version,
        }
    }

    /// The version under which steps are written down.
    pub(crate) const fn version(&self) -> &'static str {
        self.version
    }

    fn at(&self) -> String {
        self.clock.now().to_rfc3339()
    }

    /// Takes a job and queues that it was accepted, in one commit. False when this epoch of the run
    /// or a later one was taken before: the offer is a repetition, and nothing happens.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub(crate) async fn take(&self, job: JobRef, kind: JobKind) -> Result<bool, OutboxError> {
        let change = Change::Take {
            job,
            kind,
            at: self.at(),
            frame: encode(&Up::Accepted(job))?,
        };
        Ok(self.database.commit(change).await?)
    }

    /// The job enters a step.
    ///
    /// # Errors
    /// [`Stopping`].
    pub(crate) async fn step(&self, job: JobRef, number: u32, name: &str) -> Result<(), Stopping> {
        let step = Entered {
            number,
            name: name.to_owned(),
            version: self.version.to_owned(),
        };
        let at = self.at();
        self.database.ask(Change::Step { job, step, at }).await
    }

    /// The job acts on this order.
    ///
    /// # Errors
    /// [`Stopping`].
    pub(crate) async fn order(&self, job: JobRef, order: OrderId) -> Result<(), Stopping> {
        let order = order.to_string();
        self.database.ask(Change::Order { job, order }).await
    }

    /// The job has started this process. Committed when it returns.
    ///
    /// # Errors
    /// [`Stopping`].
    pub(crate) async fn process(
        &self,
        job: JobRef,
        pid: u32,
        started: u64,
    ) -> Result<(), Stopping> {
        let change = Change::Process { job, pid, started };
        self.database.commit(change).await.map(drop)
    }

    /// The job has ended: it is no longer held and the server hears of it, in one commit. A job
    /// that is not held (it was fenced, or has ended) says nothing.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub(crate) async fn end(&self, finished: Finished) -> Result<bool, OutboxError> {
        let change = Change::End {
            job: finished.job,
            at: self.at(),
            frame: encode(&Up::Finished(Box::new(finished)))?,
        };
        Ok(self.database.commit(change).await?)
    }

    /// An epoch is somebody else's by now: frames of it that were not sent never are.
    ///
    /// # Errors
    /// [`Stopping`].
    pub(crate) async fn forget(&self, run: RunRef) -> Result<(), Stopping> {
        let at = self.at();
        self.database
            .commit(Change::Forget { run, at })
            .await
            .map(drop)
    }

    /// Jobs that an earlier life held, to be cleaned up after before [`Journal::lose`] is called.
    ///
    /// # Errors
    /// [`OutboxError::Read`].
    pub(crate) async fn left(&self) -> Result<Vec<Left>, OutboxError> {
        let rows = sqlx::query("SELECT job, run, epoch, step, kind FROM jobs WHERE held = 1")
            .fetch_all(&self.database.reader)
            .await
            .map_err(OutboxError::Read)?;
        let mut left = vec![];
        for row in rows {
            let parse = || {
                Some(JobRef {
                    job: row.get::<String, _>(0).parse().ok()?,
                    run: row.get::<String, _>(1).parse().ok()?,
                    epoch: row.get(2),
                })
            };
            let Some(job) = parse() else { continue };
            let kind = match row.get(4) {
                "land" => JobKind::Land,
                _ => JobKind::Execute,
            };
            left.push(Left {
                job,
                kind,
                step: row.get(3),
                steps: self.entered(job).await?,
                processes: self.processes(job).await?,
            });
        }
        Ok(left)
    }

    async fn entered(&self, job: JobRef) -> Result<Vec<Entered>, OutboxError> {
        let rows = sqlx::query(
            "SELECT number, name, version FROM steps WHERE run = ?1 AND epoch = ?2 ORDER BY number",
        )
        .bind(job.run.to_string())
        .bind(job.epoch)
        .fetch_all(&self.database.reader)
        .await
        .map_err(OutboxError::Read)?;
        let rows = rows.iter().map(|row| Entered {
            number: row.get(0),
            name: row.get(1),
            version: row.get(2),
        });
        Ok(rows.collect())
    }

    async fn processes(&self, job: JobRef) -> Result<Vec<(u32, u64)>, OutboxError> {
        let rows = sqlx::query("SELECT pid, started FROM processes WHERE run = ?1 AND epoch = ?2")
            .bind(job.run.to_string())
            .bind(job.epoch)
            .fetch_all(&self.database.reader)
            .await
            .map_err(OutboxError::Read)?;
        Ok(rows
            .iter()
            .map(|row| (row.get(0), row.get::<i64, _>(1).cast_unsigned()))
            .collect())
    }

    /// Reports a job of an earlier life as lost, once.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub(crate) async fn lose(&self, job: JobRef) -> Result<bool, OutboxError> {
        self.end(finished(job, Outcome::Lost)).await
    }
}

/// A job's end with nothing but its outcome.
pub(crate) fn finished(job: JobRef, outcome: Outcome) -> Finished {
    Finished {
        job,
        outcome,
        detail: None,
        checks: vec![],
        diff: None,
        transcript: None,
        isolation: None,
        in_force: vec![],
        agent_version: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Fixed;
    use crate::outbox::Outbox;
    use freehold_model::{JobId, RunId};

    fn job(epoch: u32) -> JobRef {
        JobRef {
            job: JobId::at(
                chrono::DateTime::UNIX_EPOCH,
                [u8::try_from(epoch).unwrap(); 10],
            ),
            run: RunId::at(chrono::DateTime::UNIX_EPOCH, [7; 10]),
            epoch,
        }
    }

    async fn kinds(outbox: &Outbox) -> Vec<String> {
        let frames = outbox.since(0).await.unwrap();
        let kind = |frame: &[u8]| {
            let value: serde_json::Value = serde_json::from_slice(frame).unwrap();
            value["t"].as_str().unwrap().to_owned()
        };
        frames.iter().map(|(_, frame)| kind(frame)).collect()
    }

    #[tokio::test]
    async fn a_job_is_taken_once_whatever_is_offered_again() {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(data.path()).await.unwrap();
        let journal = Journal::new(&database, Arc::new(Fixed), "1.0.0");
        let outbox = Outbox::new(&database);
        assert!(journal.take(job(2), JobKind::Execute).await.unwrap());
        assert!(!journal.take(job(2), JobKind::Execute).await.unwrap());
        assert!(!journal.take(job(1), JobKind::Execute).await.unwrap());
        assert!(
            journal
                .end(finished(job(2), Outcome::Cancelled))
                .await
                .unwrap()
        );
        assert!(
            !journal
                .end(finished(job(2), Outcome::Cancelled))
                .await
                .unwrap()
        );
        assert!(!journal.take(job(2), JobKind::Execute).await.unwrap());
        assert!(journal.take(job(3), JobKind::Land).await.unwrap());
        assert_eq!(kinds(&outbox).await, ["accepted", "finished", "accepted"]);
    }

    #[tokio::test]
    async fn a_later_life_finds_what_was_left_and_loses_it_once() {
        let data = tempfile::tempdir().unwrap();
        {
            let database = Database::open(data.path()).await.unwrap();
            let journal = Journal::new(&database, Arc::new(Fixed), "1.0.0");
            journal.take(job(1), JobKind::Execute).await.unwrap();
            journal.step(job(1), 1, "stage").await.unwrap();
            journal.step(job(1), 3, "agent").await.unwrap();
            journal.process(job(1), 77, 123).await.unwrap();
        }
        let database = Database::open(data.path()).await.unwrap();
        let journal = Journal::new(&database, Arc::new(Fixed), "1.0.0");
        let left = journal.left().await.unwrap();
        let entered = |number, name: &str| Entered {
            number,
            name: name.into(),
            version: "1.0.0".into(),
        };
        assert_eq!(
            left,
            [Left {
                job: job(1),
                kind: JobKind::Execute,
                step: "agent".into(),
                steps: vec![entered(1, "stage"), entered(3, "agent")],
                processes: vec![(77, 123)]
            }]
        );
        assert!(journal.lose(job(1)).await.unwrap());
        assert!(!journal.lose(job(1)).await.unwrap());
        assert_eq!(journal.left().await.unwrap(), []);
        assert_eq!(
            kinds(&Outbox::new(&database)).await,
            ["accepted", "finished"]
        );
    }

    #[tokio::test]
    async fn a_fenced_job_takes_its_unsent_frames_along() {
        let data = tempfile::tempdir().unwrap();
        let database = Database::open(data.path()).await.unwrap();
        let journal = Journal::new(&database, Arc::new(Fixed), "1.0.0");
        let outbox = Outbox::new(&database);
        journal.take(job(1), JobKind::Execute).await.unwrap();
        journal.take(job(2), JobKind::Execute).await.unwrap();
        journal
            .forget(RunRef {
                run: job(1).run,
                epoch: 1,
            })
            .await
            .unwrap();
        assert!(!journal.end(finished(job(1), Outcome::Lost)).await.unwrap());
        assert_eq!(outbox.since(0).await.unwrap().len(), 1);
        assert_eq!(outbox.level().borrow().frames, 1);
    }
}
