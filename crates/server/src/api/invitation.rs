//! Invitations to the organization.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{
    AcceptInvitation, Invitation, InvitationSeen, InvitationToken, NewInvitation, NewSession, Page,
};
use utoipa_axum::routes;

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params, SignedIn};
use crate::gate::Routes;
use crate::whence::From;

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::InvitationRead, routes!(invitation_list))
        .on(Action::InvitationCreate, routes!(invitation_create))
        .on(Action::InvitationCreate, routes!(invitation_resend))
        .on(Action::InvitationRevoke, routes!(invitation_revoke))
        .on(Action::InvitationAccept, routes!(invitation_accept_as))
        .public(routes!(invitation_look))
        .public(routes!(invitation_accept))
}

/// Lists invitations, the newest first.
#[utoipa::path(
    get, path = "/invitations", tag = "members", params(Part),
    responses((status = 200, body = Page<Invitation>)),
)]
async fn invitation_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Invitation>>> {
    let list = state
        .engine
        .invitation_list(&caller, part.after()?, part.limit());
    Ok(Json(list.await?))
}

/// Invites somebody by mail. An invitation that is open for the address is replaced.
#[utoipa::path(
    post, path = "/invitations", tag = "members", request_body = NewInvitation,
    responses((status = 201, body = Invitation)),
)]
async fn invitation_create(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(body): Body<NewInvitation>,
) -> Answer<(StatusCode, Json<Invitation>)> {
    let made = state.engine.invitation_create(&caller, &body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Sends an invitation anew, for another week; the link before is void.
#[utoipa::path(
    post, path = "/invitations/{invitation}/resend", tag = "members",
    responses((status = 200, body = Invitation)),
)]
async fn invitation_resend(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(invitation): Path<String>,
) -> Answer<Json<Invitation>> {
    Ok(Json(
        state.engine.invitation_resend(&caller, &invitation).await?,
    ))
}

/// Takes an invitation back.
#[utoipa::path(
    delete, path = "/invitations/{invitation}", tag = "members", responses((status = 204)),
)]
async fn invitation_revoke(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(invitation): Path<String>,
) -> Answer<StatusCode> {
    state.engine.invitation_revoke(&caller, &invitation).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what one is invited to, to whoever has the token that was mailed.
#[utoipa::path(
    post, path = "/invitations/look", tag = "account", request_body = InvitationToken,
    responses((status = 200, body = InvitationSeen)),
)]
async fn invitation_look(
    State(state): State<AppState>,
    From(whence): From,
    Body(body): Body<InvitationToken>,
) -> Answer<Json<InvitationSeen>> {
    Ok(Json(state.engine.invitation_look(&body, &whence).await?))
}

/// Accepts an invitation with a password, and signs in; an address without an account gets one.
#[utoipa::path(
    post, path = "/invitations/accept", tag = "account", request_body = AcceptInvitation,
    responses((status = 200, body = NewSession)),
)]
async fn invitation_accept(
    State(state): State<AppState>,
    From(whence): From,
    Body(body): Body<AcceptInvitation>,
) -> Answer<Json<NewSession>> {
    Ok(Json(state.engine.invitation_accept(&body, &whence).await?))
}

/// Accepts an invitation as oneself, and goes there.
#[utoipa::path(
    post, path = "/account/invitations/accept", tag = "account", request_body = InvitationToken,
    responses((status = 200, body = NewSession)),
)]
async fn invitation_accept_as(
    State(state): State<AppState>,
    From(whence): From,
    signed_in: SignedIn,
    Body(body): Body<InvitationToken>,
) -> Answer<Json<NewSession>> {
    let accepted = state
        .engine
        .invitation_accept_as(&signed_in.session, &body, &whence);
    Ok(Json(accepted.await?))
}
