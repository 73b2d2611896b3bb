//! Agents and the model providers they use.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use freehold_wire::api::{Agent, NewAgent, NewProvider, Page, Provider};

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Body, Member};

pub(super) async fn provider_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewProvider>,
) -> Answer<(StatusCode, Json<Provider>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.provider_add(&caller, new).await?),
    ))
}

pub(super) async fn provider_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Provider>>> {
    Ok(Json(
        state
            .engine
            .provider_list(&caller, part.after()?, part.limit())
            .await?,
    ))
}

pub(super) async fn provider_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(provider): Path<String>,
    Body(new): Body<NewProvider>,
) -> Answer<Json<Provider>> {
    Ok(Json(
        state.engine.provider_edit(&caller, &provider, new).await?,
    ))
}

pub(super) async fn provider_remove(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(provider): Path<String>,
) -> Answer<StatusCode> {
    state.engine.provider_remove(&caller, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn agent_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewAgent>,
) -> Answer<(StatusCode, Json<Agent>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.agent_add(&caller, new).await?),
    ))
}

pub(super) async fn agent_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Agent>>> {
    Ok(Json(
        state
            .engine
            .agent_list(&caller, part.after()?, part.limit())
            .await?,
    ))
}

pub(super) async fn agent_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(agent): Path<String>,
    Body(new): Body<NewAgent>,
) -> Answer<Json<Agent>> {
    Ok(Json(state.engine.agent_edit(&caller, &agent, new).await?))
}

pub(super) async fn agent_remove(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(agent): Path<String>,
) -> Answer<StatusCode> {
    state.engine.agent_remove(&caller, &agent).await?;
    Ok(StatusCode::NO_CONTENT)
}
