//! What changed, for those who watch: hints from the database as facts that a person may see.

use freehold_model::{CardId, RunId};
use freehold_store::{Hint, Noun};
use freehold_wire::api::Change;

use crate::{Caller, Engine, Result};

/// Things that changed and were not told yet. Bounded by [`Pending::MAX`]: past that, the
/// watcher is told to look at everything.
#[derive(Debug, Default)]
pub struct Pending {
    runs: Vec<RunId>,
    cards: Vec<CardId>,
    nouns: Vec<Noun>,
    all: bool,
}

impl Pending {
    /// Most things that are told apart in one go; a board shows no more at once.
    pub const MAX: usize = 500;

    /// Takes a hint; the same thing twice is one change.
    pub fn add(&mut self, hint: Hint) {
        fn put<T: PartialEq>(list: &mut Vec<T>, item: T) {
            if !list.contains(&item) {
                list.push(item);
            }
        }
        match hint {
            Hint::Run(run) => put(&mut self.runs, run),
            Hint::Card(card) => put(&mut self.cards, card),
            Hint::Settings(noun) => put(&mut self.nouns, noun),
            Hint::Queue | Hint::Link(_) | Hint::Question => {}
        }
        if self.runs.len() + self.cards.len() > Self::MAX {
            self.lost();
        }
    }

    /// Hints were lost, or are too many.
    pub fn lost(&mut self) {
        *self = Self {
            all: true,
            ..Self::default()
        };
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.runs.is_empty() && self.cards.is_empty() && self.nouns.is_empty()
    }

    /// Whether somebody signed out: a watcher looks whether it was it.
    #[must_use]
    pub fn concerns_tokens(&self) -> bool {
        self.all || self.nouns.contains(&Noun::Token)
    }
}

impl Engine {
    /// What there is to tell, in one look at the database. Ids, states and counts only.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn changes(&self, caller: &Caller, pending: Pending) -> Result<Vec<Change>> {
        if pending.all {
            return Ok(vec![Change::Resync]);
        }
        let mut changes = Vec::new();
        if !pending.runs.is_empty() || !pending.cards.is_empty() {
            let mut tx = self.store().begin(caller.tenant).await?;
            for now in tx.run_now(&pending.runs).await? {
                changes.push(Change::Run {
                    run: now.id,
                    card: now.card,
                    project: now.project,
                    state: now.state,
                    last_seq: u64::try_from(now.last_seq).unwrap_or(0),
                    epoch: now.epoch,
                });
            }
            for (card, project) in tx.card_projects(&pending.cards).await? {
                changes.push(Change::Card { card, project });
            }
        }
        changes.extend(
            pending
                .nouns
                .into_iter()
                .filter(|noun| *noun != Noun::Token)
                .map(|noun| Change::Settings {
                    noun: noun.word().to_owned(),
                }),
        );
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_hint_twice_is_one_and_too_many_are_all() {
        let mut pending = Pending::default();
        assert!(pending.is_empty());
        let run = RunId::from_uuid(uuid::Uuid::from_u128(1));
        pending.add(Hint::Run(run));
        pending.add(Hint::Run(run));
        pending.add(Hint::Queue);
        assert_eq!(pending.runs, [run]);
        for n in 0..=Pending::MAX as u128 {
            pending.add(Hint::Run(RunId::from_uuid(uuid::Uuid::from_u128(n))));
        }
        assert!(pending.all && pending.runs.is_empty());
        assert!(!pending.is_empty() && pending.concerns_tokens());
    }
}
