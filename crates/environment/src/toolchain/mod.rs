//! The programs of the host that a sandbox shows read-only, so that a person's own project just works.
//!
//! Only directories on an explicit list of tools are shown, piece by piece: `~/.cargo/bin`, never
//! `~/.cargo`, where the credentials lie. A directory on `PATH` that no tool on the list owns is left
//! out and noted; the user names it with `--path`. The list is of *where tools install programs*;
//! what holds secrets is listed too, in [`secrets`](self), and wins over everything.

mod named;
mod secrets;
mod tools;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use freehold_sandbox::Mount;

pub use named::NamedError;
pub(crate) use named::mounts as named_mounts;
use secrets::Secrets;
pub use versions::versions;

/// Where every sandbox has programs already; never mounted by this room.
const SYSTEM: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];
/// Directories on `PATH` that are looked at.
const MAX_PATH: usize = 200;

/// The host as the runner's owner sees it: arguments, not this process's environment.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The owner's `PATH`.
    pub path: String,
    /// The owner's home. Absolute.
    pub home: PathBuf,
    /// The owner's variables. Only those that tools and package clients define are looked at.
    pub env: BTreeMap<String, String>,
}

/// What to add to a sandbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolchains {
    /// Read-only, none of them inside another's target before it: add them in this order, after the system's.
    pub mounts: Vec<Mount>,
    /// The directories of the `PATH` inside, the host's order, the system's always among them.
    pub path: Vec<PathBuf>,
    /// Variables that the tools need.
    pub env: BTreeMap<String, String>,
    /// What was left out and why, in words, for `doctor` and the log of a run. Holds paths: content.
    pub notes: Vec<String>,
}

impl Toolchains {
    /// The value of `PATH`.
    #[must_use]
    pub fn path_value(&self) -> String {
        let parts: Vec<String> = self
            .path
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        parts.join(":")
    }
}

/// Finds the host's tools. `sandbox_home` is `HOME` inside: what a tool writes goes there. `named` are
/// the directories and files of `--path`, shown at their own place. It blocks: it looks at the disk.
///
/// # Errors
/// A named path cannot be shown; the tools themselves never fail, they are left out with a note.
pub fn find(host: &Host, sandbox_home: &Path, named: &[PathBuf]) -> Result<Toolchains, NamedError> {
    let mut view = View::new(&host.home);
    tools::show(host, sandbox_home, &mut view);
    // Before the search path: a directory on the host's `PATH` that is named is found there inside too.
    for path in named {
        named::show(path, &mut view)?;
    }
    let path = search_path(host, sandbox_home, &mut view);
    let View {
        mounts, env, notes, ..
    } = view;
    Ok(Toolchains {
        mounts,
        path,
        env,
        notes,
    })
}

/// What is shown so far.
struct View {
    home: PathBuf,
    secrets: Secrets,
    mounts: Vec<Mount>,
    targets: BTreeSet<PathBuf>,
    env: BTreeMap<String, String>,
    notes: Vec<String>,
}

impl View {
    fn new(home: &Path) -> Self {
        Self {
            home: home.to_path_buf(),
            secrets: Secrets::of(home),
            mounts: Vec::new(),
            targets: BTreeSet::new(),
            env: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// Shows a path at its own place and, where links lead elsewhere, at the resolved place too.
    /// Returns whether it is seen afterwards. What holds or is a secret is never shown.
    fn show(&mut self, path: &Path) -> bool {
        let Ok(real) = path.canonicalize() else {
            return false;
        };
        if is_system(&real) {
            return true;
        }
        if let Some(why) = self.objection(&real) {
            self.notes
                .push(format!("{} is not shown: {why}", path.display()));
            return false;
        }
        self.add(&real, &real);
        if real != path {
            self.add(&real, path);
        }
        true
    }

    /// Why a resolved path must not be shown whole.
    fn objection(&self, real: &Path) -> Option<&'static str> {
        if real.parent().is_none() || self.home_real().starts_with(real) {
            return Some("it holds the whole home");
        }
        if self.secrets.touches(real) {
            return Some("it is or holds a place of secrets");
        }
        None
    }

    fn home_real(&self) -> PathBuf {
        self.home
            .canonicalize()
            .unwrap_or_else(|_| self.home.clone())
    }

    fn add(&mut self, source: &Path, target: &Path) {
        let covered =
            target.ancestors().any(|above| self.targets.contains(above)) && source == target;
        if !covered && self.targets.insert(target.to_path_buf()) {
            self.mounts.push(Mount::ReadOnly {
                source: source.to_path_buf(),
                target: target.to_path_buf(),
            });
        }
    }

    /// Whether programs at this path of the host are seen inside.
    fn sees(&self, path: &Path) -> bool {
        is_system(path) || path.ancestors().any(|above| self.targets.contains(above))
    }
}

/// Whether every sandbox shows a path of the host at the same place.
pub(crate) fn is_system(path: &Path) -> bool {
    [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
    ]
    .iter()
    .any(|system| path.starts_with(system))
}

/// The host's `PATH` as far as it is seen, then the system's.
fn search_path(host: &Host, sandbox_home: &Path, view: &mut View) -> Vec<PathBuf> {
    let mut path: Vec<PathBuf> = Vec::new();
    for entry in host.path.split(':').take(MAX_PATH).map(PathBuf::from) {
        // A relative entry means the working directory: the repository would choose the programs.
        if !entry.is_absolute() || path.contains(&entry) || !entry.is_dir() {
            continue;
        }
        let plain = entry
            .components()
            .all(|part| part.as_os_str() != OsStr::new(".."));
        if plain && (view.sees(&entry) || tools::show_opt(&entry, view)) {
            path.push(entry);
        } else {
            let entry = entry.display();
            view.notes.push(format!(
                "{entry} is on PATH but no known tool's: name it with --path to show it"
            ));
        }
    }
    // What a package client installs for itself inside is found too, after what the host chose.
    path.extend([".cargo/bin", ".local/bin", "go/bin"].map(|bin| sandbox_home.join(bin)));
    path.extend(
        SYSTEM
            .map(PathBuf::from)
            .into_iter()
            .filter(|entry| entry.is_dir()),
    );
    let mut seen = BTreeSet::new();
    path.retain(|entry| seen.insert(entry.clone()));
    path
}

#[cfg(test)]
mod tests;
