//! The jobs that this life of the runner holds, and the ways to stop them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use freehold_model::RunId;
use freehold_wire::link::JobRef;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Why a job was told to stop. The last one counts most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// The runner is leaving: reported as lost, so that another goes on.
    Drained,
    /// A person wants it stopped.
    Cancelled,
    /// It is somebody else's by now: nothing more is said of it.
    Fenced,
}

/// Tells one job to stop, and why. Clones tell the same job.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    token: CancellationToken,
    fenced: CancellationToken,
    why: Arc<Mutex<Option<Why>>>,
}

impl Stop {
    /// Tells it. A stronger reason replaces a weaker one.
    pub(crate) fn stop(&self, why: Why) {
        let mut now = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        *now = (*now).max(Some(why));
        self.token.cancel();
        if why == Why::Fenced {
            self.fenced.cancel();
        }
    }

    /// Cancelled when nobody may hear of the job any more.
    pub(crate) const fn fenced(&self) -> &CancellationToken {
        &self.fenced
    }

    /// Why, once it was told.
    pub(crate) fn why(&self) -> Option<Why> {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancelled when it was told.
    pub(crate) const fn token(&self) -> &CancellationToken {
        &self.token
    }
}

type Held = HashMap<(RunId, u32), (JobRef, Stop)>;
/// One at a time works in the folder of a run.
type Lock = Arc<tokio::sync::Mutex<()>>;

/// The jobs that are held now. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    held: Arc<Mutex<Held>>,
    locks: Arc<Mutex<HashMap<RunId, Lock>>>,
    count: Arc<watch::Sender<usize>>,
}

impl Jobs {
    pub(crate) fn new() -> Self {
        Self {
            held: Arc::default(),
            locks: Arc::default(),
            count: Arc::new(watch::Sender::new(0)),
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a job from now on. Older epochs of its run are told that they are fenced.
    pub(crate) fn hold(&self, job: JobRef) -> Stop {
        let stop = Stop::default();
        let mut held = self.held();
        for (other, stop) in held.values() {
            if other.run == job.run && other.epoch < job.epoch {
                stop.stop(Why::Fenced);
            }
        }
        held.insert((job.run, job.epoch), (job, stop.clone()));
        self.count.send_replace(held.len());
        stop
    }

    /// Holds it no longer.
    pub(crate) fn release(&self, job: JobRef) {
        let mut held = self.held();
        held.remove(&(job.run, job.epoch));
        let other = held.keys().any(|(run, _)| *run == job.run);
        if !other {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.remove(&job.run);
        }
        self.count.send_replace(held.len());
    }

    /// Tells a held job to stop; false when it is not held.
    pub(crate) fn stop(&self, run: RunId, epoch: u32, why: Why) -> bool {
        let held = self.held();
        let found = held.get(&(run, epoch));
        found.inspect(|(_, stop)| stop.stop(why)).is_some()
    }

    /// Tells all to stop.
    pub(crate) fn stop_all(&self, why: Why) {
        for (_, stop) in self.held().values() {
            stop.stop(why);
        }
    }

    /// All that are held.
    pub(crate) fn list(&self) -> Vec<JobRef> {
        self.held().values().map(|(job, _)| *job).collect()
    }

    /// Whether any epoch of this run is held.
    pub(crate) fn holds_run(&self, run: RunId) -> bool {
        self.held().keys().any(|(held, _)| *held == run)
    }

    /// How many, as it changes.
    pub(crate) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    /// The right to work in the folder of a run, to be locked.
    pub(crate) fn folder(&self, run: RunId) -> Lock {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry(run).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_model::JobId;

    #[test]
    fn a_newer_epoch_fences_the_older_and_the_strongest_reason_stays() {
        let jobs = Jobs::new();
        let job = |epoch| JobRef {
            job: JobId::at(chrono::DateTime::UNIX_EPOCH, [1; 10]),
            run: RunId::at(chrono::DateTime::UNIX_EPOCH, [2; 10]),
            epoch,
        };
        let old = jobs.hold(job(1));
        let new = jobs.hold(job(2));
        assert_eq!((old.why(), new.why()), (Some(Why::Fenced), None));
        assert!(jobs.stop(job(2).run, 2, Why::Cancelled));
        jobs.stop_all(Why::Drained);
        assert_eq!(new.why(), Some(Why::Cancelled));
        jobs.release(job(1));
        assert!(!jobs.stop(job(1).run, 1, Why::Fenced));
        assert_eq!(*jobs.count().borrow(), 1);
    }
}
