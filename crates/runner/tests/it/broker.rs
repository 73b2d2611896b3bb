//! What an agent's own git reaches as `origin`: it fetches, pushes the run's own branch, and nothing
//! else, without a credential anywhere.

use freehold_model::run::Outcome;

use crate::kit::{Remote, Run, live};
use crate::server::Server;

/// Everything that an agent may try, each with its exit code.
const TRIES: &str = r#"
try() { echo "== $*"; "$@" 2>&1; echo "-> $?"; }
try git ls-remote origin
try git fetch -q origin
try git merge-base --is-ancestor origin/main HEAD
echo one > one; git add -A; git commit -qm one
try git push -q
try git push -q origin HEAD:main
try git push -q --force origin HEAD:refs/heads/main
try git push -q origin HEAD:refs/heads/another
git tag v1; try git push -q origin v1
try git push -q origin HEAD:refs/freehold/run/9
try git push -q origin --delete freehold/run
try git push -q origin :main
git commit -q --amend -m rewritten; try git push -q --force
git reset -q --hard origin/freehold/run
echo two > two; git add -A; git commit -qm two
try git push -q
git config --list | grep -iE 'credential|extraheader|password' ; echo "secrets $?"
git clone -q origin 2>&1 | head -1
git clone -q http://127.0.0.1:61082/repo /tmp/clone && git -C /tmp/clone log --format=%s | cat
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_pushes_its_own_branch_forwards_and_nothing_else() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("greeting", "hi\n")]);
    let base = remote.read(&["rev-parse", "main"]);
    let mut run = Run::script(&server, &remote, TRIES);
    let finished = run.play().await;
    let said = String::from_utf8_lossy(&run.output("agent")).into_owned();
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?}: {}\n{said}", finished.outcome, run.detail(&finished))
    };
    let end_of = |what: &str| {
        let from = said.find(&format!("== {what}\n"))?;
        let rest = &said[from..];
        Some(rest[..rest.find("\n-> ")? + 5].to_owned())
    };
    let ended = |what: &str, code: char, words: &str| {
        let told = end_of(what).unwrap_or_else(|| panic!("{what} was not tried:\n{said}"));
        assert!(
            told.ends_with(code),
            "{what} did not end with {code}:\n{said}"
        );
        assert!(
            told.contains(words),
            "{what} does not say {words:?}:\n{said}"
        );
    };
    ended(
        "git ls-remote origin",
        '0',
        &format!("{base}\trefs/heads/main"),
    );
    ended("git fetch -q origin", '0', "");
    ended("git merge-base --is-ancestor origin/main HEAD", '0', "");
    ended("git push -q", '0', "");
    ended("git push -q origin HEAD:main", '1', "approves this run");
    ended(
        "git push -q --force origin HEAD:refs/heads/main",
        '1',
        "approves this run",
    );
    ended(
        "git push -q origin HEAD:refs/heads/another",
        '1',
        "only freehold/run",
    );
    ended("git push -q origin v1", '1', "tags");
    ended(
        "git push -q origin HEAD:refs/freehold/run/9",
        '1',
        "only freehold/run",
    );
    ended(
        "git push -q origin --delete freehold/run",
        '1',
        "cannot be deleted",
    );
    ended(
        "git push -q origin :main",
        '1',
        "refs/heads/main cannot be deleted",
    );
    ended("git push -q --force", '1', "does not descend");
    assert!(said.contains("secrets 1\n"), "{said}");
    assert!(
        said.ends_with("first\n"),
        "a clone holds the target:\n{said}"
    );
    // The remote holds the target as it was and the run's own ref, and nothing else.
    assert_eq!(remote.read(&["rev-parse", "main"]), base);
    let own = format!("refs/freehold/{}/1", run.id());
    assert_eq!(remote.read(&["rev-parse", &own]), work.commit);
    assert_eq!(
        remote.read(&["for-each-ref", "--format=%(refname)"]),
        format!("{own}\nrefs/heads/main")
    );
    assert_eq!(
        remote.read(&["log", "--format=%s", &work.commit]),
        "two\none\nfirst"
    );
    let pushed = run
        .events()
        .iter()
        .filter(|(kind, _)| kind == "work.pushed")
        .count();
    assert_eq!(pushed, 2);
    runner.drain().await;
}
