//! `freehold-faults PROGRAM DIRECTORY`: storms over an installation of this program, and writes evidence and logs into the
//! directory. `FAULTS`, `STORM_SECONDS`, `SEED` and `ONLY` say how. With `--replay FILE` it decides again on old evidence.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a command of this repository's Makefile"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use freehold_testkit::faults::{Options, Outcome, replay, run};

const FAULTS: usize = 1000;
/// A thousand faults in fifteen minutes.
const SECONDS: u64 = 900;
/// What tasks that nobody waits for have, to let go of what they hold.
const LET_GO: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match &words[..] {
        [replayed, file] if replayed == "--replay" => match replay(&PathBuf::from(file)) {
            Ok(outcome) => outcome,
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::from(2);
            }
        },
        [program, into] => storm(program, into),
        _ => {
            eprintln!("freehold-faults PROGRAM DIRECTORY | --replay FILE");
            return ExitCode::from(2);
        }
    };
    print!("{}", outcome.table);
    match outcome.is_kept {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Mounts of its own, which nobody else sees and which go with the last process: small disks are in memory. Where that may not
/// be, the kit takes them away itself at its end.
fn mounts_of_its_own() {
    let own = unshare(CloneFlags::CLONE_NEWNS);
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let _apart = own.and_then(|()| mount(None::<&str>, "/", None::<&str>, flags, None::<&str>));
}

fn storm(program: &str, into: &str) -> Outcome {
    let by_chance = u64::from(std::process::id());
    let options = Options {
        program: PathBuf::from(program),
        faults: number("FAULTS")
            .and_then(|faults| usize::try_from(faults).ok())
            .unwrap_or(FAULTS),
        time: Duration::from_secs(number("STORM_SECONDS").unwrap_or(SECONDS)),
        seed: number("SEED").unwrap_or(by_chance),
        only: std::env::var("ONLY").ok(),
        into: PathBuf::from(into),
    };
    println!(
        "{} faults in {} s, seed {}",
        options.faults,
        options.time.as_secs(),
        options.seed
    );
    // Before there is a second thread, which would keep the old ones.
    mounts_of_its_own();
    let runtime = tokio::runtime::Runtime::new();
    match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(&options));
            // What was cut short may block for ever.
            runtime.shutdown_timeout(LET_GO);
            outcome
        }
        Err(error) => Outcome {
            table: format!("no runtime: {error}\n"),
            is_kept: false,
        },
    }
}
