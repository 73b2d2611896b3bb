//! Agents.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{Agent, NewAgent, Page};
use utoipa_axum::routes;

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params};
use crate::gate::Routes;
use crate::tag::{IF_MATCH, IF_NONE_MATCH, IfMatch, Tagged};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::AgentAdd, routes!(agent_add))
        .on(Action::AgentRead, routes!(agent_list))
        .on(Action::AgentRead, routes!(agent_show))
        .on(Action::AgentEdit, routes!(agent_edit))
        .on(Action::AgentRemove, routes!(agent_remove))
}

/// Adds an agent.
#[utoipa::path(
    post, path = "/agents", tag = "agents",
    request_body = NewAgent,
    responses((status = 201, body = Agent)),
)]
async fn agent_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewAgent>,
) -> Answer<(StatusCode, Json<Agent>)> {
    let agent = state.engine.agent_add(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(agent)))
}

/// Lists agents.
#[utoipa::path(
    get, path = "/agents", tag = "agents", params(Part),
    responses((status = 200, body = Page<Agent>)),
)]
async fn agent_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Agent>>> {
    let agents = state
        .engine
        .agent_list(&caller, part.after()?, part.limit())
        .await?;
    Ok(Json(agents))
}

/// Shows an agent.
#[utoipa::path(
    get, path = "/agents/{agent}", tag = "agents",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = Agent), (status = 304, description = "It has not changed.")),
)]
async fn agent_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(agent): Path<String>,
) -> Answer<Tagged<Agent>> {
    Tagged::of(state.engine.agent_show(&caller, &agent).await?)
}

/// Changes an agent, all of it. Runs that have begun go on as they were.
#[utoipa::path(
    put, path = "/agents/{agent}", tag = "agents",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    request_body = NewAgent,
    responses((status = 200, body = Agent)),
)]
async fn agent_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(agent): Path<String>,
    IfMatch(expected): IfMatch,
    Body(edit): Body<NewAgent>,
) -> Answer<Tagged<Agent>> {
    Tagged::of(
        state
            .engine
            .agent_edit(&caller, &agent, edit, &expected)
            .await?,
    )
}

/// Removes an agent. What it did stays.
#[utoipa::path(
    delete, path = "/agents/{agent}", tag = "agents",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    responses((status = 204)),
)]
async fn agent_remove(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(agent): Path<String>,
    IfMatch(expected): IfMatch,
) -> Answer<StatusCode> {
    state
        .engine
        .agent_remove(&caller, &agent, &expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
