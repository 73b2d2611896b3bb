//! Copies both ways until both are done, either fails, or both are silent for too long.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

/// Two of these per connection.
const BUFFER: usize = 16 * 1024;

/// Copies between the client and the host; `up` counts client to host. An error ends both ways.
pub(super) async fn splice(
    client: impl AsyncRead + AsyncWrite,
    host: impl AsyncRead + AsyncWrite,
    (up, down): (&AtomicU64, &AtomicU64),
    idle: Duration,
) -> io::Result<()> {
    let (client_read, client_write) = tokio::io::split(client);
    let (host_read, host_write) = tokio::io::split(host);
    let (touch, touched) = watch::channel(Instant::now());
    let both = async {
        tokio::try_join!(
            pump(client_read, host_write, up, &touch),
            pump(host_read, client_write, down, &touch)
        )
    };
    tokio::select! {
        done = both => done.map(|_| ()),
        () = silence(touched, idle) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
    touch: &watch::Sender<Instant>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).await?;
        count.fetch_add(read as u64, Ordering::Relaxed);
        touch.send_replace(Instant::now());
    }
}

async fn silence(touched: watch::Receiver<Instant>, idle: Duration) {
    loop {
        let until = *touched.borrow() + idle;
        if until <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}
