//! The history of cards.

use chrono::{DateTime, Utc};
use freehold_model::run::State;
use freehold_model::{CardId, Lane, Reason, RunId, UserId};

use crate::card::{CardEventRow, Happened};
use crate::later::Line;
use crate::{Hint, Result, StoreError, Tx, stored};

#[derive(sqlx::FromRow)]
struct Raw {
    seq: i64,
    at: DateTime<Utc>,
    by_name: Option<String>,
    kind: String,
    lane_from: Option<String>,
    lane_to: Option<String>,
    run_id: Option<uuid::Uuid>,
    run_state: Option<String>,
    reason: Option<String>,
}

impl Happened {
    /// The word it is stored and shown under.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Edited => "edited",
            Self::Moved(..) => "moved",
            Self::Archived => "archived",
            Self::Restored => "restored",
            Self::RunStarted(_) => "run_started",
            Self::RunState(..) => "run_state",
        }
    }

    /// Where it went from, and where to.
    pub(crate) const fn lanes(self) -> Option<(Lane, Lane)> {
        match self {
            Self::Moved(from, to) => Some((from, to)),
            _ => None,
        }
    }

    /// The run that it is about.
    pub(crate) const fn run(self) -> Option<RunId> {
        match self {
            Self::RunStarted(run) | Self::RunState(run, ..) => Some(run),
            _ => None,
        }
    }

    /// What became of that run.
    pub(crate) const fn state(self) -> Option<(State, Option<Reason>)> {
        match self {
            Self::RunState(_, state, reason) => Some((state, reason)),
            _ => None,
        }
    }
}

impl Raw {
    fn row(self) -> Result<CardEventRow> {
        let lane = |lane: Option<&String>| stored("card_events", lane.map_or("", String::as_str));
        let run = || {
            self.run_id
                .map(RunId::from_uuid)
                .ok_or(StoreError::Inconsistent {
                    table: "card_events",
                    what: format!("`{}` without a run", self.kind),
                })
        };
        let happened = match self.kind.as_str() {
            "created" => Happened::Created,
            "edited" => Happened::Edited,
            "moved" => {
                Happened::Moved(lane(self.lane_from.as_ref())?, lane(self.lane_to.as_ref())?)
            }
            "archived" => Happened::Archived,
            "restored" => Happened::Restored,
            "run_started" => Happened::RunStarted(run()?),
            "run_state" => Happened::RunState(
                run()?,
                stored("card_events", self.run_state.as_deref().unwrap_or_default())?,
                self.reason
                    .as_deref()
                    .map(|code| stored("card_events", code))
                    .transpose()?,
            ),
            other => {
                return Err(StoreError::Inconsistent {
                    table: "card_events",
                    what: format!("kind `{other}`"),
                });
            }
        };
        Ok(CardEventRow {
            seq: self.seq,
            at: self.at,
            by: self.by_name,
            happened,
        })
    }
}

impl Tx {
    /// Appends to a card's history, behind what was appended before. The card's row is locked from when it
    /// is written until the transaction ends, so that the places count without gaps.
    pub fn card_happened(
        &mut self,
        card: CardId,
        by: Option<UserId>,
        happened: Happened,
        at: DateTime<Utc>,
    ) {
        self.later.history(Line {
            card,
            by,
            happened,
            at,
        });
        self.hint(Hint::Card(card));
    }

    /// A card's history behind `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn card_history(
        &mut self,
        card: CardId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<CardEventRow>> {
        self.write_gathered().await?;
        let raw: Vec<Raw> = sqlx::query_as(
            "SELECT e.seq, e.at, m.name AS by_name, e.kind, e.lane_from, e.lane_to, e.run_id,
                    e.run_state, e.reason
             FROM card_events e
             LEFT JOIN members m ON m.tenant_id = e.tenant_id AND m.user_id = e.by_user
             WHERE e.tenant_id = $1 AND e.card_id = $2 AND e.seq > $3 ORDER BY e.seq LIMIT $4",
        )
        .bind(self.tenant.uuid())
        .bind(card.uuid())
        .bind(after)
        .bind(limit)
        .fetch_all(&mut *self.inner)
        .await?;
        raw.into_iter().map(Raw::row).collect()
    }
}
