//! Repositories that are not like the others. What lands is what the agent left, to the byte.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::day::{approve, refused, run, text, work};
use super::harness::{Installation, id};
use super::procs::until;
use super::remote::{Remote, git};

/// Prints the tree that a commit of everything would have, by an index of its own.
const TREE: &str =
    "GIT_INDEX_FILE=/tmp/index git add -A && GIT_INDEX_FILE=/tmp/index git write-tree";

/// Lets a script work on the project `p` and lands it; gives the run.
fn lands(up: &Installation, remote: &Remote, name: &str, words: &str) -> Value {
    up.agent(name, &format!("{words}\n{TREE}"));
    let run = work(up, name);
    let said = up.fh(&["run", "logs", id(&run)]).out();
    // Not the last line: what git warns of on the other stream may come behind it.
    let is_tree = |line: &&str| line.len() == 40 && line.bytes().all(|b| b.is_ascii_hexdigit());
    let tree = said.lines().rfind(is_tree).unwrap_or_default();
    assert_eq!(approve(up, &run), remote.head());
    let landed = remote.git(&["rev-parse", "main^{tree}"]);
    assert_eq!(
        landed, tree,
        "what landed is not what the agent left: {said}"
    );
    run
}

/// git in the bare repository; its output, byte for byte.
fn bytes(remote: &Remote, args: &[&str]) -> Vec<u8> {
    let said = Command::new("git")
        .arg("-C")
        .arg(remote.path())
        .args(args)
        .output()
        .unwrap();
    assert!(said.status.success(), "git {args:?}");
    said.stdout
}

/// The entries of the landed tree: mode and name, as they are.
fn entries(remote: &Remote) -> Vec<(String, Vec<u8>)> {
    let listed = bytes(remote, &["ls-tree", "-r", "-z", "main"]);
    let entries = listed
        .split(|byte| *byte == 0)
        .filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let tab = entry.iter().position(|byte| *byte == b'\t').unwrap();
            (
                String::from_utf8_lossy(&entry[..6]).into_owned(),
                entry[tab + 1..].to_vec(),
            )
        })
        .collect()
}

#[track_caller]
fn has(entries: &[(String, Vec<u8>)], mode: &str, name: &[u8]) {
    assert!(
        entries
            .iter()
            .any(|(its, other)| its == mode && other == name),
        "{mode} {} is not among {entries:?}",
        name.escape_ascii()
    );
}

/// Names that hold a newline, bytes that are no UTF-8, as much as a file system takes; links to
/// nowhere, to `/etc/passwd`, up and out; the executable bit; a rename; bytes.
#[test]
fn odd_names_links_modes_and_bytes() {
    let up = Installation::up();
    let long = "n".repeat(255);
    let remote = Remote::bare(&[
        ("plain", "1\n"),
        ("renamed/from", "a\nb\nc\nd\n"),
        ("tool", "#!/bin/sh\n"),
        ("kept\nodd", "x\n"),
    ]);
    up.project("p", &remote, &[]);
    let words = format!(
        "test \"$(cat \"$(printf 'kept\\nodd')\")\" = x
         printf 1 > \"$(printf 'a\\nb')\"; printf 2 > \"$(printf 'caf\\351')\"; printf 3 > {long}; printf 4 > ' lead and trail '
         printf 5 > -dash; printf 6 > '\"quoted\"\\\\'; mkdir -p 'sub/:(top)'; printf 7 > 'sub/:(top)/*'
         ln -s /etc/passwd absolute; ln -s nowhere/at/all dangling; ln -s ../../../out up; ln -s plain inside
         chmod +x tool; mkdir to; mv renamed/from to/there
         head -c 300000 /dev/urandom > bytes; printf 'a\\000b' > nul; : > empty"
    );
    let run = lands(&up, &remote, "odd", &words);
    let entries = entries(&remote);
    has(&entries, "100644", b"a\nb");
    has(&entries, "100644", b"kept\nodd");
    has(&entries, "100644", b"caf\xe9");
    has(&entries, "100644", long.as_bytes());
    has(&entries, "100644", b"sub/:(top)/*");
    has(&entries, "120000", b"absolute");
    has(&entries, "120000", b"dangling");
    has(&entries, "120000", b"up");
    has(&entries, "100755", b"tool");
    has(&entries, "100644", b"to/there");
    assert!(!entries.iter().any(|(_, name)| name == b"renamed/from"));
    assert_eq!(remote.git(&["cat-file", "-s", "main:bytes"]), "300000");
    assert_eq!(
        remote.git(&["show", "main:absolute"]),
        "/etc/passwd",
        "a link lands as a link"
    );
    // The diff that a person sees gives the same tree when it is applied.
    let diff = up.beside("diff");
    fs::write(&diff, up.fh(&["run", "diff", id(&run)]).bytes).unwrap();
    let clone = remote.clone_here();
    git(clone.path(), &["checkout", "-q", "main~1"]);
    git(clone.path(), &["apply", "--index", diff.to_str().unwrap()]);
    assert_eq!(
        git(clone.path(), &["write-tree"]),
        remote.git(&["rev-parse", "main^{tree}"])
    );
}

/// Nothing behind a pointer is fetched, and a pointer lands as it was.
#[test]
fn submodules_and_lfs_stay_pointers() {
    let up = Installation::up();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = https://example.invalid/lib.git\n";
    let remote = Remote::bare(&[
        (
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        ),
        (".gitmodules", modules),
        ("big.bin", pointer),
        ("a", "1\n"),
    ]);
    let commit = "1234567890abcdef1234567890abcdef12345678";
    let clone = remote.clone_here();
    let link = format!("160000,{commit},lib");
    git(
        clone.path(),
        &["update-index", "--add", "--cacheinfo", &link],
    );
    git(clone.path(), &["commit", "-q", "-m", "a submodule"]);
    git(clone.path(), &["push", "-q", "origin", "main"]);
    up.project("p", &remote, &[]);
    up.agent(
        "edits",
        "grep -q git-lfs big.bin; test -d lib; test -z \"$(ls -A lib)\"; echo 2 > a",
    );
    let run = work(&up, "edits");
    approve(&up, &run);
    assert_eq!(remote.git(&["diff", "--name-only", "main~1", "main"]), "a");
    has(&entries(&remote), "160000", b"lib");
    assert_eq!(remote.git(&["rev-parse", "main:lib"]), commit);
    assert_eq!(remote.git(&["show", "main:big.bin"]), pointer.trim_end());
}

#[test]
fn line_endings_are_as_the_repository_says() {
    let up = Installation::up();
    let remote = Remote::bare(&[
        (
            ".gitattributes",
            "*.bat text eol=crlf\n*.sh text eol=lf\n*.raw -text\n",
        ),
        ("a.bat", "one\ntwo\n"),
        ("b.raw", "one\r\ntwo\r\n"),
        ("mixed.txt", "one\r\ntwo\n"),
    ]);
    up.project("p", &remote, &[]);
    let words = "test \"$(tr -cd '\\r' < a.bat | wc -c)\" = 2; test \"$(tr -cd '\\r' < b.raw | wc -c)\" = 2
                 printf 'three\\r\\n' >> a.bat; printf 'three\\r\\n' >> b.raw; printf 'one\\r\\n' > new.sh";
    lands(&up, &remote, "lines", words);
    assert_eq!(
        bytes(&remote, &["show", "main:a.bat"]),
        b"one\ntwo\nthree\n",
        "normalised, as the attributes say"
    );
    assert_eq!(
        bytes(&remote, &["show", "main:b.raw"]),
        b"one\r\ntwo\r\nthree\r\n"
    );
    assert_eq!(
        bytes(&remote, &["show", "main:mixed.txt"]),
        b"one\r\ntwo\n",
        "untouched"
    );
    assert_eq!(
        remote.git(&["diff", "--name-only", "main~1", "main"]),
        "a.bat\nb.raw\nnew.sh"
    );
}

/// The first commit there is.
#[test]
fn an_empty_remote_gets_its_first_commit() {
    let up = Installation::up();
    let remote = Remote::bare(&[]);
    up.project("p", &remote, &[]);
    lands(&up, &remote, "first", "printf 'hello\\n' > README");
    assert_eq!(remote.git(&["rev-list", "--count", "main"]), "1");
    assert_eq!(remote.git(&["show", "main:README"]), "hello");
    // And the second card goes on from there.
    lands(&up, &remote, "second", "printf 'again\\n' >> README");
    assert_eq!(remote.git(&["rev-list", "--count", "main"]), "2");
}

/// The target is the remote's own default branch, whatever its name.
#[test]
fn a_default_branch_of_another_name() {
    let up = Installation::up();
    let remote = Remote::bare(&[("a", "1\n")]);
    remote.git(&["branch", "--move", "main", "trunk"]);
    remote.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    up.project("p", &remote, &[]);
    assert_eq!(up.fh(&["project", "show", "p"]).ok()["target"], "trunk");
    up.agent("edits", "echo 2 > a");
    let run = work(&up, "edits");
    assert_eq!(run["target"], "trunk");
    let landed = approve(&up, &run);
    assert_eq!(remote.git(&["rev-parse", "trunk"]), landed);
    assert_eq!(
        remote.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]),
        "refs/heads/trunk"
    );
}

/// Commits that the agent makes itself stay its own, in their order; what it leaves over is one more.
#[test]
fn an_agents_own_commits_land_as_they_are() {
    let up = Installation::up();
    let remote = Remote::bare(&[("a", "1\n")]);
    up.project("p", &remote, &[]);
    let words = "echo 2 > a; git commit -qam 'first of its own'; git rm -q a; echo 3 > b; git add b
                 git commit -qm 'second of its own'; git checkout -q -b aside; echo 4 > c; git add c; git commit -qm 'on a branch'
                 echo 5 > left-over";
    let run = lands(&up, &remote, "commits", words);
    let subjects = remote.git(&["log", "--reverse", "--format=%s", "main~4..main"]);
    assert_eq!(
        subjects,
        "first of its own\nsecond of its own\non a branch\nA card for commits"
    );
    assert_eq!(
        remote
            .git(&[
                "log",
                "-1",
                "--format=%(trailers:key=Freehold-Run,valueonly)",
                "main"
            ])
            .trim(),
        id(&run)
    );

    // Nothing left over: its last commit is what lands.
    let run = lands(
        &up,
        &remote,
        "clean",
        "echo 6 > c; git commit -qam 'all by itself'",
    );
    assert_eq!(
        remote.git(&["log", "-1", "--format=%s", "main"]),
        "all by itself"
    );
    assert_eq!(text(&run, "commit"), remote.git(&["rev-parse", "main"]));
}

/// An agent that changes nothing: done, and nothing to approve.
#[test]
fn nothing_changed_is_nothing_to_approve() {
    let up = Installation::up();
    let remote = Remote::bare(&[("a", "1\n")]);
    up.project("p", &remote, &[]);
    up.agent("reads", "cat a; touch a");
    let run = run(&up, "reads");
    assert_eq!(
        (&run["state"], &run["commit"]),
        (&"succeeded".into(), &Value::Null),
        "{run:#}"
    );
    refused(&up, 1, &["run", "approve", id(&run)]);
}

/// A hundred thousand files in a thousand directories, of which the agent changes one, adds one and
/// removes one.
#[test]
fn a_hundred_thousand_files() {
    let up = Installation::up();
    let remote = Remote::bare(&[]);
    import(&remote);
    up.project("p", &remote, &[]);
    let began = Instant::now();
    up.agent(
        "edits",
        "echo changed > d500/f50; rm d999/f99; echo new > d0/new",
    );
    let run = work(&up, "edits");
    let worked = began.elapsed();
    let landed = approve(&up, &run);
    println!(
        "100,000 files: waiting after {worked:?}, landed after {:?}",
        began.elapsed()
    );
    assert_eq!(remote.git(&["rev-parse", "main"]), landed);
    assert_eq!(
        remote.git(&["diff", "--name-status", "main~1", "main"]),
        "A\td0/new\nM\td500/f50\nD\td999/f99"
    );
    assert_eq!(
        remote
            .git(&["ls-tree", "-r", "--name-only", "main"])
            .lines()
            .count(),
        100_000
    );
    // Nothing stays behind on the runner's disk but the store; the workspace goes with the run.
    until("the workspace to go", || {
        let runs = up.data().join("runner/runs").join(id(&run));
        (!runs.exists()).then_some(())
    });
}

/// Blobs of their own would cost a minute; a hundred different ones do as well.
fn import(remote: &Remote) {
    let mut stream = String::new();
    for blob in 0..100 {
        let content = format!("the contents of file {blob}\n");
        write!(
            stream,
            "blob\nmark :{}\ndata {}\n{content}\n",
            blob + 1,
            content.len()
        )
        .unwrap();
    }
    stream.push_str(
        "commit refs/heads/main\ncommitter A <a@example.invalid> 1700000000 +0000\ndata 4\nmany\n",
    );
    for directory in 0..1000 {
        for file in 0..100 {
            writeln!(stream, "M 100644 :{} d{directory}/f{file}", file + 1).unwrap();
        }
    }
    let mut git = Command::new("git")
        .arg("-C")
        .arg(remote.path())
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    git.stdin
        .take()
        .unwrap()
        .write_all(stream.as_bytes())
        .unwrap();
    assert!(git.wait().unwrap().success());
}
