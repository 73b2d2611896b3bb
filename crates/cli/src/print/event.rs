//! One event of a run as lines for people. What an agent said stands behind a bar, so that it
//! cannot look like a line of ours.

use freehold_wire::api::Event;
use serde_json::Value;

use super::{Paint, Printer, safe};

/// Fields that hold prose, in the order of preference.
const PROSE: [&str; 3] = ["text", "message", "detail"];

/// Whether it is a line of the protocol that is spoken with the agent: what it means stands in
/// the `agent.*` events beside it.
pub(crate) fn is_protocol(event: &Event) -> bool {
    let stream = event.payload.get("stream").and_then(Value::as_str);
    event.kind == "output" && stream == Some("protocol")
}

/// The event; never ends with a line's end.
pub(crate) fn event(event: &Event, printer: Printer) -> String {
    let time = event.ts.format("%H:%M:%S");
    let kind = printer.paint(colour(event), &format!("{:14}", safe::line(&event.kind)));
    let mut head = format!(
        "{:>6}  {time}  {kind}  {}",
        event.seq,
        facts(&event.payload)
    );
    head.truncate(head.trim_end().len());
    let said = prose(&event.payload);
    for line in said
        .lines()
        .chain(reached(&event.payload).iter().map(String::as_str))
    {
        head.push_str("\n        | ");
        head.push_str(line);
    }
    head
}

fn colour(event: &Event) -> Paint {
    let failed = event.payload.get("state").and_then(Value::as_str);
    match event.kind.as_str() {
        "run.failed" | "run.rejected" | "run.cancelled" | "run.lost" => Paint::Red,
        "run.waiting" | "run.away" => Paint::Yellow,
        "run.succeeded" => Paint::Green,
        "check.finished" | "step.finished" => match failed {
            Some("failed" | "timed_out") => Paint::Red,
            _ => Paint::Green,
        },
        "output" | "agent.thought" | "agent.usage" => Paint::Dim,
        _ => Paint::Bold,
    }
}

/// The short values, as `name=value`.
fn facts(payload: &Value) -> String {
    let Value::Object(fields) = payload else {
        return String::new();
    };
    let mut facts = Vec::new();
    for (name, value) in fields {
        let value = match value {
            Value::String(_) if PROSE.contains(&name.as_str()) => continue,
            Value::String(text) if name == "base64" => {
                facts.push(format!("({} bytes that are no text)", text.len() / 4 * 3));
                continue;
            }
            Value::Null | Value::Object(_) | Value::Array(_) => continue,
            Value::String(text) => safe::line(text),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        facts.push(format!("{}={value}", safe::line(name)));
    }
    facts.join(" ")
}

fn prose(payload: &Value) -> String {
    PROSE
        .iter()
        .filter_map(|name| payload.get(name)?.as_str())
        .map(safe::text)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Where a step went, a destination a line: its name was chosen inside.
fn reached(payload: &Value) -> Vec<String> {
    let entries = payload.get("entries").and_then(Value::as_array);
    let mut lines: Vec<String> = entries
        .into_iter()
        .flatten()
        .filter_map(destination)
        .collect();
    if let Some(beyond @ 1..) = payload.get("beyond").and_then(Value::as_u64) {
        lines.push(format!("and {beyond} more"));
    }
    lines
}

fn destination(entry: &Value) -> Option<String> {
    let word = |name: &str| entry.get(name).and_then(Value::as_str).map(safe::line);
    let count = |name: &str| entry.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (host, verdict) = (word("host")?, word("verdict")?);
    let why = word("why")
        .map(|why| format!(" ({why})"))
        .unwrap_or_default();
    Some(format!(
        "{verdict} {host}:{}{why}: {} connections, {} bytes up, {} down",
        count("port"),
        count("connections"),
        count("up"),
        count("down")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(kind: &str, payload: Value) -> String {
        let plain = Printer {
            json: false,
            colour: false,
            watched: false,
        };
        let ts = chrono::DateTime::UNIX_EPOCH;
        event(
            &Event {
                seq: 7,
                ts,
                kind: kind.into(),
                payload,
            },
            plain,
        )
    }

    #[test]
    fn what_an_agent_says_stands_behind_a_bar() {
        let hostile = "done\n     8  00:00:00  run.succeeded\x1b[2J\rx";
        insta::assert_snapshot!(shown("agent.message", json!({"text": hostile})), @"
        7  00:00:00  agent.message
           | done
           |      8  00:00:00  run.succeeded
           | x
        ");
        insta::assert_snapshot!(shown("run.failed\nx", json!({"reason": "a\nb", "epoch": 2})), @"     7  00:00:00  run.failed x    epoch=2 reason=a b");
    }

    #[test]
    fn bytes_that_are_no_text_are_only_counted() {
        insta::assert_snapshot!(shown("output", json!({"step": "agent", "stream": "stdout", "base64": "AAECAw=="})), @"     7  00:00:00  output          (6 bytes that are no text) step=agent stream=stdout");
    }

    #[test]
    fn where_a_step_went_is_told_by_host_and_verdict() {
        let entry = |host: &str, verdict: &str, why: Option<&str>| json!({"host": host, "port": 443, "verdict": verdict, "why": why, "connections": 2, "up": 10, "down": 20});
        let payload = json!({
            "step": "setup", "connections": 4, "refused": 2, "beyond": 1,
            "entries": [entry("a.example", "allowed", None), entry("b\n.example", "refused", Some("not on the list"))],
        });
        insta::assert_snapshot!(shown("egress", payload), @"
        7  00:00:00  egress          beyond=1 connections=4 refused=2 step=setup
           | allowed a.example:443: 2 connections, 10 bytes up, 20 down
           | refused b .example:443 (not on the list): 2 connections, 10 bytes up, 20 down
           | and 1 more
        ");
    }
}
