//! Bases: checkouts of commits that nobody works in. Workspaces are laid over them.
//!
//! ```text
//! <store>/bases/<commit>-<kind>@<n>/
//!     files/   the checkout; in a *delta*, what differs from the base that it lies on
//!     git/     the git directory that made it; workspaces copy its `index`
//!     used     touched at each use
//!     done     a note, written last: a base without it is half made
//! ```
//! A base is good for one boot of the machine: it is not forced to the disk, so after a crash it
//! could be incomplete, and making it anew is one checkout.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Shape, Workspace};
use crate::{Lfs, Oid, Store};

const NOTE: &str = "freehold-base 1";

/// A checkout that is whole.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) dir: PathBuf,
    pub(super) note: Note,
}

/// What sets checkouts of one commit apart.
pub(super) struct Kind<'a> {
    pub(super) shape: &'a Shape,
    /// Where its workspaces are seen.
    pub(super) place: &'a Path,
    /// With the files in Git LFS.
    pub(super) lfs: Option<Lfs<'a>>,
}

impl<'a> From<&Workspace<'a>> for Kind<'a> {
    fn from(wanted: &Workspace<'a>) -> Self {
        Self {
            shape: wanted.shape,
            place: wanted.place,
            lfs: wanted.lfs,
        }
    }
}

impl Kind<'_> {
    /// A word for folder names; a note beside it has the whole.
    pub(super) fn word(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.line().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        // A place begins with a slash.
        let lfs = if self.lfs.is_some() { "lfs:" } else { "" };
        format!("{lfs}{}:{}", self.place.display(), self.shape.line())
    }
}

/// What `done` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) boot: String,
    pub(super) commit: Oid,
    /// See [`Kind`].
    pub(super) kind: String,
    /// Of the folder itself, without what it lies on.
    pub(super) bytes: u64,
    /// The length of the index.
    pub(super) index: u64,
    /// The base that a delta lies on, by name.
    pub(super) on: Option<String>,
}

impl Note {
    pub(super) fn text(&self) -> String {
        let on = self.on.as_deref().unwrap_or("-");
        let Self {
            boot,
            commit,
            kind,
            bytes,
            index,
            ..
        } = self;
        format!("{NOTE}\n{boot}\n{commit}\n{bytes}\n{index}\n{on}\n{kind}\n")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != NOTE {
            return None;
        }
        Some(Self {
            boot: lines.next()?.to_owned(),
            commit: Oid::parse(lines.next()?).ok()?,
            bytes: lines.next()?.parse().ok()?,
            index: lines.next()?.parse().ok()?,
            on: lines.next().map(|on| (on != "-").then(|| on.to_owned()))?,
            kind: lines.next()?.to_owned(),
        })
    }
}

impl Base {
    /// Reads a base; `None` for one that is half made, of another boot, or visibly damaged.
    fn open(dir: &Path, boot: &str) -> Option<Self> {
        let note = Note::parse(&std::fs::read_to_string(dir.join("done")).ok()?)?;
        let base = Self {
            dir: dir.to_owned(),
            note,
        };
        let index = std::fs::metadata(base.index()).ok()?;
        let whole = base.note.boot == boot
            && index.len() == base.note.index
            && std::fs::symlink_metadata(base.files()).is_ok_and(|meta| meta.is_dir());
        whole.then_some(base)
    }

    pub(super) fn files(&self) -> PathBuf {
        self.dir.join("files")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.dir.join("git/index")
    }

    pub(super) fn name(&self) -> &str {
        self.dir
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
    }

    pub(super) fn parent(&self) -> Option<PathBuf> {
        Some(self.dir.parent()?.join(self.note.on.as_deref()?))
    }

    /// The read-only folders of an overlay, topmost first.
    pub(super) fn lowers(&self) -> Vec<PathBuf> {
        let below = self.parent().map(|parent| parent.join("files"));
        std::iter::once(self.files()).chain(below).collect()
    }

    pub(super) fn used(&self) -> Option<SystemTime> {
        std::fs::metadata(self.dir.join("used"))
            .ok()?
            .modified()
            .ok()
    }

    /// Notes a use.
    pub(super) fn touch(&self) {
        // Only the order of eviction hangs on it.
        let _unnoted = std::fs::write(self.dir.join("used"), b"");
    }
}

/// A base in the making; what is left of it goes when dropped.
pub(super) struct Making {
    pub(super) dir: PathBuf,
}

impl Drop for Making {
    fn drop(&mut self) {
        discard(std::mem::take(&mut self.dir));
    }
}

/// Removes a folder of ours in the background; what a stop interrupts goes with the next opening of
/// the store.
pub(super) fn discard(dir: PathBuf) {
    let remove = move || {
        if let Err(error) = super::remove_tree(&dir) {
            tracing::debug!(%error, "a base's folder goes with the next opening of the store");
        }
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(remove)),
        Err(_) => remove(),
    }
}

impl Store {
    pub(super) fn bases(&self) -> PathBuf {
        self.dir().join("bases")
    }

    /// A base that is there already.
    pub(super) fn known_base(&self, at: &Oid, kind: &Kind<'_>, boot: &str) -> Option<Base> {
        let prefix = format!("{at}-{}@", kind.word());
        let line = kind.line();
        self.list_bases(boot)
            .into_iter()
            .filter(|base| base.name().starts_with(&prefix))
            .find(|base| base.note.kind == line && base.note.commit == *at)
    }

    /// All that are whole, with what they lie on.
    pub(super) fn list_bases(&self, boot: &str) -> Vec<Base> {
        let entries = std::fs::read_dir(self.bases())
            .into_iter()
            .flatten()
            .flatten();
        let all: Vec<Base> = entries
            .filter_map(|entry| Base::open(&entry.path(), boot))
            .collect();
        let has = |dir: &Path| {
            all.iter()
                .any(|base| base.dir == dir && base.note.on.is_none())
        };
        all.iter()
            .filter(|base| base.parent().is_none_or(|parent| has(&parent)))
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back_and_half_a_note_is_none() {
        let note = Note {
            boot: "b-1".into(),
            commit: Oid::parse(&"a".repeat(40)).unwrap(),
            kind: "/w:libs:x".into(),
            bytes: 7,
            index: 9,
            on: Some("base@1".into()),
        };
        let text = note.text();
        assert_eq!(Note::parse(&text).as_ref(), Some(&note));
        let whole = Note {
            on: None,
            kind: String::new(),
            ..note
        };
        assert_eq!(Note::parse(&whole.text()).as_ref(), Some(&whole));
        for length in 0..text.len() {
            assert_eq!(Note::parse(text.get(..length).unwrap()), None, "{length}");
        }
    }
}
