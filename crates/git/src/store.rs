//! One clean bare repository per remote: the only place where the host keeps the client's objects.
//!
//! ```text
//! <dir>/lock        see `lock`
//! <dir>/repo/       the bare repository; its `objects` is what a sandbox is shown
//! <dir>/tmp/        quarantines and temporary indexes of operations under way
//! <dir>/bases/      checkouts that workspaces are laid over, see `workspace`
//! <dir>/damaged     a note: the next opening makes the repository anew
//! <dir>/set-aside/  the last damaged one, kept because a sandbox may still read it
//! ```
//! Refs in it are private: `refs/target/<branch>`, `refs/fetched/<run>/<epoch>`,
//! `refs/imported/<run>/<epoch>`, and `refs/pin/<oid>` for whatever must outlive a moved branch.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::lock::{Hold, sweep};
use crate::process::{Call, Output};
use crate::{BranchName, Git, GitError, Oid, Remote, Result, RunRef};

/// Most output of the check of all private refs: some hundred thousand lines.
const MAX_REFS: usize = 32 << 20;
/// How long a fetch waits to be alone before it leaves a lock to the next opening.
const ALONE_SOON: Duration = Duration::from_secs(5);
/// Names for temporary files that are unique in this process.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// The clean bare repository of one remote on this runner. Cheap to clone; safe to share between
/// runs, tasks and processes.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) git: Git,
    pub(crate) remote: Remote,
    root: PathBuf,
    repo: PathBuf,
    sha256: bool,
    fetching: Arc<tokio::sync::Mutex<()>>,
    pub(crate) bases: Arc<crate::workspace::Bases>,
}

impl Git {
    /// Opens the store of `remote` in `dir`, or makes it. A new one asks the remote once for its object format.
    ///
    /// Locks and half-written files of dead processes are removed. A store that is damaged, or that
    /// was noted as such by a failed operation, is set aside and made anew: what was fetched comes
    /// back with the next fetch, what was only imported here and never pushed is gone.
    ///
    /// # Errors
    /// The remote kinds of [`GitError`] when it has to be made; [`GitError::Io`].
    pub async fn store(&self, dir: &Path, remote: &Remote) -> Result<Store> {
        std::fs::create_dir_all(dir).map_err(GitError::io("making the store's directory"))?;
        let root = dir
            .canonicalize()
            .map_err(GitError::io("making the store's directory"))?;
        let mut store = Store {
            git: self.clone(),
            remote: remote.clone(),
            repo: root.join("repo"),
            sha256: false,
            fetching: self.fetching(&root),
            bases: self.bases(&root),
            root,
        };
        let patience = self.deadlines().network;
        if let Some(alone) = Hold::try_exclusive(&store.root)? {
            store.mend(&alone).await?;
        } else if !store
            .is_sound(&Hold::shared(&store.root, patience).await?)
            .await?
        {
            let alone = Hold::exclusive(&store.root, patience).await?;
            store.mend(&alone).await?;
        }
        store.sha256 = store.config_says_sha256()?;
        Ok(store)
    }
}

/// Tries of one fetch. Another run's fetch of the same branch may move our copy of it between git's
/// look at the ref and its write; each of the others can be in the way about once.
const FETCHES_MAX: u32 = 8;

/// Whether another fetch into this store moved the ref first. git says so in no other way.
fn is_raced(error: &GitError) -> bool {
    matches!(error, GitError::Failed { said, .. } if said.contains("unable to update local ref"))
}

impl Store {
    /// The directory of objects, to be shown read-only inside a sandbox.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.repo.join("objects")
    }

    /// The store's own directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.root
    }

    /// The remote it mirrors.
    #[must_use]
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    pub(crate) fn repo(&self) -> &Path {
        &self.repo
    }

    pub(crate) fn is_sha256(&self) -> bool {
        self.sha256
    }

    pub(crate) async fn hold(&self) -> Result<Hold> {
        Hold::shared(&self.root, self.git.deadlines().network).await
    }

    /// A command in this store, under its lock.
    pub(crate) fn call<A: Into<OsString>>(
        &self,
        hold: &Hold,
        doing: &'static str,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Call> {
        Ok(Call::new(doing, args)
            .env("GIT_DIR", &self.repo)
            .store(&self.root)
            .input(hold.input()?))
    }

    /// Runs it; damage that shows is checked and noted, so that the next opening mends it.
    pub(crate) async fn run(&self, call: Call) -> Result<Output> {
        let output = self.git.run(call).await?;
        if output.code == Some(0) {
            return Ok(output);
        }
        // Damage is believed only when a check of the whole store confirms it (and notes it). Else the
        // words were the remote's, whose process writes to the same stderr when it is reached by a
        // path or by ssh, or an object was asked for that never was here.
        if matches!(output.failure(), GitError::Corrupt { .. }) && self.verify().await.is_ok() {
            return Ok(output.absolve_store());
        }
        Ok(output)
    }

    pub(crate) async fn done(&self, call: Call) -> Result<Output> {
        self.run(call).await?.success()
    }

    fn note_damage(&self, failure: &GitError) {
        tracing::warn!(%failure, "the store is damaged");
        if let Err(error) = std::fs::write(self.root.join("damaged"), failure.to_string()) {
            tracing::error!(%error, "the damage could not be noted");
        }
    }

    /// A path under the store's `tmp` that nothing else uses.
    pub(crate) fn temporary(&self, _hold: &Hold) -> Result<PathBuf> {
        let dir = self.root.join("tmp");
        std::fs::create_dir_all(&dir).map_err(GitError::io("making a temporary directory"))?;
        Ok(dir.join(format!(
            "{}-{}",
            std::process::id(),
            NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed)
        )))
    }

    pub(crate) async fn set_ref(&self, hold: &Hold, name: &str, oid: &Oid) -> Result<()> {
        let call = self.call(
            hold,
            "keeping a commit",
            ["update-ref", "--no-deref", name, oid.as_str()],
        )?;
        self.done(call).await.map(drop)
    }

    async fn get_ref(&self, hold: &Hold, name: &str) -> Result<Oid> {
        let call = self.call(
            hold,
            "reading a ref",
            ["rev-parse", "--verify", "--end-of-options", name],
        )?;
        Oid::from_output(&self.done(call).await?.stdout)
    }

    /// Whether `old` is in the history of `new`; both must be in the store.
    pub(crate) async fn is_ancestor(&self, hold: &Hold, old: &Oid, new: &Oid) -> Result<bool> {
        let call = self.call(
            hold,
            "comparing histories",
            ["merge-base", "--is-ancestor", old.as_str(), new.as_str()],
        )?;
        self.run(call).await?.answer()
    }

    /// The empty tree, by its well-known name.
    pub(crate) fn empty_tree(&self) -> &'static str {
        if self.sha256 {
            "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
        } else {
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        }
    }

    /// Fetches a branch and pins its tip. `None` when the remote has no branch at all.
    ///
    /// # Errors
    /// [`GitError::TargetMissing`] when it has others; the remote kinds; [`GitError::Corrupt`].
    pub async fn fetch(&self, target: &BranchName) -> Result<Option<Oid>> {
        let kept = format!("refs/target/{target}");
        let failure = match self.fetch_ref(&target.full(), &kept).await {
            Ok(tip) => return Ok(Some(tip)),
            Err(failure) => failure,
        };
        // Why a fetch found no such ref is only said in prose: ask for the refs instead.
        if !matches!(failure, GitError::Failed { .. } | GitError::NotFound { .. }) {
            return Err(failure);
        }
        let info = self.git.probe(&self.remote, Some(target)).await?;
        match info {
            _ if info.empty => Ok(None),
            _ if info.target.is_none() => Err(GitError::TargetMissing {
                remote: self.remote.to_string(),
                target: target.to_string(),
            }),
            _ => Err(failure),
        }
    }

    /// Fetches what an epoch of a run has pushed; `None` when there is no such ref.
    ///
    /// # Errors
    /// The remote kinds; [`GitError::Corrupt`].
    pub async fn fetch_run(&self, name: &RunRef) -> Result<Option<Oid>> {
        let failure = match self.fetch_ref(&name.to_string(), &name.fetched()).await {
            Ok(tip) => return Ok(Some(tip)),
            Err(failure @ (GitError::Failed { .. } | GitError::NotFound { .. })) => failure,
            Err(failure) => return Err(failure),
        };
        let listing = self.git.list(&self.remote, &[name.to_string()]).await?;
        if listing.refs.contains_key(&name.to_string()) {
            Err(failure)
        } else {
            Ok(None)
        }
    }

    async fn fetch_ref(&self, from: &str, to: &str) -> Result<Oid> {
        let _one_at_a_time = self.fetching.lock().await;
        let mut first = self.fetch_once(from, to).await;
        for _ in 1..FETCHES_MAX {
            if !matches!(&first, Err(error) if is_raced(error)) {
                break;
            }
            first = self.fetch_once(from, to).await;
        }
        let Err(GitError::Locked { .. }) = first else {
            return first;
        };
        // A process that was killed left a lock on this very ref: once alone here, it is known dead.
        // Not for long: a caller up the stack may hold the store itself.
        let Ok(alone) = Hold::exclusive(&self.root, ALONE_SOON).await else {
            return first;
        };
        sweep(&alone, &self.root, &self.repo)?;
        drop(alone);
        self.fetch_once(from, to).await
    }

    async fn fetch_once(&self, from: &str, to: &str) -> Result<Oid> {
        let hold = self.hold().await?;
        let args = [
            "fetch",
            "--progress",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--force",
            "--end-of-options",
        ];
        let call = self
            .call(&hold, "a fetch", args)?
            .arg(self.remote.as_str())
            .arg(format!("+{from}:{to}"))
            .network(&self.remote);
        self.done(call).await?;
        let tip = self.get_ref(&hold, to).await?;
        self.set_ref(&hold, &format!("refs/pin/{tip}"), &tip)
            .await?;
        Ok(tip)
    }

    /// Clears, checks and, where needed, makes the repository. Needs the lock alone.
    async fn mend(&self, alone: &Hold) -> Result<()> {
        sweep(alone, &self.root, &self.repo)?;
        if self.is_sound(alone).await? {
            return Ok(());
        }
        let aside = self.root.join("set-aside");
        let io = || GitError::io("setting the damaged store aside");
        if self.repo.exists() {
            tracing::warn!(store = %self.root.display(), "the store is made anew from the remote");
            if aside.exists() {
                std::fs::remove_dir_all(&aside).map_err(io())?;
            }
            std::fs::rename(&self.repo, &aside).map_err(io())?;
        }
        self.make(alone).await
    }

    async fn make(&self, alone: &Hold) -> Result<()> {
        let listing = self
            .git
            .list(&self.remote, &["HEAD".into(), "refs/heads/*".into()])
            .await?;
        let sha256 = listing.refs.values().any(|oid| oid.as_str().len() == 64);
        let format = if sha256 {
            "--object-format=sha256"
        } else {
            "--object-format=sha1"
        };
        let fresh = self.temporary(alone)?;
        let call = Call::new(
            "making the store",
            [
                "init",
                "--quiet",
                "--bare",
                "--template=",
                format,
                "--initial-branch=none",
                "--end-of-options",
            ],
        );
        self.git.run(call.arg(&fresh)).await?.success()?;
        std::fs::write(fresh.join("remote"), self.remote.as_str())
            .map_err(GitError::io("making the store"))?;
        // In place only when whole: a half-made store never looks like one.
        std::fs::rename(&fresh, &self.repo).map_err(GitError::io("making the store"))?;
        match std::fs::remove_file(self.root.join("damaged")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(GitError::Io {
                doing: "making the store",
                source: error,
            }),
            _ => Ok(()),
        }
    }

    /// A quick check: ours, not noted as damaged, and every private ref leads to a commit and its tree.
    async fn is_sound(&self, hold: &Hold) -> Result<bool> {
        if self.root.join("damaged").exists() || !self.repo.join("HEAD").exists() {
            return Ok(false);
        }
        match std::fs::read_to_string(self.repo.join("remote")) {
            Ok(own) if own == self.remote.as_str() => {}
            _ => return Ok(false),
        }
        let format = "--format=%(objectname) %(tree)";
        let call = self
            .call(hold, "checking the store", ["for-each-ref", format])?
            .limit(MAX_REFS);
        let output = self.git.run(call).await?;
        Ok(output.code == Some(0) && output.stderr.is_empty())
    }

    fn config_says_sha256(&self) -> Result<bool> {
        let config = std::fs::read_to_string(self.repo.join("config"))
            .map_err(GitError::io("reading the store's configuration"))?;
        Ok(config.to_lowercase().contains("objectformat = sha256"))
    }

    /// Checks every object and every link: minutes for a large repository. Damage is noted and returned.
    ///
    /// # Errors
    /// [`GitError::Corrupt`]; the next [`Git::store`] makes the store anew.
    pub async fn verify(&self) -> Result<()> {
        let hold = self.hold().await?;
        let call = self.call(
            &hold,
            "checking the store",
            ["fsck", "--full", "--no-dangling", "--no-progress"],
        )?;
        let output = self.git.run(call.limit(MAX_REFS)).await?;
        if output.code == Some(0) {
            return Ok(());
        }
        let said = crate::said::text(if output.stderr.is_empty() {
            &output.stdout
        } else {
            &output.stderr
        });
        let failure = GitError::Corrupt {
            store: self.root.clone(),
            said,
        };
        self.note_damage(&failure);
        Err(failure)
    }

    /// Joins small packs and loose objects, so that a store with thousands of fetches and imports
    /// stays fast. Drops nothing, and may run beside everything else; once a day is plenty.
    ///
    /// # Errors
    /// [`GitError::Corrupt`], [`GitError::DiskFull`], [`GitError::Timeout`].
    pub async fn maintain(&self) -> Result<()> {
        let hold = self.hold().await?;
        let call = self.call(
            &hold,
            "joining packs",
            [
                "repack",
                "-d",
                "-q",
                "--geometric=2",
                "--no-write-bitmap-index",
            ],
        )?;
        self.done(call).await.map(drop)
    }
}
