//! Who else may be in the data directory.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use freehold_postgres::{Options, PostgresError, Search, find_binaries, start};
use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;

use crate::support::{Place, alive, query, root, signal, until, user};

#[tokio::test]
async fn a_second_start_hears_who_holds_the_data_and_disturbs_no_one() {
    let place = Place::new();
    let postgres = place.start().await;
    let error = start(place.options(), CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, PostgresError::InUse { .. }));
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    assert_eq!(query(&postgres, "freehold_app", "SELECT 1").unwrap(), "1");
    postgres.stop().await;
    place.start().await.stop().await;
}

#[tokio::test]
async fn a_server_that_a_person_started_is_left_to_them() {
    let place = Place::new();
    place.start().await.stop().await;
    let postgres = find_binaries(&Search {
        path: Options::new("x").search_path,
        ..Search::default()
    })
    .unwrap()
    .dir
    .join("postgres");
    let mut command = std::process::Command::new(postgres);
    let data = place.data.to_str().unwrap();
    command.args([
        "-D",
        data,
        "-c",
        "listen_addresses=",
        "-c",
        &format!("unix_socket_directories={data}/socket"),
    ]);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    if root() {
        // They work where they can reach it.
        for dir in [place.dir.path(), place.data.parent().unwrap()] {
            fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
        }
        let server = user("postgres");
        command.uid(server.uid.as_raw()).gid(server.gid.as_raw());
    }
    let mut theirs = command.spawn().unwrap();
    until("their server runs", || {
        fs::read_to_string(place.data.join("postmaster.pid")).is_ok_and(|t| t.contains("ready"))
    });

    let error = start(place.options(), CancellationToken::new())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Freehold did not start") && error.contains(&theirs.id().to_string()),
        "{error}"
    );
    assert!(alive(theirs.id()));
    signal(theirs.id(), Signal::SIGINT);
    theirs.wait().unwrap();
    place.start().await.stop().await;
}

#[tokio::test]
async fn a_directory_with_other_things_is_refused_and_kept() {
    let place = Place::new();
    fs::create_dir_all(&place.data).unwrap();
    fs::write(place.data.join("thesis.txt"), "mine").unwrap();
    let error = start(place.options(), CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, PostgresError::NotData { .. }), "{error}");
    assert_eq!(
        fs::read_to_string(place.data.join("thesis.txt")).unwrap(),
        "mine"
    );
}
