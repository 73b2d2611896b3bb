//! Who is there, and who asks.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use freehold_model::Action;
use freehold_wire::api::{Health, Me, SignIn, SignInToken, SignedIn};
use utoipa_axum::routes;

use crate::AppState;
use crate::answer::{self, Answer, Body, Member};
use crate::gate::Routes;
use crate::whence::From;

/// How long a database may take to say that it is there.
const ASK_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Routes {
    Routes::new()
        .public(routes!(health))
        .public(routes!(sign_in))
        .on(Action::SignInLink, routes!(sign_in_link))
        .on(Action::SignOut, routes!(sign_out))
        .on(Action::MeRead, routes!(me))
}

/// Whether the server is there. Needs no token.
#[utoipa::path(
    get, path = "/health", tag = "session",
    responses(
        (status = 200, body = Health),
        (status = 503, body = Health, description = "The database does not answer."),
    ),
)]
async fn health(State(state): State<AppState>) -> impl IntoResponse {
    let asked = tokio::time::timeout(ASK_WITHIN, state.engine.store().alive());
    let database = state.pulse.beats() && asked.await == Ok(true);
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

/// Exchanges a sign-in link's token, which works once, for one that acts as the person.
#[utoipa::path(
    post, path = "/sign-in", tag = "session",
    request_body = SignIn,
    responses((status = 200, body = SignedIn)),
)]
async fn sign_in(
    State(state): State<AppState>,
    From(whence): From,
    Body(body): Body<SignIn>,
) -> Answer<Json<SignedIn>> {
    let session = state.engine.sign_in(&body.token, &whence).await?;
    Ok(Json(SignedIn {
        token: session.token,
    }))
}

/// Makes a token for a link that signs one browser in as the person who asks; it is shown this once.
#[utoipa::path(
    post, path = "/sign-in/tokens", tag = "session",
    responses((status = 201, body = SignInToken)),
)]
async fn sign_in_link(
    State(state): State<AppState>,
    Member(caller): Member,
) -> Answer<(StatusCode, Json<SignInToken>)> {
    let token = state.engine.sign_in_link(&caller).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// Revokes the token that comes with the request.
#[utoipa::path(post, path = "/sign-out", tag = "session", responses((status = 204)))]
async fn sign_out(
    State(state): State<AppState>,
    signed_in: answer::SignedIn,
) -> Answer<StatusCode> {
    state.engine.sign_out(&signed_in.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who asks, and until when the token is good.
#[utoipa::path(get, path = "/me", tag = "session", responses((status = 200, body = Me)))]
async fn me(State(state): State<AppState>, signed_in: answer::SignedIn) -> Answer<Json<Me>> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(Json(state.engine.me(&signed_in.session, version).await?))
}
