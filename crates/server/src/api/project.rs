//! Projects.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{EditProject, NewProject, Page, Project};
use utoipa_axum::routes;

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params};
use crate::gate::Routes;
use crate::tag::{IF_MATCH, IF_NONE_MATCH, IfMatch, Tagged};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::ProjectAdd, routes!(project_add))
        .on(Action::ProjectRead, routes!(project_list))
        .on(Action::ProjectRead, routes!(project_show))
        .on(Action::ProjectEdit, routes!(project_edit))
}

/// Adds a project. A runner tries its remote first.
#[utoipa::path(
    post, path = "/projects", tag = "projects",
    request_body = NewProject,
    responses((status = 201, body = Project)),
)]
async fn project_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewProject>,
) -> Answer<(StatusCode, Json<Project>)> {
    let project = state.engine.project_add(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(project)))
}

/// Lists projects.
#[utoipa::path(
    get, path = "/projects", tag = "projects", params(Part),
    responses((status = 200, body = Page<Project>)),
)]
async fn project_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Project>>> {
    let projects = state
        .engine
        .project_list(&caller, part.after()?, part.limit())
        .await?;
    Ok(Json(projects))
}

/// Shows a project.
#[utoipa::path(
    get, path = "/projects/{project}", tag = "projects",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = Project), (status = 304, description = "It has not changed.")),
)]
async fn project_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(project): Path<String>,
) -> Answer<Tagged<Project>> {
    Tagged::of(state.engine.project_show(&caller, &project).await?)
}

/// Changes a project. What is absent stays as it is.
#[utoipa::path(
    patch, path = "/projects/{project}", tag = "projects",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    request_body = EditProject,
    responses((status = 200, body = Project)),
)]
async fn project_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(project): Path<String>,
    IfMatch(expected): IfMatch,
    Body(edit): Body<EditProject>,
) -> Answer<Tagged<Project>> {
    Tagged::of(
        state
            .engine
            .project_edit(&caller, &project, edit, &expected)
            .await?,
    )
}
