//! One file of a diff while its lines are read.

use std::borrow::Cow;

use super::name::{self, Name};
use super::trusted::trusted;
use super::{Change, Flag, Status};

/// Modes of git's trees.
const EXECUTABLE: &[u8] = b"100755";
const SYMLINK: &[u8] = b"120000";
const SUBMODULE: &[u8] = b"160000";

/// What the lines have said so far.
#[derive(Default)]
pub(super) struct Draft<'a> {
    /// Lines added.
    pub(super) additions: u64,
    /// Lines removed.
    pub(super) deletions: u64,
    /// The content is not text.
    pub(super) binary: bool,
    /// There is a hunk.
    pub(super) content: bool,
    first_line: &'a [u8],
    /// `---`, `rename from`, `copy from`.
    minus: Option<&'a [u8]>,
    from: Option<&'a [u8]>,
    /// `+++`, `rename to`, `copy to`.
    plus: Option<&'a [u8]>,
    to: Option<&'a [u8]>,
    old_mode: Option<&'a [u8]>,
    new_mode: Option<&'a [u8]>,
    is_new: bool,
    is_gone: bool,
    is_copy: bool,
}

impl<'a> Draft<'a> {
    /// After `diff --git `.
    pub(super) fn new(first_line: &'a [u8]) -> Self {
        Self {
            first_line,
            ..Self::default()
        }
    }

    /// A line between the first one and the content. What is not known is passed over.
    pub(super) fn header(&mut self, line: &'a [u8]) {
        let after = |words: &str| line.strip_prefix(words.as_bytes());
        if let Some(name) = after("--- ") {
            self.minus = Some(until_tab(name));
        } else if let Some(name) = after("+++ ") {
            self.plus = Some(until_tab(name));
        } else if let Some(mode) = after("old mode ") {
            self.old_mode = Some(mode);
        } else if let Some(mode) = after("new mode ") {
            self.new_mode = Some(mode);
        } else if let Some(mode) = after("new file mode ") {
            (self.new_mode, self.is_new) = (Some(mode), true);
        } else if let Some(mode) = after("deleted file mode ") {
            (self.old_mode, self.is_gone) = (Some(mode), true);
        } else if let Some(name) = after("rename from ") {
            self.from = Some(name);
        } else if let Some(name) = after("rename to ") {
            self.to = Some(name);
        } else if let Some(name) = after("copy from ") {
            (self.from, self.is_copy) = (Some(name), true);
        } else if let Some(name) = after("copy to ") {
            (self.to, self.is_copy) = (Some(name), true);
        } else if let Some(objects) = after("index ") {
            self.content = true;
            self.index(objects);
        } else if line.starts_with(b"Binary files ") && line.ends_with(b" differ") {
            self.binary = true;
        }
    }

    /// `<object>..<object>[ <mode>]`: the mode stands there when it did not change.
    fn index(&mut self, objects: &'a [u8]) {
        let mode = objects.split(|byte| *byte == b' ').nth(1);
        if let (Some(mode), None, None) = (mode, self.old_mode, self.new_mode) {
            (self.old_mode, self.new_mode) = (Some(mode), Some(mode));
        }
    }

    /// All lines are read.
    pub(super) fn change(self) -> Change {
        let (old, new) = self.names();
        let (path, old) = match self.is_gone {
            true => (old, None),
            false => (new, Some(old)),
        };
        let path = String::from_utf8_lossy(&path).into_owned();
        let old_path = old
            .filter(|_| !self.is_new)
            .map(|old| String::from_utf8_lossy(&old).into_owned())
            .filter(|old| *old != path);
        Change {
            status: self.status(),
            flags: self.flags(&path, old_path.as_deref()),
            path,
            old_path,
            additions: self.additions,
            deletions: self.deletions,
            binary: self.binary,
        }
    }

    /// The names before and after, from the lines that say them best.
    fn names(&self) -> (Name<'a>, Name<'a>) {
        let named = |name: &&[u8]| *name != b"/dev/null";
        let old = self
            .from
            .map(name::whole)
            .or_else(|| self.minus.filter(named).map(name::old_name));
        let new = self
            .to
            .map(name::whole)
            .or_else(|| self.plus.filter(named).map(name::new_name));
        match (old, new) {
            (Some(old), Some(new)) => (old, new),
            (Some(one), None) | (None, Some(one)) => (one.clone(), one),
            (None, None) => name::pair(self.first_line).unwrap_or_else(|| {
                let line = Cow::Borrowed(self.first_line);
                (line.clone(), line)
            }),
        }
    }

    fn status(&self) -> Status {
        let moved = self.from.is_some() && self.to.is_some();
        match self {
            Self { is_new: true, .. } => Status::Added,
            Self { is_gone: true, .. } => Status::Deleted,
            Self { is_copy: true, .. } if moved => Status::Copied,
            _ if moved => Status::Renamed,
            _ if self.new_mode.is_some() && !self.content && !self.binary => Status::Mode,
            _ => Status::Modified,
        }
    }

    fn flags(&self, path: &str, old_path: Option<&str>) -> Vec<Flag> {
        let mut flags: Vec<Flag> = trusted(path)
            .chain(old_path.into_iter().flat_map(trusted))
            .map(|row| row.flag)
            .collect();
        for mode in [self.old_mode, self.new_mode].into_iter().flatten() {
            match mode {
                SYMLINK => flags.push(Flag::Symlink),
                SUBMODULE => flags.push(Flag::Submodule),
                _ => {}
            }
        }
        let was = self.old_mode == Some(EXECUTABLE) && !self.is_copy;
        if self.new_mode == Some(EXECUTABLE) && !was {
            flags.push(Flag::Executable);
        }
        flags.sort_unstable();
        flags.dedup();
        flags
    }
}

/// git ends a name that holds a space with a tab; a name that holds a tab is quoted.
fn until_tab(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'\t').next().unwrap_or(name)
}
