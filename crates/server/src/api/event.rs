//! What happened in a run.

use axum::Json;
use axum::extract::{Path, State};
use freehold_engine::EventPart;
use freehold_model::Action;
use freehold_wire::api::{Event, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Most, limit, list};
use crate::answer::{Answer, Member, Params};
use crate::gate::Routes;
use crate::{AppState, follow};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::RunRead, routes!(event_list))
        .on(Action::RunRead, routes!(follow::event_follow))
        .on(Action::RunRead, routes!(follow::run_logs))
}

/// Which events, and which part of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those behind this `seq`, the first of them first.
    after: Option<u64>,
    /// Those ahead of this `seq`. Without `after`, the last of them, oldest first all the same;
    /// `next` is then the `before` of the part ahead.
    before: Option<u64>,
    /// Most items, 200 at most. A part also ends at 2 MB of content.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<Most>,
    /// Of these types, with commas between.
    kind: Option<String>,
    /// Of this step.
    step: Option<String>,
}

/// Lists what happened in a run.
#[utoipa::path(
    get, path = "/runs/{run}/events", tag = "runs", params(Which),
    responses((status = 200, body = Page<Event>)),
)]
async fn event_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Params(which): Params<Which>,
) -> Answer<Json<Page<Event>>> {
    let seq = |seq: Option<u64>| seq.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX));
    let part = EventPart {
        after: seq(which.after),
        before: seq(which.before),
        kinds: list(which.kind.as_deref(), "kind")?,
        step: which.step,
    };
    let events = state
        .engine
        .event_page(&caller, &run, &part, limit(which.limit))
        .await?;
    Ok(Json(events))
}
