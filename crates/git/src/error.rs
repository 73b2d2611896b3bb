//! What can go wrong, in the words of the person who has to mend it.

use std::io;
use std::path::PathBuf;

/// A failed git operation. `Display` says what happened; [`GitError::next`] says what to do.
///
/// `said` is the other side's own text: bounded, without control characters, never parsed again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no git on this machine.
    #[error("git was not found ({program})")]
    Missing {
        /// The path or the name that was looked for.
        program: String,
    },
    /// The git that was found lacks what landing needs.
    #[error("git {found} is too old: {floor} or newer is needed")]
    TooOld {
        /// Its version.
        found: String,
        /// The oldest one that will do.
        floor: String,
    },
    /// A name, an address or an argument that git must never see.
    #[error("{what} {value:?} cannot be used: {why}")]
    Invalid {
        /// Which kind of thing it is.
        what: &'static str,
        /// The value, shortened; never one that may hold a password.
        value: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// Files in Git LFS are wanted and cannot be had.
    #[error("the files in Git LFS cannot be fetched: {why}")]
    Lfs {
        /// What is missing, or the program's words.
        why: String,
    },
    /// There is no repository at the address.
    #[error("there is no repository at {remote}: {said}")]
    NotFound {
        /// The address.
        remote: String,
        /// The other side's words.
        said: String,
    },
    /// The remote wants credentials, or refuses those it got.
    #[error("{remote} refused the credentials: {said}")]
    AuthRefused {
        /// The address.
        remote: String,
        /// The other side's words.
        said: String,
    },
    /// The server's host key is unknown or has changed.
    #[error("the host key of {remote} is not known: {said}")]
    HostKey {
        /// The address.
        remote: String,
        /// ssh's words.
        said: String,
    },
    /// The server's certificate is not one that this machine trusts, or not this server's.
    #[error("the certificate of {remote} is not trusted: {said}")]
    Certificate {
        /// The address.
        remote: String,
        /// The TLS library's words.
        said: String,
    },
    /// The remote answers, and takes no such request (HTTP 4xx): not a matter of waiting.
    #[error("{remote} does not take the request: {said}")]
    RequestRefused {
        /// The address.
        remote: String,
        /// The other side's words.
        said: String,
    },
    /// A repository on this machine belongs to another account.
    #[error("the repository at {remote} belongs to another account")]
    ForeignOwner {
        /// The address.
        remote: String,
    },
    /// The remote answers with a redirect, which is never followed (it could lead anywhere).
    #[error("{remote} has moved: {said}")]
    Redirected {
        /// The address.
        remote: String,
        /// The other side's words.
        said: String,
    },
    /// The remote cannot be reached, or the connection broke before anything was sent.
    #[error("{remote} cannot be reached: {said}")]
    Unreachable {
        /// The address.
        remote: String,
        /// The other side's words.
        said: String,
    },
    /// The remote has branches, but not this one.
    #[error("{remote} has no branch {target:?}")]
    TargetMissing {
        /// The address.
        remote: String,
        /// The branch.
        target: String,
    },
    /// A command made no progress, or took longer than its bound.
    #[error("{doing} took longer than {seconds} s and was stopped")]
    Timeout {
        /// What was being done.
        doing: &'static str,
        /// The bound that was crossed.
        seconds: u64,
        /// The remote was asked: it, or the way to it, is to blame.
        is_remote: bool,
    },
    /// The answer to a push was lost, and the remote does not show it as done.
    #[error("whether {doing} reached {remote} is unknown: {said}")]
    Unknown {
        /// The address.
        remote: String,
        /// What was pushed.
        doing: &'static str,
        /// Why the answer was lost.
        said: String,
    },
    /// The remote's disk or quota is full.
    #[error("{remote} has no space left: {said}")]
    RemoteFull {
        /// The address.
        remote: String,
        /// The other side's words.
        said: String,
    },
    /// The remote refused the update: a hook, a protected branch, a rule on ref names.
    #[error("{remote} refused the push: {said}")]
    Refused {
        /// The address.
        remote: String,
        /// The other side's words.
        said: String,
    },
    /// The remote cannot update two refs at once, which fencing rests on.
    #[error("{remote} does not support atomic pushes")]
    NoAtomic {
        /// The address.
        remote: String,
    },
    /// What the remote sends is damaged or fails git's checks.
    #[error("{remote} sent damaged objects: {said}")]
    RemoteCorrupt {
        /// The address.
        remote: String,
        /// git's words.
        said: String,
    },
    /// A newer epoch of the run holds it, or its ref is gone: this one must stop.
    #[error("epoch {epoch} of run {run} is no longer held here")]
    Fenced {
        /// The run.
        run: String,
        /// The epoch that lost.
        epoch: u32,
    },
    /// The runner's own store is damaged; the next [`crate::Git::store`] makes a new one.
    #[error("the store {store} is damaged: {said}")]
    Corrupt {
        /// Its directory.
        store: PathBuf,
        /// git's words.
        said: String,
    },
    /// A commit or file was asked for that the store, which is sound, does not have.
    #[error("{doing} asked for something that the store does not have: {said}")]
    Absent {
        /// What was being done.
        doing: &'static str,
        /// git's words.
        said: String,
    },
    /// A lock file in the store is in the way.
    #[error("the store {store} is locked: {said}")]
    Locked {
        /// Its directory.
        store: PathBuf,
        /// git's words.
        said: String,
    },
    /// Something is bigger than its bound.
    #[error("{what} is larger than {limit}{}", told(*found))]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// The bound, in bytes or in entries.
        limit: u64,
        /// What was found, where it was measured to its end.
        found: Option<u64>,
    },
    /// The commit has more files than a workspace may hold.
    #[error("the repository has {found} files to check out; at most {limit} are (FILES_MAX)")]
    TooManyFiles {
        /// How many it has.
        found: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// What came out of the workspace is not acceptable; nothing of it was kept.
    #[error("the work was not imported: {why}")]
    BadBundle {
        /// The check that failed.
        why: String,
    },
    /// A request of an agent's git is none that git makes.
    #[error("the request was not understood: {why}")]
    BadRequest {
        /// What is wrong with it.
        why: String,
    },
    /// Two commits share no history.
    #[error("{a} and {b} share no history")]
    Unrelated {
        /// One commit.
        a: String,
        /// The other.
        b: String,
    },
    /// The commit to land does not descend from the tip it is to replace.
    #[error("{commit} does not descend from {expected}: it would not be a fast-forward")]
    NotFastForward {
        /// The commit to land.
        commit: String,
        /// The tip it was to follow.
        expected: String,
    },
    /// A directory that must be new holds something already.
    #[error("{path} is not empty")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// This machine's disk is full.
    #[error("this machine has no space left: {said}")]
    DiskFull {
        /// git's words.
        said: String,
    },
    /// git failed in a way that has no better name.
    #[error("{doing} failed ({status}): {said}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// The exit status.
        status: String,
        /// git's words.
        said: String,
    },
    /// The file system or the process table refused.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

fn told(found: Option<u64>) -> String {
    found.map_or_else(String::new, |found| format!(": it is {found}"))
}

impl GitError {
    /// For `map_err`: an input or output error with what was being done.
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    /// A stable word for the kind of failure, for journals and error pages.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "git_missing",
            Self::Lfs { .. } => {
                "mend that and start again, or take the remote out of [[lfs]] in policy.toml of the runner's data directory: then they stay pointers"
            }
            Self::TooOld { .. } => "git_too_old",
            Self::Invalid { .. } => "git_invalid",
            Self::NotFound { .. } => "remote_not_found",
            Self::AuthRefused { .. } => "remote_auth_refused",
            Self::HostKey { .. } => "remote_host_key",
            Self::Certificate { .. } => "remote_certificate",
            Self::RequestRefused { .. } => "remote_request_refused",
            Self::ForeignOwner { .. } => "remote_foreign_owner",
            Self::Redirected { .. } => "remote_redirected",
            Self::Unreachable { .. } => "remote_unreachable",
            Self::TargetMissing { .. } => "target_missing",
            Self::Timeout { .. } => "git_timeout",
            Self::Unknown { .. } => "push_unknown",
            Self::RemoteFull { .. } => "remote_full",
            Self::Refused { .. } => "remote_refused",
            Self::NoAtomic { .. } => "remote_no_atomic",
            Self::RemoteCorrupt { .. } => "remote_corrupt",
            Self::Fenced { .. } => "fenced",
            Self::Corrupt { .. } => "store_corrupt",
            Self::Absent { .. } => "absent",
            Self::Locked { .. } => "store_locked",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyFiles { .. } => "too_many_files",
            Self::BadBundle { .. } => "bad_bundle",
            Self::BadRequest { .. } => "bad_request",
            Self::Unrelated { .. } => "unrelated_history",
            Self::NotFastForward { .. } => "not_fast_forward",
            Self::NotEmpty { .. } => "not_empty",
            Self::DiskFull { .. } => "disk_full",
            Self::Failed { .. } => "git_failed",
            Self::Io { .. } => "io",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "install git (Debian, Ubuntu: apt-get install git), or name its path"
            }
            Self::Lfs { .. } => {
                "mend that and start again, or take the remote out of [[lfs]] in policy.toml of the runner's data directory: then they stay pointers"
            }
            Self::TooOld { .. } => "install a newer git and start again",
            Self::Invalid { .. } => "correct it and try again",
            Self::NotFound { .. } => {
                "check the address, and that this account may see the repository"
            }
            Self::AuthRefused { .. } => {
                "allow a credential helper or an SSH agent that has access to this repository"
            }
            Self::HostKey { .. } => {
                "connect to the host once with ssh, check its key, and try again"
            }
            Self::Certificate { .. } => {
                "renew the server's certificate, or have this machine trust who issued it"
            }
            Self::RequestRefused { .. } => {
                "check the address and what stands before the server: its log says why"
            }
            Self::ForeignOwner { .. } => {
                "give the directory to the account that the runner runs as, or use its ssh or http address"
            }
            Self::Redirected { .. } => "give the project the repository's new address",
            Self::Unreachable { .. } => "check the network and the server; it is safe to try again",
            Self::TargetMissing { .. } => "create the branch, or give the project another target",
            Self::Timeout { .. } => "check the remote; it is safe to try again",
            Self::Unknown { .. } => {
                "try again once the remote answers: a push that was done is found, not repeated"
            }
            Self::RemoteFull { .. } => "make room on the remote and try again",
            Self::Refused { .. } => "change the remote's rule or hook, or the work, and try again",
            Self::NoAtomic { .. } => {
                "set receive.advertiseAtomic=true on the remote, or use a server that supports atomic pushes"
            }
            Self::RemoteCorrupt { .. } => "run `git fsck` on the remote and mend it",
            Self::Fenced { .. } => "nothing: another runner went on with this run",
            Self::Corrupt { .. } => "try again: the store is made anew from the remote",
            Self::Absent { .. } => "fetch or import the commit again",
            Self::Locked { .. } => {
                "try again: locks of dead processes are removed when the store is opened"
            }
            Self::TooLarge { .. } => "make it smaller, or raise the limit",
            Self::TooManyFiles { .. } => {
                "name the folders that are needed, `sparse = [\"…\"]` in the project's file on the target branch"
            }
            Self::BadBundle { .. } => "look at the run's log, and start it again",
            Self::BadRequest { .. } => "use git itself, version 2.30 or newer",
            Self::Unrelated { .. } => "start the run again from the branch as it is now",
            Self::NotFastForward { .. } => "merge the branch as it is now, and land the result",
            Self::NotEmpty { .. } => "remove what is there, or name another directory",
            Self::DiskFull { .. } => "make room on the runner's disk and try again",
            Self::Failed { .. } => "read what git said; if it is unclear, report it",
            Self::Io { .. } => "check the disk and the rights of the runner's data directory",
        }
    }

    /// Whether the same call may succeed later without anything being changed here.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Unknown { .. }
                | Self::RemoteFull { .. }
                | Self::Locked { .. }
                | Self::Corrupt { .. }
        )
    }

    /// Whether the remote is away: nothing is wrong with what was asked, nor with who asked, and once
    /// the remote answers again the same call finds what became of it.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unknown { .. } => true,
            Self::Timeout { is_remote, .. } => *is_remote,
            _ => false,
        }
    }
}
