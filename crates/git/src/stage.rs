//! Filling a directory with the files of a commit: a workspace with a git directory of its own for an
//! agent, or plain files for a check.

use std::path::{Path, PathBuf};

use crate::lfs::{Filters, OBJECTS_VARIABLE, Objects};
use crate::lock::Hold;
use crate::names::invalid;
use crate::workspace::{Look, Shape};
use crate::{GitError, Oid, Result, Store};

/// The branch that an agent finds itself on.
pub const BRANCH: &str = "freehold/run";

impl Store {
    /// Fills `work` with the files of `base` (`None`: no files, unborn branch) and makes `scratch`,
    /// the agent's own git directory, to be mounted over `work/.git` (an empty directory is left there
    /// as its mount point).
    ///
    /// HEAD is on `freehold/run` at `base`. The index matches `work` and stays good when owner,
    /// inode or device look different inside a sandbox. Objects are borrowed from the store, which the sandbox must show
    /// read-only at `objects_inside`. Submodules are empty directories, LFS files stay pointers.
    ///
    /// Both directories must be absent or empty. Once an agent has been in them, the host must never
    /// run git there.
    ///
    /// # Errors
    /// [`GitError::NotEmpty`], [`GitError::DiskFull`], [`GitError::Corrupt`], [`GitError::Io`]; the
    /// directories may then be half filled: remove them.
    pub async fn stage(
        &self,
        base: Option<&Oid>,
        work: &Path,
        scratch: &Path,
        objects_inside: &Path,
    ) -> Result<()> {
        let inside = alternate(objects_inside)?;
        let outside = alternate(&self.objects())?;
        let work = fresh(work)?;
        let scratch = fresh(scratch)?;
        let hold = self.hold().await?;
        let shape = Shape::whole();
        let look = Look {
            shape: &shape,
            remote: None,
            lfs: None,
        };
        self.lay_out(&scratch, base, &look)?;
        write(&scratch.join("objects/info/alternates"), &outside)?;
        if let Some(base) = base {
            self.check_out(&hold, base, &scratch, &work, &scratch.join("index"))
                .await?;
        }
        write(&scratch.join("objects/info/alternates"), &inside)?;
        std::fs::create_dir(work.join(".git")).map_err(GitError::io("making the workspace"))
    }

    /// Fills `work`, absent or empty, with the files of a commit and nothing else: no git directory.
    ///
    /// # Errors
    /// As [`Store::stage`].
    pub async fn export(&self, at: &Oid, work: &Path) -> Result<()> {
        let work = fresh(work)?;
        let hold = self.hold().await?;
        let index = self.temporary(&hold)?;
        let done = self.check_out(&hold, at, self.repo(), &work, &index).await;
        // The index is of no more use, and a left-over goes with the next opening.
        let _gone = std::fs::remove_file(&index);
        done
    }

    /// Every file that is in the index and is not exactly what the index knows (owner, inode and the
    /// times that no program can set included) is written anew.
    pub(crate) async fn check_out(
        &self,
        hold: &Hold,
        at: &Oid,
        git_dir: &Path,
        work: &Path,
        index: &Path,
    ) -> Result<()> {
        self.check_out_with(hold, at, git_dir, work, index, None)
            .await
    }

    /// With the files in Git LFS, where the git directory has the host's filters.
    pub(crate) async fn check_out_with(
        &self,
        hold: &Hold,
        at: &Oid,
        git_dir: &Path,
        work: &Path,
        index: &Path,
        objects: Option<&Objects>,
    ) -> Result<()> {
        let call = self.call(
            hold,
            "filling the workspace",
            [
                // A git directory of ours says less, for a sandbox in which these look different.
                "-c",
                "core.trustCtime=true",
                "-c",
                "core.checkStat=default",
                "read-tree",
                "--reset",
                "-u",
                "--no-recurse-submodules",
                at.as_str(),
            ],
        )?;
        let call = call
            .env("GIT_DIR", git_dir)
            .env("GIT_WORK_TREE", work)
            .env("GIT_INDEX_FILE", index)
            .env(
                OBJECTS_VARIABLE,
                objects.map_or(Path::new(""), |all| &all.dir),
            )
            .cwd(work);
        self.done(call).await.map(drop)
    }

    /// A git directory by hand: `git init` would be one more process and copy templates.
    pub(crate) fn lay_out(
        &self,
        scratch: &Path,
        base: Option<&Oid>,
        look: &Look<'_>,
    ) -> Result<()> {
        for dir in [
            "objects/info",
            "objects/pack",
            "refs/heads/freehold",
            "refs/tags",
            "info",
        ] {
            std::fs::create_dir_all(scratch.join(dir))
                .map_err(GitError::io("making the workspace"))?;
        }
        write(
            &scratch.join("HEAD"),
            &format!("ref: refs/heads/{BRANCH}\n"),
        )?;
        if let Some(base) = base {
            write(
                &scratch.join("refs/heads").join(BRANCH),
                &format!("{base}\n"),
            )?;
        }
        write(&scratch.join("info/exclude"), "# Local to this run.\n")?;
        if !look.shape.is_whole() {
            write(
                &scratch.join("info/sparse-checkout"),
                &look.shape.patterns(),
            )?;
        }
        self.configure(scratch, look)
    }

    pub(crate) fn configure(&self, git_dir: &Path, look: &Look<'_>) -> Result<()> {
        write(&git_dir.join("config"), &self.scratch_config(look))
    }

    /// Points a git directory of ours to where its objects are.
    pub(crate) fn borrow(&self, git_dir: &Path, objects: &Path) -> Result<()> {
        write(
            &git_dir.join("objects/info/alternates"),
            &alternate(objects)?,
        )
    }

    fn scratch_config(&self, look: &Look<'_>) -> String {
        let identity = self.git.identity();
        let (version, extensions) = if self.is_sha256() {
            (1, "[extensions]\n\tobjectFormat = sha256\n")
        } else {
            (0, "")
        };
        let sparse = match look.shape.is_whole() {
            true => "",
            false => "\tsparseCheckout = true\n\tsparseCheckoutCone = true\n",
        };
        let remote = look.remote.map(remote_config).unwrap_or_default();
        let filters = look.lfs.map(Filters::config).unwrap_or_default();
        format!(
            "[core]\n\trepositoryFormatVersion = {version}\n\tfileMode = true\n\tbare = false\n\tlogAllRefUpdates = true\n\
             \ttrustCtime = false\n\tcheckStat = minimal\n{sparse}{extensions}[user]\n\tname = {}\n\temail = {}\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n{remote}{filters}",
            quoted(&identity.name),
            quoted(&identity.email),
        )
    }
}

/// `git push` and `git pull` without words mean the run's own branch.
fn remote_config(url: &str) -> String {
    format!(
        "[remote \"origin\"]\n\turl = {}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"{BRANCH}\"]\n\
         \tremote = origin\n\tmerge = refs/heads/{BRANCH}\n[push]\n\tdefault = current\n",
        quoted(url)
    )
}

/// A value of git-config(5), "SYNTAX".
pub(crate) fn quoted(value: &str) -> String {
    let clean: String = value.chars().filter(|c| !c.is_control()).collect();
    format!("\"{}\"", clean.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A line of `objects/info/alternates`, which knows no way to quote a newline.
pub(crate) fn alternate(path: &Path) -> Result<String> {
    match path.to_str() {
        Some(text) if path.is_absolute() && !text.contains('\n') && !text.starts_with('"') => {
            Ok(format!("{text}\n"))
        }
        _ => Err(invalid(
            "objects directory",
            &path.to_string_lossy(),
            "it must be an absolute path without newlines",
        )),
    }
}

pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(GitError::io("making the workspace"))
}

/// An empty directory, by its real path.
pub(crate) fn fresh(path: &Path) -> Result<PathBuf> {
    let io = || GitError::io("making the workspace");
    std::fs::create_dir_all(path).map_err(io())?;
    let path = path.canonicalize().map_err(io())?;
    if std::fs::read_dir(&path).map_err(io())?.next().is_some() {
        return Err(GitError::NotEmpty { path });
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_values_cannot_break_out() {
        assert_eq!(quoted("a\"b\\c\n[core]"), "\"a\\\"b\\\\c[core]\"");
    }
}
