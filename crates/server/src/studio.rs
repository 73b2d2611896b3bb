//! Studio: its page at every address that is not the API's, and the files that the page loads.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use freehold_model::world::random;
use freehold_studio::{File, INDEX};
use freehold_wire::problem::{Code, Problem};

use crate::AppState;
use crate::answer::{Answer, Refused};
use crate::{docs, negotiate, reference};

/// What the page holds where its nonce goes.
const NONCE: &str = "__CSP_NONCE__";
/// A name with a hash in it never means other contents.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A worker is under the policy that its script came with: it may load modules and ask the API.
const SCRIPT_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
                             base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/assets/{*path}", get(asset))
        .route("/docs/errors/{code}", get(docs::error_page))
        .route("/docs/api", get(reference::page))
}

/// A file that the page names. An absent one is never answered with the page: a script that was
/// replaced by a newer one must fail to load, so that the old page can say that it is old.
async fn asset(
    State(state): State<AppState>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    match state.studio.file(&format!("assets/{path}")) {
        Some(file) => Ok(answer(file, &headers)),
        None => Err(absent()),
    }
}

/// Everything that has no route.
pub(crate) async fn anything_else(
    State(state): State<AppState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<Response> {
    let path = uri.path();
    if !matches!(method, Method::GET | Method::HEAD) || is_within(path, "/api") {
        return Err(absent());
    }
    let name = path.trim_start_matches('/');
    if name != INDEX
        && !is_within(path, "/assets")
        && let Some(file) = state.studio.file(name)
    {
        return Ok(answer(file, &headers));
    }
    let is_page = path == "/" || name == INDEX || negotiate::wants_page(&headers);
    if !is_page || is_within(path, "/assets") {
        return Err(absent());
    }
    Ok(page(&state))
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn absent() -> Refused {
    Refused::from(Problem::new(Code::NotFound, "there is no such page"))
}

/// Studio's page under a policy that lets nothing else in, with a nonce that is used once.
fn page(state: &AppState) -> Response {
    let nonce = nonce(state);
    let Some(index) = state.studio.file(INDEX) else {
        return docs::not_built(&nonce);
    };
    let html = String::from_utf8_lossy(&index.bytes).replace(NONCE, &nonce);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    html_under(html, &policy)
}

/// 128 random bits, as the policy's specification wants at least.
/// <https://www.w3.org/TR/CSP3/#security-nonces>
pub(crate) fn nonce(state: &AppState) -> String {
    URL_SAFE_NO_PAD.encode(random::<16>(&*state.entropy))
}

/// A page that is made for one request; `no-store` comes with every answer that says nothing else.
pub(crate) fn html_under(html: String, policy: &str) -> Response {
    let mut response = axum::response::Html(html).into_response();
    if let Ok(policy) = HeaderValue::from_str(policy) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A file as it is, or compressed, or not at all where the client holds it already.
fn answer(file: File, request: &HeaderMap) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
    let gzip = file.gzip.is_some() && negotiate::takes_gzip(request);
    if file.gzip.is_some() {
        set(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    let cache = if file.hash_named {
        FOR_EVER
    } else {
        "no-cache"
    };
    set(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if !file.hash_named {
        // Each form is a version of its own: a strong tag stands for bytes.
        let tag = format!("\"{}{}\"", file.tag(), if gzip { "-gzip" } else { "" });
        let held = negotiate::holds(request, &tag);
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            set(header::ETAG, tag);
        }
        if held {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
    }
    set(
        header::CONTENT_TYPE,
        HeaderValue::from_static(file.content_type),
    );
    if file.content_type.starts_with("text/javascript") {
        let policy = HeaderValue::from_static(SCRIPT_POLICY);
        set(header::CONTENT_SECURITY_POLICY, policy);
    }
    let bytes = match file.gzip {
        Some(packed) if gzip => {
            set(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            packed
        }
        _ => file.bytes,
    };
    let body = match bytes {
        std::borrow::Cow::Borrowed(bytes) => axum::body::Body::from(bytes),
        std::borrow::Cow::Owned(bytes) => axum::body::Body::from(bytes),
    };
    (headers, body).into_response()
}
