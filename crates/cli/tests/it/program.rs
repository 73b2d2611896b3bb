//! The built program in a sealed home.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use tempfile::TempDir;

use super::documents::board;
use super::server::{Server, TOKEN};

/// Longer than anything here takes; a program that hangs fails the test.
const DEADLINE: Duration = Duration::from_secs(60);

/// A home with an environment.
pub(crate) struct Home {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            variables: Vec::new(),
        }
    }

    /// Pointed at `server`.
    pub(crate) fn of(server: &Server) -> Self {
        Self::empty()
            .set("FREEHOLD_URL", &server.url())
            .set("FREEHOLD_TOKEN", TOKEN)
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The data directory of this home's installation.
    pub(crate) fn data(&self) -> &Path {
        self.dir.path()
    }

    /// A command that is not yet started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_freehold"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("FREEHOLD_DATA", self.dir.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Seen {
        self.run_with(args, b"")
    }

    /// With that on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Seen {
        let mut child = self.command(args).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let out = reader(child.stdout.take().unwrap());
        let err = reader(child.stderr.take().unwrap());
        let code = wait(&mut child);
        writer.join().unwrap();
        let home = self.dir.path().to_str().unwrap().to_owned();
        Seen {
            code,
            bytes: out.join().unwrap(),
            err: String::from_utf8(err.join().unwrap()).unwrap(),
            hidden: vec![(home, "[HOME]".to_owned())],
        }
    }
}

/// The requests that a command made, the words that it printed and, on the last line, that its
/// document is the server's own.
pub(crate) fn shown(args: &[&str], input: &str) -> String {
    let server = Server::start(board);
    let home = Home::of(&server);
    let words = home.run_with(args, input.as_bytes());
    let mut text = String::new();
    for request in server.requests() {
        text.push_str(&format!("{}\n", request.whole()));
    }
    text.push_str(&words.to_string());
    let document = home.run_with(&[&["--json"], args].concat(), input.as_bytes());
    assert_eq!(document.code, words.code);
    assert!(
        document.err.is_empty() && words.err.is_empty(),
        "{document}"
    );
    let is_json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(document.out().lines().all(is_json), "{document}");
    text.push_str("\n--- json\n");
    text.push_str(document.out().trim_end());
    text.replace(home.data().to_str().unwrap(), "[HOME]")
        .replace(&server.url(), "[SERVER]")
}

impl Home {
    /// At a terminal of its own: when the program has asked `question`, `answer` is typed.
    /// Gives the exit code and all that the terminal showed.
    pub(crate) fn run_at_terminal(
        &self,
        args: &[&str],
        question: &str,
        answer: &str,
    ) -> (i32, String) {
        let pty = openpty(None, None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut child = self
            .command(args)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        drop(pty.slave);
        let mut keyboard = File::from(pty.master);
        let mut screen = keyboard.try_clone().unwrap();
        let (question, answer) = (question.to_owned(), answer.to_owned());
        let watcher = std::thread::spawn(move || {
            let (mut shown, mut answered) = (Vec::new(), false);
            let mut part = [0; 4096];
            // A terminal that nobody holds any more is an error to read (EIO).
            while let Ok(count @ 1..) = screen.read(&mut part) {
                shown.extend_from_slice(&part[..count]);
                if !answered && String::from_utf8_lossy(&shown).contains(&question) {
                    keyboard.write_all(answer.as_bytes()).unwrap();
                    answered = true;
                }
            }
            String::from_utf8(shown).unwrap()
        });
        (wait(&mut child), watcher.join().unwrap())
    }
}

fn reader(mut from: impl std::io::Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// The exit code; kills what does not end.
pub(crate) fn wait(child: &mut Child) -> i32 {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if begun.elapsed() > DEADLINE {
            let _ = child.kill();
            panic!("the program did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a program did.
#[must_use]
pub(crate) struct Seen {
    pub(crate) code: i32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) err: String,
    hidden: Vec<(String, String)>,
}

impl Seen {
    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The error's code, from the one line on standard error.
    pub(crate) fn error(&self) -> String {
        assert_eq!(self.err.lines().count(), 1, "{self}");
        let document: serde_json::Value = serde_json::from_str(&self.err).unwrap();
        let error = &document["error"];
        assert!(error["message"].is_string() && error["next"].is_string());
        error["code"].as_str().unwrap().to_owned()
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("exit code {}", self.code);
        for (name, part) in [("stdout", self.out()), ("stderr", self.err.clone())] {
            if !part.is_empty() {
                text.push_str(&format!("\n--- {name}\n{}", part.trim_end()));
            }
        }
        for (hidden, name) in &self.hidden {
            text = text.replace(hidden, name);
        }
        f.write_str(&text)
    }
}
