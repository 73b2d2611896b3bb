//! Answers and refusals.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use freehold_engine::token::Session;
use freehold_engine::{Caller, ContentError, Engine, Error, StoreError};
use freehold_model::Action;
use freehold_wire::problem::{Code, MEDIA_TYPE, Problem};
use serde::de::DeserializeOwned;

use crate::gate;

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Refused(Box<Problem>);

/// What a response refuses with, for whoever has more to say about it on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Told(pub(crate) Box<Problem>);

/// What a handler gives.
pub(crate) type Answer<T> = Result<T, Refused>;

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl Refused {
    /// Whether it refuses for this.
    pub(crate) fn is(&self, code: Code) -> bool {
        self.0.code == code
    }
}

impl From<Box<Problem>> for Refused {
    fn from(problem: Box<Problem>) -> Self {
        Self(problem)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Problem(problem) => Self(problem),
            Error::Store(error) if error.is_unavailable() => {
                log_chain("the database is not available", &error);
                Problem::new(Code::Unavailable, "the database does not answer").into()
            }
            Error::Store(StoreError::Content(error @ ContentError::Trouble(..))) => {
                log_chain("the content cannot be used", &error);
                Problem::new(Code::ContentUnavailable, error.to_string()).into()
            }
            Error::Store(error) => {
                log_chain("a request failed in the store", &error);
                Problem::new(Code::Internal, "storage failed; the server's log says how").into()
            }
            Error::Internal(what) => {
                tracing::error!(%what, "a request failed");
                Problem::new(Code::Internal, "the server's log says what").into()
            }
        }
    }
}

/// Logs an error with all its causes, once, where it is handled.
fn log_chain(what: &str, error: &dyn std::error::Error) {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        chain.push_str(": ");
        chain.push_str(&error.to_string());
        source = error.source();
    }
    tracing::error!(error = %chain, "{what}");
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        } else if matches!(self.0.code, Code::Unavailable | Code::ContentUnavailable) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if self.0.code == Code::Unauthenticated {
            // RFC 9110, 11.6.1: a 401 says how to do better.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Told(self.0));
        response
    }
}

/// Who asks, whom the gate let through. A handler that takes this must be on a route with an action.
pub(crate) struct Member(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let signed_in = SignedIn::from_request_parts(parts, state).await?;
        Ok(Self(signed_in.session.caller))
    }
}

/// As [`Member`], for what concerns the token itself.
#[derive(Clone)]
pub(crate) struct SignedIn {
    /// The token, to ask again whether it still stands.
    pub(crate) token: zeroize::Zeroizing<String>,
    pub(crate) session: Session,
    /// What it was let through for.
    pub(crate) action: Action,
}

impl SignedIn {
    /// Whether the token still stands, and is still good for this: streams ask again and again.
    pub(crate) async fn stands(&self, engine: &Engine) -> Result<(), Error> {
        let address = self.session.caller.address;
        let session = engine.session(&self.token, address).await?;
        session.caller.require(self.action)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let found = parts.extensions.get::<Self>();
        found.cloned().ok_or_else(gate::unguarded)
    }
}

/// The bearer token of a request (RFC 6750, 2.1).
///
/// # Errors
/// When there are several credentials: who reads the first and who reads the last must not differ.
pub(crate) fn bearer(headers: &HeaderMap) -> Answer<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, second) = (values.next(), values.next());
    if second.is_some() {
        let detail = "the request carries more than one `Authorization`";
        return Err(Problem::new(Code::Unauthenticated, detail).into());
    }
    let parts = value.and_then(|value| value.to_str().ok()?.split_once(' '));
    let bearer = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Ok(bearer.map(|(_, token)| token))
}

/// A JSON body, or a refusal that says what does not fit.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let request = object(request, state).await?;
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::new(Code::TooLarge, "the request's body is too large").into())
            }
            Err(rejection) => Err(Problem::new(Code::Invalid, rejection.body_text()).into()),
        }
    }
}

/// A request whose body is a JSON object: a list of a structure's fields in their order would be read as
/// one too, and is in no description.
async fn object<S: Send + Sync>(request: Request, state: &S) -> Answer<Request> {
    let (parts, body) = request.into_parts();
    let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await;
    let bytes = bytes.map_err(|rejection| {
        Problem::new(
            match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
                _ => Code::Invalid,
            },
            rejection.body_text(),
        )
    })?;
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        return Err(Problem::new(Code::Invalid, "the body is no JSON object").into());
    }
    Ok(Request::from_parts(parts, axum::body::Body::from(bytes)))
}

/// What is asked for behind the `?`, or a refusal that says what does not fit.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::new(Code::Invalid, rejection.body_text()).into()),
        }
    }
}
