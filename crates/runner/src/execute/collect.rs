//! Step 4: the agent's commits, out of the sandbox and onto the run's ref.
//!
//! git runs on the agent's folder inside the sandbox only; without one, through a git directory that
//! the agent never had. What comes out is one bundle in a folder of the host's own, and everything in it is
//! checked before it is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freehold_git::{GitError, ImportLimits, Oid, Store};
use freehold_model::Reason;
use freehold_sandbox::{Mount, Spec};

use super::project::Project;
use super::stage::Staged;
use super::{Desk, card, lfs, local};
use crate::failure::{Halt, chain};
use crate::places::Places;
use crate::process::{self, Ran};
use crate::report::Report;
use crate::surroundings::{self, Folder, Git};

/// A repository of 100,000 files takes some seconds.
const COLLECT_WITHIN: Duration = Duration::from_secs(600);
/// For so long work that cannot be pushed is kept by the runner that has it: longer than a remote is down
/// for its upkeep, and not so long that a person hears nothing for a day.
const KEEP_WITHIN: Duration = Duration::from_secs(4 * 3600);
/// The pauses between two pushes double from the first to the longest.
const KEEP_FIRST: Duration = Duration::from_secs(2);
const KEEP_LONGEST: Duration = Duration::from_secs(60);
/// The commit's message and the folder for the bundle, among git's things.
const MESSAGE: &str = "message";
const OUT: &str = "out";

/// Exit codes of [`SCRIPT`].
const GONE: i32 = 70;
const NOT_COMMITTED: i32 = 71;
const UNCHANGED: i32 = 72;
const NOT_BUNDLED: i32 = 73;

/// Commits what is left over and bundles what is new. `$1` is where the turn started, or empty, `$2` the
/// message, `$3` the folder for the bundle. A lock
/// is nobody's: no process of the agent lives any more. A file that the agent made unreadable is left
/// out (git-add(1) ends with 1 then); one outside of the sparse folders is work all the same; what a full disk kept from being added must not look unchanged.
const SCRIPT: &str = r#"
git rev-parse --git-dir >/dev/null 2>&1 || { echo 'the git directory is gone or broken' >&2; exit 70; }
rm -f .git/index.lock .git/HEAD.lock
said=$(git add -A --sparse --ignore-errors 2>&1); added=$?
[ -z "$said" ] || printf '%s\n' "$said" >&2
[ "$added" -le 1 ] || exit 71
case "$said" in *'No space left on device'*) exit 71 ;; esac
if git rev-parse -q --verify HEAD >/dev/null; then
  git diff --cached --quiet HEAD; changed=$?
else
  test -z "$(git ls-files --cached | head -n 1)"; changed=$?
fi
if [ "$changed" != 0 ]; then
  git -c commit.gpgSign=false commit -q --no-verify --cleanup=verbatim -F "$2" || exit 71
fi
head=$(git rev-parse -q --verify HEAD) || exit 72
[ "$head" = "$1" ] && exit 72
if [ -n "$1" ]; then
  git bundle create -q "$3/work.bundle" HEAD "^$1" || exit 73
else
  git bundle create -q "$3/work.bundle" HEAD || exit 73
fi
"#;

/// The agent's work, on the run's ref.
#[derive(Debug, Clone)]
pub(super) struct Collected {
    pub(super) head: Oid,
    pub(super) digest: String,
    /// The target's new commits are part of it: what is reviewed is the difference from there.
    pub(super) caught_up: bool,
}

/// `None` when nothing is new.
pub(super) async fn collect(
    desk: &Desk<'_>,
    staged: &Staged,
    _: &Project,
) -> Result<Option<Collected>, Halt> {
    let Desk { report, .. } = desk;
    let out = staged.dir.join("out");
    let work_is_there = is_dir(&staged.folder.work) && is_dir(&staged.folder.scratch);
    if !work_is_there {
        return Err(Halt::failed(
            Reason::WorkspaceGone,
            "the workspace or its git directory is no longer there",
        ));
    }
    crate::leftovers::remove(&out).await;
    fs::create_dir_all(&out)?;
    let spec = spec(desk, staged, &out).await?;
    let ran = process::run(report, &spec, "collect", COLLECT_WITHIN).await?;
    if !is_new(&ran)? {
        return Ok(None);
    }
    import(desk, staged, &out.join("work.bundle"))
        .await
        .map(Some)
}

/// What the script's end means: whether there is a bundle.
fn is_new(ran: &Ran) -> Result<bool, Halt> {
    let failed = |reason: Reason, what: &str| {
        // In git's own words: the workspace's disk is the runner's.
        let full = ran.tail.contains("No space left on device");
        let reason = if full { Reason::DiskFull } else { reason };
        let reason = ran.reason(reason);
        Err(Halt::failed(
            reason,
            format!("{what}: {}\n{}", ran.how(), ran.tail),
        ))
    };
    match ran.exit.code {
        _ if ran.timed_out => failed(
            Reason::WorkspaceGone,
            "git did not come to an end in the workspace",
        ),
        Some(0) => Ok(true),
        Some(UNCHANGED) => Ok(false),
        Some(GONE) => failed(
            Reason::WorkspaceGone,
            "the workspace's git directory cannot be read",
        ),
        Some(NOT_COMMITTED) => failed(
            Reason::WorkspaceGone,
            "what the agent left could not be committed",
        ),
        Some(NOT_BUNDLED) => failed(
            Reason::ImportRefused,
            "the agent's commits do not follow the commit that it started from",
        ),
        _ => failed(Reason::WorkspaceGone, "git failed in the workspace"),
    }
}

async fn import(desk: &Desk<'_>, staged: &Staged, bundle: &Path) -> Result<Collected, Halt> {
    let Desk { report, .. } = desk;
    let (run, epoch) = (report.job.run.to_string(), report.job.epoch);
    let store = &staged.store;
    let limits = ImportLimits::default();
    let work = async {
        let imported = store
            .import(bundle, &run, epoch, staged.from.as_ref(), &limits)
            .await
            .map_err(not_imported)?;
        let known = [&staged.from, &staged.moved, &staged.shown];
        let known: Vec<&Oid> = known.into_iter().flatten().collect();
        local::keep_out(store, &known, &imported.head, &staged.local).await?;
        lfs::keep_out(report, store, staged.from.as_ref(), &imported.head).await?;
        let caught_up = match &staged.moved {
            Some(tip) => store.has_ancestor(&imported.head, tip).await?,
            None => false,
        };
        let base = match caught_up {
            true => staged.moved.as_ref(),
            false => staged.base.as_ref(),
        };
        let digest = store.diff_digest(base, &imported.head).await?;
        keep(report, store, &staged.claimed, &imported.head).await?;
        Ok(Collected {
            head: imported.head,
            digest,
            caught_up,
        })
    };
    let done = tokio::select! {
        biased;
        () = report.stop.token().cancelled() => Err(Halt::Stopped),
        done = work => done,
    };
    let _ = fs::remove_file(bundle);
    done
}

/// The work goes to the run's ref. It lies nowhere else, so a remote that is away is waited for: the job
/// stays this runner's meanwhile, and no process of it lives.
async fn keep(report: &Report, store: &Store, from: &Oid, head: &Oid) -> Result<(), Halt> {
    let (run, epoch) = (report.job.run.to_string(), report.job.epoch);
    let (began, mut pause) = (Instant::now(), KEEP_FIRST);
    loop {
        match store.checkpoint(&run, epoch, from, head).await {
            Err(error) if error.is_away() && began.elapsed() + pause < KEEP_WITHIN => {
                if pause == KEEP_FIRST {
                    let said = format!(
                        "the remote is away ({}): the work is kept on this machine, and pushed as soon as the remote is there again, for {} hours",
                        chain(&error),
                        KEEP_WITHIN.as_secs() / 3600
                    );
                    report.note(said).await?;
                }
            }
            done => return Ok(done?),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(KEEP_LONGEST);
    }
}

fn not_imported(error: GitError) -> Halt {
    match error {
        GitError::Failed { .. } => super::import_refused(chain(&error)),
        other => other.into(),
    }
}

fn is_dir(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// The git directory that stands for the agent's where no sandbox is round git.
fn stand_in(staged: &Staged) -> PathBuf {
    staged.dir.join("collect-git")
}

async fn spec(desk: &Desk<'_>, staged: &Staged, out: &Path) -> Result<Spec, Halt> {
    let mut spec = git_alone(desk, staged).await?;
    let objects = staged.store.objects();
    let places = Places::of(&desk.report.walls, &staged.folder, &objects);
    let (message_file, out_inside) = match places.are_host_s() {
        true => (places.things.join(MESSAGE), out.to_owned()),
        false => (places.things.join(MESSAGE), places.things.join(OUT)),
    };
    if places.are_host_s() {
        let git_dir = stand_in(staged);
        crate::leftovers::remove(&git_dir).await;
        let made = staged
            .store
            .stand_in(&staged.folder.scratch, &git_dir, &staged.shape);
        made.map_err(|error| Halt::failed(Reason::WorkspaceGone, chain(&error)))?;
        spec.env.insert("GIT_DIR".into(), git_dir.into());
        spec.env
            .insert("GIT_WORK_TREE".into(), places.workspace.clone().into());
    }
    spec.mounts.push(Mount::ReadWrite {
        source: out.to_owned(),
        target: out_inside.clone(),
    });
    let message = card::message(desk.order, &desk.task.card, &[]);
    spec.mounts.push(Mount::File {
        contents: message.into_bytes(),
        target: message_file.clone(),
    });
    let from = staged
        .from
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    spec.args = ["-c", SCRIPT, "collect", &from].map(Into::into).to_vec();
    spec.args.extend([message_file.into(), out_inside.into()]);
    Ok(spec)
}

/// A sandbox with git alone: none of the host's other tools, no way out, an empty home.
pub(super) async fn git_alone(desk: &Desk<'_>, staged: &Staged) -> Result<Spec, Halt> {
    let report = desk.report;
    let home = staged.dir.join("collect-home");
    crate::leftovers::remove(&home).await;
    fs::create_dir_all(&home)?;
    let folder = Folder {
        home,
        ..staged.folder.clone()
    };
    let objects = staged.store.objects();
    let places = Places::of(&report.walls, &folder, &objects);
    let tools = surroundings::tools(report.context.site(), &places, &[]).await?;
    let mut spec = surroundings::spec(
        report.context.site(),
        &tools,
        &folder,
        &objects,
        &places,
        Git::Write,
    );
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        // Also for repositories below the workspace, which git looks into by itself.
        ("GIT_CONFIG_COUNT", "2"),
        ("GIT_CONFIG_KEY_0", "core.hooksPath"),
        ("GIT_CONFIG_VALUE_0", "/dev/null"),
        ("GIT_CONFIG_KEY_1", "core.fsmonitor"),
        ("GIT_CONFIG_VALUE_1", "false"),
    ] {
        spec.env.insert(name.into(), value.into());
    }
    Ok(spec)
}
