//! The client's git repository: commits, the runs' refs and the target branch. A push is one atomic
//! compare-and-swap of several refs, as `git push --atomic --force-with-lease` is.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Commit = usize;

/// A ref that runs know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Target,
    /// `refs/freehold/<run>/<epoch>`.
    Epoch(usize, u32),
}

/// What a ref must be, and what it shall be; nothing is no ref.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) name: Name,
    pub(crate) from: Option<Commit>,
    pub(crate) to: Option<Commit>,
}

#[derive(Debug, Default)]
pub(crate) struct Remote {
    parents: Vec<Vec<Commit>>,
    refs: BTreeMap<Name, Commit>,
    /// Each change of the target: before, after.
    pub(crate) target_moves: Vec<(Commit, Commit)>,
}

impl Remote {
    pub(crate) fn new() -> Self {
        let mut remote = Self::default();
        let root = remote.commit(vec![]);
        remote.refs.insert(Name::Target, root);
        remote
    }

    /// A commit comes into being wherever it is made; only refs are shared.
    pub(crate) fn commit(&mut self, parents: Vec<Commit>) -> Commit {
        self.parents.push(parents);
        self.parents.len() - 1
    }

    pub(crate) fn target(&self) -> Commit {
        self.refs[&Name::Target]
    }

    pub(crate) fn at(&self, name: Name) -> Option<Commit> {
        self.refs.get(&name).copied()
    }

    /// A run's epochs that have refs.
    pub(crate) fn epochs(&self, run: usize) -> BTreeMap<u32, Commit> {
        let of_run = Name::Epoch(run, 0)..=Name::Epoch(run, u32::MAX);
        let epoch = |name: &Name| match name {
            Name::Epoch(_, epoch) => *epoch,
            Name::Target => unreachable!("only epochs are in the range"),
        };
        (self.refs.range(of_run))
            .map(|(name, commit)| (epoch(name), *commit))
            .collect()
    }

    /// Whether `commit` is in the history of `head`.
    pub(crate) fn contains(&self, head: Commit, commit: Commit) -> bool {
        let (mut open, mut seen) = (vec![head], BTreeSet::new());
        while let Some(one) = open.pop() {
            if one == commit {
                return true;
            }
            // Parents are older, and so have smaller numbers.
            if one > commit && seen.insert(one) {
                open.extend(&self.parents[one]);
            }
        }
        false
    }

    /// All of it or nothing; whether it was done.
    pub(crate) fn push(&mut self, updates: &[Update]) -> bool {
        if updates.iter().any(|one| self.at(one.name) != one.from) {
            return false;
        }
        for one in updates {
            match one.to {
                Some(to) => {
                    if one.name == Name::Target {
                        self.target_moves.push((self.target(), to));
                    }
                    self.refs.insert(one.name, to);
                }
                None => {
                    self.refs.remove(&one.name);
                }
            }
        }
        true
    }
}
