//! A server and a runner that may not have much memory: what would break them is refused early, and where
//! one is killed all the same nothing that was acknowledged is lost. F63 and F65 of the list of faults.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::day::{output, text};
use super::harness::{Installation, Part, id};
use super::moved::Elsewhere;
use super::procs::{self, until, within};
use super::remote::{Push, Remote};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// What a server may have beyond what it has at rest.
const SERVER: u64 = 256 * MIB;
const RUNNER: u64 = 256 * MIB;
/// Who send at a time.
const MANY: usize = 24;
/// What an honest person waits at most, beside all of them on two cores.
const SERVED_WITHIN: Duration = Duration::from_secs(20);
/// systemd starts a runner again in 100 ms; five seconds are promised, of a machine that does nothing else.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// A control group of processes, which counts their memory. It is gone when this is dropped, once they are.
struct Cage {
    group: PathBuf,
    is_first_version: bool,
}

impl Cage {
    /// `None` where this user may make none: then nothing can be tried here.
    fn make(name: &str) -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let path = |wanted: &str| {
            own.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                let (controllers, path) = (parts.next()?, parts.next()?);
                let is_it = controllers.split(',').any(|one| one == wanted);
                is_it.then(|| path.trim_start_matches('/').to_owned())
            })
        };
        let name = format!("fh-{name}-{}", std::process::id());
        let mut places = Vec::new();
        if let Some(path) = path("memory") {
            places.push((PathBuf::from("/sys/fs/cgroup/memory").join(path), true));
        }
        // A group with processes may have none below it: beside the machine's own, then.
        places.push((PathBuf::from("/sys/fs/cgroup"), false));
        places.into_iter().find_map(|(place, is_first_version)| {
            let group = place.join(&name);
            fs::create_dir(&group).ok()?;
            let cage = Self {
                group,
                is_first_version,
            };
            cage.group.join(cage.limit_file()).exists().then_some(cage)
        })
    }

    const fn limit_file(&self) -> &'static str {
        match self.is_first_version {
            true => "memory.limit_in_bytes",
            false => "memory.max",
        }
    }

    fn limit(&self, bytes: u64) {
        fs::write(self.group.join(self.limit_file()), bytes.to_string()).unwrap();
    }

    /// What it has from now on counts.
    fn put(&self, pid: u32) {
        fs::write(self.group.join("cgroup.procs"), pid.to_string()).unwrap();
    }

    /// The same command, which begins in it.
    fn around(&self, command: Command) -> Command {
        let mut inside = Command::new("/bin/sh");
        inside
            .args(["-c", "echo $$ > \"$1\"; shift; exec \"$@\"", "sh"])
            .arg(self.group.join("cgroup.procs"))
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .current_dir(command.get_current_dir().unwrap());
        for (name, value) in command.get_envs() {
            inside.env(name, value.unwrap());
        }
        inside
    }

    /// What they had together at most.
    fn peak(&self) -> u64 {
        let file = match self.is_first_version {
            true => "memory.max_usage_in_bytes",
            false => "memory.peak",
        };
        let text = fs::read_to_string(self.group.join(file)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        let begun = Instant::now();
        while fs::remove_dir(&self.group).is_err() && begun.elapsed() < Duration::from_secs(10) {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Whoever sends to a server what it had better not take.
#[derive(Clone)]
struct Sender {
    address: String,
    token: String,
}

impl Sender {
    fn to(here: &Installation) -> Self {
        Self {
            address: here.line().url.strip_prefix("http://").unwrap().to_owned(),
            token: here.line().token.clone(),
        }
    }

    fn head(&self, request: &str, more: &str) -> String {
        let (address, token) = (&self.address, &self.token);
        format!(
            "{request} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-type: application/json\r\n{more}\r\n"
        )
    }

    /// The status of the answer; 0 where the connection was closed without one. And how many bytes went.
    fn send(&self, head: &str, size: u64, piece: &[u8]) -> (u16, u64) {
        let Ok(mut stream) = TcpStream::connect(&self.address) else {
            return (0, 0);
        };
        let wait = Some(Duration::from_secs(60));
        stream.set_read_timeout(wait).unwrap();
        stream.set_write_timeout(wait).unwrap();
        let mut sent = 0;
        if stream.write_all(head.as_bytes()).is_ok() {
            while sent < size {
                let rest = usize::try_from(size - sent).unwrap_or(usize::MAX);
                match stream.write(&piece[..piece.len().min(rest)]) {
                    Ok(count) if count > 0 => sent += count as u64,
                    _ => break,
                }
            }
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
        (status.unwrap_or(0), sent)
    }

    fn whole(&self, request: &str, body: &[u8], more: &str) -> u16 {
        let head = format!("content-length: {}\r\n{more}", body.len());
        let head = self.head(request, &head);
        self.send(&head, body.len() as u64, body).0
    }

    fn get(&self, path: &str) -> u16 {
        self.send(&self.head(&format!("GET {path}"), ""), 0, &[]).0
    }
}

/// All at once; what each gave.
fn at_once<T: Send + 'static>(
    many: usize,
    sender: &Sender,
    does: impl Fn(&Sender, usize) -> T + Clone + Send + 'static,
) -> Vec<T> {
    let all: Vec<_> = (0..many)
        .map(|turn| {
            let (sender, does) = (sender.clone(), does.clone());
            thread::spawn(move || does(&sender, turn))
        })
        .collect();
    all.into_iter().map(|one| one.join().unwrap()).collect()
}

/// A gigabyte of zeros, packed.
fn bomb(here: &Installation) -> Vec<u8> {
    let packed = Command::new("sh")
        .args(["-c", "head -c 1073741824 /dev/zero | gzip -1"])
        .current_dir(here.beside("elsewhere"))
        .output()
        .unwrap();
    assert!(packed.stdout.len() > 1 << 20);
    packed.stdout
}

#[test]
fn a_server_with_little_memory_refuses_what_would_break_it_and_serves_others() {
    let Some(cage) = Cage::make("server") else {
        return;
    };
    let here = Installation::up();
    let remote = Remote::bare(&[("a", "1\n")]);
    here.project("p", &remote, &["--egress", "none"]);
    let server = here.pid(Part::Server);
    cage.limit(SERVER);
    cage.put(server);
    let sender = Sender::to(&here);
    let cards = "POST /api/v1/cards";

    // A gigabyte that says so is not read; one that does not is read as far as the largest may be.
    let said = sender.head(cards, &format!("content-length: {GIB}\r\n"));
    let all = at_once(MANY, &sender, move |sender, _| {
        sender.send(&said, GIB, &[b' '; 65536])
    });
    for (status, sent) in all {
        assert!(matches!(status, 413 | 0), "{status}");
        assert!(sent < 64 * MIB, "{sent} bytes were taken");
    }
    let mut piece = b"10000\r\n".to_vec();
    piece.extend([b' '; 65536]);
    piece.extend(b"\r\n");
    let head = sender.head(cards, "transfer-encoding: chunked\r\n");
    let all = at_once(MANY, &sender, move |sender, _| {
        sender.send(&head, GIB, &piece)
    });
    for (status, sent) in all {
        assert!(matches!(status, 413 | 503 | 0), "{status}");
        assert!(sent < 64 * MIB, "{sent} bytes were taken");
    }
    // Nobody who was not let in brings much.
    let stranger = Sender {
        token: String::new(),
        ..sender.clone()
    };
    let sign_in = format!(
        "POST /api/v1/sign-in/password HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 6000000\r\n\r\n",
        sender.address
    );
    let all = at_once(MANY, &stranger, move |stranger, _| {
        stranger.send(&sign_in, 6_000_000, &[b' '; 65536]).0
    });
    assert!(
        all.iter().all(|status| matches!(status, 413 | 0)),
        "{all:?}"
    );

    // As large as may be, and as deep.
    let deep = format!("{{\"title\":{}", "[".repeat(6_000_000 - 16));
    let deep = at_once(MANY, &sender, move |sender, _| {
        sender.whole(cards, deep.as_bytes(), "")
    });
    assert!(
        deep.iter().all(|status| matches!(status, 400 | 503)),
        "{deep:?}"
    );
    let packed = bomb(&here);
    let packed = at_once(MANY, &sender, move |sender, _| {
        sender.whole(cards, &packed, "content-encoding: gzip\r\n")
    });
    let refused = |status: &u16| matches!(status, 400 | 415 | 503);
    assert!(packed.iter().all(refused), "{packed:?}");
    let large = move |sender: &Sender, turn: usize| {
        let card =
            json!({ "project": "p", "title": format!("{turn}"), "body": "x".repeat(2_000_000) });
        sender.whole(cards, card.to_string().as_bytes(), "")
    };
    let made = at_once(2 * MANY, &sender, large);
    assert!(
        made.iter().all(|status| matches!(status, 201 | 503)),
        "{made:?}"
    );
    let many = made.iter().filter(|status| **status == 201).count();
    assert!(many > MANY, "{made:?}");

    // Nor does anybody get a million rows, or all of those bodies, at a time.
    for path in [
        "/api/v1/cards?project=p&limit=1000000",
        "/api/v1/runs?limit=1000000",
    ] {
        assert_eq!(sender.get(path), 400, "{path}");
    }
    let listed = at_once(MANY, &sender, |sender, _| {
        sender.get("/api/v1/cards?project=p")
    });
    assert!(
        listed.iter().all(|status| matches!(status, 200 | 503)),
        "{listed:?}"
    );
    let begun = Instant::now();
    here.card("p", "Of an honest person");
    assert!(begun.elapsed() < SERVED_WITHIN, "{:?}", begun.elapsed());
    let mut found = 0;
    let mut next = None::<String>;
    loop {
        let mut words = vec!["card", "list", "--project", "p"];
        words.extend(next.iter().flat_map(|next| ["--after", next]));
        let part = here.fh(&words).ok();
        found += part["items"].as_array().unwrap().len();
        next = part["next"].as_str().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    assert_eq!(found, many + 1, "each is in one part");
    println!("{} MiB at most beyond what it had", cage.peak() / MIB);
    assert_eq!(here.pid(Part::Server), server, "it was killed");
}

#[test]
fn a_server_that_is_killed_for_its_memory_loses_nothing_that_it_acknowledged() {
    let Some(cage) = Cage::make("killed") else {
        return;
    };
    let here = Installation::up();
    let remote = Remote::bare(&[("a", "1\n")]);
    here.project("p", &remote, &["--egress", "none"]);
    here.agent("edits", "barrier gate; echo 2 > a");
    let card = here.card("p", "Under way");
    let run = id(&here.fh(&["run", "start", &card]).ok()).to_owned();
    here.wait_at("gate");
    let server = here.pid(Part::Server);
    cage.limit(4 * MIB);
    cage.put(server);
    let mut kept = Vec::new();
    let body = "x".repeat(1_000_000);
    until("the kernel kills the server", || {
        let words = [
            "card",
            "add",
            "--project",
            "p",
            "--title",
            "Kept",
            "--body",
            "-",
        ];
        let said = here.fh_with(&words, &body);
        if said.code == 0 {
            kept.push(id(&said.document()).to_owned());
        }
        (!procs::is_alive(server)).then_some(())
    });
    until("it is started again", || {
        (here.fh(&["whoami"]).code == 0).then_some(())
    });
    assert_ne!(here.pid(Part::Server), server);
    for card in &kept {
        assert_eq!(
            text(&here.fh(&["card", "show", card]).ok(), "title"),
            "Kept"
        );
    }
    here.open("gate");
    let waiting = here.run_in(&run, &["waiting", "failed"]);
    let state = (text(&waiting, "state"), waiting["attempt"].as_u64());
    assert_eq!(state, ("waiting", Some(1)), "{waiting}");
    here.fh(&["run", "approve", &run]).ok();
    assert_eq!(remote.taken(Push::Target), 1);
    here.events(&run);
}

#[test]
fn a_runner_with_little_memory_takes_one_job_at_a_time_and_outlives_what_an_agent_takes() {
    let Some(cage) = Cage::make("runner") else {
        return;
    };
    let here = Installation::up();
    cage.limit(RUNNER);
    let mut runner = Elsewhere::enrol_in(&here, "elsewhere", |command| cage.around(command));
    let identity = here.fh(&["runner", "list"]).ok();
    let of_it = |list: &serde_json::Value| {
        let all = list["items"].as_array().unwrap().clone();
        let is = |one: &serde_json::Value| one["labels"]["place"] == "elsewhere";
        all.into_iter().find(is).unwrap()
    };
    let first = of_it(&identity);
    assert_eq!(first["capacity"], 1, "{first}");
    assert_eq!(first["machine"]["memory"].as_u64(), Some(RUNNER), "{first}");

    let remote = Remote::bare(&[("a", "1\n")]);
    here.project("p", &remote, &["--egress", "none"]);
    let there = ["--label", "place=elsewhere"];
    // Doubles what it has until somebody stops it.
    let eats = "x=0123456789abcdef; while :; do x=$x$x; done";
    here.agent_with("eats", eats, &there);
    here.agent_with("talks", "i=0; while [ $i -lt 4000 ]; do i=$((i + 1)); echo \"line $i\"; done; barrier end; echo 2 > a", &there);
    let start = |agent: &str| {
        let card = here.card("p", agent);
        id(&here.fh(&["run", "start", &card, "--agent", agent]).ok()).to_owned()
    };
    let pid = runner.pid();
    let (eater, talker) = (start("eats"), start("talks"));
    let failed = here.run_in(&eater, &["failed"]);
    let said = (text(&failed, "reason"), text(&failed, "detail"));
    assert!(said.1.contains("memory"), "{failed}");
    assert_eq!(runner.pid(), pid);
    assert!(
        procs::is_alive(pid),
        "the runner was killed in the agent's place"
    );

    // Now it is the one: with all that it had not said yet.
    here.wait_at("end");
    procs::kill_9(pid);
    let begun = Instant::now();
    runner.end();
    runner.start_in(&here, None, |command| cage.around(command));
    println!("back after {:?}", begun.elapsed());
    assert!(begun.elapsed() < BACK_WITHIN, "{:?}", begun.elapsed());
    let again = of_it(&here.fh(&["runner", "list"]).ok());
    assert_eq!(again["id"], first["id"], "it is who it was");
    here.open("end");
    let waiting = within(Duration::from_secs(90), "the run goes on", || {
        let run = here.run(&talker);
        ["waiting", "failed"]
            .contains(&text(&run, "state"))
            .then_some(run)
    });
    assert_eq!(text(&waiting, "state"), "waiting", "{waiting}");
    // What it said in its first life arrived up to where it was, and all of it in the second.
    let said = output(&here.events(&talker), "agent");
    let whole: String = (1..=4000).map(|n| format!("line {n}\n")).collect();
    let before = said.strip_suffix(&whole).expect("all of the second life");
    assert!(
        whole.starts_with(before),
        "{} bytes of the first",
        before.len()
    );
    println!("{} MiB at most", cage.peak() / MIB);
    runner.end();
}
