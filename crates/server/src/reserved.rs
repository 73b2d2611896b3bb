//! Routes that are kept for what comes: families of the programs that this one takes the place of. Until they
//! are there, whoever asks is told so, in a problem document, and is never answered with Studio's page.

use axum::Router;
use axum::http::Uri;
use axum::routing::any;
use freehold_wire::problem::{Code, Problem};

use crate::AppState;
use crate::answer::Refused;

/// The families. The API's own are below its prefix, and none of Studio's pages has such a name.
const FAMILIES: [&str; 11] = [
    "/health",
    "/pods",
    "/schedule",
    "/evict",
    "/task-update",
    "/stream",
    "/tenant",
    "/project",
    "/admin",
    "/terminal",
    "/v1",
];

pub(crate) fn routes() -> Router<AppState> {
    FAMILIES.into_iter().fold(Router::new(), |router, family| {
        router
            .route(family, any(reserved))
            .route(&format!("{family}/{{*rest}}"), any(reserved))
    })
}

async fn reserved(uri: Uri) -> Refused {
    let family = FAMILIES
        .into_iter()
        .find(|family| {
            let rest = uri.path().strip_prefix(family);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        .unwrap_or_default();
    let detail = format!("`{family}` is reserved, and nothing is there in this version");
    Problem::new(Code::NotFound, detail)
        .next("the API is below `/api/v1`: see `/docs/api` and `/openapi.json`")
        .into()
}
