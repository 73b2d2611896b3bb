//! The API, version 1. The table of routes is in `freehold_wire::api`.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use freehold_wire::api::{
    Agent, Approve, Card, EnrolToken, Event, Health, MoveCard, NewAgent, NewCard, NewProject,
    NewProvider, PAGE_MAX, Page, Project, Provider, Reject, Reply, Run, Runner, StartRun,
};
use freehold_wire::problem::{Code, Problem};
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Body, Member};
use crate::{AppState, follow};

/// The header that makes a repeated request one request.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(home))
        .route("/sign-in", get(home))
        .route("/api/v1/health", get(health))
        .route("/api/v1/sign-in", post(sign_in))
        .route("/api/v1/projects", post(project_add).get(project_list))
        .route("/api/v1/projects/{project}", get(project_show))
        .route("/api/v1/providers", post(provider_add).get(provider_list))
        .route("/api/v1/agents", post(agent_add).get(agent_list))
        .route("/api/v1/cards", post(card_add).get(card_list))
        .route("/api/v1/cards/{card}", get(card_show))
        .route("/api/v1/cards/{card}/move", post(card_move))
        .route("/api/v1/cards/{card}/runs", post(run_start))
        .route("/api/v1/runs", get(run_list))
        .route("/api/v1/runs/{run}", get(run_show))
        .route("/api/v1/runs/{run}/events", get(event_list))
        .route("/api/v1/runs/{run}/events/stream", get(follow::events))
        .route("/api/v1/runs/{run}/logs", get(follow::logs))
        .route("/api/v1/runs/{run}/diff", get(run_diff))
        .route("/api/v1/runs/{run}/cancel", post(run_cancel))
        .route("/api/v1/runs/{run}/approve", post(run_approve))
        .route("/api/v1/runs/{run}/reject", post(run_reject))
        .route("/api/v1/runs/{run}/reply", post(run_reply))
        .route("/api/v1/runners", get(runner_list))
        .route("/api/v1/runners/tokens", post(enrol_token))
}

/// Which part of a list.
#[derive(Deserialize)]
struct Part {
    after: Option<String>,
    limit: Option<u32>,
    project: Option<String>,
    card: Option<String>,
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

/// Where the web will be. Until then a page that says so, so that the sign-in link leads somewhere.
async fn home() -> Html<&'static str> {
    Html(
        "<!doctype html><meta charset=utf-8><title>Freehold</title>\
         <h1>Freehold is running</h1>\
         <p>The web interface is not built yet. On the command line, <code>freehold --help</code> \
         shows everything there is.",
    )
}

async fn health(State(state): State<AppState>) -> impl IntoResponse {
    let database = state.engine.store().alive().await;
    let health = Health {
        status: if database { "ok" } else { "degraded" }.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        database,
        runners: u32::try_from(state.connections.len()).unwrap_or(u32::MAX),
    };
    let status = if database {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(health))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    token: String,
}

#[derive(Serialize)]
struct SignedIn {
    token: String,
}

async fn sign_in(
    State(state): State<AppState>,
    Body(body): Body<SignIn>,
) -> Answer<Json<SignedIn>> {
    let token = state.engine.sign_in(&body.token).await?;
    Ok(Json(SignedIn {
        token: token.to_string(),
    }))
}

async fn project_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewProject>,
) -> Answer<(StatusCode, Json<Project>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.project_add(&caller, new).await?),
    ))
}

async fn project_list(
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

async fn project_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(project): Path<String>,
) -> Answer<Json<Project>> {
    Ok(Json(state.engine.project_show(&caller, &project).await?))
}

async fn provider_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewProvider>,
) -> Answer<(StatusCode, Json<Provider>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.provider_add(&caller, new).await?),
    ))
}

async fn provider_list(
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

async fn agent_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewAgent>,
) -> Answer<(StatusCode, Json<Agent>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.agent_add(&caller, new).await?),
    ))
}

async fn agent_list(
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

async fn card_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewCard>,
) -> Answer<(StatusCode, Json<Card>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.card_add(&caller, new).await?),
    ))
}

async fn card_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Card>>> {
    let Some(project) = &part.project else {
        return Err(Problem::new(Code::Invalid, "a list of cards needs `project`").into());
    };
    Ok(Json(
        state
            .engine
            .card_list(&caller, project, part.after()?, part.limit())
            .await?,
    ))
}

async fn card_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
) -> Answer<Json<Card>> {
    Ok(Json(state.engine.card_show(&caller, &card).await?))
}

async fn card_move(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    Body(to): Body<MoveCard>,
) -> Answer<Json<Card>> {
    Ok(Json(
        state.engine.card_move(&caller, &card, &to.lane).await?,
    ))
}

async fn run_start(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    headers: HeaderMap,
    Body(start): Body<StartRun>,
) -> Answer<(StatusCode, Json<Run>)> {
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .map(|key| key.to_str())
        .transpose()
        .map_err(|_| Problem::new(Code::Invalid, "the idempotency key is not ASCII"))?;
    let run = state.engine.run_start(&caller, &card, &start, key).await?;
    Ok((StatusCode::CREATED, Json(run)))
}

async fn run_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Run>>> {
    let card = parse(part.card.as_deref(), "card")?;
    let project = part.project.as_deref();
    let runs = state
        .engine
        .run_list(&caller, project, card, part.after()?, part.limit())
        .await?;
    Ok(Json(runs))
}

async fn run_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_show(&caller, &run).await?))
}

async fn event_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Event>>> {
    let after = parse(part.after.as_deref(), "after")?.unwrap_or(0);
    Ok(Json(
        state
            .engine
            .event_page(&caller, &run, after, part.limit())
            .await?,
    ))
}

async fn run_diff(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<impl IntoResponse> {
    let diff = state.engine.run_diff(&caller, &run).await?;
    Ok(([(header::CONTENT_TYPE, "text/x-diff")], diff))
}

async fn run_cancel(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_cancel(&caller, &run).await?))
}

async fn run_approve(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Body(approve): Body<Approve>,
) -> Answer<Json<Run>> {
    Ok(Json(
        state.engine.run_approve(&caller, &run, &approve).await?,
    ))
}

async fn run_reject(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Body(reject): Body<Reject>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_reject(&caller, &run, &reject).await?))
}

async fn run_reply(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(run): Path<String>,
    Body(reply): Body<Reply>,
) -> Answer<Json<Run>> {
    Ok(Json(state.engine.run_reply(&caller, &run, reply).await?))
}

async fn runner_list(
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

async fn enrol_token(
    State(state): State<AppState>,
    Member(caller): Member,
) -> Answer<(StatusCode, Json<EnrolToken>)> {
    Ok((
        StatusCode::CREATED,
        Json(state.engine.enrol_token(&caller).await?),
    ))
}
