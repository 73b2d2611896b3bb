//! One turn: initialize, a session, the prompt.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Ask, Client};
use crate::config::{Session, Turn};
use crate::drive::{Fault, Talk};
use crate::event::{AgentEvent, Outcome, Stop, TITLE_BYTES_MAX, bounded};

/// The one version of the protocol that is spoken here.
const PROTOCOL_VERSION: u64 = 1;
/// To start a large script on a busy machine has been seen to take 16 s.
const START_WITHIN: Duration = Duration::from_secs(180);

const INITIALIZE: Ask = Ask {
    method: "initialize",
    step: "it started",
    within: Some(START_WITHIN),
};
const NEW: Ask = Ask {
    method: "session/new",
    step: "it opened a session",
    within: Some(START_WITHIN),
};
const LOAD: Ask = Ask {
    method: "session/load",
    step: "it loaded its session",
    within: Some(START_WITHIN),
};
const RESUME: Ask = Ask {
    method: "session/resume",
    step: "it resumed its session",
    within: Some(START_WITHIN),
};
const PROMPT: Ask = Ask {
    method: "session/prompt",
    step: "it worked on the prompt",
    within: None,
};

/// Holds one turn. See [`crate::drive`].
pub(crate) async fn converse(
    workspace: &Path,
    servers: &[Value],
    turn: &Turn,
    resume: Option<&Session>,
    talk: Talk<'_>,
) -> Result<Outcome, Fault> {
    let mut client = Client::new(talk);
    let agent = initialize(&mut client).await?;
    let (id, resumed) = open(&mut client, &agent, workspace, servers, resume).await?;
    let session = Session {
        id: id.clone(),
        agent_version: agent.version,
    };
    client.session = Some(id.clone());
    client.report(AgentEvent::Session(session.clone())).await?;
    let words = if resumed {
        turn.resumed()
    } else {
        turn.fresh()
    };
    let params = json!({"sessionId": id, "prompt": [{"type": "text", "text": words}]});
    let answer = client.request(&PROMPT, &params).await?;
    let stop = stop(&answer)?;
    if let (Stop::Done, Some(said)) = (stop, client.updates.broken()) {
        let message = format!(
            "the agent could not use its model: {said}; check the agent's provider, or try again later"
        );
        return Err(Fault::Model { message });
    }
    let usage = client.updates.total(&answer);
    if let Some(usage) = usage {
        client.report(AgentEvent::Usage(usage)).await?;
    }
    Ok(Outcome {
        stop,
        session: Some(session),
        usage,
    })
}

struct Agent {
    version: Option<String>,
    can_load: bool,
    can_resume: bool,
}

async fn initialize(client: &mut Client<'_>) -> Result<Agent, Fault> {
    let params = json!({
        "protocolVersion": PROTOCOL_VERSION,
        "clientCapabilities": {"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false},
        "clientInfo": {"name": "freehold", "title": "Freehold", "version": env!("CARGO_PKG_VERSION")},
    });
    let answer = client.request(&INITIALIZE, &params).await?;
    if answer.get("protocolVersion").and_then(Value::as_u64) != Some(PROTOCOL_VERSION) {
        let version = answer
            .get("protocolVersion")
            .map_or("none".to_owned(), Value::to_string);
        let what = format!(
            "it speaks version {} of it, not {PROTOCOL_VERSION}",
            bounded(&version, 40)
        );
        return Err(Fault::Nonsense { what });
    }
    let info = |field: &str| {
        let text = answer.get("agentInfo")?.get(field)?.as_str()?;
        Some(bounded(text, TITLE_BYTES_MAX).to_owned())
    };
    let version = info("version");
    client
        .report(AgentEvent::Started {
            agent: info("name"),
            agent_version: version.clone(),
        })
        .await?;
    let offers = answer.get("agentCapabilities").cloned().unwrap_or_default();
    Ok(Agent {
        version,
        can_load: offers
            .get("loadSession")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        can_resume: offers
            .pointer("/sessionCapabilities/resume")
            .is_some_and(|offer| offer.is_object()),
    })
}

/// Opens the session: the old one where the agent can, else a new one. Says whether it is the old one.
async fn open(
    client: &mut Client<'_>,
    agent: &Agent,
    workspace: &Path,
    servers: &[Value],
    resume: Option<&Session>,
) -> Result<(String, bool), Fault> {
    let cwd = workspace.to_string_lossy();
    let way = match (agent.can_resume, agent.can_load) {
        // Unlike `load`, it does not tell the whole conversation again.
        (true, _) => Some(RESUME),
        (false, true) => Some(LOAD),
        (false, false) => None,
    };
    if let (Some(old), Some(way)) = (resume, way) {
        let params = json!({"sessionId": old.id, "cwd": cwd, "mcpServers": servers});
        match client.request(&way, &params).await {
            Ok(_) => return Ok((old.id.clone(), true)),
            Err(Fault::Answered { message, .. }) => {
                tracing::info!(
                    message,
                    "the agent no longer has its session; a new one is told the history"
                );
            }
            Err(fault) => return Err(fault),
        }
    }
    let answer = client
        .request(&NEW, &json!({"cwd": cwd, "mcpServers": servers}))
        .await?;
    match answer.get("sessionId").and_then(Value::as_str) {
        Some(id) if id.len() <= TITLE_BYTES_MAX => Ok((id.to_owned(), false)),
        _ => Err(Fault::Nonsense {
            what: "its answer to `session/new` names no session".into(),
        }),
    }
}

fn stop(answer: &Value) -> Result<Stop, Fault> {
    match answer.get("stopReason").and_then(Value::as_str) {
        Some("end_turn") => Ok(Stop::Done),
        Some("refusal") => Ok(Stop::Refused),
        Some("max_tokens") => Ok(Stop::MaxTokens),
        Some("max_turn_requests") => Ok(Stop::MaxTurns),
        Some("cancelled") => Ok(Stop::Cancelled),
        other => {
            let other = bounded(other.unwrap_or("nothing"), 40);
            Err(Fault::Nonsense {
                what: format!("its turn ended with the unknown reason `{other}`"),
            })
        }
    }
}
