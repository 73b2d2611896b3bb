//! `ETag`, `If-None-Match` and `If-Match` (RFC 9110, 8.8.3 and 13.1): what is shown alone carries a tag, whoever
//! has it already is told so, and a change says which state it was made from.

use axum::Json;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use freehold_engine::tag::{self, Expected};
use freehold_wire::api::{Card, EnvironmentLimits, Webhook};
use freehold_wire::problem::{Code, Problem};
use serde::Serialize;

use crate::answer::{Answer, Refused};

/// What the description says of `If-Match`.
pub(crate) const IF_MATCH: &str = "The `ETag` that came with what the change was made from. Where it is \
    another by now, the change is refused as `stale` (412). Without it, or with `*`, the change is made \
    from whatever there is.";
/// What the description says of `If-None-Match`.
pub(crate) const IF_NONE_MATCH: &str = "An `ETag` that came with this before: where it has not changed, \
    the answer is 304 without a body.";
/// Tags that a change may name: who edits has seen one, or a few.
const TAGS_MAX: usize = 16;

/// Something that is shown alone, with its tag.
pub(crate) struct Tagged<T>(String, T);

impl<T: Serialize> Tagged<T> {
    pub(crate) fn of(shown: T) -> Answer<Self> {
        Ok(Self(tag::of(&shown)?, shown))
    }
}

impl Tagged<Card> {
    pub(crate) fn card(card: Card) -> Answer<Self> {
        Ok(Self(tag::of_card(&card)?, card))
    }
}

impl Tagged<EnvironmentLimits> {
    pub(crate) fn limits(limits: EnvironmentLimits) -> Answer<Self> {
        Ok(Self(tag::of_limits(&limits)?, limits))
    }
}

impl Tagged<Webhook> {
    pub(crate) fn webhook(webhook: Webhook) -> Answer<Self> {
        Ok(Self(tag::of_webhook(&webhook)?, webhook))
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.0)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// Which state a change is made from.
pub(crate) struct IfMatch(pub(crate) Expected);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let malformed = || {
            let detail = "`If-Match` is a tag in quotes, as it came in `ETag`, or `*`";
            Problem::new(Code::Invalid, detail)
        };
        let tags = tags(&parts.headers, &header::IF_MATCH).map_err(|()| malformed())?;
        let Some(tags) = tags else {
            return Ok(Self(Expected::anything()));
        };
        if tags == ["*"] {
            return Ok(Self(Expected::anything()));
        }
        // Weak tags match nothing here: the comparison is the strong one (13.1.1).
        let strong = tags.iter().filter(|tag| !tag.starts_with("W/"));
        let strong: Option<Vec<String>> = strong
            .map(|tag| {
                let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
                Some(tag.to_owned())
            })
            .collect();
        Ok(Self(Expected::one_of(strong.ok_or_else(malformed)?)))
    }
}

/// The members of a list of tags; none where the header is absent.
fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Vec<&'a str>>, ()> {
    let mut found = Vec::new();
    for value in headers.get_all(name) {
        let value = value.to_str().map_err(|_| ())?;
        found.extend(
            value
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty()),
        );
    }
    match found.len() {
        0 if headers.contains_key(name) => Err(()),
        0 => Ok(None),
        1..=TAGS_MAX => Ok(Some(found)),
        _ => Err(()),
    }
}

/// An answer, or that the client has it: the weak comparison (13.1.2).
pub(crate) fn unless_known(asked: &HeaderValue, response: Response) -> Response {
    let Ok(known) = asked.to_str() else {
        return response;
    };
    let known: Vec<&str> = known.split(',').map(str::trim).take(TAGS_MAX).collect();
    let tag = response.headers().get(header::ETAG);
    let Some(tag) = tag.and_then(|tag| tag.to_str().ok()) else {
        return response;
    };
    let is_known = known
        .iter()
        .any(|one| *one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag);
    if response.status() != StatusCode::OK || !is_known {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}
