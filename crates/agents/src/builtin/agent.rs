//! The loop: ask the model, run its tools, until it has nothing more to do.

use super::Opening;
use super::dialect::{self, Answer};
use super::http::Endpoint;
use super::report::{Ended, Report, print};
use super::transcript::{Call, Outcome, Said, Transcript};
use crate::tools::Tools;

/// Model calls in one turn. A task that needs more has lost its way.
const CALLS_MAX: usize = 100;

const SYSTEM: &str = "You are a coding agent working alone in a git workspace, inside a sandbox without network. \
Do the task you are given, completely, with the tools. Look before you change: list and read what matters, and follow \
the conventions and instructions of the project (README, CONTRIBUTING, AGENTS.md). Make the smallest change that does \
the whole task; do not touch what it does not need. Run the project's own tests or build when there are any and fix \
what you broke. Do not commit: what you leave in the workspace is collected. Never ask questions you can answer by \
looking; if the task cannot be done, say why. When you are finished, say in a few sentences what you changed and how \
you checked it.";

/// Works on the opening's task to its end. The error is a full account for a person.
pub(super) async fn run(opening: Opening) -> Result<Ended, String> {
    let mut endpoint = Endpoint::new(&opening)?;
    let tools = Tools::new(&opening.workspace)?;
    let mut transcript = open(&opening);
    print(&Report::Started {
        version: env!("CARGO_PKG_VERSION").into(),
        session: transcript.session.clone(),
    });
    let words = match &opening.resumed {
        Some(resumed) if !transcript.said.is_empty() => resumed.words.clone(),
        _ => opening.prompt,
    };
    keep(&mut transcript, Said::User { text: words })?;
    let (mut input_tokens, mut output_tokens) = (0_u64, 0_u64);
    for _ in 0..CALLS_MAX {
        let request = dialect::request(opening.kind, &opening.model, SYSTEM, &transcript.said);
        let body = endpoint.post(&request).await?;
        let answer = dialect::answer(opening.kind, &body)?;
        input_tokens = input_tokens.saturating_add(answer.input_tokens);
        output_tokens = output_tokens.saturating_add(answer.output_tokens);
        let context_tokens = answer.input_tokens.saturating_add(answer.output_tokens);
        print(&Report::Usage {
            input_tokens,
            output_tokens,
            context_tokens,
        });
        if let Some(ended) = take(answer, &tools, &mut transcript).await? {
            return Ok(ended);
        }
    }
    Ok(Ended::MaxTurns)
}

fn open(opening: &Opening) -> Transcript {
    let old = opening
        .resumed
        .as_ref()
        .and_then(|resumed| Transcript::load(&opening.home, &resumed.session));
    // One home has one conversation: its name need not differ from another home's.
    old.unwrap_or_else(|| Transcript::new(&opening.home, "transcript".into()))
}

async fn take(
    answer: Answer,
    tools: &Tools,
    transcript: &mut Transcript,
) -> Result<Option<Ended>, String> {
    let Answer {
        text,
        mut calls,
        ended,
        ..
    } = answer;
    once(&mut calls);
    name(&mut calls, transcript.said.len());
    if !text.is_empty() {
        print(&Report::Message {
            text: format!("{text}\n"),
        });
    }
    keep(
        transcript,
        Said::Assistant {
            text,
            calls: calls.clone(),
        },
    )?;
    if calls.is_empty() {
        return Ok(Some(ended));
    }
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        let view = tools.view(&call.name, &call.arguments);
        let report = |status: &str| Report::Tool {
            id: call.id.clone(),
            title: view.title.clone(),
            kind: view.kind.into(),
            status: status.into(),
            paths: view.paths.clone(),
        };
        print(&report("in_progress"));
        let (text, failed) = match tools.run(&call.name, &call.arguments).await {
            Ok(text) => (text, false),
            Err(text) => (text, true),
        };
        print(&report(if failed { "failed" } else { "completed" }));
        results.push(Outcome {
            id: call.id,
            name: call.name,
            text,
            failed,
        });
    }
    keep(transcript, Said::Tools { results })?;
    Ok(None)
}

/// A call that an endpoint delivers twice in one answer is one call; another call under the same name gets
/// a name of its own, as the name is what its result is known by. Not over answers: some endpoints count
/// from nought in each.
fn once(calls: &mut Vec<Call>) {
    let mut known: Vec<Call> = Vec::with_capacity(calls.len());
    for mut call in calls.drain(..) {
        if known.contains(&call) && !call.id.is_empty() {
            continue;
        }
        if known.iter().any(|other| other.id == call.id) {
            call.id.clear();
        }
        known.push(call);
    }
    *calls = known;
}

/// Gives calls that the endpoint did not name a name that no other call has.
fn name(calls: &mut [Call], place: usize) {
    for (n, call) in calls.iter_mut().enumerate() {
        if call.id.is_empty() {
            call.id = format!("call_{place}_{n}");
        }
    }
}

fn keep(transcript: &mut Transcript, said: Said) -> Result<(), String> {
    transcript.push(said).map_err(|error| {
        format!("the built-in agent could not keep its conversation in its home ({error}); see that the disk is not full")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_comes_twice_is_one_and_two_of_one_name_are_told_apart() {
        let call = |id: &str, argument: &str| Call {
            id: id.into(),
            name: "shell".into(),
            arguments: serde_json::json!({ "command": argument }),
        };
        let mut calls = vec![
            call("c1", "ls"),
            call("c1", "ls"),
            call("c1", "pwd"),
            call("", "ls"),
            call("", "ls"),
            call("c2", "ls"),
        ];
        once(&mut calls);
        name(&mut calls, 7);
        let seen: Vec<_> = (calls.iter())
            .map(|call| (call.id.as_str(), call.arguments["command"].as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("c1", Some("ls")),
                ("call_7_1", Some("pwd")),
                ("call_7_2", Some("ls")),
                ("call_7_3", Some("ls")),
                ("c2", Some("ls")),
            ]
        );
    }
}
