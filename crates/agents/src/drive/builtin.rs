//! Speaks with the built-in agent: an opening in, reports out.

use super::pump::Line;
use super::{Fault, Talk};
use crate::builtin::report::{Ended, Report};
use crate::builtin::{Opening, Resumed};
use crate::config::{Session, Turn};
use crate::event::{AgentEvent, Outcome, Stop, TEXT_BYTES_MAX, TITLE_BYTES_MAX, Usage, bounded};

pub(super) async fn converse(
    opening: &Opening,
    turn: &Turn,
    resume: Option<&Session>,
    mut talk: Talk<'_>,
) -> Result<Outcome, Fault> {
    let opening = Opening {
        prompt: turn.fresh(),
        resumed: resume.map(|session| Resumed {
            session: session.id.clone(),
            words: turn.resumed(),
        }),
        ..opening.clone()
    };
    let mut line = serde_json::to_vec(&opening).map_err(|error| Fault::Nonsense {
        what: error.to_string(),
    })?;
    line.push(b'\n');
    talk.writer.write(line)?;
    let mut session = None;
    let mut usage = None;
    loop {
        let line = tokio::select! {
            line = talk.lines.next() => line.ok_or(Fault::Ended { step: "it worked" })?,
            () = talk.cancel.cancelled() => return Ok(Outcome { stop: Stop::Cancelled, session, usage }),
        };
        match read(&line)? {
            Report::Started {
                version,
                session: id,
            } => {
                let started = Session {
                    id,
                    agent_version: Some(version.clone()),
                };
                talk.report(AgentEvent::Started {
                    agent: Some("freehold".into()),
                    agent_version: Some(version),
                })
                .await?;
                talk.report(AgentEvent::Session(started.clone())).await?;
                session = Some(started);
            }
            Report::Message { text } => {
                talk.report(AgentEvent::Message {
                    text: bounded(&text, TEXT_BYTES_MAX).to_owned(),
                })
                .await?;
            }
            Report::Tool {
                id,
                title,
                kind,
                status,
                paths,
            } => {
                let title = bounded(&title, TITLE_BYTES_MAX).to_owned();
                talk.report(AgentEvent::ToolCall {
                    id,
                    title,
                    kind,
                    status,
                    paths,
                })
                .await?;
            }
            Report::Usage {
                input_tokens,
                output_tokens,
                context_tokens,
            } => {
                let now = Usage {
                    input_tokens,
                    output_tokens,
                    context_tokens,
                    context_tokens_max: 0,
                };
                usage = Some(now);
                talk.report(AgentEvent::Usage(now)).await?;
            }
            Report::Ended { stop } => {
                return Ok(Outcome {
                    stop: stop_of(stop),
                    session,
                    usage,
                });
            }
            Report::Failed { message } => return Err(Fault::Model { message }),
        }
    }
}

fn read(line: &Line) -> Result<Report, Fault> {
    let Line::Text(text) = line else {
        return Err(Fault::Nonsense {
            what: "it wrote a line of more than 16 MiB".into(),
        });
    };
    serde_json::from_slice(text).map_err(|error| Fault::Nonsense {
        what: format!("a line is no report ({error})"),
    })
}

fn stop_of(ended: Ended) -> Stop {
    match ended {
        Ended::Done => Stop::Done,
        Ended::Refused => Stop::Refused,
        Ended::MaxTokens => Stop::MaxTokens,
        Ended::MaxTurns => Stop::MaxTurns,
    }
}
