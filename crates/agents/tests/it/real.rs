//! The field's own programs, as npm has them, against the scripted model.

use std::ffi::OsString;
use std::path::Path;

use freehold_agents::{
    AgentConfig, AgentEvent, Driver, Preset, ProviderKind, Stop, Stream, Turn, discover,
};
use freehold_scripted::{Fault, Step};
use serde_json::json;

use crate::kit::{Stage, TOKEN, agents, bin, call, text, turn, with_model};

/// Where `npm install` puts programs, and the system's.
fn search(agents: &Path) -> OsString {
    std::env::join_paths([
        bin(agents).as_path(),
        Path::new("/usr/local/bin"),
        Path::new("/usr/bin"),
        Path::new("/bin"),
    ])
    .unwrap()
}

pub(crate) fn installed(stage: &mut Stage, preset: Preset, kind: ProviderKind) -> AgentConfig {
    let agents = agents();
    let found = discover(preset, &search(&agents)).expect("the agent is installed");
    assert_eq!((found.preset, found.driver), (preset, Driver::Acp));
    stage.shown = found.paths;
    AgentConfig {
        preset: Some(preset),
        command: found.command,
        ..with_model(Driver::Acp, kind)
    }
}

/// Writes a file, is answered by a person, goes on in the same conversation in a new process.
async fn writes_a_file_and_goes_on(preset: Preset, kind: ProviderKind, path: &str) {
    let mut stage = Stage::scripted([
        vec![
            text("I write it."),
            call(
                "write_file",
                json!({"path": "hello.txt", "content": "hello\n"}),
            ),
        ],
        vec![text("It is written.")],
        vec![call("shell", json!({"command": "echo again >> hello.txt"}))],
        vec![text("It is longer now.")],
    ])
    .await;
    let config = installed(&mut stage, preset, kind);
    let task = turn("Write hello.txt.");
    let played = stage.play(&config, &task, None).await;
    let outcome = played.outcome().clone();
    assert_eq!(outcome.stop, Stop::Done);
    assert_eq!(
        stage.file("hello.txt").as_deref(),
        Some("hello\n"),
        "{}",
        played.said()
    );
    assert!(
        played.said().contains("It is written."),
        "{}",
        played.said()
    );
    assert!(
        played
            .calls()
            .iter()
            .any(|(_, status)| status == "completed"),
        "{:?}",
        played.calls()
    );
    assert!(
        played.events.iter().any(
            |e| matches!(e, AgentEvent::Started { agent_version: Some(v), .. } if !v.is_empty())
        ),
        "no version"
    );
    let reply = Turn {
        reply: Some("Make it longer.".into()),
        ..task
    };
    let second = stage.play(&config, &reply, outcome.session.as_ref()).await;
    assert_eq!(
        second.outcome().session.as_ref().map(|s| &s.id),
        outcome.session.as_ref().map(|s| &s.id)
    );
    assert_eq!(
        stage.file("hello.txt").as_deref(),
        Some("hello\nagain\n"),
        "{}",
        second.said()
    );
    let requests = stage.model().requests();
    let asked: Vec<_> = requests
        .iter()
        .filter(|request| request.path == path)
        .collect();
    assert!(
        asked.len() >= 4,
        "{:?}",
        requests.iter().map(|r| &r.path).collect::<Vec<_>>()
    );
    let last = asked.last().unwrap().body.to_string();
    assert!(
        last.contains("Write hello.txt.") && last.contains("Make it longer."),
        "the conversation went on"
    );
    let key = |name| {
        asked[0]
            .header(name)
            .map(|value: &str| value.trim_start_matches("Bearer ").to_owned())
    };
    assert_eq!(
        key("authorization").or(key("x-api-key")).as_deref(),
        Some(TOKEN)
    );
}

#[tokio::test]
async fn codex_through_acp() {
    writes_a_file_and_goes_on(Preset::Codex, ProviderKind::Openai, "/v1/responses").await;
}

#[tokio::test]
async fn opencode_through_acp() {
    writes_a_file_and_goes_on(
        Preset::Opencode,
        ProviderKind::Openai,
        "/v1/chat/completions",
    )
    .await;
}

#[tokio::test]
async fn opencode_through_acp_with_an_anthropic_endpoint() {
    writes_a_file_and_goes_on(Preset::Opencode, ProviderKind::Anthropic, "/v1/messages").await;
}

/// A model that refuses ends the turn in words, not in a hang.
#[tokio::test]
async fn an_endpoint_that_refuses_is_heard_through_the_agent() {
    for preset in [Preset::Codex, Preset::Opencode] {
        // Codex puts words of its own in the place of some of the endpoint's.
        let (key, down) = match preset {
            Preset::Codex => (
                "the model endpoint refuses the key",
                "could not use its model",
            ),
            _ => ("the script says no", "the script says no"),
        };
        for (status, wanted) in [(400, "the script says no"), (401, key), (500, down)] {
            let fault = Fault::default();
            let refuse = Step::Error {
                status,
                message: "the script says no".into(),
                body: None,
                retry_after: Some(0),
                fault,
            };
            let mut stage = Stage::scripted([vec![refuse]]).await;
            let config = installed(&mut stage, preset, ProviderKind::Openai);
            let played = stage.play(&config, &turn("x"), None).await;
            let error = played.error();
            assert!(error.contains(wanted), "{preset} {status}: {error}");
        }
    }
}

/// Claude Code may not be passed on, so it is not among the agents that `scripts/install-agents` brings.
#[tokio::test]
#[ignore = "needs `npm install @anthropic-ai/claude-code` in the directory that FREEHOLD_TEST_CLAUDE names"]
async fn claude_code_headless() {
    let installed = std::path::PathBuf::from(std::env::var_os("FREEHOLD_TEST_CLAUDE").unwrap());
    let found = discover(Preset::Claude, &search(&installed)).unwrap();
    let mut stage = Stage::scripted([
        vec![
            text("I write it."),
            call(
                "write_file",
                json!({"path": "hello.txt", "content": "hello\n"}),
            ),
        ],
        vec![text("It is written.")],
        vec![text("It is longer now.")],
    ])
    .await;
    stage.put("CLAUDE.md", "a file of the project");
    stage.shown = found.paths;
    let config = AgentConfig {
        preset: Some(Preset::Claude),
        command: found.command,
        ..with_model(found.driver, ProviderKind::Anthropic)
    };
    let task = turn("Write hello.txt.");
    let played = stage.play(&config, &task, None).await;
    let outcome = played.outcome();
    assert_eq!(outcome.stop, Stop::Done, "{}", played.raw(Stream::Stdout));
    assert_eq!(stage.file("hello.txt").as_deref(), Some("hello\n"));
    let reply = Turn {
        reply: Some("Make it longer.".into()),
        ..task
    };
    let second = stage.play(&config, &reply, outcome.session.as_ref()).await;
    assert_eq!(
        second.outcome().stop,
        Stop::Done,
        "{}",
        second.raw(Stream::Stdout)
    );
    assert!(second.raw(Stream::Stdout).contains("It is longer now."));
    let requests = stage.model().requests();
    let last = requests.last().unwrap().body.to_string();
    assert!(
        last.contains("Write hello.txt.") && last.contains("Make it longer."),
        "the conversation went on"
    );
    assert!(
        !last.contains("a file of the project"),
        "nothing reaches the model unasked"
    );
}
