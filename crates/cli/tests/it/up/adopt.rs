//! `up` in a person's own repository.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::Signal;

use super::supervised::{House, Supervised, git, until};
use crate::program::wait;

/// A repository with one commit that is on its remote.
fn repository(house: &House) -> PathBuf {
    let (remote, work) = (house.path("remote.git"), house.path("my work"));
    for dir in [&remote, &work] {
        fs::create_dir(dir).unwrap();
    }
    git(&remote, &["init", "-q", "--bare", "-b", "main"]);
    git(&work, &["init", "-q", "-b", "main"]);
    fs::write(work.join("go.mod"), "module example.org/x\n").unwrap();
    git(&work, &["add", "--all"]);
    git(&work, &["commit", "-q", "-m", "first"]);
    git(&work, &["remote", "add", "origin", "../remote.git"]);
    git(&work, &["push", "-q", "origin", "main"]);
    work
}

#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_adopted() {
    let house = House::new();
    let work = repository(&house);
    let mut command = house.command(&["up", "--listen", "127.0.0.1:0"]);
    command.current_dir(&work);
    let mut up = Supervised::start(&house, command);
    let mut said = String::new();
    while !said.contains("Next:") {
        let line = up.line();
        assert!(!line.is_empty(), "it ended after {said}");
        said.push_str(&line);
    }
    let remote = house.path("remote.git");
    let add = format!("freehold project add my-work --remote {}", remote.display());
    assert!(said.contains(&add), "{said}");
    assert!(!said.contains("[Y/n]"), "{said}");
    assert_eq!(
        house.json(&["project", "list"])["items"],
        serde_json::json!([])
    );
    assert!(!house.data().join("consent.json").exists());
    assert_eq!(git(&work, &["status", "--porcelain"]), "");
    up.signal(Signal::SIGTERM);
    assert_eq!(wait(&mut up.child), 0);
}

/// `up` at a terminal, with what it said so far.
struct Terminal<'a> {
    up: Supervised<'a>,
    answers: ChildStdin,
    said: Arc<Mutex<String>>,
}

impl<'a> Terminal<'a> {
    /// `script` of util-linux gives it a terminal.
    fn start(house: &'a House, work: &PathBuf) -> Self {
        let words = format!(
            "exec {} --data {} up --listen 127.0.0.1:0",
            env!("CARGO_BIN_EXE_freehold"),
            house.data().display()
        );
        let mut command = Command::new("script");
        house
            .seal(&mut command)
            .args(["--quiet", "--return", "--command", &words, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .current_dir(work)
            .stdin(Stdio::piped());
        let mut up = Supervised::start(house, command);
        let answers = up.child.stdin.take().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (seen, mut output) = (said.clone(), up.child_output());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                seen.lock().unwrap().push_str(&text);
            }
        });
        Self { up, answers, said }
    }

    fn hears(&self, words: &str) {
        until(words, || {
            let said = self.said.lock().unwrap();
            said.contains(words).then_some(())
        });
    }

    fn answers(&mut self, question: &str, answer: &str) {
        self.hears(question);
        self.answers.write_all(answer.as_bytes()).unwrap();
        self.answers.flush().unwrap();
    }

    /// Ctrl-C, as a terminal sends it.
    fn stop(mut self) -> String {
        self.answers.write_all(b"\x03").unwrap();
        self.answers.flush().unwrap();
        assert_eq!(wait(&mut self.up.child), 0);
        self.said.lock().unwrap().clone()
    }
}

#[test]
fn at_a_terminal_it_asks_once_and_commits_nothing() {
    let house = House::new();
    let work = repository(&house);
    let mut terminal = Terminal::start(&house, &work);
    terminal.answers("Adopt ", "\n");
    terminal.answers("Write it to .agentworks/project.toml? [Y/n]", "y\n");
    terminal.hears("Next: freehold card add --project my-work");
    let projects = house.json(&["project", "list"]);
    assert_eq!(projects["items"][0]["name"], "my-work");
    assert_eq!(projects["items"][0]["target"], "main");
    let file = fs::read_to_string(work.join(".agentworks/project.toml")).unwrap();
    assert!(file.contains("go test"), "{file}");
    assert_eq!(git(&work, &["status", "--porcelain"]), "?? .agentworks/\n");
    terminal.stop();

    // It is known now: nothing is asked again.
    let terminal = Terminal::start(&house, &work);
    terminal.hears("Next: freehold card add --project my-work");
    let said = terminal.stop();
    assert!(!said.contains("[Y/n]") && !said.contains("[y/N]"), "{said}");

    // Elsewhere too it knows what there is.
    let elsewhere = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(&house, &elsewhere.path().to_path_buf());
    terminal.hears("Next: freehold card add --project my-work");
    terminal.stop();
}

#[test]
fn a_no_is_kept_and_a_credential_helper_is_not_used_unasked() {
    let house = House::new();
    let work = repository(&house);
    git(
        &work,
        &["remote", "set-url", "origin", "http://127.0.0.1:1/x.git"],
    );
    git(
        &work,
        &["config", "credential.helper", "store --file secret"],
    );
    let mut terminal = Terminal::start(&house, &work);
    terminal.answers("Adopt ", "y\n");
    terminal.answers(
        "credential helper `store`. May the runner ask it? [y/N]",
        "\n",
    );
    // Nothing listens there: the project is refused in clear words, and everything else runs on.
    terminal.hears("error: ");
    let consent = fs::read_to_string(house.data().join("consent.json")).unwrap();
    let consent: serde_json::Value = serde_json::from_str(&consent).unwrap();
    assert_eq!(consent["helpers"]["store --file secret"], false);
    assert_eq!(
        house.json(&["runner", "list"])["items"][0]["state"],
        "online"
    );
    terminal.stop();

    let other = house.path("other");
    fs::rename(&work, &other).unwrap();
    let mut terminal = Terminal::start(&house, &other);
    terminal.answers("Adopt ", "n\n");
    terminal.hears("Not adopted. Next: freehold project add other");
    terminal.stop();
    let terminal = Terminal::start(&house, &other);
    terminal.hears("Not adopted. Next: freehold project add other");
    let said = terminal.stop();
    assert!(!said.contains("[Y/n]"), "{said}");
}
