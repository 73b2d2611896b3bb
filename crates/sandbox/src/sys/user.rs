//! User namespaces and mounts with changed owners: no safe wrapper knows them.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read, Write, pipe};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    ForkResult, Gid, Pid, Uid, fork, mkdir, setfsgid, setfsuid, setgroups, setresgid, setresuid,
};

/// `struct mount_attr` of `mount_setattr(2)`.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    namespace: u64,
}

/// `MOUNT_ATTR_IDMAP` (linux/mount.h).
const CHANGE_USERS: u64 = 0x0010_0000;
/// A set-user-id file or a device of a program's making means nothing on the host either.
const OVERLAY_FLAGS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);
/// The stage holds mount points only, and for a moment what a container's runtime copies.
const STAGE_BYTES: &str = "1m";

/// `SECBIT_NO_SETUID_FIXUP` (linux/securebits.h): a change of user takes no capability away.
const KEEP_WHAT_ROOT_MAY: libc::c_ulong = 1 << 2;
/// `setresuid(2)`: this one stays as it is.
const KEEP: Uid = Uid::from_raw(u32::MAX);

/// A process in a user namespace that has just been made and has no users yet.
pub(crate) struct Maker {
    pid: Pid,
    go_on: io::PipeWriter,
}

/// Forks a process that makes a user namespace and waits for [`Maker::finish`]. The namespace belongs
/// to `owner`, so that this user may join it without any privilege (`user_namespaces(7)`).
pub(crate) fn make_namespace(owner: Uid) -> io::Result<Maker> {
    let (mut made, tell_made) = pipe()?;
    let (wait, go_on) = pipe()?;
    // SAFETY: the child only makes system calls and ends without running anything of this process.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let good = make_and_wait(owner, tell_made, wait, &go_on).is_ok();
            // SAFETY: ends the child, and nothing but it.
            unsafe { libc::_exit(i32::from(!good)) }
        }
        ForkResult::Parent { child } => {
            drop((tell_made, wait));
            let maker = Maker { pid: child, go_on };
            // One byte, or the end when it could not.
            if made.read(&mut [0])? == 1 {
                Ok(maker)
            } else {
                maker.finish()?;
                Err(io::Error::from_raw_os_error(libc::EPERM))
            }
        }
    }
}

/// In the child: system calls only.
fn make_and_wait(
    owner: Uid,
    mut made: io::PipeWriter,
    mut wait: io::PipeReader,
    go_on: &io::PipeWriter,
) -> io::Result<()> {
    keep_powers()?;
    setresuid(KEEP, owner, KEEP)?;
    unshare(CloneFlags::CLONE_NEWUSER)?;
    made.write_all(b"m")?;
    // The parent's end, or the wait would never see it close.
    // SAFETY: this process uses the descriptor no more and ends without closing it again.
    unsafe { libc::close(go_on.as_raw_fd()) };
    wait.read_exact(&mut [0])?;
    // Of the namespace of whoever writes it: none below this one.
    File::options()
        .write(true)
        .open("/proc/sys/user/max_user_namespaces")?
        .write_all(b"0")
}

impl Maker {
    pub(crate) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Lets it close the namespace for others below, and end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let told = self.go_on.write_all(b"g");
        drop(self.go_on);
        let ended = waitpid(self.pid, None)?;
        told?;
        if matches!(ended, WaitStatus::Exited(_, 0)) {
            Ok(())
        } else {
            Err(io::Error::other("a user namespace could not be closed"))
        }
    }
}

/// A detached mount of `source` and what is mounted below it, as they are.
pub(crate) fn mounted(source: &Path) -> io::Result<OwnedFd> {
    let source = CString::new(source.as_os_str().as_bytes())?;
    let flags =
        libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE.cast_unsigned();
    // SAFETY: the path is a C string that lives through the call.
    let tree =
        unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags) };
    if tree == -1 {
        return Err(io::Error::last_os_error());
    }
    let tree = RawFd::try_from(tree).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor, and nothing else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(tree) })
}

/// As [`mounted`], the users changed as `namespace` says.
pub(crate) fn mounted_for(source: &Path, namespace: &OwnedFd) -> io::Result<OwnedFd> {
    let tree = mounted(source)?;
    let wanted = MountAttributes {
        set: CHANGE_USERS,
        clear: 0,
        propagation: 0,
        namespace: u64::try_from(namespace.as_raw_fd()).map_err(io::Error::other)?,
    };
    // SAFETY: the pointer and the size are those of one structure, which lives through the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            std::ptr::from_ref(&wanted),
            size_of::<MountAttributes>(),
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(tree)
}

/// Mounts an overlay with `options` at `at`; to it, what lies below `folders` has its users changed as
/// `namespace` says, which maps root to `uid`.
pub(crate) fn overlay_for(
    uid: u32,
    namespace: &OwnedFd,
    folders: &[&Path],
    options: &OsStr,
    at: &Path,
) -> io::Result<()> {
    // In a thread with mounts of its own: the host never sees the folders changed, and whatever
    // happens leaves nothing. The overlay keeps what it needs of them.
    let made = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("sandbox-overlay".into());
        let done = thread.spawn_scoped(scope, || {
            unshare(CloneFlags::CLONE_NEWNS)?;
            let none: Option<&std::ffi::CStr> = None;
            let apart = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            mount(none, c"/", none, apart, none)?;
            for folder in folders {
                attach(&mounted_for(folder, namespace)?, folder)?;
            }
            // As its own user: what it makes for itself must be somebody's below, too.
            own_files(uid, uid)?;
            let kind = Some(c"overlay");
            mount(kind, at, kind, OVERLAY_FLAGS, Some(options))?;
            mounted(at)
        })?;
        done.join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that mounts ended")))
    })?;
    attach(&made, at)
}

/// Files that the calling thread makes belong to these from now on; it may do all that it may.
pub(crate) fn own_files(uid: u32, gid: u32) -> io::Result<()> {
    keep_powers()?;
    setfsgid(Gid::from_raw(gid));
    setfsuid(Uid::from_raw(uid));
    // They answer what was before: asked again, it is what is.
    let (is, wanted) = (setfsuid(KEEP), Uid::from_raw(uid));
    if is == wanted && setfsgid(Gid::from_raw(u32::MAX)) == Gid::from_raw(gid) {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::EPERM))
    }
}

/// A change of user by the calling thread takes no power from it.
fn keep_powers() -> io::Result<()> {
    // SAFETY: takes numbers only, and touches the calling thread alone.
    if unsafe { libc::prctl(libc::PR_SET_SECUREBITS, KEEP_WHAT_ROOT_MAY, 0, 0, 0) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Gives a detached mount its place.
fn attach(tree: &OwnedFd, at: &Path) -> io::Result<()> {
    attach_at(tree, &CString::new(at.as_os_str().as_bytes())?)
}

fn attach_at(tree: &OwnedFd, at: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: both paths are C strings that live through the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            at.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A detached mount and the place it is to have.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) tree: OwnedFd,
    pub(crate) is_folder: bool,
    pub(crate) at: CString,
}

/// Makes `command` start in a mount namespace of its own with a file system in memory at `stage`,
/// and the pieces in it; and in no group but its first. Where it is shared every user may make files there.
pub(crate) fn set_stage(
    command: &mut Command,
    stage: CString,
    pieces: Vec<Piece>,
    is_shared: bool,
) -> io::Result<()> {
    let mode = if is_shared { "1777" } else { "0755" };
    let options = CString::new(format!("mode={mode},size={STAGE_BYTES}"))?;
    let set = move || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        let none: Option<&std::ffi::CStr> = None;
        // What the host mounts and unmounts is followed; nothing goes the other way.
        let follow = MsFlags::MS_REC | MsFlags::MS_SLAVE;
        mount(none, c"/", none, follow, none)?;
        let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(
            Some(c"tmpfs"),
            stage.as_c_str(),
            Some(c"tmpfs"),
            plain,
            Some(options.as_c_str()),
        )?;
        for piece in &pieces {
            place(piece)?;
        }
        Ok(setgroups(&[])?)
    };
    // SAFETY: the closure runs between fork and exec and only makes system calls.
    unsafe { command.pre_exec(set) };
    Ok(())
}

/// Makes `command` start with a read-only overlay of `layers` (`lowerdir=…`) at `at`, in the mount
/// namespace that [`set_stage`] makes: to be called after it.
pub(crate) fn mount_layers(command: &mut Command, layers: &str, at: &Path) -> io::Result<()> {
    let (layers, at) = (
        CString::new(layers)?,
        CString::new(at.as_os_str().as_bytes())?,
    );
    let set = move || {
        let kind = Some(c"overlay");
        let flags = OVERLAY_FLAGS | MsFlags::MS_RDONLY;
        Ok(mount(
            kind,
            at.as_c_str(),
            kind,
            flags,
            Some(layers.as_c_str()),
        )?)
    };
    // SAFETY: the closure runs between fork and exec and only makes system calls.
    unsafe { command.pre_exec(set) };
    Ok(())
}

/// Makes `command` start as user and group `id`, without any capability and with no way to one, a
/// program that changes its user by itself included. The last of all preparations: they need root.
pub(crate) fn become_user(command: &mut Command, id: u32) {
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    let become_user = move || {
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
        Ok(nix::sys::prctl::set_no_new_privs()?)
    };
    // SAFETY: the closure runs between fork and exec and only makes system calls.
    unsafe { command.pre_exec(become_user) };
}

fn place(piece: &Piece) -> io::Result<()> {
    let at = piece.at.as_c_str();
    if piece.is_folder {
        mkdir(at, Mode::S_IRWXU)?;
    } else {
        nix::sys::stat::mknod(at, nix::sys::stat::SFlag::S_IFREG, Mode::S_IRUSR, 0)?;
    }
    attach_at(&piece.tree, at)
}
