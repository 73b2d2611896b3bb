//! A response on its way from the upstream to the client, chunk by chunk.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::meter::{Counters, Meter};
use crate::redact::Redactor;

/// What a passing response holds until it ends.
pub(crate) struct Pipe {
    pub(crate) response: reqwest::Response,
    pub(crate) redactor: Redactor,
    pub(crate) meter: Meter,
    pub(crate) counters: Arc<Counters>,
    /// Longest silence between two chunks.
    pub(crate) idle: Duration,
    pub(crate) closed: CancellationToken,
    /// One of the run's open requests.
    #[expect(dead_code, reason = "held until the response ends, never read")]
    pub(crate) permit: OwnedSemaphorePermit,
}

/// A response that ends before its end: the client's connection is dropped, so that it cannot take it for whole.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the run is over")]
    Closed,
    #[error("the model endpoint broke off")]
    Broken,
    #[error("the model endpoint fell silent")]
    Silent,
}

impl Pipe {
    /// The body. Each chunk goes out when it comes in.
    pub(crate) fn into_body(self) -> Body {
        Body::from_stream(stream::unfold(Some(self), async |pipe| {
            let mut pipe = pipe?;
            match pipe.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(pipe))),
                Ok(None) => Some(pipe.redactor.finish())
                    .filter(|rest| !rest.is_empty())
                    .map(|rest| (Ok(rest), None)),
                Err(cut) => {
                    tracing::debug!(reason = %cut, "a model's answer was cut off");
                    Some((Err(cut), None))
                }
            }
        }))
    }

    /// The next bytes that may go out; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        loop {
            let next = tokio::time::timeout(self.idle, self.response.chunk());
            let chunk = match self.closed.run_until_cancelled(next).await {
                None => return Err(Cut::Closed),
                Some(Err(_)) => return Err(self.failed(Cut::Silent)),
                Some(Ok(Err(_))) => return Err(self.failed(Cut::Broken)),
                Some(Ok(Ok(None))) => return Ok(None),
                Some(Ok(Ok(Some(chunk)))) => chunk,
            };
            self.meter.feed(&chunk);
            let out = self.redactor.feed(chunk);
            if !out.is_empty() {
                return Ok(Some(out));
            }
        }
    }

    fn failed(&self, cut: Cut) -> Cut {
        Counters::add(&self.counters.errors, 1);
        cut
    }
}
