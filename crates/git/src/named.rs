//! Which files of a folder some patterns name, in the words of gitignore(5).

use std::path::{Path, PathBuf};

use crate::read::fields;
use crate::{GitError, Oid, Result, Store};

/// Most bytes of the list: patterns that name more are not meant.
const LIST_MAX: usize = 4 << 20;

impl Store {
    /// The files below `folder` that `patterns` name, by their paths from there, sorted. Links are
    /// named and not followed; what lies in another repository below it, or in its own `.git`, is not.
    /// The folder must be of the machine's owner: no agent may write to it. No setting of a
    /// repository that it may hold is read.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] where the list is longer than 4 MiB; [`GitError::Io`].
    pub async fn named_files(&self, folder: &Path, patterns: &str) -> Result<Vec<PathBuf>> {
        use std::os::unix::ffi::OsStringExt as _;
        let hold = self.hold().await?;
        let dir = self.temporary(&hold)?;
        let io = || GitError::io("looking for files that patterns name");
        std::fs::create_dir(&dir).map_err(io())?;
        let (file, index) = (dir.join("patterns"), dir.join("index"));
        std::fs::write(&file, patterns).map_err(io())?;
        let mut from = std::ffi::OsString::from("--exclude-from=");
        from.push(&file);
        // Nothing is in this index, so that every file counts as one that git does not know.
        let call = self
            .call(
                &hold,
                "looking for files that patterns name",
                ["ls-files", "-z", "--others", "--ignored"],
            )?
            .arg(from)
            .env("GIT_WORK_TREE", folder)
            .env("GIT_INDEX_FILE", index)
            .cwd(folder)
            .limit(LIST_MAX);
        let listed = self.done(call).await;
        let _gone = std::fs::remove_dir_all(&dir);
        let listing = listed?.stdout;
        // A repository below is named as a folder.
        let mut paths: Vec<PathBuf> = fields(&listing)
            .filter(|path| !path.ends_with(b"/"))
            .map(|path| std::ffi::OsString::from_vec(path.to_vec()).into())
            .collect();
        paths.sort();
        Ok(paths)
    }

    /// The first of `paths` that a commit of `head` touches, on whichever side of a merge; `None`
    /// where no commit does. The histories of `known` are left out, and a merge touches what it has as
    /// none of its parents has it. At most some hundreds of paths.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] where very many commits do; [`GitError::Corrupt`], [`GitError::Io`].
    pub async fn first_of(
        &self,
        known: &[&Oid],
        head: &Oid,
        paths: &[PathBuf],
    ) -> Result<Option<PathBuf>> {
        use std::os::unix::ffi::OsStringExt as _;
        if paths.is_empty() {
            return Ok(None);
        }
        let hold = self.hold().await?;
        // All of the history: git leaves out a side of a merge that the result has nothing of. No
        // bound on the commits: a merge counts as one also where `-c` has nothing to say of it.
        let mut call = self.call(
            &hold,
            "looking through the commits",
            [
                "--literal-pathspecs",
                "log",
                "--full-history",
                "-c",
                "-z",
                "--format=",
                "--name-only",
                "--no-renames",
                head.as_str(),
            ],
        )?;
        for known in known {
            call = call.arg(format!("^{known}"));
        }
        let call = call.arg("--").args(paths).limit(LIST_MAX);
        let listing = self.done(call).await?.stdout;
        let first = fields(&listing)
            .map(<[u8]>::trim_ascii_start)
            .find(|path| !path.is_empty());
        Ok(first.map(|path| std::ffi::OsString::from_vec(path.to_vec()).into()))
    }
}
