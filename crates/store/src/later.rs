//! What a transaction only adds, and need not read again: events, steps, audit entries, hints. It gathers
//! while the transaction decides, and goes out before the commit, one statement for each kind, however
//! many runs and entries there are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_model::RunId;
use serde_json::Value;

use crate::audit::NewAudit;
use crate::event::{NewEvent, StepRow};
use crate::webhook_queue::NewHappening;
use crate::{Hint, Result, StoreError, Tx};

/// What is still to be written.
#[derive(Debug, Default)]
pub(crate) struct Later {
    events: Vec<(RunId, NewEvent)>,
    /// By run, epoch and name: a step that began and ended is one row.
    steps: BTreeMap<(RunId, i32, String), StepRow>,
    audits: Vec<NewAudit>,
    pub(crate) hints: Vec<Hint>,
    /// What webhooks may want to be told of: goes out with the hints.
    pub(crate) happenings: Vec<NewHappening>,
    pub(crate) after: After,
}

impl Later {
    /// Whether there is nothing to write, to say or to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.steps.is_empty()
            && self.audits.is_empty()
            && self.hints.is_empty()
            && self.happenings.is_empty()
            && self.after.0.is_empty()
    }
}

/// What is done once it is committed.
#[derive(Default)]
pub(crate) struct After(Vec<Box<dyn FnOnce() + Send>>);

impl std::fmt::Debug for After {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} things", self.0.len())
    }
}

impl After {
    /// It was committed.
    pub(crate) fn run(self) {
        for then in self.0 {
            then();
        }
    }
}

impl Tx {
    /// Appends an event to a run, behind those that were appended before. Its number is given when the
    /// transaction commits; the run's row is locked from then until the end of the transaction, so that
    /// readers see no gap.
    pub fn event_append(&mut self, run: RunId, event: NewEvent) {
        self.later.events.push((run, event));
    }

    /// Writes a step into the journal; a later word on the same step of the same epoch replaces its
    /// state, and not when it began. A second name for a number is [`StoreError::Taken`], when it is
    /// written.
    pub fn step_put(&mut self, run: RunId, step: StepRow) {
        let key = (run, step.epoch, step.name.clone());
        let began = self.later.steps.get(&key).map(|known| known.started_at);
        let started_at = began.unwrap_or(step.started_at);
        self.later.steps.insert(key, StepRow { started_at, ..step });
    }

    /// Writes an audit entry. The role can add entries and change none. Where it cannot be written, the
    /// transaction fails, and the act that it records does not happen.
    pub fn audit_insert(&mut self, entry: NewAudit) {
        self.later.audits.push(entry);
    }

    /// Does this once the transaction has committed, and never where it does not.
    pub fn after_commit(&mut self, then: impl FnOnce() + Send + 'static) {
        self.later.after.0.push(Box::new(then));
    }

    /// Sends a hint when the transaction commits; repeated hints are sent once.
    pub fn hint(&mut self, hint: Hint) {
        if !self.later.hints.contains(&hint) {
            self.later.hints.push(hint);
        }
    }

    /// Writes what has gathered, so that what is read next is whole.
    pub(crate) async fn write_gathered(&mut self) -> Result<()> {
        let events = std::mem::take(&mut self.later.events);
        if !events.is_empty() {
            self.write_events(events).await?;
        }
        let steps = std::mem::take(&mut self.later.steps);
        if !steps.is_empty() {
            self.write_steps(steps).await?;
        }
        let audits = std::mem::take(&mut self.later.audits);
        if !audits.is_empty() {
            self.write_audits(audits).await?;
        }
        Ok(())
    }

    async fn write_events(&mut self, events: Vec<(RunId, NewEvent)>) -> Result<()> {
        let runs: Vec<uuid::Uuid> = events.iter().map(|(run, _)| run.uuid()).collect();
        let ts: Vec<DateTime<Utc>> = events.iter().map(|(_, e)| e.ts).collect();
        let kinds: Vec<&str> = events.iter().map(|(_, e)| e.kind.as_str()).collect();
        let metas: Vec<&Value> = events.iter().map(|(_, e)| &e.meta).collect();
        let contents: Vec<Option<&[u8]>> =
            events.iter().map(|(_, e)| e.content.as_deref()).collect();
        let epochs: Vec<i32> = events
            .iter()
            .map(|(_, e)| i32::try_from(e.epoch).unwrap_or(i32::MAX))
            .collect();
        let ns: Vec<i64> = events
            .iter()
            .map(|(_, e)| i64::try_from(e.n).unwrap_or(i64::MAX))
            .collect();
        let written = sqlx::query(
            "WITH e AS (
                 SELECT * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::jsonb[],
                                      $6::bytea[], $7::int[], $8::bigint[]) WITH ORDINALITY
                     AS e (run, ts, kind, meta, content, epoch, n, place)),
             many AS (SELECT run, count(*) AS many FROM e GROUP BY run),
             before AS (
                 UPDATE runs u SET last_seq = u.last_seq + many.many FROM many
                 WHERE u.tenant_id = $1 AND u.id = many.run
                 RETURNING u.id AS run, u.last_seq - many.many AS seq)
             INSERT INTO run_events (tenant_id, run_id, seq, ts, kind, meta, content, epoch, n)
             SELECT $1, e.run, before.seq + row_number() OVER (PARTITION BY e.run ORDER BY e.place),
                    e.ts, e.kind, e.meta, e.content, e.epoch, e.n
             FROM e JOIN before ON before.run = e.run",
        )
        .bind(self.tenant.uuid())
        .bind(runs)
        .bind(ts)
        .bind(kinds)
        .bind(metas)
        .bind(contents)
        .bind(epochs)
        .bind(ns)
        .execute(&mut *self.inner)
        .await?;
        if written.rows_affected() != events.len() as u64 {
            return Err(StoreError::Inconsistent {
                table: "run_events",
                what: "a run that events are of is gone".into(),
            });
        }
        Ok(())
    }

    async fn write_steps(&mut self, steps: BTreeMap<(RunId, i32, String), StepRow>) -> Result<()> {
        let runs: Vec<uuid::Uuid> = steps.keys().map(|(run, ..)| run.uuid()).collect();
        let steps: Vec<StepRow> = steps.into_values().collect();
        let epochs: Vec<i32> = steps.iter().map(|s| s.epoch).collect();
        let numbers: Vec<Option<i32>> = steps.iter().map(|s| s.number).collect();
        let names: Vec<&str> = steps.iter().map(|s| s.name.as_str()).collect();
        let versions: Vec<Option<&str>> = steps.iter().map(|s| s.version.as_deref()).collect();
        let states: Vec<&str> = steps.iter().map(|s| s.state.as_str()).collect();
        let codes: Vec<Option<i32>> = steps.iter().map(|s| s.exit_code).collect();
        let started: Vec<DateTime<Utc>> = steps.iter().map(|s| s.started_at).collect();
        let finished: Vec<Option<DateTime<Utc>>> = steps.iter().map(|s| s.finished_at).collect();
        sqlx::query(
            "INSERT INTO run_steps (tenant_id, run_id, epoch, name, state, exit_code, started_at,
                                    finished_at, number, version)
             SELECT $1, * FROM unnest($2::uuid[], $3::int[], $4::text[], $5::text[], $6::int[],
                                      $7::timestamptz[], $8::timestamptz[], $9::int[], $10::text[])
             ON CONFLICT (tenant_id, run_id, epoch, name) DO UPDATE
             SET state = excluded.state, exit_code = excluded.exit_code, finished_at = excluded.finished_at",
        )
        .bind(self.tenant.uuid())
        .bind(runs)
        .bind(epochs)
        .bind(names)
        .bind(states)
        .bind(codes)
        .bind(started)
        .bind(finished)
        .bind(numbers)
        .bind(versions)
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    async fn write_audits(&mut self, audits: Vec<NewAudit>) -> Result<()> {
        let of = |what: fn(&NewAudit) -> &str| -> Vec<&str> { audits.iter().map(what).collect() };
        let at: Vec<DateTime<Utc>> = audits.iter().map(|audit| audit.at).collect();
        sqlx::query(
            "WITH written AS (
                 INSERT INTO audit_entries (tenant_id, at, actor, action, resource, purpose, outcome, correlation, address)
                 SELECT $1, * FROM unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],
                                          $7::text[], $8::text[], $9::text[])
                 RETURNING seq)
             INSERT INTO queue_audit (tenant_id, seq) SELECT $1, seq FROM written",
        )
        .bind(self.tenant.uuid())
        .bind(at)
        .bind(of(|audit| &audit.actor))
        .bind(of(|audit| &audit.action))
        .bind(of(|audit| &audit.resource))
        .bind(of(|audit| &audit.purpose))
        .bind(of(|audit| audit.outcome.word()))
        .bind(of(|audit| &audit.correlation))
        .bind(of(|audit| &audit.address))
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
