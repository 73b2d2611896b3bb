//! Making a base: by a checkout, or as a delta on one that is near.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::base::{Base, Kind, Making, Note};
use super::overlay::{self, Upper};
use super::{Look, Means, Shape, untracked};
use crate::lfs::{Filters, OBJECTS_VARIABLE, Objects};
use crate::lock::Hold;
use crate::read::{MAX_LIST, fields};
use crate::{GitError, Oid, Result, Store};

/// Most files in one checkout. With more, neither an agent's `git status` nor a person's patience
/// lasts: the project names the folders it needs.
pub const FILES_MAX: u64 = 500_000;
/// How many paths may differ for a base to be made as a delta on another: past some thousands a
/// fresh checkout, which no later one has to be kept for, is as good.
const DELTA_PATHS: usize = 5_000;
/// How many bases are compared.
const NEAR_TRIED: usize = 2;

impl Store {
    /// Makes a base, as a delta where another is near. One at a time in a store.
    pub(super) async fn make_base(
        &self,
        hold: &Hold,
        at: &Oid,
        kind: &Kind<'_>,
        boot: &str,
    ) -> Result<Base> {
        self.clear_bases(hold, boot)?;
        // A delta is made by an overlay, and seen by one.
        let near = match self.means(None) {
            Means::Overlay => self.near(hold, at, kind, boot).await,
            Means::Clone | Means::Nothing => None,
        };
        if near.is_none() {
            self.check_count(hold, at, kind.shape).await?;
        }
        let io = || GitError::io("making a base checkout");
        let making = Making {
            dir: self.temporary(hold)?,
        };
        let dir = &making.dir;
        std::fs::create_dir(dir).map_err(io())?;
        let git = dir.join("git");
        self.lay_out(
            &git,
            Some(at),
            &Look {
                shape: kind.shape,
                remote: None,
                lfs: kind.lfs.map(|_| Filters::Host),
            },
        )?;
        self.borrow(&git, &self.objects())?;
        let objects = match &kind.lfs {
            Some(lfs) => Some(self.lfs_objects(hold, at, kind.shape, lfs).await?),
            None => None,
        };
        let objects = objects.as_ref();
        match &near {
            Some(near) => {
                self.make_delta(hold, near, at, kind.shape, dir, objects)
                    .await?
            }
            None => {
                let files = dir.join("files");
                std::fs::create_dir(&files).map_err(io())?;
                let index = git.join("index");
                self.check_out_with(hold, at, &git, &files, &index, objects)
                    .await?;
                self.leave_out(hold, kind.shape, &git, &files).await?;
                self.fill_untracked(hold, &git, &files, &index, kind.place)
                    .await?;
            }
        }
        let note = Note {
            boot: boot.to_owned(),
            commit: at.clone(),
            kind: kind.line(),
            bytes: bytes_of(dir),
            index: std::fs::metadata(git.join("index")).map_err(io())?.len(),
            on: near.as_ref().map(|near| near.name().to_owned()),
        };
        std::fs::write(dir.join("used"), b"").map_err(io())?;
        let done = std::fs::File::create(dir.join("done")).map_err(io())?;
        std::io::Write::write_all(&mut &done, note.text().as_bytes()).map_err(io())?;
        done.sync_all().map_err(io())?;
        std::fs::create_dir_all(self.bases()).map_err(io())?;
        let number = std::fs::metadata(dir).map_err(io())?.ino();
        let place = self.bases().join(format!("{at}-{}@{number}", kind.word()));
        std::fs::rename(dir, &place).map_err(io())?;
        let base = Base { dir: place, note };
        self.trim(hold, &base, boot)?;
        Ok(base)
    }

    /// Lets git note which folders hold nothing untracked, as seen from where workspaces are shown.
    async fn fill_untracked(
        &self,
        hold: &Hold,
        git: &Path,
        files: &Path,
        index: &Path,
        place: &Path,
    ) -> Result<()> {
        let io = || GitError::io("making a base checkout");
        // Younger than every file: nobody but us writes here, so none has to be read again.
        let file = std::fs::File::options().write(true).open(index);
        let file = file.map_err(io())?;
        let made = file.metadata().and_then(|meta| meta.modified());
        let later = made.map_err(io())? + Duration::from_secs(2);
        file.set_modified(later).map_err(io())?;
        let args = [
            "-c",
            "core.untrackedCache=true",
            "-c",
            "index.recordEndOfIndexEntries=false",
            "status",
            "--porcelain",
            "--ignore-submodules=all",
        ];
        let call = self
            .call(hold, "filling the workspace", args)?
            .env("GIT_DIR", git)
            .env("GIT_WORK_TREE", files)
            .env("GIT_INDEX_FILE", index)
            .env("GIT_OPTIONAL_LOCKS", "1")
            .limit(MAX_LIST)
            .cwd(files);
        self.done(call).await?;
        let bytes = std::fs::read(index).map_err(io())?;
        // Without it everything works, and the first look takes longer.
        match untracked::bound_to(&bytes, files, place, self.is_sha256()) {
            Some(bytes) => std::fs::write(index, bytes).map_err(io()),
            None => Ok(()),
        }
    }

    /// What differs is checked out over the near base, and what that wrote is the delta.
    async fn make_delta(
        &self,
        hold: &Hold,
        near: &Base,
        at: &Oid,
        shape: &Shape,
        dir: &Path,
        objects: Option<&Objects>,
    ) -> Result<()> {
        let io = || GitError::io("making a base checkout");
        let shown = dir.join("merged");
        let upper = Upper {
            files: dir.join("files"),
            work: dir.join("work"),
        };
        std::fs::create_dir(&shown).map_err(io())?;
        upper.create().map_err(io())?;
        let index = dir.join("git/index");
        std::fs::copy(near.index(), &index).map_err(io())?;
        overlay::show(&near.lowers(), &upper, &shown, None).map_err(io())?;
        let args = [
            "-c",
            "core.untrackedCache=keep",
            "-c",
            "index.recordEndOfIndexEntries=false",
            "read-tree",
            "-m",
            "-u",
            "--no-recurse-submodules",
            near.note.commit.as_str(),
            at.as_str(),
        ];
        let call = self
            .call(hold, "filling the workspace", args)?
            .env("GIT_DIR", dir.join("git"))
            .env("GIT_WORK_TREE", &shown)
            .env("GIT_INDEX_FILE", &index)
            .env(
                OBJECTS_VARIABLE,
                objects.map_or(Path::new(""), |all| &all.dir),
            )
            .cwd(&shown);
        self.done(call).await?;
        // What changed was checked out again, left out or not.
        self.leave_out(hold, shape, &dir.join("git"), &shown)
            .await?;
        near.touch();
        overlay::hide(&shown).map_err(io())?;
        std::fs::remove_dir(&shown).map_err(io())?;
        std::fs::remove_dir_all(&upper.work).map_err(io())
    }

    /// A whole base that differs little, if one does.
    async fn near(&self, hold: &Hold, at: &Oid, kind: &Kind<'_>, boot: &str) -> Option<Base> {
        let line = kind.line();
        let mut whole: Vec<Base> = self.list_bases(boot);
        whole.retain(|base| base.note.on.is_none() && base.note.kind == line);
        whole.sort_by_key(|base| std::cmp::Reverse(base.used()));
        let mut best: Option<(usize, Base)> = None;
        for base in whole.into_iter().take(NEAR_TRIED) {
            let args = [
                "diff-tree",
                "-r",
                "-z",
                "--name-only",
                "--no-renames",
                base.note.commit.as_str(),
                at.as_str(),
            ];
            // A failure says only that this one is of no use.
            let Ok(list) = self
                .listed(hold, "comparing commits", &args, MAX_LIST)
                .await
            else {
                continue;
            };
            let count = fields(&list).count();
            if count <= DELTA_PATHS && best.as_ref().is_none_or(|(least, _)| count < *least) {
                best = Some((count, base));
            }
        }
        best.map(|(_, base)| base)
    }

    /// # Errors
    /// [`GitError::TooLarge`] for a commit with more files than [`FILES_MAX`].
    pub(super) async fn check_count(&self, hold: &Hold, at: &Oid, shape: &Shape) -> Result<()> {
        let args = [
            "ls-tree",
            "-r",
            "-z",
            "--full-tree",
            "--name-only",
            at.as_str(),
        ];
        let list = self
            .listed(hold, "the list of files to check out", &args, MAX_LIST)
            .await?;
        let count = fields(&list).filter(|path| shape.holds(path)).count() as u64;
        if count > FILES_MAX {
            return Err(GitError::TooManyFiles {
                found: count,
                limit: FILES_MAX,
            });
        }
        Ok(())
    }
}

/// What a folder takes on the disk.
pub(crate) fn bytes_of(dir: &Path) -> u64 {
    let mut total = 0;
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => open.push(entry.path()),
                Ok(meta) => total += meta.blocks() * 512,
                Err(_) => {}
            }
        }
    }
    total
}
