//! Webhooks on the command line: a secret alone on its line, and what became of what was told.

use freehold_model::webhook::Event;
use freehold_wire::api::{
    Webhook, WebhookAttempt, WebhookDelivery, WebhookDeliveryShown, WebhookMade,
};

use super::documents::{board, id, page, time};
use super::program::Home;
use super::server::{Answer, Request, Server, json};

fn webhook() -> Webhook {
    Webhook {
        id: id(1),
        address: "https://example.org/hook".into(),
        events: vec![Event::RunLanded, Event::RunFailed],
        paused: None,
        paused_at: None,
        failing_since: Some(time()),
        waiting: 2,
        last_sequence: 7,
        old_secret_until: None,
        created_at: time(),
    }
}

fn delivery() -> WebhookDelivery {
    WebhookDelivery {
        id: id(2),
        event: Event::RunLanded,
        sequence: 7,
        at: time(),
        state: "waiting".into(),
        tries: 1,
        done_at: None,
        next_try_at: Some(time()),
    }
}

fn server() -> Server {
    Server::start(|request: &Request| {
        let line = request.line();
        let line = line.split('?').next().unwrap_or_default();
        let made = || {
            json(&WebhookMade {
                secret: "whsec_once".into(),
                about: webhook(),
            })
        };
        match line.split_once(" /api/v1/webhooks") {
            Some(("POST", rest)) if rest.ends_with("/test") || rest.ends_with("/replay") => {
                json(&delivery())
            }
            Some(("POST", _)) => made(),
            Some(("GET", "")) => json(&page(vec![webhook()])),
            Some(("GET", rest)) if rest.ends_with("/deliveries") => json(&page(vec![delivery()])),
            Some(("GET", rest)) if rest.contains("/deliveries/") => json(&WebhookDeliveryShown {
                about: delivery(),
                body: serde_json::json!({ "type": "run.landed" }),
                attempts: vec![WebhookAttempt {
                    n: 1,
                    at: time(),
                    took_ms: 12,
                    outcome: "refused".into(),
                    status: Some(500),
                    answer: Some("no\u{1b}[31m".into()),
                }],
            }),
            Some(("GET" | "PATCH", _)) => json(&webhook()),
            Some(("DELETE", _)) => Answer::Whole(204, "", Vec::new()),
            _ => board(request),
        }
    })
}

/// What each of these asks of the server, and prints.
fn said(all: &[&[&str]]) -> String {
    let mut text = String::new();
    for args in all {
        let server = server();
        let seen = Home::of(&server).run(args);
        let asked: Vec<String> = server.requests().iter().map(Request::whole).collect();
        text.push_str(&format!(
            "$ {}\n{}\n{seen}\n",
            args.join(" "),
            asked.join("\n")
        ));
    }
    text
}

const ID: &str = "whk_1";

#[test]
fn a_secret_stands_alone_on_its_line_and_everything_is_the_default() {
    let server = server();
    let home = Home::of(&server);
    let added = home.run(&["webhook", "add", "https://example.org/hook"]);
    assert_eq!(added.out(), "whsec_once\n");
    let asked = server.requests()[0].whole();
    for event in Event::ALL {
        assert!(asked.contains(&format!("\"{event}\"")), "{asked}");
    }
    let rotated = home.run(&["webhook", "rotate", ID]);
    assert_eq!(rotated.out(), "whsec_once\n");
    let wrong = ["webhook", "add", "https://example.org/", "--event", "x"];
    let wrong = home.run(&wrong).to_string();
    assert!(wrong.contains("there is no event `x`") && wrong.contains("run.landed"));
}

#[test]
fn what_a_webhook_was_told_is_shown_and_a_change_says_what_it_changes() {
    let landed = [
        "webhook",
        "add",
        "https://example.org/",
        "--event",
        "run.landed",
    ];
    let resume = ["webhook", "edit", ID, "--resume", "--event", "run.failed"];
    let all: [&[&str]; 10] = [
        &landed,
        &["webhook", "list"],
        &["webhook", "show", ID],
        &["webhook", "deliveries", ID],
        &["webhook", "deliveries", ID, "msg_2"],
        &["webhook", "replay", ID, "msg_2"],
        &["webhook", "test", ID],
        &resume,
        &["webhook", "edit", ID],
        &["webhook", "remove", ID, "--yes"],
    ];
    insta::assert_snapshot!(said(&all), @r#"
    $ webhook add https://example.org/ --event run.landed
    POST /api/v1/webhooks {"address":"https://example.org/","events":["run.landed"]}
    exit code 0
    --- stdout
    whsec_once
    $ webhook list
    GET /api/v1/webhooks?limit=200
    exit code 0
    --- stdout
    WEBHOOK                         STATE                                  WAITING  EVENTS  ADDRESS
    whk_01kdyak348e40r2081040g2081  failing since 2026-01-02 03:04:05 UTC  2        2       https://example.org/hook
    $ webhook show whk_1
    GET /api/v1/webhooks/whk_1
    exit code 0
    --- stdout
    whk_01kdyak348e40r2081040g2081
      address           https://example.org/hook
      events            run.landed run.failed
      state             failing since 2026-01-02 03:04:05 UTC
      waiting           2
      last sequence     7
      added             2026-01-02 03:04:05 UTC
    $ webhook deliveries whk_1
    GET /api/v1/webhooks/whk_1/deliveries?limit=200
    exit code 0
    --- stdout
    DELIVERY                        EVENT       SEQUENCE  STATE                                  TRIES  AT
    msg_01kdyak348e81840g2081040g2  run.landed  7         waiting, next 2026-01-02 03:04:05 UTC  1      2026-01-02 03:04:05 UTC
    $ webhook deliveries whk_1 msg_2
    GET /api/v1/webhooks/whk_1/deliveries/msg_2
    exit code 0
    --- stdout
    DELIVERY                        EVENT       SEQUENCE  STATE                                  TRIES  AT
    msg_01kdyak348e81840g2081040g2  run.landed  7         waiting, next 2026-01-02 03:04:05 UTC  1      2026-01-02 03:04:05 UTC

    {"type":"run.landed"}

    TRY  AT                       OUTCOME  STATUS  TOOK   ANSWER
    1    2026-01-02 03:04:05 UTC  refused  500     12 ms  no
    $ webhook replay whk_1 msg_2
    POST /api/v1/webhooks/whk_1/deliveries/msg_2/replay {}
    exit code 0
    --- stdout
    DELIVERY                        EVENT       SEQUENCE  STATE                                  TRIES  AT
    msg_01kdyak348e81840g2081040g2  run.landed  7         waiting, next 2026-01-02 03:04:05 UTC  1      2026-01-02 03:04:05 UTC
    $ webhook test whk_1
    POST /api/v1/webhooks/whk_1/test {}
    exit code 0
    --- stdout
    DELIVERY                        EVENT       SEQUENCE  STATE                                  TRIES  AT
    msg_01kdyak348e81840g2081040g2  run.landed  7         waiting, next 2026-01-02 03:04:05 UTC  1      2026-01-02 03:04:05 UTC
    $ webhook edit whk_1 --resume --event run.failed
    PATCH /api/v1/webhooks/whk_1 {"address":null,"events":["run.failed"],"paused":false}
    exit code 0
    --- stdout
    whk_01kdyak348e40r2081040g2081
      address           https://example.org/hook
      events            run.landed run.failed
      state             failing since 2026-01-02 03:04:05 UTC
      waiting           2
      last sequence     7
      added             2026-01-02 03:04:05 UTC
    $ webhook edit whk_1

    exit code 2
    --- stderr
    error: nothing is to be changed
    next: say what: see `freehold webhook edit --help`
    $ webhook remove whk_1 --yes
    DELETE /api/v1/webhooks/whk_1
    exit code 0
    --- stdout
    The webhook `whk_1` is gone.
    "#);
}
