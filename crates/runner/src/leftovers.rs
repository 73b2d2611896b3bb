//! After an earlier life of the program: end what it started, remove where it worked, and say once
//! what was lost. And between runs: remove the folders of those that ended long ago.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freehold_git::remove_tree;
use freehold_model::{Reason, RunId};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::context::Context;
use crate::execute::step::at;
use crate::failure::Failure;
use crate::journal::{Entered, Left, finished};
use crate::limits::held_in;
use crate::outbox::OutboxError;

/// A run that waited this long is staged anew from its checkpoint when it goes on.
const KEEP_WAITING: Duration = Duration::from_secs(14 * 24 * 3600);
/// Most bytes of all runs that wait here; the longest untouched go first. Each can be staged anew.
const KEEP_BYTES: u64 = 20 << 30;

/// What a first process takes at most to end a tree, and how often it is looked at meanwhile.
const END_WITHIN: Duration = Duration::from_secs(6);
const END_ROUND: Duration = Duration::from_millis(20);

/// Cleans up after every job that an earlier life held, and reports it as lost.
pub(crate) async fn report(context: &Context) -> Result<(), OutboxError> {
    // Of no run that is under way: none is yet. A workspace that is gone on with is shown again then.
    unmount(&context.data).await;
    for left in context.journal.left().await? {
        tracing::warn!(run = %left.job.run, epoch = left.job.epoch, step = left.step, "lost in an earlier life");
        end_processes(&left).await;
        remove(&context.run_dir(left.job.run)).await;
        match foreign(&left, context.journal.version()) {
            None => drop(context.journal.lose(left.job).await?),
            // What another program did in a step that this one does not know cannot be judged here.
            Some(words) => {
                tracing::error!(run = %left.job.run, epoch = left.job.epoch, "journal_foreign: {words}");
                let failure = Failure::new(Reason::JournalForeign, words);
                let ended = finished(left.job, failure.outcome(left.kind));
                context.journal.end(ended).await?;
            }
        }
    }
    remove_sockets(&context.data.join("s"));
    remove_partial(&context.images()).await;
    Ok(())
}

/// The first step that this version of the program knows under another name, or not at all.
fn foreign(left: &Left, version: &str) -> Option<String> {
    left.steps.iter().find_map(|step| {
        let Entered {
            number,
            name,
            version: theirs,
        } = step;
        match at(left.kind, *number) {
            Some(ours) if ours == name => None,
            Some(ours) => Some(format!(
                "version {theirs} of the runner's program called step {number} `{name}`, and version {version}, which is here now, calls it `{ours}`"
            )),
            None => Some(format!(
                "version {theirs} of the runner's program had a step {number} `{name}`, and version {version}, which is here now, has none of that number"
            )),
        }
    })
}

async fn end_processes(left: &Left) {
    // The first process of a run ends all others when its runner is gone; killed before it has, it
    // would leave them to themselves where no namespace holds them.
    let lives = || {
        let mut all = left.processes.iter();
        all.any(|(pid, started)| started_at(*pid) == Some(*started))
    };
    let begun = Instant::now();
    while lives() && begun.elapsed() < END_WITHIN {
        tokio::time::sleep(END_ROUND).await;
    }
    for (pid, started) in &left.processes {
        // A number alone may be somebody else's by now.
        if started_at(*pid) == Some(*started)
            && let Ok(pid) = i32::try_from(*pid)
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// When a process was started, in the kernel's ticks since boot (field 22 of proc(5), `stat`).
pub(crate) fn started_at(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, the last `)` ends it.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

fn remove_sockets(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let _ = fs::remove_file(entry.path());
    }
}

/// Images that were being unpacked: nobody goes on with them.
async fn remove_partial(images: &Path) {
    match freehold_sandbox::partly_unpacked(images) {
        Ok(folders) => {
            for folder in folders {
                remove(&folder).await;
            }
        }
        Err(error) => tracing::warn!(%error, "unpacked images could not be looked through"),
    }
}

/// Removes a folder that an agent may have filled: whatever the modes in it, however much it is.
pub(crate) async fn remove(dir: &Path) {
    let dir = dir.to_owned();
    let done = tokio::task::spawn_blocking(move || remove_tree(&dir)).await;
    if let Ok(Err(error)) = done {
        tracing::warn!(%error, "a run's folder could not be removed");
    }
}

/// Takes the mounts of workspaces at and below a folder away. What was written in them stays.
pub(crate) async fn unmount(dir: &Path) {
    let dir = dir.to_owned();
    let done = tokio::task::spawn_blocking(move || freehold_git::release(&dir)).await;
    if let Ok(Err(error)) = done {
        tracing::warn!(%error, "a workspace could not be unmounted");
    }
}

/// Removes folders of runs that nobody holds and that waited too long or are too many. Blocks.
pub(crate) fn prune(runs: &Path, now: std::time::SystemTime, held: impl Fn(RunId) -> bool) {
    let mut idle: Vec<(Duration, u64, PathBuf)> = vec![];
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let run = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<RunId>().ok());
        if run.is_none_or(&held) {
            continue;
        }
        let touched = entry.metadata().and_then(|meta| meta.modified());
        let age = touched
            .ok()
            .and_then(|at| now.duration_since(at).ok())
            .unwrap_or_default();
        idle.push((age, held_in(&entry.path()), entry.path()));
    }
    idle.sort();
    let mut total = 0u64;
    for (age, bytes, dir) in idle {
        total = total.saturating_add(bytes);
        if (age > KEEP_WAITING || total > KEEP_BYTES)
            && let Err(error) = remove_tree(&dir)
        {
            tracing::warn!(%error, "an old run's folder could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_process_is_known_by_its_start() {
        let ours = std::process::id();
        assert!(started_at(ours).unwrap() > 0);
        assert_eq!(started_at(ours), started_at(ours));
        assert_eq!(started_at(u32::MAX), None);
    }

    #[tokio::test]
    async fn a_folder_goes_whatever_its_modes() {
        let data = tempfile::tempdir().unwrap();
        let dir = data.path().join("run");
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/file"), "x").unwrap();
        fs::set_permissions(dir.join("a/b"), fs::Permissions::from_mode(0o000)).unwrap();
        remove(&dir).await;
        assert!(!dir.exists());
        remove(&dir).await;
    }

    #[tokio::test]
    async fn half_an_image_goes_and_a_whole_one_stays() {
        let data = tempfile::tempdir().unwrap();
        let images = data.path().join("images");
        // There may be none.
        remove_partial(&images).await;
        for below in [".partial-a/etc", "sha256-b/etc"] {
            fs::create_dir_all(images.join(below)).unwrap();
        }
        remove_partial(&images).await;
        assert!(!images.join(".partial-a").exists());
        assert!(images.join("sha256-b/etc").exists());
    }

    #[test]
    fn old_folders_go_and_held_ones_stay() {
        let runs = tempfile::tempdir().unwrap();
        let run = |n: u8| RunId::at(chrono::DateTime::UNIX_EPOCH, [n; 10]);
        for n in 0..3 {
            fs::create_dir(runs.path().join(run(n).to_string())).unwrap();
        }
        fs::create_dir(runs.path().join("something else")).unwrap();
        let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(40 * 365 * 24 * 3600);
        let soon = fs::metadata(runs.path()).unwrap().modified().unwrap();
        prune(runs.path(), soon, |_| false);
        assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 4);
        prune(runs.path(), soon.max(later) + KEEP_WAITING * 2, |held| {
            held == run(1)
        });
        assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 2);
        assert!(runs.path().join(run(1).to_string()).exists());
    }
}
