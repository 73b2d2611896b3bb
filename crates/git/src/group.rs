//! Processes that end with their caller.

use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::timeout;

use crate::{GitError, Result};

/// Time between asking a process group to end, so that git removes its lock files, and ending it.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// A process and all its descendants that stayed in its group.
pub(crate) struct Group {
    child: Option<Child>,
    id: Option<Pid>,
}

impl Group {
    pub(crate) fn new(child: Child) -> Self {
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw);
        Self {
            child: Some(child),
            id,
        }
    }

    pub(crate) fn child(&mut self) -> Result<&mut Child> {
        self.child.as_mut().ok_or_else(|| GitError::Io {
            doing: "waiting for git",
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// The process ended by itself and was waited for: its number may already be someone else's.
    pub(crate) fn forget(&mut self) {
        self.child = None;
        self.id = None;
    }

    fn signal(id: Option<Pid>, signal: Signal) {
        if let Some(id) = id {
            // Gone already is what is wanted.
            let _gone = killpg(id, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let (Some(child), Some(id)) = (self.child.take(), self.id) else {
            return;
        };
        let mut last = LastResort { child, id };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        Group::signal(Some(id), Signal::SIGTERM);
        runtime.spawn(async move {
            let _ended = timeout(GRACE, last.child.wait()).await;
            drop(last);
        });
    }
}

/// Kills what is left of a group, also when the runtime stops first.
struct LastResort {
    child: Child,
    id: Pid,
}

impl Drop for LastResort {
    fn drop(&mut self) {
        Group::signal(Some(self.id), Signal::SIGKILL);
        // Collects it when it is dead by now; tokio collects it otherwise.
        let _status = self.child.try_wait();
    }
}
