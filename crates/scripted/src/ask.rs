//! A request, whatever its protocol: what was said so far, and which tools the client offers.

use serde_json::Value;

/// One request to the model.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    /// The client wants the answer as a stream.
    pub(crate) stream: bool,
    /// The stream shall end with a count of tokens (Chat Completions only).
    pub(crate) stream_usage: bool,
    pub(crate) tools: Vec<Offered>,
    /// Instructions first, then the conversation, oldest first.
    pub(crate) entries: Vec<Entry>,
}

/// A tool that the client offers.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub(crate) name: String,
    pub(crate) form: Form,
    /// JSON schema of the arguments; null where the form has none.
    pub(crate) schema: Value,
}

/// How a tool is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With a JSON object.
    Function,
    /// With free text (Responses, `type: "custom"`).
    Custom,
    /// With a command line (Responses, `type: "local_shell"`).
    LocalShell,
}

/// One entry of a conversation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Instructions or a person's words.
    Input(String),
    /// The model's words; the id where the protocol keeps it.
    Said { id: Option<String> },
    /// The model called a tool.
    Called { id: Option<String>, name: String },
    /// What the tool answered; the tool's name where the protocol repeats it.
    Result {
        id: Option<String>,
        name: Option<String>,
        text: String,
    },
}

impl Entry {
    pub(crate) fn is_models(&self) -> bool {
        matches!(self, Self::Said { .. } | Self::Called { .. })
    }

    /// The id that the scripted model gave to this entry of its own.
    fn own_id(&self) -> Option<&str> {
        match self {
            Self::Said { id } | Self::Called { id, .. } => id.as_deref(),
            Self::Input(_) | Self::Result { .. } => None,
        }
    }

    /// What came in with this entry.
    pub(crate) fn incoming(&self) -> Option<&str> {
        match self {
            Self::Input(text) | Self::Result { text, .. } => Some(text),
            Self::Said { .. } | Self::Called { .. } => None,
        }
    }
}

impl Ask {
    /// What came in before each answer of the model, oldest first, and at the end what came in since its last: one
    /// slice per answer that was given, plus the one that is asked for now.
    ///
    /// Entries of one answer are those side by side, and those whose id names the same place: Codex writes the result of
    /// a call between two calls of the same answer.
    pub(crate) fn inputs(&self) -> Vec<Vec<&Entry>> {
        let mut inputs: Vec<Vec<&Entry>> = vec![Vec::new()];
        let mut last_was_models = false;
        let mut last_place = None;
        for entry in &self.entries {
            if !entry.is_models() {
                if let Some(current) = inputs.last_mut() {
                    current.push(entry);
                }
                last_was_models = false;
                continue;
            }
            let place = entry.own_id().and_then(place_of);
            let same_place = place.is_some() && place == last_place;
            if !last_was_models && !same_place {
                inputs.push(Vec::new());
            }
            last_place = place.or(if last_was_models { last_place } else { None });
            last_was_models = true;
        }
        inputs
    }

    /// The name of the tool whose result an entry is.
    pub(crate) fn tool_of<'a>(&'a self, entry: &'a Entry) -> Option<&'a str> {
        let Entry::Result { id, name, .. } = entry else {
            return None;
        };
        name.as_deref().or_else(|| {
            self.entries.iter().find_map(|other| match other {
                Entry::Called { id: called, name } if called.is_some() && called == id => {
                    Some(name.as_str())
                }
                _ => None,
            })
        })
    }

    /// Any entry contains this text.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.entries
            .iter()
            .filter_map(Entry::incoming)
            .any(|incoming| incoming.contains(text))
    }

    /// The client's working directory, where it tells the model: some tools take absolute paths only.
    pub(crate) fn working_directory(&self) -> Option<&str> {
        const MARKS: [(&str, &[char]); 3] = [
            ("<cwd>", &['<']),
            ("orking directory: ", &['\n', '<']),
            ("urrent directory: ", &['\n', '<']),
        ];
        let texts = || self.entries.iter().filter_map(Entry::incoming);
        MARKS.iter().find_map(|(mark, ends)| {
            texts().find_map(|text| {
                let rest = text.split_once(mark)?.1;
                let path = rest.split(*ends).next()?.trim();
                path.starts_with('/').then_some(path)
            })
        })
    }
}

/// The id of the `step`th step of the answer at `place` in a conversation. Anthropic allows letters, digits, `_` and `-`.
pub(crate) fn id_at(prefix: &str, place: usize, step: usize) -> String {
    format!("{prefix}_scripted_p{place}_s{step}")
}

/// The place that an id of ours names.
fn place_of(id: &str) -> Option<usize> {
    id.split_once("_scripted_p")?
        .1
        .split_once("_s")?
        .0
        .parse()
        .ok()
}

/// Text of a content field: a string, or a list of parts that carry text (or nested content) somewhere.
pub(crate) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .map(text_of)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("\n"),
        Value::Object(part) => ["text", "content", "output", "response"]
            .iter()
            .find_map(|key| part.get(*key))
            .map(text_of)
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// A string field.
pub(crate) fn string(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// The items of a list field; none where it is missing.
pub(crate) fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Entry {
        Entry::Said { id: None }
    }
    fn called(place: usize, step: usize) -> Entry {
        Entry::Called {
            id: Some(id_at("call", place, step)),
            name: "shell".into(),
        }
    }
    fn result() -> Entry {
        Entry::Result {
            id: None,
            name: None,
            text: "ok".into(),
        }
    }

    #[test]
    fn answers_are_counted_by_neighbourhood_and_by_place() {
        let input = || Entry::Input("go".into());
        let count = |entries| {
            Ask {
                entries,
                ..Ask::default()
            }
            .inputs()
            .len()
                - 1
        };
        assert_eq!(count(vec![input()]), 0);
        assert_eq!(
            count(vec![
                input(),
                said(),
                called(0, 1),
                called(0, 2),
                result(),
                result()
            ]),
            1
        );
        assert_eq!(
            count(vec![
                input(),
                called(0, 0),
                result(),
                called(0, 1),
                result(),
                called(1, 0),
                result()
            ]),
            2
        );
        assert_eq!(count(vec![input(), said(), input(), said(), input()]), 2);
    }

    #[test]
    fn finds_the_working_directory_that_agents_state() {
        let ask = |text: &str| Ask {
            entries: vec![Entry::Input(text.into())],
            ..Ask::default()
        };
        assert_eq!(
            ask("<environment_context>\n  <cwd>/w/a b</cwd>").working_directory(),
            Some("/w/a b")
        );
        assert_eq!(
            ask("<env>\n  Working directory: /w/x\n  Is git").working_directory(),
            Some("/w/x")
        );
        assert_eq!(ask("nothing").working_directory(), None);
    }
}
