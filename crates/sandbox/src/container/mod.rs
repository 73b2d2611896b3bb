//! The container tier: the same [`Spec`] as an OCI bundle, run by `runc`, `crun` or `runsc`.
//!
//! What the sandbox tier has, this one has: an empty read-only root (or an image's) with only the
//! chosen mounts, namespaces of every kind, uid 1000 inside, no capability, `no_new_privs`, the same
//! Landlock rules and system-call filters (init puts them up), an empty network with our ports. None of an engine's defaults
//! come in: the whole configuration is written here.
//!
//! ```text
//! runner ── runc run ── init (pid 1 inside) ── the program
//!    └──── control socket ────┘
//! ```
//!
//! The program's streams reach init over the control socket. The runtime stays around its container,
//! and with copies of them it would keep an output open that the program has closed.
//!
//! # gVisor
//!
//! `runsc` has a kernel of its own, in a process of this machine (the sentry, with a second one that
//! serves it files), under the program's system calls. It is for whoever asks for it
//! ([`Spec::runtime`]) and for root on a machine that has nothing else. What differs:
//!
//! * It passes no descriptors but the standard three: the control socket is standard input to init,
//!   which then makes no difference.
//! * Its kernel has no Landlock, and the record says so. What it would hold is held by another kernel in
//!   between: nothing of this machine's is asked by the program. The filters are put up inside as ever,
//!   but without Landlock's scopes the first process can be seen by the program, which has its user,
//!   and ended, and with it all that is inside. It holds nothing that is not the program's, and to
//!   trace it is filtered.
//! * The sentry itself is looked at from outside before the program starts ([`sentry`]): filters of its
//!   own on this machine's kernel, user, mount, network, ipc and uts namespaces that are not ours, and
//!   not root. It is `nobody` of this machine, for every start, and in the pid namespace that we are
//!   in, since it carries out the program's instructions by tracing processes (the platform `ptrace`,
//!   which works everywhere). Files are written as the user of the start, as elsewhere.
//! * `/proc` can be read only as far as that kernel has it, `/sys` is empty, `/dev` has that kernel's
//!   devices.
//! * The limits of memory and processors are held by control groups as elsewhere, and when the first is
//!   reached all of it ends. Tasks are counted by that kernel; one that is refused is not named.
//! * It mounts no overlay: an image's layers are mounted in the stage, which root has that may change
//!   users; else an image is refused. So is a link in a folder in memory.
//! * Programs run several times slower where they ask the kernel much.
//!
//! Of Debian 12's version (20221219) three things are known not to work, and none is a wall:
//! `AT_NO_AUTOMOUNT` is refused, so that `ls` and `stat` of coreutils 9 fail ([`probe_container`] tries
//! and says so; an image of an older system, or one with busybox, asks for less), a terminal turns no
//! Ctrl-C into a signal, and there is no `pidfd_open`.
//!
//! # crun
//!
//! As `runc`, but it refuses machines with both versions of control groups, and images for ordinary
//! users.
//!
//! # Control groups of version 2
//!
//! A runtime that is told of no place makes the container's group *beside* the one that it is in, out
//! of all its limits. It is told of one within the group of the start, whose own processes are then in
//! a group beside that: version 2 has no processes in groups that hold others with limits.
//!
//! The bundle is a private folder ([`bundle`]) that goes with the container; one whose runner was
//! killed goes at a later start.

mod beneath;
mod bundle;
mod config;
mod groups;
mod helper;
pub(crate) mod image;
mod points;
mod probe;
mod runtime;
mod sentry;

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::unistd::geteuid;

use crate::error::SandboxError;
use crate::spec::{Image, Spec, Tier};
use crate::user::{self, HostUser, Source, Stage};

pub(crate) use crate::init::ARRIVED;
pub(crate) use bundle::Bundle;
pub use image::{UnpackedImage, is_packed, partly_unpacked, unpack_archive, unpack_image};
pub(crate) use points::Overlay;
pub use probe::{ContainerProof, probe_container};
pub use runtime::Runtime;
pub(crate) use runtime::setup_error;
pub(crate) use sentry::confined;

/// A container that is ready to be started.
pub(crate) struct Prepared {
    /// The runtime's program, for messages.
    pub(crate) program: PathBuf,
    /// What it says of its version.
    pub(crate) version: String,
    /// Ready to be started; it wants the control socket and nothing else.
    pub(crate) command: Command,
    /// Goes when all processes are gone.
    pub(crate) bundle: Bundle,
    /// The user of the host that the program is, when it is not the caller's own, and what that user is shown.
    pub(crate) cast: Option<(HostUser, Stage)>,
    /// The ports and their sockets as seen inside.
    pub(crate) ports: Vec<(u16, PathBuf)>,
    /// What the stage is to mount over the container's root, where the runtime cannot.
    pub(crate) overlay: Option<Overlay>,
}

/// Whether what `spec` starts meets a kernel of its runtime's own.
pub(crate) async fn has_own_kernel(spec: &Spec) -> Result<bool, SandboxError> {
    match spec.tier {
        Tier::Container => Ok(runtime::find(spec.runtime).await?.kind.has_own_kernel()),
        _ => Ok(false),
    }
}

/// Hands the program's streams to init. To be sent first of all: the socket is empty, so it waits for
/// nothing.
pub(crate) fn send_streams(control: BorrowedFd<'_>, streams: &[OwnedFd]) -> io::Result<()> {
    let numbers: Vec<_> = streams.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let (byte, flags) = ([IoSlice::new(b"s")], MsgFlags::MSG_NOSIGNAL);
    sendmsg::<()>(control.as_raw_fd(), &byte, &rights, flags, None)?;
    Ok(())
}

/// Writes the bundle of `spec` and the command that runs it. `group` is where in control groups of
/// version 2 the runtime makes its own.
pub(crate) async fn prepare(spec: &Spec, group: Option<&Path>) -> Result<Prepared, SandboxError> {
    let runtime = runtime::find(spec.runtime).await?;
    let image = match &spec.image {
        None => None,
        Some(Image::Directory(folder)) => Some(points::image(folder)?),
        Some(Image::Name(name)) => {
            return Err(SandboxError::Invalid {
                what: format!(
                    "the image `{name}` is a name: unpack it first (`unpack_image`) and give its folder"
                ),
            });
        }
    };
    let helper = helper::libraries(&spec.init.program, image.is_some()).await?;
    let bundle = Bundle::create(runtime)?;
    let mut sources = user::sources(spec);
    let ours = [bundle.root(), bundle.points(), bundle.files()];
    sources.extend(ours.into_iter().chain(image.clone()).map(Source::to_read));
    let cast = user::cast(sources, spec.user.clone()).await?;
    let layout = points::lay_out(spec, image, &helper, &bundle, cast.as_ref())?;
    let group = group.map(|group| group.join(bundle.id()));
    let config = config::config(spec, &layout, &helper, cast.as_ref(), runtime.kind, group)?;
    bundle.write_config(&config)?;
    let mut command = Command::new(&runtime.path);
    command.env_clear().current_dir("/");
    if !geteuid().is_root() {
        // It looks for the programs that set up a user's mappings.
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    }
    command.args([OsStr::new("--root"), bundle.state().as_os_str()]);
    command.args(runtime.kind.flags()).arg("run");
    command.args([OsStr::new("--bundle"), bundle.folder().as_os_str()]);
    if !runtime.kind.has_own_kernel() {
        // The control socket alone.
        command.args(["--preserve-fds", "1"]);
    }
    command.arg(bundle.id());
    bundle::sweep();
    Ok(Prepared {
        program: runtime.path.clone(),
        version: runtime.version.clone(),
        command,
        ports: layout.ports,
        overlay: layout.overlay,
        bundle,
        cast,
    })
}
