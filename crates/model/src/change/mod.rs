//! What a unified diff of git's changes, and what of that machines execute or trust by
//! themselves. The diff is an agent's work: nothing in it may fool or stop the reading.
//!
//! The format: git-diff(1), "Generating patch text with -p". What a file's content says is never
//! taken for a header, because a hunk's lines are counted off by its own header and names are
//! read before the first hunk only.

mod draft;
mod name;
mod trusted;

use self::draft::Draft;
pub use self::trusted::{TRUSTED, Trusted, is_agent_settings, trusted};

/// What a diff changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The files, in the diff's order. Where there are too many, what is flagged is kept first.
    pub files: Vec<Change>,
    /// Lines added, in all files.
    pub additions: u64,
    /// Lines removed, in all files.
    pub deletions: u64,
    /// There are more files than are listed.
    pub truncated: bool,
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path; the former one where it was deleted. What is not UTF-8 is replaced; it may hold
    /// any character but NUL.
    pub path: String,
    /// Its path before, where that was another one.
    pub old_path: Option<String>,
    /// What happened to it.
    pub status: Status,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// Its content is not text.
    pub binary: bool,
    /// Why a person should look twice; each at most once, in the order of [`Flag`].
    pub flags: Vec<Flag>,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is new.
    Added,
    /// Its content changed, or what kind of thing it is.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another name.
    Renamed,
    /// It is a copy of another.
    Copied,
    /// Only its mode changed.
    Mode,
}

/// Why a person should look twice: what machines execute or trust by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// A forge, or a service beside it, acts on it by itself.
    Ci,
    /// git or a hook manager acts on it by itself.
    Hook,
    /// An agent that works in the directory reads it as instructions or permissions.
    AgentConfig,
    /// An editor or a shell acts on it when the directory is opened.
    EditorConfig,
    /// The ordinary install, build or test command of its kind runs it, or a program that it
    /// names, although nobody names it.
    BuildScript,
    /// It decides which code is fetched from elsewhere.
    Lockfile,
    /// A pointer into another repository.
    Submodule,
    /// A link, which may lead out of the repository.
    Symlink,
    /// It is new or changed, and executable since.
    Executable,
}

impl Flag {
    /// Whether machines act on such a file by themselves, or fetch or follow what it says. A program
    /// that somebody has to start does nothing until then.
    #[must_use]
    pub const fn acts_by_itself(self) -> bool {
        match self {
            Self::Ci
            | Self::Hook
            | Self::AgentConfig
            | Self::EditorConfig
            | Self::BuildScript
            | Self::Lockfile
            | Self::Submodule
            | Self::Symlink => true,
            Self::Executable => false,
        }
    }
}

/// Whether a change must not land without a person who looked at it: it touches something that
/// machines act on by themselves, or there is more of it than is listed.
#[must_use]
pub fn blocks_automatic_landing(changes: &Changes) -> bool {
    let acts = |file: &Change| file.flags.iter().any(|flag| flag.acts_by_itself());
    changes.truncated || changes.files.iter().any(acts)
}

/// Reads a diff of git's, with the prefixes `a/` and `b/`, and lists at most `files_max` files.
/// Takes time linear in the diff's length, whatever is in it; what is no diff is passed over.
#[must_use]
pub fn changes(diff: &[u8], files_max: usize) -> Changes {
    let mut list = List::new(files_max);
    let mut draft: Option<Draft<'_>> = None;
    let mut place = Place::Outside;
    for line in diff.split(|byte| *byte == b'\n') {
        if let Place::Hunk(rest) = place {
            place = match rest.count(line, draft.as_mut()) {
                Some(rest) => Place::Hunk(rest),
                None => Place::Body,
            };
            if matches!(place, Place::Hunk(_)) {
                continue;
            }
        }
        let header = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(names) = header.strip_prefix(b"diff --git ") {
            list.end(draft.replace(Draft::new(names)));
            place = Place::Head;
            continue;
        }
        let Some(draft) = &mut draft else { continue };
        match place {
            Place::Head | Place::Body if header.starts_with(b"@@ ") => {
                draft.content = true;
                place = Rest::of(header).map_or(Place::Body, Place::Hunk);
            }
            Place::Head if header == b"GIT binary patch" => {
                draft.binary = true;
                place = Place::Body;
            }
            Place::Head => draft.header(header),
            _ => {}
        }
    }
    list.end(draft);
    list.done()
}

/// Where in a diff a line stands.
#[derive(Clone, Copy)]
enum Place {
    /// Before the first file.
    Outside,
    /// Between a file's first line and its content.
    Head,
    /// After a hunk, or in a binary patch, whose lines hold no space (base 85).
    Body,
    /// In a hunk.
    Hunk(Rest),
}

/// Lines that a hunk still has.
#[derive(Clone, Copy)]
struct Rest {
    old: u64,
    new: u64,
}

impl Rest {
    /// `@@ -<line>[,<count>] +<line>[,<count>] @@`
    fn of(header: &[u8]) -> Option<Self> {
        let mut words = header.split(|byte| *byte == b' ').skip(1);
        let mut count = |sign: &[u8]| {
            let range = words.next()?.strip_prefix(sign)?;
            let mut numbers = range.splitn(2, |byte| *byte == b',');
            number(numbers.next()?)?;
            numbers.next().map_or(Some(1), number)
        };
        let rest = Self {
            old: count(b"-")?,
            new: count(b"+")?,
        };
        (words.next()? == b"@@").then_some(rest)
    }

    /// What is left after this line; nothing where the line is no part of the hunk.
    fn count(mut self, line: &[u8], draft: Option<&mut Draft<'_>>) -> Option<Self> {
        let (old, new) = match line.first() {
            // Some programs cut the space off an empty line; git takes it without.
            Some(b' ' | b'\r') | None => (1, 1),
            Some(b'-') => (1, 0),
            Some(b'+') => (0, 1),
            // "\ No newline at end of file", in any language, belongs to the line before it.
            Some(b'\\') => (0, 0),
            Some(_) => return None,
        };
        if self.old == 0 && self.new == 0 && (old, new) != (0, 0) {
            return None;
        }
        self.old = self.old.checked_sub(old)?;
        self.new = self.new.checked_sub(new)?;
        if let (Some(draft), true) = (draft, old != new) {
            draft.deletions += old;
            draft.additions += new;
        }
        Some(self)
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The files so far. What is flagged and what is not are bounded apart, so that a crowd of plain
/// files cannot hide one that matters.
struct List {
    changes: Changes,
    files_max: usize,
    flagged: usize,
    plain: usize,
}

impl List {
    fn new(files_max: usize) -> Self {
        Self {
            changes: Changes::default(),
            files_max,
            flagged: 0,
            plain: 0,
        }
    }

    /// A file is read to its end.
    fn end(&mut self, draft: Option<Draft<'_>>) {
        let Some(change) = draft.map(Draft::change) else {
            return;
        };
        self.changes.additions += change.additions;
        self.changes.deletions += change.deletions;
        let last = self.changes.files.last_mut();
        if let Some(last) = last.filter(|last| is_rest_of_type_change(last, &change)) {
            self.flagged += usize::from(last.flags.is_empty() && !change.flags.is_empty());
            merge(last, change);
            return;
        }
        let count = match change.flags.is_empty() {
            true => &mut self.plain,
            false => &mut self.flagged,
        };
        if *count < self.files_max {
            *count += 1;
            self.changes.files.push(change);
        } else {
            self.changes.truncated = true;
        }
    }

    fn done(mut self) -> Changes {
        let files = &mut self.changes.files;
        if files.len() > self.files_max {
            self.changes.truncated = true;
            let mut room = self.files_max.saturating_sub(self.flagged);
            files.retain(|file| {
                let keep = !file.flags.is_empty() || room > 0;
                room -= usize::from(keep && file.flags.is_empty());
                keep
            });
            files.truncate(self.files_max);
        }
        self.changes
    }
}

/// A file that becomes a link, say, is told by git as a deletion and an addition of one path.
fn is_rest_of_type_change(last: &Change, next: &Change) -> bool {
    (last.status, next.status) == (Status::Deleted, Status::Added) && last.path == next.path
}

fn merge(last: &mut Change, next: Change) {
    last.status = Status::Modified;
    last.additions += next.additions;
    last.deletions += next.deletions;
    last.binary |= next.binary;
    last.flags.extend(next.flags);
    last.flags.sort_unstable();
    last.flags.dedup();
}

#[cfg(test)]
mod tests;
