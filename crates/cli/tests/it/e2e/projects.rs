//! Real projects, taken as published and put under git, with their own tests as checks and the project
//! file that `freehold up` proposes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use freehold_environment::project::{FileFacts, PROJECT_FILE, propose};
use serde_json::Value;

use super::day::{approve, output, remarked, run, run_of, text, waits, work};
use super::harness::{Installation, id};
use super::remote::{Remote, git};

/// A package as its registry has it, fetched once by its own client.
struct Published {
    name: &'static str,
    /// What a person types to get it; `$1` is where to.
    fetch: &'static str,
}

/// With dependencies of its own and a lock file.
const CRATE: Published = Published {
    name: "num-integer-0.1.47",
    fetch: "mkdir -p \"$1/fetch/src\" && cd \"$1/fetch\" && : > src/lib.rs && \
            printf '[package]\\nname = \"fetch\"\\nversion = \"0.1.0\"\\nedition = \"2021\"\\n[workspace]\\n[dependencies]\\nnum-integer = \"=0.1.47\"\\n' > Cargo.toml && \
            cargo vendor --quiet vendor > /dev/null && rm vendor/num-integer/.cargo-checksum.json && mv vendor/num-integer ../package",
};
const NPM: Published = Published {
    name: "through-2.3.8",
    fetch: "cd \"$1\" && npm pack --silent through@2.3.8 && tar -xzf through-2.3.8.tgz",
};
const PYTHON: Published = Published {
    name: "itsdangerous-2.2.0",
    fetch: "cd \"$1\" && python3 -m pip download --quiet --no-deps --no-binary itsdangerous itsdangerous==2.2.0 && \
            tar -xzf itsdangerous-2.2.0.tar.gz && mv itsdangerous-2.2.0 package",
};

impl Published {
    /// Its directory. Two tests that fetch at once get the same.
    fn directory(&self) -> PathBuf {
        let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fixtures");
        let at = all.join(self.name);
        if !at.is_dir() {
            fs::create_dir_all(&all).unwrap();
            let fresh = tempfile::tempdir_in(&all).unwrap();
            let fetched = Command::new("sh")
                .args(["-ec", self.fetch, "sh"])
                .arg(fresh.path())
                .output()
                .unwrap();
            assert!(
                fetched.status.success(),
                "{}: {}",
                self.name,
                String::from_utf8_lossy(&fetched.stderr)
            );
            // Another may have been faster.
            let _ = fs::rename(fresh.path().join("package"), &at);
        }
        at
    }

    /// A remote that holds it and the proposed project file.
    fn remote(&self) -> Remote {
        let directory = self.directory();
        let proposal = propose(&FileFacts::of_directory(&directory).unwrap());
        assert!(
            proposal.file.setup.is_some() && !proposal.file.checks.is_empty(),
            "{}",
            proposal.text
        );
        let remote = Remote::bare(&[]);
        let clone = remote.clone_here();
        let copied = Command::new("cp")
            .arg("-a")
            .arg(directory.join("."))
            .arg(clone.path())
            .status();
        assert!(copied.unwrap().success());
        git(clone.path(), &["checkout", "-q", "-B", "main"]);
        git(clone.path(), &["add", "--all"]);
        git(clone.path(), &["commit", "-q", "-m", "As published"]);
        git(clone.path(), &["push", "-q", "origin", "main"]);
        remote.push_change(
            &[(PROJECT_FILE, &proposal.text)],
            "How to set it up, and its checks",
        );
        remote
    }
}

/// Package clients and toolchains are those of whoever runs the tests: real registries are reached as
/// this machine is configured to.
fn up() -> Installation {
    let of = |name: &str| std::env::var(name).unwrap_or_default();
    let (path, home) = (of("PATH"), of("HOME"));
    Installation::up_in(&[("PATH", &path), ("HOME", &home)])
}

/// What a run says when setup did not run.
const CACHED: &str = "setup: the result of an earlier run with the same lock files is used";

/// Two runs over one remote: the first sets up through the registries, the second needs no network at
/// all. Gives the output of the check of each.
fn two_runs(published: &Published, first: &str, second: &str) -> [String; 2] {
    let up = up();
    let remote = published.remote();
    up.project("p", &remote, &[]);
    up.agent("first", first);
    up.agent("second", second);

    let run = work(&up, "first");
    let said = up.events(id(&run));
    assert_eq!(
        remarked(&said, CACHED),
        1,
        "the checks use what setup made: {said:#?}"
    );
    assert_eq!(approve(&up, &run), remote.head());
    let changed = remote.git(&["diff", "--name-only", "main~1", "main"]);
    assert_eq!(
        changed.lines().count(),
        1,
        "what setup and the checks made is no work: {changed}"
    );
    let one = check_output(&run, &said);

    // The same project, which reaches nothing from now on.
    up.fh(&["project", "edit", "p", "--egress", "none"]).ok();
    let card = up.card("p", "Once more");
    let run = waits(run_of(&up, &card, "second"));
    let said = up.events(id(&run));
    assert_eq!(remarked(&said, CACHED), 2, "{said:#?}");
    assert_eq!(output(&said, "setup"), "", "setup ran again");
    assert_eq!(approve(&up, &run), remote.head());
    [one, check_output(&run, &said)]
}

fn check_output(run: &Value, said: &[Value]) -> String {
    let name = text(&run["checks"][0], "name");
    output(said, &format!("check:{name}"))
}

#[test]
fn a_rust_crate() {
    // What is published names its test files one by one.
    let test =
        "printf '#[test]\\nfn agents_%s() {\\n    assert_eq!(num_integer::gcd(12, 18), 6);\\n}\\n'";
    let [one, two] = two_runs(
        &CRATE,
        &format!("{test} one >> tests/average.rs"),
        &format!("{test} two >> tests/average.rs"),
    );
    assert!(
        one.contains("agents_one") && !one.contains("agents_two"),
        "{one}"
    );
    assert!(
        two.contains("agents_one") && two.contains("agents_two"),
        "{two}"
    );
}

#[test]
fn an_npm_package() {
    let test = "printf \"require('tape')('agents %s', function (t) {\\n  t.ok(require('..'))\\n  t.end()\\n})\\n\"";
    let [one, two] = two_runs(
        &NPM,
        &format!("test -d node_modules/tape && {test} one > test/one.js"),
        &format!("test -d node_modules/tape && {test} two > test/two.js"),
    );
    assert!(
        one.contains("agents one") && !one.contains("agents two"),
        "{one}"
    );
    assert!(
        two.contains("agents one") && two.contains("agents two"),
        "{two}"
    );
}

#[test]
fn a_python_package() {
    let test = "printf 'import itsdangerous\\n\\n\\ndef test_%s():\\n    assert itsdangerous.Signer(\"key\").sign(\"a\")\\n'";
    let [one, two] = two_runs(
        &PYTHON,
        &format!(".venv/bin/python -B -c 'import itsdangerous' && {test} one > tests/test_one.py"),
        &format!(".venv/bin/python -B -c 'import itsdangerous' && {test} two > tests/test_two.py"),
    );
    let passed = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let at = words
            .iter()
            .position(|word| *word == "passed")
            .unwrap_or_else(|| panic!("{text}"));
        words[at - 1].parse::<u32>().unwrap()
    };
    assert_eq!(passed(&two), passed(&one) + 1, "{two}");
}

/// The project's own tests decide: an agent that breaks the package ends rejected, and the test that
/// says so is named.
#[test]
fn a_broken_package_is_rejected_by_its_own_tests() {
    let up = up();
    let remote = NPM.remote();
    let before = remote.head();
    up.project("p", &remote, &[]);
    up.agent(
        "breaks",
        "printf 'module.exports = function () { return 1 }\\n' > index.js",
    );
    let run = run(&up, "breaks");
    assert_eq!(
        (text(&run, "state"), text(&run, "reason")),
        ("rejected", "checks"),
        "{run:#}"
    );
    assert!(text(&run, "detail").contains("`npm test`"), "{run:#}");
    assert_eq!(remote.head(), before);
}
