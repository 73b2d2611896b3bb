//! What every role does as a process: end with its parent, hear signals, write a log.

use std::io;

use nix::sys::prctl::{set_name, set_pdeathsig};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::environment::Environment;
use crate::failure::{Exit, Failure};

/// What is logged when nobody says otherwise.
const LOG: &str = "info";

/// Makes this process end when its parent does, however that ends.
///
/// The parent must have started it from a thread that lives as long as itself: the kernel watches
/// the thread, not the process (prctl(2), PR_SET_PDEATHSIG).
///
/// # Errors
/// When the parent has gone already.
pub(crate) fn end_with(parent: Option<i32>) -> Result<(), Failure> {
    let Some(parent) = parent else {
        return Ok(());
    };
    let failed = |what: String| Failure::new(Exit::Failed, "parent", what, "run `freehold up`");
    // Started through /proc/self/exe it would be called `exe`. For people only.
    let _ = set_name(c"freehold");
    set_pdeathsig(Signal::SIGKILL)
        .map_err(|errno| failed(format!("the parent cannot be watched: {errno}")))?;
    if getppid() != Pid::from_raw(parent) {
        return Err(failed(format!("the process {parent} has ended")));
    }
    Ok(())
}

/// Writes what libraries have to say to standard error, a line each.
pub(crate) fn log_to_stderr(environment: &Environment) {
    let directives = environment.log.as_deref().unwrap_or(LOG);
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new(LOG));
    // A second subscriber is refused; there is one role in a process.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(io::stderr)
        .try_init();
}

/// Lets this process have as many files and connections open as the kernel allows it: the usual soft bound
/// of 1024 is for programs that use select(2), and each runner's link is one.
pub(crate) fn open_many_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(errno) = raised {
        tracing::warn!(%errno, "the bound on open files stays as it is");
    }
}

/// The signals that ask a process to end.
#[derive(Debug)]
pub(crate) struct Ends {
    interrupt: Stream,
    terminate: Stream,
    /// `None` under `nohup`.
    hangup: Option<Stream>,
}

impl Ends {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the operating system says no.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let message = format!("signals cannot be heard: {error}");
                Failure::new(Exit::Failed, "signals", message, "see `freehold doctor`")
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: match is_ignored(Signal::SIGHUP) {
                true => None,
                false => Some(listen(SignalKind::hangup())?),
            },
        })
    }

    /// The next of them. Cancel safe.
    pub(crate) async fn next(&mut self) {
        self.which().await;
    }

    /// The next of them, by name. Cancel safe.
    pub(crate) async fn which(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::SIGINT,
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = hangup => Signal::SIGHUP,
        }
    }
}

/// Whether this process was started with the signal ignored, as by `nohup` (proc(5), `SigIgn`).
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_of_rust_ignores_broken_pipes_and_nothing_else() {
        assert!(is_ignored(Signal::SIGPIPE));
        assert!(!is_ignored(Signal::SIGTERM));
    }
}
