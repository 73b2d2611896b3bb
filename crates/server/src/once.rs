//! `Idempotency-Key`: a request that is repeated under its key is done once, and answered alike.
//!
//! The gate leads every POST of whoever is signed in through here, if it brings a key; without one nothing
//! is read or written. The work goes on where the client hangs up: it comes back with the same key.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use freehold_engine::once::{Attempt, Begun, Keyed};
use freehold_engine::{Caller, Engine};
use freehold_model::Action;
use freehold_wire::problem::{Code, Problem};
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

use crate::answer::{Answer, Refused};
use crate::{AppState, BODY_LIMIT};

/// The header that makes a repeated request one request.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the answer is that of a request before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What the description says of the header.
pub(crate) const ABOUT: &str = "Makes a repeated request one request: for 24 hours the same key and \
    request give the same answer, and another request under it is refused as `idempotency_mismatch`. \
    1 to 200 visible ASCII characters, best a random UUID.";
/// What a request may take under a key: less than its claim holds.
const WITHIN: Duration = Duration::from_secs(60);
/// Longest answer that is kept: more than any has, as a body that came in is in few of them, once.
const ANSWER_MAX: usize = BODY_LIMIT + 64 * 1024;
/// Headers of an answer that are kept with it; the others are those of every answer.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// Acts whose use cases keep the key themselves, in the transaction of the change: many are asked for, and
/// what they made is found again even where the server died before it answered. Their repeated answer
/// shows it as it is by then.
const BY_THEMSELVES: [Action; 3] = [Action::CardAdd, Action::RunStart, Action::RunReply];

/// The key of a request that is to be done once, if it brings one and nobody else looks after it.
///
/// # Errors
/// `invalid`.
pub(crate) fn key(method: &Method, action: Action, headers: &HeaderMap) -> Answer<Option<String>> {
    if method != Method::POST || BY_THEMSELVES.contains(&action) {
        return Ok(None);
    }
    one(headers).map(|key| key.map(ToOwned::to_owned))
}

/// The key that a request brings.
///
/// # Errors
/// When it is not ASCII, or there are several.
pub(crate) fn one(headers: &HeaderMap) -> Answer<Option<&str>> {
    let mut keys = headers.get_all(KEY).iter();
    let (key, second) = (keys.next(), keys.next());
    if second.is_some() {
        let detail = "the request carries more than one `Idempotency-Key`";
        return Err(Problem::new(Code::Invalid, detail).into());
    }
    let key = key.map(HeaderValue::to_str).transpose();
    Ok(key.map_err(|_| Problem::new(Code::Invalid, "the idempotency key is not ASCII"))?)
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    /// JSON or nothing, as all answers of the API to a POST are.
    body: String,
}

/// Does a request once.
pub(crate) async fn once(
    state: &AppState,
    caller: &Caller,
    route: &str,
    key: &str,
    request: Request,
    next: Next,
) -> Response {
    begun(state, caller, route, key, request, next)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn begun(
    state: &AppState,
    caller: &Caller,
    route: &str,
    key: &str,
    request: Request,
    next: Next,
) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|_| Problem::new(Code::TooLarge, "the request's body is too large"))?;
    let if_match = parts.headers.get(header::IF_MATCH);
    let asked: [&[u8]; 4] = [
        parts.uri.path().as_bytes(),
        parts.uri.query().unwrap_or_default().as_bytes(),
        if_match.map(HeaderValue::as_bytes).unwrap_or_default(),
        &body,
    ];
    let keyed = Keyed {
        route,
        key,
        asked: &asked,
    };
    let attempt = match state.engine.once_begin(caller, keyed).await? {
        Begun::Ours(attempt) => attempt,
        Begun::Answered(kept) => return replayed(&kept),
    };
    let request = Request::from_parts(parts, Body::from(body));
    let work = worked(state.engine.clone(), attempt, request, next).in_current_span();
    // Of its own: who hung up, and comes back with the key, finds the answer.
    let worked = state.tasks.spawn(work).await;
    worked.map_err(|error| {
        tracing::error!(%error, "a request under a key ended in the middle");
        Problem::new(Code::Internal, "the server's log says what").into()
    })
}

async fn worked(engine: Engine, attempt: Attempt, request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(WITHIN, attempt.work(next.run(request))).await;
    let response = answered.unwrap_or_else(|_| {
        Refused::from(Problem::new(Code::Timeout, "the request took too long")).into_response()
    });
    let (parts, body) = response.into_parts();
    let (body, kept) = match axum::body::to_bytes(body, ANSWER_MAX).await {
        Ok(body) => (body.clone(), kept(parts.status, &parts.headers, &body)),
        Err(_) => (Bytes::new(), None),
    };
    let settled = match kept {
        Some(kept) => engine.once_answer(&attempt, &kept).await,
        None => engine.once_release(&attempt).await,
    };
    if let Err(error) = settled {
        tracing::warn!(%error, "the answer to a request could not be kept");
    }
    Response::from_parts(parts, Body::from(body))
}

/// The answer as it is kept; none where it says nothing of the request itself: the server failed, who asks
/// may not or is to do something first, or it is worth coming back.
fn kept(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    let passes = status.is_server_error()
        || matches!(status.as_u16(), 401 | 403 | 428 | 429)
        || headers.contains_key(header::RETRY_AFTER);
    if passes {
        return None;
    }
    let headers = KEPT_HEADERS.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.to_str().ok()?.to_owned();
        Some((name.to_string(), value))
    });
    let kept = Kept {
        status: status.as_u16(),
        headers: headers.collect(),
        body: std::str::from_utf8(body).ok()?.to_owned(),
    };
    serde_json::to_vec(&kept).ok()
}

fn replayed(kept: &[u8]) -> Answer<Response> {
    let lost = || {
        Problem::new(
            Code::AnswerLost,
            "the answer was kept by another version of the server",
        )
    };
    let kept: Kept = serde_json::from_slice(kept).map_err(|_| lost())?;
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).map_err(|_| lost())?;
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            response.headers_mut().insert(name, value);
        }
    }
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
