//! What needs a person, and what changed.

use chrono::{DateTime, Utc};
use freehold_model::run::State;
use freehold_model::{CardId, ProjectId, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Run;
use crate::schema;

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InboxItem {
    /// What for.
    pub kind: Waits,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The run.
    pub run: Run,
    /// The project's name.
    pub project_name: String,
}

/// What a person is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// Finished work waits for a decision.
    Review,
    /// The card's latest run ended by an error, and nobody went on from there.
    Failed,
    /// Nobody takes it, and that does not mend itself.
    Stuck,
}

/// Something changed: look at it again. The name of the server-sent event is the tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The stream has begun: what was seen before may be old.
    Hello {
        /// The server's version.
        version: String,
        /// The server's clock.
        now: DateTime<Utc>,
    },
    /// A run has news.
    Run {
        /// The run.
        #[schema(value_type = schema::RunId)]
        run: RunId,
        /// Its card.
        #[schema(value_type = schema::CardId)]
        card: CardId,
        /// Its project.
        #[schema(value_type = schema::ProjectId)]
        project: ProjectId,
        /// Where it is now.
        #[schema(value_type = schema::State)]
        state: State,
        /// Its last event.
        last_seq: u64,
        /// Its fence.
        epoch: u32,
    },
    /// A card was made, edited, moved or put away.
    Card {
        /// The card.
        #[schema(value_type = schema::CardId)]
        card: CardId,
        /// Its project.
        #[schema(value_type = schema::ProjectId)]
        project: ProjectId,
    },
    /// Something that is set up changed: `project`, `agent`, `provider` or `runner`.
    Settings {
        /// What.
        noun: String,
    },
    /// Hints were lost: look at everything again.
    Resync,
    /// The token was revoked or has expired; the stream ends.
    SignedOut,
}
