//! What needs a person.

use std::collections::HashMap;

use freehold_model::run::State;
use freehold_model::{Reason, RunId};
use freehold_wire::api::{InboxItem, Page, Run, Waits};

use crate::project::page;
use crate::run::{Around, view};
use crate::{Caller, Engine, Result};

/// Ends that a person chose: there is nothing to decide any more.
const DECIDED: [Reason; 3] = [
    Reason::RejectedByPerson,
    Reason::Cancelled,
    Reason::NoChange,
];
/// Why nobody takes a run, where waiting does not mend it. A busy runner becomes free, and an
/// unmet dependency stands in the inbox itself when it needs somebody.
const STUCK: [Reason; 3] = [
    Reason::NoRunner,
    Reason::NoRunnerWithLabel,
    Reason::NoRunnerWithIsolation,
];

/// What a run of the inbox needs a person for.
const fn kind(state: State) -> Waits {
    match state {
        State::Waiting => Waits::Review,
        State::Queued | State::Dispatching | State::Running | State::Landing => Waits::Stuck,
        State::Succeeded | State::Failed | State::Cancelled | State::Rejected => Waits::Failed,
    }
}

impl Engine {
    /// The latest runs of cards on the board that need a person, newest first.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn inbox(
        &self,
        caller: &Caller,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Page<InboxItem>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx
            .run_inbox(&DECIDED, &STUCK, before, i64::from(limit) + 1)
            .await?;
        let opener = self.opener(&mut tx, caller, "inbox", "run.list").await?;
        let about = Around::of(&mut tx, &opener, &rows).await?;
        let ids: Vec<RunId> = rows.iter().map(|row| row.id).collect();
        let since = tx.run_since(&ids).await?.into_iter();
        let since: HashMap<RunId, _> = since.map(|(run, at, of)| (run, (at, of))).collect();
        tx.end().await?;
        page(
            rows,
            limit,
            |row| row.id.to_string(),
            |row| {
                let run: Run = view(&opener, &about, row)?;
                Ok(InboxItem {
                    kind: kind(run.state),
                    since: since.get(&run.id).map_or(run.created_at, |(at, _)| *at),
                    project_name: since
                        .get(&run.id)
                        .map(|(_, of)| of.clone())
                        .unwrap_or_default(),
                    run,
                })
            },
        )
    }
}
