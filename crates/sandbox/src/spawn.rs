//! Forks launchers from a thread that lives as long as the program, and collects what has ended.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child as Process, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

use tokio::sync::oneshot;

use crate::child::Tree;
use crate::{bubblewrap, floor, launch, processes};

type Job = Box<dyn FnOnce() + Send>;

/// The one thread that forks. "Die with parent" means the parent *thread*: forked from a worker of
/// a pool, a sandbox would die whenever the pool lets that worker go. This one never ends.
static LAUNCHER: LazyLock<Option<Sender<Job>>> = LazyLock::new(|| {
    let (jobs, inbox) = channel::<Job>();
    let thread = std::thread::Builder::new().name("sandbox-launcher".into());
    let started = thread.spawn(move || {
        kill_orphans();
        inbox.into_iter().for_each(|job| job());
    });
    started.ok().map(|_| jobs)
});

/// Ends what a killed runner, or a start that was given up, may have left of its launchers.
pub(crate) fn kill_orphans() {
    if let Some(launcher) = bubblewrap::found() {
        let words = [
            launcher.path.as_os_str(),
            "--args".as_ref(),
            launch::ARGUMENTS.as_ref(),
            "--".as_ref(),
            floor::INIT.as_ref(),
        ];
        let command: Vec<u8> = words
            .iter()
            .flat_map(|word| [word.as_bytes(), b"\0"].concat())
            .collect();
        processes::kill_orphans(&command);
    }
}

/// A process on its way out, and what is let go of after it.
type Left = (Process, Box<dyn Send>);

/// Collects what was dropped, so that no zombie is left whichever runtime is or is not running. Apart
/// from the launching thread: one that is stuck in the kernel must not hold up the others' start.
static COLLECTOR: LazyLock<Option<Sender<Left>>> = LazyLock::new(|| {
    let (ended, inbox) = channel::<Left>();
    let thread = std::thread::Builder::new().name("sandbox-collector".into());
    let started = thread.spawn(move || {
        inbox.into_iter().for_each(|(mut process, after)| {
            let _ = process.wait();
            drop(after);
        });
    });
    started.ok().map(|_| ended)
});

/// Waits for `process`, which is on its way out, and lets go of `after` then, without blocking the
/// caller.
pub(crate) fn collect(process: Process, after: impl Send + 'static) {
    if let Some(collector) = COLLECTOR.as_ref() {
        let _ = collector.send((process, Box::new(after)));
    }
}

/// Starts `command` from the launching thread. When the caller is gone by then, the tree that
/// `wrap` makes of it is dropped, and so ended.
pub(crate) async fn spawn(
    mut command: Command,
    wrap: impl FnOnce(&Process) -> io::Result<Tree> + Send + 'static,
) -> io::Result<Tree> {
    let runtime = tokio::runtime::Handle::current();
    let (answer, answered) = oneshot::channel();
    let job = Box::new(move || {
        let _inside = runtime.enter();
        let tree = command.spawn().and_then(|mut outer| match wrap(&outer) {
            Ok(mut tree) => {
                tree.outer = Some(outer);
                Ok(tree)
            }
            Err(error) => {
                i32::try_from(outer.id())
                    .into_iter()
                    .for_each(processes::kill_tree);
                outer.wait()?;
                Err(error)
            }
        });
        // Only now: until here it holds the other process's ends of our pipes.
        drop(command);
        let _ = answer.send(tree);
    });
    let no_thread = || io::Error::other("no thread to start processes from");
    LAUNCHER
        .as_ref()
        .ok_or_else(no_thread)?
        .send(job)
        .map_err(|_| no_thread())?;
    answered.await.map_err(|_| no_thread())?
}
