//! Environments on this machine: which projects have a place here, making one ready before a run
//! needs it, and clearing it.
//!
//! A place is the project's clean store, and the workspaces of its runs that wait. What is written
//! down of it is `environments/<id>.json`, so that a later life of the program says what it holds. The
//! results of setups are shared between projects by their content and have bounds of their own
//! (`freehold_environment::cache`): they stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use freehold_git::{Oid, Remote, RunRef};
use freehold_model::{EnvironmentId, JobId, ProjectId, Reason, RunId};
use freehold_wire::link::{
    EnvironmentNews, EnvironmentStart, EnvironmentState, JobRef, Up, as_run,
};
use freehold_wire::order::{Order, ProjectRef};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::dispatch::walls;
use crate::execute::devcontainer;
use crate::execute::local;
use crate::execute::project;
use crate::execute::setup::Ground;
use crate::execute::stage::{self, Kept};
use crate::failure::{Failure, Halt, chain};
use crate::jobs::{Stop, Why};
use crate::leftovers;
use crate::orders::Door;
use crate::places::Trees;
use crate::policy::Policy;
use crate::report::{ASIDE, Report};
use crate::surroundings::Folder;

/// Environments that are made ready or wait for it; more are not begun, and the server asks again.
const PREPARING_MAX: usize = 32;
/// Files of a workspace that are looked at for changes; one with more is kept.
const LOOKED_MAX: usize = 1_000_000;

/// What is written down of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    project: ProjectId,
    remote: String,
    ready: bool,
    /// Runs that have worked here; most have no folder any more.
    runs: BTreeSet<RunId>,
}

/// Of a run whose workspace outlived its environment: it borrows objects of its remote's store, and
/// may lie over a checkout there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Outlived {
    project: ProjectId,
    remote: String,
}

/// The file of what outlived its environment, among those of the places.
const OUTLIVED: &str = "kept.json";

/// The places of this machine.
pub(crate) struct Environments {
    dir: PathBuf,
    places: Mutex<BTreeMap<EnvironmentId, Place>>,
    outlived: Mutex<BTreeMap<RunId, Outlived>>,
    preparing: Mutex<BTreeMap<EnvironmentId, (Stop, Alone)>>,
    /// Fetching and setting up is heavy: one at a time, beside the jobs.
    heavy: tokio::sync::Mutex<()>,
    /// Nobody enters a place while one is cleared: two projects may share a store.
    doors: tokio::sync::Mutex<()>,
}

/// Held by whoever makes one environment ready.
type Alone = Arc<tokio::sync::Mutex<()>>;

impl Environments {
    /// Reads what an earlier life wrote down, and removes what it left half done.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let dir = data.join("environments");
        fs::create_dir_all(&dir)?;
        let mut places = BTreeMap::new();
        let outlived = dir.join(OUTLIVED);
        let outlived = match fs::read(&outlived) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name == OUTLIVED) {
                continue;
            }
            let id = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.parse().ok());
            let place = fs::read(&path)
                .ok()
                .and_then(|text| serde_json::from_slice(&text).ok());
            match (id, place) {
                (Some(id), Some(place)) if path.extension().is_some_and(|e| e == "json") => {
                    places.insert(id, place);
                }
                _ => {
                    // A folder in which setup was tried, or a file that was being written.
                    let gone = if path.is_dir() {
                        freehold_git::remove_tree(&path)
                    } else {
                        fs::remove_file(&path)
                    };
                    if let Err(error) = gone {
                        tracing::warn!(%error, "what was left of an environment could not be removed");
                    }
                }
            }
        }
        Ok(Self {
            dir,
            places: Mutex::new(places),
            outlived: Mutex::new(outlived),
            preparing: Mutex::default(),
            heavy: tokio::sync::Mutex::default(),
            doors: tokio::sync::Mutex::default(),
        })
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<EnvironmentId, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outlived(&self) -> MutexGuard<'_, BTreeMap<RunId, Outlived>> {
        self.outlived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The runs whose folders are to be looked at where a place is cleared: its own, and those of
    /// its project that outlived an earlier one.
    fn runs_of(&self, place: &Place) -> BTreeSet<RunId> {
        let outlived = self.outlived();
        let earlier = outlived
            .iter()
            .filter(|(_, kept)| kept.project == place.project && kept.remote == place.remote)
            .map(|(run, _)| *run);
        place.runs.iter().copied().chain(earlier).collect()
    }

    /// Writes down which runs of a place outlive it, before it is forgotten.
    fn outlive(&self, place: &Place, kept: &BTreeSet<RunId>) -> io::Result<()> {
        let mut outlived = self.outlived();
        outlived.retain(|_, kept| kept.project != place.project || kept.remote != place.remote);
        outlived.extend(kept.iter().map(|run| {
            let (project, remote) = (place.project, place.remote.clone());
            (*run, Outlived { project, remote })
        }));
        let file = self.dir.join(OUTLIVED);
        let fresh = file.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(&*outlived)?)?;
        fs::rename(fresh, file)
    }

    /// Whether somebody else needs the store of a place: another place, or what outlived one.
    fn is_shared(&self, id: EnvironmentId, place: &Place) -> bool {
        let places = self.places();
        let theirs = |(other, theirs): (&EnvironmentId, &Place)| {
            *other != id && theirs.remote == place.remote
        };
        places.iter().any(theirs)
            || self
                .outlived()
                .values()
                .any(|kept| kept.remote == place.remote)
    }

    fn preparing(&self) -> MutexGuard<'_, BTreeMap<EnvironmentId, (Stop, Alone)>> {
        self.preparing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The environments that have a place here.
    pub(crate) fn held(&self) -> Vec<EnvironmentId> {
        self.places().keys().copied().collect()
    }

    /// A job of this project begins in this environment. An earlier environment of the project here is
    /// this one from now on.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub(crate) async fn enter(
        &self,
        environment: EnvironmentId,
        project: &ProjectRef,
        run: Option<RunId>,
    ) -> io::Result<()> {
        let _open = self.doors.lock().await;
        let mut places = self.places();
        let earlier: Vec<EnvironmentId> = places
            .iter()
            .filter(|(id, place)| **id != environment && place.project == project.id)
            .map(|(id, _)| *id)
            .collect();
        let mut place = places.get(&environment).cloned().unwrap_or_else(|| Place {
            project: project.id,
            remote: project.remote.clone(),
            ready: false,
            runs: BTreeSet::new(),
        });
        for id in &earlier {
            place.runs.extend(
                places
                    .remove(id)
                    .into_iter()
                    .flat_map(|earlier| earlier.runs),
            );
        }
        place.runs.extend(run);
        self.write(environment, &place)?;
        places.insert(environment, place);
        for id in earlier {
            fs::remove_file(self.file(id))?;
        }
        Ok(())
    }

    fn file(&self, environment: EnvironmentId) -> PathBuf {
        self.dir.join(format!("{environment}.json"))
    }

    /// Whole or not at all: a file that is being written never looks like a place.
    fn write(&self, environment: EnvironmentId, place: &Place) -> io::Result<()> {
        let file = self.file(environment);
        let fresh = file.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(place)?)?;
        fs::rename(fresh, file)
    }

    /// Tells all that are being made ready to stop.
    pub(crate) fn close(&self) {
        for (stop, _) in self.preparing().values() {
            stop.stop(Why::Drained);
        }
    }
}

async fn tell(context: &Context, environment: EnvironmentId, state: EnvironmentState) {
    let news = Up::Environment(Box::new(EnvironmentNews { environment, state }));
    if let Err(error) = context.outbox.put_state(None, &news).await {
        tracing::warn!(%error, "what became of an environment could not be kept");
    }
}

/// Makes an environment ready as its signed order says, and says how it went. Said again while it is
/// under way, it does nothing.
pub(crate) async fn start(context: Arc<Context>, start: EnvironmentStart) {
    let id = start.environment;
    let ready = context
        .environments
        .places()
        .get(&id)
        .map(|place| place.ready);
    if ready == Some(true) {
        return tell(&context, id, EnvironmentState::Ready {}).await;
    }
    let (stop, alone) = (Stop::default(), Alone::default());
    // Held before anybody can see it: whoever stops this waits for its end.
    let Ok(held) = alone.clone().try_lock_owned() else {
        return;
    };
    {
        let mut preparing = context.environments.preparing();
        if preparing.contains_key(&id) || preparing.len() >= PREPARING_MAX {
            return;
        }
        preparing.insert(id, (stop.clone(), alone));
    }
    let job = JobRef {
        job: JobId::from_uuid(id.uuid()),
        run: as_run(id),
        epoch: ASIDE,
    };
    let report = Report::new(context.clone(), job, stop.clone());
    let work = tokio::spawn(Box::pin(make_ready(report, start)));
    let ended = work.await.unwrap_or_else(|_| {
        tracing::error!(environment = %id, "making it ready ended by a defect");
        Err(Halt::failed(Reason::Internal, "the runner's log says what"))
    });
    match ended {
        Ok(()) => tell(&context, id, EnvironmentState::Ready {}).await,
        Err(Halt::Failed(failure)) if stop.why().is_none() => fail(&context, id, &failure).await,
        // It was told to stop: whoever did that says what became of it, or a later life begins anew.
        Err(_) => {}
    }
    context.environments.preparing().remove(&id);
    drop(held);
}

async fn fail(context: &Context, id: EnvironmentId, failure: &Failure) {
    tracing::info!(environment = %id, reason = %failure.reason, "an environment cannot be made ready");
    clear(context, id).await;
    let detail = context
        .vault
        .seal(as_run(id), "detail", 0, failure.detail.as_bytes());
    let state = EnvironmentState::Failed {
        reason: failure.reason,
        detail: detail.ok(),
    };
    tell(context, id, state).await;
}

async fn make_ready(report: Report, start: EnvironmentStart) -> Result<(), Halt> {
    let context = report.context.clone();
    let id = start.environment;
    let (order, policy) = admit(&context, &start)?;
    context.environments.enter(id, &order.project, None).await?;
    let token = report.stop.token().clone();
    let _alone = tokio::select! {
        biased;
        () = token.cancelled() => return Err(Halt::Stopped),
        alone = context.environments.heavy.lock() => alone,
    };
    let dir = context.environments.dir.join(id.to_string());
    leftovers::remove(&dir).await;
    let report = report.within(walls(&context, &order, &policy).await?);
    let warmed = warm(&report, &order, &dir).await;
    leftovers::remove(&dir).await;
    // What it started is of no use to a later life.
    let which = freehold_wire::link::RunRef {
        run: report.job.run,
        epoch: ASIDE,
    };
    let _ = context.journal.forget(which).await;
    warmed?;
    let mut places = context.environments.places();
    if let Some(place) = places.get_mut(&id) {
        place.ready = true;
        context.environments.write(id, place)?;
    }
    Ok(())
}

fn admit(context: &Context, start: &EnvironmentStart) -> Result<(Order, Policy), Halt> {
    let refused = |detail: String| Halt::failed(Reason::OrderRefused, detail);
    let policy = Policy::load(&context.policy_file())?;
    let door = Door {
        tenant: context.identity.tenant(),
        key: context.identity.order_key(),
        vault: &context.vault,
        policy: &policy,
        now: context.clock.now(),
    };
    let order = door
        .admit_environment(start)
        .map_err(|error| refused(error.to_string()))?;
    Ok((order, policy))
}

/// What a run would fetch and set up, without a run: the objects come into the store, and the result
/// of setup into the cache.
async fn warm(report: &Report, order: &Order, dir: &Path) -> Result<(), Halt> {
    let folder = Folder::below(dir);
    let staging = async {
        let (store, target) = stage::open(&report.context, &order.project).await?;
        let tip = store.fetch(&target).await?;
        project::is_there(&store, tip.as_ref(), &order.project).await?;
        let directory = order.project.directory.as_ref();
        let project = project::read_all(&store, tip.as_ref(), directory).await?;
        if project.file.setup.is_some() {
            // As a run's: the same files, so that what setup makes of them is what a run finds.
            let shape = stage::shape(&store, tip.as_ref(), directory, false).await?;
            stage::fill(report, &store, tip.as_ref(), &folder, &shape, None).await?;
        }
        let mut local = vec![];
        if project.file.setup.is_some() {
            let at = tip.as_ref();
            local = local::lay(report, &store, &order.project, at, &folder, true).await?;
        }
        Ok::<_, Halt>((store, tip, project, local))
    };
    let (store, tip, project, local) = tokio::select! {
        biased;
        () = report.stop.token().cancelled() => return Err(Halt::Stopped),
        staged = staging => staged?,
    };
    let report = devcontainer::within(report, order, &project).await?;
    let ground = Ground {
        report: &report,
        order,
        store: &store,
        folder: &folder,
        untouched: true,
        local: &local,
    };
    ground.prepare(&project, tip.as_ref()).await.map(drop)
}

/// Clears an environment's place, once nobody is in it, and says what was kept. Clearing what is not
/// here is done at once.
pub(crate) async fn stop(context: Arc<Context>, id: EnvironmentId) {
    let under_way = context.environments.preparing().get(&id).cloned();
    if let Some((stop, alone)) = under_way {
        stop.stop(Why::Cancelled);
        drop(alone.lock().await);
    }
    if let Some(kept) = clear(&context, id).await {
        let kept = kept.into_iter().collect();
        tell(&context, id, EnvironmentState::Stopped { kept }).await;
    }
}

/// Removes the workspaces whose work is on the remote, and the store where nobody else needs it. Gives
/// what was kept; `None` while a job is in it.
async fn clear(context: &Context, id: EnvironmentId) -> Option<BTreeSet<RunId>> {
    let environments = &context.environments;
    let _closed = environments.doors.lock().await;
    let Some(place) = environments.places().get(&id).cloned() else {
        return Some(BTreeSet::new());
    };
    let runs = environments.runs_of(&place);
    if runs.iter().any(|run| context.jobs.holds_run(*run)) {
        tracing::info!(environment = %id, "a job is in it; not cleared yet");
        return None;
    }
    let mut kept = BTreeSet::new();
    for run in &runs {
        let dir = context.run_dir(*run);
        if !dir.exists() {
            continue;
        }
        match is_on_the_remote(context, &place, *run, &dir).await {
            Ok(()) => leftovers::remove(&dir).await,
            Err(why) => {
                tracing::warn!(environment = %id, %run, why, "a workspace is kept");
                kept.insert(*run);
            }
        }
    }
    // First: what is not written down would be broken by the next one that is cleared.
    if let Err(error) = environments.outlive(&place, &kept) {
        tracing::warn!(%error, "what an environment keeps could not be written down; not cleared yet");
        return None;
    }
    if !environments.is_shared(id, &place)
        && let Ok(remote) = Remote::parse(&place.remote)
    {
        leftovers::remove(&context.store_dir(&remote)).await;
    }
    let taken = environments
        .places()
        .iter()
        .any(|(other, theirs)| *other != id && theirs.project == place.project);
    if !taken && let Some(_turn) = context.trees.try_enter(place.project) {
        leftovers::remove(&Trees::folder(&context.data, place.project)).await;
    }
    environments.places().remove(&id);
    if let Err(error) = fs::remove_file(environments.file(id)) {
        tracing::warn!(%error, "what was written down of an environment could not be removed");
    }
    Some(kept)
}

/// Whether everything in a run's workspace is in a commit that the remote has.
async fn is_on_the_remote(
    context: &Context,
    place: &Place,
    run: RunId,
    dir: &Path,
) -> Result<(), String> {
    let file = dir.join("kept.json");
    let kept = fs::read(&file).ok();
    let kept: Option<Kept> = kept.and_then(|text| serde_json::from_slice(&text).ok());
    let Some((commit, epoch)) = kept.and_then(|kept| kept.commit.zip(kept.epoch)) else {
        return Err("it is not known what is in it".into());
    };
    let parked = fs::metadata(&file).map_err(|error| error.to_string())?;
    let parked = (parked.ctime(), parked.ctime_nsec());
    let root = dir.to_owned();
    let looked = tokio::task::spawn_blocking(move || is_untouched(&root, parked));
    if !looked.await.unwrap_or(false) {
        return Err("something was changed in it since it was parked".into());
    }
    let remote = Remote::parse(&place.remote).map_err(|error| chain(&error))?;
    let there = async {
        let store = context
            .git
            .store(&context.store_dir(&remote), &remote)
            .await?;
        store
            .fetch_run(&RunRef::new(&run.to_string(), epoch)?)
            .await
    };
    match there.await {
        Ok(Some(oid)) if Oid::parse(&commit).is_ok_and(|commit| commit == oid) => Ok(()),
        Ok(_) => Err("its work is not on the remote".into()),
        Err(error) => Err(chain(&error)),
    }
}

/// Whether nothing of a run's folder was changed after `parked` (seconds and nanoseconds, as the
/// kernel keeps the time of a change, which no program can set back). Its home is the conversation's,
/// which was parked itself.
fn is_untouched(dir: &Path, parked: (i64, i64)) -> bool {
    let mut todo = vec![dir.to_owned()];
    let mut looked = 0;
    while let Some(path) = todo.pop() {
        looked += 1;
        let Ok(meta) = fs::symlink_metadata(&path) else {
            return false;
        };
        if looked > LOOKED_MAX || (meta.ctime(), meta.ctime_nsec()) > parked {
            return false;
        }
        if meta.is_dir() {
            let Ok(entries) = fs::read_dir(&path) else {
                return false;
            };
            let below = entries.flatten().map(|entry| entry.path());
            todo.extend(below.filter(|path| *path != dir.join("home")));
        }
    }
    true
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
