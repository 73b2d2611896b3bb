//! The files of a machine whose hypervisor serves none: 9p over a socket, from a sandbox of its own.
//!
//! ```text
//! runner ── bwrap ── init ── vm-files ──socket──┐ runner ──socket── hypervisor ── vsock ── guest
//! ```
//!
//! The server is a program of the tier `sandbox`, in which the guest's tree lies as it would lie in a
//! hypervisor's: read-only mounts decide what can be written, and whoever breaks the server stands
//! where the guest's program would stand without a machine. It believes nothing that it is told: a
//! name is one part of a path, no link is followed, and no message is longer than was agreed.
//!
//! Blocking calls and the standard library only. One thread per tree; one answer after the other.

mod message;
mod requests;
mod session;
#[cfg(test)]
mod tests;
mod tree;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use nix::sys::stat::{Mode, umask};

use self::session::Session;

pub(crate) use self::message::MAX_MESSAGE;

/// The argument of the helper that makes it the server.
pub(crate) const WORD: &str = "vm-files";

/// Answers messages that follow each other in `bytes`, of a mount of the folder `root`.
pub(crate) fn answer_all(bytes: &[u8], root: &Path) -> io::Result<()> {
    let mut answers = Vec::new();
    let served = Session::open(root)?.serve(bytes, &mut answers);
    let mut rest = answers.as_slice();
    let mut answer = Vec::new();
    while message::read(&mut rest, &mut answer)? {}
    served
}

/// Serves the tree at the first of `args` on each socket that is named after it, until all have
/// ended.
pub(crate) fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(
                io::stderr(),
                "freehold: could not serve the files of a machine: {error}"
            );
            ExitCode::FAILURE
        }
    }
}

fn serve(mut args: impl Iterator<Item = OsString>) -> io::Result<()> {
    let root = args.next().ok_or(io::ErrorKind::InvalidInput)?;
    // The guest's own mask has been applied there.
    umask(Mode::empty());
    let mut threads = Vec::new();
    for socket in args {
        let stream = UnixStream::connect(&socket)?;
        let session = Session::open(Path::new(&root))?;
        threads.push(thread::spawn(move || session.serve(&stream, &stream)));
    }
    for thread in threads {
        thread.join().map_err(|_| io::ErrorKind::Other)??;
    }
    Ok(())
}
