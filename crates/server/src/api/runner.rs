//! Runners and how they are enrolled.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{EnrolToken, Page, Runner};
use utoipa_axum::routes;

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Member, Params};
use crate::gate::Routes;

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::RunnerRead, routes!(runner_list))
        .on(Action::RunnerRevoke, routes!(runner_revoke))
        .on(Action::RunnerEnrol, routes!(enrol_token))
}

/// Lists runners.
#[utoipa::path(
    get, path = "/runners", tag = "runners", params(Part),
    responses((status = 200, body = Page<Runner>)),
)]
async fn runner_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Runner>>> {
    let runners = state
        .engine
        .runner_list(&caller, part.after()?, part.limit())
        .await?;
    Ok(Json(runners))
}

/// Revokes a runner. Its work goes elsewhere.
#[utoipa::path(delete, path = "/runners/{runner}", tag = "runners", responses((status = 204)))]
async fn runner_revoke(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(runner): Path<String>,
) -> Answer<StatusCode> {
    state.engine.runner_revoke(&caller, &runner).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a token that enrols one runner; it is shown this once.
#[utoipa::path(
    post, path = "/runners/tokens", tag = "runners",
    responses((status = 201, body = EnrolToken)),
)]
async fn enrol_token(
    State(state): State<AppState>,
    Member(caller): Member,
) -> Answer<(StatusCode, Json<EnrolToken>)> {
    let token = state.engine.enrol_token(&caller).await?;
    Ok((StatusCode::CREATED, Json(token)))
}
