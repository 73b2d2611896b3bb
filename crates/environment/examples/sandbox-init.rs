//! The first process inside a sandbox, as a program of its own: this crate's tests start real sandboxes.

use std::process::ExitCode;

fn main() -> ExitCode {
    freehold_sandbox::init::main(std::env::args_os().skip(1))
}
