//! What a busy organization asks, all at once.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use freehold_engine::Engine;
use freehold_engine::runner::Known;
use freehold_model::run::Outcome;
use freehold_testkit::site::{Site, percentile, processor};
use freehold_wire::api::{NewAgent, NewProject};
use freehold_wire::link::{Finished, JobRef, Offer, RunEvent, Up};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::Wish;
use crate::load::{Done, Took, aside, at_rate, client, send};

const RUNNERS: u8 = 4;
/// Of twenty requests: a quarter are lists, two fifths show something, two are new cards, one starts a run, and
/// four are what runners say, of which each run has four.
const PATTERN: &[u8; 20] = b"lsalscsalssalscslsra";
const EVENTS: u8 = 3;
/// As `server::link` takes at most in one transaction.
const BATCH_FRAMES: usize = 128;
/// A floor: it needs no database.
const NOTHING: &str = "/docs/errors/not_found";

/// A run that its runner has.
struct Held {
    offer: Offer,
    said: u8,
}

impl Held {
    /// Whether its end is to be said next.
    const fn is_last(&self) -> bool {
        self.said == EVENTS
    }
}

/// What a runner says at one go, and who waits for it to be taken.
struct Word {
    frames: Vec<(u64, Up)>,
    taken: oneshot::Sender<Result<(), String>>,
}

/// One runner's end of its link.
struct Desk {
    offers: mpsc::UnboundedReceiver<Offer>,
    held: VecDeque<Held>,
    seq: u64,
    events: u64,
    link: mpsc::UnboundedSender<Word>,
}

impl Desk {
    /// A run that it has.
    fn next(&mut self) -> Option<Held> {
        while let Ok(offer) = self.offers.try_recv() {
            self.held.push_back(Held { offer, said: 0 });
        }
        self.held.pop_front()
    }

    /// Says what comes next of it.
    fn say(&mut self, engine: &Engine, held: &Held) -> oneshot::Receiver<Result<(), String>> {
        let mut frames = Vec::new();
        if held.said == 0 {
            self.seq += 1;
            frames.push((self.seq, Up::Accepted(job(&held.offer))));
        }
        self.seq += 1;
        if held.is_last() {
            frames.push((self.seq, finished(&held.offer)));
        } else {
            self.events += 1;
            frames.push((self.seq, event(engine, &held.offer, self.events)));
        }
        let (taken, answer) = oneshot::channel();
        self.link.send(Word { frames, taken }).unwrap();
        answer
    }
}

/// The server's end: what comes over a link is taken in order, and at once with what has arrived behind it, as
/// the server's own reader of links does.
async fn link(engine: Engine, known: Known, mut words: mpsc::UnboundedReceiver<Word>) {
    while let Some(first) = words.recv().await {
        let mut all = vec![first];
        let mut frames = all[0].frames.clone();
        while frames.len() < BATCH_FRAMES
            && let Ok(next) = words.try_recv()
        {
            frames.extend(next.frames.iter().cloned());
            all.push(next);
        }
        let taken = engine.take(&known, &frames).await;
        let taken = taken.map(drop).map_err(|error| error.to_string());
        for word in all {
            // Who asked may be gone with the measurement.
            let _gone = word.taken.send(taken.clone());
        }
    }
}

/// The organization, and those who ask.
struct Office {
    http: reqwest::Client,
    url: String,
    token: String,
    engine: Engine,
    desks: Vec<Mutex<Desk>>,
    turn: AtomicUsize,
    cards: Mutex<Vec<String>>,
    fresh: Mutex<VecDeque<String>>,
    runs: Mutex<Vec<String>>,
}

/// One of those that are there, another each time.
fn one_of(all: &Mutex<Vec<String>>, n: u64) -> Option<String> {
    let all = all.lock().unwrap();
    let count = u64::try_from(all.len()).unwrap();
    let at = n.wrapping_mul(0x9E37_79B9_7F4A_7C15).checked_rem(count)?;
    all.get(usize::try_from(at).unwrap()).cloned()
}

impl Office {
    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1{path}", self.url);
        self.http.get(url).bearer_auth(&self.token)
    }

    fn post(&self, path: &str, key: String, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/api/v1{path}", self.url);
        let request = self.http.post(url).bearer_auth(&self.token);
        request.header("idempotency-key", key).json(body)
    }

    async fn ask(self: Arc<Self>, n: u64) -> Done {
        let place = usize::try_from(n % 20).unwrap();
        match PATTERN[place] {
            b'l' => {
                let path = if n.is_multiple_of(2) {
                    "/cards?project=demo&limit=50"
                } else {
                    "/runs?limit=50"
                };
                ("list", send(self.get(path)).await.map(drop))
            }
            b's' => {
                let run = one_of(&self.runs, n).filter(|_| n.is_multiple_of(2));
                let path = match run {
                    Some(run) => format!("/runs/{run}"),
                    None => format!("/cards/{}", one_of(&self.cards, n).unwrap()),
                };
                ("show", send(self.get(&path)).await.map(drop))
            }
            b'c' => ("create card", self.create(n).await),
            b'r' => ("start run", self.start(n).await),
            _ => match self.append().await {
                Ok(true) => ("append event", Ok(())),
                Ok(false) => ("no run to say anything of", Ok(())),
                Err(why) => ("append event", Err(why)),
            },
        }
    }

    async fn create(&self, n: u64) -> Result<(), String> {
        let body = json!({ "project": "demo", "title": format!("Card {n}"), "body": "Please." });
        let made = send(self.post("/cards", format!("card-{n}"), &body)).await?;
        let id = made["id"].as_str().unwrap().to_owned();
        self.fresh.lock().unwrap().push_back(id.clone());
        self.cards.lock().unwrap().push(id);
        Ok(())
    }

    async fn start(&self, n: u64) -> Result<(), String> {
        let card = self.fresh.lock().unwrap().pop_front();
        let Some(card) = card else {
            return Err("no card to start".into());
        };
        let path = format!("/cards/{card}/runs");
        let run = send(self.post(&path, format!("run-{n}"), &json!({}))).await?;
        let id = run["id"].as_str().unwrap().to_owned();
        self.runs.lock().unwrap().push(id);
        Ok(())
    }

    /// What a runner says next of a run that it has, as it comes over its link; false when none has one.
    async fn append(&self) -> Result<bool, String> {
        // One after the other, wherever in the pattern it stands.
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        for n in 0..self.desks.len() {
            let desk = &self.desks[(first + n) % self.desks.len()];
            let said = {
                let mut own = desk.lock().unwrap();
                own.next().map(|held| (own.say(&self.engine, &held), held))
            };
            let Some((taken, mut held)) = said else {
                continue;
            };
            taken.await.unwrap()?;
            if !held.is_last() {
                held.said += 1;
                desk.lock().unwrap().held.push_back(held);
            }
            return Ok(true);
        }
        Ok(false)
    }
}

const fn job(offer: &Offer) -> JobRef {
    JobRef {
        job: offer.job,
        run: offer.run,
        epoch: offer.epoch,
    }
}

fn event(engine: &Engine, offer: &Offer, n: u64) -> Up {
    Up::Event(RunEvent {
        run: offer.run,
        epoch: offer.epoch,
        n,
        ts: engine.now(),
        kind: "note".into(),
        meta: json!({ "note": n }),
        content: None,
    })
}

fn finished(offer: &Offer) -> Up {
    Up::Finished(Box::new(Finished {
        job: job(offer),
        outcome: Outcome::Unchanged { base: None },
        detail: None,
        checks: vec![],
        diff: None,
        transcript: None,
        isolation: None,
        in_force: vec![],
        agent_version: None,
    }))
}

async fn furnish(site: &Site) -> Arc<Office> {
    let mut desks = Vec::new();
    for n in 1..=RUNNERS {
        let (id, offers) = site.enrol(n).await;
        let (to, words) = mpsc::unbounded_channel();
        tokio::spawn(link(site.engine.clone(), site.known(id), words));
        desks.push(Mutex::new(Desk {
            offers,
            held: VecDeque::new(),
            seq: 0,
            events: 0,
            link: to,
        }));
    }
    let project = json!({ "name": "demo", "remote": "file:///srv/demo.git" });
    let project: NewProject = serde_json::from_value(project).unwrap();
    site.engine.project_add(&site.owner, project).await.unwrap();
    let agent = json!({ "name": "worker", "driver": "command", "command": ["./work"] });
    let agent: NewAgent = serde_json::from_value(agent).unwrap();
    site.engine.agent_add(&site.owner, agent).await.unwrap();
    let office = Arc::new(Office {
        http: client(None),
        url: site.url.clone(),
        token: site.token.clone(),
        engine: site.engine.clone(),
        desks,
        turn: AtomicUsize::new(0),
        cards: Mutex::default(),
        fresh: Mutex::default(),
        runs: Mutex::default(),
    });
    // So that there is something to list, and to start, from the first second on.
    for n in 0..200 {
        office.create(u64::MAX - n).await.unwrap();
    }
    office
}

pub(crate) async fn measure(wish: &Wish, directory: &Path) -> Value {
    let (rate, span) = (wish.number("rate", 500), wish.seconds(300));
    let site = Site::start(directory, None, 1000, "").await;
    let office = furnish(&site).await;
    let asker = office.clone();
    let floor = aside(async move || {
        let span = Duration::from_secs(10);
        at_rate(rate, span, |_| {
            let request = asker.http.get(format!("{}{NOTHING}", asker.url));
            async { ("nothing", send(request).await.map(drop)) }
        })
        .await
    })
    .await;
    let before = processor(&site.cluster);
    let asker = office.clone();
    let took: Took = aside(async move || at_rate(rate, span, |n| asker.clone().ask(n)).await).await;
    let after = processor(&site.cluster);
    let (runs, cards) = (
        office.runs.lock().unwrap().len(),
        office.cards.lock().unwrap().len(),
    );
    let _ended = site.stop().await.stop().await;
    let (mut all, mut nothing) = (took.all(), floor.all());
    let seconds = span.as_secs_f64();
    json!({
        "rate": rate, "seconds": seconds, "requests": all.len(), "refused": took.refused,
        "p50_ms": percentile(&mut all, 50), "p99_ms": percentile(&mut all, 99),
        "kinds": took.said(), "cards": cards, "runs": runs,
        "floor_p50_ms": percentile(&mut nothing, 50), "floor_p99_ms": percentile(&mut nothing, 99),
        "floor_refused": floor.refused,
        "cpu_with_client": (after.0 - before.0) / seconds, "cpu_postgres": (after.1 - before.1) / seconds,
    })
}
