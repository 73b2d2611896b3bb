//! The routes: one per protocol, all playing the same script.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::ask::{Ask, Entry};
use crate::dialect::{Anthropic, Chat, Dialect, Gemini, Ollama, Reply, Responses};
use crate::play::answer;
use crate::record::{Recorded, Records};
use crate::script::Script;
use crate::speech::Speech;
use crate::{HEADER, MODEL};

/// Largest request taken: as much as the gateway in front lets through.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Faults counted at once; older counts are forgotten. One per limited fault and conversation.
const MAX_COUNTS: usize = 4096;

/// Headers by which clients name their session: two runs that ask the same words are two conversations.
const SESSION_HEADERS: [&str; 4] = [
    "session-id",
    "x-session-id",
    "x-claude-code-session-id",
    "authorization",
];

/// What every route shares.
#[derive(Clone)]
pub(crate) struct App {
    script: Arc<Script>,
    records: Arc<Records>,
    key: Option<Arc<str>>,
    counts: Arc<Mutex<Counts>>,
    cancel: CancellationToken,
}

impl App {
    pub(crate) fn new(
        script: Script,
        records: Arc<Records>,
        key: Option<String>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            script: script.into(),
            records,
            key: key.map(Into::into),
            counts: Arc::default(),
            cancel,
        }
    }
}

/// How often each limited fault has struck.
#[derive(Default)]
struct Counts {
    struck: HashMap<u64, u32>,
    order: VecDeque<u64>,
}

impl Counts {
    fn strikes(&mut self, fault: u64, times: u32) -> bool {
        let struck = self.struck.entry(fault).or_insert_with(|| {
            self.order.push_back(fault);
            0
        });
        let strikes = *struck < times;
        *struck += u32::from(strikes);
        if self.order.len() > MAX_COUNTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.struck.remove(&oldest);
        }
        strikes
    }
}

pub(crate) fn router(app: App) -> Router {
    let mut router = Router::new()
        .route("/v1/messages", post(messages))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/api/chat", post(ollama_chat))
        .route("/api/tags", get(ollama_tags))
        .route("/api/version", get(ollama_version))
        .route("/v1beta/models/{call}", post(gemini));
    // OpenAI's base URL may or may not end in `/v1`.
    for base in ["/v1", ""] {
        router = router
            .route(&format!("{base}/chat/completions"), post(chat))
            .route(&format!("{base}/responses"), post(responses))
            .route(&format!("{base}/models"), get(models));
    }
    router
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), record))
        .layer(middleware::map_response(mark))
        .with_state(app)
}

/// Says on every response that this is a script.
async fn mark(mut response: Response) -> Response {
    response.headers_mut().insert(
        HeaderName::from_static(HEADER),
        HeaderValue::from_static("1"),
    );
    response
}

/// Records the request, and refuses it where a key is asked for and another was given.
async fn record(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return (
            StatusCode::PAYLOAD_TOO_LARGE,
            Json(Chat.error(413, "the request is larger than 32 MiB")),
        )
            .into_response();
    };
    app.records.push(
        body.len(),
        recorded(&parts.method, &parts.uri, &parts.headers, &body),
    );
    if app
        .key
        .as_deref()
        .is_some_and(|key| given_key(&parts.headers) != Some(key))
    {
        let message = "the scripted model was started with another key";
        let error = if parts.uri.path().ends_with("/messages") {
            Anthropic.error(401, message)
        } else {
            Chat.error(401, message)
        };
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

fn recorded(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Recorded {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Recorded {
        method: method.to_string(),
        path: uri
            .path_and_query()
            .map_or_else(|| uri.path().to_owned(), ToString::to_string),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body: match body {
            [] => Value::Null,
            body => serde_json::from_slice(body).unwrap_or_else(|_| Value::String(text(body))),
        },
    }
}

fn given_key(headers: &HeaderMap) -> Option<&str> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    bearer
        .or_else(|| header("x-api-key"))
        .or_else(|| header("x-goog-api-key"))
}

async fn messages(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    respond(&app, &Anthropic, &headers, &body, None).await
}
async fn chat(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    respond(&app, &Chat, &headers, &body, None).await
}
async fn responses(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    respond(&app, &Responses, &headers, &body, None).await
}
async fn ollama_chat(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    respond(&app, &Ollama, &headers, &body, None).await
}
async fn gemini(
    State(app): State<App>,
    Path(call): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match call.rsplit_once(':').map(|(_, verb)| verb) {
        Some("generateContent") => respond(&app, &Gemini, &headers, &body, Some(false)).await,
        Some("streamGenerateContent") => respond(&app, &Gemini, &headers, &body, Some(true)).await,
        Some("countTokens") => Json(json!({ "totalTokens": tokens_of(&body) })).into_response(),
        _ => (
            StatusCode::NOT_FOUND,
            Json(Gemini.error(404, "the scripted model knows no such call")),
        )
            .into_response(),
    }
}

async fn count_tokens(body: Bytes) -> Json<Value> {
    Json(json!({ "input_tokens": tokens_of(&body) }))
}

async fn models(headers: HeaderMap) -> Json<Value> {
    if headers.contains_key("anthropic-version") {
        let model = json!({ "type": "model", "id": MODEL, "display_name": "Scripted model", "created_at": "1970-01-01T00:00:00Z" });
        return Json(
            json!({ "data": [model], "has_more": false, "first_id": MODEL, "last_id": MODEL }),
        );
    }
    Json(
        json!({ "object": "list", "data": [{ "id": MODEL, "object": "model", "created": 0, "owned_by": "freehold" }] }),
    )
}

async fn ollama_tags() -> Json<Value> {
    let details = json!({ "format": "script", "family": MODEL, "families": [MODEL], "parameter_size": "0", "quantization_level": "none" });
    let model = json!({ "name": MODEL, "model": MODEL, "modified_at": "1970-01-01T00:00:00Z", "size": 0, "digest": MODEL, "details": details });
    Json(json!({ "models": [model] }))
}

async fn ollama_version() -> Json<Value> {
    Json(json!({ "version": "0.0.0-scripted" }))
}

async fn unknown(uri: Uri) -> Response {
    let message = format!("the scripted model serves no {}", uri.path());
    (StatusCode::NOT_FOUND, Json(Chat.error(404, &message))).into_response()
}

/// About four bytes make a token; a script has no tokenizer.
fn tokens_of(body: &[u8]) -> usize {
    (body.len() / 4).max(1)
}

async fn respond(
    app: &App,
    dialect: &'static dyn Dialect,
    headers: &HeaderMap,
    body: &[u8],
    stream: Option<bool>,
) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return (
            StatusCode::BAD_REQUEST,
            Json(dialect.error(400, "the request is not JSON")),
        )
            .into_response();
    };
    let mut ask = dialect.read(&request);
    ask.stream = stream.unwrap_or(ask.stream);
    let answer = {
        let conversation = fingerprint(&ask, headers);
        let mut counts = app.counts.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&app.script, &ask, &mut |turn, step, times| {
            let mut hasher = DefaultHasher::new();
            (conversation, turn, step).hash(&mut hasher);
            counts.strikes(hasher.finish(), times)
        })
    };
    let pace = Duration::from_millis(app.script.pace_ms);
    let reply = Reply {
        answer: &answer,
        input_tokens: tokens_of(body),
        pace,
        stream_usage: ask.stream_usage,
    };
    let speech = if ask.stream {
        Speech::streamed(dialect, &reply)
    } else {
        Speech::whole(dialect, &reply)
    };
    speech.into_response(app.cancel.clone()).await
}

/// Names a conversation at this point, as well as a request can.
fn fingerprint(ask: &Ask, headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in SESSION_HEADERS {
        headers
            .get(name)
            .map(HeaderValue::as_bytes)
            .hash(&mut hasher);
    }
    ask.entries
        .iter()
        .filter_map(Entry::incoming)
        .for_each(|text| text.hash(&mut hasher));
    ask.inputs().len().hash(&mut hasher);
    hasher.finish()
}
