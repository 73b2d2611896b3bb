//! Asks a program of the host, such as a package client: a bare environment, a neutral folder, a deadline, a bounded answer.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::toolchain::Host;

/// A client that answers from its configuration takes well under a second; one that asks its registry, a few.
const DEADLINE: Duration = Duration::from_secs(10);
/// An index page of a popular package has some 100 kB; configuration is smaller.
const MAX_ANSWER: u64 = 8 * 1024 * 1024;

/// Variables with which an owner configures a client or the tool that finds it. Nothing else is passed on.
const PASSED: [&str; 30] = [
    "ASDF_DATA_DIR",
    "CARGO_HOME",
    "CARGO_HTTP_CAINFO",
    "CARGO_REGISTRY_DEFAULT",
    "CURL_CA_BUNDLE",
    "FNM_DIR",
    "GOENV",
    "GOINSECURE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOPRIVATE",
    "GOPROXY",
    "GOSUMDB",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "MISE_DATA_DIR",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "NVM_DIR",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "REQUESTS_CA_BUNDLE",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "VOLTA_HOME",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
/// Families of such variables: `PIP_INDEX_URL`, `npm_config_registry`, `CARGO_REGISTRIES_MINE_INDEX`.
const PASSED_FAMILIES: [&str; 4] = ["PIP_", "npm_config_", "NPM_CONFIG_", "CARGO_REGISTRIES_"];

/// Why a client gave no answer. For people; never quotes what the client printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AskError {
    #[error("it is not installed")]
    Absent,
    #[error("it did not start")]
    NotStarted,
    #[error("it did not answer within 10 s")]
    Late,
    #[error("it failed when it was asked")]
    Failed,
    #[error("it was interrupted")]
    Cancelled,
}

/// The clients of one host, and the folder in which they are asked.
pub(crate) struct Asker {
    pub(crate) host: Host,
    /// Empty but for what a question puts there; removed at the end.
    folder: TempDir,
    cancel: CancellationToken,
}

impl Asker {
    pub(crate) fn new(host: &Host, scratch: &Path, cancel: &CancellationToken) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ask-")
            .tempdir_in(scratch)?;
        // Without it npm looks for a project, and its configuration, in the folders above.
        std::fs::write(folder.path().join("package.json"), "{}")?;
        Ok(Self {
            host: host.clone(),
            folder,
            cancel: cancel.clone(),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn home(&self) -> &Path {
        &self.host.home
    }

    /// The value of one of the owner's variables.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.host.env.get(name).map(String::as_str)
    }

    /// Runs `program` of the host's `PATH` in the neutral folder and returns what it prints.
    pub(crate) async fn ask(
        &self,
        program: &str,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Result<String, AskError> {
        self.ask_in(self.folder.path(), program, args, env).await
    }

    pub(crate) async fn ask_in(
        &self,
        folder: &Path,
        program: &str,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Result<String, AskError> {
        let program = self.find(program).ok_or(AskError::Absent)?;
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(folder)
            .env_clear()
            .envs(self.environment())
            .envs(env.iter().copied());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // A group of its own, so that what a shim starts ends with it.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(|_| AskError::NotStarted)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let mut text = String::new();
        let answer = async {
            let Some(output) = child.stdout.take() else {
                return Err(AskError::NotStarted);
            };
            output
                .take(MAX_ANSWER)
                .read_to_string(&mut text)
                .await
                .map_err(|_| AskError::Failed)?;
            let status = child.wait().await.map_err(|_| AskError::Failed)?;
            if status.success() {
                Ok(())
            } else {
                Err(AskError::Failed)
            }
        };
        let answered = match self
            .cancel
            .run_until_cancelled(tokio::time::timeout(DEADLINE, answer))
            .await
        {
            Some(Ok(answered)) => answered,
            Some(Err(_)) => Err(AskError::Late),
            None => Err(AskError::Cancelled),
        };
        if answered.is_err()
            && child.id().is_some()
            && let Some(group) = group
        {
            // Not yet waited for, so the number is still its own.
            killpg(Pid::from_raw(group), Signal::SIGKILL).ok();
        }
        answered.map(|()| text)
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        let folders = self
            .host
            .path
            .split(':')
            .map(Path::new)
            .filter(|folder| folder.is_absolute());
        folders
            .map(|folder| folder.join(program))
            .find(|path| path.is_file())
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let wanted = |name: &str| {
            PASSED.contains(&name)
                || PASSED_FAMILIES
                    .iter()
                    .any(|family| name.starts_with(family))
                    && !name.ends_with("_TOKEN")
        };
        let mut env: BTreeMap<String, String> = self
            .host
            .env
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        env.insert("HOME".into(), self.host.home.to_string_lossy().into_owned());
        env.insert("PATH".into(), self.host.path.clone());
        env.insert("LC_ALL".into(), "C.UTF-8".into());
        env
    }
}
