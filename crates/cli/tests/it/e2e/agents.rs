//! The field's own agents and ours, through the whole product, against a model that follows a script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use freehold_scripted::{Recorded, Step};
use serde_json::{Value, json};

use super::day::{Model, approve, fails, refused, reply, run_of, text, waits};
use super::harness::{Installation, Part, id};
use super::procs::{self, until};
use super::remote::Remote;

/// A key that is found wherever it is.
pub(super) const KEY: &str = "sk-only-the-endpoint-may-see-this-0a1b2c3d4e5f";
const CHECK: &str = "[[checks]]\nname = \"greets\"\ncommand = \"grep -qx hello hello.txt\"\n";
/// What the harness gives to `up`.
const SYSTEM: &str = "/usr/local/bin:/usr/bin:/bin";

/// Two turns of a conversation: a file, and a line more when a person asks for it.
pub(super) fn greeting() -> Vec<Vec<Step>> {
    vec![
        vec![
            Step::text("This is a script. I write the file."),
            Step::call(
                "write_file",
                json!({"path": "hello.txt", "content": "hello\n"}),
            ),
        ],
        vec![Step::text("It is written.")],
        vec![Step::call(
            "shell",
            json!({"command": "echo again >> hello.txt"}),
        )],
        vec![Step::text("It is longer now.")],
    ]
}

/// Where `scripts/install-agents` puts the agents, or `FREEHOLD_TEST_AGENTS`.
pub(super) fn agents() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/agents");
    let agents = std::env::var_os("FREEHOLD_TEST_AGENTS").map_or(ours, PathBuf::from);
    for name in ["codex-acp", "codex", "opencode"] {
        assert!(
            agents.join("node_modules/.bin").join(name).exists(),
            "`{name}` is not in {}: run scripts/install-agents, or set FREEHOLD_TEST_AGENTS",
            agents.display()
        );
    }
    agents.canonicalize().unwrap()
}

/// The directory of the `node` that this test's own environment finds: the agents need one that
/// Debian's is too old for.
pub(super) fn node() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs = std::env::split_paths(&path);
    dirs.find(|dir| dir.join("node").is_file())
        .unwrap_or_else(|| panic!("node is not on PATH: run scripts/install test"))
}

/// An installation whose environment holds the key, with one project and one provider.
pub(super) fn start(model: &Model, kind: &str, path: &[&Path]) -> (Installation, Remote) {
    let files = [
        ("README", "nothing yet\n"),
        (".agentworks/project.toml", CHECK),
    ];
    start_on(model, kind, path, &files)
}

/// The same on a repository with these files.
pub(super) fn start_on(
    model: &Model,
    kind: &str,
    path: &[&Path],
    files: &[(&str, &str)],
) -> (Installation, Remote) {
    let dirs = path.iter().map(|dir| dir.to_str().unwrap());
    let path: Vec<&str> = dirs.chain([SYSTEM]).collect();
    let up = Installation::up_in(&[("MODEL_KEY", KEY), ("PATH", &path.join(":"))]);
    let remote = Remote::bare(files);
    up.project("p", &remote, &[]);
    let base = match kind {
        "openai" => format!("{}/v1", model.url()),
        _ => model.url(),
    };
    let mut words = vec![
        "provider",
        "add",
        "model",
        "--kind",
        kind,
        "--base-url",
        &base,
    ];
    words.extend(["--key-env", "MODEL_KEY", "--model", "scripted"]);
    up.fh(&words).ok();
    let asked = model.requests();
    assert_eq!(
        asked.first().and_then(key),
        Some(KEY),
        "`provider add` asks the endpoint"
    );
    (up, remote)
}

/// The key that a request brought.
fn key(request: &Recorded) -> Option<&str> {
    let bearer = request.header("authorization");
    let bearer = bearer.map(|value| value.trim_start_matches("Bearer "));
    bearer.or(request.header("x-api-key"))
}

/// The turns of conversations that the endpoint got.
fn turns(model: &Model, path: &str) -> Vec<Recorded> {
    let mut all = model.requests();
    all.retain(|request| request.method == "POST" && request.path.starts_with(path));
    all
}

/// A card becomes a file, a reply goes on in the same conversation, a yes lands it.
pub(super) fn writes_goes_on_and_lands(
    up: &Installation,
    remote: &Remote,
    model: &Model,
    agent: &str,
    path: &str,
) {
    let card = up.card("p", "Write hello.txt.");
    let run = waits(run_of(up, &card, agent));
    assert_eq!(run["checks"][0]["name"], "greets");
    let diff = up.fh(&["run", "diff", id(&run)]).out();
    assert!(diff.contains("+hello"), "{diff}");
    let said = up.events(id(&run));
    assert!(
        said.iter().any(|event| event["type"] == "agent.message"),
        "{said:#?}"
    );

    let before = turns(model, path).len();
    let again = waits(reply(up, &run, "Make it longer."));
    let asked = turns(model, path);
    assert!(asked.len() > before, "the second turn asks the model");
    let second = asked[before].body.to_string();
    for words in ["Write hello.txt.", "It is written.", "Make it longer."] {
        assert!(
            second.contains(words),
            "{words} is not in the conversation: {second}"
        );
    }
    let stranger = asked.iter().find(|request| key(request) != Some(KEY));
    assert!(
        stranger.is_none(),
        "without the provider's key: {stranger:?}"
    );

    let landed = approve(up, &again);
    assert_eq!(remote.head(), landed);
    assert_eq!(remote.show("hello.txt").as_deref(), Some("hello\nagain"));
    let message = remote.git(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.contains(&format!("Freehold-Card: {card}")),
        "{message}"
    );
}

/// A key that is written down reaches the endpoint through the runner, and is in no file of the
/// installation: neither server nor runner keeps it where it could be read.
#[test]
fn a_written_key_is_sealed_and_reaches_the_model_alone() {
    let model = Model::turns(greeting(), KEY);
    let up = Installation::up();
    let remote = Remote::bare(&[
        ("README", "nothing yet\n"),
        (".agentworks/project.toml", CHECK),
    ]);
    up.project("p", &remote, &[]);
    let base = format!("{}/v1", model.url());
    let add = [
        "provider",
        "add",
        "model",
        "--kind",
        "openai",
        "--base-url",
        &base,
        "--model",
        "scripted",
        "--key-stdin",
    ];
    let wrong = up.fh_with(&add, "sk-another\n");
    assert_eq!(wrong.error(), "provider_refused", "it is tried at once");
    let made = up.fh_with(&add, &format!("{KEY}\n")).ok();
    assert_eq!(made["key"], json!({ "written": 1 }));
    let words = ["agent", "add", "own", "--driver", "builtin"];
    up.fh(&[&words[..], &["--provider", "model"]].concat()).ok();
    writes_goes_on_and_lands(&up, &remote, &model, "own", "/v1/chat/completions");
    let kept = Command::new("grep")
        .args(["-rlaF", KEY])
        .arg(up.data())
        .env_clear()
        .env("PATH", SYSTEM)
        .output()
        .unwrap();
    let kept = String::from_utf8_lossy(&kept.stdout).into_owned();
    assert_eq!(kept, "", "the key is in the clear");
}

/// `codex` and its adapter are on `PATH`, as after `npm install --global`: no `--path` is needed.
#[test]
fn codex_is_found_on_path_and_lands() {
    let model = Model::turns(greeting(), KEY);
    let bin = agents().join("node_modules/.bin");
    let (up, remote) = start(&model, "openai", &[&bin, &node()]);
    let words = [
        "agent", "add", "codex", "--driver", "acp", "--preset", "codex",
    ];
    up.fh(&[&words[..], &["--provider", "model"]].concat()).ok();
    writes_goes_on_and_lands(&up, &remote, &model, "codex", "/v1/responses");
}

/// Not on `PATH`, but in a directory that the agent's owner names.
#[test]
fn opencode_is_found_below_a_named_directory_and_lands() {
    let agents = agents();
    let model = Model::turns(greeting(), KEY);
    let (up, remote) = start(&model, "openai", &[]);
    let add = |name: &str, more: &[&str]| {
        let words = [
            "agent", "add", name, "--driver", "acp", "--preset", "opencode",
        ];
        up.fh(&[&words[..], &["--provider", "model"], more].concat())
            .ok();
    };
    add("lost", &[]);
    let detail = fails(&up, "lost", "agent_missing");
    assert!(
        detail.contains("`opencode`") && detail.contains("--path"),
        "{detail}"
    );

    add("opencode", &["--path", agents.to_str().unwrap()]);
    writes_goes_on_and_lands(&up, &remote, &model, "opencode", "/v1/chat/completions");
}

#[test]
fn our_own_loop_speaks_openai_and_lands() {
    our_own_loop("openai", "/v1/chat/completions");
}

#[test]
fn our_own_loop_speaks_anthropic_and_lands() {
    our_own_loop("anthropic", "/v1/messages");
}

#[test]
fn our_own_loop_speaks_ollama_and_lands() {
    our_own_loop("ollama", "/api/chat");
}

fn our_own_loop(kind: &str, path: &str) {
    let model = Model::turns(greeting(), KEY);
    let (up, remote) = start(&model, kind, &[]);
    up.fh(&[
        "agent",
        "add",
        "ours",
        "--driver",
        "builtin",
        "--provider",
        "model",
    ])
    .ok();
    writes_goes_on_and_lands(&up, &remote, &model, "ours", path);
}

/// The provider's key reaches the endpoint and is nowhere else: not on the disk, not in the database,
/// not in what a person reads, not in the environment of anything inside the sandbox.
#[test]
fn the_key_is_nowhere_but_at_the_endpoint() {
    let look = "env; tr '\\0' '\\n' < /proc/self/environ; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; \
                grep -rs sk-only /home /freehold /run /tmp; sleep 5; echo looked";
    let script = vec![
        vec![Step::call("shell", json!({"command": look}))],
        vec![Step::call(
            "write_file",
            json!({"path": "hello.txt", "content": "hello\n"}),
        )],
        vec![Step::text("It is written.")],
    ];
    let model = Model::turns(script, KEY);
    let (up, _remote) = start(&model, "openai", &[]);
    up.fh(&[
        "agent",
        "add",
        "ours",
        "--driver",
        "builtin",
        "--provider",
        "model",
    ])
    .ok();
    let card = up.card("p", "Look around.");
    let run = up.fh(&["run", "start", &card]).ok();
    let run = id(&run);
    let runner = up.pid(Part::Runner);
    let inside = until("a process looks around in the sandbox", || looks(runner));
    assert!(!inside.contains(KEY), "a process inside holds the key");
    let ended = waits(up.run_in(run, &["waiting", "failed", "rejected"]));

    let asked = model.requests();
    assert!(asked.iter().all(|request| key(request) == Some(KEY)));
    let bodies: Vec<String> = asked
        .iter()
        .map(|request| request.body.to_string())
        .collect();
    let bodies = bodies.concat();
    assert!(
        bodies.contains("looked") && bodies.contains("FREEHOLD_CARD"),
        "{bodies}"
    );
    let places = [
        ("the conversation", bodies),
        ("the events", Value::from(up.events(run)).to_string()),
        ("the output", up.fh(&["run", "logs", run]).out()),
        ("the run", ended.to_string()),
        ("the provider", up.fh(&["provider", "list"]).out()),
        ("the database", dump(&up)),
    ];
    for (place, words) in places {
        assert!(!words.is_empty(), "{place}: nothing was looked at");
        assert!(!words.contains(KEY), "{place} holds the key");
    }
    for dir in [up.data(), up.beside("logs"), up.beside("home")] {
        assert_eq!(holders(&dir, KEY), Vec::<PathBuf>::new());
    }
    assert_ne!(
        holders(&up.data(), run),
        Vec::<PathBuf>::new(),
        "looking finds what is there"
    );
}

/// Environment and arguments of all processes below the runner that are in a sandbox, once the
/// script's own is among them.
fn looks(runner: u32) -> Option<String> {
    let space = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let ours = space(runner);
    let inside = procs::tree(runner).into_iter();
    let inside = inside.filter(|pid| space(*pid).is_some_and(|its| Some(its) != ours));
    let files =
        inside.flat_map(|pid| ["cmdline", "environ"].map(|file| format!("/proc/{pid}/{file}")));
    let read = files.map(|path| fs::read(path).unwrap_or_default());
    let all: Vec<String> = read
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let all = all.concat();
    (all.contains("sk-only") && all.contains("FREEHOLD_CARD")).then_some(all)
}

/// For psql: every row of every table, as text. The owner is subject to row-level security too, and
/// lifts it for this look only.
const DUMP: &str = r"
BEGIN;
SELECT format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname = 'public' \gexec
SELECT format('SELECT %L, t::text FROM %s t', relname, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname = 'public' \gexec
ROLLBACK;
";

/// Everything in the database, as its owner sees it.
fn dump(up: &Installation) -> String {
    let database = fs::read(up.data().join("database.json")).unwrap();
    let database: Value = serde_json::from_slice(&database).unwrap();
    let script = up.beside("dump.sql");
    fs::write(&script, DUMP).unwrap();
    let dumped = Command::new("psql")
        .env_clear()
        .env("PATH", SYSTEM)
        .args(["--no-psqlrc", "--tuples-only", "--set=ON_ERROR_STOP=1"])
        .arg("--file")
        .arg(script)
        .arg(text(&database, "owner"))
        .output()
        .unwrap();
    assert!(
        dumped.status.success(),
        "{}",
        String::from_utf8_lossy(&dumped.stderr)
    );
    let rows = String::from_utf8(dumped.stdout).unwrap();
    assert!(
        rows.contains("MODEL_KEY"),
        "the provider's row names the variable: {rows}"
    );
    rows
}

/// The files below a directory that hold some bytes.
fn holders(dir: &Path, wanted: &str) -> Vec<PathBuf> {
    // `grep` ends with 1 when it finds nothing and with 2 when a file went away under it.
    let grep = Command::new("grep")
        .args([
            "--recursive",
            "--files-with-matches",
            "--binary-files=binary",
        ])
        .args(["--fixed-strings", "--no-messages", "--devices=skip", wanted])
        .arg(dir)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&grep.stdout).into_owned();
    out.lines().map(PathBuf::from).collect()
}

/// `provider add` tries what it is given, from the runner's machine, and adds nothing that does not work.
#[test]
fn a_provider_that_does_not_work_is_not_added() {
    let model = Model::turns(vec![], KEY);
    let up = Installation::up_in(&[("MODEL_KEY", KEY), ("OTHER_KEY", "sk-wrong")]);
    let base = format!("{}/v1", model.url());
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let down = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let file = up.beside("key");
    fs::write(&file, "sk-wrong\n").unwrap();
    for (base, more, wanted) in [
        (&base, ["--key-env", "UNSET_KEY"], "UNSET_KEY"),
        (&base, ["--key-env", "OTHER_KEY"], "refuses the key"),
        (
            &base,
            ["--key-file", "/nonexistent/key"],
            "/nonexistent/key",
        ),
        (
            &base,
            ["--key-file", file.to_str().unwrap()],
            "refuses the key",
        ),
        (&base, ["--model", "scripted"], "asks for a key"),
        (&down, ["--key-env", "MODEL_KEY"], "nothing answers"),
    ] {
        let words = [
            "provider",
            "add",
            "model",
            "--kind",
            "openai",
            "--base-url",
            base,
        ];
        let error = refused(&up, 1, &[&words[..], &more].concat());
        assert_eq!(error["code"], "provider_refused", "{error}");
        assert!(
            text(&error, "message").contains(wanted),
            "{wanted}: {error}"
        );
        assert!(!error.to_string().contains("sk-wrong"), "{error}");
    }
    assert_eq!(up.fh(&["provider", "list"]).ok()["items"], json!([]));
}
