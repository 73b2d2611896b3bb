//! Reading a run's events, opened.

use freehold_model::RunId;
use freehold_store::{EventPart, EventRow, RunRow, Tx};
use freehold_wire::api::{Event, Page};
use freehold_wire::problem::Code;
use serde_json::Value;

use crate::open::Opener;
use crate::retention::KEPT_LEAST;
use crate::run::find;
use crate::{Caller, Engine, Result, refuse};

/// Content on one page of events, in bytes: bounds what one reader makes the server hold.
const PAGE_BYTES: i64 = 2 * 1024 * 1024;

/// The step that an agent's own output belongs to.
const AGENT_STEP: &str = "agent";

/// A licence to read one run's events, page after page.
pub struct Reader {
    caller: Caller,
    run: RunId,
    opener: Opener,
}

/// A page of events, and whether more can come.
pub struct Batch {
    /// In order, without gaps.
    pub events: Vec<Event>,
    /// The run has ended and nothing is behind these events.
    pub end: bool,
}

impl Engine {
    /// Opens a run's events for reading; one audit entry however long it takes.
    ///
    /// # Errors
    /// `not_found`, `events_gone`.
    pub async fn events(&self, caller: &Caller, reference: &str) -> Result<Reader> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let (reader, _) = self.reader(&mut tx, caller, reference).await?;
        tx.end().await?;
        Ok(reader)
    }

    /// Opens a run's events in a transaction; gives the run, too, as it is by then.
    async fn reader(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        reference: &str,
    ) -> Result<(Reader, RunRow)> {
        let row = find(tx, reference).await?;
        let is_old = row.life.state.is_terminal() && tx.time() - row.id.created() > KEPT_LEAST;
        if is_old && tx.events_gone(row.id).await? {
            let gone = format!("what happened in {} is not kept any longer", row.id);
            return refuse(Code::EventsGone, gone);
        }
        let opener = self
            .opener(tx, caller, &row.id.to_string(), "run.events")
            .await?;
        let reader = Reader {
            caller: caller.clone(),
            run: row.id,
            opener,
        };
        Ok((reader, row))
    }

    /// A page of a run's events. Its cursor leads on in the direction that was asked for: behind
    /// the last event, or, where the last ones were wanted, ahead of the first.
    ///
    /// # Errors
    /// `not_found`, `events_gone`.
    pub async fn event_page(
        &self,
        caller: &Caller,
        reference: &str,
        part: &EventPart,
        limit: u32,
    ) -> Result<Page<Event>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let (reader, row) = self.reader(&mut tx, caller, reference).await?;
        let batch = reader.part(&mut tx, &row, part, limit).await?;
        tx.end().await?;
        let edge = if part.from_end() {
            batch.events.first().filter(|event| event.seq > 1)
        } else {
            batch.events.last().filter(|_| !batch.end)
        };
        let next = edge.map(|event| event.seq.to_string());
        Ok(Page {
            items: batch.events,
            next,
        })
    }

    /// The event behind which the run's agent printed about the last `bytes`.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn event_tail(&self, reader: &Reader, bytes: u64) -> Result<u64> {
        let mut tx = self.store().begin(reader.caller.tenant).await?;
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let seq = tx.event_tail(reader.run, AGENT_STEP, bytes).await?;
        Ok(u64::try_from(seq).unwrap_or(0))
    }
}

impl Reader {
    /// The run.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }

    /// The events behind `after`, at most `limit`.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn next(&self, engine: &Engine, after: u64, limit: u32) -> Result<Batch> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut tx = engine.store().begin(self.caller.tenant).await?;
        let row = find(&mut tx, &self.run.to_string()).await?;
        self.part(&mut tx, &row, &EventPart::after(after), limit)
            .await
    }

    /// The run was read first: what it has said by then is covered by what is read after it.
    async fn part(&self, tx: &mut Tx, row: &RunRow, part: &EventPart, limit: u32) -> Result<Batch> {
        let rows = tx
            .event_list(self.run, part, i64::from(limit), PAGE_BYTES)
            .await?;
        let last = rows.last().map_or(part.after.unwrap_or(0), |row| row.seq);
        let end = row.life.state.is_terminal() && last >= row.last_seq;
        let events = rows
            .into_iter()
            .map(|row| self.open(row))
            .collect::<Result<_>>()?;
        Ok(Batch { events, end })
    }

    fn open(&self, row: EventRow) -> Result<Event> {
        let mut payload = row.meta;
        if let Some(sealed) = &row.content {
            let field = format!("event/{}", row.epoch);
            let plain = self.opener.bytes(self.run, &field, row.n, sealed)?;
            let content = serde_json::from_slice(&plain)
                .unwrap_or_else(|_| serde_json::json!({ "unreadable": plain.len() }));
            merge(&mut payload, content);
        }
        Ok(Event {
            seq: u64::try_from(row.seq).unwrap_or(0),
            ts: row.ts,
            kind: row.kind,
            payload,
        })
    }
}

/// Lays an object over another.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => under.extend(over),
        (under, over) => *under = over,
    }
}
