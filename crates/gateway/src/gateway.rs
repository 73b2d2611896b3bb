//! The gateway itself: one pool of connections for all runs.

use std::time::Duration;

/// Idle connections kept per upstream, so that a call after a pause pays for no handshake.
const IDLE_PER_HOST: usize = 8;

/// How all upstreams are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Longest time for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest time for a [`ping`](Gateway::ping).
    pub ping_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(15),
        }
    }
}

/// Opens ways to models. Cloning is cheap, and all clones share their connections.
#[derive(Debug, Clone)]
pub struct Gateway {
    client: reqwest::Client,
    options: Options,
}

/// The gateway cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client can be made; this is a defect of the build, please report it")]
pub struct GatewayError(#[source] reqwest::Error);

impl Gateway {
    /// Makes a gateway. Installs rustls' ring provider for the process where none is installed yet.
    ///
    /// A machine without certificates of its own can still reach endpoints over plain HTTP: a warning is logged, and
    /// every HTTPS endpoint counts as unreachable.
    ///
    /// # Errors
    /// No client can be made at all.
    pub fn new(options: Options) -> Result<Self, GatewayError> {
        // An error means that another provider is there already, which will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = builder(options).build().or_else(|error| {
            tracing::warn!(%error, "no HTTPS endpoint can be reached; install the package ca-certificates and start again");
            builder(options).tls_certs_only([]).build()
        });
        Ok(Self {
            client: client.map_err(GatewayError)?,
            options,
        })
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }
}

fn builder(options: Options) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(options.connect_timeout)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // A proxy in the environment would see the key.
        .no_proxy()
}
