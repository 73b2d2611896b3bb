//! Two servers, processes of the real program, over one database and one place for content, and a
//! balancer before them that knows nothing: each is started anew while a run is under way, and while
//! somebody watches it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::Duration;

use freehold_postgres::{Options, Postgres};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::bad_link::Far;
use super::day::output;
use super::harness::{Installation, id};
use super::procs::{self, until, within};
use super::proxy::Proxy;
use super::remote::{Push, Remote};

/// Said over more than the restarts take.
const LINES: usize = 300;
/// Each server, twice.
const RESTARTS: usize = 4;
/// A server that is told to end lets streams and links go, and does.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// The two, and their database.
struct Servers {
    here: Installation,
    ports: [u16; 2],
    running: [Option<Child>; 2],
    _postgres: Postgres,
    /// Looks after the database.
    _runtime: tokio::runtime::Runtime,
}

impl Servers {
    fn start() -> Self {
        let here = Installation::down(&[]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let options = Options::new(here.beside("postgres"));
        let started = freehold_postgres::start(options, CancellationToken::new());
        let postgres = runtime.block_on(started).unwrap();
        let addresses = serde_json::json!({
            "owner": postgres.owner_url(),
            "app": postgres.app_url(),
        });
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = [free(), free()].map(|port| port.local_addr().unwrap().port());
        let mut servers = Self {
            here,
            ports,
            running: [None, None],
            _postgres: postgres,
            _runtime: runtime,
        };
        for which in [0, 1] {
            let data = servers.data(which);
            fs::create_dir_all(data.join("keys")).unwrap();
            fs::write(data.join("database.json"), addresses.to_string()).unwrap();
            if which == 1 {
                // What is sealed to one must open for the other.
                let key = servers.data(0).join("keys/seal.key");
                fs::copy(key, data.join("keys/seal.key")).unwrap();
            }
            servers.serve(which);
        }
        servers
    }

    fn data(&self, which: usize) -> PathBuf {
        self.here.beside(["one", "other"][which])
    }

    fn url(&self, which: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[which])
    }

    fn serve(&mut self, which: usize) {
        let listen = format!("127.0.0.1:{}", self.ports[which]);
        let mut child = self
            .here
            .program(&["server", "--content-shared", "--listen", &listen])
            .arg("--data")
            .arg(self.data(which))
            .arg("--content")
            .arg(self.here.beside("content"))
            .stdout(Stdio::piped())
            .stderr(self.here.log("servers"))
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = format!(":{}", self.ports[which]);
        assert!(line.contains(&port), "{line}");
        self.running[which] = Some(child);
    }

    /// As a deployment does: it is told to end, and another is started in its place.
    fn restart(&mut self, which: usize) {
        let mut child = self.running[which].take().unwrap();
        procs::signal(child.id(), Signal::SIGTERM);
        let status = within(ENDS_WITHIN, "a server ends on SIGTERM", || {
            child.try_wait().unwrap()
        });
        assert!(status.success(), "{status}");
        self.serve(which);
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Watches a run as a browser does: a stream that breaks is begun anew behind the last that was seen.
/// Gives each event as it comes, and how many streams it took at the end.
fn watch(url: &str, token: &str, run: &str) -> (Receiver<Value>, Receiver<usize>) {
    let (seen, events) = channel();
    let (ended, end) = channel();
    let address = url.strip_prefix("http://").unwrap().to_owned();
    let (token, run) = (token.to_owned(), run.to_owned());
    std::thread::spawn(move || {
        let (mut last, mut streams) = (0, 0);
        loop {
            sleep(Duration::from_millis(20));
            let Ok(mut stream) = TcpStream::connect(&address) else {
                continue;
            };
            let asked = write!(
                stream,
                "GET /api/v1/runs/{run}/events/stream HTTP/1.1\r\nhost: {address}\r\nlast-event-id: {last}\r\nauthorization: Bearer {token}\r\n\r\n"
            );
            if asked.is_err() {
                continue;
            }
            streams += 1;
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let Some(event) = line.strip_prefix("data: ") else {
                    continue;
                };
                // Cut in the middle: it comes again.
                let Ok(event) = serde_json::from_str::<Value>(event) else {
                    break;
                };
                last = event["seq"].as_u64().unwrap();
                let over = event["type"] == "run.succeeded";
                if seen.send(event).is_err() {
                    return;
                }
                if over {
                    let _ = ended.send(streams);
                    return;
                }
            }
        }
    });
    (events, end)
}

#[test]
fn servers_are_started_anew_one_after_the_other_and_nobody_notices() {
    let mut servers = Servers::start();
    let proxy = Proxy::before(&[&servers.url(0), &servers.url(1)], 1);
    let client = fs::read(servers.data(0).join("client.json")).unwrap();
    let client: Value = serde_json::from_slice(&client).unwrap();
    let token = client["token"].as_str().unwrap();
    let line = serde_json::json!({
        "url": proxy.url(), "token": token, "sign_in": "", "pid": 0,
        "pids": { "server": 0, "runner": 0, "postgres": 0 },
    });
    servers.here.line = Some(serde_json::from_value(line).unwrap());
    let far = Far::behind(&servers.here, &proxy);
    let remote = Remote::bare(&[("greeting", "good evening\n")]);
    // The runner's link is at one of them; whichever is asked has it try the remote.
    servers.here.project("demo", &remote, &["--egress", "none"]);
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do i=$((i + 1)); echo \"line $i\"; sleep 0.03; done; barrier end; cp \"$FREEHOLD_CARD\" greeting"
    );
    servers.here.agent("talker", &script);
    let card = servers.here.card("demo", "Talk through restarts");
    let run = id(&servers.here.fh(&["run", "start", &card]).ok()).to_owned();
    let (events, end) = watch(&proxy.url(), token, &run);
    servers.here.run_in(&run, &["running"]);
    let mut acknowledged = Vec::new();
    for turn in 0..RESTARTS {
        // What a server has answered is there whatever becomes of it.
        acknowledged.push(servers.here.card("demo", &format!("Kept {turn}")));
        servers.restart(turn % 2);
        let kept = servers.here.fh(&["card", "show", &acknowledged[turn]]).ok();
        assert_eq!(kept["title"], format!("Kept {turn}"));
    }
    servers.here.open("end");
    let waiting = servers.here.run_in(&run, &["waiting", "failed"]);
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert_eq!(waiting["attempt"], 1, "no lease was lost: {waiting}");
    let said = output(&servers.here.events(&run), "agent");
    let wanted: String = (1..=LINES).map(|n| format!("line {n}\n")).collect();
    assert_eq!(said, wanted, "each line once and in order");
    let diff = servers.here.fh(&["run", "diff", &run]);
    assert!(diff.out().contains("greeting"), "{diff}");

    let landed = servers.here.fh(&["run", "approve", &run]).ok();
    assert_eq!(landed["state"], "succeeded", "{landed}");
    assert_eq!(remote.taken(Push::Target), 1);
    assert_eq!(remote.landed(&run).len(), 1);
    let streams = until("whoever watches sees the end", || end.try_recv().ok());
    assert!(streams > 1, "the stream never broke: nothing was tried");
    let seqs: Vec<u64> = events
        .try_iter()
        .map(|e| e["seq"].as_u64().unwrap())
        .collect();
    let all: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, all, "each once, in order, over {streams} streams");
    assert_eq!(servers.here.events(&run).len(), seqs.len());
    drop(far);
}

#[test]
fn a_second_server_needs_the_same_content_and_may_not_share_a_directory_unsaid() {
    let servers = Servers::start();
    let boot = |more: &[&str]| {
        let data = servers.data(1);
        let words = ["server", "--json", "--listen", "127.0.0.1:0", "--data"];
        let mut program = servers.here.program(&words);
        let done = program.arg(data).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success(), "{said}");
        said
    };
    let content = servers.here.beside("content");
    let held = boot(&["--content", content.to_str().unwrap()]);
    assert!(
        held.contains("content_in_use") && held.contains("s3://"),
        "{held}"
    );
    // Its own, as without any option.
    let private = boot(&[]);
    assert!(private.contains("content_elsewhere"), "{private}");
    let id = fs::read_to_string(content.join("content-id")).unwrap();
    assert!(private.contains(id.trim()), "{private}");
    let nowhere = boot(&[
        "--content",
        "s3://freehold/x",
        "--content-endpoint",
        "http://127.0.0.1:9",
    ]);
    assert!(nowhere.contains("\"content\""), "{nowhere}");
}
