//! Members of the organization.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use freehold_model::Action;
use freehold_wire::api::{EditMember, Member, Page, Seats};
use freehold_wire::problem::{Code, Problem};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Most, limit, parse};
use crate::AppState;
use crate::answer::{self, Answer, Body, Params};
use crate::gate::Routes;
use crate::tag::{IF_MATCH, IF_NONE_MATCH, IfMatch, Tagged};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::MemberRead, routes!(member_list))
        .on(Action::MemberRead, routes!(member_seats))
        .on(Action::MemberRead, routes!(member_show))
        .on(Action::MemberEdit, routes!(member_edit))
        .on(Action::MemberRemove, routes!(member_remove))
        .on(Action::MemberLeave, routes!(member_leave))
}

/// More is no part of a name or an address that anybody has.
const SEARCH_MAX: usize = 320;

/// Which members, and what part of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those in whose name or address this stands, whatever its letters' case.
    #[param(max_length = 320)]
    search: Option<String>,
    /// The `next` of the part before; the first part where silent.
    after: Option<String>,
    /// Most items, 200 at most.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<Most>,
}

/// Lists the members.
#[utoipa::path(
    get, path = "/members", tag = "members", params(Which),
    responses((status = 200, body = Page<Member>)),
)]
async fn member_list(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
    Params(which): Params<Which>,
) -> Answer<Json<Page<Member>>> {
    let search = which.search.as_deref();
    if search.is_some_and(|words| words.chars().count() > SEARCH_MAX || words.contains('\0')) {
        let why = "nobody has such a name or address";
        return Err(Problem::new(Code::Invalid, why).into());
    }
    let after = parse(which.after.as_deref(), "after")?;
    let members = (state.engine).member_list(&caller, search, after, limit(which.limit));
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

/// Shows a member.
#[utoipa::path(
    get, path = "/members/{member}", tag = "members",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = Member), (status = 304, description = "It has not changed.")),
)]
async fn member_show(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
    Path(member): Path<String>,
) -> Answer<Tagged<Member>> {
    Tagged::of(state.engine.member_show(&caller, &member).await?)
}

/// Changes what a member is. What an owner is, owners decide, and one of them stays.
#[utoipa::path(
    patch, path = "/members/{member}", tag = "members", params(("if-match" = Option<String>, Header, description = IF_MATCH)), request_body = EditMember,
    responses((status = 200, body = Member)),
)]
async fn member_edit(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
    Path(member): Path<String>,
    IfMatch(expected): IfMatch,
    Body(body): Body<EditMember>,
) -> Answer<Tagged<Member>> {
    Tagged::of(
        state
            .engine
            .member_edit(&caller, &member, &body, &expected)
            .await?,
    )
}

/// Removes a member: their runs end, their tokens are void, their streams break off.
#[utoipa::path(
    delete, path = "/members/{member}", tag = "members",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    responses((status = 204)),
)]
async fn member_remove(
    State(state): State<AppState>,
    answer::Member(caller): answer::Member,
    Path(member): Path<String>,
    IfMatch(expected): IfMatch,
) -> Answer<StatusCode> {
    state
        .engine
        .member_remove(&caller, &member, &expected)
        .await?;
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
