//! The project's own chores: `cargo run -p xtask -- tidy`.

mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str =
    "usage: cargo run -p xtask -- tidy    check the rules of the house that no compiler knows";

fn main() -> ExitCode {
    match run() {
        Ok(message) => {
            say(&message);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["tidy"] => tidy::check(&tidy::root()?),
        _ => bail!(USAGE),
    }
}

#[expect(clippy::print_stderr, reason = "a chore tells the person who ran it")]
fn say(text: &str) {
    eprintln!("{text}");
}
