//! The folder of a repository that a project is about, where it is not all of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest path.
const LENGTH_MAX: usize = 1024;

/// A folder by its path from the repository's root, such as `services/api`: relative, of plain parts,
/// without a slash at its end. It may or may not be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Directory(String);

/// What is no folder of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is no folder of a repository: {why}")]
pub struct DirectoryError {
    shown: String,
    why: &'static str,
}

impl Directory {
    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of a file in it.
    #[must_use]
    pub fn join(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }

    /// What is left of a path below it; `None` for one that is not.
    #[must_use]
    pub fn strip<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(&self.0)?.strip_prefix('/')
    }
}

impl FromStr for Directory {
    type Err = DirectoryError;

    fn from_str(text: &str) -> Result<Self, DirectoryError> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let why = if path.is_empty() || path == "." {
            Some("leave it out for the whole repository")
        } else if path.len() > LENGTH_MAX {
            Some("it is too long")
        } else if path.starts_with('/') {
            Some("name it from the repository's root, without a slash at its beginning")
        } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            Some("`.`, `..` and empty parts have no place in it")
        } else if path
            .split('/')
            .any(|part| part.eq_ignore_ascii_case(".git"))
        {
            Some("`.git` is git's own")
        } else if path.starts_with('-') || path.contains(is_special) {
            Some("control characters and \\ * ? [ ] ! # : cannot be used")
        } else {
            None
        };
        match why {
            None => Ok(Self(path.to_owned())),
            Some(why) => Err(DirectoryError {
                shown: text.chars().filter(|c| !c.is_control()).take(80).collect(),
                why,
            }),
        }
    }
}

/// What means something in a pattern of git's, or in nobody's path.
fn is_special(c: char) -> bool {
    c.is_control() || r"\*?[]!#:".contains(c)
}

impl TryFrom<String> for Directory {
    type Error = DirectoryError;

    fn try_from(text: String) -> Result<Self, DirectoryError> {
        text.parse()
    }
}

impl From<Directory> for String {
    fn from(directory: Directory) -> Self {
        directory.0
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_plain_path_from_the_root() {
        for (text, path) in [
            ("services/api", "services/api"),
            ("services/api/", "services/api"),
            ("a b/ü", "a b/ü"),
            ("..a/b..", "..a/b.."),
        ] {
            assert_eq!(text.parse::<Directory>().unwrap().as_str(), path);
        }
        for bad in [
            "", "/", ".", "./a", "..", "../a", "a/../b", "a/..", "a//b", "/etc", "a/.git/x",
            ".GIT", "a\nb", "a\\b", "a*", "-a", ":a", "a\0",
        ] {
            let error = bad.parse::<Directory>().unwrap_err().to_string();
            assert!(error.contains("is no folder of a repository"), "{bad:?}");
            assert!(Directory::try_from(bad.to_owned()).is_err());
        }
        assert!("a".repeat(LENGTH_MAX + 1).parse::<Directory>().is_err());
    }

    #[test]
    fn a_path_below_it_is_below_it_by_whole_parts() {
        let api: Directory = "services/api".parse().unwrap();
        assert_eq!(api.strip("services/api/package.json"), Some("package.json"));
        assert_eq!(api.strip("services/api2/package.json"), None);
        assert_eq!(api.strip("services/api"), None);
        assert_eq!(api.join("x"), "services/api/x");
    }
}
