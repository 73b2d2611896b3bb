//! What must not work inside. Each line counts only because the same line works outside: the plain
//! tier is the positive control.

use std::io::Write;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;

use freehold_sandbox::{Mount, Spec, Stdin, start};

use crate::kit::{Bench, finish, run};

/// Runs the same line in both tiers: it works outside, and inside it is refused for that reason.
async fn only_outside(plain: &Bench, inside: &Bench, line: &str, reason: &str) {
    plain.sh(line).await.good();
    inside.sh(line).await.refused(reason);
}

#[tokio::test]
async fn files_of_the_user_cannot_be_read_or_found() {
    let (plain, inside) = (Bench::plain(), Bench::sandbox());
    let home = plain.folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join("secret"), "canary").unwrap();
    let line = format!("cat {}/secret", home.display());
    only_outside(&plain, &inside, &line, "No such file").await;
    only_outside(
        &plain,
        &inside,
        "ls -d /root /home /var /run",
        "cannot access",
    )
    .await;
    only_outside(
        &plain,
        &inside,
        "ls -d /etc/shadow /etc/ssl/private",
        "cannot access",
    )
    .await;
    for (name, _) in std::env::vars_os().filter(|(name, _)| name == "HOME") {
        let real = std::env::var_os(name).unwrap();
        let line = format!("ls -A '{}'", real.display());
        only_outside(&plain, &inside, &line, "cannot access").await;
    }
    let roots = inside.sh("ls -A /").await;
    for entry in roots.good().split_whitespace() {
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
        assert!(known.contains(&entry), "{entry} is seen inside");
    }
}

#[tokio::test]
async fn nothing_is_written_outside_the_mounts() {
    let (plain, mut inside) = (Bench::plain(), Bench::sandbox());
    let shown = inside.folder.path().join("shown");
    std::fs::create_dir(&shown).unwrap();
    inside.spec.mounts.push(Mount::ReadOnly {
        source: shown.clone(),
        target: "/shown".into(),
    });
    // The control: the very folder that is read-only inside can be written outside.
    plain
        .sh(&format!("touch {0}/x && rm {0}/x", shown.display()))
        .await
        .good();
    inside
        .sh("touch /shown/x")
        .await
        .refused("Read-only file system");
    for place in ["/", "/usr/bin", "/etc", "/dev", "/.freehold", "/lib"] {
        inside
            .sh(&format!("touch {place}/freehold-canary"))
            .await
            .refused("Read-only file system");
        assert!(!std::path::Path::new(place).join("freehold-canary").exists());
    }
    inside
        .sh("echo x > /etc/passwd")
        .await
        .refused("Read-only file system");
    inside
        .sh("echo x > /.freehold/init")
        .await
        .refused("Read-only file system");
    inside
        .sh("touch /workspace/x /tmp/x /dev/shm/x && echo > /dev/null")
        .await
        .good();
}

#[tokio::test]
async fn settings_and_secrets_of_the_kernel_are_out_of_reach() {
    let (plain, inside) = (Bench::plain(), Bench::sandbox());
    // Rewritten as it is. To the kernel, root outside is the same user inside: without a read-only
    // `/proc` this would work, for `core_pattern` too.
    let rewrite = "cd /proc/sys/kernel && v=$(cat core_uses_pid) && echo $v > core_uses_pid";
    if nix::unistd::geteuid().is_root() {
        plain.sh(rewrite).await.good();
        assert_eq!(
            plain.sh("head -c1 /proc/vmallocinfo | wc -c").await.good(),
            "1"
        );
    }
    inside.sh(rewrite).await.refused("Read-only file system");
    plain
        .sh("echo 0 > /proc/self/oom_score_adj; test -w /proc/self/oom_score_adj")
        .await
        .good();
    assert_eq!(
        inside
            .sh("find /proc /dev -maxdepth 2 ! -path /dev/shm ! -path '/dev/pt*' ! -type l -writable -exec test ! -c {} ';' -print")
            .await
            .good(),
        ""
    );
    for file in ["kcore", "keys", "kmsg", "sysrq-trigger", "vmallocinfo"] {
        assert_eq!(
            inside
                .sh(&format!("head -c1 /proc/{file} | wc -c"))
                .await
                .good(),
            "0",
            "{file}"
        );
    }
}

#[tokio::test]
async fn the_first_process_is_no_way_out() {
    let inside = Bench::sandbox();
    let look = "ls -A /proc/1/root/ /proc/1/cwd/ | grep -v : | sort -u | grep .";
    if landlock(&inside).await.is_some() {
        inside.sh(look).await.refused("Permission denied");
        // The control: of a process on the same side of the fence it is seen.
        inside.sh(&look.replace("/1/", "/self/")).await.good();
    } else {
        let own = inside.sh("ls -A /").await;
        assert_eq!(inside.sh(look).await.good(), own.good());
    }
    // The launcher's own file is the host's; the kernel refuses to have a running program changed.
    let done = inside.sh("exec 3<>/proc/1/exe").await;
    assert!(
        ["Text file busy", "Permission denied"]
            .iter()
            .any(|reason| done.stderr.contains(reason)),
        "{done:?}"
    );
    inside
        .sh("exec 3<>/proc/2/exe")
        .await
        .refused("Permission denied");
}

#[tokio::test]
async fn a_link_that_a_run_left_behind_is_not_followed_out() {
    let mut inside = Bench::sandbox();
    let git = inside.workspace().join(".git");
    inside.spec.mounts.push(Mount::ReadOnly {
        source: git.clone(),
        target: "/workspace/.git".into(),
    });
    std::fs::create_dir(&git).unwrap();
    inside.sh("true").await.good();
    std::fs::remove_dir(&git).unwrap();
    std::os::unix::fs::symlink("/etc", &git).unwrap();
    let error = start(&inside.line("cat .git/shadow"))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("leads elsewhere"), "{error}");
}

#[tokio::test]
async fn the_workspace_cannot_be_renamed_or_removed() {
    let (plain, inside) = (Bench::plain(), Bench::sandbox());
    plain
        .sh("cd .. && mv workspace other && mv other workspace")
        .await
        .good();
    inside
        .sh("cd / && mv workspace other")
        .await
        .refused("Read-only file system");
    inside.sh("cd / && rmdir workspace").await.refused("rmdir");
    // Also where the folder above it can be written.
    let mut inside = Bench::sandbox();
    let parent = inside.folder.path().join("parent");
    std::fs::create_dir_all(parent.join("workspace")).unwrap();
    let bind = |source: std::path::PathBuf, target: &str| Mount::ReadWrite {
        source,
        target: target.into(),
    };
    inside.spec.mounts.push(bind(parent.clone(), "/parent"));
    inside
        .spec
        .mounts
        .push(bind(inside.workspace(), "/parent/workspace"));
    inside
        .sh("mv /parent/workspace /parent/other")
        .await
        .refused("Device or resource busy");
    inside.sh("touch /parent/beside").await.good();
}

#[tokio::test]
async fn the_network_is_empty() {
    let (plain, inside) = (Bench::plain(), Bench::sandbox());
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = host.local_addr().unwrap().port();
    let connect = |to: &str| {
        format!("python3 -c \"import socket; socket.create_connection(('{to}', {port}), 5)\"")
    };
    only_outside(
        &plain,
        &inside,
        &connect("127.0.0.1"),
        "ConnectionRefusedError",
    )
    .await;
    inside
        .sh(&connect("192.0.2.1"))
        .await
        .refused("Network is unreachable");
    inside.sh(&connect("2001:db8::1")).await.refused("Error");
    inside
        .sh("python3 -c \"import socket; socket.getaddrinfo('example.com', 80)\"")
        .await
        .refused("gaierror");
    // Abstract sockets belong to the network namespace.
    let name = format!("freehold-test-{port}");
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    let line = format!(
        "python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect(chr(0) + '{name}')\""
    );
    only_outside(&plain, &inside, &line, "ConnectionRefusedError").await;
}

#[tokio::test]
async fn processes_of_the_host_are_not_there() {
    let (plain, inside) = (Bench::plain(), Bench::sandbox());
    let me = std::process::id();
    let me_path = format!("/proc/{me}/cmdline");
    plain
        .sh(&format!("cat {me_path} >/dev/null && kill -0 {me}"))
        .await
        .good();
    let seen = inside
        .sh("for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done")
        .await;
    let seen = seen.good();
    assert!(seen.lines().count() < 8, "{seen}");
    assert!(!seen.contains("it-"), "the test itself is seen: {seen}");
    // All there is inside is the launcher, the helper and the program.
    let highest = inside.sh("ls /proc | grep -c '^[0-9]'").await;
    assert!(highest.good().parse::<u32>().unwrap() < 8);
    let stray = me.max(100_000);
    inside
        .sh(&format!("kill -0 {stray}"))
        .await
        .refused("No such process");
}

#[tokio::test]
async fn no_environment_but_the_given_one_anywhere() {
    // Given to the program, it must be seen there, and nowhere else that the program can read.
    let mut inside = Bench::sandbox();
    inside
        .spec
        .env
        .insert("SECRET".into(), "canary-inside".into());
    let own = inside
        .sh("tr '\\0' '\\n' < /proc/self/environ; echo \"=$SECRET\"")
        .await;
    assert!(
        own.good().contains("=canary-inside"),
        "the control: {own:?}"
    );
    let others = inside
        .sh("for p in 1 2; do cat /proc/$p/environ /proc/$p/cmdline | tr '\\0' '\\n'; done; true")
        .await;
    assert!(
        others.stdout.contains("/.freehold/init"),
        "the control: command lines are read: {others:?}"
    );
    assert!(!others.stdout.contains("canary"), "{others:?}");
    let names = inside.sh("env | cut -d= -f1 | sort | tr '\\n' ' '").await;
    assert_eq!(
        names.good(),
        "HOME LC_ALL PATH PWD SECRET",
        "PWD is the shell's own"
    );
    let outer = std::env::vars_os().count();
    assert!(
        outer > 0,
        "the control: there is something that could be inherited"
    );
    let whole = inside.sh("cat /proc/1/environ | wc -c").await;
    assert_eq!(
        whole.good(),
        "0",
        "the first process was started with something"
    );
    inside
        .sh("cat /proc/2/environ")
        .await
        .refused("Permission denied");
    assert_eq!(
        Bench::plain().sh("env | grep -c CARGO; true").await.good(),
        "0"
    );
}

#[tokio::test]
async fn secrets_are_in_no_command_line_on_the_host() {
    for mut bench in [Bench::plain(), Bench::sandbox()] {
        let mark = format!(
            "canary-{}",
            bench.folder.path().file_name().unwrap().to_string_lossy()
        );
        bench.spec.env.insert("SECRET".into(), mark.clone().into());
        let mut child = bench.start("sleep 600").await;
        let holders = crate::kit::marked(&mark);
        let names: Vec<_> = holders
            .iter()
            .map(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default())
            .collect();
        assert!(
            !holders.is_empty(),
            "the control: the program itself holds it"
        );
        assert!(
            names
                .iter()
                .all(|name| matches!(name.trim(), "sh" | "sleep" | "")),
            "{names:?}"
        );
        child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn no_descriptor_is_inherited() {
    // One that is not close-on-exec, as a careless library would leave it.
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::fs::File::create(folder.path().join("leaked-canary")).unwrap();
    file.write_all(b"canary").unwrap();
    let leaky = nix::unistd::dup(&file).unwrap();
    let flags = nix::fcntl::fcntl(&leaky, nix::fcntl::FcntlArg::F_GETFD).unwrap();
    assert_eq!(flags, 0, "the control: this one would be inherited");
    for bench in [Bench::plain(), Bench::sandbox()] {
        let open = bench
            .sh("readlink /proc/self/fd/* | grep -v -e pipe: -e /dev/null -e /proc/")
            .await;
        assert_eq!(open.stdout, "", "{:?}", bench.spec.tier);
        let count = run(&bench.command("ls", ["/proc/self/fd"])).await.unwrap();
        // Its own three and the folder that it lists.
        assert_eq!(
            count.good().split_whitespace().collect::<Vec<_>>(),
            ["0", "1", "2", "3"]
        );
    }
    // What stands around the program, which nobody inside may look into, has none of it either.
    for bench in [Bench::plain(), Bench::sandbox()] {
        let mut child = bench.start("sleep 600").await;
        // Only root may look into a helper.
        for entry in std::fs::read_dir(format!("/proc/{}/fd", child.pid()))
            .into_iter()
            .flatten()
        {
            let target = std::fs::read_link(entry.unwrap().path()).unwrap_or_default();
            assert!(
                !target.to_string_lossy().contains("canary"),
                "{}",
                target.display()
            );
        }
        child.kill().await.unwrap();
    }
}

#[tokio::test]
async fn privileges_are_gone_and_stay_gone() {
    let inside = Bench::sandbox();
    let status = inside
        .sh("grep -E '^(Uid|Cap[A-Z][a-z]+|NoNewPrivs|Seccomp):' /proc/self/status")
        .await;
    let fact = |name: &str| {
        let line = status
            .good()
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned();
        line.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(fact("Uid:"), "1000 1000 1000 1000");
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(fact(set), "0000000000000000", "{set}");
    }
    assert_eq!(
        (fact("NoNewPrivs:").as_str(), fact("Seccomp:").as_str()),
        ("1", "2")
    );
    assert_eq!(
        inside.sh("id -un; hostname; ulimit -c").await.good(),
        "freehold\nfreehold\n0"
    );
    inside.sh("unshare -Ur true").await.refused("unshare");
    inside
        .sh("unshare -n true")
        .await
        .refused("Operation not permitted");
    inside.sh("mount -t tmpfs none /tmp").await.refused("mount");
    // The device files are the minimal ones.
    let nodes = inside.sh("ls /dev").await;
    for node in nodes.good().split_whitespace() {
        let minimal = [
            "console", "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr",
            "stdin", "stdout", "tty", "urandom", "zero",
        ];
        assert!(minimal.contains(&node), "/dev/{node}");
    }
}

/// `syscall(2)` with these arguments; its error is the exit code, 0 when there is none.
fn call(number: i64, arguments: &str) -> String {
    format!(
        "python3 -c \"import ctypes, sys; c = ctypes.CDLL(None, use_errno=True); \
         sys.exit(ctypes.get_errno() if c.syscall({number}, {arguments}) == -1 else 0)\""
    )
}

#[tokio::test]
async fn dangerous_system_calls_are_refused() {
    use nix::libc;
    let (plain, inside) = (Bench::plain(), Bench::sandbox());
    let refused = libc::EPERM;
    // Arguments that are wrong in themselves: outside the kernel looks at them, inside it does not
    // get that far.
    let calls = [
        (libc::SYS_bpf, "-1, 0, 0", libc::EINVAL),
        (libc::SYS_io_uring_setup, "0, 0", libc::EFAULT),
        (libc::SYS_keyctl, "-1, 0, 0, 0, 0", libc::EOPNOTSUPP),
        (libc::SYS_userfaultfd, "-1", libc::EINVAL),
        (
            libc::SYS_process_vm_readv,
            "-1, 0, 0, 0, 0, -1",
            libc::EINVAL,
        ),
        (libc::SYS_ptrace, "16, -1, 0, 0", libc::ESRCH),
        (libc::SYS_ioctl, "0, 0x5412, 0", libc::ENOTTY),
        // The high half of a request is nothing to the kernel, and must be nothing to the filter.
        (
            libc::SYS_ioctl,
            "0, ctypes.c_ulong(0x100005412), 0",
            libc::ENOTTY,
        ),
    ];
    for (number, arguments, outside) in calls {
        let line = call(number, arguments);
        let code = plain.sh(&line).await.code();
        // A kernel without the call, or one that is itself confined, cannot be the control.
        if ![outside, libc::ENOSYS, libc::EPERM].contains(&code) {
            panic!("call {number} outside: {code}, not {outside}");
        }
        assert_eq!(
            inside.sh(&line).await.code(),
            refused,
            "call {number} ({arguments})"
        );
    }
    inside.sh(&call(libc::SYS_getpid, "0")).await.good();
}

#[tokio::test]
async fn the_helper_cannot_be_looked_into_from_inside() {
    let inside = Bench::sandbox();
    for file in ["mem", "maps", "fd/3", "environ"] {
        inside
            .sh(&format!("head -c1 /proc/2/{file} < /dev/null"))
            .await
            .refused("Permission denied");
    }
    // The control: a process of the same user that does not protect itself.
    inside
        .sh("sleep 60 & head -c1 /proc/$!/maps >/dev/null && cat /proc/$!/environ >/dev/null")
        .await
        .good();
    // Ending the helper would end the run, and be told as a kill, not as a success.
    let spec = Spec {
        stdin: Stdin::Piped,
        ..inside.line("read word; kill -9 2 || exit 3; sleep 600")
    };
    let mut child = start(&spec).await.unwrap();
    let signals_are_held = child
        .in_force()
        .landlock
        .is_some_and(|version| version >= 6);
    tokio::io::AsyncWriteExt::write_all(&mut child.stdin.take().unwrap(), b"go\n")
        .await
        .unwrap();
    let done = finish(child).await.unwrap();
    if signals_are_held {
        assert_eq!(done.exit.code, Some(3));
        done.refused("Operation not permitted");
    } else {
        assert_eq!((done.exit.code, done.exit.signal), (None, Some(9)));
    }
}

/// The version of Landlock that holds a start of this bench.
async fn landlock(inside: &Bench) -> Option<u32> {
    let mut child = inside.start("true").await;
    child.wait().await.unwrap();
    child.in_force().landlock
}

#[tokio::test]
async fn tmp_is_its_own_and_bounded() {
    let mut inside = Bench::sandbox();
    let name = format!("freehold-{}", std::process::id());
    inside.sh(&format!("touch /tmp/{name}")).await.good();
    assert!(!std::path::Path::new("/tmp").join(&name).exists());
    inside.spec.limits.tmp_bytes = Some(1 << 20);
    inside.spec.mounts.push(Mount::Tmpfs {
        target: "/small".into(),
        size_bytes: 1 << 20,
    });
    for place in ["/tmp", "/dev/shm", "/small"] {
        inside
            .sh(&format!("head -c 500000 /dev/zero > {place}/x"))
            .await
            .good();
        inside
            .sh(&format!("head -c 2000000 /dev/zero > {place}/x"))
            .await
            .refused("No space left");
    }
}

#[tokio::test]
async fn later_mounts_lie_over_earlier_ones() {
    let mut inside = Bench::sandbox();
    let file = |text: &str| Mount::File {
        contents: text.into(),
        target: "/data/file".into(),
    };
    inside.spec.mounts.extend([file("first"), file("second")]);
    let link = Mount::Symlink {
        points_to: "/data/file".into(),
        target: "/link".into(),
    };
    inside.spec.mounts.push(link);
    assert_eq!(inside.sh("cat /link").await.good(), "second");
    let git = inside.workspace().join(".git");
    std::fs::create_dir(&git).unwrap();
    inside.spec.mounts.push(Mount::ReadOnly {
        source: git,
        target: "/workspace/.git".into(),
    });
    inside.sh("touch /workspace/x").await.good();
    inside
        .sh("touch /workspace/.git/x")
        .await
        .refused("Read-only file system");
    inside
        .sh("mv /workspace/.git /workspace/git")
        .await
        .refused("busy");
}
