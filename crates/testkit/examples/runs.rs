//! How fast runs go through the queue: asked for, given to a runner, two steps, done. On a PostgreSQL of
//! its own that waits for the disk (`fsync`), with everything that a real run has (a signed and sealed
//! order, events, the card's history, idempotency keys), and runners that do no work.
//!
//! `cargo run --release -p freehold-testkit --example runs -- [api] [runs N] [at-once N] [stored N]
//! [tenants N] [alone N] [places N]` prints one line of JSON. `api` asks over HTTP, else the use cases
//! are called in process. `stored` ended runs and `tenants` other tenants are there before. The runners
//! have `places` together: as many runs are under way at once.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and ends where it cannot be made"
)]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use freehold_engine::runner::Known;
use freehold_engine::{Caller, Engine};
use freehold_model::RunId;
use freehold_model::run::Outcome;
use freehold_testkit::site::{Site, percentile, processor};
use freehold_wire::api::{NewAgent, NewCard, NewProject, Run, StartRun};
use freehold_wire::link::{Finished, JobRef, Offer, RunEvent, Up};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Runners, which share the places.
const RUNNERS: u8 = 4;
/// Jobs of which a runner says everything in one go: six frames each, and a link takes 128.
const TOGETHER: usize = 21;
/// Cards: one run of each at a time.
const CARDS: usize = 400;
/// A measurement that does not end by then is none.
const LONGEST: Duration = Duration::from_secs(600);

/// What was asked for on the command line.
struct Wish {
    api: bool,
    runs: usize,
    at_once: usize,
    stored: i64,
    tenants: i64,
    alone: usize,
    places: u32,
}

impl Wish {
    fn read() -> Self {
        let mut wish = Self {
            api: false,
            runs: 2000,
            at_once: 32,
            stored: 0,
            tenants: 0,
            alone: 100,
            places: 256,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().unwrap().parse::<u32>().unwrap();
            match word.as_str() {
                "api" => wish.api = true,
                "runs" => wish.runs = number() as usize,
                "at-once" => wish.at_once = number() as usize,
                "stored" => wish.stored = number().into(),
                "tenants" => wish.tenants = number().into(),
                "alone" => wish.alone = number() as usize,
                "places" => wish.places = number(),
                other => unreachable!("no such word: {other}"),
            }
        }
        wish
    }
}

/// When each run was given to a runner, and when it was done.
#[derive(Default)]
struct Times {
    offered: Mutex<HashMap<RunId, Instant>>,
    done: Mutex<HashMap<RunId, Instant>>,
}

/// All that a runner says of a job: it took it, two steps, done.
fn said(engine: &Engine, offer: &Offer, n: &mut u64) -> Vec<Up> {
    let job = JobRef {
        job: offer.job,
        run: offer.run,
        epoch: offer.epoch,
    };
    let mut all = vec![Up::Accepted(job)];
    for (kind, step) in [
        ("step.started", "stage"),
        ("step.finished", "stage"),
        ("step.started", "agent"),
        ("step.finished", "agent"),
    ] {
        *n += 1;
        all.push(Up::Event(RunEvent {
            run: offer.run,
            epoch: offer.epoch,
            n: *n,
            ts: engine.now(),
            kind: kind.into(),
            meta: json!({ "step": step, "state": "done" }),
            content: None,
        }));
    }
    all.push(Up::Finished(Box::new(Finished {
        job,
        outcome: Outcome::Unchanged { base: None },
        detail: None,
        checks: vec![],
        diff: None,
        transcript: None,
        isolation: None,
        in_force: vec![],
        agent_version: None,
    })));
    all
}

/// A runner that says what a runner says, and does nothing.
async fn runner(
    engine: Engine,
    known: Known,
    mut offers: mpsc::UnboundedReceiver<Offer>,
    times: Arc<Times>,
) {
    let (mut seq, mut n) = (0, 0);
    let mut held = Vec::new();
    while offers.recv_many(&mut held, TOGETHER).await > 0 {
        let now = Instant::now();
        let mut frames = Vec::new();
        for offer in &held {
            times
                .offered
                .lock()
                .unwrap()
                .entry(offer.run)
                .or_insert(now);
            for up in said(&engine, offer, &mut n) {
                seq += 1;
                frames.push((seq, up));
            }
        }
        let taken = engine.take(&known, &frames).await.unwrap();
        assert_eq!(taken.acked, seq, "every frame is taken");
        let now = Instant::now();
        let mut done = times.done.lock().unwrap();
        done.extend(held.drain(..).map(|offer| (offer.run, now)));
    }
}

/// Who asks, and what for.
struct Asker {
    engine: Engine,
    caller: Caller,
    http: reqwest::Client,
    url: String,
    token: String,
    api: bool,
    cards: Vec<String>,
    times: Arc<Times>,
}

impl Asker {
    /// Asks for a run of a card; gives when it was asked for.
    async fn ask(&self, card: &str, key: &str) -> (RunId, Instant) {
        let asked = Instant::now();
        if self.api {
            let url = format!("{}/api/v1/cards/{card}/runs", self.url);
            let request = self.http.post(url).bearer_auth(&self.token);
            let request = request.header("idempotency-key", key).json(&json!({}));
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            return (answer.json::<Run>().await.unwrap().id, asked);
        }
        let start = StartRun::default();
        let run = self.engine.run_start(&self.caller, card, &start, Some(key));
        (run.await.unwrap().id, asked)
    }

    async fn until_done(&self, run: RunId) {
        while !self.times.done.lock().unwrap().contains_key(&run) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }

    /// One alone at a time: milliseconds from the request to a runner that has it, and to its end.
    async fn alone(&self, many: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut to_start, mut to_end) = (Vec::new(), Vec::new());
        for n in 0..many {
            let (run, asked) = self
                .ask(&self.cards[n % CARDS], &format!("alone-{n}"))
                .await;
            self.until_done(run).await;
            let ms = |at: Instant| at.duration_since(asked).as_secs_f64() * 1000.0;
            to_start.push(ms(self.times.offered.lock().unwrap()[&run]));
            to_end.push(ms(self.times.done.lock().unwrap()[&run]));
        }
        (to_start, to_end)
    }
}

/// Rows are written as the owner, who must see them for it.
const FILLED: [&str; 5] = ["runs", "run_events", "tenants", "cards", "agents"];

/// What ended long ago, and others with nothing to do.
async fn fill(owner: &str, caller: &Caller, wish: &Wish) {
    let mut owner = PgConnection::connect(owner).await.unwrap();
    for table in FILLED {
        let open = format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY");
        owner.execute(sqlx::AssertSqlSafe(open)).await.unwrap();
    }
    sqlx::query(
        "INSERT INTO tenants (id, name, created_at)
         SELECT gen_random_uuid(), 'another ' || n, now() FROM generate_series(1, $1) n",
    )
    .bind(wish.tenants)
    .execute(&mut owner)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO runs (tenant_id, id, project_id, card_id, agent_id, agent_name, by_user, state,
             epoch, attempt, attempts_max, land_attempt, turn, cancel_requested, target, egress,
             isolation, isolation_asked, labels, created_at, finished_at, refs_swept_at, last_seq)
         SELECT c.tenant_id,
             (substr(uuid_from(now() - interval '1 day')::text, 1, 13) || substr(gen_random_uuid()::text, 14))::uuid,
             c.project_id, c.id, a.id, 'worker', $1, 'succeeded',
             1, 1, 3, 0, 0, false, 'main', 'none', 'sandbox', 'sandbox', '{}',
             now() - interval '1 day', now(), now(), 4
         FROM (SELECT *, row_number() OVER () - 1 AS n FROM cards WHERE tenant_id = $3) c
         JOIN agents a ON a.tenant_id = c.tenant_id
         JOIN generate_series(1, $2) g ON g % 400 = c.n",
    )
    .bind(caller.user.uuid())
    .bind(wish.stored)
    .bind(caller.tenant.uuid())
    .execute(&mut owner)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO run_events (tenant_id, run_id, seq, ts, kind, meta, epoch, n)
         SELECT tenant_id, id, s, now(), 'note', '{}', 1, s FROM runs, generate_series(1, 4) s
         WHERE state = 'succeeded'",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    for table in FILLED {
        let closed = format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY");
        owner.execute(sqlx::AssertSqlSafe(closed)).await.unwrap();
    }
    owner.execute("ANALYZE").await.unwrap();
}

async fn enrol(site: &Site, times: &Arc<Times>) -> JoinSet<()> {
    let mut runners = JoinSet::new();
    for n in 1..=RUNNERS {
        let (id, offers) = site.enrol(n).await;
        let (engine, times) = (site.engine.clone(), times.clone());
        runners.spawn(runner(engine, site.known(id), offers, times));
    }
    runners
}

/// A project, an agent and cards.
async fn furnish(asker: &mut Asker) {
    let (engine, caller) = (&asker.engine, &asker.caller);
    let project = json!({ "name": "demo", "remote": "file:///srv/demo.git" });
    let project: NewProject = serde_json::from_value(project).unwrap();
    engine.project_add(caller, project).await.unwrap();
    let agent = json!({ "name": "worker", "driver": "command", "command": ["./work"] });
    let agent: NewAgent = serde_json::from_value(agent).unwrap();
    engine.agent_add(caller, agent).await.unwrap();
    for n in 0..CARDS {
        let new = json!({ "project": "demo", "title": format!("Card {n}"), "body": "Please." });
        let new: NewCard = serde_json::from_value(new).unwrap();
        let card = engine.card_add(caller, new, None).await.unwrap();
        asker.cards.push(card.id.to_string());
    }
}

/// Many at once, each card one after another. Gives the seconds until all were asked for, and done.
async fn many(asker: &Arc<Asker>, wish: &Wish) -> (f64, f64) {
    let began = Instant::now();
    let mut askers = JoinSet::new();
    for first in 0..wish.at_once {
        let (asker, runs, at_once) = (asker.clone(), wish.runs, wish.at_once);
        askers.spawn(async move {
            let mine: Vec<usize> = (first..CARDS).step_by(at_once).collect();
            let mut last = BTreeMap::new();
            for (turn, n) in (first..runs).step_by(at_once).enumerate() {
                let card = mine[turn % mine.len()];
                if let Some(before) = last.get(&card) {
                    asker.until_done(*before).await;
                }
                let (run, _) = asker.ask(&asker.cards[card], &format!("many-{n}")).await;
                last.insert(card, run);
            }
        });
    }
    askers.join_all().await;
    let asked = began.elapsed().as_secs_f64();
    while asker.times.done.lock().unwrap().len() < wish.runs + wish.alone {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (asked, began.elapsed().as_secs_f64())
}

async fn measure(wish: &Wish, directory: &std::path::Path) -> serde_json::Value {
    let site = Site::start(directory, None, wish.places.div_ceil(RUNNERS.into()), "").await;
    let times = Arc::default();
    let _runners = enrol(&site, &times).await;
    let mut asker = Asker {
        engine: site.engine.clone(),
        caller: site.owner.clone(),
        http: reqwest::Client::new(),
        url: site.url.clone(),
        token: site.token.clone(),
        api: wish.api,
        cards: vec![],
        times,
    };
    furnish(&mut asker).await;
    fill(&site.postgres.owner_url(), &asker.caller, wish).await;
    let asker = Arc::new(asker);
    let (mut to_start, mut to_end) = asker.alone(wish.alone).await;
    let before = processor(&site.cluster);
    let (asked, took) = many(&asker, wish).await;
    let after = processor(&site.cluster);
    site.stop().await;
    let runs = f64::from(u32::try_from(wish.runs).unwrap());
    json!({
        "way": if wish.api { "api" } else { "in process" },
        "stored": wish.stored, "tenants": wish.tenants, "runs": wish.runs, "at_once": wish.at_once,
        "asked_per_s": (runs / asked).round(), "runs_per_s": (runs / took).round(),
        "start_ms_p50": percentile(&mut to_start, 50), "start_ms_p99": percentile(&mut to_start, 99),
        "alone_ms_p50": percentile(&mut to_end, 50), "alone_ms_p99": percentile(&mut to_end, 99),
        "cpu_s_per_1000_freehold": (after.0 - before.0) * 1000.0 / runs,
        "cpu_s_per_1000_postgres": (after.1 - before.1) * 1000.0 / runs,
    })
}

#[tokio::main]
async fn main() {
    let wish = Wish::read();
    let directory = tempfile::Builder::new()
        .prefix("fh-runs")
        .tempdir()
        .unwrap();
    let measured = tokio::time::timeout(LONGEST, measure(&wish, directory.path())).await;
    println!("{}", measured.unwrap());
}
