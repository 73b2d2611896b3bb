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

/// What a package client may be told for everyone: how to write the lock file, and to be quiet.
const FOR_EVERYONE: &[&str] = &[
    "omit-lockfile-registry-resolved=true",
    "save-exact=true",
    "fund=false",
    "audit=false",
    "engine-strict=true",
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

/// `places` are the machine's own: where the tree lies and whose home it is built in.
pub(crate) fn check(files: &[File], places: &[String]) -> Vec<String> {
    let mut findings: Vec<String> = files
        .iter()
        .flat_map(|f| [machine(f, places), lock(f), settings(f)])
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

fn machine(file: &File, places: &[String]) -> Option<String> {
    let (number, path) = file.text.lines().enumerate().find_map(|(number, line)| {
        let path = places.iter().find(|path| line.contains(path.as_str()))?;
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
    let cargo = name == "Cargo.lock";
    // Cargo's own name for its registry stands in every lock file, the same in each; a second one
    // is a mirror. Other clients leave addresses out when told so.
    let source = |line: &str| {
        let source = line.trim_start().strip_prefix("source = ")?;
        Some(source.to_owned())
    };
    let usual = file.text.lines().find_map(source);
    let odd = |line: &str| match cargo {
        true => source(line).is_some_and(|from| Some(from) != usual),
        // `file:` is a place of one machine, too.
        false => line.contains("\"resolved\""),
    };
    let line = file.text.lines().position(odd)? + 1;
    Some(format!(
        "{}:{line}: names where a package was downloaded; lock it again without addresses",
        file.path
    ))
}

fn settings(file: &File) -> Option<String> {
    let found = SETTINGS
        .iter()
        .any(|s| file.path == *s || file.path.ends_with(&format!("/{s}")));
    let personal = |line: &str| !line.is_empty() && !FOR_EVERYONE.contains(&line);
    (found && file.text.lines().map(str::trim).any(personal)).then(|| {
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
    fn paths_of_this_machine_are_found_and_others_are_not() {
        let places = ["/home/ada/tree".to_owned()];
        let found = machine(&file("a.md", "see\n/home/ada/tree/x"), &places);
        assert!(found.unwrap().starts_with("a.md:2"));
        assert_eq!(
            machine(&file("a.rs", "the agent sees /workspace"), &places),
            None
        );
    }

    #[test]
    fn a_lock_file_names_no_address() {
        let lock_of = |text: &str| lock(&file("web/package-lock.json", text));
        assert_eq!(lock_of("{\n \"version\": \"1.0.0\"\n}"), None);
        let mirrored = lock_of("{\n \"resolved\": \"http://10.0.0.1:4873/a.tgz\"\n}");
        assert!(mirrored.unwrap().starts_with("web/package-lock.json:2"));
        let two = "source = \"registry+usual\"\nsource = \"registry+mirror\"\n";
        assert!(
            lock(&file("Cargo.lock", two))
                .unwrap()
                .starts_with("Cargo.lock:2")
        );
        assert_eq!(
            lock(&file("README.md", "\"resolved\": \"http://10.0.0.1/a\"")),
            None
        );
    }

    #[test]
    fn what_is_required_is_missed_and_settings_are_not_wanted() {
        assert_eq!(check(&[], &[]).len(), REQUIRED.len());
        assert!(settings(&file("web/.npmrc", "fund=false\nregistry=x")).is_some());
        assert!(settings(&file("web/.npmrc", "fund=false\n")).is_none());
        assert!(licence(&[file("LICENSE", "MIT")]).is_some());
    }
}
