//! The built program in a sealed home.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

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
