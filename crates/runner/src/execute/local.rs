//! Local files: what this machine's owner keeps beside a repository and wants in its workspaces. They
//! come from a folder that the policy file names, by the patterns that it or the target branch's
//! `.worktreeinclude` says, are no part of the work, and never leave in a commit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use freehold_environment::local::{self, Laid};
use freehold_git::{GitError, Oid, Store};
use freehold_model::Reason;
use freehold_wire::order::ProjectRef;

use super::pass_over::pass_over;
use crate::failure::{Halt, because, chain};
use crate::policy::{LocalFiles, Policy};
use crate::report::Report;
use crate::surroundings::Folder;

/// Where a repository says which of its ignored files a workspace needs: gitignore(5), in its root.
const INCLUDE: &str = ".worktreeinclude";
/// More patterns than anyone writes.
const INCLUDE_MAX: usize = 64 * 1024;
/// Paths that one remark names.
const TOLD_MAX: usize = 20;

/// Copies them into a workspace that nobody has been in, and has its git pass over them. `target` is
/// the commit of the target branch whose word counts. Says what was done, unless `quiet`.
pub(crate) async fn lay(
    report: &Report,
    store: &Store,
    project: &ProjectRef,
    target: Option<&Oid>,
    folder: &Folder,
    quiet: bool,
) -> Result<Vec<PathBuf>, Halt> {
    if !report.walls.isolation.is_sandboxed() {
        // A process without a sandbox reads them where they are.
        return Ok(vec![]);
    }
    let refused = |detail: String| Halt::failed(Reason::LocalFiles, detail);
    let policy = Policy::load(&report.context.policy_file())
        .map_err(|error| because(Reason::LocalFiles, &error))?;
    let mut all = Laid::default();
    for entry in policy.local_files(&project.remote) {
        let Some(patterns) = patterns(entry, store, target).await? else {
            if !quiet {
                let text = format!(
                    "no local files are copied from {}: neither `files` in this machine's policy file nor {INCLUDE} of the target branch names any",
                    entry.from.display()
                );
                report.note(text).await?;
            }
            continue;
        };
        if !entry.from.is_dir() {
            return Err(refused(format!(
                "this machine's policy file has local files in {}, which is no folder",
                entry.from.display()
            )));
        }
        let named = store.named_files(&entry.from, &patterns).await;
        let named = named.map_err(|error| because(Reason::LocalFiles, &error))?;
        let (from, into) = (entry.from.clone(), folder.work.clone());
        let laid = tokio::task::spawn_blocking(move || local::lay(&from, &named, &into))
            .await
            .map_err(std::io::Error::other)?
            .map_err(|error| because(Reason::LocalFiles, &error))?;
        all.copied.extend(laid.copied);
        all.left.extend(laid.left);
        all.bytes += laid.bytes;
    }
    // They are nobody's work.
    pass_over(folder, "Local files of the machine.", &all.copied)
        .map_err(|error| because(Reason::LocalFiles, &error))?;
    if !quiet {
        tell(report, &all).await?;
    }
    Ok(all.copied)
}

async fn patterns(
    entry: &LocalFiles,
    store: &Store,
    target: Option<&Oid>,
) -> Result<Option<String>, Halt> {
    if let Some(files) = &entry.files {
        return Ok(Some(files.join("\n")));
    }
    let Some(target) = target else {
        return Ok(None);
    };
    let refused = |why: String| {
        Halt::failed(
            Reason::LocalFiles,
            format!("{INCLUDE} of the target branch cannot be read: {why}"),
        )
    };
    match store.read_file(target, INCLUDE, INCLUDE_MAX).await {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(refused("it is no UTF-8 text".to_owned())),
        },
        Err(error @ GitError::TooLarge { .. }) => Err(refused(chain(&error))),
        Err(error) => Err(error.into()),
    }
}

async fn tell(report: &Report, all: &Laid) -> Result<(), Halt> {
    let list = |paths: Vec<String>| {
        let more = paths.len().saturating_sub(TOLD_MAX);
        let mut text = paths
            .into_iter()
            .take(TOLD_MAX)
            .collect::<Vec<_>>()
            .join(", ");
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        text
    };
    if !all.copied.is_empty() {
        let paths = all.copied.iter().map(|path| path.display().to_string());
        let text = format!(
            "{} local files of this machine ({} bytes) are in the workspace: {}",
            all.copied.len(),
            all.bytes,
            list(paths.collect())
        );
        report.note(text).await?;
    }
    if !all.left.is_empty() {
        let paths = all.left.iter();
        let paths = paths.map(|(path, why)| format!("{} ({why})", path.display()));
        let text = format!(
            "local files that were not copied: {}",
            list(paths.collect())
        );
        report.note(text).await?;
    }
    Ok(())
}

/// The contents of those that setup finds, for the key of what it makes.
pub(crate) fn contents(
    work: &Path,
    copied: &[PathBuf],
    into: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), Halt> {
    for path in copied {
        let name = format!("local file {}", path.display());
        into.insert(name, fs::read(work.join(path))?);
    }
    Ok(())
}

/// Whether commits leave this machine's files where they belong. `known` are those whose history is
/// not the agent's: where it started, and where it was shown the target. A file that the target has
/// got since is the repository's own.
///
/// # Errors
/// [`Reason::ImportRefused`]: a commit of `head` that `known` has not holds one of them.
pub(crate) async fn keep_out(
    store: &Store,
    known: &[&Oid],
    head: &Oid,
    local: &[PathBuf],
) -> Result<(), Halt> {
    match store.first_of(known, head, local).await? {
        None => Ok(()),
        Some(path) => Err(Halt::failed(
            Reason::ImportRefused,
            format!(
                "a commit holds {}, a local file of this machine that is no part of the repository; nothing of it was pushed. Reply that the commits must be made anew without it",
                path.display()
            ),
        )),
    }
}

/// What a run's workspace was given, beside it, for later turns in it.
const FILE: &str = "local.json";

pub(crate) fn note(dir: &Path, copied: &[PathBuf]) -> Result<(), Halt> {
    let text = serde_json::to_vec(copied).map_err(std::io::Error::other)?;
    fs::write(dir.join(FILE), text)?;
    Ok(())
}

pub(crate) fn noted(dir: &Path) -> Result<Vec<PathBuf>, Halt> {
    match fs::read(dir.join(FILE)) {
        Ok(text) => Ok(serde_json::from_slice(&text).map_err(std::io::Error::other)?),
        // A workspace of an earlier version was given none.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(vec![]),
        Err(error) => Err(error.into()),
    }
}
