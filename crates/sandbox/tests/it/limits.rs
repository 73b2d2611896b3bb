//! Limits for all processes together, on a machine with control groups.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use freehold_sandbox::{Exit, Limit, Limits, Spec, Tier, start};

use crate::kit::{Bench, PATIENCE, eventually, finish, marked, run};

const TIERS: [Tier; 2] = [Tier::None, Tier::Sandbox];
/// Far below what the machine has: what is tried here is stopped by the limit or by its own bound.
const MEMORY: u64 = 64 << 20;
const TASKS: u64 = 48;

fn limited(bench: &Bench, line: &str) -> Spec {
    Spec {
        limits: Limits {
            total_memory_bytes: Some(MEMORY),
            total_tasks: Some(TASKS),
            ..Limits::default()
        },
        ..bench.line(line)
    }
}

/// Whether this machine holds both limits: elsewhere there is nothing to see.
async fn are_held(bench: &Bench) -> bool {
    let mut child = start(&limited(bench, "true")).await.unwrap();
    child.wait().await.unwrap();
    // Where it is known which groups there are, a test that finds none has failed.
    if let Ok(known) = std::env::var("FREEHOLD_TEST_CGROUP") {
        assert_eq!(child.in_force().cgroup, Some(&*known));
    }
    let held = child.in_force().limits;
    held.total_memory_bytes.is_some() && held.total_tasks.is_some()
}

/// The groups of a living process, in every hierarchy.
fn groups(pid: u32) -> Vec<PathBuf> {
    let told = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let ours = told.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let root = Path::new("/sys/fs/cgroup").join(controllers);
        path.contains("freehold-")
            .then(|| root.join(path.trim_start_matches('/')))
    });
    ours.collect()
}

#[track_caller]
fn hit(exit: &Exit, limit: Limit, value: u64) {
    assert!(exit.hit.is_some(), "no limit is named: {exit:?}");
    let hit = exit.hit.unwrap();
    assert_eq!((hit.limit, hit.value), (limit, value));
    let near = value - value / 8..=value + value / 8;
    assert!(near.contains(&hit.peak), "{hit:?}");
    assert!(hit.to_string().contains("was reached"), "{hit}");
}

#[tokio::test]
async fn memory_of_all_together_is_bounded_and_the_message_says_so() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        if !are_held(&bench).await {
            return;
        }
        // Two processes, neither of which is above the limit by itself.
        let half = "python3 -c 'import sys; b = bytearray(int(sys.argv[1]) << 20); \
                    open(sys.argv[2], \"w\"); sys.stdin.read()'";
        // Until both have it, or one is gone.
        let both = |mib: u32| {
            format!(
                "mkfifo f; {half} {mib} one < f & first=$!; {half} {mib} two < f & second=$!; exec 3> f; \
                 until [ -e one ] && [ -e two ]; do kill -0 $first && kill -0 $second || break; sleep 0.05; done; \
                 rm -f f one two; exec 3>&-; wait $first && wait $second"
            )
        };
        let done = run(&limited(&bench, &both(8))).await.unwrap();
        assert_eq!(
            (done.code(), done.exit.hit),
            (0, None),
            "{tier:?}: {done:?}"
        );
        let usage = done.exit.usage.unwrap();
        assert!(usage.peak_memory_bytes.unwrap() > 16 << 20, "{usage:?}");
        let done = run(&limited(&bench, &both(45))).await.unwrap();
        assert_ne!(done.code(), 0, "{tier:?}");
        hit(&done.exit, Limit::Memory, MEMORY);
        // The control: without the limit the same works.
        bench.sh(&both(45)).await.good();
    }
}

#[tokio::test]
async fn what_lies_in_tmp_is_memory_too() {
    let bench = Bench::sandbox();
    if !are_held(&bench).await {
        return;
    }
    let line = "head -c 90M /dev/zero > /tmp/x";
    let done = run(&limited(&bench, line)).await.unwrap();
    hit(&done.exit, Limit::Memory, MEMORY);
    bench.sh(line).await.good();
}

#[tokio::test]
async fn processes_and_threads_together_are_bounded() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        if !are_held(&bench).await {
            return;
        }
        let many = |count: u32| {
            format!(
                "exec python3 -c \"
import subprocess, sys
started = []
try:
    for _ in range({count}): started.append(subprocess.Popen(['sleep', '600']))
except OSError as error: print(error, file=sys.stderr)
for process in started: process.kill(); process.wait()\""
            )
        };
        let refused = "Resource temporarily unavailable";
        let done = run(&limited(&bench, &many(60))).await.unwrap();
        assert!(done.stderr.contains(refused), "{tier:?}: {done:?}");
        hit(&done.exit, Limit::Tasks, TASKS);
        let control = bench.sh(&many(60)).await;
        assert_eq!((control.stderr.as_str(), control.exit.hit), ("", None));
        let done = run(&limited(&bench, &many(20))).await.unwrap();
        assert_eq!(done.exit.hit, None, "{tier:?}: {done:?}");
        let peak = done.exit.usage.unwrap().peak_tasks;
        assert!(peak.is_none_or(|peak| peak >= 20), "{peak:?}");
    }
}

#[tokio::test]
async fn a_processor_is_shared_out() {
    let bench = Bench::sandbox();
    let tenth = Spec {
        limits: Limits {
            cpu_milli: Some(100),
            ..Limits::default()
        },
        ..bench.line("timeout 1 sh -c 'while :; do :; done'; true")
    };
    let child = start(&tenth).await.unwrap();
    if child.in_force().limits.cpu_milli.is_none() {
        let known = std::env::var_os("FREEHOLD_TEST_CGROUP");
        assert_eq!(known, None, "{:?}", child.in_force());
        return;
    }
    let begun = Instant::now();
    let exit = finish(child).await.unwrap().exit;
    let (used, passed) = (exit.usage.unwrap().cpu, begun.elapsed());
    // A tenth, and what may be borrowed for one period.
    assert!(
        used < passed / 10 + Duration::from_millis(150),
        "{used:?} of {passed:?}"
    );
}

#[tokio::test]
async fn forking_without_end_is_ended_in_bounded_time() {
    for tier in TIERS {
        let mut bench = Bench::new(tier);
        if !are_held(&bench).await {
            return;
        }
        let mark = format!(
            "mark-{}",
            bench.folder.path().file_name().unwrap().display()
        );
        bench.spec.env.insert("MARK".into(), mark.clone().into());
        // Ignores what can be ignored, leaves its session and parent, and is bounded by the limit
        // that the test before has proved, and by a count.
        let bomb = "exec python3 -c \"
import os, signal, time
for ignored in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(ignored, signal.SIG_IGN)
for _ in range(5000):
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0: os.setsid()
    except OSError: os.write(1, b'x' * 1000)
time.sleep(600)\"";
        let mut child = start(&limited(&bench, bomb)).await.unwrap();
        let places = groups(child.pid());
        assert!(
            !places.is_empty() && places.iter().all(|place| place.is_dir()),
            "{places:?}"
        );
        eventually("it is at the limit", || marked(&mark).len() >= 30);
        child.terminate();
        let begun = Instant::now();
        child.kill().await.unwrap();
        assert!(
            begun.elapsed() < PATIENCE / 6,
            "{tier:?}: {:?}",
            begun.elapsed()
        );
        assert_eq!(marked(&mark), [0; 0], "{tier:?}");
        hit(&child.wait().await.unwrap(), Limit::Tasks, TASKS);
        assert!(!places.iter().any(|place| place.exists()), "{places:?}");
    }
}

#[tokio::test]
async fn limits_of_one_process_are_named_too() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        let limits = Limits {
            cpu_seconds: Some(1),
            file_bytes: Some(1 << 20),
            ..Limits::default()
        };
        let under = |line: &str| Spec {
            limits,
            ..bench.line(line)
        };
        let done = run(&under("while :; do :; done")).await.unwrap();
        assert_eq!(
            done.exit.hit.map(|hit| hit.limit),
            Some(Limit::Cpu),
            "{done:?}"
        );
        let done = run(&under("exec head -c 2M /dev/zero > big"))
            .await
            .unwrap();
        assert_eq!(
            done.exit.hit.map(|hit| hit.limit),
            Some(Limit::FileSize),
            "{done:?}"
        );
    }
}

#[tokio::test]
async fn limits_that_nothing_could_start_under_are_refused() {
    let bench = Bench::sandbox();
    let mut spec = limited(&bench, "touch started");
    spec.limits.total_tasks = Some(3);
    let error = start(&spec).await.unwrap_err().to_string();
    assert!(
        error.contains("total_tasks") && error.contains("16"),
        "{error}"
    );
    assert!(!bench.workspace().join("started").exists());
}
