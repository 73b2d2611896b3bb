//! An installation of the real program, and a person who uses it.
//!
//! ```text
//! let here = Installation::up();
//! let remote = Remote::bare(&[("greeting", "hello\n")]);
//! here.project("demo", &remote, &[]);
//! here.agent("writer", "echo hi > greeting");
//! let run = here.run_card("demo", "Say hi");          // card add, run start --wait
//! assert_eq!(run["state"], "waiting");
//! let run = here.fh(&["run", "approve", id(&run)]).ok();
//! ```
//!
//! A directory of its own holds everything: `home` (HOME, sealed), `data`, `agents`, `logs`. The
//! program starts with an empty environment but for PATH, HOME and LANG, outside any repository.
//! `home/.local/bin` is on PATH: the runner shows it read-only in every sandbox as it does with any
//! person's own tools. It holds `barrier NAME`, which waits until the test says [`Installation::open`].
//! When the test ends everything that belongs to the directory is ended, unmounted and removed; when
//! it fails, the ends of the logs are printed first.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use freehold_wire::api::Up;
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::procs::{self, DEADLINE, until, within};
use super::remote::{Remote, executable};

/// A clean end of `up` with its database and its runner.
const END_WITHIN: Duration = Duration::from_secs(30);
/// How much of each log is shown when a test fails.
const TAIL: usize = 6000;

const BARRIER: &str = r#"#!/bin/sh
# Waits until the test opens the gate $1.
until [ -e "$(dirname "$0")/gates/$1" ]; do sleep 0.02; done
"#;

/// The processes of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Server,
    Runner,
    Postgres,
    Up,
}

/// `freehold up` and what it keeps.
pub(crate) struct Installation {
    root: TempDir,
    env: Vec<(String, String)>,
    up: Option<Child>,
    /// Whom client commands speak to: a test that starts servers of its own says so.
    pub(crate) line: Option<Up>,
}

impl Installation {
    /// Starts the program on a new data directory and waits for its one line.
    pub(crate) fn up() -> Self {
        Self::up_in(&[])
    }

    /// The same, with more variables in the environment of `up`: `PATH` and `HOME` among them where
    /// a test needs others.
    pub(crate) fn up_in(env: &[(&str, &str)]) -> Self {
        let mut here = Self::down(env);
        here.start_with(&[]);
        here
    }

    /// The same, not started yet.
    pub(crate) fn down(env: &[(&str, &str)]) -> Self {
        let root = tempfile::Builder::new().prefix("fh-").tempdir().unwrap();
        for dir in [
            "home/.local/bin/gates",
            "data",
            "agents",
            "logs",
            "elsewhere",
        ] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        executable(&root.path().join("home/.local/bin/barrier"), BARRIER);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            root,
            env: env.iter().map(owned).collect(),
            up: None,
            line: None,
        }
    }

    /// What the line said.
    pub(crate) fn line(&self) -> &Up {
        self.line.as_ref().unwrap()
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// A directory for whatever a test wants to put beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A command of the program in this installation's sealed environment, not yet started.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let home = self.root.path().join("home");
        let tools = home.join(".local/bin");
        let mut command = Command::new(env!("CARGO_BIN_EXE_freehold"));
        command
            .args(args)
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/local/bin:/usr/bin:/bin", tools.display()),
            )
            .env("HOME", home)
            .env("LANG", "C.UTF-8")
            .current_dir(self.root.path().join("elsewhere"))
            .stdin(Stdio::null());
        command
    }

    /// Starts it with more words on its command line.
    pub(crate) fn start_with(&mut self, more: &[&str]) {
        let data = self.data();
        let log = self.log("up");
        let mut up = self
            .program(&[
                "up",
                "--data",
                data.to_str().unwrap(),
                "--listen",
                "127.0.0.1:0",
                "--json",
            ])
            .args(more)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let out = BufReader::new(up.stdout.take().unwrap());
        self.up = Some(up);
        let (to, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _ = to.send(line);
            }
        });
        let line = lines
            .recv_timeout(DEADLINE)
            .unwrap_or_else(|_| panic!("`up` did not say that it is ready"));
        self.line = Some(serde_json::from_str(&line).unwrap());
        assert_eq!(self.line().pid, self.up.as_ref().unwrap().id());
    }

    /// A file beside the data that is shown when a test fails.
    pub(crate) fn log(&self, name: &str) -> File {
        let path = self.root.path().join("logs").join(name);
        File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap()
    }

    /// Ctrl-C: everything ends by itself, and nothing is left.
    pub(crate) fn stop(&mut self) {
        let mut up = self.up.take().unwrap();
        let below = procs::tree(up.id());
        procs::signal(up.id(), Signal::SIGTERM);
        let status = within(END_WITHIN, "`up` ends on SIGTERM", || {
            up.try_wait().unwrap()
        });
        assert!(status.success(), "`up` ended with {status}");
        let left = below.into_iter().filter(|pid| procs::is_alive(*pid));
        assert_eq!(procs::described(left), "", "left by `up`");
    }

    /// Up again on the same data.
    pub(crate) fn start_again(&mut self) {
        self.start_with(&[]);
    }

    /// Ends and starts again.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_with(&[]);
    }

    /// The present process of a part: `up` may have started it anew since its line. The one
    /// process below `up` that is it.
    pub(crate) fn pid(&self, part: Part) -> u32 {
        let up = self.up.as_ref().unwrap().id();
        if part == Part::Up {
            return up;
        }
        until(&format!("{part:?} is there"), || {
            let children = procs::all()
                .into_iter()
                .filter(|pid| procs::parent(*pid) == Some(up));
            let mut found = children.filter(|pid| is(*pid, part));
            found.next()
        })
    }

    /// `kill -9`. With `up` itself everything below it goes on or not, as it may.
    pub(crate) fn kill(&mut self, part: Part) {
        let pid = self.pid(part);
        procs::kill_9(pid);
        if part == Part::Up {
            self.up.take().unwrap().wait().unwrap();
            return;
        }
        until("a killed process is gone", || {
            (!procs::is_alive(pid)).then_some(())
        });
    }

    /// Everything dies at once, as when the power fails.
    pub(crate) fn power_cut(&mut self) {
        let mut up = self.up.take().unwrap();
        let all = procs::tree(up.id());
        all.iter().for_each(|pid| procs::kill_9(*pid));
        up.wait().unwrap();
        until("everything is dark", || {
            (!all.iter().any(|pid| procs::is_alive(*pid))).then_some(())
        });
    }

    /// Lets everybody pass who waits in `barrier NAME`, now and later.
    pub(crate) fn open(&self, gate: &str) {
        fs::write(self.gate(gate), "").unwrap();
    }

    /// Makes those wait who come from now on.
    pub(crate) fn close(&self, gate: &str) {
        let _ = fs::remove_file(self.gate(gate));
    }

    fn gate(&self, gate: &str) -> PathBuf {
        self.root.path().join("home/.local/bin/gates").join(gate)
    }

    /// Waits until a process of this installation waits in `barrier NAME`.
    pub(crate) fn wait_at(&self, gate: &str) {
        until(&format!("somebody waits at the barrier `{gate}`"), || {
            self.at(gate).first().map(|_| ())
        });
    }

    /// The processes that wait there.
    pub(crate) fn at(&self, gate: &str) -> Vec<u32> {
        let barrier = self.root.path().join("home/.local/bin/barrier");
        let words = format!("{} {gate}", barrier.display());
        procs::all()
            .into_iter()
            .filter(|pid| procs::words(*pid).ends_with(&words))
            .collect()
    }

    /// Runs a client command with `--json` and waits for its end.
    pub(crate) fn fh(&self, args: &[&str]) -> Said {
        self.fh_in_background(args).wait()
    }

    /// Starts a client command with `--json`.
    pub(crate) fn fh_in_background(&self, args: &[&str]) -> Saying {
        self.saying(args, &self.line().token, Stdio::null())
    }

    /// Runs a client command with `--json` that reads this from standard input.
    pub(crate) fn fh_with(&self, args: &[&str], input: &str) -> Said {
        let mut saying = self.saying(args, &self.line().token, Stdio::piped());
        let mut stdin = saying.child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        saying.wait()
    }

    /// Runs a client command with `--json` and another token.
    pub(crate) fn fh_as(&self, token: &str, args: &[&str]) -> Said {
        self.saying(args, token, Stdio::null()).wait()
    }

    fn saying(&self, args: &[&str], token: &str, stdin: Stdio) -> Saying {
        let mut child = self
            .program(&[&["--json"], args].concat())
            .env("FREEHOLD_URL", &self.line().url)
            .env("FREEHOLD_TOKEN", token)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Saying {
            words: args.join(" "),
            out: reader(child.stdout.take().unwrap()),
            err: reader(child.stderr.take().unwrap()),
            child,
        }
    }

    /// `project add`.
    pub(crate) fn project(&self, name: &str, remote: &Remote, more: &[&str]) -> Value {
        let url = remote.url();
        let mut args = vec!["project", "add", name, "--remote", &url];
        args.extend(more);
        self.fh(&args).ok()
    }

    /// A `command` agent that runs this shell script in the workspace.
    pub(crate) fn agent(&self, name: &str, script: &str) -> Value {
        self.agent_with(name, script, &[])
    }

    /// The same, with more options.
    pub(crate) fn agent_with(&self, name: &str, script: &str, more: &[&str]) -> Value {
        let dir = self.root.path().join("agents").join(name);
        let program = dir.join("script");
        executable(&program, &format!("#!/bin/sh\nset -eu\n{script}\n"));
        let (dir, program) = (dir.to_str().unwrap(), program.to_str().unwrap());
        let mut args = vec!["agent", "add", name, "--driver", "command", "--path", dir];
        args.extend(more);
        args.extend(["--", program]);
        self.fh(&args).ok()
    }

    /// `card add`; gives the card's id.
    pub(crate) fn card(&self, project: &str, title: &str) -> String {
        let card = self.fh(&["card", "add", "--project", project, "--title", title]);
        id(&card.ok()).to_owned()
    }

    /// `card add` and `run start --wait` with the only agent; gives the run, whatever came of it.
    pub(crate) fn run_card(&self, project: &str, title: &str) -> Value {
        let card = self.card(project, title);
        self.fh(&["run", "start", &card, "--wait"]).document()
    }

    /// `run show`.
    pub(crate) fn run(&self, run: &str) -> Value {
        self.fh(&["run", "show", run]).ok()
    }

    /// Waits until a run is in one of these states, over a server that comes and goes.
    pub(crate) fn run_in(&self, run: &str, states: &[&str]) -> Value {
        let begun = Instant::now();
        loop {
            let said = self.fh(&["run", "show", run]);
            if said.code == 0 {
                let document = said.document();
                if states.iter().any(|state| document["state"] == *state) {
                    return document;
                }
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "the run is not {states:?}, but: {said}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// All events of a run. They are gap-free, or the test fails.
    pub(crate) fn events(&self, run: &str) -> Vec<Value> {
        let said = self.fh(&["run", "events", run]);
        assert_eq!(said.code, 0, "{said}");
        let events: Vec<Value> = said
            .out()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let numbers: Vec<u64> = events.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
        let expected: Vec<u64> = (1..=events.len() as u64).collect();
        assert_eq!(numbers, expected, "events have gaps");
        events
    }

    /// Waits until no process works on a run any more, in a sandbox or as git on the host.
    pub(crate) fn nobody_works_on(&self, run: &str) {
        let begun = Instant::now();
        loop {
            // A client that watches the run is not at work on it.
            let left: Vec<u32> = procs::marked(run)
                .into_iter()
                .filter(|pid| !procs::words(*pid).contains("freehold --json run "))
                .collect();
            if left.is_empty() {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(15),
                "processes that are left of {run}:\n{}",
                procs::described(left)
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        // Whatever is ours, until nothing is: `up` first, so that it starts nothing again.
        let mut ours = match &self.up {
            Some(up) => procs::tree(up.id()),
            None => Default::default(),
        };
        let mark = self.root.path().file_name().unwrap().to_str().unwrap();
        let begun = Instant::now();
        if let Some(mut up) = self.up.take() {
            let _ = up.kill();
            let _ = up.wait();
        }
        loop {
            ours.extend(procs::marked(mark));
            ours.retain(|pid| procs::is_alive(*pid));
            if ours.is_empty() || begun.elapsed() > Duration::from_secs(10) {
                break;
            }
            ours.iter().for_each(|pid| procs::kill_9(*pid));
            std::thread::sleep(Duration::from_millis(20));
        }
        unmount(self.root.path());
    }
}

/// A runner that was killed leaves the workspaces of its runs mounted, for its next life to find.
/// Here there is none, and the folder below them could not be removed.
fn unmount(root: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below = format!("{}/", root.display());
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let points: Vec<&str> = points.filter(|point| point.starts_with(&below)).collect();
    for point in points.into_iter().rev() {
        let _ = nix::mount::umount2(point, nix::mount::MntFlags::MNT_DETACH);
    }
}

impl Installation {
    /// The ends of all logs, on standard error.
    fn tell(&self) {
        let mut logs = files(&self.root.path().join("logs"));
        logs.extend(files(&self.data().join("log")));
        let mut to = std::io::stderr();
        for path in logs {
            let text = fs::read(&path).unwrap_or_default();
            let end = String::from_utf8_lossy(&text[text.len().saturating_sub(TAIL)..]);
            let _ = writeln!(to, "--- the end of {}\n{end}", path.display());
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// Whether a child of `up` is that part.
fn is(pid: u32, part: Part) -> bool {
    let words = procs::words(pid);
    let words: Vec<&str> = words.split(' ').collect();
    match part {
        Part::Up => false,
        Part::Postgres => procs::program(pid) == "postgres",
        Part::Server => procs::program(pid) == "freehold" && words.contains(&"server"),
        Part::Runner => procs::program(pid) == "freehold" && words.contains(&"runner"),
    }
}

/// A client command that is under way.
pub(crate) struct Saying {
    words: String,
    child: Child,
    out: JoinHandle<Vec<u8>>,
    err: JoinHandle<Vec<u8>>,
}

impl Saying {
    /// The person closes the terminal.
    pub(crate) fn give_up(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What came of it.
    pub(crate) fn wait(self) -> Said {
        self.wait_within(DEADLINE)
    }

    /// The same for what may take longer.
    pub(crate) fn wait_within(mut self, deadline: Duration) -> Said {
        let what = format!("`freehold {}` ends", self.words);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > deadline {
                let _ = self.child.kill();
                panic!("waited in vain: {what}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Said {
            words: self.words,
            code: status.code().unwrap_or(-1),
            bytes: self.out.join().unwrap(),
            err: String::from_utf8(self.err.join().unwrap()).unwrap(),
        }
    }
}

fn reader(mut from: impl std::io::Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// What a client command said.
pub(crate) struct Said {
    words: String,
    pub(crate) code: i32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) err: String,
}

impl Said {
    /// Standard output as text.
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The one JSON document, whatever the exit code.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|error| panic!("not one document ({error}): {self}"))
    }

    /// The one JSON document of a command that succeeded.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.code, 0, "{self}");
        self.document()
    }

    /// The code of the error on standard error.
    pub(crate) fn error(&self) -> String {
        let line = self.err.lines().last().unwrap_or_default();
        let document: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("not an error document ({error}): {self}"));
        document["error"]["code"].as_str().unwrap().to_owned()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`freehold {}`: exit code {}\n{}{}",
            self.words,
            self.code,
            self.out(),
            self.err
        )
    }
}

/// The id of a document.
pub(crate) fn id(document: &Value) -> &str {
    document["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {document}"))
}
