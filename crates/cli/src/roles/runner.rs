//! The role `runner`.

use std::process::ExitCode;

use crate::words::ServeArgs;

/// Runs it until it is told to stop.
pub(crate) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let _ = args;
    anyhow::bail!("this build of freehold does not have the role `runner` yet")
}
