//! Starting, ending, and telling how it ended.

use std::os::unix::fs::PermissionsExt;

use freehold_sandbox::{Limits, Mount, Port, SandboxError, Spec, Stdin, Tier, probe, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::kit::{Bench, finish, init, run};

const TIERS: [Tier; 4] = [Tier::None, Tier::Worktree, Tier::Sandbox, Tier::Container];

#[tokio::test]
async fn codes_and_signals_come_out_as_they_are() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        for code in [0, 1, 42, 125, 126, 127, 137, 255] {
            let done = bench
                .sh(&format!("echo out; echo err >&2; exit {code}"))
                .await;
            assert_eq!(
                (done.exit.code, done.exit.signal),
                (Some(code), None),
                "{tier:?}"
            );
            assert_eq!(
                (done.stdout.as_str(), done.stderr.as_str()),
                ("out\n", "err\n")
            );
        }
        for signal in [6, 9, 15] {
            let done = bench.sh(&format!("kill -{signal} $$; sleep 60")).await;
            assert_eq!(
                (done.exit.code, done.exit.signal),
                (None, Some(signal)),
                "{tier:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_program_that_is_missing_is_not_one_that_ends_with_127() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        let asked = |program: &str| bench.command(program, [""; 0]);
        for missing in [
            "no-such-program",
            "/usr/bin/no-such-program",
            "./none",
            "/etc/hosts/x",
        ] {
            let error = start(&asked(missing)).await.unwrap_err();
            assert!(
                matches!(error, SandboxError::ProgramNotFound { .. }),
                "{tier:?} {missing}: {error:?}"
            );
            assert!(error.to_string().contains(missing));
        }
        let file = |name: &str, text: &str, mode: u32| {
            let path = bench.workspace().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        file("plain", "#!/bin/sh\n", 0o644);
        file("lost", "#!/no/such/interpreter\n", 0o755);
        for bad in ["./plain", "./lost", "/usr"] {
            let error = start(&asked(bad)).await.unwrap_err();
            let as_wanted = matches!(error, SandboxError::ProgramNotExecutable { .. });
            assert!(as_wanted, "{tier:?} {bad}: {error:?}");
        }
        assert_eq!(bench.sh("exit 127").await.code(), 127);
    }
}

#[tokio::test]
async fn input_is_what_is_written_and_ends_when_dropped() {
    for tier in TIERS {
        let bench = Bench::new(tier);
        let spec = Spec {
            stdin: Stdin::Piped,
            ..bench.line("cat; echo done")
        };
        let mut child = start(&spec).await.unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"hello ").await.unwrap();
        drop(stdin);
        assert_eq!(finish(child).await.unwrap().good(), "hello done");
        assert_eq!(bench.sh("cat; echo done").await.good(), "done");
    }
}

#[tokio::test]
async fn output_ends_when_the_program_closes_it_not_when_it_ends() {
    let bench = Bench::sandbox();
    let spec = Spec {
        stdin: Stdin::Piped,
        ..bench.line("echo said; exec >&-; cat >/dev/null; exit 3")
    };
    let mut child = start(&spec).await.unwrap();
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .await
        .unwrap();
    assert_eq!(said, "said\n");
    // `cat` still reads: only now is it let go.
    assert_eq!(child.wait().await.unwrap().code, Some(3));
    assert_eq!(
        child.wait().await.unwrap().code,
        Some(3),
        "it answers the same again"
    );
}

#[tokio::test]
async fn limits_hold_and_usage_is_told() {
    let limits = Limits {
        open_files: Some(77),
        file_bytes: Some(1 << 20),
        cpu_seconds: Some(50),
        ..Limits::default()
    };
    for tier in TIERS {
        let bench = Bench::new(tier);
        let limited = |line: &str| Spec {
            limits,
            ..bench.line(line)
        };
        let told = run(&limited("ulimit -n; ulimit -Hn; ulimit -t; ulimit -c"))
            .await
            .unwrap();
        assert_eq!(told.good(), "77\n77\n50\n0");
        // The positive control: without the limit the same line works.
        let line = "head -c 2097152 /dev/zero > big";
        assert!(run(&limited(line)).await.unwrap().code() != 0);
        bench.sh(line).await.good();
        let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let usage = bench.sh(busy).await.exit.usage.unwrap();
        assert!(usage.cpu.as_millis() > 10, "{usage:?}");
        assert!(usage.max_rss_bytes > 100 * 1024, "{usage:?}");
    }
}

#[tokio::test]
async fn the_probe_proves_both_tiers() {
    let proof = probe(&init()).await.unwrap();
    assert!(proof.version.starts_with("bubblewrap "), "{proof:?}");
    assert!(proof.bubblewrap.is_file());
    let child = start(&Bench::sandbox().line("true")).await.unwrap();
    let told = (child.in_force().landlock, child.in_force().cgroup);
    assert_eq!((proof.landlock, proof.cgroup), told);
}

#[tokio::test]
async fn a_failed_set_up_starts_nothing_and_names_the_step() {
    let bench = Bench::sandbox();
    let error = |spec: Spec| async move { start(&spec).await.unwrap_err().to_string() };
    let with = |mount: Mount| {
        let mut spec = bench.line("touch /workspace/started");
        spec.mounts.push(mount);
        spec
    };
    let bind = |source: &str, target: &str| Mount::ReadOnly {
        source: source.into(),
        target: target.into(),
    };

    let said = error(with(bind("/no/such/folder", "/data"))).await;
    assert!(
        said.contains("/no/such/folder") && said.contains("/data"),
        "{said}"
    );
    for reserved in [
        "/",
        "/proc/x",
        "/dev",
        "/.freehold/init",
        "/a/../b",
        "relative",
    ] {
        let said = error(with(bind("/usr", reserved))).await;
        assert!(said.contains("mount target"), "{reserved}: {said}");
    }
    let said = error(with(bind("/etc/hosts", "/usr/no-such-place"))).await;
    assert!(
        said.contains("bubblewrap") && said.contains("/usr/no-such-place"),
        "{said}"
    );
    assert!(said.contains("mount it earlier or elsewhere"), "{said}");
    let said = error(with(Mount::Tmpfs {
        target: "/data".into(),
        size_bytes: 0,
    }))
    .await;
    assert!(said.contains("without bound"), "{said}");

    let said = error(Spec {
        cwd: "/no/such/cwd".into(),
        ..bench.line("true")
    })
    .await;
    assert!(said.contains("working directory"), "{said}");
    let said = error(Spec {
        mounts: Vec::new(),
        cwd: "/".into(),
        ..bench.line("true")
    })
    .await;
    assert!(
        said.contains("libraries"),
        "an empty root has no loader: {said}"
    );
    let port = Port {
        port: 8080,
        socket: bench.folder.path().join("none.sock"),
    };
    let said = error(Spec {
        ports: vec![port],
        ..bench.line("touch /workspace/started")
    })
    .await;
    assert!(
        said.contains("8080") && said.contains("none.sock"),
        "{said}"
    );
    let mut spec = bench.line("touch /workspace/started");
    spec.init.program = "/no/such/helper".into();
    let said = error(spec).await;
    assert!(said.contains("/no/such/helper"), "{said}");
    let odd = "a\0b".to_owned();
    let said = error(bench.command("sh", ["-c", odd.as_str()])).await;
    assert!(said.contains("NUL"), "{said}");

    assert_eq!(
        std::fs::read_dir(bench.workspace()).unwrap().count(),
        0,
        "something was started"
    );
}

#[tokio::test]
async fn long_arguments_pass_and_too_many_are_an_error() {
    let bench = Bench::sandbox();
    let long = "x".repeat(100_000);
    let told = run(&bench.command("sh", ["-c", "echo ${#1}", "sh", long.as_str()]))
        .await
        .unwrap();
    assert_eq!(told.good(), "100000");
    let error = start(&bench.command("echo", vec![long; 60]))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("start the program"), "{error}");
}

#[test]
fn a_start_and_a_child_can_move_between_threads() {
    fn can_move<T: Send + 'static>(_: &T) {}
    fn spec() -> &'static Spec {
        unreachable!("only its type is looked at")
    }
    let _ = || can_move(&start(spec()));
    let _ = |child: freehold_sandbox::Child| can_move(&child);
}

#[test]
fn tiers_are_written_in_lower_case() {
    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StrDeserializer};
    let read = |word: &'static str| {
        let from: StrDeserializer<'_, Error> = word.into_deserializer();
        Tier::deserialize(from)
    };
    assert_eq!(read("none"), Ok(Tier::None));
    assert_eq!(read("worktree"), Ok(Tier::Worktree));
    assert_eq!(read("sandbox"), Ok(Tier::Sandbox));
    assert!(read("Sandbox").is_err());
}
