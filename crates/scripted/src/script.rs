//! What a script says: turns, their conditions, and the steps of each.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the model will say, turn by turn. Written in TOML or JSON.
///
/// ```
/// let script = freehold_scripted::Script::from_toml(r#"
///     name = "greeting"
///     [[turns]]
///     steps = [
///       { text = "This is a script. I write the file." },
///       { tool_call = { name = "write_file", arguments = { path = "hello.txt", content = "hello\n" } } },
///     ]
///     [[turns]]
///     steps = [{ text = "Done, as the script says." }]
/// "#)?;
/// assert_eq!(script.turns.len(), 2);
/// # Ok::<(), freehold_scripted::ScriptError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What the script is called; the default closing text names it.
    pub name: String,
    /// Turns without an event condition are played in this order.
    pub turns: Vec<Turn>,
    /// What to say when the turns are used up. By default a sentence that says that the script is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<String>,
    /// Milliseconds between two pieces of a streamed text; 0 sends as fast as the client reads.
    #[serde(default)]
    pub pace_ms: u64,
}

/// One answer of the model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// When the turn applies; empty means "in its place".
    #[serde(default, skip_serializing_if = "When::is_empty")]
    pub when: When,
    /// Said in this order.
    pub steps: Vec<Step>,
}

/// Conditions on a request; all that are given must hold. Texts are compared case-sensitively.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The whole conversation, instructions included, contains this text. A turn whose conversation differs is not part
    /// of the script for that client: one server plays a different script per card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// What came in since the model last spoke contains this text. Such a turn is out of order: it is played whenever
    /// its condition holds, and takes no place in the sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Since the model last spoke, a result of this tool came in (neutral name, or the client's own). Out of order too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl When {
    /// No condition at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conversation.is_none() && !self.is_event()
    }

    /// The turn waits for something to come in, rather than for its place.
    pub(crate) fn is_event(&self) -> bool {
        self.contains.is_some() || self.after.is_some()
    }
}

/// One thing that the model does in a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Says this, streamed word by word.
    Text(String),
    /// Calls a tool of the client.
    ToolCall(ToolCall),
    /// Waits before the next step; the connection stays open and silent.
    Stall {
        /// Milliseconds.
        ms: u64,
    },
    /// Answers with an HTTP error; later than the first step of a stream, with the protocol's own error event.
    Error {
        /// HTTP status.
        status: u16,
        /// Said in the protocol's own error object, unless `body` is given.
        #[serde(default)]
        message: String,
        /// Sent as it is, instead of the protocol's error object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Value>,
        /// Value of the `retry-after` header, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
        /// How often the fault strikes.
        #[serde(flatten)]
        fault: Fault,
    },
    /// Drops the connection without a proper end.
    HangUp {
        /// How often the fault strikes.
        #[serde(flatten)]
        fault: Fault,
    },
    /// Sends these bytes as they are; as a first step they are the whole answer, with status 200.
    Garbage {
        /// What to send.
        text: String,
        /// How often the fault strikes.
        #[serde(flatten)]
        fault: Fault,
    },
}

/// How often a fault strikes the same request before the rest of the turn is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fault {
    /// `None`: every time, so a client that retries never gets past it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// A call of one of the client's tools.
///
/// Neutral forms, mapped to what the client offers: `shell {command}`, `read_file {path}`, `write_file {path, content}`,
/// `edit_file {path, old, new}`, `list_files {path?}`. Paths may be relative to the client's working directory. Any other
/// name is sent as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Neutral, or the client's own.
    pub name: String,
    /// An object.
    #[serde(default)]
    pub arguments: Value,
    /// Send name and arguments as they are, even where the name is one of the neutral ones.
    #[serde(default)]
    pub exact: bool,
}

/// A script that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Not TOML, or not a script.
    #[error(
        "the script cannot be read as TOML; compare it with the example in the documentation of `Script`"
    )]
    Toml(#[source] Box<toml::de::Error>),
    /// Not JSON, or not a script.
    #[error(
        "the script cannot be read as JSON; compare it with the example in the documentation of `Script`"
    )]
    Json(#[source] serde_json::Error),
}

impl Script {
    /// A script without conditions that plays `turns` in order.
    pub fn new(name: impl Into<String>, turns: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let turns = turns.into_iter().map(Turn::plain).collect();
        Self {
            name: name.into(),
            turns,
            closing: None,
            pace_ms: 0,
        }
    }

    /// Reads a script from TOML.
    ///
    /// # Errors
    /// The text is not TOML, or has a field that no script has.
    pub fn from_toml(text: &str) -> Result<Self, ScriptError> {
        toml::from_str(text).map_err(|error| ScriptError::Toml(Box::new(error)))
    }

    /// Reads a script from JSON.
    ///
    /// # Errors
    /// The text is not JSON, or has a field that no script has.
    pub fn from_json(text: &str) -> Result<Self, ScriptError> {
        serde_json::from_str(text).map_err(ScriptError::Json)
    }

    /// What is said when the turns are used up.
    pub(crate) fn closing_text(&self) -> String {
        self.closing.clone().unwrap_or_else(|| {
            format!("The script \"{}\" is over. This is a scripted model, not a real one: it has nothing more to say.", self.name)
        })
    }
}

impl Turn {
    /// A turn without a condition.
    #[must_use]
    pub fn plain(steps: Vec<Step>) -> Self {
        Self {
            when: When::default(),
            steps,
        }
    }
}

impl Step {
    /// Says `text`.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Calls a tool in its neutral form, or by a name of the client's own.
    pub fn call(name: impl Into<String>, arguments: Value) -> Self {
        Self::ToolCall(ToolCall {
            name: name.into(),
            arguments,
            exact: false,
        })
    }

    /// An HTTP error with the protocol's own body, every time.
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        Self::Error {
            status,
            message: message.into(),
            body: None,
            retry_after: None,
            fault: Fault::default(),
        }
    }

    /// How often this step strikes, when it is a fault that ends the answer.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Error { fault, .. } | Self::HangUp { fault } | Self::Garbage { fault, .. } => {
                Some(*fault)
            }
            Self::Text(_) | Self::ToolCall(_) | Self::Stall { .. } => None,
        }
    }
}
