//! The server as a process: opens the database that the data directory names, and serves.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use freehold_engine::audit_keep::AuditKeep;
use freehold_engine::identity::Identity;
use freehold_engine::{Caller, Engine, Keys, Parts};
use freehold_model::{BlobId, Entropy};
use freehold_server::{Connections, Courier, Options, Patience, Rates, Reach, Server, Studio};
use freehold_store::{Store, StoreError};
use freehold_wire::seal::SealKey;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::data::{ClientFile, Data};
use super::lineage::Memory;
use super::{address, content, identity, process};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::print::Printer;
use crate::words::ServerArgs;
use crate::world::{SystemClock, SystemEntropy};

/// Connections to PostgreSQL, which allows a hundred: requests are short, and streams hold none.
const POOL: u32 = 16;
/// A server that was just killed gives its port back within this.
const BIND_WITHIN: Duration = Duration::from_secs(1);
const BIND_AGAIN: Duration = Duration::from_millis(50);

/// The one line that it prints when it serves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Where.
    pub(crate) url: String,
    /// A link that signs one browser in, once.
    pub(crate) sign_in: String,
}

/// How long threads may take that still write when all requests are answered.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Serves until it is told to stop.
pub(crate) fn run(
    args: ServerArgs,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    process::end_with(args.parent)?;
    process::log_to_stderr(environment);
    process::open_many_files();
    let listen = address::loopback(&args.listen)?;
    let data = Data::open(&args.data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(&data, listen, &args, printer));
    // A look-up of a name cannot be called off: nobody waits for its servers to answer.
    runtime.shutdown_timeout(LAST_WRITES);
    served?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(
    data: &Data,
    listen: SocketAddr,
    args: &ServerArgs,
    printer: Printer,
) -> anyhow::Result<()> {
    let mut ends = process::Ends::listen()?;
    let cancel = CancellationToken::new();
    let mut memory = Memory::of(data)?;
    let (identity, host) = identity::settings(&args.identity)?;
    let (engine, connections, entropy) = tokio::select! {
        opened = open(data, args, &identity, &mut memory) => opened?,
        () = ends.next() => return Ok(()),
    };
    let store = engine.store().clone();
    let listener = bind(listen).await?;
    let url = address::link(listener.local_addr()?);
    engine.is_at(&url);
    let caller = owner(&engine, data, &url).await?;
    let sign_in = engine.sign_in_token(&caller).await.map_err(trouble)?;
    let server = Server::build(Options {
        engine,
        connections,
        entropy,
        hosts: host.into_iter().collect(),
        studio: Studio::embedded(),
        keep_events: args.keep_events.span(),
        keep_audit: AuditKeep {
            security: args.keep_audit.keep_audit.span(),
            reading: args.keep_audit.keep_audit_reading.span(),
        },
        rates: Some(Rates::per_tenant(args.requests_per_second)),
        patience: Patience::default(),
        proxies: args.proxies.clone(),
    });
    let ready = Ready {
        sign_in: format!("{url}/sign-in#{sign_in}"),
        url,
    };
    // Connections wait in the listener's queue from here on.
    let line = serde_json::to_string(&ready)?;
    let _ = printer.stream(format!("{line}\n").as_bytes())?;
    let stop = cancel.clone();
    tokio::spawn(async move {
        ends.next().await;
        stop.cancel();
    });
    let gone = cancel.clone();
    let watching = async {
        let lost = memory.watch(&store, &gone).await;
        // Serving on would build on what may be taken back, and answer from what is not so.
        gone.cancel();
        lost
    };
    let ((), lost) = tokio::join!(server.run(listener, cancel), watching);
    lost.map_or(Ok(()), |failure| Err(failure.into()))
}

/// Brings the schema up to date, and puts the use cases over it.
async fn open(
    data: &Data,
    args: &ServerArgs,
    identity: &Identity,
    memory: &mut Memory,
) -> anyhow::Result<(Engine, Arc<Connections>, Arc<dyn Entropy>)> {
    let database = data.database()?.ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            "no_database",
            format!("{} has no database.json", data.root().display()),
            r#"run `freehold up`; or for a PostgreSQL of your own write {"owner":"postgres://…","app":"postgres://…"} there, mode 0600"#,
        )
    })?;
    match freehold_store::migrate(&database.owner).await {
        Err(error @ StoreError::Newer { .. }) => return Err(newer(&error).into()),
        Err(error @ StoreError::Served { .. }) => return Err(served(&error).into()),
        Err(error @ StoreError::Locked) => return Err(locked(&error).into()),
        other => other.context("the database's schema cannot be brought up to date")?,
    }
    let store = Store::connect(&database.app, POOL)
        .await
        .context("the database cannot be used")?;
    match store.require_durable().await {
        Err(StoreError::NotDurable { setting }) => return Err(not_durable(&setting).into()),
        other => other.context("the database cannot be used")?,
    }
    memory.check(&store, args.accept_older_database).await?;
    let connections = Arc::new(Connections::new());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let fresh = BlobId::new(&SystemClock, &SystemEntropy);
    let blobs = content::open(&args.content, data, &fresh.to_string()).await?;
    let claimed = store.content_claim(&blobs, fresh.uuid()).await;
    claimed.map_err(content::trouble)?;
    let reach = match args.webhooks_to_loopback {
        true => Reach::Loopback,
        false => Reach::Public,
    };
    let carrier = Courier::new(reach).context("nothing can be sent to webhooks")?;
    let engine = Engine::new(Parts {
        store,
        blobs,
        keys: Keys::new(SealKey::from_seed(data.seal_seed()?)),
        hub: connections.clone(),
        clock: Arc::new(SystemClock),
        entropy: entropy.clone(),
        runs_per_tenant: args.runs_per_tenant,
        identity: identity.clone(),
        carrier: Some(Arc::new(carrier)),
    });
    // Before anybody is served, so that nothing is done on what may not be so.
    engine.put_back().await.map_err(trouble)?;
    Ok((engine, connections, entropy))
}

/// An older program would write rows that the newer one does not expect.
fn newer(error: &StoreError) -> Failure {
    Failure::new(
        Exit::Failed,
        "database_newer",
        error.to_string(),
        "start the newer program; or restore a backup that the older one took: `freehold restore --from FILE --data NEW`",
    )
}

/// They would write what the newer schema does not take, or not what it counts on.
fn served(error: &StoreError) -> Failure {
    Failure::new(
        Exit::Failed,
        "database_served",
        error.to_string(),
        "stop every server over this database, and start this one again; nothing was changed",
    )
}

fn locked(error: &StoreError) -> Failure {
    Failure::new(
        Exit::Failed,
        "database_locked",
        error.to_string(),
        "end what holds them (`SELECT * FROM pg_stat_activity` in psql), and start again; nothing was changed",
    )
}

/// Acknowledging would be a lie.
fn not_durable(setting: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        "database_not_durable",
        format!(
            "the database may lose what it has committed: `{setting}` is off, and nothing that Freehold acknowledges would be sure to outlive a crash"
        ),
        format!(
            "`ALTER SYSTEM RESET {setting}; SELECT pg_reload_conf()`, and look for `ALTER ROLE … SET` and `ALTER DATABASE … SET` (`\\drds` in psql); then start again"
        ),
    )
}

/// The owner of this installation; their token stays the same while it is good.
async fn owner(engine: &Engine, data: &Data, url: &str) -> anyhow::Result<Caller> {
    let url = url.to_owned();
    if let Some(known) = data.client()?
        && let Ok(caller) = engine.authenticate(&known.token).await
    {
        if known.url != url {
            let token = known.token;
            data.set_client(&ClientFile { url, token })?;
        }
        return Ok(caller);
    }
    let name = nix::unistd::User::from_uid(nix::unistd::geteuid())
        .ok()
        .flatten()
        .map_or_else(|| "owner".to_owned(), |user| user.name);
    let local = engine.local_owner(&name).await.map_err(trouble)?;
    let token = local.token.to_string();
    data.set_client(&ClientFile { url, token })?;
    Ok(local.caller)
}

fn trouble(error: freehold_engine::Error) -> anyhow::Error {
    match error {
        freehold_engine::Error::Problem(problem) => Failure::from(*problem).into(),
        other => other.into(),
    }
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    let since = Instant::now();
    loop {
        let error = match TcpListener::bind(listen).await {
            Ok(listener) => return Ok(listener),
            Err(error) => error,
        };
        if error.kind() != std::io::ErrorKind::AddrInUse {
            return Err(Failure::new(
                Exit::Failed,
                "listen",
                format!("cannot listen on {listen}: {error}"),
                "choose another address with `--listen`, for instance 127.0.0.1:0",
            ));
        }
        if since.elapsed() > BIND_WITHIN {
            return Err(Failure::new(
                Exit::Failed,
                "port_in_use",
                format!("{listen} is in use by another program"),
                "stop it, or take any free port: `--listen 127.0.0.1:0`",
            ));
        }
        tokio::time::sleep(BIND_AGAIN).await;
    }
}
