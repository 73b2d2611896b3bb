//! From a specification to a running process.

use std::ffi::OsString;
use std::io::{self, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::unistd::geteuid;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use crate::bubblewrap;
use crate::cgroup::{Facts, Group, Held};
use crate::child::{Child, InForce, Tree};
use crate::container::{self, Bundle, Overlay};
use crate::control::{Instructions, Report, Step, VERSION};
use crate::error::SandboxError;
use crate::spec::{Limits, Spec, Tier, Together};
use crate::streams::Streams;
use crate::user::HostUser;
use crate::{check, floor, processes, seccomp, spawn, sys, user};

/// A start takes some ten milliseconds; this is for a machine on its knees.
const START_WITHIN: Duration = Duration::from_secs(30);
/// Its runtime writes one file meanwhile.
const NOTED_WITHIN: Duration = Duration::from_secs(10);
const NOTED_ROUND: Duration = Duration::from_millis(1);
/// What is kept of a launcher's complaint.
const MAX_SAID: u64 = 8 * 1024;
/// The launcher's answer has some hundred bytes.
const MAX_INFO: u64 = 4 * 1024;

/// For each task inside, a runtime with a kernel of its own has one that carries it out and one that
/// waits for it.
const OWN_KERNEL_TASKS: u64 = 2;
/// And for itself: three programs, each with a thread or more for each processor.
const OWN_KERNEL_BASE: u64 = 128;

/// Passed to the launcher after init's four: its arguments, its answer, then what the orders need.
const ARGUMENTS_FD: i32 = crate::control::CONTROL_FD + 4;
/// The same as the launcher is told it.
pub(crate) const ARGUMENTS: &str = "7";
/// Of [`Instructions::limits`].
const PROCESSES: usize = 4;
const INFO_FD: i32 = ARGUMENTS_FD + 1;
const _: () = assert!(ARGUMENTS_FD == 7, "ARGUMENTS says the same");
const ORDERS_FD: i32 = INFO_FD + 1;

/// Starts a process as `spec` says and returns when its program runs.
///
/// Dropping the future ends what it had started. Needs a tokio runtime with IO and time.
///
/// # Errors
/// [`SandboxError::ProgramNotFound`] and [`SandboxError::ProgramNotExecutable`] for the program
/// itself; every other error names the step of the set-up that failed. Nothing runs after an error.
pub async fn start(spec: &Spec) -> Result<Child, SandboxError> {
    check::spec(spec)?;
    if spec.tier == Tier::Vm {
        // Boxed: a boot holds far more than a start, and every caller's future would carry it.
        return Box::pin(crate::vm::start(spec)).await;
    }
    let streams = Streams::open(spec)?;
    let (control, theirs) =
        StdUnixStream::pair().map_err(SandboxError::io("make the control socket"))?;
    control
        .set_nonblocking(true)
        .map_err(SandboxError::io("make the control socket"))?;
    let own_kernel = container::has_own_kernel(spec).await?;
    let (mut launch, group) = if spec.tier == Tier::Container {
        // It is told where its group is.
        let group = open_group(spec, own_kernel).await;
        let place = group.as_ref().and_then(Group::place);
        // Boxed, as above: what lays out a bundle holds much meanwhile.
        (Box::pin(container(spec, place.as_deref())).await?, group)
    } else {
        // Side by side: each waits for the kernel.
        let (launch, group) = tokio::join!(prepare(spec), open_group(spec, own_kernel));
        (launch?, group)
    };
    let theirs = OwnedFd::from(theirs);
    let (mut passed, mut stdin) = (Vec::new(), Stdio::null());
    if own_kernel {
        // Its runtime passes the standard streams alone.
        stdin = theirs.into();
    } else {
        passed.push(theirs);
    }
    if launch.bundle.is_some() {
        container::send_streams(control.as_fd(), &streams.theirs)
            .map_err(SandboxError::io("pass the streams"))?;
    } else {
        passed.extend(streams.theirs);
    }
    passed.append(&mut launch.passed);
    let (said, their_said) = pipe().map_err(SandboxError::io("make a pipe"))?;
    let said = Receiver::from_owned_fd(said.into()).map_err(SandboxError::io("make a pipe"))?;
    let mut command = launch.command;
    command
        .stdin(stdin)
        .stdout(Stdio::null())
        .stderr(Stdio::from(OwnedFd::from(their_said)));
    // A container's runtime that cannot be told of the group leaves it.
    let holds = |group: &&Group| {
        spec.tier != Tier::Container || group.version() == "v1" || group.place().is_some()
    };
    let mut held = (group.as_ref().filter(holds))
        .map(Group::held)
        .unwrap_or_default();
    if own_kernel {
        // By that kernel, whose tasks are no tasks of this machine.
        held.tasks = spec.limits.total_tasks;
    }
    let all = group.as_ref().map(Group::held_together).unwrap_or_default();
    if let Some(limit) = not_held(&spec.limits, held, all) {
        return Err(SandboxError::LimitNotHeld { limit });
    }
    let cgroup = group.as_ref().map(Group::version);
    let apart = spec.tier == Tier::Container;
    let entrances = group
        .as_ref()
        .map(|group| group.entrances(apart))
        .transpose();
    let entrances = entrances.map_err(SandboxError::io("open the control group"))?;
    let processes = if own_kernel {
        lower(spec.limits.processes, spec.limits.total_tasks)
    } else {
        let is_counted = launch.own.is_some() || !geteuid().is_root();
        stand_in(spec, held.tasks, is_counted)
    };
    launch.instructions.limits[PROCESSES] = processes;
    // First: nothing of the run is to happen outside.
    sys::join_groups(&mut command, entrances.unwrap_or_default());
    sys::detach(&mut command, passed).map_err(SandboxError::io("pass descriptors"))?;
    let uid = launch.own.as_ref().map(HostUser::uid);
    // Last: all that goes before needs root. A container's runtime does too, until it has built it.
    uid.filter(|_| spec.tier == Tier::Sandbox)
        .into_iter()
        .for_each(|uid| sys::user::become_user(&mut command, uid));

    let contained = spec.tier.is_sandboxed();
    let (bundle, own) = (launch.bundle, launch.own);
    let mut tree = spawn::spawn(command, move |outer| {
        let pid = i32::try_from(outer.id()).map_err(io::Error::other)?;
        Ok(Tree {
            outer: None,
            outer_end: sys::watch(sys::pidfd_open(pid)?)?,
            pid,
            control: UnixStream::from_std(control)?,
            first: None,
            contained,
            said,
            partial: Vec::new(),
            ended: false,
            bundle,
            own,
            group,
            facts: Facts::default(),
        })
    })
    .await
    .map_err(bubblewrap::spawn_error(&launch.program))?;
    let begun = timeout(
        START_WITHIN,
        begin(&mut tree, launch.info, &launch.instructions, spec),
    )
    .await;
    let late = SandboxError::Timeout {
        step: "start",
        seconds: START_WITHIN.as_secs(),
    };
    let landlock = match begun.unwrap_or(Err(late)) {
        Ok(landlock) => landlock,
        Err(error) => {
            // The first error is the one to tell.
            let _ = tree.end().await;
            return Err(error);
        }
    };
    let in_force = InForce {
        tier: spec.tier,
        launcher: launch.version,
        landlock,
        cgroup,
        uid,
        limits: Limits {
            total_memory_bytes: held.memory_bytes,
            total_tasks: held.tasks,
            cpu_milli: held.cpu_milli,
            processes,
            together: spec.limits.together.map(|asked| Together {
                memory_bytes: all.memory_bytes,
                tasks: all.tasks,
                cpu_milli: all.cpu_milli,
                ..asked
            }),
            ..spec.limits
        },
    };
    Ok(Child::new(
        tree,
        in_force,
        streams.stdin,
        streams.stdout,
        streams.stderr,
    ))
}

/// Shuts the calling process itself: no other process of the same user may trace it, read its memory
/// or take its descriptors, and its memory goes into no core dump. For a process that holds secrets,
/// first thing in `main`; what it starts is not bound by it.
///
/// # Errors
/// [`SandboxError::Io`] when the kernel refuses: then do not go on.
pub fn harden_self() -> Result<(), SandboxError> {
    sys::harden().map_err(SandboxError::io("shut this process from others"))
}

/// A control group for all processes of a start; a container's runtime makes its own within it. A
/// virtual machine has a way of its own.
async fn open_group(spec: &Spec, own_kernel: bool) -> Option<Group> {
    if spec.tier > Tier::Container {
        return None;
    }
    let mut limits = spec.limits;
    if own_kernel {
        // It holds the number itself; here is room for what it needs for that many.
        limits.total_tasks = limits.total_tasks.map(|tasks| {
            tasks
                .saturating_mul(OWN_KERNEL_TASKS)
                .saturating_add(OWN_KERNEL_BASE)
        });
    }
    tokio::task::spawn_blocking(move || Group::open(&limits))
        .await
        .ok()?
}

/// The first limit for all processes together that is required and not held.
fn not_held(asked: &Limits, held: Held, all: Held) -> Option<&'static str> {
    let together = asked.together.unwrap_or_default();
    let each = [
        ("memory", asked.total_memory_bytes, held.memory_bytes),
        ("processes and threads", asked.total_tasks, held.tasks),
        ("processors", asked.cpu_milli, held.cpu_milli),
        (
            "memory of all together",
            together.memory_bytes,
            all.memory_bytes,
        ),
        (
            "processes and threads of all together",
            together.tasks,
            all.tasks,
        ),
        (
            "processors of all together",
            together.cpu_milli,
            all.cpu_milli,
        ),
    ];
    let loose = each
        .into_iter()
        .find(|(_, asked, held)| asked.is_some() && held.is_none());
    loose.filter(|_| asked.required).map(|(limit, ..)| limit)
}

/// The limit of the user's processes: without a control group it stands in for the one of all tasks.
/// Only in the sandbox, where the kernel counts the user of that user namespace alone (5.14), and not
/// for the host's root, whom it exempts.
fn stand_in(spec: &Spec, tasks_held: Option<u64>, is_counted: bool) -> Option<u64> {
    let asked = spec.limits.processes;
    if tasks_held.is_some() || spec.tier != Tier::Sandbox || !is_counted {
        return asked;
    }
    lower(asked, spec.limits.total_tasks)
}

fn lower(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    [one, other].into_iter().flatten().min()
}

/// A command that is ready to go, what to pass after init's four descriptors, and what to tell init.
struct Launch {
    program: PathBuf,
    command: Command,
    passed: Vec<OwnedFd>,
    /// Where the launcher tells the pid of the first process inside.
    info: Option<Receiver>,
    /// What the launcher says of its version.
    version: Option<String>,
    /// A container's folder; its streams do not come by their numbers.
    bundle: Option<Bundle>,
    /// The user of the host that it runs as, when it is not the caller's own.
    own: Option<HostUser>,
    instructions: Instructions,
}

/// What to run for a tier; a virtual machine has a start of its own.
async fn prepare(spec: &Spec) -> Result<Launch, SandboxError> {
    match spec.tier {
        Tier::None | Tier::Worktree => plain(spec),
        Tier::Sandbox => sandbox(spec).await,
        Tier::Container | Tier::Vm => Box::pin(container(spec, None)).await,
    }
}

fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir("/");
    command
}

fn plain(spec: &Spec) -> Result<Launch, SandboxError> {
    let mut command = bare(&spec.init.program);
    command.args(&spec.init.args).arg(VERSION);
    let ports = spec
        .ports
        .iter()
        .map(|port| (port.port, port.socket.clone()))
        .collect();
    Ok(Launch {
        program: spec.init.program.clone(),
        command,
        passed: Vec::new(),
        info: None,
        version: None,
        bundle: None,
        own: None,
        instructions: instructions(spec, ports)?,
    })
}

async fn sandbox(spec: &Spec) -> Result<Launch, SandboxError> {
    let launcher = bubblewrap::find().await?;
    let cast = user::cast(user::sources(spec), spec.user.clone()).await?;
    let orders = floor::orders(spec, cast.as_ref(), INFO_FD, ORDERS_FD)?;
    let arguments =
        sys::memory_file(&orders.arguments).map_err(SandboxError::io("make a file in memory"))?;
    let (info, their_info) = pipe().map_err(SandboxError::io("make a pipe"))?;
    let info = Receiver::from_owned_fd(info.into()).map_err(SandboxError::io("make a pipe"))?;
    let mut command = bare(&launcher.path);
    command.args([OsString::from("--args"), ARGUMENTS.into(), "--".into()]);
    command.arg(&orders.init).args(&spec.init.args).arg(VERSION);
    let mut passed = vec![arguments, their_info.into()];
    passed.extend(orders.descriptors);
    let (own, stage) = cast.unzip();
    if let Some(stage) = stage {
        let set = stage.set(&mut command);
        set.map_err(SandboxError::io("set the stage"))?;
    }
    Ok(Launch {
        program: launcher.path.clone(),
        command,
        passed,
        info: Some(info),
        version: Some(launcher.version.clone()),
        bundle: None,
        own,
        instructions: instructions(spec, orders.ports)?,
    })
}

async fn container(spec: &Spec, group: Option<&Path>) -> Result<Launch, SandboxError> {
    let mut prepared = container::prepare(spec, group).await?;
    let (own, stage) = prepared.cast.unzip();
    if let Some(stage) = stage {
        let set = stage.set_for_runtime(&mut prepared.command);
        set.map_err(SandboxError::io("set the stage"))?;
    }
    if let Some(Overlay { layers, at }) = &prepared.overlay {
        let set = sys::user::mount_layers(&mut prepared.command, layers, at);
        set.map_err(SandboxError::io("mount the image"))?;
    }
    Ok(Launch {
        program: prepared.program,
        command: prepared.command,
        passed: Vec::new(),
        info: None,
        version: Some(prepared.version),
        bundle: Some(prepared.bundle),
        own,
        instructions: instructions(spec, prepared.ports)?,
    })
}

/// What init is told: in a contained tier it puts the program behind Landlock and the filters.
pub(crate) fn instructions(
    spec: &Spec,
    ports: Vec<(u16, PathBuf)>,
) -> Result<Instructions, SandboxError> {
    let limits = &spec.limits;
    let contained = spec.tier.is_sandboxed();
    let (writable, filters) = if contained {
        (floor::writable(spec), seccomp::filters()?.to_vec())
    } else {
        (Vec::new(), Vec::new())
    };
    Ok(Instructions {
        contained,
        program: spec.program.clone(),
        args: spec.args.clone(),
        env: spec
            .env
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        cwd: spec.cwd.clone(),
        ports,
        limits: [
            limits.open_files,
            limits.file_bytes,
            limits.cpu_seconds,
            limits.memory_bytes,
            limits.processes,
        ],
        terminal: spec.terminal.map(|size| (size.rows, size.columns)),
        writable,
        filters,
    })
}

/// Brings a spawned launcher to a running program, and tells which Landlock holds it.
async fn begin(
    tree: &mut Tree,
    info: Option<Receiver>,
    told: &Instructions,
    spec: &Spec,
) -> Result<Option<u32>, SandboxError> {
    if let Some(info) = info {
        match first_process(info, tree.pid).await {
            Some(first) => tree.first = Some(first),
            None => return Err(complaint(tree).await),
        }
    }
    if let Some(bundle) = &tree.bundle {
        // Before it is told anything, so that it is still there to be found.
        let arrived = matches!(tree.control.read_u8().await, Ok(container::ARRIVED));
        let first = match arrived {
            true => noted(bundle).await,
            false => None,
        };
        let own_kernel = first.filter(|_| bundle.runtime().has_own_kernel());
        tree.first = first.and_then(|pid| watched(pid, tree.pid));
        if tree.first.is_none() {
            return Err(complaint(tree).await);
        }
        if let Some(own_kernel) = own_kernel {
            container::confined(own_kernel)?;
        }
    }
    let told = told
        .encode()
        .map_err(SandboxError::io("encode the arguments and the environment"))?;
    // An early end shows in the report that is missing.
    let _ = tree.control.write_all(&told).await;
    match tree.report().await {
        Some(Report::Started { landlock }) => Ok(landlock),
        Some(Report::Failed { step, errno }) => {
            Err(init_error(step, io::Error::from_raw_os_error(errno), spec))
        }
        _ => Err(complaint(tree).await),
    }
}

/// The first process of a container, once its runtime has noted it down: crun does so about when that
/// process begins.
async fn noted(bundle: &Bundle) -> Option<i32> {
    let noted = async {
        loop {
            if let Some(pid) = bundle.first_process() {
                return pid;
            }
            tokio::time::sleep(NOTED_ROUND).await;
        }
    };
    timeout(NOTED_WITHIN, noted).await.ok()
}

/// A handle on the first process inside, once the launcher has told of it.
async fn first_process(info: Receiver, launcher: i32) -> Option<AsyncFd<OwnedFd>> {
    // To its end: closed half-way, the launcher's next write would kill it.
    let mut told = Vec::new();
    info.take(MAX_INFO).read_to_end(&mut told).await.ok()?;
    watched(bubblewrap::child_pid(&told)?, launcher)
}

/// A handle on process `pid`, a child of `launcher`.
fn watched(pid: i32, launcher: i32) -> Option<AsyncFd<OwnedFd>> {
    let first = sys::pidfd_open(pid).ok()?;
    // Had it ended before the handle was there, its number might be another process's by now.
    (processes::parent(pid)?.0 == launcher).then_some(())?;
    sys::watch(first).ok()
}

/// The launcher or init ended without a report: what is there on its standard error says why.
async fn complaint(tree: &mut Tree) -> SandboxError {
    let mut said = Vec::new();
    let _ = (&mut tree.said).take(MAX_SAID).read_to_end(&mut said).await;
    let said = String::from_utf8_lossy(&said);
    if tree.bundle.is_some() {
        container::setup_error(&said)
    } else {
        bubblewrap::setup_error(&said)
    }
}

pub(crate) fn init_error(step: Step, cause: io::Error, spec: &Spec) -> SandboxError {
    let setup = |step, mend| SandboxError::Setup {
        step,
        detail: cause.to_string(),
        mend,
    };
    match step {
        Step::NotFound => SandboxError::ProgramNotFound {
            program: spec.program.clone(),
        },
        Step::NotExecutable => SandboxError::ProgramNotExecutable {
            program: spec.program.clone(),
            cause,
        },
        Step::Prepare => setup(
            "prepare the first process",
            "update the kernel to 5.11 or newer",
        ),
        Step::Directory => setup(
            "change to the working directory",
            "create it or add a mount that holds it",
        ),
        Step::Listen => setup(
            "listen on a port",
            "choose a port above 1023 that nothing else uses",
        ),
        Step::Landlock => setup(
            "make the rules of Landlock",
            "the kernel has Landlock and does not let it be used: in a container, allow the landlock calls in its seccomp profile",
        ),
        Step::Terminal => setup("make a terminal", "mount devpts on /dev/pts"),
        Step::Start => setup(
            "start the program",
            "check the limits, and the size of the arguments and the environment",
        ),
    }
}

#[cfg(test)]
#[path = "launch_tests.rs"]
mod tests;
