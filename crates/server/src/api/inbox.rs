//! What needs a person, and what changed.

use axum::Json;
use axum::extract::State;
use freehold_model::Action;
use freehold_wire::api::{InboxItem, Page};
use utoipa_axum::routes;

use super::Part;
use crate::answer::{Answer, Member, Params};
use crate::gate::Routes;
use crate::{AppState, changes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::InboxRead, routes!(inbox))
        .on(Action::ChangesWatch, routes!(changes::changes))
}

/// What needs a person, in all projects, the newest first.
#[utoipa::path(
    get, path = "/inbox", tag = "inbox", params(Part),
    responses((status = 200, body = Page<InboxItem>)),
)]
async fn inbox(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(part): Params<Part>,
) -> Answer<Json<Page<InboxItem>>> {
    let items = state
        .engine
        .inbox(&caller, part.after()?, part.limit())
        .await?;
    Ok(Json(items))
}
