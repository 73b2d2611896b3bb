//! The scripted model as a process, for the demonstration and for tests. It says what it is.

use std::path::Path;
use std::process::ExitCode;

use freehold_scripted::{Listen, Script, ScriptedModel};
use serde::Serialize;

use super::{address, process};
use crate::failure::Failure;
use crate::print::Printer;
use crate::words::ScriptedWords;

/// A script is text that a person wrote.
const SCRIPT_MAX: u64 = 8 * 1024 * 1024;

/// The one line that it prints when it serves.
#[derive(Serialize)]
struct Ready {
    url: String,
}

/// Plays until it is told to stop.
pub(crate) fn run(words: &ScriptedWords, printer: Printer) -> anyhow::Result<ExitCode> {
    let listen = address::loopback(&words.listen)?;
    let script = match (&words.script, words.demo) {
        (Some(path), _) => script(path)?,
        (None, true) => Script::demo()?,
        (None, false) => {
            return Err(Failure::usage(
                "the scripted model needs a script",
                "name a file with `--script FILE`, or play the demonstration with `--demo`",
            )
            .into());
        }
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut ends = process::Ends::listen()?;
            let model = ScriptedModel::start(script, Listen::Loopback(listen.port())).await?;
            let ready = Ready {
                url: model.url().to_owned(),
            };
            let line = serde_json::to_string(&ready)?;
            let _ = printer.stream(format!("{line}\n").as_bytes())?;
            printer.progress("This model follows a script and thinks nothing. Ctrl-C ends it.");
            ends.next().await;
            model.shutdown().await;
            Ok(ExitCode::SUCCESS)
        })
}

fn script(path: &Path) -> Result<Script, Failure> {
    let wrong = |why: String| {
        Failure::usage(
            format!("{} is not a script: {why}", path.display()),
            "write it in TOML or JSON, as the crate `freehold-scripted` says",
        )
    };
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if size.len() > SCRIPT_MAX {
        return Err(wrong(format!("it has more than {SCRIPT_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    match json {
        true => Script::from_json(&text),
        false => Script::from_toml(&text),
    }
    .map_err(|error| wrong(error.to_string()))
}
