//! An agent of the field as it is installed on this machine: an order names a preset, not a program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use freehold_agents::{AgentConfig, discover_for};
use freehold_model::Reason;

use crate::context::Context;
use crate::failure::Halt;

/// Where package clients put programs below a directory that is named with `--path`.
const BINS: [&str; 3] = ["", "bin", "node_modules/.bin"];

/// Completes a configuration without a command by what is installed, and gives the directories to
/// show inside, those that the agent's owner named among them.
pub(super) async fn complete(
    context: &Context,
    config: &mut AgentConfig,
    named: &[String],
) -> Result<Vec<String>, Halt> {
    let mut shown = named.to_vec();
    let (Some(preset), []) = (config.preset, config.command.as_slice()) else {
        return Ok(shown);
    };
    let Some(program) = preset.program(config.driver) else {
        return Ok(shown);
    };
    let driver = config.driver;
    let search = search(context, named)?;
    let found = tokio::task::spawn_blocking(move || discover_for(preset, driver, &search));
    let found = found.await.map_err(std::io::Error::other)?;
    let Some(found) = found else {
        return Err(Halt::failed(
            Reason::AgentMissing,
            format!(
                "`{program}` is not on the runner's PATH and not in a directory of `--path`; install {preset} there{}",
                other_way(config)
            ),
        ));
    };
    config.command = found.command;
    for path in found.paths {
        let path = path.to_string_lossy().into_owned();
        if !shown.contains(&path) {
            shown.push(path);
        }
    }
    Ok(shown)
}

/// The headless program is often there when the adapter is not.
fn other_way(config: &AgentConfig) -> &'static str {
    match config.driver {
        freehold_agents::Driver::Acp => {
            ", or use `--driver command`, which needs no program that speaks ACP"
        }
        _ => "",
    }
}

/// What is named comes first: its owner chose it for this agent.
fn search(context: &Context, named: &[String]) -> Result<OsString, Halt> {
    let bins = named
        .iter()
        .flat_map(|dir| BINS.map(|bin| Path::new(dir).join(bin)));
    let host = std::env::split_paths(context.environment.path());
    let all: Vec<PathBuf> = bins.chain(host).collect();
    std::env::join_paths(all).map_err(|error| {
        Halt::failed(
            Reason::AgentMissing,
            format!("a directory of `--path` cannot be searched: {error}"),
        )
    })
}

/// The `PATH` inside: a wrapper of node's package finds the node that it was found with.
pub(super) fn path(config: &AgentConfig, path: String) -> String {
    let node = config
        .command
        .iter()
        .map(Path::new)
        .find(|word| word.is_absolute() && word.file_name().is_some_and(|name| name == "node"));
    match node.and_then(Path::parent).and_then(Path::to_str) {
        Some(dir) if !path.split(':').any(|entry| entry == dir) => format!("{dir}:{path}"),
        _ => path,
    }
}
