//! Runners and how they are enrolled.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_wire::api::{EnrolToken, Page, Runner};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Member, Params};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(runner_list))
        .routes(routes!(runner_revoke))
        .routes(routes!(enrol_token))
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
