//! Codex and opencode, as npm has them at the versions of `agents.lock.json`, without a person and without a network.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use freehold_scripted::{Handle, Step};
use serde_json::json;
use tokio::process::Command;

use crate::support::model;

/// A first start of opencode takes 16 s on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything an agent does with files, in the neutral form.
fn script() -> Vec<Vec<Step>> {
    vec![
        vec![
            Step::text("This is a script."),
            Step::call("shell", json!({ "command": "printf ran > shell.txt" })),
        ],
        vec![
            Step::call(
                "write_file",
                json!({ "path": "sub/a b.txt", "content": "it's $HOME\n" }),
            ),
            Step::call(
                "write_file",
                json!({ "path": "edit.txt", "content": "old text\n" }),
            ),
        ],
        vec![Step::call("read_file", json!({ "path": "edit.txt" }))],
        vec![Step::call(
            "edit_file",
            json!({ "path": "edit.txt", "old": "old", "new": "new $&" }),
        )],
        vec![Step::text("Done, says the script.")],
    ]
}

/// A sealed home with an empty project in it. Not under /tmp: Codex refuses to work from there.
struct Stage {
    home: tempfile::TempDir,
    model: Handle,
}

impl Stage {
    async fn set() -> Self {
        let parent = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let home = tempfile::Builder::new()
            .prefix("scripted-")
            .tempdir_in(parent)
            .unwrap();
        std::fs::create_dir(home.path().join("work")).unwrap();
        Self {
            home,
            model: model(script()).await,
        }
    }

    fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    async fn run(&self, mut command: Command) -> Output {
        command
            .current_dir(self.work())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        tokio::time::timeout(PATIENCE, command.output())
            .await
            .expect("the agent ends")
            .unwrap()
    }

    /// The files are what the script wrote, and the agent said the last words.
    fn check(&self, output: &Output) {
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{said}");
        let read = |name: &str| {
            std::fs::read_to_string(self.work().join(name))
                .unwrap_or_else(|_| panic!("no {name}: {said}"))
        };
        assert_eq!(read("shell.txt"), "ran");
        assert_eq!(read("sub/a b.txt"), "it's $HOME\n");
        assert_eq!(read("edit.txt"), "new $& text\n");
        assert!(said.contains("Done, says the script."), "{said}");
    }
}

/// A program from npm: `FREEHOLD_TEST_AGENTS`, or what scripts/install-agents installed. The native program: the
/// launcher beside it would need Node.
fn program(path: &str) -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/agents");
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is told where the agents are as scripts/test is: by a variable"
    )]
    let agents = std::env::var_os("FREEHOLD_TEST_AGENTS").map_or(installed, PathBuf::from);
    let program = agents.join("node_modules").join(path);
    assert!(
        program.exists(),
        "{} is missing; run scripts/install-agents, or set FREEHOLD_TEST_AGENTS",
        program.display()
    );
    program
}

/// An empty environment but for a home and a path.
fn sealed(program: PathBuf, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command
}

#[tokio::test]
async fn codex_writes_files() {
    let stage = Stage::set().await;
    let codex_home = stage.home.path().join("codex");
    std::fs::create_dir(&codex_home).unwrap();
    let config = format!(
        "model = \"scripted\"\nmodel_provider = \"fh\"\n[model_providers.fh]\nname = \"fh\"\nbase_url = \"{}/v1\"\nenv_key = \"FH_KEY\"\nwire_api = \"responses\"\n",
        stage.model.url()
    );
    std::fs::write(codex_home.join("config.toml"), config).unwrap();
    let native = "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex";
    let mut codex = sealed(program(native), stage.home.path());
    codex.env("CODEX_HOME", codex_home).env("FH_KEY", "fake");
    codex.args([
        "exec",
        "--json",
        "-s",
        "danger-full-access",
        "--skip-git-repo-check",
        "Do what the script says.",
    ]);
    stage.check(&stage.run(codex).await);
}

#[tokio::test]
async fn opencode_writes_files() {
    let stage = Stage::set().await;
    let config = json!({
        "model": "fh/scripted", "small_model": "fh/scripted", "share": "disabled", "autoupdate": false,
        "provider": { "fh": {
            "npm": "@ai-sdk/openai-compatible",
            "options": { "baseURL": format!("{}/v1", stage.model.url()), "apiKey": "fake" },
            "models": { "scripted": {} },
        } },
    });
    let mut opencode = sealed(
        program("opencode-linux-x64/bin/opencode"),
        stage.home.path(),
    );
    opencode
        .env("OPENCODE_CONFIG_CONTENT", config.to_string())
        .env("OPENCODE_DISABLE_MODELS_FETCH", "1");
    opencode.args([
        "run",
        "--format",
        "json",
        "--pure",
        "--auto",
        "-m",
        "fh/scripted",
        "Do what the script says.",
    ]);
    stage.check(&stage.run(opencode).await);
}
