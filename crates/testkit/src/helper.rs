//! Programs that are not ours and that a test needs beside it: started with an empty environment, on loopback,
//! ready when they say so, and ended with what holds them.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Where they find what the system has.
const SEARCHED: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where a program says that it is ready.
#[derive(Clone, Copy)]
pub(crate) enum Speaks {
    /// On its output; what it says besides is nobody's.
    Output,
    /// Among its errors, as servers do that log.
    Errors,
}

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Helper {
    child: Child,
}

impl Helper {
    /// How to start the program: nothing of this machine's environment comes along.
    pub(crate) fn command(program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("PATH", SEARCHED)
            .stdin(Stdio::piped());
        command
    }

    /// Starts it and waits for the line of which `ready` makes something. Every later line goes to `hear`,
    /// on a thread of its own: a program whose lines nobody reads stands still.
    ///
    /// # Panics
    /// When it does not start, or ends before it is ready.
    pub(crate) fn start<T>(
        mut command: Command,
        says: Speaks,
        ready: impl FnMut(&str) -> Option<T>,
        hear: impl FnMut(String) + Send + 'static,
    ) -> (Self, T) {
        let (output, errors) = match says {
            Speaks::Output => (Stdio::piped(), Stdio::null()),
            Speaks::Errors => (Stdio::null(), Stdio::piped()),
        };
        let name = Path::new(command.get_program()).to_owned();
        let child = command.stdout(output).stderr(errors).spawn();
        let mut child = child.unwrap_or_else(|error| {
            panic!("{}: {error}; run scripts/install test", name.display())
        });
        let said: Box<dyn Read + Send> = match says {
            Speaks::Output => Box::new(child.stdout.take().unwrap()),
            Speaks::Errors => Box::new(child.stderr.take().unwrap()),
        };
        // Ended with this, also where it is never ready.
        let helper = Self { child };
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        let mut ready = ready;
        let found = lines.by_ref().find_map(|line| ready(&line));
        let found = found
            .unwrap_or_else(|| panic!("{} is not ready; run scripts/install test", name.display()));
        std::thread::spawn(move || lines.for_each(hear));
        (helper, found)
    }

    /// Where it is told things.
    pub(crate) fn tells(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Ends it, and waits until it is gone.
    pub(crate) fn end(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.end();
    }
}
