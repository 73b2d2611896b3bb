//! The readers of an agent's lines and a model's answers, for fuzzing: each panics when what it
//! promises does not hold.

use serde_json::Value;

use crate::acp::rpc::{self, Message};
use crate::acp::update::Updates;
use crate::builtin::dialect;
use crate::builtin::transcript::{Said, Transcript};
use crate::config::ProviderKind;
use crate::event::{AgentEvent, TEXT_BYTES_MAX, TITLE_BYTES_MAX};
use crate::mcp::protocol::{Asked, ask};
use crate::tools::definitions;

const KINDS: [ProviderKind; 3] = [
    ProviderKind::Openai,
    ProviderKind::Anthropic,
    ProviderKind::Ollama,
];

/// Lines of an agent that speaks ACP. What becomes of them is bounded.
///
/// # Panics
/// A promise is broken.
pub fn acp_lines(bytes: &[u8]) {
    let mut updates = Updates::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        match rpc::parse(line) {
            Ok(Message::Request { id, method, .. }) => {
                let answer = rpc::method_not_found(&id, &method).to_string();
                assert!(!answer.contains('\n'), "an answer is one line");
                let read = rpc::parse(answer.as_bytes());
                assert!(
                    matches!(read, Ok(Message::Response { id: of, result: Err(_) }) if of == id)
                );
            }
            Ok(Message::Notification { params, .. }) => {
                let update = params.get("update").unwrap_or(&params);
                if let Some(event) = updates.event(update) {
                    assert_bounded(&event);
                }
            }
            Ok(Message::Response {
                result: Ok(result), ..
            }) => {
                if let Some(usage) = updates.total(&result) {
                    assert_eq!(usage, updates.usage);
                }
            }
            Ok(Message::Response {
                result: Err(error), ..
            }) => drop(error.words()),
            Err(why) => assert!(!why.is_empty()),
        }
    }
    assert!(
        updates
            .broken()
            .is_none_or(|text| text.len() <= TITLE_BYTES_MAX)
    );
}

fn assert_bounded(event: &AgentEvent) {
    match event {
        AgentEvent::Message { text } | AgentEvent::Thought { text } => {
            assert!(text.len() <= TEXT_BYTES_MAX);
        }
        AgentEvent::ToolCall {
            id,
            title,
            kind,
            status,
            paths,
        } => {
            assert!(paths.len() <= 32);
            let texts = [id, title, kind, status].into_iter().chain(paths);
            texts.for_each(|text| assert!(text.len() <= TITLE_BYTES_MAX));
        }
        AgentEvent::Plan { entries } => {
            assert!(entries.len() <= 100);
            for entry in entries {
                assert!(entry.content.len() <= TITLE_BYTES_MAX && entry.status.len() <= 64);
            }
        }
        _ => {}
    }
}

/// A line to the server of tools. Every answer is one line and says which request it is for.
///
/// # Panics
/// A promise is broken.
pub fn mcp_ask(line: &[u8]) {
    match ask(line) {
        Ok(Asked::Answer(asked)) => {
            let answer = asked.answer(&definitions());
            assert_eq!(answer.get("id"), Some(&asked.id));
            assert!(answer.get("result").is_some_and(Value::is_object));
            assert!(!answer.to_string().contains('\n'));
        }
        Ok(Asked::Call(asked)) => assert!(asked.id.is_string() || asked.id.is_number()),
        Ok(Asked::Cancel(_) | Asked::Nothing) => {}
        Err(answer) => {
            let code = answer.pointer("/error/code");
            assert!(code.is_some_and(Value::is_i64) && answer.get("id").is_some());
            assert!(!answer.to_string().contains('\n'));
        }
    }
}

/// A model endpoint's answer. What is understood can be said again in every dialect.
///
/// # Panics
/// A promise is broken.
pub fn dialect_answers(bytes: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
        return;
    };
    for kind in KINDS {
        match dialect::answer(kind, &body) {
            Ok(answer) => say(&[Said::Assistant {
                text: answer.text,
                calls: answer.calls,
            }]),
            Err(why) => assert!(why.len() < 1000, "what is shown of it is bounded"),
        }
    }
}

/// A kept conversation. It can be said in every dialect, and every call has an answer.
///
/// # Panics
/// A promise is broken.
pub fn transcript(bytes: &[u8]) {
    let Some(mut found) = Transcript::read(bytes) else {
        return;
    };
    let open = |said: &Said| matches!(said, Said::Assistant { calls, .. } if !calls.is_empty());
    assert!(!found.said.last().is_some_and(open));
    say(&found.said);
    let count = found.said.len();
    found.shorten();
    assert_eq!(found.said.len(), count);
    let kept = serde_json::to_vec(&found).ok();
    let again = kept.and_then(|kept| Transcript::read(&kept));
    assert_eq!(again.map(|again| again.said), Some(found.said));
}

fn say(said: &[Said]) {
    for kind in KINDS {
        assert!(dialect::request(kind, "m", "s", said).body.is_object());
    }
}
