//! One connection from inside: read, decide, dial, splice.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;

use super::log::{Book, Verdict};
use super::policy::{Policy, Refusal, admit_address};
use super::request::{self, Request};
use super::{Options, splice};
use crate::endpoint::{Host, HostPort};

pub(super) struct Shared {
    pub(super) policy: Policy,
    pub(super) options: Options,
    pub(super) book: Arc<Book>,
    pub(super) cancel: CancellationToken,
}

/// Serves one connection to its end, or to the end of the proxy.
pub(super) async fn serve(stream: UnixStream, shared: &Shared) {
    shared
        .cancel
        .run_until_cancelled(converse(stream, shared))
        .await;
}

async fn converse(mut client: UnixStream, shared: &Shared) {
    let request = match tokio::time::timeout(shared.options.head, request::read(&mut client)).await
    {
        Ok(Ok(request)) => request,
        Ok(Err(error)) => {
            shared.book.enter(String::new(), 0, Verdict::Malformed);
            return answer(&mut client, 400, &error.to_string()).await;
        }
        Err(_) => {
            shared.book.enter(String::new(), 0, Verdict::Malformed);
            return answer(&mut client, 408, "no request came in time").await;
        }
    };
    let at = request.at().clone();
    let (host, port) = (at.host.to_string(), at.port);
    match tokio::time::timeout(shared.options.connect, dial(&at, shared)).await {
        Ok(Ok(server)) => {
            let counters = shared.book.enter(host, port, Verdict::Allowed);
            let ways = (&counters.up, &counters.down);
            // An end in the middle is the client's to notice: it sees the connection close.
            exchange(client, server, request, ways, shared).await.ok();
        }
        Ok(Err(DialError::Refused(why))) => {
            tracing::info!(port, refusal = ?why, "egress refused");
            shared.book.enter(host, port, Verdict::Refused(why));
            answer(
                &mut client,
                403,
                &format!("Freehold refused the connection to {at}: {why}."),
            )
            .await;
        }
        Ok(Err(DialError::Unreachable(problem))) => {
            shared.book.enter(host, port, Verdict::Unreachable);
            let text = format!(
                "{at} is allowed, but could not be reached from the runner's machine: {problem}."
            );
            answer(&mut client, 502, &text).await;
        }
        Err(_) => {
            shared.book.enter(host, port, Verdict::Unreachable);
            let text = format!("{at} is allowed, but did not answer the runner's machine in time.");
            answer(&mut client, 504, &text).await;
        }
    }
}

enum DialError {
    Refused(Refusal),
    Unreachable(String),
}

/// Decides on the name, resolves it, decides on each address, and dials the addresses that passed.
async fn dial(at: &HostPort, shared: &Shared) -> Result<TcpStream, DialError> {
    let private = shared.policy.admit(at).map_err(DialError::Refused)?;
    let addresses = match &at.host {
        Host::Ip(ip) => vec![SocketAddr::new(*ip, at.port)],
        Host::Name(name) => {
            let resolved = (shared.options.resolver)(name.clone(), at.port).await;
            resolved.map_err(|error| {
                DialError::Unreachable(format!("its name does not resolve ({error})"))
            })?
        }
    };
    let mut refused = None;
    let mut problem = "its name has no address".to_owned();
    for address in addresses {
        if let Err(why) = admit_address(address.ip(), private) {
            refused = Some(why);
            continue;
        }
        match TcpStream::connect(SocketAddr::new(address.ip(), at.port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => problem = error.to_string(),
        }
    }
    Err(refused.map_or(DialError::Unreachable(problem), DialError::Refused))
}

async fn exchange(
    mut client: UnixStream,
    mut server: TcpStream,
    request: Request,
    ways: (&std::sync::atomic::AtomicU64, &std::sync::atomic::AtomicU64),
    shared: &Shared,
) -> std::io::Result<()> {
    server.set_nodelay(true).ok();
    let ahead = match request {
        Request::Tunnel { early, .. } => {
            client
                .write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n")
                .await?;
            early
        }
        Request::Plain { mut head, body, .. } => {
            head.extend(body);
            head
        }
    };
    server.write_all(&ahead).await?;
    ways.0
        .fetch_add(ahead.len() as u64, std::sync::atomic::Ordering::Relaxed);
    splice::splice(client, server, ways, shared.options.idle).await
}

/// How long a client may take to read an answer that fits into its socket's buffer.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(5);

async fn answer(client: &mut (impl AsyncWrite + Unpin), code: u16, text: &str) {
    // Most clients show the status line of a failed CONNECT and never its body, so both carry the reason.
    let head = format!(
        "HTTP/1.1 {code} {text}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{text}\n",
        text.len() + 1,
    );
    let write = async {
        client.write_all(head.as_bytes()).await.ok();
        client.shutdown().await.ok();
    };
    tokio::time::timeout(ANSWER, write).await.ok();
}
