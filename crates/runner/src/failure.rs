//! Every error that can end a job, as a reason code and words that a person can act on.

use std::error::Error;
use std::io;

use freehold_git::GitError;
use freehold_model::Reason;
use freehold_model::run::{JobKind, Outcome};
use freehold_sandbox::SandboxError;

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

/// Whether a disk is full, however deep the error says so.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && matches!(
                io.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            )
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// The reason for an error, unless it is that the disk is full.
pub(crate) fn because(reason: Reason, error: &(dyn Error + 'static)) -> Halt {
    let reason = if is_full(error) {
        Reason::DiskFull
    } else {
        reason
    };
    Halt::failed(reason, chain(error))
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
            | GitError::ForeignOwner { .. } => Reason::AuthRefused,
            GitError::Unreachable { .. }
            | GitError::Timeout { .. }
            | GitError::Unknown { .. }
            | GitError::Lfs { .. }
            | GitError::RemoteCorrupt { .. } => Reason::RemoteUnreachable,
            GitError::TargetMissing { .. } => Reason::TargetMissing,
            GitError::Refused { .. } | GitError::RemoteFull { .. } | GitError::NoAtomic { .. } => {
                Reason::RemoteRefused
            }
            GitError::BadBundle { .. } | GitError::TooLarge { .. } => Reason::ImportRefused,
            GitError::TooManyFiles { .. } => Reason::ProjectFile,
            GitError::Unrelated { .. } => Reason::Conflict,
            GitError::DiskFull { .. } => Reason::DiskFull,
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
