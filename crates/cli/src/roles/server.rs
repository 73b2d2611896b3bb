//! The role `server`.

use std::process::ExitCode;

use crate::words::ServerArgs;

/// Runs it until it is told to stop.
pub(crate) fn run(args: ServerArgs) -> anyhow::Result<ExitCode> {
    let _ = args;
    anyhow::bail!("this build of freehold does not have the role `server` yet")
}
