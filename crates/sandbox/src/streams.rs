//! The program's standard streams: our ends and its own.

use std::io::{self, pipe};
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe::{Receiver, Sender as PipeSender};

use crate::error::SandboxError;
use crate::spec::{Spec, Stdin};

/// The program's standard streams: our ends and its own.
pub(crate) struct Streams {
    pub(crate) stdin: Option<PipeSender>,
    pub(crate) stdout: Receiver,
    pub(crate) stderr: Receiver,
    pub(crate) theirs: [OwnedFd; 3],
}

impl Streams {
    pub(crate) fn open(spec: &Spec) -> Result<Self, SandboxError> {
        // A terminal is typed into.
        let piped = spec.terminal.is_some() || spec.stdin == Stdin::Piped;
        Self::try_open(piped).map_err(SandboxError::io("open the standard streams"))
    }

    fn try_open(piped: bool) -> io::Result<Self> {
        let (stdin, their_stdin) = if piped {
            let (theirs, ours) = pipe()?;
            (Some(PipeSender::from_owned_fd(ours.into())?), theirs.into())
        } else {
            (None, OwnedFd::from(std::fs::File::open("/dev/null")?))
        };
        let (stdout, their_stdout) = pipe()?;
        let (stderr, their_stderr) = pipe()?;
        Ok(Self {
            stdin,
            stdout: Receiver::from_owned_fd(stdout.into())?,
            stderr: Receiver::from_owned_fd(stderr.into())?,
            theirs: [their_stdin, their_stdout.into(), their_stderr.into()],
        })
    }
}
