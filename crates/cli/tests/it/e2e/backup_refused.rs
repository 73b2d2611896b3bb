//! What a backup is refused for, content in a bucket, and an interrupt.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use freehold_testkit::moto::Moto;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::day::{text, work};
use super::harness::{Installation, Part, id};
use super::procs::{self, until, within};
use super::remote::Remote;

/// A command of an installation that does not run.
fn cold(here: &Installation, words: &[&str]) -> Output {
    let data = here.data();
    let mut program = here.program(&["--json", "--data", data.to_str().unwrap()]);
    program.args(words).output().unwrap()
}

/// What standard error has of it: its code, and all of it.
#[track_caller]
fn refused(done: &Output) -> (String, String) {
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success(), "{said}");
    let line = said.lines().last().unwrap_or_default();
    let document: Value = serde_json::from_str(line).unwrap();
    (text(&document["error"], "code").to_owned(), said)
}

#[track_caller]
fn done(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An installation that was stopped, with one run; and its content's files.
fn stopped() -> (Installation, String, Vec<std::path::PathBuf>) {
    let mut here = Installation::up();
    let remote = Remote::bare(&[("a", "none\n")]);
    here.project("p", &remote, &["--egress", "none"]);
    here.agent("a", "echo x > a");
    let run = id(&work(&here, "a")).to_owned();
    here.stop();
    let mut files = Vec::new();
    let mut folders = vec![here.data().join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    (here, run, files)
}

#[test]
fn a_database_that_is_away_is_not_taken_for_what_lies_here() {
    let (here, _, _) = stopped();
    let to = here.beside("away.backup");
    let words = ["backup", "--to", to.to_str().unwrap()];
    let addresses = here.data().join("database.json");
    let own = fs::read_to_string(&addresses).unwrap();
    // Nobody listens there.
    let away = "postgres://freehold_owner:secret@127.0.0.1:9/freehold";
    fs::write(
        &addresses,
        format!(r#"{{"owner":"{away}","app":"{away}"}}"#),
    )
    .unwrap();
    let (code, said) = refused(&cold(&here, &words));
    assert_eq!(code, "database", "{said}");
    assert!(
        said.contains("database.json") && !said.contains("secret"),
        "{said}"
    );
    assert!(!to.exists());
    fs::write(&addresses, own).unwrap();
    assert_eq!(done(&cold(&here, &words))["rows"]["runs"], 1);
}

#[test]
fn lost_content_is_lost_knowingly() {
    let (here, _, files) = stopped();
    let is_blob = |path: &&std::path::PathBuf| path.to_string_lossy().contains("blob_");
    fs::remove_file(files.iter().find(is_blob).unwrap()).unwrap();
    let to = here.beside("lacks.backup");
    let to = to.to_str().unwrap();
    let (code, said) = refused(&cold(&here, &["backup", "--to", to]));
    assert_eq!(code, "backup_incomplete", "{said}");
    assert!(said.contains("1 of "), "{said}");
    let beside = || {
        let all = fs::read_dir(here.beside("")).unwrap();
        let names = all.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("lacks")).count()
    };
    assert_eq!(beside(), 0, "nothing is left");
    let taken = done(&cold(&here, &["backup", "--to", to, "--allow-missing"]));
    assert_eq!(taken["missing_blobs"].as_array().unwrap().len(), 1);
    let (code, _) = refused(&cold(&here, &["backup", "verify", to]));
    assert_eq!(code, "backup_incomplete");
    done(&cold(&here, &["backup", "verify", to, "--allow-missing"]));
}

#[test]
fn content_in_a_bucket_is_backed_up_and_whoever_interrupts_leaves_nothing() {
    let (mut here, run, files) = stopped();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let moto = runtime.block_on(Moto::start("content"));
    let blobs = here.data().join("blobs");
    for path in &files {
        let name = path.strip_prefix(&blobs).unwrap().display();
        let url = format!("{}/content/here/{name}", moto.url());
        let put = reqwest::Client::new()
            .put(url)
            .body(fs::read(path).unwrap());
        let answer = runtime.block_on(put.send()).unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }
    fs::rename(&blobs, here.beside("directory")).unwrap();
    let key = here.beside("s3.json");
    fs::write(
        &key,
        r#"{"access_key_id":"testing","secret_access_key":"testing"}"#,
    )
    .unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let (folder, key) = (here.beside("backups"), key.to_str().unwrap().to_owned());
    fs::create_dir(&folder).unwrap();
    let left = || fs::read_dir(&folder).unwrap().count();
    let of_bucket = |prefix: &str| {
        let place = format!("s3://content/{prefix}");
        let words = [
            "backup",
            "--to",
            folder.to_str().unwrap(),
            "--content",
            &place,
        ];
        let more = [
            "--content-endpoint",
            moto.url(),
            "--content-credentials",
            &key,
        ];
        [&words[..], &more]
            .concat()
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    let take = |words: &[String]| cold(&here, &words.iter().map(|w| &**w).collect::<Vec<_>>());
    let (code, said) = refused(&cold(&here, &["backup", "--to", folder.to_str().unwrap()]));
    assert_eq!(code, "content_elsewhere", "{said}");
    assert_eq!(refused(&take(&of_bucket("other"))).0, "content_elsewhere");
    assert_eq!(left(), 0);

    // While the bucket does not answer, a person has enough of it.
    moto.freeze();
    let data = here.data();
    let mut waits = here
        .program(&["--json", "--data", data.to_str().unwrap()])
        .args(of_bucket("here"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = data.join("postgres/postmaster.pid");
    until("its PostgreSQL runs", || {
        fs::read_to_string(&pid)
            .is_ok_and(|text| text.contains("ready"))
            .then_some(())
    });
    let text = fs::read_to_string(&pid).unwrap();
    let server: u32 = text.lines().next().unwrap().parse().unwrap();
    // It takes its time to end, and is waited for.
    procs::signal(server, Signal::SIGSTOP);
    procs::signal(waits.id(), Signal::SIGINT);
    std::thread::sleep(Duration::from_secs(1));
    let early = waits.try_wait().unwrap();
    procs::signal(server, Signal::SIGCONT);
    assert_eq!(early, None, "it ended before its PostgreSQL");
    let status = within(Duration::from_secs(20), "it ends", || {
        waits.try_wait().unwrap()
    });
    assert_eq!(status.code(), Some(1));
    assert!(!pid.exists(), "its PostgreSQL has ended before it");
    assert_eq!(left(), 0);
    moto.thaw();

    let taken = done(&take(&of_bucket("here")));
    assert!(taken["blobs"].as_u64().unwrap() > 0, "{taken}");
    let file = taken["file"].as_str().unwrap().to_owned();
    fs::remove_dir_all(&data).unwrap();
    done(&cold(&here, &["restore", "--from", &file]));
    here.start_again();
    assert!(here.fh(&["run", "diff", &run]).out().contains("+x"));
}

#[test]
fn a_role_that_a_restored_database_lacks_is_named_before() {
    let here = Installation::up();
    // As its superuser, who is let in for this.
    let postgres = here.data().join("postgres");
    let admit = |name: &str, line: &str| {
        let path = postgres.join(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{line}\n")).unwrap();
    };
    let me = nix::unistd::User::from_uid(nix::unistd::geteuid())
        .unwrap()
        .unwrap()
        .name;
    admit("pg_hba.conf", "local all postgres peer map=trial");
    admit("pg_ident.conf", &format!("trial \"{me}\" postgres"));
    procs::signal(here.pid(Part::Postgres), Signal::SIGHUP);
    let sql = |statement: &str| {
        let mut psql = Command::new("psql");
        psql.args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-d",
            "freehold",
            "-h",
        ]);
        psql.arg(postgres.join("socket"))
            .args(["-c", statement])
            .output()
            .unwrap()
    };
    until("the superuser is let in", || {
        sql("CREATE ROLE auditor").status.success().then_some(())
    });
    let to = here.beside("b");
    let data = here.data();
    let words = [
        "backup",
        "--data",
        data.to_str().unwrap(),
        "--to",
        to.to_str().unwrap(),
    ];
    assert!(sql("GRANT SELECT ON cards TO auditor").status.success());
    let refused = here.fh(&words);
    assert_eq!(refused.error(), "backup_role", "{refused}");
    assert!(refused.err.contains("`auditor`"), "{refused}");
    assert!(sql("DROP OWNED BY auditor").status.success());
    here.fh(&words).ok();
}
