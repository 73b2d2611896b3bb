//! A job in a virtual machine, step by step.

use std::io::{self, Write as _};
use std::time::Duration;

use freehold_sandbox::vm::{Done, Event};
use serde_json::{Value, json};

use super::Printer;
use super::safe;

/// Says a step: the command's own output where it belongs, the steps on standard error. For
/// programs each is a line of JSON on standard output.
pub(crate) fn event(printer: Printer, at: Duration, event: &Event) -> io::Result<()> {
    if printer.json {
        let mut out = io::stdout().lock();
        return writeln!(out, "{}", line(at, event));
    }
    match event {
        Event::Out(bytes) => {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        }
        Event::Err(bytes) => io::stderr().lock().write_all(bytes),
        _ => writeln!(io::stderr(), "{:7.2} s  {}", at.as_secs_f64(), words(event)),
    }
}

fn words(event: &Event) -> String {
    match event {
        Event::Provisioned => "provisioned: kernel, disk and inputs are ready; booting".to_owned(),
        Event::Started { held_by } => format!("running, in {}", safe::line(held_by)),
        Event::Out(_) | Event::Err(_) => String::new(),
        Event::Ended => "ended".to_owned(),
        Event::Output(output) => {
            let name = safe::line(&output.name);
            format!(
                "output {name}, {} bytes, sha256 {}",
                output.bytes, output.sha256
            )
        }
        Event::TornDown => "torn down: nothing of the machine is left".to_owned(),
    }
}

fn line(at: Duration, event: &Event) -> Value {
    let at = at.as_millis();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match event {
        Event::Provisioned => json!({ "at_ms": at, "event": "provisioned" }),
        Event::Started { held_by } => {
            json!({ "at_ms": at, "event": "started", "held_by": held_by })
        }
        Event::Out(bytes) => json!({ "at_ms": at, "event": "stdout", "text": text(bytes) }),
        Event::Err(bytes) => json!({ "at_ms": at, "event": "stderr", "text": text(bytes) }),
        Event::Ended => json!({ "at_ms": at, "event": "ended" }),
        Event::Output(output) => json!({
            "at_ms": at, "event": "output",
            "name": output.name, "bytes": output.bytes, "sha256": output.sha256,
        }),
        Event::TornDown => json!({ "at_ms": at, "event": "torn-down" }),
    }
}

/// How it ended: the last line for programs.
pub(crate) fn document(done: &Done) -> Value {
    let exit = done.exit;
    json!({
        "event": "done",
        "timed_out": exit.is_none(),
        "code": exit.and_then(|exit| exit.code),
        "signal": exit.and_then(|exit| exit.signal),
        "missing": done.missing,
        "console": done.console,
    })
}
