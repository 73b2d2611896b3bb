//! One call: checked, passed on, passed back.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::grant::Limits;
use crate::headers;
use crate::meter::{Counters, Meter};
use crate::pipe::Pipe;
use crate::redact::Redactor;
use crate::reply::Refusal;
use crate::routes::{self, Family};
use crate::secret::Secret;
use crate::upstream::Upstream;

/// Longest time for a request to arrive whole. It comes from the same machine.
const ARRIVAL: Duration = Duration::from_secs(60);

/// What one grant's calls share.
pub(crate) struct Door {
    pub(crate) client: reqwest::Client,
    pub(crate) token: Secret,
    pub(crate) upstream: Upstream,
    /// The upstream's key, ready to send.
    pub(crate) key_header: Option<(HeaderName, HeaderValue)>,
    pub(crate) limits: Limits,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) closed: CancellationToken,
}

/// Serves one call. Never fails: what cannot be passed on is refused in the caller's own words.
pub(crate) async fn handle(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let known = routes::family(door.upstream.kind, &parts.method, parts.uri.path());
    let family = known.unwrap_or_else(|| routes::family_of(door.upstream.kind));
    match door.pass(&parts, body, known).await {
        Ok(response) => response,
        Err(refusal) => {
            if refusal.is_upstreams() {
                Counters::add(&door.counters.errors, 1);
                tracing::warn!(upstream = %door.upstream.base_url, reason = %refusal, "a model call failed");
            }
            refusal.response(family)
        }
    }
}

impl Door {
    async fn pass(
        &self,
        parts: &Parts,
        body: Body,
        family: Option<Family>,
    ) -> Result<Response, Refusal> {
        if !headers::carries(&parts.headers, &self.token) {
            return Err(Refusal::Token);
        }
        family.ok_or(Refusal::NotAllowed)?;
        if self.budget_is_used_up() {
            return Err(Refusal::Budget);
        }
        let permit = self
            .slots
            .clone()
            .try_acquire_owned()
            .map_err(|_| Refusal::TooMany)?;
        let body = self.collect(parts, body).await?;
        Counters::add(&self.counters.requests, 1);
        Counters::add(&self.counters.bytes, body.len() as u64);
        let answered = self.closed.run_until_cancelled(self.ask(parts, body)).await;
        Ok(self.answer(answered.ok_or(Refusal::Closed)??, permit))
    }

    fn budget_is_used_up(&self) -> bool {
        let usage = self.counters.usage();
        self.limits
            .tokens
            .is_some_and(|budget| usage.input_tokens.saturating_add(usage.output_tokens) >= budget)
    }

    /// The whole request: it is bounded, and a refusal must come before the upstream sees any of it.
    async fn collect(&self, parts: &Parts, body: Body) -> Result<Bytes, Refusal> {
        let announced = parts
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > self.limits.body_bytes) {
            return Err(Refusal::TooLarge);
        }
        let collected =
            tokio::time::timeout(ARRIVAL, axum::body::to_bytes(body, self.limits.body_bytes)).await;
        collected
            .map_err(|_| Refusal::Unfinished)?
            .map_err(|_| Refusal::TooLarge)
    }

    /// The upstream's answer, up to its head.
    async fn ask(&self, parts: &Parts, body: Bytes) -> Result<reqwest::Response, Refusal> {
        let url = self
            .upstream
            .base_url
            .join(parts.uri.path(), parts.uri.query());
        let mut headers = headers::towards_upstream(&parts.headers);
        if let Some((name, value)) = self.key_header.clone() {
            headers.insert(name, value);
        }
        let request = self
            .client
            .request(parts.method.clone(), url)
            .headers(headers)
            .body(body)
            .send();
        let answered = tokio::time::timeout(self.limits.first_byte, request)
            .await
            .map_err(|_| Refusal::Slow)?;
        let response = answered.map_err(|error| match error {
            error if error.is_connect() => Refusal::Unreachable,
            error if error.is_timeout() => Refusal::Slow,
            _ => Refusal::Broken,
        })?;
        if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
            return Err(Refusal::Redirect);
        }
        Ok(response)
    }

    /// The same answer towards the client.
    fn answer(&self, response: reqwest::Response, permit: OwnedSemaphorePermit) -> Response {
        let status = response.status();
        if !status.is_success() {
            Counters::add(&self.counters.errors, 1);
        }
        let key = self.upstream.key.as_ref();
        let headers = headers::towards_client(response.headers(), key);
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let pipe = Pipe {
            redactor: Redactor::new(key),
            meter: Meter::new(self.counters.clone(), content_type),
            counters: self.counters.clone(),
            idle: self.limits.idle,
            closed: self.closed.clone(),
            response,
            permit,
        };
        let mut answer = Response::new(pipe.into_body());
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        answer
    }
}
