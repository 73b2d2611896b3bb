//! Backup while people and agents work; the installation is lost; a restored one goes on, though the
//! remote and a runner know more than it does. And a database that went back without a word.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::day::{text, work};
use super::harness::{Installation, Part, id};
use super::moved::Elsewhere;
use super::procs::{self, until};
use super::remote::{Push, Remote};

/// What a person sees of a run, without what a database that was put back changes of it.
fn seen(here: &Installation, run: &str) -> (Value, String, Vec<Value>) {
    let mut document = here.run(run);
    let shown = document.as_object_mut().unwrap();
    for name in [
        "state",
        "reason",
        "epoch",
        "last_seq",
        "detail",
        "next",
        "waiting_for",
        "updated_at",
    ] {
        shown.remove(name);
    }
    let diff = here.fh(&["run", "diff", run]).out();
    let mut events = here.events(run);
    let is_mark = |event: &Value| event["payload"]["reason"] == "database_went_back";
    events.retain(|event| !is_mark(event));
    (document, diff, events)
}

/// All that is on the board.
fn board(here: &Installation) -> Vec<String> {
    [["card", "list"], ["project", "list"], ["agent", "list"]]
        .iter()
        .map(|words| here.fh(words.as_slice()).out())
        .collect()
}

#[track_caller]
fn backed_up(here: &Installation, to: &Path, more: &[&str]) -> Value {
    let data = here.data();
    let words = [
        "backup",
        "--data",
        data.to_str().unwrap(),
        "--to",
        to.to_str().unwrap(),
    ];
    here.fh(&[&words, more].concat()).ok()
}

fn restored(here: &Installation, from: &Path, to: &Path, more: &[&str]) -> super::harness::Said {
    let words = [
        "restore",
        "--from",
        from.to_str().unwrap(),
        "--data",
        to.to_str().unwrap(),
    ];
    here.fh(&[&words, more].concat())
}

#[test]
fn an_installation_that_is_lost_goes_on_from_its_backup() {
    let mut here = Installation::up();
    let remote = Remote::bare(&[
        ("a", "none\n"),
        ("b", "none\n"),
        ("c", "none\n"),
        ("d", "none\n"),
        ("z", "none\n"),
    ]);
    here.project("p", &remote, &["--egress", "none"]);
    for name in ["a", "b", "c", "z"] {
        let script = format!(
            "echo x$(cat \"$HOME/turns\" 2>/dev/null || true) > {name}; echo x >> \"$HOME/turns\""
        );
        here.agent(name, &script);
    }
    // On a runner elsewhere, whose own data survive everything.
    here.agent_with(
        "d",
        "barrier gate; echo d > d",
        &["--label", "place=elsewhere"],
    );
    let mut runner = Elsewhere::enrol(&here, "elsewhere");

    let landed = work(&here, "z");
    here.fh(&["run", "approve", id(&landed)]).ok();
    let [lands, replied, waits] = ["a", "b", "c"].map(|agent| work(&here, agent));
    let card = here.card("p", "At work");
    let busy = here.fh(&["run", "start", &card, "--agent", "d"]).ok();
    here.wait_at("gate");

    let file = here.beside("freehold.backup");
    let taken = backed_up(&here, &file, &[]);
    assert_eq!(
        (&taken["rows"]["runs"], &taken["has_keys"]),
        (&5.into(), &true.into()),
        "{taken}"
    );
    assert!(taken["blobs"].as_u64().unwrap() >= 8, "{taken}");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let all = [&landed, &lands, &replied, &waits];
    let before: Vec<_> = all.iter().map(|run| seen(&here, id(run))).collect();
    let before_board = board(&here);

    // A time that will be lost: a landing, a turn, the end of the run at work.
    let lost = here.fh(&["run", "approve", id(&lands)]).ok();
    here.fh(&["run", "reply", id(&replied), "--text", "more"])
        .ok();
    here.run_in(id(&replied), &["waiting"]);
    here.open("gate");
    here.run_in(id(&busy), &["waiting"]);
    let head = remote.head();
    let later: Vec<String> = remote.run_refs(id(&replied));

    here.stop();
    fs::remove_dir_all(here.data()).unwrap();
    let verified = here.fh(&["backup", "verify", file.to_str().unwrap()]).ok();
    assert_eq!(verified["rows"], taken["rows"]);
    let back = restored(&here, &file, &here.data(), &[]).ok();
    assert_eq!(back["rows"], taken["rows"]);
    here.start_again();
    assert_eq!(board(&here), before_board);
    for (run, before) in all.iter().zip(&before) {
        assert_eq!(&seen(&here, id(run)), before);
    }
    assert_eq!(here.run(id(&landed))["state"], "succeeded");
    for run in [&lands, &replied, &waits] {
        let run = here.run(id(run));
        assert_eq!(
            (text(&run, "state"), text(&run, "reason")),
            ("waiting", "database_went_back")
        );
    }

    // The runner that knows more is heard, and does again what nobody remembers.
    runner.end();
    runner.start(&here, None);
    let again = here.run_in(id(&busy), &["waiting", "failed"]);
    assert_eq!(text(&again, "state"), "waiting", "{again}");
    assert!(again["epoch"].as_u64() > Some(1000), "{again}");

    // What landed in that time is found, not landed twice.
    let found = here.fh(&["run", "approve", id(&lands)]).ok();
    assert_eq!(
        (text(&found, "state"), &found["landed"]),
        ("succeeded", &lost["landed"])
    );
    assert_eq!(remote.head(), head);
    // Work that is not known here is not deleted before a person has heard of it.
    let told = here.fh(&["run", "approve", id(&replied)]);
    assert_eq!(told.error(), "database_went_back", "{told}");
    assert_eq!(remote.run_refs(id(&replied)), later);
    let detail = here.run(id(&replied));
    assert!(
        text(&detail, "detail").contains("refs/freehold/"),
        "{detail}"
    );
    here.fh(&["run", "approve", id(&replied)]).ok();
    // What waited is approved as if nothing had been.
    let done = here.fh(&["run", "approve", id(&waits)]).ok();
    assert_eq!(text(&done, "state"), "succeeded", "{done}");
    assert_eq!(remote.taken(Push::Target), 4);
    assert_eq!(
        ["a", "b", "c"].map(|name| remote.show(name).unwrap()),
        ["x", "x", "x"]
    );
    for run in all {
        here.events(id(run));
    }
    runner.end();
}

#[test]
fn a_backup_says_what_it_lacks_and_is_refused_where_it_is_not_whole() {
    let mut here = Installation::up();
    let remote = Remote::bare(&[("a", "none\n")]);
    here.project("p", &remote, &["--egress", "none"]);
    here.agent("a", "echo x > a");
    let run = work(&here, "a");
    let folder = here.beside("backups");
    fs::create_dir(&folder).unwrap();
    let taken = backed_up(&here, &folder, &["--without-keys"]);
    let file = folder.join(
        Path::new(taken["file"].as_str().unwrap())
            .file_name()
            .unwrap(),
    );
    assert_eq!(taken["has_keys"], false);
    let again = here.fh(&[
        "backup",
        "--data",
        here.data().to_str().unwrap(),
        "--to",
        file.to_str().unwrap(),
    ]);
    assert_eq!(again.error(), "backup_exists");

    let target = here.beside("restored");
    let key = here.data().join("keys/seal.key");
    let refused = |from: &Path, to: &Path, more: &[&str]| restored(&here, from, to, more).error();
    assert_eq!(refused(&file, &target, &[]), "backup_key");
    let wrong = here.beside("wrong.key");
    fs::write(&wrong, [7; 32]).unwrap();
    assert_eq!(
        refused(&file, &target, &["--seal-key", wrong.to_str().unwrap()]),
        "backup_key"
    );
    let with_key = ["--seal-key", key.to_str().unwrap()];
    assert_eq!(refused(&file, &here.data(), &with_key), "not_empty");
    let whole = fs::read(&file).unwrap();
    let half = here.beside("half.backup");
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(refused(&half, &target, &with_key), "backup_damaged");
    assert_eq!(
        here.fh(&["backup", "verify", half.to_str().unwrap()])
            .error(),
        "backup_damaged"
    );
    let left: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing half is left: {left:?}");
    assert!(!target.exists());

    // Of an installation that does not run, and put back with the key from elsewhere.
    here.stop();
    let cold = here.beside("cold.backup");
    let stopped = here
        .program(&[
            "--json",
            "backup",
            "--data",
            here.data().to_str().unwrap(),
            "--to",
            cold.to_str().unwrap(),
        ])
        .output()
        .unwrap();
    assert!(
        stopped.status.success(),
        "{}",
        String::from_utf8_lossy(&stopped.stderr)
    );
    assert!(restored(&here, &file, &target, &with_key).ok()["rows"]["runs"] == 1);
    fs::remove_dir_all(here.data()).unwrap();
    fs::rename(&target, here.data()).unwrap();
    here.start_again();
    assert!(here.fh(&["run", "diff", id(&run)]).out().contains("+x"));
}

#[test]
fn a_database_that_went_back_is_not_served_until_a_person_says_so() {
    let mut here = Installation::up();
    let remote = Remote::bare(&[("a", "none\n")]);
    here.project("p", &remote, &["--egress", "none"]);
    here.agent("a", "echo x > a");
    let run = work(&here, "a");
    here.stop();
    let (postgres, kept) = (here.data().join("postgres"), here.beside("kept"));
    copy(&postgres, &kept);
    here.start_again();
    let landed = here.fh(&["run", "approve", id(&run)]).ok();
    // Looked at after the landing.
    let seq = |here: &Installation| -> u64 {
        let text = fs::read(here.data().join("lineage.json")).unwrap_or_default();
        let read: Option<Value> = serde_json::from_slice(&text).ok();
        read.and_then(|read| read["seq"].as_u64()).unwrap_or(0)
    };
    let before = seq(&here);
    until("the server has written down how far it is", || {
        (seq(&here) > before).then_some(())
    });
    here.stop();
    fs::remove_dir_all(&postgres).unwrap();
    copy(&kept, &postgres);

    let data = here.data();
    let up = [
        "up",
        "--data",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--json",
    ];
    let refused = here.program(&up).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains(r#""code":"database_went_back""#) && said.contains("--accept-older-database"),
        "{said}"
    );

    here.start_with(&["--accept-older-database"]);
    let marked = here.run(id(&run));
    assert_eq!(
        (text(&marked, "state"), text(&marked, "reason")),
        ("waiting", "database_went_back")
    );
    let found = here.fh(&["run", "approve", id(&run)]).ok();
    assert_eq!(
        (text(&found, "state"), &found["landed"]),
        ("succeeded", &landed["landed"])
    );
    assert_eq!(remote.taken(Push::Target), 1);
    // Said once, it is so; and it was no word for whatever comes later.
    here.restart();
    assert_eq!(text(&here.run(id(&run)), "state"), "succeeded");
}

/// With owners and times: it is another user's.
fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(done.success());
}

#[test]
fn a_database_that_goes_back_under_a_server_ends_it() {
    let here = Installation::up();
    let sql = |statement: &str| {
        let text = fs::read(here.data().join("database.json")).unwrap();
        let database: Value = serde_json::from_slice(&text).unwrap();
        let done = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement])
            .arg(database["owner"].as_str().unwrap())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    };
    let server = here.pid(Part::Server);
    sql("UPDATE lineage SET seq = seq - 1");
    until("the server ends", || {
        (!procs::is_alive(server)).then_some(())
    });
    // It is started again, and refuses again.
    let log = || fs::read_to_string(here.data().join("log/server.log")).unwrap_or_default();
    until("it refuses to serve", || {
        (log().matches(r#""code":"database_went_back""#).count() >= 2).then_some(())
    });
    // The newer one is back: it goes on by itself.
    sql("UPDATE lineage SET seq = seq + 1000");
    until("it serves again", || {
        (here.fh(&["whoami"]).code == 0).then_some(())
    });

    sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999999, 'of a later time', true, '', 0)",
    );
    procs::kill_9(here.pid(Part::Server));
    until("an older program refuses the schema", || {
        log().contains(r#""code":"database_newer""#).then_some(())
    });
}
