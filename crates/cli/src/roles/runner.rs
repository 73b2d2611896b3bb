//! The runner as a process: enrols once, then takes work until it is told to stop.

use std::io::Read as _;
use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use freehold_runner::{
    AgentHelper, BuildError, DRAIN, Identity, IdentityError, LinkError, Options, Pace, RunError,
    Runner, RunnerEnv,
};
use freehold_sandbox::Init;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::consent::Consent;
use super::process;
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::print::Printer;
use crate::words::ServeArgs;
use crate::world::{SystemClock, SystemEntropy};
use crate::{AGENT_BUILTIN, AGENT_MCP, SANDBOX_INIT};

/// The code of a runner that the server does not know, or no more.
pub(crate) const REFUSED: &str = "runner_refused";
/// A token with its fingerprint is some 150 bytes.
const TOKEN_MAX: u64 = 4 * 1024;
/// A runner that was just killed gives its directory back within this.
const BUILD_WITHIN: Duration = Duration::from_secs(3);
const BUILD_AGAIN: Duration = Duration::from_millis(50);
/// Two at least, so that a run that waits for the network does not hold up the next; and no more
/// agents than a person could follow.
const CAPACITY: std::ops::RangeInclusive<u32> = 2..=16;

/// The one line that it prints when it is connected for the first time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Its id.
    pub(crate) runner: String,
    /// Its server.
    pub(crate) server: String,
}

/// Runs until it is told to stop.
pub(crate) fn run(
    args: ServeArgs,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    // It will hold keys: nobody else of its user may look into it.
    freehold_sandbox::harden_self()?;
    process::end_with(args.parent)?;
    process::log_to_stderr(environment);
    let options = options(&args, environment)?;
    let token = token(&args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(options, token, printer));
    // What a second signal left behind must not hold the process up.
    runtime.shutdown_background();
    served?;
    Ok(ExitCode::SUCCESS)
}

fn options(args: &ServeArgs, environment: &Environment) -> anyhow::Result<Options> {
    let server = Url::parse(&args.server).map_err(|error| {
        Failure::usage(
            format!("`{}` cannot be a server's address: {error}", args.server),
            "write it like http://localhost:8080",
        )
    })?;
    let consent = match &args.consent {
        Some(path) => Consent::load(path)?,
        None => Consent::default(),
    };
    let program = std::env::current_exe()?;
    Ok(Options {
        data: args.data.clone(),
        server,
        name: host_name(),
        labels: args.labels.clone(),
        capacity: capacity(),
        environment: Environment::variables().collect::<RunnerEnv>(),
        git: consent.credentials(environment),
        init: Init {
            program: program.clone(),
            args: vec![SANDBOX_INIT.into()],
        },
        agent_helper: AgentHelper {
            program,
            args: vec![AGENT_BUILTIN.into()],
            mcp_args: vec![AGENT_MCP.into()],
        },
        drain: DRAIN,
        pace: Pace::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    })
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "runner".to_owned())
}

fn capacity() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let cores = u32::try_from(cores).unwrap_or(u32::MAX);
    cores.clamp(*CAPACITY.start(), *CAPACITY.end())
}

/// The token to enrol with; `None` for a runner that is somebody already.
fn token(args: &ServeArgs) -> Result<Option<String>, Failure> {
    match Identity::load(&args.data) {
        Ok(_) => return Ok(None),
        Err(IdentityError::Missing(_)) => {}
        Err(other) => {
            return Err(Failure::caused(
                "identity",
                &other,
                "see the file's owner and mode",
            ));
        }
    }
    let Some(path) = &args.token_file else {
        return Err(Failure::new(
            Exit::Denied,
            "not_enrolled",
            format!("no runner is enrolled in {}", args.data.display()),
            "get a token with `freehold runner enroll-token` on the server's machine, and pass it once: `--token-file FILE`",
        ));
    };
    let read = |from: &mut dyn std::io::Read| {
        let mut text = String::new();
        from.take(TOKEN_MAX).read_to_string(&mut text).map(|_| text)
    };
    let text = match path == Path::new("-") {
        true => read(&mut std::io::stdin().lock()),
        false => std::fs::File::open(path).and_then(|mut file| read(&mut file)),
    };
    text.map(Some).map_err(|error| {
        Failure::usage(
            format!("the token in {} cannot be read: {error}", path.display()),
            "name the file that holds what `freehold runner enroll-token` printed",
        )
    })
}

async fn serve(options: Options, token: Option<String>, printer: Printer) -> Result<(), Failure> {
    let mut ends = process::Ends::listen()?;
    let started = async {
        if let Some(token) = token {
            freehold_runner::enrol(&options, &token)
                .await
                .map_err(|error| {
                    Failure::caused(
                        "enrolment",
                        &error,
                        "get a new token, and check the address",
                    )
                })?;
        }
        build(&options).await
    };
    let runner = tokio::select! {
        runner = started => runner?,
        () = ends.next() => return Ok(()),
    };
    let announce = announce(&runner, options.server.to_string(), printer);
    let cancel = CancellationToken::new();
    let work = runner.run(cancel.clone());
    let signals = async {
        ends.next().await;
        tracing::info!("draining; the same signal again stops at once");
        cancel.cancel();
        ends.next().await;
    };
    tokio::select! {
        ended = work => ended.map_err(|error| {
            let code = match error {
                RunError::Link(LinkError::Refused { .. }) => REFUSED,
                _ => "runner",
            };
            Failure::caused(code, &error, "see the runner's log")
        }),
        () = signals => Ok(()),
        failed = announce => Err(failed),
    }
}

/// Opens the directory; one that a killed runner is about to give back is waited for.
async fn build(options: &Options) -> Result<Runner, Failure> {
    let since = Instant::now();
    loop {
        match Runner::build(options.clone()).await {
            Err(BuildError::InUse(_)) if since.elapsed() < BUILD_WITHIN => {
                tokio::time::sleep(BUILD_AGAIN).await;
            }
            built => {
                return built
                    .map_err(|error| Failure::caused("runner", &error, "see `freehold doctor`"));
            }
        }
    }
}

/// Says once that it is connected. Returns only when that cannot be said.
fn announce(
    runner: &Runner,
    server: String,
    printer: Printer,
) -> impl Future<Output = Failure> + use<> {
    let handle = runner.handle();
    async move {
        let mut status = handle.watch();
        if status.wait_for(|status| status.connected).await.is_err() {
            return std::future::pending().await;
        }
        let ready = Ready {
            runner: handle.runner().to_string(),
            server,
        };
        let words = |ready: &Ready, _: Printer| format!("{} serves {}", ready.runner, ready.server);
        match printer.show(&ready, words) {
            Ok(()) => std::future::pending().await,
            Err(failure) => failure,
        }
    }
}
