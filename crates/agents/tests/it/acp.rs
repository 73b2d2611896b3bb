//! The driver `acp`, with an agent that behaves as a test wants it to.

use std::fs;

use freehold_agents::{
    AgentConfig, AgentEvent, Driver, PlanEntry, Session, Stop, Stream, Turn, Usage,
};

use crate::kit::{Stage, config, turn};

fn stage() -> Stage {
    let stage = Stage::new();
    fs::write(
        stage.home().join("agent.py"),
        include_str!("../fake_acp_agent.py"),
    )
    .unwrap();
    stage
}

fn fake(mode: &str) -> AgentConfig {
    config(Driver::Acp, &["python3", "/home/freehold/agent.py", mode])
}

#[tokio::test]
async fn a_turn_from_the_first_word_to_the_last() {
    let stage = stage();
    let played = stage.play(&fake("good"), &turn("write it"), None).await;
    let outcome = played.outcome();
    let session = Session {
        id: "s1".into(),
        agent_version: Some("1.2.3".into()),
    };
    let usage = Usage {
        input_tokens: 10,
        output_tokens: 5,
        ..Usage::default()
    };
    assert_eq!(
        (outcome.stop, &outcome.session, outcome.usage),
        (Stop::Done, &Some(session.clone()), Some(usage))
    );
    assert_eq!(stage.file("a.txt").as_deref(), Some("by the agent\n"));
    // An unknown request got -32601, the permission was given once, another session was not heard.
    assert_eq!(
        played.said(),
        "-32601 {\"optionId\": \"yes\", \"outcome\": \"selected\"} write it"
    );
    let told: Vec<&AgentEvent> = played
        .events
        .iter()
        .filter(|e| !matches!(e, AgentEvent::Output { .. } | AgentEvent::Message { .. }))
        .collect();
    let call = |status: &str| AgentEvent::ToolCall {
        id: "c1".into(),
        title: "Write a.txt".into(),
        kind: "edit".into(),
        status: status.into(),
        paths: vec![],
    };
    let wanted = [
        AgentEvent::Started {
            agent: Some("fake".into()),
            agent_version: Some("1.2.3".into()),
        },
        AgentEvent::Session(session),
        AgentEvent::Thought { text: "hm".into() },
        AgentEvent::Plan {
            entries: vec![PlanEntry {
                content: "do it".into(),
                status: "in_progress".into(),
            }],
        },
        AgentEvent::Permission {
            title: "Write a.txt".into(),
            options: ["reject_once", "allow_always", "allow_once"]
                .map(String::from)
                .to_vec(),
            answered: "allow_once".into(),
        },
        call("pending"),
        call("completed"),
        AgentEvent::Usage(usage),
    ];
    assert_eq!(told, wanted.iter().collect::<Vec<_>>());
    assert!(
        played.raw(Stream::Stdout).contains("from_the_future"),
        "raw output is complete"
    );
}

#[tokio::test]
async fn a_permission_without_a_yes_is_not_given() {
    let played = stage().play(&fake("no-allow"), &turn("x"), None).await;
    assert_eq!(played.outcome().stop, Stop::Done);
    assert!(
        played.said().starts_with("{\"outcome\": \"cancelled\"}"),
        "{}",
        played.said()
    );
    assert!(
        played.events.iter().any(
            |e| matches!(e, AgentEvent::Permission { answered, .. } if answered == "cancelled")
        )
    );
}

#[tokio::test]
async fn reasons_to_stop_are_told_apart() {
    for (mode, stop) in [
        ("refusal", Stop::Refused),
        ("max_tokens", Stop::MaxTokens),
        ("max_turn_requests", Stop::MaxTurns),
    ] {
        assert_eq!(
            stage()
                .play(&fake(mode), &turn("x"), None)
                .await
                .outcome()
                .stop,
            stop
        );
    }
}

#[tokio::test]
async fn stray_lines_do_not_matter() {
    let played = stage()
        .play(&fake("banner"), &turn("still here"), None)
        .await;
    assert_eq!(
        (played.outcome().stop, played.said().as_str()),
        (Stop::Done, "still here")
    );
}

#[tokio::test]
async fn what_goes_wrong_is_said_in_words() {
    for (mode, wanted) in [
        (
            "dies",
            "it exited with 9 while it worked on the prompt; it wrote: Traceback: the reason",
        ),
        ("nonsense", "the last was `I am a banner`"),
        ("long-line", "a line of more than 16 MiB"),
        ("error", "Internal error: model is down (code -32603)"),
        (
            "no-session",
            "Authentication required: log in first; it lacks a log-in",
        ),
        ("version-2", "it speaks version 2 of it, not 1"),
        ("odd-stop", "the unknown reason `bored`"),
        ("flood-requests", "answers unread"),
    ] {
        let error = stage().play(&fake(mode), &turn("x"), None).await.error();
        assert!(error.contains(wanted), "{mode}: {error}");
    }
    let error = stage()
        .play(&config(Driver::Acp, &["true"]), &turn("x"), None)
        .await
        .error();
    assert!(
        error.contains("it exited with 0 while it started"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cancel_is_asked_for_in_the_protocol_and_answers_what_is_open() {
    let stage = stage();
    let played = stage
        .play_until(&fake("waits-for-cancel"), &turn("x"), None, waiting)
        .await;
    let outcome = played.outcome();
    assert_eq!(
        (
            outcome.stop,
            outcome.session.as_ref().map(|s| s.id.as_str())
        ),
        (Stop::Cancelled, Some("s1"))
    );
    assert_eq!(stage.file("late.txt").as_deref(), Some("cancelled"));
}

#[tokio::test]
async fn a_cancel_that_is_not_heard_ends_the_process() {
    let played = stage()
        .play_until(&fake("ignores-cancel"), &turn("x"), None, waiting)
        .await;
    assert_eq!(played.outcome().stop, Stop::Cancelled);
}

#[tokio::test]
async fn an_agent_that_never_starts_can_be_cancelled() {
    let thinking = |event: &AgentEvent| {
        matches!(
            event,
            AgentEvent::Output {
                stream: Stream::Stderr,
                ..
            }
        )
    };
    let played = stage()
        .play_until(&fake("mute"), &turn("x"), None, thinking)
        .await;
    assert_eq!(played.outcome().stop, Stop::Cancelled);
}

#[tokio::test]
async fn a_reply_goes_on_in_the_same_conversation_where_the_agent_can() {
    let old = Session {
        id: "old".into(),
        agent_version: None,
    };
    let reply = Turn {
        prompt: "the task".into(),
        reply: Some("use tabs".into()),
        history: Some("I did".into()),
        ..Turn::default()
    };
    for mode in ["loads", "resumes"] {
        let stage = stage();
        fs::write(stage.home().join("known"), "").unwrap();
        let played = stage.play(&fake(mode), &reply, Some(&old)).await;
        assert_eq!(
            played.outcome().session.as_ref().map(|s| s.id.as_str()),
            Some("old"),
            "{mode}"
        );
        assert_eq!(played.said(), "use tabs", "the replay is not news");
    }
    for (mode, why) in [("plain", "it cannot"), ("loads", "it has lost it")] {
        let played = stage().play(&fake(mode), &reply, Some(&old)).await;
        let said = played.said();
        assert_eq!(
            played.outcome().session.as_ref().map(|s| s.id.as_str()),
            Some("s1"),
            "{why}"
        );
        assert!(
            ["the task", "I did", "use tabs"]
                .iter()
                .all(|words| said.contains(words)),
            "{why}: {said}"
        );
    }
}

fn waiting(event: &AgentEvent) -> bool {
    matches!(event, AgentEvent::Message { text } if text == "waiting")
}
