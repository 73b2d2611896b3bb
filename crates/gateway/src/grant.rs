//! What one run is given: a socket, and the way from it to one upstream.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::forward::{Door, handle};
use crate::gateway::Gateway;
use crate::headers;
use crate::meter::{Counters, Usage};
use crate::secret::Secret;
use crate::upstream::Upstream;

/// Bounds on what one run may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests open at once; one more is answered with 429. Agents with sub-agents have a handful.
    pub concurrent: usize,
    /// Bytes of a request. 32 MiB is what Anthropic takes at most.
    pub body_bytes: usize,
    /// From the request to the head of the response. Large models read long prompts for minutes.
    pub first_byte: Duration,
    /// Longest silence within a response.
    pub idle: Duration,
    /// Tokens read and written, together, after which calls are answered with 402; `None` for no budget. Calls that are
    /// open when it is reached end normally.
    pub tokens: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent: 16,
            body_bytes: 32 * 1024 * 1024,
            first_byte: Duration::from_secs(600),
            idle: Duration::from_secs(300),
            tokens: None,
        }
    }
}

/// A way to a model cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The socket cannot be made.
    #[error(
        "the socket {path} for the model endpoint cannot be made; the path must be free, writable and shorter than 108 bytes"
    )]
    Socket {
        /// Where it should have been.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A token without a character would let everyone in.
    #[error("the token of the run is empty")]
    EmptyToken,
    /// The key holds characters that no header can carry.
    #[error(
        "the key of the model endpoint holds a line break or another character that a key cannot have; check the file or variable that it comes from"
    )]
    Key,
}

/// An open way to a model. Dropping it closes it: the socket file goes, open answers break off.
pub struct Grant {
    socket: PathBuf,
    counters: Arc<Counters>,
    closed: CancellationToken,
    tasks: TaskTracker,
}

impl Gateway {
    /// Serves HTTP on a unix socket at `socket` (mode 0600) for whoever shows `token`, towards `upstream`.
    ///
    /// The token may come as a bearer token, `x-api-key` or `x-goog-api-key`. Returns when the socket takes connections.
    ///
    /// # Errors
    /// See [`OpenError`]. The upstream is not asked: that is what [`Gateway::ping`] is for.
    pub async fn open(
        &self,
        socket: &Path,
        token: Secret,
        upstream: Upstream,
        limits: Limits,
    ) -> Result<Grant, OpenError> {
        if token.is_empty() {
            return Err(OpenError::EmptyToken);
        }
        let key_header = headers::key_header(&upstream).map_err(|()| OpenError::Key)?;
        let failed = |source| OpenError::Socket {
            path: socket.to_owned(),
            source,
        };
        let listener = UnixListener::bind(socket).map_err(failed)?;
        let grant = Grant {
            socket: socket.to_owned(),
            counters: Arc::default(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let door = Door {
            client: self.client().clone(),
            token,
            upstream,
            key_header,
            limits,
            slots: Arc::new(Semaphore::new(limits.concurrent)),
            counters: grant.counters.clone(),
            closed: grant.closed.clone(),
        };
        let app = Router::new().fallback(handle).with_state(Arc::new(door));
        let closed = grant.closed.clone().cancelled_owned();
        grant.tasks.spawn(
            axum::serve(listener, app)
                .with_graceful_shutdown(closed)
                .into_future(),
        );
        grant.tasks.close();
        Ok(grant)
    }
}

impl Grant {
    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What went through so far. A response counts its tokens when it ends.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.counters.usage()
    }

    /// Closes, waits until every open answer has broken off, and returns the final count.
    pub async fn close(self) -> Usage {
        self.closed.cancel();
        // Connections that a client holds open without reading end with the sandbox, not here.
        let _ = tokio::time::timeout(CLOSING, self.tasks.wait()).await;
        self.usage()
    }
}

/// Longest wait for connections to end at a close.
const CLOSING: Duration = Duration::from_secs(2);

impl Drop for Grant {
    fn drop(&mut self) {
        self.closed.cancel();
        if let Err(error) = std::fs::remove_file(&self.socket) {
            tracing::debug!(%error, "the socket of a closed grant was already gone");
        }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("socket", &self.socket)
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
