//! Webhooks, and what they were told.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{
    EditWebhook, NewWebhook, Page, Webhook, WebhookDelivery, WebhookDeliveryShown, WebhookMade,
};
use utoipa_axum::routes;

use super::{Part, parse};
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params};
use crate::gate::Routes;
use crate::tag::{IF_MATCH, IF_NONE_MATCH, IfMatch, Tagged};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::WebhookEdit, routes!(webhook_add))
        .on(Action::WebhookRead, routes!(webhook_list))
        .on(Action::WebhookRead, routes!(webhook_show))
        .on(Action::WebhookEdit, routes!(webhook_edit))
        .on(Action::WebhookEdit, routes!(webhook_remove))
        .on(Action::WebhookEdit, routes!(webhook_rotate))
        .on(Action::WebhookEdit, routes!(webhook_test))
        .on(Action::WebhookRead, routes!(delivery_list))
        .on(Action::WebhookRead, routes!(delivery_show))
        .on(Action::WebhookEdit, routes!(delivery_replay))
}

/// Adds a webhook. Its secret is shown this once.
///
/// What it is sent is signed as Standard Webhooks says, and holds ids, times and numbers, no content.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhooks",
    request_body = NewWebhook,
    responses((status = 201, body = WebhookMade)),
)]
async fn webhook_add(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(new): Body<NewWebhook>,
) -> Answer<(StatusCode, Json<WebhookMade>)> {
    let made = state.engine.webhook_add(&caller, &new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Lists webhooks.
#[utoipa::path(
    get, path = "/webhooks", tag = "webhooks", params(Part),
    responses((status = 200, body = Page<Webhook>)),
)]
async fn webhook_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Webhook>>> {
    let (after, limit) = (part.after()?, part.limit());
    Ok(Json(
        state.engine.webhook_list(&caller, after, limit).await?,
    ))
}

/// Shows a webhook.
#[utoipa::path(
    get, path = "/webhooks/{webhook}", tag = "webhooks",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = Webhook), (status = 304, description = "It has not changed.")),
)]
async fn webhook_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(webhook): Path<String>,
) -> Answer<Tagged<Webhook>> {
    Tagged::webhook(state.engine.webhook_show(&caller, &webhook).await?)
}

/// Changes a webhook, pauses it, or goes on with it. What is absent stays as it is.
#[utoipa::path(
    patch, path = "/webhooks/{webhook}", tag = "webhooks",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    request_body = EditWebhook,
    responses((status = 200, body = Webhook)),
)]
async fn webhook_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(webhook): Path<String>,
    IfMatch(expected): IfMatch,
    Body(edit): Body<EditWebhook>,
) -> Answer<Tagged<Webhook>> {
    let edited = state
        .engine
        .webhook_edit(&caller, &webhook, &edit, &expected)
        .await?;
    Tagged::webhook(edited)
}

/// Removes a webhook. What waits is not sent, and its secrets are forgotten.
#[utoipa::path(
    delete, path = "/webhooks/{webhook}", tag = "webhooks",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    responses((status = 204)),
)]
async fn webhook_remove(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(webhook): Path<String>,
    IfMatch(expected): IfMatch,
) -> Answer<StatusCode> {
    state
        .engine
        .webhook_remove(&caller, &webhook, &expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook a new secret, which is shown this once.
///
/// For 24 hours what is sent is signed with the secret before as well.
#[utoipa::path(
    post, path = "/webhooks/{webhook}/rotate", tag = "webhooks",
    responses((status = 200, body = WebhookMade)),
)]
async fn webhook_rotate(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(webhook): Path<String>,
) -> Answer<Json<WebhookMade>> {
    Ok(Json(state.engine.webhook_rotate(&caller, &webhook).await?))
}

/// Sends a webhook something to try it with. Look at the delivery for what came of it.
#[utoipa::path(
    post, path = "/webhooks/{webhook}/test", tag = "webhooks",
    responses((status = 202, body = WebhookDelivery)),
)]
async fn webhook_test(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(webhook): Path<String>,
) -> Answer<(StatusCode, Json<WebhookDelivery>)> {
    let delivery = state.engine.webhook_test(&caller, &webhook).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery)))
}

/// Lists what a webhook was told in the last 30 days, newest first.
#[utoipa::path(
    get, path = "/webhooks/{webhook}/deliveries", tag = "webhooks", params(Part),
    responses((status = 200, body = Page<WebhookDelivery>)),
)]
async fn delivery_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(webhook): Path<String>,
    Params(part): Params<Part>,
) -> Answer<Json<Page<WebhookDelivery>>> {
    let before = parse(part.after.as_deref(), "after")?;
    let page = state
        .engine
        .delivery_list(&caller, &webhook, before, part.limit())
        .await?;
    Ok(Json(page))
}

/// Shows a delivery: what is sent, and what came of each try.
#[utoipa::path(
    get, path = "/webhooks/{webhook}/deliveries/{delivery}", tag = "webhooks",
    responses((status = 200, body = WebhookDeliveryShown)),
)]
async fn delivery_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Answer<Json<WebhookDeliveryShown>> {
    let shown = state
        .engine
        .delivery_show(&caller, &webhook, &delivery)
        .await?;
    Ok(Json(shown))
}

/// Sends a delivery once more, under the same id.
#[utoipa::path(
    post, path = "/webhooks/{webhook}/deliveries/{delivery}/replay", tag = "webhooks",
    responses((status = 202, body = WebhookDelivery)),
)]
async fn delivery_replay(
    State(state): State<AppState>,
    Member(caller): Member,
    Path((webhook, delivery)): Path<(String, String)>,
) -> Answer<(StatusCode, Json<WebhookDelivery>)> {
    let again = state
        .engine
        .delivery_replay(&caller, &webhook, &delivery)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(again)))
}
