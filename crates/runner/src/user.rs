//! The user of the host that a job's processes are, and whose its workspaces are: one for all steps of
//! one turn, for they share a workspace.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use freehold_git::Owner;
use freehold_sandbox::{HostUser, SandboxError, User};
use tokio::sync::OnceCell;

/// Taken when it is first asked for; free again when the job is over.
#[derive(Debug, Default)]
pub(crate) struct JobUser(OnceCell<Option<JobOwner>>);

/// The user, as the owner of a workspace.
#[derive(Debug, Clone)]
pub(crate) struct JobOwner(HostUser);

impl JobUser {
    /// The job's; none where the runner is an ordinary user and has no other.
    ///
    /// # Errors
    /// The runner is root and no other user can be had: nothing may start.
    pub(crate) async fn get(&self) -> Result<Option<&JobOwner>, SandboxError> {
        let take = async || {
            let taken = tokio::task::spawn_blocking(HostUser::take).await;
            let taken = taken.map_err(|error| SandboxError::Io {
                step: "take a user for the job",
                cause: io::Error::other(error),
            })?;
            Ok(taken?.map(JobOwner))
        };
        self.0.get_or_try_init(take).await.map(Option::as_ref)
    }
}

impl JobOwner {
    /// As the git room knows it.
    pub(crate) fn of(&self) -> &dyn Owner {
        self
    }

    /// As a start is told it.
    pub(crate) fn user(&self) -> User {
        User::Shared(self.0.clone())
    }
}

impl Owner for JobOwner {
    fn uid(&self) -> u32 {
        self.0.uid()
    }

    fn overlay(&self, folders: &[&Path], options: &OsStr, at: &Path) -> io::Result<()> {
        self.0.overlay(folders, options, at)
    }
}
