//! From an offer to a commit on the run's ref, with real git and real sandboxes.

use freehold_model::Reason;
use freehold_model::run::Outcome;
use serde_json::Value;

use crate::kit::{Remote, Run, again, live};
use crate::server::Server;

const CHECKED: &str = "[[checks]]\nname = 'says it'\ncommand = 'grep -q hello greeting'\n\n[[checks]]\nname = 'is short'\ncommand = 'test $(wc -l < greeting) -le 2'\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_card_becomes_a_commit_with_green_checks() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("greeting", "\n"), (".agentworks/project.toml", CHECKED)]);
    let base = remote.read(&["rev-parse", "main"]);
    let mut run = Run::script(
        &server,
        &remote,
        "echo working; cat $FREEHOLD_CARD > /tmp/card; grep -o Mend /tmp/card; echo hello > greeting; git log --format=%s | cat",
    );
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?}: {}", finished.outcome, run.detail(&finished))
    };
    assert_eq!(work.base.as_ref(), Some(&base));
    assert_eq!(
        remote.read(&["rev-parse", &format!("refs/freehold/{}/1", run.id())]),
        work.commit
    );
    assert_eq!(
        remote.read(&["show", &format!("{}:greeting", work.commit)]),
        "hello"
    );
    let message = remote.read(&["log", "-1", "--format=%B", &work.commit]);
    assert_eq!(
        message,
        format!(
            "Mend the greeting\n\nFreehold-Run: {}\nFreehold-Card: {}",
            run.id(),
            run.execute().card.id
        )
    );
    assert_eq!(
        String::from_utf8(run.output("agent")).unwrap(),
        "working\nMend\nfirst\n"
    );
    assert_eq!(
        run.steps(),
        [
            "stage done",
            "setup done",
            "agent done",
            "collect done",
            "check done",
            "park done"
        ]
    );
    let checks: Vec<_> = finished
        .checks
        .iter()
        .map(|check| (check.name.as_str(), check.state.as_str()))
        .collect();
    assert_eq!(checks, [("says it", "passed"), ("is short", "passed")]);
    let diff = String::from_utf8(run.blob("diff", &finished, finished.diff.unwrap())).unwrap();
    assert!(diff.contains("+hello"), "{diff}");
    assert_eq!(finished.isolation.as_deref(), Some("sandbox"));
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn red_checks_are_named_with_their_output_and_all_of_them_run() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let checks = "[[checks]]\nname = 'one'\ncommand = 'echo first is wrong; exit 3'\n[[checks]]\nname = 'two'\ncommand = 'sleep 60'\ntimeout = '1s'\n[[checks]]\nname = 'three'\ncommand = 'true'\n";
    let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", checks)]);
    // The agent's own idea of the checks does not count.
    let mut run = Run::script(
        &server,
        &remote,
        "echo '[[checks]]' > .agentworks/project.toml",
    );
    let finished = run.play().await;
    assert!(
        matches!(finished.outcome, Outcome::ChecksFailed(_)),
        "{:?}",
        finished.outcome
    );
    let got: Vec<_> = finished
        .checks
        .iter()
        .map(|c| (c.name.as_str(), c.state.as_str(), c.exit_code))
        .collect();
    assert_eq!(
        got,
        [
            ("one", "failed", Some(3)),
            ("two", "timed_out", None),
            ("three", "passed", Some(0))
        ]
    );
    let detail = run.detail(&finished);
    assert!(
        detail.contains("`one`") && detail.contains("first is wrong") && detail.contains("`two`"),
        "{detail}"
    );
    assert_eq!(run.output("check:one"), b"first is wrong\n");
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_changed_is_nothing_to_decide_on() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let mut run = Run::script(&server, &remote, "cat a");
    let finished = run.play().await;
    let base = Some(remote.read(&["rev-parse", "main"]));
    assert_eq!(finished.outcome, Outcome::Unchanged { base });
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_commit_of_an_empty_remote() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[]);
    let mut run = Run::script(
        &server,
        &remote,
        "echo 1 > a; git add a; git commit -qm own; echo 2 > b",
    );
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?} {}", finished.outcome, run.detail(&finished))
    };
    assert_eq!(work.base, None);
    assert_eq!(
        remote.read(&["log", "--format=%s", &work.commit]),
        "Mend the greeting\nown"
    );
    runner.drain().await;
}

async fn fails(script: &str, change: impl FnOnce(&mut Run)) -> (Reason, String) {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let mut run = Run::script(&server, &remote, script);
    change(&mut run);
    let finished = run.play().await;
    let Outcome::Failed { reason } = finished.outcome else {
        panic!("{script}: {:?}", finished.outcome)
    };
    let detail = run.detail(&finished);
    let data = runner.drain().await;
    assert!(
        !data.path().join("runs").join(run.id().to_string()).exists(),
        "left over"
    );
    let sockets = std::fs::read_dir(data.path().join("s")).unwrap().count();
    assert_eq!(sockets, 0, "sockets are left over");
    (reason, detail)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_fail_has_its_reason_and_words() {
    let (reason, detail) = fails("echo about to fail >&2; exit 7", |_| {}).await;
    assert_eq!(reason, Reason::AgentFailed);
    assert!(
        detail.contains("exit code 7") && detail.contains("about to fail"),
        "{detail}"
    );

    let (reason, detail) = fails("kill -KILL $$", |_| {}).await;
    assert_eq!(reason, Reason::AgentFailed);
    assert!(detail.contains("SIGKILL"), "{detail}");

    let (reason, _) = fails("", |run| {
        run.execute().agent.command = vec!["no-such-agent".into()]
    })
    .await;
    assert_eq!(reason, Reason::AgentMissing);

    let (reason, detail) = fails("echo once; sleep 600", |run| {
        run.execute().agent.stall_s = 1
    })
    .await;
    assert_eq!(reason, Reason::AgentStalled);
    assert!(
        detail.contains("silent for 1 s") && detail.contains("once"),
        "{detail}"
    );

    let (reason, _) = fails(
        "trap '' TERM; while :; do echo on; sleep 0.1; done",
        |run| run.execute().agent.timeout_s = 1,
    )
    .await;
    assert_eq!(reason, Reason::TimedOut);

    let (reason, detail) = fails("echo before; kill -STOP $$", |run| {
        run.execute().agent.stall_s = 1;
    })
    .await;
    assert_eq!(reason, Reason::AgentStalled, "{detail}");

    let (reason, _) = fails("rm -rf .git/* * 2>/dev/null; true", |_| {}).await;
    assert_eq!(reason, Reason::WorkspaceGone);
}

#[tokio::test(flavor = "multi_thread")]
async fn remotes_and_targets_that_cannot_be_used_are_named() {
    let (reason, _) = fails("true", |run| {
        run.order.project.remote = "file:///nonexistent/x.git".into()
    })
    .await;
    assert_eq!(reason, Reason::RemoteNotFound);
    let (reason, detail) = fails("true", |run| run.order.project.target = "release".into()).await;
    assert_eq!(reason, Reason::TargetMissing);
    assert!(detail.contains("release"), "{detail}");
    let (reason, detail) = fails("true", |run| run.order.expires_at = run.order.at).await;
    assert_eq!(reason, Reason::OrderRefused);
    assert!(detail.contains("expired"), "{detail}");
    let (reason, _) = fails("true", |run| {
        run.order.project.remote = "ext::sh -c id".into()
    })
    .await;
    assert_eq!(reason, Reason::RemoteNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_on_in_the_same_workspace_and_on_another_runner_from_the_checkpoint() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n"), (".gitignore", "scrap\n")]);
    let script = "echo turn >> a; echo turn >> ~/memory; cat ~/memory | wc -l; ls scrap 2>/dev/null; touch scrap; grep -o '\"reply\":[^,}]*' $FREEHOLD_CARD";
    let mut run = Run::script(&server, &remote, script);
    let first = run.play().await;
    let Outcome::Work(work) = &first.outcome else {
        panic!("{:?} {}", first.outcome, run.detail(&first))
    };
    let base = work.base.clone();
    assert_eq!(
        String::from_utf8(run.output("agent")).unwrap(),
        "1\n\"reply\":null\n"
    );
    run.reply("again");
    let second = run.play().await;
    let Outcome::Work(work) = &second.outcome else {
        panic!("{:?} {}", second.outcome, run.detail(&second))
    };
    assert_eq!(work.base, base);
    assert_eq!(
        String::from_utf8(run.output("agent")).unwrap(),
        "2\nscrap\n\"reply\":\"again\"\n"
    );
    assert_eq!(remote.refs(run.id()), ["1", "2"]);

    // The runner and its disk are gone; another one goes on.
    runner.drain().await;
    let other = live(&server).await;
    run.reply("elsewhere");
    let third = run.play().await;
    let Outcome::Work(work) = &third.outcome else {
        panic!("{:?} {}", third.outcome, run.detail(&third))
    };
    assert_eq!(
        String::from_utf8(run.output("agent")).unwrap(),
        "3\n\"reply\":\"elsewhere\"\n"
    );
    assert_eq!(
        remote.read(&["show", &format!("{}:a", work.commit)]),
        "1\nturn\nturn\nturn"
    );
    other.drain().await;
}

/// F24: an agent whose clock is off, in its commits and in the files that it leaves.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_changed_counts_whatever_time_it_gives_it() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let files = [
        "yesterday",
        "tomorrow",
        "long ago",
        "same time",
        "committed",
    ];
    let remote = Remote::new(&files.map(|name| (name, "old\n")));
    let mut run = Run::script(
        &server,
        &remote,
        "for f in *; do touch -r \"$f\" /tmp/\"$f\"; echo new > \"$f\"; done
         touch -d '-1 day' yesterday; touch -d '+1 day' tomorrow; touch -d 1980-01-01 'long ago'
         touch -r '/tmp/same time' 'same time'
         export GIT_AUTHOR_DATE='2001-01-01T00:00Z' GIT_COMMITTER_DATE='2001-01-01T00:00Z'
         git add committed; git commit -qm 'By an old clock'",
    );
    for turn in ["", "-2"] {
        let finished = run.play().await;
        let Outcome::Work(work) = &finished.outcome else {
            panic!("{:?} {}", finished.outcome, run.detail(&finished))
        };
        for name in files {
            let text = remote.read(&["show", &format!("{}:{name}", work.commit)]);
            assert_eq!(text, format!("new{turn}"), "{name}");
        }
        run.reply("again");
        run.execute().agent.command[2] = "for f in *; do touch -r \"$f\" /tmp/\"$f\"; echo new-2 > \"$f\"; touch -r /tmp/\"$f\" \"$f\"; done".into();
    }
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_another_runner_claimed_is_left_in_silence() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let run = Run::script(&server, &remote, "echo 2 > a");
    let name = format!("refs/freehold/{}/1", run.id());
    remote.read(&["update-ref", &name, "main"]);
    run.start();
    run.event("its stage", |kind, _| kind == "step.started")
        .await;
    // What it still had to say goes with it.
    runner.let_go(run.id()).await;
    let mut next = Run::script(&server, &remote, "true");
    next.play().await;
    let ended = server.taken.borrow().frames.iter().any(|(_, up)| {
        matches!(up, freehold_wire::link::Up::Finished(finished) if finished.job.run == run.id())
    });
    assert!(!ended, "a fenced runner says nothing");
    assert_eq!(
        remote.read(&["rev-parse", &name]),
        remote.read(&["rev-parse", "main"])
    );
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_holds_no_key_and_no_network() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let script = "env | sort; cat /proc/net/dev | tail -n +3 | wc -l; ls -a ~; ls /freehold; touch /freehold/objects/x 2>&1 | grep -o 'Read-only'; id -u";
    let mut run = Run::script(&server, &remote, script);
    run.play().await;
    let output = String::from_utf8(run.output("agent")).unwrap();
    assert!(
        !output.contains("sk-real") && !output.contains("THE_KEY"),
        "{output}"
    );
    assert!(output.contains("Read-only"), "{output}");
    assert!(
        !output.lines().any(|line| line == "0"),
        "not root: {output}"
    );
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lives_of_one_runner_keep_one_conversation_of_steps() {
    let server = Server::start().await;
    let data = live(&server).await.drain().await;
    let runner = again(&server, data, |_| {}).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let mut run = Run::script(&server, &remote, "echo 2 > a");
    run.play().await;
    let notes: Vec<Value> = run
        .events()
        .into_iter()
        .filter(|(kind, _)| kind == "note")
        .map(|(_, value)| value)
        .collect();
    assert!(
        notes.iter().any(|note| note["text"]
            .as_str()
            .unwrap()
            .contains("no setup and no checks")),
        "{notes:?}"
    );
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_leaves_running_ends_with_it() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let script = "setsid sh -c 'sleep 2; echo late >> /workspace/a' >/dev/null 2>&1 & echo 2 > a";
    let mut run = Run::script(&server, &remote, script);
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?}", finished.outcome)
    };
    assert_eq!(remote.read(&["show", &format!("{}:a", work.commit)]), "2");
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_machine_s_policy_file_is_obeyed_from_the_next_order_on() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let policy = runner.data.path().join("policy.toml");
    let rules = format!("remotes = ['{}']\ncommands = ['sh']\n", remote.url());
    std::fs::write(&policy, rules).unwrap();
    let mut allowed = Run::script(&server, &remote, "echo 2 > a");
    assert!(matches!(allowed.play().await.outcome, Outcome::Work(_)));
    for (rules, words) in [("remotes = []", "remote"), ("remotes = [", "policy file")] {
        std::fs::write(&policy, rules).unwrap();
        let mut run = Run::script(&server, &remote, "echo 2 > a");
        let finished = run.play().await;
        assert_eq!(
            finished.outcome,
            Outcome::Failed {
                reason: Reason::OrderRefused
            }
        );
        assert!(
            run.detail(&finished).contains(words),
            "{}",
            run.detail(&finished)
        );
        assert!(remote.refs(run.id()).is_empty());
    }
    runner.drain().await;
}

/// A root with a shell in it, and a file that this machine's own root does not have.
fn image(folder: &std::path::Path) {
    for below in ["bin", "etc"] {
        std::fs::create_dir_all(folder.join(below)).unwrap();
    }
    std::fs::copy("/bin/busybox", folder.join("bin/busybox")).unwrap();
    for name in ["sh", "cat", "echo", "grep", "test"] {
        std::os::unix::fs::symlink("busybox", folder.join("bin").join(name)).unwrap();
    }
    std::fs::write(folder.join("etc/of-the-image"), "devcontainer\n").unwrap();
}

/// The same root as `docker save` would write it.
#[expect(
    clippy::disallowed_methods,
    reason = "an archive as other tools make it"
)]
fn saved(root: &std::path::Path, archive: &std::path::Path) {
    let line = r#"tar -C "$1" -cf layer.tar . && of() { sha256sum $1 | cut -d' ' -f1; } &&
        printf '{"rootfs":{"diff_ids":["sha256:%s"]}}' $(of layer.tar) > config && name=$(of config).json && mv config $name &&
        printf '[{"Config":"%s","Layers":["layer.tar"]}]' $name > manifest.json && tar -cf "$2" layer.tar $name manifest.json"#;
    let scratch = tempfile::tempdir().unwrap();
    let mut shell = std::process::Command::new("/bin/sh");
    let made = shell.args(["-ec", line, "sh"]).args([root, archive]);
    assert!(made.current_dir(scratch.path()).status().unwrap().success());
}

const DEVCONTAINER: &str = r#"{
    // As an editor writes it.
    "image": "example.org/dev:1",
    "features": { "ghcr.io/devcontainers/features/docker-outside-of-docker:1": {} },
    "runArgs": ["--privileged"],
    "onCreateCommand": "echo one > /home/freehold/made",
    "postCreateCommand": ["sh", "-c", "echo two >> /home/freehold/made"],
}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_devcontainer_file_of_the_target_chooses_setup_and_what_it_may_not_is_named() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[
        ("a", "1\n"),
        (".devcontainer/devcontainer.json", DEVCONTAINER),
    ]);
    // An agent's own copy changes nothing, in the next turn neither.
    let script = "cat ~/made > a; mkdir -p .devcontainer; echo '{\"image\": \"evil:1\"}' > .devcontainer.json; echo '{\"image\": \"evil:2\", \"postCreateCommand\": \"echo evil > ~/made\"}' > .devcontainer/devcontainer.json";
    let mut run = Run::script(&server, &remote, script);
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?}: {}", finished.outcome, run.detail(&finished))
    };
    let a = format!("{}:a", work.commit);
    assert_eq!(remote.read(&["show", &a]), "one\ntwo");
    let said = run.notes();
    for word in [
        "its commands are the setup",
        "`features` is not supported",
        "`features` asks for a container engine's socket",
        "`runArgs` is never honoured",
        "image example.org/dev:1 is for agents with the isolation `container`",
    ] {
        assert!(said.contains(word), "{word} is not in:\n{said}");
    }
    run.reply("Go on.");
    let script = "cat ~/made > b";
    run.execute().agent.command = vec!["sh".into(), "-c".into(), script.into()];
    let finished = run.play().await;
    let Outcome::Work(work) = &finished.outcome else {
        panic!("{:?}: {}", finished.outcome, run.detail(&finished))
    };
    let b = format!("{}:b", work.commit);
    assert_eq!(remote.read(&["show", &b]), "one\ntwo");
    assert!(!run.notes().contains("evil"), "{}", run.notes());
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_devcontainers_image_is_used_where_the_machine_allows_it() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let folder = tempfile::tempdir().unwrap();
    image(folder.path());
    let checks = "[[checks]]\nname = 'there'\ncommand = 'grep -q devcontainer /etc/of-the-image'\n";
    let remote = Remote::new(&[
        ("a", "1\n"),
        (".devcontainer.json", r#"{"image": "example.org/dev:1"}"#),
        (".agentworks/project.toml", checks),
    ]);
    let script = "cat /etc/of-the-image > a || echo none > a";
    let play = async |allowed: &str| {
        std::fs::write(runner.data.path().join("policy.toml"), allowed).unwrap();
        let mut run = Run::script(&server, &remote, script);
        run.order.isolation = freehold_model::Isolation::Container;
        let finished = run.play().await;
        let (Outcome::Work(work) | Outcome::ChecksFailed(work)) = &finished.outcome else {
            panic!("{:?}: {}", finished.outcome, run.detail(&finished))
        };
        assert_eq!(finished.isolation.as_deref(), Some("container"));
        let has_others = freehold_sandbox::HostUser::take().unwrap().is_some();
        for step in &finished.in_force {
            assert_eq!(step.own_uid, has_others, "{}", step.step);
        }
        let a = remote.read(&["show", &format!("{}:a", work.commit)]);
        (a, finished.checks[0].state.clone(), run.notes())
    };
    let (a, check, said) = play("").await;
    assert_eq!((a.as_str(), check.as_str()), ("none", "failed"));
    assert!(
        said.contains("has not allowed it") && said.contains("[images]"),
        "{said}"
    );
    let places = tempfile::tempdir().unwrap();
    let archive = places.path().join("dev.tar");
    saved(folder.path(), &archive);
    for place in [folder.path(), &archive] {
        let images = format!(
            "[images]\n\"example.org/dev:1\" = \"{}\"\n",
            place.display()
        );
        let (a, check, said) = play(&images).await;
        assert_eq!((a.as_str(), check.as_str()), ("devcontainer", "passed"));
        assert!(said.contains("the image is the devcontainer's"), "{said}");
    }
    runner.drain().await;
}
