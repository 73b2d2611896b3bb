//! `kill -9` of the server, of its supervisor, of both; and what a crash leaves on the disk.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use freehold_postgres::{Options, start};
use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;

use crate::support::{Place, again, alive, given, query, signal, until};

#[tokio::test]
async fn a_killed_server_is_noticed_and_starts_again_with_what_it_had() {
    let place = Place::new();
    let options = Options {
        durable: true,
        ..place.options()
    };
    let mut postgres = start(options.clone(), CancellationToken::new())
        .await
        .unwrap();
    query(
        &postgres,
        "freehold_owner",
        "CREATE TABLE note AS SELECT 'kept' AS word",
    )
    .unwrap();
    signal(postgres.pid(), Signal::SIGKILL);
    assert_eq!(postgres.wait().await.signal, Some(9));
    drop(postgres);

    let postgres = start(options, CancellationToken::new()).await.unwrap();
    assert_eq!(
        query(&postgres, "freehold_owner", "SELECT word FROM note").unwrap(),
        "kept"
    );
    postgres.stop().await;
}

#[tokio::test]
async fn a_stale_pid_file_with_someone_elses_pid_is_no_obstacle_and_they_live() {
    let place = Place::new();
    place.start().await.stop().await;
    let mut bystander = std::process::Command::new("/bin/sleep")
        .arg("600")
        .env_clear()
        .spawn()
        .unwrap();
    let pid = bystander.id();
    for foreign in [
        pid.to_string(),
        "1".into(),
        std::process::id().to_string(),
        "garbage".into(),
        "999999".into(),
    ] {
        fs::write(
            place.data.join("postmaster.pid"),
            format!("{foreign}\n/proc/self/fd/9\n1\n5432\nsocket\n\n  1 1\nready\n"),
        )
        .unwrap();
        fs::write(
            place.data.join("socket/.s.PGSQL.5432.lock"),
            format!("{foreign}\n"),
        )
        .unwrap();
        let postgres = place.start().await;
        assert_eq!(query(&postgres, "freehold_app", "SELECT 1").unwrap(), "1");
        postgres.stop().await;
    }
    assert!(alive(pid));
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[tokio::test]
async fn a_record_of_an_earlier_boot_names_no_one() {
    let place = Place::new();
    place.start().await.stop().await;
    let mut bystander = std::process::Command::new("/bin/sleep")
        .arg("600")
        .env_clear()
        .spawn()
        .unwrap();
    fs::write(
        place.data.with_extension("lock"),
        format!("1 {} 5 another-boot\n", bystander.id()),
    )
    .unwrap();
    place.start().await.stop().await;
    assert!(alive(bystander.id()));
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

/// Kills the supervisor alone: the kernel tells the server, and a new start finds its way in any case.
#[tokio::test]
async fn a_killed_supervisor_takes_its_server_along() {
    let place = Place::new();
    let (mut supervisor, server) = supervised(&place);
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    until("the server ends with its supervisor", || !alive(server));

    let postgres = place.start().await;
    assert_eq!(
        query(&postgres, "freehold_owner", "SELECT word FROM note").unwrap(),
        "kept"
    );
    postgres.stop().await;
}

/// The server is stopped (not ended) when its supervisor dies, so that it is still there at the next start.
#[tokio::test]
async fn a_server_that_outlived_its_supervisor_is_stopped_first() {
    let place = Place::new();
    let (mut supervisor, server) = supervised(&place);
    signal(server, Signal::SIGSTOP);
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    assert!(alive(server));
    let waker = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        signal(server, Signal::SIGCONT);
    });

    let postgres = place.start().await;
    waker.join().unwrap();
    assert!(!alive(server) && postgres.pid() != server);
    assert_eq!(
        query(&postgres, "freehold_owner", "SELECT word FROM note").unwrap(),
        "kept"
    );
    postgres.stop().await;
}

#[tokio::test]
async fn a_kill_in_the_middle_of_the_first_start_costs_nothing() {
    let place = Place::new();
    for step in [
        "postgres.new",
        "postgres.new/global",
        "postgres.new/postgresql.conf",
        "postgres.new/base/5",
    ] {
        let mut supervisor = again("crash::supervise", place.dir.path(), None)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until(step, || {
            place.data.with_file_name(step).exists() || place.data.exists()
        });
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        if place.data.exists() {
            break; // It was faster than this test, which is fine too.
        }
    }
    let postgres = place.start().await;
    assert_eq!(query(&postgres, "freehold_app", "SELECT 1").unwrap(), "1");
    assert!(!place.data.with_file_name("postgres.new").exists());
    postgres.stop().await;
}

#[tokio::test]
async fn dropping_the_handle_stops_the_server() {
    let place = Place::new();
    let postgres = place.start().await;
    let pid = postgres.pid();
    drop(postgres);
    until("the server ends", || !alive(pid));
    place.start().await.stop().await;
}

/// A supervisor in a process of its own, and the process id of its server.
fn supervised(place: &Place) -> (std::process::Child, u32) {
    let mut supervisor = again("crash::supervise", place.dir.path(), None)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(supervisor.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let line = lines
        .find_map(|l| l.split_once("server=").map(|(_, pid)| pid.to_owned()))
        .unwrap();
    (supervisor, line.trim().parse().unwrap())
}

#[tokio::test]
#[ignore = "started by the tests above, which kill it"]
async fn supervise() {
    let options = Options {
        durable: false,
        ..Options::new(given())
    };
    let mut postgres = start(options, CancellationToken::new()).await.unwrap();
    query(
        &postgres,
        "freehold_owner",
        "CREATE TABLE note AS SELECT 'kept' AS word",
    )
    .unwrap();
    println!("server={}", postgres.pid());
    postgres.wait().await;
}
