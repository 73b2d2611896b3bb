//! Reading files of a commit without a checkout.

use crate::lock::Hold;
use crate::{GitError, Oid, Result, Store};

/// Most bytes of any list of paths or commits: a million paths of 250 bytes.
pub(crate) const MAX_LIST: usize = 256 << 20;

impl Store {
    /// One file of a commit; `None` when there is no regular file at `path` (links are not followed).
    ///
    /// # Errors
    /// [`GitError::TooLarge`] beyond `limit` bytes; [`GitError::Corrupt`].
    pub async fn read_file(&self, at: &Oid, path: &str, limit: usize) -> Result<Option<Vec<u8>>> {
        let hold = self.hold().await?;
        let call = self.call(
            &hold,
            "looking for a file",
            ["ls-tree", "-z", "--full-tree", at.as_str(), "--", path],
        )?;
        let listing = self.done(call).await?.stdout;
        let Some(blob) = regular_file(&listing, path)? else {
            return Ok(None);
        };
        let call = self
            .call(&hold, "reading a file", ["cat-file", "blob", blob.as_str()])?
            .limit(limit);
        Ok(Some(self.done(call).await?.stdout))
    }

    /// Whether a commit has a folder at `path`, which is one from its root (a link to a folder is none).
    ///
    /// # Errors
    /// [`GitError::Corrupt`], [`GitError::Io`].
    pub async fn has_folder(&self, at: &Oid, path: &str) -> Result<bool> {
        let hold = self.hold().await?;
        let args = [
            "ls-tree",
            "-z",
            "-d",
            "--full-tree",
            "--name-only",
            at.as_str(),
            "--",
            path,
        ];
        let call = self.call(&hold, "looking for a folder", args)?;
        let listing = self.done(call).await?.stdout;
        // `-d` names submodules too; what is below one is nowhere in the commit.
        Ok(fields(&listing).any(|found| found == path.as_bytes()))
    }

    /// Every path of a commit, as bytes, in git's order; submodules and links included.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] beyond `limit` paths; [`GitError::Corrupt`].
    pub async fn list_files(&self, at: &Oid, limit: usize) -> Result<Vec<Vec<u8>>> {
        let hold = self.hold().await?;
        let call = self.call(
            &hold,
            "listing files",
            [
                "ls-tree",
                "-r",
                "-z",
                "--full-tree",
                "--name-only",
                at.as_str(),
            ],
        )?;
        let listing = self.done(call.limit(MAX_LIST)).await?.stdout;
        let paths: Vec<Vec<u8>> = fields(&listing).map(<[u8]>::to_vec).collect();
        if paths.len() > limit {
            return Err(GitError::TooLarge {
                what: "the number of files",
                limit: limit as u64,
                found: Some(paths.len() as u64),
            });
        }
        Ok(paths)
    }

    /// `-z` output of a command in this store.
    pub(crate) async fn listed(
        &self,
        hold: &Hold,
        doing: &'static str,
        args: &[&str],
        limit: usize,
    ) -> Result<Vec<u8>> {
        let call = self.call(hold, doing, args.iter().copied())?.limit(limit);
        Ok(self.done(call).await?.stdout)
    }
}

/// The parts of a NUL-terminated list.
pub(crate) fn fields(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|b| *b == 0).filter(|part| !part.is_empty())
}

/// Reads `<mode> blob <oid>\t<path>\0` of exactly this path.
fn regular_file(listing: &[u8], path: &str) -> Result<Option<Oid>> {
    for entry in fields(listing) {
        let Some(tab) = entry.iter().position(|b| *b == b'\t') else {
            continue;
        };
        let head = String::from_utf8_lossy(&entry[..tab]).into_owned();
        if &entry[tab + 1..] != path.as_bytes() {
            continue;
        }
        if let [mode, "blob", oid] = head.split(' ').collect::<Vec<_>>()[..]
            && mode.starts_with("100")
        {
            return Oid::parse(oid).map(Some);
        }
    }
    Ok(None)
}
