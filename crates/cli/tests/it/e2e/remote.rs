//! The client's git remote: a bare repository behind a `file://` address, with hooks that write
//! down, refuse and hold what is pushed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use freehold_testkit::GitHttp;
use tempfile::TempDir;

use super::procs::{self, until};

/// What a push does, as the hooks tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// A new ref of a run: its epoch is claimed.
    Claim,
    /// A run's ref moves: its work arrives.
    Work,
    /// `main` moves: work lands.
    Target,
}

impl Push {
    fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Work => "work",
            Self::Target => "target",
        }
    }
}

/// Sorts pushed refs by kind; `control` is beside the repository, hooks start inside it.
const KIND: &str = r#"
kind() {
  case "$3" in
    refs/heads/main) echo target ;;
    *) case "$1" in *[1-9a-f]*) echo work ;; *) echo claim ;; esac ;;
  esac
}
"#;

const PRE_RECEIVE: &str = r#"
while read -r old new name; do
  kind=$(kind "$old" "$new" "$name")
  echo "$kind $old $new $name" >> ../control/asked
  if [ -e "../control/refuse-$kind" ]; then cat "../control/refuse-$kind" >&2; exit 1; fi
  if mv "../control/hold-$kind" "../control/held-$kind" 2>/dev/null; then
    while [ -e "../control/held-$kind" ]; do sleep 0.02; done
  fi
done
"#;

const POST_RECEIVE: &str = r#"
while read -r old new name; do
  echo "$(kind "$old" "$new" "$name") $old $new $name" >> ../control/taken
done
"#;

/// A bare repository that is gone when this is dropped.
pub(crate) struct Remote {
    dir: TempDir,
}

impl Remote {
    /// With these files as the first commit on `main`; empty when there are none.
    pub(crate) fn bare(files: &[(&str, &str)]) -> Self {
        let remote = Self {
            dir: TempDir::new().unwrap(),
        };
        git(
            remote.dir.path(),
            &["init", "-q", "--bare", "-b", "main", "remote.git"],
        );
        if !files.is_empty() {
            remote.push_change(files, "first");
        }
        fs::create_dir(remote.control()).unwrap();
        remote.hook("pre-receive", PRE_RECEIVE);
        remote.hook("post-receive", POST_RECEIVE);
        remote
    }

    fn hook(&self, name: &str, script: &str) {
        let path = self.path().join("hooks").join(name);
        executable(&path, &format!("#!/bin/sh\n{KIND}{script}"));
    }

    fn control(&self) -> PathBuf {
        self.dir.path().join("control")
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// The same repository over HTTP, at a server that can be away; and its address there.
    pub(crate) fn over_http(&self) -> (GitHttp, String) {
        let server = GitHttp::of(self.dir.path());
        let url = server.url("remote.git");
        (server, url)
    }

    /// git in the bare repository; its trimmed output.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.path(), args)
    }

    /// The commit that `main` is at.
    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "main"])
    }

    /// The subjects on `main`, newest first.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = self.git(&["log", "--format=%s", "main"]);
        log.lines().map(str::to_owned).collect()
    }

    /// A file as `main` has it, `None` when it is not there.
    pub(crate) fn show(&self, path: &str) -> Option<String> {
        let there = self.git(&["ls-tree", "--name-only", "main", path]);
        (!there.is_empty()).then(|| self.git(&["show", &format!("main:{path}")]))
    }

    /// The commits on `main` that carry a run's trailer.
    pub(crate) fn landed(&self, run: &str) -> Vec<String> {
        let log = self.git(&[
            "log",
            "--format=%H %(trailers:key=Freehold-Run,valueonly,separator=%x2C)",
            "--first-parent",
            "main",
        ]);
        log.lines()
            .filter(|line| line.split([' ', ',']).skip(1).any(|value| value == run))
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    }

    /// The commits that the refs of a run hold.
    pub(crate) fn run_refs(&self, run: &str) -> Vec<String> {
        let refs = self.git(&[
            "for-each-ref",
            "--format=%(objectname)",
            &format!("refs/freehold/{run}/"),
        ]);
        refs.lines().map(str::to_owned).collect()
    }

    /// Somebody else's commit on `main`.
    pub(crate) fn push_change(&self, files: &[(&str, &str)], message: &str) -> String {
        let clone = self.clone_here();
        git(clone.path(), &["checkout", "-q", "-B", "main"]);
        for (name, text) in files {
            let path = clone.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        git(clone.path(), &["add", "-A"]);
        git(clone.path(), &["commit", "-q", "-m", message]);
        git(clone.path(), &["push", "-q", "origin", "main"]);
        git(clone.path(), &["rev-parse", "HEAD"])
    }

    /// Somebody else's commit on `main`, past the hooks: while they hold another push.
    pub(crate) fn overtake(&self, files: &[(&str, &str)], message: &str) -> String {
        let clone = self.clone_here();
        for (name, text) in files {
            fs::write(clone.path().join(name), text).unwrap();
        }
        git(clone.path(), &["add", "-A"]);
        git(clone.path(), &["commit", "-q", "-m", message]);
        let commit = git(clone.path(), &["rev-parse", "HEAD"]);
        self.git(&[
            "fetch",
            "-q",
            clone.path().to_str().unwrap(),
            "+HEAD:refs/heads/main",
        ]);
        commit
    }

    /// A clone in a directory of its own.
    pub(crate) fn clone_here(&self) -> TempDir {
        let clone = TempDir::new().unwrap();
        git(clone.path(), &["clone", "-q", &self.url(), "."]);
        clone
    }

    /// From now on pushes of this kind are refused with these words.
    pub(crate) fn refuse(&self, push: Push, words: &str) {
        fs::write(
            self.control().join(format!("refuse-{}", push.name())),
            words,
        )
        .unwrap();
    }

    /// And taken again.
    pub(crate) fn refuse_no_more(&self, push: Push) {
        fs::remove_file(self.control().join(format!("refuse-{}", push.name()))).unwrap();
    }

    /// The next push of this kind waits inside the remote; those after it pass.
    pub(crate) fn hold(&self, push: Push) {
        fs::write(self.control().join(format!("hold-{}", push.name())), "").unwrap();
    }

    /// Waits until it waits.
    pub(crate) fn wait_held(&self, push: Push) {
        let held = self.control().join(format!("held-{}", push.name()));
        until(&format!("a push of {push:?} reaches the remote"), || {
            held.exists().then_some(())
        });
    }

    /// Lets it go on, and waits until the remote is done with everybody.
    pub(crate) fn release_and_wait(&self, push: Push) {
        self.release(push);
        let mark = self.dir.path().file_name().unwrap().to_str().unwrap();
        until("the remote is done", || {
            procs::marked(mark).is_empty().then_some(())
        });
    }

    /// Lets it go on.
    pub(crate) fn release(&self, push: Push) {
        fs::remove_file(self.control().join(format!("held-{}", push.name()))).unwrap();
    }

    /// How many pushes of this kind the remote has taken since it was made.
    pub(crate) fn taken(&self, push: Push) -> usize {
        let taken = fs::read_to_string(self.control().join("taken")).unwrap_or_default();
        taken
            .lines()
            .filter(|line| line.split(' ').next() == Some(push.name()))
            .count()
    }
}

/// Writes a program.
pub(crate) fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// git as some other person, in an empty environment; its trimmed output.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.org"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.org"),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}
