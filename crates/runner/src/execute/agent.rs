//! Step 3: one turn with the agent, inside, with its output as it comes.

use std::path::PathBuf;
use std::time::Duration;

use freehold_agents::{
    AgentConfig, AgentError, AgentEvent, Driver, Endpoint, Helper, Inside, Launch, Outcome,
    Session, Stop as AgentStop, Stream, Token, drive, plan,
};
use freehold_model::Reason;
use freehold_sandbox::{HOME, Mount, Spec, Stdin};
use freehold_wire::order::{AgentSpec, Egress};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::stage::Staged;
use super::{Desk, Step, archive, card, installed};
use crate::failure::{Halt, because, chain};
use crate::process::{self, Tail, how};
use crate::provider::{self, MODEL_PORT, ModelWay};
use crate::report::{Piece, Report};
use crate::surroundings::{self, Git, WORKSPACE, WayOut};

/// Where the card is seen inside.
const CARD: &str = "/freehold/card.json";
/// Where the built-in agent's program is seen inside.
const HELPER: &str = "/freehold/agent";
/// Events that wait for us; small, so that a flooding agent waits too.
const EVENTS: usize = 16;

/// What is left of a turn.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    pub(super) session: Option<Session>,
    pub(super) version: Option<String>,
}

pub(super) async fn agent(
    desk: &Desk<'_>,
    staged: &Staged,
    step: &mut Step<'_>,
) -> Result<Spoken, Halt> {
    let Desk {
        report,
        order,
        task,
        ..
    } = desk;
    let context = &report.context;
    let mut config = config(&task.agent)?;
    let paths = installed::complete(context, &mut config, &task.agent.paths).await?;
    let model = match &task.agent.provider {
        Some(provider) => Some(provider::open(context, provider).await?),
        None => None,
    };
    let way = match order.egress {
        Egress::Open => Some(surroundings::open_way_out(context)?),
        Egress::None | Egress::Registries => None,
    };
    let tools = surroundings::tools(context, &paths).await?;
    let inside = inside(context, installed::path(&config, tools.path_value()));
    let endpoint = model.as_ref().map(|model| Endpoint {
        base_url: format!("http://127.0.0.1:{MODEL_PORT}"),
        token: Token::new(model.token.clone()),
    });
    let launch =
        plan(&config, &inside, endpoint.as_ref(), staged.session.as_ref()).map_err(refused)?;
    for file in &launch.home_files {
        archive::place(&staged.folder.home, &file.path, &file.bytes, 0o600)?;
    }
    let mut spec = surroundings::spec(
        context,
        &tools,
        &staged.folder,
        &staged.store.objects(),
        Git::Write,
    );
    start_as(&mut spec, &launch);
    spec.mounts.push(Mount::File {
        contents: card::file(desk),
        target: CARD.into(),
    });
    spec.mounts.push(Mount::ReadOnly {
        source: context.agent_helper.program.clone(),
        target: HELPER.into(),
    });
    surroundings::connect(&mut spec, way.as_ref());
    spec.ports
        .extend(model.as_ref().map(|model| model.port.clone()));
    let result = converse(desk, staged, &launch, &spec, step).await;
    finish(report, model, way, result).await
}

/// Closes the ways out and says what went through them.
async fn finish(
    report: &Report,
    model: Option<ModelWay>,
    way: Option<WayOut>,
    result: Result<Spoken, Halt>,
) -> Result<Spoken, Halt> {
    surroundings::close(way).await;
    if let Some(model) = model {
        let used = model.grant.close().await;
        let meta = json!({
            "requests": used.requests, "input_tokens": used.input_tokens,
            "output_tokens": used.output_tokens, "errors": used.errors,
        });
        report.state("agent.usage", meta, None).await?;
    }
    result
}

fn config(agent: &AgentSpec) -> Result<AgentConfig, Halt> {
    let unknown = |what: String| Halt::failed(Reason::OrderRefused, what);
    let provider = agent.provider.as_ref();
    let preset = agent.preset.as_deref().map(str::parse).transpose();
    let kind = provider
        .map(|provider| serde_json::from_value(json!(provider.kind)))
        .transpose();
    Ok(AgentConfig {
        driver: agent
            .driver
            .parse::<Driver>()
            .map_err(|error| unknown(chain(&error)))?,
        preset: preset.map_err(|error: AgentError| unknown(chain(&error)))?,
        command: agent.command.clone(),
        model: provider.and_then(|provider| provider.model.clone()),
        provider_kind: kind
            .map_err(|_| unknown("the provider's kind is not known to this runner".into()))?,
    })
}

fn inside(context: &crate::context::Context, path: String) -> Inside {
    Inside {
        workspace: WORKSPACE.into(),
        home: HOME.into(),
        card_file: CARD.into(),
        path,
        helper: Helper {
            program: PathBuf::from(HELPER),
            args: context.agent_helper.args.clone(),
        },
    }
}

/// A configuration that cannot be planned.
fn refused(error: AgentError) -> Halt {
    because(Reason::AgentFailed, &error)
}

fn start_as(spec: &mut Spec, launch: &Launch) {
    spec.program = launch.program.clone().into();
    spec.args = launch.args.iter().map(Into::into).collect();
    for (name, value) in &launch.env {
        spec.env.insert(name.into(), value.into());
    }
    spec.cwd.clone_from(&launch.cwd);
    spec.stdin = match launch.stdin {
        Stdin::Null => Stdin::Null,
        Stdin::Piped => Stdin::Piped,
    };
}

/// Why a turn was ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Stopped,
    TimedOut,
    Stalled,
}

async fn converse(
    desk: &Desk<'_>,
    staged: &Staged,
    launch: &Launch,
    spec: &Spec,
    step: &mut Step<'_>,
) -> Result<Spoken, Halt> {
    let Desk { report, task, .. } = desk;
    let mut child = process::start(report, spec)
        .await
        .map_err(process::not_started)?;
    let (events, heard) = mpsc::channel(EVENTS);
    let cancel = CancellationToken::new();
    let turn = card::turn(task);
    let mut ear = Ear::new(report, &task.agent, cancel.clone());
    let driving = async {
        let driven = drive(
            launch,
            &mut child,
            &turn,
            staged.session.as_ref(),
            &events,
            &cancel,
        )
        .await;
        drop(events);
        driven
    };
    let both = Box::pin(async { tokio::join!(driving, ear.listen(heard)) });
    let driven = tokio::select! {
        (driven, ()) = both => Some(driven),
        // Somebody else's by now: it is not asked, it is killed.
        () = report.stop.fenced().cancelled() => None,
    };
    match driven {
        Some(driven) => ear.conclude(driven, step),
        None => {
            child.kill().await?;
            Err(Halt::Stopped)
        }
    }
}

/// Hears everything that the agent does, says it on, and watches the clock.
struct Ear<'a> {
    report: &'a Report,
    timeout: Duration,
    stall: Duration,
    cancel: CancellationToken,
    ended: Option<Ended>,
    halt: Option<Halt>,
    tail: Tail,
    spoken: Spoken,
}

impl<'a> Ear<'a> {
    fn new(report: &'a Report, agent: &AgentSpec, cancel: CancellationToken) -> Self {
        Self {
            report,
            timeout: Duration::from_secs(agent.timeout_s),
            stall: Duration::from_secs(agent.stall_s),
            cancel,
            ended: None,
            halt: None,
            tail: Tail::default(),
            spoken: Spoken::default(),
        }
    }

    /// Until the agent is gone. After an end of our making the rest is still heard, so that it can go.
    async fn listen(&mut self, mut heard: mpsc::Receiver<AgentEvent>) {
        let (output, said) = self.report.output("agent");
        let hearing = async {
            let hard = Instant::now() + self.timeout;
            let mut last = Instant::now();
            loop {
                let stalled = last + self.stall;
                tokio::select! {
                    event = heard.recv() => match event {
                        None => break,
                        Some(event) => {
                            self.hear(event, &output).await;
                            last = Instant::now();
                        }
                    },
                    () = self.report.stop.token().cancelled(), if self.ended.is_none() => self.end(Ended::Stopped),
                    () = sleep_until(hard), if self.ended.is_none() => self.end(Ended::TimedOut),
                    () = sleep_until(stalled), if self.ended.is_none() => self.end(Ended::Stalled),
                }
            }
            drop(output);
        };
        let ((), said) = tokio::join!(hearing, said);
        self.keep(said);
    }

    fn end(&mut self, why: Ended) {
        self.ended = Some(why);
        self.cancel.cancel();
    }

    /// What cannot be said ends the turn: nothing is to be lost.
    fn keep(&mut self, said: Result<(), Halt>) {
        if let Err(halt) = said {
            self.halt.get_or_insert(halt);
            self.cancel.cancel();
        }
    }

    async fn hear(&mut self, event: AgentEvent, output: &mpsc::Sender<Piece>) {
        let said = match event {
            AgentEvent::Output { stream, bytes } => {
                self.tail.add(&bytes);
                let stream = match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                };
                // Its other end keeps its own error.
                let _ = output.send(Piece { stream, bytes }).await;
                return;
            }
            AgentEvent::Started {
                agent,
                agent_version,
            } => {
                let name = agent.unwrap_or_else(|| "agent".into());
                let words = format!(
                    "{name} {}",
                    agent_version.as_deref().unwrap_or("of an unknown version")
                );
                self.spoken.version = agent_version;
                self.report.note(words).await
            }
            AgentEvent::Session(session) => {
                self.spoken.session = Some(session);
                return;
            }
            other => match words(other) {
                Some((kind, meta, content)) => self.report.say(kind, meta, content).await,
                None => return,
            },
        };
        self.keep(said);
    }

    fn conclude(
        mut self,
        driven: Result<Outcome, AgentError>,
        step: &mut Step<'_>,
    ) -> Result<Spoken, Halt> {
        if let Some(ended) = self.ended {
            return Err(self.ended_by_us(ended));
        }
        if let Some(halt) = self.halt {
            return Err(halt);
        }
        let outcome = driven.map_err(died)?;
        let failed = |how: &str| {
            let tail = self.tail.text();
            let output = if tail.is_empty() {
                String::new()
            } else {
                format!("\nIts last output:\n{tail}")
            };
            Err(Halt::failed(
                Reason::AgentFailed,
                format!("the agent {how}{output}"),
            ))
        };
        match outcome.stop {
            AgentStop::Done => {
                step.exit_code = Some(0);
                self.spoken.session = outcome.session.or(self.spoken.session);
                Ok(self.spoken)
            }
            AgentStop::Exited { code, signal } => {
                step.exit_code = code;
                failed(&format!("ended: {}", how(code, signal)))
            }
            AgentStop::Refused => failed("stopped: the model refused to go on"),
            AgentStop::MaxTokens => {
                failed("stopped: the model's output or window was used up; make the card smaller")
            }
            AgentStop::MaxTurns => {
                failed("stopped after its bound of model calls; make the card smaller")
            }
            AgentStop::Cancelled => failed("cancelled its own turn"),
        }
    }

    fn ended_by_us(&self, ended: Ended) -> Halt {
        let tail = self.tail.text();
        let (reason, what) = match ended {
            Ended::Stopped => return Halt::Stopped,
            Ended::TimedOut => (
                Reason::TimedOut,
                format!(
                    "the agent was still at work after {} s and was ended",
                    self.timeout.as_secs()
                ),
            ),
            Ended::Stalled => (
                Reason::AgentStalled,
                format!(
                    "the agent stopped responding: it was silent for {} s and was ended",
                    self.stall.as_secs()
                ),
            ),
        };
        Halt::failed(
            reason,
            if tail.is_empty() {
                what
            } else {
                format!("{what}\nIts last output:\n{tail}")
            },
        )
    }
}

fn died(error: AgentError) -> Halt {
    match error {
        AgentError::Sandbox(error) => process::not_started(error),
        AgentError::Model { .. } => because(Reason::ModelUnreachable, &error),
        other => because(Reason::AgentFailed, &other),
    }
}

/// An event's type, what of it is metadata, and what is content.
fn words(event: AgentEvent) -> Option<(&'static str, Value, Option<Value>)> {
    Some(match event {
        AgentEvent::Message { text } => ("agent.message", json!({}), Some(json!({ "text": text }))),
        AgentEvent::Thought { text } => ("agent.thought", json!({}), Some(json!({ "text": text }))),
        AgentEvent::ToolCall {
            id,
            title,
            kind,
            status,
            paths,
        } => (
            "agent.tool",
            json!({ "kind": kind, "status": status }),
            Some(json!({ "id": id, "title": title, "paths": paths })),
        ),
        AgentEvent::Plan { entries } => {
            let entries: Vec<Value> = entries
                .into_iter()
                .map(|entry| json!({ "content": entry.content, "status": entry.status }))
                .collect();
            ("agent.plan", json!({}), Some(json!({ "entries": entries })))
        }
        AgentEvent::Permission {
            title,
            options,
            answered,
        } => (
            "agent.permission",
            json!({ "answered": answered }),
            Some(json!({ "title": title, "options": options })),
        ),
        AgentEvent::Usage(usage) => (
            "agent.usage",
            json!({
                "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens,
                "context_tokens": usage.context_tokens, "context_tokens_max": usage.context_tokens_max,
            }),
            None,
        ),
        AgentEvent::Started { .. } | AgentEvent::Output { .. } | AgentEvent::Session(_) => {
            return None;
        }
    })
}
