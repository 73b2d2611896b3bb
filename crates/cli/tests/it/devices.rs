//! Signing this machine in, and letting another act as oneself.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicU32, Ordering};

use freehold_wire::api::{Device, DeviceCodes, DeviceState};
use freehold_wire::problem::{Code, Problem};

use super::documents::{board, me, time};
use super::program::{Home, shown};
use super::server::{Answer, Request, Server, json, problem};

const GRANTED: &str = "fhp_granted.abc123";

fn device() -> Device {
    Device {
        name: "laptop".into(),
        address: Some("192.0.2.7".into()),
        asked_at: time(),
        expires_at: time(),
    }
}

/// A server where somebody decides, as `last` says, after a device has asked twice.
fn deciding(last: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    let asked = AtomicU32::new(0);
    Server::start(move |request: &Request| match request.line().as_str() {
        "POST /api/v1/device" => json(&DeviceCodes {
            device_code: "fhd_secret.abc".into(),
            user_code: "BCDF-GHJK".into(),
            expires_at: time(),
            interval_s: 1,
        }),
        "POST /api/v1/device/token" => match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::Hangup,
            1 => json(&DeviceState::Pending {}),
            _ => last(),
        },
        "GET /api/v1/me" => json(&me()),
        _ => board(request),
    })
}

fn approved() -> Answer {
    json(&DeviceState::Approved {
        token: GRANTED.into(),
        expires_at: time(),
    })
}

#[test]
fn login_keeps_the_token_for_that_server_and_for_nobody_else() {
    let server = deciding(approved);
    let home = Home::empty();
    let seen = home.run(&["login", "--server", &server.url(), "--name", "laptop"]);
    insta::assert_snapshot!(seen.to_string().replace(&server.url(), "[SERVER]"), @"
    exit code 0
    --- stdout
    Signed in to [SERVER]/ as ada, in local.
    next: `freehold --url [SERVER]/ whoami`; undo: `freehold --url [SERVER]/ sign-out`
    --- stderr
    Where you are signed in to [SERVER]/, approve this code within ten minutes:

      freehold device approve BCDF-GHJK

    or type it at [SERVER]/device in a browser.
    ");
    let requests = server.requests();
    assert_eq!(
        requests[0].whole(),
        r#"POST /api/v1/device {"name":"laptop"}"#
    );
    assert!(
        requests[..requests.len() - 1]
            .iter()
            .all(|r| r.authorization.is_empty())
    );
    let file = home.data().join(".config/freehold/logins.json");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));

    // It is used where nothing else is said, and where that server is named.
    let said = [
        home.run(&["--json", "whoami"]),
        home.run(&["--json", "whoami", "--url", &server.url()]),
    ];
    for seen in said {
        assert_eq!(seen.code, 0, "{seen}");
        let last = server.requests().pop().unwrap();
        assert_eq!(last.authorization, format!("Bearer {GRANTED}"));
    }
    let other = Server::start(board);
    let seen = home.run(&["--json", "whoami", "--url", &other.url()]);
    assert_eq!((seen.code, seen.error().as_str()), (3, "unauthenticated"));
    assert!(other.requests().is_empty());
    // Of two servers none is meant.
    let second = deciding(approved);
    let seen = home.run(&["login", "--server", &second.url()]);
    assert_eq!(seen.code, 0, "{seen}");
    assert_eq!(home.run(&["--json", "whoami"]).code, 4);
    assert_eq!(
        home.run(&["--json", "whoami", "--url", &server.url()]).code,
        0
    );
    // What others may read is not believed.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let seen = home.run(&["--json", "whoami", "--url", &server.url()]);
    assert_eq!((seen.code, seen.error().as_str()), (3, "token_file"));
}

#[test]
fn a_login_that_is_turned_away_or_too_late_keeps_nothing() {
    let late = || problem(&Problem::new(Code::Unauthenticated, "the code has expired"));
    let denied = || json(&DeviceState::Denied {});
    for (server, code) in [
        (deciding(denied), "forbidden"),
        (deciding(late), "unauthenticated"),
    ] {
        let home = Home::empty();
        let seen = home.run(&["--json", "login", "--server", &server.url()]);
        assert_eq!((seen.code, seen.out().as_str()), (3, ""), "{seen}");
        assert!(seen.err.contains(&format!("\"code\":\"{code}\"")), "{seen}");
        assert!(!home.data().join(".config").exists());
    }
    let seen = Home::empty().run(&["--json", "login", "--server", "http://freehold.example.org"]);
    assert_eq!((seen.code, seen.error().as_str()), (3, "insecure_url"));
}

#[test]
fn device_approve_and_deny() {
    insta::assert_snapshot!(shown(&["device", "approve", "bcdf-ghjk"], ""), @r#"
    POST /api/v1/device/look {"user_code":"bcdf-ghjk"}
    POST /api/v1/device/approve {"user_code":"bcdf-ghjk"}
    exit code 0
    --- stdout
    `laptop` acts as you from now on, but for your account itself.
    undo: `freehold token revoke laptop`
    --- json
    {"name":"laptop","address":"192.0.2.7","asked_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-02T03:04:05Z"}
    "#);
    insta::assert_snapshot!(shown(&["device", "deny", "BCDF-GHJK"], ""), @r#"
    POST /api/v1/device/deny {"user_code":"BCDF-GHJK"}
    exit code 0
    --- stdout
    `laptop` was turned away.
    --- json
    {"name":"laptop","address":"192.0.2.7","asked_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-02T03:04:05Z"}
    "#);
    let server = Server::start(board);
    let home = Home::of(&server);
    let (code, screen) = home.run_at_terminal(&["device", "approve", "BCDF-GHJK"], "[y/N]", "\n");
    assert_eq!(
        (code, server.lines()),
        (1, vec!["POST /api/v1/device/look".to_owned()])
    );
    assert!(screen.contains("192.0.2.7"), "{screen}");
}

/// What the small server says of devices.
pub(crate) fn devices() -> Answer {
    json(&device())
}
