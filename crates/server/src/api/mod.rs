//! The API, version 1: one file per noun. The table of routes is in `freehold_wire::api`.

mod agents;
mod board;
mod inbox;
mod projects;
mod runners;
mod runs;
mod session;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, patch, post, put};
use freehold_wire::api::PAGE_MAX;
use freehold_wire::problem::{Code, Problem};
use serde::Deserialize;

use crate::answer::Answer;
use crate::{AppState, changes, follow};

/// The header that makes a repeated request one request.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1/health", get(session::health))
        .route("/api/v1/sign-in", post(session::sign_in))
        .route("/api/v1/sign-out", post(session::sign_out))
        .route("/api/v1/me", get(session::me))
        .route("/api/v1/changes", get(changes::changes))
        .route("/api/v1/inbox", get(inbox::inbox))
        .route(
            "/api/v1/projects",
            post(projects::project_add).get(projects::project_list),
        )
        .route(
            "/api/v1/projects/{project}",
            get(projects::project_show).patch(projects::project_edit),
        )
        .route(
            "/api/v1/providers",
            post(agents::provider_add).get(agents::provider_list),
        )
        .route(
            "/api/v1/providers/{provider}",
            put(agents::provider_edit).delete(agents::provider_remove),
        )
        .route(
            "/api/v1/agents",
            post(agents::agent_add).get(agents::agent_list),
        )
        .route(
            "/api/v1/agents/{agent}",
            put(agents::agent_edit).delete(agents::agent_remove),
        )
        .route("/api/v1/cards", post(board::card_add).get(board::card_list))
        .route(
            "/api/v1/cards/{card}",
            patch(board::card_edit).get(board::card_show),
        )
        .route("/api/v1/cards/{card}/move", post(board::card_move))
        .route("/api/v1/cards/{card}/archive", post(board::card_archive))
        .route("/api/v1/cards/{card}/restore", post(board::card_restore))
        .route("/api/v1/cards/{card}/history", get(board::card_history))
        .route("/api/v1/cards/{card}/runs", post(runs::run_start))
        .route("/api/v1/runs", get(runs::run_list))
        .route("/api/v1/runs/{run}", get(runs::run_show))
        .route("/api/v1/runs/{run}/steps", get(runs::step_list))
        .route("/api/v1/runs/{run}/events", get(runs::event_list))
        .route("/api/v1/runs/{run}/events/stream", get(follow::events))
        .route("/api/v1/runs/{run}/logs", get(follow::logs))
        .route("/api/v1/runs/{run}/diff", get(runs::run_diff))
        .route("/api/v1/runs/{run}/review", get(runs::run_review))
        .route("/api/v1/runs/{run}/base", get(runs::run_base))
        .route("/api/v1/runs/{run}/cancel", post(runs::run_cancel))
        .route("/api/v1/runs/{run}/approve", post(runs::run_approve))
        .route("/api/v1/runs/{run}/reject", post(runs::run_reject))
        .route("/api/v1/runs/{run}/reply", post(runs::run_reply))
        .route("/api/v1/runners", get(runners::runner_list))
        .route(
            "/api/v1/runners/{runner}",
            axum::routing::delete(runners::runner_revoke),
        )
        .route("/api/v1/runners/tokens", post(runners::enrol_token))
}

/// Which part of a list.
#[derive(Deserialize)]
struct Part {
    after: Option<String>,
    limit: Option<u32>,
    project: Option<String>,
    card: Option<String>,
    archived: Option<bool>,
    /// States of runs, with commas between.
    state: Option<String>,
}

impl Part {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX)
    }

    /// The cursor, which is the id of the last item seen.
    fn after<K: freehold_model::id::Kind>(&self) -> Answer<Option<freehold_model::Id<K>>> {
        parse(self.after.as_deref(), "after")
    }
}

fn parse<T: std::str::FromStr>(text: Option<&str>, name: &str) -> Answer<Option<T>> {
    text.map(|text| {
        text.parse().map_err(|_| {
            Problem::new(
                Code::Invalid,
                format!("the parameter `{name}` is malformed"),
            )
            .into()
        })
    })
    .transpose()
}

/// Words with commas between, each as what it stands for.
fn list<T: std::str::FromStr>(text: Option<&str>, name: &str) -> Answer<Option<Vec<T>>> {
    let Some(text) = text else { return Ok(None) };
    let words = text.split(',').filter(|word| !word.is_empty());
    words
        .map(|word| parse(Some(word), name))
        .filter_map(Answer::transpose)
        .collect::<Answer<_>>()
        .map(Some)
}

/// The key that makes a repeated request one request.
fn idempotency_key(headers: &HeaderMap) -> Answer<Option<&str>> {
    headers
        .get(IDEMPOTENCY_KEY)
        .map(|key| key.to_str())
        .transpose()
        .map_err(|_| Problem::new(Code::Invalid, "the idempotency key is not ASCII").into())
}
