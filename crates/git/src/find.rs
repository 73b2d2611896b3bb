//! Finding git, and what it may use.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::process::Call;
use crate::workspace::Bases;
use crate::{GitError, Result};

/// The oldest git that will do: `merge-tree --write-tree` came with 2.38, and only since 2.39 does
/// `patch-id` take binary files, modes and white space into account, which approvals rest on.
pub const FLOOR: Version = Version {
    major: 2,
    minor: 39,
};

/// A git version, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl Version {
    /// Reads `git version 2.47.3 (…)`.
    fn parse(output: &str) -> Option<Self> {
        let mut numbers = output
            .trim()
            .strip_prefix("git version ")?
            .split(['.', ' ', '-']);
        Some(Self {
            major: numbers.next()?.parse().ok()?,
            minor: numbers.next()?.parse().ok()?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a remote may be shown. The default is nothing: only public and local remotes work.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A `credential.helper` value (`store`, `/path/to/helper`, `!command`) that the owner allowed.
    pub helper: Option<String>,
    /// The socket of an SSH agent that the owner allowed.
    pub ssh_agent: Option<PathBuf>,
    /// `GIT_SSH_COMMAND` (git runs it by a shell); by default a non-interactive ssh without key files.
    pub ssh_command: Option<String>,
    /// The HOME that a helper or ssh needs for its own files. git itself still reads no configuration there.
    pub home: Option<PathBuf>,
}

impl fmt::Debug for Credentials {
    /// What is granted, never its value: a helper's command line may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("helper", &self.helper.is_some())
            .field("ssh_agent", &self.ssh_agent.is_some())
            .field("ssh_command", &self.ssh_command.is_some())
            .field("home", &self.home.is_some())
            .finish()
    }
}

/// How long git processes may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// A network command without a byte of output or progress.
    pub idle: Duration,
    /// A whole network command.
    pub network: Duration,
    /// A whole local command.
    pub local: Duration,
}

impl Default for Deadlines {
    /// 60 s without progress, an hour for a first fetch of a large repository, ten minutes for local work.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60),
            network: Duration::from_secs(3600),
            local: Duration::from_secs(600),
        }
    }
}

/// Who the commits of a workspace are made by, unless the agent says otherwise.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `user.name`.
    pub name: String,
    /// `user.email`.
    pub email: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            name: "Freehold".into(),
            email: "agent@freehold.invalid".into(),
        }
    }
}

/// How to find git and what it may use.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program; `None` looks for `git` in `path_env`.
    pub program: Option<PathBuf>,
    /// A directory that is ours alone: HOME of every git process. Made when absent.
    pub home: PathBuf,
    /// PATH of every git process (git finds ssh and helpers there).
    pub path_env: OsString,
    /// What remotes may be shown.
    pub credentials: Credentials,
    /// Proxies and certificate authorities (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`, …) of commands
    /// that talk to a remote; variables of any other name are left out.
    pub network_env: Vec<(OsString, OsString)>,
    /// The identity in workspaces.
    pub identity: Identity,
    /// Bounds on time.
    pub deadlines: Deadlines,
}

impl Options {
    /// No credentials, default identity and deadlines.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>, path_env: impl Into<OsString>) -> Self {
        Self {
            program: None,
            home: home.into(),
            path_env: path_env.into(),
            credentials: Credentials::default(),
            network_env: Vec::new(),
            identity: Identity::default(),
            deadlines: Deadlines::default(),
        }
    }
}

/// A git that was found good, with the sealed environment it runs in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Git {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    program: PathBuf,
    version: Version,
    home: PathBuf,
    options: Options,
    /// One fetch at a time per store: two would race for the same private ref.
    fetching: Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
    bases: Mutex<HashMap<PathBuf, Arc<Bases>>>,
}

impl Git {
    /// Finds git, asks its version, and makes the sealed home.
    ///
    /// # Errors
    /// [`GitError::Missing`], [`GitError::TooOld`], or [`GitError::Io`] when the home cannot be made.
    pub async fn find(options: Options) -> Result<Self> {
        let program = match &options.program {
            Some(path) => path.clone(),
            None => search(&options.path_env).ok_or_else(|| GitError::Missing {
                program: "git, in PATH".into(),
            })?,
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&options.home)
            .map_err(GitError::io("making git's home"))?;
        let home = options
            .home
            .canonicalize()
            .map_err(GitError::io("making git's home"))?;
        let found = Self {
            inner: Arc::new(Inner {
                program,
                version: FLOOR,
                home,
                options,
                fetching: Mutex::default(),
                bases: Mutex::default(),
            }),
        };
        let version = found.ask_version().await?;
        if version < FLOOR {
            return Err(GitError::TooOld {
                found: version.to_string(),
                floor: FLOOR.to_string(),
            });
        }
        let inner = Arc::try_unwrap(found.inner).map_err(|_| GitError::Missing {
            program: "git".into(),
        })?;
        Ok(Self {
            inner: Arc::new(Inner { version, ..inner }),
        })
    }

    async fn ask_version(&self) -> Result<Version> {
        let missing = || GitError::Missing {
            program: self.inner.program.display().to_string(),
        };
        let output = match self
            .run(Call::new("asking git for its version", ["version"]))
            .await
        {
            Ok(output) => output.success()?,
            Err(GitError::Io { .. }) => return Err(missing()),
            Err(error) => return Err(error),
        };
        Version::parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(missing)
    }

    /// The program that is run.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.inner.program
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.inner.version
    }

    pub(crate) fn deadlines(&self) -> Deadlines {
        self.inner.options.deadlines
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.inner.options.identity
    }

    pub(crate) fn home(&self) -> &Path {
        &self.inner.home
    }

    pub(crate) fn fetching(&self, store: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self
            .inner
            .fetching
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(store.to_owned()).or_default())
    }

    pub(crate) fn bases(&self, store: &Path) -> Arc<Bases> {
        let all = self.inner.bases.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(store.to_owned()).or_default())
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }
}

fn search(path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join("git"))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_builds() {
        let of = |text| Version::parse(text).map(|v| (v.major, v.minor));
        assert_eq!(of("git version 2.47.3\n"), Some((2, 47)));
        assert_eq!(of("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(of("git version 2.45.GIT"), Some((2, 45)));
        assert_eq!(of("hello"), None);
        assert!(
            Version {
                major: 2,
                minor: 38
            } < FLOOR
                && Version { major: 3, minor: 0 } > FLOOR
        );
    }
}
