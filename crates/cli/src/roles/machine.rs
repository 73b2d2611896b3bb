//! What this machine has: programs that are asked for their version, and the agents among them.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use freehold_agents::{Installation, Preset, discover};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use crate::environment::Environment;
use crate::print::safe;

/// A program that takes longer to say a line is not waited for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Longest answer that is read.
const ANSWER_MAX: u64 = 64 * 1024;
/// A version is a word or a few.
const VERSION_MAX: usize = 60;

/// Runs a program to its end and gives what it printed; `None` when it failed, took too long or
/// printed too much. It gets `PATH` and `HOME` and nothing else of ours.
pub(crate) async fn ask(
    environment: &Environment,
    directory: &Path,
    words: &[impl AsRef<OsStr>],
) -> Option<String> {
    let (program, args) = words.split_first()?;
    let mut command = Command::new(program);
    command
        .args(args)
        .current_dir(directory)
        .env_clear()
        .env("PATH", &environment.path)
        .env("LC_ALL", "C.UTF-8")
        .envs(environment.home.iter().map(|home| ("HOME", home)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let answer = async {
        let mut child = command.spawn().ok()?;
        let mut text = String::new();
        let stdout = child.stdout.take()?;
        let read = stdout
            .take(ANSWER_MAX)
            .read_to_string(&mut text)
            .await
            .ok()?;
        let whole = (read as u64) < ANSWER_MAX;
        let status = child.wait().await.ok()?;
        (whole && status.success()).then_some(text)
    };
    timeout(ANSWER_WITHIN, answer).await.ok().flatten()
}

/// An agent that was found.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    /// Where, and how it is started.
    pub(crate) installation: Installation,
    /// What it says of its version.
    pub(crate) version: Option<String>,
}

/// Looks for agents on `PATH`, and asks them all at once.
pub(crate) async fn agents(environment: &Environment) -> Vec<Agent> {
    let found = Preset::ALL.map(|preset| async move {
        let installation = discover(preset, &environment.path)?;
        let answer = ask(environment, Path::new("/"), &preset.version_command()).await;
        let version = answer
            .as_deref()
            .and_then(|answer| answer.lines().next())
            .map(|line| safe::line(line).chars().take(VERSION_MAX).collect());
        Some(Agent {
            installation,
            version,
        })
    });
    let [a, b, c, d] = found;
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    [a, b, c, d].into_iter().flatten().collect()
}
