//! A terminal for the program, as the runner gives one.

use freehold_sandbox::{Child, Spec, Terminal, Tier, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::kit::{Bench, PATIENCE};

const TIERS: [Tier; 2] = [Tier::None, Tier::Sandbox];

/// A person at the terminal.
struct Person {
    child: Child,
    seen: String,
}

impl Person {
    async fn at(bench: &Bench, line: &str) -> Self {
        let terminal = Some(Terminal {
            rows: 31,
            columns: 97,
        });
        let spec = Spec {
            terminal,
            ..bench.line(line)
        };
        Self {
            child: start(&spec).await.unwrap(),
            seen: String::new(),
        }
    }

    async fn types(&mut self, keys: &[u8]) {
        let keyboard = self.child.stdin.as_mut().unwrap();
        keyboard.write_all(keys).await.unwrap();
    }

    async fn sees(&mut self, text: &str) {
        let screen = self.child.stdout.as_mut().unwrap();
        let mut bytes = [0; 1024];
        while !self.seen.contains(text) {
            let read = tokio::time::timeout(PATIENCE, screen.read(&mut bytes)).await;
            assert!(read.is_ok(), "never: {text}: {}", self.seen);
            let read = read.unwrap().unwrap();
            assert!(read > 0, "it ended without {text}: {}", self.seen);
            self.seen += &String::from_utf8_lossy(&bytes[..read]);
        }
    }
}

#[tokio::test]
async fn the_program_has_a_terminal_of_that_size_and_learns_of_another() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        let line = "tty; test -t 0 && test -t 1 && test -t 2 && echo all three > /dev/tty
            stty size; trap 'stty size; exit 7' WINCH; echo ready; while :; do sleep 0.05; done";
        let mut person = Person::at(&bench, line).await;
        person.sees("ready").await;
        let lines: Vec<_> = person.seen.lines().map(str::trim).collect();
        assert!(lines[0].starts_with("/dev/pts/"), "{lines:?}");
        assert_eq!(lines[1..], ["all three", "31 97", "ready"], "{tier:?}");
        person.child.resize(Terminal {
            rows: 50,
            columns: 132,
        });
        person.sees("50 132").await;
        let exit = person.child.wait().await.unwrap();
        assert_eq!(exit.code, Some(7), "{tier:?}");
    }
}

#[tokio::test]
async fn ctrl_c_reaches_what_runs_in_front_and_ctrl_d_ends_the_input() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        let mut person = Person::at(&bench, "PS1='$ ' exec sh -i").await;
        person.sees("$ ").await;
        // It says so itself, so that it is in front by then, and not the shell still.
        person
            .types(b"sh -c 'echo $((40 + 2)); exec sleep 600'\n")
            .await;
        person.sees("\n42").await;
        person.types(b"\x03").await;
        person.seen.clear();
        person.types(b"echo back $((1 + 1))\n").await;
        person.sees("back 2").await;
        person.types(b"exit 9\n").await;
        assert_eq!(person.child.wait().await.unwrap().code, Some(9), "{tier:?}");
        // A reader of the whole input ends when the keyboard is gone.
        let mut person = Person::at(&bench, "cat; echo ended").await;
        person.types(b"word\n").await;
        drop(person.child.stdin.take());
        person.sees("ended").await;
        assert_eq!(person.child.wait().await.unwrap().code, Some(0), "{tier:?}");
    }
}

#[tokio::test]
async fn all_output_comes_and_has_an_end_and_daemons_do_not_hold_it() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        let line = "stty -opost; (setsid sleep 600 &); seq 20000";
        let mut person = Person::at(&bench, line).await;
        let mut screen = person.child.stdout.take().unwrap();
        let mut all = String::new();
        let read = screen.read_to_string(&mut all);
        let (exit, read) = tokio::join!(person.child.wait(), tokio::time::timeout(PATIENCE, read));
        read.unwrap().unwrap();
        assert_eq!(exit.unwrap().code, Some(0), "{tier:?}");
        assert_eq!(all.lines().count(), 20000, "{tier:?}");
        assert!(all.ends_with("20000\n"));
        // Nobody looks: it ends all the same.
        let mut person = Person::at(&bench, "seq 200000").await;
        drop(person.child.stdout.take());
        let exit = tokio::time::timeout(PATIENCE, person.child.wait()).await;
        assert_eq!(exit.unwrap().unwrap().code, Some(0), "{tier:?}");
        let mut person = Person::at(&bench, "yes").await;
        person.sees("y").await;
        person.child.kill().await.unwrap();
    }
}
