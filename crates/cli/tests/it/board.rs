//! Projects, providers, agents, cards and runners: what is asked, and what is printed.

use freehold_wire::api::{BODY_MAX, Card, Page, Project};
use freehold_wire::order::Egress;

use super::documents::{self, board, card_id, page};
use super::program::{Home, shown};
use super::server::{Server, json};

#[test]
fn project_add() {
    let args = [
        "project",
        "add",
        "demo",
        "--remote",
        "git@example.org:demo.git",
        "--target",
        "main",
        "--egress",
        "none",
    ];
    insta::assert_snapshot!(shown(&args, ""), @r#"
    POST /api/v1/projects {"name":"demo","remote":"git@example.org:demo.git","target":"main","egress":"none","directory":null}
    exit code 0
    --- stdout
    demo
      id       proj_01kdyak348e40r2081040g2081
      remote   git@example.org:demo.git
      target   main
      egress   registries
      record   git@example.org:demo.git refs/freehold/record /
      created  2026-01-02 03:04:05 UTC
    next: `freehold card add --project demo --title …`
    --- json
    {"id":"proj_01kdyak348e40r2081040g2081","name":"demo","remote":"git@example.org:demo.git","target":"main","egress":"registries","isolation_at_least":null,"directory":null,"share":1,"record":{"remote":"git@example.org:demo.git","ref":"refs/freehold/record","path":"/"},"created_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn project_list() {
    insta::assert_snapshot!(shown(&["project", "list"], ""), @r#"
    GET /api/v1/projects?limit=200
    exit code 0
    --- stdout
    NAME  TARGET  EGRESS      REMOTE
    demo  main    registries  git@example.org:demo.git
    --- json
    {"items":[{"id":"proj_01kdyak348e40r2081040g2081","name":"demo","remote":"git@example.org:demo.git","target":"main","egress":"registries","isolation_at_least":null,"directory":null,"share":1,"record":{"remote":"git@example.org:demo.git","ref":"refs/freehold/record","path":"/"},"created_at":"2026-01-02T03:04:05Z"}],"next":null}
    "#);
}

#[test]
fn project_show() {
    insta::assert_snapshot!(shown(&["project", "show", "demo"], ""), @r#"
    GET /api/v1/projects/demo
    exit code 0
    --- stdout
    demo
      id       proj_01kdyak348e40r2081040g2081
      remote   git@example.org:demo.git
      target   main
      egress   registries
      record   git@example.org:demo.git refs/freehold/record /
      created  2026-01-02 03:04:05 UTC
    next: `freehold card add --project demo --title …`
    --- json
    {"id":"proj_01kdyak348e40r2081040g2081","name":"demo","remote":"git@example.org:demo.git","target":"main","egress":"registries","isolation_at_least":null,"directory":null,"share":1,"record":{"remote":"git@example.org:demo.git","ref":"refs/freehold/record","path":"/"},"created_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn open_egress_is_said_loudly() {
    let open = Project {
        egress: Egress::Open,
        ..documents::project()
    };
    let server = Server::start(move |request| match request.path.contains("demo") {
        true => json(&open),
        false => json(&page(vec![open.clone()])),
    });
    let home = Home::of(&server);
    assert!(
        home.run(&["project", "show", "demo"])
            .out()
            .contains("egress   OPEN: the agent can reach any")
    );
    assert!(
        home.run(&["project", "list"])
            .out()
            .contains("demo  main    OPEN ")
    );
}

#[test]
fn provider_add() {
    let args = [
        "provider",
        "add",
        "work",
        "--kind",
        "openai",
        "--base-url",
        "https://models.example.org/v1",
        "--key-env",
        "OPENAI_API_KEY",
        "--model",
        "m",
    ];
    insta::assert_snapshot!(shown(&args, ""), @r#"
    POST /api/v1/providers {"name":"work","kind":"openai","base_url":"https://models.example.org/v1","key":{"env":"OPENAI_API_KEY"},"model":"m"}
    exit code 0
    --- stdout
    work
      id        prov_01kdyak348e40r2081040g2081
      kind      openai
      endpoint  https://models.example.org/v1
      key       variable OPENAI_API_KEY on the runner's machine
      created   2026-01-02 03:04:05 UTC
    next: `freehold agent add NAME --driver builtin --provider work`
    --- json
    {"id":"prov_01kdyak348e40r2081040g2081","name":"work","kind":"openai","base_url":"https://models.example.org/v1","key":{"env":"OPENAI_API_KEY"},"model":null,"created_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn a_key_file_is_named_by_its_absolute_path_and_never_opened() {
    let server = Server::start(board);
    let home = Home::of(&server);
    let seen = home.run(&[
        "provider",
        "add",
        "w",
        "--kind",
        "ollama",
        "--base-url",
        "http://m",
        "--key-file",
        "keys/none",
    ]);
    assert_eq!(seen.code, 0, "{seen}");
    let wanted = format!(r#""key":{{"file":"{}/keys/none"}}"#, home.data().display());
    assert!(server.requests()[0].body.contains(&wanted));
}

#[test]
fn provider_list() {
    insta::assert_snapshot!(shown(&["provider", "list"], ""), @r#"
    GET /api/v1/providers?limit=200
    exit code 0
    --- stdout
    NAME  KIND    MODEL  KEY                      ENDPOINT
    work  openai  -      variable OPENAI_API_KEY  https://models.example.org/v1
    --- json
    {"items":[{"id":"prov_01kdyak348e40r2081040g2081","name":"work","kind":"openai","base_url":"https://models.example.org/v1","key":{"env":"OPENAI_API_KEY"},"model":null,"created_at":"2026-01-02T03:04:05Z"}],"next":null}
    "#);
}

#[test]
fn agent_add() {
    let args = [
        "agent",
        "add",
        "fixer",
        "--driver",
        "command",
        "--path",
        "tools",
        "--path",
        "/opt/x",
        "--label",
        "gpu=none",
        "--timeout",
        "1h",
        "--stall",
        "90s",
        "--",
        "./fix.sh",
        "--json",
        "--quick",
    ];
    insta::assert_snapshot!(shown(&args, ""), @r#"
    POST /api/v1/agents {"name":"fixer","driver":"command","preset":null,"provider":null,"paths":["[HOME]/tools","/opt/x"],"labels":{"gpu":"none"},"timeout_s":3600,"stall_s":90,"command":["./fix.sh","--json","--quick"],"isolation":"sandbox","image":null,"limits":{},"tools":false,"repository_settings":false}
    exit code 0
    --- stdout
    fixer
      id         agent_01kdyak348e40r2081040g2081
      driver     command
      command    ./fix.sh --quick
      paths      /opt/fixer
      labels     gpu=none
      isolation  sandbox
      limits     1h in all, 1m30s of silence
      created    2026-01-02 03:04:05 UTC
    next: `freehold run start CARD --agent fixer`
    --- json
    {"id":"agent_01kdyak348e40r2081040g2081","name":"fixer","driver":"command","preset":null,"provider":null,"paths":["/opt/fixer"],"labels":{"gpu":"none"},"timeout_s":3600,"stall_s":90,"command":["./fix.sh","--quick"],"isolation":"sandbox","image":null,"limits":{},"tools":false,"repository_settings":false,"created_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn agent_list() {
    insta::assert_snapshot!(shown(&["agent", "list"], ""), @r#"
    GET /api/v1/agents?limit=200
    exit code 0
    --- stdout
    NAME   DRIVER   PROVIDER  ISOLATION  TIMEOUT  COMMAND
    fixer  command  -         sandbox    1h       ./fix.sh --quick
    --- json
    {"items":[{"id":"agent_01kdyak348e40r2081040g2081","name":"fixer","driver":"command","preset":null,"provider":null,"paths":["/opt/fixer"],"labels":{"gpu":"none"},"timeout_s":3600,"stall_s":90,"command":["./fix.sh","--quick"],"isolation":"sandbox","image":null,"limits":{},"tools":false,"repository_settings":false,"created_at":"2026-01-02T03:04:05Z"}],"next":null}
    "#);
}

#[test]
fn card_add() {
    let depends = documents::id::<freehold_model::id::kind::Card>(2).to_string();
    let args = [
        "card",
        "add",
        "--project",
        "demo",
        "--title",
        "Mend the parser",
        "--body",
        "-",
        "--depends",
        &depends,
    ];
    insta::assert_snapshot!(shown(&args, "It drops\nthe last line.\n"), @r#"
    POST /api/v1/cards {"project":"demo","title":"Mend the parser","body":"It drops\nthe last line.\n","depends":["card_01kdyak348e81840g2081040g2"]}
    exit code 0
    --- stdout
    Mend the parser
      id         card_01kdyak348e40r2081040g2081
      project    proj_01kdyak348e40r2081040g2081
      lane       Backlog
      depends    card_01kdyak348e81840g2081040g2
      waits for  card_01kdyak348e81840g2081040g2
      landed     no
      version    3
      created    2026-01-02 03:04:05 UTC
      updated    2026-01-02 03:04:05 UTC

    It drops the last line.
    See tests.

    next: `freehold run start card_01kdyak348e40r2081040g2081`
    --- json
    {"id":"card_01kdyak348e40r2081040g2081","project":"proj_01kdyak348e40r2081040g2081","title":"Mend the parser","body":"It drops the last line.\nSee \u001b[31mtests\u001b[0m.","lane":"Backlog","depends":["card_01kdyak348e81840g2081040g2"],"run":null,"run_state":null,"run_reason":null,"waiting_for":null,"agent":null,"unmet":["card_01kdyak348e81840g2081040g2"],"landed":false,"version":3,"rank":1024.0,"archived_at":null,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn a_body_over_2_mb_is_refused_before_anything_is_sent() {
    let server = Server::start(board);
    let home = Home::of(&server);
    let args = [
        "--json",
        "card",
        "add",
        "--project",
        "demo",
        "--title",
        "t",
        "--body",
        "-",
    ];
    let seen = home.run_with(&args, &vec![b'x'; BODY_MAX + 1]);
    assert_eq!((seen.code, seen.error().as_str()), (1, "too_large"));
    // The text fits, what it becomes on the wire does not.
    let seen = home.run_with(&args, &vec![b'"'; BODY_MAX - 1]);
    assert_eq!((seen.code, seen.error().as_str()), (1, "too_large"));
    let seen = home.run_with(&args, b"\xff\xfe");
    assert_eq!((seen.code, seen.error().as_str()), (2, "invalid"));
    assert!(server.requests().is_empty());
}

#[test]
fn card_list() {
    insta::assert_snapshot!(shown(&["card", "list", "--project", "demo"], ""), @r#"
    GET /api/v1/cards?project=demo&limit=200
    exit code 0
    --- stdout
    CARD                             LANE     RUN  TITLE
    card_01kdyak348e40r2081040g2081  Backlog  -    Mend the parser
    --- json
    {"items":[{"id":"card_01kdyak348e40r2081040g2081","project":"proj_01kdyak348e40r2081040g2081","title":"Mend the parser","body":"It drops the last line.\nSee \u001b[31mtests\u001b[0m.","lane":"Backlog","depends":["card_01kdyak348e81840g2081040g2"],"run":null,"run_state":null,"run_reason":null,"waiting_for":null,"agent":null,"unmet":["card_01kdyak348e81840g2081040g2"],"landed":false,"version":3,"rank":1024.0,"archived_at":null,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}],"next":null}
    "#);
}

#[test]
fn card_show() {
    insta::assert_snapshot!(shown(&["card", "show", &card_id()], ""), @r#"
    GET /api/v1/cards/card_01kdyak348e40r2081040g2081
    exit code 0
    --- stdout
    Mend the parser
      id         card_01kdyak348e40r2081040g2081
      project    proj_01kdyak348e40r2081040g2081
      lane       Backlog
      depends    card_01kdyak348e81840g2081040g2
      waits for  card_01kdyak348e81840g2081040g2
      landed     no
      version    3
      created    2026-01-02 03:04:05 UTC
      updated    2026-01-02 03:04:05 UTC

    It drops the last line.
    See tests.

    next: `freehold run start card_01kdyak348e40r2081040g2081`
    --- json
    {"id":"card_01kdyak348e40r2081040g2081","project":"proj_01kdyak348e40r2081040g2081","title":"Mend the parser","body":"It drops the last line.\nSee \u001b[31mtests\u001b[0m.","lane":"Backlog","depends":["card_01kdyak348e81840g2081040g2"],"run":null,"run_state":null,"run_reason":null,"waiting_for":null,"agent":null,"unmet":["card_01kdyak348e81840g2081040g2"],"landed":false,"version":3,"rank":1024.0,"archived_at":null,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn card_move() {
    insta::assert_snapshot!(shown(&["card", "move", &card_id(), "review"], ""), @r#"
    GET /api/v1/cards/card_01kdyak348e40r2081040g2081
    POST /api/v1/cards/card_01kdyak348e40r2081040g2081/move {"lane":"Review","from":null,"before":null}
    exit code 0
    --- stdout
    Mend the parser
      id         card_01kdyak348e40r2081040g2081
      project    proj_01kdyak348e40r2081040g2081
      lane       Backlog
      depends    card_01kdyak348e81840g2081040g2
      waits for  card_01kdyak348e81840g2081040g2
      landed     no
      version    3
      created    2026-01-02 03:04:05 UTC
      updated    2026-01-02 03:04:05 UTC

    It drops the last line.
    See tests.

    next: `freehold run start card_01kdyak348e40r2081040g2081`
    --- json
    {"id":"card_01kdyak348e40r2081040g2081","project":"proj_01kdyak348e40r2081040g2081","title":"Mend the parser","body":"It drops the last line.\nSee \u001b[31mtests\u001b[0m.","lane":"Backlog","depends":["card_01kdyak348e81840g2081040g2"],"run":null,"run_state":null,"run_reason":null,"waiting_for":null,"agent":null,"unmet":["card_01kdyak348e81840g2081040g2"],"landed":false,"version":3,"rank":1024.0,"archived_at":null,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn runner_list() {
    insta::assert_snapshot!(shown(&["runner", "list"], ""), @r#"
    GET /api/v1/runners?limit=200
    exit code 0
    --- stdout
    RUNNER                          NAME      STATE   JOBS  LAST SEEN                LABELS
    rnr_01kdyak348e40r2081040g2081  workshop  online  1/4   2026-01-02 03:04:05 UTC  gpu=none
    --- json
    {"items":[{"id":"rnr_01kdyak348e40r2081040g2081","name":"workshop","state":"online","labels":{"gpu":"none"},"capacity":4,"busy":1,"version":"0.1.0","machine":null,"last_seen":"2026-01-02T03:04:05Z","created_at":"2026-01-02T03:04:05Z"}],"next":null}
    "#);
}

#[test]
fn runner_enroll_token() {
    insta::assert_snapshot!(shown(&["runner", "enroll-token"], ""), @r#"
    POST /api/v1/runners/tokens {}
    exit code 0
    --- stdout
    fhe_once.abc.fingerprint
    --- json
    {"token":"fhe_once.abc.fingerprint","expires_at":"2026-01-02T03:04:05Z"}
    "#);
}

#[test]
fn an_empty_list_says_how_to_make_the_first() {
    let server = Server::start(|_| json(&page::<()>(vec![])));
    let home = Home::of(&server);
    let lists: [&[&str]; 7] = [
        &["project", "list"],
        &["provider", "list"],
        &["agent", "list"],
        &["card", "list", "--project", "demo"],
        &["run", "list"],
        &["runner", "list"],
        &["environment", "list"],
    ];
    let words: Vec<String> = lists.iter().map(|args| home.run(args).out()).collect();
    insta::assert_snapshot!(words.concat(), @"
    No projects yet. Add one: freehold project add NAME --remote URL
    No providers yet. Add one: freehold provider add NAME --kind openai --base-url URL --key-env VAR
    (An agent with the driver `command` needs none.)
    No agents yet. Add one: freehold agent add NAME --driver command -- CMD ARGS…
    No cards yet. Add one: freehold card add --project P --title TEXT
    No runs yet. Start one: freehold run start CARD
    No runners yet. `freehold up` has one of its own; another machine becomes one by
    freehold runner enroll-token, and there: freehold runner serve --server URL --token-file F
    No environment is active. A run begins its project's by itself;
    `freehold environment start PROJECT` makes a project ready before.
    ");
    for args in lists {
        let seen = home.run(&[&["--json"], args].concat());
        assert_eq!(seen.out(), "{\"items\":[],\"next\":null}\n");
    }
}

#[test]
fn a_list_of_several_pages_is_one_list() {
    let server = Server::start(|request| {
        let (n, next) = match request.path.split_once("after=").map(|(_, after)| after) {
            None => (1, Some("p2")),
            Some("p2") => (2, Some("p&3")),
            Some("p%263") => (3, None),
            Some(other) => panic!("{other}"),
        };
        let card = Card {
            id: documents::id(n),
            ..documents::card()
        };
        json(&Page {
            items: vec![card],
            next: next.map(str::to_owned),
        })
    });
    let home = Home::of(&server);
    let all = home
        .run(&["--json", "card", "list", "--project", "a/b c"])
        .json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    assert!(all["next"].is_null());
    assert!(server.lines()[0].contains("/cards?project=a%2Fb+c&limit=200"));
    let rest = home
        .run(&["--json", "card", "list", "--project", "p", "--after", "p&3"])
        .json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_list_without_end_is_handed_out_with_its_cursor() {
    let server = Server::start(|request| {
        let at: u32 = request
            .path
            .split_once("after=")
            .map_or(0, |(_, after)| after.parse().unwrap());
        let items = vec![0; 2_000];
        json(&Page {
            items: items.iter().map(|_| documents::project()).collect(),
            next: Some((at + 1).to_string()),
        })
    });
    let list = Home::of(&server).run(&["--json", "project", "list"]).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 10_000);
    assert_eq!(list["next"], "5");
}
