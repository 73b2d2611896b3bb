//! Files in Git LFS: fetched where the machine's owner says so, and changed by no run.

use std::fs;

use freehold_model::Reason;
use freehold_model::run::Outcome;

use crate::kit::{Live, Remote, Run, live};
use crate::server::Server;

const BYTES: &str = "the real bytes\n";
/// Of the bytes.
const OID: &str = "d13ca93baa8a8b9b91ef9c946f7d5e7ae03469fe06c72b60b8961e5993ece61a";
const FILE: &str = "[[checks]]\nname = 'reads it'\ncommand = 'cat big.bin'\n";

fn repository() -> Remote {
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {}\n",
        BYTES.len()
    );
    let remote = Remote::new(&[
        (".agentworks/project.toml", FILE),
        (
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        ),
        (
            ".lfsconfig",
            "[lfs]\n\turl = http://127.0.0.1:1/elsewhere\n",
        ),
        ("big.bin", pointer.as_str()),
        ("a", "1\n"),
    ]);
    let folder = remote.bare().join("lfs/objects").join(&OID[..2]);
    let folder = folder.join(&OID[2..4]);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(OID), BYTES).unwrap();
    remote
}

fn allow(runner: &Live, remote: &Remote, more: &str) {
    let text = format!("[[lfs]]\nremote = '{}'\n{more}\n", remote.url());
    fs::write(runner.data.path().join("policy.toml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_and_checks_read_them_and_commits_hold_pointers() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = repository();
    let silent = "head -n 1 big.bin; echo 2 > a";
    let mut run = Run::script(&server, &remote, silent);
    run.play().await;
    assert_eq!(
        run.output("agent"),
        b"version https://git-lfs.github.com/spec/v1\n"
    );

    allow(&runner, &remote, "");
    // Written anew with the same bytes, it is no change.
    let script = "cat big.bin; git status --porcelain; cp big.bin x; cat x > big.bin; rm x; git status --porcelain; echo 2 > a";
    let mut run = Run::script(&server, &remote, script);
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?} {}", finished.outcome, run.detail(&finished))
    };
    let said = String::from_utf8(run.output("agent")).unwrap();
    assert!(said.starts_with(BYTES), "{said}");
    assert_eq!(run.output("check:reads it"), BYTES.as_bytes());
    assert_eq!(
        remote.read(&["diff", "--name-only", "main", &work.commit]),
        "a"
    );
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_changes_one_goes_nowhere() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = repository();
    allow(&runner, &remote, "most = '1MiB'");
    for (script, path) in [
        ("echo more >> big.bin", "big.bin"),
        ("echo more > new.bin", "new.bin"),
        (
            "git config filter.lfs.clean cat; echo more >> big.bin",
            "big.bin",
        ),
    ] {
        let mut run = Run::script(&server, &remote, script);
        let finished = run.play().await;
        let reason = Reason::ImportRefused;
        let detail = run.detail(&finished);
        assert_eq!(finished.outcome, Outcome::Failed { reason }, "{detail}");
        let said = format!("changes or adds {path}, a file in Git LFS");
        assert!(detail.contains(&said), "{detail}");
    }
    let pushes = "echo more >> big.bin; git commit -qam x; git push origin HEAD 2>&1 | grep -o 'a file in Git LFS'; git reset -q --hard HEAD^; cat big.bin; echo 2 > a";
    let mut run = Run::script(&server, &remote, pushes);
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?} {}",
        finished.outcome,
        run.detail(&finished)
    );
    let said = String::from_utf8(run.output("agent")).unwrap();
    assert!(said.starts_with("a file in Git LFS\n"), "{said}");

    allow(&runner, &remote, "most = 1");
    let next = remote.commit(&[("b", "1\n")], "next");
    let mut run = Run::script(&server, &remote, "echo 2 > a");
    let finished = run.play().await;
    let detail = run.detail(&finished);
    assert!(
        detail.contains("this machine's owner allows 1"),
        "{next} {detail}"
    );
    runner.drain().await;
}
