//! The driver `command`: any program.

use std::time::{Duration, Instant};

use freehold_agents::{AgentEvent, Driver, Stop, Stream, Turn, drive, plan};
use freehold_sandbox::SandboxError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::kit::{Stage, config, inside};

fn sh(line: &str) -> freehold_agents::AgentConfig {
    config(Driver::Command, &["sh", "-c", line])
}

#[tokio::test]
async fn exit_0_is_done_and_output_is_passed_on() {
    let stage = Stage::new();
    let line = "cat \"$FREEHOLD_CARD\"; pwd; echo \"$HOME\" >&2; echo work > result; cat";
    let played = stage.play(&sh(line), &Turn::default(), None).await;
    assert_eq!(played.outcome().stop, Stop::Done);
    assert_eq!(
        played.raw(Stream::Stdout),
        "{\"run\":\"run_1\",\"title\":\"a card\"}/workspace\n"
    );
    assert_eq!(played.raw(Stream::Stderr), "/home/freehold\n");
    assert_eq!(stage.file("result").as_deref(), Some("work\n"));
}

#[tokio::test]
async fn other_ends_are_told_as_they_are() {
    let stage = Stage::new();
    for (line, stop) in [
        (
            "exit 3",
            Stop::Exited {
                code: Some(3),
                signal: None,
            },
        ),
        (
            "kill -9 $$",
            Stop::Exited {
                code: None,
                signal: Some(9),
            },
        ),
    ] {
        let played = stage.play(&sh(line), &Turn::default(), None).await;
        assert_eq!(played.outcome().stop, stop, "{line}");
    }
}

#[tokio::test]
async fn a_missing_program_is_named_before_anything_runs() {
    let stage = Stage::new();
    let launch = plan(
        &config(Driver::Command, &["no-such-agent"]),
        &inside(),
        None,
        None,
    )
    .unwrap();
    // `Stage::start` wants it to work; here it must not.
    let result = tokio::spawn(async move { stage.start(&launch).await.pid() }).await;
    let panic = result.unwrap_err().into_panic();
    let words = panic.downcast_ref::<String>().unwrap();
    assert!(words.contains("ProgramNotFound"), "{words}");
    let error = SandboxError::ProgramNotFound {
        program: "no-such-agent".into(),
    }
    .to_string();
    assert!(error.contains("`no-such-agent` was not found"), "{error}");
}

/// 100 MB through a receiver that holds 16 events: the agent waits, nothing is lost or piles up.
#[tokio::test]
async fn a_flood_arrives_complete_in_bounded_memory() {
    const LINES: u64 = 10_000_000;
    let stage = Stage::new();
    let launch = plan(
        &sh(&format!("seq -f %09.0f 1 {LINES}")),
        &inside(),
        None,
        None,
    )
    .unwrap();
    let mut child = stage.start(&launch).await;
    let (sender, mut receiver) = mpsc::channel(16);
    let before = resident_bytes();
    let driving = async {
        let turn = Turn::default();
        let result = Box::pin(drive(
            &launch,
            &mut child,
            &turn,
            None,
            &sender,
            &CancellationToken::new(),
        ))
        .await;
        drop(sender);
        result
    };
    let counting = async {
        let (mut next, mut rest, mut most) = (1_u64, Vec::new(), 0);
        while let Some(event) = receiver.recv().await {
            let AgentEvent::Output { bytes, .. } = event else {
                continue;
            };
            rest.extend_from_slice(&bytes);
            let whole = rest.len() / 10 * 10;
            for line in rest[..whole].as_chunks::<10>().0 {
                let number: u64 = std::str::from_utf8(&line[..9]).unwrap().parse().unwrap();
                assert_eq!((number, line[9]), (next, b'\n'));
                next += 1;
            }
            rest.drain(..whole);
            if next % 65_536 < 7000 {
                most = most.max(resident_bytes());
            }
        }
        (next - 1, rest, most)
    };
    let (result, (lines, rest, most)) = tokio::join!(driving, counting);
    assert_eq!(result.unwrap().stop, Stop::Done);
    assert_eq!((lines, rest), (LINES, Vec::new()));
    assert!(
        most < before + 64 * 1024 * 1024,
        "grew from {before} to {most}"
    );
}

#[tokio::test]
async fn a_hang_is_cancelled_and_what_it_started_is_gone() {
    let stage = Stage::new();
    let line =
        "trap 'echo bye; exit 7' TERM; sleep 1000 & echo ready; while true; do sleep 0.05; done";
    let played = stage
        .play_until(&sh(line), &Turn::default(), None, |event| {
            said(event, b"ready\n")
        })
        .await;
    assert_eq!(played.outcome().stop, Stop::Cancelled);
    assert_eq!(played.raw(Stream::Stdout), "ready\nbye\n");
}

#[tokio::test]
async fn a_program_that_ignores_the_signal_is_killed() {
    let stage = Stage::new();
    let line = "trap '' TERM; echo ready; while true; do sleep 0.05; done";
    let begin = Instant::now();
    let played = stage
        .play_until(&sh(line), &Turn::default(), None, |event| {
            said(event, b"ready\n")
        })
        .await;
    assert_eq!(played.outcome().stop, Stop::Cancelled);
    assert!(
        begin.elapsed() >= Duration::from_secs(10),
        "it was not asked first"
    );
}

/// What it leaves behind holds the pipes and still does not hold the turn.
#[tokio::test]
async fn a_program_that_forks_away_is_over_when_it_exits() {
    let stage = Stage::new();
    let line = "setsid sh -c 'echo $$ > daemon; exec sleep 1000' & while [ ! -s daemon ]; do sleep 0.05; done; echo parent";
    let begin = Instant::now();
    let played = stage.play(&sh(line), &Turn::default(), None).await;
    assert_eq!(played.outcome().stop, Stop::Done);
    assert_eq!(played.raw(Stream::Stdout), "parent\n");
    assert!(begin.elapsed() < Duration::from_secs(120));
}

#[tokio::test]
async fn a_receiver_that_goes_away_ends_the_program() {
    let stage = Stage::new();
    let launch = plan(&sh("yes"), &inside(), None, None).unwrap();
    let mut child = stage.start(&launch).await;
    let (sender, mut receiver) = mpsc::channel(1);
    let turn = Turn::default();
    let cancel = CancellationToken::new();
    let leaving = async {
        receiver.recv().await;
        drop(receiver);
    };
    let (result, ()) = tokio::join!(
        Box::pin(drive(&launch, &mut child, &turn, None, &sender, &cancel)),
        leaving
    );
    assert!(
        matches!(result, Err(freehold_agents::AgentError::Unheard)),
        "{result:?}"
    );
}

fn said(event: &AgentEvent, words: &[u8]) -> bool {
    matches!(event, AgentEvent::Output { bytes, .. } if bytes.ends_with(words))
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
