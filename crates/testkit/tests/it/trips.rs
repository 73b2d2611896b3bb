//! Round trips to the database: how many each of the hot requests waits for, counted on the wire; and that a
//! database that is far away makes them slower and nothing else.
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use freehold_model::run::Outcome;
use freehold_model::{Lane, Reason};
use freehold_testkit::trips::Trip;
use freehold_testkit::{App, Database, Peer, Trips, eventually};
use freehold_wire::api::{Card, Project, Run};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::board::{agent, card, project};

/// As often each is asked: what others do at the same time adds to some of them, and not to all.
const TRIES: usize = 12;
/// No hot request waits for more.
const MOST: usize = 8;
/// Statements of those who look after things by themselves: a transaction that says one is no request's.
const BY_THEMSELVES: [&str; 4] = [
    "FROM environments e",
    "SKIP LOCKED",
    "UPDATE tokens SET last_used_at",
    "queue_tenants(",
];

/// An installation whose trips are counted, with a project, an agent and a runner.
async fn counted() -> (Trips, App, Peer, Project) {
    let (trips, database) = Trips::before(&Database::create().await);
    let app = App::start_on(database).await;
    let mut peer = Peer::enrol(&app).await;
    peer.connect().await;
    let project = project(&app, &mut peer, "demo").await;
    agent(&app, "worker").await;
    (trips, app, peer, project)
}

/// By connection what was done between one `BEGIN` and the next, and each statement without one alone.
fn transactions(trips: Vec<Trip>) -> Vec<Vec<Trip>> {
    let mut open: BTreeMap<u64, Vec<Trip>> = BTreeMap::new();
    let mut done = Vec::new();
    for trip in trips {
        let connection = trip.connection;
        let its = open.entry(connection).or_default();
        if trip.says("BEGIN") {
            done.push(std::mem::take(its));
        }
        let ends = trip.says("COMMIT") || trip.says("ROLLBACK");
        let begins = trip.says("BEGIN");
        its.push(trip);
        if ends || (its.len() == 1 && !begins) {
            done.push(std::mem::take(its));
        }
    }
    done.extend(open.into_values());
    done
}

/// The trips that a request waits for. Nobody waits for a `ROLLBACK`, nor for a look whether a connection lives,
/// which comes behind it when it goes back to the pool; and what is prepared is prepared once for a connection.
fn waited_for(trips: Vec<Trip>) -> Vec<Trip> {
    let of_it = |trip: &Trip| !trip.said.is_empty() && !trip.says("ROLLBACK");
    let trips: Vec<Trip> = trips.into_iter().filter(of_it).collect();
    let others = |all: &Vec<Trip>| {
        let said = |words: &str| all.iter().any(|trip| trip.says(words));
        BY_THEMSELVES.iter().any(|words| said(words))
    };
    let all = transactions(trips).into_iter();
    all.filter(|all| !others(all)).flatten().collect()
}

async fn asked(trips: &Trips, request: RequestBuilder) -> Vec<Trip> {
    drop(trips.take());
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{text}");
    waited_for(trips.take())
}

/// What was said, for whoever has to find out why it is more.
fn shown(trips: &[Trip]) -> String {
    let short = |said: &String| -> String {
        let words: Vec<&str> = said.split_whitespace().collect();
        words.join(" ").chars().take(100).collect()
    };
    let one = |trip: &Trip| {
        let said: Vec<String> = trip.said.iter().map(short).collect();
        format!("  {} {}\n", trip.connection, said.join("; "))
    };
    trips.iter().map(one).collect()
}

/// What all of as many tries have in common: what others do meanwhile is not in each of them.
async fn common(trips: &Trips, mut ask: impl FnMut() -> RequestBuilder) -> Vec<Trip> {
    let mut common: Option<Vec<Trip>> = None;
    for _ in 0..TRIES {
        let mut now = asked(trips, ask()).await;
        let Some(before) = &mut common else {
            common = Some(now);
            continue;
        };
        before.retain(|trip| {
            let same = now.iter().position(|other| other.said == trip.said);
            same.map(|at| now.swap_remove(at)).is_some()
        });
    }
    common.unwrap()
}

#[tokio::test]
async fn no_hot_request_waits_for_more_than_a_few_round_trips() {
    let (trips, app, mut peer, project) = counted().await;
    peer.vanish();
    let mut cards = Vec::new();
    for n in 0..2 * TRIES + 2 {
        cards.push(card(&app, &project, &format!("card {n}")).await);
    }
    let start = |card: &Card| {
        let path = format!("/cards/{}/runs", card.id);
        app.request(Method::POST, &path).json(&json!({}))
    };
    let get = |path: &str| app.request(Method::GET, path);
    let one = cards.pop().unwrap();
    let run: Run = app.send(start(&one)).await.unwrap();
    let new = json!({ "project": "demo", "title": "One more", "body": "Please." });
    let (shown_card, shown_run) = (format!("/cards/{}", one.id), format!("/runs/{}", run.id));
    let events = format!("{shown_run}/events");
    type Ask<'a> = Box<dyn FnMut() -> RequestBuilder + 'a>;
    // What it waits for where it opens content for the first time in a minute, which is audited, and after it.
    let asks: Vec<(&str, usize, usize, Ask<'_>)> = vec![
        ("who am I", 3, 3, Box::new(|| get("/me"))),
        ("run start", 8, 8, Box::new(|| start(&cards.pop().unwrap()))),
        ("run show", 8, 6, Box::new(|| get(&shown_run))),
        ("run list", 7, 5, Box::new(|| get("/runs"))),
        ("run events", 6, 4, Box::new(|| get(&events))),
        ("card list", 6, 4, Box::new(|| get("/cards?project=demo"))),
        ("card show", 5, 3, Box::new(|| get(&shown_card))),
        (
            "card create",
            8,
            8,
            Box::new(|| app.request(Method::POST, "/cards").json(&new)),
        ),
        ("inbox", 8, 6, Box::new(|| get("/inbox"))),
    ];
    let mut wrong = String::new();
    for (name, first, again, mut ask) in asks {
        let anew = common(&trips, || {
            app.clock.advance(chrono::TimeDelta::seconds(61));
            ask()
        });
        let anew = anew.await;
        let repeated = common(&trips, &mut ask).await;
        assert!(first <= MOST && again <= MOST, "{name}");
        if (anew.len(), repeated.len()) != (first, again) {
            wrong += &format!(
                "{name}: {} and {}\n{}",
                anew.len(),
                repeated.len(),
                shown(&anew)
            );
        }
    }
    assert!(wrong.is_empty(), "other than is written here:\n{wrong}");
}

#[tokio::test]
async fn a_connection_that_was_just_used_is_not_asked_whether_it_lives() {
    let (trips, app, _peer, _project) = counted().await;
    drop(trips.take());
    for _ in 0..TRIES {
        let answer = app.request(Method::GET, "/me").send().await.unwrap();
        assert!(answer.status().is_success());
    }
    // One look behind each use, when it goes back to the pool: a second one was ahead of the next use.
    let mut looked: BTreeMap<u64, bool> = BTreeMap::new();
    let mut twice = 0;
    for trip in trips.take() {
        let before = looked.insert(trip.connection, trip.is_bare());
        twice += usize::from(trip.is_bare() && before == Some(true));
    }
    assert!(
        twice < TRIES / 2,
        "{twice} connections were looked at twice"
    );
}

/// The transaction that says this, of all that there were.
fn that_says(trips: Vec<Trip>, words: &str) -> Vec<Trip> {
    let of_it = |trip: &Trip| !trip.said.is_empty() && !trip.says("ROLLBACK");
    let all = transactions(trips.into_iter().filter(of_it).collect());
    let mut those = all.into_iter().filter(|all| {
        let ends = all.len() == 1 || all.iter().any(|trip| trip.says("COMMIT"));
        ends && all.iter().any(|trip| trip.says(words))
    });
    those.next().unwrap()
}

#[tokio::test]
async fn what_is_done_with_each_word_of_a_runner_takes_this_many_round_trips() {
    let (trips, app, mut peer, project) = counted().await;
    const TAKES: &str = "UPDATE runners r SET last_seq";
    let mut least: BTreeMap<&str, Vec<Trip>> = BTreeMap::new();
    let mut seen = |what, trips: Vec<Trip>| {
        let known = least.entry(what).or_insert_with(|| trips.clone());
        if trips.len() < known.len() {
            *known = trips;
        }
    };
    for n in 0..TRIES {
        let card = card(&app, &project, &format!("card {n}")).await;
        drop(trips.take());
        let path = format!("/cards/{}/runs", card.id);
        let _: Run = app.post(&path, &json!({})).await.unwrap();
        let offer = peer.offer().await;
        seen("offer", that_says(trips.take(), "SKIP LOCKED"));
        let said = peer.accept(&offer).await;
        peer.acknowledged(said).await;
        seen("accepted", that_says(trips.take(), TAKES));
        let step = json!({ "step": "stage" });
        let said = peer.event(&offer, "step.started", step, None).await;
        peer.acknowledged(said).await;
        seen("step", that_says(trips.take(), TAKES));
        peer.beat(&offer).await;
        let beaten = Mutex::new(Vec::new());
        eventually("the heartbeat to be taken", async || {
            let mut beaten = beaten.lock().unwrap();
            beaten.extend(trips.take());
            let is_heard = beaten.iter().any(|trip| trip.says("queue_heard"));
            is_heard.then_some(())
        })
        .await;
        seen(
            "heartbeat",
            that_says(beaten.into_inner().unwrap(), "queue_heard"),
        );
        let failed = Outcome::Failed {
            reason: Reason::AgentFailed,
        };
        let said = peer.finish(&offer, failed).await;
        peer.acknowledged(said).await;
        seen("done", that_says(trips.take(), TAKES));
    }
    let counts: Vec<(&str, usize)> = least.iter().map(|(what, all)| (*what, all.len())).collect();
    // Nobody but the runner's own outbox waits for these.
    let written = [
        ("accepted", 10),
        ("done", 11),
        ("heartbeat", 1),
        ("offer", 11),
        ("step", 5),
    ];
    let told: String = least
        .iter()
        .map(|(what, all)| format!("{what}\n{}", shown(all)))
        .collect();
    assert_eq!(counts, written, "other than is written here:\n{told}");
}

#[tokio::test]
async fn what_is_answered_to_who_starts_a_run_or_makes_a_card_is_what_is_shown_of_it() {
    let (_trips, app, mut peer, project) = counted().await;
    peer.vanish();
    let made = card(&app, &project, "As it is").await;
    let shown: Card = app.get(&format!("/cards/{}", made.id)).await.unwrap();
    assert_eq!(made, shown);
    let after: Card = card(&app, &project, "Behind it").await;
    assert!(after.rank > made.rank);
    let path = format!("/cards/{}/runs", made.id);
    let started: Run = app
        .post(&path, &json!({ "priority": "high" }))
        .await
        .unwrap();
    let shown: Run = app.get(&format!("/runs/{}", started.id)).await.unwrap();
    // Nobody is there to take it, and it may say so by now.
    let shown = Run {
        reason: started.reason,
        detail: started.detail.clone(),
        ..shown
    };
    assert_eq!(started, shown);
    let moved: Card = app.get(&format!("/cards/{}", made.id)).await.unwrap();
    assert_eq!(moved.lane, Lane::Build);
}

#[tokio::test]
async fn a_database_far_away_makes_requests_slower_and_fails_none() {
    const FAR: Duration = Duration::from_millis(50);
    // So many at a time, so often each.
    const CLIENTS: usize = 4;
    const EACH: usize = 6;
    let (trips, app, mut peer, project) = counted().await;
    peer.vanish();
    let mut cards = Vec::new();
    for n in 0..2 * CLIENTS * EACH {
        cards.push(card(&app, &project, &format!("card {n}")).await);
    }
    let ask = async |card: &Card| {
        let began = Instant::now();
        let path = format!("/cards/{}/runs", card.id);
        let run: Run = app.post(&path, &json!({})).await.unwrap();
        let started = began.elapsed();
        let began = Instant::now();
        let _: Run = app.get(&format!("/runs/{}", run.id)).await.unwrap();
        [started, began.elapsed()]
    };
    // What is said for the first time on a connection is prepared, which is another trip.
    let (near, far) = cards.split_at(CLIENTS * EACH);
    let all = async |cards: &[Card]| {
        let mut took = Vec::new();
        for cards in cards.chunks(CLIENTS) {
            let times = futures_util::future::join_all(cards.iter().map(&ask)).await;
            took.extend(times.into_iter().flatten());
        }
        took.sort();
        took
    };
    let before = all(near).await;
    trips.make_longer(FAR);
    let took = all(far).await;
    let before = before[before.len() / 2];
    let (middle, last) = (took[took.len() / 2], took[took.len() - 1]);
    println!("{middle:?} in the middle, {last:?} at most; near: {before:?}");
    assert!(middle >= 3 * FAR, "{middle:?}: it is not far away");
    // What the machine is busy with besides is in both.
    let most = before + Duration::from_millis(600);
    assert!(middle <= most, "{middle:?}, and {before:?} near by");
}
