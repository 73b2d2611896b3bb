//! A runner's end of the link in a test's hands: enrols, connects, and says exactly what the
//! test wants said.

use std::collections::BTreeMap;
use std::time::Duration;

use freehold_model::run::{Outcome, Work};
use freehold_model::{BlobId, Clock, EnvironmentId, LineageId, RunnerId, TenantId};
use freehold_wire::api::{Check, Enrol, EnrolToken, Enrolled, Machine};
use freehold_wire::content::{ContentKey, Place};
use freehold_wire::dsse::ed25519::{Signer as _, SigningKey};
use freehold_wire::link::{
    Acked, Down, Finished, Frame, Heartbeat, Hello, JobRef, Offer, Probe, Probed, RunEvent,
    SUBPROTOCOL, Up, hello_message,
};
use freehold_wire::seal::SealKey;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::{App, TestEntropy};

/// How long the server may take to say something.
const PATIENCE: Duration = Duration::from_secs(20);

/// An enrolled runner that a test plays.
pub struct Peer {
    /// Its id.
    pub runner: RunnerId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What orders are signed with.
    pub order_key: Vec<u8>,
    /// The key that it opens and seals content with, once connected.
    pub key: Option<ContentKey>,
    /// The bearer token for blobs, once connected.
    pub session: String,
    /// The last frame that the server has taken, as it said.
    pub acked: u64,
    /// What it offers.
    pub labels: BTreeMap<String, String>,
    /// How many jobs it takes.
    pub capacity: u32,
    /// What it says of its machine.
    pub machine: Option<Machine>,
    /// Environments that it says it has a place for; none: it knows of none.
    pub environments: Option<Vec<EnvironmentId>>,
    /// Jobs that it says it holds.
    pub holds: Vec<JobRef>,
    /// What it says it was told.
    pub told: Option<Acked>,
    /// What its clock says; none: it does not tell, and its events are of now.
    pub clock: Option<chrono::DateTime<chrono::Utc>>,
    /// The line of the server's database, once connected.
    pub lineage: Option<LineageId>,
    signing: SigningKey,
    seal: SealKey,
    seq: u64,
    events: u64,
    url: String,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
}

/// What a fresh machine says to enrol with this token.
#[must_use]
pub fn enrolment(clock: &dyn Clock, token: &str) -> Enrol {
    let seed: [u8; 32] = freehold_model::world::random(&TestEntropy);
    let seal = SealKey::from_seed(freehold_model::world::random(&TestEntropy));
    asked(clock, token, &SigningKey::from_bytes(&seed), &seal)
}

fn asked(clock: &dyn Clock, token: &str, signing: &SigningKey, seal: &SealKey) -> Enrol {
    Enrol {
        token: token.to_owned(),
        name: "test host".into(),
        runner: RunnerId::new(clock, &TestEntropy),
        signing_key: signing.verifying_key().to_bytes().to_vec(),
        seal_key_signature: signing.sign(&seal.public().0).to_bytes().to_vec(),
        seal_key: seal.public(),
    }
}

impl Peer {
    /// Enrols with a token of the app's owner.
    pub async fn enrol(app: &App) -> Self {
        let token: EnrolToken = app.post("/runners/tokens", &()).await.unwrap();
        let (token, _fingerprint) = token.token.split_once('#').unwrap();
        Self::enrol_with(app, token).await.unwrap()
    }

    /// Enrols with this token.
    ///
    /// # Errors
    /// The server's problem document.
    pub async fn enrol_with(app: &App, token: &str) -> crate::app::Reply<Self> {
        let seed: [u8; 32] = freehold_model::world::random(&TestEntropy);
        let signing = SigningKey::from_bytes(&seed);
        let seal = SealKey::from_seed(freehold_model::world::random(&TestEntropy));
        let enrol = asked(&*app.clock, token, &signing, &seal);
        let runner = enrol.runner;
        let Enrolled { tenant, order_key } = app.post("/link/enrol", &enrol).await?;
        Ok(Self {
            runner,
            tenant,
            order_key,
            key: None,
            session: String::new(),
            acked: 0,
            labels: BTreeMap::new(),
            capacity: 2,
            machine: None,
            environments: None,
            holds: Vec::new(),
            told: None,
            clock: None,
            lineage: None,
            signing,
            seal,
            seq: 0,
            events: 0,
            url: app.url(),
            socket: None,
        })
    }

    /// From now on it speaks to this server.
    pub fn go_to(&mut self, app: &App) {
        self.vanish();
        self.url = app.url();
    }

    /// The same, but the line to the server before is not cut: it stands until what is given is dropped, as
    /// one does that a server has not noticed to be dead.
    pub fn go_on_at(&mut self, app: &App) -> impl Sized + use<> {
        self.url = app.url();
        self.socket.take()
    }

    /// A heartbeat that says that it is on this job still.
    pub async fn beat(&mut self, offer: &Offer) {
        self.say(&Frame::new(Up::Heartbeat(Heartbeat {
            jobs: vec![reference(offer)],
            environments: None,
        })))
        .await;
    }

    /// Opens the link and is welcomed.
    pub async fn connect(&mut self) {
        let nonce = self.open().await;
        let signature = self.sign(&nonce);
        self.hello(signature).await;
        let Down::Welcome(welcome) = self.hear().await.body else {
            panic!("not welcome")
        };
        self.acked = welcome.last_acked;
        self.session = welcome.session;
        self.lineage = welcome.lineage;
        let wrapped = welcome.keys.last().unwrap();
        let plain = self
            .seal
            .open(&format!("content-key/{}", wrapped.id), &wrapped.sealed)
            .unwrap();
        self.key = Some(ContentKey::from_bytes(
            wrapped.id,
            plain.as_slice().try_into().unwrap(),
        ));
    }

    /// Opens the socket and gives the nonce that is to be signed.
    pub async fn open(&mut self) -> Vec<u8> {
        let url = format!("{}/api/v1/link", self.url.replace("http://", "ws://"));
        let mut request = url.into_client_request().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        self.socket = Some(socket);
        let Down::Challenge(challenge) = self.hear().await.body else {
            panic!("no challenge")
        };
        challenge.nonce
    }

    /// This runner's signature over a challenge.
    pub fn sign(&self, nonce: &[u8]) -> Vec<u8> {
        let message = hello_message(nonce, self.runner);
        self.signing.sign(&message).to_bytes().to_vec()
    }

    /// Says hello with this signature.
    pub async fn hello(&mut self, signature: Vec<u8>) {
        let hello = Hello {
            now: self.clock,
            protocol: (1, 1),
            runner: self.runner,
            version: "test".into(),
            labels: self.labels.clone(),
            capacity: self.capacity,
            holds: self.holds.clone(),
            environments: self.environments.clone(),
            machine: self.machine.clone(),
            acked: self.told,
            signature,
        };
        self.say(&Frame::new(Up::Hello(hello))).await;
    }

    /// Cuts the line without a word.
    pub fn vanish(&mut self) {
        self.socket = None;
    }

    /// Sends a frame as it is.
    pub async fn say(&mut self, frame: &Frame<Up>) {
        let text = serde_json::to_string(frame).unwrap();
        self.socket
            .as_mut()
            .unwrap()
            .send(Message::text(text))
            .await
            .unwrap();
    }

    /// Sends a frame that must not be lost; gives its number.
    pub async fn put(&mut self, body: Up) -> u64 {
        self.seq += 1;
        self.say(&Frame {
            seq: Some(self.seq),
            ..Frame::new(body)
        })
        .await;
        self.seq
    }

    /// The next frame; none when the server closed the line.
    pub async fn hear_or_end(&mut self) -> Option<Frame<Down>> {
        loop {
            let next = self.socket.as_mut().unwrap().next();
            let message = tokio::time::timeout(PATIENCE, next)
                .await
                .expect("the server says something");
            match message {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame.
    pub async fn hear(&mut self) -> Frame<Down> {
        self.hear_or_end().await.expect("the line is open")
    }

    /// Hears until `pick` takes something; answers remote probes on the way.
    pub async fn until<T>(&mut self, mut pick: impl FnMut(&Down) -> Option<T>) -> T {
        loop {
            let frame = self.hear().await;
            if let Some(ack) = frame.ack {
                self.acked = ack;
            }
            if let Some(found) = pick(&frame.body) {
                return found;
            }
        }
    }

    /// Waits until frame `seq` has been taken.
    pub async fn acknowledged(&mut self, seq: u64) {
        while self.acked < seq {
            let frame = self.hear().await;
            self.acked = frame.ack.unwrap_or(self.acked);
        }
    }

    /// Waits for an offer.
    pub async fn offer(&mut self) -> Offer {
        self.until(|down| match down {
            Down::Offer(offer) => Some((**offer).clone()),
            _ => None,
        })
        .await
    }

    /// Answers the next probe, and gives the question.
    pub async fn answer_to(&mut self, probed: Probed) -> Probe {
        loop {
            let frame = self.hear().await;
            if let Down::Probe(probe) = frame.body {
                self.say(&Frame {
                    id: frame.id,
                    ..Frame::new(Up::Probed(probed))
                })
                .await;
                return probe;
            }
        }
    }

    /// Answers the next probe.
    pub async fn answer(&mut self, probed: Probed) {
        self.answer_to(probed).await;
    }

    /// Opens what was sealed to this runner.
    pub fn unseal(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.seal
            .open(purpose, sealed)
            .ok()
            .map(|plain| plain.to_vec())
    }

    /// The blob of sealed bytes for an offered run.
    pub async fn upload(&self, app: &App, offer: &Offer, field: &str, bytes: &[u8]) -> BlobId {
        let answer = self.try_upload(app, offer, field, bytes).await;
        let answer: serde_json::Value = answer.json().await.unwrap();
        answer["id"].as_str().unwrap().parse().unwrap()
    }

    /// The same, and whatever the server says to it.
    pub async fn try_upload(
        &self,
        app: &App,
        offer: &Offer,
        field: &str,
        bytes: &[u8],
    ) -> reqwest::Response {
        let place = Place::new(self.tenant, offer.run, field, u64::from(offer.epoch));
        let key = self.key.as_ref().unwrap();
        let sealed = key.seal(&place, bytes, &TestEntropy).unwrap().into_bytes();
        let url = format!("{}/api/v1/link/blobs?run={}", app.url(), offer.run);
        let put = reqwest::Client::new().post(url).bearer_auth(&self.session);
        put.body(sealed).send().await.unwrap()
    }

    /// Whatever a server says when this runner asks for a blob.
    pub async fn download(&self, app: &App, id: BlobId) -> reqwest::Response {
        let url = format!("{}/api/v1/link/blobs/{id}", app.url());
        let get = reqwest::Client::new().get(url).bearer_auth(&self.session);
        get.send().await.unwrap()
    }

    /// Takes an offered job.
    pub async fn accept(&mut self, offer: &Offer) -> u64 {
        self.put(Up::Accepted(reference(offer))).await
    }

    /// Says something about an offered run, sealed as a runner does.
    pub async fn event(
        &mut self,
        offer: &Offer,
        kind: &str,
        meta: serde_json::Value,
        content: Option<serde_json::Value>,
    ) -> u64 {
        self.events += 1;
        let place = Place::new(
            self.tenant,
            offer.run,
            &format!("event/{}", offer.epoch),
            self.events,
        );
        let key = self.key.as_ref().unwrap();
        let content = content.map(|content| {
            key.seal(&place, content.to_string().as_bytes(), &TestEntropy)
                .unwrap()
                .into_bytes()
        });
        let event = RunEvent {
            run: offer.run,
            epoch: offer.epoch,
            n: self.events,
            ts: self.clock.unwrap_or_else(chrono::Utc::now),
            kind: kind.into(),
            meta,
            content,
        };
        self.put(Up::Event(event)).await
    }

    /// Ends an offered job.
    pub async fn finish(&mut self, offer: &Offer, outcome: Outcome) -> u64 {
        self.finish_with(offer, outcome, None, vec![]).await
    }

    /// Ends an offered job, with a diff and what its checks gave.
    pub async fn finish_with(
        &mut self,
        offer: &Offer,
        outcome: Outcome,
        diff: Option<BlobId>,
        checks: Vec<Check>,
    ) -> u64 {
        let finished = Finished {
            job: reference(offer),
            outcome,
            detail: None,
            checks,
            diff,
            transcript: None,
            isolation: None,
            in_force: vec![],
            agent_version: None,
        };
        self.put(Up::Finished(Box::new(finished))).await
    }
}

/// The job of an offer.
#[must_use]
pub const fn reference(offer: &Offer) -> JobRef {
    JobRef {
        job: offer.job,
        run: offer.run,
        epoch: offer.epoch,
    }
}

/// Work as a runner reports it.
#[must_use]
pub fn work(offer: &Offer, commit: &str) -> Outcome {
    Outcome::Work(Work {
        base: Some("b".repeat(40)),
        commit: commit.to_owned(),
        digest: "d".repeat(40),
        epoch: offer.epoch,
    })
}
