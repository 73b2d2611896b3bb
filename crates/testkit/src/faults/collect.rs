//! Reads what is there at the end, from each side by itself: the database over a session of its own, the remote with git, the model's
//! own record, what readers are told through each server, and what the kernel shows.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_model::{CardId, EnvironmentId, InvitationId, RunId};
use reqwest::StatusCode;
use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::evidence::{Environment, Event, Evidence, ModelCall, Probe, Reading, Run};
use super::house::House;
use super::{PARTS, SERVERS};
use crate::procs;

/// How often a part is asked whether it is well.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// It is not, when it does not say so within this.
const ASK_WITHIN: Duration = Duration::from_secs(2);
/// A session of one's own: the database may be stopped, or have none left.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A page of what a reader is told, when all is well.
const READ_WITHIN: Duration = Duration::from_secs(15);
const PAGE: usize = 200;
/// Tries of one question that is asked too often.
const TOO_OFTEN: usize = 5;

/// Asks every part, again and again.
#[derive(Debug, Clone)]
pub(super) struct Probes(Arc<Mutex<Vec<Probe>>>);

impl Probes {
    pub(super) fn begin(house: &Arc<House>, ends: &CancellationToken) -> Self {
        let probes = Self(Arc::default());
        for (number, server) in SERVERS.into_iter().enumerate() {
            let (house, ends, probes) = (house.clone(), ends.clone(), probes.clone());
            tokio::spawn(async move {
                let client = reqwest::Client::builder().timeout(ASK_WITHIN).build();
                let client = client.expect("a client");
                while !ends.is_cancelled() {
                    let at = house.now();
                    let health = ask(&house, &client, number, "/health").await;
                    let is_well =
                        (health.as_ref()).is_some_and(|health| health["database"] == true);
                    probes.push(at, server, is_well);
                    // Its own connections: the list of runners shows those at any server.
                    if is_well {
                        let is_there = health.is_some_and(|health| health["runners"] == 1);
                        probes.push(at, PARTS[2 + number], is_there);
                    }
                    tokio::time::sleep(ASK_EVERY).await;
                }
            });
        }
        probes
    }

    fn push(&self, at: u64, part: &str, is_well: bool) {
        let mut probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        probes.push(Probe {
            at,
            part: part.to_owned(),
            is_well,
        });
    }

    pub(super) fn all(&self) -> Vec<Probe> {
        let probes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        probes.clone()
    }
}

/// What is answered, and when to come again where that was too often: who reads all there is asks often.
async fn ask(house: &House, client: &reqwest::Client, number: usize, path: &str) -> Option<Value> {
    let url = format!("{}/api/v1{path}", house.links.people[number].url());
    for _ in 0..TOO_OFTEN {
        let asked = client.get(&url).bearer_auth(&house.token).send().await;
        let answer = asked.ok()?;
        if answer.status() != StatusCode::TOO_MANY_REQUESTS {
            let answer = answer.error_for_status().ok()?;
            return answer.json().await.ok();
        }
        let after = answer.headers().get("retry-after")?.to_str().ok()?;
        tokio::time::sleep(Duration::from_secs(after.parse().ok()?)).await;
    }
    None
}

/// Everything that does not need the people or the storm.
pub(super) async fn collect(house: &House, seen: &mut Evidence) {
    database(house, seen)
        .await
        .expect("the database can be read");
    seen.updates = house.origin.updates();
    seen.moves = house.origin.moves();
    seen.refs = house.origin.refs();
    seen.model = model(house);
    for mail in house.post.arrived() {
        *seen.mails.entry(mail.to.join(", ")).or_default() += 1;
    }
    let client = reqwest::Client::builder().timeout(READ_WITHIN).build();
    let client = client.expect("a client");
    match audit(house, &client, &mut seen.audited).await {
        Ok(()) => seen.audit = None,
        Err(why) => seen.audit = Some(why),
    }
    for (number, server) in SERVERS.into_iter().enumerate() {
        for run in seen.runs.iter().map(|run| run.id.clone()) {
            let events = read(house, &client, number, &run).await.unwrap_or_default();
            seen.readings.push(Reading {
                run,
                reader: server.to_owned(),
                events,
            });
        }
    }
}

/// Carries the audit log away, counts what it says of runs, and has it checked by a script that shares nothing with us.
async fn audit(
    house: &House,
    client: &reqwest::Client,
    audited: &mut BTreeMap<String, u32>,
) -> Result<(), String> {
    let url = format!("{}/api/v1/audit/export", house.links.people[0].url());
    let asked = client.get(url).bearer_auth(&house.token).send().await;
    let answer = asked.and_then(reqwest::Response::error_for_status);
    let text = answer.map_err(|error| error.to_string())?.text().await;
    let text = text.map_err(|error| error.to_string())?;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        if line["action"] == "run.start" {
            let run = line["resource"].as_str().unwrap_or_default().to_owned();
            *audited.entry(run).or_default() += 1;
        }
    }
    let file = house.logs().join("audit.jsonl");
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/verify_audit.py");
    let output = Command::new("python3").arg(script).arg(&file).output();
    let output = output.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// As a reader is told them, page by page.
async fn read(
    house: &House,
    client: &reqwest::Client,
    number: usize,
    run: &str,
) -> Option<Vec<(i64, String)>> {
    let mut events: Vec<(i64, String)> = Vec::new();
    loop {
        let after = events.last().map_or(0, |(seq, _)| *seq);
        let path = format!("/runs/{run}/events?after={after}&limit={PAGE}");
        let page = ask(house, client, number, &path).await?;
        let items = page["items"].as_array()?;
        if items.is_empty() {
            return Some(events);
        }
        for event in items {
            events.push((event["seq"].as_i64()?, event["type"].as_str()?.to_owned()));
        }
    }
}

/// A session that sees what the server sees: row-level security is forced on the schema's owner too, for whom there is no
/// policy.
async fn insider(house: &House) -> Result<PgConnection, sqlx::Error> {
    let connected = PgConnection::connect(&house.database.app);
    let connected = tokio::time::timeout(CONNECT_WITHIN, connected).await;
    let mut session = connected.map_err(|_late| sqlx::Error::PoolTimedOut)??;
    sqlx::query("SELECT set_config('app.tenant', $1, false)")
        .bind(house.tenant.uuid().to_string())
        .execute(&mut session)
        .await?;
    Ok(session)
}

async fn database(house: &House, seen: &mut Evidence) -> Result<(), sqlx::Error> {
    let mut session = insider(house).await?;
    let run = |id: Uuid| RunId::from_uuid(id).to_string();
    for row in sqlx::query("SELECT id FROM cards")
        .fetch_all(&mut session)
        .await?
    {
        seen.cards
            .push(CardId::from_uuid(row.try_get(0)?).to_string());
    }
    let wanted = "SELECT id, card_id, state, reason, epoch, attempt, attempts_max, turn, last_seq, \
                  landed, lease_job IS NOT NULL AS has_lease FROM runs ORDER BY id";
    for row in sqlx::query(wanted).fetch_all(&mut session).await? {
        let number = |name: &str| row.try_get::<i32, _>(name).map(i64::from);
        seen.runs.push(Run {
            id: run(row.try_get("id")?),
            card: CardId::from_uuid(row.try_get("card_id")?).to_string(),
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
            epoch: number("epoch")?,
            attempt: number("attempt")?,
            attempts_max: number("attempts_max")?,
            turn: number("turn")?,
            last_seq: row.try_get("last_seq")?,
            landed: row.try_get("landed")?,
            has_lease: row.try_get("has_lease")?,
        });
    }
    for row in sqlx::query("SELECT key, made FROM idempotency")
        .fetch_all(&mut session)
        .await?
    {
        let (key, made): (String, Uuid) = (row.try_get("key")?, row.try_get("made")?);
        // Whose it is and what for stand before the word that was sent.
        let key = key.splitn(3, '/').last().unwrap_or_default().to_owned();
        let made = match key.starts_with("make-") {
            true => CardId::from_uuid(made).to_string(),
            false => run(made),
        };
        seen.keys.insert(key, made);
    }
    for row in sqlx::query("SELECT id, email FROM invitations")
        .fetch_all(&mut session)
        .await?
    {
        let id = InvitationId::from_uuid(row.try_get(0)?).to_string();
        seen.invitations.insert(id, row.try_get(1)?);
    }
    let wanted = "SELECT run_id, seq, kind, epoch, n FROM run_events ORDER BY run_id, seq";
    for row in sqlx::query(wanted).fetch_all(&mut session).await? {
        let events = seen.events.entry(run(row.try_get("run_id")?)).or_default();
        events.push(Event {
            seq: row.try_get("seq")?,
            kind: row.try_get("kind")?,
            epoch: row.try_get::<i32, _>("epoch")?.into(),
            n: row.try_get("n")?,
        });
    }
    let wanted = "SELECT id, state, jobs FROM environments";
    for row in sqlx::query(wanted).fetch_all(&mut session).await? {
        seen.environments.push(Environment {
            id: EnvironmentId::from_uuid(row.try_get("id")?).to_string(),
            state: row.try_get("state")?,
            jobs: row.try_get::<i32, _>("jobs")?.into(),
        });
    }
    for row in sqlx::query("SELECT run_id FROM queue_ready")
        .fetch_all(&mut session)
        .await?
    {
        seen.ready.push(run(row.try_get(0)?));
    }
    for row in sqlx::query("SELECT run_id FROM queue_leases")
        .fetch_all(&mut session)
        .await?
    {
        seen.leased.push(run(row.try_get(0)?));
    }
    session.close().await
}

/// Runs that somebody or something is still at: by state.
pub(super) async fn under_way(house: &House) -> Option<BTreeMap<String, i64>> {
    let mut session = insider(house).await.ok()?;
    let wanted = "SELECT state, count(*) FROM runs GROUP BY state";
    let rows = sqlx::query(wanted).fetch_all(&mut session).await.ok()?;
    let _closed = session.close().await;
    (rows.iter())
        .map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)))
        .collect()
}

/// What reached the model. A question names its card; what it was told before is how often the model has spoken.
fn model(house: &House) -> Vec<ModelCall> {
    let call = |body: &Value| {
        let text = body.to_string();
        let at = text.find("card-")?;
        let messages = body["messages"].as_array()?;
        Some(ModelCall {
            card: text.get(at..at + "card-000000".len())?.to_owned(),
            turn: (messages.iter())
                .filter(|message| message["role"] == "assistant")
                .count(),
        })
    };
    let asked = house.model.requests();
    asked.iter().filter_map(|one| call(&one.body)).collect()
}

/// What is still there of runs, though none is under way.
pub(super) fn left_behind(house: &House) -> Vec<String> {
    let mark = house.mark();
    let mut left: Vec<String> = procs::sandboxed(&mark)
        .into_iter()
        .map(|pid| format!("a process in a sandbox: {pid} {}", procs::words(pid)))
        .collect();
    for pid in procs::marked(&mark) {
        let program = procs::program(pid);
        if program == "git" || program == "bwrap" {
            left.push(format!("a process: {pid} {}", procs::words(pid)));
        }
    }
    if let Some(damage) = house.origin.damage() {
        left.push(format!("the remote is damaged: {damage}"));
    }
    left
}

/// Mounts below the kit's directory, its small disks apart.
pub(super) fn mounts(house: &House) -> Vec<String> {
    let mark = house.mark();
    let text = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let place = |line: &str| line.split(' ').nth(1).map(str::to_owned);
    (text.lines().filter_map(place))
        .filter(|place| place.starts_with(&mark))
        .filter(|place| {
            house
                .disks
                .iter()
                .all(|disk| disk.path() != std::path::Path::new(place))
        })
        .collect()
}
