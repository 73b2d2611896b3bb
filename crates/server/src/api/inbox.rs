//! What needs a person.

use axum::Json;
use axum::extract::{Query, State};
use freehold_wire::api::{InboxItem, Page};

use super::Part;
use crate::AppState;
use crate::answer::{Answer, Member};

pub(super) async fn inbox(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<InboxItem>>> {
    Ok(Json(
        state
            .engine
            .inbox(&caller, part.after()?, part.limit())
            .await?,
    ))
}
