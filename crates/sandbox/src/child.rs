//! A running process, from outside.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, send};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::time::timeout;

use crate::cgroup::{Facts, Group};
use crate::container::Bundle;
use crate::control::{Order, Report};
use crate::error::SandboxError;
use crate::spec::{Limits, Terminal, Tier};
use crate::user::HostUser;
use crate::{ending, processes, spawn, sys};

/// What the host writes to a program's standard input.
pub type Input = pipe::Sender;
/// What the host reads of a program's standard output or error.
pub type Output = pipe::Receiver;

/// A kill takes milliseconds; only a process stuck in the kernel (a dead network file system) takes
/// longer, and waiting for it must not hold a runner for ever.
const KILL_WITHIN: Duration = Duration::from_secs(10);
/// From the program's end to the end of all that was around it, before it is killed.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// What it ended with, when it ended by itself.
    pub code: Option<i32>,
    /// The signal that ended it otherwise.
    pub signal: Option<i32>,
    /// What it used up; `None` when it was ended together with what counts it.
    pub usage: Option<Usage>,
    /// The limit that ended it or held it back, if one is known to have.
    pub hit: Option<Hit>,
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Which one.
    pub limit: Limit,
    /// Its value, in the unit of the limit.
    pub value: u64,
    /// The most that was used or asked for, in the same unit.
    pub peak: u64,
    /// Whether it is the one of all starts of the owner: [`Limits::together`](crate::Limits::together).
    pub together: bool,
}

/// A limit of [`Limits`](crate::Limits) that the sandbox itself can see reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`total_memory_bytes`](crate::Limits::total_memory_bytes).
    Memory,
    /// [`total_tasks`](crate::Limits::total_tasks).
    Tasks,
    /// [`cpu_seconds`](crate::Limits::cpu_seconds).
    Cpu,
    /// [`file_bytes`](crate::Limits::file_bytes).
    FileSize,
}

/// What really stands around a started process. A fact for the record, not a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// The tier.
    pub tier: Tier,
    /// What started it, with its version, such as `bubblewrap 0.8.0`; `None` in a plain tier.
    pub launcher: Option<String>,
    /// The version of Landlock's interface that is enforced; `None` where the kernel has none.
    pub landlock: Option<u32>,
    /// Where limits for all processes together are held: `v1`, `v2`, or nowhere.
    pub cgroup: Option<&'static str>,
    /// The user on the host that it runs as, when it is not the caller's own.
    pub uid: Option<u32>,
    /// The limits that are held. One that was asked for and cannot be held here is `None`.
    pub limits: Limits,
}

impl Exit {
    /// Whether it ended by itself with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

/// What the program and the children that were waited for have used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processor time, user and system together.
    pub cpu: Duration,
    /// The most memory that any one of its processes had resident.
    pub max_rss_bytes: u64,
    /// The most memory that all of them together used; `None` without a control group.
    pub peak_memory_bytes: Option<u64>,
    /// The most processes and threads that there were at once; `None` without a control group.
    pub peak_tasks: Option<u64>,
}

/// A started process. Dropping it ends it and all its descendants, without waiting for that.
///
/// Read both outputs, or take and drop them: a full pipe blocks the program (not [`Child::kill`]).
#[derive(Debug)]
pub struct Child {
    /// Its standard input when [`Stdin::Piped`](crate::Stdin::Piped) was asked for; drop it to end it.
    pub stdin: Option<Input>,
    /// Its standard output; `None` once taken.
    pub stdout: Option<Output>,
    /// Its standard error; `None` once taken.
    pub stderr: Option<Output>,
    pub(crate) tree: Tree,
    in_force: InForce,
    /// What the helper said last, once it has or can no more.
    last: Option<Option<Report>>,
    exit: Option<Exit>,
}

impl Child {
    pub(crate) fn new(
        tree: Tree,
        in_force: InForce,
        stdin: Option<Input>,
        stdout: Output,
        stderr: Output,
    ) -> Self {
        Self {
            in_force,
            stdin,
            stdout: Some(stdout),
            stderr: Some(stderr),
            tree,
            last: None,
            exit: None,
        }
    }

    /// The outermost process, as the host counts: the launcher, or the helper in a plain tier.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.tree.pid.cast_unsigned()
    }

    /// What really stands around it.
    #[must_use]
    pub fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// Waits until the program has ended and everything it left behind is gone.
    ///
    /// Cancel-safe, and repeatable: it answers the same again. Closes `stdin`, if it is still there,
    /// so that a program that reads to the end can end.
    ///
    /// # Errors
    /// [`SandboxError::Timeout`] when what was around the program does not go away.
    pub async fn wait(&mut self) -> Result<Exit, SandboxError> {
        drop(self.stdin.take());
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        self.told().await;
        // The launcher ends first; its end takes the pid namespace down with all that was left there.
        if timeout(CLOSE_WITHIN, self.tree.gone()).await.is_err() {
            self.kill().await?;
        }
        let exit = ending::exit(
            self.last.take().flatten(),
            &self.tree.facts,
            &self.in_force.limits,
        );
        tracing::debug!(
            pid = self.tree.pid,
            code = exit.code,
            signal = exit.signal,
            "ended"
        );
        self.tree.ended = true;
        self.exit = Some(exit);
        Ok(exit)
    }

    /// Waits until the helper has said how the program ended, or can no more. Cancel-safe.
    pub(crate) async fn told(&mut self) {
        // Kept: who gives up waiting from here on must find it again.
        if self.last.is_none() && self.exit.is_none() {
            self.last = Some(self.tree.report().await);
        }
    }

    /// Ends the program and all its descendants, daemons too, with `SIGKILL`, and returns when all
    /// are gone. [`Child::wait`] then tells how it ended. Needs no reader of the outputs. Not
    /// cancel-safe in the sense of waiting: the kill itself is sent at the first poll.
    ///
    /// # Errors
    /// [`SandboxError::Timeout`] when a process is stuck in the kernel; it goes when that lets go.
    pub async fn kill(&mut self) -> Result<(), SandboxError> {
        self.tree.end().await
    }

    /// Asks the program itself, not its children, to end: `SIGTERM`. Does nothing once it has ended.
    pub fn terminate(&self) {
        self.order(Order::Terminate);
    }

    /// Interrupts the program and what shares its process group, as a terminal does: `SIGINT`. Does
    /// nothing once it has ended.
    pub fn interrupt(&self) {
        self.order(Order::Interrupt);
    }

    /// Tells the program that its terminal has another size now. Does nothing without a
    /// [terminal](crate::Spec::terminal).
    pub fn resize(&self, terminal: Terminal) {
        let Terminal { rows, columns } = terminal;
        self.order(Order::Resize { rows, columns });
    }

    fn order(&self, order: Order) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let _ = send(self.tree.control.as_raw_fd(), &order.encode(), flags);
    }
}

/// All processes of one start, and the handles to end them.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The outermost process until it has been collected, and what is readable once it has ended.
    pub(crate) outer: Option<std::process::Child>,
    pub(crate) outer_end: AsyncFd<OwnedFd>,
    pub(crate) pid: i32,
    pub(crate) control: UnixStream,
    /// The first process of the pid namespace: all in it end with it, before it.
    pub(crate) first: Option<AsyncFd<OwnedFd>>,
    /// A pid namespace is being made or there.
    pub(crate) contained: bool,
    /// What the launcher says on its standard error; kept open so that it can.
    pub(crate) said: pipe::Receiver,
    /// The part of a report that has come.
    pub(crate) partial: Vec<u8>,
    pub(crate) ended: bool,
    /// A container's folder; it goes when all processes are gone.
    pub(crate) bundle: Option<Bundle>,
    /// The user of the host that they have to themselves; somebody else's when they are gone.
    pub(crate) own: Option<HostUser>,
    /// The control group of all of them; it goes when they are gone.
    pub(crate) group: Option<Group>,
    /// What the group told before it went.
    pub(crate) facts: Facts,
}

impl Tree {
    /// The next report; `None` when there will be no more. Cancel-safe.
    pub(crate) async fn report(&mut self) -> Option<Report> {
        while self.partial.len() < Report::SIZE {
            let mut rest = [0; Report::SIZE];
            let wanted = Report::SIZE - self.partial.len();
            match self.control.read(&mut rest[..wanted]).await {
                Ok(read @ 1..) => self.partial.extend(&rest[..read]),
                _ => return None,
            }
        }
        Report::decode(&std::mem::take(&mut self.partial))
    }

    /// Kills everything and waits until it is gone.
    pub(crate) async fn end(&mut self) -> Result<(), SandboxError> {
        if self.ended {
            return Ok(());
        }
        self.signal_end();
        if timeout(KILL_WITHIN, self.gone()).await.is_err() {
            tracing::warn!(
                pid = self.pid,
                "killed processes are still there; killing one by one"
            );
            processes::kill_tree(self.pid);
            timeout(KILL_WITHIN, self.gone())
                .await
                .map_err(|_| SandboxError::Timeout {
                    step: "kill; a process is stuck in the kernel",
                    seconds: 2 * KILL_WITHIN.as_secs(),
                })?;
        }
        self.ended = true;
        Ok(())
    }

    /// When it returns there is no process left of this start.
    async fn gone(&mut self) {
        if let Some(first) = &self.first {
            let _ = first.readable().await;
        }
        let _ = self.outer_end.readable().await;
        if let Some(mut outer) = self.outer.take() {
            let _ = outer.wait();
        }
        if let Some(bundle) = self.bundle.take() {
            // To its end, also when nobody waits any more.
            let _ = tokio::task::spawn_blocking(move || drop(bundle)).await;
        }
        if let Some(group) = self.group.take() {
            // To its end, also when nobody waits any more.
            let told = tokio::task::spawn_blocking(move || group.facts());
            self.facts = told.await.unwrap_or_default();
        }
        self.own = None;
    }

    /// Sends what ends everything; returns at once.
    fn signal_end(&self) {
        match &self.first {
            Some(first) => drop(sys::pidfd_kill(first.get_ref())),
            // The launcher is on its way: its child does not yet end with it.
            None if self.contained => {
                processes::kill_tree(self.pid);
                spawn::kill_orphans();
            }
            None => {
                // The helper ends all below it when this socket ends. It may have been stopped.
                let _ = nix::sys::socket::shutdown(
                    self.control.as_raw_fd(),
                    nix::sys::socket::Shutdown::Write,
                );
                let _ = kill(Pid::from_raw(self.pid), Signal::SIGCONT);
            }
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Some(outer) = self.outer.take() {
            self.signal_end();
            spawn::collect(
                outer,
                (self.bundle.take(), self.group.take(), self.own.take()),
            );
        }
    }
}
