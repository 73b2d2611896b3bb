//! The other end of the link, as far as a runner can tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use ed25519_dalek::{Signature, SigningKey, Verifier as _, VerifyingKey};
use freehold_model::{BlobId, RunnerId, TenantId};
use freehold_wire::api::{Enrol, Enrolled};
use freehold_wire::content::ContentKey;
use freehold_wire::dsse::fingerprint;
use freehold_wire::link::{
    Challenge, Down, Frame, Hello, PROTOCOL, SUBPROTOCOL, Up, Welcome, WrappedKey, hello_message,
};
use freehold_wire::problem::{Code, Problem};
use freehold_wire::token::{Kind, Token};
use serde_json::json;
use tokio::sync::{broadcast, watch};

use crate::kit::{Random, id};

/// What the server has taken, in its order.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) frames: Vec<(u64, Up)>,
    pub(crate) others: Vec<Frame<Up>>,
    pub(crate) hellos: Vec<Hello>,
    pub(crate) blobs: HashMap<BlobId, Vec<u8>>,
    pub(crate) last: u64,
    /// Numbers that came again after they had been taken.
    pub(crate) repeated: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acks {
    Each,
    Never,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) tenant: TenantId,
    pub(crate) order_key: SigningKey,
    pub(crate) content_key: ContentKey,
    pub(crate) url: String,
    token: Arc<Mutex<Option<Token>>>,
    runner: Arc<Mutex<Option<Enrol>>>,
    pub(crate) taken: Arc<watch::Sender<Taken>>,
    pub(crate) acks: Arc<Mutex<Acks>>,
    pub(crate) refuse: Arc<Mutex<Option<(&'static str, &'static str)>>>,
    pub(crate) silent: Arc<Mutex<bool>>,
    /// By how much its clock is behind the machine's; it does not tell the time where none is said.
    pub(crate) behind: Arc<Mutex<Option<chrono::TimeDelta>>>,
    down: broadcast::Sender<Sent>,
}

#[derive(Clone)]
enum Sent {
    Frame(Box<Frame<Down>>),
    Raw(String),
    Hang,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self {
            tenant: id(),
            order_key: SigningKey::from_bytes(&[7; 32]),
            content_key: ContentKey::generate(1, &Random),
            url,
            token: Arc::default(),
            runner: Arc::default(),
            taken: Arc::new(watch::Sender::new(Taken::default())),
            acks: Arc::new(Mutex::new(Acks::Each)),
            refuse: Arc::default(),
            behind: Arc::default(),
            silent: Arc::default(),
            down: broadcast::Sender::new(1024),
        };
        let app = Router::new()
            .route("/api/v1/link", get(link))
            .route("/api/v1/link/enrol", post(enrol))
            .route("/api/v1/link/blobs", post(put_blob))
            .route("/api/v1/link/blobs/{id}", get(get_blob))
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(server.clone());
        let listener = listener.tap_io(|tcp| tcp.set_nodelay(true).unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        server
    }

    /// A token as a person passes it.
    pub(crate) fn enrol_token(&self) -> String {
        let token = Token::generate(Kind::Enrolment, &Random);
        *self.token.lock().unwrap() = Some(token.clone());
        format!(
            "{token}#{}",
            fingerprint(self.order_key.verifying_key().as_bytes())
        )
    }

    pub(crate) fn send(&self, down: Down) {
        let _ = self.down.send(Sent::Frame(Box::new(Frame::new(down))));
    }

    pub(crate) fn ask(&self, id: &str, down: Down) {
        let frame = Frame {
            id: Some(id.into()),
            ..Frame::new(down)
        };
        let _ = self.down.send(Sent::Frame(Box::new(frame)));
    }

    pub(crate) fn send_raw(&self, text: &str) {
        let _ = self.down.send(Sent::Raw(text.into()));
    }

    /// Cuts the present connection.
    pub(crate) fn cut(&self) {
        let _ = self.down.send(Sent::Hang);
    }

    /// Waits until what was taken fulfils a condition, and gives what it found.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut found: impl FnMut(&Taken) -> Option<T>,
    ) -> T {
        let mut taken = self.taken.subscribe();
        let wait = async {
            loop {
                if let Some(found) = found(&taken.borrow_and_update()) {
                    return found;
                }
                taken.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), wait).await {
            Ok(found) => found,
            Err(_) => {
                let taken = self.taken.borrow();
                let frames: Vec<_> = taken
                    .frames
                    .iter()
                    .rev()
                    .take(12)
                    .map(|(seq, up)| (seq, kind(up)))
                    .collect();
                panic!("not within a minute: {what}; last frames: {frames:?}");
            }
        }
    }

    /// Until a runner has said hello for the `nth` time.
    pub(crate) async fn connected(&self, nth: usize) {
        self.until("a connection", |taken| {
            (taken.hellos.len() >= nth).then_some(())
        })
        .await;
    }
}

pub(crate) fn kind(up: &Up) -> String {
    let value = serde_json::to_value(up).unwrap();
    let inner = value["p"]["kind"].as_str().unwrap_or_default();
    format!(
        "{}{}{inner}",
        value["t"].as_str().unwrap(),
        if inner.is_empty() { "" } else { ":" }
    )
}

async fn enrol(State(server): State<Server>, Json(enrol): Json<Enrol>) -> Response {
    let given: Option<Token> = enrol.token.parse().ok();
    let mut token = server.token.lock().unwrap();
    if given.is_none() || given != token.take() {
        let problem = Problem::new(
            Code::Unauthenticated,
            "the enrolment token was used or has expired",
        );
        return (StatusCode::UNAUTHORIZED, Json(problem)).into_response();
    }
    let key = VerifyingKey::from_bytes(&enrol.signing_key.clone().try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&enrol.seal_key_signature).unwrap();
    key.verify(&enrol.seal_key.0, &signature).unwrap();
    *server.runner.lock().unwrap() = Some(enrol);
    Json(Enrolled {
        tenant: server.tenant,
        order_key: server.order_key.verifying_key().to_bytes().to_vec(),
    })
    .into_response()
}

async fn link(State(server): State<Server>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .protocols([SUBPROTOCOL])
        .on_upgrade(|socket| async move {
            serve(server, socket).await;
        })
}

async fn serve(server: Server, mut socket: WebSocket) -> Option<()> {
    assert_eq!(socket.protocol().unwrap(), SUBPROTOCOL);
    let nonce = vec![3; 32];
    say(
        &mut socket,
        Down::Challenge(Challenge {
            nonce: nonce.clone(),
        }),
        None,
    )
    .await?;
    let hello = match next(&mut socket).await?.body {
        Up::Hello(hello) => hello,
        other => panic!("no hello: {}", kind(&other)),
    };
    let enrolled = server.runner.lock().unwrap().clone().unwrap();
    check(&enrolled, &hello, &nonce);
    let refuse = *server.refuse.lock().unwrap();
    if let Some((code, message)) = refuse {
        let nack = freehold_wire::link::Nack {
            code: code.into(),
            message: message.into(),
        };
        say(&mut socket, Down::Nack(nack), None).await?;
        return None;
    }
    let key = &server.content_key;
    let purpose = format!("content-key/{}", key.id());
    let sealed = enrolled
        .seal_key
        .seal(&purpose, key.expose(), &Random)
        .unwrap();
    let behind = *server.behind.lock().unwrap();
    let welcome = Welcome {
        now: behind.map(|behind| hello.now.unwrap() - behind),
        lineage: None,
        protocol: PROTOCOL,
        tenant: server.tenant,
        last_acked: server.taken.borrow().last,
        session: "session-1".into(),
        keys: vec![WrappedKey {
            id: key.id(),
            sealed,
        }],
    };
    // Subscribed before anybody can know of the connection.
    let mut down = server.down.subscribe();
    say(&mut socket, Down::Welcome(welcome), None).await?;
    server.taken.send_modify(|taken| taken.hellos.push(hello));
    loop {
        tokio::select! {
            sent = down.recv() => match sent.unwrap() {
                Sent::Hang => return None,
                Sent::Raw(text) => socket.send(Message::Text(text.into())).await.ok()?,
                Sent::Frame(frame) => {
                    let text = serde_json::to_string(&*frame).unwrap();
                    socket.send(Message::Text(text.into())).await.ok()?;
                }
            },
            frame = next(&mut socket) => {
                let frame = frame?;
                let answer = take(&server, frame);
                if let Some(ack) = answer {
                    say(&mut socket, Down::Ack {}, Some(ack)).await?;
                }
            }
        }
        if *server.silent.lock().unwrap() {
            std::future::pending::<()>().await;
        }
    }
}

fn take(server: &Server, frame: Frame<Up>) -> Option<u64> {
    let mut ack = None;
    server.taken.send_modify(|taken| match frame.seq {
        None => taken.others.push(frame),
        Some(seq) if seq <= taken.last => {
            taken.repeated += 1;
            ack = Some(taken.last);
        }
        Some(seq) => {
            taken.last = seq;
            taken.frames.push((seq, frame.body));
            ack = Some(seq);
        }
    });
    match *server.acks.lock().unwrap() {
        Acks::Each => ack,
        Acks::Never => None,
    }
}

fn check(enrolled: &Enrol, hello: &Hello, nonce: &[u8]) {
    let runner: RunnerId = enrolled.runner;
    assert_eq!(hello.runner, runner);
    let key = VerifyingKey::from_bytes(&enrolled.signing_key.clone().try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&hello.signature).unwrap();
    key.verify(&hello_message(nonce, runner), &signature)
        .unwrap();
}

async fn say(socket: &mut WebSocket, body: Down, ack: Option<u64>) -> Option<()> {
    let frame = Frame {
        ack,
        ..Frame::new(body)
    };
    let text = serde_json::to_string(&frame).unwrap();
    socket.send(Message::Text(text.into())).await.ok()
}

async fn next(socket: &mut WebSocket) -> Option<Frame<Up>> {
    loop {
        match socket.recv().await?.ok()? {
            Message::Text(text) => {
                assert!(
                    text.len() <= freehold_wire::link::FRAME_MAX,
                    "a frame of {} bytes",
                    text.len()
                );
                return Some(serde_json::from_str(&text).unwrap());
            }
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

fn authorized(headers: &HeaderMap) -> bool {
    headers
        .get("authorization")
        .is_some_and(|value| value == "Bearer session-1")
}

async fn put_blob(
    State(server): State<Server>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<serde_json::Value>, StatusCode> {
    assert!(query["run"].starts_with("run_"));
    if !authorized(&headers) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let blob: BlobId = id();
    server
        .taken
        .send_modify(|taken| drop(taken.blobs.insert(blob, body.to_vec())));
    Ok(Json(json!({ "id": blob })))
}

async fn get_blob(
    State(server): State<Server>,
    Path(blob): Path<BlobId>,
    headers: HeaderMap,
) -> Result<Vec<u8>, StatusCode> {
    if !authorized(&headers) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    server
        .taken
        .borrow()
        .blobs
        .get(&blob)
        .cloned()
        .ok_or(StatusCode::NOT_FOUND)
}
