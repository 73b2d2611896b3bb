//! Proposes a project file from what a repository holds. Pure; every line comes with its reason.

use std::fmt::Write as _;

use serde_json::Value;

use super::timeout::render_timeout;
use super::{
    Check, DEFAULT_CHECK_TIMEOUT, DEFAULT_SETUP_TIMEOUT, FileFacts, ProjectFile, Setup, python,
};

/// A project file that a person can take, change or leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What it says.
    pub file: ProjectFile,
    /// Why, one sentence each, in the order of the file.
    pub reasons: Vec<String>,
    /// The file as text, the reasons as its comments. [`super::parse`] reads it as `file`.
    pub text: String,
}

/// What one kind of project contributes.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) setup: Option<String>,
    pub(super) checks: Vec<(String, String)>,
    pub(super) setup_reason: Option<String>,
    pub(super) check_reasons: Vec<String>,
}

/// Looks at a repository and proposes its setup and checks. Nothing found gives an empty file that says so.
#[must_use]
pub fn propose(files: &FileFacts) -> Proposal {
    let mut parts: Vec<Part> = [cargo(files), node(files), python::part(files), go(files)]
        .into_iter()
        .flatten()
        .collect();
    if parts.iter().all(|part| part.checks.is_empty()) {
        parts.extend(make(files));
    }
    let command = parts
        .iter()
        .filter_map(|part| part.setup.clone())
        .collect::<Vec<_>>()
        .join(" && ");
    let setup = (!command.is_empty()).then_some(Setup {
        command,
        timeout: DEFAULT_SETUP_TIMEOUT,
    });
    let checks = parts
        .iter()
        .flat_map(|part| &part.checks)
        .map(|(name, command)| Check {
            name: name.clone(),
            command: command.clone(),
            timeout: DEFAULT_CHECK_TIMEOUT,
        });
    let file = ProjectFile {
        setup,
        checks: checks.collect(),
        allow: Vec::new(),
        apt: false,
        sparse: Vec::new(),
    };
    let text = render(&file, &parts);
    let setups = parts.iter().filter_map(|part| part.setup_reason.clone());
    let reasons = setups
        .chain(parts.iter().flat_map(|part| part.check_reasons.clone()))
        .collect();
    Proposal {
        file,
        reasons,
        text,
    }
}

fn cargo(files: &FileFacts) -> Option<Part> {
    files.has("Cargo.toml").then(|| {
        let (setup, why) = match files.has("Cargo.lock") {
            true => (
                "cargo fetch --locked",
                "Cargo.lock says which crates to fetch.",
            ),
            false => (
                "cargo fetch",
                "there is a Cargo.toml but no Cargo.lock: cargo picks the versions.",
            ),
        };
        let workspace = files
            .text("Cargo.toml")
            .lines()
            .any(|line| line.trim() == "[workspace]");
        let test = if workspace {
            "cargo test --workspace"
        } else {
            "cargo test"
        };
        Part {
            setup: Some(setup.into()),
            checks: vec![("cargo test".into(), test.into())],
            setup_reason: Some(why.into()),
            check_reasons: vec!["Cargo.toml: the tests of a Rust package are run by cargo.".into()],
        }
    })
}

fn node(files: &FileFacts) -> Option<Part> {
    if !files.has("package.json") {
        return None;
    }
    let manifest: Value = serde_json::from_str(files.text("package.json")).unwrap_or_default();
    let (client, setup, why) = node_client(files, &manifest);
    let script = manifest
        .pointer("/scripts/test")
        .and_then(Value::as_str)
        .unwrap_or_default();
    // What `npm init` writes: it always fails, and is no test.
    let has_test = !script.trim().is_empty() && !script.contains("no test specified");
    let mut part = Part {
        setup: Some(setup.into()),
        setup_reason: Some(why.into()),
        ..Part::default()
    };
    if has_test {
        part.checks
            .push((format!("{client} test"), format!("{client} test")));
        part.check_reasons
            .push("package.json has a script \"test\".".into());
    }
    Some(part)
}

fn node_client(files: &FileFacts, manifest: &Value) -> (&'static str, &'static str, &'static str) {
    let named = manifest
        .get("packageManager")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if files.has("pnpm-lock.yaml") {
        return (
            "pnpm",
            "pnpm install --frozen-lockfile",
            "pnpm-lock.yaml says which packages to install.",
        );
    }
    if files.has("yarn.lock") {
        let modern = files.has(".yarnrc.yml") || files.text("yarn.lock").contains("__metadata:");
        let setup = if modern {
            "yarn install --immutable"
        } else {
            "yarn install --frozen-lockfile"
        };
        return ("yarn", setup, "yarn.lock says which packages to install.");
    }
    if files
        .first_of(&["package-lock.json", "npm-shrinkwrap.json"])
        .is_some()
    {
        return (
            "npm",
            "npm ci",
            "package-lock.json says which packages to install.",
        );
    }
    match named.split('@').next() {
        Some("pnpm") => (
            "pnpm",
            "pnpm install",
            "package.json names pnpm; there is no lock file.",
        ),
        Some("yarn") => (
            "yarn",
            "yarn install",
            "package.json names yarn; there is no lock file.",
        ),
        _ => (
            "npm",
            "npm install --no-audit --no-fund",
            "there is a package.json but no lock file: npm picks the versions.",
        ),
    }
}

fn go(files: &FileFacts) -> Option<Part> {
    files.has("go.mod").then(|| Part {
        setup: Some("go mod download".into()),
        checks: vec![("go test".into(), "go test ./...".into())],
        setup_reason: Some("go.mod names the modules to download.".into()),
        check_reasons: vec!["go.mod: the tests of a Go module are run by go.".into()],
    })
}

fn make(files: &FileFacts) -> Option<Part> {
    let name = files.first_of(&["GNUmakefile", "makefile", "Makefile"])?;
    let target = ["test", "check"]
        .into_iter()
        .find(|target| has_target(files.text(name), target))?;
    Some(Part {
        checks: vec![(format!("make {target}"), format!("make {target}"))],
        check_reasons: vec![format!("{name} has a target \"{target}\".")],
        ..Part::default()
    })
}

fn has_target(makefile: &str, target: &str) -> bool {
    makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', ' ', '#', '.']))
        .any(|line| {
            line.split_once(':').is_some_and(|(targets, rest)| {
                !rest.starts_with('=')
                    && !targets.contains('=')
                    && targets.split_whitespace().any(|word| word == target)
            })
        })
}

fn render(file: &ProjectFile, parts: &[Part]) -> String {
    let mut text = String::from(
        "# How Freehold makes a fresh checkout ready and tests it. Commands are run by `sh -c` in the root of the\n\
         # repository, inside a sandbox. Freehold reads this file from the target branch only.\n",
    );
    if let Some(setup) = &file.setup {
        text.push('\n');
        comments(
            &mut text,
            parts.iter().filter_map(|part| part.setup_reason.as_ref()),
        );
        let (command, timeout) = (quoted(&setup.command), render_timeout(setup.timeout));
        writeln!(
            text,
            "[setup]\ncommand = {command}\ntimeout = \"{timeout}\""
        )
        .ok();
    }
    for part in parts {
        let named = part
            .checks
            .iter()
            .filter_map(|(name, _)| file.checks.iter().find(|check| check.name == *name));
        for (check, reason) in named.zip(&part.check_reasons) {
            text.push('\n');
            comments(&mut text, std::iter::once(reason));
            let (name, command, timeout) = (
                quoted(&check.name),
                quoted(&check.command),
                render_timeout(check.timeout),
            );
            writeln!(
                text,
                "[[checks]]\nname = {name}\ncommand = {command}\ntimeout = \"{timeout}\""
            )
            .ok();
        }
    }
    if file.checks.is_empty() {
        text.push_str(
            "\n# No test command was found. Without a check nothing but the review stands before the branch:\n\
             # [[checks]]\n# name = \"tests\"\n# command = \"./run-tests\"\n# timeout = \"10m\"\n",
        );
    }
    text
}

fn comments<'a>(text: &mut String, reasons: impl Iterator<Item = &'a String>) {
    for reason in reasons {
        // A reason quotes names from the repository at most; one line each all the same.
        writeln!(text, "# {}", reason.replace(|c: char| c.is_control(), " ")).ok();
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn facts(files: &[(&str, &str)]) -> FileFacts {
        let mut facts = FileFacts::default();
        for (path, text) in files {
            facts.add_file(path, text.as_bytes());
        }
        facts
    }

    /// The setup command and the commands of the checks; the rendered file must read back the same.
    fn proposed(files: &[(&str, &str)]) -> (String, Vec<String>) {
        let proposal = propose(&facts(files));
        let parsed = parse(proposal.text.as_bytes()).unwrap();
        assert_eq!(parsed.file, proposal.file, "{}", proposal.text);
        assert!(parsed.warnings.is_empty());
        let setup = proposal
            .file
            .setup
            .map(|setup| setup.command)
            .unwrap_or_default();
        (
            setup,
            proposal
                .file
                .checks
                .into_iter()
                .map(|check| check.command)
                .collect(),
        )
    }

    fn one(setup: &str, check: &str) -> (String, Vec<String>) {
        (setup.to_owned(), vec![check.to_owned()])
    }

    #[test]
    fn rust() {
        assert_eq!(
            proposed(&[("Cargo.toml", ""), ("Cargo.lock", "")]),
            one("cargo fetch --locked", "cargo test")
        );
        assert_eq!(
            proposed(&[("Cargo.toml", "[workspace]\n")]),
            one("cargo fetch", "cargo test --workspace")
        );
    }

    #[test]
    fn node_by_its_lock_file() {
        let package = ("package.json", r#"{"scripts":{"test":"node --test"}}"#);
        assert_eq!(
            proposed(&[package, ("package-lock.json", "")]),
            one("npm ci", "npm test")
        );
        assert_eq!(
            proposed(&[package]),
            one("npm install --no-audit --no-fund", "npm test")
        );
        assert_eq!(
            proposed(&[package, ("pnpm-lock.yaml", "")]),
            one("pnpm install --frozen-lockfile", "pnpm test")
        );
        assert_eq!(
            proposed(&[package, ("yarn.lock", "# v1")]),
            one("yarn install --frozen-lockfile", "yarn test")
        );
        assert_eq!(
            proposed(&[package, ("yarn.lock", "__metadata:\n")]),
            one("yarn install --immutable", "yarn test")
        );
    }

    #[test]
    fn the_placeholder_of_npm_init_is_no_test() {
        let script = r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#;
        assert_eq!(
            proposed(&[("package.json", script)]).1,
            Vec::<String>::new()
        );
        assert_eq!(
            proposed(&[("package.json", "not json")]).1,
            Vec::<String>::new()
        );
        let makefile = ("Makefile", "check:\n\ttrue\n");
        assert_eq!(
            proposed(&[("package.json", script), makefile]).1,
            vec!["make check"]
        );
    }

    #[test]
    fn go_and_make() {
        assert_eq!(
            proposed(&[("go.mod", "module x\n")]),
            one("go mod download", "go test ./...")
        );
        assert_eq!(
            proposed(&[("Makefile", ".PHONY: test\nall test: x\n\techo\n")]),
            one("", "make test")
        );
        assert_eq!(
            proposed(&[("Makefile", "test := 3\ntest ?= 4\n#test:\n\ttest: x\n")]),
            (String::new(), Vec::new())
        );
    }

    #[test]
    fn two_kinds_in_one_repository() {
        let files = [
            ("Cargo.toml", ""),
            ("package.json", r#"{"scripts":{"test":"x"}}"#),
            ("package-lock.json", ""),
        ];
        let (setup, checks) = proposed(&files);
        assert_eq!(setup, "cargo fetch && npm ci");
        assert_eq!(checks, ["cargo test", "npm test"]);
    }

    #[test]
    fn nothing_found_says_so() {
        let proposal = propose(&FileFacts::default());
        assert_eq!(proposal.file, ProjectFile::default());
        assert!(proposal.text.contains("No test command was found"));
        assert_eq!(
            parse(proposal.text.as_bytes()).unwrap().file,
            ProjectFile::default()
        );
    }
}
