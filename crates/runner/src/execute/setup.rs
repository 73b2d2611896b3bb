//! Step 2: what the project says makes a fresh tree ready, run in the sandbox or taken from the cache.
//!
//! Lock files are read from a commit of the store, as the project's file is ([`super::project`]). What decides for later (which hosts are open, what is kept in the
//! cache) is read from the target branch alone: an agent's own commit decides nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use freehold_environment::cache::{
    self, Cache, HOME_SKIPPED, Key, KeyParts, Listing, Restored, is_key_file,
};
use freehold_environment::project::{PROJECT_FILE, Setup};
use freehold_environment::registries::LOCK_FILES;
use freehold_environment::toolchain::Toolchains;
use freehold_git::{Oid, Store};
use freehold_model::{Directory, Reason};
use freehold_sandbox::HOME;
use freehold_wire::order::{Egress, Order};
use serde_json::json;

use super::pass_over::pass_over;
use super::project::{self, Project};
use super::stage::Staged;
use super::{Desk, devcontainer, local, locks};
use crate::failure::{Halt, because, chain};
use crate::places::Places;
use crate::process::{self, Ran};
use crate::report::Report;
use crate::surroundings::{self, Folder, Git, WORKSPACE, WayOut};

/// Hosts that one remark names.
const TOLD_MAX: usize = 10;
/// Programs whose replacement makes a setup's result void.
const TOOLS: [&str; 10] = [
    "cargo", "rustc", "node", "npm", "python3", "pip", "go", "make", "cc", "git",
];

/// Gives the project's word, and the job with the image that the project chose.
pub(super) async fn setup(desk: &Desk<'_>, staged: &Staged) -> Result<(Project, Report), Halt> {
    let Desk { report, order, .. } = desk;
    let target = staged.moved.as_ref().or(staged.base.as_ref());
    let project = project::of_target(report, &staged.store, target, &order.project).await?;
    let report = devcontainer::within(report, order, &project).await?;
    if !staged.fresh || project.file.setup.is_none() {
        return Ok((project, report));
    }
    let made = Ground {
        report: &report,
        order,
        store: &staged.store,
        folder: &staged.folder,
        untouched: desk.offer.transcript.is_none(),
        local: &staged.local,
    }
    .prepare(&project, staged.from.as_ref())
    .await?;
    // It is not the agent's work. Written before an agent has been here.
    pass_over(&staged.folder, "Made by setup.", &made).map_err(|error| {
        Halt::failed(
            Reason::SetupFailed,
            format!("what setup made cannot be told from work: info/exclude of the workspace's git directory, to which setup can write here, is no plain file any more ({error})"),
        )
    })?;
    Ok((project, report))
}

/// A staged tree in which setup and checks run.
pub(crate) struct Ground<'a> {
    pub(crate) report: &'a Report,
    pub(crate) order: &'a Order,
    pub(crate) store: &'a Store,
    pub(crate) folder: &'a Folder,
    /// No agent's files are in it but those of the commit: its home is new.
    pub(crate) untouched: bool,
    /// This machine's local files in it.
    pub(crate) local: &'a [PathBuf],
}

impl Ground<'_> {
    /// Where its processes see things.
    pub(crate) fn places(&self) -> Places {
        Places::of(&self.report.walls, self.folder, &self.store.objects())
    }

    /// Makes the tree of `commit` ready: from the cache, or by running setup. Gives the topmost paths
    /// of the tree that were not there before.
    ///
    /// What setup made is kept for others only where no agent had a hand in it: setup runs programs
    /// of the tree (build scripts, a package's own hooks), so that the lock files alone do not say
    /// what comes out of it.
    pub(crate) async fn prepare(
        &self,
        project: &Project,
        commit: Option<&Oid>,
    ) -> Result<Vec<PathBuf>, Halt> {
        let Some(setup) = &project.file.setup else {
            return Ok(vec![]);
        };
        let context = &self.report.context;
        let cancel = self.report.stop.token();
        let tools = surroundings::tools(context.site(), &self.places(), &[]).await?;
        if !self.report.walls.isolation.is_sandboxed() {
            // What setup makes holds the paths of this run, and is of no use in another place.
            let before = listing(&self.folder.work).await?;
            self.run(project, setup, &tools).await?;
            return added(before, &self.folder.work, &[]).await;
        }
        let mut files = self.key_files(commit).await?;
        local::contents(&self.folder.work, self.local, &mut files)?;
        let directory = self.order.project.directory.as_ref();
        let mut stamps = stamps(&tools);
        // What was built in one root does not run in another.
        stamps.insert("root".to_owned(), self.report.walls.root());
        let (tenant, id) = (
            self.order.tenant.to_string(),
            self.order.project.id.to_string(),
        );
        let key = Key::of(&KeyParts {
            within: &[
                &tenant,
                &id,
                &self.order.project.remote,
                &self.order.project.target,
                self.order.isolation.name(),
                self.order.image.as_deref().unwrap_or_default(),
                // What the registries gave serves a run that reaches nothing; what came from anywhere, only such runs.
                match self.order.egress {
                    Egress::Open => "anywhere",
                    Egress::Registries | Egress::None => "registries",
                },
            ],
            directory: directory.map(Directory::as_str).unwrap_or_default(),
            setup: &setup.command,
            files: &files,
            tools: &stamps,
            work: Path::new(WORKSPACE),
            home: Path::new(HOME),
        });
        let places = cache::Places {
            work: self.folder.work.clone(),
            home: self.folder.home.clone(),
        };
        let cache = Cache::open(&context.cache_dir(), cache::Limits::default()).await;
        let cache = cache.map_err(|error| because(Reason::Internal, &error))?;
        match cache.restore(&key, &places, cancel).await {
            Ok(Restored::Yes { work }) => {
                self.report
                    .note("setup: the result of an earlier run with the same lock files is used")
                    .await?;
                return Ok(work);
            }
            Ok(Restored::Absent) => {}
            Ok(Restored::Occupied(path)) => {
                self.report
                    .note(format!(
                        "setup: {} is in the way of a cached result; it runs",
                        path.display()
                    ))
                    .await?;
            }
            Err(error) => {
                self.report
                    .note(format!(
                        "setup: the cache cannot be used: {}",
                        chain(&error)
                    ))
                    .await?
            }
        }
        if cancel.is_cancelled() {
            return Err(Halt::Stopped);
        }
        let before = (
            listing(&self.folder.work).await?,
            listing(&self.folder.home).await?,
        );
        self.run(project, setup, &tools).await?;
        let work = added(before.0, &self.folder.work, &[]).await?;
        if !self.is_the_targets(project, commit) {
            return Ok(work);
        }
        let home = added(before.1, &self.folder.home, &HOME_SKIPPED).await?;
        if let Err(error) = cache.save(&key, &places, work.clone(), home, cancel).await {
            self.report
                .note(format!("setup: its result is not kept: {}", chain(&error)))
                .await?;
        }
        Ok(work)
    }

    /// Whether nobody but the target branch has a say in what setup finds here.
    fn is_the_targets(&self, project: &Project, commit: Option<&Oid>) -> bool {
        self.untouched && commit.is_some() && commit == project.at.as_ref()
    }

    async fn run(&self, project: &Project, setup: &Setup, tools: &Toolchains) -> Result<(), Halt> {
        let way = self.way_out(project).await?;
        let spec = self.spec(tools, way.as_ref(), Git::Read, &setup.command)?;
        let ran = process::run(self.report, &spec, "setup", setup.timeout).await;
        let refused = surroundings::close(self.report, "setup", way).await;
        let (ran, refused) = (ran?, refused?);
        if ran.exit.success() && !ran.timed_out {
            return Ok(());
        }
        Err(Halt::failed(
            ran.reason(Reason::SetupFailed),
            told("setup", &ran, setup.timeout.as_secs(), &refused),
        ))
    }

    /// The way out that the order opens for setup and checks: the clients' registries, and what the
    /// lock files and the list of the target branch name. A host that an agent wrote into a lock file
    /// is not opened by that.
    pub(crate) async fn way_out(&self, project: &Project) -> Result<Option<WayOut>, Halt> {
        let files = self.lock_files(project.at.as_ref()).await?;
        let cancel = self.report.stop.token();
        surroundings::way_out(
            self.report.context.site(),
            &self.places(),
            self.order.egress,
            files,
            &project.file,
            cancel,
        )
        .await
    }

    /// Says which hosts the lock files of `head` name that stay closed, for whoever wonders why its
    /// checks are red.
    pub(crate) async fn tell_unopened(&self, project: &Project, head: &Oid) -> Result<(), Halt> {
        if self.order.egress != Egress::Registries || project.at.as_ref() == Some(head) {
            return Ok(());
        }
        let site = self.report.context.site();
        let known = surroundings::registries(site, self.report.stop.token()).await?;
        let target = self.lock_files(project.at.as_ref()).await?;
        let opened = surroundings::opened(known, target, &project.file.allow).await?;
        let theirs = self.lock_files(Some(head)).await?;
        let wanted = surroundings::opened(opened.clone(), theirs, &[]).await?;
        let closed: Vec<String> = wanted
            .allow
            .iter()
            .filter(|entry| opened.allow.iter().all(|known| known.at != entry.at))
            .take(TOLD_MAX)
            .map(|entry| format!("{} ({})", entry.at, entry.origin))
            .collect();
        if closed.is_empty() {
            return Ok(());
        }
        self.report
            .note(format!(
                "the work's lock files name hosts that the target branch does not, and its setup and checks cannot reach them: {}; to open one, add it to `[egress] allow` in {PROJECT_FILE} on {}",
                closed.join(", "),
                self.order.project.target,
            ))
            .await
    }

    /// A sandbox for `sh -c command` in the tree.
    pub(crate) fn spec(
        &self,
        tools: &Toolchains,
        way: Option<&WayOut>,
        git: Git,
        command: &str,
    ) -> Result<freehold_sandbox::Spec, Halt> {
        let objects = self.store.objects();
        let site = self.report.context.site();
        let mut spec =
            surroundings::chore(site, tools, self.folder, &objects, &self.places(), git, way)?;
        surroundings::describe(&mut spec, self.order);
        spec.args = vec!["-c".into(), command.into()];
        Ok(spec)
    }

    async fn key_files(&self, commit: Option<&Oid>) -> Result<BTreeMap<String, Vec<u8>>, Halt> {
        let directory = self.order.project.directory.as_ref();
        let is_key = |path: &str| {
            let below = directory.and_then(|directory| directory.strip(path));
            is_key_file(path) || below.is_some_and(is_key_file)
        };
        match commit {
            Some(commit) => Ok(locks::read(self.store, commit, is_key)
                .await?
                .deciding(commit)),
            None => Ok(BTreeMap::new()),
        }
    }

    async fn lock_files(&self, commit: Option<&Oid>) -> Result<BTreeMap<String, Vec<u8>>, Halt> {
        let is_lock = |path: &str| LOCK_FILES.contains(&path.rsplit('/').next().unwrap_or(path));
        match commit {
            Some(commit) => Ok(locks::read(self.store, commit, is_lock).await?.files),
            None => Ok(BTreeMap::new()),
        }
    }
}

/// A failed command in words: what, how, its last lines, and what it could not reach.
pub(crate) fn told(name: &str, ran: &Ran, limit_s: u64, refused: &[String]) -> String {
    let how = if ran.timed_out {
        let limit = ran.limit.as_deref();
        let besides = limit.map(|limit| format!("; {limit}"));
        format!(
            "ended after its limit of {limit_s} s{}",
            besides.unwrap_or_default()
        )
    } else {
        ran.how()
    };
    let mut text = format!("{name}: {how}");
    for line in refused.iter().take(5) {
        text.push_str("\n  ");
        text.push_str(line);
    }
    if !ran.tail.is_empty() {
        text.push_str("\nIts last output:\n");
        text.push_str(&ran.tail);
    }
    text
}

/// Which programs setup would find, by place, size and time: as good as their versions, and asks none.
fn stamps(tools: &Toolchains) -> BTreeMap<String, String> {
    let stamp = |name: &str| {
        let found = tools
            .path
            .iter()
            .map(|dir| dir.join(name))
            .find(|path| path.exists())?;
        let real = found.canonicalize().ok()?;
        let meta = real.metadata().ok()?;
        let time = meta
            .modified()
            .ok()?
            .duration_since(UNIX_EPOCH)
            .ok()?
            .as_secs();
        Some((
            name.to_owned(),
            json!([real.to_string_lossy(), meta.len(), time]).to_string(),
        ))
    };
    TOOLS.iter().filter_map(|name| stamp(name)).collect()
}

async fn listing(root: &Path) -> Result<Listing, Halt> {
    let root = root.to_owned();
    let listed = tokio::task::spawn_blocking(move || Listing::of(&root))
        .await
        .map_err(std::io::Error::other)?;
    listed.map_err(|error| because(Reason::SetupFailed, &error))
}

async fn added(
    before: Listing,
    root: &Path,
    skip: &'static [&'static str],
) -> Result<Vec<PathBuf>, Halt> {
    let root = root.to_owned();
    let added = tokio::task::spawn_blocking(move || before.added(&root, skip))
        .await
        .map_err(std::io::Error::other)?;
    added.map_err(|error| because(Reason::SetupFailed, &error))
}
