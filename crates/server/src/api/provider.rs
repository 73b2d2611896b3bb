//! Model providers.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{NewProvider, Page, Provider};
use utoipa_axum::routes;

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params};
use crate::gate::Routes;
use crate::tag::{IF_MATCH, IF_NONE_MATCH, IfMatch, Tagged};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::ProviderAdd, routes!(provider_add))
        .on(Action::ProviderRead, routes!(provider_list))
        .on(Action::ProviderRead, routes!(provider_show))
        .on(Action::ProviderEdit, routes!(provider_edit))
        .on(Action::ProviderRemove, routes!(provider_remove))
}

/// Adds a model provider. A runner tries it first.
#[utoipa::path(
    post, path = "/providers", tag = "providers",
    request_body = NewProvider,
    responses((status = 201, body = Provider)),
)]
async fn provider_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewProvider>,
) -> Answer<(StatusCode, Json<Provider>)> {
    let provider = state.engine.provider_add(&caller, new).await?;
    Ok((StatusCode::CREATED, Json(provider)))
}

/// Lists model providers.
#[utoipa::path(
    get, path = "/providers", tag = "providers", params(Part),
    responses((status = 200, body = Page<Provider>)),
)]
async fn provider_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Provider>>> {
    let providers = state
        .engine
        .provider_list(&caller, part.after()?, part.limit())
        .await?;
    Ok(Json(providers))
}

/// Shows a model provider.
#[utoipa::path(
    get, path = "/providers/{provider}", tag = "providers",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = Provider), (status = 304, description = "It has not changed.")),
)]
async fn provider_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(provider): Path<String>,
) -> Answer<Tagged<Provider>> {
    Tagged::of(state.engine.provider_show(&caller, &provider).await?)
}

/// Changes a model provider, all of it; the key `keep` stays as it is. A runner tries it first.
#[utoipa::path(
    put, path = "/providers/{provider}", tag = "providers",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    request_body = NewProvider,
    responses((status = 200, body = Provider)),
)]
async fn provider_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(provider): Path<String>,
    IfMatch(expected): IfMatch,
    Body(edit): Body<NewProvider>,
) -> Answer<Tagged<Provider>> {
    Tagged::of(
        state
            .engine
            .provider_edit(&caller, &provider, edit, &expected)
            .await?,
    )
}

/// Removes a model provider that no agent uses.
#[utoipa::path(
    delete, path = "/providers/{provider}", tag = "providers",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    responses((status = 204)),
)]
async fn provider_remove(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(provider): Path<String>,
    IfMatch(expected): IfMatch,
) -> Answer<StatusCode> {
    state
        .engine
        .provider_remove(&caller, &provider, &expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
