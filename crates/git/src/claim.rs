//! Claiming an epoch of a run on the client's remote, which is the arbiter between two runners who
//! both believe that they hold it.

use std::collections::BTreeMap;

use crate::lock::Hold;
use crate::process::Input;
use crate::push::{Pushed, Update};
use crate::{GitError, Oid, Result, RunRef, Store};

/// How often a claim is tried again because other epochs of the run changed meanwhile.
const MAX_ROUNDS: u32 = 5;
/// How many refs are deleted in one push, far below any bound on arguments.
const MAX_DELETIONS: usize = 200;

/// Who holds an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// We do. The value is what the epoch's ref now points to: pass it on as `expected` or `claimed`.
    Held(Oid),
    /// Someone else does.
    Taken {
        /// The newest epoch on the remote: the one asked for, or a later one.
        epoch: u32,
    },
}

impl Store {
    /// Claims an epoch by creating its ref at `at` (for an empty remote: at a fixed commit without
    /// files), in one atomic push with the deletion of the run's older refs that are not in `keep`.
    ///
    /// Held means: the ref was created by this call, no newer epoch existed after that, and no older
    /// one that is not kept is left. An older epoch that is kept can no longer land or move its ref,
    /// but only because its holder looks first; claim at the checkpoint instead of keeping it where you can.
    ///
    /// # Errors
    /// [`GitError::Refused`] by a hook or rule, [`GitError::NoAtomic`], [`GitError::Unknown`] when the
    /// answer was lost and the ref does not show; the remote kinds.
    pub async fn claim(
        &self,
        run: &str,
        epoch: u32,
        at: Option<&Oid>,
        keep: &[u32],
    ) -> Result<Claim> {
        const DOING: &str = "a claim";
        let name = RunRef::new(run, epoch)?;
        let hold = self.hold().await?;
        let value = match at {
            Some(oid) => oid.clone(),
            None => self.marker(&hold, None).await?,
        };
        let mut ours = false;
        for _ in 0..MAX_ROUNDS {
            let refs = self.epochs(&name).await?;
            let newest = refs.last_key_value().map(|(epoch, _)| *epoch);
            match newest {
                Some(newest) if newest > epoch => {
                    if ours {
                        self.withdraw(&hold, &name, &value).await?;
                    }
                    return Ok(Claim::Taken { epoch: newest });
                }
                Some(newest) if newest == epoch && !ours => return Ok(Claim::Taken { epoch }),
                _ if ours && refs.get(&epoch) != Some(&value) => return Err(fenced(&name)),
                _ => {}
            }
            let mut updates = older(&name, &refs, keep)?;
            if ours && updates.is_empty() {
                return Ok(Claim::Held(value));
            }
            if !ours {
                updates.push(Update {
                    name: name.to_string(),
                    from: None,
                    to: Some(value.clone()),
                });
            }
            match self.push(&hold, DOING, &updates).await? {
                Pushed::Applied => ours = true,
                Pushed::Rejected { said } => {
                    // Someone was faster, or the remote does not want it: only its refs can tell.
                    if self.epochs(&name).await? == refs {
                        return Err(self.refused(said));
                    }
                }
                Pushed::Lost(lost) => {
                    let now = self
                        .epochs(&name)
                        .await
                        .map_err(|_| self.unknown(DOING, &lost))?;
                    match now.get(&epoch) {
                        Some(oid) if *oid == value => ours = true,
                        _ if now.keys().any(|e| *e >= epoch) => {}
                        _ => return Err(self.unknown(DOING, &lost)),
                    }
                }
            }
        }
        Err(self.refused("other epochs of this run keep changing".into()))
    }

    /// Moves a held epoch's ref from what was last pushed there to `head`. Done already is done.
    ///
    /// # Errors
    /// [`GitError::Fenced`] when the ref is gone or elsewhere or a newer epoch exists;
    /// [`GitError::Unknown`] when the answer was lost; [`GitError::Refused`]; the remote kinds.
    pub async fn checkpoint(
        &self,
        run: &str,
        epoch: u32,
        expected: &Oid,
        head: &Oid,
    ) -> Result<()> {
        const DOING: &str = "a checkpoint";
        let name = RunRef::new(run, epoch)?;
        let hold = self.hold().await?;
        if self.is_moved(&name, expected, head).await? {
            return Ok(());
        }
        let update = Update {
            name: name.to_string(),
            from: Some(expected.clone()),
            to: Some(head.clone()),
        };
        match self.push(&hold, DOING, &[update]).await? {
            Pushed::Applied => Ok(()),
            Pushed::Rejected { said } if self.is_moved(&name, expected, head).await? => {
                tracing::debug!(said, "the ref is there all the same");
                Ok(())
            }
            Pushed::Rejected { said } => Err(self.refused(said)),
            Pushed::Lost(lost) => match self.is_moved(&name, expected, head).await {
                Ok(true) => Ok(()),
                Err(fenced @ GitError::Fenced { .. }) => Err(fenced),
                Ok(false) | Err(_) => Err(self.unknown(DOING, &lost)),
            },
        }
    }

    /// Deletes refs of runs on the remote and here. Those that are gone already are fine.
    ///
    /// # Errors
    /// [`GitError::Refused`] when the remote forbids deletions; the remote kinds.
    pub async fn delete_runs(&self, refs: &[RunRef]) -> Result<()> {
        let hold = self.hold().await?;
        for chunk in refs.chunks(MAX_DELETIONS) {
            let names: Vec<String> = chunk.iter().map(RunRef::to_string).collect();
            let there = self.git.list(&self.remote, &names).await?.refs;
            let gone = |name: &String| {
                there.get(name).map(|oid| Update {
                    name: name.clone(),
                    from: Some(oid.clone()),
                    to: None,
                })
            };
            let updates: Vec<Update> = names.iter().filter_map(gone).collect();
            if !updates.is_empty() {
                self.delete_all(&hold, &names, &updates).await?;
            }
            for name in chunk {
                for private in [name.fetched(), name.imported()] {
                    let call = self.call(
                        &hold,
                        "forgetting a run",
                        ["update-ref", "--no-deref", "-d", private.as_str()],
                    )?;
                    self.done(call).await?;
                }
            }
        }
        Ok(())
    }

    async fn delete_all(&self, hold: &Hold, names: &[String], updates: &[Update]) -> Result<()> {
        const DOING: &str = "deleting refs of runs";
        let pushed = self.push(hold, DOING, updates).await?;
        if matches!(pushed, Pushed::Applied) {
            return Ok(());
        }
        let left = self.git.list(&self.remote, names).await?.refs;
        match pushed {
            _ if !names.iter().any(|name| left.contains_key(name)) => Ok(()),
            Pushed::Rejected { said } => Err(self.refused(said)),
            Pushed::Lost(lost) => Err(self.unknown(DOING, &lost)),
            Pushed::Applied => Ok(()),
        }
    }

    /// The run's epochs on the remote behind `after` and before `before`: who held them, and not here.
    ///
    /// # Errors
    /// The remote kinds.
    pub async fn epochs_between(&self, run: &str, after: u32, before: u32) -> Result<Vec<u32>> {
        let name = RunRef::new(run, before)?;
        let there = self.epochs(&name).await?.into_keys();
        Ok(there
            .filter(|epoch| *epoch > after && *epoch < before)
            .collect())
    }

    pub(crate) async fn epochs(&self, name: &RunRef) -> Result<BTreeMap<u32, Oid>> {
        Ok(self
            .git
            .list(&self.remote, &[name.pattern()])
            .await?
            .epochs(name.run()))
    }

    /// Whether the epoch's ref is at `to` already; an error unless it is there or at `from`, and newest.
    async fn is_moved(&self, name: &RunRef, from: &Oid, to: &Oid) -> Result<bool> {
        let refs = self.epochs(name).await?;
        let now = refs.get(&name.epoch());
        if refs.keys().any(|e| *e > name.epoch()) || !(now == Some(from) || now == Some(to)) {
            return Err(fenced(name));
        }
        Ok(now == Some(to))
    }

    /// Takes back a claim that lost to a newer epoch. Gone or moved is fine: it is not ours then.
    async fn withdraw(&self, hold: &Hold, name: &RunRef, value: &Oid) -> Result<()> {
        let update = Update {
            name: name.to_string(),
            from: Some(value.clone()),
            to: None,
        };
        self.push(hold, "withdrawing a claim", &[update])
            .await
            .map(drop)
    }

    /// A commit that is the same everywhere: no files and no parent, or the files of its parent.
    pub(crate) async fn marker(&self, hold: &Hold, parent: Option<&Oid>) -> Result<Oid> {
        let tree = match parent {
            Some(oid) => format!("{oid}^{{tree}}"),
            None => {
                // The well-known empty tree need not be among the objects: write it.
                let call = self
                    .call(hold, "making a marker", ["mktree"])?
                    .input(Input::Bytes(Vec::new()));
                Oid::from_output(&self.done(call).await?.stdout)?.to_string()
            }
        };
        let mut call = self.call(
            hold,
            "making a marker",
            [
                "commit-tree",
                tree.as_str(),
                "-m",
                "Freehold: this run holds its epoch",
            ],
        )?;
        if let Some(oid) = parent {
            call = call.arg("-p").arg(oid.as_str());
        }
        for (name, mail, date) in [
            ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE"),
            (
                "GIT_COMMITTER_NAME",
                "GIT_COMMITTER_EMAIL",
                "GIT_COMMITTER_DATE",
            ),
        ] {
            call = call
                .env(name, "Freehold")
                .env(mail, "freehold@freehold.invalid")
                .env(date, "@1 +0000");
        }
        Oid::from_output(&self.done(call).await?.stdout)
    }
}

pub(crate) fn fenced(name: &RunRef) -> GitError {
    GitError::Fenced {
        run: name.run().to_owned(),
        epoch: name.epoch(),
    }
}

/// Deletions of the run's older epochs that nobody asked to keep.
fn older(name: &RunRef, refs: &BTreeMap<u32, Oid>, keep: &[u32]) -> Result<Vec<Update>> {
    let old = refs
        .range(..name.epoch())
        .filter(|(epoch, _)| !keep.contains(epoch));
    old.map(|(epoch, oid)| {
        Ok(Update {
            name: RunRef::new(name.run(), *epoch)?.to_string(),
            from: Some(oid.clone()),
            to: None,
        })
    })
    .collect()
}
