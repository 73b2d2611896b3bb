//! Hears an agent while it works: passes on what it says, watches the clock, and tells how it ended.

use std::time::Duration;

use freehold_agents::{AgentError, AgentEvent, Outcome, Stop as AgentStop, Stream};
use freehold_model::Reason;
use freehold_wire::order::AgentSpec;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Step;
use super::agent::Spoken;
use crate::failure::{Halt, because};
use crate::limits::Flow;
use crate::process::{self, Tail, how};
use crate::report::{Piece, Report};

/// Why a turn was ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Stopped,
    TimedOut,
    Stalled,
}

/// Hears everything that the agent does, says it on, and watches the clock.
pub(super) struct Ear<'a> {
    report: &'a Report,
    timeout: Duration,
    stall: Duration,
    cancel: CancellationToken,
    ended: Option<Ended>,
    halt: Option<Halt>,
    flow: &'a Flow,
    tail: Tail,
    spoken: Spoken,
    /// What it calls itself, and its version.
    named: Option<String>,
    /// What its standard output is: its own words, or the lines of a protocol that we speak.
    stdout: &'static str,
}

impl<'a> Ear<'a> {
    pub(super) fn new(
        report: &'a Report,
        agent: &AgentSpec,
        flow: &'a Flow,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            report,
            timeout: Duration::from_secs(agent.timeout_s),
            stall: Duration::from_secs(agent.stall_s),
            cancel,
            ended: None,
            halt: None,
            flow,
            tail: Tail::default(),
            spoken: Spoken::default(),
            named: None,
            stdout: if agent.driver == "command" {
                "stdout"
            } else {
                "protocol"
            },
        }
    }

    /// Until the agent is gone. After an end of our making the rest is still heard, so that it can go.
    pub(super) async fn listen(&mut self, mut heard: mpsc::Receiver<AgentEvent>) {
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
                self.flow.pass(bytes.len()).await;
                self.tail.add(&bytes);
                let stream = match stream {
                    Stream::Stdout => self.stdout,
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
                self.spoken.version.clone_from(&agent_version);
                let Some(agent) = agent else { return };
                let version = agent_version.as_deref().unwrap_or("of an unknown version");
                let words = format!("{agent} {version}");
                self.named = Some(words.clone());
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

    /// The end of what it printed.
    pub(super) fn last_output(&self) -> String {
        self.tail.text()
    }

    pub(super) fn conclude(
        &mut self,
        driven: Result<Outcome, AgentError>,
        step: &mut Step<'_>,
    ) -> Result<Spoken, Halt> {
        if let Some(ended) = self.ended {
            return Err(self.ended_by_us(ended));
        }
        if let Some(halt) = self.halt.take() {
            return Err(halt);
        }
        let outcome = driven.map_err(|error| self.died(error))?;
        let failed = |how: &str| {
            let tail = self.tail.text();
            let output = if tail.is_empty() {
                String::new()
            } else {
                format!("\nIts last output:\n{tail}")
            };
            Err(Halt::failed(
                Reason::AgentFailed,
                format!("the agent {}{how}{output}", self.which()),
            ))
        };
        match outcome.stop {
            AgentStop::Done => {
                step.exit_code = Some(0);
                let mut spoken = std::mem::take(&mut self.spoken);
                spoken.session = outcome.session.or(spoken.session);
                Ok(spoken)
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

    /// Which agent it was, where it said so: it may be another one by now on the machine's disk.
    fn which(&self) -> String {
        let named = self.named.as_ref();
        named.map_or_else(String::new, |named| format!("({named}) "))
    }

    fn died(&self, error: AgentError) -> Halt {
        match error {
            AgentError::Sandbox(error) => process::not_started(error),
            AgentError::Model { .. } => because(Reason::ModelUnreachable, &error),
            other => {
                let mut halt = because(Reason::AgentFailed, &other);
                if let (Halt::Failed(failure), Some(named)) = (&mut halt, &self.named) {
                    failure.detail = format!("{named}: {}", failure.detail);
                }
                halt
            }
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
