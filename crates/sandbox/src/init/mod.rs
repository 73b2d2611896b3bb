//! The first process inside: opens the ports, starts the program, collects orphans, tells the end.
//!
//! Products call [`main`] from a hidden subcommand, see [`Init`](crate::Init). Standard library and
//! blocking calls only: it must be small, and must work before and without any runtime.

mod container;
mod fence;
mod ports;
mod prove;
mod terminal;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, rlim_t};
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::time::TimeVal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, geteuid, getpid};

use crate::control::{CONTROL_FD, Instructions, Order, Report, Step, VERSION};
use crate::{processes, sys};

use fence::Fence;

pub(crate) use container::{ARRIVED, CONTAINER, CONTAINER_ROOTLESS, CONTAINER_STDIN};
pub(crate) use prove::{AUTOMOUNT, NAMESPACES, PROVE, PROVE_MEMORY, PROVE_TASKS, Seen};

/// What init itself ends with when the program never started.
const NOT_STARTED: u8 = 125;
/// The resources of [`Instructions::limits`], in its order.
pub(crate) const RESOURCES: [Resource; 5] = [
    Resource::RLIMIT_NOFILE,
    Resource::RLIMIT_FSIZE,
    Resource::RLIMIT_CPU,
    Resource::RLIMIT_AS,
    Resource::RLIMIT_NPROC,
];
/// From `SIGXCPU`, which can be ignored, to `SIGKILL`.
const CPU_GRACE_SECONDS: u64 = 2;
/// Killing a tree that keeps forking takes some rounds; one that is stuck in the kernel takes for ever.
const END_WITHIN: Duration = Duration::from_secs(5);
/// Between two rounds, for the kernel to take the killed apart.
const END_ROUND: Duration = Duration::from_millis(1);

/// Runs as the first process inside, as [`start`](crate::start) tells it to, and returns when the
/// program has ended: with its code, or 128 and the number of the signal.
///
/// `args` are the process's arguments after those of [`Init::args`](crate::Init::args). It takes
/// over descriptors that `start` passes: call it first thing in `main`, from nowhere else.
pub fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    match args.next() {
        Some(word) if word == VERSION => ExitCode::from(supervise()),
        Some(word) if word == CONTAINER => in_container(container::Way::Passed),
        Some(word) if word == CONTAINER_ROOTLESS => in_container(container::Way::Rootless),
        Some(word) if word == CONTAINER_STDIN => in_container(container::Way::Stdin),
        Some(word) if word == PROVE => prove::prove(),
        Some(word) if word == PROVE_MEMORY => prove::use_memory(),
        Some(word) if word == PROVE_TASKS => prove::start_threads(),
        Some(word) if word == crate::vm::guest::WORD => crate::vm::guest::main(args),
        Some(word) if word == crate::vm::files::WORD => crate::vm::files::main(args),
        _ => {
            let _ = writeln!(
                io::stderr(),
                "this is the first process of a sandbox ({VERSION}); it is started by freehold and not by hand"
            );
            ExitCode::from(NOT_STARTED)
        }
    }
}

fn in_container(way: container::Way) -> ExitCode {
    ExitCode::from(match container::enter(way) {
        Ok(()) => supervise(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "cannot enter the container: {error}");
            NOT_STARTED
        }
    })
}

/// A step that failed, for a reason the kernel gave.
struct Failed(Step, io::Error);

fn at(step: Step) -> impl FnOnce(io::Error) -> Failed {
    move |error| Failed(step, error)
}

fn supervise() -> u8 {
    let mut control = match sys::take_passed(CONTROL_FD) {
        Ok(fd) => UnixStream::from(fd),
        Err(error) => {
            let _ = writeln!(io::stderr(), "no control socket: {error}");
            return NOT_STARTED;
        }
    };
    match begin(&control) {
        Ok(running) => running.watch(control),
        Err(Failed(step, error)) => {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            let _ = control.write_all(&Report::Failed { step, errno }.encode());
            NOT_STARTED
        }
    }
}

/// The program and what is left to do for it.
struct Running {
    program: Pid,
    contained: bool,
    forwarded: SigSet,
    ports: ports::Listeners,
    terminal: Option<terminal::Terminal>,
    landlock: Option<u32>,
}

fn begin(control: &UnixStream) -> Result<Running, Failed> {
    let prepare = || at(Step::Prepare);
    let streams = prepare_self().map_err(prepare())?;
    let forwarded: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]
        .into_iter()
        .collect();
    forwarded
        .thread_block()
        .map_err(io::Error::from)
        .map_err(prepare())?;
    let told = Instructions::read(control).map_err(prepare())?;
    std::env::set_current_dir(&told.cwd).map_err(at(Step::Directory))?;
    let guests = match told.contained {
        true => ports::Guests::All,
        false => ports::Guests::Of(geteuid().as_raw()),
    };
    let ports = ports::listen(&told.ports, guests).map_err(at(Step::Listen))?;
    let fence = if told.contained {
        Fence::around(&told.writable).map_err(at(Step::Landlock))?
    } else {
        Fence::none()
    };
    let landlock = fence.landlock;
    let (streams, terminal) = streams_of(&told, streams).map_err(at(Step::Terminal))?;
    let program = spawn(&told, streams, fence)?;
    Ok(Running {
        program,
        contained: told.contained,
        forwarded,
        ports,
        terminal,
        landlock,
    })
}

/// Takes the program's streams over, and shuts the program out of this process: it may not trace
/// it, read its memory or take its descriptors, though both have the same user.
fn prepare_self() -> io::Result<[OwnedFd; 3]> {
    let stream = |number| sys::take_passed(CONTROL_FD + number);
    let streams = [stream(1)?, stream(2)?, stream(3)?];
    sys::close_all_on_exec_from(CONTROL_FD)?;
    sys::harden()?;
    prctl::set_child_subreaper(true)?;
    Ok(streams)
}

/// The streams as the program gets them: as they came, or a terminal in their place.
fn streams_of(
    told: &Instructions,
    streams: [OwnedFd; 3],
) -> io::Result<([Stdio; 3], Option<terminal::Terminal>)> {
    let Some(size) = told.terminal else {
        return Ok((streams.map(Stdio::from), None));
    };
    let [input, output, _] = streams;
    let (streams, terminal) = terminal::open(size, input, output)?;
    Ok((streams, Some(terminal)))
}

fn spawn(
    told: &Instructions,
    [stdin, stdout, stderr]: [Stdio; 3],
    fence: Fence,
) -> Result<Pid, Failed> {
    let mut command = Command::new(&told.program);
    command
        .args(&told.args)
        .env_clear()
        .envs(told.env.iter().map(|(name, value)| (name, value)));
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    let terminal = told.terminal.is_some();
    if !terminal {
        command.process_group(0);
    }
    let enter = sys::Enter {
        limits: limits(&told.limits).map_err(at(Step::Start))?,
        terminal,
        fence: told
            .contained
            .then(|| (fence.ruleset, told.filters.clone())),
    };
    sys::enter(&mut command, enter);
    let child = command
        .spawn()
        .map_err(|error| why_not(&told.program, error))?;
    i32::try_from(child.id())
        .map(Pid::from_raw)
        .map_err(|error| Failed(Step::Start, io::Error::other(error)))
}

/// Soft and hard. Never above the hard limit there is: raising it needs a privilege, and lowering is
/// always safe.
fn limits(wanted: &[Option<u64>; 5]) -> io::Result<Vec<(Resource, rlim_t, rlim_t)>> {
    let set = RESOURCES
        .into_iter()
        .zip(wanted)
        .filter_map(|(resource, value)| Some((resource, (*value)?)));
    set.map(|(resource, value)| {
        let most = getrlimit(resource)?.1;
        // At the hard limit of processor time the kernel kills without a word; the soft one tells.
        let hard = if resource == Resource::RLIMIT_CPU {
            value.saturating_add(CPU_GRACE_SECONDS)
        } else {
            value
        };
        Ok((resource, value.min(most), hard.min(most)))
    })
    .collect()
}

/// Tells a program that is not there from one that cannot run, and both from trouble of our own.
fn why_not(program: &OsString, error: io::Error) -> Failed {
    let named = Path::new(program);
    let is_path = program.as_encoded_bytes().contains(&b'/');
    let step = match error.raw_os_error() {
        // The file is there, so what is missing is its interpreter or loader.
        Some(libc::ENOENT) if is_path && named.exists() => Step::NotExecutable,
        Some(libc::ENOENT | libc::ENOTDIR) => Step::NotFound,
        Some(libc::EACCES | libc::ENOEXEC | libc::EISDIR | libc::ELOOP | libc::ETXTBSY) => {
            Step::NotExecutable
        }
        _ => Step::Start,
    };
    Failed(step, error)
}

impl Running {
    /// Until the program ends, or the host wants everything to end.
    fn watch(self, mut control: UnixStream) -> u8 {
        let Self {
            program,
            contained,
            forwarded,
            ports,
            terminal,
            landlock,
        } = self;
        let started = Report::Started { landlock };
        if control.write_all(&started.encode()).is_err() {
            end_everything(contained);
        }
        ports.serve();
        let mut terminal = terminal.map(terminal::Terminal::serve);
        let resize = terminal.as_mut().map(terminal::Served::resizer);
        let resize = move |rows, columns| {
            if let Some(resize) = &resize {
                resize(rows, columns);
            }
        };
        if let Ok(orders) = control.try_clone() {
            std::thread::spawn(move || obey(orders, program, contained, resize));
        } else {
            end_everything(contained);
        }
        std::thread::spawn(move || {
            while let Ok(signal) = forwarded.wait() {
                let _ = kill(program, signal);
            }
        });
        let status = collect_until(program);
        let ended = ended(status);
        if !contained || terminal.is_some() {
            end_descendants();
        }
        if let Some(terminal) = terminal {
            terminal.finish();
        }
        let _ = control.write_all(&ended.encode());
        code(status)
    }
}

/// The host's side of the socket, to its end.
fn obey(mut orders: UnixStream, program: Pid, contained: bool, resize: impl Fn(u16, u16)) {
    let mut order = [0; Order::SIZE];
    while orders.read_exact(&mut order).is_ok() {
        match Order::decode(order) {
            Some(Order::Terminate) => drop(kill(program, Signal::SIGTERM)),
            Some(Order::Interrupt) => drop(killpg(program, Signal::SIGINT)),
            Some(Order::Resize { rows, columns }) => resize(rows, columns),
            None => {}
        }
    }
    end_everything(contained);
}

/// Collects every child that ends, ours by adoption too, until `program` is the one.
fn collect_until(program: Pid) -> ExitStatus {
    loop {
        match waitpid(None::<Pid>, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == program => {
                return ExitStatus::from_raw(code << 8);
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => {
                return ExitStatus::from_raw(signal as i32);
            }
            Err(Errno::ECHILD) => return ExitStatus::from_raw(Signal::SIGKILL as i32),
            _ => {}
        }
    }
}

fn ended(status: ExitStatus) -> Report {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
    let micros =
        |time: TimeVal| time.tv_sec().cast_unsigned() * 1_000_000 + time.tv_usec().cast_unsigned();
    Report::Ended {
        code: status.code(),
        signal: status.signal(),
        cpu_micros: usage.map_or(0, |usage| {
            micros(usage.user_time()) + micros(usage.system_time())
        }),
        max_rss_bytes: usage.map_or(0, |usage| usage.max_rss().cast_unsigned() * 1024),
    }
}

fn code(status: ExitStatus) -> u8 {
    let number = status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    u8::try_from(number & 0xff).unwrap_or(1)
}

/// The end of this process is the end of a pid namespace; elsewhere the tree has to be taken down.
fn end_everything(contained: bool) -> ! {
    if !contained {
        end_descendants();
    }
    std::process::exit(128 + libc::SIGKILL);
}

/// Kills all below this process until none is left. Daemons are among them: orphans become children
/// of this process, which is their subreaper.
fn end_descendants() {
    let begun = Instant::now();
    loop {
        let left = processes::descendants(getpid().as_raw());
        if left.is_empty() || begun.elapsed() > END_WITHIN {
            return;
        }
        for pid in left {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        while let Ok(status) = waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                break;
            }
        }
        std::thread::sleep(END_ROUND);
    }
}
