//! What init does first in a container, where no launcher of ours has gone before it.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, send};

use crate::control::CONTROL_FD;
use crate::sys::container::{become_user, place, received};

/// The first argument of init in a container.
pub(crate) const CONTAINER: &str = "container-v2";
/// The same where an ordinary user started the runtime: the only user there is inside is 0, and init
/// makes itself another.
pub(crate) const CONTAINER_ROOTLESS: &str = "container-user-v2";
/// The same where the runtime passes no descriptor but the standard three: the control socket is the
/// first of them.
pub(crate) const CONTAINER_STDIN: &str = "container-stdin-v2";
/// The program's standard streams.
pub(crate) const STREAMS: usize = 3;

/// What init says once it is there and the runtime has noted it down.
pub(crate) const ARRIVED: u8 = b'A';

/// How a runtime brought init here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As the user that it is to be, with the control socket at its number.
    Passed,
    /// As user 0, the only one that there is.
    Rootless,
    /// As the user that it is to be, with the control socket as standard input.
    Stdin,
}

/// Takes the program's streams from the control socket and puts them where [`super::supervise`]
/// looks for them. Not passed through the runtime: it stays, and would keep its copies open.
pub(super) fn enter(way: Way) -> io::Result<()> {
    if way == Way::Stdin {
        place(vec![io::stdin().as_fd().try_clone_to_owned()?], CONTROL_FD)?;
        place(vec![File::open("/dev/null")?.into()], 0)?;
    }
    let streams = receive()?;
    if streams.len() != STREAMS {
        return Err(io::ErrorKind::InvalidData.into());
    }
    place(streams, CONTROL_FD + 1)?;
    if way == Way::Rootless {
        become_user(crate::floor::UID)?;
    }
    send(CONTROL_FD, &[ARRIVED], MsgFlags::MSG_NOSIGNAL)?;
    Ok(())
}

fn receive() -> io::Result<Vec<OwnedFd>> {
    let mut byte = [0];
    let mut space = cmsg_space!([RawFd; STREAMS]);
    let mut into = [IoSliceMut::new(&mut byte)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(CONTROL_FD, &mut into, Some(&mut space), flags)?;
    let mut passed = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = part {
            passed.extend(numbers.into_iter().map(received));
        }
    }
    Ok(passed)
}
