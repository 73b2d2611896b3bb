//! Who asks: `whoami`, `sign-in`, `sign-out`; and what programs use: `token`.

use freehold_wire::problem::{Code, Problem};

use super::documents::board;
use super::program::{Home, shown};
use super::server::{Server, problem};

#[test]
fn whoami() {
    insta::assert_snapshot!(shown(&["whoami"], ""), @r#"
    GET /api/v1/me
    exit code 0
    --- stdout
    ada
      user     user_01kdyak348e40r2081040g2081
      role     owner
      scopes   read:board review
      in       local (ten_01kdyak348e40r2081040g2081)
      server   version 0.1.0
      expires  never
    --- json
    {"user":"user_01kdyak348e40r2081040g2081","name":"ada","role":"owner","review":true,"scopes":["read:board","review"],"tenant":"ten_01kdyak348e40r2081040g2081","tenant_name":"local","server_version":"0.1.0","expires_at":null}
    "#);
}

/// Alone on its line, so that it can be handed to a browser.
#[test]
fn sign_in() {
    insta::assert_snapshot!(shown(&["sign-in"], ""), @r#"
    POST /api/v1/sign-in/tokens {}
    exit code 0
    --- stdout
    [SERVER]/sign-in#fhs_once.abc
    --- json
    {"sign_in":"[SERVER]/sign-in#fhs_once.abc","expires_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn sign_out() {
    insta::assert_snapshot!(shown(&["sign-out"], ""), @r#"
    GET /api/v1/me
    POST /api/v1/sign-out
    exit code 0
    --- stdout
    Signed out: the token is good for nothing any more.
    next: where it was the installation's own, stop `freehold up` and start it again: it makes a new one
    --- json
    {"signed_out":"ada"}
    "#);
    let server = Server::start(board);
    let home = Home::of(&server);
    let (code, _) = home.run_at_terminal(&["sign-out"], "[y/N]", "\n");
    assert_eq!(
        (code, server.lines()),
        (1, vec!["GET /api/v1/me".to_owned()])
    );
}

/// Alone on its line, so that it can be put into a file.
#[test]
fn token_create() {
    let args = [
        "token",
        "create",
        "ci",
        "--scope",
        "read:jobs",
        "--scope",
        "write:jobs",
    ];
    insta::assert_snapshot!(shown(&args, ""), @r#"
    POST /api/v1/tokens {"name":"ci","scopes":["read:jobs","write:jobs"],"role":null,"days":90}
    exit code 0
    --- stdout
    fhp_once.abc
    --- json
    {"token":"fhp_once.abc","about":{"id":"tok_01kdyak348e40r2081040g2081","name":"ci","scopes":["read:jobs","write:jobs"],"role":"developer","made_by":"ada","created_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-02T03:04:05Z","last_used_at":null}}
    "#);
    let service = ["token", "create", "ci", "--service", "--scope", "read:jobs"];
    let with_role = [&service[..], &["--role", "viewer", "--days", "7"]].concat();
    let text = shown(&with_role, "");
    let asked = text.lines().next();
    assert_eq!(
        asked,
        Some(
            r#"POST /api/v1/service-tokens {"name":"ci","scopes":["read:jobs"],"role":"viewer","days":7}"#
        )
    );
    // One that is nobody's must say what it acts as; and none can be given what is of sessions.
    let home = Home::empty();
    let account = ["token", "create", "ci", "--scope", "everything"];
    for wrong in [&service[..], &account] {
        let seen = home.run(&[&["--json"], wrong].concat());
        assert_eq!(
            (seen.code, seen.error().as_str()),
            (2, "usage"),
            "{wrong:?}"
        );
    }
}

#[test]
fn token_list() {
    insta::assert_snapshot!(shown(&["token", "list"], ""), @r#"
    GET /api/v1/tokens?limit=200
    exit code 0
    --- stdout
    TOKEN                           NAME  ROLE       LAST USED  EXPIRES                  SCOPES
    tok_01kdyak348e40r2081040g2081  ci    developer  never      2026-01-02 03:04:05 UTC  read:jobs write:jobs
    --- json
    {"items":[{"id":"tok_01kdyak348e40r2081040g2081","name":"ci","scopes":["read:jobs","write:jobs"],"role":"developer","made_by":"ada","created_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-02T03:04:05Z","last_used_at":null}],"next":null}
    "#);
}

#[test]
fn token_revoke() {
    insta::assert_snapshot!(shown(&["token", "revoke", "ci", "--service"], ""), @r#"
    GET /api/v1/service-tokens?limit=200
    DELETE /api/v1/service-tokens/tok_01kdyak348e40r2081040g2081
    exit code 0
    --- stdout
    The token `ci` is gone.
    --- json
    {"removed":"ci"}
    "#);
    let server = Server::start(board);
    let home = Home::of(&server);
    let (code, _) = home.run_at_terminal(&["token", "revoke", "ci"], "[y/N]", "\n");
    assert_eq!(
        (code, server.lines()),
        (1, vec!["GET /api/v1/tokens?limit=200".to_owned()])
    );
}

#[test]
fn members_are_listed_changed_and_removed() {
    insta::assert_snapshot!(shown(&["member", "list"], ""), @r#"
    GET /api/v1/members?limit=200
    exit code 0
    --- stdout
    MEMBER                           NAME  ADDRESS          ROLE       REVIEW   SINCE
    user_01kdyak348e40r2081040g2081  Ada   ada@example.org  developer  reviews  2026-01-02 03:04:05 UTC
    --- json
    {"items":[{"user":"user_01kdyak348e40r2081040g2081","name":"Ada","email":"ada@example.org","role":"developer","review":true,"since":"2026-01-02T03:04:05Z"}],"next":null}
    "#);
    let found = shown(&["member", "list", "--search", "a&b"], "");
    let asked = "GET /api/v1/members?search=a%26b&limit=200\n";
    assert!(found.starts_with(asked), "{found}");
    let words = ["member", "edit", "ada@example.org", "--review", "true"];
    let edited = shown(&words, "");
    let asked = r#"PATCH /api/v1/members/ada%40example.org {"review":true}"#;
    assert!(
        edited.starts_with(asked) && edited.contains("exit code 0"),
        "{edited}"
    );
    let removed = shown(&["member", "remove", "ada@example.org"], "");
    assert!(
        removed.starts_with("DELETE /api/v1/members/ada%40example.org\n"),
        "{removed}"
    );
    assert!(
        removed.contains("The member `ada@example.org` is gone."),
        "{removed}"
    );
    let server = Server::start(|request| match request.confirmation.as_str() {
        "ask" => {
            let mut asked = Problem::new(Code::ConfirmationNeeded, "what would happen: Ada is out");
            asked.confirmation = Some("fha_now".to_owned());
            problem(&asked)
        }
        _ => board(request),
    });
    let home = Home::of(&server);
    let (code, _) = home.run_at_terminal(&["member", "remove", "ada@example.org"], "[y/N]", "\n");
    assert_eq!(
        (code, server.lines()),
        (
            1,
            vec!["DELETE /api/v1/members/ada%40example.org".to_owned()]
        ),
        "whoever does not say yes removes nobody"
    );
    let nothing = home.run(&["--json", "member", "edit", "ada@example.org"]);
    assert_eq!((nothing.code, nothing.error().as_str()), (2, "usage"));
}

#[test]
fn somebody_is_invited() {
    insta::assert_snapshot!(shown(&["invite", "create", "ada@example.org", "--review"], ""), @r#"
    POST /api/v1/invitations {"email":"ada@example.org","role":"developer","review":true}
    exit code 0
    --- stdout
    INVITATION                      ADDRESS          ROLE       REVIEW  STATE  UNTIL
    inv_01kdyak348e40r2081040g2081  ada@example.org  developer          open   2026-01-02 03:04:05 UTC
    --- json
    {"id":"inv_01kdyak348e40r2081040g2081","email":"ada@example.org","role":"developer","review":false,"by":"Grace","state":"open","created_at":"2026-01-02T03:04:05Z","sent_at":"2026-01-02T03:04:05Z","expires_at":"2026-01-02T03:04:05Z"}
    "#);
    for (words, asked) in [
        (
            &["invite", "list"][..],
            "GET /api/v1/invitations?limit=200\n",
        ),
        (
            &["invite", "resend", "ada@example.org"],
            "POST /api/v1/invitations/ada%40example.org/resend {}\n",
        ),
        (
            &["invite", "revoke", "ada@example.org"],
            "DELETE /api/v1/invitations/ada%40example.org\n",
        ),
    ] {
        let seen = shown(words, "");
        assert!(
            seen.starts_with(asked) && seen.contains("exit code 0"),
            "{seen}"
        );
    }
}
