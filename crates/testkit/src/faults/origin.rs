//! The client's git remote, over HTTP and in bad moods: it hangs, refuses, dies before or after it took a push, is full, is
//! away. What it has taken it writes down itself: the target in a reflog, which is part of the move, every ref by a hook.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::evidence::{Move, Update};
use super::part::executable;
use crate::GitHttp;

/// Where the hooks look for their mood and write what they saw: beside the repository, in which they start.
const PRE_RECEIVE: &str = r#"#!/bin/sh
cat > /dev/null
case "$(cat ../control/mood 2>/dev/null)" in
  hang) while [ "$(cat ../control/mood 2>/dev/null)" = hang ]; do sleep 0.1; done ;;
  slow) sleep 2 ;;
  refuse) echo 'not now, says the remote' >&2; exit 1 ;;
  full) echo 'fatal: write error: No space left on device' >&2; echo 'unpacker error' >&2; exit 1 ;;
  dies) kill -9 $PPID ;;
esac
exit 0
"#;
const POST_RECEIVE: &str = r#"#!/bin/sh
cat > /dev/null
[ "$(cat ../control/mood 2>/dev/null)" != dies-late ] || kill -9 $PPID
exit 0
"#;
/// Each line is one small write to a file that is opened for appending: lines do not mix.
const TRANSACTION: &str = r#"#!/bin/sh
[ "$1" = committed ] || exit 0
while read -r old new name; do echo "$old $new $name" >> ../control/updates; done
exit 0
"#;

/// What it is like, until it is told another mood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    Hang,
    Slow,
    Refuse,
    Full,
    /// `kill -9` of whoever receives a push, before anything is taken.
    Dies,
    /// The same, when it was taken and nobody was told.
    DiesLate,
    /// Nobody listens.
    Away,
}

impl Mood {
    const fn word(self) -> &'static str {
        match self {
            Self::Well | Self::Away => "well",
            Self::Hang => "hang",
            Self::Slow => "slow",
            Self::Refuse => "refuse",
            Self::Full => "full",
            Self::Dies => "dies",
            Self::DiesLate => "dies-late",
        }
    }
}

#[derive(Debug)]
pub(super) struct Origin {
    directory: PathBuf,
    server: Mutex<GitHttp>,
    url: String,
}

impl Origin {
    /// A bare repository with one commit.
    pub(super) fn make(directory: &Path) -> Self {
        let control = directory.join("control");
        std::fs::create_dir_all(&control).unwrap();
        git(
            directory,
            &["init", "-q", "--bare", "-b", "main", "remote.git"],
        );
        let server = GitHttp::of(directory);
        let origin = Self {
            directory: directory.to_owned(),
            url: server.url("remote.git"),
            server: Mutex::new(server),
        };
        let bare = origin.path();
        for (name, value) in [
            ("core.logAllRefUpdates", "always"),
            ("gc.auto", "0"),
            ("receive.autogc", "false"),
        ] {
            git(&bare, &["config", name, value]);
        }
        let tree = directory.join("first");
        std::fs::create_dir_all(tree.join(".agentworks")).unwrap();
        std::fs::write(tree.join("README"), "nothing yet\n").unwrap();
        let check = "[[checks]]\nname = \"there\"\ncommand = \"ls work\"\n";
        std::fs::write(tree.join(".agentworks/project.toml"), check).unwrap();
        git(&tree, &["init", "-q", "-b", "main"]);
        git(&tree, &["add", "-A"]);
        git(&tree, &["commit", "-q", "-m", "first"]);
        git(&tree, &["push", "-q", bare.to_str().unwrap(), "main"]);
        for (name, text) in [
            ("pre-receive", PRE_RECEIVE),
            ("post-receive", POST_RECEIVE),
            ("reference-transaction", TRANSACTION),
        ] {
            executable(&bare.join("hooks").join(name), text);
        }
        origin
    }

    fn path(&self) -> PathBuf {
        self.directory.join("remote.git")
    }

    fn control(&self, name: &str) -> PathBuf {
        self.directory.join("control").join(name)
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    pub(super) fn turn(&self, mood: Mood) {
        let half = self.control("mood.half");
        std::fs::write(&half, mood.word()).unwrap();
        std::fs::rename(half, self.control("mood")).unwrap();
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        match mood {
            Mood::Away => server.go_away(),
            _ => server.come_back(),
        }
    }

    /// What the hook wrote down.
    pub(super) fn updates(&self) -> Vec<Update> {
        let text = std::fs::read_to_string(self.control("updates")).unwrap_or_default();
        let update = |line: &str| {
            let mut words = line.split(' ');
            let (old, new) = (words.next()?.to_owned(), words.next()?.to_owned());
            let name = words.next()?.to_owned();
            Some(Update { name, old, new })
        };
        text.lines().filter_map(update).collect()
    }

    /// Each move of the target, the oldest first.
    pub(super) fn moves(&self) -> Vec<Move> {
        let bare = self.path();
        let log = std::fs::read_to_string(bare.join("logs/refs/heads/main")).unwrap();
        let mut moves = Vec::new();
        for line in log.lines() {
            let (old, rest) = line.split_once(' ').unwrap();
            let new = rest.split(' ').next().unwrap().to_owned();
            if old.bytes().all(|byte| byte == b'0') {
                continue;
            }
            let base = try_git(&bare, &["merge-base", old, &new]).unwrap_or_default();
            let format = "--format=%(trailers:key=Freehold-Run,valueonly,separator=%x2C)";
            let range = format!("{old}..{new}");
            let said = git(&bare, &["log", "--first-parent", format, &range]);
            moves.push(Move {
                is_forward: base == old,
                // The work of two turns lands in one move.
                runs: (said.split(['\n', ',']))
                    .filter(|run| !run.is_empty())
                    .map(str::to_owned)
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
                new,
            });
        }
        moves
    }

    pub(super) fn refs(&self) -> BTreeMap<String, String> {
        let said = git(
            &self.path(),
            &["for-each-ref", "--format=%(refname) %(objectname)"],
        );
        said.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, commit)| (name.to_owned(), commit.to_owned()))
            .collect()
    }

    /// What git itself finds wrong with it.
    pub(super) fn damage(&self) -> Option<String> {
        try_git(
            &self.path(),
            &["fsck", "--connectivity-only", "--no-dangling"],
        )
        .err()
    }
}

fn git(directory: &Path, words: &[&str]) -> String {
    try_git(directory, words).unwrap()
}

/// git as some other person, in an empty environment; its trimmed output, or what it said of its failure.
fn try_git(directory: &Path, words: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .args(words)
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.org"),
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.org"),
        ])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("git {words:?}: {}", said.trim()))
    }
}
