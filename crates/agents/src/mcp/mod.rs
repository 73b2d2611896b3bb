//! File and shell tools over the Model Context Protocol, for agents that bring none.
//!
//! [`main`] is a server on standard input and output, run inside the sandbox as a program like any
//! other: whoever speaks to it could run the same commands itself, so it needs no credential and
//! opens no port. It speaks both eras of the protocol: the one with `initialize`, up to
//! [2025-11-25](https://modelcontextprotocol.io/specification/2025-11-25), and the stateless one of
//! [2026-07-28](https://modelcontextprotocol.io/specification/2026-07-28). A thin server of ours for
//! the reason of `docs/decisions/0001`: the common library is the largest unit of a build, for five
//! methods.

mod answered;
pub(crate) mod protocol;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, LocalSet};
use tokio::time::timeout;

use crate::tools::{Definition, Kind, Tools, definitions};
use answered::{Answered, Known};
use protocol::{Ask, Asked, ask, failed, result};

/// The variable that names the file with the servers, in the form that most clients read:
/// `{"mcpServers": {NAME: {"command", "args"}}}`.
pub const MCP_SERVERS: &str = "FREEHOLD_MCP_SERVERS";
/// A file of 8 MiB to write, and what JSON makes of it.
const LINE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Calls at once; the next one waits. A client that asks for more has lost its way.
const CALLS_MAX: usize = 16;
/// After the end of the input, for calls that still run. Clients wait some seconds for the end.
const GRACE: Duration = Duration::from_secs(2);
/// Answers that wait for a slow reader.
const ANSWERS: usize = 64;

/// Runs a server to the end of standard input, over the tools below the working directory.
///
/// `args`: `files`, `terminal` or `all`, and then perhaps `--allow NAME,NAME`: no other tool is
/// there. Exits with 2 when the arguments cannot be read.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let words: Option<Vec<String>> = args.map(|word| word.into_string().ok()).collect();
    let offer = match offer(&words.unwrap_or_default()) {
        Ok(offer) => offer,
        Err(why) => {
            complain(&why);
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = runtime.and_then(|runtime| {
        let tools = Tools::new(Path::new(".")).map_err(io::Error::other)?;
        LocalSet::new().block_on(&runtime, serve(offer, tools))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn complain(why: &str) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr(), "freehold's tools: {why}");
}

/// The tools that `words` ask for.
fn offer(words: &[String]) -> Result<Vec<Definition>, String> {
    let (kinds, rest): (&[Kind], _) = match words.split_first() {
        Some((word, rest)) if word == "files" => (&[Kind::Files], rest),
        Some((word, rest)) if word == "terminal" => (&[Kind::Terminal], rest),
        Some((word, rest)) if word == "all" => (&[Kind::Files, Kind::Terminal], rest),
        _ => return Err("say `files`, `terminal` or `all`".into()),
    };
    let mut offered: Vec<_> = definitions()
        .into_iter()
        .filter(|tool| kinds.contains(&tool.kind))
        .collect();
    match rest {
        [] => {}
        [option, names] if option == "--allow" => {
            let allowed: Vec<&str> = names.split(',').collect();
            if let Some(unknown) = allowed
                .iter()
                .find(|name| !offered.iter().any(|tool| tool.name == **name))
            {
                return Err(format!("there is no tool `{unknown}` to allow"));
            }
            offered.retain(|tool| allowed.contains(&tool.name));
        }
        _ => return Err("after it only `--allow NAME,NAME` may stand".into()),
    }
    Ok(offered)
}

async fn serve(offer: Vec<Definition>, tools: Tools) -> io::Result<()> {
    let (answers, told) = mpsc::channel(ANSWERS);
    let writing = tokio::task::spawn_local(write(told));
    let server = Rc::new(Server {
        offer,
        tools,
        calls: Semaphore::new(CALLS_MAX),
    });
    let mut running: HashMap<String, AbortHandle> = HashMap::new();
    let answered = Rc::new(RefCell::new(Answered::default()));
    let mut input = BufReader::new(tokio::io::stdin());
    while let Some(line) = next_line(&mut input).await? {
        running.retain(|_, call| !call.is_finished());
        let asked = match ask(&line) {
            Ok(asked) => asked,
            Err(answer) => {
                let _ = answers.send(answer).await;
                continue;
            }
        };
        match asked {
            Asked::Cancel(id) => {
                if let Some(call) = running.remove(&id.to_string()) {
                    call.abort();
                    answered.borrow_mut().forget(&id);
                }
            }
            Asked::Nothing => {}
            Asked::Answer(ask) => {
                let _ = answers.send(ask.answer(&server.offer)).await;
            }
            Asked::Call(ask) => {
                let id = ask.id.to_string();
                let known = answered.borrow_mut().begin(&ask);
                match known {
                    Known::No => {}
                    // Its answer is on its way.
                    Known::Runs => continue,
                    Known::Answer(answer) => {
                        let _ = answers.send(answer).await;
                        continue;
                    }
                }
                let (server, answers) = (Rc::clone(&server), answers.clone());
                let answered = Rc::clone(&answered);
                let call = tokio::task::spawn_local(async move {
                    let answer = server.call(&ask).await;
                    answered.borrow_mut().done(&ask, &answer);
                    let _ = answers.send(answer).await;
                });
                running.insert(id, call.abort_handle());
            }
        }
    }
    // A script that pipes its requests in still waits for answers; a client that is gone does not.
    drop(answers);
    let mut writing = writing;
    if timeout(GRACE, &mut writing).await.is_err() {
        running.into_values().for_each(|call| call.abort());
        timeout(GRACE, &mut writing).await.ok();
    }
    Ok(())
}

struct Server {
    offer: Vec<Definition>,
    tools: Tools,
    calls: Semaphore,
}

impl Server {
    async fn call(&self, ask: &Ask) -> Value {
        let name = ask.params.get("name").and_then(Value::as_str);
        let Some(tool) = self.offer.iter().find(|tool| Some(tool.name) == name) else {
            let known: Vec<&str> = self.offer.iter().map(|tool| tool.name).collect();
            let why = format!("there is no such tool here; there are {}", known.join(", "));
            return failed(&ask.id, protocol::INVALID_PARAMS, &why);
        };
        // It is never closed.
        let _permit = self.calls.acquire().await;
        let none = Value::Object(serde_json::Map::new());
        let given = ask.params.get("arguments").unwrap_or(&none);
        let ran = self.tools.run(tool.name, given).await;
        let is_error = ran.is_err();
        let (Ok(text) | Err(text)) = ran;
        let content = serde_json::json!([{"type": "text", "text": text}]);
        result(
            ask,
            serde_json::json!({"content": content, "isError": is_error}),
        )
    }
}

async fn write(mut told: mpsc::Receiver<Value>) -> io::Result<()> {
    let mut output = tokio::io::stdout();
    while let Some(answer) = told.recv().await {
        let mut line = answer.to_string();
        line.push('\n');
        output.write_all(line.as_bytes()).await?;
        output.flush().await?;
    }
    Ok(())
}

/// The next line that is not empty; `None` at the end.
async fn next_line(input: &mut BufReader<tokio::io::Stdin>) -> io::Result<Option<Vec<u8>>> {
    loop {
        let mut line = Vec::new();
        let read = (&mut *input)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .await?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') && read as u64 == LINE_BYTES_MAX {
            return Err(io::Error::other("a message is longer than 32 MiB"));
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Result<Vec<&'static str>, String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        offer(&words).map(|tools| tools.iter().map(|tool| tool.name).collect())
    }

    #[test]
    fn only_what_is_asked_for_and_allowed_is_offered() {
        assert_eq!(names(&["terminal"]).unwrap(), ["shell"]);
        assert!(!names(&["files"]).unwrap().contains(&"shell"));
        assert!(names(&["all"]).unwrap().contains(&"shell"));
        let allowed = names(&["files", "--allow", "read_file,list_files"]);
        assert_eq!(allowed.unwrap(), ["read_file", "list_files"]);
        for wrong in [
            &[][..],
            &["file"],
            &["files", "--allow"],
            &["files", "--allow", ""],
            &["files", "--allow", "shell"],
            &["files", "--allow", "read_file", "more"],
        ] {
            assert!(names(wrong).is_err(), "{wrong:?}");
        }
    }
}
