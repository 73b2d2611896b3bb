//! What a run changed: the diff that people review, its digest, and the list of files.

use std::fs::File;

use crate::process::Input;
use crate::read::MAX_LIST;
use crate::{GitError, Oid, Result, Store};

/// The digest of a diff without changes, which git itself gives no name.
pub const EMPTY_DIFF_DIGEST: &str = "empty";

/// Fixed switches: no program of anyone's, no colour, full names, and the same answer under any configuration.
const PLAIN: [&str; 9] = [
    "diff-tree",
    "-r",
    "-p",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--submodule=short",
    "--ignore-submodules=none",
];

/// One file that differs between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// git's letter: `A` added, `D` deleted, `M` modified, `R` renamed, `C` copied, `T` type changed.
    pub status: char,
    /// The path now (the former one when deleted), as bytes.
    pub path: Vec<u8>,
    /// The path before, when renamed or copied.
    pub from: Option<Vec<u8>>,
    /// Lines added and removed; `None` for binary files.
    pub lines: Option<(u64, u64)>,
}

impl Store {
    /// The unified diff between two commits, which `git apply` accepts: binary contents, renames,
    /// modes and full object names included.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] beyond `limit` bytes; [`GitError::Corrupt`].
    pub async fn diff(&self, base: Option<&Oid>, head: &Oid, limit: usize) -> Result<Vec<u8>> {
        let hold = self.hold().await?;
        let call = self.call(&hold, "the diff", PLAIN)?.args(&[
            "--binary",
            "--find-renames",
            "--src-prefix=a/",
            "--dst-prefix=b/",
        ]);
        let call = call.arg(self.tree_of(base)).arg(head.as_str()).limit(limit);
        Ok(self.done(call).await?.stdout)
    }

    /// What an approval is bound to: `git patch-id --verbatim` (stable, white space counts, line
    /// numbers do not) over a diff without renames in which binary files count by their object names.
    /// [`EMPTY_DIFF_DIGEST`] when nothing differs.
    ///
    /// # Errors
    /// [`GitError::Corrupt`], [`GitError::Io`] when the store's disk is full.
    pub async fn diff_digest(&self, base: Option<&Oid>, head: &Oid) -> Result<String> {
        let hold = self.hold().await?;
        let path = self.temporary(&hold)?;
        let io = || GitError::io("writing a temporary diff");
        let write = File::create_new(&path).map_err(io())?;
        let read = File::open(&path).map_err(io())?;
        // Unlinked at once: it goes with the last process that reads it, however that ends.
        std::fs::remove_file(&path).map_err(io())?;
        let call = self
            .call(&hold, "the diff", PLAIN)?
            .args(&["--no-renames", "-U3"])
            .arg(self.tree_of(base))
            .arg(head.as_str());
        self.done(call.into_file(write)).await?;
        let call = self
            .call(&hold, "the diff's digest", ["patch-id", "--verbatim"])?
            .input(Input::File(read));
        let output = self.done(call).await?.stdout;
        let ids: Vec<String> = String::from_utf8_lossy(&output)
            .lines()
            .filter_map(|l| l.split(' ').next().map(str::to_owned))
            .collect();
        match &ids[..] {
            [] => Ok(EMPTY_DIFF_DIGEST.to_owned()),
            [one] => Ok(Oid::parse(one)?.to_string()),
            _ => Err(GitError::Failed {
                doing: "the diff's digest",
                status: "0".into(),
                said: format!("{} digests for one diff", ids.len()),
            }),
        }
    }

    /// The files that differ between two commits, with renames found.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] beyond `limit` files; [`GitError::Corrupt`].
    pub async fn changed_files(
        &self,
        base: Option<&Oid>,
        head: &Oid,
        limit: usize,
    ) -> Result<Vec<ChangedFile>> {
        let hold = self.hold().await?;
        let args = [
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--numstat",
            "--find-renames",
            "--no-ext-diff",
            "--no-textconv",
            self.tree_of(base),
            head.as_str(),
        ];
        let list = self
            .listed(&hold, "listing changes", &args, MAX_LIST)
            .await?;
        let files = parse_changes(&list).ok_or_else(|| GitError::Failed {
            doing: "listing changes",
            status: "0".into(),
            said: "its output could not be read".into(),
        })?;
        if files.len() > limit {
            return Err(GitError::TooLarge {
                what: "the number of changed files",
                limit: limit as u64,
                found: Some(files.len() as u64),
            });
        }
        Ok(files)
    }

    pub(crate) fn tree_of<'a>(&self, base: Option<&'a Oid>) -> &'a str {
        base.map_or(self.empty_tree(), Oid::as_str)
    }
}

/// `--raw --numstat -z`: all raw records (`:… <status>\0path\0[path\0]`), then as many counts
/// (`<added>\t<removed>\t<path>\0`, or with an empty path and two more fields when renamed).
fn parse_changes(list: &[u8]) -> Option<Vec<ChangedFile>> {
    let mut parts = list.split(|b| *b == 0).peekable();
    let mut files = Vec::new();
    while let Some(raw) = parts.next_if(|p| p.starts_with(b":")) {
        let word = raw.rsplit(|b| *b == b' ').next()?;
        let status = char::from(*word.first()?);
        let first = parts.next()?.to_vec();
        let (path, from) = if matches!(status, 'R' | 'C') {
            (parts.next()?.to_vec(), Some(first))
        } else {
            (first, None)
        };
        files.push(ChangedFile {
            status,
            path,
            from,
            lines: None,
        });
    }
    for file in &mut files {
        let mut counts = parts.next()?.splitn(3, |b| *b == b'\t');
        let number = |n: Option<&[u8]>| std::str::from_utf8(n?).ok()?.parse::<u64>().ok();
        let (added, removed, path) = (number(counts.next()), number(counts.next()), counts.next()?);
        file.lines = added.zip(removed);
        if path.is_empty() {
            parts.next()?;
            parts.next()?;
        }
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_with_odd_names_and_renames() {
        let text = b":000000 100644 0 1 A\x00:a\nb\x00:100644 100644 1 2 R090\x00old\x00new\x00:100644 100644 1 2 M\x00bin\x001\t0\t:a\nb\x003\t4\t\x00old\x00new\x00-\t-\tbin\x00";
        let files = parse_changes(text).unwrap();
        assert_eq!(
            files[0],
            ChangedFile {
                status: 'A',
                path: b":a\nb".to_vec(),
                from: None,
                lines: Some((1, 0))
            }
        );
        assert_eq!(
            files[1],
            ChangedFile {
                status: 'R',
                path: b"new".to_vec(),
                from: Some(b"old".to_vec()),
                lines: Some((3, 4))
            }
        );
        assert_eq!(files[2].lines, None);
        assert!(parse_changes(b":x M\0a\0").is_none());
    }
}
