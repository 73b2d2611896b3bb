//! The driver `builtin`, against a scripted model in all three protocols.

use freehold_agents::{AgentEvent, Driver, ProviderKind, Session, Stop, Turn};
use freehold_scripted::{Fault, Step};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;

use crate::kit::{Stage, TOKEN, call, text, turn, with_model};

const KINDS: [ProviderKind; 3] = [
    ProviderKind::Openai,
    ProviderKind::Anthropic,
    ProviderKind::Ollama,
];

fn error(status: u16, times: Option<u32>) -> Step {
    Step::Error {
        status,
        message: "not now".into(),
        body: None,
        retry_after: Some(0),
        fault: Fault { times },
    }
}

#[tokio::test]
async fn works_with_every_tool_in_every_protocol() {
    for kind in KINDS {
        let stage = Stage::scripted([
            vec![
                text("I look first."),
                call("list_files", json!({})),
                call("read_file", json!({"path": "a.txt"})),
            ],
            vec![call(
                "edit_file",
                json!({"path": "a.txt", "old": "two", "new": "2"}),
            )],
            vec![call(
                "write_file",
                json!({"path": "new/b.txt", "content": "three\n"}),
            )],
            vec![call(
                "shell",
                json!({"command": "cat a.txt new/b.txt > all.txt; exit 4"}),
            )],
            vec![call("read_file", json!({"path": "/etc/passwd"}))],
            vec![text("All done.")],
        ])
        .await;
        stage.put("a.txt", "one\ntwo\n");
        let played = stage
            .play(
                &with_model(Driver::Builtin, kind),
                &turn("Do the task."),
                None,
            )
            .await;
        let outcome = played.outcome();
        assert_eq!(outcome.stop, Stop::Done, "{kind}");
        assert_eq!(
            stage.file("all.txt").as_deref(),
            Some("one\n2\nthree\n"),
            "{kind}"
        );
        assert!(played.said().contains("I look first.") && played.said().contains("All done."));
        let call = |kind: &str, status: &str| (kind.to_owned(), status.to_owned());
        let wanted = [
            call("search", "completed"),
            call("read", "completed"),
            call("edit", "completed"),
            call("edit", "completed"),
            call("execute", "completed"),
            call("read", "failed"),
        ];
        assert_eq!(played.calls(), wanted, "{kind}");
        assert!(
            outcome
                .usage
                .is_some_and(|usage| usage.input_tokens > 0 && usage.output_tokens > 0),
            "{kind}"
        );
        let last = stage.model().requests().last().unwrap().body.to_string();
        assert!(
            last.contains("exit code 4") && last.contains("outside the workspace"),
            "{kind}: {last}"
        );
    }
}

#[tokio::test]
async fn a_reply_goes_on_in_the_same_conversation() {
    for kind in KINDS {
        let stage =
            Stage::scripted([vec![text("Tabs or spaces?")], vec![text("Tabs it is.")]]).await;
        let config = with_model(Driver::Builtin, kind);
        let first = stage.play(&config, &turn("Indent it."), None).await;
        let session = first.outcome().session.clone();
        let reply = Turn {
            reply: Some("Use tabs.".into()),
            ..turn("Indent it.")
        };
        let second = stage.play(&config, &reply, session.as_ref()).await;
        assert!(
            second.said().contains("Tabs it is."),
            "{kind}: {}",
            second.said()
        );
        let body = stage.model().requests().last().unwrap().body["messages"].to_string();
        let at = |words: &str| {
            body.find(words)
                .unwrap_or_else(|| panic!("{kind}: no {words:?} in {body}"))
        };
        assert!(
            at("Indent it.") < at("Tabs or spaces?") && at("Tabs or spaces?") < at("Use tabs."),
            "{kind}"
        );
        assert_eq!(body.matches("Indent it.").count(), 1, "{kind}");
    }
}

#[tokio::test]
async fn a_lost_conversation_is_told_again() {
    let stage = Stage::scripted([vec![text("Fine.")]]).await;
    let gone = Session {
        id: "gone".into(),
        agent_version: None,
    };
    let reply = Turn {
        prompt: "The task.".into(),
        reply: Some("The answer.".into()),
        history: Some("The past.".into()),
        ..Turn::default()
    };
    let played = stage
        .play(
            &with_model(Driver::Builtin, ProviderKind::Openai),
            &reply,
            Some(&gone),
        )
        .await;
    assert_eq!(played.outcome().stop, Stop::Done);
    let body = stage.model().requests().last().unwrap().body.to_string();
    assert!(
        ["The task.", "The past.", "The answer."]
            .iter()
            .all(|words| body.contains(words)),
        "{body}"
    );
}

#[tokio::test]
async fn a_busy_endpoint_is_tried_again() {
    for kind in KINDS {
        let stage =
            Stage::scripted([vec![error(429, Some(2)), error(503, Some(1)), text("Now.")]]).await;
        let played = stage
            .play(&with_model(Driver::Builtin, kind), &turn("x"), None)
            .await;
        assert_eq!(played.outcome().stop, Stop::Done, "{kind}");
        assert!(
            stage.model().requests().len() >= 3,
            "{kind}: {}",
            stage.model().requests().len()
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_is_told_in_words() {
    let garbage = Step::Garbage {
        text: "<html>hi</html>".into(),
        fault: Fault::default(),
    };
    let shape = Step::Garbage {
        text: "{\"ok\":true}".into(),
        fault: Fault::default(),
    };
    for (step, wanted) in [
        (error(401, None), "refuses the key (HTTP 401"),
        (
            error(404, None),
            "does not know the model or the path (HTTP 404",
        ),
        (error(400, None), "refuses the request (HTTP 400"),
        (error(500, None), "is busy or failing (HTTP 500"),
        (garbage, "something that is no JSON: `<html>hi</html>`"),
        (shape, "is not what kind openai says: `{\"ok\":true}`"),
        (
            Step::HangUp {
                fault: Fault::default(),
            },
            "tried 6 times",
        ),
    ] {
        let stage = Stage::scripted([vec![step]]).await;
        let played = stage
            .play(
                &with_model(Driver::Builtin, ProviderKind::Openai),
                &turn("x"),
                None,
            )
            .await;
        assert!(
            played.error().contains(wanted),
            "{wanted}: {}",
            played.error()
        );
    }
    // Nobody listens behind the port at all.
    let stage = Stage::new();
    let played = stage
        .play(
            &with_model(Driver::Builtin, ProviderKind::Openai),
            &turn("x"),
            None,
        )
        .await;
    assert!(
        played
            .error()
            .contains("the model endpoint cannot be reached"),
        "{}",
        played.error()
    );
}

/// An endpoint that accepts and says nothing: the turn lasts until somebody cancels it.
#[tokio::test]
async fn a_silent_endpoint_can_be_cancelled() {
    let stage = Stage::new();
    let listener = UnixListener::bind(stage.socket()).unwrap();
    let silent = async {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        std::future::pending::<()>().await;
    };
    let started = |event: &AgentEvent| matches!(event, AgentEvent::Session(_));
    let config = with_model(Driver::Builtin, ProviderKind::Anthropic);
    let turn = turn("x");
    let playing = Box::pin(stage.play_until(&config, &turn, None, started));
    let played = tokio::select! {
        played = playing => played,
        () = silent => unreachable!(),
    };
    assert_eq!(played.outcome().stop, Stop::Cancelled);
}

#[tokio::test]
async fn a_model_that_never_ends_is_ended() {
    let again = || vec![call("shell", json!({"command": "true"}))];
    let stage = Stage::scripted(std::iter::repeat_with(again).take(200)).await;
    let played = stage
        .play(
            &with_model(Driver::Builtin, ProviderKind::Openai),
            &turn("x"),
            None,
        )
        .await;
    assert_eq!(played.outcome().stop, Stop::MaxTurns);
    assert_eq!(stage.model().requests().len(), 100);
}

/// The token opens the gateway for the agent, and the model's own commands do not see it.
#[tokio::test]
async fn the_token_is_in_no_variable_argument_or_file() {
    let look = "env; cat /proc/*/cmdline /proc/*/environ 2>/dev/null; grep -r run-token ~ /workspace /tmp; true";
    let stage = Stage::scripted([
        vec![call("shell", json!({"command": look}))],
        vec![text("Seen.")],
    ])
    .await;
    let played = stage
        .play(
            &with_model(Driver::Builtin, ProviderKind::Openai),
            &turn("x"),
            None,
        )
        .await;
    assert_eq!(played.outcome().stop, Stop::Done);
    let requests = stage.model().requests();
    assert!(
        requests
            .iter()
            .all(|request| request.header("authorization") == Some(&format!("Bearer {TOKEN}")))
    );
    let seen = requests.last().unwrap().body.to_string();
    assert!(
        seen.contains("HOME=/home/freehold") && !seen.contains(TOKEN),
        "{seen}"
    );
}
