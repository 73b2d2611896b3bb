//! Cards.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use freehold_model::Action;
use freehold_wire::api::{Card, CardEvent, EditCard, MoveCard, NewCard, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Part, parse};
use crate::AppState;
use crate::answer::{Answer, Body, Member, Params};
use crate::gate::Routes;
use crate::once;
use crate::tag::{IF_MATCH, IF_NONE_MATCH, IfMatch, Tagged};

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::CardAdd, routes!(card_add))
        .on(Action::CardRead, routes!(card_list))
        .on(Action::CardRead, routes!(card_show))
        .on(Action::CardEdit, routes!(card_edit))
        .on(Action::CardMove, routes!(card_move))
        .on(Action::CardArchive, routes!(card_archive))
        .on(Action::CardRestore, routes!(card_restore))
        .on(Action::CardRead, routes!(card_history))
}

/// Which cards.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The project, by id or name.
    project: String,
    /// Those that were put away, in place of those on the board.
    #[serde(default)]
    archived: bool,
}

/// Adds a card to the end of the first lane.
#[utoipa::path(
    post, path = "/cards", tag = "cards",
    request_body = NewCard,
    responses((status = 201, body = Card)),
)]
async fn card_add(
    State(state): State<AppState>,
    Member(caller): Member,
    headers: HeaderMap,
    Body(new): Body<NewCard>,
) -> Answer<(StatusCode, Json<Card>)> {
    let key = once::one(&headers)?;
    let card = state.engine.card_add(&caller, new, key).await?;
    Ok((StatusCode::CREATED, Json(card)))
}

/// Lists a project's cards.
#[utoipa::path(
    get, path = "/cards", tag = "cards", params(Which, Part),
    responses((status = 200, body = Page<Card>)),
)]
async fn card_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(which): Params<Which>,
    Params(part): Params<Part>,
) -> Answer<Json<Page<Card>>> {
    let (after, limit) = (part.after()?, part.limit());
    let cards = state
        .engine
        .card_list(&caller, &which.project, which.archived, after, limit)
        .await?;
    Ok(Json(cards))
}

/// Shows a card.
#[utoipa::path(
    get, path = "/cards/{card}", tag = "cards",
    params(("if-none-match" = Option<String>, Header, description = IF_NONE_MATCH)),
    responses((status = 200, body = Card), (status = 304, description = "It has not changed.")),
)]
async fn card_show(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
) -> Answer<Tagged<Card>> {
    Tagged::card(state.engine.card_show(&caller, &card).await?)
}

/// Changes what a card says. What is absent stays as it is.
#[utoipa::path(
    patch, path = "/cards/{card}", tag = "cards",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    request_body = EditCard,
    responses((status = 200, body = Card)),
)]
async fn card_edit(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    IfMatch(expected): IfMatch,
    Body(edit): Body<EditCard>,
) -> Answer<Tagged<Card>> {
    let card = state
        .engine
        .card_edit(&caller, &card, edit, &expected)
        .await?;
    Tagged::card(card)
}

/// Moves a card to a lane, or within one.
#[utoipa::path(
    post, path = "/cards/{card}/move", tag = "cards",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    request_body = MoveCard,
    responses((status = 200, body = Card)),
)]
async fn card_move(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    IfMatch(expected): IfMatch,
    Body(to): Body<MoveCard>,
) -> Answer<Tagged<Card>> {
    Tagged::card(
        state
            .engine
            .card_move(&caller, &card, &to, &expected)
            .await?,
    )
}

/// Puts a card away.
#[utoipa::path(
    post, path = "/cards/{card}/archive", tag = "cards",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    responses((status = 200, body = Card)),
)]
async fn card_archive(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    IfMatch(expected): IfMatch,
) -> Answer<Tagged<Card>> {
    Tagged::card(state.engine.card_archive(&caller, &card, &expected).await?)
}

/// Brings back a card that was put away.
#[utoipa::path(
    post, path = "/cards/{card}/restore", tag = "cards",
    params(("if-match" = Option<String>, Header, description = IF_MATCH)),
    responses((status = 200, body = Card)),
)]
async fn card_restore(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    IfMatch(expected): IfMatch,
) -> Answer<Tagged<Card>> {
    Tagged::card(state.engine.card_restore(&caller, &card, &expected).await?)
}

/// Tells what happened to a card, oldest first.
#[utoipa::path(
    get, path = "/cards/{card}/history", tag = "cards", params(Part),
    responses((status = 200, body = Page<CardEvent>)),
)]
async fn card_history(
    State(state): State<AppState>,
    Member(caller): Member,
    Path(card): Path<String>,
    Params(part): Params<Part>,
) -> Answer<Json<Page<CardEvent>>> {
    let after = parse(part.after.as_deref(), "after")?.unwrap_or(0);
    let history = state
        .engine
        .card_history(&caller, &card, after, part.limit())
        .await?;
    Ok(Json(history))
}
