//! `freehold completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::print::Printer;
use crate::words::Words;

/// Prints the completions for a shell.
pub(crate) fn completions(shell: Shell, printer: Printer) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Words::command(), "freehold", &mut script);
    printer.stream(&script).map(drop)
}
