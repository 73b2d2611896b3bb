//! Environments: a project's place on a runner, while it is active.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::NaiveDate;
use freehold_model::Action;
use freehold_wire::api::{
    EditEnvironmentLimits, Environment, EnvironmentLimits, EnvironmentUsage, Page,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Most, limit, parse};
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params};
use crate::gate::Routes;
use crate::tag::{IF_MATCH, IF_NONE_MATCH, IfMatch, Tagged};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::EnvironmentStart, routes!(environment_start))
        .on(Action::EnvironmentRead, routes!(environment_list))
        .on(Action::EnvironmentRead, routes!(environment_usage))
        .on(Action::LimitsRead, routes!(environment_limits))
        .on(Action::LimitsEdit, routes!(environment_limits_edit))
        .on(Action::EnvironmentRead, routes!(environment_show))
        .on(Action::EnvironmentStop, routes!(environment_stop))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// A project, by id or name.
    project: Option<String>,
    /// Only those that have not ended, or only those that have.
    active: Option<bool>,
    /// The `next` of the part before; the first part where silent.
    after: Option<String>,
    /// Most items, 200 at most.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<Most>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// A project, by id or name.
    project: Option<String>,
    /// The first day, in UTC; 30 days before the last where silent.
    from: Option<NaiveDate>,
    /// The last day; today where silent.
    to: Option<NaiveDate>,
}

/// Makes a project ready to be worked on.
///
/// The environment that there is, or a new one: a runner fetches the project and runs its setup, so
/// that the next run begins at once. Watch it until it is `ready`.
#[utoipa::path(
    post, path = "/projects/{project}/environments", tag = "environments",
    responses(
        (status = 200, body = Environment, description = "There is one already."),
        (status = 201, body = Environment),
    ),
)]
async fn environment_start(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(project): Path<String>,
) -> Answer<(StatusCode, Json<Environment>)> {
    let (new, environment) = state.engine.environment_start(&caller, &project).await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(environment)))
}

/// Lists environments, newest first.
#[utoipa::path(
    get, path = "/environments", tag = "environments", params(Wanted),
    responses((status = 200, body = Page<Environment>)),
)]
async fn environment_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(wanted): Params<Wanted>,
) -> Answer<Json<Page<Environment>>> {
    let before = parse(wanted.after.as_deref(), "after")?;
    let environments = state
        .engine
        .environment_list(
            &caller,
            wanted.project.as_deref(),
            wanted.active,
            before,
            limit(wanted.limit),
        )
        .await?;
    Ok(Json(environments))
}

/// Shows an environment, by its id or its project's name.
#[utoipa::path(
    get, path = "/environments/{environment}", tag = "environments",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = Environment), (status = 304, description = "It has not changed.")),
)]
async fn environment_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(environment): Path<String>,
) -> Answer<Tagged<Environment>> {
    Tagged::of(state.engine.environment_show(&caller, &environment).await?)
}

/// Stops an environment.
///
/// It takes no more jobs, and its place is cleared when those in it have ended; what is not on the
/// remote is kept. Stopping one that has ended is no error.
#[utoipa::path(
    post, path = "/environments/{environment}/stop", tag = "environments",
    responses((status = 200, body = Environment)),
)]
async fn environment_stop(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(environment): Path<String>,
) -> Answer<Json<Environment>> {
    Ok(Json(
        state.engine.environment_stop(&caller, &environment).await?,
    ))
}

/// Tells how long environments were active, by day and project.
#[utoipa::path(
    get, path = "/environments/usage", tag = "environments", params(Span),
    responses((status = 200, body = EnvironmentUsage)),
)]
async fn environment_usage(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(span): Params<Span>,
) -> Answer<Json<EnvironmentUsage>> {
    let project = span.project.as_deref();
    let usage = state
        .engine
        .environment_usage(&caller, project, span.from, span.to)
        .await?;
    Ok(Json(usage))
}

/// Tells how many environments there may be, and how long one may be idle.
#[utoipa::path(
    get, path = "/environments/limits", tag = "environments",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = EnvironmentLimits), (status = 304, description = "It has not changed.")),
)]
async fn environment_limits(
    State(state): State<AppState>,
    Member(caller): Member,
) -> Answer<Tagged<EnvironmentLimits>> {
    Tagged::limits(state.engine.environment_limits(&caller).await?)
}

/// Changes how many environments there may be, within the plan, and how long one may be idle.
#[utoipa::path(
    patch, path = "/environments/limits", tag = "environments",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    request_body = EditEnvironmentLimits,
    responses((status = 200, body = EnvironmentLimits)),
)]
async fn environment_limits_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    IfMatch(expected): IfMatch,
    Body(edit): Body<EditEnvironmentLimits>,
) -> Answer<Tagged<EnvironmentLimits>> {
    Tagged::limits(
        state
            .engine
            .environment_limits_edit(&caller, edit, &expected)
            .await?,
    )
}
