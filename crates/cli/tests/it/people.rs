//! Who asks: `whoami`, `sign-in`, `sign-out`.

use super::documents::board;
use super::program::{Home, shown};
use super::server::Server;

#[test]
fn whoami() {
    insta::assert_snapshot!(shown(&["whoami"], ""), @r#"
    GET /api/v1/me
    exit code 0
    --- stdout
    ada
      user     user_01kdyak348e40r2081040g2081
      role     owner
      in       local (ten_01kdyak348e40r2081040g2081)
      server   version 0.1.0
      expires  never
    --- json
    {"user":"user_01kdyak348e40r2081040g2081","name":"ada","role":"owner","tenant":"ten_01kdyak348e40r2081040g2081","tenant_name":"local","server_version":"0.1.0","expires_at":null}
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
