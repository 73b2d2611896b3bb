//! How people come in: accounts, sessions, and the organizations that one is in.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{
    Account, BrowserSession, ChangePassword, ConfirmRegistration, ForgotPassword, NewOrganization,
    NewSession, Organization, Page, Register, ResetPassword, SignInPassword, SignInWays,
};
use utoipa_axum::routes;

use crate::AppState;
use crate::answer::{Answer, Body, Member, SignedIn};
use crate::gate::Routes;
use crate::whence::From;

pub(super) fn routes() -> Routes {
    Routes::new()
        .public(routes!(sign_in_ways))
        .public(routes!(sign_in_password))
        .public(routes!(register))
        .public(routes!(register_confirm))
        .public(routes!(password_forgot))
        .public(routes!(password_reset))
        .on(Action::SessionRenew, routes!(session_renew))
        .on(Action::AccountRead, routes!(account))
        .on(Action::PasswordChange, routes!(password_change))
        .on(Action::SessionList, routes!(session_list))
        .on(Action::SessionEnd, routes!(session_end))
        .on(Action::SessionEndAll, routes!(session_end_others))
        .on(Action::OrganizationList, routes!(organization_list))
        .on(Action::OrganizationCreate, routes!(organization_create))
        .on(Action::OrganizationEnter, routes!(organization_enter))
}

/// Says how one signs in here.
#[utoipa::path(get, path = "/sign-in/ways", tag = "account", responses((status = 200, body = SignInWays)))]
async fn sign_in_ways(State(state): State<AppState>) -> Json<SignInWays> {
    Json(state.engine.sign_in_ways())
}

/// Signs in with a password: begins a session in one organization.
#[utoipa::path(
    post, path = "/sign-in/password", tag = "account", request_body = SignInPassword,
    responses((status = 200, body = NewSession)),
)]
async fn sign_in_password(
    State(state): State<AppState>,
    From(whence): From,
    Body(body): Body<SignInPassword>,
) -> Answer<Json<NewSession>> {
    Ok(Json(state.engine.sign_in_password(&body, &whence).await?))
}

/// Asks for an account; what follows is mailed to the address, whether it has one already or not.
#[utoipa::path(
    post, path = "/registrations", tag = "account", request_body = Register,
    responses((status = 204)),
)]
async fn register(
    State(state): State<AppState>,
    From(whence): From,
    Body(body): Body<Register>,
) -> Answer<StatusCode> {
    state.engine.register(&body, &whence).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the account whose token was mailed, and signs in.
#[utoipa::path(
    post, path = "/registrations/confirm", tag = "account", request_body = ConfirmRegistration,
    responses((status = 200, body = NewSession)),
)]
async fn register_confirm(
    State(state): State<AppState>,
    From(whence): From,
    Body(body): Body<ConfirmRegistration>,
) -> Answer<Json<NewSession>> {
    Ok(Json(state.engine.register_confirm(&body, &whence).await?))
}

/// Has a mail sent with which a new password is set, if anybody has the address.
#[utoipa::path(
    post, path = "/password/forgot", tag = "account", request_body = ForgotPassword,
    responses((status = 204)),
)]
async fn password_forgot(
    State(state): State<AppState>,
    From(whence): From,
    Body(body): Body<ForgotPassword>,
) -> Answer<StatusCode> {
    state.engine.password_forgot(&body, &whence).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets a new password by the token that was mailed; all sessions of the person end.
#[utoipa::path(
    post, path = "/password/reset", tag = "account", request_body = ResetPassword,
    responses((status = 204)),
)]
async fn password_reset(
    State(state): State<AppState>,
    From(whence): From,
    Body(body): Body<ResetPassword>,
) -> Answer<StatusCode> {
    state.engine.password_reset(&body, &whence).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives another token in the place of the session's, which is good for a minute more.
#[utoipa::path(post, path = "/session/renew", tag = "account", responses((status = 200, body = NewSession)))]
async fn session_renew(
    State(state): State<AppState>,
    From(whence): From,
    signed_in: SignedIn,
) -> Answer<Json<NewSession>> {
    Ok(Json(
        state
            .engine
            .session_renew(&signed_in.session, &whence)
            .await?,
    ))
}

/// Shows one's account.
#[utoipa::path(get, path = "/account", tag = "account", responses((status = 200, body = Account)))]
async fn account(State(state): State<AppState>, signed_in: SignedIn) -> Answer<Json<Account>> {
    Ok(Json(state.engine.account(&signed_in.session).await?))
}

/// Changes one's password; all other sessions end, and this one is renewed.
#[utoipa::path(
    post, path = "/account/password", tag = "account", request_body = ChangePassword,
    responses((status = 200, body = NewSession)),
)]
async fn password_change(
    State(state): State<AppState>,
    From(whence): From,
    signed_in: SignedIn,
    Body(body): Body<ChangePassword>,
) -> Answer<Json<NewSession>> {
    let session = &signed_in.session;
    Ok(Json(
        state
            .engine
            .password_change(session, &body, &whence)
            .await?,
    ))
}

/// Lists where one is signed in, in all organizations.
#[utoipa::path(
    get, path = "/account/sessions", tag = "account",
    responses((status = 200, body = Page<BrowserSession>)),
)]
async fn session_list(
    State(state): State<AppState>,
    signed_in: SignedIn,
) -> Answer<Json<Page<BrowserSession>>> {
    Ok(Json(state.engine.session_list(&signed_in.session).await?))
}

/// Ends a session of one's own.
#[utoipa::path(delete, path = "/account/sessions/{session}", tag = "account", responses((status = 204)))]
async fn session_end(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Path(session): Path<String>,
) -> Answer<StatusCode> {
    state
        .engine
        .session_end(&signed_in.session, &session)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of one's own but the one that asks.
#[utoipa::path(delete, path = "/account/sessions", tag = "account", responses((status = 204)))]
async fn session_end_others(
    State(state): State<AppState>,
    signed_in: SignedIn,
) -> Answer<StatusCode> {
    state.engine.session_end_others(&signed_in.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the organizations that one is in.
#[utoipa::path(
    get, path = "/account/organizations", tag = "account",
    responses((status = 200, body = Page<Organization>)),
)]
async fn organization_list(
    State(state): State<AppState>,
    Member(caller): Member,
) -> Answer<Json<Page<Organization>>> {
    Ok(Json(state.engine.organization_list(&caller).await?))
}

/// Makes an organization of one's own, where the operator allows it.
#[utoipa::path(
    post, path = "/account/organizations", tag = "account", request_body = NewOrganization,
    responses((status = 201, body = Organization)),
)]
async fn organization_create(
    State(state): State<AppState>,
    Member(caller): Member,
    Body(body): Body<NewOrganization>,
) -> Answer<(StatusCode, Json<Organization>)> {
    let made = state.engine.organization_create(&caller, &body).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Goes to another organization of one's own: a session there in the place of this one.
#[utoipa::path(
    post, path = "/account/organizations/{organization}/enter", tag = "account",
    responses((status = 200, body = NewSession)),
)]
async fn organization_enter(
    State(state): State<AppState>,
    From(whence): From,
    signed_in: SignedIn,
    Path(organization): Path<String>,
) -> Answer<Json<NewSession>> {
    let entered = state
        .engine
        .session_enter(&signed_in.session, &organization, &whence);
    Ok(Json(entered.await?))
}
