//! The calls to the kernel that no safe wrapper covers. All `unsafe` of the crate is here.
#![expect(
    unsafe_code,
    reason = "descriptors at fixed numbers, pidfds and Landlock have no safe wrapper in std or nix"
)]

pub(crate) mod container;
pub(crate) mod fence;
pub(crate) mod user;
pub(crate) mod vsock;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{Resource, rlim_t, setrlimit};
use nix::sys::signal::SigSet;
use nix::unistd::setsid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The first number a passed descriptor gets; 0, 1 and 2 are the launcher's own.
pub(crate) const FIRST_PASSED: RawFd = 3;

/// A file in memory with these contents, to be read from its start. Close-on-exec.
pub(crate) fn memory_file(contents: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(c"freehold", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(contents)?;
    io::Seek::rewind(&mut file)?;
    Ok(file.into())
}

/// Makes `command` start in a session of its own, without core dumps, with exactly `passed` open
/// above 2: the first as [`FIRST_PASSED`], the next as the number after it, and so on.
pub(crate) fn detach(command: &mut std::process::Command, passed: Vec<OwnedFd>) -> io::Result<()> {
    let count = RawFd::try_from(passed.len()).map_err(io::Error::other)?;
    let end = FIRST_PASSED + count;
    // Out of the way of the numbers they are going to have, so that none overwrites another.
    let passed = passed
        .iter()
        .map(|fd| {
            let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(end))?;
            // SAFETY: `fcntl` has just made this descriptor and nothing else knows of it.
            Ok(unsafe { OwnedFd::from_raw_fd(copy) })
        })
        .collect::<io::Result<Vec<_>>>()?;
    let place = move || {
        SigSet::empty().thread_set_mask()?;
        setsid()?;
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        for (target, fd) in (FIRST_PASSED..).zip(&passed) {
            // SAFETY: both are numbers below the limit; the copy is not close-on-exec, as wanted.
            if unsafe { libc::dup2(fd.as_raw_fd(), target) } == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        close_on_exec_from(end)
    };
    // SAFETY: the closure runs between fork and exec and only makes system calls: it neither
    // allocates nor takes a lock (errors are made from numbers).
    unsafe { command.pre_exec(place) };
    Ok(())
}

/// Makes `command` start in the control groups behind `entrances`, files that take a process which
/// writes `0` to them.
pub(crate) fn join_groups(command: &mut std::process::Command, entrances: Vec<OwnedFd>) {
    let join = move || {
        for entrance in &entrances {
            nix::unistd::write(entrance, b"0")?;
        }
        Ok(())
    };
    // SAFETY: the closure runs between fork and exec and only makes system calls.
    unsafe { command.pre_exec(join) };
}

/// Marks every descriptor from `first` on close-on-exec. Needs Linux 5.11.
pub(crate) fn close_on_exec_from(first: RawFd) -> io::Result<()> {
    let first =
        libc::c_uint::try_from(first).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    // SAFETY: touches only the flags of the process's own descriptors.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// As [`close_on_exec_from`], also in a kernel that has the call and not the flag (gVisor's): then one
/// by one. Not between fork and exec: it allocates.
pub(crate) fn close_all_on_exec_from(first: RawFd) -> io::Result<()> {
    match close_on_exec_from(first) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
        done => return done,
    }
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(number) = number.filter(|number: &RawFd| *number >= first) else {
            continue;
        };
        // SAFETY: sets a flag of a number. The list's own descriptor is gone afterwards, or it is
        // another's, and to be marked like any.
        if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Takes over descriptor `number`, which the launcher passed to this process. An error when it is
/// not open. Call it once for each number, before anything else opens descriptors.
pub(crate) fn take_passed(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: only asks for the flags of the number; it is not kept when it is not open.
    fcntl(unsafe { BorrowedFd::borrow_raw(number) }, FcntlArg::F_GETFD)?;
    // SAFETY: it is open, and by the contract of this function nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// What is done in the new process just before the program takes its place.
pub(crate) struct Enter {
    /// Soft and hard.
    pub(crate) limits: Vec<(Resource, rlim_t, rlim_t)>,
    /// The program's session is its own, with its standard input as the terminal that controls it.
    pub(crate) terminal: bool,
    /// The walls of [`fence`], when there are some.
    pub(crate) fence: Option<(Option<OwnedFd>, Vec<Vec<u8>>)>,
}

/// Makes `command` start with no signal blocked (it would inherit the caller's mask), and as told.
pub(crate) fn enter(command: &mut std::process::Command, told: Enter) {
    let enter = move || {
        SigSet::empty().thread_set_mask()?;
        if told.terminal {
            setsid()?;
            // SAFETY: takes numbers only.
            if unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        for (resource, soft, hard) in &told.limits {
            setrlimit(*resource, *soft, *hard)?;
        }
        match &told.fence {
            Some((ruleset, filters)) => fence::confine(ruleset.as_ref(), filters),
            None => Ok(()),
        }
    };
    // SAFETY: the closure runs between fork and exec and only makes system calls.
    unsafe { command.pre_exec(enter) };
}

/// Tells a terminal its size, and so the programs in it.
pub(crate) fn set_window(terminal: &File, size: &nix::pty::Winsize) -> io::Result<()> {
    // SAFETY: the request reads one such structure, which lives through the call.
    let result = unsafe {
        libc::ioctl(
            terminal.as_raw_fd(),
            libc::TIOCSWINSZ,
            std::ptr::from_ref(size),
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The error of system call `number` with nothing but zeros for arguments. Only for calls that do
/// nothing then.
pub(crate) fn refusal(number: libc::c_long) -> Option<Errno> {
    // SAFETY: no pointer is passed but a null one, of size 0.
    let result = unsafe { libc::syscall(number, 0_usize, 0_usize, 0, 0, 0) };
    (result == -1).then(Errno::last)
}

/// Keeps other processes of the same user from tracing this one, reading its memory and taking its
/// descriptors, and its memory out of core dumps.
pub(crate) fn harden() -> io::Result<()> {
    nix::sys::prctl::set_dumpable(false)?;
    Ok(setrlimit(Resource::RLIMIT_CORE, 0, 0)?)
}

/// A handle on process `pid` that stays its handle when the number is used again.
pub(crate) fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers and returns a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor, close-on-exec, and nothing else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends `SIGKILL`; a process that is gone already is no error.
pub(crate) fn pidfd_kill(pidfd: &OwnedFd) -> io::Result<()> {
    // SAFETY: takes numbers and a null `siginfo`, which the kernel fills in itself.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            libc::SIGKILL,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    match io::Error::last_os_error() {
        gone if result == -1 && gone.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        error if result == -1 => Err(error),
        _ => Ok(()),
    }
}

/// Lets the runtime wait for `pidfd`: it is readable once the process has ended.
pub(crate) fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open for as long as it lives and its number never changes; it is
    // moved into the registration and dropped with it.
    unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }.map_err(io::Error::from)
}
