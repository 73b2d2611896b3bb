//! What a transaction only adds, and need not read again: events, steps, audit entries, hints. It gathers
//! while the transaction decides, and goes out before the commit in one statement, however many runs and
//! entries there are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use freehold_model::{CardId, Reason, RunId, UserId};

use crate::audit::NewAudit;
use crate::card::Happened;
use crate::event::{NewEvent, StepRow};
use crate::hint::CHANNEL;
use crate::webhook_queue::NewHappening;
use crate::{Hint, Result, StoreError, Tx};

/// What is still to be written.
#[derive(Debug, Default)]
pub(crate) struct Later {
    pub(crate) lives: crate::run_life::Lives,
    events: Vec<(RunId, NewEvent)>,
    /// By run, epoch and name: a step that began and ended is one row.
    steps: BTreeMap<(RunId, i32, String), StepRow>,
    histories: Vec<Line>,
    audits: Vec<NewAudit>,
    pub(crate) hints: Vec<Hint>,
    /// What webhooks may want to be told of: goes out with the hints.
    pub(crate) happenings: Vec<NewHappening>,
    pub(crate) after: After,
}

/// A line of a card's history.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) card: CardId,
    pub(crate) by: Option<UserId>,
    pub(crate) happened: Happened,
    pub(crate) at: DateTime<Utc>,
}

impl Later {
    /// Adds a line to a card's history.
    pub(crate) fn history(&mut self, line: Line) {
        self.histories.push(line);
    }

    fn has_journal(&self) -> bool {
        !(self.events.is_empty()
            && self.steps.is_empty()
            && self.histories.is_empty()
            && self.audits.is_empty())
    }

    /// Whether there is nothing to write, to say or to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.lives.is_empty()
            && !self.has_journal()
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

    /// How many events of a run are still to be written.
    #[must_use]
    pub fn events_gathered(&self, run: RunId) -> usize {
        let events = self.later.events.iter();
        events.filter(|(of, _)| *of == run).count()
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
        self.write_lives().await?;
        match self.later.has_journal() {
            true => self.write_journal(&[]).await,
            false => Ok(()),
        }
    }

    /// Writes what has gathered, and sends these hints behind it where they need not wait for webhooks.
    pub(crate) async fn write_gathered_and_say(&mut self, said: &[String]) -> Result<()> {
        self.write_lives().await?;
        match self.later.has_journal() || !said.is_empty() {
            true => self.write_journal(said).await,
            false => Ok(()),
        }
    }

    /// Events, steps, histories of cards, audit entries and hints, in one statement. Cards are locked in the
    /// order of their ids; the rows of runs are locked already.
    async fn write_journal(&mut self, said: &[String]) -> Result<()> {
        let events = std::mem::take(&mut self.later.events);
        let steps = std::mem::take(&mut self.later.steps);
        let histories = std::mem::take(&mut self.later.histories);
        let audits = std::mem::take(&mut self.later.audits);
        let kinds = [
            !events.is_empty(),
            !steps.is_empty(),
            !histories.is_empty(),
            !audits.is_empty(),
            !said.is_empty(),
        ];
        let (written, many): (i64, usize) = {
            let query = sqlx::query_scalar(sqlx::AssertSqlSafe(journal(kinds)))
                .bind(self.tenant.uuid())
                .bind(all(&events, |(run, _)| run.uuid()))
                .bind(all(&events, |(_, event)| event.ts))
                .bind(all(&events, |(_, event)| event.kind.clone()))
                .bind(all(&events, |(_, event)| event.meta.clone()))
                .bind(all(&events, |(_, event)| event.content.clone()))
                .bind(all(&events, |(_, event)| {
                    i32::try_from(event.epoch).unwrap_or(i32::MAX)
                }))
                .bind(all(&events, |(_, event)| {
                    i64::try_from(event.n).unwrap_or(i64::MAX)
                }));
            let runs: Vec<uuid::Uuid> = steps.keys().map(|(run, ..)| run.uuid()).collect();
            let steps: Vec<StepRow> = steps.into_values().collect();
            let query = query
                .bind(runs)
                .bind(all(&steps, |step| step.epoch))
                .bind(all(&steps, |step| step.name.clone()))
                .bind(all(&steps, |step| step.state.clone()))
                .bind(all(&steps, |step| step.exit_code))
                .bind(all(&steps, |step| step.started_at))
                .bind(all(&steps, |step| step.finished_at))
                .bind(all(&steps, |step| step.number))
                .bind(all(&steps, |step| step.version.clone()))
                .bind(all(&histories, |line| line.card.uuid()))
                .bind(all(&histories, |line| line.at))
                .bind(all(&histories, |line| line.by.map(UserId::uuid)))
                .bind(all(&histories, |line| line.happened.word()))
                .bind(all(&histories, |line| {
                    line.happened.lanes().map(|(from, _)| from.name())
                }))
                .bind(all(&histories, |line| {
                    line.happened.lanes().map(|(_, to)| to.name())
                }))
                .bind(all(&histories, |line| line.happened.run().map(RunId::uuid)))
                .bind(all(&histories, |line| {
                    line.happened.state().map(|(state, _)| state.name())
                }))
                .bind(all(&histories, |line| {
                    line.happened
                        .state()
                        .and_then(|(_, reason)| reason.map(Reason::code))
                }))
                .bind(all(&audits, |audit| audit.at))
                .bind(all(&audits, |audit| audit.actor.clone()))
                .bind(all(&audits, |audit| audit.action.clone()))
                .bind(all(&audits, |audit| audit.resource.clone()))
                .bind(all(&audits, |audit| audit.purpose.clone()))
                .bind(all(&audits, |audit| audit.outcome.word()))
                .bind(all(&audits, |audit| audit.correlation.clone()))
                .bind(all(&audits, |audit| audit.address.clone()))
                .bind(CHANNEL)
                .bind(said);
            (query.fetch_one(&mut *self.inner).await?, events.len())
        };
        if usize::try_from(written) != Ok(many) {
            return Err(StoreError::Inconsistent {
                table: "run_events",
                what: "a run that events are of is gone".into(),
            });
        }
        Ok(())
    }
}

/// A column of some rows.
fn all<R, T>(rows: &[R], of: impl FnMut(&R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// The statement that writes these kinds, of the parts that they need: what has nothing to write costs its
/// share of each execution all the same. All parts count their parameters alike.
fn journal(kinds: [bool; 5]) -> String {
    let parts = [EVENTS, STEPS, HISTORIES, AUDITS, SAID];
    let parts = parts
        .into_iter()
        .zip(kinds)
        .filter(|(_, is_wanted)| *is_wanted);
    let parts: Vec<&str> = parts.map(|(part, _)| part).collect();
    let count = if kinds[0] {
        "(SELECT count(*) FROM events)"
    } else {
        "0::bigint"
    };
    let after = if kinds[4] {
        " WHERE (SELECT count(*) FROM said) >= 0"
    } else {
        ""
    };
    format!("WITH {} SELECT {count}{after}", parts.join(", "))
}

const EVENTS: &str = "
    e AS (
        SELECT * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::jsonb[], $6::bytea[],
                             $7::int[], $8::bigint[]) WITH ORDINALITY
            AS e (run, ts, kind, meta, content, epoch, n, place)),
    many AS (SELECT run, count(*) AS many FROM e GROUP BY run),
    before AS (
        UPDATE runs u SET last_seq = u.last_seq + many.many FROM many
        WHERE u.tenant_id = $1 AND u.id = many.run
        RETURNING u.id AS run, u.last_seq - many.many AS seq),
    events AS (
        INSERT INTO run_events (tenant_id, run_id, seq, ts, kind, meta, content, epoch, n)
        SELECT $1, e.run, before.seq + row_number() OVER (PARTITION BY e.run ORDER BY e.place),
               e.ts, e.kind, e.meta, e.content, e.epoch, e.n
        FROM e JOIN before ON before.run = e.run
        RETURNING 1)";

const STEPS: &str = "
    steps AS (
        INSERT INTO run_steps (tenant_id, run_id, epoch, name, state, exit_code, started_at,
                               finished_at, number, version)
        SELECT $1, * FROM unnest($9::uuid[], $10::int[], $11::text[], $12::text[], $13::int[],
                                 $14::timestamptz[], $15::timestamptz[], $16::int[], $17::text[])
        ON CONFLICT (tenant_id, run_id, epoch, name) DO UPDATE
        SET state = excluded.state, exit_code = excluded.exit_code,
            -- A clock that went back meanwhile makes no step shorter than nothing.
            finished_at = CASE WHEN excluded.finished_at IS NOT NULL
                               THEN greatest(excluded.finished_at, run_steps.started_at) END)";

const HISTORIES: &str = "
    h AS (
        SELECT * FROM unnest($18::uuid[], $19::timestamptz[], $20::uuid[], $21::text[], $22::text[],
                             $23::text[], $24::uuid[], $25::text[], $26::text[]) WITH ORDINALITY
            AS h (card, at, by_user, kind, lane_from, lane_to, run, state, reason, place)),
    lines AS (SELECT card, count(*) AS many FROM h GROUP BY card),
    held AS MATERIALIZED (
        SELECT c.id FROM cards c WHERE c.tenant_id = $1 AND c.id = ANY ($18::uuid[])
        ORDER BY c.id FOR NO KEY UPDATE),
    behind AS (
        UPDATE cards c SET last_seq = c.last_seq + lines.many FROM lines JOIN held ON held.id = lines.card
        WHERE c.tenant_id = $1 AND c.id = lines.card
        RETURNING c.id AS card, c.last_seq - lines.many AS seq),
    histories AS (
        INSERT INTO card_events (tenant_id, card_id, seq, at, by_user, kind, lane_from, lane_to,
                                 run_id, run_state, reason)
        SELECT $1, h.card, behind.seq + row_number() OVER (PARTITION BY h.card ORDER BY h.place),
               h.at, h.by_user, h.kind, h.lane_from, h.lane_to, h.run, h.state, h.reason
        FROM h JOIN behind ON behind.card = h.card)";

const AUDITS: &str = "
    audits AS (
        INSERT INTO audit_entries (tenant_id, at, actor, action, resource, purpose, outcome, correlation, address)
        SELECT $1, * FROM unnest($27::timestamptz[], $28::text[], $29::text[], $30::text[], $31::text[],
                                 $32::text[], $33::text[], $34::text[])
        RETURNING seq),
    chained AS (INSERT INTO queue_audit (tenant_id, seq) SELECT $1, seq FROM audits)";

const SAID: &str = "
    said AS MATERIALIZED (SELECT pg_notify($35, said) FROM unnest($36::text[]) AS said)";
