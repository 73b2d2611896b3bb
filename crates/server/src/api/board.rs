//! Cards.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use freehold_wire::api::{Card, CardEvent, EditCard, MoveCard, NewCard, Page};
use freehold_wire::problem::{Code, Problem};

use super::{Part, idempotency_key, parse};
use crate::AppState;
use crate::answer::{Answer, Body, Member};

pub(super) async fn card_add(
    State(state): State<AppState>,
    Member(caller): Member,
    headers: HeaderMap,
    Body(new): Body<NewCard>,
) -> Answer<(StatusCode, Json<Card>)> {
    let key = idempotency_key(&headers)?;
    Ok((
        StatusCode::CREATED,
        Json(state.engine.card_add(&caller, new, key).await?),
    ))
}

pub(super) async fn card_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Query(part): Query<Part>,
) -> Answer<Json<Page<Card>>> {
    let Some(project) = &part.project else {
        return Err(Problem::new(Code::Invalid, "a list of cards needs `project`").into());
    };
    Ok(Json(
        state
            .engine
            .card_list(
                &caller,
                project,
                part.archived.unwrap_or(false),
                part.after()?,
                part.limit(),
            )
            .await?,
    ))
}

pub(super) async fn card_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
) -> Answer<Json<Card>> {
    Ok(Json(state.engine.card_show(&caller, &card).await?))
}

/// The edition in `If-Match: "7"`.
fn edition(headers: &HeaderMap) -> Answer<Option<u64>> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let edition = value
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok())
        .ok_or_else(|| {
            Problem::new(
                Code::Invalid,
                "`If-Match` is the card's edition in quotes, as in \"7\"",
            )
        })?;
    Ok(Some(edition))
}

pub(super) async fn card_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    headers: HeaderMap,
    Body(edit): Body<EditCard>,
) -> Answer<Json<Card>> {
    let edition = edition(&headers)?;
    Ok(Json(
        state
            .engine
            .card_edit(&caller, &card, edit, edition)
            .await?,
    ))
}

pub(super) async fn card_move(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    Body(to): Body<MoveCard>,
) -> Answer<Json<Card>> {
    Ok(Json(state.engine.card_move(&caller, &card, &to).await?))
}

pub(super) async fn card_archive(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
) -> Answer<Json<Card>> {
    Ok(Json(state.engine.card_archive(&caller, &card).await?))
}

pub(super) async fn card_restore(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
) -> Answer<Json<Card>> {
    Ok(Json(state.engine.card_restore(&caller, &card).await?))
}

pub(super) async fn card_history(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    Query(part): Query<Part>,
) -> Answer<Json<Page<CardEvent>>> {
    let after = parse(part.after.as_deref(), "after")?.unwrap_or(0);
    Ok(Json(
        state
            .engine
            .card_history(&caller, &card, after, part.limit())
            .await?,
    ))
}
