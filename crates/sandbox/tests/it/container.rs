//! The container tier with a real runtime. What it has in common with the sandbox is held to in
//! `start` and `end`; here are its walls, each with its control outside, and what is its own.

use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use freehold_sandbox::{Limits, Mount, Port, Spec, Stdin, Tier, start};

use crate::kit::{
    Bench, bundles, eventually, finish, has_own_kernel, mounts_of, run, stray_groups,
};

pub(crate) fn container() -> Bench {
    Bench::new(Tier::Container)
}

/// Works outside, and inside is refused for that reason.
async fn only_outside(inside: &Bench, line: &str, reason: &str) {
    Bench::plain().sh(line).await.good();
    inside.sh(line).await.refused(reason);
}

#[tokio::test]
async fn nothing_of_the_host_is_seen_or_written() {
    let mut inside = container();
    let shown = inside.folder.path().join("shown");
    std::fs::create_dir(&shown).unwrap();
    std::fs::write(shown.join("canary"), "canary").unwrap();
    let line = format!("cat {}/canary", shown.display());
    only_outside(&inside, &line, "No such file").await;
    for line in [
        "busybox ls -d /root /home /var /run",
        "busybox ls -d /etc/shadow",
        "busybox ls -d /sys/kernel",
    ] {
        only_outside(&inside, line, "No such file").await;
    }
    let roots = inside.sh("busybox ls -A /").await;
    let known = [
        ".freehold",
        "bin",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "proc",
        "sbin",
        "tmp",
        "usr",
        "workspace",
    ];
    for entry in roots.good().split_whitespace() {
        // Of a kernel of its own, and empty.
        let is_known = known.contains(&entry) || entry == "sys" && has_own_kernel();
        assert!(is_known, "{entry} is seen inside");
    }
    inside.spec.mounts.push(Mount::ReadOnly {
        source: shown.clone(),
        target: "/shown".into(),
    });
    let outside = format!("touch {0}/x && rm {0}/x", shown.display());
    Bench::plain().sh(&outside).await.good();
    for place in [
        "/shown",
        "/",
        "/usr/bin",
        "/etc",
        "/dev",
        "/.freehold",
        "/lib",
        "/proc",
    ] {
        let done = inside.sh(&format!("touch {place}/freehold-canary")).await;
        let refused = ["Read-only file system", "Permission denied", "No such file"];
        assert!(
            done.code() == 1 && refused.iter().any(|reason| done.stderr.contains(reason)),
            "{place}: {done:?}"
        );
        assert!(!Path::new(place).join("freehold-canary").exists());
    }
    inside
        .sh("touch /workspace/x /tmp/x /dev/shm/x && echo > /dev/null")
        .await
        .good();
    assert_eq!(
        inside
            .sh("cd / && mv workspace other; rmdir /workspace; busybox ls -d /workspace")
            .await
            .good(),
        "/workspace"
    );
}

#[tokio::test]
async fn what_is_mounted_below_a_read_only_folder_is_read_only_too() {
    // A mount point of the host below a folder that is shown: `ro` alone would leave it writable.
    let mut inside = container();
    inside.spec.mounts.push(Mount::ReadOnly {
        source: "/dev".into(),
        target: "/devices".into(),
    });
    Bench::plain()
        .sh("touch /dev/shm/freehold-canary && rm /dev/shm/freehold-canary")
        .await
        .good();
    inside
        .sh("touch /devices/shm/freehold-canary")
        .await
        .refused("Read-only file system");
    let done = inside.sh("echo > /devices/null").await;
    done.refused(if has_own_kernel() {
        "Read-only file system"
    } else {
        "Permission denied"
    });
}

#[tokio::test]
async fn privileges_are_gone_and_stay_gone() {
    let inside = container();
    let lines = "grep -E '^(Uid|Gid|Groups|Cap[A-Z][a-z]+|NoNewPrivs|Seccomp):' /proc/self/status";
    let told = inside.sh(lines).await;
    for line in told.good().lines() {
        let (name, value) = line.split_once(':').unwrap();
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = match name {
            "Uid" | "Gid" => "1000 1000 1000 1000",
            "Groups" => continue,
            "NoNewPrivs" => "1",
            "Seccomp" => "2",
            _ => "0000000000000000",
        };
        assert_eq!(value, wanted, "{name}");
    }
    assert_eq!(
        inside.sh("id -un; hostname; ulimit -c; id -G").await.good(),
        "freehold\nfreehold\n0\n1000"
    );
    inside.sh("unshare -Ur true").await.refused("unshare");
    inside.sh("unshare -n true").await.refused("not permitted");
    inside.sh("mount -t tmpfs none /tmp").await.refused("mount");
    let rewrite = "cd /proc/sys/kernel && v=$(cat core_uses_pid) && echo $v > core_uses_pid";
    if nix::unistd::geteuid().is_root() {
        Bench::plain().sh(rewrite).await.good();
    }
    inside.sh(rewrite).await.refused("core_uses_pid");
    for file in ["kcore", "keys", "kmsg", "sysrq-trigger", "vmallocinfo"] {
        let read = format!("head -c1 /proc/{file} | wc -c");
        assert_eq!(inside.sh(&read).await.good(), "0", "{file}");
    }
    let nodes = inside.sh("busybox ls /dev").await;
    let minimal = [
        "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout",
        "tty", "urandom", "zero",
    ];
    for node in nodes.good().split_whitespace() {
        // Its own kernel's, not this machine's.
        let is_known =
            minimal.contains(&node) || ["fuse", "net"].contains(&node) && has_own_kernel();
        assert!(is_known, "/dev/{node}");
    }
    inside
        .sh("exec 3<>/proc/1/exe")
        .await
        .refused("Permission denied");
    let first = inside.sh("cat /proc/1/environ").await;
    if has_own_kernel() {
        // It shows the first process to the same user: nothing of the program's is there, or of ours.
        assert_eq!(first.good(), "HOME=/home/freehold\0");
    } else {
        first.refused("Permission denied");
    }
}

#[tokio::test]
async fn the_network_is_empty_but_for_the_ports() {
    let mut inside = container();
    let host = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let connect =
        format!("python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 5)\"");
    only_outside(&inside, &connect, "ConnectionRefusedError").await;
    inside
        .sh("python3 -c \"import socket; socket.create_connection(('192.0.2.1', 80), 5)\"")
        .await
        .refused(if has_own_kernel() {
            "No route to host"
        } else {
            "Network is unreachable"
        });
    assert_eq!(
        inside
            .sh("tail -n +3 /proc/net/dev | cut -d: -f1")
            .await
            .good()
            .trim(),
        "lo"
    );
    let socket = inside.folder.path().join("way-out");
    let listener = UnixListener::bind(&socket).unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = [0; 5];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(b"answer").unwrap();
        asked
    });
    inside.spec.ports.push(Port { port: 8123, socket });
    let ask = "python3 -c \"import socket; s = socket.create_connection(('127.0.0.1', 8123), 5); \
               s.sendall(b'asked'); print(s.recv(9).decode())\"";
    assert_eq!(inside.sh(ask).await.good(), "answer");
    assert_eq!(&answering.join().unwrap(), b"asked");
}

#[tokio::test]
async fn processes_and_secrets_of_the_host_are_out_of_reach() {
    let mut inside = container();
    let me = std::process::id();
    Bench::plain().sh(&format!("kill -0 {me}")).await.good();
    let stray = me.max(100_000);
    inside
        .sh(&format!("kill -0 {stray}"))
        .await
        .refused("No such process");
    let count = inside.sh("busybox ls /proc | grep -c '^[0-9]'").await;
    assert!(count.good().parse::<u32>().unwrap() < 7, "{count:?}");
    let mark = format!(
        "canary-{}",
        inside.folder.path().file_name().unwrap().to_string_lossy()
    );
    inside.spec.env.insert("SECRET".into(), mark.clone().into());
    let mut child = inside.start("echo \"$SECRET\" >/dev/null; sleep 600").await;
    let holders = crate::kit::marked(&mark);
    let name = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let names: Vec<_> = holders.iter().map(name).collect();
    // To this machine a program in a kernel of its own is none.
    assert_eq!(
        holders.is_empty(),
        has_own_kernel(),
        "the control: the program holds it"
    );
    assert!(
        names
            .iter()
            .all(|name| matches!(name.trim(), "sh" | "sleep" | "")),
        "{names:?}"
    );
    let [folder] = bundles(&inside).try_into().unwrap();
    for file in walk(&folder) {
        let text = std::fs::read(&file).unwrap_or_default();
        let found = text.windows(mark.len()).any(|part| part == mark.as_bytes());
        assert!(!found, "{} holds the environment", file.display());
    }
    child.kill().await.unwrap();
}

/// Files only: a link is not followed and a fifo not opened.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.file_type().unwrap() {
            kind if kind.is_dir() => walk(&entry.path()),
            kind if kind.is_file() => vec![entry.path()],
            _ => Vec::new(),
        })
        .collect()
}

#[tokio::test]
async fn no_descriptor_is_inherited_and_outputs_end_when_closed() {
    let inside = container();
    let count = run(&inside.command("busybox", ["ls", "/proc/self/fd"]))
        .await
        .unwrap();
    assert_eq!(
        count.good().split_whitespace().collect::<Vec<_>>(),
        ["0", "1", "2", "3"]
    );
    // The runtime is still there then: it must not hold the output open.
    let spec = Spec {
        stdin: Stdin::Piped,
        ..inside.line("echo said; exec >&- 2>&-; read word")
    };
    let mut child = start(&spec).await.unwrap();
    let stdin = child.stdin.take();
    let mut said = String::new();
    let mut stdout = child.stdout.take().unwrap();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut said);
    tokio::time::timeout(crate::kit::PATIENCE, read)
        .await
        .expect("the output did not end")
        .unwrap();
    assert_eq!(said, "said\n");
    drop(stdin);
    child.wait().await.unwrap();
}

#[tokio::test]
async fn mounts_lie_over_each_other_as_in_the_sandbox() {
    for tier in [Tier::Sandbox, Tier::Container] {
        let mut inside = Bench::new(tier);
        let own_kernel = tier == Tier::Container && has_own_kernel();
        let (file, link) = (
            |text: &str, target: &str| Mount::File {
                contents: text.into(),
                target: target.into(),
            },
            |points_to: &str, target: &str| Mount::Symlink {
                points_to: points_to.into(),
                target: target.into(),
            },
        );
        let folder = inside.folder.path().join("cache");
        std::fs::create_dir(&folder).unwrap();
        std::fs::create_dir(inside.workspace().join(".git")).unwrap();
        inside.spec.mounts.extend([
            file("first", "/data/file"),
            file("second", "/data/file"),
            link("/data/file", "/link"),
            Mount::Tmpfs {
                target: "/home/freehold".into(),
                size_bytes: 1 << 20,
            },
            Mount::ReadWrite {
                source: folder.clone(),
                target: "/home/freehold/.cache/deep/er".into(),
            },
            link("/link", "/home/freehold/.own"),
            file("in a temporary folder", "/tmp/made/file"),
            Mount::ReadOnly {
                source: inside.workspace().join(".git"),
                target: "/workspace/.git".into(),
            },
        ]);
        if own_kernel {
            let refused = start(&inside.line("true")).await.unwrap_err().to_string();
            assert!(
                refused.contains("makes none in a folder in memory"),
                "{refused}"
            );
            let own = Path::new("/home/freehold/.own");
            inside.spec.mounts.retain(|mount| mount.target() != own);
        }
        let told = inside
            .sh("cat /link ~/.own /home/freehold/.own /tmp/made/file 2>/dev/null; \
                 touch /home/freehold/x /home/freehold/.cache/x /home/freehold/.cache/deep/er/x /tmp/made/x && echo; \
                 busybox stat -c %u /home/freehold/.cache; busybox stat -c %a /tmp")
            .await;
        assert_eq!(
            told.good(),
            if own_kernel {
                // Its kernel makes the folders on the way, for everybody.
                "secondin a temporary folder\n0\n1777"
            } else {
                "secondsecondin a temporary folder\n1000\n1777"
            },
            "{tier:?}"
        );
        assert!(folder.join("x").is_file());
        inside
            .sh("touch /workspace/.git/x")
            .await
            .refused("Read-only file system");
        inside
            .sh("head -c 2000000 /dev/zero > /home/freehold/big")
            .await
            .refused("No space left");
    }
}

#[tokio::test]
async fn hostile_places_are_refused_before_anything_starts() {
    let mut inside = container();
    let workspace = inside.workspace();
    symlink("/etc", workspace.join("link")).unwrap();
    let own = inside.folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let bind = |target: &str| Mount::ReadOnly {
        source: own.clone(),
        target: target.into(),
    };
    for (target, said) in [
        ("/workspace/link", "on the way"),
        ("/workspace/link/x", "on the way"),
        ("/usr/no-such-place", "/usr/no-such-place"),
        ("/bin/x", "/bin/x"),
        ("/proc/x", "mount target"),
    ] {
        let mut spec = inside.line("touch /workspace/started");
        spec.mounts.push(bind(target));
        let error = start(&spec).await.unwrap_err().to_string();
        assert!(error.contains(said), "{target}: {error}");
    }
    let odd = inside.folder.path().join("od\"d, \\ name:{}");
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("file"), "odd").unwrap();
    inside.spec.mounts.push(Mount::ReadOnly {
        source: odd,
        target: "/a \"b\", c/\\d:{}".into(),
    });
    assert_eq!(
        inside.sh("cat '/a \"b\", c/\\d:{}/file'").await.good(),
        "odd"
    );
    assert!(!workspace.join("started").exists());
    assert!(bundles(&inside).is_empty());
}

#[tokio::test]
async fn what_is_in_force_is_told() {
    let inside = container();
    let mut child = inside.start("true").await;
    let told = child.in_force().clone();
    assert_eq!(told.tier, Tier::Container);
    let launcher = told.launcher.unwrap();
    let known = match has_own_kernel() {
        true => ["runsc 0.0~20", "runsc release-20"],
        false => ["runc 1.", "crun 1."],
    };
    assert!(
        known.iter().any(|known| launcher.starts_with(known)),
        "{launcher}"
    );
    child.wait().await.unwrap();
    let sandbox = Bench::sandbox();
    let mut child = sandbox.start("true").await;
    let landlock = child.in_force().landlock.filter(|_| !has_own_kernel());
    assert_eq!(told.landlock, landlock);
    child.wait().await.unwrap();
}

#[tokio::test]
async fn fifty_starts_leave_nothing() {
    let inside = container();
    inside.sh("true").await.good();
    for round in 0..50 {
        match round % 3 {
            0 => drop(
                inside
                    .sh("(setsid sleep 600 &); touch a; rm a")
                    .await
                    .good(),
            ),
            1 => inside.start("sleep 600").await.kill().await.unwrap(),
            _ => drop(
                start(&inside.command("no-such-program", [""; 0]))
                    .await
                    .unwrap_err(),
            ),
        }
        assert!(bundles(&inside).is_empty(), "round {round}");
    }
    assert_eq!(mounts_of(&inside), 0);
    eventually("no control group is left", || stray_groups().is_empty());
}

#[tokio::test]
async fn a_killed_runtime_takes_everything_with_it() {
    let inside = container();
    let child = inside.start("sleep 600").await;
    let runtime = i32::try_from(child.pid()).unwrap();
    let runtime = nix::unistd::Pid::from_raw(runtime);
    nix::sys::signal::kill(runtime, nix::sys::signal::Signal::SIGKILL).unwrap();
    drop(child);
    eventually("its folder is gone", || bundles(&inside).is_empty());
    eventually("no control group is left", || stray_groups().is_empty());
}

#[tokio::test]
async fn a_terminal_and_limits_are_there_as_in_the_sandbox() {
    let inside = container();
    let spec = Spec {
        terminal: Some(freehold_sandbox::Terminal {
            rows: 7,
            columns: 77,
        }),
        ..inside.line("test -t 0 && stty size; kill -INT $$; sleep 600")
    };
    let mut child = start(&spec).await.unwrap();
    let mut said = Vec::new();
    let mut stdout = child.stdout.take().unwrap();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut stdout, &mut said).await;
    assert_eq!(String::from_utf8_lossy(&said).trim(), "7 77");
    assert_eq!(child.wait().await.unwrap().signal, Some(2));
    let limited = Spec {
        limits: Limits {
            open_files: Some(99),
            tmp_bytes: Some(1 << 20),
            ..Limits::default()
        },
        ..inside.line("ulimit -n; head -c 2000000 /dev/zero > /tmp/x")
    };
    let done = finish(start(&limited).await.unwrap()).await.unwrap();
    assert_eq!(done.stdout.trim(), "99");
    done.refused("No space left");
}

#[tokio::test]
async fn limits_for_all_processes_together_hold() {
    let inside = container();
    let limited = |line: &str| Spec {
        limits: Limits {
            total_tasks: Some(40),
            total_memory_bytes: Some(256 << 20),
            ..Limits::default()
        },
        ..inside.line(line)
    };
    let mut child = start(&limited("true")).await.unwrap();
    let told = child.in_force().clone();
    child.wait().await.unwrap();
    let fork = "i=0; while [ $i -lt 60 ]; do sleep 60 & i=$((i+1)); done";
    let fill = "python3 -c \"x = b'x' * (400 << 20); print(len(x))\"";
    Bench::plain().sh(fill).await.good();
    if told.limits.total_tasks.is_some() {
        let done = run(&limited(fork)).await.unwrap();
        assert!(done.code() != 0, "{done:?}");
        inside.sh(fork).await.good();
    }
    if told.limits.total_memory_bytes.is_some() {
        let done = run(&limited(fill)).await.unwrap();
        assert!(done.exit.code != Some(0), "{done:?}");
        inside.sh(fill).await.good();
    }
    // As root on this project's own test machines both are held.
    if nix::unistd::geteuid().is_root() {
        assert!(told.cgroup.is_some(), "{told:?}");
    }
}

#[tokio::test]
async fn the_probe_proves_the_tier() {
    let proof = freehold_sandbox::probe_container(&crate::kit::init(), crate::kit::runtime())
        .await
        .unwrap();
    assert!(proof.runtime.is_file(), "{proof:?}");
    assert_eq!(proof.rootless, !nix::unistd::geteuid().is_root());
    assert_eq!(proof.own_kernel.is_some(), has_own_kernel(), "{proof:?}");
    let known = crate::kit::runtime().map(freehold_sandbox::Runtime::name);
    assert!(
        known.is_none_or(|known| proof.version.starts_with(known)),
        "{proof:?}"
    );
}
