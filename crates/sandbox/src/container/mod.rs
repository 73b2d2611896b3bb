//! The container tier: the same [`Spec`] as an OCI bundle, run by `runc` or `crun`.
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
//! gVisor's `runsc` takes such bundles too, and is not used: the streams reach init as descriptors of
//! the host over a socket, and init puts up Landlock, neither of which is known to work in its kernel.
//! It was not tried; until it is, a machine that has it alone has no container tier.
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

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::Command;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::unistd::geteuid;

use crate::error::SandboxError;
use crate::spec::{Image, Spec};
use crate::user::{self, HostUser, Source, Stage};

pub(crate) use crate::init::ARRIVED;
pub(crate) use bundle::Bundle;
pub use image::{UnpackedImage, is_packed, partly_unpacked, unpack_archive, unpack_image};
pub use probe::{ContainerProof, probe_container};
pub(crate) use runtime::setup_error;

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

/// Writes the bundle of `spec` and the command that runs it.
pub(crate) async fn prepare(spec: &Spec) -> Result<Prepared, SandboxError> {
    let runtime = runtime::find().await?;
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
    let config = config::config(spec, &layout, &helper, cast.as_ref())?;
    bundle.write_config(&config)?;
    let mut command = Command::new(&runtime.path);
    command.env_clear().current_dir("/");
    if !geteuid().is_root() {
        // It looks for the programs that set up a user's mappings.
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    }
    command.args([
        OsStr::new("--root"),
        bundle.state().as_os_str(),
        "run".as_ref(),
    ]);
    command.args([OsStr::new("--bundle"), bundle.folder().as_os_str()]);
    // The control socket alone.
    command.args(["--preserve-fds", "1", bundle.id()]);
    bundle::sweep();
    Ok(Prepared {
        program: runtime.path.clone(),
        version: runtime.version.clone(),
        command,
        ports: layout.ports,
        bundle,
        cast,
    })
}
