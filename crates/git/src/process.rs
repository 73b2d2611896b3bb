//! One git process: bounded in time, in output and in descendants, and gone when its future is.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, Command};
use tokio::time::{Instant, sleep_until, timeout};

use crate::group::{GRACE, Group};
use crate::{Git, GitError, Remote, Result, said};

/// Bound on output where a call names none: an object name or a short answer.
const DEFAULT_LIMIT: usize = 64 << 10;
/// How much of stderr is kept: its end, where git puts what went wrong.
const STDERR_TAIL: usize = 64 << 10;

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
    store_is_sound: bool,
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

    /// The store was checked, and its objects are not to blame.
    pub(crate) fn absolve_store(mut self) -> Self {
        self.store_is_sound = true;
        self
    }

    pub(crate) fn failure(&self) -> GitError {
        let (doing, status, said) = (self.doing, self.status.to_string(), || {
            said::text(&self.stderr)
        });
        let about_store = self
            .store
            .as_ref()
            .and_then(|store| said::store_failure(store, &self.stderr));
        match (about_store, &self.remote) {
            (Some(GitError::Corrupt { .. }), Some(remote)) if self.store_is_sound => {
                said::remote_failure(doing, remote, status, &self.stderr)
            }
            (Some(GitError::Corrupt { .. }), None) if self.store_is_sound => GitError::Absent {
                doing,
                said: said(),
            },
            (Some(error), _) => error,
            (None, Some(remote)) => said::remote_failure(doing, remote, status, &self.stderr),
            (None, None) => GitError::Failed {
                doing,
                status,
                said: said(),
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
        let is_remote = call.remote.is_some();
        let late = |after: Duration| GitError::Timeout {
            doing,
            seconds: after.as_secs(),
            is_remote,
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
                // It has ended; something that it left behind holds its output open.
                let late = |_| GitError::Timeout { doing: call.doing, seconds: GRACE.as_secs(), is_remote: call.remote.is_some() };
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
            store_is_sound: false,
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
                found: None,
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
