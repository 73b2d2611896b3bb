//! Starting a program and knowing when it ends.
//!
//! Each child has a thread of ours for as long as it lives. The kernel sends the parent-death signal when the *thread* that
//! forked the child ends, so a thread of the runtime's pool, which may end at any time, must not fork it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Gid, Pid, Uid, getppid, setgid, setgroups, setsid, setuid};
use tokio::sync::{oneshot, watch};

/// How much of what a program says is kept: its end holds the reason.
const KEPT_WORDS: usize = 8 * 1024;
/// After a program's end its words are in the pipe already; a grandchild may hold the pipe open for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// The signal's number.
    pub signal: Option<i32>,
}

impl Exit {
    pub(crate) fn success(self) -> bool {
        self.code == Some(0)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "ended by signal {signal}"),
            (None, None) => f.write_str("ended"),
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        Self {
            code: status.code(),
            signal: status.signal(),
        }
    }
}

/// What to start.
pub(crate) struct Spec {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// The user to become, when not ours.
    pub(crate) ids: Option<(Uid, Gid)>,
    /// A directory the child inherits open, under the same number.
    pub(crate) directory: Option<Arc<File>>,
    /// One more variable of its environment; no secret.
    pub(crate) env: Option<(&'static str, OsString)>,
    pub(crate) input: Input,
    pub(crate) output: Option<PipeWriter>,
    /// Sent to the child when its handle is dropped or when we die.
    pub(crate) farewell: Signal,
}

pub(crate) enum Input {
    Nothing,
    /// Less than a pipe's buffer (64 KiB): it is written before anyone is waited for.
    Text(String),
    Pipe(PipeReader),
}

/// A child. Dropping it sends the farewell signal; a thread reaps it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    farewell: Signal,
    /// True until just before the child is reaped: while this is held and true, the id is the child's.
    unreaped: Arc<Mutex<bool>>,
    exit: watch::Receiver<Option<Exit>>,
    words: Arc<Mutex<Vec<u8>>>,
}

impl Process {
    pub(crate) async fn spawn(spec: Spec) -> io::Result<Self> {
        let (started, starting) = oneshot::channel();
        thread::Builder::new()
            .name("freehold-pg".into())
            .spawn(move || attend(spec, started))?;
        starting
            .await
            .map_err(|_| io::Error::other("the thread that starts it ended"))?
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Nothing when it has ended already.
    pub(crate) fn signal(&self, signal: Signal) {
        let unreaped = self.unreaped.lock().unwrap_or_else(PoisonError::into_inner);
        if *unreaped {
            let _ = kill(self.pid, signal); // A zombie takes any signal; no other error is possible for a child.
        }
    }

    pub(crate) fn ended(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Cancel safe.
    pub(crate) async fn wait(&mut self) -> Exit {
        match self.exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit {
                code: None,
                signal: None,
            }),
            Err(_) => Exit {
                code: None,
                signal: None,
            },
        }
    }

    /// `None` when it is still there at the limit.
    pub(crate) async fn wait_within(&mut self, limit: Duration) -> Option<Exit> {
        tokio::time::timeout(limit, self.wait()).await.ok()
    }

    /// The end of what it said on stderr.
    pub(crate) fn words(&self) -> String {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&words).trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.farewell);
    }
}

fn attend(spec: Spec, started: oneshot::Sender<io::Result<Process>>) {
    let farewell = spec.farewell;
    let mut child = match launch(spec) {
        Ok(child) => child,
        Err(e) => return drop(started.send(Err(e))),
    };
    let words = Arc::new(Mutex::new(Vec::new()));
    let heard = listen(&mut child, &words);
    let unreaped = Arc::new(Mutex::new(true));
    let (ended, exit) = watch::channel(None);
    let pid = Pid::from_raw(child.id().cast_signed());
    // Whoever asked may be gone: then the value comes back and its drop says farewell.
    drop(started.send(Ok(Process {
        pid,
        farewell,
        unreaped: Arc::clone(&unreaped),
        exit,
        words,
    })));

    while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
    let status = {
        let mut unreaped = unreaped.lock().unwrap_or_else(PoisonError::into_inner);
        *unreaped = false;
        child.wait()
    };
    let _ = heard.recv_timeout(LAST_WORDS);
    ended.send_replace(Some(status.map_or(
        Exit {
            code: None,
            signal: None,
        },
        Exit::from,
    )));
}

fn launch(spec: Spec) -> io::Result<Child> {
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.args)
        .env_clear()
        .current_dir("/")
        .stderr(Stdio::piped());
    command.envs([
        ("PATH", "/usr/bin:/bin"),
        ("LC_ALL", "C"),
        ("TZ", "UTC"),
        ("HOME", "/nonexistent"),
    ]);
    command.envs(spec.env);
    command.stdout(spec.output.map_or_else(Stdio::null, Stdio::from));
    let text = match spec.input {
        Input::Nothing => {
            command.stdin(Stdio::null());
            None
        }
        Input::Pipe(pipe) => {
            command.stdin(pipe);
            None
        }
        Input::Text(text) => {
            command.stdin(Stdio::piped());
            Some(text)
        }
    };
    in_the_child(&mut command, spec.directory, spec.ids, spec.farewell);
    let mut child = command.spawn()?;
    if let (Some(text), Some(mut stdin)) = (text, child.stdin.take()) {
        let _ = stdin.write_all(text.as_bytes()); // A program that does not read says why by its exit.
    }
    Ok(child)
}

/// Between fork and exec: a session of its own (the terminal's Ctrl-C is not for it), no group or capability of ours, and
/// the farewell signal should we die. The order matters: a change of user clears the parent-death signal (`prctl(2)`).
fn in_the_child(
    command: &mut Command,
    directory: Option<Arc<File>>,
    ids: Option<(Uid, Gid)>,
    farewell: Signal,
) {
    let parent = nix::unistd::getpid();
    let prepare = move || {
        setsid()?;
        umask(Mode::from_bits_truncate(0o077));
        if let Some(directory) = &directory {
            fcntl(directory, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        if let Some((uid, gid)) = ids {
            setgroups(&[gid])?;
            setgid(gid)?;
            setuid(uid)?;
        }
        set_pdeathsig(farewell)?;
        if getppid() != parent {
            return Err(Errno::ESRCH.into());
        }
        Ok(())
    };
    #[expect(
        unsafe_code,
        reason = "system calls only, no allocation and no lock: safe after fork"
    )]
    // SAFETY: `prepare` calls async-signal-safe system calls on values that were made before the fork.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Keeps the end of what the child says; the receiver hears when the child's end of the pipe is closed.
fn listen(child: &mut Child, words: &Arc<Mutex<Vec<u8>>>) -> mpsc::Receiver<()> {
    let (done, heard) = mpsc::channel();
    let Some(mut pipe) = child.stderr.take() else {
        return heard;
    };
    let words = Arc::clone(words);
    let read = move || {
        let mut chunk = [0_u8; 1024];
        while let Ok(n @ 1..) = pipe.read(&mut chunk) {
            let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
            words.extend_from_slice(chunk.get(..n).unwrap_or_default());
            let excess = words.len().saturating_sub(KEPT_WORDS);
            words.drain(..excess);
        }
        drop(done);
    };
    // Without the thread the pipe fills, and the program's own messages are lost: it still runs.
    drop(
        thread::Builder::new()
            .name("freehold-pg-err".into())
            .spawn(read),
    );
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Spec {
        Spec {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            ids: None,
            directory: None,
            env: None,
            input: Input::Nothing,
            output: None,
            farewell: Signal::SIGTERM,
        }
    }

    #[tokio::test]
    async fn a_program_ends_with_its_code_and_its_last_words() {
        let mut process = Process::spawn(shell(
            "head -c 20000 /dev/zero | tr '\\0' a >&2; echo why >&2; exit 3",
        ))
        .await
        .unwrap();
        assert_eq!(
            process.wait().await,
            Exit {
                code: Some(3),
                signal: None
            }
        );
        let words = process.words();
        assert!(words.ends_with("awhy") && words.len() <= KEPT_WORDS);
        process.signal(Signal::SIGKILL); // Reaped: goes nowhere.
    }

    #[tokio::test]
    async fn dropping_the_handle_ends_the_child() {
        let process = Process::spawn(shell("exec sleep 600")).await.unwrap();
        let mut exit = process.exit.clone();
        drop(process);
        let exit = exit.wait_for(Option::is_some).await.unwrap().unwrap();
        assert_eq!(exit.signal, Some(Signal::SIGTERM as i32));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_an_error() {
        let spec = Spec {
            program: "/no/such/program".into(),
            ..shell("")
        };
        assert_eq!(
            Process::spawn(spec).await.unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}
