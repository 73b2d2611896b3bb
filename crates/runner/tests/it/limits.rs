//! Runs that use up what they can, each on a real runner beside a neighbour that must not notice.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freehold_model::run::Outcome;
use freehold_model::{Isolation, Limit, Reason, RunId};
use freehold_wire::api::{Bound, InForce};
use freehold_wire::link::{Down, Finished, RunRef};

use crate::kit::{Live, Remote, Run, live};
use crate::server::Server;

fn step<'a>(finished: &'a Finished, name: &str) -> &'a InForce {
    let found = finished.in_force.iter().find(|step| step.step == name);
    found.unwrap_or_else(|| panic!("{name} is not among {:?}", finished.in_force))
}

fn bound(step: &InForce, limit: Limit) -> &Bound {
    let found = step.limits.iter().find(|bound| bound.limit == limit.id());
    found.unwrap_or_else(|| panic!("{limit} is not among {:?}", step.limits))
}

/// Whether this machine holds a limit, as a harmless run says: what is not held is not tried.
async fn is_held(server: &Server, remote: &Remote, limit: Limit, value: u64) -> bool {
    let mut run = Run::script(server, remote, "true");
    run.order.limits = [(limit, value)].into();
    let finished = run.play().await;
    assert!(matches!(finished.outcome, Outcome::Unchanged { .. }));
    let bound = bound(step(&finished, "agent"), limit).clone();
    assert_eq!(bound.value, value);
    bound.held
}

/// Plays a hog under a limit while a neighbour works; both must end as they should.
async fn hog(server: &Server, remote: &Remote, script: &str, limits: &[(Limit, u64)]) -> String {
    let mut neighbour = Run::script(server, remote, "echo 2 > a; sleep 1; echo 3 > a");
    neighbour.start();
    let mut run = Run::script(server, remote, script);
    run.order.limits = limits.iter().copied().collect();
    let began = Instant::now();
    let finished = run.play().await;
    let took = began.elapsed();
    let detail = run.detail(&finished);
    let reason = Reason::Limit;
    assert_eq!(finished.outcome, Outcome::Failed { reason }, "{detail}");
    assert!(took < Duration::from_secs(45), "it took {took:?}");
    let (limit, value) = limits[0];
    assert_eq!(step(&finished, "agent").hit.as_deref(), Some(limit.id()));
    for part in [
        limit.used_of().to_owned(),
        format!(
            "the limit is {} (agent script): raise it with",
            limit.show(value)
        ),
        format!("freehold agent edit script --limit {limit}="),
    ] {
        assert!(detail.contains(&part), "`{part}` is not in: {detail}");
    }
    let beside = neighbour.finished().await;
    assert!(
        matches!(beside.outcome, Outcome::Work(_)),
        "{:?}",
        beside.outcome
    );
    // The card can be started again, on the same runner.
    let mut again = Run::script(server, remote, "echo 4 > a");
    let finished = again.play().await;
    assert!(matches!(finished.outcome, Outcome::Work(_)));
    neighbour.transcript = None;
    detail
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stood_around_each_step_is_told_with_what_it_used() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let project = "[[checks]]\nname = 'one'\ncommand = 'true'\n";
    let remote = Remote::new(&[("a", "1\n"), (".agentworks/project.toml", project)]);
    let mut run = Run::script(
        &server,
        &remote,
        "head -c 3000000 /dev/zero > b; seq 1000; sleep 3; stat -f -c %T . > kind",
    );
    let finished = run.play().await;
    assert_eq!(finished.isolation.as_deref(), Some("sandbox"));
    let names: Vec<&str> = finished
        .in_force
        .iter()
        .map(|step| step.step.as_str())
        .collect();
    assert_eq!(names, ["agent", "collect", "check:one"]);
    let agent = step(&finished, "agent");
    assert_eq!(agent.isolation, Isolation::Sandbox);
    assert!(
        agent.filter && agent.wall_ms >= 1000 && agent.cpu_ms.is_some(),
        "{agent:?}"
    );
    assert!(
        agent.launcher.as_deref().unwrap().starts_with("bubblewrap"),
        "{agent:?}"
    );
    assert_eq!(bound(agent, Limit::Output).used, Some(3893));
    assert!(
        bound(agent, Limit::Disk).used.unwrap() >= 3_000_000,
        "{agent:?}"
    );
    assert!(bound(agent, Limit::Files).used.unwrap() > 3, "{agent:?}");
    assert!(
        bound(agent, Limit::Memory).used.unwrap() > 100_000,
        "{agent:?}"
    );
    for limit in [Limit::Disk, Limit::Files, Limit::Output, Limit::FileSize] {
        assert!(bound(agent, limit).held, "{limit}");
    }
    // A runner that is root is none of them; an ordinary one has no other to be.
    let has_others = freehold_sandbox::HostUser::take().unwrap().is_some();
    for step in &finished.in_force {
        assert_eq!(step.own_uid, has_others, "{}", step.step);
    }
    if has_others {
        // The other user's workspace is laid over a warm base all the same.
        let Outcome::Work(work) = &finished.outcome else {
            panic!("{:?}", finished.outcome)
        };
        let kind = remote.read(&["show", &format!("{}:kind", work.commit)]);
        assert_eq!(kind, "overlayfs");
    }
    // A run that is ended has its facts too.
    let run = Run::script(&server, &remote, "echo on; sleep 60");
    run.start();
    run.event("its output", |kind, _| kind == "output").await;
    server.send(Down::Cancel(RunRef {
        run: run.id(),
        epoch: run.epoch,
    }));
    let finished = run.finished().await;
    assert_eq!(finished.outcome, Outcome::Cancelled);
    assert!(step(&finished, "agent").wall_ms < 60_000);
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_filled_neither_by_bytes_nor_by_files() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    // One file each, so that nothing but the folder's bound ends it; bounded by itself at 200 MB.
    let bytes =
        "i=0; while [ $i -lt 1000 ]; do head -c 200000 /dev/zero > f$i; i=$((i+1)); done; sleep 60";
    hog(&server, &remote, bytes, &[(Limit::Disk, 8 << 20)]).await;
    let files = "i=0; while [ $i -lt 100000 ]; do : > f$i; i=$((i+1)); done; sleep 60";
    hog(&server, &remote, files, &[(Limit::Files, 500)]).await;
    // In the home, which is no part of the workspace.
    let home = "head -c 30000000 /dev/zero > $HOME/big; sleep 60";
    hog(&server, &remote, home, &[(Limit::Disk, 8 << 20)]).await;
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_name_and_what_no_path_reaches_counts_as_disk() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let small = &[(Limit::Disk, 8 << 20)];
    // Removed while it is open, bounded by itself at 40 MB.
    let open = "exec 3> gone; rm gone; head -c 40000000 /dev/zero >&3; sleep 60";
    hog(&server, &remote, open, small).await;
    // The same bytes in memory are no disk.
    let mut memory = Run::script(
        &server,
        &remote,
        "exec 3> /tmp/gone; rm /tmp/gone; head -c 40000000 /dev/zero >&3; sleep 1; echo 2 > a",
    );
    memory.order.limits = small.iter().copied().collect();
    let finished = memory.play().await;
    assert!(matches!(finished.outcome, Outcome::Work(_)), "{finished:?}");
    // At the end of 10 kB of a path. It holds no name but its own, so it is made on the way down.
    let deep = "n=$(printf '%0200d' 1); i=0; while [ $i -lt 50 ]; do mkdir $n && cd -P $n || exit 9; i=$((i+1)); done; \
                head -c 40000000 /dev/zero > big; sleep 60";
    hog(&server, &remote, deep, small).await;
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_is_slowed_and_then_ended() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    hog(&server, &remote, "yes", &[(Limit::Output, 2 << 20)]).await;
    // Slowed: 600 KiB at 64 KiB a second, after a burst of four seconds' worth, take some seconds.
    let mut slow = Run::script(&server, &remote, "head -c 614400 /dev/zero | tr '\\0' x");
    slow.order.limits = [(Limit::OutputRate, 64 << 10)].into();
    let began = Instant::now();
    let finished = slow.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Unchanged { .. }),
        "{:?}",
        finished.outcome
    );
    assert_eq!(slow.output("agent").len(), 614_400, "slowed and not cut");
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(4), "it took {took:?}");
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_processes_are_bounded_where_the_machine_can_and_said_where_not() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    if is_held(&server, &remote, Limit::Memory, 64 << 20).await {
        // tail(1) keeps a line until its end.
        let script = "head -c 400000000 /dev/zero | tail -n 1 | wc -c; exit ${PIPESTATUS:-1}";
        hog(&server, &remote, script, &[(Limit::Memory, 64 << 20)]).await;
    }
    if is_held(&server, &remote, Limit::Tasks, 64).await {
        // A bomb that would stop by itself, were it not stopped.
        let script = "i=0; while [ $i -lt 400 ]; do sleep 30 & i=$((i+1)); done; wait; echo all";
        hog(&server, &remote, script, &[(Limit::Tasks, 64)]).await;
    }
    runner.drain().await;
}

/// F61: an agent that has used up its files errs alone; its runner says what it says, ends it, and does
/// another's work meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_without_a_file_left_errs_alone() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let script =
        "ulimit -n 64; i=3; while eval \"exec $i</dev/null\" 2>/dev/null; do i=$((i+1)); done
        eval \"exec $i</dev/null\"; echo \"used up at $i\"; cat a || echo 'nothing can be read'; exec 3<&- 4<&- 5<&- 6<&-; sleep 600";
    let hog = vec!["bash".into(), "-c".into(), script.into()];
    let hog = Run::of(&server, &remote.url(), hog);
    hog.start();
    let told = |words: &'static [u8]| {
        let hog = &hog;
        async move {
            while !hog
                .output("agent")
                .windows(words.len())
                .any(|some| some == words)
            {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    };
    let within = std::time::Duration::from_secs(30);
    for words in [&b"used up at "[..], b"nothing can be read"] {
        let told = tokio::time::timeout(within, told(words)).await;
        told.expect("its runner says what it says");
    }
    let mut other = Run::script(&server, &remote, "echo 2 > a");
    let finished = other.play().await;
    assert!(
        matches!(finished.outcome, Outcome::Work(_)),
        "{:?}",
        finished.outcome
    );
    server.send(Down::Cancel(RunRef {
        run: hog.id(),
        epoch: hog.epoch,
    }));
    let ended = tokio::time::timeout(GONE_WITHIN, hog.finished()).await;
    assert_eq!(ended.expect("it is ended").outcome, Outcome::Cancelled);
    runner.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_isolation_that_is_not_allowed_starts_nothing_and_says_the_line() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    let mark = runner.data.path().join("mark");
    let script = format!("echo was here > {}", mark.display());
    let mut run = Run::script(&server, &remote, &script);
    run.order.isolation = Isolation::None;
    let finished = run.play().await;
    let reason = Reason::OrderRefused;
    assert_eq!(finished.outcome, Outcome::Failed { reason });
    let detail = run.detail(&finished);
    assert!(detail.contains("isolation = \"none\""), "{detail}");
    assert!(!mark.exists() && finished.in_force.is_empty());
    // A reserve that no disk has: nothing begins.
    let policy = runner.data.path().join("policy.toml");
    std::fs::write(&policy, "reserve = '900TiB'").unwrap();
    let mut run = Run::script(&server, &remote, "echo 2 > a");
    let finished = run.play().await;
    let reason = Reason::DiskFull;
    assert_eq!(finished.outcome, Outcome::Failed { reason });
    let detail = run.detail(&finished);
    assert!(
        detail.contains("kept in reserve") && detail.contains("policy.toml"),
        "{detail}"
    );
    std::fs::write(&policy, "[limits]\noutput = '64KiB'").unwrap();
    let mut run = Run::script(&server, &remote, "yes");
    let finished = run.play().await;
    let detail = run.detail(&finished);
    assert!(detail.contains("(this runner's machine)"), "{detail}");
    assert!(
        detail.contains("`output = \"128KiB\"` under `[limits]` in policy.toml"),
        "{detail}"
    );
    runner.drain().await;
}

/// Within this time of its end nothing of a run is left.
const GONE_WITHIN: std::time::Duration = std::time::Duration::from_secs(12);

/// What belongs to a runner and could be left behind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    processes: BTreeSet<PathBuf>,
    mounts: usize,
    cgroups: BTreeSet<PathBuf>,
    runs: BTreeSet<String>,
    sockets: usize,
    temporary: BTreeSet<String>,
}

/// All that names the runner's folder, or a run of it.
fn left(runner: &Live, runs: &[RunId]) -> Left {
    let data = runner.data.path();
    let ours = |text: &str| text.contains(data.to_str().unwrap());
    let of_run = |text: &str| runs.iter().any(|run| text.contains(&run.to_string()));
    let names = |dir: &Path| -> BTreeSet<String> {
        let Ok(entries) = std::fs::read_dir(dir) else {
            return BTreeSet::new();
        };
        entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    };
    let me = std::process::id().to_string();
    let mut processes = BTreeSet::new();
    for pid in names(Path::new("/proc")) {
        if pid.parse::<u32>().is_err() || pid == me {
            continue;
        }
        let proc = Path::new("/proc").join(&pid);
        let line = std::fs::read_to_string(proc.join("cmdline")).unwrap_or_default();
        let cwd = std::fs::read_link(proc.join("cwd")).unwrap_or_default();
        if ours(&line) || ours(&cwd.to_string_lossy()) {
            processes.insert(proc);
        }
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    Left {
        processes,
        mounts: mounts.lines().filter(|line| ours(line)).count(),
        cgroups: cgroups(Path::new("/sys/fs/cgroup"), 6),
        runs: names(&data.join("runs"))
            .into_iter()
            .filter(|name| of_run(name))
            .collect(),
        sockets: names(&data.join("s")).len(),
        temporary: names(&std::env::temp_dir())
            .into_iter()
            .filter(|name| of_run(name))
            .collect(),
    }
}

/// What is left once the runner had its time: it says how a run ended before it takes the run's mounts away.
async fn settled(runner: &Live, runs: &[RunId], expected: &Left) -> Left {
    let until = std::time::Instant::now() + GONE_WITHIN;
    loop {
        let now = left(runner, runs);
        if now == *expected || std::time::Instant::now() > until {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Groups that this process made: `freehold-<namespace>-<pid>-…`.
fn cgroups(dir: &Path, depth: usize) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let Ok(entries) = std::fs::read_dir(dir) else {
        return found;
    };
    for entry in entries.flatten() {
        if depth == 0 || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = format!("-{}-", std::process::id());
        if name.starts_with("freehold-") && name.contains(&ours) {
            found.insert(path.clone());
        }
        found.extend(cgroups(&path, depth - 1));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn after_twenty_runs_of_every_kind_nothing_is_left() {
    let server = Server::start().await;
    let runner = live(&server).await;
    let remote = Remote::new(&[("a", "1\n")]);
    // The first one opens what stays for the life of the runner.
    Run::script(&server, &remote, "true").play().await;
    let before = settled(&runner, &[], &Left::default()).await;
    let mut ended = vec![];
    for round in 0..5 {
        let mut fails = Run::script(&server, &remote, "setsid sleep 300 & exit 3");
        let finished = fails.play().await;
        let reason = Reason::AgentFailed;
        assert_eq!(finished.outcome, Outcome::Failed { reason });
        let cancelled = Run::script(&server, &remote, "setsid sleep 300 & echo on; sleep 300");
        cancelled.start();
        cancelled
            .event("its output", |kind, _| kind == "output")
            .await;
        server.send(Down::Cancel(RunRef {
            run: cancelled.id(),
            epoch: cancelled.epoch,
        }));
        assert_eq!(cancelled.finished().await.outcome, Outcome::Cancelled);
        let mut limited = Run::script(&server, &remote, "setsid sleep 300 & yes");
        limited.order.limits = [(Limit::Output, 64 << 10)].into();
        let finished = limited.play().await;
        let reason = Reason::Limit;
        assert_eq!(finished.outcome, Outcome::Failed { reason });
        let mut works = Run::script(&server, &remote, "setsid sleep 300 & echo 2 > a");
        assert!(
            matches!(works.play().await.outcome, Outcome::Work(_)),
            "round {round}"
        );
        ended.extend([fails.id(), cancelled.id(), limited.id()]);
        // Its folder is kept while it waits for a person.
    }
    let after = settled(&runner, &ended, &before).await;
    assert_eq!(after, before);
    runner.drain().await;
}
