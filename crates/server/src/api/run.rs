//! Runs and their steps.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use freehold_engine::run::Wanted;
use freehold_model::Action;
use freehold_wire::api::{Page, Run, StartRun, Step};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Part, list, parse};
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params};
use crate::gate::Routes;
use crate::once;
use crate::tag::{IF_NONE_MATCH, Tagged};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::RunStart, routes!(run_start))
        .on(Action::RunRead, routes!(run_list))
        .on(Action::RunRead, routes!(run_show))
        .on(Action::RunCancel, routes!(run_cancel))
        .on(Action::RunRead, routes!(step_list))
}

/// Which runs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Of this project, by id or name.
    project: Option<String>,
    /// Of this card.
    card: Option<String>,
    /// In one of these states, with commas between.
    state: Option<String>,
}

/// Starts a run of a card.
#[utoipa::path(
    post, path = "/cards/{card}/runs", tag = "runs",
    request_body = StartRun,
    responses((status = 201, body = Run)),
)]
async fn run_start(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    headers: HeaderMap,
    Body(start): Body<StartRun>,
) -> Answer<(StatusCode, Json<Run>)> {
    let key = once::one(&headers)?;
    let run = state.engine.run_start(&caller, &card, &start, key).await?;
    Ok((StatusCode::CREATED, Json(run)))
}

/// Lists runs, the newest first.
#[utoipa::path(
    get, path = "/runs", tag = "runs", params(Which, Part),
    responses((status = 200, body = Page<Run>)),
)]
async fn run_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(which): Params<Which>,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Run>>> {
    let wanted = Wanted {
        project: which.project.as_deref(),
        card: parse(which.card.as_deref(), "card")?,
        states: list(which.state.as_deref(), "state")?,
    };
    let (before, limit) = (part.after()?, part.limit());
    let runs = state
        .engine
        .run_list(&caller, wanted, before, limit)
        .await?;
    Ok(Json(runs))
}

/// Shows a run.
#[utoipa::path(
    get, path = "/runs/{run}", tag = "runs",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = Run), (status = 304, description = "It has not changed.")),
)]
async fn run_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Tagged<Run>> {
    Tagged::of(state.engine.run_show(&caller, &run).await?)
}

/// Ends a run, whatever it is doing.
#[utoipa::path(
    post, path = "/runs/{run}/cancel", tag = "runs",
    responses((status = 200, body = Run)),
)]
async fn run_cancel(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_cancel(&caller, &run).await?))
}

/// Lists the steps of a run, in every epoch, in their order.
#[utoipa::path(
    get, path = "/runs/{run}/steps", tag = "runs",
    responses((status = 200, body = Page<Step>)),
)]
async fn step_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Page<Step>>> {
    Ok(Json(state.engine.step_list(&caller, &run).await?))
}
