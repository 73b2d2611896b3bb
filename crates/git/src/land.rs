//! Landing: the one push that changes the client's branch.

use crate::lock::Hold;
use crate::push::{Pushed, Update};
use crate::read::MAX_LIST;
use crate::{BranchName, GitError, Oid, Result, RunRef, Store};

/// How a landing ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Land {
    /// The commit is on the branch, by this push or an earlier one.
    Done,
    /// The branch is not where it was expected; nothing was changed.
    Moved {
        /// Where it is now; `None` when it is gone.
        now: Option<Oid>,
    },
    /// A newer epoch holds the run; nothing was changed.
    Fenced,
    /// The remote refused (hook, protected branch, full disk); nothing was changed.
    Refused {
        /// Its own words.
        text: String,
    },
}

/// One landing, as the remote must find it.
struct Landing<'a> {
    name: RunRef,
    claimed: &'a Oid,
    target: &'a BranchName,
    expected: Option<&'a Oid>,
    commit: &'a Oid,
}

impl Store {
    /// Fast-forwards `target` from `expected` (`None`: it must not exist) to `commit`, in one atomic
    /// push with the run's epoch ref, which moves from `claimed` to `commit`; so whoever was
    /// superseded cannot land. Where the epoch's ref is at `commit` already it moves on to a commit
    /// with the same files, because a ref that does not change is not part of the transaction.
    ///
    /// Safe to repeat after any error: a landing that took effect is found, not done again.
    ///
    /// # Errors
    /// [`GitError::NotFastForward`] before anything is sent; [`GitError::Unknown`] when the answer was
    /// lost and the remote does not show the commit; [`GitError::NoAtomic`]; the remote kinds.
    pub async fn land(
        &self,
        run: &str,
        epoch: u32,
        claimed: &Oid,
        target: &BranchName,
        expected: Option<&Oid>,
        commit: &Oid,
    ) -> Result<Land> {
        const DOING: &str = "a landing";
        let landing = Landing {
            name: RunRef::new(run, epoch)?,
            claimed,
            target,
            expected,
            commit,
        };
        let hold = self.hold().await?;
        self.require_fast_forward(&hold, expected, commit).await?;
        if let Some(end) = self.verdict(&hold, &landing).await? {
            return Ok(end);
        }
        let moved = if claimed == commit {
            self.marker(&hold, Some(commit)).await?
        } else {
            commit.clone()
        };
        let updates = [
            Update {
                name: target.full(),
                from: expected.cloned(),
                to: Some(commit.clone()),
            },
            Update {
                name: landing.name.to_string(),
                from: Some(claimed.clone()),
                to: Some(moved),
            },
        ];
        match self.push(&hold, DOING, &updates).await? {
            Pushed::Applied => Ok(Land::Done),
            Pushed::Rejected { said: text } => Ok(self
                .verdict(&hold, &landing)
                .await?
                .unwrap_or(Land::Refused { text })),
            Pushed::Lost(lost) => match self.verdict(&hold, &landing).await {
                Ok(Some(end)) => Ok(end),
                Ok(None) | Err(_) => Err(self.unknown(DOING, &lost)),
            },
        }
    }

    async fn require_fast_forward(
        &self,
        hold: &Hold,
        expected: Option<&Oid>,
        commit: &Oid,
    ) -> Result<()> {
        match expected {
            // The lease would let any commit through: only descent makes it a fast-forward.
            Some(old) if !self.is_ancestor(hold, old, commit).await? => {
                Err(GitError::NotFastForward {
                    commit: commit.to_string(),
                    expected: old.to_string(),
                })
            }
            _ => Ok(()),
        }
    }

    /// What the remote's refs say about a landing; `None` when it is still to be done.
    async fn verdict(&self, hold: &Hold, landing: &Landing<'_>) -> Result<Option<Land>> {
        let Landing {
            name,
            claimed,
            target,
            expected,
            commit,
        } = landing;
        let listing = self
            .git
            .list(&self.remote, &[target.full(), name.pattern()])
            .await?;
        let now = listing.refs.get(&target.full());
        if self.contains(hold, target, now, *expected, commit).await? {
            return Ok(Some(Land::Done));
        }
        let epochs = listing.epochs(name.run());
        if epochs.get(&name.epoch()) != Some(*claimed) || epochs.keys().any(|e| *e > name.epoch()) {
            return Ok(Some(Land::Fenced));
        }
        Ok((now != *expected).then(|| Land::Moved { now: now.cloned() }))
    }

    async fn contains(
        &self,
        hold: &Hold,
        target: &BranchName,
        now: Option<&Oid>,
        expected: Option<&Oid>,
        commit: &Oid,
    ) -> Result<bool> {
        match now {
            None => Ok(false),
            Some(tip) if tip == commit => Ok(true),
            Some(_) if now == expected => Ok(false),
            Some(_) => match self.fetch(target).await? {
                Some(tip) => self.is_ancestor(hold, commit, &tip).await,
                None => Ok(false),
            },
        }
    }

    /// Whether `commit` is in the history of `head`; both must be in the store.
    ///
    /// # Errors
    /// [`GitError::Failed`] when one is not; [`GitError::Corrupt`].
    pub async fn has_ancestor(&self, head: &Oid, commit: &Oid) -> Result<bool> {
        let hold = self.hold().await?;
        self.is_ancestor(&hold, commit, head).await
    }

    /// The commit of the branch's first-parent history that brought `head` in: the merge, or `head`
    /// itself where it was fast-forwarded. `None` when `head` is not in it.
    ///
    /// # Errors
    /// [`GitError::Failed`] when either commit is not in the store; [`GitError::Corrupt`].
    pub async fn find_landing(&self, target_tip: &Oid, head: &Oid) -> Result<Option<Oid>> {
        let hold = self.hold().await?;
        self.landing_of(&hold, target_tip, head).await
    }

    pub(crate) async fn landing_of(
        &self,
        hold: &Hold,
        tip: &Oid,
        head: &Oid,
    ) -> Result<Option<Oid>> {
        if tip == head {
            return Ok(Some(head.clone()));
        }
        if !self.is_ancestor(hold, head, tip).await? {
            return Ok(None);
        }
        let range = format!("{head}..{tip}");
        let list = |args: &[&str]| -> Result<_> {
            Ok(self
                .call(hold, "looking for the landing", ["rev-list"])?
                .args(args)
                .arg("--end-of-options")
                .arg(range.as_str())
                .limit(MAX_LIST))
        };
        // Newest first: the commits of the branch itself that `head` does not know.
        let trunk = self
            .done(list(&["--first-parent", "--parents"])?)
            .await?
            .stdout;
        let trunk = String::from_utf8_lossy(&trunk).into_owned();
        if trunk.lines().last().and_then(|line| line.split(' ').nth(1)) == Some(head.as_str()) {
            return Ok(Some(head.clone()));
        }
        let after = self.done(list(&["--ancestry-path"])?).await?.stdout;
        let after = String::from_utf8_lossy(&after).into_owned();
        let after: std::collections::HashSet<&str> = after.lines().collect();
        let first = trunk
            .lines()
            .filter_map(|line| line.split(' ').next())
            .rfind(|oid| after.contains(oid));
        first.map(Oid::parse).transpose()
    }
}
