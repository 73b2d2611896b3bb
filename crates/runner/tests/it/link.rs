//! What a connection may lose, and what a runner never does.

use std::time::Duration;

use freehold_model::run::Outcome;
use freehold_runner::RunError;
use freehold_wire::link::{Down, Probe, Probed, RunRef, Up};

use crate::kit::{Remote, Run, again, live};
use crate::server::{Acks, Server, kind};

fn accepted(server: &Server) -> usize {
    let taken = server.taken.borrow();
    taken
        .frames
        .iter()
        .filter(|(_, up)| matches!(up, Up::Accepted(_)))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_is_repeated_is_done_once() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let mut run = Run::script(&server, &remote, "echo 2 > a");
    run.start();
    run.start();
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    run.start();
    let mut next = Run::script(&server, &remote, "true");
    next.play().await;
    assert_eq!(accepted(&server), 2);
    let ends = server
        .taken
        .borrow()
        .frames
        .iter()
        .filter(|(_, up)| matches!(up, Up::Finished(_)))
        .count();
    assert_eq!(ends, 2);
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_and_lost_acks_lose_nothing_and_double_nothing() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(
        &server,
        &remote,
        "for i in $(seq 1 400); do echo line $i; sleep 0.005; done; echo 2 > a",
    );
    *server.acks.lock().unwrap() = Acks::Never;
    run.start();
    for cut in 1..=4 {
        run.event("output between cuts", |kind, _| kind == "output")
            .await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.cut();
        server.connected(cut + 1).await;
    }
    *server.acks.lock().unwrap() = Acks::Each;
    let finished = run.finished().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    let expected: String = (1..=400).map(|i| format!("line {i}\n")).collect();
    assert_eq!(String::from_utf8(run.output("agent")).unwrap(), expected);
    assert_eq!(
        server.taken.borrow().repeated,
        0,
        "resumed behind what was taken"
    );
    // While it was held, every hello and heartbeat named it.
    assert!(
        server.taken.borrow().hellos[1..]
            .iter()
            .any(|hello| hello.holds.len() == 1)
    );
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_a_later_version_is_answered_and_the_link_stands() {
    let server = Server::start().await;
    let runner = live(&server).await;
    server.send_raw(r#"{"id":"q1","t":"teleport","p":{}}"#);
    server.send_raw(r#"{"id":"q2","t":"cancel","p":{"run":7}}"#);
    server.send_raw("not json");
    let nacks = server
        .until("three nacks", |taken| {
            let nacks: Vec<_> = taken
                .others
                .iter()
                .filter_map(|frame| match &frame.body {
                    Up::Nack(nack) => {
                        Some((frame.id.clone().unwrap_or_default(), nack.code.clone()))
                    }
                    _ => None,
                })
                .collect();
            (nacks.len() == 3).then_some(nacks)
        })
        .await;
    let expected = [("q1", "unknown"), ("q2", "malformed"), ("", "malformed")];
    assert_eq!(
        nacks,
        expected.map(|(id, code)| (id.to_owned(), code.to_owned()))
    );
    assert!(runner.handle.status().connected);
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_server_is_left_and_dialled_again() {
    let server = Server::start().await;
    let data = live(&server).await.drain().await;
    let before = server.taken.borrow().hellos.len();
    let runner = again(&server, data, |options| {
        options.pace.heartbeat = Duration::from_millis(100)
    })
    .await;
    *server.silent.lock().unwrap() = true;
    server
        .until("another hello", |taken| {
            (taken.hellos.len() >= before + 2).then_some(())
        })
        .await;
    *server.silent.lock().unwrap() = false;
    runner.task.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_the_runner_ends_it_in_clear_words() {
    for (code, words) in [("protocol", "update"), ("unknown", "enrol it again")] {
        let server = Server::start().await;
        let runner = live(&server).await;
        *server.refuse.lock().unwrap() = Some((code, "no"));
        server.cut();
        let ended = tokio::time::timeout(Duration::from_secs(20), runner.task)
            .await
            .unwrap()
            .unwrap();
        let error = ended.unwrap_err();
        assert!(
            matches!(error, RunError::Link(_)) && error.to_string().contains(words),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_lets_a_job_end_and_takes_no_other() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(&server, &remote, "echo begun; sleep 1; echo 2 > a");
    run.start();
    run.event("the agent's output", |kind, _| kind == "output")
        .await;
    runner.cancel.cancel();
    server
        .until("draining", |taken| {
            taken
                .others
                .iter()
                .any(|frame| frame.body == Up::Draining {})
                .then_some(())
        })
        .await;
    let late = Run::script(&server, &remote, "true");
    late.start();
    runner.drain().await;
    assert!(matches!(run.finished().await.outcome, Outcome::Work(_)));
    assert_eq!(accepted(&server), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_said_again_on_the_next_connection() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(&server, &remote, "echo begun; sleep 3; echo 2 > a");
    run.start();
    run.event("the agent's output", |kind, _| kind == "output")
        .await;
    runner.cancel.cancel();
    for times in 1..=2 {
        server
            .until("draining", |taken| {
                let said = taken.others.iter();
                let said = said.filter(|frame| frame.body == Up::Draining {});
                (said.count() >= times).then_some(())
            })
            .await;
        if times == 1 {
            server.cut();
        }
    }
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_as_large_as_a_card_can_make_it_is_taken() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let mut run = Run::script(&server, &remote, "echo 2 > a");
    // Six bytes each as JSON: as large as a request may be.
    run.execute().card.body = "\u{1}".repeat(1 << 20);
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_takes_too_long_gives_the_job_back() {
    let server = Server::start().await;
    let data = live(&server).await.drain().await;
    let runner = again(&server, data, |options| {
        options.drain = Duration::from_millis(200)
    })
    .await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(&server, &remote, "echo begun; sleep 600");
    run.start();
    run.event("the agent's output", |kind, _| kind == "output")
        .await;
    runner.drain().await;
    assert_eq!(run.finished().await.outcome, Outcome::Lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_the_agent_and_says_so() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(&server, &remote, "echo begun; sleep 600 & sleep 600");
    run.start();
    run.event("the agent's output", |kind, _| kind == "output")
        .await;
    server.send(Down::Cancel(RunRef {
        run: run.id(),
        epoch: 1,
    }));
    assert_eq!(run.finished().await.outcome, Outcome::Cancelled);
    assert_eq!(run.steps(), ["stage done", "setup done", "agent cancelled"]);
    let data = runner.drain().await;
    assert!(!data.path().join("runs").join(run.id().to_string()).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_run_is_killed_and_never_heard_of_again() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(&server, &remote, "echo begun; sleep 600");
    run.start();
    run.event("the agent's output", |kind, _| kind == "output")
        .await;
    server.send(Down::Drop(RunRef {
        run: run.id(),
        epoch: 1,
    }));
    let mut jobs = runner.handle.clone();
    let gone = async {
        while jobs.jobs() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            jobs = runner.handle.clone();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .unwrap();
    let seen = run.raw_events().len();
    // The next run's frames come after whatever might still have been said.
    let mut next = Run::script(&server, &remote, "true");
    next.play().await;
    assert_eq!(run.raw_events().len(), seen);
    let taken: Vec<_> = server
        .taken
        .borrow()
        .frames
        .iter()
        .map(|(_, up)| kind(up))
        .collect();
    assert_eq!(
        taken.iter().filter(|kind| *kind == "finished").count(),
        1,
        "{taken:?}"
    );
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_says_what_a_person_can_do() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let ask = |remote: String, target: &str| {
        Down::Probe(Probe::Remote {
            remote,
            target: Some(target.into()),
        })
    };
    server.ask("p1", ask(remote.url(), "main"));
    server.ask("p2", ask(remote.url(), "other"));
    server.ask("p3", ask("file:///nonexistent/x.git".into(), "main"));
    server.ask("p4", ask("ext::sh -c id".into(), "main"));
    let answer = async |id: &str| {
        server
            .until("a probe's answer", |taken| {
                taken.others.iter().find_map(|frame| match &frame.body {
                    Up::Probed(probed) if frame.id.as_deref() == Some(id) => Some(probed.clone()),
                    _ => None,
                })
            })
            .await
    };
    let main = Some("main".to_owned());
    assert_eq!(
        answer("p1").await,
        Probed::Remote {
            head: main.clone(),
            target: true,
            empty: false,
            commit: Some(remote.read(&["rev-parse", "main"])),
        }
    );
    assert_eq!(
        answer("p2").await,
        Probed::Remote {
            head: main,
            target: false,
            empty: false,
            commit: None,
        }
    );
    for id in ["p3", "p4"] {
        let Probed::Failed { message, next } = answer(id).await else {
            panic!("{id} is fine?")
        };
        assert!(!message.is_empty() && !next.is_empty());
    }
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_clock_is_off_knows_by_how_much() {
    let server = Server::start().await;
    let day = chrono::TimeDelta::days(1);
    for (behind, known) in [
        (Some(day), Some(86_400_i64)),
        (Some(-day), Some(-86_400)),
        (Some(chrono::TimeDelta::seconds(20)), None),
        (None, None),
    ] {
        *server.behind.lock().unwrap() = behind;
        let runner = live(&server).await;
        let mut status = runner.handle.watch();
        let status = status.wait_for(|status| status.connected).await.unwrap();
        // What is said took a moment to come.
        let off = status.clock_ahead_s.zip(known);
        let close = off.is_none_or(|(off, known)| (off - known).abs() <= 5);
        assert!(close, "{:?} {known:?}", status.clock_ahead_s);
        assert_eq!(status.clock_ahead_s.is_some(), known.is_some());
        drop(status);
        runner.drain().await;
    }
}
