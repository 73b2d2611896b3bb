//! A project's devcontainer file, as far as it chooses an image and a setup.
//!
//! The format is that of <https://containers.dev/implementors/json_reference>. Read the bytes of the
//! target branch, never the agent's copy. What the file says is a proposal: the walls are ours, so
//! what would open them (`privileged`, `mounts`, `runArgs` and their like) is never honoured, and
//! `initializeCommand`, which other tools run on the host, is never run.

mod jsonc;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// Where the file lies in a repository, the first that is there.
pub const DEVCONTAINER_FILES: [&str; 2] = [".devcontainer/devcontainer.json", ".devcontainer.json"];

/// Real ones have some kilobytes.
const MAX_BYTES: usize = 256 * 1024;
/// One command or value; the kernel takes 128 KiB in one argument.
const MAX_TEXT: usize = 32 * 1024;
/// Commands of one kind, or variables.
const MAX_ITEMS: usize = 128;
/// Registry, path, tag and digest together.
const MAX_IMAGE: usize = 512;
/// Named in warnings; a file with more is not read for its warnings.
const MAX_WARNINGS: usize = 64;
/// What is shown of a key in a warning.
const MAX_KEY_SHOWN: usize = 64;

/// Commands that make a fresh work tree ready, in the order in which they are run.
const SETUP: [&str; 3] = [
    "onCreateCommand",
    "updateContentCommand",
    "postCreateCommand",
];
/// Keys that matter to an editor alone.
const OF_AN_EDITOR: [&str; 14] = [
    "$schema",
    "customizations",
    "extensions",
    "forwardPorts",
    "name",
    "otherPortsAttributes",
    "overrideCommand",
    "portsAttributes",
    "postAttachCommand",
    "settings",
    "shutdownAction",
    "updateRemoteUserUID",
    "userEnvProbe",
    "waitFor",
];
/// Keys that would open the walls, and why they are not honoured.
const NEVER: [(&str, &str); 11] = [
    ("appPort", "nothing inside is published"),
    ("capAdd", "nothing inside has a capability"),
    ("containerUser", "the user inside is always the same"),
    (
        "initializeCommand",
        "nothing of a repository runs on the host",
    ),
    ("init", "the first process inside is ours"),
    (
        "mounts",
        "what of the machine is seen inside is not up to a repository",
    ),
    ("privileged", "nothing inside is privileged"),
    ("remoteUser", "the user inside is always the same"),
    ("runArgs", "the walls are not up to a repository"),
    ("securityOpt", "the walls are not up to a repository"),
    ("workspaceMount", "the workspace is always mounted"),
];
/// Keys that choose what cannot be had yet.
const NOT_YET: [&str; 10] = [
    "build",
    "dockerComposeFile",
    "dockerFile",
    "features",
    "hostRequirements",
    "overrideFeatureInstallOrder",
    "postStartCommand",
    "runServices",
    "secrets",
    "service",
];
/// An engine's socket, and the feature that brings it in.
const ENGINE: [&str; 4] = [
    "docker.sock",
    "podman.sock",
    "containerd.sock",
    "docker-outside-of-docker",
];
/// Ends of names that steer where an agent's requests or keys go: not up to a repository.
const STEERING: [&str; 7] = [
    "_API_BASE",
    "_API_KEY",
    "_AUTH_TOKEN",
    "_BASE_URL",
    "_ENDPOINT",
    "_PROXY",
    "_TOKEN",
];

/// What a devcontainer file proposes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devcontainer {
    /// The image to start from, `registry/name:tag`; `None` where the file builds one or names none.
    pub image: Option<String>,
    /// Commands for `sh -c` in the root of the work tree, one after the other.
    pub setup: Vec<String>,
    /// Variables of everything inside. Those that the runner sets itself go before them.
    pub container_env: BTreeMap<String, String>,
    /// Variables of setup, checks and agents, on top of those.
    pub remote_env: BTreeMap<String, String>,
    /// Where the file's commands expect the work tree; an absolute path without `..`.
    pub workspace_folder: Option<String>,
    /// For people: each names a key that is not honoured, and why.
    pub warnings: Vec<String>,
}

/// Why a devcontainer file is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DevcontainerError {
    /// It is larger than any real one.
    #[error(
        "the devcontainer file has {size} bytes; at most {MAX_BYTES} are read: move what is not for the container elsewhere"
    )]
    TooLarge {
        /// Its size.
        size: usize,
    },
    /// It is not JSON with comments.
    #[error(
        "the devcontainer file is not JSON with comments: {what}; mend it on the target branch"
    )]
    Syntax {
        /// What the parser says, with line and column.
        what: String,
    },
    /// A key that counts has a value that cannot be.
    #[error("in the devcontainer file, {key}: {what}; mend it on the target branch")]
    Value {
        /// The key.
        key: String,
        /// The rule that it breaks.
        what: &'static str,
    },
}

/// Reads a devcontainer file. Pure: no file, variable or network is looked at.
///
/// # Errors
/// [`DevcontainerError`] when it is too large, not JSON with comments, says a key twice, or when a
/// key that counts has a value of another type. What is not supported is a warning, not an error.
pub fn read(bytes: &[u8]) -> Result<Devcontainer, DevcontainerError> {
    if bytes.len() > MAX_BYTES {
        return Err(DevcontainerError::TooLarge { size: bytes.len() });
    }
    let syntax = |what: String| DevcontainerError::Syntax { what };
    let text = std::str::from_utf8(bytes).map_err(|error| syntax(error.to_string()))?;
    let text = jsonc::plain(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut parser = serde_json::Deserializer::from_str(&text);
    let said = parser
        .deserialize_map(Once)
        .and_then(|said| parser.end().map(|()| said))
        .map_err(|error| syntax(error.to_string()))?;
    let mut found = Devcontainer::default();
    for (key, value) in &said {
        found.take(key, value)?;
    }
    for key in SETUP {
        if let Some(value) = said.get(key) {
            found.setup.extend(commands(key, value)?);
        }
    }
    Ok(found)
}

impl Devcontainer {
    /// All commands of setup as one for `sh -c`: each in a shell of its own, none after one that
    /// failed. `None` where there are none.
    #[must_use]
    pub fn setup_command(&self) -> Option<String> {
        match &self.setup[..] {
            [] => None,
            [one] => Some(one.clone()),
            all => {
                let shells = all.iter().map(|line| format!("sh -c {}", quoted(line)));
                Some(shells.collect::<Vec<_>>().join(" &&\n"))
            }
        }
    }

    fn take(&mut self, key: &str, value: &Value) -> Result<(), DevcontainerError> {
        match key {
            "image" => self.image = self.literal(key, value, image)?,
            "workspaceFolder" => {
                self.workspace_folder = self.literal(key, value, workspace_folder)?;
            }
            "containerEnv" => self.container_env = self.variables(key, value)?,
            "remoteEnv" => self.remote_env = self.variables(key, value)?,
            key if SETUP.contains(&key) || OF_AN_EDITOR.contains(&key) => {}
            key => self.not_honoured(key, value),
        }
        Ok(())
    }

    fn not_honoured(&mut self, key: &str, value: &Value) {
        if matches!(value, Value::Null | Value::Bool(false)) {
            return;
        }
        if speaks_of_engine(value) {
            self.warn(format!(
                "`{}` asks for a container engine's socket: whoever has that has the machine, and none is ever inside",
                shown(key)
            ));
        }
        let never = NEVER.iter().find(|(name, _)| *name == key);
        self.warn(match never {
            Some((name, why)) => format!("`{name}` is never honoured: {why}"),
            None if NOT_YET.contains(&key) => {
                format!("`{key}` is not supported: name an `image` that has what it brings")
            }
            None => format!("`{}` is not known", shown(key)),
        });
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// A string that means itself; one with variables of the host in it is left out.
    fn literal(
        &mut self,
        key: &str,
        value: &Value,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> Result<Option<String>, DevcontainerError> {
        let text = text(key, value)?;
        if text.contains("${") {
            self.warn(format!(
                "`{key}` is left out: variables in it are not supported"
            ));
            return Ok(None);
        }
        check(text).map_err(|what| bad(key, what))?;
        Ok(Some(text.to_owned()))
    }

    fn variables(
        &mut self,
        key: &str,
        value: &Value,
    ) -> Result<BTreeMap<String, String>, DevcontainerError> {
        let all = value
            .as_object()
            .ok_or_else(|| bad(key, "must be an object"))?;
        if all.len() > MAX_ITEMS {
            return Err(bad(key, "has more than 128 variables"));
        }
        let mut taken = BTreeMap::new();
        for (name, value) in all {
            let full = format!("{key}.{}", shown(name));
            if !is_name(name) {
                return Err(bad(&full, "is no name of a variable"));
            }
            if value.is_null() {
                self.warn(format!("`{full}` is left out: a variable cannot be unset"));
                continue;
            }
            let upper = name.to_ascii_uppercase();
            if STEERING.iter().any(|end| upper.ends_with(end)) {
                self.warn(format!(
                    "`{full}` is left out: where requests and keys go is not up to a repository"
                ));
                continue;
            }
            if let Some(value) = self.literal(&full, value, |_| Ok(()))? {
                taken.insert(name.clone(), value);
            }
        }
        Ok(taken)
    }
}

/// Whether an engine's socket, or what brings it in, is named anywhere in a value.
fn speaks_of_engine(value: &Value) -> bool {
    let named = |text: &str| ENGINE.iter().any(|word| text.contains(word));
    match value {
        Value::String(text) => named(text),
        Value::Array(all) => all.iter().any(speaks_of_engine),
        Value::Object(all) => all
            .iter()
            .any(|(key, value)| named(key) || speaks_of_engine(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A string without NUL and of a bearable size.
fn text<'a>(key: &str, value: &'a Value) -> Result<&'a str, DevcontainerError> {
    let text = value.as_str().ok_or_else(|| bad(key, "must be a string"))?;
    if text.len() > MAX_TEXT {
        return Err(bad(key, "is longer than 32 KiB"));
    }
    if text.contains('\0') {
        return Err(bad(key, "holds a NUL character"));
    }
    Ok(text)
}

/// A command is a line for the shell, a list of words, or an object of such. Other tools run those of
/// an object at the same time; here they run in the order of their names.
fn commands(key: &str, value: &Value) -> Result<Vec<String>, DevcontainerError> {
    let one = |value: &Value| match value {
        Value::Array(words) => {
            let words = words.iter().map(|word| text(key, word).map(quoted));
            let line = words.collect::<Result<Vec<_>, _>>()?.join(" ");
            if line.len() > MAX_TEXT {
                return Err(bad(key, "is longer than 32 KiB"));
            }
            Ok(line)
        }
        line => text(key, line).map(|line| line.trim().to_owned()),
    };
    let lines = match value {
        Value::Object(named) if named.len() > MAX_ITEMS => {
            return Err(bad(key, "has more than 128 commands"));
        }
        Value::Object(named) => named.values().map(one).collect::<Result<Vec<_>, _>>()?,
        Value::Null => Vec::new(),
        line => vec![one(line)?],
    };
    Ok(lines.into_iter().filter(|line| !line.is_empty()).collect())
}

/// A word as `sh` reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn image(name: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if name.len() > MAX_IMAGE || !starts || !name.chars().all(plain) || name.contains("..") {
        return Err("is no name of an image");
    }
    Ok(())
}

fn workspace_folder(path: &str) -> Result<(), &'static str> {
    let plain = path.split('/').all(|part| part != ".." && part != ".");
    if !path.starts_with('/') || !plain {
        return Err("must be an absolute path without `..`");
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.len() <= MAX_IMAGE
        && name.chars().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A key of the file, for a message: short, and without what a terminal would obey.
fn shown(key: &str) -> String {
    let short = key.chars().take(MAX_KEY_SHOWN);
    short
        .map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .collect()
}

fn bad(key: &str, what: &'static str) -> DevcontainerError {
    DevcontainerError::Value {
        key: key.to_owned(),
        what,
    }
}

/// The file's keys, each of them once: of two, tools would take different ones.
struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = BTreeMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut said = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            let key_shown = shown(&key);
            if said.insert(key, value).is_some() {
                return Err(serde::de::Error::custom(format!(
                    "`{key_shown}` is said twice"
                )));
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests;
