//! Signing in at providers of identities, and what their groups are.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{
    BeginLink, BeginOidc, BegunOidc, GroupRole, LinkedIdentity, NewSession, Page, PutGroupRole,
    RedeemLink, RedeemOidc,
};
use utoipa_axum::routes;

use crate::AppState;
use crate::answer::{Answer, Body, Member, SignedIn};
use crate::gate::Routes;
use crate::whence::From;

pub(super) fn routes() -> Routes {
    Routes::new()
        .public(routes!(oidc_begin))
        .public(routes!(oidc_redeem))
        .on(Action::IdentityList, routes!(identity_list))
        .on(Action::IdentityLink, routes!(identity_begin))
        .on(Action::IdentityLink, routes!(identity_link))
        .on(Action::IdentityUnlink, routes!(identity_unlink))
        .on(Action::GroupRoleRead, routes!(group_role_list))
        .on(Action::GroupRoleEdit, routes!(group_role_put))
        .on(Action::GroupRoleEdit, routes!(group_role_remove))
}

/// Sets out to a provider of identities, to sign in: gives the address to go to.
#[utoipa::path(
    post, path = "/sign-in/oidc/{provider}", tag = "account", request_body = BeginOidc,
    responses((status = 200, body = BegunOidc)),
)]
async fn oidc_begin(
    State(state): State<AppState>,
    From(whence): From,
    Path(provider): Path<String>,
    Body(body): Body<BeginOidc>,
) -> Answer<Json<BegunOidc>> {
    let begun = state.engine.oidc_begin(&provider, &body, &whence).await?;
    Ok(Json(begun))
}

/// Signs in with what the provider sent the browser back with; works once, for the browser that set out.
#[utoipa::path(
    post, path = "/sign-in/oidc/{provider}/redeem", tag = "account", request_body = RedeemOidc,
    responses((status = 200, body = NewSession)),
)]
async fn oidc_redeem(
    State(state): State<AppState>,
    From(whence): From,
    Path(provider): Path<String>,
    Body(body): Body<RedeemOidc>,
) -> Answer<Json<NewSession>> {
    let session = state.engine.oidc_redeem(&provider, &body, &whence).await?;
    Ok(Json(session))
}

/// Lists who one is at providers of identities.
#[utoipa::path(
    get, path = "/account/identities", tag = "account",
    responses((status = 200, body = Page<LinkedIdentity>)),
)]
async fn identity_list(
    State(state): State<AppState>,
    signed_in: SignedIn,
) -> Answer<Json<Page<LinkedIdentity>>> {
    Ok(Json(state.engine.identity_list(&signed_in.session).await?))
}

/// Sets out to a provider of identities, to link who one is there to one's account.
#[utoipa::path(
    post, path = "/account/identities/begin", tag = "account", request_body = BeginLink,
    responses((status = 200, body = BegunOidc)),
)]
async fn identity_begin(
    State(state): State<AppState>,
    From(whence): From,
    signed_in: SignedIn,
    Body(body): Body<BeginLink>,
) -> Answer<Json<BegunOidc>> {
    let session = &signed_in.session;
    let begun = state.engine.identity_begin(session, &body, &whence);
    Ok(Json(begun.await?))
}

/// Links who one is at a provider to one's account, with what it sent the browser back with.
#[utoipa::path(
    post, path = "/account/identities", tag = "account", request_body = RedeemLink,
    responses((status = 201, body = LinkedIdentity)),
)]
async fn identity_link(
    State(state): State<AppState>,
    From(whence): From,
    signed_in: SignedIn,
    Body(body): Body<RedeemLink>,
) -> Answer<(StatusCode, Json<LinkedIdentity>)> {
    let session = &signed_in.session;
    let linked = state.engine.identity_link(session, &body, &whence).await?;
    Ok((StatusCode::CREATED, Json(linked)))
}

/// Unlinks who one is at a provider; all other sessions end. The last way in stays.
#[utoipa::path(
    delete, path = "/account/identities/{identity}", tag = "account", responses((status = 204)),
)]
async fn identity_unlink(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Path(identity): Path<String>,
) -> Answer<StatusCode> {
    let session = &signed_in.session;
    state.engine.identity_unlink(session, &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists what groups of providers are in the organization.
#[utoipa::path(
    get, path = "/group-roles", tag = "members", responses((status = 200, body = Page<GroupRole>)),
)]
async fn group_role_list(
    State(state): State<AppState>,
    Member(caller): Member,
) -> Answer<Json<Page<GroupRole>>> {
    Ok(Json(state.engine.group_role_list(&caller).await?))
}

/// Says what a group of a provider is in the organization: members with that role.
#[utoipa::path(
    put, path = "/group-roles", tag = "members", request_body = PutGroupRole,
    responses((status = 200, body = GroupRole)),
)]
async fn group_role_put(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(body): Body<PutGroupRole>,
) -> Answer<Json<GroupRole>> {
    Ok(Json(state.engine.group_role_put(&caller, &body).await?))
}

/// A group of a provider is nothing in the organization any more.
#[utoipa::path(delete, path = "/group-roles/{group}", tag = "members", responses((status = 204)))]
async fn group_role_remove(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(group): Path<String>,
) -> Answer<StatusCode> {
    state.engine.group_role_remove(&caller, &group).await?;
    Ok(StatusCode::NO_CONTENT)
}
