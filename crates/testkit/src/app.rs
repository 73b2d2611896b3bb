//! The whole server in process.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use freehold_engine::identity::Identity;
use freehold_engine::webhook::Carrier;
use freehold_engine::{Caller, Engine, Hub, Keys, Parts};
use freehold_server::{
    Connections, Courier, Options, Patience, Proxies, ProxyHeader, Rates, Reach, Server, Studio,
};
use freehold_store::{Blobs, Bucket, Sharing, Store};
use freehold_wire::problem::Problem;
use freehold_wire::seal::SealKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::hooks::Nowhere;
use crate::{Database, TestClock, TestEntropy};

/// A running server with one tenant and its owner.
pub struct App {
    /// Its database.
    pub database: Database,
    /// Its time.
    pub clock: Arc<TestClock>,
    /// Its use cases.
    pub engine: Engine,
    /// Who is connected to it.
    pub hub: Arc<dyn Hub>,
    /// The owner.
    pub owner: Caller,
    /// The owner's token.
    pub token: String,
    directory: Arc<tempfile::TempDir>,
    setting: Setting,
    address: SocketAddr,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
    http: reqwest::Client,
}

/// How an installation is set up.
#[derive(Clone)]
struct Setting {
    studio: Studio,
    runs_per_tenant: Option<u32>,
    /// Content lies there; else in a directory of the installation's.
    bucket: Option<Bucket>,
    /// How many requests there may be.
    rates: Option<Rates>,
    /// Leases and the like are counted in the database's time, as in production, and not in the test's.
    has_databases_time: bool,
    patience: Patience,
    /// Who is trusted to say where a request comes from.
    proxies: Proxies,
    /// How people come in.
    identity: Identity,
    /// The way out to webhooks; to loopback, by address alone, where silent.
    carrier: Option<Arc<dyn Carrier>>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            studio: Studio::of([]),
            runs_per_tenant: None,
            bucket: None,
            rates: None,
            has_databases_time: false,
            patience: Patience::default(),
            proxies: Proxies::default(),
            identity: Identity::default(),
            carrier: None,
        }
    }
}

/// What an API call gave.
pub type Reply<T> = Result<T, Box<Problem>>;

impl App {
    /// A fresh installation, without Studio.
    pub async fn start() -> Self {
        Self::begin(Setting::default()).await
    }

    /// A fresh installation where each tenant may have so many runs under way.
    pub async fn start_bounded(runs: u32) -> Self {
        Self::begin(Setting {
            runs_per_tenant: Some(runs),
            ..Setting::default()
        })
        .await
    }

    /// A fresh installation that grants so many requests.
    pub async fn start_with_rates(rates: Rates) -> Self {
        Self::begin(Setting {
            rates: Some(rates),
            ..Setting::default()
        })
        .await
    }

    /// A fresh installation that grants so many requests, behind proxies of these networks that write this header.
    pub async fn start_behind(proxies: &[&str], header: ProxyHeader, rates: Rates) -> Self {
        let nets = proxies.iter().map(|net| net.parse().unwrap()).collect();
        Self::begin(Setting {
            rates: Some(rates),
            proxies: Proxies::new(nets, header),
            ..Setting::default()
        })
        .await
    }

    /// A fresh installation whose server waits no longer than this for other ends.
    pub async fn start_impatient(patience: Patience) -> Self {
        Self::begin(Setting {
            patience,
            ..Setting::default()
        })
        .await
    }

    /// A fresh installation with these files for a Studio.
    pub async fn start_with(studio: Studio) -> Self {
        Self::begin(Setting {
            studio,
            ..Setting::default()
        })
        .await
    }

    /// A fresh installation whose content lies in this bucket.
    pub async fn start_over(bucket: Bucket) -> Self {
        Self::begin(Setting {
            bucket: Some(bucket),
            ..Setting::default()
        })
        .await
    }

    /// A fresh installation whose server's own clock alone is the test's to turn.
    pub async fn start_with_databases_time() -> Self {
        Self::begin(Setting {
            has_databases_time: true,
            ..Setting::default()
        })
        .await
    }

    /// A fresh installation whose tables of months begin then and go up to now, for a clock that is
    /// turned back.
    pub async fn start_in_past(from: DateTime<Utc>) -> Self {
        let database = Database::create_from(from).await;
        let app = Self::begin_over(database, Setting::default()).await;
        // The server does so too, in its own time.
        app.engine.store().months_make().await.unwrap();
        app
    }

    /// A fresh installation where people come in like this.
    pub async fn start_for(identity: Identity) -> Self {
        Self::begin(Setting {
            identity,
            ..Setting::default()
        })
        .await
    }

    /// A fresh installation over this database, which somebody may stand before.
    pub async fn start_on(database: Database) -> Self {
        Self::begin_over(database, Setting::default()).await
    }

    /// A fresh installation whose webhooks are told this way.
    pub async fn start_carried_by(carrier: Arc<dyn Carrier>) -> Self {
        Self::begin(Setting {
            carrier: Some(carrier),
            ..Setting::default()
        })
        .await
    }

    async fn begin(setting: Setting) -> Self {
        Self::begin_over(Database::create().await, setting).await
    }

    async fn begin_over(database: Database, setting: Setting) -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Self::over(
            database,
            directory,
            Arc::default(),
            "127.0.0.1:0".parse().unwrap(),
            setting,
        )
        .await
    }

    async fn over(
        database: Database,
        directory: Arc<tempfile::TempDir>,
        clock: Arc<TestClock>,
        address: SocketAddr,
        setting: Setting,
    ) -> Self {
        let connections = Arc::new(Connections::new());
        let entropy = Arc::new(TestEntropy);
        let store = Store::connect(&database.app, 8).await.unwrap();
        let store = match setting.has_databases_time {
            true => store,
            false => store.timed_by(clock.clone()),
        };
        let blobs = match &setting.bucket {
            Some(bucket) => Blobs::bucket(bucket),
            // Servers of one test share it.
            None => Blobs::directory(&directory.path().join("blobs"), Sharing::Several),
        };
        let carrier = setting
            .carrier
            .clone()
            .unwrap_or_else(|| Arc::new(Courier::by(Arc::new(Nowhere), Reach::Loopback).unwrap()));
        let engine = Engine::new(Parts {
            store,
            blobs: blobs.unwrap(),
            keys: Keys::new(SealKey::from_seed([42; 32])),
            hub: connections.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            runs_per_tenant: setting.runs_per_tenant,
            identity: setting.identity.clone(),
            carrier: Some(carrier),
        });
        let local = engine.local_owner("Ada").await.unwrap();
        let hub: Arc<dyn Hub> = connections.clone();
        let server = Server::build(Options {
            engine: engine.clone(),
            connections,
            entropy,
            hosts: vec![],
            studio: setting.studio.clone(),
            keep_events: None,
            keep_audit: freehold_engine::audit_keep::AuditKeep::default(),
            rates: setting.rates,
            patience: setting.patience,
            proxies: setting.proxies.clone(),
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        engine.is_at(&format!("http://{address}"));
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move { server.run(listener, stop).await }
        });
        Self {
            database,
            clock,
            engine,
            hub,
            owner: local.caller,
            token: local.token.to_string(),
            directory,
            setting,
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
        let (directory, setting) = (self.directory.clone(), self.setting.clone());
        let mut next = Self::over(database, directory, clock, self.address, setting).await;
        next.token = token;
        next
    }

    /// The same, where people come in like this from now on.
    pub async fn restart_for(mut self, identity: Identity) -> Self {
        self.setting.identity = identity;
        self.restart().await
    }

    /// Another server over the same database and the same content, with an address of its own.
    pub async fn beside(&self) -> Self {
        let mut other = Self::over(
            self.database.clone(),
            self.directory.clone(),
            self.clock.clone(),
            "127.0.0.1:0".parse().unwrap(),
            self.setting.clone(),
        )
        .await;
        other.token.clone_from(&self.token);
        other
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
