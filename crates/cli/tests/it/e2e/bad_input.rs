//! What cannot work is refused or ended in clear words, and loses nothing.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use freehold_scripted::{Fault, Step};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::json;

use super::day::{Model, approve, fails, refused, run, text, work};
use super::harness::{Installation, Part, id};
use super::procs::{self, until};
use super::remote::Remote;
use crate::server::{Answer, Server};

const KEY: &str = "sk-test";

#[must_use = "the remote is gone when it is dropped"]
fn one_project(up: &Installation) -> Remote {
    let remote = Remote::bare(&[("a", "1\n")]);
    up.project("p", &remote, &[]);
    remote
}

/// A loopback address at which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_remote_that_cannot_be_used_is_not_added() {
    let up = Installation::up();
    let remote = Remote::bare(&[("a", "1\n")]);
    let locked = Server::start(|_| Answer::Whole(401, "text/plain", b"who are you?".to_vec()));
    let strange = Server::start(|_| {
        Answer::Whole(
            200,
            "text/html",
            b"<html>\n<h1>It works!</h1>\n</html>\n".to_vec(),
        )
    });
    let add = |url: &str, more: &[&str]| {
        let words = ["project", "add", "p", "--remote", url];
        refused(&up, 1, &[&words[..], more].concat())
    };
    for (url, wanted) in [
        (
            "file:///nonexistent/x.git".to_owned(),
            "there is no repository",
        ),
        (format!("{}/x.git", locked.url()), "credentials"),
        (format!("{}/x.git", strange.url()), "not"),
        (format!("{}/x.git", nobody()), "cannot be reached"),
        ("ext::sh".to_owned(), "remote helpers"),
    ] {
        let error = add(&url, &[]);
        let words = text(&error, "message");
        assert!(words.contains(wanted), "{url}: {wanted}: {error}");
    }
    let error = add(&remote.url(), &["--target", "release"]);
    assert!(text(&error, "message").contains("release"), "{error}");
    assert_eq!(up.fh(&["project", "list"]).ok()["items"], json!([]));
    up.project("p", &remote, &[]);
}

/// After `project add` a remote can still go away.
#[test]
fn a_remote_that_went_away_fails_the_run_in_words() {
    let up = Installation::up();
    let remote = one_project(&up);
    up.agent("edits", "echo 2 > a");
    let away = remote.path().with_extension("away");
    fs::rename(remote.path(), &away).unwrap();
    let detail = fails(&up, "edits", "remote_not_found");
    assert!(detail.contains("remote.git"), "{detail}");
    fs::rename(&away, remote.path()).unwrap();
    remote.git(&["branch", "-m", "main", "other"]);
    let detail = fails(&up, "edits", "target_missing");
    assert!(detail.contains("main"), "{detail}");
    remote.git(&["branch", "-m", "other", "main"]);
    approve(&up, &work(&up, "edits"));
}

#[test]
fn an_agent_that_is_missing_fails_or_hangs_is_named() {
    let up = Installation::up();
    let remote = one_project(&up);
    up.fh(&[
        "agent",
        "add",
        "missing",
        "--driver",
        "command",
        "--",
        "no-such-agent",
    ])
    .ok();
    let detail = fails(&up, "missing", "agent_missing");
    assert!(detail.contains("no-such-agent"), "{detail}");

    up.agent("fails", "echo the last words >&2; exit 7");
    let detail = fails(&up, "fails", "agent_failed");
    assert!(
        detail.contains("exit code 7") && detail.contains("the last words"),
        "{detail}"
    );

    up.agent_with("hangs", "echo thinking; sleep 7777", &["--stall", "1s"]);
    let detail = fails(&up, "hangs", "agent_stalled");
    assert!(
        detail.contains("silent for 1 s") && detail.contains("thinking"),
        "{detail}"
    );

    let busy = "trap '' TERM; while :; do echo busy; sleep 0.1; done";
    up.agent_with("never-ends", busy, &["--timeout", "2s"]);
    let detail = fails(&up, "never-ends", "timed_out");
    assert!(detail.contains("2 s"), "{detail}");

    // Nothing of all this has touched the target, and the next one works.
    assert_eq!(remote.log(), ["first"]);
    up.agent("edits", "echo 2 > a");
    approve(&up, &work(&up, "edits"));
}

/// What an agent leaves running ends with it.
#[test]
fn an_agent_that_forks_away_does_not_get_away() {
    let up = Installation::up();
    let _remote = one_project(&up);
    let nap = format!("98765.{}", std::process::id());
    let away = format!(
        "echo 2 > a\n(setsid sh -c 'trap \"\" TERM HUP INT; sleep {nap}' > /dev/null 2>&1 < /dev/null &) &\n\
         setsid nohup sh -c '(sleep {nap} &)' &\nsleep 0.5"
    );
    up.agent("forks", &away);
    let run = work(&up, "forks");
    up.nobody_works_on(id(&run));
    let napping = procs::all().into_iter();
    let napping = napping.filter(|pid| procs::words(*pid).starts_with(&format!("sleep {nap}")));
    assert_eq!(procs::described(napping), "");
    approve(&up, &run);
}

#[test]
fn an_agent_that_deletes_its_workspace_loses_its_own_work_only() {
    let up = Installation::up();
    let remote = one_project(&up);
    up.agent("deletes", "cd /; rm -rf /workspace/* /workspace/.[!.]* 2> /dev/null || true; rm -rf /workspace/.git/* || true");
    let detail = fails(&up, "deletes", "workspace_gone");
    assert!(detail.contains("git directory"), "{detail}");
    assert_eq!(remote.log(), ["first"]);
    up.agent("edits", "echo 2 > a");
    approve(&up, &work(&up, "edits"));
}

/// 100 MB as fast as the agent can: every byte arrives, and the server stays small.
#[test]
fn a_flood_loses_no_line_and_costs_no_memory() {
    // 53 bytes a line.
    let flood = "seq -f '%09.0f and so it goes on, line for line for line..' 1 1950000";
    let up = Installation::up();
    let _remote = one_project(&up);
    up.agent("floods", flood);
    let server = up.pid(Part::Server);
    let before = memory(server, "VmRSS:");
    // From now on the kernel remembers the most that it has.
    fs::write(format!("/proc/{server}/clear_refs"), "5").unwrap();
    let run = run(&up, "floods");
    assert_eq!(run["state"], "succeeded", "{run:#}");
    let logs = up.beside("flood");
    let mut command = up.program(&["run", "logs", id(&run)]);
    let status = command
        .env("FREEHOLD_URL", &up.line().url)
        .env("FREEHOLD_TOKEN", &up.line().token)
        .stdout(fs::File::create(&logs).unwrap())
        .status()
        .unwrap();
    assert!(status.success());
    let grown = memory(server, "VmHWM:").saturating_sub(before);
    let sum = |words: &str| {
        let said = Command::new("sh")
            .args(["-c", words, "sh"])
            .arg(&logs)
            .output()
            .unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    assert!(fs::metadata(&logs).unwrap().len() >= 100_000_000);
    assert_eq!(
        sum("sha256sum < \"$1\""),
        sum(&format!("{flood} | sha256sum"))
    );
    println!("the server grew by {} KiB over {before} KiB", grown);
    assert!(grown <= 64 * 1024, "the server grew by {grown} KiB");
    assert_eq!(up.pid(Part::Server), server, "the server is another one");
}

/// A figure of `/proc/PID/status`, in KiB.
fn memory(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_model_that_is_down_slow_or_talks_nonsense_is_named() {
    let fault = Fault::default();
    let up = Installation::up_in(&[("MODEL_KEY", KEY)]);
    let _remote = one_project(&up);
    let agent = |name: &str, turn: Step, more: &[&str]| {
        let model = Model::turns(vec![vec![turn]], KEY);
        let url = model.url();
        let provider = [
            "provider",
            "add",
            name,
            "--kind",
            "openai",
            "--base-url",
            &url,
        ];
        up.fh(&[
            &provider[..],
            &["--key-env", "MODEL_KEY", "--model", "scripted"],
        ]
        .concat())
            .ok();
        let words = [
            "agent",
            "add",
            name,
            "--driver",
            "builtin",
            "--provider",
            name,
        ];
        up.fh(&[&words[..], more].concat()).ok();
        model
    };
    let down = agent("down", Step::text("never said"), &[]);
    down.stop();
    let detail = fails(&up, "down", "model_unreachable");
    assert!(!detail.is_empty());

    let _slow = agent("slow", Step::Stall { ms: 600_000 }, &["--stall", "3s"]);
    let detail = fails(&up, "slow", "agent_stalled");
    assert!(detail.contains("silent for 3 s"), "{detail}");

    let text = "<html><h1>It works!</h1></html>".to_owned();
    let _nonsense = agent("nonsense", Step::Garbage { text, fault }, &[]);
    let detail = fails(&up, "nonsense", "model_unreachable");
    assert!(!detail.is_empty());

    let _cut = agent("cut", Step::HangUp { fault }, &[]);
    let detail = fails(&up, "cut", "model_unreachable");
    assert!(!detail.is_empty());

    // The same endpoint refuses the key that it took when the provider was added.
    let refuses = Step::Error {
        status: 401,
        message: "no".into(),
        body: None,
        retry_after: None,
        fault,
    };
    let _refuses = agent("refuses", refuses, &[]);
    let detail = fails(&up, "refuses", "model_unreachable");
    assert!(detail.contains("key"), "{detail}");
}

/// A mounted file system, gone when this is dropped.
struct Mounted(PathBuf);

impl Mounted {
    fn tmpfs(at: &Path, options: &str) -> nix::Result<Self> {
        mount(
            Some("tmpfs"),
            at,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(options),
        )?;
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// The runner's disk is full in the middle of a run, and has space again afterwards.
#[test]
fn a_full_disk_ends_the_run_and_nothing_else() {
    let mut up = Installation::up();
    let remote = one_project(&up);
    up.agent(
        "fills",
        "echo 2 > a; head -c 200000000 /dev/urandom > big || true",
    );
    up.agent("edits", "echo 2 > a");
    up.stop();
    let runner = up.data().join("runner");
    let copy = up.beside("runner");
    let cp = |from: &Path, to: &Path| {
        let status = Command::new("cp")
            .arg("-a")
            .arg(from)
            .arg(to)
            .status()
            .unwrap();
        assert!(status.success());
    };
    cp(&runner, &copy);
    let mounted = match Mounted::tmpfs(&runner, "size=64m,mode=0700") {
        Ok(mounted) => mounted,
        Err(error) => {
            println!("not tried: only root mounts a small file system ({error})");
            return;
        }
    };
    cp(&copy.join("."), &runner);
    // The whole disk is smaller than what runs leave to a machine.
    fs::write(runner.join("policy.toml"), "reserve = \"1MiB\"\n").unwrap();
    up.start_again();
    // Whichever is met first: the disk's end, or the runner's bound a little before it.
    let card = up.card("p", "Fill it");
    let run = up.fh(&["run", "start", &card, "--agent", "fills"]).ok();
    let full = up.run_in(id(&run), &["failed", "waiting"]);
    let reason = full["reason"].as_str();
    assert!(matches!(reason, Some("disk_full" | "limit")), "{full:#}");
    assert!(!full["detail"].as_str().unwrap().is_empty());
    // The workspace is gone with its run: there is space again.
    let run = work(&up, "edits");
    approve(&up, &run);

    // Full for a reason outside of any run.
    let ballast = runner.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 64 * 1024]).is_ok() {}
    drop(file);
    up.agent("goes-on", "echo more >> a");
    let card = up.card("p", "While it is full");
    let run = up.fh(&["run", "start", &card, "--agent", "goes-on"]).ok();
    // It may fail, or wait until there is space: in no case is it done, or lost.
    let full = up.run_in(id(&run), &["failed", "queued", "dispatching", "running"]);
    assert!(
        [None, Some("disk_full")].contains(&full["reason"].as_str()),
        "{full:#}"
    );
    std::thread::sleep(Duration::from_secs(2));
    fs::remove_file(&ballast).unwrap();
    let ended = up.run_in(id(&run), &["failed", "waiting"]);
    if ended["state"] == "failed" {
        assert_eq!(ended["reason"], "disk_full", "{ended:#}");
        approve(&up, &work(&up, "goes-on"));
    } else {
        approve(&up, &ended);
    }
    assert_eq!(remote.show("a").as_deref(), Some("2\nmore"));
    up.stop();
    drop(mounted);
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_left_running() {
    let up = Installation::down(&[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = up.data();
    let words = [
        "up",
        "--data",
        data.to_str().unwrap(),
        "--listen",
        &address,
        "--json",
    ];
    let mut child = up
        .program(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = until("`up` gives up", || child.try_wait().unwrap());
    let said = child.wait_with_output().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(said.stdout.is_empty());
    let line = String::from_utf8(said.stderr).unwrap();
    let document: serde_json::Value = serde_json::from_str(line.lines().last().unwrap()).unwrap();
    let message = text(&document["error"], "message");
    assert!(
        message.contains(&address) && message.contains("in use"),
        "{document}"
    );
    assert!(
        text(&document["error"], "next").contains("--listen"),
        "{document}"
    );
    let mark = data
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    assert_eq!(procs::described(procs::marked(mark)), "");
}

#[test]
fn a_body_of_more_than_two_megabytes_is_refused() {
    let up = Installation::up();
    let _remote = one_project(&up);
    let add = |size: usize| {
        let words = [
            "--json",
            "card",
            "add",
            "--project",
            "p",
            "--title",
            "t",
            "--body",
            "-",
        ];
        let mut child = up
            .program(&words)
            .env("FREEHOLD_URL", &up.line().url)
            .env("FREEHOLD_TOKEN", &up.line().token)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may have heard enough before the end.
        let _ = child.stdin.take().unwrap().write_all(&vec![b'a'; size]);
        child.wait_with_output().unwrap()
    };
    let said = add(2 * 1024 * 1024 + 1);
    let err = String::from_utf8(said.stderr).unwrap();
    assert!(matches!(said.status.code(), Some(1 | 2)), "{err}");
    assert!(err.contains("2 MB"), "{err}");
    assert_eq!(
        up.fh(&["card", "list", "--project", "p"]).ok()["items"],
        json!([])
    );
    let said = add(2 * 1024 * 1024 - 1024);
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
}

#[test]
fn adding_a_name_again_changes_nothing() {
    let up = Installation::up_in(&[("MODEL_KEY", KEY)]);
    let remote = one_project(&up);
    let other = Remote::bare(&[("b", "2\n")]);
    let model = Model::turns(vec![], KEY);
    let (url, base) = (other.url(), model.url());
    let provider = [
        "provider",
        "add",
        "model",
        "--kind",
        "openai",
        "--base-url",
        &base,
    ];
    up.fh(&[&provider[..], &["--key-env", "MODEL_KEY"]].concat())
        .ok();
    up.agent("edits", "echo 2 > a");
    let lists = || ["project", "provider", "agent"].map(|noun| up.fh(&[noun, "list"]).out());
    let before = lists();
    let agent = [
        "agent", "add", "edits", "--driver", "command", "--", "false",
    ];
    let provider = [
        "provider",
        "add",
        "model",
        "--kind",
        "ollama",
        "--base-url",
        &base,
    ];
    for words in [
        &["project", "add", "p", "--remote", &url, "--egress", "open"][..],
        &[
            &provider[..],
            &["--key-env", "MODEL_KEY", "--model", "other"],
        ]
        .concat(),
        &agent,
    ] {
        let error = refused(&up, 1, words);
        assert_eq!(error["code"], "exists", "{error}");
    }
    assert_eq!(lists(), before);
    let run = work(&up, "edits");
    approve(&up, &run);
    assert_eq!(remote.show("a").as_deref(), Some("2"));
}

#[test]
fn who_asks_wrongly_learns_what_was_wrong_by_the_exit_code() {
    let up = Installation::up();
    let ask = |words: &[&str], url: &str, token: &str| {
        let mut command = up.program(&[&["--json"], words].concat());
        let said = command
            .env("FREEHOLD_URL", url)
            .env("FREEHOLD_TOKEN", token)
            .output()
            .unwrap();
        let err = String::from_utf8(said.stderr).unwrap();
        let document: serde_json::Value =
            serde_json::from_str(err.lines().last().unwrap()).unwrap();
        (
            said.status.code().unwrap(),
            text(&document["error"], "code").to_owned(),
        )
    };
    let (url, token) = (up.line().url.clone(), up.line().token.clone());
    let list = ["project", "list"];
    assert_eq!(
        ask(&["project", "list", "--nope"], &url, &token),
        (2, "usage".into())
    );
    assert_eq!(
        ask(&["project", "show", "nope"], &url, &token),
        (1, "not_found".into())
    );
    assert_eq!(ask(&list, &url, "fhu_wrong.wrong").0, 3);
    assert_eq!(ask(&list, &nobody(), &token).0, 4);
    // A run without an agent where there is none to choose from.
    let _remote = one_project(&up);
    let card = up.card("p", "Nobody there");
    let error = refused(&up, 2, &["run", "start", &card]);
    assert_eq!(error["code"], "agent_ambiguous", "{error}");
}
