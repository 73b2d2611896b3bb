//! From a neutral tool call to the tool that the client really offered.
//!
//! Clients differ in the tool's name, in the names of its arguments, in whether paths are absolute, and in what they
//! have at all: Codex 0.169 offers `exec_command` and nothing for files, opencode 1.18 `bash`, `read`, `write`, `edit`
//! with `filePath`, Claude Code `Bash`, `Read`, `Write`, `Edit` with `file_path`, Gemini `run_shell_command`,
//! `write_file`, `replace`. The argument names are taken from the schema that the client sends, so a renamed argument
//! fails loudly here and not silently there. Where only a shell is offered, files are written through it.

use serde_json::{Map, Value, json};

use crate::ask::{Form, Offered};
use crate::script::ToolCall;

/// A call in the client's own words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) form: Form,
    /// An object for a function, a string for a custom tool, a list of words for a local shell.
    pub(crate) arguments: Value,
}

impl Call {
    /// The arguments as the text that streams.
    pub(crate) fn arguments_text(&self) -> String {
        match &self.arguments {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// The arguments as an object, for protocols that know nothing else.
    pub(crate) fn arguments_object(&self) -> Value {
        if self.arguments.is_object() {
            self.arguments.clone()
        } else {
            json!({ "input": self.arguments })
        }
    }
}

/// One neutral tool: the names under which clients offer it, and its arguments under the names they use.
struct Neutral {
    name: &'static str,
    offered_as: &'static [&'static str],
    arguments: &'static [Argument],
}

struct Argument {
    name: &'static str,
    aliases: &'static [&'static str],
    optional: bool,
}

const COMMAND: Argument = Argument {
    name: "command",
    aliases: &["command", "cmd"],
    optional: false,
};
const PATH: Argument = Argument {
    name: "path",
    aliases: &["path", "file_path", "filePath", "absolute_path", "dir_path"],
    optional: false,
};
const DIRECTORY: Argument = Argument {
    name: "path",
    aliases: PATH.aliases,
    optional: true,
};
const CONTENT: Argument = Argument {
    name: "content",
    aliases: &["content", "contents", "text"],
    optional: false,
};
const OLD: Argument = Argument {
    name: "old",
    aliases: &["old", "old_string", "oldString"],
    optional: false,
};
const NEW: Argument = Argument {
    name: "new",
    aliases: &["new", "new_string", "newString"],
    optional: false,
};

const SHELLS: &[&str] = &[
    "shell",
    "exec_command",
    "shell_command",
    "bash",
    "Bash",
    "run_shell_command",
    "local_shell",
];

const NEUTRAL: [Neutral; 5] = [
    Neutral {
        name: "shell",
        offered_as: SHELLS,
        arguments: &[COMMAND],
    },
    Neutral {
        name: "read_file",
        offered_as: &["read_file", "read", "Read"],
        arguments: &[PATH],
    },
    Neutral {
        name: "write_file",
        offered_as: &["write_file", "write", "Write"],
        arguments: &[PATH, CONTENT],
    },
    Neutral {
        name: "edit_file",
        offered_as: &["edit_file", "edit", "Edit", "replace"],
        arguments: &[PATH, OLD, NEW],
    },
    Neutral {
        name: "list_files",
        offered_as: &["list_files", "list_directory", "LS"],
        arguments: &[DIRECTORY],
    },
];

/// Said where a tool insists on an argument of which a script has no notion.
const FILLER: &str = "scripted";

/// Whether `offered` is a client's name for the neutral tool `neutral`.
pub(crate) fn is_form_of(neutral: &str, offered: &str) -> bool {
    NEUTRAL
        .iter()
        .any(|tool| tool.name == neutral && tool.offered_as.contains(&offered))
}

/// The call in the client's words, or else what the model says instead of it.
pub(crate) fn resolve(
    call: &ToolCall,
    offered: &[Offered],
    cwd: Option<&str>,
) -> Result<Call, String> {
    let neutral = NEUTRAL
        .iter()
        .find(|tool| !call.exact && tool.name == call.name);
    let Some(neutral) = neutral else {
        return Ok(exact(call, offered));
    };
    let find = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| offered.iter().find(|tool| tool.name == *name))
    };
    if let Some(call) =
        find(neutral.offered_as).and_then(|tool| fit(tool, neutral, &call.arguments, cwd))
    {
        return Ok(call);
    }
    let command = through_shell(neutral.name, &call.arguments);
    let shell = command.and_then(|command| {
        fit(
            find(SHELLS)?,
            &NEUTRAL[0],
            &json!({ "command": command }),
            cwd,
        )
    });
    shell.ok_or_else(|| {
        let names: Vec<_> = offered.iter().map(|tool| tool.name.as_str()).collect();
        format!("This is a scripted model. Its script calls `{}`, but the client offers no tool for it (offered: {names:?}).", call.name)
    })
}

fn exact(call: &ToolCall, offered: &[Offered]) -> Call {
    let form = offered
        .iter()
        .find(|tool| tool.name == call.name)
        .map_or(Form::Function, |tool| tool.form);
    let arguments = if call.arguments.is_null() {
        json!({})
    } else {
        call.arguments.clone()
    };
    Call {
        name: call.name.clone(),
        form,
        arguments,
    }
}

/// The arguments under the names of the offered tool's schema; `None` where it has no place for one of them.
fn fit(tool: &Offered, neutral: &Neutral, given: &Value, cwd: Option<&str>) -> Option<Call> {
    let call = |arguments| Call {
        name: tool.name.clone(),
        form: tool.form,
        arguments,
    };
    match tool.form {
        Form::LocalShell => return Some(call(shell_words(given.get("command")?.as_str()?))),
        Form::Custom => return None,
        Form::Function => {}
    }
    let properties = tool.schema.get("properties");
    let mut arguments = Map::new();
    for argument in neutral.arguments {
        let Some(value) = given.get(argument.name) else {
            if argument.optional {
                continue;
            } else {
                return None;
            }
        };
        let (name, schema) = place_for(argument, properties)?;
        arguments.insert(name.to_owned(), shape(argument, value, schema, cwd));
    }
    for name in tool
        .schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let schema = properties
            .and_then(|properties| properties.get(name))
            .unwrap_or(&Value::Null);
        arguments
            .entry(name)
            .or_insert_with(|| filler(name, schema, cwd));
    }
    Some(call(Value::Object(arguments)))
}

/// The property of a schema that means an argument. A client without a schema gets the neutral name.
fn place_for<'a>(
    argument: &Argument,
    properties: Option<&'a Value>,
) -> Option<(&'static str, &'a Value)> {
    let Some(properties) = properties else {
        return Some((argument.name, &Value::Null));
    };
    argument
        .aliases
        .iter()
        .find_map(|alias| Some((*alias, properties.get(*alias)?)))
}

/// A value as the schema wants it: a command line as a list, a path as an absolute one.
fn shape(argument: &Argument, value: &Value, schema: &Value, cwd: Option<&str>) -> Value {
    let Some(text) = value.as_str() else {
        return value.clone();
    };
    if argument.name == COMMAND.name && type_of(schema) == Some("array") {
        return shell_words(text);
    }
    match cwd {
        // Every client that takes relative paths takes absolute ones too, except ours, whose argument is called `path`.
        Some(cwd)
            if argument.name == PATH.name && !text.starts_with('/') && wants_absolute(schema) =>
        {
            json!(format!("{}/{text}", cwd.trim_end_matches('/')))
        }
        _ => value.clone(),
    }
}

fn wants_absolute(schema: &Value) -> bool {
    schema
        .get("description")
        .and_then(Value::as_str)
        .is_some_and(|text| text.contains("absolute"))
}

fn type_of(schema: &Value) -> Option<&str> {
    schema.get("type").and_then(Value::as_str)
}

fn filler(name: &str, schema: &Value, cwd: Option<&str>) -> Value {
    match type_of(schema) {
        Some("boolean") => json!(false),
        Some("number" | "integer") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ if PATH.aliases.contains(&name) => json!(cwd.unwrap_or(".")),
        _ => json!(FILLER),
    }
}

fn shell_words(command: &str) -> Value {
    json!(["bash", "-c", command])
}

/// A file tool as a command line, for clients that offer only a shell. Values are single-quoted, never spliced.
fn through_shell(neutral: &str, given: &Value) -> Option<String> {
    let argument = |name: &str| given.get(name).and_then(Value::as_str);
    let quoted = |name: &str| argument(name).map(quote);
    match neutral {
        "read_file" => Some(format!("cat -- {}", quoted("path")?)),
        "list_files" => Some(format!(
            "ls -A -- {}",
            quoted("path").unwrap_or_else(|| quote("."))
        )),
        "write_file" => {
            let directory = argument("path")?
                .rsplit_once('/')
                .map(|(directory, _)| directory)
                .filter(|it| !it.is_empty());
            let make = directory
                .map(|it| format!("mkdir -p -- {} && ", quote(it)))
                .unwrap_or_default();
            Some(format!(
                "{make}printf %s {} > {}",
                quoted("content")?,
                quoted("path")?
            ))
        }
        "edit_file" => Some(format!(
            "perl -e {} -- {} {} {}",
            quote(EDIT),
            quoted("path")?,
            quoted("old")?,
            quoted("new")?
        )),
        _ => None,
    }
}

/// Replaces the first occurrence of a text in a file; fails, and leaves the file, where there is none.
const EDIT: &str = r#"my ($path, $old, $new) = @ARGV; local $/; open(my $in, "<", $path) or die "$path: $!\n"; my $text = <$in>; my $at = index($text, $old); die "text not found in $path\n" if $at < 0; substr($text, $at, length $old) = $new; open(my $out, ">", $path) or die "$path: $!\n"; print $out $text; close($out) or die "$path: $!\n";"#;

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, schema: Value) -> Offered {
        Offered {
            name: name.into(),
            form: Form::Function,
            schema,
        }
    }
    fn call(name: &str, arguments: Value) -> ToolCall {
        ToolCall {
            name: name.into(),
            arguments,
            exact: false,
        }
    }

    #[test]
    fn names_and_arguments_follow_the_clients_schema() {
        let codex = [tool(
            "exec_command",
            json!({"properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}),
        )];
        let found = resolve(&call("shell", json!({"command": "ls"})), &codex, None).unwrap();
        assert_eq!(
            (found.name.as_str(), found.arguments),
            ("exec_command", json!({"cmd": "ls"}))
        );

        let schema = json!({"properties": {"filePath": {"description": "The absolute path"}, "content": {}}});
        let write = call("write_file", json!({"path": "a/b", "content": "x"}));
        let found = resolve(&write, &[tool("write", schema)], Some("/w")).unwrap();
        assert_eq!(
            found.arguments,
            json!({"filePath": "/w/a/b", "content": "x"})
        );

        let schema = json!({"properties": {"command": {"type": "string"}, "description": {"type": "string"}}, "required": ["command", "description"]});
        let found = resolve(
            &call("shell", json!({"command": "ls"})),
            &[tool("Bash", schema)],
            None,
        )
        .unwrap();
        assert_eq!(
            found.arguments,
            json!({"command": "ls", "description": "scripted"})
        );

        let listed = [tool(
            "shell",
            json!({"properties": {"command": {"type": "array"}}}),
        )];
        let found = resolve(&call("shell", json!({"command": "ls"})), &listed, None).unwrap();
        assert_eq!(found.arguments, json!({"command": ["bash", "-c", "ls"]}));
    }

    #[test]
    fn files_go_through_the_shell_where_there_is_nothing_else() {
        let shell = [tool("exec_command", json!({"properties": {"cmd": {}}}))];
        let write = call(
            "write_file",
            json!({"path": "d/it's", "content": "a'b\n$(x)"}),
        );
        let found = resolve(&write, &shell, None).unwrap();
        assert_eq!(
            found.arguments["cmd"],
            "mkdir -p -- 'd' && printf %s 'a'\\''b\n$(x)' > 'd/it'\\''s'"
        );
    }

    #[test]
    fn an_exact_call_and_an_unknown_name_are_left_alone() {
        let mut exact = call("shell", json!({"x": 1}));
        exact.exact = true;
        assert_eq!(
            resolve(&exact, &[], None).unwrap().arguments,
            json!({"x": 1})
        );
        assert_eq!(
            resolve(&call("todowrite", json!({"y": 2})), &[], None)
                .unwrap()
                .name,
            "todowrite"
        );
    }

    #[test]
    fn a_tool_that_is_not_offered_is_named() {
        let said = resolve(
            &call("shell", json!({"command": "ls"})),
            &[tool("search", json!({}))],
            None,
        )
        .unwrap_err();
        assert!(
            said.contains("`shell`") && said.contains("search"),
            "{said}"
        );
    }
}
