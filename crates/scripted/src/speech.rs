//! An answer on its way out: the silence before it, its head, and what goes over the wire.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::dialect::{Dialect, Out, Reply};
use crate::play::{Answer, Play};

pub(crate) struct Speech {
    /// Before the first byte of the head.
    silence: Duration,
    status: u16,
    retry_after: Option<u32>,
    content_type: &'static str,
    outs: Vec<Out>,
}

impl Speech {
    fn json(silence: Duration, status: u16, retry_after: Option<u32>, value: &Value) -> Self {
        let outs = vec![Out::Bytes(value.to_string())];
        Self {
            silence,
            status,
            retry_after,
            content_type: "application/json",
            outs,
        }
    }

    /// An answer whose first word is a fault of HTTP itself.
    fn faulty(dialect: &dyn Dialect, silence: Duration, fault: &Play) -> Option<Self> {
        let plain = |out| Self {
            silence,
            status: 200,
            retry_after: None,
            content_type: "application/json",
            outs: vec![out],
        };
        match fault {
            Play::Error {
                status,
                message,
                body,
                retry_after,
            } => {
                let body = body
                    .clone()
                    .unwrap_or_else(|| dialect.error(*status, message));
                Some(Self::json(silence, *status, *retry_after, &body))
            }
            Play::Garbage(text) => Some(plain(Out::Bytes(text.clone()))),
            Play::HangUp => Some(plain(Out::Cut)),
            Play::Text(_) | Play::Call { .. } | Play::Stall(_) => None,
        }
    }

    /// The answer in one piece, after all of its silences. A fault anywhere in it is all there is.
    pub(crate) fn whole(dialect: &dyn Dialect, reply: &Reply<'_>) -> Self {
        let silence = reply.answer.silence();
        let faulty = reply
            .answer
            .fault()
            .and_then(|fault| Self::faulty(dialect, silence, fault));
        faulty.unwrap_or_else(|| Self::json(silence, 200, None, &dialect.whole(reply)))
    }

    /// The answer as a stream. Silences at its beginning come before the head.
    pub(crate) fn streamed(dialect: &dyn Dialect, reply: &Reply<'_>) -> Self {
        let plays = &reply.answer.plays;
        let stalls = plays
            .iter()
            .take_while(|play| matches!(play, Play::Stall(_)))
            .count();
        let silence = Answer {
            place: 0,
            plays: plays[..stalls].to_vec(),
        }
        .silence();
        if let Some(faulty) = plays
            .get(stalls)
            .and_then(|first| Self::faulty(dialect, silence, first))
        {
            return faulty;
        }
        let answer = Answer {
            place: reply.answer.place,
            plays: plays[stalls..].to_vec(),
        };
        let outs = dialect.stream(&Reply {
            answer: &answer,
            ..*reply
        });
        Self {
            silence,
            status: 200,
            retry_after: None,
            content_type: dialect.stream_type(),
            outs,
        }
    }

    /// Waits out the silence, then speaks. When `cancel` strikes, the connection is dropped.
    pub(crate) async fn into_response(mut self, cancel: CancellationToken) -> Response {
        // Even an empty sleep takes a tick of the timer, which would be most of a call.
        if !self.silence.is_zero() {
            let silence = tokio::time::sleep(self.silence);
            if cancel.run_until_cancelled(silence).await.is_none() {
                self.outs = vec![Out::Cut];
            }
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let words = stream::iter(self.outs).filter_map(move |out| utter(out, cancel.clone()));
        let mut response = (
            status,
            [(header::CONTENT_TYPE, self.content_type)],
            Body::from_stream(words),
        )
            .into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

async fn utter(out: Out, cancel: CancellationToken) -> Option<Result<Bytes, Cut>> {
    match out {
        _ if cancel.is_cancelled() => Some(Err(Cut)),
        Out::Bytes(text) => Some(Ok(Bytes::from(text))),
        Out::Cut => Some(Err(Cut)),
        // The server writes out what it has gathered when the body has nothing ready.
        Out::Flush => {
            tokio::task::yield_now().await;
            None
        }
        Out::Wait(time) => match cancel.run_until_cancelled(tokio::time::sleep(time)).await {
            Some(()) => None,
            None => Some(Err(Cut)),
        },
    }
}

/// Ends a body without a proper end: the server drops the connection.
#[derive(Debug, thiserror::Error)]
#[error("the scripted model drops the connection here")]
struct Cut;
