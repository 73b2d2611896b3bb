//! The host's side of the channels: each is carried by a task until the machine has ended.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::wire::{self, MAX_CHUNK};

/// What is kept of the console: the last words before an end say why.
const MAX_CONSOLE: usize = 64 * 1024;
/// Connecting to a socket of this machine is a matter of moments.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The next chunk; `None` at the end of this direction. An error when the machine is gone.
pub(crate) async fn take(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let mut bytes = vec![0; wire::length(head)?];
    from.read_exact(&mut bytes).await?;
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// Sends one chunk; an empty one is the end.
pub(crate) async fn put(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    to.write_all(&wire::framed(bytes)?).await
}

/// Copies what the guest says until its end. What nobody takes any more is read all the same.
pub(crate) async fn from_guest(
    channel: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut is_taken = true;
    while let Some(chunk) = take(channel).await? {
        is_taken = is_taken && to.write_all(&chunk).await.is_ok();
    }
    let _ = to.shutdown().await;
    Ok(())
}

/// Copies to the end, and says that it is the end.
pub(crate) async fn to_guest(
    from: &mut (impl AsyncRead + Unpin),
    channel: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let mut buffer = vec![0; MAX_CHUNK / 2];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        put(channel, &buffer[..read]).await?;
    }
    put(channel, &[]).await
}

/// Serves one channel's connections, one after the other, to the sockets of the ports.
pub(crate) async fn connections(
    channel: UnixStream,
    ports: Arc<Vec<(u16, PathBuf)>>,
) -> io::Result<()> {
    let (mut from, mut to) = channel.into_split();
    loop {
        let asked = take(&mut from).await?.unwrap_or_default();
        let port = asked.try_into().map(u16::from_be_bytes).ok();
        let socket = ports.iter().find(|(there, _)| Some(*there) == port);
        let connected = match socket {
            Some((_, path)) => timeout(CONNECT_WITHIN, UnixStream::connect(path)).await,
            // The guest's kernel may be anyone's by now: there is no such way out.
            None => return Err(io::ErrorKind::InvalidData.into()),
        };
        let Ok(Ok(stream)) = connected else {
            put(&mut to, &[]).await?;
            from_guest(&mut from, &mut tokio::io::sink()).await?;
            continue;
        };
        let (mut back, mut forth) = stream.into_split();
        let (up, down) = tokio::join!(
            from_guest(&mut from, &mut forth),
            to_guest(&mut back, &mut to)
        );
        up.and(down)?;
    }
}

/// The end of what the console said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Console(Arc<Mutex<VecDeque<u8>>>);

impl Console {
    /// Reads to the end, and keeps the end.
    pub(crate) async fn keep(self, mut from: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(&buffer[..read]);
            let over = kept.len().saturating_sub(MAX_CONSOLE);
            kept.drain(..over);
        }
    }

    /// As text that a terminal can show: control characters of the guest do nothing there.
    pub(crate) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        let is_shown = |c: &char| !c.is_control() || *c == '\n';
        String::from_utf8_lossy(&bytes)
            .chars()
            .filter(is_shown)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_console_is_bounded_and_harmless() {
        let console = Console::default();
        let mut said = vec![b'x'; 3 * MAX_CONSOLE];
        said.extend(b"\x1b]0;owned\x07the end\n");
        console.clone().keep(said.as_slice()).await;
        let text = console.text();
        assert!(text.len() <= MAX_CONSOLE && text.ends_with("the end\n"));
        assert!(!text.contains('\x1b') && !text.contains('\x07'));
    }

    #[tokio::test]
    async fn a_port_that_was_not_given_is_no_way_out() {
        let (guest, host) = UnixStream::pair().unwrap();
        let ports = Arc::new(vec![(8080, PathBuf::from("/nowhere"))]);
        let served = tokio::spawn(connections(host, ports));
        let (mut from, mut to) = guest.into_split();
        // Nobody listens behind this one: an end at once, and the channel serves the next.
        put(&mut to, &8080_u16.to_be_bytes()).await.unwrap();
        put(&mut to, b"lost").await.unwrap();
        put(&mut to, &[]).await.unwrap();
        assert_eq!(take(&mut from).await.unwrap(), None);
        put(&mut to, &22_u16.to_be_bytes()).await.unwrap();
        let ended = served.await.unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
