//! A process that is started again whenever it ends, as systemd would.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::procs;

/// systemd waits 100 ms.
const START_AGAIN: Duration = Duration::from_millis(100);
/// A server ends in five seconds, a runner that was told twice at once.
const END_WITHIN: Duration = Duration::from_secs(20);

/// How it is started.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) words: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) directory: PathBuf,
    pub(super) log: PathBuf,
}

impl Start {
    fn command(&self) -> std::io::Result<Command> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.words)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }
}

/// One that runs until [`Part::stop`].
#[derive(Debug)]
pub(super) struct Part {
    pid: Arc<AtomicU32>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Part {
    pub(super) fn start(start: Start) -> Self {
        let pid = Arc::new(AtomicU32::new(0));
        let stop = CancellationToken::new();
        let (known, ends) = (pid.clone(), stop.clone());
        let task = tokio::spawn(async move {
            while !ends.is_cancelled() {
                let child = start.command().and_then(|mut command| command.spawn());
                if let Ok(mut child) = child {
                    known.store(child.id().unwrap_or_default(), Ordering::SeqCst);
                    let _ended = child.wait().await;
                    known.store(0, Ordering::SeqCst);
                }
                tokio::time::sleep(START_AGAIN).await;
            }
        });
        Self { pid, stop, task }
    }

    /// The present process; `None` between two.
    pub(super) fn pid(&self) -> Option<u32> {
        let pid = self.pid.load(Ordering::SeqCst);
        (pid != 0).then_some(pid)
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            procs::signal(pid, signal);
        }
    }

    /// Ends it, and says whether it ended when it was told to.
    pub(super) async fn stop(self) -> bool {
        self.stop.cancel();
        self.signal(Signal::SIGCONT);
        self.signal(Signal::SIGTERM);
        let mut task = self.task;
        if tokio::time::timeout(END_WITHIN, &mut task).await.is_ok() {
            return true;
        }
        if let Some(pid) = Some(self.pid.load(Ordering::SeqCst)).filter(|pid| *pid != 0) {
            procs::kill_9(pid);
        }
        let _ended = task.await;
        false
    }
}

/// A program that a kit's directory holds.
pub(super) fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
