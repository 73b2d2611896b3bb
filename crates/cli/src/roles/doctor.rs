//! `freehold doctor`

use std::process::ExitCode;

use crate::environment::Environment;
use crate::print::Printer;
use crate::words::DoctorArgs;

/// Looks, and says.
pub(crate) fn run(
    args: &DoctorArgs,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let _ = (&args.data, environment, printer);
    anyhow::bail!("not yet")
}
