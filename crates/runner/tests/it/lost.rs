//! `kill -9` at work, and the life after it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use freehold_model::run::Outcome;
use freehold_model::{JobId, Reason};
use freehold_runner::enrol;
use freehold_wire::link::{Down, RunRef, Up};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::kit::{Now, Random, Remote, Run, again, options, program};
use crate::server::{Acks, Server};

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a runner in a process of its own, to be killed"
)]
fn serve(data: &Path, server: &Server) -> Killed {
    let child = Command::new(program())
        .args(["serve".as_ref(), data.as_os_str(), server.url.as_ref()])
        .env_clear()
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Killed(child)
}

fn alive(marker: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| {
            line.split(|byte| *byte == 0)
                .any(|word| word == marker.as_bytes())
        })
}

async fn becomes(marker: &str, wanted: bool) {
    let change = async {
        while alive(marker) != wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let within = tokio::time::timeout(Duration::from_secs(20), change).await;
    within.expect("the agent lives and dies with its runner");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runner_reports_the_job_lost_once_and_leaves_nothing() {
    let server = Server::start().await;
    let data = Arc::new(tempfile::tempdir().unwrap());
    enrol(&options(data.path(), &server), &server.enrol_token())
        .await
        .unwrap();
    let runner = serve(data.path(), &server);
    server.connected(1).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let marker = format!("86400.{}", std::process::id());
    let mut run = Run::script(&server, &remote, &format!("echo begun; sleep {marker}"));
    run.start();
    run.event("the agent's output", |kind, _| kind == "output")
        .await;
    becomes(&marker, true).await;
    drop(runner);
    becomes(&marker, false).await;
    // Killed while it unpacked an image, too.
    let half = data.path().join("images/.partial-a");
    std::fs::create_dir_all(half.join("etc")).unwrap();

    let next = again(&server, data, |_| {}).await;
    assert!(!half.exists());
    assert_eq!(run.finished().await.outcome, Outcome::Lost);
    assert!(
        !next
            .data
            .path()
            .join("runs")
            .join(run.id().to_string())
            .exists()
    );
    // The same epoch is never executed again; the next one is.
    run.start();
    run.epoch = 2;
    run.attempt = 2;
    run.execute().agent.command = vec!["sh".into(), "-c".into(), "echo 2 > a".into()];
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    let lost = server
        .taken
        .borrow()
        .frames
        .iter()
        .filter(|(_, up)| matches!(up, Up::Finished(finished) if finished.outcome == Outcome::Lost))
        .count();
    assert_eq!(lost, 1);
    assert_eq!(remote.refs(run.id()), ["2"]);
    next.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_was_done_is_said_again_and_not_done_again() {
    let server = Server::start().await;
    let data = Arc::new(tempfile::tempdir().unwrap());
    enrol(&options(data.path(), &server), &server.enrol_token())
        .await
        .unwrap();
    let runner = serve(data.path(), &server);
    server.connected(1).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(&server, &remote, "echo ran; echo 2 > a");
    // The server takes frames in, and dies before it has kept them.
    *server.acks.lock().unwrap() = Acks::Never;
    run.start();
    run.finished().await;
    drop(runner);
    server.taken.send_modify(|taken| {
        taken.frames.clear();
        taken.last = 0;
    });
    *server.acks.lock().unwrap() = Acks::Each;
    let next = again(&server, data, |_| {}).await;
    let finished = run.finished().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    assert_eq!(run.output("agent"), b"ran\n");
    next.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_a_run_is_done_by_the_next_epoch_alone() {
    let server = Server::start().await;
    let data = Arc::new(tempfile::tempdir().unwrap());
    enrol(&options(data.path(), &server), &server.enrol_token())
        .await
        .unwrap();
    let project = "[setup]\ncommand = 'sleep 0.3; mkdir made'\n[[checks]]\nname = 'c'\ncommand = 'sleep 0.3'\n";
    for (nth, step) in [
        "stage", "setup", "agent", "collect", "check", "park", "land",
    ]
    .into_iter()
    .enumerate()
    {
        // Another lock file each time, so that setup runs.
        let lock = format!("# {nth}\n");
        let remote = Remote::new(&[
            ("a", "1\n"),
            (".agentworks/project.toml", project),
            ("Cargo.lock", &lock),
        ]);
        let mut run = Run::script(&server, &remote, "sleep 0.3; echo 2 > a");
        let before = server.taken.borrow().hellos.len();
        let runner = serve(data.path(), &server);
        server.connected(before + 1).await;
        if step == "land" {
            assert!(matches!(run.play().await.outcome, Outcome::Work(_)));
            run.approve();
        }
        run.start();
        run.event(step, |kind, meta| {
            kind == "step.started" && meta["step"] == step
        })
        .await;
        drop(runner);
        let next = again(&server, data.clone(), |_| {}).await;
        let first = run.finished().await;
        // What was done just before the kill counts; all else is lost, and done by the next epoch.
        let done = !matches!(first.outcome, Outcome::Lost);
        assert!(
            !done || matches!(step, "park" | "land"),
            "{step}: {:?}",
            first.outcome
        );
        run.epoch += 1;
        run.attempt = 2;
        let second = run.play().await;
        match step {
            "land" => {
                assert!(
                    matches!(second.outcome, Outcome::Landed { .. }),
                    "{:?}",
                    second.outcome
                );
                assert_eq!(remote.read(&["rev-list", "--count", "main"]), "2");
            }
            _ => {
                let Outcome::Work(work) = &second.outcome else {
                    panic!("{step}: {:?}", second.outcome)
                };
                let held = remote.read(&[
                    "rev-parse",
                    &format!("refs/freehold/{}/{}", run.id(), run.epoch),
                ]);
                assert_eq!(held, work.commit);
                assert_eq!(remote.read(&["rev-list", "--count", &work.commit]), "2");
            }
        }
        next.drain().await;
    }
}

/// How many files a process may have open, from now on.
#[expect(
    clippy::disallowed_methods,
    reason = "a limit of another process is set by a program of its own"
)]
fn may_open(runner: &Killed, files: &str) {
    let pid = runner.0.id().to_string();
    let done = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--nofile={files}")])
        .status()
        .unwrap();
    assert!(done.success());
}

/// F60: what cannot be begun says which limit it is; what is under way, and the link, go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_without_a_file_left_refuses_what_is_new_by_the_limit_s_name() {
    let server = Server::start().await;
    let data = Arc::new(tempfile::tempdir().unwrap());
    enrol(&options(data.path(), &server), &server.enrol_token())
        .await
        .unwrap();
    let runner = serve(data.path(), &server);
    server.connected(1).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let under_way = Run::script(&server, &remote, "echo begun; sleep 600");
    under_way.start();
    under_way
        .event("the agent's output", |kind, _| kind == "output")
        .await;
    // Below all that it has open: not one more, however many there are at this moment.
    may_open(&runner, "3:");
    let refused = Run::script(&server, &remote, "true");
    refused.start();
    let finished = refused.finished().await;
    let reason = Reason::Limit;
    assert_eq!(finished.outcome, Outcome::Failed { reason });
    let detail = refused.detail(&finished);
    assert!(detail.contains("RLIMIT_NOFILE"), "{detail}");
    // The other one is told to stop over the same link, and is.
    assert!(server.taken.borrow().hellos.len() == 1, "the link broke");
    server.send(Down::Cancel(RunRef {
        run: under_way.id(),
        epoch: under_way.epoch,
    }));
    assert_eq!(under_way.finished().await.outcome, Outcome::Cancelled);
    // With files again it takes work as ever.
    may_open(&runner, "1024:");
    let mut next = Run::script(&server, &remote, "echo 3 > a");
    let finished = next.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    assert_eq!(server.taken.borrow().hellos.len(), 1);
}

/// What a runner of this version left in its journal, and how its next life ends the job.
async fn left_by(version: &str, kind: &str, steps: &[(u32, &str)]) -> Outcome {
    let server = Server::start().await;
    let data = Arc::new(tempfile::tempdir().unwrap());
    enrol(&options(data.path(), &server), &server.enrol_token())
        .await
        .unwrap();
    // It makes its journal, and goes.
    let data = again(&server, data, |_| {}).await.drain().await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(&server, &remote, "true");
    let file = SqliteConnectOptions::new().filename(data.path().join("runner.db"));
    let mut journal = SqliteConnection::connect_with(&file).await.unwrap();
    sqlx::query(
        "INSERT INTO jobs (run, epoch, job, kind, step, held, changed_at) VALUES (?1, 1, ?2, ?3, ?4, 1, '')",
    )
    .bind(run.id().to_string())
    .bind(JobId::new(&Now, &Random).to_string())
    .bind(kind)
    .bind(steps.last().map_or("taken", |(_, name)| name))
    .execute(&mut journal)
    .await
    .unwrap();
    for (number, name) in steps {
        sqlx::query("INSERT INTO steps (run, epoch, number, name, version, at) VALUES (?1, 1, ?2, ?3, ?4, '')")
            .bind(run.id().to_string())
            .bind(number)
            .bind(name)
            .bind(version)
            .execute(&mut journal)
            .await
            .unwrap();
    }
    journal.close().await.unwrap();
    let next = again(&server, data, |_| {}).await;
    let outcome = run.finished().await.outcome;
    next.drain().await;
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_this_version_does_not_know_is_not_guessed_at() {
    let reason = Reason::JournalForeign;
    let mut known = vec![(1, "stage"), (2, "setup"), (3, "agent")];
    let execute = "execute";
    // Another version with the same steps is a runner like any other that was lost.
    assert_eq!(left_by("0.0.1", execute, &known).await, Outcome::Lost);
    assert_eq!(left_by("0.0.1", execute, &[]).await, Outcome::Lost);
    // Renamed.
    known[2].1 = "prompt";
    let failed = Outcome::Failed { reason };
    assert_eq!(left_by("0.0.1", execute, &known).await, failed);
    // Not there, whatever it was.
    assert_eq!(
        left_by("9.0.0", execute, &[(1, "stage"), (7, "sign")]).await,
        failed
    );
    // What became of a landing a person looks at.
    let refused = Outcome::Refused { reason };
    assert_eq!(left_by("9.0.0", "land", &[(1, "merge")]).await, refused);
    assert_eq!(
        left_by("9.0.0", "land", &[(1, "land")]).await,
        Outcome::Lost
    );
}
