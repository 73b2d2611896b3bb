//! What init does as the first process of a container, before anything else.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sched::{CloneFlags, unshare};

/// Above all numbers that have a meaning.
const OUT_OF_THE_WAY: RawFd = 64;

/// Takes over a descriptor that has just been received in a message.
pub(crate) fn received(number: RawFd) -> OwnedFd {
    // SAFETY: `recvmsg` has just made it in this process, and nothing else knows of it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// Gives `descriptors` the numbers from `first` on; they stay open from then on, for whoever takes
/// them over by number. What was open at those numbers is replaced.
pub(crate) fn place(descriptors: Vec<OwnedFd>, first: RawFd) -> io::Result<()> {
    let away = descriptors
        .iter()
        .map(|fd| {
            Ok(received(fcntl(
                fd,
                FcntlArg::F_DUPFD_CLOEXEC(OUT_OF_THE_WAY),
            )?))
        })
        .collect::<io::Result<Vec<_>>>()?;
    drop(descriptors);
    for (target, fd) in (first..).zip(&away) {
        // SAFETY: both are numbers below the limit.
        if unsafe { libc::dup2(fd.as_raw_fd(), target) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Makes this process, the only user 0 of its namespace, user and group `id` of a new one, without
/// any capability there. It must have no other thread, and `/proc` must be writable.
pub(crate) fn become_user(id: u32) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{id} 0 1"))?;
    fs::write("/proc/self/gid_map", format!("{id} 0 1"))?;
    drop_capabilities()
}

/// From every set, the bounding set too.
fn drop_capabilities() -> io::Result<()> {
    for capability in 0_u64.. {
        // SAFETY: takes numbers only.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } == -1 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() == Some(libc::EINVAL) && capability > 0 {
                break; // Past the last one that this kernel knows.
            }
            return Err(error);
        }
    }
    // capset(2), version 3: a header, and two blocks of effective, permitted and inheritable sets.
    let header: [u32; 2] = [0x2008_0522, 0];
    let none = [0_u32; 6];
    // SAFETY: both are as long as the version says; the kernel writes at most the version.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
