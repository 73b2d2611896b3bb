//! One connection from inside: read, decide, dial, splice.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio_rustls::{client, server};
use tokio_util::sync::CancellationToken;

use super::budget::{Meter, Tab};
use super::log::{Book, Verdict};
use super::login::OtherEnd;
use super::policy::{Policy, Private, Refusal, admit_address};
use super::request::{self, Plain, Request, RequestError};
use super::splice::{End, Flow, splice};
use super::{Options, socks};
use crate::endpoint::{Host, HostPort};

pub(super) struct Shared {
    pub(super) policy: watch::Sender<Arc<Policy>>,
    pub(super) options: Options,
    pub(super) book: Arc<Book>,
    pub(super) meter: Arc<Meter>,
    pub(super) cancel: CancellationToken,
}

/// Serves one connection to its end, or to the end of the proxy.
pub(super) async fn serve(stream: UnixStream, shared: &Shared) {
    shared
        .cancel
        .run_until_cancelled(converse(stream, shared))
        .await;
}

/// How the client speaks, and so how it is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Http,
    Socks,
}

/// What was asked, and what came after it.
struct Asked {
    request: Request,
    rest: Vec<u8>,
    tongue: Tongue,
}

async fn hear(client: &mut UnixStream) -> Result<Asked, RequestError> {
    let first = client.read_u8().await.map_err(|_| RequestError::Ended)?;
    if first == socks::VERSION {
        return Ok(Asked {
            request: Request::Tunnel {
                at: socks::read(client).await?,
            },
            rest: Vec::new(),
            tongue: Tongue::Socks,
        });
    }
    let (head, rest) = request::read(client, vec![first]).await?;
    Ok(Asked {
        request: request::parse(&head)?,
        rest,
        tongue: Tongue::Http,
    })
}

async fn converse(mut client: UnixStream, shared: &Shared) {
    let asked = match tokio::time::timeout(shared.options.head, hear(&mut client)).await {
        Ok(Ok(asked)) => asked,
        Ok(Err(error)) => {
            shared.book.enter(String::new(), 0, Verdict::Malformed);
            let code = if error == RequestError::Length {
                411
            } else {
                400
            };
            // A SOCKS client was answered where it could be.
            if !matches!(error, RequestError::SocksMethod | RequestError::SocksShape) {
                answer(&mut client, code, &error.to_string()).await;
            }
            return;
        }
        Err(_) => {
            shared.book.enter(String::new(), 0, Verdict::Malformed);
            return answer(&mut client, 408, "no request came in time").await;
        }
    };
    let at = asked.request.at().clone();
    let tongue = asked.tongue;
    // Subscribed before the decision: whatever comes after it is noticed.
    let mut policy = shared.policy.subscribe();
    let (verdict, code, text) = match admit_and_dial(&at, &mut policy, shared).await {
        Ok((server, tab)) => return exchange(client, server, asked, &tab, policy, shared).await,
        Err(Halt::Refused(why)) => {
            tracing::info!(port = at.port, refusal = ?why, "egress refused");
            let text = format!("Freehold refused the connection to {at}: {why}.");
            (Verdict::Refused(why), 403, text)
        }
        Err(Halt::Unreachable(problem)) => {
            let text = format!(
                "{at} is allowed, but could not be reached from the runner's machine: {problem}."
            );
            (Verdict::Unreachable, 502, text)
        }
        Err(Halt::Late) => {
            let text = format!("{at} is allowed, but did not answer the runner's machine in time.");
            (Verdict::Unreachable, 504, text)
        }
    };
    shared.book.enter(at.host.to_string(), at.port, verdict);
    match (tongue, verdict) {
        (Tongue::Http, _) => answer(&mut client, code, &text).await,
        (Tongue::Socks, Verdict::Refused(_)) => reply(&mut client, socks::Reply::NotAllowed).await,
        (Tongue::Socks, _) => reply(&mut client, socks::Reply::Unreachable).await,
    }
}

enum Halt {
    Refused(Refusal),
    Unreachable(String),
    Late,
}

/// A connection to a host, and what it was judged by.
struct Dialled {
    stream: TcpStream,
    judged: Judged,
}

/// The address that was dialled, and the addresses of the registry whose files are there.
struct Judged {
    ip: IpAddr,
    registry: Vec<IpAddr>,
}

async fn admit_and_dial(
    at: &HostPort,
    policy: &mut watch::Receiver<Arc<Policy>>,
    shared: &Shared,
) -> Result<(Dialled, Tab), Halt> {
    let now = Arc::clone(&policy.borrow_and_update());
    let private = now.admit(at).map_err(Halt::Refused)?;
    let tab = shared
        .meter
        .admit(&at.host.to_string())
        .map_err(Halt::Refused)?;
    let dialling = dial(at, private, shared);
    match tokio::time::timeout(shared.options.connect, dialling).await {
        Ok(dialled) => Ok((dialled?, tab)),
        Err(_) => Err(Halt::Late),
    }
}

/// Resolves, decides on each address, and dials the addresses that passed.
async fn dial(at: &HostPort, private: &Private, shared: &Shared) -> Result<Dialled, Halt> {
    let addresses = resolve(&at.host, at.port, shared).await?;
    let registry = match private {
        Private::AsRegistry(registry) => {
            resolve(registry, at.port, shared).await.unwrap_or_default()
        }
        Private::No | Private::Yes => Vec::new(),
    };
    let mut refused = None;
    let mut problem = "its name has no address".to_owned();
    for ip in addresses {
        if let Err(why) = admit_address(ip, private, &registry) {
            refused = Some(why);
            continue;
        }
        match TcpStream::connect(SocketAddr::new(ip, at.port)).await {
            Ok(stream) => {
                let judged = Judged { ip, registry };
                return Ok(Dialled { stream, judged });
            }
            Err(error) => problem = error.to_string(),
        }
    }
    Err(refused.map_or(Halt::Unreachable(problem), Halt::Refused))
}

async fn resolve(host: &Host, port: u16, shared: &Shared) -> Result<Vec<IpAddr>, Halt> {
    match host {
        Host::Ip(ip) => Ok(vec![*ip]),
        Host::Name(name) => {
            let resolved = (shared.options.resolver)(name.clone(), port).await;
            let addresses = resolved.map_err(|error| {
                Halt::Unreachable(format!("its name does not resolve ({error})"))
            })?;
            Ok(addresses.iter().map(SocketAddr::ip).collect())
        }
    }
}

/// Waits until a newer policy no longer allows what was dialled.
async fn withdrawn(policy: &mut watch::Receiver<Arc<Policy>>, at: &HostPort, judged: &Judged) {
    while policy.changed().await.is_ok() {
        let now = Arc::clone(&policy.borrow_and_update());
        let allowed = now
            .admit(at)
            .and_then(|private| admit_address(judged.ip, private, &judged.registry));
        if allowed.is_err() {
            return;
        }
    }
    // The proxy is gone, and this with it.
    std::future::pending::<()>().await;
}

async fn exchange(
    client: UnixStream,
    server: Dialled,
    asked: Asked,
    tab: &Tab,
    mut policy: watch::Receiver<Arc<Policy>>,
    shared: &Shared,
) {
    let at = asked.request.at().clone();
    let host = at.host.to_string();
    let counters = shared.book.enter(host.clone(), at.port, Verdict::Allowed);
    let Dialled { stream, judged } = server;
    stream.set_nodelay(true).ok();
    let pass = pass(client, stream, asked, (&counters, tab), shared);
    let cut = tokio::select! {
        biased;
        () = withdrawn(&mut policy, &at, &judged) => Refusal::Changed,
        done = pass => match done {
            Err(End::Spent(why)) => why,
            // An end in the middle is the client's to notice: it sees the connection close.
            Ok(()) | Err(End::Broken) => return,
        },
    };
    tracing::info!(port = at.port, refusal = ?cut, "egress cut");
    shared.book.enter(host, at.port, Verdict::Refused(cut));
}

async fn pass(
    mut client: UnixStream,
    server: TcpStream,
    asked: Asked,
    (counters, tab): (&super::log::Counters, &Tab),
    shared: &Shared,
) -> Result<(), End> {
    let Asked {
        request,
        rest,
        tongue,
    } = asked;
    let flow = |ahead, left| Flow {
        counters,
        tab,
        idle: shared.options.idle,
        ahead,
        left,
    };
    let authority = shared.options.authority.as_deref();
    match request {
        Request::Tunnel { at } => {
            match tongue {
                Tongue::Http => client.write_all(ESTABLISHED).await?,
                Tongue::Socks => reply(&mut client, socks::Reply::Granted).await,
            }
            let Some(end) = authority.and_then(|authority| authority.end(&at)) else {
                return splice(client, server, flow(rest, u64::MAX)).await;
            };
            // TLS begins after the answer; what came before it would be read by nobody.
            if !rest.is_empty() {
                return Err(End::Broken);
            }
            let opened = open(client, server, &at, &end);
            let opened = tokio::time::timeout(shared.options.head, opened).await;
            let (client, server, plain, rest) = opened.map_err(|_| End::Broken)??;
            let log_in = authority.and_then(|authority| authority.within(&plain));
            let (ahead, left) = with_body(plain.head(443, log_in), &plain, rest);
            splice(client, server, flow(ahead, left)).await
        }
        Request::Plain(plain) => {
            let log_in = authority.and_then(|authority| authority.plain(&plain));
            let (ahead, left) = with_body(plain.head(80, log_in), &plain, rest);
            splice(client, server, flow(ahead, left)).await
        }
    }
}

/// The head with what has come of the body, and how much of that is to come.
fn with_body(head: Vec<u8>, plain: &Plain, mut begun: Vec<u8>) -> (Vec<u8>, u64) {
    begun.truncate(usize::try_from(plain.body).unwrap_or(usize::MAX));
    let left = plain.body - begun.len() as u64;
    ([head, begun].concat(), left)
}

type Opened = (
    server::TlsStream<UnixStream>,
    client::TlsStream<TcpStream>,
    Plain,
    Vec<u8>,
);

/// TLS on both sides, and the request that came through it.
async fn open(
    client: UnixStream,
    server: TcpStream,
    at: &HostPort,
    end: &OtherEnd<'_>,
) -> Result<Opened, End> {
    let mut client = end.accept(client).await?;
    let heard = request::read(&mut client, Vec::new()).await;
    let parsed = heard.and_then(|(head, rest)| Ok((request::parse_within(&head, at)?, rest)));
    let (plain, rest) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            answer(&mut client, 400, &error.to_string()).await;
            return Err(End::Broken);
        }
    };
    match end.connect(at, server).await {
        Ok(server) => Ok((client, server, plain, rest)),
        Err(error) => {
            let text = format!("{at} is allowed, but TLS to it failed: {error}.");
            answer(&mut client, 502, &text).await;
            Err(End::Broken)
        }
    }
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection Established\r\n\r\n";

/// How long a client may take to read an answer that fits into its socket's buffer.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(5);

async fn reply(client: &mut (impl AsyncWrite + Unpin), reply: socks::Reply) {
    tokio::time::timeout(ANSWER, socks::answer(client, reply))
        .await
        .ok();
}

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
