//! An installation to measure: the whole server in process over a PostgreSQL of its own that waits for the
//! disk, with the database's time, and runners without a line to whom a measurement gives their words.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use freehold_engine::audit_keep::AuditKeep;
use freehold_engine::identity::Identity;
use freehold_engine::runner::Known;
use freehold_engine::{Answer, Caller, Connected, Engine, Hub, Keys, Parts};
use freehold_model::{Isolation, LineageId, RunnerId, TenantId};
use freehold_postgres::{Options as Cluster, Postgres};
use freehold_server::{Connections, Options, Patience, Proxies, Rates, Server, Studio};
use freehold_store::{Blobs, Sharing, Store};
use freehold_wire::api::Enrol;
use freehold_wire::dsse::ed25519::{Signer as _, SigningKey};
use freehold_wire::link::{Down, Offer, Probe, Probed};
use freehold_wire::seal::SealKey;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{TestClock, TestEntropy};

/// Connections to the database, as many as a server's default.
const CONNECTIONS: u32 = 16;

/// Runners without a line: what they are told goes to a channel.
pub struct Direct {
    lines: Mutex<HashMap<RunnerId, mpsc::UnboundedSender<Offer>>>,
    capacity: u32,
}

impl Hub for Direct {
    fn connected(&self, _: TenantId) -> Vec<Connected> {
        let runners = self.lines.lock().unwrap();
        let runners = runners.keys().map(|runner| Connected {
            runner: *runner,
            labels: BTreeMap::new(),
            isolation: Some([Isolation::Sandbox].into()),
            capacity: self.capacity,
            draining: false,
            environments: false,
        });
        runners.collect()
    }

    fn send(&self, runner: RunnerId, frame: Down) {
        if let (Down::Offer(offer), Some(sender)) = (frame, self.lines.lock().unwrap().get(&runner))
        {
            sender.send(*offer).unwrap();
        }
    }

    fn dismiss(&self, _: RunnerId) {}

    fn ask(&self, _: TenantId, _: Probe) -> Answer<'_, Option<Probed>> {
        let found = Probed::Remote {
            head: Some("main".into()),
            target: false,
            empty: false,
            commit: None,
        };
        Box::pin(async { Some(found) })
    }
}

/// What is measured.
pub struct Site {
    /// Its use cases.
    pub engine: Engine,
    /// Who is connected to it.
    pub hub: Arc<Direct>,
    /// Its first owner.
    pub owner: Caller,
    /// The owner's token.
    pub token: String,
    /// Where it answers, without a slash at the end.
    pub url: String,
    /// Its PostgreSQL.
    pub postgres: Postgres,
    /// The directory of that PostgreSQL.
    pub cluster: PathBuf,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Site {
    /// Starts one in `directory`, which is empty: granting so many requests, with room for so many jobs at
    /// each runner. `settings` are lines of the PostgreSQL's own configuration, from its first start.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(
        directory: &Path,
        rates: Option<Rates>,
        capacity: u32,
        settings: &str,
    ) -> Self {
        // Nobody was first, or somebody was.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cluster = directory.join("postgres");
        let mut postgres = start(&cluster).await;
        if !settings.is_empty() {
            let _ended = postgres.stop().await;
            let file = cluster.join("postgresql.conf");
            let there = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, format!("{there}\n{settings}\n")).unwrap();
            postgres = start(&cluster).await;
        }
        freehold_store::migrate(&postgres.owner_url())
            .await
            .unwrap();
        let store = Store::connect(&postgres.app_url(), CONNECTIONS).await;
        let store = store.unwrap();
        store.require_durable().await.unwrap();
        let hub = Arc::new(Direct {
            lines: Mutex::default(),
            capacity,
        });
        let entropy = Arc::new(TestEntropy);
        let engine = Engine::new(Parts {
            store,
            blobs: Blobs::directory(&directory.join("blobs"), Sharing::Several).unwrap(),
            keys: Keys::new(SealKey::from_seed([42; 32])),
            hub: hub.clone(),
            clock: Arc::new(TestClock::default()),
            entropy: entropy.clone(),
            identity: Identity::default(),
            carrier: None,
            runs_per_tenant: None,
        });
        let local = engine.local_owner("Ada").await.unwrap();
        let server = Server::build(Options {
            engine: engine.clone(),
            connections: Arc::new(Connections::new()),
            entropy,
            hosts: vec![],
            studio: Studio::of([]),
            keep_events: None,
            keep_audit: AuditKeep::default(),
            rates,
            patience: Patience::default(),
            proxies: Proxies::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(listener, stop.clone()));
        Self {
            engine,
            hub,
            owner: local.caller,
            token: local.token.to_string(),
            url,
            postgres,
            cluster,
            stop,
            serving,
        }
    }

    /// A runner of the first organization: what it is offered.
    ///
    /// # Panics
    /// When it cannot be enrolled.
    pub async fn enrol(&self, n: u8) -> (RunnerId, mpsc::UnboundedReceiver<Offer>) {
        let token = self.engine.enrol_token(&self.owner).await.unwrap().token;
        let signing = SigningKey::from_bytes(&[n; 32]);
        let seal = SealKey::from_seed([n; 32]);
        let id = RunnerId::new(&TestClock::default(), &TestEntropy);
        let vouched = signing.sign(&seal.public().0);
        let enrol = Enrol {
            token: token.split('#').next().unwrap_or_default().to_owned(),
            name: format!("runner {n}"),
            runner: id,
            signing_key: signing.verifying_key().to_bytes().to_vec(),
            seal_key_signature: vouched.to_bytes().to_vec(),
            seal_key: seal.public(),
        };
        self.engine.runner_enrol(enrol).await.unwrap();
        let (sender, offers) = mpsc::unbounded_channel();
        self.hub.lines.lock().unwrap().insert(id, sender);
        (id, offers)
    }

    /// What is known of a runner whose link was just made, and whose clock is right.
    #[must_use]
    pub fn known(&self, runner: RunnerId) -> Known {
        Known {
            tenant: self.owner.tenant,
            runner,
            last_acked: 0,
            lineage: LineageId::at(self.engine.now(), [0; 10]),
            keys: Vec::new(),
            at: self.engine.now(),
            ahead: TimeDelta::zero(),
        }
    }

    /// Stops the server, and gives what it ran on.
    ///
    /// # Panics
    /// When the server failed.
    pub async fn stop(self) -> Postgres {
        self.stop.cancel();
        self.serving.await.unwrap();
        self.postgres
    }
}

async fn start(cluster: &Path) -> Postgres {
    let options = Cluster::new(cluster);
    freehold_postgres::start(options, CancellationToken::new())
        .await
        .unwrap()
}

/// Processor seconds of this process, and of the processes of the PostgreSQL in `cluster`.
///
/// # Panics
/// When it does not run.
#[must_use]
pub fn processor(cluster: &Path) -> (f64, f64) {
    let pid = std::fs::read_to_string(cluster.join("postmaster.pid")).unwrap();
    let postmaster: u32 = pid.lines().next().unwrap().parse().unwrap();
    let of = |pid: u32| -> Option<(u32, f64)> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let rest: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = rest.get(11)?.parse::<f64>().ok()? + rest.get(12)?.parse::<f64>().ok()?;
        Some((rest.get(1)?.parse().ok()?, ticks / 100.0))
    };
    let own = of(std::process::id()).map_or(0.0, |(_, seconds)| seconds);
    let mut theirs = of(postmaster).map_or(0.0, |(_, seconds)| seconds);
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        if let Ok(pid) = entry.file_name().to_string_lossy().parse()
            && let Some((parent, seconds)) = of(pid)
            && parent == postmaster
        {
            theirs += seconds;
        }
    }
    (own, theirs)
}

/// The value below which so many hundredths of them are; 0 of none.
pub fn percentile(values: &mut [f64], hundredth: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = values.len() * hundredth / 100;
    let value = values.get(at.min(values.len().saturating_sub(1)));
    value.copied().unwrap_or(0.0)
}
