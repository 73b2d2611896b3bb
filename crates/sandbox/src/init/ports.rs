//! Loopback ports inside, each spliced to a unix socket of the host.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Open connections over all ports; more wait. Two descriptors and two threads each.
const MAX_CONNECTIONS: usize = 256;
/// A connection's threads copy between buffers on their stacks and call nothing deep.
const STACK_BYTES: usize = 128 * 1024;
/// After a failed accept (out of descriptors, say), so that the loop does not spin.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// Ports that listen already and are not served yet.
pub(super) struct Listeners(Vec<(TcpListener, PathBuf)>);

/// Opens all of them, or none is of use.
pub(super) fn listen(ports: &[(u16, PathBuf)]) -> io::Result<Listeners> {
    let open = |(port, socket): &(u16, PathBuf)| {
        Ok((
            TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?,
            socket.clone(),
        ))
    };
    ports
        .iter()
        .map(open)
        .collect::<io::Result<_>>()
        .map(Listeners)
}

impl Listeners {
    /// Serves them from threads of their own for the rest of the process's life.
    pub(super) fn serve(self) {
        let slots = Arc::new(Slots::default());
        for (listener, socket) in self.0 {
            let slots = Arc::clone(&slots);
            std::thread::spawn(move || accept(&listener, &Arc::from(socket), &slots));
        }
    }
}

fn accept(listener: &TcpListener, socket: &Arc<Path>, slots: &Arc<Slots>) {
    loop {
        let slot = Slots::take(slots);
        let Ok((tcp, _)) = listener.accept() else {
            std::thread::sleep(ACCEPT_AGAIN);
            continue;
        };
        let socket = Arc::clone(socket);
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        // Without a thread, or with nobody behind the socket, the connection is closed.
        let _ = thread.spawn(move || {
            let _slot = slot;
            if let Ok(unix) = UnixStream::connect(socket) {
                splice(&tcp, &unix);
            }
        });
    }
}

/// Copies both ways until both have ended; each half closes by itself, as HTTP allows.
fn splice(tcp: &TcpStream, unix: &UnixStream) {
    let _ = tcp.set_nodelay(true);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let up = thread.spawn_scoped(scope, || {
            let copied = io::copy(&mut &*tcp, &mut &*unix);
            let _ = unix.shutdown(if copied.is_ok() {
                Shutdown::Write
            } else {
                Shutdown::Both
            });
        });
        if up.is_ok() {
            let copied = io::copy(&mut &*unix, &mut &*tcp);
            let how = if copied.is_ok() {
                Shutdown::Write
            } else {
                Shutdown::Both
            };
            let _ = tcp.shutdown(how);
        }
    });
}

/// Counts the open connections and makes the next one wait.
#[derive(Default)]
struct Slots {
    taken: Mutex<usize>,
    freed: Condvar,
}

struct Slot(Arc<Slots>);

impl Slots {
    fn take(slots: &Arc<Self>) -> Slot {
        let taken = slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut usize| *taken >= MAX_CONNECTIONS;
        let mut taken = slots
            .freed
            .wait_while(taken, full)
            .unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Slot(Arc::clone(slots))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}
