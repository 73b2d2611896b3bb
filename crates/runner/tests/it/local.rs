//! Local files of the machine: into its workspaces, into no commit.

use std::fs;
use std::os::unix::fs::symlink;

use freehold_model::Reason;
use freehold_model::run::Outcome;

use crate::kit::{Live, Remote, Run, live};
use crate::server::Server;

const FILE: &str = "[setup]\ncommand = 'wc -c < .env; mkdir -p made; date +%N > made/it'\n[[checks]]\nname = 'reads it'\ncommand = 'cat .env'\n";

fn repository() -> Remote {
    Remote::new(&[
        (".agentworks/project.toml", FILE),
        (".gitignore", "made\n"),
        (
            ".worktreeinclude",
            "# what a workspace needs\n.env\n/conf/*\n!/conf/prod.pem\n",
        ),
        ("a", "1\n"),
    ])
}

/// What the owner of the machine keeps beside it.
fn beside() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("conf/deep")).unwrap();
    for (path, text) in [
        (".env", "LOCAL=1\n"),
        ("conf/deep/key.pem", "key\n"),
        ("conf/prod.pem", "secret\n"),
        ("notes", "not named\n"),
        ("a", "of another time\n"),
    ] {
        fs::write(dir.path().join(path), text).unwrap();
    }
    symlink("/etc/hostname", dir.path().join("conf/link")).unwrap();
    dir
}

fn allow(runner: &Live, remote: &Remote, from: &std::path::Path, more: &str) {
    let text = format!(
        "[[local_files]]\nremote = '{}'\nfrom = '{}'\n{more}\n",
        remote.url(),
        from.display()
    );
    fs::write(runner.data.path().join("policy.toml"), text).unwrap();
}

fn notes(run: &Run) -> String {
    let events = run.events();
    let notes = events.iter().filter(|(kind, _)| kind == "note");
    notes
        .map(|(_, value)| format!("{}\n", value["text"].as_str().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_there_for_setup_agent_and_checks_and_no_part_of_the_work() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let (remote, from) = (repository(), beside());
    allow(&runner, &remote, from.path(), "");
    let script =
        "cat .env conf/deep/key.pem; ls -A . conf; cat a; git status --porcelain; echo 2 > a";
    let mut run = Run::script(&server, &remote, script);
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?} {}", finished.outcome, run.detail(&finished))
    };
    assert_eq!(
        String::from_utf8(run.output("agent")).unwrap(),
        "LOCAL=1\nkey\n.:\n.agentworks\n.env\n.git\n.gitignore\n.worktreeinclude\na\nconf\nmade\n\nconf:\ndeep\n1\n"
    );
    assert_eq!(run.output("check:reads it"), b"LOCAL=1\n");
    assert_eq!(
        remote.read(&["diff", "--name-only", "main", &work.commit]),
        "a"
    );
    let notes = notes(&run);
    assert!(notes.contains("2 local files of this machine"), "{notes}");
    assert!(notes.contains(".env, conf/deep/key.pem"), "{notes}");
    assert!(
        notes.contains("conf/link (it is no plain file, or a link)"),
        "{notes}"
    );

    // What setup makes hangs on them.
    fs::write(from.path().join(".env"), "LOCAL=22\n").unwrap();
    let mut second = Run::script(&server, &remote, "echo 3 > a");
    second.order.project = run.order.project.clone();
    second.play().await;
    assert_eq!(second.output("setup"), b"9\n");
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_holds_one_goes_nowhere() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let (remote, from) = (repository(), beside());
    allow(&runner, &remote, from.path(), "files = ['.env']");
    let hidden = "git add -f .env && git commit -qm one && git rm -q --cached .env && git commit -qm two && echo 2 > a";
    let merged = "git checkout -qb side && git add -f .env && git commit -qm side && git checkout -q - && cp .env kept 2>/dev/null; git merge -q -s ours -m merged side; echo 2 > a";
    for script in ["git add -f .env; echo 2 > a", hidden, merged] {
        let mut run = Run::script(&server, &remote, script);
        let finished = run.play().await;
        let reason = Reason::ImportRefused;
        assert_eq!(finished.outcome, Outcome::Failed { reason }, "{script}");
        let detail = run.detail(&finished);
        assert!(
            detail.contains(".env, a local file of this machine"),
            "{detail}"
        );
        let held = remote.read(&["rev-parse", &format!("refs/freehold/{}/1", run.id())]);
        assert_eq!(held, remote.read(&["rev-parse", "main"]), "{script}");
    }
    let pushes = "git add -f .env; git commit -qm x; git push origin HEAD 2>&1 | grep -o 'a local file of this machine'; git reset -q --hard HEAD^; echo 2 > a";
    let mut run = Run::script(&server, &remote, pushes);
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    assert_eq!(run.output("agent"), b"a local file of this machine\n");
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_alone_takes_nothing_and_leads_nowhere() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let (remote, from) = (repository(), beside());
    // Without the owner's word, `.worktreeinclude` names what is not there.
    let mut run = Run::script(&server, &remote, "test ! -e .env && echo none; echo 2 > a");
    run.play().await;
    assert_eq!(run.output("agent"), b"none\n");

    // A commit that has a link where a folder of theirs would be.
    let outside = tempfile::tempdir().unwrap();
    let clone = tempfile::tempdir().unwrap();
    let bare = remote.bare();
    crate::kit::git(clone.path(), &["clone", "-q", bare.to_str().unwrap(), "."]);
    symlink(outside.path(), clone.path().join("conf")).unwrap();
    crate::kit::git(clone.path(), &["add", "-A"]);
    crate::kit::git(clone.path(), &["commit", "-qm", "link"]);
    crate::kit::git(clone.path(), &["push", "-q", "origin", "HEAD:main"]);
    allow(&runner, &remote, from.path(), "");
    let mut run = Run::script(&server, &remote, "cat .env; echo 2 > a");
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    assert_eq!(run.output("agent"), b"LOCAL=1\n");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(
        notes(&run).contains("in its folder's place"),
        "{}",
        notes(&run)
    );

    // A folder that is gone is said, before anything starts.
    allow(&runner, &remote, &from.path().join("none"), "");
    let mut run = Run::script(&server, &remote, "echo 2 > a");
    let finished = run.play().await;
    let reason = Reason::LocalFiles;
    assert_eq!(finished.outcome, Outcome::Failed { reason });
    assert!(run.detail(&finished).contains("which is no folder"));
    runner.drain().await;
}

/// The target may get a file of that name: a merge of it, which the agent was told to make, is no
/// commit of the machine's own file.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_has_got_since_is_the_repositorys_own() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let (remote, from) = (repository(), beside());
    allow(&runner, &remote, from.path(), "files = ['.env']");
    let script = "cat .env; git fetch -q; git merge -q -m merged origin/main; echo 2 >> a; \
                  git commit -qam more; git push -q 2>&1; cat .env";
    let mut run = Run::script(&server, &remote, script);
    let finished = run.play().await;
    assert!(matches!(finished.outcome, Outcome::Work(_)));
    assert_eq!(run.output("agent"), b"LOCAL=1\nLOCAL=1\n");
    remote.commit(&[(".env", "PUBLIC=1\n")], "its own");
    run.reply("merge the target");
    let finished = run.play().await;
    let said = String::from_utf8(run.output("agent")).unwrap();
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?} {}\n{said}", finished.outcome, run.detail(&finished))
    };
    assert!(said.ends_with("LOCAL=1\nPUBLIC=1\n"), "{said}");
    let held = remote.read(&["show", &format!("{}:.env", work.commit)]);
    assert_eq!(held, "PUBLIC=1");
    runner.drain().await;
}
