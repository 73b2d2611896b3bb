//! The role `up`.

use std::process::ExitCode;

use crate::words::UpArgs;

/// Runs it until it is told to stop.
pub(crate) fn run(args: UpArgs) -> anyhow::Result<ExitCode> {
    let _ = args;
    anyhow::bail!("this build of freehold does not have the role `up` yet")
}
