//! Which server, with which token; and every exit code.

use std::os::unix::fs::PermissionsExt as _;

use freehold_wire::problem::{Code, Problem};

use super::documents::{board, page};
use super::program::{Home, Seen};
use super::server::{Answer, Server, TOKEN, json, problem};

const LIST: [&str; 3] = ["--json", "project", "list"];

fn verdict(seen: &Seen) -> (i32, String) {
    (seen.code, seen.error())
}

fn is(code: i32, name: &str) -> (i32, String) {
    (code, name.to_owned())
}

/// A home whose installation is `server`'s, with a client file of that mode.
fn installed(server: &Server, mode: u32) -> Home {
    let home = Home::empty();
    let file = home.data().join("client.json");
    let text = serde_json::json!({"url": server.url(), "token": TOKEN}).to_string();
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    home
}

/// Where nobody listens: a privileged port that has no use any more.
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn the_token_goes_in_a_header() {
    let server = Server::start(board);
    assert_eq!(Home::of(&server).run(&LIST).code, 0);
    assert_eq!(
        server.requests()[0].authorization,
        format!("Bearer {TOKEN}")
    );
}

#[test]
fn the_installation_on_this_machine_is_found_by_its_file() {
    let server = Server::start(board);
    let home = installed(&server, 0o600);
    assert_eq!(home.run(&LIST).code, 0);
    let elsewhere = Home::empty();
    let data = home.data().to_str().unwrap();
    assert_eq!(elsewhere.run(&["project", "list", "--data", data]).code, 0);
    // Its token is for its own address only.
    let url = server.url();
    assert_eq!(home.run(&["project", "list", "--url", &url]).code, 0);
    let other = Server::start(board);
    let seen = home.run(&["--json", "project", "list", "--url", &other.url()]);
    assert_eq!(verdict(&seen), is(3, "unauthenticated"));
    assert!(other.requests().is_empty());
}

#[test]
fn a_token_that_others_may_read_is_refused() {
    let server = Server::start(board);
    for mode in [0o640, 0o604, 0o620, 0o666] {
        let seen = installed(&server, mode).run(&LIST);
        assert_eq!(verdict(&seen), is(3, "token_file"), "{mode:o}");
    }
    insta::assert_snapshot!(installed(&server, 0o644).run(&["project", "list"]), @"
    exit code 3
    --- stderr
    error: the token in [HOME]/client.json is not used: others may read it (mode 0644)
    next: make it yours alone: `chmod 600 [HOME]/client.json`
    ");
    assert!(server.requests().is_empty());
}

#[test]
fn a_client_file_that_is_no_file_or_damaged_is_refused() {
    let home = Home::empty();
    let file = home.data().join("client.json");
    std::fs::create_dir(&file).unwrap();
    assert_eq!(verdict(&home.run(&LIST)), is(3, "token_file"));
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, "{").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(verdict(&home.run(&LIST)), is(4, "unreachable"));
}

#[test]
fn no_server_is_exit_code_4() {
    insta::assert_snapshot!(Home::empty().run(&["project", "list"]), @"
    exit code 4
    --- stderr
    error: no server is named, and none is installed in [HOME]
    next: start one: `freehold up`; or set FREEHOLD_URL and FREEHOLD_TOKEN
    ");
    let home = Home::empty()
        .set("FREEHOLD_URL", NOBODY)
        .set("FREEHOLD_TOKEN", TOKEN);
    insta::assert_snapshot!(home.run(&["project", "list"]), @"
    exit code 4
    --- stderr
    error: the server cannot be reached: http://127.0.0.1:1: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111)
    next: start it: `freehold up`; or correct FREEHOLD_URL
    ");
    let commands: [&[&str]; 6] = [
        &["run", "events", "r"],
        &["run", "logs", "r"],
        &["run", "diff", "r"],
        &["run", "start", "c", "--wait"],
        &["run", "approve", "r"],
        &["run", "approve", "r", "--commit", "c"],
    ];
    for args in commands {
        let seen = home.run(&[&["--json"], args].concat());
        assert_eq!(verdict(&seen), is(4, "unreachable"), "{args:?}");
        assert_eq!(seen.out(), "");
    }
}

#[test]
fn what_is_not_a_server_of_ours_is_exit_code_4() {
    let html = || Answer::Whole(502, "text/html", b"<h1>Bad Gateway</h1>".to_vec());
    let server = Server::start(move |_| html());
    insta::assert_snapshot!(Home::of(&server).run(&["project", "list"]), @"
    exit code 4
    --- stderr
    error: what is there is not a Freehold server of this version: it answered 502 Bad Gateway and no reason that this program knows
    next: correct FREEHOLD_URL, or bring client and server to one version
    ");
    let server = Server::start(|_| Answer::Whole(200, "text/html", b"<h1>Hello</h1>".to_vec()));
    assert_eq!(verdict(&Home::of(&server).run(&LIST)), is(4, "unreachable"));
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Server::start(board);
    let to = other.url();
    let server = Server::start(move |_| Answer::Redirect(to.clone()));
    assert_eq!(verdict(&Home::of(&server).run(&LIST)), is(4, "unreachable"));
    assert!(other.requests().is_empty());
}

#[test]
fn a_token_never_goes_over_an_open_wire() {
    let home = Home::empty()
        .set("FREEHOLD_URL", "http://freehold.example.org")
        .set("FREEHOLD_TOKEN", TOKEN);
    insta::assert_snapshot!(home.run(&["project", "list"]), @"
    exit code 3
    --- stderr
    error: the token is not sent to http://freehold.example.org/: without TLS anyone on the way could read it
    next: use an https:// address; http:// is for this machine only
    ");
    let home = Home::empty()
        .set("FREEHOLD_URL", "http://ada:secret@localhost:1")
        .set("FREEHOLD_TOKEN", TOKEN);
    let seen = home.run(&LIST);
    assert!(seen.code == 2 && !seen.err.contains("secret"), "{seen}");
}

#[test]
fn a_token_with_a_line_break_is_refused() {
    let home = Home::empty()
        .set("FREEHOLD_URL", "http://localhost:1")
        .set("FREEHOLD_TOKEN", "a\nb");
    assert_eq!(verdict(&home.run(&LIST)), is(3, "unauthenticated"));
}

#[test]
fn the_servers_codes_become_exit_codes() {
    for (code, exit) in [
        (Code::NotFound, 1),
        (Code::Exists, 1),
        (Code::NoRunner, 1),
        (Code::RemoteRefused, 1),
        (Code::Invalid, 2),
        (Code::AgentAmbiguous, 2),
        (Code::Unauthenticated, 3),
        (Code::Forbidden, 3),
        (Code::Unavailable, 4),
    ] {
        let server = Server::start(move |_| problem(&Problem::new(code, "so it is")));
        let seen = Home::of(&server).run(&LIST);
        assert_eq!(verdict(&seen), is(exit, code.code()));
    }
}

#[test]
fn an_error_says_what_why_and_what_next() {
    let hostile = "no project is `a\x1b]0;x\x07b`";
    let refused = Problem {
        correlation: Some("abc".into()),
        ..Problem::new(Code::NotFound, hostile)
    };
    let server = Server::start(move |_| problem(&refused));
    insta::assert_snapshot!(Home::of(&server).run(&["project", "show", "x"]), @"
    exit code 1
    --- stderr
    error: no project is `ab`
    why: there is no such thing (not_found)
    next: list what there is, and use its id or its name (correlation id abc)
    ");
    insta::assert_snapshot!(Home::of(&server).run(&["--json", "project", "show", "x"]), @r#"
    exit code 1
    --- stderr
    {"error":{"code":"not_found","message":"no project is `a\u001b]0;x\u0007b`","next":"list what there is, and use its id or its name (correlation id abc)"}}
    "#);
}

#[test]
fn no_colour_where_nobody_looks() {
    let server = Server::start(|_| json(&page(vec![super::documents::project()])));
    assert!(
        !Home::of(&server)
            .run(&["project", "list"])
            .out()
            .contains('\x1b')
    );
}
