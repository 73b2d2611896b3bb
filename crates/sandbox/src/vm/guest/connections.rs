//! Ways out of the guest: each port is a socket here, and each connection a channel to the host,
//! one after the other. The helper has the loopback listeners in front, as in every tier.

use std::fs::{self, Permissions};
use std::io;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::super::wire;
use super::carry::{self, Channel, Channels};
use super::mounts::RUN;

/// The socket of a port, as the helper is told it.
pub(crate) fn socket(port: u16) -> String {
    format!("{RUN}/port-{port}")
}

/// Channels that carry no connection now.
struct Free {
    channels: Mutex<Vec<Channel>>,
    freed: Condvar,
}

/// Listens on all, and serves them from threads for the rest of the machine's life.
pub(super) fn serve(ports: &[u16], channels: &Channels) -> io::Result<()> {
    let all = (0..wire::CONNECTIONS).map(|number| channels.get(&wire::connection(number)));
    let free = Arc::new(Free {
        channels: Mutex::new(all.collect::<io::Result<_>>()?),
        freed: Condvar::new(),
    });
    for port in ports.iter().copied() {
        let path = socket(port);
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o666))?;
        let free = Arc::clone(&free);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let channel = free.take();
                let free = Arc::clone(&free);
                thread::spawn(move || {
                    connect(port, &stream, &channel);
                    free.give(channel);
                });
            }
        });
    }
    Ok(())
}

/// Both ways until both have ended, here and at the host.
fn connect(port: u16, stream: &UnixStream, channel: &Channel) {
    if wire::put(&**channel, &port.to_be_bytes()).is_err() {
        return;
    }
    thread::scope(|scope| {
        scope.spawn(|| carry::to_host(stream, channel));
        carry::from_host(channel, stream);
        let _ = stream.shutdown(Shutdown::Write);
    });
}

impl Free {
    fn take(&self) -> Channel {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(channel) = channels.pop() {
                return channel;
            }
            channels = self
                .freed
                .wait(channels)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give(&self, channel: Channel) {
        let channels = self.channels.lock();
        channels
            .unwrap_or_else(PoisonError::into_inner)
            .push(channel);
        self.freed.notify_one();
    }
}
