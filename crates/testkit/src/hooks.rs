//! Receivers of webhooks: one that does as a test says, and one that verifies with the published library
//! (`standardwebhooks`, PyPI), which `scripts/install test` puts into `target/standardwebhooks`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::ChildStdin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use freehold_model::TenantId;
use freehold_server::{Addresses, Names};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::helper::{Helper, Speaks};

/// Knows no name: nothing leaves loopback.
pub struct Nowhere;

impl Names for Nowhere {
    fn look_up(&self, _host: &str, _tenant: Option<TenantId>) -> Addresses {
        Box::pin(async { Err(std::io::Error::other("no names here")) })
    }
}

/// Knows what a test says, which may be something else the next time; counts who asked.
#[derive(Default)]
pub struct Says {
    /// All addresses of each name.
    pub names: Mutex<BTreeMap<String, Vec<IpAddr>>>,
    /// How often it was asked.
    pub asked: AtomicUsize,
}

impl Says {
    /// From now on that name stands for these.
    pub fn say(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        self.names.lock().unwrap().insert(name.into(), addresses);
    }
}

impl Names for Says {
    fn look_up(&self, host: &str, tenant: Option<TenantId>) -> Addresses {
        assert!(tenant.is_some(), "whose delivery it is");
        self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.names.lock().unwrap().get(host).cloned();
        Box::pin(async { found.ok_or_else(|| std::io::Error::other("no such name")) })
    }
}

/// What a receiver does with what it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// Answers with that status.
    Answers(u16),
    /// Answers with that status, these headers' lines, and this body.
    Says(u16, String, String),
    /// Answers with that status, and promises a body that never comes.
    NeverEnds(u16),
    /// Takes it and says nothing, until it does something else.
    Hangs,
    /// Takes it and hangs up.
    HangsUp,
}

/// What arrived.
#[derive(Debug, Clone)]
pub struct Hook {
    /// `webhook-id`.
    pub id: String,
    /// All headers, by their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: serde_json::Value,
    /// The body as it came.
    pub raw: String,
}

impl Hook {
    /// What it tells of.
    #[must_use]
    pub fn event(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }
}

#[derive(Default)]
struct Seen {
    hooks: Mutex<Vec<Hook>>,
    does: Mutex<Option<Does>>,
    at_once: AtomicUsize,
    most: AtomicUsize,
    connected: AtomicUsize,
}

/// A receiver that does as a test says.
pub struct Receiver {
    address: SocketAddr,
    seen: Arc<Seen>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// One that answers with 204, on any port.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    /// The same, there.
    pub async fn start_at(place: &str) -> Self {
        let listener = TcpListener::bind(place).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let shared = seen.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = shared.clone();
                seen.connected.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    // A sender that goes away is none of its business.
                    let _gone = serve(stream, &seen).await;
                });
            }
        });
        Self {
            address,
            seen,
            serving,
        }
    }

    /// Its address for a webhook.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on it does this.
    pub fn does(&self, does: Does) {
        *self.seen.does.lock().unwrap() = Some(does);
    }

    /// What arrived so far.
    #[must_use]
    pub fn hooks(&self) -> Vec<Hook> {
        self.seen.hooks.lock().unwrap().clone()
    }

    /// How many connections were made to it.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.seen.connected.load(Ordering::SeqCst)
    }

    /// The most that were on their way to it at once.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.seen.most.load(Ordering::SeqCst)
    }

    /// What arrived, once there is so much.
    pub async fn arrived(&self, count: usize) -> Vec<Hook> {
        crate::eventually(&format!("{count} hooks"), async || {
            let hooks = self.hooks();
            (hooks.len() >= count).then_some(hooks)
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, seen: &Seen) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await?;
        if read == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let now = seen.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    seen.most.fetch_max(now, Ordering::SeqCst);
    let headers: BTreeMap<String, String> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    seen.hooks.lock().unwrap().push(Hook {
        id: headers.get("webhook-id").cloned().unwrap_or_default(),
        headers,
        body: serde_json::from_str(&body).unwrap_or_default(),
        raw: body,
    });
    let done = act(&mut stream, seen).await;
    seen.at_once.fetch_sub(1, Ordering::SeqCst);
    done
}

async fn act(stream: &mut TcpStream, seen: &Seen) -> std::io::Result<()> {
    let does = || seen.does.lock().unwrap().clone();
    loop {
        match does().unwrap_or(Does::Answers(204)) {
            Does::Answers(status) => return answer(stream, status, "", "").await,
            Does::Says(status, headers, body) => {
                return answer(stream, status, &headers, &body).await;
            }
            Does::NeverEnds(status) => {
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                // Until the other end has had enough.
                return stream.read(&mut [0]).await.map(drop);
            }
            Does::HangsUp => return Ok(()),
            Does::Hangs => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    // So that some are on their way at once where several are sent at once.
    tokio::time::sleep(Duration::from_millis(20)).await;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

const PLACE: &str = "../../target/standardwebhooks/bin/python";
/// Reads the secrets that it believes from its input, a JSON list on each line, and says of each request
/// which of them verify it.
const PROGRAM: &str = r#"
import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from standardwebhooks import Webhook, WebhookVerificationError
secrets = []
def verifies(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        said = {"id": self.headers["webhook-id"], "body": json.loads(body),
                "verified": [verifies(secret, body, dict(self.headers)) for secret in secrets],
                "tampered": [verifies(secret, body + b" ", dict(self.headers)) for secret in secrets]}
        print(json.dumps(said), flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *words):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
for line in sys.stdin:
    secrets = json.loads(line)
    print("null", flush=True)
"#;

/// What the library says of something that arrived.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Verified {
    /// `webhook-id`.
    pub id: String,
    /// The body.
    pub body: serde_json::Value,
    /// Which of the secrets verify it.
    pub verified: Vec<bool>,
    /// Which verify it with one byte more.
    pub tampered: Vec<bool>,
}

/// A receiver that verifies with the published library.
pub struct Verifier {
    _helper: Helper,
    tell: ChildStdin,
    port: u16,
    said: Arc<Mutex<Vec<Option<Verified>>>>,
}

impl Verifier {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(PLACE);
        let mut command = Helper::command(python);
        command.args(["-c", PROGRAM]);
        let said = Arc::<Mutex<Vec<_>>>::default();
        let heard = said.clone();
        let (mut helper, port) = Helper::start(
            command,
            Speaks::Output,
            |line| line.parse().ok(),
            move |line| {
                let one = serde_json::from_str(&line).unwrap();
                heard.lock().unwrap().push(one);
            },
        );
        Self {
            tell: helper.tells(),
            _helper: helper,
            port,
            said,
        }
    }

    /// Its address for a webhook.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// From now on it tries these secrets.
    pub async fn believes(&mut self, secrets: &[&str]) {
        let before = self.acknowledged();
        let line = serde_json::to_string(secrets).unwrap();
        writeln!(self.tell, "{line}").unwrap();
        self.tell.flush().unwrap();
        crate::eventually("the secrets to be taken", async || {
            (self.acknowledged() > before).then_some(())
        })
        .await;
    }

    fn acknowledged(&self) -> usize {
        let said = self.said.lock().unwrap();
        said.iter().filter(|one| one.is_none()).count()
    }

    /// What arrived, once there is so much.
    pub async fn arrived(&self, count: usize) -> Vec<Verified> {
        crate::eventually(&format!("{count} hooks"), async || {
            let all: Vec<Verified> = self
                .said
                .lock()
                .unwrap()
                .iter()
                .flatten()
                .cloned()
                .collect();
            (all.len() >= count).then_some(all)
        })
        .await
    }
}
