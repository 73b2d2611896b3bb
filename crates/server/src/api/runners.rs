//! Runners.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use freehold_wire::api::{EnrolToken, Page, Runner};

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Member};

pub(super) async fn runner_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Runner>>> {
    Ok(Json(
        state
            .engine
            .runner_list(&caller, part.after()?, part.limit())
            .await?,
    ))
}

pub(super) async fn runner_revoke(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(runner): Path<String>,
) -> Answer<StatusCode> {
    state.engine.runner_revoke(&caller, &runner).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn enrol_token(
    State(state): State<AppState>,
    Member(caller): Member,
) -> Answer<(StatusCode, Json<EnrolToken>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.enrol_token(&caller).await?),
    ))
}
