//! The first process inside, as a program of its own: for tests. The products carry the same code
//! as a hidden subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    freehold_sandbox::init::main(std::env::args_os().skip(1))
}
