//! Which package registries a run may reach: those that the host's own package clients use, and
//! those that the project's lock files name.
//!
//! There is no list of hosts here. `npm`, `pip`, `cargo` and `go` of the host are asked, in a neutral
//! folder and with a bare environment, so that no repository configures them. What they answer becomes
//! the allowed hosts and the configuration that makes the same client work inside. Log-ins are never
//! part of that: the proxy adds those that are understood (npm's tokens, and user information in the
//! address of a registry) to what is fetched from their own host. Lock files of the repository are data: an `https` host in one is allowed, with its
//! origin, and it may never resolve to a private address.

mod apt;
mod cargo;
mod go;
mod locks;
mod npm;
mod pip;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use freehold_sandbox::Mount;
use tokio_util::sync::CancellationToken;

use crate::ask::Asker;
use crate::egress::{self, Allowed, Authority, LogIn, LogInError, Policy, Private};
use crate::endpoint::{self, Host, HostPort, Url};
use crate::project::PROJECT_FILE;
use crate::toolchain;

pub use locks::LOCK_FILES;

/// More registries than anyone configures, and room for a project's own list; a bound on what a lock
/// file can open.
const MAX_ALLOWED: usize = 128;

/// Where clients find the certificates that they trust, by their variables.
const TRUST: [&str; 8] = [
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "npm_config_cafile",
];

/// What the preset `registries` is on this host, for one project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    /// What may be reached, each with who named it.
    pub allow: Vec<Allowed>,
    /// The variables that make the clients work inside; without the proxy's, see [`Registries::environment`].
    pub env: BTreeMap<String, String>,
    /// Certificates and local indexes, read-only at their own place.
    pub mounts: Vec<Mount>,
    /// Configuration files by their path below `HOME` inside. They hold no log-in.
    pub home_files: BTreeMap<PathBuf, String>,
    /// What the proxy adds for the hosts that they are for; see [`Registries::authority`].
    pub log_ins: Vec<LogIn>,
    /// What does not work inside and what to do, in words. Holds names of hosts: content.
    pub warnings: Vec<String>,
    /// What the default registry of cargo is called in lock files; its hosts are known from cargo.
    cargo_default: Option<String>,
}

/// Why the clients could not even be asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistriesError {
    /// No neutral folder.
    #[error("cannot make a folder in {} to ask the package clients in; check that it is writable and has space", path.display())]
    Scratch {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Registries {
    /// Asks the host's package clients, at most some 20 s. A client that is absent adds nothing; one
    /// that fails adds a warning. `scratch` is a folder of the runner's own, never in a repository,
    /// and nobody else may write to it or its parents. The answer is good until the owner changes a
    /// configuration: keep it for some minutes. Cancelling ends the clients.
    ///
    /// # Errors
    /// No folder can be made in `scratch`.
    pub async fn learn(
        host: &toolchain::Host,
        scratch: &Path,
        cancel: &CancellationToken,
    ) -> Result<Self, RegistriesError> {
        let asker =
            Asker::new(host, scratch, cancel).map_err(|source| RegistriesError::Scratch {
                path: scratch.to_path_buf(),
                source,
            })?;
        let parts = tokio::join!(
            npm::learn(&asker),
            pip::learn(&asker),
            cargo::learn(&asker),
            go::learn(&asker)
        );
        let mut all = Self::default();
        for part in [parts.0, parts.1, parts.2, parts.3] {
            all.merge(part);
        }
        all.certificates(host);
        Ok(all)
    }

    /// Adds what lock files name: pairs of the path in the repository and the contents. Pure.
    #[must_use]
    pub fn with_lock_files<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Self {
        let mut all = self.clone();
        for (path, contents) in files {
            locks::read(path, contents, &mut all);
        }
        all
    }

    /// Both together; what this one says of a variable or a file goes before the other's.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut all = other.clone();
        all.merge(self.clone());
        all
    }

    /// Adds what the project file names, on its word: public only. Pure.
    #[must_use]
    pub fn with_project(&self, allow: &[HostPort]) -> Self {
        let mut all = self.clone();
        for at in allow {
            all.allow(at.clone(), PROJECT_FILE.to_owned(), Private::No);
        }
        all
    }

    /// The log-ins for a proxy's options; none where there are none.
    ///
    /// # Errors
    /// No certificate can be made for their hosts.
    pub fn authority(&self) -> Result<Option<Authority>, LogInError> {
        if self.log_ins.is_empty() {
            return Ok(None);
        }
        let named = TRUST.iter().filter_map(|name| self.env.get(*name));
        let certificates: Vec<PathBuf> = named.map(PathBuf::from).collect();
        Authority::new(self.log_ins.clone(), &certificates).map(Some)
    }

    /// The same, with clients that trust the proxy where it is the other end of TLS: they find all
    /// certificates at `place`. Pure.
    #[must_use]
    pub fn trusting(&self, authority: &Authority, place: &Path) -> Self {
        let mut all = self.clone();
        let Some(bundle) = authority.bundle() else {
            return all;
        };
        all.mounts.push(Mount::File {
            contents: bundle.as_bytes().to_vec(),
            target: place.to_owned(),
        });
        for name in TRUST {
            // npm's own setting is in the way only where there is one.
            if name != "npm_config_cafile" || all.env.contains_key(name) {
                all.env
                    .insert(name.to_owned(), place.to_string_lossy().into_owned());
            }
        }
        all
    }

    /// The policy of the proxy.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::Registries(self.allow.clone())
    }

    /// The whole environment for a sandbox whose proxy is `127.0.0.1:port` inside.
    #[must_use]
    pub fn environment(&self, port: u16) -> BTreeMap<String, String> {
        let through = |name: &str| {
            self.allow
                .iter()
                .any(|entry| entry.at.host.to_string().trim_matches(['[', ']']) == name)
        };
        // A registry on the host's loopback is reached through the proxy; servers inside are not.
        let direct: Vec<String> = egress::LOOPBACK
            .iter()
            .filter(|name| !through(name))
            .map(|name| (*name).to_owned())
            .collect();
        let mut env = egress::proxy_env(port, &direct);
        env.extend(self.env.clone());
        env
    }

    fn merge(&mut self, other: Self) {
        for entry in other.allow {
            self.allow(entry.at, entry.origin, entry.private);
        }
        self.env.extend(other.env);
        self.home_files.extend(other.home_files);
        for mount in other.mounts {
            if !self.mounts.contains(&mount) {
                self.mounts.push(mount);
            }
        }
        self.log_ins.extend(other.log_ins);
        self.warnings.extend(other.warnings);
        self.cargo_default = other.cargo_default.or(self.cargo_default.take());
    }

    /// Adds a destination once; the word of a client's configuration outweighs a lock file's.
    fn allow(&mut self, at: HostPort, origin: String, private: Private) {
        if let Some(entry) = self.allow.iter_mut().find(|entry| entry.at == at) {
            if private > entry.private {
                entry.private = private;
            }
        } else if self.allow.len() < MAX_ALLOWED {
            self.allow.push(Allowed {
                at,
                origin,
                private,
            });
        } else {
            self.warnings.push(format!(
                "{at} ({origin}) is not allowed: {MAX_ALLOWED} registries are the limit"
            ));
        }
    }

    /// Takes a URL from the owner's configuration: allows its host and returns it without log-in.
    fn configured(&mut self, url: &str, client: &str) -> Option<Url> {
        match Url::parse(url) {
            Ok(parsed) => {
                if parsed.had_credentials {
                    let used = endpoint::user_info(url).and_then(|(user, password)| {
                        // Files may lie beside the index: the client logs in to the whole host.
                        let whole = Url {
                            path: "/".to_owned(),
                            ..parsed.clone()
                        };
                        LogIn::password(&whole, &user, &password)
                    });
                    match used {
                        Some(log_in) => self.log_ins.push(log_in),
                        None => self.stripped(client, &parsed.at),
                    }
                }
                self.allow(
                    parsed.at.clone(),
                    format!("{client}'s configuration"),
                    Private::Yes,
                );
                Some(parsed)
            }
            Err(problem) => {
                self.warnings.push(format!(
                    "{client} is configured for an address that cannot be used: {problem}"
                ));
                None
            }
        }
    }

    /// Allows a host that a registry itself says its files are on: at a private address only where the registry is.
    fn delegated(&mut self, registry: &Host, file: &str, client: &str) {
        if let Ok(url) = Url::parse(file) {
            let same = url.at.host == *registry;
            if same || matches!(url.at.host, Host::Name(_)) {
                self.allow(
                    url.at,
                    format!("{client}'s registry, which keeps its files there"),
                    if same {
                        Private::Yes
                    } else {
                        Private::AsRegistry(registry.clone())
                    },
                );
            }
        }
    }

    fn stripped(&mut self, client: &str, place: &dyn std::fmt::Display) {
        self.warnings.push(format!(
            "{client} has a log-in for {place}; it is not given to the sandbox, so packages that need it cannot be \
             installed there"
        ));
    }

    /// Shows a file or folder that the owner's configuration names. Returns whether it is seen inside.
    fn show(&mut self, home: &Path, path: &Path, client: &str) -> bool {
        // The certificates of the system are shown by every sandbox.
        if toolchain::is_system(path) || path.starts_with("/etc/ssl/certs") {
            return path.exists();
        }
        match toolchain::named_mounts(home, path) {
            Ok(mounts) => {
                self.mounts.extend(mounts);
                true
            }
            Err(problem) => {
                self.warnings.push(format!(
                    "{client} is configured for a path that is not shown: {problem}"
                ));
                false
            }
        }
    }

    /// Certificates that the owner's environment names are named inside too.
    fn certificates(&mut self, host: &toolchain::Host) {
        const NAMES: [&str; 7] = [
            "CARGO_HTTP_CAINFO",
            "CURL_CA_BUNDLE",
            "GIT_SSL_CAINFO",
            "NODE_EXTRA_CA_CERTS",
            "REQUESTS_CA_BUNDLE",
            "SSL_CERT_DIR",
            "SSL_CERT_FILE",
        ];
        for name in NAMES {
            let Some(path) = host
                .env
                .get(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
            else {
                continue;
            };
            if !self.env.contains_key(name) && self.show(&host.home, &path, name) {
                self.env
                    .insert(name.to_owned(), path.to_string_lossy().into_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests;
