//! Walls that a process puts around itself: Landlock and system-call filters.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;

/// `struct landlock_ruleset_attr` (linux/landlock.h). An older kernel takes the longer structure
/// when what it does not know of it is zero.
#[repr(C)]
pub(crate) struct Ruleset {
    pub(crate) files: u64,
    pub(crate) network: u64,
    pub(crate) scope: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

const CREATE_RULESET_VERSION: libc::c_uint = 1;
const RULE_PATH_BENEATH: libc::c_int = 1;

/// The version of Landlock's interface; `None` when the kernel was built or started without it.
pub(crate) fn landlock_version() -> io::Result<Option<u32>> {
    // SAFETY: with this flag the kernel takes no structure and only answers a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<Ruleset>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    };
    match io::Error::last_os_error() {
        error if version == -1 => match error.raw_os_error() {
            Some(libc::ENOSYS | libc::EOPNOTSUPP) => Ok(None),
            _ => Err(error),
        },
        _ => Ok(u32::try_from(version).ok()),
    }
}

/// A set of rules that forbids all that it names, until rules allow some of it.
pub(crate) fn landlock_ruleset(named: &Ruleset) -> io::Result<OwnedFd> {
    // SAFETY: the pointer and the size are those of one structure, which lives through the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::from_ref(named),
            size_of::<Ruleset>(),
            0 as libc::c_uint,
        )
    };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor, close-on-exec, and nothing else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Allows `allowed` on `place` and everything below it.
pub(crate) fn landlock_allow(
    ruleset: &OwnedFd,
    place: BorrowedFd<'_>,
    allowed: u64,
) -> io::Result<()> {
    let rule = PathBeneath {
        allowed,
        parent: place.as_raw_fd(),
    };
    // SAFETY: the structure is the one of this kind of rule and lives through the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            RULE_PATH_BENEATH,
            std::ptr::from_ref(&rule),
            0 as libc::c_uint,
        )
    };
    done(result)
}

/// A program of classic BPF, as the kernel takes it.
#[repr(C)]
struct Filter {
    steps: libc::c_ushort,
    program: *const u8,
}

/// Puts the walls around the calling thread and all that it will ever start. Makes system calls
/// only, so that it can stand between fork and exec.
pub(crate) fn confine(ruleset: Option<&OwnedFd>, filters: &[Vec<u8>]) -> io::Result<()> {
    nix::sys::prctl::set_no_new_privs()?;
    if let Some(ruleset) = ruleset {
        // SAFETY: takes numbers only.
        done(unsafe {
            libc::syscall(
                libc::SYS_landlock_restrict_self,
                ruleset.as_raw_fd(),
                0 as libc::c_uint,
            )
        })?;
    }
    for filter in filters {
        let steps = filter.len() / size_of::<libc::sock_filter>();
        let filter = Filter {
            steps: libc::c_ushort::try_from(steps)
                .map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?,
            program: filter.as_ptr(),
        };
        // SAFETY: the structure says where the program is and how long; the kernel copies it, from
        // any address, and checks it.
        done(unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                0 as libc::c_uint,
                std::ptr::from_ref(&filter),
            )
        })?;
    }
    Ok(())
}

fn done(result: libc::c_long) -> io::Result<()> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
