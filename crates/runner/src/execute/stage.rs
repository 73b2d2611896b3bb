//! Step 1: the epoch is claimed on the client's remote, and the workspace is filled.

use std::fs;
use std::path::PathBuf;

use freehold_agents::Session;
use freehold_git::{
    BranchName, Claim, HostTree, LeftOut, Oid, Remote, RunRef, Shape, Store, Workspace,
};
use freehold_model::{BlobId, Directory, Isolation, Reason};
use freehold_wire::order::ProjectRef;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use super::{Desk, archive, local, project};
use crate::context::Context;
use crate::failure::{Halt, because};
use crate::leftovers;
use crate::places::{Places, Trees};
use crate::policy::Policy;
use crate::report::Report;
use crate::surroundings::{Folder, OBJECTS, WORKSPACE};
use crate::user::JobOwner;

/// What a run's folder holds between two turns. Outside of all that a sandbox is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The last commit of the work in it.
    pub(crate) commit: Option<String>,
    /// The epoch whose ref on the remote holds that commit.
    #[serde(default)]
    pub(crate) epoch: Option<u32>,
    /// The parked conversation that its home goes with.
    pub(super) transcript: Option<BlobId>,
    pub(super) session: Option<Session>,
}

/// A workspace that is ready, under an epoch that is ours.
pub(crate) struct Staged {
    pub(crate) store: Store,
    pub(crate) dir: PathBuf,
    pub(crate) folder: Folder,
    /// Where the run started; none in an empty remote.
    pub(crate) base: Option<Oid>,
    /// Where this turn starts.
    pub(crate) from: Option<Oid>,
    /// Where the target is now, when it has moved since the run began: the agent is shown it, so
    /// that a reply to a conflict can be followed.
    pub(crate) moved: Option<Oid>,
    /// Where the target was when the turn began.
    pub(crate) tip: Option<Oid>,
    /// Where the agent's git was told last that the target is.
    pub(crate) shown: Option<Oid>,
    /// What the epoch's ref points to.
    pub(crate) claimed: Oid,
    /// The conversation to go on with.
    pub(crate) session: Option<Session>,
    /// The workspace is new: nobody has worked in it yet.
    pub(crate) fresh: bool,
    /// This machine's local files in it, which no commit may hold.
    pub(crate) local: Vec<PathBuf>,
    /// Which part of the commit's files it holds.
    pub(crate) shape: Shape,
    /// The run's turn in a tree that is not its own.
    _turn: Option<OwnedMutexGuard<()>>,
}

/// The store of the project's remote, and its target branch.
pub(crate) async fn open(
    context: &Context,
    project: &ProjectRef,
) -> Result<(Store, BranchName), Halt> {
    let remote =
        Remote::parse(&project.remote).map_err(|error| because(Reason::RemoteNotFound, &error))?;
    let target = BranchName::parse(&project.target)
        .map_err(|error| because(Reason::TargetMissing, &error))?;
    let store = context
        .git
        .store(&context.store_dir(&remote), &remote)
        .await?;
    Ok((store, target))
}

/// A commit of the run, from here or from the ref of the epoch that made it.
pub(crate) async fn checkpoint(
    store: &Store,
    report: &Report,
    epoch: u32,
    commit: &str,
) -> Result<Oid, Halt> {
    let commit = Oid::parse(commit)?;
    let name = RunRef::new(&report.job.run.to_string(), epoch)?;
    if store.fetch_run(&name).await?.as_ref() == Some(&commit) {
        return Ok(commit);
    }
    Err(Halt::failed(
        Reason::RemoteRefused,
        format!(
            "the run's work is no longer on the remote: {name} was deleted or moved; start a new run"
        ),
    ))
}

/// The server's database was put back to an earlier time: a job that nobody there remembers may have
/// left work on the remote, which a claim would delete. A person hears of it first.
pub(crate) async fn look_for_forgotten(
    store: &Store,
    report: &Report,
    known: Option<u32>,
) -> Result<(), Halt> {
    let Some(known) = known else { return Ok(()) };
    let run = report.job.run.to_string();
    let found = store.epochs_between(&run, known, report.job.epoch).await?;
    let Some(last) = found.last() else {
        return Ok(());
    };
    Err(Halt::failed(
        Reason::DatabaseWentBack,
        format!(
            "the remote has refs/freehold/{run}/{last}, the work of a later job than the server's database \
             knows of since it was put back; look at it and keep what you need (`git fetch REMOTE \
             refs/freehold/{run}/{last}`): the next job of this run goes on without it, and deletes it"
        ),
    ))
}

/// Claims the job's epoch at `at`, keeping the ref that holds the work so far.
pub(crate) async fn claim(
    store: &Store,
    report: &Report,
    at: Option<&Oid>,
    keep: Option<u32>,
) -> Result<Oid, Halt> {
    let keep: Vec<u32> = keep.into_iter().collect();
    match store
        .claim(&report.job.run.to_string(), report.job.epoch, at, &keep)
        .await?
    {
        Claim::Held(oid) => Ok(oid),
        Claim::Taken { epoch } => {
            tracing::info!(run = %report.job.run, ours = report.job.epoch, theirs = epoch, "the epoch is taken");
            Err(Halt::Fenced)
        }
    }
}

pub(super) async fn stage(desk: &Desk<'_>) -> Result<Staged, Halt> {
    let Desk {
        report,
        order,
        offer,
        ..
    } = desk;
    let context = &report.context;
    let (store, target) = open(context, &order.project).await?;
    let tip = store.fetch(&target).await?;
    let (base, from) = match &offer.work {
        Some(work) => {
            let from = checkpoint(&store, report, work.epoch, &work.commit).await?;
            (
                work.base.as_deref().map(Oid::parse).transpose()?,
                Some(from),
            )
        }
        None => (tip.clone(), tip.clone()),
    };
    look_for_forgotten(&store, report, offer.known_epoch).await?;
    project::is_there(&store, from.as_ref(), &order.project).await?;
    let moved = tip.clone().filter(|tip| base.as_ref() != Some(tip));
    let dir = context.run_dir(report.job.run);
    let (folder, turn) = folder(desk, &dir).await?;
    let places = Places::of(&report.walls, &folder, &store.objects());
    let kept = kept(desk, &dir).await?;
    let shape = shape(
        &store,
        moved.as_ref().or(base.as_ref()),
        order.project.directory.as_ref(),
        desk.task.agent.repository_settings,
    )
    .await?;
    let claiming = claim(
        &store,
        report,
        from.as_ref(),
        offer.work.as_ref().map(|work| work.epoch),
    );
    let filling = async {
        if kept.is_none() {
            leftovers::remove(&dir).await;
            let origin = places.origin();
            let from = from.as_ref();
            fill(report, &store, from, &folder, &shape, Some(&origin)).await?;
            let target = moved.as_ref().or(base.as_ref());
            let laid = local::lay(report, &store, &order.project, target, &folder, false).await?;
            local::note(&dir, &laid)?;
        }
        let work = folder.work.clone();
        // Beside the steps that come first: the agent's first `git status` finds every file known.
        drop(tokio::task::spawn_blocking(move || {
            freehold_git::look_through(&work);
        }));
        Ok(())
    };
    let (claimed, ()) = tokio::try_join!(claiming, filling)?;
    let fresh = kept.is_none();
    let local = local::noted(&dir)?;
    let mut session = kept.and_then(|kept| kept.session);
    if fresh && let Some(transcript) = offer.transcript {
        session = resume(desk, transcript, &folder).await?;
    }
    Ok(Staged {
        store,
        dir,
        folder,
        base,
        from,
        moved,
        shown: tip.clone(),
        tip,
        claimed,
        session,
        fresh,
        local,
        shape,
        _turn: turn,
    })
}

/// Where the run works. Without a sandbox and without a tree of its own it waits for its turn.
async fn folder(
    desk: &Desk<'_>,
    dir: &std::path::Path,
) -> Result<(Folder, Option<OwnedMutexGuard<()>>), Halt> {
    let own = Folder::below(dir);
    if desk.report.walls.isolation != Isolation::None {
        return Ok((own, None));
    }
    let (context, project) = (&desk.report.context, desk.order.project.id);
    let turn = match context.trees.try_enter(project) {
        Some(turn) => turn,
        None => {
            let said = "another run works in the project's working tree on this machine: this one waits for its turn";
            desk.report.note(said).await?;
            context.trees.enter(project).await
        }
    };
    let tree = Trees::folder(&context.data, project);
    let shared = Folder {
        work: tree.join("work"),
        shared: Some(tree),
        ..own
    };
    Ok((shared, Some(turn)))
}

/// The folder of the turn before, if it is still here and is what the offer goes on from.
async fn kept(desk: &Desk<'_>, dir: &std::path::Path) -> Result<Option<Kept>, Halt> {
    let Some(kept) = goes_on_from(desk, dir) else {
        return Ok(None);
    };
    let owner = desk.report.owner().await?.cloned();
    let work = Folder::below(dir).work;
    let shown = tokio::task::spawn_blocking(move || {
        freehold_git::reopen(&work, owner.as_ref().map(JobOwner::of))
    });
    match shown.await.map_err(std::io::Error::other)? {
        Ok(true) => Ok(Some(kept)),
        Ok(false) => Ok(None),
        Err(error) => {
            tracing::warn!(%error, "a workspace could not be shown again; it is made anew");
            Ok(None)
        }
    }
}

/// What was kept in a folder, if the offer goes on from there.
fn goes_on_from(desk: &Desk<'_>, dir: &std::path::Path) -> Option<Kept> {
    let offer = desk.offer;
    // A lost try may have left anything behind.
    let has_none = !desk.report.walls.isolation.is_sandboxed();
    if has_none || offer.attempt > 1 || offer.work.is_none() {
        return None;
    }
    let kept: Kept = serde_json::from_slice(&fs::read(dir.join("kept.json")).ok()?).ok()?;
    let same = kept.commit == offer.work.as_ref().map(|work| work.commit.clone())
        && kept.transcript == offer.transcript;
    // Used once: a turn that is lost in it must not be gone on with.
    fs::remove_file(dir.join("kept.json")).ok()?;
    same.then_some(kept)
}

/// Lays out a fresh workspace below a folder that holds nothing yet.
pub(crate) async fn fill(
    report: &Report,
    store: &Store,
    from: Option<&Oid>,
    folder: &Folder,
    shape: &Shape,
    remote: Option<&str>,
) -> Result<(), Halt> {
    fs::create_dir_all(&folder.home)?;
    if !report.walls.isolation.is_sandboxed() {
        store
            .host_tree(&host_tree(from, folder, shape, remote))
            .await?;
        return Ok(());
    }
    let policy = Policy::load(&report.context.policy_file())?;
    let laid = store
        .workspace(&Workspace {
            base: from,
            work: &folder.work,
            scratch: &folder.scratch,
            objects_inside: OBJECTS.as_ref(),
            place: WORKSPACE.as_ref(),
            shape,
            remote,
            lfs: policy.lfs(store.remote()),
            owner: report.owner().await?.map(JobOwner::of),
        })
        .await?;
    tracing::debug!(how = laid.as_str(), "a workspace is laid out");
    Ok(())
}

/// A working tree of the host in this folder.
fn host_tree<'a>(
    from: Option<&'a Oid>,
    folder: &'a Folder,
    shape: &'a Shape,
    remote: Option<&'a str>,
) -> HostTree<'a> {
    HostTree {
        base: from,
        work: &folder.work,
        git_dir: &folder.scratch,
        shape,
        remote,
        shared: folder.shared.as_deref(),
    }
}

/// What coding agents would take settings from by themselves: programs to start, permissions,
/// endpoints. A repository that nobody has vouched for has no say in that.
const AGENT_SETTINGS: LeftOut = LeftOut {
    name: "agent-settings",
    rule: freehold_model::change::is_agent_settings,
};

/// The part of the repository that the project's file asks for, with settings for agents or without.
pub(crate) async fn shape(
    store: &Store,
    target: Option<&Oid>,
    directory: Option<&Directory>,
    settings: bool,
) -> Result<Shape, Halt> {
    let project = project::read(store, target, directory).await?;
    let shape = folders(&project.file.sparse, directory)?;
    Ok(match settings {
        true => shape,
        false => shape.without(AGENT_SETTINGS),
    })
}

/// The folders that a project's file names, and the one that the project is about, whether it is
/// named there or not. All files where none is named.
pub(super) fn folders(sparse: &[String], directory: Option<&Directory>) -> Result<Shape, Halt> {
    let own = directory.filter(|_| !sparse.is_empty());
    let all = sparse.iter().map(String::as_str);
    Shape::of(all.chain(own.map(Directory::as_str)))
        .map_err(|error| because(Reason::ProjectFile, &error))
}

/// Fetches the parked conversation and lays it into the new home.
async fn resume(
    desk: &Desk<'_>,
    transcript: BlobId,
    folder: &Folder,
) -> Result<Option<Session>, Halt> {
    let Desk { report, offer, .. } = desk;
    let context = &report.context;
    let sealed = context.blobs.get(transcript).await?;
    // Sealed under the epoch that parked it. Turns without work park too, so it need not be the
    // epoch of the work.
    let epochs = (1..report.job.epoch).rev();
    let likely = offer.work.as_ref().map(|work| work.epoch);
    let opened = likely.into_iter().chain(epochs).find_map(|epoch| {
        context
            .vault
            .open(report.job.run, "transcript", epoch.into(), sealed.clone())
            .ok()
    });
    let bytes = opened.ok_or(crate::vault::VaultError::Altered)?;
    let home = folder.home.clone();
    let unpacked = tokio::task::spawn_blocking(move || archive::unpack(&bytes, &home));
    let head = unpacked
        .await
        .map_err(std::io::Error::other)?
        .map_err(|error| because(Reason::Internal, &error))?;
    Ok(head.session)
}
