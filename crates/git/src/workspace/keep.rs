//! Keeping bases few and sound.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::base::{Base, Making, discard};
use super::overlay::{self, Upper};
use crate::lock::Hold;
use crate::read::MAX_LIST;
use crate::{GitError, Result, Store};

/// Most bases of one store, and bytes of all; the least recently used go first.
const BASES_MAX: usize = 8;
const BASES_BYTES: u64 = 40 << 30;

impl Store {
    /// Removes what is no good base: half made, of an earlier boot, damaged.
    pub(super) fn clear_bases(&self, hold: &Hold, boot: &str) -> Result<()> {
        let good = self.list_bases(boot);
        for entry in std::fs::read_dir(self.bases())
            .into_iter()
            .flatten()
            .flatten()
        {
            let dir = entry.path();
            if !good.iter().any(|base| base.dir == dir) {
                self.evict(hold, &dir)?;
            }
        }
        Ok(())
    }

    /// Keeps the bases within their bounds, least recently used first; those that are looked at, or
    /// lain on, stay.
    pub(super) fn trim(&self, hold: &Hold, newest: &Base, boot: &str) -> Result<()> {
        let mut all = self.list_bases(boot);
        // Deltas before what they lie on, when they were used at the same time.
        all.sort_by_key(|base| (base.used(), base.note.on.is_none()));
        let mut bytes: u64 = all.iter().map(|base| base.note.bytes).sum();
        let mut count = all.len();
        let mut gone: Vec<PathBuf> = Vec::new();
        for base in &all {
            if count <= BASES_MAX && bytes <= BASES_BYTES {
                break;
            }
            let lain_on = all.iter().any(|other| {
                !gone.contains(&other.dir) && other.parent().as_ref() == Some(&base.dir)
            });
            if base.dir == newest.dir || lain_on || !self.evict(hold, &base.dir)? {
                continue;
            }
            gone.push(base.dir.clone());
            bytes = bytes.saturating_sub(base.note.bytes);
            count -= 1;
        }
        Ok(())
    }

    /// Takes a base away unless a mount shows it. Moved first, looked afterwards: whoever is about
    /// to mount it either has by now, or finds it gone.
    fn evict(&self, hold: &Hold, dir: &Path) -> Result<bool> {
        let io = || GitError::io("removing a base checkout");
        let away = self.temporary(hold)?;
        std::fs::rename(dir, &away).map_err(io())?;
        let mounts = overlay::mounted().map_err(io())?;
        if mounts
            .iter()
            .flat_map(|mount| &mount.lowers)
            .any(|lower| lower.starts_with(dir))
        {
            std::fs::rename(&away, dir).map_err(io())?;
            return Ok(false);
        }
        discard(away);
        Ok(true)
    }

    /// Compares every file of every base with its commit, and removes those that differ. Reads all
    /// of them: for an idle hour.
    ///
    /// # Errors
    /// [`GitError::Io`], [`GitError::DiskFull`].
    pub async fn verify_bases(&self) -> Result<usize> {
        let hold = self.hold().await?;
        let Ok(boot) = overlay::boot() else {
            return Ok(0);
        };
        let mut removed = 0;
        for base in self.list_bases(&boot) {
            if !self.is_intact(&hold, &base).await? && self.evict(&hold, &base.dir)? {
                tracing::warn!(
                    base = base.name(),
                    "a base checkout was damaged and is made anew"
                );
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Hashes the files of a base: an index that is older than all of them vouches for none.
    async fn is_intact(&self, hold: &Hold, base: &Base) -> Result<bool> {
        let io = || GitError::io("checking a base checkout");
        let making = Making {
            dir: self.temporary(hold)?,
        };
        let shown = making.dir.join("merged");
        std::fs::create_dir_all(&shown).map_err(io())?;
        let upper = Upper::below(&making.dir);
        upper.create().map_err(io())?;
        overlay::show(&base.lowers(), &upper, &shown, None).map_err(io())?;
        let index = making.dir.join("index");
        std::fs::copy(base.index(), &index).map_err(io())?;
        let file = std::fs::File::options()
            .write(true)
            .open(&index)
            .map_err(io())?;
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        file.set_modified(old).map_err(io())?;
        let call = self
            .call(
                hold,
                "checking a base checkout",
                ["update-index", "--refresh"],
            )?
            .env("GIT_DIR", base.dir.join("git"))
            .env("GIT_WORK_TREE", &shown)
            .env("GIT_INDEX_FILE", &index)
            .limit(MAX_LIST)
            .cwd(&shown);
        let same = self.git.run(call).await?.code == Some(0);
        // Now, and not with the guard: a mount keeps a base from being removed.
        overlay::hide(&shown).map_err(io())?;
        Ok(same)
    }
}
