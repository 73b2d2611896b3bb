//! From a configuration to what is started: a pure function.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use freehold_sandbox::Stdin;
use serde_json::{Value, json};

use crate::builtin::Opening;
use crate::config::{AgentConfig, Driver, Endpoint, ProviderKind, Session};
use crate::error::AgentError;
use crate::mcp::MCP_SERVERS;
use crate::preset::{Place, Preset};

/// A program of the host that runs [`crate::builtin::main`] and [`crate::mcp::main`], and what makes
/// it do so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// Its path as seen inside.
    pub program: PathBuf,
    /// The arguments that lead to [`crate::builtin::main`], such as a hidden subcommand.
    pub args: Vec<String>,
    /// The arguments that lead to [`crate::mcp::main`], before those of its own.
    pub mcp_args: Vec<String>,
}

/// The places inside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The root of the workspace: `/workspace`.
    pub workspace: PathBuf,
    /// Where the agent starts, and what file tools of ours are about: the workspace's root, or the
    /// folder in it that the project is about.
    pub start: PathBuf,
    /// A home of the run's own, not below `/tmp`.
    pub home: PathBuf,
    /// The card as JSON: `{run, card, project, title, body, attempt, reply}`.
    pub card_file: PathBuf,
    /// `PATH`.
    pub path: String,
    /// What runs the built-in agent, and our tools for others.
    pub helper: Helper,
}

/// A file to write below the home before the process starts. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeFile {
    /// Relative to the home, without `..`.
    pub path: PathBuf,
    /// Its contents; what is there is replaced.
    pub bytes: Vec<u8>,
}

/// What to start. `Debug` shows the names of variables, never their values.
#[derive(Clone)]
pub struct Launch {
    /// A path inside, or a name to look up in the `PATH` of `env`.
    pub program: String,
    /// Its arguments. They hold no secret.
    pub args: Vec<String>,
    /// The whole environment. It may hold the run's token.
    pub env: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// Files to write below the home first.
    pub home_files: Vec<HomeFile>,
    /// What standard input has to be.
    pub stdin: Stdin,
    pub(crate) speech: Speech,
}

/// What is spoken over the pipes.
#[derive(Clone)]
pub(crate) enum Speech {
    /// Nothing, or the prompt on standard input.
    Raw {
        prompt: bool,
    },
    /// With the tool servers that the agent is to start.
    Acp {
        servers: Vec<Value>,
    },
    Builtin(Box<Opening>),
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("cwd", &self.cwd)
            .field(
                "home_files",
                &self
                    .home_files
                    .iter()
                    .map(|file| &file.path)
                    .collect::<Vec<_>>(),
            )
            .field("stdin", &self.stdin)
            .finish_non_exhaustive()
    }
}

/// Plans how the agent is started inside. Reads nothing and starts nothing.
///
/// # Errors
///
/// [`AgentError::Config`] when the parts do not fit: no command, no endpoint where one is needed, a
/// kind of provider that the agent cannot speak.
pub fn plan(
    config: &AgentConfig,
    inside: &Inside,
    endpoint: Option<&Endpoint>,
    resume: Option<&Session>,
) -> Result<Launch, AgentError> {
    check(config)?;
    let mut launch = match (config.driver, config.preset) {
        (Driver::Builtin, None) => builtin(config, inside, endpoint)?,
        (Driver::Builtin, Some(preset)) => {
            return Err(AgentError::config(
                format!("the driver `builtin` is an agent of its own and does not start {preset}"),
                format!("use `--driver acp` or `--driver command` with `--preset {preset}`"),
            ));
        }
        (driver, Some(preset)) => with_preset(config, driver, preset, inside, endpoint, resume)?,
        (driver, None) => plain(config, driver)?,
    };
    if config.tools {
        offer_tools(&mut launch, config, inside)?;
    }
    for (name, value) in base_env(inside) {
        launch.env.entry(name).or_insert(value);
    }
    launch.cwd.clone_from(&inside.start);
    Ok(launch)
}

/// Where the list of our tool servers is, below the home.
const SERVERS_FILE: &str = ".freehold/mcp.json";

/// Offers our tools in every way that an agent may know: in the session's opening, as an argument,
/// as a file that a variable names.
fn offer_tools(
    launch: &mut Launch,
    config: &AgentConfig,
    inside: &Inside,
) -> Result<(), AgentError> {
    if config.driver == Driver::Builtin {
        return Err(AgentError::config(
            "the driver `builtin` has these tools already",
            "leave out `--tools`",
        ));
    }
    let file = inside
        .home
        .join(SERVERS_FILE)
        .to_string_lossy()
        .into_owned();
    let program = inside.helper.program.to_string_lossy();
    let args = |which: &str| -> Vec<String> {
        let own = inside.helper.mcp_args.iter().cloned();
        own.chain([which.to_owned()]).collect()
    };
    let mut named = serde_json::Map::new();
    for (name, which) in [("files", "files"), ("terminal", "terminal")] {
        named.insert(
            name.into(),
            json!({"command": program, "args": args(which)}),
        );
        if let Speech::Acp { servers } = &mut launch.speech {
            // `McpServerStdio` of the protocol's schema.
            servers.push(json!({"name": name, "command": program, "args": args(which), "env": []}));
        }
    }
    if config.preset == Some(Preset::Claude) && config.driver == Driver::Command {
        launch
            .args
            .extend(["--mcp-config".to_owned(), file.clone()]);
    }
    launch.home_files.push(HomeFile {
        path: SERVERS_FILE.into(),
        bytes: json!({"mcpServers": named}).to_string().into_bytes(),
    });
    launch.env.insert(MCP_SERVERS.into(), file);
    Ok(())
}

fn base_env(inside: &Inside) -> [(String, String); 5] {
    let home = inside.home.to_string_lossy().into_owned();
    let card = inside.card_file.to_string_lossy().into_owned();
    [
        ("PATH".into(), inside.path.clone()),
        ("HOME".into(), home),
        ("USER".into(), freehold_sandbox::USER.into()),
        ("LANG".into(), "C.UTF-8".into()),
        ("FREEHOLD_CARD".into(), card),
    ]
}

/// A model's name ends up in arguments and configuration files.
fn check(config: &AgentConfig) -> Result<(), AgentError> {
    match &config.model {
        Some(model)
            if model.is_empty()
                || model.starts_with('-')
                || model.chars().any(char::is_control) =>
        {
            Err(AgentError::config(
                format!("`{}` is no name of a model", model.escape_debug()),
                "use the name that the provider lists",
            ))
        }
        _ => Ok(()),
    }
}

fn launch(command: Vec<String>, stdin: Stdin, speech: Speech) -> Result<Launch, AgentError> {
    let mut words = command.into_iter();
    let Some(program) = words.next().filter(|word| !word.is_empty()) else {
        return Err(AgentError::config(
            "the agent has no command",
            "give one after `--`, or a `--preset` that knows its own",
        ));
    };
    Ok(Launch {
        program,
        args: words.collect(),
        env: BTreeMap::new(),
        cwd: PathBuf::new(),
        home_files: Vec::new(),
        stdin,
        speech,
    })
}

fn plain(config: &AgentConfig, driver: Driver) -> Result<Launch, AgentError> {
    match driver {
        Driver::Acp => launch(
            config.command.clone(),
            Stdin::Piped,
            Speech::Acp { servers: vec![] },
        ),
        Driver::Command | Driver::Builtin => launch(
            config.command.clone(),
            Stdin::Null,
            Speech::Raw { prompt: false },
        ),
    }
}

fn with_preset(
    config: &AgentConfig,
    driver: Driver,
    preset: Preset,
    inside: &Inside,
    endpoint: Option<&Endpoint>,
    resume: Option<&Session>,
) -> Result<Launch, AgentError> {
    let recipe = preset.recipe();
    let model = endpoint
        .map(|endpoint| model(config, preset, endpoint))
        .transpose()?;
    let setup = (recipe.configure)(&Place {
        home: &inside.home,
        workspace: &inside.workspace,
        start: &inside.start,
        model,
    })?;
    let (program, args, speech) = match driver {
        Driver::Acp => (
            recipe.acp_program,
            recipe.acp_args.iter().map(|&a| a.to_owned()).collect(),
            Speech::Acp { servers: vec![] },
        ),
        Driver::Command | Driver::Builtin => (
            recipe.program,
            (recipe.headless)(config.model.as_deref(), resume),
            Speech::Raw { prompt: true },
        ),
    };
    let mut command = config.command.clone();
    if command.is_empty() {
        command.push(program.to_owned());
    }
    if !command.ends_with(&args) {
        command.extend(args);
    }
    let mut launch = launch(command, Stdin::Piped, speech)?;
    launch.env = setup.env;
    launch.home_files = setup.files;
    Ok(launch)
}

fn model<'a>(
    config: &'a AgentConfig,
    preset: Preset,
    endpoint: &'a Endpoint,
) -> Result<(&'a Endpoint, ProviderKind, &'a str), AgentError> {
    let kind = kind(config)?;
    let kinds = preset.provider_kinds();
    if !kinds.contains(&kind) {
        let known: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
        let next = if known.is_empty() {
            "no kind of provider serves it yet: use it without `--provider`, or another agent"
                .to_owned()
        } else {
            format!("use a provider of kind {}", known.join(" or "))
        };
        return Err(AgentError::config(
            format!("{preset} cannot talk to a provider of kind {kind}"),
            next,
        ));
    }
    Ok((endpoint, kind, named(config)?))
}

fn kind(config: &AgentConfig) -> Result<ProviderKind, AgentError> {
    config.provider_kind.ok_or_else(|| {
        AgentError::config(
            "the agent's provider has no kind",
            "add the provider with `--kind openai|anthropic|ollama`",
        )
    })
}

fn named(config: &AgentConfig) -> Result<&str, AgentError> {
    config
        .model
        .as_deref()
        .ok_or_else(|| AgentError::config("no model is named", "add the provider with `--model`"))
}

fn builtin(
    config: &AgentConfig,
    inside: &Inside,
    endpoint: Option<&Endpoint>,
) -> Result<Launch, AgentError> {
    if !config.command.is_empty() {
        return Err(AgentError::config(
            "the driver `builtin` takes no command",
            "leave out what follows `--`, or use `--driver command`",
        ));
    }
    let endpoint = endpoint.ok_or_else(|| {
        AgentError::config(
            "the built-in agent needs a model",
            "give it a provider: `--provider NAME`",
        )
    })?;
    let opening = Opening {
        base_url: endpoint.base_url.clone(),
        token: endpoint.token.reveal().to_owned(),
        kind: kind(config)?,
        model: named(config)?.to_owned(),
        workspace: inside.start.clone(),
        home: inside.home.clone(),
        prompt: String::new(),
        resumed: None,
    };
    let mut command = vec![inside.helper.program.to_string_lossy().into_owned()];
    command.extend(inside.helper.args.iter().cloned());
    launch(command, Stdin::Piped, Speech::Builtin(Box::new(opening)))
}
