//! What the server failed at and its log lines about it find each other by one word.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use freehold_model::Entropy;
use freehold_model::world::random;
use tracing::Instrument as _;

use crate::answer::Told;

/// A request's word, for whoever writes down what it did.
#[derive(Debug, Clone)]
pub(crate) struct Correlation(pub(crate) Arc<str>);

/// Each request has a word of its own: whatever is logged about it carries it, and so does the answer where the server
/// failed. A refusal that is the client's to mend is in no log, and there would be nothing to find.
pub(crate) async fn correlate(
    State(entropy): State<Arc<dyn Entropy>>,
    mut request: Request,
    next: Next,
) -> Response {
    let word = word(&*entropy);
    request
        .extensions_mut()
        .insert(Correlation(word.as_str().into()));
    // An error's span is there whatever the log leaves out.
    let span = tracing::error_span!("request", correlation = %word);
    let mut response = next.run(request).instrument(span).await;
    let Some(Told(mut problem)) = response.extensions_mut().remove::<Told>() else {
        return response;
    };
    if !response.status().is_server_error() {
        return response;
    }
    problem.correlation = Some(word);
    if let Ok(document) = serde_json::to_vec(&problem) {
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(document);
    }
    response
}

/// Sixteen hexadecimal digits.
fn word(entropy: &dyn Entropy) -> String {
    let digits = random::<8>(entropy);
    digits.iter().fold(String::new(), |mut word, byte| {
        // Writing into a string cannot fail.
        let _ = write!(word, "{byte:02x}");
        word
    })
}
