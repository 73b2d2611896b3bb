//! A real upgrade between two majors: relocatable binaries of an older one, which `scripts/install` unpacks, and the system's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use freehold_postgres::{Options, start};
use tokio_util::sync::CancellationToken;

use crate::support::{Place, query};

/// Where `scripts/install` puts them, from the repository's root.
const OLDER: &str = "target/postgres-14";

fn older() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let older = root.join(OLDER);
    assert!(
        older.join("bin/postgres").exists(),
        "{} is missing: run scripts/install",
        older.display()
    );
    older
}

#[tokio::test]
async fn data_of_an_older_major_are_upgraded_and_the_way_back_works() {
    let place = Place::new();
    // Beside the data, where an installation pins its own; a copy, for PostgreSQL's user must be able to read it.
    let pinned = place.dir.path().join("data/postgres-bin");
    fs::create_dir_all(&pinned).unwrap();
    assert!(
        Command::new("cp")
            .arg("-R")
            .arg(older())
            .arg(pinned.join("14"))
            .status()
            .unwrap()
            .success()
    );
    for dir in [place.dir.path(), &place.dir.path().join("data")] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o711)).unwrap();
    }
    let bin = pinned.join("14/bin");
    let with_old = Options {
        binaries: Some(bin.clone()),
        ..place.options()
    };
    let postgres = start(with_old.clone(), CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(postgres.binaries().major, 14);
    let table = "CREATE TABLE note (id bigserial PRIMARY KEY, word text); INSERT INTO note (word) SELECT 'n' || g FROM generate_series(1, 1000) g; \
                 ALTER TABLE note ENABLE ROW LEVEL SECURITY; ALTER TABLE note FORCE ROW LEVEL SECURITY; \
                 CREATE POLICY all_rows ON note USING (true); GRANT SELECT ON note TO freehold_app";
    query(&postgres, "freehold_owner", table).unwrap();
    postgres.stop().await;

    let postgres = place.start().await;
    let done = postgres.upgrade().unwrap().clone();
    assert!(done.from == 14 && done.to == postgres.binaries().major && done.to >= 15);
    let rows = "SELECT count(*), max(id), (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'note') FROM note";
    assert_eq!(
        query(&postgres, "freehold_app", rows).unwrap(),
        "1000|1000|freehold_owner"
    );
    assert!(
        query(&postgres, "freehold_app", "DELETE FROM note").is_err(),
        "grants came along, and no more than they were"
    );
    assert!(
        query(&postgres, "postgres", "SELECT 1").is_err(),
        "the superuser's door is closed again"
    );
    query(
        &postgres,
        "freehold_owner",
        "INSERT INTO note (word) VALUES ('after')",
    )
    .unwrap();
    postgres.stop().await;

    assert_eq!(done.backup, place.data.with_extension("14.bak"));
    assert!(!done.backup.join("upgrade_hba.conf").exists());
    let again = place.start().await;
    assert!(again.upgrade().is_none());
    again.stop().await;

    fs::rename(&place.data, place.data.with_extension("failed")).unwrap();
    fs::rename(&done.backup, &place.data).unwrap();
    let postgres = start(with_old, CancellationToken::new()).await.unwrap();
    assert_eq!(
        query(&postgres, "freehold_owner", "SELECT count(*) FROM note").unwrap(),
        "1000"
    );
    postgres.stop().await;
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_old_data_as_they_were() {
    let place = Place::new();
    let pinned = place.dir.path().join("data/postgres-bin");
    fs::create_dir_all(&pinned).unwrap();
    assert!(
        Command::new("cp")
            .arg("-R")
            .arg(older())
            .arg(pinned.join("14"))
            .status()
            .unwrap()
            .success()
    );
    for dir in [place.dir.path(), &place.dir.path().join("data")] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o711)).unwrap();
    }
    let with_old = Options {
        binaries: Some(pinned.join("14/bin")),
        ..place.options()
    };
    let postgres = start(with_old.clone(), CancellationToken::new())
        .await
        .unwrap();
    // Rows that break a check of today: a restore checks them again, and fails.
    let broken = "CREATE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'; CREATE TABLE note (word text CHECK (length(word) > f())); \
                  INSERT INTO note VALUES ('kept'); CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 100'";
    query(&postgres, "freehold_owner", broken).unwrap();
    postgres.stop().await;

    let error = start(place.options(), CancellationToken::new())
        .await
        .unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        error.to_string().contains("The old data are untouched"),
        "{error}"
    );
    assert!(
        source.contains("pg_restore") && source.contains("violates check constraint"),
        "{source}"
    );
    let postgres = start(with_old, CancellationToken::new()).await.unwrap();
    assert_eq!(
        query(&postgres, "freehold_owner", "SELECT word FROM note").unwrap(),
        "kept"
    );
    assert!(!place.data.with_extension("upgrade").exists());
    postgres.stop().await;
}
