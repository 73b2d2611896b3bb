//! How runs go on: their lives and what their jobs left, written for many runs in one statement.
//!
//! A transaction that brings many runs on (a placement, a runner's batch of frames) gathers them
//! ([`Tx::gather_lives`]); what it reads of runs after that is read behind a write of what has gathered.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::priority::PRIORITY_WORTH;
use freehold_model::run::{Lease, Run, State};
use freehold_model::{Reason, RunId, RunnerId};
use serde_json::Value;

use crate::run::{kind_word, signed};
use crate::run_report::Report;
use crate::{Result, StoreError, Tx, to_json};

/// What is to be written of runs whose rows this transaction has locked.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    /// Whether more than one is awaited before they are written.
    gathers: bool,
    lives: BTreeMap<RunId, Life>,
    reports: BTreeMap<RunId, Report>,
}

impl Lives {
    /// Whether nothing is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.lives.is_empty() && self.reports.is_empty()
    }
}

/// What became of a run, however many steps it took.
#[derive(Debug)]
struct Life {
    now: Run,
    at: DateTime<Utc>,
    /// Who had it last, if anybody since it was written last.
    runner: Option<RunnerId>,
    /// It worked at some time since then.
    has_worked: bool,
    /// It was queued all the time: then the note why it waits stays.
    waits: bool,
}

impl Life {
    fn of(life: &Run, at: DateTime<Utc>) -> Self {
        Self {
            now: life.clone(),
            at,
            runner: life.lease.as_ref().map(|lease| lease.runner),
            has_worked: life.state == State::Running,
            waits: life.state == State::Queued,
        }
    }

    /// The same as it went on.
    fn then(&mut self, next: Self) {
        *self = Self {
            runner: next.runner.or(self.runner),
            has_worked: next.has_worked || self.has_worked,
            waits: next.waits && self.waits,
            ..next
        };
    }

    fn lease<T>(&self, of: impl FnOnce(&Lease) -> T) -> Option<T> {
        self.now.lease.as_ref().map(of)
    }
}

impl Tx {
    /// From here on the lives of runs are written together, ahead of what is read of them, or of the commit.
    pub const fn gather_lives(&mut self) {
        self.later.lives.gathers = true;
    }

    /// Writes the life of a run whose row this transaction has locked, and its places in the queue: in
    /// line while it wants a runner, not to be looked at before it is time, among the leases while one
    /// has it.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Inconsistent`] when the run is not there.
    pub async fn run_set_life(&mut self, id: RunId, life: &Run, at: DateTime<Utc>) -> Result<()> {
        let next = Life::of(life, at);
        match self.later.lives.lives.entry(id) {
            Entry::Vacant(first) => {
                first.insert(next);
            }
            Entry::Occupied(mut known) => known.get_mut().then(next),
        }
        self.write_lives_unless_gathered().await
    }

    /// Writes what a job left behind; what the report does not say stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run_set_report(&mut self, id: RunId, report: &Report) -> Result<()> {
        if self.later.lives.reports.contains_key(&id) {
            self.write_lives().await?;
        }
        self.later.lives.reports.insert(id, report.clone());
        self.write_lives_unless_gathered().await
    }

    async fn write_lives_unless_gathered(&mut self) -> Result<()> {
        match self.later.lives.gathers {
            true => Ok(()),
            false => self.write_lives().await,
        }
    }

    /// Writes what has gathered of runs, so that what is read of them next is whole.
    pub(crate) async fn write_lives(&mut self) -> Result<()> {
        let lives = std::mem::take(&mut self.later.lives.lives);
        if !lives.is_empty() {
            self.write_life(lives).await?;
        }
        let reports = std::mem::take(&mut self.later.lives.reports);
        if !reports.is_empty() {
            self.write_reports(reports).await?;
        }
        Ok(())
    }

    async fn write_life(&mut self, lives: BTreeMap<RunId, Life>) -> Result<()> {
        let ids: Vec<uuid::Uuid> = lives.keys().map(|run| run.uuid()).collect();
        let all: Vec<&Life> = lives.values().collect();
        let many = |of: fn(&Run) -> u32| -> Vec<i32> {
            all.iter().map(|life| signed(of(&life.now))).collect()
        };
        let said =
            |of: fn(&Life) -> bool| -> Vec<bool> { all.iter().map(|life| of(life)).collect() };
        let json = |of: fn(&Run) -> Result<Option<Value>>| -> Result<Vec<Option<Value>>> {
            all.iter().map(|life| of(&life.now)).collect()
        };
        let pause = |life: &&Life| -> Option<TimeDelta> {
            life.now.waits_for_remote().map(|again| again - life.at)
        };
        let done: i64 = sqlx::query_scalar(
            "WITH n AS (
                 SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[], $7::int[],
                                      $8::int[], $9::bool[], $10::uuid[], $11::text[], $12::uuid[],
                                      $13::bool[], $14::timestamptz[], $15::jsonb[], $16::jsonb[],
                                      $17::text[], $18::uuid[], $19::bool[], $20::bool[], $21::bool[],
                                      $22::timestamptz[], $23::text[], $24::int[], $25::jsonb[],
                                      $26::interval[])
                     AS n (id, state, reason, epoch, attempt, land_attempt, turn, cancel_requested, job,
                           kind, runner, accepted, until, work, approval, landed, last_runner, has_worked,
                           has_ended, waits, at, wants, known_epoch, away, pause)),
             run AS (
                 UPDATE runs u SET state = n.state, reason = n.reason, epoch = n.epoch, attempt = n.attempt,
                     land_attempt = n.land_attempt, turn = n.turn, cancel_requested = n.cancel_requested,
                     lease_job = n.job, lease_kind = n.kind, lease_runner = n.runner,
                     lease_accepted = n.accepted, lease_until = n.until, work = n.work,
                     approval = n.approval, landed = n.landed,
                     last_runner = coalesce(n.last_runner, u.last_runner),
                     wait_note = CASE WHEN n.waits THEN u.wait_note END,
                     started_at = CASE WHEN n.has_worked THEN coalesce(u.started_at, n.at) ELSE u.started_at END,
                     finished_at = CASE WHEN n.has_ended THEN coalesce(u.finished_at, n.at) END,
                     known_epoch = n.known_epoch, away = n.away
                 FROM n WHERE u.tenant_id = $1 AND u.id = n.id
                 RETURNING u.id, u.project_id, u.created_at, u.priority),
             held AS (
                 INSERT INTO queue_leases AS l (tenant_id, run_id, runner_id, epoch, until, untold)
                 SELECT $1, n.id, n.runner, n.epoch, n.until, n.cancel_requested OR NOT n.accepted
                 FROM n JOIN run ON run.id = n.id WHERE n.job IS NOT NULL
                 ON CONFLICT (tenant_id, run_id) DO UPDATE
                 SET runner_id = excluded.runner_id, epoch = excluded.epoch, untold = excluded.untold,
                     until = CASE WHEN l.epoch = excluded.epoch
                                  THEN greatest(l.until, excluded.until) ELSE excluded.until END),
             free AS (
                 DELETE FROM queue_leases l USING n
                 WHERE l.tenant_id = $1 AND l.run_id = n.id AND n.job IS NULL),
             wanting AS (
                 INSERT INTO queue_ready (tenant_id, run_id, project_id, kind, rank, look_at, not_before)
                 SELECT $1, n.id, run.project_id, n.wants, run.created_at - run.priority * $27::interval,
                        coalesce(clock_timestamp() + n.pause, '-infinity'),
                        coalesce(clock_timestamp() + n.pause, '-infinity')
                 FROM n JOIN run ON run.id = n.id WHERE n.wants IS NOT NULL
                 ON CONFLICT (tenant_id, run_id) DO UPDATE
                 SET kind = excluded.kind, look_at = excluded.look_at, not_before = excluded.not_before),
             content AS (
                 DELETE FROM queue_ready q USING n
                 WHERE q.tenant_id = $1 AND q.run_id = n.id AND n.wants IS NULL)
             SELECT count(*) FROM run",
        )
        .bind(self.tenant.uuid())
        .bind(&ids)
        .bind(all.iter().map(|l| l.now.state.name()).collect::<Vec<_>>())
        .bind(all.iter().map(|l| l.now.reason.map(Reason::code)).collect::<Vec<_>>())
        .bind(many(|run| run.epoch))
        .bind(many(|run| run.attempt))
        .bind(many(|run| run.land_attempt))
        .bind(many(|run| run.turn))
        .bind(said(|life| life.now.cancel_requested))
        .bind(all.iter().map(|l| l.lease(|l| l.job.uuid())).collect::<Vec<_>>())
        .bind(all.iter().map(|l| l.lease(|l| kind_word(l.kind))).collect::<Vec<_>>())
        .bind(all.iter().map(|l| l.lease(|l| l.runner.uuid())).collect::<Vec<_>>())
        .bind(all.iter().map(|l| l.lease(|l| l.accepted)).collect::<Vec<_>>())
        .bind(all.iter().map(|l| l.lease(|l| l.until)).collect::<Vec<_>>())
        .bind(json(|run| run.work.as_ref().map(|w| to_json("runs", w)).transpose())?)
        .bind(json(|run| run.approval.as_ref().map(|a| to_json("runs", a)).transpose())?)
        .bind(all.iter().map(|l| l.now.landed.as_deref()).collect::<Vec<_>>())
        .bind(all.iter().map(|l| l.runner.map(RunnerId::uuid)).collect::<Vec<_>>())
        .bind(said(|life| life.has_worked))
        .bind(said(|life| life.now.state.is_terminal()))
        .bind(said(|life| life.waits))
        .bind(all.iter().map(|l| l.at).collect::<Vec<_>>())
        .bind(all.iter().map(|l| l.now.wants().map(kind_word)).collect::<Vec<_>>())
        .bind(all.iter().map(|l| l.now.known_epoch.map(signed)).collect::<Vec<_>>())
        .bind(json(|run| run.away.map(|away| to_json("runs", &away)).transpose())?)
        .bind(all.iter().map(pause).collect::<Vec<_>>())
        .bind(PRIORITY_WORTH)
        .fetch_one(&mut *self.inner)
        .await?;
        if usize::try_from(done) != Ok(ids.len()) {
            return Err(StoreError::Inconsistent {
                table: "runs",
                what: format!("one of {} runs is gone", ids.len()),
            });
        }
        Ok(())
    }

    async fn write_reports(&mut self, reports: BTreeMap<RunId, Report>) -> Result<()> {
        let ids: Vec<uuid::Uuid> = reports.keys().map(|run| run.uuid()).collect();
        let all: Vec<&Report> = reports.values().collect();
        let detail = |report: &Report| report.detail.as_ref().map(|(bytes, _)| bytes.clone());
        let details: Vec<Option<Vec<u8>>> = all.iter().map(|r| detail(r)).collect();
        let versions = all
            .iter()
            .map(|r| r.detail.as_ref().map(|(_, version)| *version));
        sqlx::query(
            "UPDATE runs u SET detail = n.detail, detail_version = n.detail_version,
                 checks = coalesce(n.checks, u.checks),
                 diff_blob = coalesce(n.diff, u.diff_blob),
                 diff_version = coalesce(n.diff_version, u.diff_version),
                 transcript_blob = coalesce(n.transcript, u.transcript_blob),
                 isolation = coalesce(n.isolation, u.isolation),
                 agent_version = coalesce(n.agent_version, u.agent_version),
                 in_force = coalesce(u.in_force || n.in_force, n.in_force, u.in_force)
             FROM unnest($2::uuid[], $3::bytea[], $4::bigint[], $5::jsonb[], $6::uuid[], $7::bigint[],
                         $8::uuid[], $9::text[], $10::text[], $11::jsonb[])
                 AS n (id, detail, detail_version, checks, diff, diff_version, transcript, isolation,
                       agent_version, in_force)
             WHERE u.tenant_id = $1 AND u.id = n.id",
        )
        .bind(self.tenant.uuid())
        .bind(ids)
        .bind(details)
        .bind(versions.collect::<Vec<_>>())
        .bind(all.iter().map(|r| r.checks.as_ref()).collect::<Vec<_>>())
        .bind(all.iter().map(|r| r.diff.map(|(blob, _)| blob.uuid())).collect::<Vec<_>>())
        .bind(all.iter().map(|r| r.diff.map(|(_, version)| version)).collect::<Vec<_>>())
        .bind(all.iter().map(|r| r.transcript.map(freehold_model::BlobId::uuid)).collect::<Vec<_>>())
        .bind(all.iter().map(|r| r.isolation.as_deref()).collect::<Vec<_>>())
        .bind(all.iter().map(|r| r.agent_version.as_deref()).collect::<Vec<_>>())
        .bind(all.iter().map(|r| r.in_force.as_ref()).collect::<Vec<_>>())
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
