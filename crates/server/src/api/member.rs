//! Members of the organization.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{EditMember, Member, Page, Seats};
use utoipa_axum::routes;

use super::Part;
use crate::AppState;
use crate::answer::{self, Answer, Body, Params};
use crate::gate::Routes;

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::MemberRead, routes!(member_list))
        .on(Action::MemberRead, routes!(member_seats))
        .on(Action::MemberEdit, routes!(member_edit))
        .on(Action::MemberRemove, routes!(member_remove))
        .on(Action::MemberLeave, routes!(member_leave))
}

/// Lists the members.
#[utoipa::path(
    get, path = "/members", tag = "members", params(Part),
    responses((status = 200, body = Page<Member>)),
)]
async fn member_list(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Member>>> {
    let members = state
        .engine
        .member_list(&caller, part.after()?, part.limit());
    Ok(Json(members.await?))
}

/// Says how many members there are, and may be.
#[utoipa::path(get, path = "/members/seats", tag = "members", responses((status = 200, body = Seats)))]
async fn member_seats(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
) -> Answer<Json<Seats>> {
    Ok(Json(state.engine.member_seats(&caller).await?))
}

/// Changes what a member is. What an owner is, owners decide, and one of them stays.
#[utoipa::path(
    patch, path = "/members/{member}", tag = "members", request_body = EditMember,
    responses((status = 200, body = Member)),
)]
async fn member_edit(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
    Path(member): Path<String>,
    Body(body): Body<EditMember>,
) -> Answer<Json<Member>> {
    Ok(Json(
        state.engine.member_edit(&caller, &member, &body).await?,
    ))
}

/// Removes a member: their runs end, their tokens are void, their streams break off.
#[utoipa::path(delete, path = "/members/{member}", tag = "members", responses((status = 204)))]
async fn member_remove(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
    Path(member): Path<String>,
) -> Answer<StatusCode> {
    state.engine.member_remove(&caller, &member).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leaves the organization, as if one were removed. The last owner stays.
#[utoipa::path(post, path = "/members/leave", tag = "members", responses((status = 204)))]
async fn member_leave(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
) -> Answer<StatusCode> {
    state.engine.member_leave(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
