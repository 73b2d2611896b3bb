//! The lock files and manifests of a commit, which may be an agent's: how much of them is held at once
//! does not hang on what is in it.

use std::collections::BTreeMap;

use freehold_git::{GitError, Oid, Store};

use crate::failure::Halt;

/// Largest lock file.
const LOCK_MAX: usize = 32 << 20;
/// All of a commit together. The largest lock files of public repositories have some megabytes, and
/// a runner reads those of several runs at once.
const ALL_MAX: usize = 64 << 20;
/// Paths that are tried; a repository of many packages has some dozens.
const LOCKS_MAX: usize = 64;
/// Paths that are looked through.
const PATHS_MAX: usize = 1_000_000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// By their paths in the repository.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// There are more, or larger ones, than are read.
    pub(super) left_out: bool,
}

impl Found {
    /// What a result of setup hangs on. Where something was left out, a change of it would not show:
    /// then the result is good for this commit alone.
    pub(super) fn deciding(mut self, commit: &Oid) -> BTreeMap<String, Vec<u8>> {
        if self.left_out {
            // No path of a commit begins like that.
            let name = "/left out".to_owned();
            self.files.insert(name, commit.to_string().into_bytes());
        }
        self.files
    }
}

/// How much may still be read.
#[derive(Debug)]
struct Room {
    paths: usize,
    bytes: usize,
}

impl Room {
    const ALL: Self = Self {
        paths: LOCKS_MAX,
        bytes: ALL_MAX,
    };

    /// The bound of the next file; `None`: none is read any more.
    fn next(&mut self) -> Option<usize> {
        self.paths = self.paths.checked_sub(1)?;
        Some(self.bytes.min(LOCK_MAX))
    }
}

/// The plain files of a commit that are wanted, in git's order until the bounds are reached.
///
/// # Errors
/// The store's.
pub(super) async fn read(
    store: &Store,
    commit: &Oid,
    wanted: impl Fn(&str) -> bool,
) -> Result<Found, Halt> {
    let mut found = Found::default();
    let mut room = Room::ALL;
    for path in store.list_files(commit, PATHS_MAX).await? {
        let Ok(path) = String::from_utf8(path) else {
            continue;
        };
        if !wanted(&path) {
            continue;
        }
        let Some(most) = room.next() else {
            found.left_out = true;
            break;
        };
        match store.read_file(commit, &path, most).await {
            Ok(Some(bytes)) => {
                room.bytes = room.bytes.saturating_sub(bytes.len());
                found.files.insert(path, bytes);
            }
            Ok(None) => {}
            Err(GitError::TooLarge { .. }) => found.left_out = true,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_for_all_files_together() {
        let mut room = Room::ALL;
        assert_eq!(room.next(), Some(LOCK_MAX));
        room.bytes -= LOCK_MAX;
        assert_eq!(room.next(), Some(LOCK_MAX));
        room.bytes -= LOCK_MAX - 7;
        assert_eq!(room.next(), Some(7));
        for _ in 3..LOCKS_MAX {
            assert!(room.next().is_some());
        }
        assert_eq!(room.next(), None);
    }

    #[test]
    fn what_was_left_out_makes_the_result_the_commits_own() {
        let oid = |digit: &str| Oid::parse(&digit.repeat(40)).unwrap();
        let of = |left_out, digit| {
            let files = BTreeMap::from([("go.sum".to_owned(), vec![])]);
            Found { files, left_out }.deciding(&oid(digit))
        };
        assert_eq!(of(false, "1"), of(false, "2"));
        assert_ne!(of(true, "1"), of(true, "2"));
        assert_ne!(of(true, "1"), of(false, "1"));
    }
}
