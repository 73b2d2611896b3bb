//! What a Python project needs: a virtual environment with the project, its test needs and a test runner.

use toml::{Table, Value};

use super::FileFacts;
use super::facts::is_python_test;
use super::propose::Part;

const PYTHON: &str = ".venv/bin/python";
/// How projects name what only their tests need: extras, dependency groups, requirement files.
const TEST_NAMES: [&str; 6] = ["test", "tests", "testing", "test-deps", "dev", "develop"];
const TEST_FILES: [&str; 14] = [
    "requirements-test.txt",
    "requirements-tests.txt",
    "requirements_test.txt",
    "requirements_tests.txt",
    "test-requirements.txt",
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
    "requirements/dev.txt",
    "tests/requirements.txt",
    "test/requirements.txt",
    "test_requirements.txt",
];

pub(super) fn part(files: &FileFacts) -> Option<Part> {
    let marks = [
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "requirements.txt",
        "Pipfile",
        "tox.ini",
        "pytest.ini",
    ];
    let mark = files.first_of(&marks)?;
    let project: Table = files.text("pyproject.toml").parse().unwrap_or_default();
    let runner = runner(files);
    let mut needs = needs(files, &project);
    if runner == Some(Runner::Pytest) && !needs.iter().any(|need| need == "pytest") {
        needs.push("pytest".to_owned());
    }
    let mut setup = "python3 -m venv .venv".to_owned();
    if !needs.is_empty() {
        setup = format!("{setup} && {PYTHON} -m pip install {}", needs.join(" "));
    }
    let mut part = Part {
        setup: Some(setup),
        setup_reason: Some(format!(
            "{mark}: the project and what its tests need go into a virtual environment."
        )),
        ..Part::default()
    };
    if let Some(runner) = runner {
        let (name, command, why) = runner.check(files);
        part.checks.push((name.to_owned(), command));
        part.check_reasons.push(why.to_owned());
    }
    Some(part)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runner {
    Pytest,
    Unittest,
}

impl Runner {
    fn check(self, files: &FileFacts) -> (&'static str, String, &'static str) {
        match self {
            Self::Pytest => (
                "pytest",
                format!("{PYTHON} -m pytest"),
                "the tests are written for pytest, or run by it.",
            ),
            Self::Unittest => {
                // A folder that is no package must be the top of the search, or its modules are not found.
                let folder = ["tests", "test"]
                    .into_iter()
                    .find(|folder| files.has(folder));
                let place = match folder {
                    Some(folder) if files.has(&format!("{folder}/__init__.py")) => {
                        format!(" -s {folder} -t .")
                    }
                    Some(folder) => format!(" -s {folder}"),
                    None => String::new(),
                };
                let command = format!("{PYTHON} -m unittest discover{place}");
                ("unittest", command, "the tests are written for unittest.")
            }
        }
    }
}

/// Pytest where anything mentions it or a test is a plain function; it runs unittest's classes too.
fn runner(files: &FileFacts) -> Option<Runner> {
    let config = [
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "tox.ini",
        "pytest.ini",
        "conftest.py",
        "Pipfile",
    ];
    let mentioned = config
        .iter()
        .any(|path| files.text(path).contains("pytest"))
        || files
            .first_of(&[
                "pytest.ini",
                "conftest.py",
                "tests/conftest.py",
                "test/conftest.py",
            ])
            .is_some()
        || files
            .texts()
            .any(|(path, text)| path.ends_with(".txt") && text.contains("pytest"));
    let tests: Vec<&str> = files
        .texts()
        .filter(|(path, _)| is_python_test(path.rsplit('/').next().unwrap_or(path)))
        .map(|(_, text)| text)
        .collect();
    let plain = |text: &&str| {
        text.contains("pytest") || text.lines().any(|line| line.starts_with("def test"))
    };
    if mentioned || tests.iter().any(plain) {
        return Some(Runner::Pytest);
    }
    if tests.iter().any(|text| text.contains("unittest")) {
        return Some(Runner::Unittest);
    }
    (!tests.is_empty() || files.first_of(&["tests", "test"]).is_some()).then_some(Runner::Pytest)
}

/// The arguments of `pip install`, each ready for the shell.
fn needs(files: &FileFacts, project: &Table) -> Vec<String> {
    let mut needs = Vec::new();
    // A pyproject.toml that only configures tools cannot be installed.
    let buildable = project.contains_key("project") || project.contains_key("build-system");
    if files.has("setup.py") || buildable {
        let extras = project
            .get("project")
            .and_then(|project| project.get("optional-dependencies"));
        let extra = extras.and_then(Value::as_table).and_then(test_entry);
        needs.push(match extra {
            Some(extra) => format!("-e '.[{extra}]'"),
            None => "-e .".to_owned(),
        });
    }
    if files.has("requirements.txt") {
        needs.push("-r requirements.txt".to_owned());
    }
    if let Some(file) = files.first_of(&TEST_FILES) {
        needs.push(format!("-r {file}"));
    }
    needs.extend(group(project));
    needs
}

/// The extra or group for tests: by its name, else the one that asks for pytest.
fn test_entry(table: &Table) -> Option<&str> {
    let asks = |value: &Value| {
        let mut needs = value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        needs.any(|need| need.starts_with("pytest"))
    };
    let plain = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let named = TEST_NAMES
        .iter()
        .copied()
        .find(|name| table.contains_key(*name));
    let asking = || {
        table
            .iter()
            .find(|(name, value)| plain(name) && asks(value))
            .map(|(name, _)| name.as_str())
    };
    named.or_else(asking)
}

/// The first test group of PEP 735, written out: most installed versions of pip do not know groups yet.
fn group(project: &Table) -> Vec<String> {
    let Some(groups) = project.get("dependency-groups").and_then(Value::as_table) else {
        return Vec::new();
    };
    let Some(name) = test_entry(groups) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    collect_group(groups, name, &mut found, 0);
    found
}

/// Groups include groups; deeper than this is a circle.
const MAX_GROUP_DEPTH: usize = 8;

fn collect_group(groups: &Table, name: &str, found: &mut Vec<String>, depth: usize) {
    if depth > MAX_GROUP_DEPTH {
        return;
    }
    for item in groups
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        match item {
            Value::String(need) => found.extend(shell_word(need)),
            Value::Table(table) => {
                if let Some(included) = table.get("include-group").and_then(Value::as_str) {
                    collect_group(groups, included, found, depth + 1);
                }
            }
            _ => {}
        }
    }
    found.sort();
    found.dedup();
}

/// A requirement in single quotes, or nothing where it is not plainly one: it comes from the repository,
/// and a leading `-` would be an option of pip. Either quote means the same in a marker (PEP 508).
fn shell_word(need: &str) -> Option<String> {
    let plain = need.starts_with(|c: char| c.is_ascii_alphanumeric())
        && need.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    let simple = need
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    plain.then(|| {
        if simple {
            need.to_owned()
        } else {
            format!("'{}'", need.replace('\'', "\""))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::propose;
    use super::*;

    fn proposed(files: &[(&str, &str)]) -> (String, String) {
        let mut facts = FileFacts::default();
        for (path, text) in files {
            facts.add_file(path, text.as_bytes());
            if let Some((folder, _)) = path.split_once('/') {
                facts.add_name(folder);
            }
        }
        let file = propose(&facts).file;
        let check = file
            .checks
            .first()
            .map(|check| check.command.clone())
            .unwrap_or_default();
        (
            file.setup.map(|setup| setup.command).unwrap_or_default(),
            check,
        )
    }

    const PIP: &str = "python3 -m venv .venv && .venv/bin/python -m pip install";

    #[test]
    fn a_package_with_a_test_extra() {
        let pyproject = "[project]\nname = \"x\"\n[project.optional-dependencies]\ndocs = []\ntests = [\"pytest\"]\n";
        let (setup, check) = proposed(&[
            ("pyproject.toml", pyproject),
            ("tests/test_a.py", "import pytest"),
        ]);
        assert_eq!(setup, format!("{PIP} -e '.[tests]' pytest"));
        assert_eq!(check, ".venv/bin/python -m pytest");
    }

    #[test]
    fn an_extra_of_any_name_that_asks_for_pytest() {
        let pyproject = "[project]\nname = \"x\"\n[project.optional-dependencies]\nall = [\"pytest >= 8\", \"hypothesis\"]\n'a$(id)' = [\"pytest\"]\n";
        let (setup, _) = proposed(&[("pyproject.toml", pyproject)]);
        assert_eq!(setup, format!("{PIP} -e '.[all]' pytest"));
    }

    #[test]
    fn unittest_where_the_tests_say_so() {
        let test = "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n";
        let (setup, check) = proposed(&[("setup.py", ""), ("tests/test_a.py", test)]);
        assert_eq!(setup, format!("{PIP} -e ."));
        assert_eq!(check, ".venv/bin/python -m unittest discover -s tests");
        let (_, check) = proposed(&[
            ("setup.py", ""),
            ("tests/test_a.py", test),
            ("tests/__init__.py", ""),
        ]);
        assert_eq!(check, ".venv/bin/python -m unittest discover -s tests -t .");
        let (_, check) = proposed(&[("setup.py", ""), ("test_a.py", test)]);
        assert_eq!(check, ".venv/bin/python -m unittest discover");
    }

    #[test]
    fn groups_are_written_out_and_cannot_smuggle_shell() {
        let pyproject = "[build-system]\nrequires = []\n[dependency-groups]\nbase = [\"coverage[toml]>=7; python_version>'3'\", \"hypothesis>=6\"]\n\
                         test = [{include-group = \"base\"}, \"pytest\", \"--index-url=https://evil.example\", \"x $(id)\", {include-group = \"test\"}]\n";
        let (setup, _) = proposed(&[("pyproject.toml", pyproject)]);
        assert_eq!(
            setup,
            format!(
                "{PIP} -e . 'coverage[toml]>=7; python_version>\"3\"' 'hypothesis>=6' 'x $(id)' pytest"
            )
        );
    }

    #[test]
    fn requirements_alone() {
        let files = [
            ("requirements.txt", "six\n"),
            ("requirements-dev.txt", "pytest\n"),
            ("test_a.py", ""),
        ];
        assert_eq!(
            proposed(&files).0,
            format!("{PIP} -r requirements.txt -r requirements-dev.txt pytest")
        );
    }

    #[test]
    fn a_project_that_only_configures_tools_is_not_installed() {
        let (setup, check) = proposed(&[("pyproject.toml", "[tool.black]\nline-length = 100\n")]);
        assert_eq!(setup, "python3 -m venv .venv");
        assert_eq!(check, "");
    }
}
