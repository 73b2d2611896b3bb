//! Any program: what it prints is passed on, how it exits is the outcome.

use freehold_sandbox::Child;
use serde::Deserialize;
use tokio::time::timeout;

use super::pump::Line;
use super::{Fault, Talk, ending};
use crate::config::{Session, Turn};
use crate::event::{AgentEvent, Outcome, Stop};

/// How Claude Code, Codex and opencode name their conversation in a line of JSON.
#[derive(Deserialize)]
struct Named {
    #[serde(alias = "thread_id", alias = "sessionID")]
    session_id: String,
}

pub(super) async fn converse(
    prompt: bool,
    child: &mut Child,
    turn: &Turn,
    resume: Option<&Session>,
    talk: Talk<'_>,
) -> Result<Outcome, Fault> {
    let Talk {
        mut lines,
        writer,
        events,
        cancel,
    } = talk;
    events
        .send(AgentEvent::Started {
            agent: None,
            agent_version: None,
        })
        .await
        .map_err(|_| Fault::Unheard)?;
    if prompt {
        let words = if resume.is_some() {
            turn.resumed()
        } else {
            turn.fresh()
        };
        writer.write(words.into_bytes())?;
    }
    drop(writer);
    let mut session = resume.cloned();
    let listen = async {
        while let Some(line) = lines.next().await {
            let Some(named) = named(&line) else { continue };
            if session
                .as_ref()
                .is_some_and(|session| session.id == named.id)
            {
                continue;
            }
            session = Some(named.clone());
            if events.send(AgentEvent::Session(named)).await.is_err() {
                return;
            }
        }
    };
    let wait = async {
        let exit = tokio::select! {
            exit = child.wait() => exit,
            () = cancel.cancelled() => {
                child.terminate();
                match timeout(ending::TERMINATE_WITHIN, child.wait()).await {
                    Ok(exit) => exit,
                    Err(_) => {
                        let _ = child.kill().await;
                        child.wait().await
                    }
                }
            }
        };
        exit.map_err(|_| Fault::Ended { step: "it ran" })
    };
    let ((), exit) = tokio::join!(listen, wait);
    let exit = exit?;
    let stop = match (exit.code, cancel.is_cancelled()) {
        (Some(0), false) => Stop::Done,
        (_, true) => Stop::Cancelled,
        _ => Stop::Exited {
            code: exit.code,
            signal: exit.signal,
        },
    };
    Ok(Outcome {
        stop,
        session,
        usage: None,
    })
}

/// Most lines of most programs are no JSON; those are not even parsed.
fn named(line: &Line) -> Option<Session> {
    let Line::Text(text) = line else { return None };
    if text.first() != Some(&b'{') {
        return None;
    }
    let named: Named = serde_json::from_slice(text).ok()?;
    Some(Session {
        id: named.session_id,
        agent_version: None,
    })
}
