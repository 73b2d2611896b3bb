//! What a proposal is made from: names and a few small files of a repository.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// A manifest is small; of a bigger one the head tells enough.
const MAX_FILE: u64 = 256 * 1024;
/// How many names of one folder are looked at.
const MAX_NAMES: usize = 10_000;
/// How many test files are read to tell which test runner they are written for.
const MAX_TESTS: usize = 20;

/// Names and contents from the root of a repository and its `test`, `tests` and `requirements` folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFacts {
    names: BTreeSet<String>,
    contents: BTreeMap<String, String>,
}

impl FileFacts {
    /// The folders below the root whose entries matter too.
    pub const FOLDERS: [&str; 3] = ["requirements", "test", "tests"];

    /// Whether the contents of a file, by its path from the root, would be used.
    #[must_use]
    pub fn wants(path: &str) -> bool {
        const NAMED: [&str; 16] = [
            "Cargo.toml",
            "GNUmakefile",
            "Makefile",
            "conftest.py",
            "go.mod",
            "makefile",
            "package.json",
            "pyproject.toml",
            "pytest.ini",
            "setup.cfg",
            "setup.py",
            "test.py",
            "tests.py",
            "tox.ini",
            "yarn.lock",
            "Pipfile",
        ];
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        match folder {
            "" => NAMED.contains(&name) || is_requirements(name) || is_python_test(name),
            "test" | "tests" => is_python_test(name) || is_requirements(name),
            "requirements" => name.ends_with(".txt"),
            _ => false,
        }
    }

    /// Adds a name, such as `package.json` or `tests/test_a.py`; folders without a slash.
    pub fn add_name(&mut self, path: &str) {
        self.names.insert(path.to_owned());
    }

    /// Adds a file with its contents, cut where they are long.
    pub fn add_file(&mut self, path: &str, contents: &[u8]) {
        let head = contents.get(..MAX_FILE as usize).unwrap_or(contents);
        self.add_name(path);
        self.contents
            .insert(path.to_owned(), String::from_utf8_lossy(head).into_owned());
    }

    /// Looks at a work tree. Links are names, never followed; what cannot be read is absent.
    ///
    /// # Errors
    /// The root cannot be listed. It blocks.
    pub fn of_directory(root: &Path) -> io::Result<Self> {
        let mut facts = Self::default();
        facts.add_folder(root, "")?;
        for folder in Self::FOLDERS {
            let path = root.join(folder);
            if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
                facts.add_folder(&path, &format!("{folder}/")).ok();
            }
        }
        Ok(facts)
    }

    fn add_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let mut names: Vec<String> = fs::read_dir(folder)?
            .take(MAX_NAMES)
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        let mut tests = 0;
        for name in names {
            let path = format!("{prefix}{name}");
            tests += usize::from(is_python_test(&name));
            let wanted = Self::wants(&path) && (tests <= MAX_TESTS || !is_python_test(&name));
            match wanted
                .then(|| read_head(&folder.join(&name)))
                .and_then(Result::ok)
            {
                Some(contents) => self.add_file(&path, &contents),
                None => self.add_name(&path),
            }
        }
        Ok(())
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.names.contains(path)
    }

    pub(super) fn text(&self, path: &str) -> &str {
        self.contents.get(path).map_or("", String::as_str)
    }

    pub(super) fn first_of<'a>(&self, paths: &[&'a str]) -> Option<&'a str> {
        paths.iter().copied().find(|path| self.has(path))
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.contents
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

fn is_requirements(name: &str) -> bool {
    name.ends_with(".txt") && name.contains("requirements")
}

pub(super) fn is_python_test(name: &str) -> bool {
    name.ends_with(".py") && (name.starts_with("test") || name.ends_with("_test.py"))
}

fn read_head(path: &Path) -> io::Result<Vec<u8>> {
    // Opened so that a link is not followed and a pipe does not block.
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut contents = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut contents)?;
    Ok(contents)
}
