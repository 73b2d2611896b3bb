//! A guest's connection to its host.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, VsockAddr, socket};

/// By itself a guest waits for two seconds, which a busy host may take.
const CONNECT_SECONDS: libc::time_t = 60;

/// `SO_VM_SOCKETS_CONNECT_TIMEOUT` of include/uapi/linux/vm_sockets.h, for a `timeval` of 64 bits.
const CONNECT_TIMEOUT: libc::c_int = 6;

/// Connects to a port of the host.
pub(crate) fn connect(port: u32) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let open = socket(AddressFamily::Vsock, SockType::Stream, flags, None)?;
    let within = libc::timeval {
        tv_sec: CONNECT_SECONDS,
        tv_usec: 0,
    };
    let size = libc::socklen_t::try_from(size_of_val(&within)).map_err(io::Error::other)?;
    // SAFETY: `within` is what the option takes, lives through the call, and `size` is its size.
    let set = unsafe {
        libc::setsockopt(
            open.as_raw_fd(),
            libc::AF_VSOCK,
            CONNECT_TIMEOUT,
            std::ptr::from_ref(&within).cast(),
            size,
        )
    };
    Errno::result(set)?;
    let host = VsockAddr::new(libc::VMADDR_CID_HOST, port);
    nix::sys::socket::connect(open.as_raw_fd(), &host)?;
    Ok(open)
}
