//! What the servers have committed. A handler's changes are one transaction: they are here all
//! together or not at all.

use std::collections::{BTreeMap, BTreeSet};

use freehold_model::RunId;
use freehold_model::run::{Command, Effect, Refusal, Run, apply};

/// A run and all that was taken of it.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) life: Run,
    pub(crate) id: RunId,
    /// (epoch, the runner's count), in the order of the run's own numbers.
    pub(crate) events: Vec<(u32, u32)>,
    /// Approvals that took effect.
    pub(crate) approvals: u32,
    /// When its lease was last made or renewed, by the one true clock.
    pub(crate) renewed: u64,
    /// A person was told that a landing's outcome is not known.
    pub(crate) was_unsure: bool,
}

/// What a person asked for under one idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(pub(crate) usize);

#[derive(Debug, Default, Clone)]
pub(crate) struct Database {
    pub(crate) runs: Vec<Record>,
    /// The last frame taken of each runner.
    pub(crate) taken: BTreeMap<usize, u64>,
    /// What each key did first: the run, and whether it was done.
    pub(crate) keys: BTreeMap<Key, (usize, bool)>,
    /// Terminal states as they were first seen.
    ended: BTreeMap<usize, Run>,
}

impl Database {
    /// The only way to change a run's life, as in the engine. Every change is looked at.
    pub(crate) fn advance(&mut self, run: usize, command: Command) -> Result<Vec<Effect>, Refusal> {
        let record = &mut self.runs[run];
        let before = record.life.clone();
        let result = apply(&mut record.life, command.clone());
        let after = &record.life;
        assert!(
            result.is_ok() || *after == before,
            "a refusal changed a run: {command:?}"
        );
        assert!(after.epoch >= before.epoch, "an epoch fell: {command:?}");
        if matches!(command, Command::Approve(_)) && result.as_ref().is_ok_and(|e| !e.is_empty()) {
            record.approvals += 1;
        }
        if before.state == freehold_model::run::State::Landing
            && after.state == freehold_model::run::State::Waiting
            && after.reason == Some(freehold_model::Reason::RunnerLost)
        {
            record.was_unsure = true;
        }
        if let Some(ended) = self.ended.get(&run) {
            assert_eq!(ended, after, "I2: an ended run changed: {command:?}");
        } else if after.state.is_terminal() {
            self.ended.insert(run, after.clone());
        }
        result
    }

    /// Leases that are in force, by runner.
    pub(crate) fn held(&self, runner: usize) -> impl Iterator<Item = usize> + '_ {
        let id = super::runner_id(runner);
        (0..self.runs.len()).filter(move |run| {
            let lease = self.runs[*run].life.lease.as_ref();
            lease.is_some_and(|lease| lease.runner == id)
        })
    }

    /// I5: every run's events are each there once, and each epoch's in order from 1 without a gap.
    pub(crate) fn check_events(&self) {
        for (run, record) in self.runs.iter().enumerate() {
            let mut last: BTreeMap<u32, u32> = BTreeMap::new();
            let mut seen = BTreeSet::new();
            for (epoch, n) in &record.events {
                assert!(
                    seen.insert((*epoch, *n)),
                    "I5: run {run} has event {epoch}/{n} twice"
                );
                let before = last.insert(*epoch, *n).unwrap_or(0);
                assert_eq!(
                    *n,
                    before + 1,
                    "I5: run {run} lacks an event before {epoch}/{n}"
                );
            }
        }
    }
}
