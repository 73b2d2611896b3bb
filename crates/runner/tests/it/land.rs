//! What was approved comes onto the target once, or a person is told why not.

use freehold_model::Reason;
use freehold_model::run::Outcome;

use crate::kit::{Live, Remote, Run, live};
use crate::server::Server;

const CHECKS: &str = "[[checks]]\nname = 'no clash'\ncommand = '! test -e x -a -e y'\n";

struct World {
    server: Server,
    runner: Live,
    remote: Remote,
}

async fn world() -> World {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[
        ("a", "1\n2\n3\n4\n5\n"),
        (".agentworks/project.toml", CHECKS),
    ]);
    World {
        server,
        runner,
        remote,
    }
}

impl World {
    /// A run whose work waits to be landed.
    async fn approved(&self, script: &str) -> Run {
        let mut run = Run::script(&self.server, &self.remote, script);
        let finished = run.play().await;
        assert!(
            matches!(finished.outcome, Outcome::Work(_)),
            "{:?}",
            finished.outcome
        );
        run.approve();
        run
    }

    fn main(&self) -> String {
        self.remote.read(&["rev-parse", "main"])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmoved_target_is_fast_forwarded_and_a_repetition_finds_it_done() {
    let world = world().await;
    let mut run = world.approved("echo mine > mine").await;
    let commit = run.work.clone().unwrap().commit;
    let finished = run.play().await;
    assert_eq!(
        finished.outcome,
        Outcome::Landed {
            commit: commit.clone()
        }
    );
    assert_eq!(world.main(), commit);
    // The runner was lost after the push: the next job finds out.
    run.epoch += 1;
    let again = run.play().await;
    assert_eq!(
        again.outcome,
        Outcome::Landed {
            commit: commit.clone()
        }
    );
    assert_eq!(world.main(), commit);
    world.runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_target_is_merged_checked_and_landed() {
    let world = world().await;
    let mut run = world.approved("echo mine > mine").await;
    let theirs = world.remote.commit(&[("theirs", "x\n")], "theirs");
    let finished = run.play().await;
    let Outcome::Landed { commit } = &finished.outcome else {
        panic!("{:?} {}", finished.outcome, run.detail(&finished))
    };
    assert_eq!(&world.main(), commit);
    let parents = world.remote.read(&["log", "-1", "--format=%P", commit]);
    assert_eq!(
        parents,
        format!("{theirs} {}", run.work.as_ref().unwrap().commit)
    );
    let message = world.remote.read(&["log", "-1", "--format=%B", commit]);
    assert!(
        message.starts_with("Mend the greeting") && message.contains("Approved-By: Ann Example"),
        "{message}"
    );
    assert_eq!(finished.checks[0].state, "passed");
    world.runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_must_see_is_refused_and_both_commits_stay() {
    let world = world().await;
    // A conflict.
    let mut conflicting = world.approved("sed -i 's/3/three/' a").await;
    let mut clashing = world.approved("touch x").await;
    let mut changed = world.approved("echo extra >> b").await;
    world
        .remote
        .commit(&[("a", "1\n2\nIII\n4\n5\n"), ("y", "\n")], "theirs");
    let before = world.main();
    let finished = conflicting.play().await;
    assert_eq!(
        finished.outcome,
        Outcome::Refused {
            reason: Reason::Conflict
        }
    );
    assert!(conflicting.detail(&finished).contains("a"));
    assert_eq!(conflicting.steps(), ["land failed"]);
    // Green apart, red together.
    let finished = clashing.play().await;
    assert_eq!(
        finished.outcome,
        Outcome::Refused {
            reason: Reason::ChecksOnResult
        }
    );
    assert!(clashing.detail(&finished).contains("no clash"));
    assert_eq!(finished.checks[0].state, "failed");
    // Somebody else made the same change: the rest is another one.
    world.remote.commit(&[("b", "extra\n")], "the same");
    let after = world.main();
    let finished = changed.play().await;
    let Outcome::Changed(work) = &finished.outcome else {
        panic!("{:?}", finished.outcome)
    };
    // What it became is on the run's ref, to be looked at and approved anew.
    assert_eq!(work.base, Some(after.to_string()));
    assert!(
        world
            .remote
            .refs(changed.id())
            .contains(&work.epoch.to_string())
    );
    assert!(finished.diff.is_some());
    assert_ne!(before, after);
    assert_eq!(world.main(), after);
    for run in [&conflicting, &clashing, &changed] {
        assert!(world.remote.refs(run.id()).contains(&"1".to_owned()));
    }
    world.runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_set_back_does_not_get_back_what_was_taken_away() {
    let world = world().await;
    let good = world.main();
    world.remote.commit(&[("bad", "x\n")], "a mistake");
    let mut run = world.approved("echo mine > mine").await;
    world
        .remote
        .read(&["update-ref", "refs/heads/main", good.as_str()]);
    let finished = run.play().await;
    let Outcome::Changed(work) = &finished.outcome else {
        panic!("{:?}", finished.outcome)
    };
    assert_eq!(work.base, Some(good.to_string()));
    assert_eq!(world.main(), good);
    world.runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_refuses_is_quoted() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world().await;
    let mut run = world.approved("echo mine > mine").await;
    let hook = world.remote.bare().join("hooks/update");
    let text = "#!/bin/sh\ncase $1 in refs/heads/*) echo 'main is frozen until Monday' >&2; exit 1;; esac\n";
    std::fs::write(&hook, text).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let before = world.main();
    let finished = run.play().await;
    assert_eq!(
        finished.outcome,
        Outcome::Refused {
            reason: Reason::RemoteRefused
        }
    );
    assert!(
        run.detail(&finished)
            .contains("main is frozen until Monday"),
        "{}",
        run.detail(&finished)
    );
    assert_eq!(world.main(), before);
    world.runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_deletes_the_refs_of_all_epochs() {
    use freehold_wire::link::{Down, Sweep, Up};
    let world = world().await;
    let mut run = world.approved("echo mine > mine").await;
    run.play().await;
    assert_eq!(world.remote.refs(run.id()), ["1", "2"]);
    let other = world.approved("echo other > other").await;
    let sweep = Sweep {
        remote: world.remote.url(),
        runs: vec![run.id()],
    };
    world.server.ask("s1", Down::Sweep(sweep));
    let swept = world
        .server
        .until("swept", |taken| {
            taken.others.iter().find_map(|frame| match &frame.body {
                Up::Swept(swept) => Some(swept.runs.clone()),
                _ => None,
            })
        })
        .await;
    assert_eq!(swept, [run.id()]);
    assert!(world.remote.refs(run.id()).is_empty());
    assert_eq!(world.remote.refs(other.id()), ["1"]);
    world.runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_touches_no_remote_that_the_policy_does_not_allow() {
    use freehold_wire::link::{Down, Sweep, Up};
    let world = world().await;
    let run = world.approved("echo mine > mine").await;
    let policy = world.runner.data.path().join("policy.toml");
    std::fs::write(policy, "remotes = ['https://example.org/team/app']").unwrap();
    let sweep = Sweep {
        remote: world.remote.url(),
        runs: vec![run.id()],
    };
    world.server.ask("s1", Down::Sweep(sweep));
    let swept = world
        .server
        .until("swept", |taken| {
            taken.others.iter().find_map(|frame| match &frame.body {
                Up::Swept(swept) => Some(swept.runs.clone()),
                _ => None,
            })
        })
        .await;
    assert_eq!(swept, []);
    assert_eq!(world.remote.refs(run.id()), ["1"]);
    world.runner.drain().await;
}
