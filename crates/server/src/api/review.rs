//! A person's decision on finished work, and what it rests on.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use freehold_model::Action;
use freehold_wire::api::{Approve, Base, Reject, Reply, Review, Run};
use utoipa_axum::routes;

use crate::AppState;
use crate::answer::{Answer, Body, Member};
use crate::gate::Routes;
use crate::once;

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::RunRead, routes!(run_review))
        .on(Action::RunRead, routes!(run_base))
        .on(Action::RunRead, routes!(run_diff))
        .on(Action::RunApprove, routes!(run_approve))
        .on(Action::RunReject, routes!(run_reject))
        .on(Action::RunReply, routes!(run_reply))
}

/// Shows what a decision on a run rests on, besides the diff.
#[utoipa::path(
    get, path = "/runs/{run}/review", tag = "runs",
    responses((status = 200, body = Review)),
)]
async fn run_review(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Review>> {
    Ok(Json(state.engine.run_review(&caller, &run).await?))
}

/// Tells where the target branch is now. Asks a runner, which may take seconds.
#[utoipa::path(get, path = "/runs/{run}/base", tag = "runs", responses((status = 200, body = Base)))]
async fn run_base(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Base>> {
    Ok(Json(state.engine.run_base(&caller, &run).await?))
}

/// Shows what a run changed.
#[utoipa::path(
    get, path = "/runs/{run}/diff", tag = "runs",
    responses((status = 200, body = String, content_type = "text/x-diff",
        description = "A unified diff as git writes it. Its bytes are those of the files: not always \
            UTF-8.")),
)]
async fn run_diff(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<impl IntoResponse> {
    let diff = state.engine.run_diff(&caller, &run).await?;
    Ok(([(header::CONTENT_TYPE, "text/x-diff")], diff))
}

/// Approves a run's work, which then lands: watch the run until it has.
#[utoipa::path(
    post, path = "/runs/{run}/approve", tag = "runs",
    request_body = Approve,
    responses((status = 200, body = Run)),
)]
async fn run_approve(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Body(approve): Body<Approve>,
) -> Answer<Json<Run>> {
    let run = state.engine.run_approve(&caller, &run, &approve).await?;
    Ok(Json(run))
}

/// Rejects a run's work for good.
#[utoipa::path(
    post, path = "/runs/{run}/reject", tag = "runs",
    request_body = Reject,
    responses((status = 200, body = Run)),
)]
async fn run_reject(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Body(reject): Body<Reject>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_reject(&caller, &run, &reject).await?))
}

/// Answers a run, which goes on from there. One that has ended goes on as a new run, which is given.
#[utoipa::path(
    post, path = "/runs/{run}/reply", tag = "runs",
    request_body = Reply,
    responses((status = 200, body = Run)),
)]
async fn run_reply(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    headers: HeaderMap,
    Body(reply): Body<Reply>,
) -> Answer<Json<Run>> {
    let key = once::one(&headers)?;
    let run = state.engine.run_reply(&caller, &run, reply, key).await?;
    Ok(Json(run))
}
