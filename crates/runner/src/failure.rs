//! Every error that can end a job, as a reason code and words that a person can act on.

use std::error::Error;
use std::io;

use freehold_git::GitError;
use freehold_model::Reason;
use freehold_model::run::{JobKind, Outcome};
use freehold_sandbox::SandboxError;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

use crate::http::HttpError;
use crate::outbox::OutboxError;
use crate::vault::VaultError;
use crate::writer::Stopping;

/// Longest detail: a screenful of another program's words and ours.
const DETAIL_MAX: usize = 8 * 1024;

/// Why a job could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
    /// The remote is away, and all of the job can be done later.
    pub(crate) away: Option<Away>,
}

/// What is known of a remote that is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Away {
    /// A push may have reached it.
    pub(crate) sent: bool,
}

impl Failure {
    pub(crate) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        detail.truncate(detail.floor_char_boundary(DETAIL_MAX));
        Self {
            reason,
            detail,
            away: None,
        }
    }

    /// How a job ends over it.
    pub(crate) const fn outcome(&self, kind: JobKind) -> Outcome {
        let reason = self.reason;
        match (self.away, kind) {
            (Some(Away { sent }), _) => Outcome::Away { sent },
            (None, JobKind::Execute) => Outcome::Failed { reason },
            (None, JobKind::Land) => Outcome::Refused { reason },
        }
    }
}

/// Why a job stops before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Halt {
    /// It was told to; [`crate::jobs::Stop::why`] knows why.
    Stopped,
    /// The remote says that it is somebody else's.
    Fenced,
    /// It cannot be done.
    Failed(Failure),
}

impl Halt {
    pub(crate) fn failed(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Failed(Failure::new(reason, detail))
    }

    /// The same where too much was done already to do all of it again.
    pub(crate) fn for_good(self) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure {
                away: None,
                ..failure
            }),
            other => other,
        }
    }
}

/// An error and all its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Whether the kernel said so, however deep the error has its words.
fn was_said(error: &(dyn Error + 'static), what: impl Fn(&io::Error) -> bool) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(&what) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Whether a disk is full.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    was_said(error, |io| matches!(io.kind(), StorageFull | QuotaExceeded))
}

/// The limit on open files that stands in the way, by its name: this program's, or the machine's.
fn files_limit(error: &(dyn Error + 'static)) -> Option<String> {
    let said = |errno: Errno| was_said(error, |io| io.raw_os_error() == Some(errno as i32));
    if said(Errno::EMFILE) {
        let limit = getrlimit(Resource::RLIMIT_NOFILE)
            .map_or_else(|_| String::new(), |(soft, _)| format!(", which is {soft}"));
        return Some(format!(
            "the runner's program has as many files open as it may (RLIMIT_NOFILE{limit}): raise it where the runner is started, with `LimitNOFILE=` of its unit or `ulimit -n`"
        ));
    }
    let machine =
        "the machine has as many files open as it may (fs.file-max): raise it with `sysctl`";
    said(Errno::ENFILE).then(|| machine.to_owned())
}

/// The reason for an error, unless it is that the disk is full, or that no file can be opened.
pub(crate) fn because(reason: Reason, error: &(dyn Error + 'static)) -> Halt {
    let said = chain(error);
    match files_limit(error) {
        Some(limit) => Halt::failed(Reason::Limit, format!("{limit}; {said}")),
        None if is_full(error) => Halt::failed(Reason::DiskFull, said),
        None => Halt::failed(reason, said),
    }
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        because(Reason::Internal, &error)
    }
}

impl From<Stopping> for Halt {
    fn from(_: Stopping) -> Self {
        Self::Stopped
    }
}

impl From<OutboxError> for Halt {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Stopping(_) => Self::Stopped,
            other => because(Reason::Internal, &other),
        }
    }
}

impl From<VaultError> for Halt {
    fn from(error: VaultError) -> Self {
        because(Reason::Internal, &error)
    }
}

impl From<HttpError> for Halt {
    fn from(error: HttpError) -> Self {
        because(Reason::Internal, &error)
    }
}

impl From<GitError> for Halt {
    fn from(error: GitError) -> Self {
        let reason = match &error {
            GitError::Fenced { .. } => return Self::Fenced,
            GitError::NotFound { .. } | GitError::Redirected { .. } => Reason::RemoteNotFound,
            GitError::AuthRefused { .. }
            | GitError::HostKey { .. }
            | GitError::Certificate { .. }
            | GitError::ForeignOwner { .. } => Reason::AuthRefused,
            GitError::Unreachable { .. }
            | GitError::Timeout { .. }
            | GitError::Unknown { .. }
            | GitError::Lfs { .. }
            | GitError::RemoteCorrupt { .. } => Reason::RemoteUnreachable,
            GitError::TargetMissing { .. } => Reason::TargetMissing,
            GitError::Refused { .. }
            | GitError::RequestRefused { .. }
            | GitError::RemoteFull { .. }
            | GitError::NoAtomic { .. } => Reason::RemoteRefused,
            GitError::BadBundle { .. } | GitError::TooLarge { .. } => Reason::ImportRefused,
            GitError::TooManyFiles { .. } => Reason::ProjectFile,
            GitError::Unrelated { .. } => Reason::Conflict,
            GitError::DiskFull { .. } => Reason::DiskFull,
            _ if files_limit(&error).is_some() => return because(Reason::Limit, &error),
            _ if is_full(&error) => Reason::DiskFull,
            _ => Reason::Internal,
        };
        let detail = format!("{}; {}", chain(&error), error.next());
        let sent = matches!(error, GitError::Unknown { .. });
        Self::Failed(Failure {
            away: error.is_away().then_some(Away { sent }),
            ..Failure::new(reason, detail)
        })
    }
}

impl From<SandboxError> for Halt {
    fn from(error: SandboxError) -> Self {
        because(Reason::Sandbox, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_seen_through_other_errors() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(matches!(Halt::from(full), Halt::Failed(f) if f.reason == Reason::DiskFull));
        let deep = SandboxError::Io {
            step: "x",
            cause: io::ErrorKind::StorageFull.into(),
        };
        assert!(matches!(Halt::from(deep), Halt::Failed(f) if f.reason == Reason::DiskFull));
        let other = SandboxError::Io {
            step: "x",
            cause: io::ErrorKind::NotFound.into(),
        };
        assert!(matches!(Halt::from(other), Halt::Failed(f) if f.reason == Reason::Sandbox));
    }

    #[test]
    fn a_limit_on_open_files_is_named_through_other_errors() {
        let none_left = || io::Error::from_raw_os_error(Errno::EMFILE as i32);
        let deep = SandboxError::Io {
            step: "x",
            cause: none_left(),
        };
        let git = GitError::Io {
            doing: "starting git",
            source: none_left(),
        };
        for halt in [Halt::from(none_left()), Halt::from(deep), Halt::from(git)] {
            let Halt::Failed(failure) = halt else {
                panic!("{halt:?}")
            };
            assert_eq!(failure.reason, Reason::Limit);
            assert!(
                failure.detail.contains("(RLIMIT_NOFILE, which is "),
                "{failure:?}"
            );
        }
        let machine = io::Error::from_raw_os_error(Errno::ENFILE as i32);
        assert!(matches!(Halt::from(machine), Halt::Failed(f) if f.detail.contains("fs.file-max")));
    }

    #[test]
    fn only_a_remote_that_is_away_is_worth_a_later_try() {
        let (remote, said) = (
            String::from("https://git.example.org/a"),
            String::from("no"),
        );
        let outcome = |error: GitError, kind| match Halt::from(error) {
            Halt::Failed(failure) => failure.outcome(kind),
            other => panic!("{other:?}"),
        };
        let (doing, seconds) = ("a fetch", 60);
        for (error, sent) in [
            (
                GitError::Unreachable {
                    remote: remote.clone(),
                    said: said.clone(),
                },
                false,
            ),
            (
                GitError::Timeout {
                    doing,
                    seconds,
                    is_remote: true,
                },
                false,
            ),
            (
                GitError::Unknown {
                    remote: remote.clone(),
                    doing,
                    said: said.clone(),
                },
                true,
            ),
        ] {
            assert_eq!(outcome(error, JobKind::Land), Outcome::Away { sent });
        }
        // The same words of another kind are for a person to mend.
        for error in [
            GitError::AuthRefused {
                remote: remote.clone(),
                said: said.clone(),
            },
            GitError::NotFound {
                remote: remote.clone(),
                said: said.clone(),
            },
            GitError::Refused {
                remote: remote.clone(),
                said: said.clone(),
            },
            GitError::Certificate {
                remote: remote.clone(),
                said: said.clone(),
            },
            GitError::RequestRefused {
                remote: remote.clone(),
                said: said.clone(),
            },
            GitError::RemoteFull { remote, said },
            GitError::Timeout {
                doing,
                seconds,
                is_remote: false,
            },
        ] {
            let shown = error.to_string();
            let is_for_good = matches!(outcome(error, JobKind::Execute), Outcome::Failed { .. });
            assert!(is_for_good, "{shown}");
        }
    }

    #[test]
    fn a_long_detail_is_cut_at_a_character() {
        let failure = Failure::new(Reason::Internal, "ä".repeat(DETAIL_MAX));
        assert_eq!(failure.detail.len(), DETAIL_MAX);
    }
}
