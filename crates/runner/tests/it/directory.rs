//! Projects that are about one folder of a large repository.

use freehold_model::Reason;
use freehold_model::run::Outcome;

use crate::kit::{Remote, Run, live};
use crate::server::Server;

/// All but the folder itself are named: it comes along all the same.
const OWN: &str = r#"
sparse = ["libs"]

[setup]
command = "echo setting up; pwd > made"

[[checks]]
name = "starts there"
command = "pwd; test -s made && test -s ../../libs/a && ! test -e ../../big"
"#;

fn monorepo() -> Remote {
    Remote::new(&[
        (
            ".agentworks/project.toml",
            "[[checks]]\nname = 'root'\ncommand = 'pwd'\n",
        ),
        ("AGENTS.md", "Words of the root.\n"),
        ("services/api/.agentworks/project.toml", OWN),
        ("services/api/requirements.txt", "one==1\n"),
        ("services/web/index", "1\n"),
        ("libs/a", "1\n"),
        ("big/file", "1\n"),
    ])
}

fn about(server: &Server, remote: &Remote, directory: &str, script: &str) -> Run {
    let mut run = Run::script(server, remote, script);
    run.order.project.directory = Some(directory.parse().unwrap());
    run
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_setup_and_checks_start_in_the_projects_folder() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = monorepo();
    let script = "pwd; cat made; git rev-parse --show-prefix; echo 1 > new";
    let mut run = about(&server, &remote, "services/api", script);
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?} {}", finished.outcome, run.detail(&finished))
    };
    assert_eq!(
        text(run.output("agent")),
        "/workspace/services/api\n/workspace/services/api\nservices/api/\n"
    );
    assert_eq!(
        text(run.output("check:starts there")),
        "/workspace/services/api\n"
    );
    // What setup made is no work, and what lies outside of the sparse folders is not lost.
    assert_eq!(
        remote.read(&["diff", "--name-status", "main", &work.commit]),
        "A\tservices/api/new"
    );

    // Lock files of the folder are what its setup hangs on.
    let mut again = about(&server, &remote, "services/api", "echo 2 > new");
    again.order.project.id = run.order.project.id;
    again.play().await;
    assert_eq!(text(again.output("setup")), "");
    remote.commit(&[("services/api/requirements.txt", "one==2\n")], "newer");
    let mut newer = about(&server, &remote, "services/api", "echo 2 > new");
    newer.order.project.id = run.order.project.id;
    newer.play().await;
    assert_eq!(text(newer.output("setup")), "setting up\n");
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_project_file_has_the_roots() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = monorepo();
    let mut run = about(&server, &remote, "services/web", "ls ../..; echo 2 > index");
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    assert_eq!(text(run.output("check:root")), "/workspace/services/web\n");
    assert_eq!(
        text(run.output("agent")),
        "AGENTS.md\nbig\nlibs\nservices\n"
    );
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_said_before_anything_starts() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = monorepo();
    for missing in ["services/none", "libs/a"] {
        let mut run = about(&server, &remote, missing, "echo 1 > /workspace/x");
        let finished = run.play().await;
        let reason = Reason::DirectoryMissing;
        assert_eq!(finished.outcome, Outcome::Failed { reason }, "{missing}");
        let detail = run.detail(&finished);
        assert!(detail.contains(missing), "{detail}");
        assert_eq!(run.output("agent"), b"");
    }
    // Work that takes the folder away: its checks have nowhere to start.
    let mut run = about(
        &server,
        &remote,
        "services/api",
        "cd /; rm -r /workspace/services/api",
    );
    let finished = run.play().await;
    let reason = Reason::DirectoryMissing;
    assert_eq!(finished.outcome, Outcome::Failed { reason });
    runner.drain().await;
}
