//! Many runners that do nothing but stay connected, take what they are offered and say at once that it
//! changed nothing: over real sockets, beating as real ones do, and dialling again with a real one's
//! pauses. For measuring servers; a few KiB each.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_model::run::Outcome;
use freehold_model::world::random;
use freehold_model::{RunId, RunnerId, TenantId};
use freehold_store::{RunnerRow, Store};
use freehold_wire::dsse::ed25519::{Signer as _, SigningKey};
use freehold_wire::link::{
    Down, Finished, Frame, HEARTBEAT_S, Heartbeat, Hello, Offer, Probed, SUBPROTOCOL, Up,
    hello_message,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::peer::reference;
use crate::{TestClock, TestEntropy};

/// A real runner's pauses (`runner::link::Pace`), and its patience from dialling to welcome.
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(15);
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// Links that are begun at a time the first time: the machine is shared, and it is not what is measured.
const FIRST_AT_ONCE: usize = 64;
/// What each end keeps to read and to write.
const BUFFER: usize = 4 * 1024;

/// What they offer, so that an agent can be for them and for no other runner of the tenant.
const LABEL: [&str; 2] = ["one", "of-many"];

/// A runner that is enrolled.
pub struct Member {
    runner: RunnerId,
    signing: SigningKey,
}

/// Enrols so many runners for a tenant, straight into the database.
pub async fn enrol(store: &Store, tenant: TenantId, count: usize) -> Vec<Member> {
    let mut members = Vec::new();
    let mut tx = store.begin(tenant).await.unwrap();
    for _ in 0..count {
        let seed: [u8; 32] = random(&TestEntropy);
        let signing = SigningKey::from_bytes(&seed);
        let runner = RunnerId::new(&TestClock::default(), &TestEntropy);
        let row = RunnerRow {
            id: runner,
            name: "one of many".into(),
            signing_key: signing.verifying_key().to_bytes().to_vec(),
            seal_key: random::<32>(&TestEntropy).to_vec(),
            labels: BTreeMap::new(),
            capacity: 1,
            version: "test".into(),
            machine: None,
            last_seq: 0,
            last_seen: None,
            busy: 0,
            created_at: tx.time(),
        };
        tx.runner_insert(&row).await.unwrap();
        members.push(Member { runner, signing });
    }
    tx.commit().await.unwrap();
    members
}

/// What is known of them together.
#[derive(Default)]
pub struct Tally {
    connected: AtomicUsize,
    /// Whom each epoch of each run was offered to.
    offered: Mutex<HashMap<(RunId, u32), RunnerId>>,
    doubled: AtomicUsize,
    finished: AtomicUsize,
}

impl Tally {
    /// Links that stand now.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.connected.load(Ordering::SeqCst)
    }

    /// Epochs that were offered to two runners: never, whatever happens.
    #[must_use]
    pub fn doubled(&self) -> usize {
        self.doubled.load(Ordering::SeqCst)
    }

    /// Epochs that were offered.
    #[must_use]
    pub fn claims(&self) -> usize {
        self.offered().len()
    }

    /// Jobs whose end was acknowledged.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    fn offered(&self) -> std::sync::MutexGuard<'_, HashMap<(RunId, u32), RunnerId>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when it is new to this runner.
    fn claim(&self, offer: &Offer, runner: RunnerId) -> bool {
        match self.offered().insert((offer.run, offer.epoch), runner) {
            None => true,
            Some(before) if before == runner => false,
            Some(_) => {
                self.doubled.fetch_add(1, Ordering::SeqCst);
                true
            }
        }
    }
}

/// Sets them going against the server at this address (`127.0.0.1:port`). They end with the runtime.
#[must_use]
pub fn begin(members: Vec<Member>, address: &str) -> Arc<Tally> {
    let tally = Arc::new(Tally::default());
    let first = Arc::new(Semaphore::new(FIRST_AT_ONCE));
    let address: Arc<str> = address.into();
    for member in members {
        let (tally, first, address) = (tally.clone(), first.clone(), address.clone());
        tokio::spawn(async move { live(&member, &tally, &first, &address).await });
    }
    tally
}

/// A share of a pause, so that they do not move together.
fn share(of: Duration) -> Duration {
    of * u32::from(u16::from_be_bytes(random(&TestEntropy))) / u32::from(u16::MAX)
}

type Socket = WebSocketStream<TcpStream>;

/// One runner: what it has said and nobody has acknowledged is said again.
struct Life<'a> {
    member: &'a Member,
    tally: &'a Tally,
    seq: u64,
    outbox: VecDeque<(u64, Up)>,
    holds: Vec<freehold_wire::link::JobRef>,
}

async fn live(member: &Member, tally: &Tally, first: &Semaphore, address: &str) {
    let mut life = Life {
        member,
        tally,
        seq: 0,
        outbox: VecDeque::new(),
        holds: Vec::new(),
    };
    let mut pause = RETRY_MIN;
    let mut place = first.acquire().await.ok();
    loop {
        let dialled = timeout(CONNECT_WITHIN, Box::pin(life.dial(address))).await;
        if let Ok(Some(mut socket)) = dialled {
            drop(place.take());
            pause = RETRY_MIN;
            tally.connected.fetch_add(1, Ordering::SeqCst);
            let _ended = life.stay(&mut socket).await;
            tally.connected.fetch_sub(1, Ordering::SeqCst);
        }
        sleep(pause / 2 + share(pause / 2)).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

impl Life<'_> {
    async fn dial(&mut self, address: &str) -> Option<Socket> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut request = format!("ws://{address}/api/v1/link")
            .into_client_request()
            .ok()?;
        request
            .headers_mut()
            .insert("sec-websocket-protocol", SUBPROTOCOL.parse().ok()?);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER);
        let (mut socket, _) = client_async_with_config(request, stream, Some(config))
            .await
            .ok()?;
        let Down::Challenge(challenge) = hear(&mut socket).await?.body else {
            return None;
        };
        let message = hello_message(&challenge.nonce, self.member.runner);
        let hello = Hello {
            now: None,
            protocol: (1, 1),
            runner: self.member.runner,
            version: "test".into(),
            labels: BTreeMap::from([LABEL.map(str::to_owned).into()]),
            capacity: 1,
            holds: self.holds.clone(),
            environments: None,
            machine: None,
            acked: None,
            signature: self.member.signing.sign(&message).to_bytes().to_vec(),
        };
        say(&mut socket, &Frame::new(Up::Hello(hello))).await?;
        let Down::Welcome(welcome) = hear(&mut socket).await?.body else {
            return None;
        };
        self.acknowledged(welcome.last_acked);
        for (seq, body) in self.outbox.clone() {
            let frame = Frame {
                seq: Some(seq),
                ..Frame::new(body)
            };
            say(&mut socket, &frame).await?;
        }
        Some(socket)
    }

    async fn stay(&mut self, socket: &mut Socket) -> Option<()> {
        let every = Duration::from_secs(HEARTBEAT_S);
        let mut beat = Instant::now() + share(every);
        loop {
            tokio::select! {
                () = sleep_until(beat) => {
                    beat = Instant::now() + every;
                    let heartbeat = Heartbeat { jobs: self.holds.clone(), environments: None };
                    say(socket, &Frame::new(Up::Heartbeat(heartbeat))).await?;
                }
                frame = hear(socket) => Box::pin(self.take(socket, frame?)).await?,
            }
        }
    }

    async fn take(&mut self, socket: &mut Socket, frame: Frame<Down>) -> Option<()> {
        if let Some(ack) = frame.ack {
            self.acknowledged(ack);
        }
        match frame.body {
            Down::Offer(offer) if self.tally.claim(&offer, self.member.runner) => {
                self.holds.push(reference(&offer));
                self.put(socket, Up::Accepted(reference(&offer))).await?;
                let finished = Finished {
                    job: reference(&offer),
                    outcome: Outcome::Unchanged { base: None },
                    detail: None,
                    checks: vec![],
                    diff: None,
                    transcript: None,
                    isolation: None,
                    in_force: vec![],
                    agent_version: None,
                };
                self.put(socket, Up::Finished(Box::new(finished))).await
            }
            Down::Probe(_) => {
                let fit = Probed::Remote {
                    head: Some("main".into()),
                    target: true,
                    empty: false,
                    commit: None,
                };
                let answer = Frame {
                    id: frame.id,
                    ..Frame::new(Up::Probed(fit))
                };
                say(socket, &answer).await
            }
            _ => Some(()),
        }
    }

    async fn put(&mut self, socket: &mut Socket, body: Up) -> Option<()> {
        self.seq += 1;
        self.outbox.push_back((self.seq, body.clone()));
        let frame = Frame {
            seq: Some(self.seq),
            ..Frame::new(body)
        };
        say(socket, &frame).await
    }

    fn acknowledged(&mut self, last: u64) {
        while let Some((seq, _)) = self.outbox.front()
            && *seq <= last
        {
            if let Some((_, Up::Finished(finished))) = self.outbox.pop_front() {
                self.holds.retain(|job| job.job != finished.job.job);
                self.tally.finished.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

async fn say(socket: &mut Socket, frame: &Frame<Up>) -> Option<()> {
    let text = serde_json::to_string(frame).ok()?;
    socket.send(Message::text(text)).await.ok()
}

async fn hear(socket: &mut Socket) -> Option<Frame<Down>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).ok(),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}
