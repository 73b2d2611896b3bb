//! A job in a virtual machine of this machine; no server needed.

use std::process::ExitCode;
use std::time::Duration;

use freehold_sandbox::vm::{self, Done, Event, Job};
use freehold_sandbox::{Init, SandboxError};

use crate::SANDBOX_INIT;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::print::Printer;
use crate::print::vm::{document, event};
use crate::roles::process::Ends;
use crate::words::{VmRun, VmWords};

/// What `timeout` says.
const TIMED_OUT: u8 = 124;
/// What a shell and `env` say for these.
const NOT_DONE: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
const SIGNALLED: i32 = 128;

/// Runs it to its end and passes on how it ended.
pub(crate) fn vm(
    words: VmWords,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let VmWords::Run(words) = words;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let done = runtime.block_on(run(words, environment, printer));
    runtime.shutdown_background();
    let (code, failure) = done?;
    if let Some(failure) = failure {
        printer.failure(&failure);
    }
    Ok(ExitCode::from(code))
}

async fn run(
    words: VmRun,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<(u8, Option<Failure>)> {
    let time = Duration::from_secs(words.time);
    let job = job(words, environment, time)?;
    let mut ends = Ends::listen()?;
    let tell = |at: Duration, happened: Event| {
        // Nobody who reads any more is no reason to stop.
        let _ = event(printer, at, &happened);
    };
    let done = tokio::select! {
        done = vm::run(&job, tell) => done,
        () = ends.next() => {
            let message = "interrupted; nothing of the machine is left";
            let failure = Failure::usage(message, "start it again when it suits");
            return Ok((NOT_DONE, Some(failure)));
        }
    };
    let done = match done {
        Ok(done) => done,
        Err(error) => {
            let code = match error {
                SandboxError::ProgramNotFound { .. } => NOT_FOUND,
                SandboxError::ProgramNotExecutable { .. } => NOT_EXECUTABLE,
                _ => NOT_DONE,
            };
            let next = "see `freehold vm run --help`";
            return Ok((code, Some(Failure::caused("vm", &error, next))));
        }
    };
    if printer.json {
        printer.show(&document(&done), |_, _| String::new())?;
    }
    Ok(judged(&done, time))
}

fn job(words: VmRun, environment: &Environment, time: Duration) -> Result<Job, Failure> {
    let absolute = |path: std::path::PathBuf| {
        std::path::absolute(&path)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display()), "name a path"))
    };
    let to = absolute(words.to)?;
    if !to.is_dir() {
        let message = format!("{} is not a folder", to.display());
        return Err(Failure::usage(
            message,
            "make it, or name another with --to",
        ));
    }
    let state = super::super::settled(environment.runner(None))?.join("vm");
    Ok(Job {
        kernel: words.kernel.map(absolute).transpose()?,
        initramfs: words.initramfs.map(absolute).transpose()?,
        command: words.command,
        inputs: words
            .inputs
            .into_iter()
            .map(absolute)
            .collect::<Result<_, _>>()?,
        outputs: words.outputs,
        output_folder: to,
        output_bytes: words.disk,
        cpus: words.cpus,
        memory_bytes: words.memory,
        disk_bytes: words.disk,
        time,
        hypervisor: words.firecracker.map(absolute).transpose()?,
        state,
        init: Init {
            program: std::env::current_exe()?,
            args: vec![SANDBOX_INIT.into()],
        },
    })
}

/// The exit code, and what is to be said of a job that did not do all it should.
fn judged(done: &Done, time: Duration) -> (u8, Option<Failure>) {
    let Some(exit) = done.exit else {
        let message = format!("the command was ended after its {} s", time.as_secs());
        let next = "give it longer with --time, if it does end";
        return (TIMED_OUT, Some(Failure::usage(message, next)));
    };
    let signalled = exit.signal.map_or(1, |signal| SIGNALLED + signal);
    let code = u8::try_from(exit.code.unwrap_or(signalled)).unwrap_or(1);
    if exit.usage.is_none() {
        let last = done.console.trim_end().lines().last().unwrap_or("nothing");
        let message = format!("the machine ended before the command did; its last words: {last}");
        return (
            code,
            Some(Failure::usage(message, "give it more with --memory")),
        );
    }
    if code == 0 && !done.missing.is_empty() {
        let message = format!("not made in /work: {}", done.missing.join(", "));
        let next = "name outputs as the command names them in its working directory";
        return (NOT_DONE, Some(Failure::usage(message, next)));
    }
    (code, None)
}

#[cfg(test)]
mod tests {
    use freehold_sandbox::{Exit, Usage};

    use super::*;

    #[test]
    fn the_code_says_what_happened() {
        let done = |exit: Option<(Option<i32>, Option<i32>)>, missing: &[&str]| Done {
            exit: exit.map(|(code, signal)| Exit {
                code,
                signal,
                usage: Some(Usage::default()),
                hit: None,
            }),
            outputs: Vec::new(),
            missing: missing.iter().map(|name| (*name).to_owned()).collect(),
            console: String::new(),
        };
        let code = |done| judged(&done, Duration::from_secs(1)).0;
        assert_eq!(code(done(Some((Some(0), None)), &[])), 0);
        assert_eq!(code(done(Some((Some(7), None)), &["a"])), 7);
        assert_eq!(code(done(Some((Some(0), None)), &["a"])), NOT_DONE);
        assert_eq!(code(done(Some((None, Some(9))), &[])), 137);
        assert_eq!(code(done(None, &[])), TIMED_OUT);
    }
}
