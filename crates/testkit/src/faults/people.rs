//! People who plan, start, look and decide, and write down each request with its answer. They ask again what was not
//! answered, with the same key, at whichever server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::ENDED;
use super::evidence::Call;
use super::house::House;
use crate::dice::Dice;

/// A server answers within ten seconds whatever happens to its database; then it is taken for away.
const PATIENCE: Duration = Duration::from_secs(15);
const AGAIN: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(400);
/// Nobody starts again at once what has just failed.
const CROSS: Duration = Duration::from_secs(2);
/// Tries of one request, at five a second at most: more than any fault lasts.
const TRIES: usize = 600;
/// One card in so many is a reason to invite somebody.
const INVITES_ONE_IN: u64 = 4;
/// Invitations: fewer than an organization may mail in a day.
const INVITATIONS: usize = 80;
/// Yeses to one run: each that came to nothing said why.
const YESES: usize = 40;

/// Who asks, and what was answered.
#[derive(Debug)]
pub(super) struct People {
    house: Arc<House>,
    clients: [reqwest::Client; 2],
    calls: Mutex<Vec<Call>>,
    dice: Dice,
    cards: AtomicUsize,
    invitations: AtomicUsize,
    /// No new card is begun.
    goes_home: AtomicBool,
}

/// One request.
struct Ask<'a> {
    op: &'static str,
    about: &'a str,
    method: reqwest::Method,
    path: String,
    key: Option<&'a str>,
    body: Option<Value>,
}

impl<'a> Ask<'a> {
    fn get(op: &'static str, about: &'a str, path: String) -> Self {
        Self {
            op,
            about,
            method: reqwest::Method::GET,
            path,
            key: None,
            body: None,
        }
    }

    fn post(op: &'static str, about: &'a str, path: String, body: Option<Value>) -> Self {
        Self {
            method: reqwest::Method::POST,
            body,
            ..Self::get(op, about, path)
        }
    }

    fn with_key(self, key: &'a str) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }
}

impl People {
    pub(super) fn of(house: Arc<House>, seed: u64) -> Self {
        let client = || {
            reqwest::Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("a client")
        };
        Self {
            house,
            clients: [client(), client()],
            calls: Mutex::new(Vec::new()),
            dice: Dice::new(seed),
            cards: AtomicUsize::new(0),
            invitations: AtomicUsize::new(0),
            goes_home: AtomicBool::new(false),
        }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.clone()
    }

    /// What is begun is brought to its end, and nothing else is begun.
    pub(super) fn go_home(&self) {
        self.goes_home.store(true, Ordering::Relaxed);
    }

    /// One person, card after card.
    pub(super) async fn work(self: Arc<Self>) {
        while !self.goes_home.load(Ordering::Relaxed) {
            let number = self.cards.fetch_add(1, Ordering::Relaxed);
            let title = format!("card-{number:06}");
            self.invite(&title).await;
            self.card(&title).await;
        }
    }

    /// Now and then somebody else is asked to join.
    async fn invite(&self, title: &str) {
        let is_one = self.dice.once_in(INVITES_ONE_IN);
        if !is_one || self.invitations.fetch_add(1, Ordering::Relaxed) >= INVITATIONS {
            return;
        }
        let email = format!("{title}@example.org");
        let key = format!("invite-{title}");
        let body = json!({ "email": email, "role": "viewer" });
        let op = "invitation.create";
        let ask = || Ask::post(op, &email, "/invitations".into(), Some(body.clone()));
        self.surely(|| ask().with_key(&key)).await;
    }

    /// From the board to its end.
    async fn card(&self, title: &str) {
        let body = json!({ "project": "demo", "title": title });
        let key = format!("make-{title}");
        let ask = || Ask::post("card.create", title, "/cards".into(), Some(body.clone()));
        let Some(card) = self.surely(|| ask().with_key(&key)).await else {
            return;
        };
        let card = card["id"].as_str().unwrap_or_default().to_owned();
        // What failed for no fault of its own is tried once more, as a person would.
        for time in 0..2 {
            let key = format!("start-{title}-{time}");
            let Some(run) = self.start(title, &card, &key).await else {
                return;
            };
            if self.follow(&run).await.as_deref() != Some("failed") {
                return;
            }
            tokio::time::sleep(CROSS).await;
        }
    }

    async fn start(&self, title: &str, card: &str, key: &str) -> Option<String> {
        let agent = match self.dice.once_in(3) {
            true => "thinker",
            false => "writer",
        };
        let path = format!("/cards/{card}/runs");
        let body = json!({ "agent": agent });
        let ask = || Ask::post("run.start", title, path.clone(), Some(body.clone())).with_key(key);
        // An impatient finger.
        if self.dice.once_in(4) {
            let _three = tokio::join!(
                self.ask(0, ask()),
                self.ask(1, ask()),
                self.ask(self.server(), ask())
            );
        }
        let run = self.surely(ask).await?;
        Some(run["id"].as_str()?.to_owned())
    }

    /// Looks until it ends, and decides when it waits. Its last state.
    async fn follow(&self, run: &str) -> Option<String> {
        let path = format!("/runs/{run}");
        let (mut yeses, mut replies) = (0, 0);
        let cancels = self.dice.once_in(15);
        loop {
            let seen = self
                .surely(|| Ask::get("run.show", run, path.clone()))
                .await?;
            let state = seen["state"].as_str().unwrap_or_default();
            if ENDED.contains(&state) {
                return Some(state.to_owned());
            }
            if state == "running" && cancels {
                let cancel = || Ask::post("run.cancel", run, format!("{path}/cancel"), None);
                self.surely(cancel).await;
            }
            if self.dice.once_in(6) {
                let events = || Ask::get("run.events", run, format!("{path}/events?limit=50"));
                self.surely(events).await;
            }
            if state == "waiting" {
                let what = match self.dice.draw(0, 16) {
                    0 => "reject",
                    1 if replies == 0 => "reply",
                    _ if yeses >= YESES => "reject",
                    _ => "approve",
                };
                match what {
                    "reply" => replies += 1,
                    _ => yeses += 1,
                }
                self.decide(run, what, &seen).await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn decide(&self, run: &str, what: &str, seen: &Value) {
        let path = format!("/runs/{run}/{what}");
        let key = format!("reply-{run}");
        match what {
            "reject" => {
                let body = json!({ "reason": "not what was meant" });
                let ask = || Ask::post("run.reject", run, path.clone(), Some(body.clone()));
                self.surely(ask).await;
            }
            "reply" => {
                let body = json!({ "text": "once more, please" });
                let ask = || Ask::post("run.reply", run, path.clone(), Some(body.clone()));
                self.surely(|| ask().with_key(&key)).await;
            }
            _ => {
                let body = json!({ "commit": seen["commit"] });
                let ask = || Ask::post("run.approve", run, path.clone(), Some(body.clone()));
                self.surely(ask).await;
            }
        }
    }

    fn server(&self) -> usize {
        usize::from(self.dice.once_in(2))
    }

    /// Asks until there is an answer that asking again would not change. `None` for a refusal.
    async fn surely<'a>(&self, ask: impl Fn() -> Ask<'a>) -> Option<Value> {
        let mut server = self.server();
        for _ in 0..TRIES {
            let (status, document) = self.ask(server, ask()).await;
            match status {
                200..=299 => return Some(document),
                // Another one's server may know better.
                0 | 500.. | 429 => server = 1 - server,
                _ => return None,
            }
            tokio::time::sleep(AGAIN).await;
        }
        None
    }

    /// One request, written down.
    async fn ask(&self, server: usize, ask: Ask<'_>) -> (u16, Value) {
        let mut call = Call {
            at: self.house.now(),
            server,
            op: ask.op.to_owned(),
            about: ask.about.to_owned(),
            key: ask.key.map(str::to_owned),
            ..Call::default()
        };
        let url = format!(
            "{}/api/v1{}",
            self.house.links.people[server].url(),
            ask.path
        );
        let mut request = self.clients[server]
            .request(ask.method, url)
            .bearer_auth(&self.house.token);
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
        }
        let mut document = Value::Null;
        match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                match answer.json::<Value>().await {
                    Ok(said) => {
                        call.status = status;
                        document = said;
                    }
                    Err(error) if error.is_decode() && status >= 400 => call.status = status,
                    Err(error) => call.trouble = Some(error.to_string()),
                }
            }
            Err(error) => call.trouble = Some(format!("{error:?}").chars().take(300).collect()),
        }
        call.until = self.house.now();
        let text = |name: &str| document[name].as_str().map(str::to_owned);
        if call.status >= 400 {
            call.code = text("code");
            // What a client can mend by itself is in no log.
            let words: &[&str] = match call.status {
                500.. => &["code", "detail", "next", "correlation"],
                _ => &["code", "detail", "next"],
            };
            call.is_explained = (words.iter()).all(|name| {
                document[*name]
                    .as_str()
                    .is_some_and(|said| !said.is_empty())
            });
        } else if call.status >= 200 {
            call.made = text("id");
        }
        let status = call.status;
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(call);
        (status, document)
    }
}
