//! What a setup depends on, as one digest.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use ring::digest::{Context, SHA256};

/// Changes when entries of before must not be used any more.
const FORMAT: &str = "freehold setup 2";

/// The name of a cache entry: a SHA-256 in hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// All that a setup's result depends on.
#[derive(Debug, Clone, Copy)]
pub struct KeyParts<'a> {
    /// For whom, and behind which walls: what one project or tenant made, or what was made behind
    /// other walls, is never handed on. Any words, in a fixed order.
    pub within: &'a [&'a str],
    /// The folder of the work tree that setup runs in, from its root; empty: the root itself.
    pub directory: &'a str,
    /// The setup command.
    pub setup: &'a str,
    /// The files for which [`is_key_file`] holds, by their path in the repository.
    pub files: &'a BTreeMap<String, Vec<u8>>,
    /// Versions of the tools that setup uses, by name, as they print them.
    pub tools: &'a BTreeMap<String, String>,
    /// Where the work tree is seen inside: virtual environments hold it.
    pub work: &'a Path,
    /// `HOME` inside, for the same reason.
    pub home: &'a Path,
}

impl Key {
    /// The digest. Two sets of parts with any difference have two keys.
    #[must_use]
    pub fn of(parts: &KeyParts<'_>) -> Self {
        let mut context = Context::new(&SHA256);
        // Each piece is preceded by its length, so that no two lists of pieces read the same.
        let mut add = |piece: &[u8]| {
            context.update(&(piece.len() as u64).to_be_bytes());
            context.update(piece);
        };
        add(FORMAT.as_bytes());
        add(std::env::consts::ARCH.as_bytes());
        add(&(parts.within.len() as u64).to_be_bytes());
        for word in parts.within {
            add(word.as_bytes());
        }
        add(parts.directory.as_bytes());
        add(parts.setup.as_bytes());
        add(parts.work.as_os_str().as_encoded_bytes());
        add(parts.home.as_os_str().as_encoded_bytes());
        add(&(parts.files.len() as u64).to_be_bytes());
        for (path, contents) in parts.files {
            add(path.as_bytes());
            add(contents);
        }
        for (tool, version) in parts.tools {
            add(tool.as_bytes());
            add(version.as_bytes());
        }
        let mut hex = String::with_capacity(64);
        for byte in context.finish().as_ref() {
            write!(hex, "{byte:02x}").ok();
        }
        Self(hex)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether setup's result may depend on a file of the root: lock files, and the manifests that stand
/// in for them where there is none.
#[must_use]
pub fn is_key_file(path: &str) -> bool {
    const NAMED: [&str; 27] = [
        ".node-version",
        ".npmrc",
        ".nvmrc",
        ".python-version",
        ".tool-versions",
        ".yarnrc.yml",
        "Cargo.lock",
        "Cargo.toml",
        "Pipfile",
        "Pipfile.lock",
        "go.mod",
        "go.sum",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "package.json",
        "pdm.lock",
        "pnpm-lock.yaml",
        "pnpm-workspace.yaml",
        "poetry.lock",
        "pylock.toml",
        "pyproject.toml",
        "rust-toolchain",
        "rust-toolchain.toml",
        "setup.cfg",
        "setup.py",
        "uv.lock",
        "yarn.lock",
    ];
    NAMED.contains(&path) || path.ends_with(".txt") && path.contains("requirements")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(setup: &str, files: &[(&str, &str)], tools: &[(&str, &str)], work: &str) -> Key {
        let files = files
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec()))
            .collect();
        let tools = tools
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Key::of(&KeyParts {
            within: &["project", "sandbox"],
            directory: "",
            setup,
            files: &files,
            tools: &tools,
            work: Path::new(work),
            home: Path::new("/home"),
        })
    }

    #[test]
    fn each_part_counts() {
        let base = key("npm ci", &[("a", "bc")], &[("node", "20")], "/work");
        assert_eq!(
            base,
            key("npm ci", &[("a", "bc")], &[("node", "20")], "/work")
        );
        assert_eq!(base.to_string().len(), 64);
        for other in [
            key("npm  ci", &[("a", "bc")], &[("node", "20")], "/work"),
            key("npm ci", &[("ab", "c")], &[("node", "20")], "/work"),
            key("npm ci", &[("a", "bd")], &[("node", "20")], "/work"),
            key("npm ci", &[("a", "bc"), ("node", "20")], &[], "/work"),
            key("npm ci", &[("a", "bc")], &[("node", "21")], "/work"),
            key("npm ci", &[("a", "bc")], &[("node", "20")], "/work2"),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn nothing_is_handed_on_from_one_project_or_wall_to_another() {
        let within = |words: &[&str]| {
            Key::of(&KeyParts {
                within: words,
                directory: "",
                setup: "npm ci",
                files: &BTreeMap::new(),
                tools: &BTreeMap::new(),
                work: Path::new("/work"),
                home: Path::new("/home"),
            })
        };
        let one = within(&["a", "sandbox"]);
        assert_eq!(one, within(&["a", "sandbox"]));
        for other in [&["b", "sandbox"][..], &["a", "vm"], &["asandbox"], &["a"]] {
            assert_ne!(one, within(other), "{other:?}");
        }
    }
}
