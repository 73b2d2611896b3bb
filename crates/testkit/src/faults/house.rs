//! The installation that is made to suffer: PostgreSQL, two servers over it, two runners, a git remote, a scripted model,
//! and a proxy wherever two of them speak. Everything is the real program in a directory of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use freehold_model::TenantId;
use freehold_postgres::{APP_ROLE, DATABASE, OWNER_ROLE, Options, PORT, Postgres};
use freehold_scripted::{Handle, Listen, Script, ScriptedModel};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::clocks::{Clocks, DATABASE as DATABASE_CLOCK};
use super::disk::Disk;
use super::origin::Origin;
use super::part::{Part, Start, executable};
use super::{PARTS, SERVERS};
use crate::procs;
use crate::proxy::Proxy;
use crate::smtp::MailServer;

/// A start of everything, with a database that is made anew.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// One answer about its health; the server itself gives up sooner.
const ASK_WITHIN: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);
/// PostgreSQL's data with its log of a gigabyte at most; most of it is never used.
const DATABASE_MB: u32 = 1536;
const CONTENT_MB: u32 = 128;
const RUNNER_MB: u32 = 512;

/// A small disk cannot keep a gigabyte in reserve.
const POLICY: &str = "reserve = \"32MiB\"\n";

/// The agent that is a program: says a little for a second, and writes a file that is called like its card.
const WRITER: &str = r#"#!/bin/sh
set -eu
title=$(sed 's/.*"title":"\([^"]*\)".*/\1/' "$FREEHOLD_CARD")
i=0; while [ $i -lt 10 ]; do i=$((i + 1)); echo "$title says $i"; sleep 0.1; done
mkdir -p work; date +%s%N > "work/$title"
"#;
/// The same by a model. What it writes has a name that no other run takes.
const SCRIPT: &str = r#"
name = "faults"
[[turns]]
steps = [{ tool_call = { name = "shell", arguments = { command = "sleep 0.5; ls" } } }]
[[turns]]
steps = [{ tool_call = { name = "shell", arguments = { command = "mkdir -p work; f=$(cat /proc/sys/kernel/random/uuid); echo $f > work/$f" } } }]
[[turns]]
steps = [{ text = "It is written." }]
"#;

/// A proxy between each two parts that speak to each other, one per server or runner.
#[derive(Debug)]
pub(super) struct Links {
    /// People and a server.
    pub(super) people: [Proxy; 2],
    /// A runner and its server.
    pub(super) runners: [Proxy; 2],
    /// A server and the database.
    pub(super) database: [Proxy; 2],
}

impl Links {
    pub(super) fn all(&self) -> impl Iterator<Item = &Proxy> {
        self.people
            .iter()
            .chain(&self.runners)
            .chain(&self.database)
    }
}

/// PostgreSQL, started again whenever it ends.
#[derive(Debug)]
pub(super) struct Database {
    pid: Arc<AtomicU32>,
    /// Its address as the owner of the schema.
    pub(super) owner: String,
    /// Its address as the role that the servers use.
    pub(super) app: String,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Database {
    async fn start(options: Options) -> (Self, PathBuf) {
        let first = freehold_postgres::start(options.clone(), CancellationToken::new())
            .await
            .expect("PostgreSQL starts");
        let (owner, app) = (first.owner_url(), first.app_url());
        let socket = first.socket_dir().join(format!(".s.PGSQL.{PORT}"));
        let pid = Arc::new(AtomicU32::new(first.pid()));
        let stop = CancellationToken::new();
        let (known, ends) = (pid.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut present: Option<Postgres> = Some(first);
            loop {
                if let Some(mut postgres) = present.take() {
                    known.store(postgres.pid(), Ordering::SeqCst);
                    let ended = tokio::select! {
                        _exit = postgres.wait() => true,
                        () = ends.cancelled() => false,
                    };
                    known.store(0, Ordering::SeqCst);
                    if !ended {
                        postgres.stop().await;
                        return;
                    }
                }
                match freehold_postgres::start(options.clone(), ends.clone()).await {
                    Ok(postgres) => present = Some(postgres),
                    Err(_) if ends.is_cancelled() => return,
                    Err(_) => tokio::time::sleep(LOOK).await,
                }
            }
        });
        let database = Self {
            pid,
            owner,
            app,
            stop,
            task,
        };
        (database, socket)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        let pid = self.pid.load(Ordering::SeqCst);
        (pid != 0).then_some(pid)
    }

    /// Its sessions that servers use.
    pub(super) fn backends(&self) -> Vec<u32> {
        let Some(pid) = self.pid() else {
            return Vec::new();
        };
        let mut below = procs::tree(pid);
        below.remove(&pid);
        (below.into_iter())
            .filter(|pid| procs::words(*pid).contains(APP_ROLE))
            .collect()
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct House {
    pub(super) database: Database,
    pub(super) servers: [Part; 2],
    pub(super) runners: [Part; 2],
    pub(super) links: Links,
    pub(super) origin: Origin,
    pub(super) model: Handle,
    /// Where the servers' mails arrive.
    pub(super) post: MailServer,
    pub(super) clocks: Clocks,
    /// PostgreSQL's, the servers' content, each runner's.
    pub(super) disks: Vec<Disk>,
    pub(super) token: String,
    pub(super) tenant: TenantId,
    pub(super) began: Instant,
    root: TempDir,
}

impl House {
    /// Starts everything, and makes a project with two agents.
    pub(super) async fn build(program: &Path, seed: u64, root: TempDir) -> Self {
        let began = Instant::now();
        let at = root.path();
        for name in ["home/.local/bin", "elsewhere", "logs", "links", "agents"] {
            std::fs::create_dir_all(at.join(name)).unwrap();
        }
        let clocks = Clocks::make(at);
        let disk = |name: &str, size| Disk::make(&at.join("disks").join(name), size);
        let disks = vec![
            disk("database", DATABASE_MB),
            disk("content", CONTENT_MB),
            disk(PARTS[2], RUNNER_MB),
            disk(PARTS[3], RUNNER_MB),
        ];
        let mut options = Options::new(disks[0].path().join("postgres"));
        options.binaries = clocks.postgres(at);
        let (database, socket) = Database::start(options).await;
        let ports = [free_port(), free_port()];
        let post = MailServer::start();
        let smtp = at.join("smtp");
        secret(&smtp, &post.url());
        let shop = Shop {
            at,
            program,
            clocks: &clocks,
            smtp: &smtp,
        };
        let behind = |name: &str, number: u64| {
            let directory = at.join("links").join(name);
            std::fs::create_dir_all(&directory).unwrap();
            let here = directory.join(format!(".s.PGSQL.{PORT}"));
            Proxy::to_unix(&here, &socket, seed.wrapping_add(number))
        };
        let database_links = [behind(SERVERS[0], 1), behind(SERVERS[1], 2)];
        let content = disks[1].path().join("blobs");
        std::fs::create_dir_all(&content).unwrap();

        let first = at.join(SERVERS[0]);
        shop.server_directory(&first, SERVERS[0], &content);
        let one = shop.server(SERVERS[0], ports[0]);
        let keys = first.join("keys/seal.key");
        let client = first.join("client.json");
        until("the first server serves", || {
            keys.exists() && client.exists()
        })
        .await;
        let second = at.join(SERVERS[1]);
        shop.server_directory(&second, SERVERS[1], &content);
        std::os::unix::fs::symlink(first.join("keys"), second.join("keys")).unwrap();
        std::fs::copy(&client, second.join("client.json")).unwrap();
        let other = shop.server(SERVERS[1], ports[1]);
        let client: Value = serde_json::from_slice(&std::fs::read(&client).unwrap()).unwrap();
        let token = client["token"].as_str().unwrap().to_owned();

        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let link = |number: usize, by: u64| Proxy::to(&url(ports[number]), seed.wrapping_add(by));
        let people = [link(0, 3), link(1, 4)];
        let runner_links = [link(0, 5), link(1, 6)];
        let script = Script::from_toml(SCRIPT).unwrap();
        let model = ScriptedModel::start(script, Listen::Loopback(0))
            .await
            .unwrap();
        let set_up = SetUp {
            client: reqwest::Client::new(),
            url: people[0].url(),
            token: token.clone(),
        };
        let me = set_up.ask(reqwest::Method::GET, "/me", None).await;
        let tenant = me["tenant"].as_str().unwrap().parse().unwrap();
        let mut runners = Vec::new();
        for (number, name) in PARTS[2..].iter().enumerate() {
            let made = set_up.post("/runners/tokens", json!({})).await;
            let file = at.join(format!("token-{name}"));
            std::fs::write(&file, made["token"].as_str().unwrap()).unwrap();
            let data = disks[2 + number].path().join("data");
            std::fs::create_dir_all(&data).unwrap();
            std::fs::write(data.join("policy.toml"), POLICY).unwrap();
            runners.push(shop.runner(name, &runner_links[number].url(), &file, &data));
        }
        for (number, link) in people.iter().enumerate() {
            set_up.whole(SERVERS[number], &link.url()).await;
        }
        let origin = Origin::make(&at.join("origin"));
        set_up
            .board(&origin.url(), model.url(), &at.join("agents"))
            .await;
        let mut runners = runners.into_iter();
        let runners = [runners.next().unwrap(), runners.next().unwrap()];
        Self {
            database,
            servers: [one, other],
            runners,
            links: Links {
                people,
                runners: runner_links,
                database: database_links,
            },
            origin,
            model,
            post,
            clocks,
            disks,
            token,
            tenant,
            began,
            root,
        }
    }

    /// Milliseconds since it was begun.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What everything of ours is known by, in `/proc`.
    pub(super) fn mark(&self) -> String {
        self.root.path().to_string_lossy().into_owned()
    }

    /// The process of a part, in the order of [`PARTS`].
    pub(super) fn part(&self, number: usize) -> &Part {
        match number {
            0 | 1 => &self.servers[number],
            _ => &self.runners[number - 2],
        }
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.root.path().join("logs")
    }

    /// Nothing is wrong with anything any more.
    pub(super) fn heal(&self) {
        self.links.all().for_each(Proxy::heal);
        self.disks.iter().for_each(Disk::empty);
        self.origin.turn(super::origin::Mood::Well);
        for part in PARTS.into_iter().chain([DATABASE_CLOCK]) {
            self.clocks.set(part, 0);
        }
    }

    /// Ends everything; says what did not end, and what stayed.
    pub(super) async fn stop(self) -> Vec<String> {
        let mut left = Vec::new();
        let [one, other] = self.runners;
        let [first, second] = self.servers;
        for (name, part) in PARTS.into_iter().rev().zip([other, one, second, first]) {
            if !part.stop().await {
                left.push(format!("{name} did not end when it was told to"));
            }
        }
        drop(self.links);
        self.model.shutdown().await;
        self.database.stop.cancel();
        let _ended = self.database.task.await;
        let mark = self.root.path().to_string_lossy().into_owned();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) && !procs::marked(&mark).is_empty() {
            tokio::time::sleep(LOOK).await;
        }
        let processes = procs::marked(&mark);
        left.extend(
            processes
                .iter()
                .map(|pid| format!("after the end: {pid} {}", procs::words(*pid))),
        );
        processes.into_iter().for_each(procs::kill_9);
        drop(self.disks);
        left
    }
}

/// Where parts are made.
struct Shop<'a> {
    at: &'a Path,
    program: &'a Path,
    clocks: &'a Clocks,
    /// The file that holds the mail server's address.
    smtp: &'a Path,
}

impl Shop<'_> {
    fn server_directory(&self, directory: &Path, name: &str, content: &Path) {
        std::fs::create_dir_all(directory).unwrap();
        let link = self.at.join("links").join(name);
        let socket = link.to_string_lossy().replace('/', "%2F");
        let url =
            |role: &str| format!("postgres:///{DATABASE}?host={socket}&port={PORT}&user={role}");
        let text = json!({ "owner": url(OWNER_ROLE), "app": url(APP_ROLE) });
        std::fs::write(directory.join("database.json"), text.to_string()).unwrap();
        std::os::unix::fs::symlink(content, directory.join("blobs")).unwrap();
    }

    fn part(&self, name: &str, words: &[&str]) -> Part {
        let home = self.at.join("home");
        let parent = std::process::id().to_string();
        let mut environment = self.clocks.environment(name);
        let tools = home.join(".local/bin");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", tools.display());
        environment.extend([
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), home.to_string_lossy().into_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ]);
        let words = [words, &["--json", "--parent", &parent]].concat();
        Part::start(Start {
            program: self.program.to_owned(),
            words: words.into_iter().map(str::to_owned).collect(),
            environment,
            directory: self.at.join("elsewhere"),
            log: self.at.join("logs").join(name),
        })
    }

    fn server(&self, name: &str, port: u16) -> Part {
        let data = self.at.join(name);
        let listen = format!("127.0.0.1:{port}");
        let words = [
            "server",
            // Both keep what runs leave behind in one directory.
            "--content-shared",
            "--data",
            data.to_str().unwrap(),
            "--listen",
            &listen,
            "--smtp-file",
            self.smtp.to_str().unwrap(),
        ];
        self.part(name, &words)
    }

    fn runner(&self, name: &str, server: &str, token: &Path, data: &Path) -> Part {
        let (token, data) = (token.to_str().unwrap(), data.to_str().unwrap());
        let words = [
            "runner",
            "serve",
            "--server",
            server,
            "--token-file",
            token,
            "--data",
            data,
        ];
        self.part(name, &words)
    }
}

/// Asks before there are faults: what fails is asked again.
struct SetUp {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl SetUp {
    async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(reqwest::Method::POST, path, Some(body)).await
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let begun = Instant::now();
        loop {
            let url = format!("{}/api/v1{path}", self.url);
            let mut request = self.client.request(method.clone(), url);
            if let Some(body) = &body {
                request = request.json(body);
            }
            let request = request.bearer_auth(&self.token).timeout(READY_WITHIN);
            let said = match request.send().await {
                Ok(answer) if answer.status().is_success() => {
                    return answer.json().await.expect("a document");
                }
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            assert!(begun.elapsed() < READY_WITHIN, "{path}: {said}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a server has its database and its runner: over half an installation, a storm proves half as much.
    async fn whole(&self, name: &str, server: &str) {
        let begun = Instant::now();
        loop {
            let asked = self.client.get(format!("{server}/api/v1/health"));
            let said = match asked.timeout(ASK_WITHIN).send().await {
                Ok(answer) => answer.json::<Value>().await.unwrap_or_default(),
                Err(error) => json!(error.to_string()),
            };
            if said["database"] == true && said["runners"] == 1 {
                return;
            }
            assert!(
                begun.elapsed() < READY_WITHIN,
                "{name} has no database or no runner of its own: {said}"
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn board(&self, remote: &str, model: &str, agents: &Path) {
        let project = json!({ "name": "demo", "remote": remote, "egress": "none" });
        self.post("/projects", project).await;
        let script = agents.join("script");
        executable(&script, WRITER);
        let (agents, script) = (agents.to_str(), script.to_str());
        let writer = json!({
            "name": "writer", "driver": "command", "paths": [agents], "command": [script],
        });
        self.post("/agents", writer).await;
        let provider = json!({
            "name": "model", "kind": "openai", "base_url": format!("{model}/v1"),
            "model": "scripted", "key": "none",
        });
        self.post("/providers", provider).await;
        let builtin = json!({ "name": "thinker", "driver": "builtin", "provider": "model" });
        self.post("/agents", builtin).await;
    }
}

/// A file that only its owner reads.
fn secret(file: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::File::options();
    let mut file = options.write(true).create_new(true).mode(0o600).open(file);
    let file = file.as_mut().expect("a new file");
    std::io::Write::write_all(file, text.as_bytes()).expect("it is written");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < READY_WITHIN, "waited in vain: {what}");
        tokio::time::sleep(LOOK).await;
    }
}
