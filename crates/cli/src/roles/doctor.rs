//! The role `doctor`.

use std::process::ExitCode;

use crate::words::DoctorArgs;

/// Runs it until it is told to stop.
pub(crate) fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let _ = args;
    anyhow::bail!("this build of freehold does not have the role `doctor` yet")
}
