//! Copies both ways until both are done, either fails, a budget is used up, or both are silent for
//! too long.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::Instant;

use super::budget::Tab;
use super::log::Counters;
use super::policy::Refusal;

/// Two of these per connection.
const BUFFER: usize = 16 * 1024;

/// Why a copy ended before both sides were done.
#[derive(Debug)]
pub(super) enum End {
    /// The other side sees its connection close.
    Broken,
    /// A budget is used up.
    Spent(Refusal),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// What a copy is counted by and bound to.
pub(super) struct Flow<'a> {
    pub(super) counters: &'a Counters,
    pub(super) tab: &'a Tab,
    pub(super) idle: Duration,
    /// What goes to the host before anything that is read.
    pub(super) ahead: Vec<u8>,
    /// How much of what is read from the client goes to the host; the rest is dropped.
    pub(super) left: u64,
}

/// Copies between the client and the host. An error ends both ways.
pub(super) async fn splice(
    client: impl AsyncRead + AsyncWrite,
    host: impl AsyncRead + AsyncWrite,
    flow: Flow<'_>,
) -> Result<(), End> {
    let (client_read, client_write) = tokio::io::split(client);
    let (host_read, host_write) = tokio::io::split(host);
    let (touch, touched) = watch::channel(Instant::now());
    let Counters { up, down, .. } = flow.counters;
    let up = Way {
        count: up,
        take: |bytes| flow.tab.up(bytes),
        touch: &touch,
    };
    let down = Way {
        count: down,
        take: |bytes| flow.tab.down(bytes),
        touch: &touch,
    };
    let upwards = async {
        let mut to = host_write;
        up.pass(&flow.ahead, &mut to).await?;
        up.pump(client_read, to, flow.left).await
    };
    let both = async { tokio::try_join!(upwards, down.pump(host_read, client_write, u64::MAX)) };
    tokio::select! {
        done = both => done.map(|_| ()),
        () = silence(touched, flow.idle) => Err(End::Broken),
    }
}

struct Way<'a, T> {
    count: &'a AtomicU64,
    take: T,
    touch: &'a watch::Sender<Instant>,
}

impl<T: Fn(u64) -> Result<u64, (u64, Refusal)>> Way<'_, T> {
    /// Writes what the budget still gives; an error when that is not all.
    async fn pass(&self, bytes: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> Result<(), End> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (may, spent) = match (self.take)(bytes.len() as u64) {
            Ok(may) => (may, None),
            Err((may, why)) => (may, Some(why)),
        };
        let may = usize::try_from(may).unwrap_or(bytes.len());
        to.write_all(bytes.get(..may).unwrap_or(bytes)).await?;
        to.flush().await?;
        self.count.fetch_add(may as u64, Ordering::Relaxed);
        self.touch.send_replace(Instant::now());
        spent.map_or(Ok(()), |why| Err(End::Spent(why)))
    }

    async fn pump(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        mut left: u64,
    ) -> Result<(), End> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Ok(to.shutdown().await?);
            }
            let wanted = read.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.pass(buffer.get(..wanted).unwrap_or_default(), &mut to)
                .await?;
            left -= wanted as u64;
        }
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
