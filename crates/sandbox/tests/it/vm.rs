//! The tier `vm`, by real machines. A boot takes seconds here, so each one answers many questions.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use freehold_sandbox::vm::probe_vm;
use freehold_sandbox::{Child, Image, Limits, Mount, Port, SandboxError, Spec, Stdin, Tier, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::kit::{self, Bench, Done};

/// Where the kernel is that `scripts/install test` unpacks; `None`, said loudly, when there is none.
/// In CI (`CI=true`) that is a failure.
#[expect(
    clippy::print_stderr,
    reason = "a proof that was not tried must be seen"
)]
pub(crate) fn kernel() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/vm-kernel");
    let own = own.canonicalize().unwrap_or(own);
    let folder = std::env::var_os("FREEHOLD_TEST_KERNEL").map_or(own, PathBuf::from);
    if folder.join("boot").is_dir() && Path::new("/usr/bin/qemu-system-x86_64").exists() {
        return Some(folder);
    }
    let told = format!(
        "NOT TRIED: no QEMU, or no kernel in {}; run scripts/install test",
        folder.display()
    );
    assert!(std::env::var_os("CI").is_none(), "{told}");
    eprintln!("{told}");
    None
}

/// The hypervisors of this machine that have so much memory: a test's own, by a size of its own.
pub(crate) fn machines(memory_bytes: u64) -> Vec<i32> {
    kit::marked(&format!("\0-m\0{}K\0", memory_bytes / 1024))
}

/// What a guest's kernel takes beside the limit of its processes.
const KERNEL_BYTES: u64 = 128 << 20;

pub(crate) fn bench(kernel: PathBuf, memory_bytes: u64) -> Bench {
    let mut bench = Bench::new(Tier::Sandbox);
    bench.spec = Spec {
        tier: Tier::Vm,
        image: Some(Image::Directory(kernel)),
        limits: Limits {
            total_memory_bytes: Some(memory_bytes),
            total_tasks: Some(40),
            open_files: Some(77),
            tmp_bytes: Some(1 << 20),
            ..Limits::default()
        },
        ..bench.spec
    };
    bench
}

/// Each line says what it found; the lines are compared as a whole.
const LINES: &str = r#"
echo "kernel $(uname -r | cut -d. -f1-2)"
echo "user $(id -u):$(id -g), no new privileges $(awk '/NoNewPrivs/ { print $2 }' /proc/self/status)"
echo "variable $SECRET, here $(pwd), said $(cat)"
echo "read-only $(cat /shown/file), $( { echo x > /shown/file; } 2>/dev/null || echo not written)"
echo "system $( { echo x > /usr/x; } 2>/dev/null || echo not written)"
echo "link $(readlink /link), memory $(stat -f -c %T /memory)"
echo "before $(cat old)"; echo there > new; rm old; mkdir -p a/b; ln -s new a/b/link; chmod 750 new
echo "tmp $(dd if=/dev/zero of=/tmp/x bs=1M count=2 2>&1 | grep -o 'No space left')"
echo "network $(ls /sys/class/net)"
echo "files $(ulimit -n), secrets $(ls -d /root /home /var /etc/shadow 2>/dev/null)"
echo "port $(exec 3<>/dev/tcp/127.0.0.1/8080; printf ping >&3; cat <&3)"
echo "host $( (exec 3<>/dev/tcp/10.0.2.2/22) 2>&1 | grep -o 'Network is unreachable' | head -n 1)"
echo wrong >&2
(sleep 1000; echo never) & disown
echo "tasks $(cat /sys/fs/cgroup/run/pids.max), more $(sh -c 'for i in $(seq 60); do sleep 100 >/dev/null 2>&1 & done' 2>&1 | grep -o 'Cannot fork')"
exit 7
"#;

const SAID: &str = "\
kernel 6.1
user 1000:1000, no new privileges 1
variable 42, here /workspace, said typed
read-only shown, not written
system not written
link nowhere, memory tmpfs
before old
tmp No space left
network lo
files 77, secrets 
port pong ping
host Network is unreachable
tasks 40, more Cannot fork
";

/// A translated guest takes its time; what it has said by then is told if it takes too long.
async fn listen(mut child: Child) -> Done {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let all = async {
        let (out, err, exit) = tokio::join!(
            async {
                let mut part = vec![0; 4096];
                while let Ok(read @ 1..) = out.read(&mut part).await {
                    stdout += &String::from_utf8_lossy(&part[..read]);
                }
            },
            err.read_to_string(&mut stderr),
            child.wait()
        );
        let () = out;
        err.unwrap();
        exit.unwrap()
    };
    let exit = tokio::time::timeout(3 * kit::PATIENCE, all).await;
    let exit = exit.ok();
    assert!(
        exit.is_some(),
        "the program said {stdout}{stderr}, and no more"
    );
    let exit = exit.unwrap();
    Done {
        exit,
        stdout,
        stderr,
    }
}

#[tokio::test]
async fn a_program_in_a_machine_has_the_mounts_streams_ports_and_limits_of_every_tier() {
    let Some(kernel) = kernel() else { return };
    has_what_every_tier_has(bench(kernel, (224 << 20) + 4096), "QEMU ").await;
}

/// One machine of a hypervisor whose name begins as `named`.
#[expect(
    clippy::print_stderr,
    reason = "the times of a failed test are asked for first"
)]
pub(crate) async fn has_what_every_tier_has(mut bench: Bench, named: &str) {
    let memory = bench.spec.limits.total_memory_bytes.unwrap();
    let outside = bench.folder.path();
    std::fs::write(outside.join("shown"), "shown").unwrap();
    std::fs::write(bench.workspace().join("old"), "old").unwrap();
    let socket = outside.join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut said = [0; 4];
        stream.read_exact(&mut said).unwrap();
        write!(stream, "pong {}", String::from_utf8_lossy(&said)).unwrap();
    });
    bench.spec.ports = vec![Port { port: 8080, socket }];
    bench.spec.mounts.extend([
        Mount::ReadOnly {
            source: outside.join("shown"),
            target: "/shown/file".into(),
        },
        Mount::Symlink {
            points_to: "nowhere".into(),
            target: "/link".into(),
        },
        Mount::Tmpfs {
            target: "/memory".into(),
            size_bytes: 1 << 20,
        },
    ]);
    bench.spec.env.insert("SECRET".into(), "42".into());
    bench.spec.stdin = Stdin::Piped;
    let begun = std::time::Instant::now();
    let mut child = start(&bench.command("bash", ["-c", LINES])).await.unwrap();
    eprintln!("the program runs after {:?}", begun.elapsed());
    assert_eq!(machines(memory + KERNEL_BYTES).len(), 1, "one hypervisor");
    let launcher = child.in_force().launcher.clone().unwrap();
    assert!(
        launcher.starts_with(named) && launcher.contains(" in bubblewrap "),
        "{launcher}"
    );
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"typed").await.unwrap();
    drop(stdin);
    let done = listen(child).await;
    eprintln!("and has ended after {:?}", begun.elapsed());
    assert_eq!(done.stdout, SAID, "{}", done.stderr);
    assert!(done.stderr.contains("wrong\n"), "{}", done.stderr);
    assert_eq!(done.code(), 7);
    let workspace = bench.workspace();
    assert_eq!(
        std::fs::read_to_string(workspace.join("new")).unwrap(),
        "there\n"
    );
    assert!(!workspace.join("old").exists());
    assert_eq!(
        std::fs::read_link(workspace.join("a/b/link")).unwrap(),
        Path::new("new")
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(workspace.join("new"))
            .unwrap()
            .permissions(),
    );
    assert_eq!(mode & 0o777, 0o750);
    assert_eq!(
        machines(memory + KERNEL_BYTES),
        Vec::<i32>::new(),
        "a hypervisor is left"
    );
}

#[tokio::test]
async fn the_probe_proves_a_machine() {
    let Some(kernel) = kernel() else { return };
    let proof = probe_vm(&kit::init(), Some(kernel), None).await.unwrap();
    assert!(proof.held_by.starts_with("QEMU "), "{proof:?}");
    // Whether KVM helps is seen, not read: either a machine came up with it, or one came up without
    // and the reason is told.
    match &proof.why {
        None => assert!(proof.held_by.contains("(kvm)"), "{proof:?}"),
        Some(why) => {
            assert!(proof.held_by.contains("(tcg)"), "{proof:?}");
            let reasons = ["cannot be used", "did not come up"];
            assert!(reasons.iter().any(|reason| why.contains(reason)), "{why}");
            // A wall of our own would stand before every machine's.
            assert!(!why.contains("mount target"), "{why}");
        }
    }
}

#[tokio::test]
async fn without_a_kernel_nothing_starts_and_the_error_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path().into(), 300 << 20);
    let refused = start(&bench.line("true")).await.unwrap_err();
    assert!(matches!(refused, SandboxError::Kernel { .. }), "{refused}");
    assert!(
        refused.to_string().contains("linux-image-amd64"),
        "{refused}"
    );
}
