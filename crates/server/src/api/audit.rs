//! Who did what.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use freehold_engine::AuditPart;
use freehold_engine::audit_chain::Export;
use freehold_model::Action;
use freehold_wire::api::{AuditEntry, AuditHead, AuditKept, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Most, limit, parse};
use crate::AppState;
use crate::answer::{Answer, Member, Params};
use crate::gate::Routes;

pub(super) fn routes() -> Routes {
    Routes::new()
        .on(Action::AuditRead, routes!(audit_list))
        .on(Action::AuditRead, routes!(audit_head))
        .on(Action::AuditExport, routes!(audit_export))
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// The `next` of the part before; the newest where silent.
    after: Option<String>,
    /// Most items, 200 at most.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<Most>,
    /// Of this person, token or runner: an id.
    actor: Option<String>,
    /// Of this action; of all whose name begins so where it ends in a dot (`run.`).
    action: Option<String>,
    /// About this thing: an id.
    resource: Option<String>,
    /// From then on.
    since: Option<DateTime<Utc>>,
    /// Before then.
    until: Option<DateTime<Utc>>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Behind {
    /// Entries behind the one with this number; all that are there where silent.
    after: Option<u64>,
}

/// Lists the audit log, newest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", params(Which),
    responses((status = 200, body = Page<AuditEntry>)),
)]
async fn audit_list(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(which): Params<Which>,
) -> Answer<Json<Page<AuditEntry>>> {
    let part = AuditPart {
        before: parse(which.after.as_deref(), "after")?,
        actor: which.actor,
        action: which.action,
        resource: which.resource,
        since: which.since,
        until: which.until,
    };
    let listed = state.engine.audit_list(&caller, &part, limit(which.limit));
    Ok(Json(listed.await?))
}

/// How far the chain has come, signed: kept elsewhere it is the proof that what was before is as it was.
#[utoipa::path(
    get, path = "/audit/head", tag = "audit",
    responses((status = 200, body = AuditHead)),
)]
async fn audit_head(
    State(state): State<AppState>,
    Member(caller): Member,
) -> Answer<Json<AuditHead>> {
    let days = |keep: Option<chrono::TimeDelta>| keep.map(|keep| keep.num_days());
    let kept = AuditKept {
        security: days(state.keep_audit.security),
        reading: days(state.keep_audit.reading),
    };
    let head = state.engine.audit_head(&caller).await?;
    Ok(Json(AuditHead { kept, ..head }))
}

/// Gives the audit log as lines of JSON that prove themselves: `freehold audit verify` reads them.
#[utoipa::path(
    get, path = "/audit/export", tag = "audit", params(Behind),
    responses((status = 200, body = String, content_type = "application/x-ndjson",
        description = "A head, then entries and signed checkpoints, one document a line.")),
)]
async fn audit_export(
    State(state): State<AppState>,
    Member(caller): Member,
    Params(behind): Params<Behind>,
) -> Answer<Response> {
    let engine = state.engine;
    let export = engine
        .audit_export(&caller, behind.after.unwrap_or(0))
        .await?;
    let next = |(engine, mut export): (freehold_engine::Engine, Export)| async move {
        match export.next(&engine).await {
            Ok(Some(lines)) => Some((Ok(lines), (engine, export))),
            Ok(None) => None,
            // The stream must break, not end: half a log is not the log.
            Err(error) => {
                tracing::warn!(%error, "an export of the audit log broke off");
                Some((Err(error), (engine, export)))
            }
        }
    };
    let stream = futures_util::stream::unfold((engine, export), next);
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((headers, Body::from_stream(stream)).into_response())
}
