//! Projects.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use freehold_wire::api::{EditProject, NewProject, Page, Project};

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Body, Member};

pub(super) async fn project_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewProject>,
) -> Answer<(StatusCode, Json<Project>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.project_add(&caller, new).await?),
    ))
}

pub(super) async fn project_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Project>>> {
    Ok(Json(
        state
            .engine
            .project_list(&caller, part.after()?, part.limit())
            .await?,
    ))
}

pub(super) async fn project_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(project): Path<String>,
) -> Answer<Json<Project>> {
    Ok(Json(state.engine.project_show(&caller, &project).await?))
}

pub(super) async fn project_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(project): Path<String>,
    Body(edit): Body<EditProject>,
) -> Answer<Json<Project>> {
    Ok(Json(
        state.engine.project_edit(&caller, &project, edit).await?,
    ))
}
