//! Listening: where a scripted model is reached, and how it stops.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::record::{Recorded, Records};
use crate::routes::{App, router};
use crate::script::Script;

/// Where a scripted model listens.
#[derive(Debug, Clone)]
pub enum Listen {
    /// 127.0.0.1; port 0 picks a free one.
    Loopback(u16),
    /// A unix socket; the file must not exist, and is removed at the end.
    Unix(PathBuf),
}

/// A scripted model cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("the scripted model cannot listen on {place}; choose another port or path")]
pub struct StartError {
    place: String,
    source: std::io::Error,
}

/// The model server.
#[derive(Debug)]
pub struct ScriptedModel;

/// A running scripted model. Dropping it stops the server.
#[derive(Debug)]
pub struct Handle {
    url: String,
    socket: Option<PathBuf>,
    records: Arc<Records>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl ScriptedModel {
    /// Starts serving `script`, to anyone who can connect.
    ///
    /// # Errors
    /// The port or the path is taken or not allowed.
    pub async fn start(script: Script, listen: Listen) -> Result<Handle, StartError> {
        Self::start_guarded(script, listen, None).await
    }

    /// Like [`start`](Self::start), but refuses requests with 401 whose `authorization` (bearer), `x-api-key` or
    /// `x-goog-api-key` is not `key`.
    ///
    /// # Errors
    /// The port or the path is taken or not allowed.
    pub async fn start_guarded(
        script: Script,
        listen: Listen,
        key: Option<String>,
    ) -> Result<Handle, StartError> {
        let records = Arc::new(Records::default());
        let cancel = CancellationToken::new();
        let tasks = TaskTracker::new();
        let app = router(App::new(script, records.clone(), key, cancel.clone()));
        let stop = cancel.clone().cancelled_owned();
        let failed = |place: String| move |source| StartError { place, source };
        let (url, socket) = match listen {
            Listen::Loopback(port) => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                let listener = TcpListener::bind(address)
                    .await
                    .map_err(failed(address.to_string()))?;
                let address = listener.local_addr().map_err(failed(address.to_string()))?;
                tasks.spawn(
                    axum::serve(listener, app)
                        .with_graceful_shutdown(stop)
                        .into_future(),
                );
                (format!("http://{address}"), None)
            }
            Listen::Unix(path) => {
                let listener =
                    UnixListener::bind(&path).map_err(failed(path.display().to_string()))?;
                tasks.spawn(
                    axum::serve(listener, app)
                        .with_graceful_shutdown(stop)
                        .into_future(),
                );
                (format!("unix://{}", path.display()), Some(path))
            }
        };
        tasks.close();
        Ok(Handle {
            url,
            socket,
            records,
            cancel,
            tasks,
        })
    }
}

impl Handle {
    /// `http://127.0.0.1:PORT` without a slash at the end (or `unix://PATH`). OpenAI clients are given this with `/v1`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The requests so far, oldest first. Bounded: the oldest are forgotten.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.records.all()
    }

    /// Stops: nothing new is taken, and answers that still stream are cut off.
    pub async fn shutdown(self) {
        self.cancel.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(socket) = &self.socket
            && let Err(error) = std::fs::remove_file(socket)
        {
            tracing::debug!(%error, "the scripted model's socket was already gone");
        }
    }
}
