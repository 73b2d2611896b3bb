//! The program's terminal: made inside, so that its name is one that the program can open, and
//! carried over the same pipes as without one.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};

use crate::sys;

/// What a person types to end the input (`VEOF` as it is at first, termios(3)).
const END_OF_INPUT: u8 = 4;
/// A program's terminal hands out at most this much at once.
const BUFFER_BYTES: usize = 4096;
/// How soon it is seen that nobody holds the terminal any more in a kernel that does not say so.
const LOOK_MILLIS: u16 = 20;

/// Our side of a terminal that is open and not served yet.
pub(super) struct Terminal {
    ours: File,
    input: File,
    output: File,
}

/// A terminal that is served, to its end.
pub(super) struct Served {
    ours: Option<File>,
    output: Option<JoinHandle<()>>,
    /// Nobody holds the terminal any more.
    ended: Arc<AtomicBool>,
}

fn size((rows, columns): (u16, u16)) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Opens a terminal of this size: the program's three streams, and our side, which will carry
/// between the terminal and `input` and `output`.
pub(super) fn open(
    wanted: (u16, u16),
    input: OwnedFd,
    output: OwnedFd,
) -> io::Result<([Stdio; 3], Terminal)> {
    let pair = openpty(&size(wanted), None)?;
    // Made without the flag: closed in the program, they would keep its own terminal from ending.
    sys::close_all_on_exec_from(sys::FIRST_PASSED)?;
    let (stdin, stdout) = (pair.slave.try_clone()?, pair.slave.try_clone()?);
    let terminal = Terminal {
        ours: pair.master.into(),
        input: input.into(),
        output: output.into(),
    };
    Ok(([stdin, stdout, pair.slave].map(Stdio::from), terminal))
}

impl Terminal {
    /// Carries both ways from threads of their own.
    pub(super) fn serve(self) -> Served {
        let Self {
            ours,
            input,
            output,
        } = self;
        if let Ok(to) = ours.try_clone() {
            std::thread::spawn(move || carry_in(input, to));
        }
        let from = ours.try_clone().ok();
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        Served {
            ours: Some(ours),
            output: from.map(|from| std::thread::spawn(move || carry_out(from, output, &told))),
            ended,
        }
    }
}

impl Served {
    /// For another thread, to say that the size has changed.
    pub(super) fn resizer(&mut self) -> impl Fn(u16, u16) + Send + 'static {
        let ours = self.ours.take();
        move |rows, columns| {
            if let Some(ours) = &ours {
                let _ = sys::set_window(ours, &size((rows, columns)));
            }
        }
    }

    /// Until all that was written has been carried. Nobody may hold the terminal any more.
    pub(super) fn finish(self) {
        self.ended.store(true, Ordering::Release);
        if let Some(output) = self.output {
            let _ = output.join();
        }
    }
}

fn carry_in(mut from: File, mut to: File) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.write_all(&[END_OF_INPUT]);
}

/// To the end, which of a terminal is an error. What nobody wants to read is taken all the same: a
/// full terminal would block the program. Once it has `ended`, to what is there: gVisor's kernel never
/// says that nobody holds it.
fn carry_out(mut from: File, mut to: File, ended: &AtomicBool) {
    let mut buffer = [0; BUFFER_BYTES];
    let mut wanted = true;
    loop {
        let was_ended = ended.load(Ordering::Acquire);
        let mut asked = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        match poll(&mut asked, PollTimeout::from(LOOK_MILLIS)) {
            Ok(0) if was_ended => return,
            Ok(0) | Err(Errno::EINTR) => continue,
            _ => {}
        }
        match from.read(&mut buffer) {
            Ok(read @ 1..) => wanted = wanted && to.write_all(&buffer[..read]).is_ok(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}
