//! `freehold audit`: the log, and the check of it with no server.

use freehold_wire::api::{AuditEntry, AuditHead, AuditKept, Page};
use freehold_wire::audit::{Act, CHECKPOINT, Checkpoint, Entry, FORMAT, Hash, Head, Line, Place};
use freehold_wire::base64url;
use freehold_wire::dsse::Envelope;
use freehold_wire::dsse::ed25519::SigningKey;

use super::documents::{id, time};
use super::program::Home;
use super::server::{self, Answer, Request, Server};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn act(n: u64) -> Act {
    Act {
        at: time(),
        actor: "user_1".into(),
        action: "run.start".into(),
        resource: format!("run_{n}"),
        purpose: "run".into(),
        outcome: "done".into(),
        correlation: String::new(),
        address: String::new(),
    }
}

/// Two entries and a checkpoint behind the first.
fn exported() -> String {
    let tenant = "ten_1";
    let mut place = Place {
        n: 0,
        hash: Hash::nothing(),
    };
    let mut lines = vec![Line::Head(Head {
        format: FORMAT.into(),
        tenant: tenant.into(),
        key: key().verifying_key().to_bytes().to_vec(),
        after: place.clone(),
    })];
    for n in 1..=2 {
        let hash = act(n).hash(tenant, n, &place.hash);
        place = Place { n, hash };
        lines.push(Line::Entry(Box::new(Entry {
            n,
            act: act(n),
            class: None,
            salt: None,
            hash: place.hash.clone(),
        })));
        if n == 1 {
            let checkpoint = Checkpoint {
                tenant: tenant.into(),
                place: place.clone(),
                at: time(),
            };
            let checkpoint = Envelope::sign(CHECKPOINT, &checkpoint, &key()).unwrap();
            lines.push(Line::Checkpoint { checkpoint });
        }
    }
    let lines = lines
        .iter()
        .map(|line| serde_json::to_string(line).unwrap());
    lines.map(|line| line + "\n").collect()
}

#[test]
fn a_log_is_checked_with_no_server() {
    let home = Home::empty();
    insta::assert_snapshot!(home.run_with(&["audit", "verify", "-"], exported().as_bytes()), @"
    exit code 0
    --- stdout
    It holds.
      organization  ten_1
      entries       2, the last is number 2
      signed        up to entry 1, and not the 1 behind it
      hash          a55839e8db58ed28d61e2685a1ef48b96ddf7b071ab46bc92111fd9e639943b8
      key           6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw
    next: the file named the key itself. Compare it with `freehold audit head`, or give it: `--key`
    ");
    let file = home.data().join("log.jsonl");
    std::fs::write(&file, exported()).unwrap();
    let name = file.to_str().unwrap();
    let key = base64url::encode(&key().verifying_key().to_bytes());
    insta::assert_snapshot!(home.run(&["audit", "verify", name, "--key", &key, "--json"]), @r#"
    exit code 0
    --- stdout
    {"tenant":"ten_1","key":"6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw","pinned":true,"entries":2,"gone":0,"begins":1,"cut":null,"checkpoints":1,"signed_to":1,"last":2,"hash":"a55839e8db58ed28d61e2685a1ef48b96ddf7b071ab46bc92111fd9e639943b8"}
    "#);
    let other = base64url::encode(&[8; 32]);
    let seen = home.run(&["audit", "verify", name, "--key", &other]);
    assert!(
        seen.to_string().contains("another key signs here"),
        "{seen}"
    );
}

#[test]
fn a_log_that_does_not_hold_says_where() {
    let home = Home::empty();
    let forged = exported().replace("run_2", "run_3");
    insta::assert_snapshot!(home.run_with(&["audit", "verify", "-"], forged.as_bytes()), @"
    exit code 1
    --- stderr
    error: standard input, line 4: entry 2 is not as it was written
    next: what is up to entry 1 holds; from there on the log was changed, or the file is not whole
    ");
    for (file, why) in [
        (String::new(), "there is nothing in it"),
        ("\u{0}\u{1}".to_owned(), "neither a head"),
        ("x".repeat(3 << 20), "longer than"),
    ] {
        let seen = home.run_with(&["audit", "verify", "-"], file.as_bytes());
        assert!(seen.to_string().contains(why), "{why}: {seen}");
    }
    let seen = home.run(&["audit", "verify", "/nonexistent/log"]);
    assert!(seen.to_string().contains("cannot be read"), "{seen}");
    let seen = home.run(&["audit", "verify", "x", "--key", "nonsense"]);
    assert!(seen.to_string().contains("freehold audit head"), "{seen}");
}

fn answers(request: &Request) -> Answer {
    let entry = |n: Option<u64>, actor_name: Option<&str>| AuditEntry {
        n,
        at: time(),
        actor: "user_1".into(),
        actor_name: actor_name.map(str::to_owned),
        action: "run.start".into(),
        resource: "run_1\u{1b}[31m".into(),
        purpose: "run".into(),
        outcome: "done".into(),
        correlation: String::new(),
        address: String::new(),
    };
    match request.path.split('?').next().unwrap() {
        "/api/v1/audit" => server::json(&Page {
            items: vec![entry(None, Some("Ada")), entry(Some(1), None)],
            next: Some("41".to_owned()),
        }),
        "/api/v1/audit/head" => server::json(&AuditHead {
            tenant: id(1),
            n: 2,
            hash: "ab".into(),
            key: "cd".into(),
            checkpoint: None,
            begins: None,
            kept: AuditKept {
                security: Some(730),
                reading: None,
            },
        }),
        "/api/v1/audit/export" if request.path.ends_with("=5") => {
            Answer::Cut(vec![b"{\"format\"".to_vec()])
        }
        _ => Answer::Stream(vec![exported().into_bytes()]),
    }
}

#[test]
fn the_log_is_listed_and_carried_away() {
    let server = Server::start(answers);
    let home = Home::of(&server);
    insta::assert_snapshot!(home.run(&["audit", "list", "--action", "run.", "--since", "2026-01-01T00:00:00Z"]), @"
    exit code 0
    --- stdout
    N  AT                       WHO     ACTION     WHAT   OUTCOME
    -  2026-01-02 03:04:05 UTC  Ada     run.start  run_1  done
    1  2026-01-02 03:04:05 UTC  user_1  run.start  run_1  done
    there are more: --after 41
    ");
    insta::assert_snapshot!(home.run(&["audit", "head"]), @"
    exit code 0
    --- stdout
      organization  ten_01kdyak348e40r2081040g2081
      entries       2
      hash          ab
      key           cd
      kept          730 days; who looked at what: for ever
    ");
    assert_eq!(home.run(&["audit", "export"]).out(), exported());
    let broken = home.run(&["audit", "export", "--after", "5"]);
    assert!(
        broken.to_string().contains("what was printed is not all"),
        "{broken}"
    );
    assert_eq!(
        server.lines(),
        [
            "GET /api/v1/audit?action=run.&since=2026-01-01T00%3A00%3A00%2B00%3A00&limit=50",
            "GET /api/v1/audit/head",
            "GET /api/v1/audit/export?after=0",
            "GET /api/v1/audit/export?after=5",
        ]
    );
}
