//! Model providers and their keys.

use std::fmt;

use chrono::{DateTime, Utc};
use freehold_model::ProviderId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// Asks for a model provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProvider {
    /// Unique in the tenant.
    pub name: String,
    /// `openai`, `anthropic` or `ollama`.
    pub kind: String,
    /// The endpoint.
    pub base_url: String,
    /// The key, or where the runner finds it.
    pub key: NewKey,
    /// The model to ask for unless an agent says otherwise.
    #[serde(default)]
    pub model: Option<String>,
}

/// A model provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provider {
    /// Its id.
    #[schema(value_type = schema::ProviderId)]
    pub id: ProviderId,
    /// Its name.
    pub name: String,
    /// `openai`, `anthropic` or `ollama`.
    pub kind: String,
    /// The endpoint.
    pub base_url: String,
    /// Where the key is: a name or a note that there is one, never the key.
    pub key: Key,
    /// The model to ask for.
    pub model: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A provider's key as it is given.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewKey {
    /// None is needed.
    None,
    /// In an environment variable of the runner.
    Env(String),
    /// In a file that the runner can read.
    File(String),
    /// The key itself. It is sealed to the tenant's runners before anything is stored, and is
    /// never shown again.
    Write(String),
    /// As it was: when a provider is changed.
    Keep,
}

/// [`NewKey`] as it is read.
#[derive(Deserialize)]
#[serde(remote = "NewKey", rename_all = "snake_case")]
enum Shape {
    None,
    Env(String),
    File(String),
    Write(String),
    Keep,
}

impl<'de> Deserialize<'de> for NewKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What does not fit is not repeated, as it would be: it may be a key in the wrong place.
        let value = serde_json::Value::deserialize(deserializer)?;
        Shape::deserialize(value).map_err(|_| {
            D::Error::custom(
                "a key is `\"none\"`, `\"keep\"`, `{\"env\": NAME}`, `{\"file\": PATH}` or `{\"write\": KEY}`",
            )
        })
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Write(_) => f.write_str("Write(…)"),
            Self::Keep => f.write_str("Keep"),
        }
    }
}

/// Where a provider's key is, as people are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// None is needed.
    None,
    /// In an environment variable of the runner.
    Env(String),
    /// In a file that the runner can read.
    File(String),
    /// Written down, and sealed to so many runners: only they can open it. A runner that was
    /// enrolled later cannot.
    Written(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_wrong_place_is_not_repeated() {
        for wrong in [
            r#""sk-secret""#,
            r#"{"sk-secret":"x"}"#,
            r#"{"write":["sk-secret"]}"#,
        ] {
            let error = serde_json::from_str::<NewKey>(wrong)
                .unwrap_err()
                .to_string();
            assert!(
                error.starts_with("a key is") && !error.contains("sk-secret"),
                "{error}"
            );
        }
        for key in [
            NewKey::None,
            NewKey::Keep,
            NewKey::Env("K".into()),
            NewKey::File("/k".into()),
            NewKey::Write("k".into()),
        ] {
            let text = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<NewKey>(&text).unwrap(), key);
        }
    }
}
