//! Rules on the tree as a whole: what must be there, and what must not leak into it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::output;

/// Larger files are data, and are not read.
const LARGEST: u64 = 2 * 1024 * 1024;

const REQUIRED: &[&str] = &[
    ".ci/run",
    "Cargo.lock",
    "LICENSE",
    "Makefile",
    "clippy.toml",
    "deny.toml",
];

/// Paths of one machine. Written apart, so that this file does not find itself.
const MACHINE: &[&str] = &[
    concat!("/work", "/main"),
    concat!("/work", "/target"),
    concat!("/work", "/brief"),
    concat!("/work", "/shared"),
    concat!("/root", "/.cargo"),
    concat!("/root", "/.rustup"),
];

/// Lock files name where a package comes from: the public registries, never one machine's mirror.
const REGISTRIES: &[&str] = &[
    "https://registry.npmjs.org/",
    "https://github.com/rust-lang/crates.io-index",
    "https://files.pythonhosted.org/",
];
const LOCKS: &[&str] = &[
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "uv.lock",
];
/// Settings of package clients belong to a machine or a person.
const SETTINGS: &[&str] = &[
    ".npmrc",
    "pip.conf",
    ".cargo/credentials.toml",
    "sources.list",
];

/// A text file of the tree, its path from the root.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every text file that git has or would take.
pub(crate) fn files(root: &Path) -> Result<Vec<File>> {
    let listed = output(
        root,
        "git",
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    )?;
    let listed = String::from_utf8(listed).context("file names are UTF-8")?;
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|p| !p.is_empty()) {
        let whole = root.join(path);
        // Deleted and not yet committed, a link, or data.
        let Ok(found) = fs::symlink_metadata(&whole) else {
            continue;
        };
        if found.is_file()
            && found.len() <= LARGEST
            && let Ok(text) = fs::read_to_string(&whole)
        {
            files.push(File {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}

pub(crate) fn check(files: &[File]) -> Vec<String> {
    let mut findings: Vec<String> = files
        .iter()
        .flat_map(|f| [machine(f), lock(f), settings(f)])
        .flatten()
        .collect();
    let missing = REQUIRED
        .iter()
        .filter(|path| !files.iter().any(|f| f.path == **path));
    findings.extend(missing.map(|path| format!("{path}: missing")));
    findings.extend(licence(files));
    findings
}

fn licence(files: &[File]) -> Option<String> {
    let file = files.iter().find(|f| f.path == "LICENSE")?;
    let right =
        file.text.contains("Apache License") && file.text.contains("Version 2.0, January 2004");
    (!right).then(|| "LICENSE: not the Apache License 2.0 that Cargo.toml names".to_owned())
}

fn machine(file: &File) -> Option<String> {
    let (number, path) = file.text.lines().enumerate().find_map(|(number, line)| {
        let path = MACHINE.iter().find(|path| line.contains(**path))?;
        Some((number + 1, path))
    })?;
    Some(format!(
        "{}:{number}: a path of one machine ({path})",
        file.path
    ))
}

fn lock(file: &File) -> Option<String> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    if !LOCKS.contains(&name) {
        return None;
    }
    let elsewhere = |line: &&str| {
        let from = line.contains("\"resolved\"") || line.trim_start().starts_with("source = ");
        let Some(at) = line.find("http") else {
            return false;
        };
        from && !REGISTRIES
            .iter()
            .any(|r| line.get(at..).is_some_and(|url| url.starts_with(r)))
    };
    let line = file.text.lines().position(|l| elsewhere(&l))? + 1;
    Some(format!(
        "{}:{line}: resolved from a registry that is not a public one; lock it again without the mirror",
        file.path
    ))
}

fn settings(file: &File) -> Option<String> {
    let found = SETTINGS
        .iter()
        .any(|s| file.path == *s || file.path.ends_with(&format!("/{s}")));
    found.then(|| {
        format!(
            "{}: a package client's settings belong to the machine, not to the tree",
            file.path
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> File {
        File {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn paths_of_a_machine_are_found_and_those_of_a_sandbox_are_not() {
        assert!(
            machine(&file("a.md", format!("see\n{}/x", MACHINE[0])))
                .unwrap()
                .starts_with("a.md:2")
        );
        assert_eq!(
            machine(&file("a.rs", "the agent sees /work and /root")),
            None
        );
    }

    #[test]
    fn a_lock_file_names_public_registries() {
        let from = |url: &str| {
            file(
                "web/package-lock.json",
                format!("{{\n \"resolved\": \"{url}/a.tgz\"\n}}"),
            )
        };
        assert_eq!(lock(&from("https://registry.npmjs.org/a")), None);
        assert!(
            lock(&from("http://10.0.0.1:4873/a"))
                .unwrap()
                .starts_with("web/package-lock.json:2")
        );
        assert_eq!(
            lock(&file("README.md", "\"resolved\": \"http://10.0.0.1/a\"")),
            None
        );
    }

    #[test]
    fn what_is_required_is_missed_and_settings_are_not_wanted() {
        assert_eq!(check(&[]).len(), REQUIRED.len());
        assert!(settings(&file("web/.npmrc", "registry=x")).is_some());
        assert!(licence(&[file("LICENSE", "MIT")]).is_some());
    }
}
