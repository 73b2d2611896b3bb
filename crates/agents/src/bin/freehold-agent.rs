//! The programs that run inside the sandbox, for the tests of this crate.
//!
//! `freehold-agent loop` is the built-in agent, `freehold-agent mcp` its tools for
//! other agents, `freehold-agent init` the sandbox's first process.
//! The product has both as hidden subcommands of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("loop") => freehold_agents::builtin::main(),
        Some("mcp") => freehold_agents::mcp::main(args),
        Some("init") => freehold_sandbox::init::main(args),
        _ => ExitCode::from(2),
    }
}
