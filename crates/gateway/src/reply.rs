//! The gateway's own answers, in the words of the caller's protocol.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::routes::Family;

/// Marks an answer that the gateway gave itself, for whoever looks for the cause of an error.
pub(crate) const HEADER: &str = "x-freehold-gateway";

/// Why the gateway answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "the token of this run is missing or wrong; the endpoint takes only the token that the run was given"
    )]
    Token,
    #[error("the gateway passes model calls only, and this is none")]
    NotAllowed,
    #[error("the request is larger than this run may send; shorten the conversation")]
    TooLarge,
    #[error("the request did not arrive in time; send it again")]
    Unfinished,
    #[error("this run has as many requests open as it may; wait until one of them ends")]
    TooMany,
    #[error("this run has used up its token budget; raise the budget to go on")]
    Budget,
    #[error(
        "the model endpoint cannot be reached; check that it runs and that its base URL is right"
    )]
    Unreachable,
    #[error("the model endpoint did not answer in time; try again, or allow it more time")]
    Slow,
    #[error("the model endpoint broke the connection or does not speak HTTP; check its base URL")]
    Broken,
    #[error(
        "the model endpoint redirects elsewhere, which is not followed; set the base URL to where it really is"
    )]
    Redirect,
    #[error("the run is over; its way to the model is closed")]
    Closed,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::NotAllowed => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unfinished => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Budget => StatusCode::PAYMENT_REQUIRED,
            Self::Unreachable | Self::Broken | Self::Redirect => StatusCode::BAD_GATEWAY,
            Self::Slow => StatusCode::GATEWAY_TIMEOUT,
            Self::Closed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The upstream is to blame, not the caller.
    pub(crate) fn is_upstreams(self) -> bool {
        self.status().is_server_error() && self != Self::Closed
    }

    pub(crate) fn response(self, family: Family) -> Response {
        let message = self.to_string();
        let body = match family {
            Family::Anthropic => {
                json!({ "type": "error", "error": { "type": self.anthropic_type(), "message": message } })
            }
            Family::OpenAi => {
                json!({ "error": { "message": message, "type": self.openai_type(), "param": null, "code": self.code() } })
            }
            Family::Ollama => json!({ "error": message }),
        };
        (self.status(), [(HEADER, self.code())], Json(body)).into_response()
    }

    fn code(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::NotAllowed => "not_allowed",
            Self::TooLarge => "too_large",
            Self::Unfinished => "unfinished",
            Self::TooMany => "too_many",
            Self::Budget => "budget",
            Self::Unreachable => "upstream_unreachable",
            Self::Slow => "upstream_slow",
            Self::Broken => "upstream_broken",
            Self::Redirect => "upstream_redirect",
            Self::Closed => "closed",
        }
    }

    fn anthropic_type(self) -> &'static str {
        match self {
            Self::Token => "authentication_error",
            Self::NotAllowed => "not_found_error",
            Self::TooLarge => "request_too_large",
            Self::Unfinished => "invalid_request_error",
            Self::TooMany => "rate_limit_error",
            Self::Budget => "billing_error",
            _ => "api_error",
        }
    }

    fn openai_type(self) -> &'static str {
        match self {
            Self::Token => "authentication_error",
            Self::TooMany => "rate_limit_error",
            Self::Budget => "insufficient_quota",
            Self::NotAllowed | Self::TooLarge | Self::Unfinished => "invalid_request_error",
            _ => "server_error",
        }
    }
}
