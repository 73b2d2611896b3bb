//! File and shell tools: of the built-in agent, and over the Model Context Protocol for agents that
//! bring none. All work below the workspace; the real wall is the sandbox.

mod files;
mod place;
mod shell;

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::event::bounded;
use place::Place;

/// What a tool may tell the model at once: about 8,000 tokens.
const OUTPUT_BYTES_MAX: usize = 32 * 1024;

/// What a tool works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Files below the workspace, and nothing else.
    Files,
    /// Commands; what they may do is up to the sandbox.
    Terminal,
}

/// A tool as the model is told of it.
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) parameters: Value,
    pub(crate) kind: Kind,
    /// Whether it leaves everything as it was.
    pub(crate) read_only: bool,
}

/// A call as a person is told of it.
pub(crate) struct View {
    pub(crate) title: String,
    pub(crate) kind: &'static str,
    pub(crate) paths: Vec<String>,
}

#[derive(Deserialize)]
struct Shell {
    command: String,
    timeout_seconds: Option<u64>,
    #[serde(default)]
    terminal: bool,
}

#[derive(Deserialize)]
struct ReadFile {
    path: String,
    #[serde(default)]
    first_line: usize,
    lines: Option<usize>,
}

#[derive(Deserialize)]
struct WriteFile {
    path: String,
    content: String,
}

#[derive(Deserialize)]
struct EditFile {
    path: String,
    old: String,
    new: String,
}

#[derive(Deserialize)]
struct ListFiles {
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
struct SearchFiles {
    text: String,
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
struct MoveFile {
    from: String,
    to: String,
}

#[derive(Deserialize)]
struct RemoveFile {
    path: String,
}

/// All tools, in the words of JSON Schema.
pub(crate) fn definitions() -> Vec<Definition> {
    let tool = |name, description, properties: Value, required: Value| Definition {
        name,
        description,
        parameters: json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        }),
        kind: if name == "shell" {
            Kind::Terminal
        } else {
            Kind::Files
        },
        read_only: matches!(name, "read_file" | "list_files" | "search_files"),
    };
    let path = json!({"type": "string", "description": "relative to the workspace"});
    let folder = json!({"type": "string", "description": "relative to the workspace; the workspace itself unless told"});
    vec![
        tool(
            "shell",
            "Run a command with `sh -c` in the root of the workspace. Gives its exit code and its output (long output is cut in the middle). No input, no network.",
            json!({
                "command": {"type": "string"},
                "timeout_seconds": {"type": "integer", "description": "120 unless told, at most 900"},
                "terminal": {"type": "boolean", "description": "true gives the command a terminal; both outputs are then one"},
            }),
            json!(["command"]),
        ),
        tool(
            "read_file",
            "Read a text file. Each line is shown behind its number and a tab, which are not part of it.",
            json!({
                "path": path,
                "first_line": {"type": "integer", "description": "1 unless told"},
                "lines": {"type": "integer", "description": "as many as fit unless told"},
            }),
            json!(["path"]),
        ),
        tool(
            "write_file",
            "Create a file or replace it whole; makes its folders.",
            json!({"path": path, "content": {"type": "string"}}),
            json!(["path", "content"]),
        ),
        tool(
            "edit_file",
            "Replace a piece of a file. `old` has to occur in it exactly once, blanks and newlines included.",
            json!({"path": path, "old": {"type": "string"}, "new": {"type": "string"}}),
            json!(["path", "old", "new"]),
        ),
        tool(
            "list_files",
            "List all files below a folder, without `.git`.",
            json!({"path": folder}),
            json!([]),
        ),
        tool(
            "search_files",
            "Show the lines of all text files below a folder that hold a text, taken as it is, with file and line number.",
            json!({"text": {"type": "string"}, "path": folder}),
            json!(["text"]),
        ),
        tool(
            "move_file",
            "Move or rename a file or folder; never onto something that is there. Makes the folders of the new place.",
            json!({"from": path, "to": path}),
            json!(["from", "to"]),
        ),
        tool(
            "remove_file",
            "Remove a file, a link or an empty folder.",
            json!({"path": path}),
            json!(["path"]),
        ),
    ]
}

/// The tools over one workspace.
pub(crate) struct Tools(Place);

impl Tools {
    pub(crate) fn new(workspace: &Path) -> Result<Self, String> {
        let place = Place::new(workspace)
            .map_err(|error| format!("the workspace cannot be opened: {error}"))?;
        Ok(Self(place))
    }

    /// What a call is about, in words.
    #[expect(clippy::unused_self, reason = "reads as a question to the tools")]
    pub(crate) fn view(&self, name: &str, arguments: &Value) -> View {
        let text = |field: &str| {
            arguments
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (verb, kind) = match name {
            "shell" => {
                return View {
                    title: bounded(text("command"), 300).to_owned(),
                    kind: "execute",
                    paths: Vec::new(),
                };
            }
            "read_file" => ("Read", "read"),
            "write_file" => ("Write", "edit"),
            "edit_file" => ("Edit", "edit"),
            "list_files" => ("List", "search"),
            "search_files" => ("Search", "search"),
            "move_file" => ("Move", "move"),
            "remove_file" => ("Remove", "delete"),
            other => {
                return View {
                    title: bounded(other, 100).to_owned(),
                    kind: "other",
                    paths: Vec::new(),
                };
            }
        };
        let field = if name == "move_file" { "from" } else { "path" };
        let path = bounded(text(field), 1024);
        let title = if path.is_empty() {
            format!("{verb} .")
        } else {
            format!("{verb} {path}")
        };
        View {
            title,
            kind,
            paths: vec![path.to_owned()],
        }
    }

    /// Runs a call. Both results are texts for the model. Dropping the future ends what it started.
    pub(crate) async fn run(&self, name: &str, given: &Value) -> Result<String, String> {
        match name {
            "shell" => {
                let call: Shell = arguments(name, given)?;
                shell::run(
                    self.0.root(),
                    &call.command,
                    call.timeout_seconds,
                    call.terminal,
                )
                .await
            }
            "read_file" => {
                let call: ReadFile = arguments(name, given)?;
                files::read(&self.0, &call.path, call.first_line, call.lines)
            }
            "write_file" => {
                let call: WriteFile = arguments(name, given)?;
                files::write(&self.0, &call.path, &call.content)
            }
            "edit_file" => {
                let call: EditFile = arguments(name, given)?;
                files::edit(&self.0, &call.path, &call.old, &call.new)
            }
            "list_files" => {
                let call: ListFiles = arguments(name, given)?;
                files::list(&self.0, &call.path)
            }
            "search_files" => {
                let call: SearchFiles = arguments(name, given)?;
                files::search(&self.0, &call.path, &call.text)
            }
            "move_file" => {
                let call: MoveFile = arguments(name, given)?;
                files::rename(&self.0, &call.from, &call.to)
            }
            "remove_file" => {
                let call: RemoveFile = arguments(name, given)?;
                files::remove(&self.0, &call.path)
            }
            other => {
                let known: Vec<&str> = definitions().iter().map(|tool| tool.name).collect();
                Err(format!(
                    "there is no tool `{}`; there are {}",
                    bounded(other, 100),
                    known.join(", ")
                ))
            }
        }
    }
}

fn arguments<T: DeserializeOwned>(name: &str, given: &Value) -> Result<T, String> {
    T::deserialize(given).map_err(|error| format!("the arguments of `{name}` do not fit: {error}"))
}

/// Cuts the middle out of what is too long: a command's beginning and end say most.
fn cut(bytes: &[u8]) -> String {
    if bytes.len() <= OUTPUT_BYTES_MAX {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let half = OUTPUT_BYTES_MAX / 2;
    let head = String::from_utf8_lossy(&bytes[..half]);
    let tail = String::from_utf8_lossy(&bytes[bytes.len() - half..]);
    format!(
        "{head}\n[… {} bytes left out …]\n{tail}",
        bytes.len() - 2 * half
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wrong_calls_are_told_to_the_model() {
        let dir = tempfile::tempdir().unwrap();
        let tools = Tools::new(dir.path()).unwrap();
        for (name, given, wanted) in [
            ("rm", json!({}), "there is no tool `rm`"),
            ("shell", json!({}), "missing field `command`"),
            ("shell", json!("{\"comm"), "do not fit"),
            (
                "read_file",
                json!({"path": "../x"}),
                "outside the workspace",
            ),
            ("read_file", json!({"path": "none"}), "No such file"),
            (
                "edit_file",
                json!({"path": "none", "old": "a", "new": "b"}),
                "No such file",
            ),
        ] {
            let error = tools.run(name, &given).await.unwrap_err();
            assert!(error.contains(wanted), "{name}: {error}");
        }
    }

    #[test]
    fn long_output_keeps_both_ends() {
        let text = format!("begin{}end", "x".repeat(100_000));
        let short = cut(text.as_bytes());
        assert!(short.starts_with("begin") && short.ends_with("end"));
        assert!(short.len() < OUTPUT_BYTES_MAX + 100);
    }
}
