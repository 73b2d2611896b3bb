//! The whole server in process.

use std::net::SocketAddr;
use std::sync::Arc;

use freehold_engine::{Caller, Engine, Keys, Parts};
use freehold_server::{Connections, Options, Server, Studio};
use freehold_store::{Blobs, Store};
use freehold_wire::problem::Problem;
use freehold_wire::seal::SealKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Database, TestClock, TestEntropy};

/// A running server with one tenant and its owner.
pub struct App {
    /// Its database.
    pub database: Database,
    /// Its time.
    pub clock: Arc<TestClock>,
    /// Its use cases.
    pub engine: Engine,
    /// The owner.
    pub owner: Caller,
    /// The owner's token.
    pub token: String,
    directory: Arc<tempfile::TempDir>,
    studio: Studio,
    runs_per_tenant: Option<u32>,
    address: SocketAddr,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
    http: reqwest::Client,
}

/// What an API call gave.
pub type Reply<T> = Result<T, Box<Problem>>;

impl App {
    /// A fresh installation, without Studio.
    pub async fn start() -> Self {
        Self::start_with(Studio::of([])).await
    }

    /// A fresh installation where each tenant may have so many runs under way.
    pub async fn start_bounded(runs: u32) -> Self {
        Self::begin(Studio::of([]), Some(runs)).await
    }

    /// A fresh installation with these files for a Studio.
    pub async fn start_with(studio: Studio) -> Self {
        Self::begin(studio, None).await
    }

    async fn begin(studio: Studio, runs_per_tenant: Option<u32>) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = Database::create().await;
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Self::over(
            database,
            directory,
            Arc::default(),
            "127.0.0.1:0".parse().unwrap(),
            studio,
            runs_per_tenant,
        )
        .await
    }

    async fn over(
        database: Database,
        directory: Arc<tempfile::TempDir>,
        clock: Arc<TestClock>,
        address: SocketAddr,
        studio: Studio,
        runs_per_tenant: Option<u32>,
    ) -> Self {
        let connections = Arc::new(Connections::new());
        let entropy = Arc::new(TestEntropy);
        let engine = Engine::new(Parts {
            store: Store::connect(&database.app, 8).await.unwrap(),
            blobs: Blobs::directory(&directory.path().join("blobs")).unwrap(),
            keys: Keys::new(SealKey::from_seed([42; 32])),
            hub: connections.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            runs_per_tenant,
        });
        let local = engine.local_owner("Ada").await.unwrap();
        let server = Server::build(Options {
            engine: engine.clone(),
            connections,
            entropy,
            hosts: vec![],
            studio: studio.clone(),
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move { server.run(listener, stop).await.unwrap() }
        });
        Self {
            database,
            clock,
            engine,
            owner: local.caller,
            token: local.token.to_string(),
            directory,
            studio,
            runs_per_tenant,
            address,
            stop,
            serving: Some(serving),
            http: reqwest::Client::new(),
        }
    }

    /// Stops the server and starts another on the same data and the same address.
    pub async fn restart(mut self) -> Self {
        self.stop().await;
        let token = std::mem::take(&mut self.token);
        let (database, clock) = (self.database.clone(), self.clock.clone());
        let (directory, studio) = (self.directory.clone(), self.studio.clone());
        let mut next = Self::over(
            database,
            directory,
            clock,
            self.address,
            studio,
            self.runs_per_tenant,
        )
        .await;
        next.token = token;
        next
    }

    /// Stops the server; a second time it does nothing. No reconciler looks once this returns.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.await.unwrap();
        }
        self.engine.store().close().await;
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A request as the owner, ready to be changed.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}/api/v1{path}", self.url()))
            .bearer_auth(&self.token)
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// The problem document of an answer that is not a success.
    pub async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Reply<T> {
        let response = request.send().await.unwrap();
        let success = response.status().is_success();
        let text = response.text().await.unwrap();
        let unreadable = |error| panic!("{error}: {text}");
        if success {
            // 204 has no body: it is read as `()`.
            let text = if text.is_empty() {
                "null".to_owned()
            } else {
                text.clone()
            };
            Ok(serde_json::from_str(&text).unwrap_or_else(unreadable))
        } else {
            Err(Box::new(
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")),
            ))
        }
    }

    /// `GET` as the owner.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Reply<T> {
        self.send(self.request(reqwest::Method::GET, path)).await
    }

    /// `POST` as the owner.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Reply<T> {
        self.send(self.request(reqwest::Method::POST, path).json(body))
            .await
    }
}
