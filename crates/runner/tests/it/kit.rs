//! A remote, a server, a runner, and a card on its way through them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use freehold_model::id::Kind;
use freehold_model::run::{JobKind, Outcome, Work};
use freehold_model::{Clock, Entropy, Id, RunId};
use freehold_runner::{AgentHelper, BuildError, Handle, Options, Pace, RunError, Runner, enrol};
use freehold_sandbox::Init;
use freehold_wire::content::{Content, Place};
use freehold_wire::dsse::Envelope;
use freehold_wire::link::{Down, Finished, Offer, RunEvent, Up};
use freehold_wire::order::{
    AgentSpec, Egress, Execute, Land, ORDER, Order, ProjectRef, Prompt, Task,
};
use serde_json::Value;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

pub(crate) struct Now;
impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

pub(crate) struct Random;
impl Entropy for Random {
    fn fill(&self, buffer: &mut [u8]) {
        use std::io::Read as _;
        std::fs::File::open("/dev/urandom")
            .unwrap()
            .read_exact(buffer)
            .unwrap();
    }
}

pub(crate) fn id<K: Kind>() -> Id<K> {
    Id::new(&Now, &Random)
}

/// The program beside the tests: `examples/program.rs`.
pub(crate) fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/program")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test makes and reads its remote with git itself"
)]
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "Ann"),
            ("GIT_AUTHOR_EMAIL", "ann@example.org"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "Ann"),
            ("GIT_COMMITTER_EMAIL", "ann@example.org"),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A bare remote with one commit of the given files on `main`.
pub(crate) struct Remote {
    pub(crate) dir: TempDir,
}

impl Remote {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let remote = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        git(
            remote.dir.path(),
            &["init", "-q", "--bare", "-b", "main", "remote.git"],
        );
        if !files.is_empty() {
            remote.commit(files, "first");
        }
        remote
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.bare().display())
    }

    /// Somebody else's commit on `main`.
    pub(crate) fn commit(&self, files: &[(&str, &str)], message: &str) -> String {
        let clone = tempfile::tempdir().unwrap();
        let bare = self.bare();
        git(clone.path(), &["clone", "-q", bare.to_str().unwrap(), "."]);
        git(clone.path(), &["checkout", "-q", "-B", "main"]);
        for (name, text) in files {
            let path = clone.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(clone.path(), &["add", "-A"]);
        git(clone.path(), &["commit", "-q", "-m", message]);
        git(clone.path(), &["push", "-q", "origin", "main"]);
        git(clone.path(), &["rev-parse", "HEAD"])
    }

    pub(crate) fn read(&self, args: &[&str]) -> String {
        git(&self.bare(), args)
    }

    pub(crate) fn refs(&self, run: RunId) -> Vec<String> {
        let all = self.read(&[
            "for-each-ref",
            "--format=%(refname)",
            &format!("refs/freehold/{run}/"),
        ]);
        all.lines()
            .map(|line| line.rsplit('/').next().unwrap().to_owned())
            .collect()
    }
}

/// A runner in this process.
pub(crate) struct Live {
    pub(crate) data: Arc<TempDir>,
    pub(crate) handle: Handle,
    pub(crate) cancel: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), RunError>>,
}

pub(crate) fn options(data: &Path, server: &Server) -> Options {
    Options {
        data: data.to_owned(),
        server: server.url.parse().unwrap(),
        name: "test".into(),
        labels: [("kind".to_owned(), "test".to_owned())].into(),
        capacity: 2,
        environment: [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("THE_KEY", "sk-real"),
        ]
        .into_iter()
        .collect(),
        git: Default::default(),
        init: Init {
            program: program(),
            args: vec!["init".into()],
        },
        agent_helper: AgentHelper {
            program: program(),
            args: vec!["loop".into()],
            mcp_args: vec!["mcp".into()],
        },
        drain: Duration::from_secs(20),
        pace: Pace {
            retry_max: Duration::from_millis(500),
            ..Pace::default()
        },
        clock: Arc::new(Now),
        entropy: Arc::new(Random),
    }
}

/// An enrolled runner, connected.
pub(crate) async fn live(server: &Server) -> Live {
    let data = Arc::new(tempfile::tempdir().unwrap());
    enrol(&options(data.path(), server), &server.enrol_token())
        .await
        .unwrap();
    again(server, data, |_| {}).await
}

/// The same runner in its next life.
pub(crate) async fn again(
    server: &Server,
    data: Arc<TempDir>,
    change: impl FnOnce(&mut Options),
) -> Live {
    let mut options = options(data.path(), server);
    change(&mut options);
    let runner = build(&options).await;
    let handle = runner.handle();
    let cancel = CancellationToken::new();
    let before = server.taken.borrow().hellos.len();
    let task = tokio::spawn(runner.run(cancel.clone()));
    server.connected(before + 1).await;
    Live {
        data,
        handle,
        cancel,
        task,
    }
}

/// A process that was killed in the middle of starting another leaves its lock to that one for a moment.
async fn build(options: &Options) -> Runner {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Runner::build(options.clone()).await {
            Err(BuildError::InUse(_)) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            built => return built.unwrap(),
        }
    }
}

impl Live {
    /// Waits until it holds a run no longer that it took.
    pub(crate) async fn let_go(&self, run: RunId) {
        let file = SqliteConnectOptions::new()
            .filename(self.data.path().join("runner.db"))
            .read_only(true);
        let mut journal = SqliteConnection::connect_with(&file).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let held: bool = sqlx::query_scalar("SELECT max(held) FROM jobs WHERE run = ?1")
                .bind(run.to_string())
                .fetch_one(&mut journal)
                .await
                .unwrap();
            if !held {
                return;
            }
            assert!(Instant::now() < deadline, "{run} is still held");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn drain(self) -> Arc<TempDir> {
        self.cancel.cancel();
        self.task.await.unwrap().unwrap();
        self.data
    }
}

/// A run of a card, as the server would keep it.
pub(crate) struct Run {
    pub(crate) server: Server,
    pub(crate) order: Order,
    pub(crate) epoch: u32,
    pub(crate) attempt: u32,
    pub(crate) work: Option<Work>,
    pub(crate) transcript: Option<freehold_model::BlobId>,
}

impl Run {
    /// A card for a `command` agent that runs this shell script.
    pub(crate) fn script(server: &Server, remote: &Remote, script: &str) -> Self {
        Self::of(
            server,
            &remote.url(),
            vec!["sh".into(), "-c".into(), script.into()],
        )
    }

    pub(crate) fn of(server: &Server, remote: &str, command: Vec<String>) -> Self {
        let agent = AgentSpec {
            name: "script".into(),
            driver: "command".into(),
            preset: None,
            command,
            paths: vec![],
            provider: None,
            timeout_s: 60,
            stall_s: 60,
            labels: Default::default(),
            tools: false,
            repository_settings: false,
        };
        let card = Prompt {
            id: id(),
            title: "Mend the greeting".into(),
            body: "It says nothing.".into(),
        };
        let order = Order {
            id: id(),
            tenant: server.tenant,
            run: id(),
            by: id(),
            at: Now.now(),
            expires_at: Now.now() + chrono::Duration::days(1),
            project: ProjectRef {
                id: id(),
                name: "greeter".into(),
                remote: remote.to_owned(),
                target: "main".into(),
                directory: None,
            },
            isolation: freehold_model::Isolation::Sandbox,
            image: None,
            limits: freehold_model::Limits::new(),
            task: Task::Execute(Box::new(Execute {
                card,
                agent,
                turn: 0,
                reply: None,
                parent: None,
            })),
            egress: Egress::None,
        };
        Self {
            server: server.clone(),
            order,
            epoch: 1,
            attempt: 1,
            work: None,
            transcript: None,
        }
    }

    pub(crate) fn id(&self) -> RunId {
        self.order.run
    }

    pub(crate) fn execute(&mut self) -> &mut Execute {
        match &mut self.order.task {
            Task::Execute(task) => task,
            Task::Land(_) | Task::Prepare(_) => panic!("another order"),
        }
    }

    pub(crate) fn offer(&self) -> Offer {
        let (kind, field, turn) = match &self.order.task {
            Task::Execute(task) => (JobKind::Execute, "order/execute", task.turn),
            Task::Land(_) => (JobKind::Land, "order/land", 0),
            Task::Prepare(_) => panic!("not a job's order"),
        };
        let envelope = Envelope::sign(ORDER, &self.order, &self.server.order_key).unwrap();
        let place = Place::new(self.server.tenant, self.order.run, field, turn.into());
        let plain = serde_json::to_vec(&envelope).unwrap();
        Offer {
            job: id(),
            run: self.order.run,
            epoch: self.epoch,
            attempt: self.attempt,
            kind,
            order: self
                .server
                .content_key
                .seal(&place, &plain, &Random)
                .unwrap()
                .into_bytes(),
            turn,
            work: self.work.clone(),
            transcript: self.transcript,
            environment: None,
            known_epoch: None,
        }
    }

    pub(crate) fn start(&self) {
        self.server.send(Down::Offer(Box::new(self.offer())));
    }

    /// Offers it and waits for its end.
    pub(crate) async fn play(&mut self) -> Finished {
        self.start();
        let finished = self.finished().await;
        if let Outcome::Work(work) | Outcome::ChecksFailed(work) = &finished.outcome {
            self.work = Some(work.clone());
        }
        self.transcript = finished.transcript.or(self.transcript);
        finished
    }

    pub(crate) async fn finished(&self) -> Finished {
        let (run, epoch) = (self.id(), self.epoch);
        self.server
            .until("the end of the job", |taken| {
                taken.frames.iter().find_map(|(_, up)| match up {
                    Up::Finished(finished)
                        if finished.job.run == run && finished.job.epoch == epoch =>
                    {
                        Some((**finished).clone())
                    }
                    _ => None,
                })
            })
            .await
    }

    /// Turns the order into the approval of its work.
    pub(crate) fn approve(&mut self) {
        let card = self.execute().card.clone();
        let work = self.work.clone().unwrap();
        self.order.task = Task::Land(Land {
            card,
            commit: work.commit,
            base: work.base,
            digest: work.digest,
            approved_by: "Ann Example".into(),
        });
        self.epoch += 1;
    }

    pub(crate) fn reply(&mut self, text: &str) {
        let task = self.execute();
        task.turn += 1;
        task.reply = Some(text.into());
        self.epoch += 1;
    }

    pub(crate) fn open(&self, field: &str, version: u64, sealed: &[u8]) -> Vec<u8> {
        let place = Place::new(self.server.tenant, self.id(), field, version);
        self.server
            .content_key
            .open(&place, &Content::from_bytes(sealed.to_vec()))
            .unwrap()
    }

    pub(crate) fn detail(&self, finished: &Finished) -> String {
        let sealed = finished.detail.as_ref().expect("a detail");
        String::from_utf8(self.open("detail", finished.job.epoch.into(), sealed)).unwrap()
    }

    pub(crate) fn blob(
        &self,
        field: &str,
        finished: &Finished,
        blob: freehold_model::BlobId,
    ) -> Vec<u8> {
        let sealed = self.server.taken.borrow().blobs[&blob].clone();
        self.open(field, finished.job.epoch.into(), &sealed)
    }

    pub(crate) fn raw_events(&self) -> Vec<RunEvent> {
        let taken = self.server.taken.borrow();
        let events = taken.frames.iter().filter_map(|(_, up)| match up {
            Up::Event(event) if event.run == self.id() && event.epoch == self.epoch => {
                Some(event.clone())
            }
            _ => None,
        });
        events.collect()
    }

    /// The events of this epoch, opened and with their metadata; proves that none is missing.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let raw = self.raw_events();
        let opened = raw.iter().enumerate().map(|(index, event)| {
            assert_eq!(
                event.n,
                index as u64 + 1,
                "events are numbered without a gap"
            );
            let mut value = event.meta.clone();
            if let Some(sealed) = &event.content {
                let plain = self.open(&format!("event/{}", event.epoch), event.n, sealed);
                let Value::Object(more) = serde_json::from_slice(&plain).unwrap() else {
                    panic!()
                };
                value.as_object_mut().unwrap().extend(more);
            }
            (event.kind.clone(), value)
        });
        opened.collect()
    }

    /// The raw output of a step.
    pub(crate) fn output(&self, step: &str) -> Vec<u8> {
        use base64::Engine as _;
        let mut bytes = vec![];
        for (kind, value) in self.events() {
            if kind == "output" && value["step"] == step {
                match value["text"].as_str() {
                    Some(text) => bytes.extend(text.as_bytes()),
                    None => bytes.extend(
                        base64::engine::general_purpose::STANDARD
                            .decode(value["base64"].as_str().unwrap())
                            .unwrap(),
                    ),
                }
            }
        }
        bytes
    }

    /// What the runner remarked, a line each.
    pub(crate) fn notes(&self) -> String {
        let events = self.events().into_iter();
        let notes = events.filter(|(kind, _)| kind == "note");
        notes
            .map(|(_, value)| format!("{}\n", value["text"].as_str().unwrap()))
            .collect()
    }

    /// `step state` of every step that has ended.
    pub(crate) fn steps(&self) -> Vec<String> {
        let events = self.events();
        let ended = events.iter().filter(|(kind, _)| kind == "step.finished");
        ended
            .map(|(_, value)| {
                format!(
                    "{} {}",
                    value["step"].as_str().unwrap(),
                    value["state"].as_str().unwrap()
                )
            })
            .collect()
    }

    pub(crate) async fn event(&self, what: &str, wanted: impl Fn(&str, &Value) -> bool) {
        let run = self.id();
        self.server
            .until(what, |taken| {
                let any = taken.frames.iter().any(|(_, up)| match up {
                    Up::Event(event) => event.run == run && wanted(&event.kind, &event.meta),
                    _ => false,
                });
                any.then_some(())
            })
            .await;
    }
}
