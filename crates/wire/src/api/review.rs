//! A person's decision on finished work, and what it rests on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Approves a run's work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The commit that was seen; the run's present one where silent.
    #[serde(default)]
    pub commit: Option<String>,
}

/// Rejects a run's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Why, in words.
    pub reason: String,
}

/// Answers a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The answer.
    pub text: String,
}

/// What a decision rests on, besides the diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// What was asked: the card, then every reply, oldest first.
    pub asked: Vec<Asked>,
    /// The agent's last words; it need not have said any.
    pub summary: Option<String>,
    /// Changed files in the diff's order; at most [`Review::FILES_MAX`].
    pub files: Vec<ChangedFile>,
    /// There are more files than are listed.
    pub truncated: bool,
    /// Lines added, in all files.
    pub additions: u64,
    /// Lines removed, in all files.
    pub deletions: u64,
    /// The work's last commit.
    pub commit: Option<String>,
    /// The commit it started from.
    pub base: Option<String>,
    /// The digest of the diff (`git patch-id --stable`): what an approval is bound to.
    pub digest: Option<String>,
    /// The checks, with their times.
    pub evidence: Vec<Evidence>,
}

impl Review {
    /// Most files that are listed: a change that nobody reads file by file.
    pub const FILES_MAX: usize = 10_000;
}

/// Something that was asked of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// `card` or `reply`.
    pub kind: String,
    /// Who asked.
    pub by: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// In their words.
    pub text: String,
}

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedFile {
    /// Its path; what is not UTF-8 is replaced.
    pub path: String,
    /// Its path before, where it was renamed or copied.
    pub old_path: Option<String>,
    /// What happened to it.
    pub status: FileStatus,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// Its content is not text.
    pub binary: bool,
    /// Why a person should look twice.
    pub flags: Vec<FileFlag>,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// It is new.
    Added,
    /// Its content changed.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another name.
    Renamed,
    /// It is a copy of another.
    Copied,
    /// Only its mode changed.
    Mode,
}

/// What machines execute or trust by themselves once it has landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileFlag {
    /// A pipeline that a forge runs.
    Ci,
    /// A hook that git or a hook manager runs.
    Hook,
    /// Instructions or permissions that agents read: this project's own setup and checks too.
    AgentConfig,
    /// Settings, tasks or containers that an editor applies when the directory is opened.
    EditorConfig,
    /// A program that a build runs by itself.
    BuildScript,
    /// Which code is fetched from elsewhere.
    Lockfile,
    /// A pointer into another repository.
    Submodule,
    /// A link, which may lead out of the repository.
    Symlink,
    /// It became executable.
    Executable,
}

/// A check's result with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// Its name.
    pub name: String,
    /// `passed`, `failed`, `timed_out` or `skipped`.
    pub state: String,
    /// Its exit code, where it has one.
    pub exit_code: Option<i32>,
    /// How long it took, in milliseconds, where that is known.
    pub ms: Option<u64>,
    /// The step whose output it is in.
    pub step: String,
}

/// Where the target branch is now, seen by a runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Base {
    /// The commit that the work started from.
    pub base: Option<String>,
    /// The target branch's commit now.
    pub head: Option<String>,
    /// Whether they are the same.
    pub state: BaseState,
    /// Why it is not known, in words.
    pub message: Option<String>,
}

/// Whether a target branch moved on under finished work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BaseState {
    /// It is where the work started.
    Same,
    /// It moved; landing merges and runs the checks again.
    Moved,
    /// Nobody could look.
    Unknown,
}
