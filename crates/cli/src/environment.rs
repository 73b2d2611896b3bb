//! The process's surroundings, read once, here and nowhere else.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// What the environment says, as values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `FREEHOLD_URL`.
    pub(crate) url: Option<String>,
    /// `FREEHOLD_TOKEN`; never printed.
    pub(crate) token: Option<Secret>,
    /// `FREEHOLD_DATA`.
    pub(crate) data: Option<PathBuf>,
    /// `HOME`.
    pub(crate) home: Option<PathBuf>,
    /// `PATH`, or where a Debian system keeps its programs.
    pub(crate) path: OsString,
    /// `FREEHOLD_PG_BIN`: the directory of PostgreSQL's programs.
    pub(crate) pg_bin: Option<PathBuf>,
    /// `FREEHOLD_LOG`: what the roles write to their logs, as `tracing`'s directives.
    pub(crate) log: Option<String>,
    /// `XDG_RUNTIME_DIR`.
    pub(crate) runtime_dir: Option<PathBuf>,
    /// `SSH_AUTH_SOCK`.
    pub(crate) ssh_agent: Option<PathBuf>,
    /// Whether a person sits at standard input and standard output.
    pub(crate) answers: bool,
    /// Whether this process acts as root.
    pub(crate) root: bool,
    /// Whether colour may be used on standard output.
    pub(crate) colour: bool,
    /// Whether a person watches standard error.
    pub(crate) watched: bool,
}

/// What AWS's own tools take from the environment to say who they are. Not its endpoints and switches:
/// where content goes is said by `freehold server`'s options alone.
const AWS: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// A text that `Debug` does not show.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

impl Environment {
    /// Reads it.
    pub(crate) fn read() -> Self {
        let text = |name| set(name).map(|value| value.to_string_lossy().into_owned());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        Self {
            url: text("FREEHOLD_URL"),
            token: text("FREEHOLD_TOKEN").map(Secret),
            data: set("FREEHOLD_DATA").map(PathBuf::from),
            home: set("HOME").map(PathBuf::from),
            path: set("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()),
            pg_bin: set("FREEHOLD_PG_BIN").map(PathBuf::from),
            log: text("FREEHOLD_LOG"),
            runtime_dir: set("XDG_RUNTIME_DIR").map(PathBuf::from),
            ssh_agent: set("SSH_AUTH_SOCK").map(PathBuf::from),
            answers: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            root: nix::unistd::geteuid().is_root(),
            // https://no-color.org: present and not empty means no colour.
            colour: set("NO_COLOR").is_none() && !dumb && std::io::stdout().is_terminal(),
            watched: std::io::stderr().is_terminal(),
        }
    }

    /// Everything that is set, for a runner: providers' keys and the settings of package clients
    /// are among it. Not kept here, and not shown by `Debug`.
    pub(crate) fn variables() -> impl Iterator<Item = (OsString, OsString)> {
        // The owner's token is for the command line; no job may name it as a key.
        std::env::vars_os().filter(|(name, _)| name != "FREEHOLD_TOKEN")
    }

    /// A variable that an option names. Not kept here.
    pub(crate) fn named(name: &str) -> Option<String> {
        set(name)?.into_string().ok()
    }

    /// What AWS's tools would find of who we are, by lower-case names. Not kept here, and not shown by
    /// `Debug`.
    pub(crate) fn aws() -> Vec<(String, String)> {
        let value = |name: &str| set(name)?.into_string().ok();
        AWS.iter()
            .filter_map(|name| Some((name.to_ascii_lowercase(), value(name)?)))
            .collect()
    }

    /// The data directory of the installation on this machine: `--data`, else `FREEHOLD_DATA`,
    /// else the user's own place. `None` when there is no HOME to put it in.
    pub(crate) fn installation(&self, given: Option<&Path>) -> Option<PathBuf> {
        given
            .map(Path::to_path_buf)
            .or_else(|| self.data.clone())
            .or_else(|| self.place("freehold"))
    }

    /// Where a runner that serves another machine's server keeps its state. Never the
    /// installation's own directory: `up` has a runner of its own there.
    pub(crate) fn runner(&self, given: Option<&Path>) -> Option<PathBuf> {
        given
            .map(Path::to_path_buf)
            .or_else(|| self.place("freehold-runner"))
    }

    /// The file with the tokens that `freehold login` was given. A person's own, whoever installed
    /// what on this machine.
    pub(crate) fn logins(&self) -> Option<PathBuf> {
        let home = self.home.as_ref()?;
        Some(home.join(".config/freehold/logins.json"))
    }

    fn place(&self, name: &str) -> Option<PathBuf> {
        if self.root {
            return Some(Path::new("/var/lib").join(name));
        }
        self.home
            .as_ref()
            .map(|home| home.join(".local/share").join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_is_the_given_one_then_the_environments_then_the_users() {
        let mut environment = Environment {
            home: Some("/home/ada".into()),
            ..Environment::default()
        };
        let own = Path::new("/home/ada/.local/share/freehold");
        assert_eq!(environment.installation(None).as_deref(), Some(own));
        environment.root = true;
        let roots = Path::new("/var/lib/freehold");
        assert_eq!(environment.installation(None).as_deref(), Some(roots));
        environment.data = Some("/srv/fh".into());
        let env = Path::new("/srv/fh");
        assert_eq!(environment.installation(None).as_deref(), Some(env));
        let given = Path::new("/given");
        assert_eq!(
            environment.installation(Some(given)).as_deref(),
            Some(given)
        );
    }

    #[test]
    fn a_token_is_not_shown_by_debug() {
        let environment = Environment {
            token: Some(Secret("fhu_very_secret".into())),
            ..Environment::default()
        };
        assert!(!format!("{environment:?}").contains("very_secret"));
    }
}
