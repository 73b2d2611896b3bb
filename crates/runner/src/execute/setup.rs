//! Step 2: what the project says makes a fresh tree ready, run in the sandbox or taken from the cache.
//!
//! The project's file and the lock files are read from a commit of the store, never from a folder
//! that an agent could write to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use freehold_environment::cache::{
    self, Cache, HOME_SKIPPED, Key, KeyParts, Listing, Restored, is_key_file,
};
use freehold_environment::project::{PROJECT_FILE, ProjectFile, Setup, parse};
use freehold_environment::registries::LOCK_FILES;
use freehold_environment::toolchain::Toolchains;
use freehold_git::{GitError, Oid, Store};
use freehold_model::Reason;
use freehold_sandbox::HOME;
use freehold_wire::order::Order;
use serde_json::json;

use super::stage::Staged;
use super::{Desk, devcontainer};
use crate::failure::{Halt, because, chain};
use crate::places::Places;
use crate::process::{self, Ran};
use crate::report::Report;
use crate::surroundings::{self, Folder, Git, WORKSPACE, WayOut};

/// Largest project file that is read; its parser has a smaller bound and a better message.
const FILE_MAX: usize = 1 << 20;
/// Largest lock file.
const LOCK_MAX: usize = 32 << 20;
/// Lock files that are read; a repository of many packages has some dozens.
const LOCKS_MAX: usize = 64;
/// Paths that are looked through for lock files.
const PATHS_MAX: usize = 1_000_000;
/// Programs whose replacement makes a setup's result void.
const TOOLS: [&str; 10] = [
    "cargo", "rustc", "node", "npm", "python3", "pip", "go", "make", "cc", "git",
];

/// The project's own word on setup and checks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Project {
    pub(crate) file: ProjectFile,
    pub(crate) warnings: Vec<String>,
    /// There is no such file on the target branch.
    pub(crate) absent: bool,
    /// The image that a devcontainer file names.
    pub(crate) image: Option<String>,
}

/// Reads the file as `base` has it.
pub(crate) async fn read(store: &Store, base: Option<&Oid>) -> Result<Project, Halt> {
    let bytes = match base {
        Some(base) => store.read_file(base, PROJECT_FILE, FILE_MAX).await,
        None => Ok(None),
    };
    let bytes = match bytes {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Ok(Project {
                absent: true,
                ..Project::default()
            });
        }
        Err(error @ GitError::TooLarge { .. }) => {
            return Err(Halt::failed(Reason::ProjectFile, chain(&error)));
        }
        Err(error) => return Err(error.into()),
    };
    let parsed = parse(&bytes).map_err(|error| because(Reason::ProjectFile, &error))?;
    Ok(Project {
        file: parsed.file,
        warnings: parsed.warnings,
        ..Project::default()
    })
}

/// As [`read`], with what a devcontainer file adds.
pub(crate) async fn read_all(store: &Store, base: Option<&Oid>) -> Result<Project, Halt> {
    let Some(base) = base else {
        return read(store, base).await;
    };
    let (project, found) =
        tokio::try_join!(read(store, Some(base)), devcontainer::find(store, base))?;
    let mut project = project;
    if let Some(found) = found {
        devcontainer::fill(&mut project, found);
    }
    Ok(project)
}

/// Gives the project's word, and the job with the image that the project chose.
pub(super) async fn setup(desk: &Desk<'_>, staged: &Staged) -> Result<(Project, Report), Halt> {
    let Desk { report, order, .. } = desk;
    let target = staged.moved.as_ref().or(staged.base.as_ref());
    let project = super::project(report, &staged.store, target).await?;
    let report = devcontainer::within(report, order, &project).await?;
    if !staged.fresh || project.file.setup.is_none() {
        return Ok((project, report));
    }
    let made = Ground {
        report: &report,
        order,
        store: &staged.store,
        folder: &staged.folder,
    }
    .prepare(&project, staged.from.as_ref())
    .await?;
    exclude(&staged.folder, &made)?;
    Ok((project, report))
}

/// What setup made is not the agent's work. Written before an agent has been here.
fn exclude(folder: &Folder, made: &[PathBuf]) -> Result<(), Halt> {
    let mut lines = String::from("# Made by setup.\n");
    for path in made {
        if let Some(pattern) = path.to_str().and_then(pattern) {
            lines.push_str(&pattern);
        }
    }
    fs::write(folder.scratch.join("info/exclude"), lines)?;
    Ok(())
}

/// A line of gitignore(5) that means exactly this path; none for a path that no line can name.
fn pattern(path: &str) -> Option<String> {
    if path.contains(['\n', '\r']) {
        return None;
    }
    let mut line = String::from("/");
    for c in path.chars() {
        if matches!(c, '\\' | '*' | '?' | '[' | ']' | ' ' | '!' | '#') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('\n');
    Some(line)
}

/// A staged tree in which setup and checks run.
pub(crate) struct Ground<'a> {
    pub(crate) report: &'a Report,
    pub(crate) order: &'a Order,
    pub(crate) store: &'a Store,
    pub(crate) folder: &'a Folder,
}

impl Ground<'_> {
    /// Where its processes see things.
    pub(crate) fn places(&self) -> Places {
        Places::of(&self.report.walls, self.folder, &self.store.objects())
    }

    /// Makes the tree of `commit` ready: from the cache, or by running setup. Gives the topmost paths
    /// of the tree that were not there before.
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
            self.run(project, setup, &tools, commit).await?;
            return added(before, &self.folder.work, &[]).await;
        }
        let files = self.key_files(commit).await?;
        let mut stamps = stamps(&tools);
        // What was built in one root does not run in another.
        stamps.insert("root".to_owned(), self.report.walls.root());
        let key = Key::of(&KeyParts {
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
        self.run(project, setup, &tools, commit).await?;
        let work = added(before.0, &self.folder.work, &[]).await?;
        let home = added(before.1, &self.folder.home, &HOME_SKIPPED).await?;
        if let Err(error) = cache.save(&key, &places, work.clone(), home, cancel).await {
            self.report
                .note(format!("setup: its result is not kept: {}", chain(&error)))
                .await?;
        }
        Ok(work)
    }

    async fn run(
        &self,
        project: &Project,
        setup: &Setup,
        tools: &Toolchains,
        commit: Option<&Oid>,
    ) -> Result<(), Halt> {
        let way = self.way_out(project, commit).await?;
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

    /// The way out that the order opens for setup and checks, from the lock files of a commit
    /// and the project's own list.
    pub(crate) async fn way_out(
        &self,
        project: &Project,
        commit: Option<&Oid>,
    ) -> Result<Option<WayOut>, Halt> {
        let locks = self.lock_files(commit).await?;
        let cancel = self.report.stop.token();
        surroundings::way_out(
            self.report.context.site(),
            &self.places(),
            self.order.egress,
            &locks,
            &project.file.allow,
            cancel,
        )
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
        self.files(commit, is_key_file).await
    }

    async fn lock_files(&self, commit: Option<&Oid>) -> Result<BTreeMap<String, Vec<u8>>, Halt> {
        let is_lock = |path: &str| LOCK_FILES.contains(&path.rsplit('/').next().unwrap_or(path));
        self.files(commit, is_lock).await
    }

    async fn files(
        &self,
        commit: Option<&Oid>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Vec<u8>>, Halt> {
        let mut files = BTreeMap::new();
        let Some(commit) = commit else {
            return Ok(files);
        };
        for path in self.store.list_files(commit, PATHS_MAX).await? {
            let Ok(path) = String::from_utf8(path) else {
                continue;
            };
            if !wanted(&path) || files.len() >= LOCKS_MAX {
                continue;
            }
            match self.store.read_file(commit, &path, LOCK_MAX).await {
                Ok(Some(bytes)) => drop(files.insert(path, bytes)),
                Ok(None) | Err(GitError::TooLarge { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(files)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_one_path() {
        assert_eq!(pattern("node_modules").unwrap(), "/node_modules\n");
        assert_eq!(
            pattern("a b/*[x]?#!\\").unwrap(),
            "/a\\ b/\\*\\[x\\]\\?\\#\\!\\\\\n"
        );
        assert_eq!(pattern("a\nb"), None);
    }
}
