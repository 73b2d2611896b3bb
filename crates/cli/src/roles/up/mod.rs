//! `freehold up`: PostgreSQL, a server and a runner, each a process of its own, kept alive until a
//! signal says otherwise.

mod adopt;
mod child;
mod keep;
pub(crate) mod lock;
mod log;
mod repository;
mod state;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use freehold_postgres::Postgres;
use freehold_wire::api::{Health, Up, UpPids};
use reqwest::Url;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::adopt::Found;
use self::child::Child;
use self::lock::Lock;
use self::log::Log;
use self::state::{Pid, Shared, State};
use super::data::{self, Data, Database};
use super::{address, process, runner, server};
use crate::client::{Client, Route};
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::print::{Paint, Printer};
use crate::words::UpArgs;

/// A server migrates a large database before it serves.
const SERVER_READY: Duration = Duration::from_secs(120);
/// A runner connects over loopback, and cleans up after its last life first.
const RUNNER_READY: Duration = Duration::from_secs(60);
/// Between two looks at a server that was told of a runner a moment ago.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Starts everything, and keeps it alive until a signal.
pub(crate) fn run(
    args: UpArgs,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let listen = address::loopback(&args.listen)?;
    let data = Data::open(&args.data)?;
    // One thread, the main one: children end with the thread that started them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(up(data, listen, &args, environment, printer));
    // A question that nobody answered must not hold the process up.
    runtime.shutdown_background();
    result?;
    Ok(ExitCode::SUCCESS)
}

/// What runs.
struct Running {
    postgres: Postgres,
    server: Child,
    runner: Child,
    ready: server::Ready,
}

async fn up(
    data: Data,
    listen: SocketAddr,
    args: &UpArgs,
    environment: &Environment,
    printer: Printer,
) -> Result<(), Failure> {
    let mut ends = process::Ends::listen()?;
    let state = share(data, listen, args, environment, printer).await?;
    let cancel = CancellationToken::new();
    let started = async {
        let looking = async {
            let found = Found::look(environment, printer).await;
            found.consent(&state).await.map(|()| found)
        };
        Box::pin(start(&state, &cancel, looking)).await
    };
    let (running, found) = tokio::select! {
        started = started => started?,
        // Dropped with everything that it started.
        () = ends.next() => return Ok(()),
    };
    let stops = Stops::default();
    announce(&state, &running.ready)?;
    let kept = keep(state.clone(), running, stops.clone());
    tokio::pin!(kept);
    let adopted = async {
        if let Err(failure) = found.adopt(&state).await {
            printer.failure(&failure);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = &mut kept => {}
        () = adopted => {}
        () = ends.next() => {}
    }
    printer.progress("Stopping; running jobs have a minute to end. Ctrl-C again stops at once.");
    stops.runner.cancel();
    loop {
        tokio::select! {
            () = &mut kept => break,
            () = ends.next() => state.hurry.cancel(),
        }
    }
    printer.progress("Stopped.");
    Ok(())
}

async fn share(
    data: Data,
    listen: SocketAddr,
    args: &UpArgs,
    environment: &Environment,
    printer: Printer,
) -> Result<State, Failure> {
    let lock = Lock::take(&data).await?;
    let log = |name| {
        let path = data.log(name);
        Log::open(&path).map_err(|error| data::failed("written", &path, &error))
    };
    Ok(Arc::new(Shared {
        printer,
        postgres: super::backup::postgres(environment, data.root()),
        hurry: CancellationToken::new(),
        log: log("up")?,
        server_log: log("server")?,
        runner_log: log("runner")?,
        lock,
        accepts_older: AtomicBool::new(args.accept_older_database),
        keep_events: args.keep_events,
        keep_audit: args.keep_audit,
        listen,
        serves: OnceLock::new(),
        pids: Mutex::new(UpPids {
            server: 0,
            runner: 0,
            postgres: 0,
        }),
        data,
    }))
}

/// Starts PostgreSQL, then the server, then, when a person has answered what it may use, the
/// runner. Dropping it stops what was started.
async fn start(
    state: &State,
    cancel: &CancellationToken,
    looking: impl Future<Output = Result<Found, Failure>>,
) -> Result<(Running, Found), Failure> {
    let (begun, found) = tokio::try_join!(begin(state, cancel), looking)?;
    let (postgres, server, ready) = begun;
    let runner = state.data.runner();
    if let Err(error) = freehold_runner::check_policy(&runner) {
        let file = freehold_runner::policy_file(&runner);
        let said = format!(
            "{}: {error}; until then every run is refused",
            file.display()
        );
        state.log.note(&said);
        state.printer.progress(&said);
    }
    match start_runner(state).await {
        Ok(runner) => {
            let running = Running {
                postgres,
                server,
                runner,
                ready,
            };
            Ok((running, found))
        }
        Err(failure) => {
            drop(server);
            postgres.stop().await;
            Err(failure)
        }
    }
}

async fn begin(
    state: &State,
    cancel: &CancellationToken,
) -> Result<(Postgres, Child, server::Ready), Failure> {
    let postgres = database(state, cancel).await?;
    if let Some(upgrade) = postgres.upgrade() {
        let upgrade = upgrade.to_string();
        state.log.note(&upgrade);
        state.printer.progress(&upgrade);
    }
    state.set_pid(Pid::Postgres, postgres.pid());
    let served = async {
        state.data.set_database(&Database {
            owner: postgres.owner_url(),
            app: postgres.app_url(),
        })?;
        start_server(state).await
    };
    match served.await {
        Ok((server, ready)) => Ok((postgres, server, ready)),
        Err(failure) => {
            postgres.stop().await;
            Err(failure)
        }
    }
}

async fn database(state: &State, cancel: &CancellationToken) -> Result<Postgres, Failure> {
    freehold_postgres::start(state.postgres.clone(), cancel.clone())
        .await
        .map_err(|error| {
            let next = "mend that and start `freehold up` again; see `freehold doctor`";
            Failure::caused("database", &error, next)
        })
}

async fn start_server(state: &State) -> Result<(Child, server::Ready), Failure> {
    let role = state.server_role(state.listen);
    let mut server = Child::start(role, &state.server_log).await?;
    let ready: server::Ready = server.ready(SERVER_READY).await?;
    let port = Url::parse(&ready.url)
        .ok()
        .and_then(|url| url.port_or_known_default())
        .ok_or_else(|| server.failure("named no port"))?;
    let address = SocketAddr::new(state.listen.ip(), port);
    let _ = state.serves.set((ready.url.clone(), address));
    state.set_pid(Pid::Server, server.pid());
    Ok((server, ready))
}

async fn start_runner(state: &State) -> Result<Child, Failure> {
    let role = state.runner_role().await?;
    let mut runner = Child::start(role, &state.runner_log).await?;
    state.set_pid(Pid::Runner, runner.pid());
    let connected = runner.ready::<runner::Ready>(RUNNER_READY).await;
    connected.map_err(|failure| match failure.code == runner::REFUSED {
        true => of_another_database(state),
        false => failure,
    })?;
    let known = online(&state.client()?).await;
    known.map_err(|failure| runner.failure(&format!("is not online: {}", failure.message)))?;
    Ok(runner)
}

/// Work that it has not told of yet may be in its directory: we do not throw it away.
fn of_another_database(state: &State) -> Failure {
    let runner = state.data.runner();
    Failure::new(
        Exit::Failed,
        runner::REFUSED,
        format!(
            "the runner in {} was enrolled in another database than the one that is here now",
            runner.display()
        ),
        format!(
            "put the whole data directory back from your backup; or give up what that runner knows: `mv {0} {0}.old`, and start again",
            runner.display()
        ),
    )
}

/// Waits until the server knows that a runner is connected.
async fn online(client: &Client) -> Result<(), Failure> {
    let since = Instant::now();
    loop {
        let health: Health = client.get(&Route::to("health")).await?;
        if health.runners > 0 {
            return Ok(());
        }
        if since.elapsed() > RUNNER_READY {
            let why = "the server does not know it";
            return Err(Failure::unreachable(why, "see the logs"));
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// When each part shall stop: the runner first, because it tells the server how its jobs ended.
#[derive(Debug, Clone, Default)]
struct Stops {
    runner: CancellationToken,
    server: CancellationToken,
    postgres: CancellationToken,
}

async fn keep(state: State, running: Running, stops: Stops) {
    let runner = async {
        keep::runner(state.clone(), running.runner, stops.runner).await;
        stops.server.cancel();
    };
    let server = async {
        keep::server(state.clone(), running.server, stops.server.clone()).await;
        stops.postgres.cancel();
    };
    let postgres = keep::postgres(state.clone(), running.postgres, stops.postgres.clone());
    tokio::join!(runner, server, postgres);
}

/// Says that everything runs.
fn announce(state: &State, ready: &server::Ready) -> Result<(), Failure> {
    let up = Up {
        url: ready.url.clone(),
        token: state.token()?,
        sign_in: ready.sign_in.clone(),
        pid: std::process::id(),
        pids: state.pids(),
    };
    state.printer.show(&up, |up, printer| {
        let root = state.data.root().display();
        let title = printer.paint(Paint::Bold, &format!("Freehold is running at {}", up.url));
        format!(
            "{title}\n  data        {root}\n  sign in     {}\n              once; `freehold sign-in` prints another\n  Ctrl-C stops everything.",
            up.sign_in
        )
    })
}
