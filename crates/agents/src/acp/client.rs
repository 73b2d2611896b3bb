//! Requests to the agent, and answers to its own.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::rpc::{self, Message};
use super::update::Updates;
use crate::drive::{Fault, Line, Talk};
use crate::event::{AgentEvent, TITLE_BYTES_MAX, bounded};

/// Lines that may be something else before it is not the protocol: banners and stray log lines.
const NONSENSE_LINES_MAX: usize = 20;
/// A line of nonsense is shown to a person up to here.
const SHOWN_BYTES_MAX: usize = 200;
/// From `session/cancel` to the turn's answer; then the process is ended.
const CANCEL_WITHIN: Duration = Duration::from_secs(10);

/// The running conversation.
pub(super) struct Client<'a> {
    talk: Talk<'a>,
    pub(super) updates: Updates,
    pub(super) session: Option<String>,
    next_id: u64,
    nonsense: usize,
    cancelling: bool,
}

/// What is asked, and how long the answer may take.
pub(super) struct Ask {
    pub(super) method: &'static str,
    /// In words, for errors: "while {step}".
    pub(super) step: &'static str,
    pub(super) within: Option<Duration>,
}

impl<'a> Client<'a> {
    pub(super) fn new(talk: Talk<'a>) -> Self {
        Self {
            talk,
            updates: Updates::default(),
            session: None,
            next_id: 0,
            nonsense: 0,
            cancelling: false,
        }
    }

    /// Sends a request and serves the agent until it is answered.
    ///
    /// With a session and no bound it is the turn itself: a cancel becomes `session/cancel`, and the
    /// answer is still waited for, a while.
    pub(super) async fn request(&mut self, ask: &Ask, params: &Value) -> Result<Value, Fault> {
        self.next_id += 1;
        let id = self.next_id;
        self.talk
            .writer
            .line(&rpc::request(id, ask.method, params))?;
        let mut deadline = ask.within.map(|within| Instant::now() + within);
        let cancel = self.talk.cancel;
        loop {
            tokio::select! {
                line = self.talk.lines.next() => {
                    let line = line.ok_or(Fault::Ended { step: ask.step })?;
                    if let Some(answer) = self.take(line, id).await? {
                        return answer.map_err(|error| Fault::Answered {
                            step: ask.step,
                            code: error.code,
                            message: bounded(&error.words(), TITLE_BYTES_MAX).to_owned(),
                        });
                    }
                }
                () = cancel.cancelled(), if !self.cancelling => {
                    self.cancelling = true;
                    let session = self.session.as_ref().filter(|_| ask.within.is_none()).ok_or(Fault::Cancelled)?;
                    self.talk.writer.line(&rpc::notification("session/cancel", &json!({"sessionId": session})))?;
                    deadline = Some(Instant::now() + CANCEL_WITHIN);
                }
                () = until(deadline) => {
                    let seconds = if self.cancelling { CANCEL_WITHIN } else { ask.within.unwrap_or_default() }.as_secs();
                    return Err(Fault::Timeout { step: ask.step, seconds });
                }
            }
        }
    }

    pub(super) async fn report(&self, event: AgentEvent) -> Result<(), Fault> {
        self.talk.report(event).await
    }

    /// Takes one line; gives the answer to request `id` if it is that.
    async fn take(
        &mut self,
        line: Line,
        id: u64,
    ) -> Result<Option<Result<Value, rpc::RpcError>>, Fault> {
        let Line::Text(text) = line else {
            return Err(Fault::Nonsense {
                what: "it wrote a line of more than 16 MiB".into(),
            });
        };
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        match rpc::parse(&text) {
            Ok(Message::Response {
                id: answered,
                result,
            }) if answered == json!(id) => return Ok(Some(result)),
            // An answer to a request that was given up.
            Ok(Message::Response {
                id: Value::Number(old),
                ..
            }) if old.as_u64().is_some_and(|old| old < id) => {}
            Ok(Message::Response { id, .. }) => {
                self.nonsense(&text, &format!("nobody asked for {id}"))?
            }
            Ok(Message::Request { id, method, params }) => {
                self.serve(&id, &method, &params).await?
            }
            Ok(Message::Notification { method, params }) if method == "session/update" => {
                self.update(&params).await?;
            }
            Ok(Message::Notification { .. }) => {}
            Err(why) => self.nonsense(&text, &why)?,
        }
        Ok(None)
    }

    fn nonsense(&mut self, line: &[u8], why: &str) -> Result<(), Fault> {
        self.nonsense += 1;
        if self.nonsense < NONSENSE_LINES_MAX {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line[..line.len().min(SHOWN_BYTES_MAX)]).into_owned();
        let what = format!(
            "{NONSENSE_LINES_MAX} lines of its output were no messages of the Agent Client Protocol, the last was `{}` ({why})",
            text.escape_debug()
        );
        Err(Fault::Nonsense { what })
    }

    async fn update(&mut self, params: &Value) -> Result<(), Fault> {
        let session = params.get("sessionId").and_then(Value::as_str);
        // Sub-agents have sessions of their own; so does the replay of a conversation being loaded.
        if session.is_none() || session != self.session.as_deref() {
            return Ok(());
        }
        let Some(update) = params.get("update") else {
            return Ok(());
        };
        match self.updates.event(update) {
            Some(event) => self.report(event).await,
            None => Ok(()),
        }
    }

    async fn serve(&self, id: &Value, method: &str, params: &Value) -> Result<(), Fault> {
        if method != "session/request_permission" {
            return self.talk.writer.line(&rpc::method_not_found(id, method));
        }
        let options = params
            .get("options")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let chosen =
            choose(options).filter(|_| !self.cancelling && !self.talk.cancel.is_cancelled());
        let outcome = match chosen.and_then(|option| option.get("optionId")) {
            Some(option) => json!({"outcome": "selected", "optionId": option}),
            None => json!({"outcome": "cancelled"}),
        };
        self.talk
            .writer
            .line(&rpc::result(id, &json!({"outcome": outcome})))?;
        let title = params
            .pointer("/toolCall/title")
            .and_then(Value::as_str)
            .unwrap_or("a tool call");
        self.report(AgentEvent::Permission {
            title: bounded(title, TITLE_BYTES_MAX).to_owned(),
            options: options
                .iter()
                .take(OPTIONS_MAX)
                .map(|option| kind(option).to_owned())
                .collect(),
            answered: chosen.map_or("cancelled", kind).to_owned(),
        })
        .await
    }
}

/// The protocol has four kinds; more are not reported.
const OPTIONS_MAX: usize = 16;

/// The policy inside the sandbox: the walls are the sandbox's, so what is asked for is allowed, once.
fn choose(options: &[Value]) -> Option<&Value> {
    ["allow_once", "allow_always"]
        .into_iter()
        .find_map(|wanted| options.iter().find(|option| kind(option) == wanted))
}

fn kind(option: &Value) -> &str {
    option
        .get("kind")
        .and_then(Value::as_str)
        .map_or("other", |kind| bounded(kind, 64))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_once_before_always_and_never_rejects_by_itself() {
        let option = |kind: &str| json!({"optionId": kind, "kind": kind});
        let all = [
            option("reject_once"),
            option("allow_always"),
            option("allow_once"),
        ];
        assert_eq!(choose(&all), Some(&all[2]));
        assert_eq!(choose(&all[..2]), Some(&all[1]));
        assert_eq!(choose(&all[..1]), None);
        assert_eq!(choose(&[]), None);
    }
}
