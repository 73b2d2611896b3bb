//! What requests bring, as far as it is in memory: bounded for all of them together. One large body is what a person may
//! send; a hundred at once are more than a server has.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use freehold_wire::problem::{Code, Problem};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::BODY_LIMIT;
use crate::answer::Refused;
use crate::link::{BLOB_LIMIT, BLOBS};

/// Up to this nobody counts: as many as there are connections fit.
const SMALL: usize = 64 * 1024;
/// Bodies of requests at a time: eight of the largest. What is made of one while it is read is a few times as much.
const DOCUMENTS_MAX: usize = 8 * BODY_LIMIT;
/// Blobs of runners at a time: two of the largest, and many of the usual ones.
const BLOBS_MAX: usize = 2 * BLOB_LIMIT;
/// A large body waits for room for so long. Behind it the client's own patience ends.
const WAITS: Duration = Duration::from_secs(10);
/// What room is counted in.
const UNIT: usize = 1024;

/// The room that there is. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bodies {
    documents: Arc<Semaphore>,
    blobs: Arc<Semaphore>,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        let room = |bytes: usize| Arc::new(Semaphore::new(bytes / UNIT));
        Self {
            documents: room(DOCUMENTS_MAX),
            blobs: room(BLOBS_MAX),
        }
    }
}

/// Lets a request pass when there is room for what it says that it brings; one that does not say is taken for the largest.
/// What is larger than it may be is refused before a byte of it is read.
pub(crate) async fn within(State(bodies): State<Bodies>, request: Request, next: Next) -> Response {
    let (room, most) = match request.uri().path() == BLOBS {
        true => (bodies.blobs, BLOB_LIMIT),
        false => (bodies.documents, BODY_LIMIT),
    };
    let size = match size(request.body()) {
        Some(size) if size > most => return too_large(most),
        said => said.unwrap_or(most),
    };
    if size <= SMALL {
        return next.run(request).await;
    }
    // Only those bring so much whom somebody let in.
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return too_large(SMALL);
    }
    let units = u32::try_from(size.div_ceil(UNIT)).unwrap_or(u32::MAX);
    let Ok(Ok(_room)) = timeout(WAITS, room.acquire_many(units)).await else {
        let detail = "the server has as many large requests in hand as it takes";
        return Refused::from(Problem::new(Code::Unavailable, detail)).into_response();
    };
    next.run(request).await
}

/// In bytes, where it is said.
fn size(body: &Body) -> Option<usize> {
    let said = body.size_hint().upper()?;
    Some(usize::try_from(said).unwrap_or(usize::MAX))
}

fn too_large(most: usize) -> Response {
    let detail = format!("the request's body may have {most} bytes");
    Refused::from(Problem::new(Code::TooLarge, detail)).into_response()
}
