//! Reading a run's events, opened.

use freehold_model::RunId;
use freehold_store::EventRow;
use freehold_wire::api::{Event, Page};
use serde_json::Value;

use crate::open::Opener;
use crate::run::find;
use crate::{Caller, Engine, Result};

/// Content on one page of events, in bytes: bounds what one reader makes the server hold.
const PAGE_BYTES: i64 = 2 * 1024 * 1024;

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
    /// `not_found`.
    pub async fn events(&self, caller: &Caller, reference: &str) -> Result<Reader> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let row = find(&mut tx, reference).await?;
        let opener = self
            .opener(&mut tx, caller, &row.id.to_string(), "run.events")
            .await?;
        tx.commit().await?;
        Ok(Reader {
            caller: caller.clone(),
            run: row.id,
            opener,
        })
    }

    /// A page of a run's events behind `after`.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn event_page(
        &self,
        caller: &Caller,
        reference: &str,
        after: u64,
        limit: u32,
    ) -> Result<Page<Event>> {
        let reader = self.events(caller, reference).await?;
        let batch = reader.next(self, after, limit).await?;
        let next = batch
            .events
            .last()
            .filter(|_| !batch.end)
            .map(|e| e.seq.to_string());
        Ok(Page {
            items: batch.events,
            next,
        })
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
        let mut tx = engine.store().begin(self.caller.tenant).await?;
        // The run first: what it has said by then is covered by what is read after it.
        let row = find(&mut tx, &self.run.to_string()).await?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = tx
            .event_list(self.run, after, i64::from(limit), PAGE_BYTES)
            .await?;
        let last = rows.last().map_or(after, |row| row.seq);
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
