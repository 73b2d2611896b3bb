//! What is in a tree, to know afterwards what is new.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::CacheError;
use super::folder::{Folder, Kind, kind};

/// Ten times the repository that must work.
const MAX_ENTRIES: u64 = 1_000_000;
/// Deeper than any repository that git takes.
const MAX_DEPTH: u64 = 500;

/// Downloads that a client keeps for itself; what it made of them is elsewhere.
pub const HOME_SKIPPED: [&str; 5] = [
    ".cache/pip",
    ".cache/uv",
    ".cache/yarn",
    ".npm",
    ".local/share/pnpm/store",
];

/// The paths of a tree, without `.git` of its root. Links are entries, never followed.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    paths: BTreeSet<PathBuf>,
}

impl Listing {
    /// Walks the tree. It blocks.
    ///
    /// # Errors
    /// It cannot be read, or has more than a million entries.
    pub fn of(root: &Path) -> Result<Self, CacheError> {
        let mut listing = Self::default();
        let folder = Folder::open(root).map_err(CacheError::io(root))?;
        listing.walk(&folder, Path::new(""), 0)?;
        Ok(listing)
    }

    fn walk(&mut self, folder: &Folder, at: &Path, depth: u64) -> Result<(), CacheError> {
        check_depth(depth)?;
        for name in folder.names().map_err(CacheError::io(at))? {
            let path = at.join(&name);
            if path == Path::new(".git") {
                continue;
            }
            if self.paths.len() as u64 >= MAX_ENTRIES {
                return Err(CacheError::TooBig {
                    limit: MAX_ENTRIES,
                    what: "files",
                });
            }
            if is_folder(folder, &name, &path)? {
                let sub = folder.sub(&name).map_err(CacheError::io(&path))?;
                self.walk(&sub, &path, depth + 1)?;
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    /// The topmost paths below `root` that were not there before, sorted. Paths in `skip` are left
    /// out with all below them. What is new is not walked into. It blocks.
    ///
    /// # Errors
    /// The tree cannot be read or is too deep.
    pub fn added(&self, root: &Path, skip: &[&str]) -> Result<Vec<PathBuf>, CacheError> {
        let mut added = Vec::new();
        let folder = Folder::open(root).map_err(CacheError::io(root))?;
        self.find(&folder, Path::new(""), skip, &mut added, 0)?;
        added.sort();
        Ok(added)
    }

    fn find(
        &self,
        folder: &Folder,
        at: &Path,
        skip: &[&str],
        added: &mut Vec<PathBuf>,
        depth: u64,
    ) -> Result<(), CacheError> {
        check_depth(depth)?;
        for name in folder.names().map_err(CacheError::io(at))? {
            let path = at.join(&name);
            if path == Path::new(".git") || skip.iter().any(|skipped| path == Path::new(skipped)) {
                continue;
            }
            let holds_skipped = skip
                .iter()
                .any(|skipped| Path::new(skipped).starts_with(&path));
            if !self.paths.contains(&path) && !holds_skipped {
                added.push(path);
            } else if is_folder(folder, &name, &path)? {
                let sub = folder.sub(&name).map_err(CacheError::io(&path))?;
                self.find(&sub, &path, skip, added, depth + 1)?;
            }
        }
        Ok(())
    }
}

fn is_folder(folder: &Folder, name: &OsStr, path: &Path) -> Result<bool, CacheError> {
    let stat = folder.stat(name).map_err(CacheError::io(path))?;
    Ok(stat.is_some_and(|stat| kind(&stat) == Kind::Folder))
}

fn check_depth(depth: u64) -> Result<(), CacheError> {
    if depth > MAX_DEPTH {
        Err(CacheError::TooBig {
            limit: MAX_DEPTH,
            what: "levels",
        })
    } else {
        Ok(())
    }
}
