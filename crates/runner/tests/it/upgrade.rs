//! An agent that is upgraded or removed on the machine while it works (F71).

use std::path::Path;

use freehold_model::Reason;
use freehold_model::run::Outcome;
use tempfile::TempDir;

use crate::kit::{Remote, Run, live};
use crate::server::Server;

/// Speaks ACP, says that it is there, and goes on when it is told to: with the part of its package that
/// it then needs.
const AGENT: &str = r#"
import json, os, sys, time
version, here = "VERSION", os.path.dirname(os.path.abspath(__file__))
def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()
def answer(to, result):
    send({"id": to["id"], "result": result})
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "initialize":
        info = {"name": "tiny", "version": version}
        answer(asked, {"protocolVersion": 1, "agentCapabilities": {}, "agentInfo": info})
    elif asked.get("method") == "session/new":
        answer(asked, {"sessionId": "s"})
    elif asked.get("method") == "session/prompt":
        plan = [{"content": "wait", "priority": "high", "status": "in_progress"}]
        update = {"sessionUpdate": "plan", "entries": plan}
        send({"method": "session/update", "params": {"sessionId": "s", "update": update}})
        while not os.path.exists(os.path.join(here, "go")):
            time.sleep(0.02)
        with open(os.path.join(here, "part")) as part:
            said = part.read()
        with open("said", "w") as out:
            out.write(version + " " + said)
        answer(asked, {"stopReason": "end_turn"})
"#;

/// As a package client does it: a new file in the old one's place.
fn install(package: &Path, version: &str) {
    for (name, text) in [("agent.py", AGENT), ("part", "part of VERSION\n")] {
        let new = package.join(format!("{name}.new"));
        std::fs::write(&new, text.replace("VERSION", version)).unwrap();
        std::fs::rename(new, package.join(name)).unwrap();
    }
}

fn package() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let package = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(package.path(), open).unwrap();
    install(package.path(), "1");
    package
}

fn run(server: &Server, remote: &Remote, package: &Path) -> Run {
    let path = package.to_str().unwrap().to_owned();
    let command = vec!["python3".into(), format!("{path}/agent.py")];
    let mut run = Run::of(server, &remote.url(), command);
    let agent = &mut run.execute().agent;
    agent.driver = "acp".into();
    agent.paths = vec![path];
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_upgraded_ends_its_turn_and_the_next_one_is_the_new_one() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let package = package();
    for (version, said) in [("1", "1 part of 2"), ("2", "2 part of 2")] {
        let run = run(&server, &remote, package.path());
        run.start();
        run.event("the agent waits", |kind, _| kind == "agent.plan")
            .await;
        install(package.path(), "2");
        std::fs::write(package.path().join("go"), "").unwrap();
        let finished = run.finished().await;
        let Outcome::Work(work) = &finished.outcome else {
            panic!("{:?}: {}", finished.outcome, run.detail(&finished))
        };
        let found = remote.read(&["show", &format!("{}:said", work.commit)]);
        assert_eq!(found, said);
        assert_eq!(finished.agent_version.as_deref(), Some(version));
        std::fs::remove_file(package.path().join("go")).unwrap();
    }
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_removed_is_named_with_the_version_that_it_was() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let package = package();
    let first = run(&server, &remote, package.path());
    first.start();
    (first.event("the agent waits", |kind, _| kind == "agent.plan")).await;
    for name in ["agent.py", "part"] {
        std::fs::remove_file(package.path().join(name)).unwrap();
    }
    std::fs::write(package.path().join("go"), "").unwrap();
    let finished = first.finished().await;
    let reason = Reason::AgentFailed;
    assert_eq!(finished.outcome, Outcome::Failed { reason });
    let detail = first.detail(&finished);
    assert!(detail.contains("tiny 1"), "{detail}");
    assert!(detail.contains("No such file"), "{detail}");
    // And the next one does not begin at all, or says what it lacks.
    let mut next = run(&server, &remote, package.path());
    let finished = next.play().await;
    assert_eq!(finished.outcome, Outcome::Failed { reason });
    let detail = next.detail(&finished);
    assert!(detail.contains("agent.py"), "{detail}");
    runner.drain().await;
}
