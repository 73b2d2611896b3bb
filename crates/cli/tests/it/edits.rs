//! What changes and removes things: what is asked, what is printed, and how it is taken back.

use freehold_wire::api::{BODY_MAX, Key, Provider, Runner};
use freehold_wire::problem::{Code, Problem};

use super::documents::{self, board, card_id, page};
use super::program::{Home, shown};
use super::server::{Answer, Request, Server, json, problem};

/// What a person reads of a change.
fn words(args: &[&str]) -> String {
    let text = shown(args, "");
    let (words, _) = text.split_once("\n--- json\n").unwrap();
    words.to_owned()
}

#[test]
fn project_edit() {
    let args = [
        "project",
        "edit",
        "demo",
        "--target",
        "release",
        "--egress",
        "none",
        "--directory",
        "services/api",
        "--share",
        "3",
    ];
    insta::assert_snapshot!(words(&args), @r#"
    GET /api/v1/projects/demo
    PATCH /api/v1/projects/proj_01kdyak348e40r2081040g2081 if-match: "seen" {"name":null,"target":"release","egress":"none","isolation_at_least":null,"directory":"services/api","share":3}
    exit code 0
    --- stdout
    demo
      id       proj_01kdyak348e40r2081040g2081
      remote   git@example.org:demo.git
      folder   services/api
      target   release
      egress   none
      share    3
      record   git@example.org:demo.git refs/freehold/record /
      created  2026-01-02 03:04:05 UTC
    next: `freehold card add --project demo --title …`
    undo: `freehold project edit demo --target main --egress registries --directory . --share 1`
    "#);
}

#[test]
fn card_edit() {
    let args = [
        "card",
        "edit",
        &card_id(),
        "--title",
        "Mend it",
        "--body",
        "",
        "--no-depends",
        "--if-version",
        "3",
    ];
    insta::assert_snapshot!(shown(&args, ""), @r#"
    GET /api/v1/cards/card_01kdyak348e40r2081040g2081
    PATCH /api/v1/cards/card_01kdyak348e40r2081040g2081 if-match: "3" {"title":"Mend it","body":"","depends":[]}
    exit code 0
    --- stdout
    Mend it
      id         card_01kdyak348e40r2081040g2081
      project    proj_01kdyak348e40r2081040g2081
      lane       Backlog
      landed     no
      version    4
      created    2026-01-02 03:04:05 UTC
      updated    2026-01-02 03:04:05 UTC
    next: `freehold run start card_01kdyak348e40r2081040g2081`
    The body was:
      | It drops the last line.
      | See tests.
    undo: `freehold card edit card_01kdyak348e40r2081040g2081 --title 'Mend the parser' --depends card_01kdyak348e81840g2081040g2`
    --- json
    {"id":"card_01kdyak348e40r2081040g2081","project":"proj_01kdyak348e40r2081040g2081","title":"Mend it","body":"","lane":"Backlog","depends":[],"run":null,"run_state":null,"run_reason":null,"waiting_for":null,"agent":null,"unmet":[],"landed":false,"version":4,"rank":1024.0,"archived_at":null,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn a_cards_body_comes_from_a_file_or_from_standard_input() {
    let server = Server::start(board);
    let home = Home::of(&server);
    let file = home.data().join("wish.md");
    std::fs::write(&file, "From a file.\n").unwrap();
    let card = card_id();
    let edit = |words: &[&str], input: &str| {
        let seen = home.run_with(
            &[&["card", "edit", &card], words].concat(),
            input.as_bytes(),
        );
        (seen.code, server.requests().last().unwrap().body.clone())
    };
    let sent = |body: &str| format!(r#"{{"title":null,"body":"{body}","depends":null}}"#);
    assert_eq!(
        edit(&["--body-file", "wish.md"], ""),
        (0, sent("From a file.\\n"))
    );
    assert_eq!(edit(&["--body", "-"], "Piped."), (0, sent("Piped.")));
    std::fs::write(&file, vec![b'x'; BODY_MAX + 1]).unwrap();
    let asked = server.requests().len();
    for (words, code, name) in [
        (["--body-file", "wish.md"], 1, "too_large"),
        (["--body-file", "none.md"], 2, "usage"),
        (["--body-file", "."], 2, "invalid"),
    ] {
        let seen = home.run(&[&["--json", "card", "edit", &card], &words[..]].concat());
        assert_eq!((seen.code, seen.error().as_str()), (code, name));
    }
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn an_edit_of_what_somebody_else_edited_changes_nothing() {
    let server = Server::start(|request| match request.method.as_str() {
        "PATCH" => problem(&Problem::new(Code::Stale, "the card is at version 5")),
        _ => board(request),
    });
    let card = card_id();
    let args = ["card", "edit", &card, "--title", "t", "--if-version", "3"];
    insta::assert_snapshot!(Home::of(&server).run(&args), @"
    exit code 1
    --- stderr
    error: the card is at version 5
    why: somebody changed it meanwhile, and nothing was changed now (stale)
    next: look at it again, and say what it should be now
    ");
}

#[test]
fn an_edit_says_what_it_wants() {
    let home = Home::empty();
    let commands: [&[&str]; 7] = [
        &["card", "edit", "c"],
        &["card", "edit", "c", "--if-version", "1"],
        &["card", "edit", "c", "--body", "x", "--body-file", "y"],
        &["project", "edit", "p"],
        &["agent", "edit", "a"],
        &["provider", "edit", "p"],
        &["provider", "edit", "p", "--no-key", "--key-env", "A"],
    ];
    for args in commands {
        let seen = home.run(&[&["--json"], args].concat());
        assert_eq!((seen.code, seen.error().as_str()), (2, "usage"), "{args:?}");
    }
}

#[test]
fn card_archive_and_restore() {
    insta::assert_snapshot!(words(&["card", "archive", &card_id()]), @"
    POST /api/v1/cards/card_01kdyak348e40r2081040g2081/archive {}
    exit code 0
    --- stdout
    `Mend the parser` is archived.
    undo: `freehold card restore card_01kdyak348e40r2081040g2081`
    ");
    assert!(
        words(&["card", "restore", &card_id()])
            .ends_with(&format!("undo: `freehold card archive {}`", card_id()))
    );
    insta::assert_snapshot!(words(&["card", "list", "--project", "demo", "--archived"]), @"
    GET /api/v1/cards?project=demo&archived=true&limit=200
    exit code 0
    --- stdout
    CARD                             LANE     RUN  TITLE
    card_01kdyak348e40r2081040g2081  Backlog  -    Mend the parser
    ");
}

#[test]
fn card_move_in_front_of_another() {
    let other = documents::id::<freehold_model::id::kind::Card>(2).to_string();
    let text = words(&["card", "move", &card_id(), "Backlog", "--before", &other]);
    assert!(text.contains(&format!(
        r#"move {{"lane":"Backlog","from":null,"before":"{other}"}}"#
    )));
    // It did not leave its lane: there is no lane to go back to.
    assert!(!text.contains("undo:"), "{text}");
}

#[test]
fn card_history() {
    insta::assert_snapshot!(shown(&["card", "history", &card_id()], ""), @r#"
    GET /api/v1/cards/card_01kdyak348e40r2081040g2081/history?limit=200
    exit code 0
    --- stdout
    WHEN                     WHO  WHAT       DETAILS
    2026-01-02 03:04:05 UTC  ada  created
    2026-01-02 03:04:05 UTC  ada  moved      Backlog to Build
    2026-01-02 03:04:05 UTC  -    run_state  run_01kdyak348e40r2081040g2081 failed (the agent ended with an error)
    --- json
    {"items":[{"seq":1,"at":"2026-01-02T03:04:05Z","by":"ada","kind":"created","from":null,"to":null,"run":null,"state":null,"reason":null},{"seq":2,"at":"2026-01-02T03:04:05Z","by":"ada","kind":"moved","from":"Backlog","to":"Build","run":null,"state":null,"reason":null},{"seq":3,"at":"2026-01-02T03:04:05Z","by":null,"kind":"run_state","from":null,"to":null,"run":"run_01kdyak348e40r2081040g2081","state":"failed","reason":"agent_failed"}],"next":null}
    "#);
}

#[test]
fn agent_edit() {
    let args = [
        "agent",
        "edit",
        "fixer",
        "--no-paths",
        "--timeout",
        "2h",
        "--",
        "./fix.sh",
        "it's",
    ];
    insta::assert_snapshot!(words(&args), @r#"
    GET /api/v1/agents/fixer
    PUT /api/v1/agents/agent_01kdyak348e40r2081040g2081 if-match: "seen" {"name":"fixer","driver":"command","preset":null,"provider":null,"paths":[],"labels":{"gpu":"none"},"timeout_s":7200,"stall_s":90,"command":["./fix.sh","it's"],"isolation":"sandbox","image":null,"limits":{},"tools":false,"repository_settings":false}
    exit code 0
    --- stdout
    fixer
      id         agent_01kdyak348e40r2081040g2081
      driver     command
      command    ./fix.sh it's
      labels     gpu=none
      isolation  sandbox
      limits     2h in all, 1m30s of silence
      created    2026-01-02 03:04:05 UTC
    next: `freehold run start CARD --agent fixer`
    undo: `freehold agent edit fixer --path /opt/fixer --timeout 1h -- ./fix.sh --quick`
    "#);
}

#[test]
fn agent_remove() {
    insta::assert_snapshot!(shown(&["agent", "remove", "fixer"], ""), @r#"
    GET /api/v1/agents?limit=200
    DELETE /api/v1/agents/agent_01kdyak348e40r2081040g2081
    exit code 0
    --- stdout
    The agent `fixer` is gone.
    undo: `freehold agent add fixer --driver command --path /opt/fixer --label gpu=none --timeout 1h --stall 1m30s -- ./fix.sh --quick`
    --- json
    {"removed":"fixer"}
    "#);
}

#[test]
fn provider_edit() {
    let args = ["provider", "edit", "work", "--model", "m", "--key-stdin"];
    insta::assert_snapshot!(shown(&args, "sk-secret\n"), @r#"
    GET /api/v1/providers/work
    PUT /api/v1/providers/prov_01kdyak348e40r2081040g2081 if-match: "seen" {"name":"work","kind":"openai","base_url":"https://models.example.org/v1","key":{"write":"sk-secret"},"model":"m"}
    exit code 0
    --- stdout
    work
      id        prov_01kdyak348e40r2081040g2081
      kind      openai
      endpoint  https://models.example.org/v1
      key       written, for 2 runners (one that is enrolled later needs it anew)
      model     m
      created   2026-01-02 03:04:05 UTC
    next: `freehold agent add NAME --driver builtin --provider work`
    undo: `freehold provider edit work --key-env OPENAI_API_KEY --no-model`
    --- json
    {"id":"prov_01kdyak348e40r2081040g2081","name":"work","kind":"openai","base_url":"https://models.example.org/v1","key":{"written":2},"model":"m","created_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn provider_remove() {
    insta::assert_snapshot!(words(&["provider", "remove", "work"]), @"
    GET /api/v1/providers?limit=200
    DELETE /api/v1/providers/prov_01kdyak348e40r2081040g2081
    exit code 0
    --- stdout
    The provider `work` is gone.
    undo: `freehold provider add work --kind openai --base-url https://models.example.org/v1 --key-env OPENAI_API_KEY`
    ");
}

#[test]
fn a_provider_that_an_agent_uses_stays() {
    let server = Server::start(|request| match request.method.as_str() {
        "DELETE" => problem(
            &Problem::new(Code::Conflict, "the agent `fixer` uses it")
                .next("remove the agent first: `freehold agent remove fixer`"),
        ),
        _ => board(request),
    });
    insta::assert_snapshot!(Home::of(&server).run(&["provider", "remove", "work"]), @"
    exit code 1
    --- stderr
    error: the agent `fixer` uses it
    why: not possible in the present state (conflict)
    next: remove the agent first: `freehold agent remove fixer`
    ");
}

#[test]
fn runner_revoke() {
    insta::assert_snapshot!(shown(&["runner", "revoke", "workshop"], ""), @r#"
    GET /api/v1/runners?limit=200
    DELETE /api/v1/runners/rnr_01kdyak348e40r2081040g2081
    exit code 0
    --- stdout
    The runner `workshop` is gone.
    --- json
    {"removed":"workshop"}
    "#);
}

#[test]
fn what_is_not_there_is_not_removed() {
    let server = Server::start(|request| match request.path.ends_with("/x") {
        true => problem(&Problem::new(
            Code::NotFound,
            "nothing of that name is here",
        )),
        false => json(&page::<()>(vec![])),
    });
    let home = Home::of(&server);
    let commands: [&[&str]; 5] = [
        &["agent", "remove", "x"],
        &["agent", "edit", "x", "--timeout", "1h"],
        &["provider", "remove", "x"],
        &["provider", "key", "x"],
        &["runner", "revoke", "x"],
    ];
    for args in commands {
        let seen = home.run(&[&["--json"], args].concat());
        assert_eq!(
            (seen.code, seen.error().as_str()),
            (1, "not_found"),
            "{args:?}"
        );
    }
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[test]
fn of_two_machines_with_one_name_none_is_revoked_by_it() {
    let twins = || {
        vec![
            documents::runner(),
            Runner {
                id: documents::id(2),
                ..documents::runner()
            },
        ]
    };
    let server = Server::start(move |_| json(&page(twins())));
    let seen = Home::of(&server).run(&["--json", "runner", "revoke", "workshop"]);
    assert_eq!((seen.code, seen.error().as_str()), (2, "usage"));
    assert_eq!(server.lines().len(), 1);
}

/// A server that asks before it deletes, as it asks people, or only whoever wants to be asked, as programs.
fn asking(asks_all: bool) -> impl Fn(&Request) -> Answer {
    move |request| {
        let (method, word) = (request.method.as_str(), request.confirmation.as_str());
        if method != "DELETE" || word == "fha_now" || (word.is_empty() && !asks_all) {
            return board(request);
        }
        let mut asked = Problem::new(
            Code::ConfirmationNeeded,
            "what would happen: the agent `fixer` is removed",
        );
        asked.confirmation = Some("fha_now".to_owned());
        problem(&asked)
    }
}

/// A person is asked with the server's own words, and only a clear yes goes on; `--yes` is one.
#[test]
fn what_cannot_be_taken_back_is_asked_of_whoever_is_there_in_the_servers_words() {
    let deletions = |asks_all: bool, answer: &str, more: &[&str]| {
        let server = Server::start(asking(asks_all));
        let args = [&["agent", "remove", "fixer"], more].concat();
        let (code, screen) = Home::of(&server).run_at_terminal(&args, "[y/N]", answer);
        let sent = server.requests().into_iter();
        let sent: Vec<String> = sent
            .filter(|request| request.method == "DELETE")
            .map(|request| request.confirmation)
            .collect();
        let question = "What would happen: the agent `fixer` is removed. Do it?";
        (code, sent, screen.contains(question))
    };
    let sent = |words: &[&str]| -> Vec<String> { words.iter().map(|&w| w.to_owned()).collect() };
    for asks_all in [true, false] {
        let done = deletions(asks_all, "y\n", &[]);
        assert_eq!(done, (0, sent(&["ask", "fha_now"]), true));
        for no in ["\n", "no\n"] {
            assert_eq!(deletions(asks_all, no, &[]), (1, sent(&["ask"]), true));
        }
    }
    // Said in advance it is the server's token that goes along; a program's needs none.
    let done = deletions(true, "", &["--yes"]);
    assert_eq!(done, (0, sent(&["", "fha_now"]), false));
    let done = deletions(false, "", &["--yes"]);
    assert_eq!(done, (0, sent(&[""]), false));
    // A script that said nothing is told, and nothing is done.
    assert_eq!(deletions(true, "", &["--json"]), (1, sent(&[""]), false));
    assert_eq!(deletions(false, "", &["--json"]), (0, sent(&[""]), false));
    let server = Server::start(asking(true));
    let told = Home::of(&server).run(&["--json", "agent", "remove", "fixer"]);
    assert_eq!(
        (told.code, told.error().as_str()),
        (1, "confirmation_needed")
    );
    assert!(told.to_string().contains("`--yes`"), "{told}");
}

fn written(request: &Request) -> Answer {
    match (request.method.as_str(), request.path.as_str()) {
        ("PUT", _) => json(&Provider {
            key: Key::Written(0),
            ..documents::provider()
        }),
        _ => board(request),
    }
}

#[test]
fn a_key_is_piped_in_and_never_shown() {
    let server = Server::start(written);
    let home = Home::of(&server);
    let seen = home.run_with(&["provider", "key", "work"], b"sk-secret\r\n");
    assert!(!format!("{seen}").contains("sk-secret"));
    insta::assert_snapshot!(seen, @"
    exit code 0
    --- stdout
    work
      id        prov_01kdyak348e40r2081040g2081
      kind      openai
      endpoint  https://models.example.org/v1
      key       written, and no runner can open it: `freehold provider key`
      created   2026-01-02 03:04:05 UTC
    next: `freehold agent add NAME --driver builtin --provider work`
    ");
    let sent = &server.requests()[1].body;
    assert!(sent.contains(r#""key":{"write":"sk-secret"}"#), "{sent}");
    for wrong in [&b""[..], b"\n", b"two words", b"\xff\xfe", &[b'x'; 20_000]] {
        let seen = home.run_with(&["--json", "provider", "key", "work"], wrong);
        assert_eq!((seen.code, seen.error().as_str()), (2, "usage"));
        assert!(!seen.err.contains("two words"));
    }
    let args = [
        "provider",
        "add",
        "w",
        "--kind",
        "openai",
        "--base-url",
        "http://m",
        "--key-stdin",
    ];
    assert_eq!(home.run_with(&args, b"sk-secret").code, 0);
    let sent = server.requests().last().unwrap().body.clone();
    assert!(sent.contains(r#""key":{"write":"sk-secret"}"#), "{sent}");
}

#[test]
fn a_key_that_is_typed_is_not_shown() {
    let server = Server::start(written);
    let args = ["provider", "key", "work"];
    let home = Home::of(&server);
    let (code, screen) = home.run_at_terminal(&args, "(it is not shown):", "sk-secret\n");
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("sk-secret"), "{screen}");
    assert!(server.requests()[1].body.contains("sk-secret"));
}

#[test]
fn no_word_takes_a_key() {
    for words in [["key", "work", "sk-1"], ["key", "work", "--key=sk-1"]] {
        let seen = Home::empty().run(&[&["--json", "provider"], &words[..]].concat());
        assert_eq!((seen.code, seen.error().as_str()), (2, "usage"));
    }
}

#[test]
fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let server = Server::start(|request| match request.method.as_str() {
        "PUT" | "PATCH" => problem(&Problem::new(
            Code::Stale,
            "this change was made from another state",
        )),
        _ => board(request),
    });
    let home = Home::of(&server);
    for args in [
        ["project", "edit", "demo", "--target", "release"],
        ["agent", "edit", "fixer", "--timeout", "2h"],
        ["provider", "edit", "work", "--model", "m"],
    ] {
        let done = home.run(&args);
        assert_eq!(done.code, 1, "{args:?}: {}", done.err);
        assert!(done.err.contains("somebody changed it"), "{}", done.err);
        assert!(done.err.contains("begins from that"), "{}", done.err);
    }
}
