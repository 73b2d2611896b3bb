//! Signing in a device that has no browser.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{Device, DeviceCodes, DevicePoll, DeviceState, NewDevice, UserCode};
use utoipa_axum::routes;

use crate::AppState;
use crate::answer::{Answer, Body, Member};
use crate::gate::Routes;

pub(super) fn routes() -> Routes {
    Routes::new()
        .public(routes!(device_ask))
        .public(routes!(device_poll))
        .on(Action::DeviceApprove, routes!(device_look))
        .on(Action::DeviceApprove, routes!(device_approve))
        .on(Action::DeviceApprove, routes!(device_deny))
}

/// Asks for a device to be signed in: gives it two codes. Needs no token.
///
/// It shows the one to its person, who types it where they are signed in, and asks with the other
/// (`POST /device/token`) until that was done. As RFC 8628 has it.
#[utoipa::path(
    post, path = "/device", tag = "tokens",
    request_body = NewDevice,
    responses((status = 201, body = DeviceCodes)),
)]
async fn device_ask(
    State(state): State<AppState>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(new): Body<NewDevice>,
) -> Answer<(StatusCode, Json<DeviceCodes>)> {
    let address = Some(from.ip().to_canonical());
    let codes = state.engine.device_ask(&new.name, address).await?;
    Ok((StatusCode::CREATED, Json(codes)))
}

/// Asks whether a device was approved; the answer to the first question after that is its token.
#[utoipa::path(
    post, path = "/device/token", tag = "tokens",
    request_body = DevicePoll,
    responses((status = 200, body = DeviceState)),
)]
async fn device_poll(
    State(state): State<AppState>,
    Body(poll): Body<DevicePoll>,
) -> Answer<Json<DeviceState>> {
    Ok(Json(state.engine.device_poll(&poll.device_code).await?))
}

/// Shows the device that shows this code, before one decides.
#[utoipa::path(
    post, path = "/device/look", tag = "tokens",
    request_body = UserCode,
    responses((status = 200, body = Device)),
)]
async fn device_look(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(code): Body<UserCode>,
) -> Answer<Json<Device>> {
    let device = state.engine.device_look(&caller, &code.user_code).await?;
    Ok(Json(device))
}

/// Signs the device that shows this code in as oneself.
#[utoipa::path(
    post, path = "/device/approve", tag = "tokens",
    request_body = UserCode,
    responses((status = 200, body = Device)),
)]
async fn device_approve(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(code): Body<UserCode>,
) -> Answer<Json<Device>> {
    let device = state
        .engine
        .device_decide(&caller, &code.user_code, true)
        .await?;
    Ok(Json(device))
}

/// Turns the device that shows this code away.
#[utoipa::path(
    post, path = "/device/deny", tag = "tokens",
    request_body = UserCode,
    responses((status = 200, body = Device)),
)]
async fn device_deny(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(code): Body<UserCode>,
) -> Answer<Json<Device>> {
    let device = state
        .engine
        .device_decide(&caller, &code.user_code, false)
        .await?;
    Ok(Json(device))
}
