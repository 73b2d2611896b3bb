//! Which turn comes next: a pure function of the script, the request, and how often its faults have struck.

use std::time::Duration;

use serde_json::Value;

use crate::ask::{Ask, Entry, id_at};
use crate::script::{Script, Step, Turn};
use crate::tools::{self, Call};

/// What an answer does, in order, with the client's own tools.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Play {
    Text(String),
    Call {
        id: String,
        call: Call,
    },
    Stall(Duration),
    Error {
        status: u16,
        message: String,
        body: Option<Value>,
        retry_after: Option<u32>,
    },
    HangUp,
    Garbage(String),
}

/// An answer, before it is put into the words of a protocol.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// How many answers the conversation held before.
    pub(crate) place: usize,
    pub(crate) plays: Vec<Play>,
}

/// Whether a limited fault, named by turn and step, still strikes. Asked at most once per fault and request, and only
/// for the turn that is played; the asked one counts.
pub(crate) type Strikes<'a> = dyn FnMut(usize, usize, u32) -> bool + 'a;

/// The answer to a request.
///
/// The request's own transcript is replayed against the script: every answer in it has used up the turn that it must
/// have been, so the server need not remember conversations.
pub(crate) fn answer(script: &Script, ask: &Ask, strikes: &mut Strikes<'_>) -> Answer {
    let inputs = ask.inputs();
    let place = inputs.len() - 1;
    let steps = next_steps(script, ask, &inputs, strikes);
    let plays = steps
        .into_iter()
        .enumerate()
        .map(|(at, step)| play(step, ask, place, at))
        .collect();
    Answer { place, plays }
}

fn next_steps(
    script: &Script,
    ask: &Ask,
    inputs: &[Vec<&Entry>],
    strikes: &mut Strikes<'_>,
) -> Vec<Step> {
    let ours = |turn: &Turn| {
        turn.when
            .conversation
            .as_deref()
            .is_none_or(|text| ask.mentions(text))
    };
    let turns = script
        .turns
        .iter()
        .enumerate()
        .filter(|(_, turn)| ours(turn));
    let (events, sequence): (Vec<_>, Vec<_>) = turns.partition(|(_, turn)| turn.when.is_event());
    let Some((now, past)) = inputs.split_last() else {
        return Vec::new();
    };

    let mut cursor = 0;
    for input in past {
        let was_event = events
            .iter()
            .any(|(_, turn)| leaves_trace(turn) && happens(turn, ask, input));
        if !was_event {
            let skipped = sequence[cursor..]
                .iter()
                .position(|(_, turn)| leaves_trace(turn));
            cursor = skipped.map_or(sequence.len(), |skipped| cursor + skipped + 1);
        }
    }
    let due = events
        .iter()
        .filter(|(_, turn)| happens(turn, ask, now))
        .chain(&sequence[cursor..]);
    for (index, turn) in due {
        let steps = standing(*index, turn, strikes);
        if !steps.is_empty() {
            return steps;
        }
    }
    vec![Step::Text(script.closing_text())]
}

/// A transcript shows that the turn was played.
fn leaves_trace(turn: &Turn) -> bool {
    turn.steps
        .iter()
        .any(|step| matches!(step, Step::Text(_) | Step::ToolCall(_)))
}

/// The event that the turn waits for is in `input`.
fn happens(turn: &Turn, ask: &Ask, input: &[&Entry]) -> bool {
    let when = &turn.when;
    let contains = |text: &str| {
        input
            .iter()
            .filter_map(|entry| entry.incoming())
            .any(|incoming| incoming.contains(text))
    };
    let after = |tool: &str| {
        input
            .iter()
            .filter_map(|entry| ask.tool_of(entry))
            .any(|name| name == tool || tools::is_form_of(tool, name))
    };
    when.contains.as_deref().is_none_or(contains) && when.after.as_deref().is_none_or(after)
}

/// The steps of a turn without the faults that have struck often enough. A fault ends the answer, so nothing behind one
/// that strikes is looked at.
fn standing(index: usize, turn: &Turn, strikes: &mut Strikes<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for (at, step) in turn.steps.iter().enumerate() {
        match step.fault() {
            None => steps.push(step.clone()),
            Some(fault) if fault.times.is_none_or(|times| strikes(index, at, times)) => {
                steps.push(step.clone());
                break;
            }
            Some(_) => {}
        }
    }
    steps
}

fn play(step: Step, ask: &Ask, place: usize, at: usize) -> Play {
    match step {
        Step::Text(text) => Play::Text(text),
        Step::Stall { ms } => Play::Stall(Duration::from_millis(ms)),
        Step::HangUp { .. } => Play::HangUp,
        Step::Garbage { text, .. } => Play::Garbage(text),
        Step::Error {
            status,
            message,
            body,
            retry_after,
            ..
        } => Play::Error {
            status,
            message,
            body,
            retry_after,
        },
        Step::ToolCall(call) => match tools::resolve(&call, &ask.tools, ask.working_directory()) {
            Ok(call) => Play::Call {
                id: id_at("call", place, at),
                call,
            },
            Err(why) => Play::Text(why),
        },
    }
}

impl Answer {
    /// What keeps a whole answer from being one: the first fault among its plays.
    pub(crate) fn fault(&self) -> Option<&Play> {
        self.plays
            .iter()
            .find(|play| matches!(play, Play::Error { .. } | Play::HangUp | Play::Garbage(_)))
    }

    /// The silence in it.
    pub(crate) fn silence(&self) -> Duration {
        self.plays
            .iter()
            .map(|play| {
                if let Play::Stall(time) = play {
                    *time
                } else {
                    Duration::ZERO
                }
            })
            .sum()
    }

    /// Its texts, joined.
    pub(crate) fn text(&self) -> String {
        let texts = self.plays.iter().filter_map(|play| {
            if let Play::Text(text) = play {
                Some(text.as_str())
            } else {
                None
            }
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Its calls, with their ids.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&str, &Call)> {
        self.plays.iter().filter_map(|play| {
            if let Play::Call { id, call } = play {
                Some((id.as_str(), call))
            } else {
                None
            }
        })
    }

    /// Tokens, as far as a script has any: words of text, and words of arguments.
    pub(crate) fn tokens(&self) -> usize {
        let words = |text: &str| text.split_whitespace().count();
        let calls: usize = self
            .calls()
            .map(|(_, call)| 1 + words(&call.arguments_text()))
            .sum();
        (words(&self.text()) + calls).max(1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::script::{Fault, When};

    fn said() -> Entry {
        Entry::Said { id: None }
    }
    fn input(text: &str) -> Entry {
        Entry::Input(text.into())
    }
    fn ask(entries: Vec<Entry>) -> Ask {
        Ask {
            entries,
            ..Ask::default()
        }
    }
    fn texts(script: &Script, entries: Vec<Entry>) -> String {
        answer(script, &ask(entries), &mut |_, _, _| true).text()
    }
    fn three() -> Script {
        Script::new(
            "t",
            ["one", "two", "three"].map(|text| vec![Step::text(text)]),
        )
    }

    #[test]
    fn the_transcript_is_the_position() {
        let script = three();
        assert_eq!(texts(&script, vec![input("a")]), "one");
        assert_eq!(
            texts(
                &script,
                vec![input("a"), said(), input("b"), said(), input("c")]
            ),
            "three"
        );
        let over = vec![
            input("a"),
            said(),
            input("b"),
            said(),
            input("c"),
            said(),
            input("d"),
        ];
        assert!(texts(&script, over).contains("script \"t\" is over"));
    }

    #[test]
    fn an_event_turn_takes_no_place_in_the_sequence() {
        let mut script = three();
        let when = When {
            contains: Some("help".into()),
            ..When::default()
        };
        script.turns.insert(
            0,
            Turn {
                when,
                steps: vec![Step::text("helped")],
            },
        );
        assert_eq!(texts(&script, vec![input("help")]), "helped");
        assert_eq!(
            texts(&script, vec![input("help"), said(), input("go")]),
            "one"
        );
        assert_eq!(
            texts(
                &script,
                vec![input("go"), said(), input("help me"), said(), input("go")]
            ),
            "two"
        );
    }

    #[test]
    fn a_turn_after_a_tool_knows_the_clients_name_for_it() {
        let mut script = three();
        let when = When {
            after: Some("shell".into()),
            ..When::default()
        };
        script.turns.push(Turn {
            when,
            steps: vec![Step::text("ran")],
        });
        let call = Entry::Called {
            id: Some("x".into()),
            name: "exec_command".into(),
        };
        let result = Entry::Result {
            id: Some("x".into()),
            name: None,
            text: String::new(),
        };
        assert_eq!(texts(&script, vec![input("a"), call, result]), "ran");
    }

    #[test]
    fn a_conversation_sees_only_its_own_turns() {
        let mut script = three();
        script.turns[0].when.conversation = Some("card 1".into());
        assert_eq!(texts(&script, vec![input("do card 1")]), "one");
        assert_eq!(texts(&script, vec![input("do card 2")]), "two");
    }

    #[test]
    fn a_limited_fault_gives_way_to_the_rest_of_its_turn() {
        let fault = Fault { times: Some(1) };
        let script = Script::new(
            "f",
            [
                vec![Step::HangUp { fault }],
                vec![Step::HangUp { fault }, Step::text("well")],
            ],
        );
        let entries = || vec![input("a")];
        assert_eq!(
            answer(&script, &ask(entries()), &mut |_, _, _| true).plays,
            [Play::HangUp]
        );
        let mut first_is_over = |turn, _, _| turn > 0;
        assert_eq!(
            answer(&script, &ask(entries()), &mut first_is_over).plays,
            [Play::HangUp]
        );
        assert_eq!(
            answer(&script, &ask(entries()), &mut |_, _, _| false).text(),
            "well"
        );
    }

    #[test]
    fn a_call_that_no_tool_can_serve_is_said_instead() {
        let script = Script::new("t", [vec![Step::call("shell", json!({"command": "ls"}))]]);
        assert!(texts(&script, vec![input("a")]).contains("offers no tool"));
    }
}
