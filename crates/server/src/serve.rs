//! Connections: taken, served with HTTP/1.1, and cut where the other end only holds them. Whoever sends
//! no whole head of a request, or does not take what it asked for, costs a connection for seconds and
//! what is on its way, and nobody else anything.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::proxy::Proxies;

/// How long a listener rests that cannot take a connection: no file is left, and some will be closed.
const REST: Duration = Duration::from_secs(1);

/// How long an other end may keep a connection waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the head of a request, from when the connection is free for one. A connection without a
    /// request is closed after as long.
    pub head: Duration,
    /// For room for what is to be sent. Streams are resumed behind the last that was seen.
    pub stalled: Duration,
}

impl Default for Patience {
    /// Ten seconds for a head; half a minute for whoever does not read, which is longer than a train is
    /// in a tunnel's mouth and shorter than a lease.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            stalled: Duration::from_secs(30),
        }
    }
}

/// Serves until `stop`; then takes no more connections, and waits for what is under way.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    patience: Patience,
    proxies: Arc<Proxies>,
    stop: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.head);
    let connections = TaskTracker::new();
    loop {
        let taken = tokio::select! {
            taken = listener.accept() => taken,
            () = stop.cancelled() => break,
        };
        let (tcp, peer) = match taken {
            Ok(taken) => taken,
            Err(error) if is_of_the_connection(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                tokio::select! {
                    () = sleep(REST) => continue,
                    () = stop.cancelled() => break,
                }
            }
        };
        // Small frames are answers that somebody waits for; the kernel must not hold them back.
        let _ = tcp.set_nodelay(true);
        let io = TokioIo::new(Impatient::new(tcp, patience.stalled));
        let app = TowerToHyperService::new(app.clone());
        let proxies = proxies.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            // Whoever looks at requests knows from where they came, and looks at no header for it.
            let from = proxies.client(peer, request.headers());
            request.extensions_mut().insert(ConnectInfo(from));
            app.call(request)
        });
        let connection = http.serve_connection(io, service).with_upgrades();
        let stop = stop.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            // It broke, or was cut: whoever is at the other end knows, or is gone.
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Whether it is over with one connection and not with the listener (accept(2)).
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// A connection that is given up when nothing of what is to be sent goes for too long.
struct Impatient {
    tcp: TcpStream,
    patience: Duration,
    /// Since when it waits for room.
    waits: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    const fn new(tcp: TcpStream, patience: Duration) -> Self {
        Self {
            tcp,
            patience,
            waits: None,
        }
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.waits = None;
            return wrote;
        }
        let patience = self.patience;
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(patience)));
        match waits.as_mut().poll(cx) {
            Poll::Ready(()) => {
                tracing::info!("a connection is cut: nobody takes what is sent");
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.watch(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write_vectored(cx, bytes);
        self.watch(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
