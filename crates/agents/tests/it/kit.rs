//! A workspace, a home, a scripted model behind the one open port, and an agent between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use freehold_agents::{
    AgentConfig, AgentError, AgentEvent, Driver, Endpoint, Helper, Inside, Launch, Outcome,
    ProviderKind, Session, Stream, Token, Turn, drive, plan,
};
use freehold_sandbox::{Child, Init, Limits, Mount, Port, Spec, Tier, host_root, start};
use freehold_scripted::{Handle, Listen, Script, ScriptedModel, Step, ToolCall};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// For one turn of a real agent on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(300);
/// The port of the model inside.
pub(crate) const PORT: u16 = 8317;
pub(crate) const TOKEN: &str = "run-token-for-tests";
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_freehold-agent");
/// Where the program is seen inside.
const HELPER: &str = "/opt/freehold/freehold-agent";

pub(crate) struct Stage {
    folder: TempDir,
    model: Option<Handle>,
    /// Directories of the host to show.
    pub(crate) shown: Vec<PathBuf>,
}

/// How a turn went, with all that was reported.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) result: Result<Outcome, AgentError>,
    pub(crate) events: Vec<AgentEvent>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("workspace")).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self {
            folder,
            model: None,
            shown: Vec::new(),
        }
    }

    /// With a model that plays `turns`.
    pub(crate) async fn scripted(turns: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let mut stage = Self::new();
        let listen = Listen::Unix(stage.socket());
        let script = Script::new("test", turns);
        stage.model = Some(
            ScriptedModel::start_guarded(script, listen, Some(TOKEN.into()))
                .await
                .unwrap(),
        );
        stage
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("model.sock")
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn model(&self) -> &Handle {
        self.model.as_ref().unwrap()
    }

    /// The text of a file in the workspace, or nothing.
    pub(crate) fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.workspace().join(name)).ok()
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        let path = self.workspace().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) async fn start(&self, launch: &Launch) -> Child {
        for file in &launch.home_files {
            let path = self.home().join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &file.bytes).unwrap();
        }
        let home = PathBuf::from(freehold_sandbox::HOME);
        let mut mounts = host_root();
        mounts.extend(self.shown.iter().map(|dir| Mount::ReadOnly {
            source: dir.clone(),
            target: dir.clone(),
        }));
        mounts.extend([
            Mount::ReadWrite {
                source: self.workspace(),
                target: "/workspace".into(),
            },
            Mount::ReadWrite {
                source: self.home(),
                target: home,
            },
            Mount::ReadOnly {
                source: PROGRAM.into(),
                target: HELPER.into(),
            },
            Mount::File {
                contents: br#"{"run":"run_1","title":"a card"}"#.to_vec(),
                target: "/run/freehold/card.json".into(),
            },
        ]);
        let ports = self.socket().exists().then(|| Port {
            port: PORT,
            socket: self.socket(),
        });
        let spec = Spec {
            tier: Tier::Sandbox,
            program: launch.program.clone().into(),
            args: launch.args.iter().map(Into::into).collect(),
            env: launch
                .env
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            cwd: launch.cwd.clone(),
            mounts,
            ports: ports.into_iter().collect(),
            limits: Limits::default(),
            stdin: launch.stdin,
            terminal: None,
            image: None,
            hypervisor: None,
            runtime: None,
            user: freehold_sandbox::User::Own,
            init: Init {
                program: PROGRAM.into(),
                args: vec!["init".into()],
            },
        };
        start(&spec).await.unwrap()
    }

    pub(crate) async fn play(
        &self,
        config: &AgentConfig,
        turn: &Turn,
        resume: Option<&Session>,
    ) -> Played {
        self.play_until(config, turn, resume, |_| false).await
    }

    /// Plays a turn, and cancels it at the first event that `enough` accepts.
    pub(crate) async fn play_until(
        &self,
        config: &AgentConfig,
        turn: &Turn,
        resume: Option<&Session>,
        enough: impl Fn(&AgentEvent) -> bool,
    ) -> Played {
        let endpoint = endpoint();
        let endpoint = config.provider_kind.map(|_| &endpoint);
        let launch = plan(config, &inside(), endpoint, resume).unwrap();
        let mut child = self.start(&launch).await;
        let (sender, mut receiver) = mpsc::channel(16);
        let cancel = CancellationToken::new();
        let mut events = Vec::new();
        let listening = async {
            while let Some(event) = receiver.recv().await {
                if enough(&event) {
                    cancel.cancel();
                }
                events.push(event);
            }
        };
        let driving = async {
            let result = Box::pin(drive(&launch, &mut child, turn, resume, &sender, &cancel)).await;
            drop(sender);
            result
        };
        let both = async { tokio::join!(driving, listening) };
        let (result, ()) = tokio::time::timeout(PATIENCE, both)
            .await
            .expect("the turn did not end");
        Played { result, events }
    }
}

impl Played {
    #[track_caller]
    pub(crate) fn outcome(&self) -> &Outcome {
        match &self.result {
            Ok(outcome) => outcome,
            Err(error) => panic!(
                "{error}\nstdout: {}\nstderr: {}",
                self.raw(Stream::Stdout),
                self.raw(Stream::Stderr)
            ),
        }
    }

    /// The error's words.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        match &self.result {
            Err(error) => error.to_string(),
            Ok(outcome) => panic!(
                "no error but {outcome:?}\nstderr: {}",
                self.raw(Stream::Stderr)
            ),
        }
    }

    pub(crate) fn raw(&self, wanted: Stream) -> String {
        let bytes: Vec<u8> = self
            .events
            .iter()
            .filter_map(|event| match event {
                AgentEvent::Output { stream, bytes } if *stream == wanted => Some(bytes.as_slice()),
                _ => None,
            })
            .flatten()
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// All that was said, joined.
    pub(crate) fn said(&self) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            AgentEvent::Message { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Kind and last status of each tool call.
    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        let mut calls: Vec<(String, String, String)> = Vec::new();
        for event in &self.events {
            let AgentEvent::ToolCall {
                id, kind, status, ..
            } = event
            else {
                continue;
            };
            match calls.iter_mut().find(|(known, ..)| known == id) {
                Some((_, _, last)) => last.clone_from(status),
                None => calls.push((id.clone(), kind.clone(), status.clone())),
            }
        }
        calls
            .into_iter()
            .map(|(_, kind, status)| (kind, status))
            .collect()
    }
}

pub(crate) fn inside() -> Inside {
    Inside {
        workspace: "/workspace".into(),
        start: "/workspace".into(),
        home: freehold_sandbox::HOME.into(),
        card_file: "/run/freehold/card.json".into(),
        path: "/usr/local/bin:/usr/bin:/bin".into(),
        helper: Helper {
            program: HELPER.into(),
            args: vec!["loop".into()],
            mcp_args: vec!["mcp".into()],
        },
    }
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint {
        base_url: format!("http://127.0.0.1:{PORT}"),
        token: Token::new(TOKEN),
    }
}

pub(crate) fn config(driver: Driver, command: &[&str]) -> AgentConfig {
    AgentConfig {
        driver,
        preset: None,
        command: command.iter().map(|&word| word.to_owned()).collect(),
        model: None,
        provider_kind: None,
        tools: false,
    }
}

pub(crate) fn with_model(driver: Driver, kind: ProviderKind) -> AgentConfig {
    AgentConfig {
        model: Some("scripted".into()),
        provider_kind: Some(kind),
        ..config(driver, &[])
    }
}

pub(crate) fn turn(prompt: &str) -> Turn {
    Turn {
        prompt: prompt.into(),
        ..Turn::default()
    }
}

pub(crate) fn text(words: &str) -> Step {
    Step::Text(words.into())
}

pub(crate) fn call(name: &str, arguments: serde_json::Value) -> Step {
    Step::ToolCall(ToolCall {
        name: name.into(),
        arguments,
        exact: false,
    })
}

/// The agents from npm, or the news of how to get them.
pub(crate) fn agents() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/agents");
    let agents = std::env::var_os("FREEHOLD_TEST_AGENTS").map_or(repository, PathBuf::from);
    let missing = ["codex-acp", "codex", "opencode"]
        .into_iter()
        .find(|name| !bin(&agents).join(name).exists());
    if let Some(name) = missing {
        panic!(
            "`{name}` is not in {}; run scripts/install-agents, or set FREEHOLD_TEST_AGENTS",
            agents.display()
        );
    }
    fs::canonicalize(agents).unwrap()
}

pub(crate) fn bin(agents: &Path) -> PathBuf {
    agents.join("node_modules/.bin")
}
