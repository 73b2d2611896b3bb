//! Names that reach git's command line: parsed once, so that no later code has to doubt them.

use std::fmt;

use crate::{GitError, Result};

/// The namespace of runs on the client's remote. No clone fetches it.
const RUN_REFS: &str = "refs/freehold/";
/// Longest run name. Run ids are some 30 bytes; 100 leaves room and keeps refs below NAME_MAX.
const MAX_RUN: usize = 100;
/// Longest branch name. Refs are files on most remotes, and paths there end at 255 bytes a part.
const MAX_BRANCH: usize = 240;
/// How much of a refused value an error repeats.
const SHOWN: usize = 120;

/// The name of an object: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(String);

impl Oid {
    /// Parses a full object name; upper case is folded.
    ///
    /// # Errors
    /// [`GitError::Invalid`] for anything but 40 or 64 hex digits, and for the null name.
    pub fn parse(text: &str) -> Result<Self> {
        let hex = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex {
            return Err(invalid(
                "object name",
                text,
                "it is not 40 or 64 hex digits",
            ));
        }
        if text.bytes().all(|b| b == b'0') {
            return Err(invalid("object name", text, "it is the null name"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    pub(crate) fn from_output(bytes: &[u8]) -> Result<Self> {
        Self::parse(String::from_utf8_lossy(bytes).trim())
    }

    /// The hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({})", self.0)
    }
}

impl std::str::FromStr for Oid {
    type Err = GitError;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// A branch's short name (`main`, `release/1`), by the rules of git-check-ref-format(1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(String);

impl BranchName {
    /// Parses a short branch name, without `refs/heads/`.
    ///
    /// # Errors
    /// [`GitError::Invalid`] naming the rule it breaks.
    pub fn parse(text: &str) -> Result<Self> {
        match branch_fault(text) {
            Some(why) => Err(invalid("branch", text, why)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The short name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `refs/heads/<name>`.
    #[must_use]
    pub fn full(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for BranchName {
    type Err = GitError;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

fn branch_fault(text: &str) -> Option<&'static str> {
    let part_fault = |part: &str| match part {
        "" => Some("it has an empty part"),
        p if p.starts_with('.') => Some("a part of it starts with a dot"),
        p if p.ends_with(".lock") => Some("a part of it ends in .lock"),
        _ => None,
    };
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > MAX_BRANCH {
        return Some("it is too long");
    }
    if text.starts_with('-') || text == "@" || text == "HEAD" {
        return Some("git reserves it");
    }
    if text.starts_with("refs/") {
        return Some("it must be the short name, without refs/heads/");
    }
    if text.contains("..") || text.contains("@{") || text.ends_with('.') {
        return Some("it holds `..` or `@{`, or ends with a dot");
    }
    if text
        .bytes()
        .any(|b| b <= b' ' || b == 0x7f || b"~^:?*[\\".contains(&b))
    {
        return Some("it holds a space, a control character or one of ~^:?*[\\");
    }
    text.split('/').find_map(part_fault)
}

/// One attempt of a run on the remote: `refs/freehold/<run>/<epoch>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunRef {
    run: String,
    epoch: u32,
}

impl RunRef {
    /// Names an epoch of a run.
    ///
    /// # Errors
    /// [`GitError::Invalid`] unless the run is 1 to 100 ASCII letters, digits, `_` or `-`, the first one no `-`.
    pub fn new(run: &str, epoch: u32) -> Result<Self> {
        let fits = (1..=MAX_RUN).contains(&run.len())
            && !run.starts_with('-')
            && run
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !fits {
            return Err(invalid(
                "run",
                run,
                "it must be up to 100 letters, digits, _ or -",
            ));
        }
        Ok(Self {
            run: run.to_owned(),
            epoch,
        })
    }

    /// Reads a full ref name back; `None` for any other ref.
    #[must_use]
    pub fn parse(full: &str) -> Option<Self> {
        let (run, epoch) = full.strip_prefix(RUN_REFS)?.split_once('/')?;
        let number: u32 = epoch.parse().ok()?;
        // One spelling per number, else "07" and "+7" would pass for 7.
        if number.to_string() != epoch {
            return None;
        }
        Self::new(run, number).ok()
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// `refs/freehold/<run>/*`, for listing.
    pub(crate) fn pattern(&self) -> String {
        format!("{RUN_REFS}{}/*", self.run)
    }

    /// Where the store keeps what the remote had there.
    pub(crate) fn fetched(&self) -> String {
        format!("refs/fetched/{}/{}", self.run, self.epoch)
    }

    /// Where the store keeps what was imported for it.
    pub(crate) fn imported(&self) -> String {
        format!("refs/imported/{}/{}", self.run, self.epoch)
    }
}

impl fmt::Display for RunRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RUN_REFS}{}/{}", self.run, self.epoch)
    }
}

pub(crate) fn invalid(what: &'static str, value: &str, why: &'static str) -> GitError {
    GitError::Invalid {
        what,
        value: value.chars().take(SHOWN).collect(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_are_full_and_never_null() {
        assert_eq!(
            Oid::parse(&"A".repeat(40)).unwrap().as_str(),
            "a".repeat(40)
        );
        assert!(Oid::parse(&"1".repeat(64)).is_ok());
        for bad in [
            "",
            "HEAD",
            "--all",
            &"0".repeat(40),
            &"a".repeat(39),
            &"g".repeat(40),
        ] {
            assert!(Oid::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn branches_follow_check_ref_format() {
        for good in ["main", "release/1.2", "füür", "a@b", "feature-x"] {
            assert!(BranchName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-f",
            "@",
            "HEAD",
            "a..b",
            "a b",
            "a\nb",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a/",
            "/a",
            "a//b",
            "a.",
            "a@{1}",
            "refs/heads/main",
            "a\u{7f}",
        ] {
            assert!(BranchName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn run_refs_read_back() {
        let name = RunRef::new("run_01", 7).unwrap();
        assert_eq!(name.to_string(), "refs/freehold/run_01/7");
        assert_eq!(RunRef::parse("refs/freehold/run_01/7"), Some(name));
        for bad in [
            "refs/freehold/run_01/07",
            "refs/freehold/run_01/+7",
            "refs/freehold/a/b/7",
            "refs/heads/x/7",
            "refs/freehold//7",
        ] {
            assert_eq!(RunRef::parse(bad), None, "{bad}");
        }
        for bad in ["", "-a", "a/b", "a.b", "ä", &"a".repeat(101)] {
            assert!(RunRef::new(bad, 1).is_err(), "{bad}");
        }
    }
}
