//! Starts the PostgreSQL that all test processes of one run share, and stays behind until that
//! run is over. The test runner's set-up script calls it.
#![expect(clippy::expect_used, reason = "without it no test can run")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use freehold_testkit::database::{Addresses, SHARED, start};
use nix::sys::signal::kill;
use nix::unistd::{Pid, getppid, setsid};

fn main() {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next(), args.next()) {
        (None, ..) => begin(),
        (Some("stay"), Some(directory), Some(runner)) => {
            stay(Path::new(&directory), runner.parse().expect("a pid"));
        }
        _ => std::process::exit(2),
    }
}

#[expect(clippy::zombie_processes, reason = "it outlives us on purpose")]
/// Starts the one that stays, waits until it is ready, and tells the test runner where it is.
fn begin() {
    let environment = std::env::var_os("NEXTEST_ENV").expect("called by the test runner");
    let directory = tempfile::Builder::new()
        .prefix("fh-pg")
        .tempdir()
        .expect("a directory")
        .keep();
    let mut staying = Command::new(std::env::current_exe().expect("our own path"));
    staying
        .arg("stay")
        .arg(&directory)
        .arg(getppid().to_string());
    staying
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut staying = staying.spawn().expect("a process that stays");
    let file = file(&directory);
    while !file.exists() {
        let ended = staying.try_wait().expect("its state");
        assert!(
            ended.is_none(),
            "PostgreSQL for tests did not start: {ended:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut out = std::fs::OpenOptions::new()
        .append(true)
        .open(environment)
        .expect("the file");
    writeln!(out, "{SHARED}={}", file.display()).expect("a line");
}

fn file(directory: &Path) -> PathBuf {
    directory.join("addresses.json")
}

/// Serves until the test runner is gone, then leaves nothing behind.
fn stay(directory: &Path, runner: i32) {
    // The terminal's Ctrl-C is for the tests; we look at the runner itself.
    let _leader = setsid();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let server = start(directory).await;
        let addresses = Addresses {
            owner: server.owner_url(),
            app: server.app_url(),
        };
        let text = serde_json::to_vec(&addresses).expect("JSON");
        let half = directory.join("addresses.half");
        std::fs::write(&half, text).expect("a file");
        std::fs::rename(half, file(directory)).expect("a name");
        while kill(Pid::from_raw(runner), None).is_ok() {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        server.stop().await;
    });
    // Nothing in there is worth keeping.
    let _gone = std::fs::remove_dir_all(directory);
}
