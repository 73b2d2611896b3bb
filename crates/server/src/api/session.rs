//! Who is there: the server, and whoever asks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use freehold_wire::api::{Health, Me, SignIn, SignedIn};

use crate::AppState;
use crate::answer::{self, Answer, Body};

pub(super) async fn health(State(state): State<AppState>) -> impl IntoResponse {
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

pub(super) async fn sign_in(
    State(state): State<AppState>,
    Body(body): Body<SignIn>,
) -> Answer<Json<SignedIn>> {
    let token = state.engine.sign_in(&body.token).await?;
    Ok(Json(SignedIn {
        token: token.to_string(),
    }))
}

pub(super) async fn sign_out(
    State(state): State<AppState>,
    who: answer::SignedIn,
) -> Answer<StatusCode> {
    state.engine.sign_out(&who.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn me(State(state): State<AppState>, who: answer::SignedIn) -> Answer<Json<Me>> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(Json(state.engine.me(&who.session, version).await?))
}
