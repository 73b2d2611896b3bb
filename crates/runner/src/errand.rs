//! A command with the surroundings of a run's setup and checks, without a run, a server or a link.
//!
//! What it gets is made by the same functions that make a run's: see the tests below.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use freehold_environment::egress::Log;
use freehold_environment::project::ProjectFile;
use freehold_environment::registries::LOCK_FILES;
use freehold_model::{Entropy, Reason};
use freehold_sandbox::{HOME, Init, Spec, Tier};
use freehold_wire::order::Egress;
use nix::libc;
use tokio_util::sync::CancellationToken;

use crate::failure::Halt;
use crate::options::RunnerEnv;
use crate::places::Places;
use crate::surroundings::{self, Folder, Git, Learned, Site, WayOut};

/// Largest lock file that is read, and how many: what a run reads of its commit.
const LOCK_MAX: u64 = 32 << 20;
const LOCKS_MAX: usize = 64;
/// Folders that are looked through for lock files, and how deep: a work tree may hold anything.
const FOLDERS_MAX: usize = 10_000;
const DEPTH_MAX: usize = 6;
/// Folders of other people's packages and of results: their lock files are not the project's.
const NOT_THE_PROJECTS: [&str; 3] = ["node_modules", "target", "vendor"];

/// Where a command is to work, and what it may reach.
pub struct Errand {
    /// See [`RunnerEnv`].
    pub environment: RunnerEnv,
    /// The first process inside.
    pub init: Init,
    /// Randomness for the names of sockets.
    pub entropy: Arc<dyn Entropy>,
    /// An existing folder that only this user can enter, with a short path; what is made in it goes
    /// when the folder does.
    pub scratch: PathBuf,
    /// The folder that is seen as the workspace, writable. Its `.git` can be read; where there is
    /// none, an empty one that lies in `scratch` stands there, so that none is planted.
    pub work: PathBuf,
    /// The folder that is `HOME` inside, writable; made where it is missing.
    pub home: PathBuf,
    /// What stands between the command and the machine.
    pub tier: Tier,
    /// What it may reach.
    pub egress: Egress,
    /// More files and folders of the host to show, read-only, at their own place; absolute.
    pub paths: Vec<String>,
}

/// Why the surroundings cannot be made. Nothing was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrandError {
    /// What kind of trouble; its `next` says what to do.
    pub reason: Reason,
    /// What happened, in words.
    pub detail: String,
}

impl fmt::Display for ErrandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
impl std::error::Error for ErrandError {}

impl From<Halt> for ErrandError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Failed(failure) => Self {
                reason: failure.reason,
                detail: failure.detail,
            },
            Halt::Stopped | Halt::Fenced => Self {
                reason: Reason::Cancelled,
                detail: "it was told to stop".to_owned(),
            },
        }
    }
}

impl From<io::Error> for ErrandError {
    fn from(error: io::Error) -> Self {
        Halt::from(error).into()
    }
}

/// Surroundings that stand. Dropping them closes the way out.
pub struct Prepared {
    /// Runs `sh` without arguments; set the program, its arguments and its streams, then start it.
    pub spec: Spec,
    /// What of the host's tools is not shown, and why; in words, with paths.
    pub notes: Vec<String>,
    way: Option<WayOut>,
    /// An empty folder in the work tree that another one was shown over.
    planted: Option<PathBuf>,
}

impl Errand {
    /// Opens the way out and says what to start. Asks the host's package clients where `egress` is
    /// not [`Egress::None`]; cancelling ends that.
    ///
    /// # Errors
    /// See [`ErrandError`]; the reason is the one that a run would end with.
    pub async fn prepare(&self, cancel: &CancellationToken) -> Result<Prepared, ErrandError> {
        let registries = Learned::default();
        let site = Site {
            data: &self.scratch,
            environment: &self.environment,
            init: &self.init,
            registries: &registries,
            entropy: &*self.entropy,
        };
        let objects = self.scratch.join("objects");
        for folder in [
            &objects,
            &self.scratch.join("s"),
            &self.scratch.join("scratch"),
            &self.home,
        ] {
            fs::create_dir_all(folder)?;
        }
        let (scratch, git, planted) = self.git()?;
        let folder = Folder {
            work: self.work.clone(),
            scratch,
            home: self.home.clone(),
            shared: None,
        };
        let places = Places::inside();
        let tools = surroundings::tools(site, &places, &self.paths).await?;
        let locks = match self.egress {
            Egress::None => BTreeMap::new(),
            Egress::Registries | Egress::Open => {
                let work = self.work.clone();
                let read = tokio::task::spawn_blocking(move || lock_files(&work)).await;
                read.map_err(io::Error::other)?
            }
        };
        let file = ProjectFile::default();
        let way = surroundings::way_out(site, &places, self.egress, locks, &file, cancel).await?;
        let mut spec =
            surroundings::chore(site, &tools, &folder, &objects, &places, git, way.as_ref())?;
        spec.tier = self.tier;
        if !self.tier.is_sandboxed() {
            self.unmounted(&mut spec);
        }
        Ok(Prepared {
            spec,
            notes: tools.notes,
            way,
            planted,
        })
    }

    /// A plain process sees the folders where they are: nothing is mounted for it.
    fn unmounted(&self, spec: &mut Spec) {
        spec.cwd.clone_from(&self.work);
        for value in spec.env.values_mut() {
            let text = value.to_string_lossy();
            if text.contains(HOME) {
                *value = text.replace(HOME, &self.home.to_string_lossy()).into();
            }
        }
    }

    /// What is shown as the git directory, how, and the empty folder that will stand for it.
    fn git(&self) -> io::Result<(PathBuf, Git, Option<PathBuf>)> {
        let own = self.work.join(".git");
        if fs::symlink_metadata(&own).is_ok() {
            return Ok((own, Git::Read, None));
        }
        let empty = self.scratch.join("git");
        fs::create_dir_all(&empty)?;
        Ok((empty, Git::Write, Some(own)))
    }
}

impl Prepared {
    /// Closes the way out and tells what went through it. Call it when the command has ended.
    pub async fn close(mut self) -> Log {
        match self.way.take() {
            Some(way) => way.end().await,
            None => Log::default(),
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(planted) = &self.planted {
            // Made by the sandbox to mount upon. One that is not empty is not ours.
            let _ = fs::remove_dir(planted);
        }
    }
}

/// The lock files of a work tree; links are not followed, and what cannot be read is passed over.
fn lock_files(work: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(work.to_owned(), 0)];
    let mut looked = 0;
    while let Some((folder, depth)) = folders.pop() {
        looked += 1;
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else {
                continue;
            };
            let skipped = name.starts_with('.') || NOT_THE_PROJECTS.contains(&name);
            if kind.is_dir()
                && !skipped
                && depth < DEPTH_MAX
                && looked + folders.len() < FOLDERS_MAX
            {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() && LOCK_FILES.contains(&name) && found.len() < LOCKS_MAX {
                let below = entry.path().strip_prefix(work).map(Path::to_owned);
                if let (Ok(below), Some(bytes)) = (below, read(&entry.path())) {
                    found.insert(below.to_string_lossy().into_owned(), bytes);
                }
            }
        }
    }
    found
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut options = fs::OpenOptions::new();
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file: File = options.read(true).custom_flags(flags).open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(LOCK_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LOCK_MAX).then_some(bytes)
}

#[cfg(test)]
#[path = "errand_tests.rs"]
mod tests;
