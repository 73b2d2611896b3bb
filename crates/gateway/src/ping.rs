//! Whether an upstream is there, takes the key, and is a model endpoint at all.

use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::headers::key_header;
use crate::upstream::{Kind, Upstream};

/// Longest list of models that is read. OpenRouter's, the longest known, has about 1 MiB.
const MAX_LIST: usize = 8 * 1024 * 1024;

/// The version that Anthropic's API asks for in every call.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// An upstream that answered well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ping {
    /// The models that it offers, in its order; empty where it keeps no list.
    pub models: Vec<String>,
}

/// Why an upstream cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection.
    #[error(
        "nothing answers at {url}; check that the endpoint runs, that the base URL is right, and (for https) that ca-certificates is installed"
    )]
    Unreachable {
        /// What was called.
        url: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// No answer in time.
    #[error("{url} did not answer in time; check that the endpoint is well, and try again")]
    Slow {
        /// What was called.
        url: String,
    },
    /// 401 or 403.
    #[error(
        "{url} refuses the key (HTTP {status}); check the key, and that it is one for this endpoint"
    )]
    KeyRefused {
        /// What was called.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// No key is given, and the endpoint wants one.
    #[error("{url} asks for a key (HTTP {status}); give one with --key-env or --key-file")]
    KeyMissing {
        /// What was called.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The key holds what no header can.
    #[error(
        "the key holds a line break or another character that a key cannot have; check where it comes from"
    )]
    KeyMalformed,
    /// Something answers, but not as a model endpoint does.
    #[error("{url} answers, but not as a model endpoint ({what}); check the base URL and the kind")]
    NotAModelEndpoint {
        /// What was called.
        url: String,
        /// What was odd.
        what: String,
    },
    /// The endpoint has a problem of its own.
    #[error(
        "{url} answers with HTTP {status}; the endpoint has a problem of its own, try again later"
    )]
    Failing {
        /// What was called.
        url: String,
        /// HTTP status.
        status: u16,
    },
}

impl Gateway {
    /// Asks an upstream for its models: a real call that costs nothing. An endpoint that keeps no list is asked an empty
    /// question instead, which it must refuse in the words of its kind.
    ///
    /// Takes at most [`Options::ping_timeout`](crate::Options); may be cancelled at any point.
    ///
    /// # Errors
    /// See [`UpstreamError`]. None of them holds the key.
    pub async fn ping(&self, upstream: &Upstream) -> Result<Ping, UpstreamError> {
        let list = list_path(upstream.kind);
        let url = upstream.base_url.join(list, None).to_string();
        let asked =
            tokio::time::timeout(self.options().ping_timeout, self.list_or_probe(upstream)).await;
        asked.unwrap_or(Err(UpstreamError::Slow { url }))
    }

    async fn list_or_probe(&self, upstream: &Upstream) -> Result<Ping, UpstreamError> {
        let list = Call {
            path: list_path(upstream.kind),
            body: None,
        };
        let (status, value) = self.call(upstream, &list).await?;
        if status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED {
            return self.probe(upstream).await;
        }
        let url = list.url(upstream);
        status_is_well(upstream, &url, status)?;
        let models = value
            .as_ref()
            .and_then(|value| models(upstream.kind, value));
        models
            .map(|models| Ping { models })
            .ok_or(UpstreamError::NotAModelEndpoint {
                url,
                what: "no list of models".into(),
            })
    }

    /// An empty question. A model endpoint refuses it with an error object of its own.
    async fn probe(&self, upstream: &Upstream) -> Result<Ping, UpstreamError> {
        let probe = Call {
            path: talk_path(upstream.kind),
            body: Some(json!({})),
        };
        let (status, value) = self.call(upstream, &probe).await?;
        let url = probe.url(upstream);
        let refused = matches!(
            status,
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY
        );
        if refused
            && value
                .as_ref()
                .is_some_and(|value| value.get("error").is_some())
        {
            return Ok(Ping::default());
        }
        status_is_well(upstream, &url, status)?;
        Err(UpstreamError::NotAModelEndpoint {
            url,
            what: format!("HTTP {status} to an empty question"),
        })
    }

    /// Status, and the body where it is JSON.
    async fn call(
        &self,
        upstream: &Upstream,
        call: &Call,
    ) -> Result<(StatusCode, Option<Value>), UpstreamError> {
        let url = upstream.base_url.join(call.path, None);
        let named = url.to_string();
        let method = if call.body.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = self.client().request(method, url);
        if let Some((name, value)) =
            key_header(upstream).map_err(|()| UpstreamError::KeyMalformed)?
        {
            request = request.header(name, value);
        }
        if upstream.kind == Kind::Anthropic {
            request = request.header("anthropic-version", ANTHROPIC_VERSION);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let answered = async {
            let mut response = request.send().await?;
            let status = response.status();
            Ok((status, bounded(&mut response).await?))
        };
        match answered.await {
            Ok((status, body)) => Ok((
                status,
                body.and_then(|body| serde_json::from_slice(&body).ok()),
            )),
            Err(error) => Err(classified(error, named)),
        }
    }
}

/// One call of a ping.
struct Call {
    path: &'static str,
    body: Option<Value>,
}

impl Call {
    fn url(&self, upstream: &Upstream) -> String {
        upstream.base_url.join(self.path, None).to_string()
    }
}

fn list_path(kind: Kind) -> &'static str {
    match kind {
        Kind::OpenAi | Kind::Anthropic => "/v1/models",
        Kind::Ollama => "/api/tags",
    }
}

fn talk_path(kind: Kind) -> &'static str {
    match kind {
        Kind::OpenAi => "/v1/chat/completions",
        Kind::Anthropic => "/v1/messages",
        Kind::Ollama => "/api/chat",
    }
}

/// The body; `None` where it is longer than any list of models.
async fn bounded(response: &mut reqwest::Response) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_LIST {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.into()))
}

fn classified(error: reqwest::Error, url: String) -> UpstreamError {
    let error = error.without_url();
    match error {
        error if error.is_timeout() => UpstreamError::Slow { url },
        error if error.is_connect() => UpstreamError::Unreachable { url, source: error },
        _ => UpstreamError::NotAModelEndpoint {
            url,
            what: "it does not speak HTTP, or breaks off".into(),
        },
    }
}

fn status_is_well(upstream: &Upstream, url: &str, status: StatusCode) -> Result<(), UpstreamError> {
    let url = url.to_owned();
    let has_key = upstream.key.as_ref().is_some_and(|key| !key.is_empty());
    let number = status.as_u16();
    match number {
        200..300 => Ok(()),
        401 | 403 if has_key => Err(UpstreamError::KeyRefused {
            url,
            status: number,
        }),
        401 | 403 => Err(UpstreamError::KeyMissing {
            url,
            status: number,
        }),
        429 | 500.. => Err(UpstreamError::Failing {
            url,
            status: number,
        }),
        _ => Err(UpstreamError::NotAModelEndpoint {
            url,
            what: format!("HTTP {status}"),
        }),
    }
}

/// The names in a list of models; `None` where it is no such list.
fn models(kind: Kind, value: &Value) -> Option<Vec<String>> {
    let (list, name) = match kind {
        Kind::OpenAi | Kind::Anthropic => ("data", "id"),
        Kind::Ollama => ("models", "name"),
    };
    let items = value.get(list)?.as_array()?;
    items
        .iter()
        .map(|item| item.get(name)?.as_str().map(str::to_owned))
        .collect()
}
