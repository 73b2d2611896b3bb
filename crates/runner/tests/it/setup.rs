//! Setup: when it runs, and whose result is whose.

use freehold_model::Reason;
use freehold_model::run::Outcome;

use crate::kit::{Remote, Run, live};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn setup_runs_once_per_lock_file_and_what_it_makes_is_not_work() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let project = "[setup]\ncommand = 'echo setting up; mkdir -p made && date +%N > made/stamp'\n[[checks]]\nname = 'there'\ncommand = 'test -s made/stamp'\n";
    let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", project)]);
    let mut first = Run::script(&server, &remote, "test -s made/stamp && echo 2 > a");
    let finished = first.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?} {}", finished.outcome, first.detail(&finished))
    };
    assert_eq!(
        remote.read(&["diff", "--name-only", "main", &work.commit]),
        "a"
    );
    assert_eq!(first.output("setup"), b"setting up\n");
    let mut second = Run::script(&server, &remote, "test -s made/stamp && echo 3 > a");
    second.order.project = first.order.project.clone();
    let finished = second.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    assert_eq!(
        second.output("setup"),
        b"",
        "the result of the first setup was used"
    );

    remote.commit(
        &[(
            ".agentworks/project.toml",
            "[setup]\ncommand = 'echo no luck; exit 9'\n",
        )],
        "broken",
    );
    let mut third = Run::script(&server, &remote, "echo 4 > a");
    let finished = third.play().await;
    assert_eq!(
        finished.outcome,
        Outcome::Failed {
            reason: Reason::SetupFailed
        }
    );
    assert!(third.detail(&finished).contains("no luck"));

    remote.commit(
        &[(".agentworks/project.toml", "[setup]\ncommand = 3\n")],
        "more broken",
    );
    let mut fourth = Run::script(&server, &remote, "echo 4 > a");
    let finished = fourth.play().await;
    assert_eq!(
        finished.outcome,
        Outcome::Failed {
            reason: Reason::ProjectFile
        }
    );
    runner.drain().await;
}

/// What setup makes depends on files that no lock file names; only the target branch's are trusted
/// with what later runs find.
#[tokio::test(flavor = "multi_thread")]
async fn what_setup_made_of_an_agents_files_is_nobody_elses() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let project = "[setup]\ncommand = 'echo setting up; sh make.sh'\n[[checks]]\nname = 'made'\ncommand = 'cat made/it'\n";
    let remote = Remote::new(&[
        ("requirements.txt", "one==1\n"),
        ("make.sh", "mkdir -p made; echo honest > made/it\n"),
        (".agentworks/project.toml", project),
    ]);
    let mut first = Run::script(
        &server,
        &remote,
        "echo one==2 > requirements.txt; echo 'mkdir -p made; echo poisoned > made/it' > make.sh",
    );
    first.play().await;
    // The control: its own check ran what it wrote.
    assert_eq!(first.output("check:made"), b"poisoned\n");
    // Somebody lands the same lock file without the rest.
    remote.commit(&[("requirements.txt", "one==2\n")], "newer");
    let mut second = Run::script(&server, &remote, "cat made/it; echo 1 > a");
    second.order.project = first.order.project.clone();
    second.play().await;
    assert_eq!(second.output("agent"), b"honest\n");
    assert_eq!(second.output("check:made"), b"honest\n");
    // The second run's check used what its setup made: keeping works all the same.
    assert_eq!(second.output("setup"), b"setting up\n");
    // Another project on the same repository begins anew.
    let mut third = Run::script(&server, &remote, "cat made/it; echo 1 > a");
    third.play().await;
    assert_eq!(third.output("setup"), b"setting up\n");
    runner.drain().await;
}

/// A result is nobody's whose files are other ones, also where there are more of them, or larger ones,
/// than are read.
#[tokio::test(flavor = "multi_thread")]
async fn files_beyond_the_bounds_decide_as_well() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let project = "[setup]\ncommand = 'echo setting up; mkdir -p made'\n";
    let names: Vec<String> = (10..80).map(|n| format!("requirements-{n}.txt")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "one==1\n")).collect();
    files.push((".agentworks/project.toml", project));
    let many = Remote::new(&files);
    let large = "#".repeat(33 << 20);
    let one = Remote::new(&[
        ("requirements.txt", &large),
        (".agentworks/project.toml", project),
    ]);
    for (remote, name, text) in [
        (many, "requirements-79.txt", "one==2\n"),
        (one, "requirements.txt", &format!("{large}#")),
    ] {
        let mut first = Run::script(&server, &remote, "true");
        let setup = async |project| {
            let mut run = Run::script(&server, &remote, "true");
            run.order.project = project;
            run.play().await;
            run.output("setup")
        };
        first.play().await;
        assert_eq!(first.output("setup"), b"setting up\n", "{name}");
        // The control: what was made of the same commit is used.
        assert_eq!(setup(first.order.project.clone()).await, b"", "{name}");
        remote.commit(&[(name, text)], "newer");
        let said = setup(first.order.project.clone()).await;
        assert_eq!(said, b"setting up\n", "{name}");
    }
    runner.drain().await;
}
