//! The first process of the guest: mounts what the host said, starts the helper that every tier
//! starts, carries its streams, and when the program has ended sends back what was asked for.
//!
//! Blocking calls and the standard library only. It never ends by itself: the host ends the machine
//! once all has arrived. Were it to end, the guest's kernel would panic, and the machine with it.

mod carry;
mod connections;
mod mounts;
mod outputs;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, sync};

use self::carry::{Channel, Channels};
pub(crate) use self::connections::socket;
use super::hypervisor::Device;
use super::wire::{self, Setup};
use crate::control::{Report, VERSION};
use crate::sys;

/// The argument of the helper that makes it the guest's first process.
pub(crate) const WORD: &str = "vm-guest";
/// The argument after that one when the operator's initramfs is the root.
const OWN_ROOT: &str = "own-root";

/// The argument after [`WORD`]: by what the guest speaks to its host.
pub(crate) const fn word(device: Device) -> &'static str {
    match device {
        Device::Serial => "serial",
        Device::Vsock => "vsock",
    }
}

/// Where the helper lies in what the host shares.
const HELPER: &str = "/.freehold/init";
/// Killed processes are gone in moments, unless they are stuck in the kernel.
const END_WITHIN: Duration = Duration::from_secs(5);
const END_ROUND: Duration = Duration::from_millis(1);

/// How the helper is started where the root is not the host's: by the host's loader.
struct Loader {
    path: OsString,
    libraries: OsString,
}

/// Runs as the guest's first process; `args` are those after [`WORD`].
pub(crate) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let asked = args.next().unwrap_or_default();
    let device = [Device::Serial, Device::Vsock].into_iter();
    let Some(device) = device.into_iter().find(|device| asked == word(*device)) else {
        return ExitCode::FAILURE;
    };
    let loader = match (args.next(), args.next(), args.next()) {
        (Some(word), Some(path), Some(libraries)) if word == OWN_ROOT => {
            Some(Loader { path, libraries })
        }
        _ => None,
    };
    if let Err(Failed(step, error)) = run(device, loader.as_ref()) {
        // On the console, where the host looks when a machine ends early.
        let _ = writeln!(io::stderr(), "freehold: could not {step}: {error}");
    }
    ExitCode::FAILURE
}

struct Failed(&'static str, io::Error);

fn at<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> Failed {
    move |error| Failed(step, error.into())
}

fn run(device: Device, loader: Option<&Loader>) -> Result<(), Failed> {
    // Nothing that is started from here can become more than it is, root's programs included.
    prctl::set_no_new_privs().map_err(at("give up new privileges"))?;
    let channels = Channels::open(device).map_err(at("open the channels"))?;
    let control = channels
        .get(wire::CONTROL)
        .map_err(at("open the control channel"))?;
    let setup = wire::take(&*control).and_then(|chunk| Setup::decode(&chunk.unwrap_or_default()));
    let setup = setup.map_err(at("read what to do"))?;
    mounts::all(&setup, loader.is_some(), device).map_err(|(step, error)| Failed(step, error))?;
    let limited = mounts::limit(&setup).map_err(at("set the limits of all processes"))?;
    connections::serve(&setup.ports, &channels).map_err(at("open the ports"))?;

    let (ours, theirs) = UnixStream::pair().map_err(at("make the control socket"))?;
    let streams = streams(&channels).map_err(at("carry the streams"))?;
    let mut passed = vec![OwnedFd::from(theirs)];
    passed.extend(streams);
    let helper = start(&setup, loader, passed).map_err(at("start the helper"))?;
    mounts::admit(limited, helper).map_err(at("limit the helper"))?;

    let orders = ours.try_clone().map_err(at("carry the orders"))?;
    let from = Arc::clone(&control);
    thread::spawn(move || {
        carry::from_host(&from, &orders);
        let _ = orders.shutdown(std::net::Shutdown::Write);
    });
    let to = Arc::clone(&control);
    let reports = thread::spawn(move || reports(&ours, &to));
    collect_until(helper);
    end_everything();
    let ended = reports.join().unwrap_or(None);
    let outputs = channels
        .get(wire::OUTPUTS)
        .map_err(at("open the channel of the outputs"))?;
    // A part of them is told from the whole by its missing end.
    let _ = outputs::send(&setup, &outputs);
    sync();
    let tell = || -> io::Result<()> {
        if let Some(report) = ended {
            wire::put(&*control, &report)?;
        }
        wire::put(&*control, &[])
    };
    tell().map_err(at("tell the end"))?;
    loop {
        thread::park();
    }
}

/// The program's ends of its standard streams; ours are carried from here on.
fn streams(channels: &Channels) -> io::Result<[OwnedFd; 3]> {
    let (stdin, to) = io::pipe()?;
    let channel = channels.get(wire::STDIN)?;
    thread::spawn(move || carry::from_host(&channel, to));
    let outward = |name| -> io::Result<OwnedFd> {
        let (from, theirs) = io::pipe()?;
        let channel = channels.get(name)?;
        thread::spawn(move || carry::to_host(from, &channel));
        Ok(theirs.into())
    };
    Ok([stdin.into(), outward(wire::STDOUT)?, outward(wire::STDERR)?])
}

fn start(setup: &Setup, loader: Option<&Loader>, passed: Vec<OwnedFd>) -> io::Result<Pid> {
    let mut command = match loader {
        Some(Loader { path, libraries }) => {
            let mut command = Command::new(path);
            command.arg("--library-path").arg(libraries);
            command.arg(format!("{}{HELPER}", mounts::HOST));
            command
        }
        None => Command::new(HELPER),
    };
    command
        .args(&setup.init_args)
        .arg(VERSION)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .uid(crate::floor::UID)
        .gid(crate::floor::UID);
    sys::detach(&mut command, passed)?;
    let child = command.spawn()?;
    i32::try_from(child.id())
        .map(Pid::from_raw)
        .map_err(io::Error::other)
}

/// Passes reports on, but keeps the last: the host may act on it, so all must be written by then.
fn reports(from: &UnixStream, to: &Channel) -> Option<[u8; Report::SIZE]> {
    let mut report = [0; Report::SIZE];
    loop {
        (&*from).read_exact(&mut report).ok()?;
        match Report::decode(&report) {
            Some(Report::Ended { .. }) => return Some(report),
            _ => wire::put(&**to, &report).ok()?,
        }
    }
}

/// Collects every process that ends, until `helper` is the one.
fn collect_until(helper: Pid) {
    loop {
        match waitpid(None::<Pid>, None) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) if pid == helper => {
                return;
            }
            Err(Errno::ECHILD) => return,
            _ => {}
        }
    }
}

/// Kills all but this process, until none is left.
fn end_everything() {
    let begun = Instant::now();
    while begun.elapsed() < END_WITHIN {
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        let flag = Some(nix::sys::wait::WaitPidFlag::WNOHANG);
        match waitpid(None::<Pid>, flag) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) => thread::sleep(END_ROUND),
            _ => {}
        }
    }
}
