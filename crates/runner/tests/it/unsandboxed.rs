//! Runs without a sandbox, where the machine's owner allows them: a working tree of the run's own
//! (`worktree`), and the project's one tree on the machine (`none`).

use std::path::Path;

use freehold_model::run::Outcome;
use freehold_model::{Isolation, Reason};
use freehold_wire::link::{Down, Finished, RunRef};

use crate::kit::{Live, Remote, Run, git, live};
use crate::server::Server;

const TIERS: [Isolation; 2] = [Isolation::Worktree, Isolation::None];
const PROJECT: &str = "\
[setup]\ncommand = 'echo made > by-setup; pwd > $HOME/setup-was-here'\n\
[[checks]]\nname = 'one'\ncommand = 'test -f by-setup && grep -qx 3 a && test ! -e left-over'\n";

async fn allowing(server: &Server, weakest: Isolation) -> Live {
    let runner = live(server).await;
    let policy = runner.data.path().join("policy.toml");
    std::fs::write(policy, format!("isolation = \"{weakest}\"\n")).unwrap();
    runner
}

fn run(server: &Server, remote: &Remote, tier: Isolation, script: &str) -> Run {
    let mut run = Run::script(server, remote, script);
    run.order.isolation = tier;
    run
}

fn work(run: &Run, finished: &Finished) -> String {
    let said = String::from_utf8_lossy(&run.output("agent")).into_owned();
    match &finished.outcome {
        Outcome::Work(work) => work.commit.clone(),
        other => {
            let detail = finished.detail.as_ref().map(|_| run.detail(finished));
            panic!("{other:?}: {detail:?}\n{said}")
        }
    }
}

/// Live processes whose words or working directory name a folder; without this one.
fn processes(folder: &Path) -> Vec<String> {
    let mark = folder.to_str().unwrap();
    let me = std::process::id().to_string();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter(|entry| entry.file_name().to_str() != Some(&me));
    let found = pids.filter_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        (line.contains(mark) || cwd.starts_with(folder)).then_some(line)
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_becomes_a_landed_commit_and_everything_says_unsandboxed() {
    // What a sandbox lays over these is no business of the host's own.
    let own = || {
        ["/etc/passwd", "/etc/hosts", "/etc/nsswitch.conf"]
            .map(|path| std::fs::metadata(path).unwrap().modified().unwrap())
    };
    let before = own();
    for tier in TIERS {
        let server = Server::start().await;
        let runner = allowing(&server, Isolation::None).await;
        let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", PROJECT)]);
        let mark = runner.data.path().join("mark");
        // It reads its card, writes where only the runner's user may, leaves processes, commits one
        // thing and leaves another.
        let script = format!(
            "set -e; grep -q greeting $FREEHOLD_CARD; test -f $HOME/setup-was-here; echo here > {}; \
             setsid sleep 987 & \
             test -f by-setup; git fetch -q origin; git merge-base --is-ancestor origin/main HEAD; \
             echo 2 > a; git commit -qam two; echo 3 > a; echo x > left-over; rm left-over; env; pwd",
            mark.display()
        );
        let mut run = run(&server, &remote, tier, &script);
        let finished = run.play().await;
        let commit = work(&run, &finished);
        assert!(mark.exists(), "it is not unsandboxed at all");
        assert_eq!(finished.isolation.as_deref(), Some(tier.name()));
        let names: Vec<&str> = finished.in_force.iter().map(|s| s.step.as_str()).collect();
        assert_eq!(names, ["setup", "agent", "collect", "setup", "check:one"]);
        assert!(
            finished
                .in_force
                .iter()
                .all(|step| step.isolation == tier && !step.filter && step.landlock.is_none())
        );
        let events = run.events();
        let loud = format!("unsandboxed ({tier})");
        assert!(
            events
                .iter()
                .any(|(kind, value)| kind == "note"
                    && value["text"].as_str().unwrap().contains(&loud)),
            "{events:?}"
        );
        // Both commits, and nothing of setup's.
        let log = remote.read(&["log", "--format=%s", &commit]);
        assert_eq!(log, "Mend the greeting\ntwo\nfirst");
        let files = remote.read(&["ls-tree", "-r", "--name-only", &commit]);
        assert_eq!(files, ".agentworks/project.toml\na");
        let dir = runner.data.path().join("runs").join(run.id().to_string());
        assert!(!dir.exists(), "the folder of the run is left");
        assert_eq!(processes(runner.data.path()), Vec::<String>::new());
        run.approve();
        let finished = run.play().await;
        assert!(
            matches!(finished.outcome, Outcome::Landed { .. }),
            "{:?}",
            finished.outcome
        );
        assert_eq!(remote.read(&["show", "main:a"]), "3");
        runner.drain().await;
    }
    assert_eq!(own(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_in_worktrees_work_side_by_side() {
    let server = Server::start().await;
    let runner = allowing(&server, Isolation::Worktree).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let meet = tempfile::tempdir().unwrap();
    // Each waits for the other, so both are there at once; each reaches its own broker.
    let script = |own: &str, other: &str| {
        format!(
            "set -e; cd .; touch {meet}/{own}; i=0; until [ -e {meet}/{other} ]; do sleep 0.1; i=$((i+1)); [ $i -lt 300 ]; done; \
             git config remote.origin.url > {meet}/url-{own}; git ls-remote -q origin > {meet}/refs-{own}; \
             touch {meet}/asked-{own}; until [ -e {meet}/asked-{other} ]; do sleep 0.1; i=$((i+1)); [ $i -lt 300 ]; done; \
             pwd > {meet}/pwd-{own}; echo {own} > a; git commit -qam {own}; git push -q",
            meet = meet.path().display()
        )
    };
    let mut one = run(&server, &remote, Isolation::Worktree, &script("one", "two"));
    let two = run(&server, &remote, Isolation::Worktree, &script("two", "one"));
    one.start();
    two.start();
    let (first, second) = (one.finished().await, two.finished().await);
    for (run, finished, text) in [(&one, &first, "one"), (&two, &second, "two")] {
        let commit = work(run, finished);
        assert_eq!(remote.read(&["show", &format!("{commit}:a")]), text);
    }
    let read = |name: &str| std::fs::read_to_string(meet.path().join(name)).unwrap();
    for what in ["url", "pwd"] {
        let (one, two) = (read(&format!("{what}-one")), read(&format!("{what}-two")));
        assert!(!one.is_empty() && one != two, "{what}: {one} {two}");
    }
    assert!(read("refs-one").contains("refs/heads/main"));
    // `none` is weaker than what the owner allows.
    one.order.isolation = Isolation::None;
    one.order.run = crate::kit::id();
    let finished = one.play().await;
    let reason = Reason::OrderRefused;
    assert_eq!(finished.outcome, Outcome::Failed { reason });
    assert!(one.detail(&finished).contains("isolation = \"none\""));
    assert!(finished.in_force.is_empty());
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_a_project_take_turns_in_its_one_tree() {
    let server = Server::start().await;
    let runner = allowing(&server, Isolation::None).await;
    let remote = Remote::new(&[("a", "1\n"), ("gone", "x\n"), (".gitignore", "built\n")]);
    let told = tempfile::tempdir().unwrap();
    let script = |name: &str| {
        format!(
            "cd .; {{ echo {name} begins; cat a; ls; }} >> {told}/log; \
             touch {told}/{name}; echo {name} > built; echo {name} > a; rm -f gone; echo {name} > junk-{name}; \
             sleep 1; echo {name} ends >> {told}/log",
            told = told.path().display()
        )
    };
    let one = run(&server, &remote, Isolation::None, &script("one"));
    let mut two = run(&server, &remote, Isolation::None, &script("two"));
    two.order.project.id = one.order.project.id;
    one.start();
    one.event("its agent", |kind, meta| {
        kind == "step.started" && meta["step"] == "agent"
    })
    .await;
    two.start();
    let (first, second) = (one.finished().await, two.finished().await);
    work(&one, &first);
    let commit = work(&two, &second);
    assert_eq!(remote.read(&["show", &format!("{commit}:a")]), "two");
    let waited = |(kind, value): &(String, serde_json::Value)| {
        kind == "note"
            && value["text"]
                .as_str()
                .unwrap()
                .contains("waits for its turn")
    };
    assert!(two.events().iter().any(waited));
    let log = std::fs::read_to_string(told.path().join("log")).unwrap();
    // What git ignores is still there; all else is as the base has it.
    assert_eq!(
        log,
        "one begins\n1\na\ngone\none ends\ntwo begins\n1\na\nbuilt\ngone\ntwo ends\n"
    );
    // Also where nothing is known of the tree, and something was left in it that git does not take.
    let tree = runner
        .data
        .path()
        .join("trees")
        .join(one.order.project.id.to_string());
    for entry in std::fs::read_dir(&tree).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    git(&tree.join("work"), &["init", "-q", "below"]);
    std::fs::write(tree.join("work/junk"), "junk\n").unwrap();
    std::fs::remove_file(tree.join("work/.git")).unwrap();
    std::os::unix::fs::symlink("/", tree.join("work/.git")).unwrap();
    let list = "ls -A; git status --short; echo 3 > a";
    let mut three = run(&server, &remote, Isolation::None, list);
    three.order.project.id = one.order.project.id;
    let finished = three.play().await;
    work(&three, &finished);
    let said = String::from_utf8(three.output("agent")).unwrap();
    assert_eq!(said, ".git\n.gitignore\na\nbuilt\ngone\n");
    runner.drain().await;
}

/// What a run hides from its git is not hidden from the next in the same tree.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_in_a_tree_finds_the_files_of_its_base() {
    let server = Server::start().await;
    let runner = allowing(&server, Isolation::None).await;
    let remote = Remote::new(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n"), ("d", "1\n")]);
    // The time of `c` is one that its git has looked at long after.
    let script = "set -e; git update-index --skip-worktree a; git update-index --assume-unchanged b; \
                  touch -d 2001-01-01 c; git status --short; echo x > a; echo x > b; echo x > c; \
                  touch -d 2001-01-01 c; echo 2 > d";
    let mut one = run(&server, &remote, Isolation::None, script);
    let finished = one.play().await;
    work(&one, &finished);
    let mut two = run(&server, &remote, Isolation::None, "cat a b c d");
    two.order.project.id = one.order.project.id;
    two.play().await;
    assert_eq!(two.output("agent"), b"1\n1\n1\n1\n");
    runner.drain().await;
}

/// What answers on the loopback of the host is for the runner's user alone: of root's runs, an
/// ordinary user sees nothing.
#[tokio::test(flavor = "multi_thread")]
async fn other_users_of_the_machine_are_not_let_in() {
    assert!(nix::unistd::geteuid().is_root(), "run the tests as root");
    let server = Server::start().await;
    let runner = allowing(&server, Isolation::Worktree).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let script = r#"
port=$(git config remote.origin.url | sed 's/.*:\([0-9]*\)\/.*/\1/')
ask() {
  "$@" bash -c 'cd /; exec 3<>/dev/tcp/127.0.0.1/'$port'
    printf "GET /repo/info/refs?service=git-upload-pack HTTP/1.1\r\n\r\n" >&3; cat <&3' 2>&1 | grep -a -c '200 OK'
}
echo own $(ask env) other $(ask setpriv --reuid=65534 --regid=65534 --clear-groups)
"#;
    let mut run = run(&server, &remote, Isolation::Worktree, script);
    let finished = run.play().await;
    assert!(matches!(finished.outcome, Outcome::Unchanged { .. }));
    let said = String::from_utf8(run.output("agent")).unwrap();
    assert_eq!(said, "own 1 other 0\n");
    runner.drain().await;
}

/// What an agent leaves in its git directory and in a repository below it starts nothing when its
/// work is collected.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_in_the_git_directory_starts_nothing() {
    for tier in TIERS {
        let server = Server::start().await;
        let runner = allowing(&server, Isolation::None).await;
        let remote = Remote::new(&[("a", "1\n")]);
        let told = tempfile::tempdir().unwrap();
        let trap = told.path().join("trap");
        let sprung = told.path().join("sprung");
        let script = format!(
            "set -e; printf '#!/bin/sh\\necho sprung >> {sprung}; cat\\n' > {trap}; chmod +x {trap}; \
             g=$(git rev-parse --git-dir); git checkout -q -b other; git pack-refs --all; \
             mkdir -p $g/hooks; for h in pre-commit post-commit post-index-change reference-transaction; do cp {trap} $g/hooks/$h; done; \
             git config core.fsmonitor {trap}; git config filter.t.clean {trap}; git config diff.external {trap}; \
             echo '* filter=t' > $g/info/attributes; \
             git -c core.fsmonitor=false -c core.hooksPath=/dev/null init -q below; \
             (cd below; git config core.fsmonitor {trap}; git -c core.fsmonitor=false -c user.name=x -c user.email=x commit -q --allow-empty -m x); \
             rm -f {sprung}; echo 2 > a; touch control; git status >/dev/null; test -s {sprung}; rm {sprung}",
            sprung = sprung.display(),
            trap = trap.display(),
        );
        let mut run = run(&server, &remote, tier, &script);
        let finished = run.play().await;
        let commit = work(&run, &finished);
        assert_eq!(remote.read(&["show", &format!("{commit}:a")]), "2");
        assert!(!sprung.exists(), "{tier}: a trap was sprung");
        runner.drain().await;
    }
}

/// Setup may put a pipe where the runner writes a line: that is said, and nobody waits for a reader.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_the_git_directory_is_not_waited_for() {
    let project = "[setup]\ncommand = 'f=$(git rev-parse --git-path info/exclude); rm -f $f; mkfifo $f; echo 1 > made'\n";
    let server = Server::start().await;
    let runner = allowing(&server, Isolation::None).await;
    let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", project)]);
    for tier in TIERS {
        let mut run = run(&server, &remote, tier, "echo 2 > a");
        let finished = run.play().await;
        let reason = Reason::SetupFailed;
        assert_eq!(finished.outcome, Outcome::Failed { reason });
        let detail = run.detail(&finished);
        assert!(detail.contains("is no plain file any more"), "{detail}");
    }
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_on_and_a_cancelled_run_leaves_nothing() {
    for tier in TIERS {
        let server = Server::start().await;
        let runner = allowing(&server, Isolation::None).await;
        let remote = Remote::new(&[("a", "1\n")]);
        let script = "echo x >> a; echo t >> $HOME/turns; cat $HOME/turns; git log --format=%s; git branch -r";
        let mut run = run(&server, &remote, tier, script);
        let finished = run.play().await;
        work(&run, &finished);
        remote.commit(&[("b", "b\n")], "meanwhile");
        run.reply("once more");
        let finished = run.play().await;
        let commit = work(&run, &finished);
        assert_eq!(remote.read(&["show", &format!("{commit}:a")]), "1\nx\nx");
        let said = String::from_utf8(run.output("agent")).unwrap();
        assert!(
            said.contains("t\nt\n") && said.contains("origin/main"),
            "{said}"
        );
        let long = "setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo on; trap '' TERM; while :; do sleep 1; done";
        let cancelled = self::run(&server, &remote, tier, long);
        cancelled.start();
        cancelled
            .event("its output", |kind, _| kind == "output")
            .await;
        assert!(!processes(runner.data.path()).is_empty());
        server.send(Down::Cancel(RunRef {
            run: cancelled.id(),
            epoch: cancelled.epoch,
        }));
        assert_eq!(cancelled.finished().await.outcome, Outcome::Cancelled);
        assert_eq!(processes(runner.data.path()), Vec::<String>::new());
        // The first process of the run, which looks after the others, is ended by one of them.
        let mut guard = self::run(
            &server,
            &remote,
            tier,
            "setsid sleep 300 & kill -9 $PPID; sleep 300",
        );
        let finished = guard.play().await;
        assert!(
            matches!(finished.outcome, Outcome::Failed { .. }),
            "{:?}",
            finished.outcome
        );
        if finished.in_force.iter().all(|step| step.cgroup.is_some()) {
            assert_eq!(processes(runner.data.path()), Vec::<String>::new());
        }
        runner.drain().await;
    }
}
