//! The tools over the Model Context Protocol: by hand, and as the field's own clients use them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use freehold_agents::{AgentConfig, Driver, Preset, ProviderKind, Stop};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::kit::{Stage, call, text, turn};
use crate::real::installed;

const PATIENCE: Duration = Duration::from_secs(30);

/// A server, and our end of it.
struct Server {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    asked: u64,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    fn start(workspace: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_freehold-agent"))
            .arg("mcp")
            .args(args)
            .current_dir(workspace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            input,
            output,
            asked: 0,
        }
    }

    async fn say(&mut self, message: Value) {
        let line = format!("{message}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        serde_json::from_str(&line.expect("an answer in time").unwrap().unwrap()).unwrap()
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.say(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        self.hear().await
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> (bool, String) {
        let params = json!({"name": tool, "arguments": arguments});
        let answer = self.ask("tools/call", params).await;
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str();
        (
            result["isError"] == true,
            text.unwrap_or_default().to_owned(),
        )
    }
}

#[tokio::test]
async fn files_stay_below_the_workspace_and_shells_are_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let workspace = dir.path().join("work");
    std::fs::create_dir(&workspace).unwrap();
    std::fs::write(dir.path().join("secret"), "outside").unwrap();
    std::os::unix::fs::symlink("../secret", workspace.join("link")).unwrap();
    let mut server = Server::start(&workspace, &["files"]);
    let agreed = server
        .ask("initialize", json!({"protocolVersion": "2025-06-18"}))
        .await;
    assert_eq!(agreed["result"]["protocolVersion"], "2025-06-18");
    let wrote = server
        .call("write_file", json!({"path": "a/b", "content": "inside\n"}))
        .await;
    assert_eq!(wrote, (false, "wrote 7 bytes".into()));
    let read = server.call("read_file", json!({"path": "a/b"})).await;
    assert_eq!(read, (false, "1\tinside\n".into()));
    for path in ["link", "../secret", "/etc/passwd", "a/../../secret"] {
        let (failed, told) = server.call("read_file", json!({"path": path})).await;
        assert!(
            failed && told.contains("outside the workspace"),
            "{path}: {told}"
        );
    }
    let refused = server.ask("tools/call", json!({"name": "shell"})).await;
    assert_eq!(refused["error"]["code"], -32602);
}

#[tokio::test]
async fn a_terminal_tells_both_outputs_and_the_status() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["terminal"]);
    let line = json!({"command": "echo out; echo err >&2; exit 3"});
    let (failed, told) = server.call("shell", line).await;
    assert!(!failed, "a command that fails is no failed call");
    assert_eq!(
        told,
        "exit code 3\n--- stdout ---\nout\n\n--- stderr ---\nerr\n"
    );
    let flood = json!({"command": "yes | head -c 50000000"});
    let (_, told) = server.call("shell", flood).await;
    assert!(told.len() < 100_000 && told.contains("bytes left out"));
}

/// A call that was given up says nothing more and leaves nothing; the others go on.
#[tokio::test]
async fn calls_run_side_by_side_and_one_can_be_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["all"]);
    let slow = json!({"name": "shell", "arguments": {"command": "echo $$ > pid; exec sleep 1000"}});
    server
        .say(json!({"id": "slow", "method": "tools/call", "params": slow}))
        .await;
    let pid = dir.path().join("pid");
    let pid = timeout(PATIENCE, async {
        loop {
            match std::fs::read_to_string(&pid) {
                Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    });
    let pid = pid.await.expect("the command runs");
    let (_, told) = server.call("shell", json!({"command": "echo quick"})).await;
    assert!(told.contains("quick"));
    server
        .say(json!({"method": "notifications/cancelled", "params": {"requestId": "slow"}}))
        .await;
    let gone = timeout(PATIENCE, async {
        // A zombie runs no more; it is collected with the next one.
        let stat = Path::new("/proc").join(&pid).join("stat");
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    gone.await.expect("the command is ended");
    assert_eq!(server.ask("ping", json!({})).await["result"], json!({}));
}

/// F43.
#[tokio::test]
async fn a_call_that_is_delivered_twice_is_done_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["terminal"]);
    let again = |id: &str, command: &str| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
               "params": {"name": "shell", "arguments": {"command": command}}})
    };
    let slow = "sleep 0.3; echo once >> done; cat done";
    // While it is under way, and after it was answered.
    server.say(again("a", slow)).await;
    server.say(again("a", slow)).await;
    let answer = server.hear().await;
    server.say(again("a", slow)).await;
    assert_eq!(server.hear().await, answer);
    // Nothing came between: the second was no call of its own.
    let other = "cat done";
    server.say(again("b", other)).await;
    let text = server.hear().await;
    assert_eq!(text["id"], "b");
    let text = text["result"]["content"][0]["text"].as_str().unwrap();
    assert_eq!(text.matches("once").count(), 1, "{text}");
}

#[tokio::test]
async fn it_ends_with_its_client_and_takes_its_commands_along() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path(), &["terminal"]);
    let slow = json!({"name": "shell", "arguments": {"command": "sleep 1000"}});
    server
        .say(json!({"id": 1, "method": "tools/call", "params": slow}))
        .await;
    server.ask("ping", json!({})).await;
    drop(server.input);
    let ended = timeout(PATIENCE, server.child.wait()).await;
    assert!(ended.expect("it ends").unwrap().success());
}

/// A real client: it starts the servers that it is told of, and offers what they have to its model.
async fn offered(stage: &mut Stage, preset: Preset) -> (String, String) {
    let config = AgentConfig {
        tools: true,
        ..installed(stage, preset, ProviderKind::Openai)
    };
    let played = stage.play(&config, &turn("Write made.txt."), None).await;
    assert_eq!(played.outcome().stop, Stop::Done, "{}", played.said());
    let requests = stage.model().requests();
    // A first request may be about a title, without any.
    let tools = requests
        .iter()
        .map(|request| request.body["tools"].to_string());
    (tools.collect(), played.said())
}

#[tokio::test]
async fn opencode_uses_them() {
    let name = "files_write_file";
    let mut stage = Stage::scripted([
        vec![call(
            name,
            json!({"path": "made.txt", "content": "by our tool\n"}),
        )],
        vec![text("It is written.")],
    ])
    .await;
    let (tools, said) = offered(&mut stage, Preset::Opencode).await;
    assert!(
        tools.contains(name) && tools.contains("terminal_shell"),
        "{tools}"
    );
    assert_eq!(
        stage.file("made.txt").as_deref(),
        Some("by our tool\n"),
        "{said}"
    );
}

/// Its calls of such tools name a namespace that the scripted model has no word for.
#[tokio::test]
async fn codex_offers_them() {
    let mut stage = Stage::scripted([vec![text("I have seen them.")]]).await;
    let (tools, _) = offered(&mut stage, Preset::Codex).await;
    for name in ["mcp__files", "mcp__terminal", "\"write_file\""] {
        assert!(tools.contains(name), "{tools}");
    }
}

/// An agent of the `command` driver finds them by a variable.
#[tokio::test]
async fn a_plain_program_is_told_where_they_are() {
    let line = r#"
        set -e
        program=$(sed 's/.*"files":{"args":\["mcp","files"\],"command":"\([^"]*\)".*/\1/' "$FREEHOLD_MCP_SERVERS")
        echo '{"id":1,"method":"tools/call","params":{"name":"write_file","arguments":{"path":"x","content":"y"}}}' \
            | "$program" mcp files
    "#;
    let stage = Stage::scripted([]).await;
    let config = AgentConfig {
        tools: true,
        ..crate::kit::config(Driver::Command, &["sh", "-c", line])
    };
    let played = stage.play(&config, &turn("x"), None).await;
    assert_eq!(played.outcome().stop, Stop::Done, "{}", played.said());
    assert_eq!(stage.file("x").as_deref(), Some("y"), "{}", played.said());
}
