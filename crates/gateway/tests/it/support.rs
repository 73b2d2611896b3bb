//! A run's end of a grant, and an upstream that does exactly what a test says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use freehold_gateway::{
    BaseUrl, Gateway, Grant, Kind, Limits, Options, PlainHttp, Secret, Upstream,
};
use freehold_scripted::{Handle, Listen, Script, ScriptedModel, Step};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "sk-real-key-0123456789";
pub(crate) const TOKEN: &str = "run-token-abc";

/// Everything that a test waits for happens within this, or never.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("within the deadline")
}

pub(crate) fn gateway() -> Gateway {
    Gateway::new(Options::default()).unwrap()
}

pub(crate) fn upstream(kind: Kind, base: &str) -> Upstream {
    let base_url = BaseUrl::parse(base, PlainHttp::LocalOnly).unwrap();
    Upstream {
        kind,
        base_url,
        key: Some(Secret::new(KEY)),
    }
}

/// A grant, and a client that is given what an agent is given.
pub(crate) struct Run {
    pub(crate) grant: Grant,
    pub(crate) client: reqwest::Client,
    pub(crate) home: tempfile::TempDir,
}

impl Run {
    pub(crate) async fn open(upstream: Upstream, limits: Limits) -> Self {
        let gateway = gateway();
        let home = tempfile::tempdir().unwrap();
        let socket: PathBuf = home.path().join("model.sock");
        let grant = gateway
            .open(&socket, Secret::new(TOKEN), upstream, limits)
            .await
            .unwrap();
        let client = reqwest::Client::builder()
            .unix_socket(socket)
            .redirect(reqwest::redirect::Policy::none());
        Self {
            grant,
            client: client.build().unwrap(),
            home,
        }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.client
            .post(format!("http://model{path}"))
            .bearer_auth(TOKEN)
            .json(body)
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client
            .get(format!("http://model{path}"))
            .bearer_auth(TOKEN)
    }
}

/// A scripted model that insists on the real key.
pub(crate) async fn scripted(turns: Vec<Vec<Step>>) -> Handle {
    // Installs the crypto provider that a client of the test needs too.
    drop(gateway());
    ScriptedModel::start_guarded(
        Script::new("test", turns),
        Listen::Loopback(0),
        Some(KEY.into()),
    )
    .await
    .unwrap()
}

pub(crate) fn hello() -> Value {
    json!({ "model": "m", "messages": [{ "role": "user", "content": "hello" }], "input": "hello" })
}

/// One connection to an upstream that is nothing but a socket.
pub(crate) struct Wire {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Wire {
    pub(crate) async fn listen() -> Self {
        drop(gateway());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next connection, and the request on it: head as text, body as bytes.
    pub(crate) async fn accept(&self) -> (TcpStream, String, Vec<u8>) {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
                let length =
                    header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
                while bytes.len() < end + 4 + length {
                    read_some(&mut stream, &mut bytes).await;
                }
                return (stream, head, bytes[end + 4..].to_vec());
            }
            read_some(&mut stream, &mut bytes).await;
        }
    }

    /// Answers one request with these bytes and closes.
    pub(crate) async fn answer(&self, bytes: &[u8]) -> (String, Vec<u8>) {
        let (mut stream, head, body) = self.accept().await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        (head, body)
    }
}

async fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) {
    let read = soon(stream.read_buf(bytes)).await.unwrap();
    assert!(read > 0, "the request ended early");
}

/// A header of a raw head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let line = |line: &'a str| {
        line.split_once(':')
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    head.lines().find_map(line).map(|(_, value)| value.trim())
}

/// One chunk of a chunked body.
pub(crate) fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

pub(crate) const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nx-request-id: r1\r\n\r\n";
