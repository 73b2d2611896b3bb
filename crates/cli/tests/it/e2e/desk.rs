//! What a person does at their desk besides letting agents work: what they change, put away and
//! remove, and what they read before they say yes.

use serde_json::{Value, json};

use super::day::text;
use super::harness::{Installation, id};
use super::remote::Remote;

fn items(document: &Value) -> &Vec<Value> {
    document["items"].as_array().unwrap()
}

/// The values of one field, in the list's order.
fn all<'a>(document: &'a Value, field: &str) -> Vec<&'a str> {
    items(document)
        .iter()
        .map(|item| text(item, field))
        .collect()
}

#[test]
fn what_stands_on_the_board_can_be_changed_and_taken_back() {
    let here = Installation::up();
    let remote = Remote::bare(&[("greeting", "hello\n")]);
    here.project("demo", &remote, &[]);

    let edited = here.fh(&[
        "project", "edit", "demo", "--name", "shop", "--egress", "none",
    ]);
    assert_eq!(edited.ok()["egress"], "none");
    let missing = here.fh(&["project", "edit", "shop", "--target", "nowhere"]);
    assert_eq!(
        missing.code, 1,
        "a runner looks whether the branch is there: {missing}"
    );

    let [first, second] = ["First", "Second"].map(|title| here.card("shop", title));
    let card = here.fh(&["card", "show", &first]).ok();
    let version = card["version"].to_string();
    let edit = |more: &[&str]| here.fh(&[&["card", "edit", &first], more].concat());
    let after = edit(&[
        "--title",
        "The first",
        "--body",
        "With words.",
        "--if-version",
        &version,
    ]);
    let after = after.ok();
    assert_eq!(
        (&after["title"], &after["body"]),
        (&json!("The first"), &json!("With words."))
    );
    let stale = edit(&["--title", "Mine", "--if-version", &version]);
    assert_eq!((stale.code, stale.error().as_str()), (1, "stale"));
    assert_eq!(edit(&["--depends", &second]).ok()["unmet"], json!([second]));
    assert_eq!(edit(&["--no-depends"]).ok()["depends"], json!([]));

    let list = ["card", "list", "--project", "shop"];
    here.fh(&["card", "move", &second, "Backlog", "--before", &first])
        .ok();
    let mut board = items(&here.fh(&list).ok()).clone();
    board.sort_by(|a, b| {
        a["rank"]
            .as_f64()
            .unwrap()
            .total_cmp(&b["rank"].as_f64().unwrap())
    });
    assert_eq!(
        (id(&board[0]), id(&board[1])),
        (second.as_str(), first.as_str())
    );

    here.fh(&["card", "archive", &second]).ok();
    let archived = here.fh(&[&list[..], &["--archived"]].concat()).ok();
    assert_eq!(all(&archived, "id"), [second.as_str()]);
    assert_eq!(all(&here.fh(&list).ok(), "id"), [first.as_str()]);
    assert!(here.fh(&["card", "restore", &second]).ok()["archived_at"].is_null());
    let history = here.fh(&["card", "history", &second]).ok();
    assert_eq!(all(&history, "kind"), ["created", "archived", "restored"]);

    here.fh(&["card", "move", &second, "Planning"]).ok();
    let history = here.fh(&["card", "history", &second]).ok();
    let moved = &items(&history)[3];
    assert_eq!(
        (&moved["from"], &moved["to"], &moved["kind"]),
        (&json!("Backlog"), &json!("Planning"), &json!("moved"))
    );

    // One key is one card, however often it is said.
    let add = [
        "card",
        "add",
        "--project",
        "shop",
        "--title",
        "Once",
        "--idempotency-key",
        "k",
    ];
    assert_eq!(id(&here.fh(&add).ok()), id(&here.fh(&add).ok()));
}

#[test]
fn what_agents_need_can_be_changed_and_removed() {
    let here = Installation::up();
    here.agent("writer", "true");
    let edit = |more: &[&str]| here.fh(&[&["agent", "edit", "writer"], more].concat()).ok();
    let agent = edit(&["--timeout", "2h", "--label", "gpu=a100"]);
    assert_eq!(
        (&agent["timeout_s"], &agent["labels"]["gpu"]),
        (&json!(7200), &json!("a100"))
    );
    assert_eq!(edit(&["--no-labels"])["labels"], json!({}));

    let url = "http://127.0.0.1:9/v1";
    let add = [
        "provider",
        "add",
        "work",
        "--kind",
        "openai",
        "--base-url",
        url,
    ];
    // It is tried first, and nobody is there: that is said, and nothing is kept.
    let refused = here.fh_with(&[&add[..], &["--key-stdin"]].concat(), "sk-secret\n");
    assert_eq!(refused.error(), "provider_refused");
    assert!(!refused.to_string().contains("sk-secret"));

    let refused = here.fh(&["agent", "remove", "writer"]);
    assert_eq!(refused.error(), "confirmation_needed");
    here.fh(&["agent", "remove", "writer", "--yes"]).ok();
    assert!(items(&here.fh(&["agent", "list"]).ok()).is_empty());
    let gone = here.fh(&["agent", "edit", "writer", "--timeout", "1h"]);
    assert_eq!(gone.error(), "not_found");
}

#[test]
fn what_a_decision_rests_on_is_read_in_one_place() {
    let here = Installation::up();
    let project = "[[checks]]\nname = \"greets\"\ncommand = \"grep hello greeting\"\n";
    let remote = Remote::bare(&[
        ("greeting", "good evening\n"),
        (".agentworks/project.toml", project),
    ]);
    here.project("demo", &remote, &[]);
    here.agent(
        "writer",
        "echo working; echo hello > greeting; mkdir -p .github/workflows; echo on: push > .github/workflows/ci.yml; echo '{}' > package.json",
    );
    let run = here.run_card("demo", "Say hello");
    let run_id = id(&run);
    assert_eq!(run["state"], "waiting", "{run:#}");

    let inbox = here.fh(&["inbox"]).ok();
    assert_eq!(
        (all(&inbox, "kind"), id(&items(&inbox)[0]["run"])),
        (vec!["review"], run_id)
    );
    let waiting = here.fh(&["run", "list", "--state", "waiting,failed"]).ok();
    assert_eq!(all(&waiting, "id"), [run_id]);
    assert!(items(&here.fh(&["run", "list", "--state", "failed"]).ok()).is_empty());

    let review = here.fh(&["run", "review", run_id]).ok();
    assert!(
        text(&review["asked"][0], "text").contains("Say hello"),
        "{review:#}"
    );
    let files: Vec<(&str, &Value)> = review["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (text(file, "path"), &file["flags"]))
        .collect();
    assert_eq!(
        files,
        [
            (".github/workflows/ci.yml", &json!(["ci"])),
            ("greeting", &json!([])),
            ("package.json", &json!(["build-script"])),
        ]
    );
    assert_eq!(
        (&review["additions"], &review["deletions"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(review["evidence"][0]["name"], "greets");
    assert_eq!(review["target"]["state"], "same");
    remote.push_change(&[("other", "words\n")], "meanwhile");
    let review = here.fh(&["run", "review", run_id]).ok();
    assert_eq!(review["target"]["state"], "moved");
    assert_eq!(review["target"]["head"], *remote.head());

    let steps = here.fh(&["run", "steps", run_id]).ok();
    assert!(all(&steps, "name").contains(&"agent"), "{steps:#}");
    assert!(
        all(&steps, "state").iter().all(|state| *state == "done"),
        "{steps:#}"
    );

    let events = here.events(run_id);
    let part = |more: &[&str]| -> Vec<Value> {
        let said = here.fh(&[&["run", "events", run_id], more].concat());
        let lines = said.out();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    assert_eq!(part(&["--tail", "3"]), events[events.len() - 3..]);
    let checks: Vec<&Value> = events
        .iter()
        .filter(|e| e["type"] == "check.finished")
        .collect();
    assert_eq!(
        part(&["--kind", "check.finished"])
            .iter()
            .collect::<Vec<_>>(),
        checks
    );
    assert!(
        part(&["--step", "agent"])
            .iter()
            .all(|e| e["payload"]["step"] == "agent")
    );
    assert_eq!(
        here.fh(&["run", "logs", run_id, "--tail", "1000"]).out(),
        "working\n"
    );
}

/// What a browser does with a link.
fn sign_in(address: &str, token: &str) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let asked = reqwest::Client::new()
        .post(format!("{address}/api/v1/sign-in"))
        .json(&json!({ "token": token }))
        .send();
    runtime.block_on(async { asked.await.unwrap().json().await.unwrap() })
}

/// The link that `up` printed is used up; another one is to be had while it runs.
#[test]
fn another_browser_is_signed_in_and_out_again() {
    let here = Installation::up();
    let link = here.fh(&["sign-in"]).ok();
    let (address, token) = text(&link, "sign_in").split_once("/sign-in#").unwrap();
    assert_eq!(address, here.line().url);
    assert_ne!(text(&link, "sign_in"), here.line().sign_in);
    let exchange = || sign_in(address, token);
    let session = text(&exchange(), "token").to_owned();
    assert_eq!(exchange()["code"], "unauthenticated", "it works once");

    let me = here.fh_as(&session, &["whoami"]).ok();
    assert_eq!(
        (&me["role"], me["expires_at"].is_string()),
        (&json!("owner"), true)
    );
    here.fh_as(&session, &["sign-out"]).ok();
    let after = here.fh_as(&session, &["whoami"]);
    assert_eq!((after.code, after.error().as_str()), (3, "unauthenticated"));
    assert!(here.fh(&["whoami"]).ok()["expires_at"].is_null());

    let runners = here.fh(&["runner", "list"]).ok();
    here.fh(&["runner", "revoke", all(&runners, "id")[0], "--yes"])
        .ok();
    let left = here.fh(&["runner", "list"]).ok();
    let online = items(&left)
        .iter()
        .filter(|runner| runner["state"] == "online");
    assert_eq!(online.count(), 0, "{left:#}");
}
