//! The runner's plain requests: enrolment and sealed blobs.

use std::time::Duration;

use freehold_model::{BlobId, RunId};
use freehold_wire::api::{Enrol, Enrolled};
use freehold_wire::problem::Problem;
use futures_util::StreamExt as _;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Bytes;

/// Largest blob: the bound on diffs and transcripts, with room for sealing.
pub(crate) const BLOB_MAX: usize = 64 << 20;
/// A whole request with its body.
const REQUEST_WITHIN: Duration = Duration::from_secs(120);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// An upload waits for the server to come back, but not for ever: the lease is long gone by then.
const BLOB_WITHIN: Duration = Duration::from_secs(600);
const RETRY: Duration = Duration::from_millis(500);

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No answer.
    #[error("the server at {server} cannot be reached; check the address and that it runs")]
    Unreachable {
        /// The address.
        server: String,
        /// What the network said.
        #[source]
        cause: reqwest::Error,
    },
    /// An answer that says no.
    #[error("the server refused ({status}): {message}")]
    Refused {
        /// The status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// A blob beyond the bound.
    #[error("a blob is larger than {BLOB_MAX} bytes")]
    TooLarge,
    /// The server did not come back in time.
    #[error("the server did not take or give a blob within {} s", BLOB_WITHIN.as_secs())]
    Timeout,
}

/// Makes the process ready for TLS; harmless when it is already.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    // An error means that the program has chosen a provider before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(REQUEST_WITHIN)
        // The server is one address; a redirect could take a bearer elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// `path` below the server's address, whatever path that has itself.
pub(crate) fn endpoint(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/{path}"));
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// Sends an enrolment.
pub(crate) async fn enrol(
    client: &Client,
    server: &Url,
    enrol: &Enrol,
) -> Result<Enrolled, HttpError> {
    let unreachable = |cause| HttpError::Unreachable {
        server: server.to_string(),
        cause,
    };
    let url = endpoint(server, "api/v1/link/enrol");
    let response = client
        .post(url)
        .json(enrol)
        .send()
        .await
        .map_err(unreachable)?;
    accepted(response).await?.json().await.map_err(unreachable)
}

async fn accepted(response: Response) -> Result<Response, HttpError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.unwrap_or_default();
    let message = serde_json::from_str::<Problem>(&text).map_or_else(
        |_| text.chars().take(300).collect(),
        |problem| format!("{}; {}", problem.detail, problem.next),
    );
    Err(HttpError::Refused {
        status: status.as_u16(),
        message,
    })
}

/// Sealed blobs on the server, by the bearer of the connection that stands at the time.
#[derive(Clone)]
pub(crate) struct Blobs {
    client: Client,
    server: Url,
    session: watch::Receiver<Option<String>>,
}

#[derive(Deserialize)]
struct Made {
    id: BlobId,
}

impl Blobs {
    pub(crate) fn new(
        client: Client,
        server: Url,
        session: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            client,
            server,
            session,
        }
    }

    /// Stores a blob for a run; durable when it returns. Waits for a connection and tries again
    /// over the next one. Cancelled, it may leave a blob that nobody names.
    pub(crate) async fn put(&self, run: RunId, sealed: Vec<u8>) -> Result<BlobId, HttpError> {
        if sealed.len() > BLOB_MAX {
            return Err(HttpError::TooLarge);
        }
        let mut url = endpoint(&self.server, "api/v1/link/blobs");
        url.query_pairs_mut().append_pair("run", &run.to_string());
        let sealed = Bytes::from(sealed);
        let patient = async {
            loop {
                let bearer = self.bearer().await?;
                let made = self.put_once(url.clone(), &bearer, sealed.clone()).await;
                if let Some(done) = settled(made).await {
                    return done;
                }
            }
        };
        timeout(BLOB_WITHIN, patient)
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }

    async fn put_once(&self, url: Url, bearer: &str, sealed: Bytes) -> Result<BlobId, HttpError> {
        let request = self.client.post(url).bearer_auth(bearer).body(sealed);
        let response = accepted(
            request
                .send()
                .await
                .map_err(|cause| self.unreachable(cause))?,
        )
        .await?;
        let made: Made = response
            .json()
            .await
            .map_err(|cause| self.unreachable(cause))?;
        Ok(made.id)
    }

    /// Fetches a blob whole. Patient as [`Blobs::put`].
    pub(crate) async fn get(&self, id: BlobId) -> Result<Vec<u8>, HttpError> {
        let url = endpoint(&self.server, &format!("api/v1/link/blobs/{id}"));
        let patient = async {
            loop {
                let bearer = self.bearer().await?;
                let got = self.get_once(url.clone(), &bearer).await;
                if let Some(done) = settled(got).await {
                    return done;
                }
            }
        };
        timeout(BLOB_WITHIN, patient)
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }

    async fn get_once(&self, url: Url, bearer: &str) -> Result<Vec<u8>, HttpError> {
        let request = self.client.get(url).bearer_auth(bearer);
        let response = accepted(
            request
                .send()
                .await
                .map_err(|cause| self.unreachable(cause))?,
        )
        .await?;
        let mut body = response.bytes_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            bytes.extend(chunk.map_err(|cause| self.unreachable(cause))?);
            if bytes.len() > BLOB_MAX {
                return Err(HttpError::TooLarge);
            }
        }
        Ok(bytes)
    }

    /// The bearer of the present connection, as soon as there is one.
    async fn bearer(&self) -> Result<String, HttpError> {
        let mut session = self.session.clone();
        let bearer = session.wait_for(Option::is_some).await;
        Ok(bearer
            .map_err(|_| HttpError::Timeout)?
            .clone()
            .unwrap_or_default())
    }

    fn unreachable(&self, cause: reqwest::Error) -> HttpError {
        HttpError::Unreachable {
            server: self.server.to_string(),
            cause,
        }
    }
}

/// The result, unless the fault may pass: then nothing, after a pause.
async fn settled<T>(result: Result<T, HttpError>) -> Option<Result<T, HttpError>> {
    match result {
        Err(error) if passes(&error) => {
            tracing::info!(%error, "a blob is tried again");
            sleep(RETRY).await;
            None
        }
        done => Some(done),
    }
}

/// A lost connection, a restarted server, an old bearer: the next try may do.
fn passes(error: &HttpError) -> bool {
    match error {
        HttpError::Unreachable { .. } => true,
        HttpError::Refused { status, .. } => {
            *status == StatusCode::UNAUTHORIZED.as_u16()
                || *status == StatusCode::TOO_MANY_REQUESTS.as_u16()
                || *status >= 500
        }
        HttpError::TooLarge | HttpError::Timeout => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_below_the_server_s_own() {
        let at = |server: &str| endpoint(&server.parse().unwrap(), "api/v1/link").to_string();
        assert_eq!(at("http://h:1"), "http://h:1/api/v1/link");
        assert_eq!(
            at("https://h/freehold/?x=1#y"),
            "https://h/freehold/api/v1/link"
        );
    }
}
