//! One request to the model endpoint, tried again where that can help.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

use super::Opening;
use super::dialect::{self, Request};

/// A model that thinks long, without streaming, answers within this or never.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Tries of one request: with the pauses between, about 15 s of an endpoint that is down.
const TRIES_MAX: u32 = 6;
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// What an endpoint may ask us to wait before the next try.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// An answer holds a few files at most.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Of an endpoint's own words, what is shown to a person.
const SHOWN_BYTES_MAX: usize = 500;

pub(super) struct Endpoint {
    client: Client,
    base_url: String,
    token: String,
}

/// What became of one try.
enum Tried {
    Answered(Value),
    /// Trying again may help, after this pause if the endpoint named one.
    Later(String, Option<Duration>),
    Never(String),
}

impl Endpoint {
    pub(super) fn new(opening: &Opening) -> Result<Self, String> {
        let client = Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| format!("the built-in agent could not start: {error}"))?;
        Ok(Self {
            client,
            base_url: opening.base_url.clone(),
            token: opening.token.clone(),
        })
    }

    /// Sends a request until it is answered or trying again is no use.
    pub(super) async fn post(&mut self, request: &Request) -> Result<Value, String> {
        let mut pause = PAUSE_MIN;
        let mut last = String::new();
        for tried in 1..=TRIES_MAX {
            match self.once(request).await {
                Tried::Answered(value) => return Ok(value),
                Tried::Never(message) => return Err(message),
                Tried::Later(message, asked) => {
                    last = message;
                    if tried < TRIES_MAX {
                        sleep(asked.unwrap_or(pause).min(PAUSE_MAX)).await;
                    }
                    pause *= 2;
                }
            }
        }
        Err(format!(
            "{last}; tried {TRIES_MAX} times. Start the run again when the provider is back"
        ))
    }

    async fn once(&self, request: &Request) -> Tried {
        let url = format!("{}{}", self.base_url, request.path);
        let mut sending = self.client.post(url).json(&request.body);
        for (name, value) in dialect::headers(request.kind, &self.token) {
            sending = sending.header(name, value);
        }
        let response = match sending.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() && !error.is_connect() => return slow(),
            Err(error) => {
                return Tried::Later(
                    format!("the model endpoint cannot be reached ({})", root(&error)),
                    None,
                );
            }
        };
        let status = response.status();
        let asked = retry_after(&response);
        let bytes = match read(response).await {
            Ok(bytes) => bytes,
            Err(tried) => return tried,
        };
        if !status.is_success() {
            return refused(status, &bytes, asked);
        }
        match serde_json::from_slice(&bytes) {
            Ok(value) => Tried::Answered(value),
            Err(_) => Tried::Never(format!(
                "the model endpoint answered something that is no JSON: `{}`; check the provider's base URL",
                shown(&bytes)
            )),
        }
    }
}

fn slow() -> Tried {
    let seconds = ANSWER_WITHIN.as_secs();
    Tried::Never(format!(
        "the model endpoint did not answer within {seconds} s; check the provider, or use a faster model"
    ))
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, Tried> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= ANSWER_BYTES_MAX => {
                bytes.extend_from_slice(&chunk)
            }
            Ok(Some(_)) => {
                return Err(Tried::Never(
                    "the model endpoint's answer is longer than 32 MiB; check the provider's base URL".into(),
                ));
            }
            Ok(None) => return Ok(bytes),
            Err(error) if error.is_timeout() => return Err(slow()),
            Err(error) => {
                return Err(Tried::Later(
                    format!("the model endpoint broke off its answer ({})", root(&error)),
                    None,
                ));
            }
        }
    }
}

fn refused(status: StatusCode, bytes: &[u8], asked: Option<Duration>) -> Tried {
    let code = status.as_u16();
    let words = shown(bytes);
    match code {
        // 529 is Anthropic's "overloaded".
        408 | 429 | 500..=599 => Tried::Later(
            format!("the model endpoint is busy or failing (HTTP {code}: {words})"),
            asked,
        ),
        401 | 403 => Tried::Never(format!(
            "the model endpoint refuses the key (HTTP {code}: {words}); check the provider's key"
        )),
        404 => Tried::Never(format!(
            "the model endpoint does not know the model or the path (HTTP 404: {words}); check the provider's base URL, kind and model"
        )),
        _ => Tried::Never(format!(
            "the model endpoint refuses the request (HTTP {code}: {words})"
        )),
    }
}

fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?;
    value
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES_MAX)])
        .trim()
        .escape_debug()
        .to_string()
}

/// The innermost cause, which is the one that says something: "connection refused".
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
