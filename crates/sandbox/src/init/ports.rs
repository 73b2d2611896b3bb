//! Loopback ports, each spliced to a unix socket of the host.
//!
//! A sandbox has a loopback of its own. Without one the ports are the host's, where every user could
//! connect: only processes of the same user are let in, as a unix socket in a private folder would.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
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

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guests {
    /// Whoever can: there is nobody else on this loopback.
    All,
    /// Processes of this user.
    Of(u32),
}

/// Ports that listen already and are not served yet.
pub(super) struct Listeners(Vec<(TcpListener, PathBuf)>, Guests);

/// Opens all of them, or none is of use.
pub(super) fn listen(ports: &[(u16, PathBuf)], guests: Guests) -> io::Result<Listeners> {
    let open = |(port, socket): &(u16, PathBuf)| {
        Ok((
            TcpListener::bind((Ipv4Addr::LOCALHOST, *port))?,
            socket.clone(),
        ))
    };
    let open: io::Result<_> = ports.iter().map(open).collect();
    Ok(Listeners(open?, guests))
}

impl Listeners {
    /// Serves them from threads of their own for the rest of the process's life.
    pub(super) fn serve(self) {
        let slots = Arc::new(Slots::default());
        for (listener, socket) in self.0 {
            let slots = Arc::clone(&slots);
            std::thread::spawn(move || accept(&listener, &Arc::from(socket), &slots, self.1));
        }
    }
}

fn accept(listener: &TcpListener, socket: &Arc<Path>, slots: &Arc<Slots>, guests: Guests) {
    loop {
        let slot = Slots::take(slots);
        let Ok((tcp, peer)) = listener.accept() else {
            std::thread::sleep(ACCEPT_AGAIN);
            continue;
        };
        if !guests.have(&tcp, peer) {
            continue;
        }
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

impl Guests {
    /// Whether the other end of a connection is one of them. Who cannot be told is none.
    fn have(self, tcp: &TcpStream, peer: SocketAddr) -> bool {
        let Self::Of(user) = self else { return true };
        let Ok(here) = tcp.local_addr() else {
            return false;
        };
        // A socket of either family can connect to an address of the older.
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let found = tables.iter().find_map(|table| {
            let table = std::fs::read_to_string(table).ok()?;
            owner(&table, peer, here)
        });
        found == Some(user)
    }
}

/// Whose the socket is that is bound to `from` and connected to `to`, by a table of proc_net(5):
/// columns 2 and 3 are the addresses, column 8 is the user, column 10 the socket's number.
fn owner(table: &str, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    let (from, to) = (ends(from)?, ends(to)?);
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let (local, remote) = (columns.nth(1)?, columns.next()?);
        let is_it = from.iter().any(|end| end == local) && to.iter().any(|end| end == remote);
        is_it.then(|| {
            let user = columns.nth(4)?.parse().ok()?;
            // One that its process has closed already is listed as root's, without a number.
            (columns.nth(1)? != "0").then_some(user)
        })?
    })
}

/// An address as the tables have it: words of the machine's byte order in hexadecimal, in both families.
fn ends(address: SocketAddr) -> Option<[String; 2]> {
    let IpAddr::V4(ip) = address.ip() else {
        return None;
    };
    let word = u32::from_ne_bytes(ip.octets());
    let (mark, port) = (u32::from_ne_bytes([0, 0, 0xff, 0xff]), address.port());
    Some([
        format!("{word:08X}:{port:04X}"),
        format!("{:016X}{mark:08X}{word:08X}:{port:04X}", 0),
    ])
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

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(to: &str) -> (TcpStream, TcpStream, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(format!("{to}:{port}")).unwrap();
        let (server, peer) = listener.accept().unwrap();
        (client, server, peer)
    }

    #[test]
    fn only_the_named_user_is_a_guest() {
        let own = nix::unistd::geteuid().as_raw();
        for to in ["127.0.0.1", "[::ffff:127.0.0.1]"] {
            let (client, server, peer) = connected(to);
            assert!(Guests::Of(own).have(&server, peer), "{to}");
            assert!(!Guests::Of(own + 1).have(&server, peer), "{to}");
            assert!(Guests::All.have(&server, peer));
            // Another's port, and one that nobody has any more.
            let wrong = SocketAddr::new(peer.ip(), peer.port() ^ 1);
            assert!(!Guests::Of(own).have(&server, wrong));
            drop(client);
        }
    }

    #[test]
    fn a_closed_socket_is_nobodys() {
        let line = |user: &str, number: &str| {
            format!(
                "   0: 0100007F:D431 0100007F:EF04 01 00000000:00000000 00:00000000 00000000 {user} 0 {number} 1 0 100 0 0 10 0\n"
            )
        };
        let from = "127.0.0.1:54321".parse().unwrap();
        let to = "127.0.0.1:61188".parse().unwrap();
        assert_eq!(owner(&line("1000", "4711"), from, to), Some(1000));
        assert_eq!(owner(&line("0", "4711"), from, to), Some(0));
        assert_eq!(owner(&line("0", "0"), from, to), None);
    }
}
