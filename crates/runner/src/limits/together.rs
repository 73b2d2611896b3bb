//! What all runs of this runner may use up together. A runner belongs to one tenant: on its machine
//! this is the tenant's bound.
//!
//! Memory, tasks and processors are held by the sandbox. What runs keep on the disk is added up here,
//! from what each run's own watch measured last; past the bound the run that keeps most is ended.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use freehold_model::{Limit, Limits};
use tokio_util::sync::CancellationToken;

use super::Reached;
use super::disk::{Held, Most};

/// The limits that there are for all together.
pub(crate) const LIMITS: [Limit; 5] = [
    Limit::Memory,
    Limit::Tasks,
    Limit::Cpu,
    Limit::Disk,
    Limit::Files,
];

/// The bound, and who is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Together {
    /// A number that no other runner has.
    pub(crate) owner: u128,
    pub(crate) limits: Limits,
    pub(crate) shares: Arc<Shares>,
}

/// What each process under watch keeps on the disk.
#[derive(Debug, Default)]
pub(crate) struct Shares(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    shares: BTreeMap<u64, Kept>,
}

#[derive(Debug)]
struct Kept {
    /// The run's: its processes keep the same folders, which count once.
    run: PathBuf,
    held: Held,
    over: CancellationToken,
    reached: Option<Reached>,
}

/// One process's part; it counts no more when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    id: u64,
    together: Together,
}

impl PartialEq for Shares {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Shares {}

impl Shares {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Together {
    /// A part of it for a process of the run that `run` is the folder of. `over` is cancelled when
    /// the run is to end for all.
    pub(crate) fn share(&self, run: PathBuf, over: CancellationToken) -> Share {
        let mut state = self.shares.state();
        state.last += 1;
        let id = state.last;
        let kept = Kept {
            run,
            held: Held::default(),
            over,
            reached: None,
        };
        state.shares.insert(id, kept);
        Share {
            id,
            together: self.clone(),
        }
    }
}

impl Share {
    /// Past this a walk need not go on: it is over the bound alone.
    pub(crate) fn most(&self) -> Most {
        let value = |limit| self.together.limits.get(&limit).copied();
        Most {
            bytes: value(Limit::Disk),
            files: value(Limit::Files),
        }
    }

    /// What the process keeps by now.
    pub(crate) fn tell(&self, held: Held) {
        let mut state = self.together.shares.state();
        if let Some(kept) = state.shares.get_mut(&self.id) {
            kept.held = held;
        }
        let most = self.most();
        end_largest(&mut state.shares, Limit::Disk, most.bytes, |held| {
            held.bytes
        });
        end_largest(&mut state.shares, Limit::Files, most.files, |held| {
            held.files
        });
    }

    /// Why its run was chosen to end, if it was.
    pub(crate) fn reached(&self) -> Option<Reached> {
        self.together.shares.state().shares.get(&self.id)?.reached
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.together.shares.state().shares.remove(&self.id);
    }
}

/// Ends the run that keeps most, when all that go on keep more than `most`.
fn end_largest(
    shares: &mut BTreeMap<u64, Kept>,
    limit: Limit,
    most: Option<u64>,
    of: impl Fn(Held) -> u64,
) {
    let Some(value) = most else { return };
    let mut runs = BTreeMap::<&PathBuf, u64>::new();
    for kept in shares.values().filter(|kept| kept.reached.is_none()) {
        let run = runs.entry(&kept.run).or_default();
        *run = (*run).max(of(kept.held));
    }
    let peak = runs
        .values()
        .fold(0, |sum: u64, one| sum.saturating_add(*one));
    let largest = runs.into_iter().max_by_key(|(_, one)| *one);
    let Some(run) = largest.map(|(run, _)| run.clone()) else {
        return;
    };
    if peak <= value {
        return;
    }
    for kept in shares.values_mut().filter(|kept| kept.run == run) {
        kept.reached = Some(Reached {
            limit,
            value,
            peak,
            together: true,
        });
        kept.over.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(bytes: u64) -> Held {
        Held { bytes, files: 1 }
    }

    #[test]
    fn the_run_that_keeps_most_ends_and_what_it_kept_counts_no_more() {
        let together = Together {
            owner: 1,
            limits: [(Limit::Disk, 100)].into(),
            shares: Arc::default(),
        };
        let share = |run: &str| {
            let over = CancellationToken::new();
            (together.share(run.into(), over.clone()), over)
        };
        let (small, small_over) = share("a");
        let (large, large_over) = share("b");
        small.tell(held(30));
        large.tell(held(60));
        // Another process of the same run keeps the same.
        let (beside, beside_over) = share("b");
        beside.tell(held(60));
        assert!(!large_over.is_cancelled());
        // Not the one that was last, but the one that keeps most.
        small.tell(held(45));
        assert!(large_over.is_cancelled() && beside_over.is_cancelled());
        let reached = large.reached().unwrap();
        assert_eq!((reached.value, reached.peak), (100, 105));
        small.tell(held(90));
        assert!(!small_over.is_cancelled());
        assert_eq!(small.reached(), None);
        // Gone, it leaves its room to others.
        drop((large, beside));
        drop(small);
        let (next, next_over) = share("c");
        next.tell(held(99));
        assert!(!next_over.is_cancelled());
        // Of another runner.
        let other = Together {
            shares: Arc::default(),
            ..together
        };
        other
            .share("d".into(), CancellationToken::new())
            .tell(held(99));
        assert!(!next_over.is_cancelled());
    }
}
