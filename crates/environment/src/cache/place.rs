//! Moves trees between a sandbox's places and an entry, all of them or none.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::CacheError;
use super::copy::{Budget, copy};
use super::folder::Folder;

/// The name of a path's last part, and the folder it lies in.
fn split(path: &Path) -> Result<(&Path, &OsStr), CacheError> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if path.is_relative() => Ok((parent, name)),
        _ => Err(CacheError::io(path)(io::ErrorKind::InvalidInput.into())),
    }
}

/// Copies the paths below `root` to `into/0`, `into/1`, …
pub(super) fn gather(
    root: &Path,
    paths: &[PathBuf],
    into: &Path,
    budget: &mut Budget<'_>,
) -> Result<(), CacheError> {
    fs::create_dir(into).map_err(CacheError::io(into))?;
    let into = Folder::open(into).map_err(CacheError::io(into))?;
    let from = Folder::open(root).map_err(CacheError::io(root))?;
    for (index, path) in paths.iter().enumerate() {
        let (parent, name) = split(path)?;
        let folder = from.descend(parent, false).map_err(CacheError::io(path))?;
        copy(&folder, name, &into, OsStr::new(&index.to_string()), budget)?;
    }
    Ok(())
}

/// Copies under names of our own, then renames all; what is not kept is removed when dropped.
#[derive(Default)]
pub(super) struct Placing {
    done: Vec<(Folder, OsString, OsString)>,
}

impl Placing {
    /// Returns the path that is in the way, if one is.
    pub(super) fn place(
        &mut self,
        from: &Folder,
        root: &Path,
        paths: &[PathBuf],
        budget: &mut Budget<'_>,
    ) -> Result<Option<PathBuf>, CacheError> {
        let top = Folder::open(root).map_err(CacheError::io(root))?;
        for (index, path) in paths.iter().enumerate() {
            let (parent, name) = split(path)?;
            // A link or a file where a folder belongs is in the way as well.
            let Ok(folder) = top.descend(parent, true) else {
                return Ok(Some(path.clone()));
            };
            if folder.stat(name).map_err(CacheError::io(path))?.is_some() {
                return Ok(Some(path.clone()));
            }
            let source = OsString::from(index.to_string());
            if from.stat(&source).map_err(CacheError::io(path))?.is_none() {
                continue;
            }
            let temporary = OsString::from(format!(".freehold-restore-{index}"));
            folder.remove(&temporary).map_err(CacheError::io(path))?;
            let folder_again = folder
                .descend(Path::new(""), false)
                .map_err(CacheError::io(path))?;
            self.done
                .push((folder_again, temporary.clone(), name.to_owned()));
            copy(from, &source, &folder, &temporary, budget)?;
        }
        Ok(None)
    }

    pub(super) fn keep(mut self) -> Result<(), CacheError> {
        for at in 0..self.done.len() {
            let Some((folder, temporary, name)) = self.done.get(at) else {
                break;
            };
            if let Err(error) = folder.rename(temporary, name) {
                let failed = CacheError::io(name.clone())(error);
                // What is in place already goes too: all or nothing.
                for (_, temporary, name) in self.done.iter_mut().take(at) {
                    temporary.clone_from(name);
                }
                return Err(failed);
            }
        }
        self.done.clear();
        Ok(())
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        for (folder, temporary, _) in &self.done {
            folder.remove(temporary).ok();
        }
    }
}
