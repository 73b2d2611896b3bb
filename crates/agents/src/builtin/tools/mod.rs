//! The tools of the built-in agent. All work below the workspace; the real wall is the sandbox.

mod files;
mod place;
mod shell;

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::transcript::Call;
use crate::event::bounded;
use place::Place;

/// What a tool may tell the model at once: about 8,000 tokens.
const OUTPUT_BYTES_MAX: usize = 32 * 1024;

/// A tool as the model is told of it.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) parameters: Value,
}

/// A call as a person is told of it.
pub(super) struct View {
    pub(super) title: String,
    pub(super) kind: &'static str,
    pub(super) paths: Vec<String>,
}

#[derive(Deserialize)]
struct Shell {
    command: String,
    timeout_seconds: Option<u64>,
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

/// All tools, in the words of JSON Schema.
pub(super) fn definitions() -> Vec<Definition> {
    let tool = |name, description, properties: Value, required: Value| Definition {
        name,
        description,
        parameters: json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        }),
    };
    let path = json!({"type": "string", "description": "relative to the workspace"});
    vec![
        tool(
            "shell",
            "Run a command with `sh -c` in the root of the workspace. Gives its exit code and its output (long output is cut in the middle). No input, no network.",
            json!({
                "command": {"type": "string"},
                "timeout_seconds": {"type": "integer", "description": "120 unless told, at most 900"},
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
            json!({"path": {"type": "string", "description": "relative to the workspace; the workspace itself unless told"}}),
            json!([]),
        ),
    ]
}

/// The tools over one workspace.
pub(super) struct Tools(Place);

impl Tools {
    pub(super) fn new(workspace: &Path) -> Result<Self, String> {
        let place = Place::new(workspace)
            .map_err(|error| format!("the workspace cannot be opened: {error}"))?;
        Ok(Self(place))
    }

    /// What a call is about, in words.
    #[expect(clippy::unused_self, reason = "reads as a question to the tools")]
    pub(super) fn view(&self, call: &Call) -> View {
        let text = |field: &str| {
            call.arguments
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (verb, kind) = match call.name.as_str() {
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
            other => {
                return View {
                    title: bounded(other, 100).to_owned(),
                    kind: "other",
                    paths: Vec::new(),
                };
            }
        };
        let path = bounded(text("path"), 1024);
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

    /// Runs a call. Both results are texts for the model.
    pub(super) async fn run(&self, call: &Call) -> Result<String, String> {
        match call.name.as_str() {
            "shell" => {
                let Shell {
                    command,
                    timeout_seconds,
                } = arguments(call)?;
                shell::run(self.0.root(), &command, timeout_seconds).await
            }
            "read_file" => {
                let ReadFile {
                    path,
                    first_line,
                    lines,
                } = arguments(call)?;
                files::read(&self.0.find(&path)?, first_line, lines)
            }
            "write_file" => {
                let WriteFile { path, content } = arguments(call)?;
                files::write(&self.0.find(&path)?, &content)
            }
            "edit_file" => {
                let EditFile { path, old, new } = arguments(call)?;
                files::edit(&self.0.find(&path)?, &old, &new)
            }
            "list_files" => {
                let ListFiles { path } = arguments(call)?;
                files::list(&self.0.find(&path)?)
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

fn arguments<T: DeserializeOwned>(call: &Call) -> Result<T, String> {
    serde_json::from_value(call.arguments.clone())
        .map_err(|error| format!("the arguments of `{}` do not fit: {error}", call.name))
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
        let call = |name: &str, arguments| Call {
            id: "c".into(),
            name: name.into(),
            arguments,
        };
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
            let error = tools.run(&call(name, given)).await.unwrap_err();
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
