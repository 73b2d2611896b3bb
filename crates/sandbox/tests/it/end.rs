//! Ending: nothing is left, whatever the program does.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use freehold_sandbox::{SandboxError, Spec, Stdin, Tier, start};
use tokio::io::AsyncReadExt;

use crate::kit::{
    Bench, PATIENCE, bundles, eventually, finish, folders_of, marked, mounts_of, stray_groups,
};

const TIERS: [Tier; 3] = [Tier::None, Tier::Sandbox, Tier::Container];

/// A bench whose processes can be told from all others on the host.
fn marked_bench(tier: Tier) -> (Bench, String) {
    let mut bench = Bench::new(tier);
    let mark = format!(
        "mark-{}",
        bench.folder.path().file_name().unwrap().to_string_lossy()
    );
    bench.spec.env.insert("MARK".into(), mark.clone().into());
    (bench, mark)
}

/// Daemons that leave the session, the process group and their parent, and ignore what they can.
const TREE: &str = "trap '' TERM HUP INT
for i in 1 2 3; do setsid sh -c 'trap \"\" TERM HUP; (setsid sleep 600 &) ; sleep 600 & sleep 600' & done
(setsid sh -c 'while :; do sleep 0.01; done' >/dev/null 2>&1 &)
touch ready; wait";

#[tokio::test]
async fn kill_takes_the_whole_tree_and_returns_when_it_is_gone() {
    for tier in TIERS {
        let (bench, mark) = marked_bench(tier);
        let mut child = bench.start(TREE).await;
        eventually("the tree is there", || {
            bench.workspace().join("ready").exists() && marked(&mark).len() > 8
        });
        child.kill().await.unwrap();
        assert_eq!(marked(&mark), [0; 0], "{tier:?}");
        let exit = child.wait().await.unwrap();
        assert_eq!((exit.code, exit.signal), (None, Some(9)));
        child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn dropping_takes_the_whole_tree_too() {
    for tier in TIERS {
        let (bench, mark) = marked_bench(tier);
        let child = bench.start(TREE).await;
        eventually("the tree is there", || marked(&mark).len() > 8);
        drop(child);
        eventually("the tree is gone", || marked(&mark).is_empty());
        eventually("its folder is gone", || bundles(&bench).is_empty());
    }
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it() {
    for tier in TIERS {
        let (bench, mark) = marked_bench(tier);
        let line = "(setsid sleep 600 >/dev/null 2>&1 &); (setsid sleep 600 &); exit 5";
        let begun = Instant::now();
        assert_eq!(bench.sh(line).await.code(), 5, "{tier:?}");
        // By itself, and not by the kill that comes after thirty seconds.
        assert!(begun.elapsed() < Duration::from_secs(25), "{tier:?}");
        assert_eq!(marked(&mark), [0; 0], "{tier:?}");
    }
}

#[tokio::test]
async fn a_stopped_tree_can_be_killed() {
    for tier in TIERS {
        let (bench, mark) = marked_bench(tier);
        // It stops its parent, the helper, and itself; not before the helper has told of the start.
        let line = "read word; touch ready; kill -STOP $PPID; kill -STOP $$; sleep 600";
        let mut child = start(&Spec {
            stdin: Stdin::Piped,
            ..bench.line(line)
        })
        .await
        .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stdin, b"go\n")
            .await
            .unwrap();
        eventually("it is stopped", || bench.workspace().join("ready").exists());
        child.kill().await.unwrap();
        assert_eq!(marked(&mark), [0; 0], "{tier:?}");
    }
}

#[tokio::test]
async fn a_flood_of_output_that_nobody_reads_does_not_block_a_kill() {
    for tier in TIERS {
        let (bench, mark) = marked_bench(tier);
        let mut child = bench.start("yes & yes >&2").await;
        let mut stdout = child.stdout.take().unwrap();
        let mut first = [0; 2];
        stdout.read_exact(&mut first).await.unwrap();
        tokio::time::timeout(PATIENCE, child.kill())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(marked(&mark), [0; 0], "{tier:?}");
        // What it had said is still there, and has an end.
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).await.unwrap();
        assert_eq!(&first, b"y\n");
    }
}

#[tokio::test]
async fn terminate_asks_the_program_and_only_it() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        let polite = "trap 'echo asked; exit 7' TERM; touch ready; while :; do sleep 0.02; done";
        let child = bench.start(polite).await;
        eventually("it is ready", || bench.workspace().join("ready").exists());
        child.terminate();
        let done = finish(child).await.unwrap();
        assert_eq!((done.code(), done.stdout.trim()), (7, "asked"), "{tier:?}");
        let child = bench.start("exec sleep 600").await;
        child.terminate();
        assert_eq!(
            finish(child).await.unwrap().exit.signal,
            Some(15),
            "{tier:?}"
        );
    }
}

/// What this process has of the machine. Tests run in processes of their own, beside each other: what
/// is counted here belongs to this one, by number or by name.
#[derive(Debug, PartialEq, Eq)]
struct Footprint {
    mounts: usize,
    descriptors: usize,
    groups: Vec<String>,
}

fn footprint(bench: &Bench) -> Footprint {
    let count = |path: &str| std::fs::read_dir(path).unwrap().count();
    Footprint {
        mounts: mounts_of(bench),
        descriptors: count("/proc/self/fd"),
        groups: groups(&format!("-{}-", std::process::id())),
    }
}

/// The control groups of ours whose names hold `part`.
fn groups(part: &str) -> Vec<String> {
    let told = std::process::Command::new("find")
        .args(["/sys/fs/cgroup", "-type", "d", "-name", "freehold-*"])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let ours = told.lines().filter(|path| path.contains(part));
    ours.map(str::to_owned).collect()
}

#[tokio::test]
async fn fifty_starts_leave_as_much_as_one() {
    let (bench, mark) = marked_bench(Tier::Sandbox);
    let round = async |number: usize| match number % 3 {
        0 => drop(bench.sh("(setsid sleep 600 &); touch a; rm a").await.good()),
        1 => bench.start("sleep 600").await.kill().await.unwrap(),
        _ => {
            let error = start(&bench.command("no-such-program", [""; 0]))
                .await
                .unwrap_err();
            assert!(matches!(error, SandboxError::ProgramNotFound { .. }));
        }
    };
    for number in 0..3 {
        round(number).await;
    }
    let before = footprint(&bench);
    assert_eq!(before.groups, [""; 0]);
    // The control: while one runs, there is more.
    let mut child = bench.start("sleep 600").await;
    assert_ne!(footprint(&bench), before);
    child.kill().await.unwrap();
    drop(child);
    for number in 3..50 {
        round(number).await;
    }
    assert_eq!(marked(&mark), [0; 0]);
    assert_eq!(std::fs::read_dir(bench.workspace()).unwrap().count(), 0);
    eventually("it is as it was", || {
        footprint(&bench) == before && zombies() == 0
    });
}

fn zombies() -> usize {
    let mine = std::process::id().to_string();
    let ended = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        (fields[0] == "Z" && fields[1] == mine).then_some(())
    });
    ended.count()
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    for tier in TIERS {
        let (bench, mark) = marked_bench(tier);
        for micros in (0..100).map(|step| step * 200) {
            let spec = bench.line("sleep 600");
            let starting = tokio::time::timeout(Duration::from_micros(micros), start(&spec)).await;
            drop(starting);
        }
        eventually("all are gone", || marked(&mark).is_empty());
        eventually("their folders are gone", || bundles(&bench).is_empty());
        eventually("no control group is left", || stray_groups().is_empty());
        // A launcher holds no mark. This process has children of other tests too; an orphan of a
        // launcher is nobody's, so it would stay.
        eventually("no orphan of a launcher is left", || orphans() == 0);
    }
}

/// First processes of sandboxes whose launcher is gone.
fn orphans() -> usize {
    let read = |pid: &str, name: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default()
    };
    let is_launcher = |pid: &str| {
        read(pid, "cmdline").contains("/.freehold/init") && read(pid, "comm") == "bwrap\n"
    };
    let all = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    all.filter(|pid| is_launcher(pid))
        .filter(|pid| {
            let status = read(pid, "status");
            let field = |name: &str| {
                status
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or("")
                    .to_owned()
            };
            let is_first = field("NSpid:").split_whitespace().count() > 1;
            is_first && !is_launcher(field("PPid:").trim())
        })
        .count()
}

#[tokio::test]
async fn the_death_of_the_runner_ends_what_it_started() {
    // This test runs itself again as the runner, which starts a tree and is killed.
    for tier in ["none", "sandbox", "container"] {
        let folder = tempfile::tempdir().unwrap();
        let mut runner = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "end::runner_to_be_killed",
                "--ignored",
                "--nocapture",
            ])
            .env_clear()
            .env("FREEHOLD_TEST_TIER", tier)
            .env("FREEHOLD_TEST_FOLDER", folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let said = folder.path().join("mark");
        let mark = || std::fs::read_to_string(&said).unwrap_or_default();
        eventually("the tree is there", || {
            !mark().is_empty() && marked(&mark()).len() > 8
        });
        runner.kill().unwrap();
        assert_eq!(runner.wait().unwrap().signal(), Some(9));
        eventually("the tree is gone", || marked(&mark()).is_empty());
        if tier == "container" {
            // What only a runner can remove goes at another one's next start.
            let bench = Bench::new(Tier::Container);
            bench.sh("true").await.good();
            eventually("its folder is gone", || {
                folders_of(mark().trim_start_matches("mark-")).is_empty()
            });
            eventually("no control group is left", || stray_groups().is_empty());
        }
    }
}

#[tokio::test]
#[ignore = "a part of the_death_of_the_runner_ends_what_it_started"]
async fn runner_that_comes_next() {
    Bench::sandbox().sh("true").await.good();
}

#[tokio::test]
#[ignore = "a part of the_death_of_the_runner_ends_what_it_started"]
async fn runner_to_be_killed() {
    let tier = std::env::var("FREEHOLD_TEST_TIER").unwrap();
    let folder = std::path::PathBuf::from(std::env::var("FREEHOLD_TEST_FOLDER").unwrap());
    let (bench, mark) = marked_bench(match tier.as_str() {
        "none" => Tier::None,
        "sandbox" => Tier::Sandbox,
        _ => Tier::Container,
    });
    let mut child = bench.start(TREE).await;
    let temporary = folder.join("mark.new");
    std::fs::write(&temporary, mark).unwrap();
    std::fs::rename(temporary, folder.join("mark")).unwrap();
    child.wait().await.unwrap();
}

#[test]
fn a_sandbox_outlives_the_thread_that_asked_for_it() {
    // "Die with parent" is about threads; the one that forks must not be the caller's.
    let bench = Bench::sandbox();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let spec = Spec {
        stdin: Stdin::Piped,
        ..bench.line("read word; echo \"$word\"; exit 4")
    };
    let handle = runtime.handle().clone();
    let child = std::thread::spawn(move || handle.block_on(start(&spec)).unwrap())
        .join()
        .unwrap();
    runtime.block_on(async {
        let mut child = child;
        let mut stdin = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stdin, b"alive\n")
            .await
            .unwrap();
        let done = finish(child).await.unwrap();
        assert_eq!((done.code(), done.stdout.as_str()), (4, "alive\n"));
    });
}

/// Giving up waiting, at any point and any number of times, loses nothing of how it ended.
#[tokio::test]
async fn an_end_is_told_to_who_waits_again() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        for patience in [1, 200, 1_000, 3_000] {
            let mut child = start(&bench.line("exit 5")).await.unwrap();
            let exit = tokio::time::timeout(PATIENCE, async {
                loop {
                    let patience = Duration::from_micros(patience);
                    if let Ok(exit) = tokio::time::timeout(patience, child.wait()).await {
                        break exit.unwrap();
                    }
                }
            });
            let exit = exit.await.expect("an end");
            assert_eq!(exit.code, Some(5), "{tier:?} {patience}");
        }
    }
}
