//! The program `freehold`: parses words, asks a server or takes up a role, prints.

mod ask;
mod client;
mod commands;
mod duration;
mod environment;
mod failure;
mod print;
mod roles;
mod words;
mod world;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use freehold_server::Proxies;

use self::commands::{Ask, ask};
use self::environment::Environment;
use self::failure::{Exit, Failure};
use self::print::Printer;
use self::words::{
    AuditWords, Command, DoctorArgs, Global, RunnerWords, ServeArgs, ServeWords, ServerArgs,
    UpArgs, Words, labels,
};

/// The hidden word that makes this program the first process of a sandbox.
const SANDBOX_INIT: &str = "sandbox-init";
/// The hidden word that makes this program the built-in agent.
const AGENT_BUILTIN: &str = "agent-builtin";
/// The hidden word that makes this program a server of the tools for other agents.
const AGENT_MCP: &str = "agent-mcp";

fn main() -> ExitCode {
    // Helpers inside a sandbox: they must start before, and without, everything below.
    let mut words = std::env::args_os().skip(1);
    match words.next() {
        Some(word) if word == SANDBOX_INIT => return freehold_sandbox::init::main(words),
        Some(word) if word == AGENT_BUILTIN => return freehold_agents::builtin::main(),
        Some(word) if word == AGENT_MCP => return freehold_agents::mcp::main(words),
        _ => {}
    }
    // The one provider of cryptography. Nobody was before us, so it cannot fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let environment = Environment::read();
    let args: Vec<OsString> = std::env::args_os().collect();
    let words = match Words::try_parse_from(&args) {
        Ok(words) => words,
        Err(error) => return misspelt(&error, &args),
    };
    let printer = Printer {
        json: words.global.json,
        colour: environment.colour,
        watched: environment.watched,
    };
    match run(words, &environment, printer) {
        Ok(code) => code,
        Err(error) => {
            let failure = error.downcast::<Failure>().unwrap_or_else(|error| {
                Failure::new(
                    Exit::Failed,
                    "failed",
                    format!("{error:#}"),
                    "see `freehold doctor`",
                )
            });
            printer.failure(&failure);
            ExitCode::from(failure.exit())
        }
    }
}

fn run(words: Words, environment: &Environment, printer: Printer) -> anyhow::Result<ExitCode> {
    let Words { global, command } = words;
    let asked = match command {
        Command::Up(words) => {
            let data = installation(environment, &global)?;
            let args = UpArgs {
                data,
                listen: words.listen,
                accept_older_database: words.accept_older_database,
                keep_events: words.keep_events,
                keep_audit: words.keep_audit,
            };
            return roles::up::run(args, environment, printer);
        }
        Command::Server(words) => {
            let data = installation(environment, &global)?;
            let args = ServerArgs {
                data,
                listen: words.listen,
                runs_per_tenant: words.runs_per_tenant,
                requests_per_second: words.requests_per_second,
                proxies: words
                    .trusted_proxy_header
                    .map(|header| Proxies::new(words.trusted_proxy, header))
                    .unwrap_or_default(),
                accept_older_database: words.accept_older_database,
                keep_events: words.keep_events,
                keep_audit: words.keep_audit,
                webhooks_to_loopback: words.webhooks_to_loopback,
                identity: words.identity,
                content: words.content,
                parent: words.parent,
            };
            return roles::server::run(args, environment, printer);
        }
        Command::Backup(words) => {
            let data = installation(environment, &global)?;
            return roles::backup::backup(words, &data, environment, printer);
        }
        Command::Restore(words) => {
            let data = installation(environment, &global)?;
            return roles::backup::restore(&words, &data, environment, printer);
        }
        Command::Admin(words) => {
            let data = installation(environment, &global)?;
            return roles::identity::admin(words, &data, printer);
        }
        Command::Doctor(words) => {
            let data = installation(environment, &global)?;
            return roles::doctor::run(&DoctorArgs { data, words }, environment, printer);
        }
        Command::Runner(RunnerWords::Serve(words)) => {
            return roles::runner::run(serve(words, environment, &global)?, environment, printer);
        }
        Command::Login(words) => {
            let login = commands::login(words, environment, printer);
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(login)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Sandbox(words) => return commands::sandbox(words, environment, printer),
        // Needs no server, and reaches for none.
        Command::Audit(AuditWords::Verify { files, key }) => {
            commands::verify(&files, key, printer)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Vm(words) => return commands::vm(words, environment, printer),
        Command::ScriptedModel(words) => return roles::scripted::run(&words, printer),
        Command::Completions { shell } => {
            commands::completions(shell, printer)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Project(words) => Ask::Project(words),
        Command::Provider(words) => Ask::Provider(words),
        Command::Agent(words) => Ask::Agent(words),
        Command::Card(words) => Ask::Card(words),
        Command::Run(words) => Ask::Run(words),
        Command::Environment(words) => Ask::Environment(words),
        Command::Runner(RunnerWords::List(words)) => Ask::Runners(words),
        Command::Runner(RunnerWords::EnrollToken) => Ask::EnrollToken,
        Command::Runner(RunnerWords::Revoke { runner, yes }) => Ask::RunnerRevoke { runner, yes },
        Command::Audit(words) => Ask::Audit(words),
        Command::Inbox(words) => Ask::Inbox(words),
        Command::Token(words) => Ask::Token(words),
        Command::Webhook(words) => Ask::Webhook(words),
        Command::Device(words) => Ask::Device(words),
        Command::Member(words) => Ask::Member(words),
        Command::Invite(words) => Ask::Invite(words),
        Command::SignIn => Ask::SignIn,
        Command::SignOut { yes } => Ask::SignOut { yes },
        Command::Whoami => Ask::Whoami,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(ask(asked, &global, environment, printer));
    // What is left of a watch or of a question must not hold the program up.
    runtime.shutdown_background();
    done?;
    Ok(ExitCode::SUCCESS)
}

fn installation(environment: &Environment, global: &Global) -> Result<PathBuf, Failure> {
    settled(environment.installation(global.data.as_deref()))
}

fn serve(
    words: ServeWords,
    environment: &Environment,
    global: &Global,
) -> Result<ServeArgs, Failure> {
    Ok(ServeArgs {
        server: words.server,
        token_file: words.token_file,
        data: settled(environment.runner(global.data.as_deref()))?,
        labels: labels(words.labels)
            .map_err(|message| Failure::usage(message, "give each label's key once"))?,
        parent: words.parent,
        consent: words.consent,
    })
}

/// A data directory as an absolute path.
fn settled(data: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let data = data.ok_or_else(|| {
        Failure::usage(
            "there is no HOME to keep data in",
            "name a directory: `--data DIR`",
        )
    })?;
    std::path::absolute(&data)
        .map_err(|error| Failure::usage(format!("{}: {error}", data.display()), "name a directory"))
}

/// Help and versions go to standard output; everything else that clap says is a usage error.
fn misspelt(error: &clap::Error, args: &[OsString]) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // A reader that has gone has read enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let json = args
        .iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--json");
    if json {
        let failure = usage(&error.render().to_string(), error.kind());
        let printer = Printer {
            json,
            colour: false,
            watched: false,
        };
        printer.failure(&failure);
    } else {
        let _ = error.print();
        let _ = std::io::stderr().flush();
    }
    ExitCode::from(Exit::Usage as u8)
}

/// What clap says, as a code, a message and a next step.
fn usage(rendered: &str, kind: ErrorKind) -> Failure {
    let next = "see `freehold --help`, or `--help` after the command";
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage("a command is missing", next);
    }
    let message = rendered.trim_start_matches("error: ");
    let message = message.split("\n\nUsage:").next().unwrap_or_default();
    let message = message.split("\n\nFor more").next().unwrap_or_default();
    let words: Vec<&str> = message.split_whitespace().collect();
    let usage = rendered
        .lines()
        .find_map(|line| line.strip_prefix("Usage: "))
        .map(|line| format!("write `{line}`; {next}"));
    Failure::usage(words.join(" "), usage.unwrap_or_else(|| next.to_owned()))
}
