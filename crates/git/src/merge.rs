//! Merging without a work tree.

use crate::lock::Hold;
use crate::names::invalid;
use crate::process::Input;
use crate::read::{MAX_LIST, fields};
use crate::{GitError, Oid, Result, Store};

/// Longest commit message: git keeps it, reviewers read it.
const MAX_MESSAGE: usize = 1 << 20;

/// Who made a commit, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// A name without `<`, `>` and control characters.
    pub name: String,
    /// A mail address, by the same rule.
    pub email: String,
    /// Seconds since 1970, UTC.
    pub seconds: u64,
}

/// What merging a head into a branch comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The branch is in the head's history: land the head itself.
    FastForward(Oid),
    /// The head is in the branch already.
    AlreadyContained {
        /// The commit that brought it in.
        landed: Oid,
    },
    /// A new merge commit: first parent the branch, second the head.
    Commit(Oid),
    /// Both changed the same places; nothing was made.
    Conflict {
        /// The paths in conflict, as bytes.
        paths: Vec<Vec<u8>>,
    },
}

impl Store {
    /// Merges `head` into `target` (`None`: the branch does not exist yet). The same arguments give
    /// the same commit. Only the branch's own `.gitattributes` count, and no merge program is run.
    ///
    /// # Errors
    /// [`GitError::Unrelated`] when they share no history; [`GitError::Invalid`] for an unusable
    /// author; [`GitError::Corrupt`].
    pub async fn merge(
        &self,
        target: Option<&Oid>,
        head: &Oid,
        message: &str,
        author: &Signature,
    ) -> Result<Merge> {
        let hold = self.hold().await?;
        let Some(target) = target else {
            return Ok(Merge::FastForward(head.clone()));
        };
        if let Some(landed) = self.landing_of(&hold, target, head).await? {
            return Ok(Merge::AlreadyContained { landed });
        }
        if self.is_ancestor(&hold, target, head).await? {
            return Ok(Merge::FastForward(head.clone()));
        }
        self.require_common_history(&hold, target, head).await?;
        let args = [
            "merge-tree",
            "--write-tree",
            "-z",
            "--name-only",
            "--no-messages",
            target.as_str(),
            head.as_str(),
        ];
        let call = self
            .call(&hold, "a merge", args)?
            .env("GIT_ATTR_SOURCE", target.as_str())
            .limit(MAX_LIST);
        let output = self.run(call).await?;
        let mut parts = fields(&output.stdout);
        let tree = parts.next().map(Oid::from_output);
        match (output.code, tree) {
            (Some(0), Some(tree)) => Ok(Merge::Commit(
                self.commit(&hold, &tree?, &[target, head], message, author)
                    .await?,
            )),
            (Some(1), Some(Ok(_))) => Ok(Merge::Conflict {
                paths: parts.map(<[u8]>::to_vec).collect(),
            }),
            _ => Err(output.failure()),
        }
    }

    async fn require_common_history(&self, hold: &Hold, a: &Oid, b: &Oid) -> Result<()> {
        let call = self.call(
            hold,
            "comparing histories",
            ["merge-base", a.as_str(), b.as_str()],
        )?;
        if self.run(call).await?.answer()? {
            Ok(())
        } else {
            Err(GitError::Unrelated {
                a: a.to_string(),
                b: b.to_string(),
            })
        }
    }

    async fn commit(
        &self,
        hold: &Hold,
        tree: &Oid,
        parents: &[&Oid],
        message: &str,
        author: &Signature,
    ) -> Result<Oid> {
        author.check()?;
        if message.len() > MAX_MESSAGE || message.contains('\0') {
            return Err(invalid("message", message, "it is too long or holds a NUL"));
        }
        let date = format!("@{} +0000", author.seconds);
        let mut call = self
            .call(
                hold,
                "making the merge commit",
                ["commit-tree", tree.as_str(), "-F", "-"],
            )?
            .input(Input::Bytes(message.into()));
        for parent in parents {
            call = call.arg("-p").arg(parent.as_str());
        }
        call = call
            .env("GIT_AUTHOR_NAME", &author.name)
            .env("GIT_AUTHOR_EMAIL", &author.email)
            .env("GIT_AUTHOR_DATE", &date);
        call = call
            .env("GIT_COMMITTER_NAME", &author.name)
            .env("GIT_COMMITTER_EMAIL", &author.email)
            .env("GIT_COMMITTER_DATE", &date);
        let made = Oid::from_output(&self.done(call).await?.stdout)?;
        self.set_ref(hold, &format!("refs/pin/{made}"), &made)
            .await?;
        Ok(made)
    }
}

impl Signature {
    fn check(&self) -> Result<()> {
        for part in [&self.name, &self.email] {
            if part.trim().is_empty()
                || part.chars().any(|c| c.is_control() || c == '<' || c == '>')
            {
                return Err(invalid(
                    "author",
                    part,
                    "it is empty or holds <, > or a control character",
                ));
            }
        }
        Ok(())
    }
}
