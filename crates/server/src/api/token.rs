//! Tokens for programs: one's own, and the organization's.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_engine::Whose;
use freehold_model::Action;
use freehold_wire::api::{AccessToken, NewServiceToken, NewToken, Page, TokenMade};
use utoipa_axum::routes;

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params};
use crate::gate::Routes;

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::TokenCreate, routes!(token_create))
        .on(Action::TokenList, routes!(token_list))
        .on(Action::TokenRevoke, routes!(token_revoke))
        .on(Action::ServiceTokenCreate, routes!(service_token_create))
        .on(Action::ServiceTokenList, routes!(service_token_list))
        .on(Action::ServiceTokenRevoke, routes!(service_token_revoke))
}

/// Makes a token of one's own, for a program; it is shown this once.
///
/// It may do what its scopes say, of what its person may do at the time, and nothing else. It ends with
/// their membership.
#[utoipa::path(
    post, path = "/tokens", tag = "tokens",
    request_body = NewToken,
    responses((status = 201, body = TokenMade)),
)]
async fn token_create(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewToken>,
) -> Answer<(StatusCode, Json<TokenMade>)> {
    let made = state.engine.token_create(&caller, &new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Lists one's own tokens that are neither revoked nor expired.
#[utoipa::path(
    get, path = "/tokens", tag = "tokens", params(Part),
    responses((status = 200, body = Page<AccessToken>)),
)]
async fn token_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<AccessToken>>> {
    let whose = Whose::Member(caller.user);
    let (after, limit) = (part.after()?, part.limit());
    let tokens = state
        .engine
        .token_list(&caller, whose, after, limit)
        .await?;
    Ok(Json(tokens))
}

/// Revokes a token of one's own. Streams that it opened end.
#[utoipa::path(delete, path = "/tokens/{token}", tag = "tokens", responses((status = 204)))]
async fn token_revoke(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(token): Path<String>,
) -> Answer<StatusCode> {
    let whose = Whose::Member(caller.user);
    state.engine.token_revoke(&caller, whose, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a token of the organization's own, for a program; it is shown this once.
///
/// It acts with a role of its own, and outlives the membership of whoever made it.
#[utoipa::path(
    post, path = "/service-tokens", tag = "tokens",
    request_body = NewServiceToken,
    responses((status = 201, body = TokenMade)),
)]
async fn service_token_create(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewServiceToken>,
) -> Answer<(StatusCode, Json<TokenMade>)> {
    let made = state.engine.service_token_create(&caller, &new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Lists the organization's tokens that are neither revoked nor expired.
#[utoipa::path(
    get, path = "/service-tokens", tag = "tokens", params(Part),
    responses((status = 200, body = Page<AccessToken>)),
)]
async fn service_token_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<AccessToken>>> {
    let (after, limit) = (part.after()?, part.limit());
    let tokens = state
        .engine
        .token_list(&caller, Whose::Service, after, limit)
        .await?;
    Ok(Json(tokens))
}

/// Revokes a token of the organization's. Streams that it opened end.
#[utoipa::path(
    delete, path = "/service-tokens/{token}", tag = "tokens",
    responses((status = 204)),
)]
async fn service_token_revoke(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(token): Path<String>,
) -> Answer<StatusCode> {
    state
        .engine
        .token_revoke(&caller, Whose::Service, &token)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
