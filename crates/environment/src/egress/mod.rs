//! The way out of a run's empty network: a proxy on a unix socket.
//!
//! It serves HTTP (`CONNECT`, and plain HTTP in absolute form) and SOCKS5, told apart by the first
//! byte, and decides twice: on the parsed host and port, and on the address that is dialled. A name that resolves to a private address is refused
//! after resolution, and the very address that was judged is the one that is dialled, so that a
//! second answer of the resolver changes nothing. It looks into TLS only for hosts whose log-in it
//! keeps: see [`LogIn`].
//!
//! What is left over, plainly: whoever may reach a host may send it anything, and a host that serves
//! many names (a CDN) may serve another one inside TLS. Keep the list short; the log counts bytes.

mod address;
mod budget;
mod connection;
mod log;
mod login;
#[doc(hidden)]
pub mod parse;
mod policy;
mod request;
mod socks;
mod splice;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use budget::{Budget, Budgets};
pub use log::{Entry, Log, MAX_ADVICE, Total, Verdict};
pub use login::{Authority, LogIn, LogInError};
pub use policy::{Allowed, Bounds, Most, Policy, Private, Refusal};

use budget::Meter;
use connection::Shared;
use log::Book;

/// The environment that points the usual clients to the proxy at `127.0.0.1:port` inside.
///
/// `direct` are the loopback names that must not go through the proxy; see [`LOOPBACK`].
///
/// `ALL_PROXY` is not set: some clients (Python's `httpx`) fail at once when it names SOCKS and they
/// lack an extra package for it. What needs SOCKS takes `socks5h://` and the same address and port.
#[must_use]
pub fn proxy_env(port: u16, direct: &[String]) -> std::collections::BTreeMap<String, String> {
    let proxy = format!("http://127.0.0.1:{port}");
    let mut env = std::collections::BTreeMap::new();
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
        env.insert(name.to_owned(), proxy.clone());
    }
    for name in ["NO_PROXY", "no_proxy"] {
        env.insert(name.to_owned(), direct.join(","));
    }
    // Node's own fetch takes notice of the variables above only when it is told to.
    env.insert("NODE_USE_ENV_PROXY".to_owned(), "1".to_owned());
    env
}

/// The names of the sandbox's own loopback, where a test's servers listen.
pub const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Turns a name and port into addresses. A test gives its own.
pub type Resolver = Arc<
    dyn Fn(String, u16) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>
        + Send
        + Sync,
>;

/// The bounds of one proxy.
#[derive(Clone)]
pub struct Options {
    /// Connections at once; the next one waits in the socket's queue. `npm` opens some 15 and more.
    pub connections: usize,
    /// How long a request's head may take, so that a silent client holds no connection.
    pub head: Duration,
    /// How long resolving and connecting may take together.
    pub connect: Duration,
    /// How long a connection may be silent both ways.
    pub idle: Duration,
    /// Different destinations that the log tells apart, and different hosts that have a budget of
    /// their own; the rest is counted together.
    pub log_entries: usize,
    /// The log-ins that are added for named hosts.
    pub authority: Option<Arc<Authority>>,
    /// How much may go through, both ways.
    pub budgets: Budgets,
    /// How names become addresses.
    pub resolver: Resolver,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 128,
            head: Duration::from_secs(10),
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(120),
            log_entries: 500,
            authority: None,
            budgets: Budgets::default(),
            resolver: Arc::new(|host, port| {
                Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
            }),
        }
    }
}

/// Why a proxy could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The socket could not be made.
    #[error("the proxy cannot listen on {}: check that its folder exists, is writable and its path is short", path.display())]
    Listen {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// An open proxy. Dropping it ends its connections too, without waiting for them.
pub struct Proxy {
    socket: PathBuf,
    cancel: CancellationToken,
    tasks: TaskTracker,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens on `socket`, which must not exist; only this user can connect. Needs a tokio runtime.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn open(socket: &Path, policy: Policy, options: Options) -> Result<Self, EgressError> {
        let failed = |source| EgressError::Listen {
            path: socket.to_path_buf(),
            source,
        };
        let listener = UnixListener::bind(socket).map_err(failed)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(socket, mode).map_err(failed)?;
        let cancel = CancellationToken::new();
        let tasks = TaskTracker::new();
        let permits = Arc::new(Semaphore::new(options.connections));
        let shared = Arc::new(Shared {
            policy: watch::Sender::new(Arc::new(policy)),
            book: Arc::new(Book::new(options.log_entries)),
            meter: Arc::new(Meter::new(options.budgets, options.log_entries)),
            options,
            cancel: cancel.clone(),
        });
        tasks.spawn(accept(
            listener,
            permits,
            Arc::clone(&shared),
            tasks.clone(),
        ));
        Ok(Self {
            socket: socket.to_path_buf(),
            cancel,
            tasks,
            shared,
        })
    }

    /// Puts another policy in force. Requests that come from now on are judged by it; what is open
    /// and would be refused by it is cut at once, and logged as [`Refusal::Changed`]. Budgets go on.
    pub fn set_policy(&self, policy: Policy) {
        self.shared.policy.send_replace(Arc::new(policy));
    }

    /// The socket, for a port of the sandbox.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What went through until now. Open connections count what they moved so far.
    #[must_use]
    pub fn log(&self) -> Log {
        self.shared.book.read()
    }

    /// Ends all connections, waits for them, removes the socket and returns the whole log. Nobody is
    /// served afterwards.
    pub async fn close(&self) -> Log {
        self.cancel.cancel();
        std::fs::remove_file(&self.socket).ok();
        self.tasks.close();
        self.tasks.wait().await;
        self.shared.book.read()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cancel.cancel();
        std::fs::remove_file(&self.socket).ok();
    }
}

/// How long to wait when the process has no descriptor left to accept with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

async fn accept(
    listener: UnixListener,
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
) {
    let cancel = shared.cancel.clone();
    let serve = async {
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let shared = Arc::clone(&shared);
                    tasks.spawn(async move {
                        connection::serve(stream, &shared).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the egress proxy cannot accept; it tries again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    cancel.run_until_cancelled(serve).await;
}
