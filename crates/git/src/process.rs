//! One git process: bounded in time, in output and in descendants, and gone when its future is.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{Git, GitError, Remote, Result, said};

/// Bound on output where a call names none: an object name or a short answer.
const DEFAULT_LIMIT: usize = 64 << 10;
/// How much of stderr is kept: its end, where git puts what went wrong.
const STDERR_TAIL: usize = 64 << 10;
/// Time between asking a process group to end, so that git removes its lock files, and ending it.
const GRACE: Duration = Duration::from_secs(2);

/// What a process reads.
pub(crate) enum Input {
    Nothing,
    Bytes(Vec<u8>),
    File(File),
}

/// A git command before it is run.
pub(crate) struct Call {
    doing: &'static str,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    input: Input,
    output: Option<File>,
    cwd: Option<PathBuf>,
    limit: usize,
    remote: Option<Remote>,
    store: Option<PathBuf>,
}

impl Call {
    pub(crate) fn new<A: Into<OsString>>(
        doing: &'static str,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        let (env, input) = (Vec::new(), Input::Nothing);
        Self {
            doing,
            args,
            env,
            input,
            output: None,
            cwd: None,
            limit: DEFAULT_LIMIT,
            remote: None,
            store: None,
        }
    }

    pub(crate) fn args<A: Into<OsString> + Clone>(mut self, args: &[A]) -> Self {
        self.args.extend(args.iter().cloned().map(Into::into));
        self
    }

    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    pub(crate) fn input(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    /// Standard output goes to a file instead of memory.
    pub(crate) fn into_file(mut self, file: File) -> Self {
        self.output = Some(file);
        self
    }

    pub(crate) fn cwd(mut self, dir: impl Into<PathBuf>) -> Self {
        self.cwd = Some(dir.into());
        self
    }

    /// Most bytes of standard output; more is [`GitError::TooLarge`].
    pub(crate) fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// The command talks to this remote: it sees credentials, and idles only so long.
    pub(crate) fn network(mut self, remote: &Remote) -> Self {
        self.remote = Some(remote.clone());
        self
    }

    /// What is wrong is not the store's fault.
    pub(crate) fn no_store(mut self) -> Self {
        self.store = None;
        self
    }

    /// The command uses this store, so its complaints about objects are about the store.
    pub(crate) fn store(mut self, root: impl Into<PathBuf>) -> Self {
        self.store = Some(root.into());
        self
    }
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) code: Option<i32>,
    doing: &'static str,
    status: ExitStatus,
    remote: Option<Remote>,
    store: Option<PathBuf>,
}

impl Output {
    /// The output when git exited with 0, else the failure by its kind.
    pub(crate) fn success(self) -> Result<Self> {
        if self.code == Some(0) {
            Ok(self)
        } else {
            Err(self.failure())
        }
    }

    /// For commands that answer yes (0) or no (1).
    pub(crate) fn answer(self) -> Result<bool> {
        match self.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(self.failure()),
        }
    }

    /// Whether this may be either our objects' fault or the remote's: the remote's own process writes
    /// to the same stderr when it is reached by a path or by ssh.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.remote.is_some() && matches!(self.failure(), GitError::Corrupt { .. })
    }

    /// The store was checked and is not to blame.
    pub(crate) fn blame_remote(mut self) -> Self {
        self.store = None;
        self
    }

    pub(crate) fn failure(&self) -> GitError {
        if let Some(error) = self
            .store
            .as_ref()
            .and_then(|store| said::store_failure(store, &self.stderr))
        {
            return error;
        }
        match &self.remote {
            Some(remote) => {
                said::remote_failure(self.doing, remote, self.status.to_string(), &self.stderr)
            }
            None => GitError::Failed {
                doing: self.doing,
                status: self.status.to_string(),
                said: said::text(&self.stderr),
            },
        }
    }
}

impl Git {
    /// Runs a command to its end. Dropping the future ends the whole process group.
    pub(crate) async fn run(&self, call: Call) -> Result<Output> {
        let doing = call.doing;
        let deadlines = self.deadlines();
        let (whole, idle) = match call.remote {
            Some(_) => (deadlines.network, Some(deadlines.idle)),
            None => (deadlines.local, None),
        };
        let late = |after: Duration| GitError::Timeout {
            doing,
            seconds: after.as_secs(),
        };
        let activity = Activity::default();
        tracing::debug!(args = ?call.args, "git");
        let work = async {
            tokio::select! {
                output = self.spawn_and_read(call, &activity) => output,
                () = activity.idle_for(idle) => Err(late(idle.unwrap_or_default())),
            }
        };
        match timeout(whole, Box::pin(work)).await {
            Ok(output) => output,
            Err(_) => Err(late(whole)),
        }
    }

    async fn spawn_and_read(&self, call: Call, activity: &Activity) -> Result<Output> {
        let io = GitError::io;
        let mut command = Command::new(self.program());
        command
            .args(&call.args)
            .env_clear()
            .envs(self.environment(call.remote.is_some()))
            .envs(call.env);
        command
            .current_dir(call.cwd.as_deref().unwrap_or(self.home()))
            .process_group(0);
        let (stdin, bytes) = match call.input {
            Input::Nothing => (Stdio::null(), None),
            Input::File(file) => (Stdio::from(file), None),
            Input::Bytes(bytes) => (Stdio::piped(), Some(bytes)),
        };
        command
            .stdin(stdin)
            .stdout(call.output.map_or_else(Stdio::piped, Stdio::from))
            .stderr(Stdio::piped());
        let mut group = Group::new(command.spawn().map_err(io("starting git"))?);
        // The command holds our copies of the files it was given.
        drop(command);
        let child = group.child()?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let reads = async {
            tokio::try_join!(
                read_all(stdout, call.doing, call.limit, activity),
                read_tail(stderr, activity),
                feed(stdin, bytes)
            )
        };
        tokio::pin!(reads);
        let (status, read) = tokio::select! {
            read = &mut reads => {
                let read = read?;
                (group.child()?.wait().await.map_err(io("waiting for git"))?, read)
            }
            status = child.wait() => {
                let late = |_| GitError::Timeout { doing: call.doing, seconds: GRACE.as_secs() };
                (status.map_err(io("waiting for git"))?, timeout(GRACE, reads).await.map_err(late)??)
            }
        };
        group.forget();
        let (stdout, stderr, ()) = read;
        Ok(Output {
            stdout,
            stderr,
            code: status.code(),
            status,
            doing: call.doing,
            remote: call.remote,
            store: call.store,
        })
    }
}

/// When the process last gave a sign of life.
struct Activity(Mutex<Instant>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Activity {
    fn last(&self) -> Instant {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn seen(&self) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Instant::now();
    }

    async fn idle_for(&self, bound: Option<Duration>) {
        let Some(bound) = bound else {
            return std::future::pending().await;
        };
        loop {
            let last = self.last();
            sleep_until(last + bound).await;
            if self.last() == last {
                return;
            }
        }
    }
}

/// Everything up to `limit`, or an error at once: the rest is never waited for.
async fn read_all(
    from: Option<impl AsyncRead + Unpin>,
    what: &'static str,
    limit: usize,
    activity: &Activity,
) -> Result<Vec<u8>> {
    let Some(mut from) = from else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = from
            .read(&mut buffer)
            .await
            .map_err(GitError::io("reading git's output"))?;
        if n == 0 {
            return Ok(all);
        }
        activity.seen();
        if all.len() + n > limit {
            return Err(GitError::TooLarge {
                what,
                limit: limit as u64,
            });
        }
        all.extend_from_slice(&buffer[..n]);
    }
}

async fn read_tail(from: Option<impl AsyncRead + Unpin>, activity: &Activity) -> Result<Vec<u8>> {
    let Some(mut from) = from else {
        return Ok(Vec::new());
    };
    let mut tail = Vec::new();
    let mut buffer = vec![0; 8 << 10];
    loop {
        let n = from
            .read(&mut buffer)
            .await
            .map_err(GitError::io("reading git's messages"))?;
        if n == 0 {
            return Ok(tail);
        }
        activity.seen();
        tail.extend_from_slice(&buffer[..n]);
        if tail.len() > 2 * STDERR_TAIL {
            tail.drain(..tail.len() - STDERR_TAIL);
        }
    }
}

async fn feed(to: Option<ChildStdin>, bytes: Option<Vec<u8>>) -> Result<()> {
    if let (Some(mut to), Some(bytes)) = (to, bytes) {
        // A command that ends early closes the pipe; its exit status tells why.
        let _closed = to.write_all(&bytes).await;
    }
    Ok(())
}

/// A process and all its descendants that stayed in its group.
struct Group {
    child: Option<Child>,
    id: Option<Pid>,
}

impl Group {
    fn new(child: Child) -> Self {
        let id = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .map(Pid::from_raw);
        Self {
            child: Some(child),
            id,
        }
    }

    fn child(&mut self) -> Result<&mut Child> {
        self.child.as_mut().ok_or_else(|| GitError::Io {
            doing: "waiting for git",
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// The process ended by itself and was waited for: its number may already be someone else's.
    fn forget(&mut self) {
        self.child = None;
        self.id = None;
    }

    fn signal(id: Option<Pid>, signal: Signal) {
        if let Some(id) = id {
            // Gone already is what is wanted.
            let _gone = killpg(id, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let (Some(child), Some(id)) = (self.child.take(), self.id) else {
            return;
        };
        let mut last = LastResort { child, id };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        Group::signal(Some(id), Signal::SIGTERM);
        runtime.spawn(async move {
            let _ended = timeout(GRACE, last.child.wait()).await;
            drop(last);
        });
    }
}

/// Kills what is left of a group, also when the runtime stops first.
struct LastResort {
    child: Child,
    id: Pid,
}

impl Drop for LastResort {
    fn drop(&mut self) {
        Group::signal(Some(self.id), Signal::SIGKILL);
        // Collects it when it is dead by now; tokio collects it otherwise.
        let _status = self.child.try_wait();
    }
}
