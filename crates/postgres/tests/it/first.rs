//! What the first start makes, and what the next one finds.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant};

use freehold_postgres::{Options, PostgresError, start};
use nix::mount::{MsFlags, mount, umount};
use tokio_util::sync::CancellationToken;

use crate::support::{Place, again, alive, given, query, query_as, root, user};

#[tokio::test]
async fn roles_and_database_are_as_promised() {
    let place = Place::new();
    let postgres = place.start().await;

    let roles = "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication, rolcanlogin FROM pg_roles \
                 WHERE rolname LIKE 'freehold%' ORDER BY 1";
    assert_eq!(
        query(&postgres, "freehold_app", roles).unwrap(),
        "freehold_app|f|f|f|f|f|t\nfreehold_owner|f|f|f|f|f|t"
    );
    let database = "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = 'freehold'";
    assert_eq!(
        query(&postgres, "freehold_app", database).unwrap(),
        "freehold_owner|UTF8|C|C"
    );
    let owned = "SELECT count(*) FROM pg_shdepend WHERE refobjid = 'freehold_app'::regrole AND deptype = 'o'";
    assert_eq!(query(&postgres, "freehold_app", owned).unwrap(), "0");
    assert_eq!(
        query(&postgres, "freehold_app", "SHOW listen_addresses").unwrap(),
        ""
    );
    assert_eq!(
        query(&postgres, "freehold_app", "SHOW fsync").unwrap(),
        "off"
    );

    query(
        &postgres,
        "freehold_owner",
        "CREATE TABLE public.note (word text); INSERT INTO note VALUES ('kept')",
    )
    .unwrap();
    let denied = query(&postgres, "freehold_app", "SELECT * FROM note").unwrap_err();
    assert!(denied.contains("permission denied"), "{denied}");
    let denied = query(&postgres, "freehold_app", "CREATE TABLE public.mine ()").unwrap_err();
    assert!(denied.contains("permission denied"), "{denied}");
    assert!(
        query(&postgres, "freehold_owner", "CREATE DATABASE another")
            .unwrap_err()
            .contains("permission denied")
    );
    assert!(
        query(&postgres, "freehold_owner", "CREATE EXTENSION pg_trgm").is_ok(),
        "a trusted extension needs no superuser"
    );
    postgres.stop().await;
}

#[tokio::test]
async fn row_level_security_binds_the_app_role() {
    let place = Place::new();
    let postgres = place.start().await;
    let table = "CREATE TABLE card (tenant text, title text); ALTER TABLE card ENABLE ROW LEVEL SECURITY; ALTER TABLE card FORCE ROW LEVEL SECURITY; \
                 CREATE POLICY tenant ON card USING (tenant = current_setting('app.tenant', true)); GRANT SELECT, INSERT ON card TO freehold_app";
    query(&postgres, "freehold_owner", table).unwrap();
    query(
        &postgres,
        "freehold_app",
        "SET app.tenant = 'a'; INSERT INTO card VALUES ('a', 'one')",
    )
    .unwrap();
    assert_eq!(
        query(&postgres, "freehold_app", "SELECT count(*) FROM card").unwrap(),
        "0"
    );
    assert_eq!(
        query(
            &postgres,
            "freehold_app",
            "SET app.tenant = 'a'; SELECT title FROM card"
        )
        .unwrap(),
        "one"
    );
    postgres.stop().await;
}

#[tokio::test]
async fn only_our_user_and_only_as_the_two_roles() {
    let place = Place::new();
    let postgres = place.start().await;
    let refused = query(&postgres, "postgres", "SELECT 1").unwrap_err();
    assert!(refused.contains("no pg_hba.conf entry"), "{refused}");
    let elsewhere = query_as(None, &postgres, "freehold_app", "postgres", "SELECT 1").unwrap_err();
    assert!(elsewhere.contains("no pg_hba.conf entry"), "{elsewhere}");
    if root() {
        // A stranger does not even reach the socket; the server's own user does, and is refused by its name.
        let server = fs::metadata(&place.data).unwrap();
        let server = nix::unistd::User::from_uid(server.uid().into())
            .unwrap()
            .unwrap();
        fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(
            place.data.parent().unwrap(),
            fs::Permissions::from_mode(0o711),
        )
        .unwrap();
        let refused = query_as(
            Some(&user("daemon")),
            &postgres,
            "freehold_app",
            "freehold",
            "SELECT 1",
        )
        .unwrap_err();
        assert!(refused.contains("Permission denied"), "{refused}");
        for role in ["freehold_owner", "freehold_app"] {
            let refused =
                query_as(Some(&server), &postgres, role, "freehold", "SELECT 1").unwrap_err();
            assert!(refused.contains("Peer authentication failed"), "{refused}");
        }
    }
    postgres.stop().await;
}

#[tokio::test]
async fn data_survive_a_restart_and_the_server_ends_with_stop() {
    let place = Place::new();
    let postgres = place.start().await;
    query(
        &postgres,
        "freehold_owner",
        "CREATE TABLE note AS SELECT 'kept' AS word",
    )
    .unwrap();
    let pid = postgres.pid();
    let exit = postgres.stop().await;
    assert_eq!(exit.code, Some(0));
    assert!(!alive(pid) && !place.data.join("postmaster.pid").exists());

    let mut postgres = place.start().await;
    assert_eq!(
        query(&postgres, "freehold_owner", "SELECT word FROM note").unwrap(),
        "kept"
    );
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(50), postgres.wait())
            .await
            .is_err()
    );
    postgres.stop().await;
}

#[tokio::test]
async fn tests_may_create_databases_when_asked() {
    let place = Place::new();
    let options = Options {
        allow_createdb: true,
        ..place.options()
    };
    let postgres = start(options, CancellationToken::new()).await.unwrap();
    query(&postgres, "freehold_owner", "CREATE DATABASE another").unwrap();
    assert_eq!(
        query_as(None, &postgres, "freehold_app", "another", "SELECT 1").unwrap(),
        "1"
    );
    assert_eq!(
        query(
            &postgres,
            "freehold_app",
            "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'freehold_app'"
        )
        .unwrap(),
        "f"
    );
    postgres.stop().await;
}

#[tokio::test]
async fn a_data_path_too_long_for_a_socket_gets_a_short_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("d".repeat(120)).join("postgres");
    let options = Options {
        durable: false,
        ..Options::new(&data)
    };
    let postgres = start(options, CancellationToken::new()).await.unwrap();
    let socket = postgres.socket_dir().to_owned();
    assert!(
        !socket.starts_with(&data) && socket.as_os_str().len() < 90,
        "{}",
        socket.display()
    );
    assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o700);
    assert_eq!(query(&postgres, "freehold_app", "SELECT 1").unwrap(), "1");
    postgres.stop().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn names_with_blanks_and_commas_work() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("my data, 'here'\n \"é").join("post gres");
    let options = Options {
        durable: false,
        ..Options::new(&data)
    };
    let postgres = start(options, CancellationToken::new()).await.unwrap();
    assert_eq!(query(&postgres, "freehold_app", "SELECT 1").unwrap(), "1");
    postgres.stop().await;
}

#[tokio::test]
async fn a_cancelled_start_leaves_nothing_half_made() {
    let place = Place::new();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = start(place.options(), cancel).await.unwrap_err();
    assert!(matches!(error, PostgresError::Cancelled), "{error}");
    let left: Vec<_> = fs::read_dir(place.data.parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["postgres.lock"]);
    place.start().await.stop().await;
}

#[tokio::test]
async fn a_failing_initdb_leaves_nothing_half_made_and_says_why() {
    let place = Place::new();
    let fake = place.dir.path().join("bin");
    fs::create_dir(&fake).unwrap();
    let scripts = [
        ("postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 15.1'\n"),
        (
            "initdb",
            "#!/bin/sh\necho half > \"$2/PG_VERSION\"\necho 'initdb: error: could not write to file: No space left on device' >&2\nexit 1\n",
        ),
    ];
    for (name, script) in scripts {
        fs::write(fake.join(name), script).unwrap();
        fs::set_permissions(fake.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let options = Options {
        binaries: Some(fake),
        ..place.options()
    };
    let error = start(options, CancellationToken::new())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`initdb` failed (exit code 1)") && error.contains("The disk is full"),
        "{error}"
    );
    let left: Vec<_> = fs::read_dir(place.data.parent().unwrap())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["postgres.lock"]);
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_half_made_and_is_named() {
    let place = Place::new();
    let disk = place.data.parent().unwrap();
    fs::create_dir(disk).unwrap();
    let none: Option<&str> = None;
    if mount(
        none,
        disk,
        Some("tmpfs"),
        MsFlags::empty(),
        Some("size=12m"),
    )
    .is_err()
    {
        return; // Only root of a whole machine may mount.
    }
    let error = start(place.options(), CancellationToken::new())
        .await
        .unwrap_err()
        .to_string();
    let left: Vec<_> = fs::read_dir(disk)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    umount(disk).unwrap();
    assert!(error.contains("The disk is full"), "{error}");
    assert_eq!(left, ["postgres.lock"]);
}

#[tokio::test]
async fn root_may_name_the_user_and_the_data_keep_it() {
    if !root() {
        return; // Only root may.
    }
    let place = Place::new();
    let named = Options {
        as_user: Some("nobody".into()),
        ..place.options()
    };
    start(named, CancellationToken::new())
        .await
        .unwrap()
        .stop()
        .await;
    let postgres = place.start().await;
    let server = fs::metadata(format!("/proc/{}", postgres.pid())).unwrap();
    assert_eq!(server.uid(), user("nobody").uid.as_raw());
    postgres.stop().await;
    let other = Options {
        as_user: Some("daemon".into()),
        ..place.options()
    };
    let error = start(other, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, PostgresError::WrongOwner { .. }), "{error}");
}

#[test]
fn starting_can_be_handed_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let place = Place::new();
    is_send(&start(place.options(), CancellationToken::new()));
}

#[test]
fn an_ordinary_user_runs_it_as_oneself() {
    if !root() {
        return; // Every other test runs as one then.
    }
    let dir = tempfile::tempdir().unwrap();
    let output = again("first::as_whoever_runs_this", dir.path(), Some("nobody"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        fs::metadata(dir.path().join("data/postgres"))
            .unwrap()
            .uid(),
        user("nobody").uid.as_raw()
    );
}

#[tokio::test]
#[ignore = "started by an_ordinary_user_runs_it_as_oneself"]
async fn as_whoever_runs_this() {
    let options = Options {
        durable: false,
        ..Options::new(given())
    };
    let postgres = start(options.clone(), CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(
        query(&postgres, "freehold_app", "SELECT current_user").unwrap(),
        "freehold_app"
    );
    assert!(query(&postgres, "postgres", "SELECT 1").is_err());
    postgres.stop().await;
    let error = start(
        Options {
            as_user: Some("root".into()),
            ..options
        },
        CancellationToken::new(),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, PostgresError::Account { .. }), "{error}");
}

/// PostgreSQL's own minute is long: plans are made meanwhile as if the table were empty, and each reads all of it.
#[tokio::test]
async fn what_is_in_a_table_that_grew_is_known_within_seconds() {
    let place = Place::new();
    let postgres = place.start().await;
    query(
        &postgres,
        "freehold_owner",
        "CREATE TABLE public.grown (n integer)",
    )
    .unwrap();
    // Once it may have been PostgreSQL's own minute that was just over.
    for rows in ["10000", "20000"] {
        let fill = "INSERT INTO grown SELECT * FROM generate_series(1, 10000)";
        query(&postgres, "freehold_owner", fill).unwrap();
        let since = Instant::now();
        let known = "SELECT reltuples FROM pg_class WHERE relname = 'grown'";
        while query(&postgres, "freehold_owner", known).unwrap() != rows {
            assert!(since.elapsed() < Duration::from_secs(30), "nobody looked");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    postgres.stop().await;
}
