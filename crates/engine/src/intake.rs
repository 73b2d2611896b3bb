//! Taking frames from a runner: each (runner, seq) once, in order, acknowledged after commit.
//! What a runner says of a run counts only under the epoch that it holds; the rest is dropped,
//! and the runner is told so.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::run::{Command, Fence};
use freehold_model::{ProjectId, RunId, RunnerId, TenantId};
use freehold_store::{Hint, NewEvent, Report, RunRow, StepRow, Tx, UsageRow};
use freehold_wire::link::{Down, Finished, JobRef, RunEvent, RunRef, Up};
use freehold_wire::problem::Code;
use serde_json::Value;

use crate::runner::Known;
use crate::{Engine, Error, Result, away, refuse};

/// Longest type of an event.
const KIND_MAX: usize = 64;
/// Longest version of a runner's program.
const VERSION_MAX: usize = 64;
/// Most metadata of an event, in bytes.
const META_MAX: usize = 16 * 1024;

/// What became of a batch.
#[derive(Debug, Default, PartialEq)]
pub struct Taken {
    /// Everything up to here is durable.
    pub acked: u64,
    /// What to tell the runner.
    pub say: Vec<Down>,
}

/// What a runner's gateway counted, or else what the agent itself says it used so far. The
/// gateway speaks last.
fn usage_of(event: &RunEvent) -> Option<UsageRow> {
    if event.kind != "agent.usage" {
        return None;
    }
    let count = |name: &str| event.meta.get(name).and_then(Value::as_u64);
    Some(UsageRow {
        requests: count("requests").unwrap_or(0),
        input_tokens: count("input_tokens")?,
        output_tokens: count("output_tokens")?,
    })
}

/// The rows that one batch has locked, and which of them the runner holds.
struct Batch {
    runner: RunnerId,
    /// How far the runner's clock is ahead, where it is off.
    ahead: TimeDelta,
    now: DateTime<Utc>,
    rows: BTreeMap<RunId, Option<RunRow>>,
    /// Projects of which jobs began (true) or ended.
    moved: BTreeMap<ProjectId, bool>,
    say: Vec<Down>,
}

impl Engine {
    /// Takes frames that must not be lost. Frames up to the last one taken are repetitions and
    /// are skipped. Numbers rise and may leave gaps: a runner that was told to drop a run throws
    /// its unsent frames away.
    ///
    /// A frame that the database can never store is dropped alone, with a warning in the log: it
    /// must not stop those behind it. A database that cannot store anything now (a full disk, a
    /// time limit, a standby) drops nothing: the runner says it again.
    ///
    /// # Errors
    /// [`Error`]; then nothing of the batch was taken.
    pub async fn take(&self, known: &Known, frames: &[(u64, Up)]) -> Result<Taken> {
        let runner = known.runner;
        match self.take_batch(known, frames, false).await {
            Err(Error::Store(error)) if error.is_of_the_data() => {
                tracing::warn!(%runner, error = &error as &dyn std::error::Error, "a batch was refused; taking its frames one by one");
                self.take_singly(known, frames).await
            }
            other => other,
        }
    }

    async fn take_singly(&self, known: &Known, frames: &[(u64, Up)]) -> Result<Taken> {
        let runner = known.runner;
        let mut all = Taken::default();
        for frame in frames {
            let one = std::slice::from_ref(frame);
            let taken = match self.take_batch(known, one, false).await {
                Err(Error::Store(error)) if error.is_of_the_data() => {
                    tracing::error!(%runner, seq = frame.0, error = &error as &dyn std::error::Error, "a frame cannot be stored; dropped");
                    self.take_batch(known, one, true).await?
                }
                other => other?,
            };
            all.acked = taken.acked;
            all.say.extend(taken.say);
        }
        Ok(all)
    }

    /// One transaction. `skip` acknowledges the frames without acting on them.
    async fn take_batch(&self, known: &Known, frames: &[(u64, Up)], skip: bool) -> Result<Taken> {
        let runner = known.runner;
        let mut tx = self.store().begin(known.tenant).await?;
        let newest = frames.iter().map(|(seq, _)| *seq).max().unwrap_or(0);
        let newest = i64::try_from(newest).unwrap_or(i64::MAX);
        let Some(taken) = tx.runner_take(runner, newest).await? else {
            return refuse(Code::Unauthenticated, "the runner was revoked");
        };
        let mut last = u64::try_from(taken).unwrap_or(0);
        let mut batch = Batch {
            runner,
            ahead: known.ahead,
            now: tx.time(),
            rows: BTreeMap::new(),
            moved: BTreeMap::new(),
            say: Vec::new(),
        };
        tx.gather_lives();
        if !skip {
            batch.lock(&mut tx, frames, last).await?;
        }
        let mut environments = Vec::new();
        for (seq, frame) in frames {
            if *seq <= last {
                continue;
            }
            last = *seq;
            if skip {
                continue;
            }
            match frame {
                Up::Event(event) => self.take_event(&mut tx, &mut batch, event).await?,
                Up::Accepted(job) => self.take_accepted(&mut tx, &mut batch, *job).await?,
                Up::Finished(finished) => {
                    self.take_finished(&mut tx, &mut batch, finished).await?;
                }
                Up::Environment(news) => environments.push(news),
                _ => {}
            }
        }
        // Rows of runs are locked before those of environments, here as everywhere.
        for (project, began) in std::mem::take(&mut batch.moved) {
            self.environment_follow(&mut tx, runner, project, began)
                .await?;
        }
        for news in environments {
            self.environment_news(&mut tx, runner, news).await?;
        }
        tx.commit().await?;
        Ok(Taken {
            acked: last,
            say: batch.say,
        })
    }

    async fn take_event(&self, tx: &mut Tx, batch: &mut Batch, event: &RunEvent) -> Result<()> {
        let fits = event.kind.len() <= KIND_MAX && event.meta.to_string().len() <= META_MAX;
        if !fits || !event.meta.is_object() {
            tracing::warn!(runner = %batch.runner, run = %event.run, "an event is malformed; dropped");
            return Ok(());
        }
        if batch.held(tx, event.run, event.epoch).await?.is_none() {
            return Ok(());
        }
        let at = batch.at(event.ts);
        if let Some(step) = step_of(event, at) {
            tx.step_put(event.run, step);
        }
        if let Some(usage) = usage_of(event) {
            tx.run_set_usage(event.run, event.epoch, usage).await?;
        }
        let new = NewEvent {
            ts: at,
            kind: event.kind.clone(),
            meta: event.meta.clone(),
            content: event.content.clone(),
            epoch: event.epoch,
            n: event.n,
        };
        tx.event_append(event.run, new);
        tx.hint(Hint::Run(event.run));
        Ok(())
    }

    async fn take_accepted(&self, tx: &mut Tx, batch: &mut Batch, job: JobRef) -> Result<()> {
        let fence = Fence {
            runner: batch.runner,
            epoch: job.epoch,
        };
        let Some(row) = batch.held(tx, job.run, job.epoch).await? else {
            return Ok(());
        };
        self.advance(tx, row, Command::Accept(fence)).await?;
        let project = row.project;
        batch.moved.insert(project, true);
        Ok(())
    }

    async fn take_finished(&self, tx: &mut Tx, batch: &mut Batch, done: &Finished) -> Result<()> {
        let JobRef { run, epoch, .. } = done.job;
        let fence = Fence {
            runner: batch.runner,
            epoch,
        };
        let Some(row) = batch.held(tx, run, epoch).await? else {
            return Ok(());
        };
        let checks = serde_json::to_value(&done.checks).unwrap_or(Value::Null);
        let version = i64::from(epoch);
        let report = Report {
            detail: done.detail.clone().map(|detail| (detail, version)),
            checks: (!done.checks.is_empty()).then_some(checks),
            diff: done.diff.map(|blob| (blob, version)),
            transcript: done.transcript,
            isolation: done.isolation.clone(),
            in_force: crate::isolation::reported(done),
            agent_version: done.agent_version.clone(),
        };
        tx.run_set_report(run, &report).await?;
        let ended = self.ended(fence, done.outcome.clone(), tx.time());
        match self.advance(tx, row, ended).await {
            Err(Error::Problem(problem)) => {
                tracing::warn!(%run, epoch, problem = %problem.detail, "an outcome does not fit; dropped");
            }
            other => {
                other?;
                away::note(tx, row).await?;
            }
        }
        let project = row.project;
        batch.moved.entry(project).or_insert(false);
        batch.rows.remove(&run);
        Ok(())
    }

    /// Refs are gone, as `sweep` asked.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn swept(&self, tenant: TenantId, runs: &[RunId]) -> Result<()> {
        let mut tx = self.store().begin(tenant).await?;
        tx.run_set_swept(runs, self.now()).await?;
        Ok(tx.commit().await?)
    }
}

/// The run that a frame is about, where what becomes of it depends on its row.
const fn about(frame: &Up) -> Option<RunId> {
    match frame {
        Up::Event(event) => Some(event.run),
        Up::Accepted(job) => Some(job.run),
        Up::Finished(finished) => Some(finished.job.run),
        _ => None,
    }
}

impl Batch {
    /// Locks all runs that the frames behind `last` are about, in one go and in the order of their ids:
    /// two that lock some of the same never wait for each other.
    async fn lock(&mut self, tx: &mut Tx, frames: &[(u64, Up)], last: u64) -> Result<()> {
        let news = frames.iter().filter(|(seq, _)| *seq > last);
        let runs: BTreeSet<RunId> = news.filter_map(|(_, frame)| about(frame)).collect();
        if runs.is_empty() {
            return Ok(());
        }
        let runs: Vec<RunId> = runs.into_iter().collect();
        self.rows = runs.iter().map(|run| (*run, None)).collect();
        for row in tx.run_lock_some(&runs).await? {
            self.rows.insert(row.id, Some(row));
        }
        Ok(())
    }

    /// When something was, by the clock that all servers share: a runner's own may be off, or jump, and nothing that is told
    /// is still to come.
    fn at(&self, theirs: DateTime<Utc>) -> DateTime<Utc> {
        let ours = theirs.checked_sub_signed(self.ahead).unwrap_or(self.now);
        ours.min(self.now)
    }

    /// The locked row of a run that this runner holds under this epoch; otherwise the runner is
    /// told to drop it.
    async fn held(&mut self, tx: &mut Tx, run: RunId, epoch: u32) -> Result<Option<&mut RunRow>> {
        let runner = self.runner;
        let row = match self.rows.entry(run) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(tx.run_lock(run).await?),
        };
        let row = row.as_mut().filter(|row| {
            row.life.epoch == epoch && row.life.lease.as_ref().is_some_and(|l| l.runner == runner)
        });
        if row.is_none() {
            let drop = Down::Drop(RunRef { run, epoch });
            if !self.say.contains(&drop) {
                self.say.push(drop);
            }
        }
        Ok(row)
    }
}

/// The journal's line for an event that starts or ends a step.
fn step_of(event: &RunEvent, at: DateTime<Utc>) -> Option<StepRow> {
    let text = |key: &str| event.meta.get(key).and_then(Value::as_str);
    let name = text("step")?.chars().take(KIND_MAX).collect();
    let epoch = i32::try_from(event.epoch).ok()?;
    let (state, finished_at): (&str, Option<DateTime<Utc>>) = match event.kind.as_str() {
        "step.started" => ("running", None),
        "step.finished" => (text("state").unwrap_or("done"), Some(at)),
        _ => return None,
    };
    let whole = |key: &str| event.meta.get(key).and_then(Value::as_i64);
    let small = |key: &str| whole(key).and_then(|value| i32::try_from(value).ok());
    let version = text("version").map(|version| version.chars().take(VERSION_MAX).collect());
    Some(StepRow {
        epoch,
        number: small("number"),
        name,
        version,
        state: state.to_owned(),
        exit_code: small("exit_code"),
        started_at: at,
        finished_at,
    })
}
