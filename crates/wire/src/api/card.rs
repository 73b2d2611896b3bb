//! Cards.

use chrono::{DateTime, Utc};
use freehold_model::run::State;
use freehold_model::{CardId, Lane, ProjectId, Reason, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// Asks for a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCard {
    /// The project, by id or name.
    pub project: String,
    /// What is wanted, in a line; 1 to 500 characters.
    pub title: String,
    /// The details.
    #[serde(default)]
    pub body: String,
    /// Cards that must have landed first.
    #[serde(default)]
    #[schema(value_type = Vec<schema::CardId>)]
    pub depends: Vec<CardId>,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Card {
    /// Its id.
    #[schema(value_type = schema::CardId)]
    pub id: CardId,
    /// The project's id.
    #[schema(value_type = schema::ProjectId)]
    pub project: ProjectId,
    /// What is wanted.
    pub title: String,
    /// The details.
    pub body: String,
    /// The column it stands in.
    #[schema(value_type = schema::Lane)]
    pub lane: Lane,
    /// Cards that must have landed first.
    #[schema(value_type = Vec<schema::CardId>)]
    pub depends: Vec<CardId>,
    /// The latest run.
    #[schema(value_type = Option<schema::RunId>)]
    pub run: Option<RunId>,
    /// The latest run's state.
    #[schema(value_type = Option<schema::State>)]
    pub run_state: Option<State>,
    /// Why the latest run is where it is.
    #[schema(value_type = Option<schema::Reason>)]
    pub run_reason: Option<Reason>,
    /// What the latest run waits for: `review`, or `remote`, which is away.
    pub waiting_for: Option<String>,
    /// The latest run's agent.
    pub agent: Option<String>,
    /// Those of `depends` that have not landed.
    #[schema(value_type = Vec<schema::CardId>)]
    pub unmet: Vec<CardId>,
    /// Whether a run of it has landed.
    pub landed: bool,
    /// The edition of title and body, from 1: what `If-Match` names.
    pub version: u64,
    /// Where it stands in its lane: cards are shown by rising rank.
    pub rank: f64,
    /// When it was put away.
    pub archived_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// Changes what a card says. What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditCard {
    /// What is wanted, in a line; 1 to 500 characters.
    #[serde(default)]
    pub title: Option<String>,
    /// The details.
    #[serde(default)]
    pub body: Option<String>,
    /// Cards that must have landed first, all of them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<schema::CardId>>)]
    pub depends: Option<Vec<CardId>>,
}

/// Moves a card to a lane, or within one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveCard {
    /// The lane's name.
    pub lane: String,
    /// The lane that the caller saw it in. Where it stands elsewhere by now, nothing is moved.
    #[serde(default)]
    pub from: Option<String>,
    /// The card of that lane that it is put in front of; the lane's end where silent.
    #[serde(default)]
    #[schema(value_type = Option<schema::CardId>)]
    pub before: Option<CardId>,
}

/// One fact in the life of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CardEvent {
    /// Its place in the card's history, from 1.
    pub seq: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who did it; nobody where a run moved the card.
    pub by: Option<String>,
    /// `created`, `edited`, `moved`, `archived`, `restored`, `run_started` or `run_state`.
    pub kind: String,
    /// The lane before, of `moved`.
    #[schema(value_type = Option<schema::Lane>)]
    pub from: Option<Lane>,
    /// The lane after, of `moved`.
    #[schema(value_type = Option<schema::Lane>)]
    pub to: Option<Lane>,
    /// The run that it is about.
    #[schema(value_type = Option<schema::RunId>)]
    pub run: Option<RunId>,
    /// The run's state from then on, of `run_state`.
    #[schema(value_type = Option<schema::State>)]
    pub state: Option<State>,
    /// Why, of `run_state`.
    #[schema(value_type = Option<schema::Reason>)]
    pub reason: Option<Reason>,
}
