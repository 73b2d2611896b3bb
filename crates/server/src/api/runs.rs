//! Runs, and the decisions on them.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use freehold_engine::EventPart;
use freehold_engine::run::Wanted;
use freehold_wire::api::{
    Approve, Base, Event, PAGE_MAX, Page, Reject, Reply, Review, Run, StartRun, Step,
};
use serde::Deserialize;

use super::{Part, idempotency_key, list, parse};
use crate::AppState;
use crate::answer::{Answer, Body, Member};

pub(super) async fn run_start(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    headers: HeaderMap,
    Body(start): Body<StartRun>,
) -> Answer<(StatusCode, Json<Run>)> {
    let key = idempotency_key(&headers)?;
    let run = state.engine.run_start(&caller, &card, &start, key).await?;
    Ok((StatusCode::CREATED, Json(run)))
}

pub(super) async fn run_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Run>>> {
    let wanted = Wanted {
        project: part.project.as_deref(),
        card: parse(part.card.as_deref(), "card")?,
        states: list(part.state.as_deref(), "state")?,
    };
    let runs = state
        .engine
        .run_list(&caller, wanted, part.after()?, part.limit())
        .await?;
    Ok(Json(runs))
}

pub(super) async fn run_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_show(&caller, &run).await?))
}

pub(super) async fn step_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Page<Step>>> {
    Ok(Json(state.engine.step_list(&caller, &run).await?))
}

/// Which of a run's events.
#[derive(Deserialize)]
pub(super) struct Events {
    after: Option<i64>,
    before: Option<i64>,
    limit: Option<u32>,
    /// Types, with commas between.
    kind: Option<String>,
    step: Option<String>,
}

pub(super) async fn event_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Query(query): Query<Events>,
) -> Answer<Json<Page<Event>>> {
    let part = EventPart {
        after: query.after,
        before: query.before,
        kinds: list(query.kind.as_deref(), "kind")?,
        step: query.step,
    };
    let limit = query.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    Ok(Json(
        state.engine.event_page(&caller, &run, &part, limit).await?,
    ))
}

pub(super) async fn run_diff(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<impl IntoResponse> {
    let diff = state.engine.run_diff(&caller, &run).await?;
    Ok(([(header::CONTENT_TYPE, "text/x-diff")], diff))
}

pub(super) async fn run_review(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Review>> {
    Ok(Json(state.engine.run_review(&caller, &run).await?))
}

pub(super) async fn run_base(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Base>> {
    Ok(Json(state.engine.run_base(&caller, &run).await?))
}

pub(super) async fn run_cancel(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_cancel(&caller, &run).await?))
}

pub(super) async fn run_approve(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Body(approve): Body<Approve>,
) -> Answer<Json<Run>> {
    Ok(Json(
        state.engine.run_approve(&caller, &run, &approve).await?,
    ))
}

pub(super) async fn run_reject(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Body(reject): Body<Reject>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_reject(&caller, &run, &reject).await?))
}

pub(super) async fn run_reply(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    headers: HeaderMap,
    Body(reply): Body<Reply>,
) -> Answer<Json<Run>> {
    Ok(Json(
        state
            .engine
            .run_reply(&caller, &run, reply, idempotency_key(&headers)?)
            .await?,
    ))
}
