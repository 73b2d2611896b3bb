//! Jobs in machines: provision, execute, teardown; nothing is left, whatever happens.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use freehold_sandbox::SandboxError;
use freehold_sandbox::vm::{Done, Event, Job, run};

use crate::kit;
use crate::vm::{kernel, machines};

/// Tells a copy of this program that it is to start a job, and where.
const AGAIN: &str = "FREEHOLD_TEST_VM_JOB";
/// The memory of a job tells its machine from those of other tests.
const OWN_MEMORY: u64 = (256 << 20) + (64 << 10);

pub(crate) fn job(folder: &Path, line: &str) -> Option<Job> {
    let to = folder.join("to");
    std::fs::create_dir_all(&to).unwrap();
    Some(Job {
        kernel: Some(kernel()?),
        initramfs: None,
        command: ["sh", "-c", line].map(OsString::from).into(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        output_folder: to,
        output_bytes: 1 << 20,
        cpus: 1,
        memory_bytes: 256 << 20,
        disk_bytes: 32 << 20,
        time: Duration::from_secs(20),
        hypervisor: None,
        state: folder.join("state"),
        init: kit::init(),
    })
}

/// Runs it, and checks at each step what of the machine is there.
#[expect(
    clippy::print_stderr,
    reason = "the times of a failed test are asked for first"
)]
pub(crate) async fn follow(job: &Job) -> (Result<Done, SandboxError>, Vec<Event>, String) {
    let (mut events, mut said) = (Vec::new(), Vec::new());
    let done = run(job, |at, event| {
        match &event {
            Event::Out(bytes) => return said.extend(bytes),
            Event::Provisioned => assert_eq!(left(job), 1, "a disk has a name until it is open"),
            Event::Started { .. } => {
                assert_eq!(left(job), 0, "a running machine has no file with a name");
                assert_eq!(machines(job.memory_bytes).len(), 1);
            }
            Event::TornDown => assert_eq!(machines(job.memory_bytes), Vec::<i32>::new()),
            _ => {}
        }
        eprintln!("{:6.2} s  {event:?}", at.as_secs_f64());
        events.push(event);
    })
    .await;
    assert_eq!(machines(job.memory_bytes), Vec::<i32>::new());
    assert_eq!(left(job), 0);
    let taps = std::fs::read_dir("/sys/class/net").unwrap().flatten();
    let is_tap = |entry: &std::fs::DirEntry| entry.path().join("tun_flags").exists();
    assert_eq!(taps.filter(is_tap).count(), 0, "a tap device is left");
    (done, events, String::from_utf8_lossy(&said).into_owned())
}

/// Folders with a disk that lie in the job's state.
fn left(job: &Job) -> usize {
    std::fs::read_dir(&job.state).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_job_takes_an_input_and_gives_an_output_within_its_caps() {
    takes_and_gives(None, 256 << 20).await;
}

/// One machine of QEMU, or of the hypervisor that is named.
pub(crate) async fn takes_and_gives(hypervisor: Option<PathBuf>, memory_bytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let line = "tr a-z A-Z < /inputs/words > shout && mkdir -p deep/er && cp shout deep/er/copy && \
                { dd if=/dev/zero of=big bs=1M count=64 2>&1 | grep -o 'No space left'; rm big; }; \
                ls /sys/class/net; grep -c . /proc/meminfo >/dev/null; \
                awk '/MemTotal/ { print ($2 < 256 * 1024) }' /proc/meminfo; \
                { echo x >> /inputs/words; } 2>/dev/null || echo read-only; exit 5";
    let Some(mut job) = job(folder.path(), line) else {
        return;
    };
    let input = folder.path().join("words");
    std::fs::write(&input, "the quick brown fox").unwrap();
    job.inputs = vec![input];
    job.hypervisor = hypervisor;
    job.memory_bytes = memory_bytes;
    job.outputs = ["shout", "deep", "never"].map(str::to_owned).into();
    let (done, events, said) = follow(&job).await;
    let done = done.unwrap();
    assert_eq!(said, "No space left\nlo\n1\nread-only\n");
    assert_eq!(done.exit.and_then(|exit| exit.code), Some(5), "{done:?}");
    assert_eq!(done.missing, ["never"]);
    let by_hand = sha256sum(&job.output_folder.join("shout"));
    let files: Vec<_> = done
        .outputs
        .iter()
        .map(|file| (file.name.as_str(), &file.sha256))
        .collect();
    assert_eq!(files, [("shout", &by_hand), ("deep/er/copy", &by_hand)]);
    let shout = std::fs::read(job.output_folder.join("shout")).unwrap();
    assert_eq!(shout, b"THE QUICK BROWN FOX");
    let steps: Vec<&str> = events.iter().map(step).collect();
    assert_eq!(
        steps,
        [
            "provisioned",
            "started",
            "ended",
            "output",
            "output",
            "torn down"
        ]
    );
}

fn step(event: &Event) -> &'static str {
    match event {
        Event::Provisioned => "provisioned",
        Event::Started { .. } => "started",
        Event::Out(_) | Event::Err(_) => "said",
        Event::Ended => "ended",
        Event::Output(_) => "output",
        Event::TornDown => "torn down",
    }
}

fn sha256sum(file: &Path) -> String {
    let said = Command::new("sha256sum")
        .arg(file)
        .env_clear()
        .env("PATH", "/usr/bin")
        .output();
    let said = String::from_utf8(said.unwrap().stdout).unwrap();
    said.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_job_that_loops_is_ended_at_its_cap() {
    let folder = tempfile::tempdir().unwrap();
    let line = "trap '' TERM; echo begun > out; while :; do :; done";
    let Some(mut job) = job(folder.path(), line) else {
        return;
    };
    job.memory_bytes += 1 << 20;
    job.time = Duration::from_secs(2);
    job.outputs = vec!["out".into()];
    let (done, events, _) = follow(&job).await;
    let done = done.unwrap();
    assert_eq!((done.exit, done.outputs.len()), (None, 0));
    let steps: Vec<&str> = events.iter().map(step).collect();
    assert_eq!(steps, ["provisioned", "started", "ended", "torn down"]);
}

#[tokio::test]
async fn a_root_of_the_operators_own() {
    has_a_root_of_its_own(None, 258 << 20).await;
}

/// The same of QEMU's machines and of others.
pub(crate) async fn has_a_root_of_its_own(hypervisor: Option<PathBuf>, memory_bytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut job) = job(folder.path(), "") else {
        return;
    };
    job.hypervisor = hypervisor;
    job.memory_bytes = memory_bytes;
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    std::fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    std::fs::write(root.join("own"), "own\n").unwrap();
    let packed = Command::new("/bin/busybox")
        .args([
            "sh",
            "-c",
            "busybox find . | busybox cpio -o -H newc | busybox gzip > ../root.gz",
        ])
        .current_dir(&root)
        .env_clear()
        .env("PATH", "/bin")
        .stderr(Stdio::null())
        .status();
    assert!(packed.unwrap().success());
    let input = folder.path().join("input");
    std::fs::create_dir(&input).unwrap();
    std::fs::write(input.join("file"), "given\n").unwrap();
    job.initramfs = Some(folder.path().join("root.gz"));
    job.inputs = vec![input];
    job.outputs = vec!["out".into()];
    let line = "cat /own /inputs/input/file; ls -d /usr /etc 2>/dev/null; id -u; echo made > out";
    job.command = ["/bin/busybox", "sh", "-c"].map(OsString::from).into();
    let with_busybox = line
        .replace("cat ", "busybox cat ")
        .replace("ls ", "busybox ls ")
        .replace("id ", "busybox id ");
    job.command
        .push(format!("PATH=/bin; {with_busybox}").into());
    let (done, _, said) = follow(&job).await;
    let done = done.unwrap();
    assert_eq!(said, "own\ngiven\n1000\n", "{}", done.console);
    assert_eq!(done.outputs.len(), 1);
}

/// Not a test of its own: what [`nothing_outlives_its_owner`] starts and kills.
#[tokio::test]
async fn a_job_to_be_killed() {
    let Some(folder) = std::env::var_os(AGAIN) else {
        return;
    };
    let mut job = job(Path::new(&folder), "while :; do :; done").unwrap();
    job.memory_bytes = OWN_MEMORY;
    let _ = run(&job, |_, event| println!("{event:?}")).await;
}

#[tokio::test]
async fn nothing_outlives_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut job) = job(folder.path(), "true") else {
        return;
    };
    job.memory_bytes = OWN_MEMORY;
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "vm_job::a_job_to_be_killed", "--nocapture"])
        .env(AGAIN, folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let mut provisioned = lines
        .map_while(Result::ok)
        .filter(|line| line.contains("Provisioned"));
    assert!(provisioned.next().is_some(), "the job did not come so far");
    kit::eventually("a machine", || !machines(OWN_MEMORY).is_empty());
    owner.kill().unwrap();
    owner.wait().unwrap();
    kit::eventually("the machine ends with its owner", || {
        machines(OWN_MEMORY).is_empty()
    });
    assert_eq!(
        left(&job),
        1,
        "the owner was killed before the disk lost its name"
    );
    // The next one clears up, before it does anything that could fail.
    job.disk_bytes = 8 << 20;
    job.command = vec!["/nothing".into()];
    job.kernel = Some(folder.path().join("none"));
    std::fs::write(folder.path().join("none"), "no kernel").unwrap();
    job.time = Duration::from_secs(1);
    let _ = run(&job, |_, _| {}).await;
    assert_eq!(left(&job), 0, "the disk of a dead owner is left");
}
