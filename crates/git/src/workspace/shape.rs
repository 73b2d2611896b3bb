//! Which part of a commit's files a checkout holds: all, or some folders (git-sparse-checkout(1),
//! "INTERNALS — CONE MODE").

use std::collections::BTreeSet;
use std::fmt;

use crate::Result;
use crate::names::invalid;

/// More folders than anyone lists by hand.
const FOLDERS_MAX: usize = 200;
/// Longest path of a folder.
const FOLDER_MAX: usize = 1024;

/// Files of a commit that a workspace does not hold, by a rule with a name. Git takes their absence
/// for no change: a commit that is made there has them as they were.
#[derive(Clone, Copy)]
pub struct LeftOut {
    /// The rule's name; another rule has another one.
    pub name: &'static str,
    /// Whether a path, from the root, is left out.
    pub rule: fn(&str) -> bool,
}

impl fmt::Debug for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for LeftOut {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for LeftOut {}

/// The folders of a commit that are checked out, with the files beside and above them; none is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    folders: BTreeSet<String>,
    left_out: Option<LeftOut>,
}

impl Shape {
    /// All files.
    #[must_use]
    pub fn whole() -> Self {
        Self::default()
    }

    /// These folders, by their paths from the root; files above them come along, as git has it.
    ///
    /// # Errors
    /// [`crate::GitError::Invalid`] for a path that is not plain: absolute, with `..` or an empty part, with
    /// characters that mean something in a pattern, too long, or too many of them.
    pub fn of<S: AsRef<str>>(folders: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut kept = BTreeSet::new();
        for folder in folders {
            let folder = folder.as_ref().trim_end_matches('/');
            if let Some(why) = fault(folder) {
                return Err(invalid("sparse folder", folder, why));
            }
            kept.insert(folder.to_owned());
            if kept.len() > FOLDERS_MAX {
                return Err(invalid("sparse folder", folder, "there are too many"));
            }
        }
        let all = kept.clone();
        kept.retain(|folder| !parents(folder).any(|parent| all.contains(parent)));
        Ok(Self {
            folders: kept,
            left_out: None,
        })
    }

    /// The same without the files that a rule names.
    #[must_use]
    pub fn without(self, left_out: LeftOut) -> Self {
        Self {
            left_out: Some(left_out),
            ..self
        }
    }

    pub(crate) fn left_out(&self) -> Option<LeftOut> {
        self.left_out
    }

    /// Whether it is all folders.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.folders.is_empty()
    }

    /// Whether a path is in it.
    #[must_use]
    pub fn holds(&self, path: &[u8]) -> bool {
        if self.is_whole() {
            return true;
        }
        let folder = match path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => path.get(..at).unwrap_or_default(),
            None => return true,
        };
        let below = |outer: &[u8], inner: &[u8]| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        self.folders
            .iter()
            .any(|one| below(one.as_bytes(), folder) || below(folder, one.as_bytes()))
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let folders: Vec<&str> = self.folders.iter().map(String::as_str).collect();
        match self.left_out {
            Some(left_out) => format!("{}:!{}", folders.join(":"), left_out.name),
            None => folders.join(":"),
        }
    }

    /// What `info/sparse-checkout` says.
    pub(crate) fn patterns(&self) -> String {
        let outer: BTreeSet<&str> = self.folders.iter().flat_map(|one| parents(one)).collect();
        let mut text = String::from("/*\n!/*/\n");
        for folder in outer {
            text.push_str(&format!("/{folder}/\n!/{folder}/*/\n"));
        }
        for folder in &self.folders {
            text.push_str(&format!("/{folder}/\n"));
        }
        text
    }
}

/// The folders that a folder lies in, without the root.
fn parents(folder: &str) -> impl Iterator<Item = &str> {
    folder
        .match_indices('/')
        .filter_map(|(at, _)| folder.get(..at))
}

fn fault(folder: &str) -> Option<&'static str> {
    let special =
        |c: char| c.is_control() || matches!(c, '\\' | '*' | '?' | '[' | ']' | '!' | '#' | ':');
    if folder.is_empty() || folder.starts_with('/') {
        return Some("it must be a path from the repository's root");
    }
    if folder.len() > FOLDER_MAX {
        return Some("it is too long");
    }
    if folder.contains(special) {
        return Some("it holds a control character or one of \\*?[]!#:");
    }
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git");
    folder
        .split('/')
        .any(odd)
        .then_some("a part of it is empty, `.`, `..` or `.git`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_git() {
        let shape = Shape::of(["services/api/", "libs", "libs/deep"]).unwrap();
        assert_eq!(
            shape.patterns(),
            "/*\n!/*/\n/services/\n!/services/*/\n/libs/\n/services/api/\n"
        );
        assert_eq!(shape.line(), "libs:services/api");
    }

    #[test]
    fn a_path_is_held_with_what_stands_above_it() {
        let shape = Shape::of(["services/api"]).unwrap();
        for path in [
            "README",
            "services/Makefile",
            "services/api/a",
            "services/api/b/c",
        ] {
            assert!(shape.holds(path.as_bytes()), "{path}");
        }
        for path in ["docs/a", "services/web/a", "services/api2/a"] {
            assert!(!shape.holds(path.as_bytes()), "{path}");
        }
        assert!(Shape::whole().holds(b"any/where"));
    }

    #[test]
    fn odd_folders_are_refused() {
        for odd in [
            "", "/etc", "a/../b", "a//b", "./a", "a*", "!a", "a\nb", "x/.GIT", "a:b",
        ] {
            assert!(Shape::of([odd]).is_err(), "{odd:?}");
        }
        assert!(Shape::of((0..=FOLDERS_MAX).map(|n| format!("d{n}"))).is_err());
    }
}
